//! Syslog lines as rsyslog and syslog-ng write them to files and as they come over the network, with or without `<PRI>`.
//!
//! ```text
//! Nov 22 22:12:12 vm postgres[29595]: [10-1] analyst@mfo LOG:  …             RFC 3164
//! 2026-11-22T22:12:12.326349+00:00 vm postgres[29595]: [10-1] …               the same with a whole time
//! <134>1 2026-11-22T22:12:12.326349+00:00 vm postgres 29595 - - [10-1] …      RFC 5424
//! ```
//!
//! One message a line: a newline inside it stands as `#012`, as rsyslog writes it; framing by octet counts is the
//! listener's. What is inside is for [`Enveloped`]. RFC 3164 has neither year nor zone: the zone is that of the options,
//! the year as [`DecodeOptions::latest`] says.

use crate::DecodeOptions;
use crate::envelope::{Envelope, Enveloped, Stamp};
use crate::recent::hash;
use crate::times::{iso, number};
use std::borrow::Cow;

/// Longest name of a program or host.
const NAME: usize = 255;

/// A decoder of one log.
pub(crate) fn decoder(options: &DecodeOptions) -> Enveloped {
    Enveloped::new(options, parse)
}

fn parse(line: &[u8]) -> Option<Envelope<'_>> {
    let rest = priority(line);
    if let Some(rest) = rest.strip_prefix(b"1 ")
        && let Some(envelope) = rfc5424(rest)
    {
        return Some(envelope);
    }
    let (stamp, rest) = stamp(rest)?;
    let host_end = memchr::memchr(b' ', rest)?;
    // The local socket's form has no host: then the tag stands there.
    let (host, tagged) = match tag(rest) {
        Some(_) => (&b""[..], rest),
        None => (&rest[..host_end], &rest[host_end + 1..]),
    };
    let (ident, pid, text) = tag(tagged)?;
    Some(envelope(stamp, host, ident, pid, text))
}

fn envelope<'a>(stamp: Stamp, host: &[u8], ident: &'a [u8], pid: &[u8], text: &'a [u8]) -> Envelope<'a> {
    let writer = [host, ident, pid].iter().fold(0u64, |sum, part| sum.rotate_left(21) ^ hash(part));
    let pid = number(pid).and_then(|pid| u32::try_from(pid).ok()).filter(|_| !pid.is_empty());
    Envelope { stamp, ident: Cow::Borrowed(ident), pid, writer, text: unescape(text) }
}

/// What stands behind `<134>`.
fn priority(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<") else { return line };
    match memchr::memchr(b'>', &rest[..rest.len().min(4)]) {
        Some(end) if end > 0 && rest[..end].iter().all(u8::is_ascii_digit) => &rest[end + 1..],
        _ => line,
    }
}

/// `Nov 22 22:12:12 ` or a time of ISO 8601 with a blank behind it.
fn stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    if line.first()?.is_ascii_digit() {
        let end = memchr::memchr(b' ', &line[..line.len().min(40)])?;
        // The zone must stand there: without it this is a line of some other log.
        let zoned = line[..end].ends_with(b"Z") || line[..end].get(19..)?.iter().any(|byte| b"+-".contains(byte));
        return Some((Stamp::At(iso(&line[..end], 0).filter(|_| zoned)?), &line[end + 1..]));
    }
    let (text, rest) = line.split_first_chunk::<16>()?;
    let month = MONTHS.iter().position(|month| **month == text[..3])?;
    let marks = text[3] == b' ' && text[6] == b' ' && text[9] == b':' && text[12] == b':' && text[15] == b' ';
    let day = if text[4] == b' ' { &text[5..6] } else { &text[4..6] };
    if !marks {
        return None;
    }
    let (day, hour, minute, second) =
        (number(day)?, number(&text[7..9])?, number(&text[10..12])?, number(&text[13..15])?);
    let real = (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let second = u32::try_from(hour * 3600 + minute * 60 + second).ok()?;
    real.then_some((Stamp::Yearless(month as u8 + 1, day as u8, second), rest))
}

