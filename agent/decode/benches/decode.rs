//! Records decoded per CPU-second on one thread, beside the bare parse of the `csv` and `sonic-rs` crates.
//!
//! `cargo bench -p kuzet-decode` takes the recordings of tests/data over and over; `cargo bench -p kuzet-decode -- FILE…`
//! takes csvlog (`.csv`), jsonlog (`.json`) or stderr (`.log`) files. Runs are interleaved and told as medians: the
//! figure that carries over to another machine is the ratio.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)] // a bench reads files, prints figures

use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, Tally};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;

const ROUNDS: usize = 7;
/// As much as the tailer reads at once.
const CHUNK: usize = 256 << 10;

/// CPU nanoseconds of this process (its only thread).
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn timed(work: impl FnOnce() -> u64) -> (u64, f64) {
    let start = cpu();
    let records = work();
    (records, (cpu() - start) as f64 / 1e9)
}

fn decode(format: Format, bytes: &[u8]) -> u64 {
    let mut options = DecodeOptions::new(Key::new([7; 32]));
    options.log_line_prefix = Some("%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ".into());
    let mut decoder = format.decoder(&options);
    let (mut tally, mut events, mut at) = (Tally::default(), Vec::<Event>::new(), 0);
    while at < bytes.len() {
        let end = (at + CHUNK).min(bytes.len());
        let edge = if end == bytes.len() { Edge::End } else { Edge::More };
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: at as u64, bytes: &bytes[at..end], edge };
        let done = decoder.decode(chunk, &mut events);
        tally.add(done.tally);
        at += done.consumed;
        std::hint::black_box(&events);
        events.clear();
    }
    assert_eq!(tally.lost, 0, "{tally:?}");
    tally.seen
}

fn bare_csv(bytes: &[u8]) -> u64 {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    let mut records = 0;
    while reader.read_byte_record(&mut record).unwrap() {
        std::hint::black_box(&record);
        records += 1;
    }
    records
}

/// The same keys that the decoder looks at.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    user: Cow<'a, str>,
    #[serde(borrow, default)]
    dbname: Cow<'a, str>,
    #[serde(borrow, default)]
    remote_host: Cow<'a, str>,
    #[serde(borrow, default)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    error_severity: Cow<'a, str>,
    #[serde(borrow, default)]
    state_code: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    application_name: Cow<'a, str>,
}

fn bare_sonic(bytes: &[u8]) -> u64 {
    let mut records = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line: Line<'_> = sonic_rs::from_slice(line).unwrap();
        let Line { timestamp, user, dbname, remote_host, session_id, .. } = &line;
        std::hint::black_box((timestamp, user, dbname, remote_host, session_id));
        let Line { error_severity, state_code, message, application_name, .. } = &line;
        std::hint::black_box((error_severity, state_code, message, application_name));
        records += 1;
    }
    records
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

type Parse = fn(&[u8]) -> u64;

fn bench(name: &str, format: Format, bytes: &[u8]) {
    let peer: Option<(&str, Parse)> = match format {
        Format::PostgresqlCsvlog => Some(("csv crate", bare_csv)),
        Format::PostgresqlJsonlog => Some(("sonic-rs", bare_sonic)),
        _ => None,
    };
    let (mut own, mut other, mut ratios, mut records) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (count, seconds) = timed(|| decode(format, bytes));
        records = count;
        own.push(count as f64 / seconds);
        if let Some((_, run)) = peer {
            let (count, bare) = timed(|| run(bytes));
            other.push(count as f64 / bare);
            ratios.push(seconds / bare);
        }
    }
    let own = median(own);
    let each = bytes.len() as f64 / records as f64;
    print!("{name}: {records} records of {each:.0} B: {own:.0} records/cpu-s, {:.0} MB/cpu-s", own * each / 1e6);
    if let Some((peer, _)) = peer {
        print!("; {peer} bare {:.0} records/cpu-s; cpu ratio {:.2}", median(other), median(ratios));
    }
    println!();
}

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    for file in &files {
        let format = match Path::new(file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => Format::PostgresqlJsonlog,
            Some("csv") => Format::PostgresqlCsvlog,
            _ => Format::PostgresqlStderr,
        };
        bench(format.name(), format, &std::fs::read(file).unwrap());
    }
    if !files.is_empty() {
        return;
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/postgresql");
    for scenario in ["pgaudit-enum_iin", "pgaudit-pg_dump", "logall-enum_iin"] {
        for (format, extension) in
            [(Format::PostgresqlCsvlog, "csv"), (Format::PostgresqlJsonlog, "json"), (Format::PostgresqlStderr, "log")]
        {
            let sample = std::fs::read(samples.join(format!("{scenario}.{extension}"))).unwrap();
            let bytes = sample.repeat((32 << 20) / sample.len());
            bench(&format!("{scenario} {}", format.name()), format, &bytes);
        }
    }
}
