//! Hostile and odd input: endless lines, unreadable files, things that are no files, too many of them.

use super::harness::{LIMIT, Reader, Taken, options, source};
use super::writer::{Format, Writer, gzip, record};
use crate::support::{Scratch, until};
use kuzet::clock::System;
use kuzet::message::GapReason;
use kuzet::source::{DirectRead, FileState, SourceError, TailOptions, TailSource, Tailer, Wake};
use kuzet_event::SourceId;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn an_endless_line_is_given_in_bounded_parts_and_every_byte_is_accounted_for() {
    let directory = Scratch::new("endless");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    let small = TailOptions { buffer: 4096, max_record: 16 * 1024, turn: 8192, ..options() };
    let mut reader = Reader::new(source(&directory, &["x.log"]), small);
    writer.append(3);
    writer.raw(&vec![b'x'; 1_000_000]);
    writer.raw(b"\n");
    writer.append(3);
    reader.until("all records", |taken| taken.records.len() == 6);
    assert_eq!(reader.taken.records, [0, 1, 2, 3, 4, 5]);
    let rest: usize = reader.taken.others.len();
    assert!(rest <= 1, "the end of the long line comes once: {rest}");
    assert!(reader.taken.cut > 1_000_000 - 16 * 1024 && reader.taken.cut <= 1_000_000, "{}", reader.taken.cut);
    let status = reader.status();
    assert_eq!((status.files[0].lag, status.files[0].offset), (0, status.files[0].size));
}

#[test]
fn one_busy_file_starves_none() {
    let directory = Scratch::new("busy");
    let mut busy = Writer::new(directory.path(), "busy.log", Format::Csvlog, 0);
    let mut calm = Writer::new(directory.path(), "calm.log", Format::Csvlog, 1_000_000);
    busy.append(1);
    calm.append(1);
    let mut reader = Reader::new(source(&directory, &["*.log"]), TailOptions { turn: 16 * 1024, ..options() });
    reader.until("both are followed", |taken| taken.records.len() == 2);
    busy.append(50_000);
    calm.append(1);
    reader.until("the calm one", |taken| taken.records.contains(&1_000_001));
    assert!(reader.taken.records.len() < 10_000, "{}", reader.taken.records.len());
}

#[test]
fn what_cannot_be_read_is_a_gap_until_it_can() {
    let directory = Scratch::new("unreadable");
    let path = directory.join("x.log");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let mut reader = Reader::new(source(&directory, &["x.log"]), options());
    reader.until("it is told", |taken| !taken.gaps.is_empty());
    reader.rest(5);
    assert_eq!(reader.reasons(), [GapReason::Unreadable]);
    assert_eq!(reader.status().files[0].state, FileState::Unreadable);
    assert!(reader.status().files[0].error.is_some());
    std::fs::remove_file(&path).unwrap();
    Writer::new(directory.path(), "x.log", Format::Csvlog, 0).append(3);
    reader.expect(3);
    assert_eq!(reader.status().files[0].state, FileState::Following);
}

#[test]
fn a_link_is_followed_and_a_file_under_two_names_is_read_once() {
    let directory = Scratch::new("link");
    std::fs::create_dir(directory.join("real")).unwrap();
    let mut writer = Writer::new(&directory.join("real"), "pg.log", Format::Csvlog, 0);
    writer.append(2);
    std::os::unix::fs::symlink(directory.join("real/pg.log"), directory.join("x.log")).unwrap();
    let mut reader = Reader::new(source(&directory, &["x.log", "real/*.log"]), options());
    reader.expect(2);
    writer.append(2);
    reader.expect(4);
    assert_eq!(reader.status().files.len(), 1);
}

