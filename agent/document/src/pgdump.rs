//! Dumps of pg_dump in its custom format: the list of contents, then the rows of each table, packed or not.

use std::io::{BufRead, Read};

use crate::Why;
use crate::desk::{Desk, Flow};
use crate::inflate::{Around, Inflate};
use crate::input::{Buffered, Source, fill, pass};
use crate::limits::Budget;
use crate::zstd::Zstd;

pub(crate) const MAGIC: &[u8] = b"PGDMP";

/// A longer text in the list is damage.
const TEXT: u64 = 16 << 20;

struct Dump<'s, 'b> {
    stream: &'s mut dyn BufRead,
    budget: &'b Budget<'b>,
    version: u16,
    int: usize,
    offset: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Packed {
    Not,
    Zlib,
    Lz4,
    Zstd,
}

impl Dump<'_, '_> {
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Why> {
        let mut bytes = vec![0; count];
        if fill(self.stream, &mut bytes, self.budget)? < count { Err(Why::Damaged) } else { Ok(bytes) }
    }

    fn byte(&mut self) -> Result<u8, Why> {
        Ok(self.bytes(1)?[0])
    }

    /// A sign, then the number from its small end.
    fn int(&mut self) -> Result<i64, Why> {
        let negative = self.byte()? != 0;
        let bytes = self.bytes(self.int)?;
        let number = bytes.iter().rev().take(8).fold(0i64, |sum, byte| sum << 8 | i64::from(*byte));
        Ok(if negative { number.wrapping_neg() } else { number })
    }

    /// A text, or none.
    fn text(&mut self) -> Result<Option<Vec<u8>>, Why> {
        let length = self.int()?;
        let Ok(length) = u64::try_from(length) else { return Ok(None) };
        if length > TEXT {
            return Err(Why::Damaged);
        }
        self.budget.work(usize::try_from(length).unwrap_or(0) + 8)?;
        // Read as it comes: a damaged length must not cost memory.
        let mut text = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut text).map_err(|_| self.budget.fault())?;
        if (text.len() as u64) < length { Err(Why::Damaged) } else { Ok(Some(text)) }
    }

    /// Whether and how data are packed.
    fn header(&mut self) -> Result<Packed, Why> {
        let head = self.bytes(7)?;
        self.version = u16::from(head[5]) << 8 | u16::from(head[6]);
        if !(0x010C..0x0200).contains(&self.version) {
            return Err(Why::Unsupported);
        }
        let sizes = self.bytes(4)?; // the third part of the version comes first
        (self.int, self.offset) = (usize::from(sizes[1]), usize::from(sizes[2]));
        if !(1..=8).contains(&self.int) || !(1..=8).contains(&self.offset) {
            return Err(Why::Damaged);
        }
        if sizes[3] != 1 {
            return Err(Why::Unsupported); // the list of a directory or a tar
        }
        let packed = if self.version >= 0x010F {
            match self.byte()? {
                0 => Packed::Not,
                1 => Packed::Zlib,
                2 => Packed::Lz4,
                3 => Packed::Zstd,
                _ => return Err(Why::Damaged),
            }
        } else if self.int()? == 0 {
            Packed::Not
        } else {
            Packed::Zlib
        };
        for _ in 0..7 {
            self.int()?; // when it was made
        }
        for _ in 0..3 {
            self.text()?; // the database and the versions
        }
        Ok(packed)
    }

    /// An entry of the list: the statement that made what it tells of, and the one that brings its data back.
    fn entry(&mut self) -> Result<[Option<Vec<u8>>; 2], Why> {
        self.int()?;
        self.int()?;
        for _ in 0..4 {
            self.text()?; // two numbers, the tag, the kind
        }
        self.int()?; // the section
        let made = self.text()?;
        self.text()?;
        let copied = self.text()?;
        let more = 2 + usize::from(self.version >= 0x010E);
        for _ in 0..more {
            self.text()?; // schema, tablespace, access method
        }
        if self.version >= 0x0110 {
            self.int()?; // kind of relation
        }
        self.text()?; // owner
        self.text()?; // with oids
        while self.text()?.is_some() {} // what it depends on
        self.bytes(1 + self.offset)?; // where its data are
        Ok([made, copied])
    }
}

/// The pieces of a block of data, one after the other.
struct Pieces<'d, 's, 'b> {
    dump: &'d mut Dump<'s, 'b>,
    left: u64,
    end: bool,
}

impl Read for Pieces<'_, '_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && !self.end {
            let length = self.dump.int().map_err(|why| self.dump.budget.give_up(why))?;
            self.left = u64::try_from(length).map_err(|_| self.dump.budget.give_up(Why::Damaged))?;
            self.end = self.left == 0;
        }
        if self.end || space.is_empty() {
            return Ok(0);
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(space.len());
        let count = self.dump.stream.read(&mut space[..want])?;
        if count == 0 {
            return Err(self.dump.budget.give_up(Why::Damaged));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

pub(crate) fn read(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let mut dump = Dump { stream, budget: desk.budget, version: 0, int: 4, offset: 8 };
    let packed = dump.header()?;
    let count = dump.int()?;
    for _ in 0..count {
        for statement in dump.entry()?.into_iter().flatten() {
            desk.text(&String::from_utf8_lossy(&statement))?;
            desk.text("\n")?;
        }
    }
    let mut number = 0;
    loop {
        let mut kind = [0];
        if fill(dump.stream, &mut kind, dump.budget)? == 0 {
            return Ok(());
        }
        dump.int()?; // whose data
        match kind[0] {
            1 => block(desk, &mut dump, packed, number)?,
            // Large objects: each has a number, none ends them.
            3 => {
                while dump.int()? != 0 {
                    block(desk, &mut dump, packed, number)?;
                    number += 1;
                }
            }
            _ => return Err(Why::Damaged),
        }
        number += 1;
    }
}

/// A block of data is opened as what it is: rows are text, large objects are files.
fn block(desk: &mut Desk<'_>, dump: &mut Dump<'_, '_>, packed: Packed, number: usize) -> Flow {
    let budget = desk.budget;
    let mut blocks = Pieces { dump, left: 0, end: false };
    let mut pieces = Buffered::new(&mut blocks, budget);
    let outcome = match packed {
        Packed::Not => desk.member(number, Source::Stream(&mut pieces), ""),
        Packed::Zlib => desk.member(number, Source::Stream(&mut Inflate::new(&mut pieces, Around::Zlib, budget)), ""),
        Packed::Zstd => {
            desk.member(number, Source::Stream(&mut Buffered::new(&mut Zstd::new(&mut pieces, budget), budget)), "")
        }
        Packed::Lz4 => Err(Why::Unsupported),
    };
    match outcome {
        Err(why) if budget.over().is_none() && why != Why::Members => desk.miss(why),
        outcome => outcome?,
    }
    // What was not read is passed over, so that the next block begins where it should.
    pass(&mut pieces, budget).map(drop)
}
