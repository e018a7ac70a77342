//! As many different roles, addresses, programs, sessions, statements and people as a hostile log can name, through the whole
//! core, from bytes to incidents: memory stays where it is, and what is forgotten is counted. A few thousand records and small
//! tables in the gate; with `KUZET_LONG=1` (scripts/long.sh) ten million different values and the tables as they are.

use super::feed::{Audited, Record};
use crate::simulation::{Server, quiet_core};
use kuzet::core::Core;
use kuzet::source::{FileInfo, Sink};
use kuzet_decode::{Chunk, Edge};
use kuzet_detect::Thresholds;
use kuzet_event::{FileId, SourceId};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Different values in one record: role, address, program, session, statement, and people.
const VALUES: u64 = 5 + PEOPLE;
const PEOPLE: u64 = 10;
const LONG: u64 = 10_000_000;
const GATE: u64 = 8_000;
/// Records after which every table is full.
const FULL: u64 = 40_000;
/// Records handed over at once, after which the store writes down what changed.
const BATCH: u64 = 500;
/// What may be added once every table is full: allocators keep what they had.
const GROWN: u64 = 32 << 20;
const BEGIN: i64 = 1_795_364_550_000_000;

/// The record of that number: each name and value in it was never there before.
fn record(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let people = (number * PEOPLE..(number + 1) * PEOPLE).map(|person| format!("{:012}", 100_000_000_000 + person));
    let audited = Audited {
        class: "READ",
        command: "SELECT",
        object: "public.borrowers",
        text: &format!("SELECT full_name AS c{number} FROM borrowers WHERE iin IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)"),
        parameters: &people.collect::<Vec<String>>().join(","),
        rows: 1,
    };
    // A million of them in ten days.
    let at = BEGIN + i64::try_from(number).unwrap_or(0) * 864_000;
    let process = u32::try_from(number % u64::from(u32::MAX)).unwrap_or(0);
    let record = Record::audit(at, &format!("role{number}"), process, 1, &audited);
    let [_, a, b, c] = u32::try_from(number & 0xff_ffff).unwrap_or(0).to_be_bytes();
    let record = Record { program: format!("program {mixed:x}"), ..record };
    record.csv().replace("127.0.0.1:", &format!("10.{a}.{b}.{c}:"))
}

fn resident() -> u64 {
    kuzet::metrics::usage().expect("this process").resident_bytes
}

/// Hands over one batch and takes what a transaction would record.
fn hand(core: &mut Core, file: &FileInfo, from: u64, offset: &mut u64) -> usize {
    let mut bytes = String::new();
    for number in from..from + BATCH {
        bytes.push_str(&record(number));
    }
    let chunk =
        Chunk { source: file.source, file: file.file, offset: *offset, bytes: bytes.as_bytes(), edge: Edge::Quiet };
    let consumed = core.chunk(file, chunk);
    assert_eq!(consumed, bytes.len());
    *offset += consumed as u64;
    if let Some(latest) = core.watermark() {
        core.tick(latest);
    }
    core.detectors().changes();
    core.folder.changes().len()
}

#[test]
fn memory_does_not_grow_with_what_a_log_can_name() {
    let long = std::env::var("KUZET_LONG").is_ok_and(|value| value == "1");
    let records = if long { LONG.div_ceil(VALUES).next_multiple_of(BATCH) } else { GATE };
    let mut core = quiet_core(Server::PostgresqlRows, |thresholds| {
        if !long {
            *thresholds = Thresholds {
                max_accounts: 512,
                max_people: 512,
                max_known: 512,
                max_baselines: 512,
                max_sessions: 512,
                ..thresholds.clone()
            };
        }
    });
    let path = Arc::from(Path::new("/var/log/db/db.log"));
    let file = FileInfo { source: SourceId(0), file: FileId(1), path, decoder: Arc::from([]) };
    let start = resident();
    let (mut offset, mut told) = (0, 0);
    let (mut held, mut full) = (0, 0);
    let warm = (records / 2).min(FULL);
    for from in (0..records).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        if from == warm {
            (held, full) = (core.detectors().held(), resident());
        }
        told += hand(&mut core, &file, from, &mut offset);
    }
    let end = resident();
    let (held_now, evicted) = (core.detectors().held(), core.detectors().evicted());
    let status = &core.status()[0];
    assert_eq!((status.tally.lost, status.events), (0, records));
    let mut text = String::new();
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let _ = writeln!(
        text,
        "{records} records, {} different values; resident memory {:.1} MB before, {:.1} MB after {warm} records, {:.1} MB at \
         the end; {held} entries of detectors held then and {held_now} at the end, {evicted} forgotten and counted; {told} \
         changes of incidents",
        records * VALUES,
        megabytes(start),
        megabytes(full),
        megabytes(end),
    );
    report(&text);
    assert!(held_now.saturating_sub(held) * 20 <= held, "{text}");
    // In the gate other tests of this process have memory of their own.
    assert!(!long || end.saturating_sub(full) < GROWN, "{text}");
    assert!(evicted > records / 2, "{text}");
}

/// Appends to the file that scripts/long.sh names.
fn report(text: &str) {
    use std::io::Write as _;
    let Ok(path) = std::env::var("KUZET_FLOOD_REPORT") else { return eprintln!("{text}") };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a report");
    file.write_all(text.as_bytes()).expect("a report");
}
