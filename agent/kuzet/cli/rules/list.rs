//! `kuzet rules list`.

use super::super::{Failure, output};
use super::logsource;
use crate::config::LoadedRules;
use kuzet_detect::Diagnostic;
use kuzet_sigma::Level;
use serde::Serialize;
use std::process::ExitCode;

/// `kuzet.rules/1`.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    rules: Vec<Row<'a>>,
    faults: &'a [Diagnostic],
}

#[derive(Serialize)]
struct Row<'a> {
    state: &'static str,
    level: &'static str,
    kind: &'static str,
    name: &'a str,
    id: &'a str,
    title: &'a str,
    clause: &'a str,
    techniques: Vec<&'a str>,
    logsource: String,
    file: &'a str,
}

pub(super) fn list(loaded: &LoadedRules, json: bool) -> Result<ExitCode, Failure> {
    let book = &loaded.book;
    let rows: Vec<Row<'_>> = book
        .members()
        .iter()
        .zip(book.set().rules())
        .map(|(member, rule)| Row {
            state: match (member.off, member.fed) {
                (true, _) => "off",
                (_, false) => "unfed",
                _ if loaded.warned(rule) => "warned",
                _ => "loaded",
            },
            level: rule.level.unwrap_or(Level::Medium).name(),
            kind: member.kind.name(),
            name: &member.about.name,
            id: &member.about.id,
            title: &member.about.title,
            clause: &member.about.clause,
            techniques: member.about.techniques.iter().map(AsRef::as_ref).collect(),
            logsource: logsource(&rule.logsource),
            file: &rule.file,
        })
        .collect();
    let refused = loaded.faults.iter().filter(|fault| !fault.warning).count();
    if json {
        output::json(&Report { schema: "kuzet.rules/1", rules: rows, faults: &loaded.faults })?;
    } else {
        let cells =
            |row: &Row<'_>| [row.state, row.level, &row.logsource, row.name, row.title].map(str::to_owned).to_vec();
        let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
        for line in output::table(&["STATE", "LEVEL", "LOGSOURCE", "NAME", "TITLE"], &table) {
            output::line(&line);
        }
        for fault in &loaded.faults {
            output::line(&fault.to_string());
        }
        output::line(&format!("{} rules, {refused} faults that refuse a rule", rows.len()));
    }
    Ok(ExitCode::from(u8::from(refused > 0)))
}
