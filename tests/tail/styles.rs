//! The ways in which real systems rotate their logs, over many cycles: every record once, and no gap told.
//!
//! A false "log was cut" at every rotation would make people switch the agent off.

use super::harness::{Reader, options, source};
use super::writer::{Format, Writer, gzip};
use crate::support::Scratch;
use kuzet::source::TailOptions;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// Rotations of one run.
const CYCLES: u32 = 24;
/// Rotated files that are kept.
const KEPT: u32 = 4;

/// One way of rotating, given the number of the cycle.
type Rotate = fn(&mut Writer, u32);

/// Runs `rotate` with the agent running and with it restarted between, with and without events of the file system, and
/// with rotated files that are finished soon or not before the restart.
fn style(name: &str, patterns: &[&str], rotate: Rotate) {
    for (restarted, notify, linger) in [(false, true, 30), (false, false, 30), (true, true, 30), (true, false, 10_000)]
    {
        let directory = Scratch::new(name);
        let first = if patterns[0].contains('*') { dated(0) } else { patterns[0].to_owned() };
        let mut writer = Writer::new(directory.path(), &first, Format::Csvlog, 0);
        writer.append(3);
        let linger = Duration::from_millis(linger);
        let mut reader = Reader::new(source(&directory, patterns), TailOptions { notify, linger, ..options() });
        let mut nodes = BTreeSet::new();
        let mut reused = 0;
        for cycle in 1..=CYCLES {
            writer.append(u64::from(cycle % 5));
            reader.expect(writer.next());
            // Now and then the old files have time to be finished.
            reader.rest(u32::from(cycle % 6 == 0) * 4);
            if restarted {
                reader.commit();
                reader.kill();
            }
            rotate(&mut writer, cycle);
            reused += u32::from(!nodes.insert(writer.path().metadata().unwrap().ino()));
            writer.append(u64::from(cycle % 3));
            if restarted {
                reader.start();
            }
        }
        writer.append(2);
        reader.expect(writer.next());
        reader.rest(6);
        let told = format!("{name}, restarted {restarted}, {reused} inodes used again: {:#?}", reader.taken.gaps);
        assert!(reader.taken.gaps.is_empty(), "{told}");
        assert_eq!(reader.taken.records.len() as u64, writer.next(), "{told}");
        assert!(reader.taken.others.is_empty(), "{told}");
    }
}

/// A name of PostgreSQL's collector.
fn dated(number: u32) -> String {
    format!("postgresql-2026-11-22_10{:02}{:02}.csv", number / 60, number % 60)
}

#[test]
fn create() {
    style("create", &["x.log"], |writer, _| {
        writer.rotate();
        writer.remove(KEPT + 1);
    });
}

#[test]
fn numbered_files_that_a_pattern_matches_too() {
    // The oldest goes first, so that its inode is free for the new file.
    style("matched", &["x.log", "x.log*"], |writer, _| {
        writer.remove(KEPT);
        writer.rotate();
    });
}

#[test]
fn copytruncate() {
    style("copytruncate", &["x.log"], |writer, _| {
        writer.copytruncate();
        writer.remove(KEPT + 1);
    });
}

#[test]
fn copytruncate_and_compress() {
    style("copycompress", &["x.log"], |writer, _| {
        writer.copytruncate();
        writer.pack(1);
        writer.remove(KEPT + 1);
    });
}

#[test]
fn compress() {
    style("compress", &["x.log"], |writer, _| {
        writer.rotate();
        writer.pack(1);
        writer.remove(KEPT + 1);
    });
}

#[test]
fn delaycompress() {
    style("delaycompress", &["x.log"], |writer, _| {
        writer.pack(1);
        writer.rotate();
        writer.remove(KEPT + 1);
    });
}

#[test]
fn dateext_with_delaycompress() {
    style("dateext", &["x.log"], |writer, cycle| {
        let name = |cycle: u32| -> PathBuf { writer.path().with_file_name(format!("x.log-202611{cycle:02}")) };
        let packed = |cycle: u32| -> PathBuf { writer.path().with_file_name(format!("x.log-202611{cycle:02}.gz")) };
        if let Ok(bytes) = std::fs::read(name(cycle - 1)) {
            gzip(&bytes, &packed(cycle - 1));
            std::fs::remove_file(name(cycle - 1)).unwrap();
        }
        let _ = std::fs::remove_file(packed(cycle.saturating_sub(KEPT)));
        std::fs::rename(writer.path(), name(cycle)).unwrap();
        writer.switch("x.log");
    });
}

#[test]
fn server_audit() {
    // server_audit_file_rotations = 9: the ninth is overwritten by a rename.
    style("server_audit", &["server_audit.log"], |writer, _| {
        for number in (1..9).rev() {
            let _ = std::fs::rename(writer.rotated(number), writer.rotated(number + 1));
        }
        std::fs::rename(writer.path(), writer.rotated(1)).unwrap();
        writer.switch("server_audit.log");
    });
}

#[test]
fn postgresql_collector_with_several_files_at_once() {
    style("collector", &["postgresql-*.csv"], |writer, cycle| {
        for part in 0..4 {
            writer.switch(&dated(cycle * 4 + part));
            writer.append(2);
        }
        // What a retention job removes.
        let oldest = cycle * 4;
        for number in oldest.saturating_sub(16)..oldest.saturating_sub(8) {
            let _ = std::fs::remove_file(writer.path().with_file_name(dated(number)));
        }
    });
}

#[test]
fn many_dated_files_are_not_held_open() {
    let directory = Scratch::new("held");
    let mut writer = Writer::new(directory.path(), &dated(0), Format::Csvlog, 0);
    let mut reader = Reader::new(source(&directory, &["postgresql-*.csv"]), options());
    for number in 0..300 {
        writer.switch(&dated(number));
        writer.append(1);
    }
    reader.expect(300);
    reader.until("all but the last are closed", |taken| taken.finished.len() == 299);
    assert_eq!(reader.status().files.len(), 1);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn names_that_move_while_the_reader_starts_are_not_called_gone() {
    for notify in [true, false] {
        let directory = Scratch::new("moving");
        let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
        let mut reader = Reader::new(source(&directory, &["x.log"]), TailOptions { notify, ..options() });
        writer.append(3);
        reader.expect(3);
        let rotating = std::thread::spawn(move || {
            for _ in 0..80 {
                writer.append(3);
                writer.rotate();
            }
            writer.append(1);
            writer.next()
        });
        let mut starts = 0;
        while !rotating.is_finished() {
            reader.step();
            reader.restart();
            starts += 1;
        }
        let records = rotating.join().unwrap();
        reader.until("the last record", |taken| taken.records.len() as u64 >= records);
        reader.rest(6);
        let told = format!("{starts} starts: {:#?}", reader.taken.gaps);
        assert!(reader.taken.gaps.is_empty(), "{told}");
        reader.taken.records.sort_unstable();
        assert_eq!(reader.taken.records, (0..records).collect::<Vec<_>>(), "{told}");
    }
}
