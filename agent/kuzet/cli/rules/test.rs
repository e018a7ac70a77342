//! `kuzet rules test`.

use super::super::{Failure, output, replay::REPLAY_KEY};
use super::of_folders;
use crate::config::Config;
use crate::trial::{Bench, Fault};
use clap::Args;
use kuzet_detect::Diagnostic;
use kuzet_personal::Key;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(in super::super) struct Options {
    /// Folders or files of rules [default: the folders of the configuration]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON (schemas: docs/schema)
    #[arg(long)]
    json: bool,
}

/// `kuzet.rules-test/1` (docs/schema/rules-test-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    ok: bool,
    rules: usize,
    hits: usize,
    misses: usize,
    faults: Vec<Diagnostic>,
}

pub(super) fn test(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let paths = if options.paths.is_empty() { &config.rules.folders } else { &options.paths };
    let loaded = of_folders(config, paths)?;
    let faults = loaded.faults.clone();
    let mut report = Report { schema: "kuzet.rules-test/1", ok: false, rules: 0, hits: 0, misses: 0, faults };
    let mut bench = Bench::new(loaded.book.clone(), None, Key::new(REPLAY_KEY));
    for (file, rules) in bench.files() {
        report.rules += rules.len();
        let tried = bench.run(Path::new(&file), &rules);
        report.hits += tried.hits;
        report.misses += tried.misses;
        report.faults.extend(tried.faults.into_iter().map(told));
    }
    report.ok = report.faults.is_empty() && report.rules > 0;
    if options.json {
        output::json(&report)?;
    } else {
        report.faults.iter().for_each(|fault| output::line(&fault.to_string()));
        let Report { rules, hits, misses, .. } = report;
        let faults = report.faults.len();
        output::line(&format!("{rules} rules, {hits} records that must hit, {misses} that must not: {faults} faults"));
        if rules == 0 && faults == 0 {
            output::line(
                "nothing was tested: name a folder of rules (those that ship stand in rules/sigma of the source)",
            );
        }
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

/// A fault of a test as every other fault is told.
fn told(fault: Fault) -> Diagnostic {
    let help = "mend the rule or its record; kuzet rules explain NAME --event FILE says why a record hits or not";
    let (file, message) = (fault.file.display().to_string(), fault.what);
    Diagnostic {
        code: "KZ390".to_owned(),
        file,
        line: fault.line,
        column: 0,
        message,
        help: help.to_owned(),
        warning: false,
    }
}
