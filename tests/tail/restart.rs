//! Stopping, killing and starting again, with everything that happens to the files meanwhile.

use super::harness::{LIMIT, Reader, options, source};
use super::writer::{Format, Writer, gzip};
use crate::support::{Scratch, until};
use kuzet::message::GapReason;
use kuzet::source::{Start, TailOptions};
use std::time::Duration;

fn stopped_after(name: &str, records: u64) -> (Scratch, Writer, Reader) {
    let directory = Scratch::new(name);
    let mut writer = Writer::new(directory.path(), "x.log", Format::Jsonlog, 0);
    let mut reader = Reader::new(source(&directory, &["x.log"]), options());
    writer.append(records);
    reader.expect(records);
    reader.commit();
    reader.kill();
    (directory, writer, reader)
}

#[test]
fn reading_goes_on_where_it_was() {
    let (_directory, mut writer, mut reader) = stopped_after("resume", 10);
    let rest = writer.append_part();
    reader.start();
    reader.until("the part is looked at", |taken| taken.quiet > 0);
    reader.restart();
    writer.raw(rest.as_bytes());
    reader.expect(11);
    reader.kill();
    reader.start();
    reader.expect(11);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn a_chain_of_rotations_while_down_is_read_in_order() {
    let (_directory, mut writer, mut reader) = stopped_after("chain", 10);
    for _ in 0..5 {
        writer.append(8);
        writer.rotate();
    }
    writer.append(1);
    reader.start();
    reader.expect(51);
    reader.rest(5);
    reader.restart();
    writer.append(1);
    reader.expect(52);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn a_packed_predecessor_is_read_on_inside() {
    let (_directory, mut writer, mut reader) = stopped_after("packed", 10);
    writer.append(3000);
    writer.rotate();
    writer.append(5);
    writer.rotate();
    writer.pack(2);
    writer.pack(1);
    writer.append(1);
    reader.start();
    reader.expect(3016);
    reader.rest(5);
    reader.restart();
    reader.rest(5);
    assert_eq!(reader.taken.records.len(), 3016);
    assert!(reader.taken.gaps.is_empty(), "{:?}", reader.taken.gaps);
}

#[test]
fn a_kill_inside_a_packed_predecessor_does_not_double_it() {
    let (_directory, mut writer, mut reader) = stopped_after("inside", 10);
    writer.append(20_000);
    writer.rotate();
    writer.pack(1);
    reader.start();
    reader.read();
    reader.restart();
    reader.read();
    reader.commit();
    reader.read();
    reader.kill();
    reader.start();
    reader.expect(20_010);
    assert!(reader.taken.gaps.is_empty(), "{:?}", reader.taken.gaps);
}

#[test]
fn a_predecessor_packed_another_way_is_a_gap() {
    let (directory, mut writer, mut reader) = stopped_after("xz", 10);
    writer.append(5);
    writer.rotate();
    std::fs::remove_file(writer.rotated(1)).unwrap();
    std::fs::write(directory.join("x.log.1.xz"), b"\xfd7zXZ\0 not really").unwrap();
    writer.append(1);
    reader.start();
    reader.until("the new file", |taken| taken.records.contains(&15));
    assert!(reader.reasons().contains(&GapReason::Compressed), "{:?}", reader.taken.gaps);
}

#[test]
fn a_damaged_packed_predecessor_is_a_gap() {
    let (directory, mut writer, mut reader) = stopped_after("damaged", 10);
    writer.append(2000);
    let text = std::fs::read(writer.path()).unwrap();
    writer.rotate();
    std::fs::remove_file(writer.rotated(1)).unwrap();
    let packed = directory.join("x.log.1.gz");
    gzip(&text, &packed);
    let size = packed.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&packed).unwrap().set_len(size / 2).unwrap();
    writer.append(1);
    reader.start();
    reader.until("the new file", |taken| taken.records.contains(&2010));
    assert_eq!(reader.reasons(), [GapReason::Compressed]);
    assert!(reader.taken.records.len() > 100 && reader.taken.records.is_sorted());
}

#[test]
fn copytruncate_while_down_is_read_from_the_copy() {
    let (_directory, mut writer, mut reader) = stopped_after("copied", 10);
    writer.append(5);
    writer.copytruncate();
    writer.append(2);
    reader.start();
    reader.expect(17);
    reader.rest(5);
    reader.restart();
    reader.rest(5);
    assert_eq!(reader.taken.records.len(), 17);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn an_inode_used_again_is_another_file() {
    let (_directory, mut writer, mut reader) = stopped_after("inode", 10);
    // The same inode with other content is what a file on a used inode looks like.
    writer.cut();
    writer.append(40);
    reader.start();
    reader.expect(50);
    assert_eq!(reader.reasons(), [GapReason::Rewritten]);
}

#[test]
fn deletion_while_down_is_a_gap() {
    let (_directory, mut writer, mut reader) = stopped_after("gone", 10);
    std::fs::remove_file(writer.path()).unwrap();
    writer.switch("x.log");
    writer.append(2);
    reader.start();
    reader.expect(12);
    assert_eq!(reader.reasons().len(), 1);
    reader.restart();
    reader.rest(3);
    assert_eq!(reader.reasons().len(), 1, "told once");
}

#[test]
fn deletion_of_a_finished_file_while_down_is_none() {
    let (_directory, mut writer, mut reader) = stopped_after("finished", 10);
    reader.start();
    writer.rotate();
    writer.append(1);
    reader.until("the old file is finished", |taken| taken.finished.len() == 1);
    reader.expect(11);
    reader.commit();
    reader.kill();
    writer.remove(1);
    reader.start();
    writer.append(1);
    reader.expect(12);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn what_is_there_at_the_first_start_is_history() {
    let directory = Scratch::new("history");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    writer.append(5);
    writer.rotate();
    writer.pack(1);
    writer.append(5);
    writer.rotate();
    writer.append(5);
    let rest = writer.append_part();
    let mut from = source(&directory, &["x.log*"]);
    from.start = Start::End;
    let mut reader = Reader::new(from, options());
    reader.rest(3);
    assert!(reader.taken.records.is_empty());
    reader.restart();
    writer.raw(rest.as_bytes());
    writer.append(2);
    writer.rotate();
    writer.append(2);
    reader.until("what came later", |taken| taken.records.len() == 5);
    assert_eq!(reader.taken.records, [15, 16, 17, 18, 19]);
    reader.rest(5);
    reader.restart();
    reader.rest(3);
    assert_eq!(reader.taken.records.len(), 5);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn the_beginning_starts_with_packed_predecessors() {
    let directory = Scratch::new("beginning");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    for number in 0..3 {
        writer.append(5);
        writer.rotate();
        if number == 1 {
            writer.pack(1);
            writer.pack(2);
        }
    }
    writer.append(5);
    let mut reader = Reader::new(source(&directory, &["x.log"]), options());
    reader.expect(20);
    assert!(reader.taken.gaps.is_empty());
}

#[test]
fn files_that_are_gone_are_forgotten() {
    let directory = Scratch::new("forgotten");
    let mut writer = Writer::new(directory.path(), "x.log", Format::Csvlog, 0);
    let brief = TailOptions { idle: Duration::from_millis(50), rescan: Duration::from_millis(20), ..options() };
    let mut reader = Reader::new(source(&directory, &["x.log*"]), brief);
    for _ in 0..5 {
        writer.append(5);
        writer.rotate();
        writer.pack(2);
        writer.remove(3);
        reader.until("the file is finished", |taken| taken.records.len() as u64 == writer.next());
        reader.rest(3);
    }
    reader.rest(3);
    reader.commit();
    let before = reader.checkpoints();
    writer.remove(1);
    writer.remove(2);
    let mut forgotten = 0;
    until("old files are forgotten", LIMIT, || {
        reader.step();
        forgotten += reader.forget();
        (forgotten >= 2).then_some(())
    });
    assert!(reader.checkpoints() <= before - 2);
    reader.restart();
    reader.rest(3);
    reader.expect(25);
    assert!(reader.taken.gaps.is_empty(), "{:?}", reader.taken.gaps);
}
