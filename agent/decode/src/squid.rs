//! Squid's native access log: what clients of this network fetched through the proxy.
//!
//! ```text
//! 1795406937.395     17 10.0.0.7 TCP_MISS/200 320 GET http://mfo.kz/ clerk7 HIER_DIRECT/203.0.113.9 text/html
//! ```
//!
//! Squid encodes blanks in what clients send, and by default leaves out the query (`strip_query_terms`).

use crate::account::Lines;
use crate::postgres::Verdict;
use crate::times::Times;
use crate::web::{Request, Requests};
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Event, System, Timestamp};
use std::borrow::Cow;

/// Decoder of one access log.
pub(crate) struct Squid {
    requests: Requests,
    lines: Lines,
}

impl Squid {
    pub(crate) fn new(options: &DecodeOptions) -> Squid {
        Squid { requests: Requests::new(System::Proxy, options), lines: Lines::default() }
    }
}

fn read(line: &[u8]) -> Option<(Request<'_>, Timestamp)> {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let at = words.next().filter(|word| word.len() >= 12 && word.contains(&b'.')).and_then(Times::epoch)?;
    let elapsed = words.next()?;
    if !elapsed.strip_prefix(b"-").unwrap_or(elapsed).iter().all(u8::is_ascii_digit) {
        return None;
    }
    let client = words.next()?;
    let result = words.next()?;
    let slash = memchr::memchr(b'/', result)?;
    let (result, status) = (&result[..slash], &result[slash + 1..]);
    let bytes = std::str::from_utf8(words.next()?).ok()?.parse().ok();
    let (method, target) = (words.next()?, words.next()?);
    if status.len() != 3 || !status.iter().all(u8::is_ascii_digit) || bytes.is_none() {
        return None;
    }
    let user = words.next().unwrap_or(b"-");
    let peer = words.next().unwrap_or_default();
    let peer = memchr::memchr(b'/', peer).map_or(&b""[..], |slash| &peer[slash + 1..]);
    let told = |word| Cow::Borrowed(if word == b"-" { &b""[..] } else { word });
    let request = Request {
        client: Cow::Borrowed(client),
        user: told(user),
        method: told(method),
        target: Cow::Borrowed(target),
        status: if status == b"000" { Cow::Borrowed(b"") } else { Cow::Borrowed(status) },
        result: Cow::Borrowed(result),
        mime: told(words.next().unwrap_or(b"-")),
        peer: told(peer),
        bytes,
        ..Request::default()
    };
    Some((request, at))
}

impl Decoder for Squid {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let requests = &mut self.requests;
        self.lines.decode(chunk, |line, place| match read(line.trim_ascii_end()) {
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
    line.first().is_some_and(u8::is_ascii_digit) && read(&line[..line.len().min(8192)]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let (request, at) = read(b"1795406937.543      2 10.0.0.7 TCP_TUNNEL/200 348 CONNECT 203.0.113.9:443 clerk7 HIER_DIRECT/203.0.113.9 -").unwrap();
        assert_eq!(at.to_string(), "2026-11-23T04:08:57.543000Z");
        assert_eq!((&*request.user, &*request.peer, request.bytes), (&b"clerk7"[..], &b"203.0.113.9"[..], Some(348)));
        assert!(request.mime.is_empty());
        assert!(
            read(b"1795406937.543 2 10.0.0.7 NONE/000 0 NONE error:accept-client-connection - HIER_NONE/- -")
                .unwrap()
                .0
                .status
                .is_empty()
        );
        for line in [
            "",
            "1795406937.543 2 10.0.0.7 TCP_MISS 1 GET x",
            "1339518083.107412 [0 127.0.0.1:60866] \"GET\" \"x\" \"y\" \"z\"",
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }
}
