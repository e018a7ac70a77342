#![no_main]
//! Any datagrams of a client of QUIC, apart by their first byte.

use kuzet_wire::quic::Initials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut initials = Initials::default();
    let apart = bytes.first().copied().unwrap_or_default();
    for datagram in bytes.split(|byte| *byte == apart) {
        let _ = initials.push(datagram);
    }
    let _ = Initials::default().push(bytes);
});
