//! Unpacks Zstandard: frames, one after the other.

use std::io::{BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::Why;
use crate::limits::Budget;

pub(crate) const MAGIC: &[u8] = b"\x28\xB5\x2F\xFD";

/// A reader of what is unpacked.
pub(crate) struct Zstd<'a, 'p> {
    packed: &'p mut dyn BufRead,
    frame: FrameDecoder,
    inside: bool,
    budget: &'a Budget<'a>,
    read: u64,
    written: u64,
}

impl<'a, 'p> Zstd<'a, 'p> {
    pub(crate) fn new(packed: &'p mut dyn BufRead, budget: &'a Budget<'a>) -> Zstd<'a, 'p> {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size((budget.room() as u64).max(1 << 20));
        Zstd { packed, frame, inside: false, budget, read: 0, written: 0 }
    }

    /// The header of the next frame; false at the end.
    fn begin(&mut self) -> Result<bool, Why> {
        loop {
            if self.packed.fill_buf().map_err(|_| self.budget.fault())?.is_empty() {
                return Ok(false);
            }
            self.budget.work(64)?;
            match self.frame.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                // Notes of programs for themselves.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    crate::input::pass(&mut (&mut self.packed).take(u64::from(length)), self.budget)?;
                }
                Err(_) => return Err(self.budget.fault()),
            }
        }
    }

    fn more(&mut self, space: &mut [u8]) -> Result<usize, Why> {
        loop {
            if !self.inside {
                if !self.begin()? {
                    return Ok(0);
                }
                self.inside = true;
            }
            if self.frame.can_collect() > 0 {
                let count = self.frame.read(space).map_err(|_| Why::Damaged)?;
                self.written += count as u64;
                self.budget.unpacked(count, self.read + self.frame.bytes_read_from_source(), self.written)?;
                return Ok(count);
            }
            if self.frame.is_finished() {
                self.inside = false;
                self.read += self.frame.bytes_read_from_source();
                continue;
            }
            let some = BlockDecodingStrategy::UptoBytes(space.len().max(1));
            self.frame.decode_blocks(&mut self.packed, some).map_err(|_| self.budget.fault())?;
            self.budget.work(64)?;
        }
    }
}

impl Read for Zstd<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        self.more(space).map_err(|why| self.budget.give_up(why))
    }
}
