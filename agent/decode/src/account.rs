//! Accounting that all line formats share: every byte consumed belongs to exactly one record.

use crate::postgres::Verdict;
use crate::{Chunk, Decoded, Edge, Tally};
use kuzet_event::Place;

/// Bytes of the first line, newline included.
pub(crate) fn line_length(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes).map(|at| at + 1)
}

/// What one call of a decoder has done so far.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) consumed: usize,
    tally: Tally,
}

impl Account {
    /// A record of `length` bytes came to `verdict`.
    pub(crate) fn record(&mut self, length: usize, verdict: Verdict) {
        self.consumed += length;
        self.tally.seen += 1;
        match verdict {
            Verdict::Handled => self.tally.handled += 1,
            Verdict::Suppressed => self.tally.suppressed += 1,
            Verdict::Lost => {
                self.tally.lost += 1;
                self.tally.lost_bytes += length as u64;
            }
        }
    }

    /// `length` more bytes of a record that was counted as lost when it was cut.
    pub(crate) fn skip(&mut self, length: usize) {
        self.consumed += length;
        self.tally.lost_bytes += length as u64;
    }

    pub(crate) fn decoded(self) -> Decoded {
        Decoded { consumed: self.consumed, tally: self.tally }
    }
}

/// The way through a file whose records are one line each.
#[derive(Default)]
pub(crate) struct Lines {
    /// Inside a line that was too long and is being skipped.
    skipping: bool,
}

impl Lines {
    /// Gives every whole line, newline included, to `record`.
    pub(crate) fn decode(&mut self, chunk: Chunk<'_>, mut record: impl FnMut(&[u8], Place) -> Verdict) -> Decoded {
        let mut account = Account::default();
        self.skip(chunk, &mut account);
        while account.consumed < chunk.bytes.len() {
            let start = account.consumed;
            let rest = &chunk.bytes[start..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                None if chunk.edge == Edge::Full && start == 0 => {
                    self.cut(rest.len(), &mut account);
                    break;
                }
                None => break,
            };
            let verdict = record(&rest[..length], place(&chunk, start, length));
            account.record(length, verdict);
        }
        account.decoded()
    }

    /// Passes over the rest of a line that was cut.
    pub(crate) fn skip(&mut self, chunk: Chunk<'_>, account: &mut Account) {
        if self.skipping {
            let length = line_length(chunk.bytes);
            self.skipping = length.is_none() && chunk.edge != Edge::End;
            account.skip(length.unwrap_or(chunk.bytes.len()));
        }
    }

    /// Gives up the line whose first `length` bytes fill the buffer.
    pub(crate) fn cut(&mut self, length: usize, account: &mut Account) {
        account.record(length, Verdict::Lost);
        self.skipping = true;
    }

    /// See [`Decoder::snapshot`](crate::Decoder::snapshot).
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        if self.skipping { vec![1] } else { Vec::new() }
    }

    pub(crate) fn restore(&mut self, snapshot: &[u8]) {
        self.skipping |= snapshot == [1];
    }
}

/// Where `length` bytes from `start` of a chunk are.
pub(crate) fn place(chunk: &Chunk<'_>, start: usize, length: usize) -> Place {
    Place {
        source: chunk.source,
        file: chunk.file,
        offset: chunk.offset + start as u64,
        length: u32::try_from(length).unwrap_or(u32::MAX),
    }
}
