//! `kuzet rules test`.

use super::super::{Failure, output, replay::REPLAY_KEY};
use super::of_folders;
use crate::config::Config;
use crate::trial::Bench;
use clap::Args;
use kuzet_personal::Key;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(in super::super) struct Options {
    /// Folders or files of rules [default: the folders of the configuration]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `kuzet.rules-test/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    rules: usize,
    hits: usize,
    misses: usize,
    faults: Vec<String>,
}

pub(super) fn test(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let paths = if options.paths.is_empty() { &config.rules.folders } else { &options.paths };
    let loaded = of_folders(config, paths)?;
    let mut report = Report { schema: "kuzet.rules-test/1", rules: 0, hits: 0, misses: 0, faults: Vec::new() };
    report.faults.extend(loaded.faults.iter().map(ToString::to_string));
    let mut bench = Bench::new(loaded.book.clone(), None, Key::new(REPLAY_KEY));
    for (file, rules) in bench.files() {
        report.rules += rules.len();
        let tried = bench.run(Path::new(&file), &rules);
        report.hits += tried.hits;
        report.misses += tried.misses;
        report
            .faults
            .extend(tried.faults.iter().map(|one| format!("{}:{}: {}", one.file.display(), one.line, one.what)));
    }
    let good = report.faults.is_empty() && report.rules > 0;
    if options.json {
        output::json(&report)?;
    } else {
        report.faults.iter().for_each(|fault| output::line(fault));
        output::line(&format!(
            "{} rules, {} records that must hit, {} that must not: {} faults",
            report.rules,
            report.hits,
            report.misses,
            report.faults.len()
        ));
        if report.rules == 0 {
            output::line(
                "nothing was tested: name a folder of rules (those that ship stand in rules/sigma of the source)",
            );
        }
    }
    Ok(ExitCode::from(u8::from(!good)))
}
