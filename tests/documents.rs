//! Tables in docs that repeat the code: every field of the event stands in docs/events.md.

use crate::support::root;
use kuzet_decode::{Chunk, Edge, Format};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::{Encoding, Key};
use std::fmt::Write as _;

/// Names of the public fields of `name` in `source`.
fn fields(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub struct {name} {{")).unwrap_or_else(|| panic!("no struct {name}"));
    let body = source[start..].split("\n}").next().unwrap();
    let field = |line: &str| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned());
    body.lines().skip(1).filter_map(field).collect()
}

#[test]
fn every_field_of_the_event_is_documented() {
    let docs = std::fs::read_to_string(root().join("docs/events.md")).unwrap();
    for (file, name) in [
        ("event.rs", "Event"),
        ("actor.rs", "Actor"),
        ("statement.rs", "Statement"),
        ("flow.rs", "Flow"),
        ("flow.rs", "Payload"),
        ("flow.rs", "Query"),
        ("flow.rs", "Process"),
        ("file.rs", "FileAct"),
        ("file.rs", "Holding"),
    ] {
        let source = std::fs::read_to_string(root().join("agent/event/src").join(file)).unwrap();
        let fields = fields(&source, name);
        assert!(fields.len() >= 4, "{name}: {fields:?}");
        for field in fields {
            assert!(docs.contains(&format!("| `{field}` |")), "docs/events.md: no row for `{field}` of {name}");
        }
    }
}

/// The text of each fenced block of `document`, with its language.
fn blocks(document: &str) -> Vec<(&str, &str)> {
    let fences = document.split("\n```").collect::<Vec<_>>();
    fences.iter().skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

/// `text` in an encoding of one byte a character.
fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    if encoding == Encoding::Utf8 {
        return text.as_bytes().to_vec();
    }
    let byte = |c: char| (0..=u8::MAX).find(|byte| kuzet_personal::decode(&[*byte], encoding).starts_with(c)).unwrap();
    text.chars().map(byte).collect()
}

fn told(events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        let actor = &event.actor;
        let person = if actor.person.is_empty() { String::new() } else { format!("({})", actor.person) };
        let _ =
            write!(out, "{} {}{person}@{} {:?} {:?}", event.at, actor.user, actor.client, event.action, event.outcome);
        if let Some(statement) = &event.statement {
            let _ = write!(out, " [{}] {} people", statement.summary, event.identifiers.len());
        }
        if let Some(rows) = event.rows.known() {
            let _ = write!(out, " {rows} rows");
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_example_of_feeds_loads() {
    let document = std::fs::read_to_string(root().join("docs/feeds.md")).unwrap();
    let (_, settings) = blocks(&document)[0];
    let (config, warnings) = kuzet::config::load_text(settings, std::path::Path::new("/k.toml")).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let formats: Vec<_> = kuzet::setup::feeds(&config, &Key::new([7; 32])).iter().map(|feed| feed.format).collect();
    assert_eq!(formats, [Some(Format::WebAccessLog), Some(Format::SquidAccess), Some(Format::LinuxAudit)]);
}

#[test]
fn the_examples_of_journals_hold() {
    let document = std::fs::read_to_string(root().join("docs/journals.md")).unwrap();
    let blocks = blocks(&document);
    assert_eq!(blocks.len(), 9);
    for [(_, settings), (_, journal), (_, expected)] in blocks.as_chunks::<3>().0 {
        let (config, warnings) = kuzet::config::load_text(settings, std::path::Path::new("/k.toml")).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let feed = kuzet::setup::feeds(&config, &Key::new([7; 32])).remove(0);
        assert_eq!(feed.format, Some(Format::Mapped));
        let bytes = encoded(&format!("{journal}\n"), feed.options.mapping.as_ref().unwrap().encoding);
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes: &bytes, edge: Edge::End };
        let mut events = Vec::new();
        let tally = Format::Mapped.decoder(&feed.options).decode(chunk, &mut events).tally;
        let shown = format!("{events:?}");
        assert!(!shown.contains("850830346939") && !shown.contains("филиалы"), "{}", feed.name);
        let counts =
            [(tally.seen, "seen"), (tally.handled, "handled"), (tally.suppressed, "suppressed"), (tally.lost, "lost")];
        let counts: Vec<String> = counts.iter().map(|(count, name)| format!("{count} {name}")).collect();
        assert_eq!(format!("{}{}", told(&events), counts.join(", ")), expected.trim_end(), "{}", feed.name);
    }
}
