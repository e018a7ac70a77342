//! Access logs of nginx, Apache and whoever writes as they do: common and combined log format, with the virtual host or
//! without.
//!
//! ```text
//! 10.0.0.7 - clerk7 [23/Nov/2026:04:08:12 +0000] "GET /api/borrowers?page=2 HTTP/1.1" 200 3 "-" "curl/7.88.1"
//! portal.mfo.kz:80 10.0.0.7 - - [23/Nov/2026:04:08:12 +0000] "GET / HTTP/1.1" 200 203 "-" "curl/7.88.1"
//! ```
//!
//! Both servers escape quotes in what clients send, so that a client cannot forge what stands behind one.

use crate::account::Lines;
use crate::postgres::Verdict;
use crate::times::clf;
use crate::web::{Request, Requests};
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Event, Place, System, Timestamp};
use std::borrow::Cow;

/// Decoder of one access log.
pub(crate) struct AccessLog {
    requests: Requests,
    lines: Lines,
}

impl AccessLog {
    pub(crate) fn new(options: &DecodeOptions) -> AccessLog {
        AccessLog { requests: Requests::new(System::Web, options), lines: Lines::default() }
    }
}

/// A line cut at its time.
struct Head<'a> {
    host: &'a [u8],
    client: &'a [u8],
    user: &'a [u8],
    at: Timestamp,
    /// Behind the quote that opens the request.
    rest: &'a [u8],
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    // A user name may hold a bracket; a quote that nobody escaped follows the time only.
    let mut from = 0;
    let (names, at, rest) = loop {
        let open = from + memchr::memmem::find(line.get(from..)?, b" [")?;
        if let Some((at, behind)) = clf(&line[open + 2..])
            && let Some(rest) = behind.strip_prefix(b"] \"")
        {
            break (&line[..open], at, rest);
        }
        from = open + 2;
    };
    let word = |text: &mut &'_ [u8]| -> Option<(usize, usize)> {
        let end = memchr::memchr(b' ', text)?;
        Some((end, end + 1))
    };
    let mut left = names;
    let (end, next) = word(&mut left)?;
    let first = &left[..end];
    left = &left[next..];
    let address = |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    let second = left.split(|byte| *byte == b' ').next().unwrap_or_default();
    let (host, client) = if address(second) && !address(first) {
        left = left.get(second.len() + 1..)?;
        (first, second)
    } else {
        (&b""[..], first)
    };
    let (_, next) = word(&mut left)?;
    let user = &left[next..];
    (!client.is_empty() && !user.is_empty()).then_some(Head { host, client, user, at, rest })
}

/// A quoted text up to its quote, escapes undone, and what stands behind the quote.
fn quoted(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', text.get(end..)?)?;
        if text[end] == b'"' {
            return Some((unescape(&text[..end]), &text[end + 1..]));
        }
        end += 2;
    }
}

fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'x', high, low, behind @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                plain.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = behind;
            }
            [escape, behind @ ..] => {
                plain.push(match escape {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = behind;
            }
            [] => plain.push(b'\\'),
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// What stands for nothing.
fn told(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if *text == *b"-" { Cow::Borrowed(b"") } else { text }
}

/// The request of a line.
fn read(line: &[u8]) -> Option<(Request<'_>, Timestamp)> {
    let head = head(line)?;
    let mut request = Request {
        host: Cow::Borrowed(head.host),
        client: Cow::Borrowed(head.client),
        user: Cow::Borrowed(head.user),
        ..Request::default()
    };
    let (asked, rest) = quoted(head.rest)?;
    request.line(told(asked));
    let mut words = rest.trim_ascii().splitn(3, |byte| *byte == b' ');
    let (status, bytes) = (words.next()?, words.next().unwrap_or(b"-"));
    if status.len() != 3 || !status.iter().all(u8::is_ascii_digit) {
        return None;
    }
    request.status = Cow::Borrowed(status);
    // Apache writes a dash for none.
    request.bytes = if bytes == b"-" { Some(0) } else { std::str::from_utf8(bytes).ok()?.parse().ok() };
    let behind = words.next().and_then(|rest| quoted(rest.strip_prefix(b"\"")?));
    if let Some((referrer, rest)) = behind {
        request.referrer = told(referrer);
        if let Some((agent, _)) = rest.strip_prefix(b" \"").and_then(quoted) {
            request.agent = told(agent);
        }
    }
    Some((request, head.at))
}

impl Decoder for AccessLog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let requests = &mut self.requests;
        self.lines.decode(chunk, |line, place: Place| match read(line.trim_ascii_end()) {
            Some((request, at)) => {
                events.push(requests.event(&request, at, place, line));
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
    head(&line[..line.len().min(1024)]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_users_and_escapes() {
        let (request, at) =
            read(b"portal.mfo.kz:80 ::1 - a [b [23/Nov/2026:09:08:12 +0500] \"GET /\\\"x\\x22 HTTP/1.1\" 404 - \"-\" \"A \\\"q\\\"\" 7").unwrap();
        assert_eq!(at.to_string(), "2026-11-23T04:08:12.000000Z");
        assert_eq!(
            (&*request.host, &*request.client, &*request.user),
            (&b"portal.mfo.kz:80"[..], &b"::1"[..], &b"a [b"[..])
        );
        assert_eq!((&*request.target, &*request.agent, request.bytes), (&b"/\"x\""[..], &b"A \"q\""[..], Some(0)));
        assert!(request.referrer.is_empty());
        // Names instead of addresses, no agent.
        let (request, _) = read(b"db1.mfo.kz - - [23/Nov/2026:04:08:12 +0000] \"-\" 408 0").unwrap();
        assert_eq!((&*request.client, &*request.target), (&b"db1.mfo.kz"[..], &b""[..]));
        for line in
            ["", "a - - [23/Nov/2026:04:08:12 +0000] \"GET", "a - - [23/Nov/2026:04:08:12 +0000] \"\" x 1", "a b [x"]
        {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_user_cannot_forge_a_request() {
        let line = b"10.0.0.9 - x [01/Jan/2020:00:00:00 +0000] \\\"GET / [23/Nov/2026:04:08:12 +0000] \"GET /api HTTP/1.1\" 401 9";
        let (request, _) = read(line).unwrap();
        assert_eq!((&*request.target, &*request.status), (&b"/api"[..], &b"401"[..]));
    }
}