#[test]
fn what_is_no_file_is_not_followed() {
    let directory = Scratch::new("nofile");
    std::fs::create_dir(directory.join("d.log")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(directory.join("s.log")).unwrap();
    Writer::new(directory.path(), "x.log", Format::Csvlog, 0).append(2);
    let mut reader = Reader::new(source(&directory, &["*.log"]), options());
    reader.expect(2);
    let problems = reader.status().problems;
    assert!(problems.len() == 1 && problems[0].contains("s.log: not a regular file"), "{problems:?}");
    drop(socket);
}

#[test]
fn too_many_files_are_bounded_and_told() {
    let directory = Scratch::new("many");
    for number in 0..40 {
        Writer::new(directory.path(), &format!("{number}.log"), Format::Csvlog, number).append(1);
    }
    let mut reader = Reader::new(source(&directory, &["*.log"]), TailOptions { max_files: 30, ..options() });
    reader.until("the bounded number", |taken| taken.records.len() == 30);
    reader.rest(3);
    assert_eq!(reader.taken.records.len(), 30);
    assert!(reader.status().problems[0].contains("40 files match and at most 30"), "{:?}", reader.status().problems);
}

#[test]
fn a_directory_that_comes_later_is_found() {
    let directory = Scratch::new("later");
    let mut reader = Reader::new(source(&directory, &["*/x.log", "later/y.log"]), options());
    reader.rest(2);
    assert!(reader.status().problems[0].contains("no file matches"));
    std::fs::create_dir(directory.join("later")).unwrap();
    Writer::new(&directory.join("later"), "x.log", Format::Csvlog, 0).append(2);
    reader.expect(2);
    Writer::new(&directory.join("later"), "y.log", Format::Csvlog, 2).append(2);
    reader.expect(4);
}

#[test]
fn another_thread_wakes_a_tailer_that_waits() {
    let directory = Scratch::new("waker");
    let mut tailer = Tailer::open(
        vec![source(&directory, &["x.log"])],
        &[],
        TailOptions { poll: LIMIT, ..TailOptions::default() },
        Arc::new(System),
    )
    .unwrap();
    tailer.read(&mut Taken::default());
    tailer.read(&mut Taken::default());
    assert_eq!(tailer.wait(Duration::ZERO), Wake::Timeout);
    let waker = tailer.waker();
    let thread = std::thread::spawn(move || waker.wake());
    until("the wake", LIMIT, || (tailer.wait(LIMIT) == Wake::Woken).then_some(()));
    thread.join().unwrap();
}

#[test]
fn two_sources_may_follow_one_file() {
    let directory = Scratch::new("two");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    writer.append(1);
    let first = source(&directory, &["x.log"]);
    let second = TailSource { id: SourceId(1), name: "other".to_owned(), ..first.clone() };
    let slow = TailOptions { poll: LIMIT, ..TailOptions::default() };
    let mut tailer = Tailer::open(vec![first, second], &[], slow, Arc::new(System)).unwrap();
    let mut taken = Taken::default();
    for count in 1..5 {
        until("both sources give the record", LIMIT / 2, || {
            tailer.read(&mut taken);
            if taken.records.len() < 2 * count {
                tailer.wait(LIMIT);
            }
            (taken.records.len() == 2 * count).then_some(())
        });
        writer.append(1);
    }
}

#[test]
fn a_source_that_cannot_be_is_refused_with_a_code() {
    let directory = Scratch::new("refused");
    let open = |sources| Tailer::open(sources, &[], options(), Arc::new(System)).err().unwrap();
    let bad = source(&directory, &["a**b"]);
    assert!(matches!(open(vec![bad.clone()]), SourceError::Pattern { .. }));
    assert!(open(vec![bad]).to_string().contains("KZ-SOURCE-PATTERN"));
    assert!(matches!(open(vec![source(&directory, &[])]), SourceError::Empty { .. }));
    let good = source(&directory, &["x.log"]);
    assert!(matches!(open(vec![good.clone(), good]), SourceError::Twice { .. }));
}

#[test]
fn files_are_read_directly_plain_or_packed() {
    let directory = Scratch::new("direct");
    let text: String = (0..5000).map(|number| record(Format::Jsonlog, number)).collect();
    std::fs::write(directory.join("x.log"), text.trim_end()).unwrap();
    gzip(text.as_bytes(), &directory.join("x.log.gz"));
    let mut direct = DirectRead::new(TailOptions { turn: 100_000, ..TailOptions::default() });
    for name in ["x.log", "x.log.gz"] {
        let (mut taken, mut reports) = (Taken::default(), Vec::new());
        let progress = direct.file(SourceId(1), &directory.join(name), &mut taken, &mut |at| reports.push(at)).unwrap();
        assert_eq!(taken.records, (0..5000).collect::<Vec<_>>());
        assert_eq!(progress.bytes, progress.consumed);
        assert!(reports.len() > 5 && reports.is_sorted_by_key(|at| at.read));
        assert_eq!(reports.last().unwrap().read, progress.bytes);
        assert_eq!(taken.finished.len(), 1);
    }
    assert!(direct.file(SourceId(1), directory.path(), &mut Taken::default(), &mut |_| {}).is_err());
}
