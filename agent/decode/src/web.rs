//! Requests over HTTP, whichever server or proxy wrote them down: what is kept of one, and what rules see of it.
//!
//! A URL is kept as its shape: parts of the path that may be values are `?`, of the query only the names of parameters
//! stay. What the parameters were compared with leaves as keyed hashes, as the values of SQL do.

use crate::names::{self, HIDDEN};
use crate::sketch::Sketch;
use crate::{Actors, DecodeOptions, blank};
use kuzet_event::{Action, Code, Count, Event, Outcome, Place, Raw, RawField, System, Timestamp, Topic, Verb, Witness};
use kuzet_personal::Key;
use std::borrow::Cow;

/// Parts of a path that are shown, and parameters of a query that are looked at.
const PARTS: usize = 16;
const PARAMETERS: usize = 64;
/// A part of a path beyond this many bytes is no name.
const PART: usize = 40;

/// One request as the log tells it; what it does not tell is empty.
#[derive(Clone, Default)]
pub(crate) struct Request<'a> {
    pub(crate) client: Cow<'a, [u8]>,
    pub(crate) user: Cow<'a, [u8]>,
    pub(crate) method: Cow<'a, [u8]>,
    /// What was asked for: a path with its query, or a whole URL.
    pub(crate) target: Cow<'a, [u8]>,
    pub(crate) version: Cow<'a, [u8]>,
    pub(crate) status: Cow<'a, [u8]>,
    pub(crate) host: Cow<'a, [u8]>,
    pub(crate) referrer: Cow<'a, [u8]>,
    pub(crate) agent: Cow<'a, [u8]>,
    pub(crate) mime: Cow<'a, [u8]>,
    pub(crate) cookie: Cow<'a, [u8]>,
    /// What a proxy made of it.
    pub(crate) result: Cow<'a, [u8]>,
    /// Where a proxy went for it.
    pub(crate) peer: Cow<'a, [u8]>,
    pub(crate) bytes: Option<u64>,
    pub(crate) request_bytes: Option<u64>,
}

impl<'a> Request<'a> {
    /// Takes `GET /path HTTP/1.1` apart. What is not of that form is the target as a whole.
    pub(crate) fn line(&mut self, line: Cow<'a, [u8]>) {
        let blank = memchr::memchr(b' ', &line).unwrap_or(0);
        let last = memchr::memrchr(b' ', &line).filter(|last| *last > blank && line[last + 1..].starts_with(b"HTTP/"));
        let method = line[..blank].iter().all(u8::is_ascii_uppercase) && blank > 0;
        let (method, from) = if method { (blank, blank + 1) } else { (0, 0) };
        let to = last.unwrap_or(line.len());
        let part = |range: std::ops::Range<usize>| match &line {
            Cow::Borrowed(line) => Cow::Borrowed(&line[range]),
            Cow::Owned(line) => Cow::Owned(line[range].to_vec()),
        };
        (self.method, self.target) = (part(0..method), part(from..to));
        self.version = last.map_or(Cow::Borrowed(&b""[..]), |last| part(last + 1..line.len()));
    }
}

/// Makes events of requests.
pub(crate) struct Requests {
    topic: Topic,
    actors: Actors,
    key: Key,
}

impl Requests {
    /// For a proxy or for web servers.
    pub(crate) fn new(system: System, options: &DecodeOptions) -> Requests {
        let topic = if system == System::Proxy { Topic::Proxy } else { Topic::Webserver };
        Requests { topic, actors: Actors::new(system), key: options.key.clone() }
    }

    /// The event of a request that stands in the log as `line`.
    pub(crate) fn event(&mut self, request: &Request<'_>, at: Timestamp, place: Place, line: &[u8]) -> Event {
        let url = Url::new(&request.target);
        let host = if request.host.is_empty() { url.host } else { &request.host };
        let user = if *request.user == *b"-" { b"" } else { &*request.user };
        let (user, host) = (names::account(user, &self.key), without_port(host));
        let (client, program, shown_host) = (names::host(&request.client), product(&request.agent), names::host(host));
        let actor = self.actors.intern(user.as_bytes(), client.as_bytes(), program.as_bytes(), shown_host.as_bytes());
        let status = std::str::from_utf8(&request.status).ok().and_then(|status| status.parse::<u16>().ok());
        let outcome = match status {
            Some(100..400) => Outcome::Success,
            Some(400..1000) => Outcome::Failure,
            _ => Outcome::Unknown,
        };
        let mut event = blank::event(at, place, actor, Action::Request, outcome);
        event.witness = Witness::Log;
        event.bytes = request.bytes.map_or(Count::Unknown, Count::Known);
        if outcome == Outcome::Failure {
            event.code = Code::new(&request.status);
        }
        let mut sketch = Sketch::new(Verb::Other);
        for (name, value) in url.parameters() {
            sketch.compare(&self.key, &percent(name, true), &percent(value, true));
        }
        for part in url.path.split(|byte| *byte == b'/').filter(|part| has_number(part)).take(PARTS) {
            sketch.compare(&self.key, b"path", &percent(part, false));
        }
        let method = std::str::from_utf8(&request.method).unwrap_or_default();
        let word = matches!(method.len(), 1..=16) && method.bytes().all(|byte| byte.is_ascii_uppercase());
        let method = if word { method } else { HIDDEN };
        let (statement, identifiers) = sketch.finish(format!("{method} {}", shape(url.path)).trim_end());
        (event.statement, event.identifiers) = (Some(statement), identifiers);
        event.raw = Some(Box::new(self.raw(request, &url, host, line)));
        event
    }

