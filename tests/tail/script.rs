//! Random scripts of writing, rotating, packing, deleting, committing and killing: every record once, or told as a gap.

use super::harness::{Reader, options, source};
use super::writer::{Format, Writer};
use crate::support::{Random, Scratch, poll};
use kuzet::source::TailOptions;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// Cases of one run.
const CASES: u64 = 240;

/// With KUZET_SEED=N one script runs, and tells what it does.
fn tell_step(step: u64, directory: &Scratch, writer: &Writer, reader: &Reader) {
    if std::env::var_os("KUZET_SEED").is_none() {
        return;
    }
    let tell = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().unwrap();
        format!("{}:{}:{}", entry.file_name().to_string_lossy(), metadata.ino(), metadata.len())
    };
    let names: BTreeSet<String> = directory.path().read_dir().unwrap().flatten().map(tell).collect();
    let (next, got, gaps) = (writer.next(), reader.taken.records.len(), reader.taken.gaps.len());
    eprintln!("step {step}: next {next}, got {got}, gaps {gaps}, {names:?}");
}

fn script(seed: u64) {
    let mut random = Random::new(seed);
    let directory = Scratch::new("script");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    let pattern = *random.pick(&["x.log", "x.log*"]);
    let options = TailOptions {
        notify: random.below(2) == 0,
        turn: *random.pick(&[4096, 1 << 20]),
        buffer: *random.pick(&[512, 256 * 1024]),
        rescan: Duration::from_millis(50),
        ..options()
    };
    writer.append(1 + random.below(3));
    let mut reader = Reader::new(source(&directory, &[pattern]), options);
    let mut log = Vec::new();
    // Deleted before the reader could know them: nobody can tell.
    let mut excused = BTreeSet::new();
    let mut part: Option<String> = None;
    for _ in 0..6 + random.below(14) {
        let step = random.below(12);
        log.push(step);
        tell_step(step, &directory, &writer, &reader);
        if step != 0
            && let Some(rest) = part.take()
        {
            writer.raw(rest.as_bytes());
        }
        match step {
            0 => part = part.or_else(|| Some(writer.append_part())),
            1..=3 => drop(writer.append(1 + random.below(40))),
            4 => writer.rotate(),
            5 => writer.copytruncate(),
            6 => writer.pack(1 + random.below(3) as u32),
            7 if random.below(3) == 0 && writer.oldest() > 0 => {
                let oldest = writer.oldest();
                excused.extend(0..writer.next());
                writer.remove(oldest);
            }
            8 => reader.restart(),
            9 => {
                reader.kill();
                reader.start();
            }
            10 => reader.commit(),
            _ => {
                reader.step();
            }
        }
    }
    if let Some(rest) = part.take() {
        writer.raw(rest.as_bytes());
    }
    // A last record tells that everything before it has been looked at.
    writer.append(1);
    let all: BTreeSet<u64> = (0..writer.next()).collect();
    let complete = |reader: &Reader| {
        let got: BTreeSet<u64> = reader.taken.records.iter().copied().collect();
        let told = !reader.taken.gaps.is_empty();
        all.difference(&got).all(|number| excused.contains(number) || told) && got.contains(&(writer.next() - 1))
    };
    let done = poll(Duration::from_secs(20), || {
        reader.step();
        complete(&reader).then_some(())
    });
    let tell = |reader: &Reader| {
        let got: BTreeSet<u64> = reader.taken.records.iter().copied().collect();
        let lost: Vec<u64> = all.difference(&got).copied().collect();
        format!("seed {seed}, steps {log:?}, lost {lost:?}, gaps {:?}, {:#?}", reader.taken.gaps, reader.status())
    };
    assert!(done.is_some(), "{}", tell(&reader));
    reader.rest(4);
    let mut sorted = reader.taken.records.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), reader.taken.records.len(), "doubled: {}\n{:?}", tell(&reader), reader.taken.records);
    assert!(reader.taken.others.is_empty(), "{:?}: {}", reader.taken.others, tell(&reader));
    if excused.is_empty() {
        assert!(reader.taken.gaps.is_empty() && sorted.len() == all.len(), "{}", tell(&reader));
        assert!(reader.taken.records.is_sorted(), "out of order: {}", tell(&reader));
    }
}

fn cases(part: u64) {
    match std::env::var("KUZET_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) if part == 0 => script(seed),
        Some(_) => {}
        None => (0..CASES / 4).for_each(|case| script(part * CASES / 4 + case)),
    }
}

#[test]
fn random_scripts_lose_and_double_nothing_first_quarter() {
    cases(0);
}

#[test]
fn random_scripts_lose_and_double_nothing_second_quarter() {
    cases(1);
}

#[test]
fn random_scripts_lose_and_double_nothing_third_quarter() {
    cases(2);
}

#[test]
fn random_scripts_lose_and_double_nothing_last_quarter() {
    cases(3);
}
