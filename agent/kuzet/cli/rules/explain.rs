//! `kuzet rules explain`.

use super::super::{Failure, output, replay::REPLAY_KEY};
use super::{logsource, text};
use crate::config::{Config, Content};
use crate::trial::{Bench, Record};
use anyhow::anyhow;
use clap::Args;
use kuzet_detect::{RuleBook, fields};
use kuzet_event::Event;
use kuzet_personal::Key;
use kuzet_sigma::{Correlation, Described, Level, Threshold};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(in super::super) struct Options {
    /// Name, id or title
    rule: String,
    /// Records to try it on: lines as in .hit.jsonl, or with --format a log as it is
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Log format of the file
    #[arg(long, requires = "event")]
    format: Option<String>,
    /// PostgreSQL log_line_prefix, for the stderr format
    #[arg(long, value_name = "PREFIX", requires = "format")]
    log_line_prefix: Option<String>,
    /// Print JSON (schemas: docs/schema)
    #[arg(long)]
    json: bool,
}

/// `kuzet.rules-explain/1` (docs/schema/rules-explain-1.json).
#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) state: &'static str,
    pub(super) level: &'static str,
    pub(super) kind: &'static str,
    pub(super) clause: String,
    pub(super) techniques: Vec<String>,
    pub(super) about: String,
    pub(super) logsource: String,
    /// Systems, each with the kinds of records, whose events it sees.
    pub(super) fed_by: BTreeMap<&'static str, Vec<&'static str>>,
    /// What the matcher tests; `None` of a correlation.
    pub(super) matches: Option<Described>,
    /// What the index files it under; empty: it is held against every event.
    pub(super) filed: Vec<String>,
    pub(super) correlates: Option<Correlates>,
    /// Fields it asks for, each with what it is; `None` where no event has it.
    pub(super) fields: BTreeMap<String, Option<&'static str>>,
    pub(super) false_positives: Vec<String>,
    pub(super) responses: Vec<String>,
    /// With --event: every event of the records.
    pub(super) events: Vec<Tried>,
}

/// What a correlation counts.
#[derive(Serialize)]
pub(super) struct Correlates {
    pub(super) r#type: &'static str,
    pub(super) rules: Vec<String>,
    pub(super) group_by: Vec<String>,
    pub(super) timespan_seconds: u64,
    pub(super) fires: String,
}

/// The rule on one event.
#[derive(Serialize)]
pub(super) struct Tried {
    pub(super) at: String,
    pub(super) hits: bool,
    /// Why it hits, or what keeps it from hitting although its condition is met.
    pub(super) because: Option<String>,
    pub(super) matches: Option<Described>,
    /// What the event has for the fields that the rule asks for.
    pub(super) values: BTreeMap<String, Vec<String>>,
}

pub(super) fn explain(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let content = Content::load(config)?;
    let book = content.rules.book.clone();
    let at = book.find(&options.rule).ok_or_else(|| unknown(&book, &options.rule))?;
    let mut report = report(&content, at).ok_or_else(|| unknown(&book, &options.rule))?;
    if let Some(file) = &options.event {
        let records = records(file, options)?;
        let mut bench = Bench::new(book.clone(), Some(content), Key::new(REPLAY_KEY));
        for (line, record) in &records {
            let beside = file.parent().unwrap_or(Path::new("."));
            let failed = |error| anyhow!("{}:{line}: {error}", file.display());
            let events = bench.events(record, beside).map_err(failed)?;
            report.events.extend(events.iter().map(|event| tried(&mut bench, &book, at, event)));
        }
        if report.events.is_empty() {
            return Err(Failure::Other(anyhow!("{}: its format makes no event of it", file.display())));
        }
    }
    let hit = report.events.is_empty() || report.events.iter().any(|event| event.hits);
    if options.json {
        output::json(&report)?;
    } else {
        text::print(&report);
    }
    Ok(ExitCode::from(u8::from(!hit)))
}

fn unknown(book: &RuleBook, name: &str) -> anyhow::Error {
    let wanted = name.to_lowercase();
    let named = |(rule, member): (&kuzet_sigma::Rule, &kuzet_detect::Member)| {
        let near = member.about.name.contains(&wanted) || rule.title.to_lowercase().contains(&wanted);
        near.then(|| member.about.name.to_string())
    };
    let near: Vec<String> = book.documents().filter_map(named).take(5).collect();
    match near.as_slice() {
        [] => anyhow!("no rule {name:?}; kuzet rules list shows them"),
        near => anyhow!("no rule {name:?}; perhaps {}; kuzet rules list shows all", near.join(", ")),
    }
}

