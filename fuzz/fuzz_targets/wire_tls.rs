#![no_main]
//! Any bytes as the hello of a TLS client, growing: what is said of the whole does not change with more behind it.

use kuzet_wire::tls::{self, Read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = tls::records(bytes, true);
    assert!(!matches!(whole, Read::More));
    for end in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
        if let Read::Done(hello) = tls::records(&bytes[..end], false) {
            assert!(matches!(tls::records(bytes, false), Read::Done(again) if again == hello));
        }
    }
    let _ = tls::handshake(bytes, true);
});
