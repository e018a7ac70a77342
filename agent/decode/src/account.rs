//! Accounting that all line formats share: every byte consumed belongs to exactly one record.

use crate::postgres::Verdict;
use crate::{Decoded, Tally};

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
