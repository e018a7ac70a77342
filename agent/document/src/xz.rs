//! Unpacks xz: streams of blocks, each packed with LZMA2.

use std::cell::Cell;
use std::io::Read;

use lzma_rust2::Lzma2Reader;

use crate::Why;
use crate::limits::Budget;

pub(crate) const MAGIC: &[u8] = b"\xFD7zXZ\0";

/// Counts the bytes that go through.
struct Counted<'p> {
    inner: &'p mut dyn Read,
    count: &'p Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(space)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// A reader of what is unpacked.
pub(crate) struct Xz<'a, 'p> {
    place: Place<'p>,
    budget: &'a Budget<'a>,
    packed: &'p Cell<u64>,
    /// Bytes of the check behind each block.
    check: u64,
    written: u64,
}

enum Place<'p> {
    /// Before a block or what stands behind the last.
    Between(Counted<'p>),
    /// In a block, and where it began.
    Block(Box<Lzma2Reader<Counted<'p>>>, u64),
    End,
}

impl<'a, 'p> Xz<'a, 'p> {
    /// `packed` counts what was read of `inner`.
    pub(crate) fn new(inner: &'p mut dyn Read, packed: &'p Cell<u64>, budget: &'a Budget<'a>) -> Xz<'a, 'p> {
        Xz { place: Place::Between(Counted { inner, count: packed }), budget, packed, check: u64::MAX, written: 0 }
    }

    fn exact<const N: usize>(&self, from: &mut Counted<'p>) -> Result<[u8; N], Why> {
        let mut bytes = [0; N];
        self.budget.work(N)?;
        from.read_exact(&mut bytes).map_err(|_| self.budget.fault())?;
        Ok(bytes)
    }

    fn pass(&self, from: &mut Counted<'p>, count: u64) -> Result<(), Why> {
        for _ in 0..count {
            self.exact::<1>(from)?;
        }
        Ok(())
    }

    /// A number of seven bits a byte.
    fn number(&self, from: &mut Counted<'p>) -> Result<u64, Why> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.exact(from)?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Why::Damaged)
    }

    /// The header of a stream, whose first bytes were read.
    fn stream(&mut self, from: &mut Counted<'p>) -> Result<(), Why> {
        let [0, kind @ (0 | 1 | 4 | 10), ..] = self.exact::<6>(from)? else { return Err(Why::Unsupported) };
        self.check = match kind {
            0 => 0,
            1 => 4,
            4 => 8,
            _ => 32,
        };
        Ok(())
    }

    /// Goes on to the next block; none at the end.
    fn next(&mut self, mut from: Counted<'p>) -> Result<Place<'p>, Why> {
        if self.check == u64::MAX {
            if self.exact::<6>(&mut from)? != MAGIC {
                return Err(Why::Damaged);
            }
            self.stream(&mut from)?;
        }
        loop {
            let start = self.packed.get();
            let [size] = self.exact(&mut from)?;
            if size > 0 {
                let dictionary = self.block(&mut from, start, u64::from(size) * 4 + 4)?;
                let start = self.packed.get();
                return Ok(Place::Block(Box::new(Lzma2Reader::new(from, dictionary, None)), start));
            }
            // The index: what was in the blocks, which is known by now. Then the end of the stream.
            for _ in 0..self.number(&mut from)? {
                self.number(&mut from)?;
                self.number(&mut from)?;
            }
            self.pass(&mut from, (start.wrapping_sub(self.packed.get()) & 3) + 4 + 12)?;
            // Another stream, or padding, or nothing.
            let mut first = [0; 1];
            loop {
                match from.read(&mut first) {
                    Ok(0) => return Ok(Place::End),
                    Ok(_) if first == [0] => self.budget.work(1)?,
                    Ok(_) if first == MAGIC[..1] => break,
                    Ok(_) => return Err(Why::Damaged),
                    Err(_) => return Err(self.budget.fault()),
                }
            }
            if self.exact::<5>(&mut from)? != MAGIC[1..] {
                return Err(Why::Damaged);
            }
            self.stream(&mut from)?;
        }
    }

    /// The header of a block: how large its dictionary is.
    fn block(&self, from: &mut Counted<'p>, start: u64, size: u64) -> Result<u32, Why> {
        let [flags] = self.exact(from)?;
        for known in [0x40, 0x80] {
            if flags & known != 0 {
                self.number(from)?;
            }
        }
        if flags & 3 != 0 || self.number(from)? != 0x21 || self.number(from)? != 1 {
            return Err(Why::Unsupported); // filters for programs
        }
        let [bits] = self.exact(from)?;
        let read = self.packed.get() - start;
        self.pass(from, size.checked_sub(read).ok_or(Why::Damaged)?)?;
        dictionary(bits, self.budget)
    }
}

/// The size of a dictionary, as LZMA2 writes it, if it may be held.
pub(crate) fn dictionary(bits: u8, budget: &Budget<'_>) -> Result<u32, Why> {
    if bits > 40 {
        return Err(Why::Damaged);
    }
    let size = if bits == 40 { u64::from(u32::MAX) } else { u64::from(2 | bits & 1) << (bits / 2 + 11) };
    if size > budget.room() as u64 { Err(Why::Size) } else { u32::try_from(size).map_err(|_| Why::Size) }
}

impl Xz<'_, '_> {
    fn more(&mut self, space: &mut [u8]) -> Result<usize, Why> {
        // What a block gave before it turns out to be damaged is lost with the call that finds it.
        let end = space.len().min(4096);
        let space = &mut space[..end];
        loop {
            match std::mem::replace(&mut self.place, Place::End) {
                Place::End => return Ok(0),
                Place::Between(from) => self.place = self.next(from)?,
                Place::Block(mut block, start) => {
                    let count = block.read(space).map_err(|_| self.budget.fault())?;
                    if count > 0 {
                        self.written += count as u64;
                        self.place = Place::Block(block, start);
                        self.budget.unpacked(count, self.packed.get(), self.written)?;
                        return Ok(count);
                    }
                    let mut from = block.into_inner();
                    self.pass(&mut from, (start.wrapping_sub(self.packed.get()) & 3) + self.check)?;
                    self.place = Place::Between(from);
                }
            }
        }
    }
}

impl Read for Xz<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        self.more(space).map_err(|why| self.budget.give_up(why))
    }
}