/// Program, process and message of `postgres[29595]: message`.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-./@+".contains(*byte);
    let end = text[..text.len().min(NAME)].iter().take_while(part).count();
    let (ident, rest) = text.split_at(end);
    if ident.is_empty() {
        return None;
    }
    let (pid, rest) = match rest {
        [b'[', inner @ ..] => {
            let close = memchr::memchr(b']', &inner[..inner.len().min(32)])?;
            (&inner[..close], &inner[close + 1..])
        }
        _ => (&b""[..], rest),
    };
    let text = rest.strip_prefix(b":")?;
    Some((ident, pid, text.strip_prefix(b" ").unwrap_or(text)))
}

/// What stands behind the version: `TIME HOST PROGRAM PROCESS MESSAGE-ID DATA MESSAGE`.
fn rfc5424(mut rest: &[u8]) -> Option<Envelope<'_>> {
    let mut fields = [&b""[..]; 5];
    for field in &mut fields {
        let end = memchr::memchr(b' ', &rest[..rest.len().min(NAME + 1)])?;
        (*field, rest) = (&rest[..end], &rest[end + 1..]);
        if *field == b"-" {
            *field = b"";
        }
    }
    let [time, host, ident, pid, _] = fields;
    let stamp = Stamp::At(iso(time, 0)?);
    let rest = match rest {
        [b'-', rest @ ..] => rest,
        _ => structured(rest)?,
    };
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    Some(envelope(stamp, host, ident, pid, text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)))
}

/// What stands behind `[id name="value"]…`.
fn structured(mut rest: &[u8]) -> Option<&[u8]> {
    while let [b'[', inner @ ..] = rest {
        let (mut at, mut quoted) = (0, false);
        loop {
            match (inner.get(at)?, quoted) {
                (b'\\', true) => at += 1,
                (b'"', _) => quoted = !quoted,
                (b']', false) => break,
                _ => {}
            }
            at += 1;
        }
        rest = &inner[at + 1..];
    }
    matches!(rest, [] | [b' ', ..]).then_some(rest)
}

/// Undoes `#011`, the form in which control characters are written.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let escape = |at: usize| match text.get(at + 1..at + 4) {
        Some([b'0', tens @ b'0'..=b'3', ones @ b'0'..=b'7']) => Some((tens - b'0') * 8 + (ones - b'0')),
        _ => None,
    };
    if !memchr::memchr_iter(b'#', text).any(|at| escape(at).is_some()) {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        match escape(at).filter(|_| byte == b'#') {
            Some(control) => {
                plain.push(control);
                at += 4;
            }
            None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(plain)
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    parse(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(line: &str) -> Option<(String, Option<u32>, String)> {
        let envelope = parse(line.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some((text(&envelope.ident), envelope.pid, text(&envelope.text)))
    }

    #[test]
    fn envelopes() {
        let told = Some(("postgres".to_owned(), Some(7), "[1-1] x".to_owned()));
        for line in [
            "Nov 22 22:12:12 vm postgres[7]: [1-1] x",
            "Nov  2 22:12:12 postgres[7]: [1-1] x",
            "<134>Nov 22 22:12:12 vm postgres[7]: [1-1] x",
            "2026-11-22T22:12:12.326349+00:00 vm postgres[7]: [1-1] x",
            "<134>1 2026-11-22T22:12:12Z vm postgres 7 - - [1-1] x",
            "<134>1 2026-11-22T22:12:12Z - postgres 7 ID [a@1 b=\"c \\\"]\"][d] \u{feff}[1-1] x",
        ] {
            assert_eq!(show(line), told, "{line}");
        }
        assert_eq!(show("Nov 22 22:12:12 vm kernel: a#011b#012#999").unwrap().2, "a\tb\n#999");
        for line in [
            "",
            "Nov 32 22:12:12 vm postgres[7]: x",
            "Foo 22 22:12:12 vm postgres[7]: x",
            "2026-11-22 22:12:12.326 UTC [7] LOG:  x",
            "2026-11-22T22:12:12.326 vm postgres[7]: x",
            "2026-11-22T22:12:12.326Z 0 [System] [MY-010116] [Server] x",
            "<134>1 2026-11-22T22:12:12Z vm postgres 7 - [a x",
        ] {
            assert_eq!(show(line), None, "{line}");
        }
    }
}
