//! `kuzet rules explain`.

use super::super::{Failure, output, replay::REPLAY_KEY};
use super::logsource;
use crate::config::{Config, Content};
use crate::trial::{Bench, Record};
use clap::Args;
use kuzet_detect::{Member, RuleBook, logsources};
use kuzet_event::{System, Witness};
use kuzet_personal::Key;
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
}

pub(super) fn explain(config: &Config, options: &Options) -> Result<ExitCode, Failure> {
    let content = Content::load(config)?;
    let book = content.rules.book.clone();
    let Some(at) = book.find(&options.rule) else {
        return Err(Failure::Other(anyhow::anyhow!("no rule {:?}; kuzet rules list shows them", options.rule)));
    };
    describe(&book, at);
    let Some(file) = &options.event else { return Ok(ExitCode::SUCCESS) };
    let text = std::fs::read_to_string(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let records: Vec<Record> = match &options.format {
        Some(format) => {
            let prefix = options.log_line_prefix.clone();
            vec![Record { format: format.clone(), prefix, source: None, record: text }]
        }
        None => {
            let lines = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
            lines.collect::<Result<_, _>>().map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?
        }
    };
    let mut bench = Bench::new(book, Some(content), Key::new(REPLAY_KEY));
    let mut hit = false;
    for record in &records {
        let beside = file.parent().unwrap_or(Path::new("."));
        let events = bench.events(record, beside).map_err(|error| anyhow::anyhow!(error))?;
        for event in &events {
            let because = bench.hits(std::slice::from_ref(event)).into_iter().find(|(rule, _)| *rule == at);
            output::line("");
            match because {
                Some((_, because)) => {
                    hit = true;
                    output::line(&format!("{}  hits: {because}", event.at));
                }
                None => output::line(&format!("{}  does not hit; it has", event.at)),
            }
            for (name, values) in bench.fields(event, at) {
                let values = if values.is_empty() { "(absent)".to_owned() } else { values.join(" | ") };
                output::line(&format!("    {name:<28} {values}"));
            }
        }
    }
    Ok(ExitCode::from(u8::from(!hit)))
}

fn describe(book: &RuleBook, at: usize) {
    let (set, member) = (book.set(), &book.members()[at]);
    let Some((id, rule)) = set.numbered().nth(at) else { return };
    let Member { about, kind, off, fed, .. } = member;
    let field = |name: &str, value: String| {
        if !value.is_empty() {
            output::line(&format!("{name:<12} {value}"));
        }
    };
    field("rule", format!("{}{}", about.name, if *off { " (switched off)" } else { "" }));
    field("title", about.title.to_string());
    field("id", about.id.to_string());
    field("file", format!("{}:{}", rule.file, rule.place.line));
    field("level", rule.level.map_or("medium (none given)", kuzet_sigma::Level::name).to_owned());
    field("kind", kind.name().to_owned());
    field("clause", about.clause.to_string());
    field("techniques", about.techniques.join(", "));
    field("about", rule.description.clone().unwrap_or_default().trim().replace('\n', " "));
    field("log source", logsource(&rule.logsource));
    field("fed by", if *fed { feeders(&rule.logsource).join(", ") } else { "no events of this agent".to_owned() });
    field("selections", set.selections(id).collect::<Vec<&str>>().join(", "));
    for name in set.fields_of(id).into_iter().flat_map(|id| set.fields().names(id)) {
        let known = kuzet_detect::fields().find(|(own, _)| own == name);
        field("field", format!("{name}: {}", known.map_or("no event has it", |(_, about)| about)));
    }
    about.false_positives.iter().for_each(|other| field("may be", other.to_string()));
    about.responses.iter().for_each(|response| field("do", response.to_string()));
}

/// The servers whose events a rule for `wanted` sees.
pub(super) fn feeders(wanted: &kuzet_sigma::LogSource) -> Vec<String> {
    let mut found = Vec::new();
    for system in System::ALL {
        let of = |witness| logsources(system, witness).iter().any(|one| wanted.covers(one));
        if [Witness::Audit, Witness::Log, Witness::Measure].into_iter().any(of) {
            found.push(system.name().to_owned());
        }
    }
    found
}
