//! Gathers lines into records where only the beginning of the next record tells that one is complete.

use crate::account::{Account, line_length};
use crate::postgres::Verdict;
use crate::{Chunk, Decoded, Edge};
use kuzet_event::Place;

/// Where the decoder stands in a record that was too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skipping {
    #[default]
    No,
    /// Inside one of its lines.
    Line,
    /// Between its lines.
    Record,
}

/// Finds records of several lines.
#[derive(Default)]
pub(super) struct Frames {
    skipping: Skipping,
}

impl Frames {
    /// Calls `record` with every complete record of `chunk`, without its last newline. `begins` says whether a line begins
    /// one; it sees what the record has so far as well (nothing between records).
    pub(super) fn decode(
        &mut self,
        chunk: Chunk<'_>,
        begins: impl Fn(&[u8], &[u8]) -> bool,
        mut record: impl FnMut(&[u8], Place) -> Verdict,
    ) -> Decoded {
        let mut account = Account::default();
        self.skip(chunk, &begins, &mut account);
        if self.skipping != Skipping::No {
            return account.decoded();
        }
        let mut finish = |account: &mut Account, start: usize, end: usize| {
            let place = Place {
                source: chunk.source,
                file: chunk.file,
                offset: chunk.offset + start as u64,
                length: u32::try_from(end - start).unwrap_or(u32::MAX),
            };
            let verdict = record(without_newline(&chunk.bytes[start..end]), place);
            account.record(end - start, verdict);
        };
        let mut open: Option<usize> = None;
        let mut at = account.consumed;
        while at < chunk.bytes.len() {
            let rest = &chunk.bytes[at..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                None => break,
            };
            let so_far = open.map_or(&[][..], |start| &chunk.bytes[start..at]);
            if begins(so_far, without_newline(&rest[..length])) {
                if let Some(start) = open.replace(at) {
                    finish(&mut account, start, at);
                }
            } else if open.is_none() {
                // Half a record, or what another program wrote.
                account.record(length, Verdict::Lost);
            }
            at += length;
        }
        let whole = at == chunk.bytes.len();
        if let Some(start) = open
            && (chunk.edge == Edge::End || (chunk.edge == Edge::Quiet && whole))
        {
            finish(&mut account, start, at);
        }
        if chunk.edge == Edge::Full && account.consumed == 0 && !chunk.bytes.is_empty() {
            account.record(chunk.bytes.len(), Verdict::Lost);
            self.skipping = if whole { Skipping::Record } else { Skipping::Line };
        }
        account.decoded()
    }

    /// Skips the rest of a record that was too long.
    fn skip(&mut self, chunk: Chunk<'_>, begins: &impl Fn(&[u8], &[u8]) -> bool, account: &mut Account) {
        while self.skipping != Skipping::No && account.consumed < chunk.bytes.len() {
            let rest = &chunk.bytes[account.consumed..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                // The middle of a line is never its beginning.
                None if self.skipping == Skipping::Line || chunk.edge == Edge::Full => {
                    self.skipping = Skipping::Line;
                    account.skip(rest.len());
                    return;
                }
                None => return,
            };
            if self.skipping == Skipping::Record && begins(&[], without_newline(&rest[..length])) {
                self.skipping = Skipping::No;
                return;
            }
            self.skipping =
                if chunk.edge == Edge::End && length == rest.len() { Skipping::No } else { Skipping::Record };
            account.skip(length);
        }
    }

    /// One byte for a snapshot.
    pub(super) fn snapshot(&self) -> u8 {
        match self.skipping {
            Skipping::No => 0,
            Skipping::Line => 1,
            Skipping::Record => 2,
        }
    }

    /// Takes it back.
    pub(super) fn restore(&mut self, byte: u8) {
        self.skipping = match byte {
            1 => Skipping::Line,
            2 => Skipping::Record,
            _ => Skipping::No,
        };
    }
}

fn without_newline(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
