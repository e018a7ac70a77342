//! Inflates deflate, zlib and gzip, within the limits. The window is the buffer that is read from, and it is lent by the pool:
//! nothing is copied, and nothing is made anew for each of many small members.

use std::io::{BufRead, Read};

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::Why;
use crate::limits::Budget;

/// What stands around the packed bytes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Around {
    Nothing,
    /// Two bytes before it.
    Zlib,
    /// A header before it and its length behind it, as often as there are members.
    Gzip,
}

pub(crate) struct Inflate<'a, 'p> {
    packed: &'p mut dyn BufRead,
    around: Around,
    budget: &'a Budget<'a>,
    /// Given back at the end, which is why it may be absent.
    core: Option<Box<DecompressorOxide>>,
    window: Vec<u8>,
    /// The bytes of the window that were not read yet.
    at: usize,
    end: usize,
    /// The window was filled once.
    wrapped: bool,
    /// What stands before the packed bytes was read.
    begun: bool,
    /// Nothing more comes, and why if that is not as it should be.
    ended: Option<Result<(), Why>>,
    read: u64,
    written: u64,
    /// Bytes of this member.
    member: u64,
}

impl<'a, 'p> Inflate<'a, 'p> {
    pub(crate) fn new(packed: &'p mut dyn BufRead, around: Around, budget: &'a Budget<'a>) -> Inflate<'a, 'p> {
        Inflate {
            packed,
            around,
            budget,
            core: Some(budget.pool.inflater()),
            window: budget.pool.piece(),
            at: 0,
            end: 0,
            wrapped: false,
            begun: false,
            ended: None,
            read: 0,
            written: 0,
            member: 0,
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, Why> {
        let byte = self.packed.fill_buf().map_err(|_| self.budget.fault())?.first().copied();
        if byte.is_some() {
            self.packed.consume(1);
            self.read += 1;
        }
        Ok(byte)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Why> {
        let mut bytes = [0; N];
        for slot in &mut bytes {
            *slot = self.byte()?.ok_or(Why::Damaged)?;
        }
        Ok(bytes)
    }

    fn begin(&mut self) -> Result<(), Why> {
        self.begun = true;
        match self.around {
            Around::Nothing => Ok(()),
            Around::Zlib => self.bytes::<2>().map(drop),
            Around::Gzip => {
                let [0x1F, 0x8B, 8, flags, ..] = self.bytes::<10>()? else { return Err(Why::Damaged) };
                if flags & 4 != 0 {
                    let length = u16::from_le_bytes(self.bytes()?);
                    for _ in 0..length {
                        self.bytes::<1>()?;
                    }
                }
                for text in [8, 16] {
                    // A name and a comment, each up to a zero.
                    while flags & text != 0 && self.bytes()? != [0] {}
                }
                if flags & 2 != 0 {
                    self.bytes::<2>()?;
                }
                Ok(())
            }
        }
    }

    /// Behind the packed bytes: true where another member follows.
    fn finish(&mut self) -> Result<bool, Why> {
        if self.around != Around::Gzip {
            return Ok(false);
        }
        let [_, _, _, _, length @ ..] = self.bytes::<8>()?;
        if u64::from(u32::from_le_bytes(length)) != self.member & u64::from(u32::MAX) {
            return Err(Why::Damaged);
        }
        self.member = 0;
        if let Some(core) = &mut self.core {
            core.init();
        }
        self.begun = false;
        // Behind the last member may be padding.
        Ok(self.packed.fill_buf().map_err(|_| self.budget.fault())?.first() == Some(&0x1F))
    }

    /// Inflates up to the end of the window.
    fn fill(&mut self) -> Result<(), Why> {
        while self.end < self.window.len() && self.ended.is_none() {
            if !self.begun {
                self.begin()?;
            }
            let input = self.packed.fill_buf().map_err(|_| self.budget.fault())?;
            let mut flags = if input.is_empty() { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
            if !self.wrapped {
                // Nothing may refer to what a file before this one left in the window.
                flags |= TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            }
            let Some(core) = &mut self.core else { return Err(Why::Damaged) };
            let (status, read, written) = decompress(core, input, &mut self.window, self.end, flags);
            self.packed.consume(read);
            self.read += read as u64;
            self.written += written as u64;
            self.member += written as u64;
            self.end += written;
            self.budget.unpacked(written, self.read, self.written)?;
            match status {
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => {}
                TINFLStatus::Done => {
                    if !self.finish()? {
                        self.ended = Some(Ok(()));
                    }
                }
                _ => return Err(Why::Damaged),
            }
        }
        Ok(())
    }
}

impl BufRead for Inflate<'_, '_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.at == self.end && self.ended.is_none() {
            if self.end == self.window.len() {
                (self.at, self.end, self.wrapped) = (0, 0, true);
            }
            if let Err(why) = self.fill() {
                self.ended = Some(Err(why));
            }
        }
        // What came before a fault is read first.
        if self.at == self.end
            && let Some(Err(why)) = self.ended
        {
            return Err(self.budget.give_up(why));
        }
        Ok(&self.window[self.at..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.at = self.end.min(self.at + count);
    }
}

impl Read for Inflate<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(space)?;
        self.consume(count);
        Ok(count)
    }
}

impl Drop for Inflate<'_, '_> {
    fn drop(&mut self) {
        self.budget.pool.keep(std::mem::take(&mut self.window));
        if let Some(core) = self.core.take() {
            self.budget.pool.keep_inflater(core);
        }
    }
}
