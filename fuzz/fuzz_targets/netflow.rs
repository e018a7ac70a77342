//! Any bytes as what a listener for exported flows writes, and as the datagrams of it.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decoder::check(Format::Netflow, bytes);
    // Datagrams end where a byte says so; templates of one are used by the next.
    let mut log = String::new();
    for datagram in bytes.split(|byte| *byte == 0xfe) {
        let digits: String = datagram.iter().map(|byte| format!("{byte:02x}")).collect();
        log.push_str(&format!("netflow 1795406938000000 10.0.0.1:9 {digits}\n"));
    }
    decoder::check(Format::Netflow, log.as_bytes());
});
