//! `kuzet status`: how the agent on this host is doing, from what it recorded.

use super::Failure;
use super::output;
use crate::config::{Config, SourceConfig};
use crate::examine::Declared;
use crate::learning::Learning;
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
    configuration: Configuration,
    incidents: Incidents,
    sources: Vec<Source>,
    /// What suppressions silenced and declared jobs explained.
    declared: Vec<Declared>,
    /// How far baselines are learnt.
    baselines: Learning,
    gaps: Vec<Gap>,
    outbox: Vec<Channel>,
}

#[derive(Serialize)]
struct Configuration {
    /// Since when the one in force is.
    since: Option<String>,
    /// The latest one that was refused after it.
    refused: Option<Refused>,
}

#[derive(Serialize)]
struct Refused {
    at: String,
    faults: serde_json::Value,
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

pub(super) fn status(path: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let state = super::state(path)?;
    let reader = Reader::open(&state).context("no status: has the agent run with this configuration?")?;
    let config = Config::load(path).map(|(config, _)| config).ok();
    let report = report(&reader, &state, config.as_ref()).context("no status")?;
    if json {
        output::json(&report)?;
    } else {
        print(&report, config.iter().flat_map(|config| &config.sources));
    }
    Ok(ExitCode::SUCCESS)
}

fn report(reader: &Reader, state: &Path, config: Option<&Config>) -> anyhow::Result<Report> {
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
    let standing = reader.configuration()?;
    let refused = |one: crate::store::Configuration| Refused {
        at: one.at.to_string(),
        faults: serde_json::from_str::<serde_json::Value>(&one.json)
            .map(|mut it| it["faults"].take())
            .unwrap_or_default(),
    };
    Ok(Report {
        schema: "kuzet.status/1",
        configuration: Configuration {
            since: standing.loaded.map(|one| one.at.to_string()),
            refused: standing.refused.map(refused),
        },
        running: crate::store::in_use(state),
        incidents: Incidents {
            open: count(State::Open),
            acknowledged: count(State::Acknowledged),
            closed: count(State::Closed),
        },
        sources: sources.collect(),
        declared: Declared::of(reader)?,
        baselines: Learning::of(reader, config)?,
        gaps: reader.gaps()?.into_iter().rev().take(20).map(gap).collect(),
        outbox: outbox.collect(),
    })
}

fn print<'a>(report: &Report, sources: impl Iterator<Item = &'a SourceConfig>) {
    output::line(&format!("agent      {}", if report.running { "running" } else { "not running" }));
    let Configuration { since, refused } = &report.configuration;
    output::line(&format!("in force   the configuration loaded {}", since.as_deref().unwrap_or("never")));
    if let Some(refused) = refused {
        output::line(&format!("refused    a newer configuration, {}:", refused.at));
        for fault in refused.faults.as_array().into_iter().flatten() {
            let text = |key: &str| fault[key].as_str().unwrap_or_default();
            let place =
                if text("file").is_empty() { String::new() } else { format!("{}:{}: ", text("file"), fault["line"]) };
            output::line(&format!("           [{}] {place}{}", text("code"), text("message")));
        }
    }
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
    for source in sources {
        if let Some(stream) = &source.stream {
            output::line(&format!("stream     {} {}", source.name, stream.describe()));
        }
    }
    for source in &report.sources {
        if let Some(problem) = &source.problem {
            output::line(&format!("problem    {}: {problem}", source.name));
        }
    }
    for one in &report.declared {
        output::line(&format!("declared   {}", one.line()));
    }
    for line in report.baselines.lines() {
        output::line(&format!("baselines  {line}"));
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
