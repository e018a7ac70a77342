//! Access logs as JSON, one object a line, whose keys are the variables of nginx (`log_format … escape=json`) or the names
//! that other servers use for them.

use crate::account::Lines;
use crate::json::{self, Step};
use crate::postgres::Verdict;
use crate::times::{Times, clf, iso};
use crate::web::{Request, Requests};
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Event, System, Timestamp};
use std::borrow::Cow;

/// Decoder of one access log.
pub(crate) struct AccessJson {
    zone: i32,
    requests: Requests,
    lines: Lines,
}

impl AccessJson {
    pub(crate) fn new(options: &DecodeOptions) -> AccessJson {
        let requests = Requests::new(System::Web, options);
        AccessJson { zone: options.timezone, requests, lines: Lines::default() }
    }
}

/// The request of a line; `None` without a time, a client or a status. One that was no request has no target.
fn read(line: &[u8], zone: i32) -> Option<(Request<'_>, Timestamp)> {
    let mut request = Request::default();
    let (mut asked, mut query, mut at) = (Cow::Borrowed(&b""[..]), Cow::Borrowed(&b""[..]), None);
    json::walk(line, |path, value| {
        let [Step::Key(key)] = path else { return };
        let number = value.number();
        let text: Cow<'_, [u8]> = match value {
            json::Value::Text(text) => text,
            json::Value::Number(number) => Cow::Borrowed(number),
            _ => return,
        };
        match &**key {
            b"time_iso8601" | b"@timestamp" | b"msec" | b"time_local" | b"timestamp" | b"time" | b"t" => {
                at = at.or_else(|| time(&text, zone));
            }
            b"remote_addr" | b"client_ip" | b"clientip" | b"remote_ip" => request.client = text,
            b"remote_user" | b"user" => request.user = text,
            b"request" => asked = text,
            b"request_method" | b"method" => request.method = text,
            b"request_uri" | b"uri" => request.target = text,
            b"args" | b"query_string" => query = text,
            b"server_protocol" => request.version = text,
            b"status" => request.status = text,
            b"body_bytes_sent" | b"bytes_sent" | b"bytes" => request.bytes = number.or(request.bytes),
            b"request_length" => request.request_bytes = number,
            b"http_referer" | b"referer" | b"referrer" => request.referrer = text,
            b"http_user_agent" | b"user_agent" | b"agent" => request.agent = text,
            b"http_cookie" => request.cookie = text,
            b"http_host" => request.host = text,
            b"host" | b"server_name" | b"vhost" if request.host.is_empty() => request.host = text,
            _ => {}
        }
    })?;
    if request.target.is_empty() {
        let method = std::mem::take(&mut request.method);
        request.line(asked);
        if request.method.is_empty() {
            request.method = method;
        }
    } else if !query.is_empty() && memchr::memchr(b'?', &request.target).is_none() {
        request.target = Cow::Owned([&*request.target, &*query].join(&b'?'));
    }
    let whole = !request.client.is_empty() && !request.status.is_empty();
    at.filter(|_| whole).map(|at| (request, at))
}

fn time(text: &[u8], zone: i32) -> Option<Timestamp> {
    let clf = || clf(text).filter(|(_, rest)| rest.is_empty()).map(|(at, _)| at);
    iso(text, zone).or_else(|| Times::epoch(text)).or_else(clf)
}

impl Decoder for AccessJson {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let (requests, zone) = (&mut self.requests, self.zone);
        self.lines.decode(chunk, |line, place| match read(line.trim_ascii_end(), zone) {
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
    let has = |key: &[u8]| memchr::memmem::find(&line[..line.len().min(8192)], key).is_some();
    line.starts_with(b"{") && has(b"\"status\"") && has(b"\"remote_addr\"") && has(b"\"request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_servers() {
        let line = br#"{"msec":"1795406892.123","remote_addr":"10.0.0.7","request":"GET /a?b HTTP/1.1","status":200,"body_bytes_sent":"3","host":"x","http_host":"mfo.kz"}"#;
        let (request, at) = read(line, 0).unwrap();
        assert_eq!(at.to_string(), "2026-11-23T04:08:12.123000Z");
        assert_eq!((&*request.method, &*request.target, &*request.host), (&b"GET"[..], &b"/a?b"[..], &b"mfo.kz"[..]));
        assert_eq!((&*request.status, request.bytes), (&b"200"[..], Some(3)));
        let line = br#"{"time_local":"23/Nov/2026:04:08:12 +0000","client_ip":"h","uri":"/a","args":"b=c","method":"PUT","status":"201"}"#;
        assert_eq!(&*read(line, 0).unwrap().0.target, b"/a?b=c");
        for line in [
            "{}",
            "",
            "{\"status\":1,\"remote_addr\":\"x\",\"uri\":\"/\"}",
            "[1]",
            "{\"time\":\"1795406892\",\"status\":1}",
        ] {
            assert!(read(line.as_bytes(), 0).is_none(), "{line}");
        }
    }
}
