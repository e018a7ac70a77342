//! Rotation, cutting and deletion while the agent runs.

use super::harness::{Reader, options, source};
use super::writer::{Format, Writer};
use crate::support::Scratch;
use kuzet::message::GapReason;
use kuzet::source::{CurrentLogfiles, FileState, LogDestination, Start, TailOptions};
use std::time::Duration;

fn both(name: &str, then: impl Fn(&mut Writer, &mut Reader)) {
    for notify in [true, false] {
        let directory = Scratch::new(name);
        let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
        let mut reader = Reader::new(source(&directory, &["x.log"]), TailOptions { notify, ..options() });
        then(&mut writer, &mut reader);
    }
}

#[test]
fn lines_come_as_they_are_appended_and_parts_of_lines_do_not() {
    both("append", |writer, reader| {
        writer.append(10);
        reader.expect(10);
        let rest = writer.append_part();
        reader.until("the part is looked at", |taken| taken.quiet == 1);
        assert_eq!(reader.taken.records.len(), 10);
        writer.raw(rest.as_bytes());
        writer.append(1);
        reader.expect(12);
        let status = reader.status();
        assert_eq!((status.files.len(), status.files[0].lag, status.files[0].state), (1, 0, FileState::Following));
        assert_eq!(status.files[0].size, writer.path().metadata().unwrap().len());
        assert!(status.files[0].last_read.is_some() && reader.taken.gaps.is_empty());
    });
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_finished() {
    both("rename", |writer, reader| {
        writer.append(10);
        reader.expect(10);
        writer.append(5);
        let part = writer.append_part();
        writer.rotate();
        // The server still has the old file open.
        writer_raw_to(writer, 1, part.as_bytes());
        writer.append(5);
        reader.until("the old file is finished", |taken| taken.finished.len() == 1);
        reader.expect(21);
        assert_eq!(reader.status().files.len(), 1);
        assert!(reader.taken.gaps.is_empty());
    });
}

fn writer_raw_to(writer: &Writer, number: u32, bytes: &[u8]) {
    use std::io::Write;
    let path = writer.rotated(number);
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_finished_file_that_grows_is_read_on() {
    both("late", |writer, reader| {
        writer.append(10);
        reader.expect(10);
        writer.rotate();
        writer.append(1);
        reader.until("the old file is finished", |taken| taken.finished.len() == 1);
        writer_raw_to(writer, 1, super::writer::record(Format::Csvlog, 11).as_bytes());
        reader.until("the late record", |taken| taken.records.contains(&11));
        reader.expect(12);
    });
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    both("several", |writer, reader| {
        writer.append(3);
        reader.expect(3);
        for _ in 0..6 {
            writer.append(7);
            writer.rotate();
        }
        writer.append(2);
        reader.expect(47);
        assert!(reader.taken.gaps.is_empty());
    });
}

#[test]
fn copytruncate_gives_the_rest_from_the_copy() {
    both("copy", |writer, reader| {
        writer.append(30);
        reader.expect(30);
        writer.append(20);
        writer.copytruncate();
        reader.expect(50);
        writer.append(4);
        reader.expect(54);
        // Cut and longer again than it was, before anybody looks.
        writer.append(3);
        writer.copytruncate();
        writer.append(100);
        reader.expect(157);
        assert!(reader.taken.gaps.is_empty(), "{:?}", reader.taken.gaps);
    });
}

#[test]
fn two_copytruncates_between_two_looks_lose_nothing() {
    both("copies", |writer, reader| {
        writer.append(30);
        reader.expect(30);
        for _ in 0..3 {
            writer.append(5);
            writer.copytruncate();
        }
        writer.append(1);
        reader.expect(46);
        assert!(reader.taken.gaps.is_empty(), "{:?}", reader.taken.gaps);
    });
}

#[test]
fn a_copy_beside_its_original_is_not_read_again() {
    let directory = Scratch::new("beside");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    let mut reader = Reader::new(source(&directory, &["x.log*"]), options());
    writer.append(30);
    reader.expect(30);
    std::fs::copy(writer.path(), directory.join("x.log.bak")).unwrap();
    reader.rest(5);
    writer.append(2);
    reader.expect(32);
    writer.cut();
    writer.append(1);
    reader.expect(33);
    reader.rest(5);
    assert_eq!(reader.taken.records.len(), 33);
}

#[test]
fn a_cut_without_a_copy_is_a_gap() {
    both("cut", |writer, reader| {
        writer.append(10);
        reader.expect(10);
        writer.cut();
        writer.append(2);
        reader.expect(12);
        assert_eq!(reader.reasons(), [GapReason::Truncated]);
    });
}

#[test]
fn a_cut_file_that_grew_beyond_the_offset_is_a_gap() {
    both("regrown", |writer, reader| {
        writer.append(5);
        reader.expect(5);
        writer.cut();
        writer.append(50);
        reader.expect(55);
        assert_eq!(reader.reasons(), [GapReason::Rewritten]);
    });
}

#[test]
fn a_cut_end_is_a_gap_and_the_beginning_is_not_read_again() {
    both("tampered", |writer, reader| {
        writer.append(20);
        reader.expect(20);
        let file = std::fs::OpenOptions::new().write(true).open(writer.path()).unwrap();
        let text = std::fs::read(writer.path()).unwrap();
        let lines: usize = text.split_inclusive(|&byte| byte == b'\n').take(15).map(<[u8]>::len).sum();
        file.set_len(lines as u64).unwrap();
        reader.until("the cut is told", |taken| !taken.gaps.is_empty());
        writer.append(3);
        reader.expect(23);
        assert_eq!(reader.reasons(), [GapReason::Truncated]);
        assert_eq!(reader.taken.gaps[0].offset, lines as u64);
    });
}

#[test]
fn a_record_edited_in_place_is_a_gap() {
    both("edited", |writer, reader| {
        writer.append(20);
        reader.expect(20);
        reader.rest(5);
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().write(true).open(writer.path()).unwrap();
        file.write_all_at(b"2020", 0).unwrap();
        reader.until("the edit is told", |taken| !taken.gaps.is_empty());
        assert_eq!(reader.reasons(), [GapReason::Rewritten]);
    });
}

#[test]
fn a_deleted_file_is_read_to_its_end() {
    both("delete", |writer, reader| {
        writer.append(10);
        reader.expect(10);
        writer.append(10);
        std::fs::remove_file(writer.path()).unwrap();
        writer.append(10);
        reader.until("the file is finished", |taken| taken.finished.len() == 1);
        reader.expect(30);
        // Nothing came after it: whoever has it open writes where nobody can read.
        assert_eq!(reader.reasons(), [GapReason::Deleted]);
        let name = "x.log";
        writer.switch(name);
        writer.append(10);
        reader.expect(40);
    });
}

#[test]
fn dated_names_follow_each_other() {
    let directory = Scratch::new("dated");
    let mut writer = Writer::new(directory.path(), "postgresql-2026-11-22.csv", Format::Csvlog, 0);
    let idle = TailOptions { idle: Duration::from_millis(40), ..options() };
    let mut reader = Reader::new(source(&directory, &["postgresql-*.csv"]), idle);
    writer.append(10);
    reader.expect(10);
    for day in ["2026-11-23", "2026-11-24"] {
        writer.append(3);
        writer.switch(&format!("postgresql-{day}.csv"));
        writer.append(4);
    }
    reader.expect(24);
    reader.until("the old ones are closed", |taken| taken.finished.len() == 2);
    assert_eq!(reader.status().files.len(), 1);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn current_logfiles_leads_to_the_file_and_those_between() {
    let directory = Scratch::new("current");
    let data = directory.join("data");
    std::fs::create_dir_all(data.join("log")).unwrap();
    let list = |name: &str| {
        let text = format!("stderr log/{name}.log\njsonlog log/{name}.json\n");
        std::fs::write(data.join("current_logfiles.tmp"), text).unwrap();
        std::fs::rename(data.join("current_logfiles.tmp"), data.join("current_logfiles")).unwrap();
    };
    let mut writer = Writer::new(&data.join("log"), "postgresql-2026-11-22_000000.json", Format::Jsonlog, 0);
    list("postgresql-2026-11-22_000000");
    std::fs::write(data.join("log/postgresql-2026-11-22_000000.log"), "not this one\n").unwrap();
    let current = CurrentLogfiles { path: data.join("current_logfiles"), destination: LogDestination::Jsonlog };
    let mut from = source(&directory, &[]);
    (from.current_logfiles, from.start) = (Some(current), Start::Beginning);
    writer.append(5);
    let mut reader = Reader::new(from, options());
    reader.expect(5);
    writer.switch("postgresql-2026-11-22_101500.json");
    writer.append(5);
    writer.switch("postgresql-2026-11-23_000000.json");
    writer.append(5);
    list("postgresql-2026-11-23_000000");
    reader.expect(15);
    writer.switch("postgresql-Mon.json");
    writer.append(5);
    list("postgresql-Mon");
    reader.expect(20);
    assert!(reader.taken.others.is_empty() && reader.taken.gaps.is_empty());
}
