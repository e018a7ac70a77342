//! PostgreSQL stderr: the records are not read yet, every line counts as lost.

use crate::format::DecodeOptions;
use crate::{Chunk, Decoded, Decoder, Edge};
use kuzet_event::Event;

/// Decoder of one stderr file.
pub(crate) struct Stderr;

impl Stderr {
    pub(crate) fn new(_options: &DecodeOptions) -> Stderr {
        Stderr
    }
}

/// Whether `line` could begin a record.
pub(crate) fn recognises(_line: &[u8]) -> bool {
    false
}

impl Decoder for Stderr {
    fn decode(&mut self, chunk: Chunk<'_>, _events: &mut Vec<Event>) -> Decoded {
        let mut done = Decoded::default();
        if let Some(end) = memchr::memrchr(b'\n', chunk.bytes) {
            done.consumed = end + 1;
        }
        if matches!(chunk.edge, Edge::End | Edge::Full) {
            done.consumed = chunk.bytes.len();
        }
        let records = chunk.bytes[..done.consumed].split_inclusive(|byte| *byte == b'\n').count() as u64;
        done.tally.seen = records;
        done.tally.lost = records;
        done.tally.lost_bytes = done.consumed as u64;
        done
    }
}
