//! Any bytes as a log of Samba with vfs_full_audit.
#![no_main]

mod decoder;

use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decoder::check(Format::SambaFullAudit, bytes));