    fn raw(&self, request: &Request<'_>, url: &Url<'_>, host: &[u8], line: &[u8]) -> Raw {
        let mut raw = Raw::default();
        raw.frame(self.topic);
        let number = |number: Option<u64>| number.map(|number| number.to_string().into_bytes()).unwrap_or_default();
        let request_bytes = number(request.request_bytes);
        let fields: [(RawField, &[u8]); 15] = [
            (RawField::Original, line.trim_ascii_end()),
            (RawField::Method, &request.method),
            (RawField::Url, &request.target),
            (RawField::UrlPath, url.path),
            (RawField::UrlQuery, url.query),
            (RawField::UrlExtension, url.extension()),
            (RawField::UrlDomain, host),
            (RawField::HttpVersion, &request.version),
            (RawField::Status, &request.status),
            (RawField::Referrer, &request.referrer),
            (RawField::UserAgent, &request.agent),
            (RawField::Mime, &request.mime),
            (RawField::Cookie, &request.cookie),
            (RawField::ProxyResult, &request.result),
            (RawField::RequestBytes, &request_bytes),
        ];
        for (field, value) in fields {
            raw.add(field, &String::from_utf8_lossy(value));
        }
        let address = std::str::from_utf8(&request.peer).is_ok_and(|peer| peer.parse::<std::net::IpAddr>().is_ok());
        let field = if address { RawField::DestinationIp } else { RawField::DestinationHost };
        raw.add(field, &String::from_utf8_lossy(&request.peer));
        raw
    }
}

/// A target taken apart.
struct Url<'a> {
    host: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
}

impl<'a> Url<'a> {
    fn new(target: &'a [u8]) -> Url<'a> {
        let scheme = memchr::memmem::find(&target[..target.len().min(16)], b"://");
        let scheme = scheme.filter(|at| target[..*at].iter().all(u8::is_ascii_alphanumeric));
        let (host, rest) = match scheme {
            Some(at) => {
                let rest = &target[at + 3..];
                let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
                let host = rest[..end].rsplit(|byte| *byte == b'@').next().unwrap_or_default();
                (host, &rest[end..])
            }
            // CONNECT asks for a host.
            None if !target.starts_with(b"/") && !target.starts_with(b"*") && !target.contains(&b'/') => {
                (target, &b""[..])
            }
            None => (&b""[..], target),
        };
        let mark = memchr::memchr(b'?', rest).unwrap_or(rest.len());
        Url { host, path: &rest[..mark], query: rest.get(mark + 1..).unwrap_or_default() }
    }

    /// `sql` of `/backup/mfo.sql`.
    fn extension(&self) -> &'a [u8] {
        let name = self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        memchr::memrchr(b'.', name).map_or(&b""[..], |dot| &name[dot + 1..])
    }

    fn parameters(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let pair = |pair: &'a [u8]| {
            let sign = memchr::memchr(b'=', pair)?;
            Some((&pair[..sign], &pair[sign + 1..]))
        };
        self.query.split(|byte| matches!(byte, b'&' | b';')).take(PARAMETERS).filter_map(pair)
    }
}

/// Whether a number long enough to be somebody's stands in it.
fn has_number(part: &[u8]) -> bool {
    part.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= 8)
}

/// The host that a target names, and the port: its own, or that of its scheme.
pub(crate) fn authority(target: &[u8]) -> (&[u8], Option<u16>) {
    let authority = Url::new(target).host;
    let host = without_port(authority);
    let told = authority.rsplit(|byte| *byte == b':').next().filter(|_| host.len() < authority.len());
    let told = told.and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
    let scheme = [(&b"https:"[..], 443), (b"http:", 80), (b"ftp:", 21)];
    let own = scheme.iter().find(|(scheme, _)| target.starts_with(scheme)).map(|(_, port)| *port);
    (host, told.or(own))
}

/// A host without its port; an IPv6 address without its brackets.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match host {
        [b'[', rest @ ..] => rest.split(|byte| *byte == b']').next().unwrap_or(rest),
        _ => match memchr::memrchr(b':', host) {
            Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) && !host[..colon].contains(&b':') => {
                &host[..colon]
            }
            _ => host,
        },
    }
}

