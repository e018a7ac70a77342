//! The rules that ship with the agent: each has a test of real records, is part of the binary, and is silent on ordinary
//! work.

use crate::support::agent::{is_incident, json_lines};
use crate::support::{kuzet, root};
use kuzet::config::shipped::{FIELDMAPS, RULES};
use kuzet::config::{LoadedRules, RuleSettings};
use kuzet::trial::{Bench, Record};
use kuzet_detect::Severity;
use kuzet_personal::Key;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const SHIPPED: &str = "agent/kuzet/config/shipped.rs";

fn of_folder() -> LoadedRules {
    let settings =
        RuleSettings { shipped: false, folders: vec![root().join("rules/sigma")], ..RuleSettings::default() };
    settings.load().expect("rules/sigma can be read")
}

fn files(folder: &str, end: &str) -> Vec<String> {
    let pattern = root().join(folder).join(format!("**/*.{end}"));
    let found = glob::glob(pattern.to_str().expect("a path of text")).expect("a pattern").flatten();
    let inside = |path: PathBuf| path.strip_prefix(root()).expect("below the root").display().to_string();
    let mut files: Vec<String> = found.map(inside).collect();
    files.sort();
    files
}

#[test]
fn every_rule_keeps_what_its_records_say() {
    let loaded = of_folder();
    assert!(loaded.faults.is_empty(), "{:#?}", loaded.faults);
    let mut bench = Bench::new(loaded.book.clone(), None, Key::new([7; 32]));
    let (mut faults, mut records) = (Vec::new(), 0);
    for (file, rules) in bench.files() {
        let tried = bench.run(Path::new(&file), &rules);
        records += tried.hits + tried.misses;
        faults.extend(tried.faults);
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(records > 300, "{records} records");
}

#[test]
fn every_rule_says_what_an_analyst_needs() {
    let loaded = of_folder();
    assert!(loaded.book.members().len() >= 60, "{} rules", loaded.book.members().len());
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    let set = loaded.book.set();
    let correlations = set.correlations().iter().map(|resolved| &resolved.correlation.meta);
    let members = loaded.book.members().iter().chain(loaded.book.correlated());
    for (member, rule) in members.zip(set.rules().iter().chain(correlations)).filter(|(_, rule)| !rule.silent) {
        let about = &member.about;
        let id = about.id.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && ids.insert(about.id.to_string());
        let file = Path::new(&*rule.file).file_stem().is_some_and(|stem| stem == &*about.name);
        let told = !about.techniques.is_empty() && !about.false_positives.is_empty() && !about.responses.is_empty();
        let level = member.severity.is_some_and(|severity| severity >= Severity::Low);
        let said = rule.description.as_ref().is_some_and(|text| text.len() > 40) && about.title.len() > 10;
        if !(id && file && told && level && said && member.fed && rule.status.is_some()) {
            wrong.push(rule.file.to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_folder_of_rules_says_where_its_records_come_from() {
    for file in files("rules/sigma", "yml") {
        let source = root().join(&file).with_file_name("SOURCE");
        let text = std::fs::read_to_string(&source).unwrap_or_else(|_| panic!("no {}", source.display()));
        assert!(text.starts_with("SOURCE: "), "{}", source.display());
    }
}

#[test]
fn the_rules_are_part_of_the_agent() {
    let mut text = String::from(
        "//! Rules and field maps that are part of the agent; written by `KUZET_BLESS=1 cargo test --test kuzet rules`.\n",
    );
    for (about, name, list) in [
        ("Rules by their path, with their text.", "RULES", files("rules/sigma", "yml")),
        ("Field maps by their path, with their text.", "FIELDMAPS", files("rules/fieldmaps", "toml")),
    ] {
        let _ = write!(text, "\n/// {about}\npub const {name}: &[(&str, &str)] = &[\n");
        for file in list {
            let _ = writeln!(text, "    (\"{file}\", include_str!(\"../../../{file}\")),");
        }
        text.push_str("];\n");
    }
    let path = root().join(SHIPPED);
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(&path, &text).expect("the list can be written");
    }
    // The formatter breaks long lines: words are compared.
    let words = |text: &str| text.split_whitespace().collect::<String>().replace(",)", ")").replace(",]", "]");
    let written = std::fs::read_to_string(&path).expect("the list");
    assert_eq!(words(&written), words(&text), "KUZET_BLESS=1 cargo test --test kuzet rules");
    assert_eq!(RULES.len(), files("rules/sigma", "yml").len());
    assert_eq!(FIELDMAPS.len(), files("rules/fieldmaps", "toml").len());
}

/// A selection that no record beside its rule ever meets may be one that can meet nothing.
#[test]
fn every_selection_of_a_rule_is_met_by_a_record() {
    let loaded = of_folder();
    let mut bench = Bench::new(loaded.book.clone(), None, Key::new([7; 32]));
    let mut unmet = Vec::new();
    for (number, rule) in loaded.book.set().rules().iter().enumerate() {
        let path = Path::new(&*rule.file);
        let mut met = BTreeSet::new();
        for end in ["hit.jsonl", "miss.jsonl"] {
            let text = std::fs::read_to_string(path.with_extension(end)).expect("a test");
            for line in text.lines().filter(|line| !line.is_empty()) {
                let record = Record::read(line).expect("a record");
                for event in bench.events(&record, path.parent().expect("a folder")).expect("events") {
                    let judged = bench.judge(&event, number).expect("a rule");
                    met.extend(
                        judged.rule.selections.into_iter().filter(|one| one.holds == Some(true)).map(|one| one.name),
                    );
                }
            }
        }
        let (id, _) = loaded.book.set().numbered().nth(number).expect("a rule");
        let missing = loaded.book.set().selections(id).filter(|name| !met.contains(*name));
        unmet.extend(missing.map(|name| format!("{}: {name}", rule.file)));
    }
    assert!(unmet.is_empty(), "{unmet:#?}");
}

/// Recordings of ordinary work: applications that serve clients, an evening's batch, readers of a site, an administrator.
#[test]
fn ordinary_work_hits_no_rule() {
    let samples = root().join("tests/data/samples");
    let mut quiet: Vec<(PathBuf, &str)> = Vec::new();
    for name in ["app_normal", "app_batch"] {
        for mode in ["pgaudit", "logall"] {
            quiet.push((samples.join(format!("postgresql/{mode}-{name}.csv")), "postgresql_csvlog"));
        }
    }
    quiet.push((samples.join("mariadb/app_normal.audit.log"), "mariadb_server_audit"));
    quiet.push((samples.join("web/nginx-ordinary.log"), "web_access_log"));
    quiet.push((samples.join("linux/audit-ordinary.log"), "linux_audit"));
    for (file, format) in quiet {
        let output = Command::new(kuzet()).arg("replay").arg(&file).args(["--json", "--format", format]).output();
        let output = output.expect("the binary runs");
        assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
        for incident in json_lines(&output.stdout).iter().filter(|value| is_incident(value)) {
            assert!(incident.get("kuzet.rules").is_none(), "{}: {incident:#}", file.display());
        }
    }
}

/// `docs/sigma.md` has the fields, each with what it is.
#[test]
fn every_field_stands_in_the_docs() {
    let docs = std::fs::read_to_string(root().join("docs/sigma.md")).expect("docs/sigma.md");
    let missing: Vec<String> = kuzet_detect::fields()
        .map(|(name, about)| format!("| `{name}` | {about} |"))
        .filter(|row| !docs.contains(row))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
