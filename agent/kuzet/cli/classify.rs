//! `kuzet classify`: which kinds of personal data files hold, and how many people's; never a value. The worker opens them.

use super::Failure;
use super::inspected::{Found, Missed, Scan, canaries, outcome};
use super::output;
use crate::clock;
use crate::inspect::{extension, open, shown};
use crate::worker::{Answer, Given, Settings, Verdict, Worker};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kuzet_incident::thousands;
use serde::Serialize;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Options {
    /// Files of any kind; docs/inspect.md lists what is opened
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON document a file (docs/schema/classify-2.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.classify/2` (docs/schema/classify-2.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
    bytes: u64,
    format: &'static str,
    verdict: &'static str,
    missed: Vec<Missed>,
    personal: bool,
    people: usize,
    people_at_least: bool,
    /// By which identifier they are counted.
    people_by: &'static str,
    /// Different reserved numbers of this host; not among the people.
    canaries: u32,
    kinds: Vec<Found>,
    documents: Vec<Scan>,
    encrypted: bool,
    macros: bool,
    error: Option<String>,
}

pub(super) fn classify(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let mut settings = Settings::new([0; 32]);
    settings.canaries = canaries(config, &settings.key);
    let mut worker = Worker::new(settings, Arc::new(clock::System));
    let bar = if options.json || !std::io::stderr().is_terminal() || options.files.len() < 2 {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(options.files.len() as u64)
    };
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} files {wide_bar} {eta}") {
        bar.set_style(style);
    }
    let (mut found, mut failed) = (false, false);
    for path in &options.files {
        let report = match look(path, &mut worker)? {
            Ok(answer) => {
                found |= answer.found();
                failed |= matches!(answer.verdict, Verdict::Unreadable(_));
                report(path, answer)
            }
            Err(error) => {
                failed = true;
                unread(path, &error)
            }
        };
        bar.suspend(|| {
            if options.json {
                return output::json(&report);
            }
            print(&report);
            Ok(())
        })?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome(found, failed))
}

/// One file; the outer error ends the command.
fn look(path: &Path, worker: &mut Worker) -> Result<std::io::Result<Answer>, Failure> {
    let opened = match open(path) {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let extension = extension(path);
    let file = opened.file.as_fd();
    let given = Given { file, size: opened.size(), extension: &extension, digest: false, known: None };
    let answers = worker.inspect(&[given]).map_err(anyhow::Error::from)?;
    Ok(answers.into_iter().next().ok_or_else(|| std::io::Error::other("no answer")))
}

fn report(path: &Path, answer: Answer) -> Report {
    Report {
        schema: "kuzet.classify/2",
        path: shown(path),
        bytes: answer.bytes,
        format: answer.format,
        verdict: answer.verdict.name(),
        personal: answer.found(),
        people: answer.people.hashes.len(),
        people_at_least: answer.people.at_least,
        people_by: answer.people.by,
        canaries: answer.canaries,
        kinds: Found::of(&answer.kinds),
        missed: Missed::of(&answer.missed),
        documents: answer.documents.into_iter().map(Scan::from).collect(),
        encrypted: answer.encrypted,
        macros: answer.macros,
        error: None,
    }
}

fn unread(path: &Path, error: &std::io::Error) -> Report {
    let mut report = report(path, Answer::unopened());
    report.error = Some(error.to_string());
    report
}

fn print(report: &Report) {
    if let Some(error) = &report.error {
        output::line(&format!("{}: not read: {error}", report.path));
        return;
    }
    let verdict = match (report.personal, report.verdict) {
        (true, _) => "personal data",
        (false, "not_inspected" | "unreadable") => "not inspected, so not clean",
        (false, "partly") => "no personal data in what was inspected",
        (false, _) => "no personal data found",
    };
    let format = if report.format.is_empty() { "unknown" } else { report.format };
    output::line(&format!("{}: {verdict} ({format}, {} bytes)", report.path, thousands(report.bytes)));
    if report.people > 0 {
        let least = if report.people_at_least { "at least " } else { "" };
        let people = if report.people == 1 { "person" } else { "people" };
        output::line(&format!("  {least}{} {people}, by {}", thousands(report.people as u64), report.people_by));
    }
    if report.canaries > 0 {
        output::line(&format!(
            "  {} canaries of this host: who holds this file took it from where nobody has work to do",
            report.canaries
        ));
    }
    for (it, words) in
        [(report.encrypted, "encrypted: nobody can tell what it carries"), (report.macros, "holds macros")]
    {
        if it {
            output::line(&format!("  {words}"));
        }
    }
    for scan in &report.documents {
        output::wrapped("  ", &scan.words());
    }
    Found::table(&report.kinds).iter().for_each(|line| output::line(line));
    for missed in &report.missed {
        output::line(&format!("  not inspected: {}{}", missed.words(), missed.times()));
    }
}
