//! `kuzet rules coverage`.

use super::super::{Failure, output};
use super::explain::feeders;
use crate::config::Config;
use kuzet_decode::Format;
use kuzet_event::System;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// `kuzet.rules-coverage/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    /// Systems that a source of the configuration is of.
    watched: BTreeSet<String>,
    techniques: BTreeMap<String, Covered>,
    clauses: BTreeMap<String, Covered>,
}

#[derive(Default, Serialize)]
struct Covered {
    rules: usize,
    /// Rules by the systems that feed them.
    systems: BTreeMap<String, usize>,
}

pub(super) fn coverage(config: &Config, json: bool) -> Result<ExitCode, Failure> {
    let loaded = config.rules.load()?;
    let formats = config.sources.iter().filter_map(|source| source.format.as_deref().and_then(Format::from_name));
    let mut watched: BTreeSet<String> = formats.map(|format| format.info().system.name().to_owned()).collect();
    watched.extend(config.databases.iter().map(|database| database.system.name().to_owned()));
    let (techniques, clauses) = (BTreeMap::new(), BTreeMap::new());
    let mut report = Report { schema: "kuzet.rules-coverage/1", watched, techniques, clauses };
    let members = loaded.book.members().iter().zip(loaded.book.set().rules());
    for (member, rule) in members.filter(|(member, _)| member.fed && !member.off) {
        let systems = feeders(&rule.logsource);
        let add = |to: &mut Covered| {
            to.rules += 1;
            systems.iter().for_each(|system| *to.systems.entry(system.clone()).or_default() += 1);
        };
        for technique in &member.about.techniques {
            add(report.techniques.entry(technique.to_string()).or_default());
        }
        add(report.clauses.entry(member.about.clause.to_string()).or_default());
    }
    if json {
        output::json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = System::ALL.map(System::name);
    let head = |name: &str| if report.watched.contains(name) { format!("{name}*") } else { name.to_owned() };
    let heads: Vec<String> = ["", "rules"].map(str::to_owned).into_iter().chain(columns.map(head)).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let row = |(name, covered): (&String, &Covered)| {
        let number = |system: &&str| covered.systems.get(*system).map_or("-".to_owned(), ToString::to_string);
        [format!("{name:<12}"), covered.rules.to_string()].into_iter().chain(columns.iter().map(number)).collect()
    };
    let named = |prefix: &str, covered: &BTreeMap<String, Covered>| -> Vec<Vec<String>> {
        covered.iter().map(|(name, covered)| row((&format!("{prefix}{name}"), covered))).collect()
    };
    let rows = [named("", &report.techniques), named("clause ", &report.clauses)].concat();
    output::table(&heads, &rows).iter().for_each(|line| output::line(line));
    output::line("* a source of the configuration is one; built-in detectors are not counted here");
    Ok(ExitCode::SUCCESS)
}
