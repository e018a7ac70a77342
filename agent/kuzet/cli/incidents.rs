//! `kuzet incidents`: what was found on this host, and what people decided about it.

use super::{Failure, output};
use crate::clock::{Clock, System};
use crate::store::{Filter, Reader};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use kuzet_detect::Severity;
use kuzet_incident::{Act, ActKind, State, Verdict};
use std::path::Path;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List incidents, newest first
    List(List),
    /// Show one incident
    Show {
        /// Id, or its beginning
        id: String,
        /// Print JSON (docs/schema/incident-1.json)
        #[arg(long)]
        json: bool,
    },
    /// Take an incident
    Ack(Decision),
    /// Decide an incident
    Close {
        #[command(flatten)]
        decision: Decision,
        /// What it was
        #[arg(long, value_enum)]
        verdict: Said,
    },
}

#[derive(Args)]
pub(super) struct List {
    /// Only in this state [default: open and acknowledged]
    #[arg(long, value_enum)]
    state: Option<Stands>,
    /// Of this severity or graver
    #[arg(long, value_enum, default_value = "low")]
    severity: Weighs,
    /// Closed ones too
    #[arg(long)]
    all: bool,
    /// Print JSON lines (docs/schema/incident-1.json)
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Decision {
    /// Id, or its beginning
    id: String,
    /// Why, for the record; no personal data
    #[arg(long)]
    reason: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stands {
    Open,
    Acknowledged,
    Closed,
}

#[derive(Clone, Copy, ValueEnum)]
enum Weighs {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Said {
    /// A breach
    True,
    /// Not what it looked like
    FalsePositive,
    /// It happened as told and was allowed
    Authorised,
}

pub(super) fn incidents(config: Option<&Path>, command: Command) -> Result<ExitCode, Failure> {
    let state = super::state(config)?;
    match command {
        Command::List(options) => list(&state, &options),
        Command::Show { id, json } => {
            let incident = Reader::open(&state).context("no incidents")?.find(&id).context("not shown")?;
            if json {
                output::line(&incident.to_json().map_err(anyhow::Error::from)?);
            } else {
                output::line(&kuzet_incident::describe(&incident));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Ack(decision) => submit(&state, &decision, ActKind::Ack),
        Command::Close { decision, verdict } => {
            let verdict = match verdict {
                Said::True => Verdict::TruePositive,
                Said::FalsePositive => Verdict::FalsePositive,
                Said::Authorised => Verdict::Authorised,
            };
            submit(&state, &decision, ActKind::Close { verdict })
        }
    }
}

fn list(directory: &Path, options: &List) -> Result<ExitCode, Failure> {
    let severity = match options.severity {
        Weighs::Low => Severity::Low,
        Weighs::Medium => Severity::Medium,
        Weighs::High => Severity::High,
        Weighs::Critical => Severity::Critical,
    };
    let state = options.state.map(|state| match state {
        Stands::Open => State::Open,
        Stands::Acknowledged => State::Acknowledged,
        Stands::Closed => State::Closed,
    });
    let reader = Reader::open(directory).context("no incidents")?;
    let filter = Filter { state, severity: Some(severity), ..Filter::default() };
    let mut incidents = reader.incidents(&filter).context("cannot list")?;
    if state.is_none() && !options.all {
        incidents.retain(|incident| incident.lifecycle.state != State::Closed);
    }
    for incident in &incidents {
        if options.json {
            output::line(&incident.to_json().map_err(anyhow::Error::from)?);
        } else {
            output::line(&kuzet_incident::line(incident));
        }
    }
    if incidents.is_empty() && !options.json {
        output::line("no incidents");
    }
    Ok(ExitCode::SUCCESS)
}

fn submit(state: &Path, decision: &Decision, kind: ActKind) -> Result<ExitCode, Failure> {
    let by = std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    // Before it is stored: people write down whom they asked, and paste what a terminal obeys.
    let fit = |text: &str| {
        let shown: String = text.chars().filter(|letter| !kuzet_personal::unseen(*letter)).collect();
        kuzet_personal::mask_people(&shown).into_owned()
    };
    let (reason, by) = (fit(&decision.reason), fit(&by));
    let act = Act { kind, reason, by };
    let incident = Reader::submit(state, &decision.id, &act, System.wall()).context("not recorded")?;
    output::line(&kuzet_incident::line(&incident));
    Ok(ExitCode::SUCCESS)
}
