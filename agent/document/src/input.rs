//! What is opened: bytes at hand or a stream, and the readers between a packed member and what reads it.

use std::cell::Cell;
use std::io::{BufRead, Read};

use crate::Why;
use crate::limits::Budget;

/// What is opened.
pub enum Input<'a> {
    /// All bytes are at hand.
    Whole(&'a [u8]),
    /// Bytes come one after the other. Formats that need to look back are collected, up to [`Limits::held`](crate::Limits::held).
    Stream(&'a mut dyn Read),
}

/// How much of a file tells its format and its encoding; streams are read in pieces of this size.
pub(crate) const PIECE: usize = 64 << 10;

/// As [`Input`], inside. The first piece of a stream is [`PIECE`] long, unless the stream is shorter.
pub(crate) enum Source<'a> {
    Whole(&'a [u8]),
    Stream(&'a mut dyn BufRead),
}

/// A reader whose pieces are full, but for the last. Its space is lent by the pool.
pub(crate) struct Buffered<'a, 'p> {
    inner: &'p mut dyn Read,
    budget: &'a Budget<'a>,
    space: Vec<u8>,
    at: usize,
    end: usize,
    /// What came before a fault is read first.
    fault: Option<Why>,
}

impl<'a, 'p> Buffered<'a, 'p> {
    pub(crate) fn new(inner: &'p mut dyn Read, budget: &'a Budget<'a>) -> Buffered<'a, 'p> {
        Buffered { inner, budget, space: budget.pool.piece(), at: 0, end: 0, fault: None }
    }
}

impl BufRead for Buffered<'_, '_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.at == self.end {
            if let Some(why) = self.fault {
                return Err(self.budget.give_up(why));
            }
            (self.at, self.end) = (0, 0);
            while self.end < self.space.len() {
                match self.inner.read(&mut self.space[self.end..]) {
                    Ok(0) => break,
                    Ok(count) => self.end += count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => {
                        let why = self.budget.fault();
                        self.fault = Some(why);
                        if self.end == 0 {
                            return Err(self.budget.give_up(why));
                        }
                        break;
                    }
                }
            }
        }
        Ok(&self.space[self.at..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.at = self.end.min(self.at + count);
    }
}

impl Read for Buffered<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(space)?;
        self.consume(count);
        Ok(count)
    }
}

impl Drop for Buffered<'_, '_> {
    fn drop(&mut self) {
        self.budget.pool.keep(std::mem::take(&mut self.space));
    }
}

/// What comes out of an unpacker, within the limits.
pub(crate) struct Metered<'a, R> {
    pub(crate) inner: R,
    pub(crate) budget: &'a Budget<'a>,
    /// Packed bytes so far.
    pub(crate) packed: &'a Cell<u64>,
    pub(crate) unpacked: u64,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        // What came before it turns out to be damaged is lost with the call that finds it.
        let end = space.len().min(4096);
        let count = self.inner.read(&mut space[..end])?;
        self.unpacked += count as u64;
        self.budget.unpacked(count, self.packed.get(), self.unpacked).map_err(|why| self.budget.give_up(why))?;
        Ok(count)
    }
}

/// The first piece of a stream.
pub(crate) fn head<'a>(stream: &'a mut dyn BufRead, budget: &Budget<'_>) -> Result<&'a [u8], Why> {
    stream.fill_buf().map(|piece| &piece[..piece.len().min(PIECE)]).map_err(|_| budget.fault())
}

/// Reads until `space` is full, the end is reached or reading fails.
pub(crate) fn fill(reader: &mut dyn Read, space: &mut [u8], budget: &Budget<'_>) -> Result<usize, Why> {
    let mut fill = 0;
    while fill < space.len() {
        match reader.read(&mut space[fill..]) {
            Ok(0) => break,
            Ok(count) => fill += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Err(budget.fault()),
        }
    }
    Ok(fill)
}

/// Reads what nobody wants and says how much it was.
pub(crate) fn pass(stream: &mut dyn BufRead, budget: &Budget<'_>) -> Result<u64, Why> {
    let mut passed = 0;
    loop {
        let count = stream.fill_buf().map_err(|_| budget.fault())?.len();
        if count == 0 {
            return Ok(passed);
        }
        budget.work(count / 16)?;
        stream.consume(count);
        passed += count as u64;
    }
}
