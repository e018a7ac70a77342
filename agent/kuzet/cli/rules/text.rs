//! What `kuzet rules explain` says to people.

use super::super::output;
use super::explain::{Report, Tried};
use kuzet_sigma::{Asked, Asking, Described};

/// Columns of what stands before a text.
const MARGIN: usize = 12;
/// Values of one field that are named; the others are counted.
const NAMED: usize = 12;

pub(super) fn print(report: &Report) {
    let state = if report.state == "loaded" { String::new() } else { format!(", {}", report.state) };
    output::wrapped("", &format!("{} ({}{state}): {}", report.name, report.level, report.title));
    field("about", &report.about);
    field("id", &report.id);
    field("file", &format!("{}:{}", report.file, report.line));
    field("kind", &format!("{}, clause {}, {}", report.kind, report.clause, report.techniques.join(", ")));
    let fed: Vec<String> = report
        .fed_by
        .iter()
        .map(|(system, of)| if of.len() == 3 { (*system).to_owned() } else { format!("{system} ({})", of.join(", ")) })
        .collect();
    match (fed.is_empty(), &report.correlates) {
        (_, Some(one)) => {
            field("fires when", &one.fires);
            field("within", &format!("{} s", one.timespan_seconds));
            field("for each", &one.group_by.join(", "));
            field("rules", &one.rules.join(", "));
        }
        (false, None) => field("fed by", &fed.join(", ")),
        (true, None) => field(
            "unfed",
            &format!("no event of this agent is of the log source {} (docs/sigma.md, Log source)", report.logsource),
        ),
    }
    if let Some(matches) = &report.matches {
        field("hits when", &matches.condition);
        for selection in &matches.selections {
            output::line(&format!("  {}", selection.name));
            let width = selection.asks.tests().iter().map(|test| test.named().chars().count()).max().unwrap_or(0);
            asked(&selection.asks, width, "");
        }
        let filed = if report.filed.is_empty() { "every event".to_owned() } else { some(&report.filed, "; and ") };
        field("looked at", &filed);
    }
    for (name, _) in report.fields.iter().filter(|(_, about)| about.is_none()) {
        field("never", &format!("no event has {name}"));
    }
    report.false_positives.iter().for_each(|other| field("may be", other));
    report.responses.iter().for_each(|response| field("do", response));
    report.events.iter().for_each(tried);
}

fn field(name: &str, value: &str) {
    if !value.is_empty() {
        output::wrapped(&format!("{name:<MARGIN$}"), value);
    }
}

/// The first of `texts`, and how many there are beside them.
fn some(texts: &[String], between: &str) -> String {
    let more = texts.len().saturating_sub(NAMED);
    let named = texts.iter().take(NAMED).cloned().collect::<Vec<_>>().join(between);
    if more > 0 { format!("{named}{between}{more} more") } else { named }
}

/// A selection: what has to be so, one field a line; `or ` begins an alternative.
fn asked(asks: &Asked, width: usize, word: &str) {
    match asks {
        Asked::Test(test) => output::wrapped(&format!("  {word:<3}{:width$}  ", test.named()), &said(test)),
        Asked::All(parts) => {
            for (at, part) in parts.iter().enumerate() {
                asked(part, width, if at == 0 { word } else { "" });
            }
        }
        Asked::Any(parts) => {
            for (at, part) in parts.iter().enumerate() {
                asked(part, width, if at == 0 { word } else { "or" });
            }
        }
    }
}

/// What is asked of the values of a field, the verb said once.
fn said(test: &Asking) -> String {
    let between = if test.every { " and " } else { " | " };
    let verb =
        test.is.first().and_then(|first| first.split_once('"')).map(|(verb, _)| verb).filter(|verb| !verb.is_empty());
    let same = verb.filter(|verb| test.is.len() > 1 && test.is.iter().all(|one| one.starts_with(*verb)));
    let text = match same {
        Some(verb) => {
            let values: Vec<String> = test.is.iter().map(|one| one[verb.len()..].to_owned()).collect();
            format!("{verb}{}", some(&values, between))
        }
        None => some(&test.is, between),
    };
    if test.not { format!("is there, and not: {text}") } else { text }
}

fn tried(event: &Tried) {
    output::line("");
    let because = event.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
    let head = if event.hits { "hits" } else { "does not hit" };
    output::wrapped(&format!("{}  ", event.at), &format!("{head}{because}"));
    let Some(Described { selections, .. }) = &event.matches else { return };
    for selection in selections {
        let sign = if selection.holds == Some(true) { "yes" } else { "no " };
        output::line(&format!("  {sign}  {}", selection.name));
        for test in selection.asks.unmet() {
            let of = test.field.join(" or ");
            let has = match event.values.get(&of).map(Vec::as_slice) {
                _ if test.field.is_empty() => String::new(),
                None | Some([]) => "; the event has none".to_owned(),
                Some(values) => {
                    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                    format!("; the event has {}", some(&quoted, ", "))
                }
            };
            output::wrapped(&format!("       {}  ", test.named()), &format!("{}{has}", said(test)));
        }
    }
}
