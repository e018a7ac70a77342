//! Any bytes through the server_audit decoder, whole and in pieces: every byte is accounted for, pieces do not show.
#![no_main]

use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, Tally};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;
use libfuzzer_sys::fuzz_target;

fn decode(bytes: &[u8], piece: usize) -> (Vec<Event>, Tally) {
    let mut decoder = Format::MariadbServerAudit.decoder(&DecodeOptions::new(Key::new([1; 32])));
    let (mut events, mut tally, mut start, mut end) = (Vec::new(), Tally::default(), 0, 0);
    loop {
        end = (end + piece).min(bytes.len());
        let edge = if end == bytes.len() { Edge::End } else { Edge::More };
        let offset = start as u64;
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset, bytes: &bytes[start..end], edge };
        let done = decoder.decode(chunk, &mut events);
        tally.add(done.tally);
        start += done.consumed;
        if edge == Edge::End {
            assert_eq!(start, bytes.len());
            return (events, tally);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole.1.seen, whole.1.handled + whole.1.suppressed + whole.1.lost);
    let piece = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    assert_eq!(whole, decode(bytes, piece));
});
