#![no_main]
//! Any pieces of a few connections: an answer, in bounded memory, and no text twice.

use kuzet_wire::{Fact, Piece, Streams};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (mut streams, mut rest, mut given) = (Streams::default(), bytes, 0);
    while let Some(([kind, low, high, length], after)) = rest.split_first_chunk::<4>() {
        let (bytes, behind) = after.split_at(usize::from(*length).min(after.len()));
        let piece = Piece {
            datagram: kind & 1 != 0,
            outbound: kind & 2 != 0,
            port: if kind & 4 != 0 { 53 } else { 443 },
            offset: if kind & 8 != 0 { u64::MAX - u64::from(*low) } else { u64::from(*low) << (high & 15) },
            bytes,
        };
        streams.push(kind >> 6, piece, &mut |fact| match fact {
            Fact::Text { text, fresh } => {
                assert!(fresh > 0 && fresh <= text.len());
                given += fresh;
            }
            Fact::Passed(bytes) => given += bytes,
            _ => {}
        });
        rest = behind;
    }
    assert!(given <= bytes.len() && streams.held() <= 2 << 20);
});
