//! Squid's native access log: what clients of this network fetched through the proxy.
//!
//! ```text
//! 1795406937.395     17 10.0.0.7 TCP_MISS/200 320 GET http://mfo.kz/ clerk7 HIER_DIRECT/203.0.113.9 text/html
//! ```
//!
//! Squid encodes blanks in what clients send, and by default leaves out the query (`strip_query_terms`). Where it went out for a
//! client, or did not let it, the event has the connection: the client's side, the host it asked for and the address that was
//! taken for it. The bytes are those that the client was given; what it sent is not in this log.

use crate::account::Lines;
use crate::gateway::{self, Sides, address};
use crate::postgres::Verdict;
use crate::times::{Times, number};
use crate::web::{Request, Requests, authority};
use crate::{Chunk, DecodeOptions, Decoded, Decoder, names};
use kuzet_event::{Count, Direction, Event, Flow, Naming, Phase, System, Timestamp, Transport};
use kuzet_personal::Key;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

/// Decoder of one access log.
pub(crate) struct Squid {
    requests: Requests,
    lines: Lines,
    key: Key,
}

impl Squid {
    pub(crate) fn new(options: &DecodeOptions) -> Squid {
        let requests = Requests::new(System::Proxy, options);
        Squid { requests, lines: Lines::default(), key: options.key.clone() }
    }
}

/// A request, when it ended, how long it took in milliseconds, and how the peer was found.
type Read<'a> = (Request<'a>, Timestamp, i64, &'a [u8]);

fn read(line: &[u8]) -> Option<Read<'_>> {
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
    let (found, peer) =
        memchr::memchr(b'/', peer).map_or((peer, &b""[..]), |slash| (&peer[..slash], &peer[slash + 1..]));
    let elapsed = number(elapsed).filter(|_| elapsed.len() <= 12).unwrap_or(0);
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
    Some((request, at, elapsed, found))
}

/// The connection that the proxy made for a request, or refused to make; `None`: it answered by itself.
fn flow((request, at, elapsed, found): &Read<'_>, line: &[u8], key: &Key) -> Option<Flow> {
    let local = address(&request.client, None)?;
    let (host, port) = authority(&request.target);
    let name = names::domain(host);
    // Through a parent only the parent's address is known.
    let direct = [&b"HIER_DIRECT"[..], b"ORIGINAL_DST", b"PINNED"].iter().any(|way| found.ends_with(way));
    let asked = address(host, port.map(u64::from));
    let peer = address(&request.peer, port.map(u64::from)).filter(|_| direct);
    let none = found.ends_with(b"NONE") || found.is_empty() || **found == *b"-";
    let hit = memchr::memmem::find(&request.result, b"HIT").is_some();
    // 407: it was only told to say who it is.
    if none && (hit || *request.status == *b"407") {
        return None;
    }
    let remote: Option<SocketAddr> = peer.or(asked);
    let sides = Sides { local, remote: remote.unwrap_or(local), direction: Direction::Outbound };
    let id = (key.pseudonym("request through a proxy", line) >> 64) as u64;
    (remote.is_some() || name.is_some()).then(|| Flow {
        phase: if none { Phase::Refused } else { Phase::Closed },
        remote,
        name: name.map(|name| (name, Naming::Host)),
        opened: Some(Timestamp(at.0 - elapsed * 1000)),
        received: if none { Count::Known(0) } else { request.bytes.map_or(Count::Unknown, Count::Known) },
        ..gateway::flow(id, Transport::Tcp, sides)
    })
}

impl Decoder for Squid {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let (requests, key) = (&mut self.requests, &self.key);
        self.lines.decode(chunk, |line, place| match read(line.trim_ascii_end()) {
            Some(read) => {
                let mut event = requests.event(&read.0, read.1, place, line);
                event.flow = flow(&read, line, key).map(Arc::new);
                events.push(event);
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
        let (request, at, ..) = read(b"1795406937.543      2 10.0.0.7 TCP_TUNNEL/200 348 CONNECT 203.0.113.9:443 clerk7 HIER_DIRECT/203.0.113.9 -").unwrap();
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
