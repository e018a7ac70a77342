//! Any bytes as an audit log of MinIO.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoder::check(Format::MinioAudit, bytes));
