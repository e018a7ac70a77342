//! Any bytes through the decoders of what the agent asked a server.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decoder::check(Format::PostgresqlStatus, bytes);
    decoder::check(Format::MariadbStatus, bytes);
});
