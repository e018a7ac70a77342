//! `kuzet rules coverage`.

use super::super::{Failure, output};
use crate::config::Config;
use kuzet_decode::Format;
use kuzet_detect::Member;
use kuzet_event::System;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// `kuzet.rules-coverage/1` (docs/schema/rules-coverage-1.json).
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
    let rules = loaded.book.members().len();
    let tells = |member: &Member| member.fed && !member.off && member.severity.is_some();
    for (number, (rule, member)) in loaded.book.documents().enumerate().filter(|(_, (_, member))| tells(member)) {
        let of = |rule| loaded.book.feeds(rule).map(|(system, _)| system.name().to_owned());
        // A correlation is fed by what feeds the rules it stands on.
        let systems: BTreeSet<String> = match loaded.book.set().correlations().get(number.wrapping_sub(rules)) {
            None => of(rule).collect(),
            Some(one) => {
                let parts = one.bound.iter().flat_map(|bound| bound.keys());
                parts.filter_map(|part| loaded.book.set().rule(*part)).flat_map(of).collect()
            }
        };
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
    let heads: Vec<&str> = ["", "rules"].into_iter().chain(columns).collect();
    let row = |(name, covered): (&String, &Covered)| {
        let number = |system: &&str| covered.systems.get(*system).map_or("-".to_owned(), ToString::to_string);
        [name.clone(), covered.rules.to_string()].into_iter().chain(columns.iter().map(number)).collect::<Vec<_>>()
    };
    let clauses = report.clauses.iter().map(|(clause, covered)| (format!("clause {clause}"), covered));
    let clauses: Vec<Vec<String>> = clauses.map(|(name, covered)| row((&name, covered))).collect();
    let rows = [report.techniques.iter().map(row).collect(), clauses].concat();
    output::table(&heads, &rows).iter().for_each(|line| output::cut(line));
    let watched: Vec<&str> = report.watched.iter().map(String::as_str).collect();
    let watched = if watched.is_empty() { "nothing yet".to_owned() } else { watched.join(", ") };
    output::line(&format!(
        "{rules} rules; the configuration watches {watched}; built-in detectors are not counted here"
    ));
    Ok(ExitCode::SUCCESS)
}
