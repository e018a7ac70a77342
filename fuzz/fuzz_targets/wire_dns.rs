#![no_main]
//! Any bytes as a message of DNS: an answer, and addresses only of the asked name's type.

use kuzet_wire::dns;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = dns::message(bytes) {
        assert!(message.name.bytes().len() <= 254 && message.addresses.len() <= 128);
        assert!(message.response || message.addresses.is_empty());
        assert!(message.name.bytes().ends_with(message.name.registered()));
        let _ = message.name.features();
    }
});
