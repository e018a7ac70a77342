//! The systemd journal as `journalctl -o json` writes it: one entry a line.
//!
//! Fields: <https://www.freedesktop.org/software/systemd/man/latest/systemd.journal-fields.html>. A value that is not
//! printable text is an array of bytes, a field that was given twice an array of values, one that is too large `null`
//! (`journalctl --all` gives it whole). What is inside is for [`Enveloped`].

use crate::DecodeOptions;
use crate::envelope::{Envelope, Enveloped, Stamp};
use crate::json::{self, Step, Value};
use crate::recent::hash;
use kuzet_event::Timestamp;
use std::borrow::Cow;

/// A decoder of one export.
pub(crate) fn decoder(options: &DecodeOptions) -> Enveloped {
    Enveloped::new(options, parse)
}

/// The fields that are looked at, the first known one of each line taking its place.
const FIELDS: [&[u8]; 9] = [
    b"MESSAGE",
    b"__REALTIME_TIMESTAMP",
    b"SYSLOG_IDENTIFIER",
    b"_COMM",
    b"SYSLOG_PID",
    b"_PID",
    b"_HOSTNAME",
    b"_TRANSPORT",
    b"_STREAM_ID",
];

fn parse(line: &[u8]) -> Option<Envelope<'_>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let mut fields: [Cow<'_, [u8]>; FIELDS.len()] = Default::default();
    json::walk(line, |path, value| {
        let [Step::Key(name), rest @ ..] = path else { return };
        let Some(field) = FIELDS.iter().position(|field| *field == name.as_ref()) else { return };
        match (rest, value) {
            ([], Value::Text(text)) => fields[field] = text,
            // Bytes; the first of several texts.
            ([Step::Item(_)], Value::Number(byte)) => {
                let byte = std::str::from_utf8(byte).ok().and_then(|byte| byte.parse::<u8>().ok());
                fields[field].to_mut().extend(byte);
            }
            ([Step::Item(0)], Value::Text(text)) => fields[field] = text,
            _ => {}
        }
    })?;
    let [text, time, identifier, command, syslog_pid, pid, host, transport, stream] = fields;
    let micros: i64 = std::str::from_utf8(&time).ok()?.parse().ok()?;
    let ident = if identifier.is_empty() { command } else { identifier };
    let pid = if syslog_pid.is_empty() { pid } else { syslog_pid };
    // What a service prints comes line by line in one stream, whoever of its processes wrote it.
    let printed = transport.as_ref() == b"stdout";
    let process: &[u8] = if printed { &stream } else { &pid };
    let writer =
        [host.as_ref(), ident.as_ref(), process].iter().fold(0u64, |sum, part| sum.rotate_left(21) ^ hash(part));
    let pid = std::str::from_utf8(&pid).ok().and_then(|pid| pid.parse().ok()).filter(|_| !printed);
    Some(Envelope { stamp: Stamp::At(Timestamp(micros)), ident, pid, writer, text })
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{") && memchr::memmem::find(line, b"\"__REALTIME_TIMESTAMP\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes() {
        let line = br#"{"__REALTIME_TIMESTAMP":"1795385532326349","MESSAGE":[91,49,45,49,93,32,120],"_PID":"7","SYSLOG_IDENTIFIER":"postgres","X":{"a":[null]}}"#;
        let envelope = parse(line).unwrap();
        assert_eq!((envelope.text.as_ref(), envelope.pid), (&b"[1-1] x"[..], Some(7)));
        assert_eq!(envelope.stamp, Stamp::At(Timestamp(1_795_385_532_326_349)));
        assert!(parse(b"{\"MESSAGE\":\"x\"}").is_none() && parse(b"x").is_none());
    }
}
