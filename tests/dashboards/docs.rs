//! docs/metrics.md is generated from the list; what dashboards and rules ask for is in the list. `KUZET_BLESS=1` writes
//! the table anew.

use super::{dashboards, expressions, variables};
use crate::support::root;
use kuzet::metrics::list::{BOUNDS, Described, LIST, Type};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const BEGIN: &str = "<!-- generated from agent/kuzet/metrics/list.rs -->\n";
const END: &str = "<!-- end -->\n";

/// Labels that Prometheus adds.
const ADDED: [&str; 3] = ["job", "instance", "le"];

/// Where metrics are used: dashboards by name, and the rule files.
fn sources() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, dashboard) in dashboards() {
        let mut texts: Vec<String> = expressions(&dashboard).into_iter().map(|(_, text)| text).collect();
        texts.extend(variables(&dashboard));
        all.push((name, texts.join("\n")));
    }
    for name in ["alerts.yml", "recording.yml"] {
        let text = std::fs::read_to_string(root().join("dashboards/prometheus").join(name)).unwrap();
        // The rest is names of rules and words for people.
        let mut expressions = String::new();
        let mut inside = false;
        for line in text.lines() {
            let trimmed = line.trim();
            inside = trimmed.starts_with("expr:") || (inside && !trimmed.contains(": "));
            if inside {
                expressions.push_str(trimmed);
                expressions.push('\n');
            }
        }
        all.push((name.to_owned(), expressions));
    }
    all
}

/// Names of our metrics in an expression, each with the labels of the matchers that follow it.
fn uses(text: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut found: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        rest = &rest[at..];
        let end = rest.find(|letter| !word(letter)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if name.starts_with("kuzet_") || name.starts_with("process_") {
            let metric = lookup(name).unwrap_or_else(|| panic!("{name} is not in the list of metrics"));
            let labels = found.entry(metric.name).or_default();
            if let Some(matchers) = after.strip_prefix('{').and_then(|text| text.split('}').next()) {
                let pairs = matchers.split(',').filter(|pair| !pair.is_empty());
                labels.extend(pairs.map(|pair| pair.split(['=', '!']).next().unwrap().to_owned()));
            }
        }
    }
    found
}

fn lookup(name: &str) -> Option<&'static Described> {
    let exact = LIST.iter().find(|metric| metric.name == name && metric.kind != Type::Histogram);
    exact.or_else(|| {
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end))?;
        LIST.iter().find(|metric| metric.name == part && metric.kind == Type::Histogram)
    })
}

#[test]
fn dashboards_and_rules_ask_only_for_what_there_is() {
    for (place, text) in sources() {
        for (name, labels) in uses(&text) {
            let metric = LIST.iter().find(|metric| metric.name == name).unwrap();
            for label in labels {
                let known = metric.labels.contains(&label.as_str()) || ADDED.contains(&label.as_str());
                assert!(known, "{place}: {name} has no label {label}");
            }
        }
    }
}

#[test]
fn every_metric_is_described_and_where_it_is_shown() {
    let shown: Vec<(String, BTreeMap<&str, BTreeSet<String>>)> = sources()
        .iter()
        .map(|(place, text)| (place.trim_end_matches(".json").trim_end_matches(".yml").to_owned(), uses(text)))
        .collect();
    let mut table = String::from("| metric | type | labels | meaning | shown in |\n| --- | --- | --- | --- | --- |\n");
    for metric in LIST {
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let places: Vec<&str> =
            shown.iter().filter(|(_, uses)| uses.contains_key(metric.name)).map(|(place, _)| place.as_str()).collect();
        let (name, kind, help) = (metric.name, metric.kind.name(), metric.help);
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} | {} |", places.join(", ")).unwrap();
    }
    table.push_str("\n| label | its values come from |\n| --- | --- |\n");
    for (label, from) in BOUNDS {
        writeln!(table, "| `{label}` | {from} |").unwrap();
    }
    let path = root().join("docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (has, after) = rest.split_once(END).unwrap();
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(has, table, "docs/metrics.md is old: run the tests with KUZET_BLESS=1");
    }
}
