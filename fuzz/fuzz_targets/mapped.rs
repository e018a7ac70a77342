//! Any bytes as an application's journal, in JSON and in CSV.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoder::check(Format::Mapped, bytes));
