//! `server_audit` recordings of real servers: what comes out, record by record, and that pieces do not show.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read their recordings

mod common;

use common::{decode, decode_growing, options, step};
use kuzet_decode::{DecodeOptions, Edge, Format, sniff};
use kuzet_event::{Action, Event, Flag, Outcome, Trust, Witness};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const FORMAT: Format = Format::MariadbServerAudit;
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/server_audit.txt");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/mariadb")
}

fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".audit.log"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

fn line(event: &Event) -> String {
    let mut out = format!(
        "{} {}@{} {} #{} {:?} {:?} {}",
        event.at,
        event.actor.user.escape_debug(),
        event.actor.client,
        event.actor.database,
        event.statement_number,
        event.action,
        event.outcome,
        event.code.as_str()
    );
    if let Some(relation) = &event.relation {
        let _ = write!(out, " {:?} {}.{}", relation.access, relation.schema, relation.name);
    }
    if let Some(statement) = &event.statement {
        let _ = write!(out, " {:?} [{}] {} people", statement.verb, statement.summary, event.identifiers.len());
    }
    out
}

#[test]
fn golden() {
    let mut made =
        String::from("# What the recordings in tests/data/samples/mariadb say. Rewritten by KUZET_BLESS=1.\n");
    for (name, bytes) in recordings() {
        assert_eq!(sniff(&bytes), Some(FORMAT), "{name}");
        let (events, tally) = decode(FORMAT, &options(), &bytes);
        let _ = writeln!(made, "\n{name} {tally:?}");
        let shown = if events.len() > 120 { 12 } else { events.len() };
        for event in &events[..shown] {
            let _ = writeln!(made, "{}", line(event));
            assert_eq!(event.trust, Trust::Forgeable);
            assert!(event.witness == Witness::Audit && event.rows.known().is_none());
        }
    }
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(GOLDEN, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(GOLDEN).unwrap() == made,
        "events differ; look at the difference after KUZET_BLESS=1"
    );
}

#[test]
fn pieces_and_restarts_do_not_show() {
    for (name, bytes) in recordings() {
        let whole = decode(FORMAT, &options(), &bytes);
        for size in [1, 7, 64, 1000] {
            if size == 1 && bytes.len() > 20_000 {
                continue;
            }
            let cuts = vec![size; bytes.len() / size + 1];
            for restart in [false, true] {
                let grown = decode_growing(FORMAT, &options(), &bytes, &cuts, restart);
                assert_eq!(whole, grown, "{name} in pieces of {size}, restart {restart}");
            }
        }
    }
}

#[test]
fn nothing_raw_comes_out() {
    for (name, bytes) in recordings() {
        let text = String::from_utf8_lossy(&bytes);
        let (events, _) = decode(FORMAT, &options(), &bytes);
        let shown = format!("{events:?}");
        let mut digits = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_ascii_digit() {
                digits.push(c);
            } else {
                assert!(digits.len() < 12 || !shown.contains(&digits), "{digits} of {name}");
                digits.clear();
            }
        }
    }
}

#[test]
fn ordinary_work_raises_no_flag_of_an_attack() {
    let suspicious = [
        Flag::UnionProbe,
        Flag::Tautology,
        Flag::Stacked,
        Flag::TimeDelay,
        Flag::CatalogProbe,
        Flag::ErrorProbe,
        Flag::CommentCut,
        Flag::ServerFile,
        Flag::WeakensAudit,
        Flag::Escalates,
    ];
    let (_, bytes) = recordings().into_iter().find(|(name, _)| name.starts_with("app_normal")).unwrap();
    for event in decode(FORMAT, &options(), &bytes).0 {
        if let Some(statement) = event.statement {
            for flag in suspicious {
                assert!(!statement.flags.has(flag), "{flag:?}: {}", statement.summary);
            }
        }
    }
}

#[test]
fn a_zone_moves_the_time() {
    let bytes = b"20261122 16:27:58,vm,app,10.0.0.1,12,160,QUERY,mfo,'SELECT 1',0\n";
    let mut east = options();
    east.timezone = 5 * 3600;
    let (utc, _) = decode(FORMAT, &options(), bytes);
    let (local, _) = decode(FORMAT, &east, bytes);
    assert_eq!(utc[0].at.to_string(), "2026-11-22T16:27:58.000000Z");
    assert_eq!(local[0].at.to_string(), "2026-11-22T11:27:58.000000Z");
}

#[test]
fn a_statement_that_fills_the_limit_was_cut() {
    let record = |length: usize| {
        let text = format!("SELECT {}", "a".repeat(length - 7));
        format!("20261122 16:27:58,vm,app,10.0.0.1,12,160,QUERY,mfo,'{text}',0\n").into_bytes()
    };
    let cut = |options: &DecodeOptions, length| {
        let (events, _) = decode(FORMAT, options, &record(length));
        events[0].statement.as_ref().unwrap().flags.has(Flag::Truncated)
    };
    assert!(cut(&options(), 1024) && cut(&options(), 1023) && !cut(&options(), 1000));
    let mut larger = options();
    larger.query_log_limit = 8192;
    assert!(!cut(&larger, 1024));
}

#[test]
fn an_endless_record_is_lost_once_and_skipped() {
    let mut decoder = FORMAT.decoder(&options());
    let mut events = Vec::new();
    let huge = [b"20261122 16:27:58,vm,app,h,1,1,QUERY,mfo,'".as_slice(), &[b'x'; 5000]].concat();
    let first = step(decoder.as_mut(), &huge, 0, Edge::Full, &mut events);
    assert_eq!((first.consumed, first.tally.lost), (huge.len(), 1));
    // A restart in the middle of it goes on skipping.
    let snapshot = decoder.snapshot();
    let mut decoder = FORMAT.decoder(&options());
    decoder.restore(&snapshot);
    let rest = b"xxx',0\n20261122 16:27:58,vm,app,h,1,0,DISCONNECT,mfo,,0\n";
    let second = step(decoder.as_mut(), rest, huge.len() as u64, Edge::More, &mut events);
    assert_eq!((second.tally.seen, second.tally.handled, second.tally.lost_bytes), (1, 1, 7));
    assert_eq!((events.len(), events[0].action), (1, Action::Logout));
}

#[test]
fn a_broken_name_waits_for_its_rest() {
    let bytes = b"20261122 16:28:00,vm,x,y\n2026,127.0.0.1,31,0,FAILED_CONNECT,,,1045\n";
    let mut decoder = FORMAT.decoder(&options());
    let mut events = Vec::new();
    let done = step(decoder.as_mut(), &bytes[..30], 0, Edge::More, &mut events);
    assert_eq!((done.consumed, done.tally.seen), (0, 0));
    let done = step(decoder.as_mut(), bytes, 0, Edge::More, &mut events);
    assert_eq!((done.consumed, done.tally.handled), (bytes.len(), 1));
    assert_eq!((events[0].outcome, events[0].code.as_str()), (Outcome::Failure, "1045"));
    assert_eq!(&*events[0].actor.user, "x,y\u{fffd}2026");
}
