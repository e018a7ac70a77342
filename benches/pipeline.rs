//! The whole path: from a log file to committed incidents with the shipped detectors, in records per CPU-second.
//!
//! `cargo bench --bench pipeline -- FORMAT FILE [CATALOGUE POLICY]` prints one line; `-- FORMAT FILE decode` stops behind
//! the decoder, `-- csv FILE` only takes the file apart with the `csv` crate, `-- json FILE` with `serde_json`, as bounds. `benches/run_pipeline.py` makes
//! the corpora, runs all of them in turn, and prints what the dated result keeps.

#![allow(clippy::print_stdout)] // a bench prints its figures

use kuzet::clock::{Clock, System};
use kuzet::config::{Config, Content, SourceConfig};
use kuzet::metrics::{Metrics, Names};
use kuzet::pipeline::Agent;
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, Tally};
use kuzet_event::{FileId, SourceId};
use kuzet_personal::Key;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn memory() -> u64 {
    kuzet::metrics::usage().map_or(0, |usage| usage.resident_bytes) / 1024
}

fn tell(what: &str, records: u64, used: f64) {
    println!("{what} records {records} cpu {used:.3} s: {:.0} records/s, rss {} KiB", records as f64 / used, memory());
}

/// The decoder alone, on the chunks that the tailer would give it.
fn decode(format: &str, path: &str) -> anyhow::Result<()> {
    let format = Format::from_name(format).ok_or_else(|| anyhow::anyhow!("no format {format}"))?;
    let mut decoder = format.decoder(&DecodeOptions::new(Key::new([7; 32])));
    let mut file = std::fs::File::open(path)?;
    let (mut bytes, mut held, mut offset) = (vec![0; 256 << 10], 0, 0);
    let (mut tally, mut events) = (Tally::default(), Vec::new());
    let start = cpu();
    loop {
        let read = file.read(&mut bytes[held..])?;
        let edge = if read == 0 { Edge::End } else { Edge::More };
        held += read;
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset, bytes: &bytes[..held], edge };
        let done = decoder.decode(chunk, &mut events);
        std::hint::black_box(&events);
        events.clear();
        tally.add(done.tally);
        offset += done.consumed as u64;
        bytes.copy_within(done.consumed..held, 0);
        held -= done.consumed;
        if read == 0 {
            break;
        }
    }
    tell("decode", tally.seen, cpu().saturating_sub(start).as_secs_f64());
    Ok(())
}

/// A bound: the records of a csvlog as fields, without a meaning.
fn bare_csv(path: &str) -> anyhow::Result<()> {
    let start = cpu();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let (mut record, mut records) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record)? {
        std::hint::black_box(&record);
        records += 1;
    }
    tell("csv", records, cpu().saturating_sub(start).as_secs_f64());
    Ok(())
}

/// A bound: lines of JSON as values, without a meaning.
fn bare_json(path: &str) -> anyhow::Result<()> {
    let start = cpu();
    let text = std::fs::read(path)?;
    let mut records = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        std::hint::black_box(serde_json::from_slice::<serde_json::Value>(line)?);
        records += 1;
    }
    tell("json", records, cpu().saturating_sub(start).as_secs_f64());
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [format, file, content @ ..] = arguments.as_slice() else {
        println!("usage: pipeline FORMAT FILE [CATALOGUE POLICY]");
        return Ok(());
    };
    if format == "csv" {
        return bare_csv(file);
    }
    if format == "json" {
        return bare_json(file);
    }
    if content.first().is_some_and(|word| word == "decode") {
        return decode(format, file);
    }
    let state = std::env::temp_dir().join(format!("kuzet-bench-{}", std::process::id()));
    let mut config = Config::embedded();
    config.state.clone_from(&state);
    config.sources = vec![SourceConfig {
        name: "bench".to_owned(),
        format: Some(format.clone()),
        paths: vec![file.clone()],
        from_beginning: true,
        ..SourceConfig::default()
    }];
    kuzet::state::prepare(&state).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let (catalogue, policy) = (content.first().map(Path::new), content.get(1).map(Path::new));
    let content = Content::read(catalogue, policy, None).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let sources = ["bench".to_owned()];
    let metrics = Arc::new(Metrics::new(Names { sources: &sources, ..Names::default() })?);
    let clock: Arc<dyn Clock> = Arc::new(System);
    let mut agent = Agent::open(&config, content, &Key::new([7; 32]), &metrics, &clock)?;
    let start = cpu();
    agent.catch_up();
    let used = cpu().saturating_sub(start).as_secs_f64();
    let status = &agent.status()[0];
    let bytes = std::fs::metadata(file)?.len();
    println!(
        "{format} records {} handled {} suppressed {} lost {} events {} cpu {used:.3} s: {:.0} records/s, {:.0} MB/s, rss {} KiB",
        status.tally.seen,
        status.tally.handled,
        status.tally.suppressed,
        status.tally.lost,
        status.events,
        status.tally.seen as f64 / used,
        bytes as f64 / used / 1e6,
        memory(),
    );
    std::fs::remove_dir_all(&state)?;
    Ok(())
}