/// What a client calls itself first: `Mozilla/5.0`, `curl/7.88.1`. The rest is seen by rules only.
pub(crate) fn product(agent: &[u8]) -> String {
    let shape = shape(agent.split(|byte| *byte == b' ').next().unwrap_or_default());
    let product = shape.matches('/').count() == 1 && shape.starts_with(|first: char| first.is_ascii_alphabetic());
    if product || shape.is_empty() { shape } else { HIDDEN.to_owned() }
}

/// `%41` and, in a query, `+` undone.
pub(crate) fn percent(text: &[u8], query: bool) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let [first, behind @ ..] = rest {
        rest = behind;
        plain.push(match (first, behind) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (b'+', _) if query => b' ',
            _ => *first,
        });
    }
    plain
}

/// A path whose parts are names; a part that may be a value is `?`, with its extension where it has one.
pub(crate) fn shape(path: &[u8]) -> String {
    let mut shape = String::new();
    for (number, part) in path.split(|byte| *byte == b'/').enumerate() {
        if number > PARTS {
            shape.push_str("/…");
            break;
        }
        if number > 0 {
            shape.push('/');
        }
        shape.push_str(&shown_part(&String::from_utf8_lossy(part)));
    }
    shape
}

fn shown_part(part: &str) -> Cow<'_, str> {
    if part.is_empty() || part.len() <= PART && *names::shown(part) == *part {
        return Cow::Borrowed(part);
    }
    let extension = part.rsplit_once('.').filter(|(stem, extension)| {
        !stem.is_empty() && matches!(extension.len(), 1..=5) && extension.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    match extension {
        Some((_, extension)) if *names::shown(extension) == *extension => Cow::Owned(format!("{HIDDEN}.{extension}")),
        _ => Cow::Borrowed(HIDDEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_names_and_lose_values() {
        for (path, shown) in [
            ("/", "/"),
            ("/backup/mfo-2026-11-22.sql", "/backup/mfo-2026-11-22.sql"),
            ("/backup/mfo_20261122.sql", "/backup/?.sql"),
            ("/borrower/850830346939/card", "/borrower/?/card"),
            ("/scan/Ivanov.jpg", "/scan/?.jpg"),
            ("/.%2e/.%2e/bin/sh", "/?/?/bin/sh"),
            ("/../../etc/passwd", "/../../etc/passwd"),
            ("/x/850830346939.850830", "/x/?"),
        ] {
            assert_eq!(shape(path.as_bytes()), shown);
        }
        assert!(shape("/a".repeat(99).as_bytes()).ends_with("/a/…"));
    }

    #[test]
    fn request_lines_are_taken_apart() {
        let read = |line: &'static str| {
            let mut request = Request::default();
            request.line(Cow::Borrowed(line.as_bytes()));
            let show = |text: &Cow<'_, [u8]>| String::from_utf8_lossy(text).into_owned();
            [show(&request.method), show(&request.target), show(&request.version)]
        };
        assert_eq!(read("GET /a b?c HTTP/1.1"), ["GET", "/a b?c", "HTTP/1.1"]);
        assert_eq!(read("GET /a"), ["GET", "/a", ""]);
        assert_eq!(read("GARBAGE"), ["", "GARBAGE", ""]);
        assert_eq!(read("t3 12.1.2"), ["", "t3 12.1.2", ""]);
        assert_eq!(read(""), ["", "", ""]);
    }

    #[test]
    fn urls_are_taken_apart() {
        let read = |target: &'static str| {
            let url = Url::new(target.as_bytes());
            [url.host, url.path, url.query].map(|part| String::from_utf8_lossy(part).into_owned())
        };
        assert_eq!(read("http://u:p@mfo.kz:80/a?b=c?d"), ["mfo.kz:80", "/a", "b=c?d"]);
        assert_eq!(read("mfo.kz:443"), ["mfo.kz:443", "", ""]);
        assert_eq!(read("/a://b"), ["", "/a://b", ""]);
        assert_eq!(without_port(b"[::1]:80"), b"::1");
        assert_eq!(authority(b"mfo.kz:443"), (&b"mfo.kz"[..], Some(443)));
        assert_eq!(authority(b"http://[::1]/a"), (&b"::1"[..], Some(80)));
        assert_eq!(authority(b"https://u:p@mfo.kz:8443/a:9"), (&b"mfo.kz"[..], Some(8443)));
        assert_eq!(authority(b"/a:9"), (&b""[..], None));
        assert_eq!((without_port(b"mfo.kz:80"), without_port(b"::1")), (&b"mfo.kz"[..], &b"::1"[..]));
        assert_eq!(percent(b"a%2Bb+%zz%4", true), b"a+b %zz%4");
    }
}
