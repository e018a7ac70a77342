//! `kuzet check`: is what a person wrote right, before the agent depends on it?

use super::{Failure, output};
use crate::clock::{self, Clock};
use crate::config::{Config, Content, calendar};
use kuzet_detect::{Diagnostic, Policy};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// `kuzet.check/1` (docs/schema/check-1.json).
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    ok: bool,
    sources: Vec<&'a str>,
    databases: Vec<&'a str>,
    stores: Vec<&'a str>,
    policy: bool,
    suppressions: Vec<&'a str>,
    jobs: Vec<&'a str>,
    rules: usize,
    channels: Vec<&'a str>,
    faults: &'a [Diagnostic],
}

pub(super) fn check(path: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let (config, mut faults) = match Config::load(path) {
        Ok((config, warnings)) => (Some(config), warnings),
        Err(faults) => (None, faults),
    };
    let mut content = None;
    if let Some(config) = &config {
        faults.extend(calendar(&config.thresholds, clock::System.wall()));
        match Content::load(config) {
            Ok(loaded) => {
                faults.extend(loaded.expired(clock::System.wall()));
                faults.extend(loaded.rules.faults.iter().cloned());
                content = Some(loaded);
            }
            Err(found) => faults.extend(found),
        }
    }
    let ok = !faults.iter().any(|fault| !fault.warning);
    let stores =
        content.iter().flat_map(|content| content.catalogue.stores()).map(|store| store.name.as_ref()).collect();
    let report = Report {
        schema: "kuzet.check/1",
        ok,
        sources: config.iter().flat_map(|config| &config.sources).map(|source| source.name.as_str()).collect(),
        databases: config.iter().flat_map(|config| &config.databases).map(|database| database.name.as_str()).collect(),
        stores,
        policy: content.as_ref().is_some_and(|content| content.policy.is_some()),
        suppressions: content.iter().flat_map(|content| content.suppressions.names()).collect(),
        jobs: content.iter().filter_map(|content| content.policy.as_ref()).flat_map(Policy::job_names).collect(),
        rules: content.as_ref().map_or(0, |content| content.rules.book.members().len()),
        channels: config.iter().flat_map(|config| &config.notify).map(|channel| channel.name.as_str()).collect(),
        faults: &faults,
    };
    if json {
        output::json(&report)?;
    } else {
        print(&report, config.as_ref());
    }
    Ok(ExitCode::from(u8::from(!ok)))
}

fn print(report: &Report<'_>, config: Option<&Config>) {
    for fault in report.faults {
        output::line(&fault.to_string());
    }
    let named = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if let Some(config) = config {
        let from =
            config.path.as_ref().map_or("no file: embedded defaults".to_owned(), |path| path.display().to_string());
        output::line(&format!("configuration  {from}"));
    }
    output::line(&format!("sources        {}", named(&report.sources)));
    for source in config.iter().flat_map(|config| &config.sources) {
        if let Some(stream) = &source.stream {
            output::line(&format!("               {} {}", source.name, stream.describe()));
        }
    }
    output::line(&format!("databases      {}", named(&report.databases)));
    output::line(&format!(
        "stores         {}",
        if report.stores.is_empty() { "guessed from names (no catalogue)".to_owned() } else { named(&report.stores) }
    ));
    output::line(&format!(
        "access policy  {}",
        if report.policy { "loaded" } else { "none: the policy detector is off" }
    ));
    output::line(&format!("declared jobs  {}", named(&report.jobs)));
    output::line(&format!("suppressions   {}", named(&report.suppressions)));
    output::line(&format!("rules          {}", report.rules));
    output::line(&format!("channels       {}", named(&report.channels)));
    let faults = report.faults.iter().filter(|fault| !fault.warning).count();
    let warnings = report.faults.len() - faults;
    output::line(&format!("{} ({faults} faults, {warnings} warnings)", if report.ok { "ok" } else { "not ok" }));
}
