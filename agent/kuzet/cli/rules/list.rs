//! `kuzet rules list`.

use super::super::{Failure, output};
use super::{logsource, meant_for};
use crate::config::LoadedRules;
use kuzet_detect::Diagnostic;
use kuzet_sigma::Level;
use serde::Serialize;
use std::process::ExitCode;

/// `kuzet.rules/1` (docs/schema/rules-1.json).
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
    /// `correlation` for what stands on other rules.
    logsource: String,
    file: &'a str,
    #[serde(skip)]
    meant_for: String,
}

pub(super) fn list(loaded: &LoadedRules, json: bool) -> Result<ExitCode, Failure> {
    let book = &loaded.book;
    let correlations = book.members().len();
    let rows: Vec<Row<'_>> = book
        .documents()
        .enumerate()
        .map(|(number, (rule, member))| Row {
            state: loaded.state(rule, member),
            level: rule.level.unwrap_or(Level::Medium).name(),
            kind: member.kind.name(),
            name: &member.about.name,
            id: &member.about.id,
            title: &member.about.title,
            clause: &member.about.clause,
            techniques: member.about.techniques.iter().map(AsRef::as_ref).collect(),
            logsource: if number < correlations { logsource(&rule.logsource) } else { "correlation".to_owned() },
            file: &rule.file,
            meant_for: if number < correlations { meant_for(&rule.logsource) } else { "correlation".to_owned() },
        })
        .collect();
    let refused = loaded.faults.iter().filter(|fault| !fault.warning).count();
    if json {
        output::json(&Report { schema: "kuzet.rules/1", rules: rows, faults: &loaded.faults })?;
    } else {
        print(&rows, &loaded.faults, refused);
    }
    Ok(ExitCode::from(u8::from(refused > 0)))
}

fn print(rows: &[Row<'_>], faults: &[Diagnostic], refused: usize) {
    // Where nothing is wrong, nobody has to read that sixty times.
    let states = rows.iter().any(|row| row.state != "loaded");
    let from = usize::from(!states);
    let cells = |row: &Row<'_>| {
        [row.state, short(row.level), &row.meant_for, row.name, row.title][from..]
            .iter()
            .map(|cell| (*cell).to_owned())
            .collect()
    };
    let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let heads = ["STATE", "LEVEL", "FOR", "NAME", "TITLE"];
    output::table(&heads[from..], &table).iter().for_each(|line| output::cut(line));
    faults.iter().for_each(|fault| output::line(&fault.to_string()));
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let doubts = ["warned", "unfed", "off"].map(|state| (count(state), state));
    let doubts = doubts.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!(", {count} {state}"));
    output::line(&format!("{} rules{}; {refused} faults that refuse a rule", rows.len(), doubts.collect::<String>()));
}

/// One word must not make the column twice as wide.
fn short(level: &'static str) -> &'static str {
    if level == Level::Informational.name() { "info" } else { level }
}
