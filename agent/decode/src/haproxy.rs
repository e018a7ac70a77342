//! HAProxy's HTTP log (`option httplog`), by itself or inside syslog.
//!
//! ```text
//! 10.0.0.7:52358 [23/Nov/2026:04:08:53.038] portal app/web1 0/0/0/1/1 200 200 - - ---- 1/1/0/0/0 0/0 {mfo.kz|curl/7.88.1} "GET / HTTP/1.1"
//! ```
//!
//! Captured headers have no names: one that looks like a host is the host, one with a product is the client's, one that
//! begins like a URL led there. Times are those of the arrival and local; how long it took is added, since the line is
//! written at the end.

use crate::account::Lines;
use crate::postgres::Verdict;
use crate::times::clf_local;
use crate::web::{Request, Requests, without_port};
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Event, System, Timestamp};
use std::borrow::Cow;

/// Decoder of one log.
pub(crate) struct Haproxy {
    zone: i64,
    requests: Requests,
    lines: Lines,
}

impl Haproxy {
    pub(crate) fn new(options: &DecodeOptions) -> Haproxy {
        let requests = Requests::new(System::Web, options);
        Haproxy { zone: options.timezone.into(), requests, lines: Lines::default() }
    }
}

/// `#22` and the like undone.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'#', text).is_none() {
        return Cow::Borrowed(text);
    }
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        rest = behind;
        plain.push(match (first, behind) {
            (b'#', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                rest = after;
                hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0)
            }
            _ => *first,
        });
    }
    Cow::Owned(plain)
}

/// The request of a line; its time is local.
fn read(line: &[u8]) -> Option<(Request<'_>, Timestamp)> {
    let open = memchr::memmem::find(&line[..line.len().min(128)], b" [")?;
    let (at, rest) = clf_local(&line[open + 2..])?;
    let client = &line[..open];
    let colon = memchr::memrchr(b':', client)?;
    let port = &client[colon + 1..];
    if port.is_empty() || !port.iter().all(u8::is_ascii_digit) || memchr::memchr(b' ', client).is_some() {
        return None;
    }
    let rest = rest.strip_prefix(b"] ")?;
    let quote = memchr::memmem::find(rest, b" \"")?;
    let (fields, asked) = (&rest[..quote], rest[quote + 2..].strip_suffix(b"\"")?);
    let braces = memchr::memmem::find(fields, b" {").unwrap_or(fields.len());
    let mut words = fields[..braces].split(|byte| *byte == b' ');
    let (_frontend, backend) = (words.next()?, words.next()?);
    let timers: Vec<&[u8]> = words.next()?.split(|byte| *byte == b'/').collect();
    let (status, bytes) = (words.next()?, words.next()?);
    if !backend.contains(&b'/') || !matches!(timers.len(), 3..=6) {
        return None;
    }
    let number = |text: &[u8]| std::str::from_utf8(text.strip_prefix(b"+").unwrap_or(text)).ok()?.parse::<i64>().ok();
    let (status_number, bytes) = (number(status)?, number(bytes)?);
    let lasted = number(timers.last()?)?.clamp(0, 86_400_000);
    let mut request = Request {
        client: Cow::Borrowed(without_brackets(&client[..colon])),
        status: Cow::Borrowed(if status_number < 100 { b"" } else { status }),
        bytes: u64::try_from(bytes).ok(),
        ..Request::default()
    };
    if asked != b"<BADREQ>" {
        request.line(plain(asked));
    }
    // The first pair of braces holds headers of the request, a second one those of the answer.
    let captured = fields.get(braces + 2..).and_then(|text| text.split(|byte| *byte == b'}').next());
    for value in captured.unwrap_or_default().split(|byte| *byte == b'|').map(plain) {
        let host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
        if value.starts_with(b"http://") || value.starts_with(b"https://") {
            request.referrer = value;
        } else if request.host.is_empty() && value.iter().all(host) && without_port(&value).contains(&b'.') {
            request.host = value;
        } else if request.agent.is_empty() && value.contains(&b'/') {
            request.agent = value;
        }
    }
    Some((request, Timestamp(at.0 + lasted * 1000)))
}

fn without_brackets(address: &[u8]) -> &[u8] {
    address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(address)
}

impl Decoder for Haproxy {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let (requests, zone) = (&mut self.requests, self.zone * 1_000_000);
        self.lines.decode(chunk, |line, place| match read(line.trim_ascii_end()) {
            Some((request, at)) => {
                events.push(requests.event(&request, Timestamp(at.0 - zone), place, line));
                Verdict::Handled
            }
            None => Verdict::Lost,
        })
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.ends_with(b"\"") && read(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let line = b"[::1]:52358 [23/Nov/2026:04:08:53.038] portal~ app/web1 0/0/0/1/+1500 200 203 - - ---- 1/1/0/0/0 0/0 {mfo.kz:8083|sqlmap/1.7 #22x#22|http://a/} {z} \"GET /#7B HTTP/1.1\"";
        let (request, at) = read(line).unwrap();
        assert_eq!(at.to_string(), "2026-11-23T04:08:54.538000Z");
        assert_eq!(
            (&*request.client, &*request.target, &*request.agent),
            (&b"::1"[..], &b"/{"[..], &b"sqlmap/1.7 \"x\""[..])
        );
        assert_eq!(
            (&*request.host, &*request.referrer, request.bytes),
            (&b"mfo.kz:8083"[..], &b"http://a/"[..], Some(203))
        );
        let line = b"10.0.0.7:1 [23/Nov/2026:04:08:53.330] portal portal/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"";
        assert_eq!((&*read(line).unwrap().0.target, &*read(line).unwrap().0.status), (&b""[..], &b"400"[..]));
        // A TCP log has no request.
        assert!(read(b"10.0.0.7:1 [23/Nov/2026:04:08:53.330] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0").is_none());
    }
}
