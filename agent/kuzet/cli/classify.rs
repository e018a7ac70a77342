//! `kuzet classify`: which kinds of personal data files hold, and how many people's; never a value.

use super::Failure;
use super::output;
use crate::config::Config;
use crate::state;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kuzet_detect::{RESERVED, reserved_iin};
use kuzet_incident::thousands;
use kuzet_personal::{Classifier, Encoding, Finding, Key, Kind, Scanner, Summary, decode, detect};
use serde::Serialize;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes decoded at a time where the encoding is not UTF-8; even, so that UTF-16 is not cut inside a unit.
const PART: usize = 256 << 10;

/// Distinct people counted one by one in a file; beyond it the number is "at least".
const MOST_PEOPLE: usize = 1_000_000;

#[derive(Args)]
pub(super) struct Options {
    /// Files of text in UTF-8, UTF-16LE, Windows-1251, KZ-1048, PT154, KOI8-R or CP866
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON document a file (docs/schema/classify-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.classify/1` (docs/schema/classify-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
    bytes: u64,
    encoding: &'static str,
    personal: bool,
    distinct_iins: u64,
    distinct_iins_capped: bool,
    /// Different reserved numbers of this host; not among the people.
    canaries: usize,
    kinds: Vec<Found>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Found {
    kind: &'static str,
    category: Option<&'static str>,
    certain: u64,
    strong: u64,
    likely: u64,
    weak: u64,
}

pub(super) fn classify(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let canaries = canaries(config);
    let classifier = Classifier::new();
    let mut failed = false;
    for path in &options.files {
        let report = read(path, &classifier, &canaries, !options.json).unwrap_or_else(|error| {
            failed = true;
            let mut report = report(path, 0, &Summary::new(Encoding::Utf8), 0);
            report.error = Some(error.to_string());
            report
        });
        if options.json {
            output::json(&report)?;
        } else {
            print(&report);
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// Hashes of the numbers that this host reserves, under the key of this command; none where no agent has run.
fn canaries(config: Option<&Path>) -> HashSet<u128> {
    let state = Config::load(config).map(|(config, _)| config.state).ok();
    let host = state.and_then(|state| state::key_if_any(&state).ok()).flatten();
    let key = Key::new([0; 32]);
    let hash = |host: &Key, number| key.pseudonym("iin", reserved_iin(host, number).as_bytes());
    host.iter().flat_map(|host| (0..RESERVED).map(move |number| hash(host, number))).collect()
}

/// Streams one file through the classifier.
fn read(path: &Path, classifier: &Classifier, canaries: &HashSet<u128>, progress: bool) -> io::Result<Report> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
    }
    let bar =
        if progress && io::stderr().is_terminal() { ProgressBar::new(metadata.len()) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bytes} of {total_bytes} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    let mut part = vec![0; PART];
    let mut filled = fill(&mut file, &mut part)?;
    let encoding = detect(&part[..filled]);
    let mut summary = Summary::new(encoding);
    // The hashes live as long as this function: any key will do.
    let key = Key::new([0; 32]);
    let mut people = HashSet::new();
    let mut nobody = HashSet::new();
    let mut seen = |_: u64, found: &[Finding], text: &[u8]| {
        for finding in found {
            summary.add(finding);
            let hash = (finding.kind == Kind::Iin).then(|| finding.pseudonym(text, &key));
            if let Some(hash) = hash.filter(|hash| canaries.contains(hash)) {
                nobody.insert(hash);
            } else if finding.kind == Kind::Iin && people.len() < MOST_PEOPLE {
                people.insert(finding.pseudonym(text, &key));
            }
        }
    };
    let mut scanner = Scanner::new(classifier);
    let mut bytes = 0;
    while filled > 0 {
        bytes += filled as u64;
        match encoding {
            Encoding::Utf8 => scanner.push(&part[..filled], &mut seen),
            other => scanner.push(decode(&part[..filled], other).as_bytes(), &mut seen),
        }
        bar.set_position(bytes);
        filled = fill(&mut file, &mut part)?;
    }
    scanner.finish(&mut seen);
    bar.finish_and_clear();
    let mut report = report(path, bytes, &summary, people.len());
    report.canaries = nobody.len();
    Ok(report)
}

/// Reads until `part` is full or the file ends.
fn fill(file: &mut File, part: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < part.len() {
        match file.read(&mut part[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn report(path: &Path, bytes: u64, summary: &Summary, people: usize) -> Report {
    let kinds = summary.iter().map(|(kind, count)| Found {
        kind: kind.name(),
        category: kind.category().map(kuzet_personal::Category::code),
        certain: count.certain,
        strong: count.strong,
        likely: count.likely,
        weak: count.weak,
    });
    Report {
        schema: "kuzet.classify/1",
        path: kuzet_personal::mask_identifiers(&path.display().to_string()).into_owned(),
        bytes,
        encoding: summary.encoding.name(),
        personal: summary.personal(),
        distinct_iins: people as u64,
        distinct_iins_capped: people >= MOST_PEOPLE,
        canaries: 0,
        kinds: kinds.collect(),
        error: None,
    }
}

fn print(report: &Report) {
    if let Some(error) = &report.error {
        output::line(&format!("{}: not read: {error}", report.path));
        return;
    }
    let people = if report.distinct_iins_capped { "at least " } else { "" };
    let verdict = if report.personal { "personal data" } else { "no personal data found" };
    output::line(&format!("{}: {verdict} ({}, {} bytes)", report.path, report.encoding, thousands(report.bytes)));
    if report.distinct_iins > 0 {
        output::line(&format!("  {people}{} distinct IINs", thousands(report.distinct_iins)));
    }
    if report.canaries > 0 {
        output::line(&format!(
            "  {} canaries of this host: who holds this file took it from where nobody has work to do",
            report.canaries
        ));
    }
    let rows: Vec<Vec<String>> = report
        .kinds
        .iter()
        .map(|found| {
            let numbers = [found.certain, found.strong, found.likely, found.weak].map(thousands);
            let category = found.category.unwrap_or("not personal").to_owned();
            [format!("  {}", found.kind), category].into_iter().chain(numbers).collect()
        })
        .collect();
    if !rows.is_empty() {
        for line in output::table(&["  kind", "category", "certain", "strong", "likely", "weak"], &rows) {
            output::line(&line);
        }
    }
}
