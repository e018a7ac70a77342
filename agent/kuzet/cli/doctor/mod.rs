//! `kuzet doctor`: what is seen of each server, what is not and why, and the exact thing to change.

mod fix;
mod text;

pub(super) use text::lines;

use super::{Failure, output};
use crate::clock::{self, Clock};
use crate::config::{Config, Content};
use crate::examine::{Answers, examine};
use crate::sight::Limit;
use clap::Args;
use std::path::Path;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Options {
    /// Print the commands that mend what is not seen; runs none
    #[arg(long)]
    fix: bool,
    /// Print JSON, the commands with it (docs/schema/doctor-1.json)
    #[arg(long)]
    json: bool,
}

pub(super) fn doctor(path: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(path)?;
    let content = Content::load(&config)?;
    let asked = Answers::of(&config);
    let mut report = examine(&config, content.policy.is_some(), !content.catalogue.is_guess(), &asked);
    let ended = content.expired(clock::System.wall());
    report.limits.extend(ended.map(|one| Limit::new("KD18", one.message, one.help)));
    if let Some((message, help)) = content.place.old(clock::System.wall()) {
        report.limits.push(Limit::new("KD19", message, help));
    }
    if options.json {
        output::json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines = if options.fix { fix::lines(&report) } else { lines(&report) };
    for line in lines {
        output::line(&line);
    }
    Ok(ExitCode::SUCCESS)
}
