//! The facts of many statements of both dialects, in one file: `KUZET_BLESS=1 cargo test -p kuzet-decode` rewrites it.

#![allow(clippy::disallowed_methods)] // the test reads and rewrites its table

use kuzet_decode::{Analyzer, Parameters};
use kuzet_event::{Flag, Flags, Identifier, Statement, System};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::fmt::Write as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/statements.txt");

/// Every flag, by name.
const FLAGS: [Flag; 27] = [
    Flag::SelectsAll,
    Flag::Unfiltered,
    Flag::Aggregate,
    Flag::PackedAggregate,
    Flag::UnionProbe,
    Flag::Tautology,
    Flag::Stacked,
    Flag::TimeDelay,
    Flag::CatalogProbe,
    Flag::ErrorProbe,
    Flag::CommentCut,
    Flag::ServerFile,
    Flag::WeakensAudit,
    Flag::RestoresAudit,
    Flag::Escalates,
    Flag::Truncated,
    Flag::Unparsed,
    Flag::Pointed,
    Flag::ServerProgram,
    Flag::LargeObject,
    Flag::RemoteServer,
    Flag::Replication,
    Flag::NativeCode,
    Flag::WholeSchema,
    Flag::Temporary,
    Flag::Renames,
    Flag::KeyRange,
];

fn flags(flags: Flags) -> String {
    let names: Vec<String> = FLAGS.iter().filter(|flag| flags.has(**flag)).map(|flag| format!("{flag:?}")).collect();
    names.join(" ")
}

fn describe(statement: &Statement, identifiers: &[Identifier]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name}: {value}");
        }
    };
    line("summary", statement.summary.to_string());
    line("verb", format!("{:?}", statement.verb));
    let relations: Vec<String> = statement
        .relations
        .iter()
        .map(|relation| {
            let dot = if relation.schema.is_empty() { "" } else { "." };
            format!("{:?} {}{dot}{}", relation.access, relation.schema, relation.name)
        })
        .collect();
    line("relations", relations.join(", "));
    line("columns", statement.columns.join(", "));
    let mut pointed: Vec<String> = Vec::new();
    for identifier in identifiers {
        let column = statement.predicate_columns.get(usize::from(identifier.column)).map_or("-", |name| name);
        pointed.push(format!("{column} {:?}", identifier.kind));
    }
    line("values", pointed.join(", "));
    line("export", statement.export.map(|export| format!("{export:?}")).unwrap_or_default());
    line("limit", statement.limit.map(|limit| limit.to_string()).unwrap_or_default());
    let settings: Vec<String> = statement
        .settings
        .iter()
        .map(|setting| {
            let scope = if setting.global { "global " } else { "" };
            format!("{scope}{} = {:?}", setting.name, setting.value)
        })
        .collect();
    line("settings", settings.join(", "));
    if let Some(role) = &statement.role {
        line("role", format!("{:?} [{}] [{}]", role.verb, role.rights.join(", "), role.grantees.join(", ")));
    }
    let routines = statement.routines.iter().filter(|one| one.access == kuzet_event::Access::Write);
    line("defines", routines.map(|one| one.name.to_string()).collect::<Vec<String>>().join(", "));
    line("flags", flags(statement.flags));
    out
}

/// Blocks of the file: `postgresql|mariadb`, the statement in one line (`\n` for a newline), then its facts.
#[test]
fn facts_of_the_table() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let mut analyzers = [System::Postgresql, System::Mariadb].map(|system| Analyzer::new(system, Key::new([7; 32])));
    let mut made = String::new();
    let mut count = 0;
    for line in text.lines() {
        if line.starts_with('#') || line.is_empty() {
            made.push_str(line);
            made.push('\n');
        }
        let (system, statement) = match line.split_once("> ") {
            Some(("postgresql", statement)) => (0, statement),
            Some(("mariadb", statement)) => (1, statement),
            _ => continue,
        };
        let bytes = statement.replace("\\n", "\n");
        let mut parameters = Parameters::new();
        parameters.push(b"850830346939");
        parameters.push(b"42");
        let mut identifiers = SmallVec::new();
        let facts = analyzers[system].analyze(bytes.as_bytes(), &parameters, false, &mut identifiers);
        let _ = writeln!(made, "{line}");
        made.push_str(&describe(&facts, &identifiers));
        count += 1;
        // The cache gives what the first pass gave.
        let mut again = SmallVec::new();
        assert_eq!(facts, analyzers[system].analyze(bytes.as_bytes(), &parameters, false, &mut again), "{line}");
        assert_eq!(identifiers, again, "{line}");
    }
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    assert!(count >= 150, "{count} statements");
    assert!(text == made, "facts differ; look at the difference after KUZET_BLESS=1");
}
