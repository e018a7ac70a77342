//! Any bytes as the lines of a sensor, and as what connections say that it tells of.
#![no_main]

mod decoder;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kuzet_decode::Format;
use libfuzzer_sys::fuzz_target;
use std::fmt::Write as _;

fuzz_target!(|bytes: &[u8]| {
    decoder::check(Format::Sensor, bytes);
    // Pieces end where a byte says so; the first two of each tell of which connection it is, and where in it.
    let mut log = String::new();
    for piece in bytes.split(|byte| *byte == 0xfe) {
        let [kind, offset, data @ ..] = piece else { continue };
        let protocol = if kind & 1 == 0 { 6 } else { 17 };
        let direction = if kind & 2 == 0 { "out" } else { "in" };
        let port = if kind & 4 == 0 { 443 } else { 53 };
        let about = format!(
            "\"at\":1795406938000000,\"socket\":\"{:x}\",\"protocol\":{protocol},\"direction\":\"{direction}\",\
             \"local\":[\"10.0.0.5\",50270],\"remote\":[\"203.0.113.7\",{port}]",
            kind >> 6
        );
        let _ = writeln!(log, "{{\"sensor\":\"bytes\",{about},\"offset\":{offset},\"data\":\"{}\"}}", STANDARD.encode(data));
        if kind & 8 != 0 {
            let _ = writeln!(log, "{{\"sensor\":\"flow\",{about},\"phase\":\"going\"}}");
        }
    }
    decoder::check(Format::Sensor, log.as_bytes());
});
