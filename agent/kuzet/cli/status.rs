//! `kuzet status`: how the agent on this host is doing, from what it recorded.

use super::Failure;
use super::output;
use crate::config::Config;
use crate::store::{Filter, Reader};
use anyhow::Context;
use kuzet_event::Count;
use kuzet_incident::{State, thousands};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// `kuzet.status/1` (docs/schema/status-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    running: bool,
    incidents: Incidents,
    sources: Vec<Source>,
    gaps: Vec<Gap>,
    outbox: Vec<Channel>,
}

#[derive(Serialize)]
struct Incidents {
    open: usize,
    acknowledged: usize,
    closed: usize,
}

#[derive(Serialize)]
struct Source {
    name: String,
    seen: u64,
    handled: u64,
    suppressed: u64,
    lost: u64,
    last_event: Option<String>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Gap {
    source: String,
    reason: String,
    bytes: Count,
    at: String,
}

#[derive(Serialize)]
struct Channel {
    name: String,
    pending: u64,
    dead: u64,
    oldest: Option<String>,
}

pub(super) fn status(config: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    let reader = Reader::open(&config.state).context("no status: has the agent run with this configuration?")?;
    let report = report(&reader, &config.state).context("no status")?;
    if json {
        output::json(&report)?;
    } else {
        print(&report, &config);
    }
    Ok(ExitCode::SUCCESS)
}

fn report(reader: &Reader, state: &Path) -> anyhow::Result<Report> {
    let all = reader.incidents(&Filter::default())?;
    let count = |state| all.iter().filter(|incident| incident.lifecycle.state == state).count();
    let mut problems = reader.problems()?;
    let sources = reader.tallies()?.into_iter().map(|tally| Source {
        problem: problems.remove(&tally.source),
        name: tally.source,
        seen: tally.seen,
        handled: tally.handled,
        suppressed: tally.suppressed,
        lost: tally.lost,
        last_event: tally.last_event.map(|at| at.to_string()),
    });
    let gap = |gap: crate::store::GapRow| Gap {
        source: gap.source,
        reason: gap.reason,
        bytes: gap.bytes,
        at: gap.at.to_string(),
    };
    let outbox = reader.backlog()?.into_iter().map(|backlog| Channel {
        name: backlog.channel,
        pending: backlog.pending,
        dead: backlog.dead,
        oldest: backlog.oldest.map(|at| at.to_string()),
    });
    Ok(Report {
        schema: "kuzet.status/1",
        running: crate::store::in_use(state),
        incidents: Incidents {
            open: count(State::Open),
            acknowledged: count(State::Acknowledged),
            closed: count(State::Closed),
        },
        sources: sources.collect(),
        gaps: reader.gaps()?.into_iter().rev().take(20).map(gap).collect(),
        outbox: outbox.collect(),
    })
}

fn print(report: &Report, config: &Config) {
    output::line(&format!("agent      {}", if report.running { "running" } else { "not running" }));
    let Incidents { open, acknowledged, closed } = report.incidents;
    output::line(&format!("incidents  {open} open, {acknowledged} acknowledged, {closed} closed"));
    let rows: Vec<Vec<String>> = report
        .sources
        .iter()
        .map(|source| {
            let last = source.last_event.clone().unwrap_or_else(|| "never".to_owned());
            let numbers = [source.seen, source.handled, source.suppressed, source.lost].map(thousands);
            [source.name.clone()].into_iter().chain(numbers).chain([last]).collect()
        })
        .collect();
    for line in output::table(&["source", "seen", "handled", "of no interest", "lost", "last event"], &rows) {
        output::line(&line);
    }
    for source in &config.sources {
        if let Some(stream) = &source.stream {
            output::line(&format!("stream     {} {}", source.name, stream.describe()));
        }
    }
    for source in &report.sources {
        if let Some(problem) = &source.problem {
            output::line(&format!("problem    {}: {problem}", source.name));
        }
    }
    for gap in &report.gaps {
        output::line(&format!("gap        {} {}: {} bytes ({})", gap.at, gap.source, gap.bytes, gap.reason));
    }
    for channel in &report.outbox {
        let oldest = channel.oldest.as_ref().map(|at| format!(", oldest of {at}")).unwrap_or_default();
        output::line(&format!(
            "channel    {}: {} waiting, {} given up{oldest}",
            channel.name, channel.pending, channel.dead
        ));
    }
}
