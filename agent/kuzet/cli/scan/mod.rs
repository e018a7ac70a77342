//! `kuzet scan`: what personal data lies in the files below a folder, by folder and kind; counts, never values.

mod report;
mod summary;

use super::Failure;
use super::inspected::{canaries, outcome};
use super::output;
use crate::clock::{self, Clock};
use crate::inspect::{Looked, Met, Pressure, Walk, inspect, shown};
use crate::worker::Settings;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use summary::Summary;

#[derive(Args)]
pub(super) struct Options {
    /// Folders and files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON document (docs/schema/scan-1.json)
    #[arg(long)]
    json: bool,
    /// Tell folders apart down to this many below PATH
    #[arg(long, default_value_t = 2, value_name = "LEVELS")]
    depth: usize,
    /// Walk file systems that are mounted below PATH as well
    #[arg(long)]
    cross: bool,
    /// Workers; one leaves the other processors to what this host is for
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Pause while the host waits for processors, disks or memory
    #[arg(long)]
    polite: bool,
}

pub(super) fn scan(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let mut settings = Settings::new([0; 32]);
    settings.canaries = canaries(config, &settings.key);
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    // Before anything is looked at: a name that is wrong is told at once.
    let walks = walks(options)?;
    let bar = progress(options);
    let mut pressure = options.polite.then(|| Pressure::new(Arc::clone(&clock)));
    let mut pause = || {
        let Some(pressure) = &mut pressure else { return };
        if let Some(what) = pressure.high() {
            bar.set_message(format!("waits for {what}"));
            pressure.wait(|| false);
            bar.set_message("");
        }
    };
    let mut summary = Summary::new(&options.paths, options.depth);
    let mut files = 0u64;
    let mut take = |looked: Looked| {
        if let Looked::Answered(entry, _) = &looked {
            files += 1;
            bar.inc(entry.size());
            bar.set_prefix(kuzet_incident::thousands(files));
        }
        summary.add(looked);
    };
    let jobs = usize::from(options.jobs);
    inspect(walks.into_iter().flatten(), &settings, false, jobs, &clock, &mut pause, &mut take)
        .map_err(anyhow::Error::from)?;
    bar.finish_and_clear();
    summary.settle();
    let code = outcome(summary.found(), summary.failed());
    let report = report::Report::new(&options.paths, summary);
    if options.json {
        output::json(&report)?;
    } else {
        report::print(&report);
    }
    Ok(code)
}

fn walks(options: &Options) -> Result<Vec<Walk>, Failure> {
    let walk = |path: &PathBuf| {
        Walk::new(path, options.cross).map_err(|error| anyhow::anyhow!("{}: {error}", shown(path)).into())
    };
    apart(options).map(walk).collect()
}

/// What is to be walked, without what a walk comes through anyway: nothing is counted twice.
fn apart(options: &Options) -> impl Iterator<Item = &PathBuf> {
    let at = |path: &PathBuf| Some((path.canonicalize().ok()?, std::fs::metadata(path).ok()?.dev()));
    let all: Vec<_> = options.paths.iter().map(at).collect();
    let covered = move |index: usize| {
        let Some((path, device)) = &all[index] else { return false };
        all.iter().enumerate().any(|(other, at)| {
            let within = |(above, on): &(PathBuf, u64)| {
                let first = path != above || other < index;
                first && path.starts_with(above) && (options.cross || on == device)
            };
            other != index && at.as_ref().is_some_and(within)
        })
    };
    options.paths.iter().enumerate().filter(move |(index, _)| !covered(*index)).map(|(_, path)| path)
}

/// A bar for whoever waits; what there is to do is counted first.
fn progress(options: &Options) -> ProgressBar {
    if options.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let sizes = walks(options).into_iter().flatten().flatten().map(|met| match met {
        Met::File(entry) => (1, entry.size()),
        Met::Aside(..) | Met::Entered(..) | Met::Left(..) => (0, 0),
    });
    let (files, bytes) = sizes.fold((0u64, 0u64), |(files, bytes), (one, size)| (files + one, bytes + size));
    let bar = ProgressBar::new(bytes);
    let template = format!(
        "{{prefix}} of {} files, {{bytes}} of {{total_bytes}} {{wide_bar}} {{eta}} {{msg}}",
        kuzet_incident::thousands(files)
    );
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
