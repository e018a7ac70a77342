//! Any bytes as a log of the Linux audit daemon.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoder::check(Format::LinuxAudit, bytes));
