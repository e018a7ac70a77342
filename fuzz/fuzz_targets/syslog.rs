//! Any bytes as syslog lines with other formats inside.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoder::check(Format::Syslog, bytes));