/// The records of the file, each with its line.
fn records(file: &Path, options: &Options) -> anyhow::Result<Vec<(usize, Record)>> {
    let text = std::fs::read_to_string(file).map_err(|error| anyhow!("cannot read {}: {error}", file.display()))?;
    if let Some(format) = &options.format {
        let prefix = options.log_line_prefix.clone();
        return Ok(vec![(1, Record { format: format.clone(), prefix, source: None, record: text })]);
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let failed = |error| anyhow!("{}:{number}: {error}; or name its --format", file.display());
        Ok((number, Record::read(line).map_err(failed)?))
    };
    lines.map(read).collect()
}

fn tried(bench: &mut Bench, book: &RuleBook, at: usize, event: &Event) -> Tried {
    let because = bench.hits(std::slice::from_ref(event)).into_iter().find(|(rule, _)| *rule == at);
    let (matches, values) = match bench.judge(event, at) {
        Some(judged) => (Some(judged.rule), judged.values.into_iter().collect()),
        None => (None, BTreeMap::new()),
    };
    // What its condition holds for and yet is not told, with the reason.
    let untold = || {
        let (rule, member) = book.documents().nth(at)?;
        matches.as_ref().filter(|one| one.holds == Some(true))?;
        let (system, witness) = (event.actor.system, event.witness);
        Some(match book.feeds(rule).any(|one| one == (system, witness)) {
            false => (false, format!("the rule is not for {} ({})", system.name(), witness.name())),
            true if member.off => (false, "the rule is switched off".to_owned()),
            true => (true, "it tells nothing by itself: it is informational, or feeds a correlation".to_owned()),
        })
    };
    let told = because.map(|(_, because)| (true, because)).or_else(untold);
    let hits = told.as_ref().is_some_and(|(hits, _)| *hits);
    let because = told.map(|(_, because)| because);
    Tried { at: event.at.to_string(), hits, because, matches, values }
}

fn report(content: &Content, at: usize) -> Option<Report> {
    let loaded = &content.rules;
    let (book, set) = (&loaded.book, loaded.book.set());
    let (rule, member) = book.documents().nth(at)?;
    let id = set.numbered().nth(at).map(|(id, _)| id);
    let correlation = set.correlations().get(at.wrapping_sub(book.members().len()));
    let mut fed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    if correlation.is_none() {
        book.feeds(rule).for_each(|(system, witness)| fed_by.entry(system.name()).or_default().push(witness.name()));
    }
    let asked = id.map(|id| set.fields_of(id)).unwrap_or_default();
    let asked = asked.into_iter().flat_map(|field| set.fields().names(field));
    let known = |name: &String| fields().find(|(own, _)| own == name).map(|(_, about)| about);
    let about = &member.about;
    let texts = |of: &[std::sync::Arc<str>]| of.iter().map(ToString::to_string).collect();
    Some(Report {
        schema: "kuzet.rules-explain/1",
        name: about.name.to_string(),
        id: about.id.to_string(),
        title: about.title.to_string(),
        file: rule.file.to_string(),
        line: rule.place.line,
        state: loaded.state(rule, member),
        level: rule.level.unwrap_or(Level::Medium).name(),
        kind: member.kind.name(),
        clause: about.clause.to_string(),
        techniques: texts(&about.techniques),
        about: rule.description.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        logsource: if correlation.is_some() { "correlation".to_owned() } else { logsource(&rule.logsource) },
        fed_by,
        matches: id.and_then(|id| set.describe(id)),
        filed: book.filed(at),
        correlates: correlation.map(|one| correlates(&one.correlation)),
        fields: asked.map(|name| (name.clone(), known(name))).collect(),
        false_positives: texts(&about.false_positives),
        responses: texts(&about.responses),
        events: Vec::new(),
    })
}

fn correlates(one: &Correlation) -> Correlates {
    let rules: Vec<String> = one.rules.iter().map(|(name, _)| name.clone()).collect();
    let fields = if one.fields.is_empty() { String::new() } else { format!(" of {}", one.fields.join(", ")) };
    let fires = match &one.threshold {
        Threshold::Numbers(numbers) => {
            let numbers: Vec<String> =
                numbers.iter().map(|(order, number)| format!("{} {number}", order.sign())).collect();
            format!("{}{fields} {}", one.kind.name(), numbers.join(" and "))
        }
        Threshold::Rules(condition) => condition.told(&rules.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    let group_by = one.group_by.clone();
    Correlates { r#type: one.kind.name(), rules, group_by, timespan_seconds: one.timespan, fires }
}
