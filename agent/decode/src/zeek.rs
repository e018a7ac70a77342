//! Zeek's logs of connections and of what names their other side: conn, ssl, quic, http, dns; with tabs or as JSON.
//!
//! ```text
//! #fields ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state …
//! 1795406937.395 CHhAvVGS1DHFjwGM9 10.0.0.5 50270 203.0.113.9 443 tcp ssl 12.5 40213377 5120 SF …
//! {"_path":"ssl","ts":1795406937.402,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"10.0.0.5",…,"server_name":"drive.example"}
//! ```
//!
//! Records of one connection share its `uid`, and so do their flows the number. A name that ssl, quic or http told, or an
//! answer of DNS, stands in the record of the connection where both are in one stream; where they are files of their own, the
//! event of ssl, quic or http tells the name of the flow. A question to DNS is an event of its own. Other logs of Zeek are passed over.

use crate::account::Lines;
use crate::gateway::{Gateway, Names, Sides, address, flow, number, transport};
use crate::json::{self, Step, Value};
use crate::postgres::Verdict;
use crate::times::{Times, iso};
use crate::web::without_port;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, names};
use kuzet_event::{Count, Direction, Event, Flow, Naming, Phase, Place, Timestamp, Transport};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Longest header that is kept.
const HEADER: usize = 8 << 10;
/// Addresses of one answer that are named.
const ANSWERS: usize = 64;
/// Longest connection, in seconds: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

/// Decoder of one log.
pub(crate) struct Zeek {
    key: Key,
    header: Header,
    gateway: Gateway,
    names: Names,
    lines: Lines,
}

/// What the lines with `#` at the top say of the columns.
#[derive(Default)]
struct Header {
    /// As they stand, for a restart.
    text: Vec<u8>,
    path: Vec<u8>,
    fields: Vec<Box<[u8]>>,
    /// Between the members of a set.
    comma: Option<u8>,
}

impl Header {
    /// Takes one line that begins with `#`. The separator is a tab in every log that anybody keeps.
    fn line(&mut self, line: &[u8]) {
        if line.starts_with(b"#separator") {
            *self = Header::default();
        }
        // What could not be kept for a restart is not taken at all.
        if self.text.len() + line.len() >= HEADER || line.contains(&0) {
            return;
        }
        let mut words = line.split(|byte| *byte == b'\t');
        match words.next().unwrap_or_default() {
            b"#set_separator" => self.comma = words.next().and_then(|word| word.first().copied()),
            b"#path" => self.path = words.next().unwrap_or_default().to_vec(),
            b"#fields" => self.fields = words.map(Box::from).collect(),
            _ => return,
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }
}

/// What the logs tell, by the names of their fields; what they do not is empty.
#[derive(Default)]
struct Record<'a> {
    path: Cow<'a, [u8]>,
    at: Option<Timestamp>,
    uid: Cow<'a, [u8]>,
    ends: [(Cow<'a, [u8]>, Option<u64>); 2],
    ours: [bool; 2],
    proto: Cow<'a, [u8]>,
    duration: Option<i64>,
    bytes: [Count; 2],
    state: Cow<'a, [u8]>,
    /// Name in the handshake, or in the request.
    server: Cow<'a, [u8]>,
    host: Cow<'a, [u8]>,
    query: Cow<'a, [u8]>,
    question: u16,
    answers: SmallVec<[Cow<'a, [u8]>; 2]>,
}

impl<'a> Record<'a> {
    fn set(&mut self, key: &[u8], value: Cow<'a, [u8]>) {
        let count = |value: &[u8]| whole(value).map_or(Count::Unknown, Count::Known);
        match key {
            b"_path" => self.path = value,
            b"ts" => self.at = time(&value),
            b"uid" => self.uid = value,
            b"id.orig_h" => self.ends[0].0 = value,
            b"id.orig_p" => self.ends[0].1 = whole(&value),
            b"id.resp_h" => self.ends[1].0 = value,
            b"id.resp_p" => self.ends[1].1 = whole(&value),
            b"local_orig" => self.ours[0] = matches!(&*value, b"T" | b"true"),
            b"local_resp" => self.ours[1] = matches!(&*value, b"T" | b"true"),
            b"proto" => self.proto = value,
            b"duration" => self.duration = micros(&value),
            b"orig_bytes" => self.bytes[0] = count(&value),
            b"resp_bytes" => self.bytes[1] = count(&value),
            b"conn_state" => self.state = value,
            b"server_name" => self.server = value,
            b"host" => self.host = value,
            b"query" => self.query = value,
            b"qtype" => self.question = whole(&value).and_then(|number| u16::try_from(number).ok()).unwrap_or(0),
            b"answers" if self.answers.len() < ANSWERS => self.answers.push(value),
            _ => {}
        }
    }

    /// Zeek names the log in its file's name, and in the record only where several share a stream.
    fn path(&self) -> &[u8] {
        match () {
            () if !self.path.is_empty() => &self.path,
            () if !self.state.is_empty() => b"conn",
            () if !self.query.is_empty() => b"dns",
            () if !self.server.is_empty() => b"ssl",
            () if !self.host.is_empty() => b"http",
            () => b"",
        }
    }

    fn sides(&self) -> Option<Sides> {
        let icmp = transport(&self.proto) == Transport::Icmp;
        let end = |(ip, port): &(Cow<'_, [u8]>, Option<u64>)| address(ip, port.filter(|_| !icmp));
        Some(Sides::new((end(&self.ends[0])?, self.ours[0]), (end(&self.ends[1])?, self.ours[1])))
    }
}

impl Zeek {
    pub(crate) fn new(options: &DecodeOptions) -> Zeek {
        let (gateway, names) = (Gateway::new(), Names::new());
        Zeek { key: options.key.clone(), header: Header::default(), gateway, names, lines: Lines::default() }
    }

    fn record(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let record = match line.first() {
            Some(b'#') => {
                self.header.line(line);
                return Verdict::Suppressed;
            }
            Some(b'{') => json(line),
            _ => columns(&self.header, line),
        };
        let told =
            record.as_ref().and_then(|record| tell(record, &self.key, (&mut self.gateway, &mut self.names), place));
        match told {
            Some(Some(event)) => {
                events.push(event);
                Verdict::Handled
            }
            Some(None) => Verdict::Suppressed,
            None => Verdict::Lost,
        }
    }
}

/// The record of a line with tabs; `None` before its header.
fn columns<'a>(header: &Header, line: &'a [u8]) -> Option<Record<'a>> {
    let mut record = Record::default();
    let mut values = 0;
    for (name, value) in header.fields.iter().zip(line.split(|byte| *byte == b'\t')) {
        values += 1;
        if matches!(value, b"-" | b"(empty)") {
            continue;
        }
        match header.comma.filter(|_| **name == *b"answers") {
            Some(comma) => value.split(|byte| *byte == comma).for_each(|one| record.set(name, plain(one))),
            None => record.set(name, plain(value)),
        }
    }
    record.path = Cow::Owned(header.path.clone());
    (values > 0 && values == header.fields.len()).then_some(record)
}

/// `\x09` and the like undone.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        rest = behind;
        plain.push(match (first, behind) {
            (b'\\', [b'x', high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                rest = after;
                hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0)
            }
            _ => *first,
        });
    }
    Cow::Owned(plain)
}

fn json(line: &[u8]) -> Option<Record<'_>> {
    let mut record = Record::default();
    json::walk(line, |path, value| {
        let key = match path {
            [Step::Key(key)] | [Step::Key(key), Step::Item(_)] => key,
            _ => return,
        };
        match value {
            Value::Text(text) => record.set(key, text),
            Value::Number(number) => record.set(key, Cow::Borrowed(number)),
            Value::Bool(true) => record.set(key, Cow::Borrowed(b"T")),
            _ => {}
        }
    })?;
    Some(record)
}

/// The event of a record, if it is worth one; `None`: it is not understood.
fn tell(
    record: &Record<'_>,
    key: &Key,
    (gateway, names): (&mut Gateway, &mut Names),
    place: Place,
) -> Option<Option<Event>> {
    let (name, naming) = match record.path() {
        b"conn" => return connection(record, gateway, names, place).map(Some),
        b"dns" => {
            let (at, sides) = (record.at?, record.sides()?);
            if let Some(name) = names::domain(&record.query) {
                record.answers.iter().for_each(|answer| names.answer(sides.local.ip(), answer, &name));
            }
            let flow = flow(number(&record.uid), transport(&record.proto), sides);
            // In JSON, too, Zeek writes bytes that are no text as `\x80`.
            return Some(gateway.question((key, &plain(&record.query), record.question), flow, at, place));
        }
        b"ssl" | b"quic" => (&*record.server, Naming::Sni),
        b"http" => (without_port(&record.host), Naming::Host),
        b"" if record.at.is_none() => return None,
        _ => return Some(None),
    };
    let (at, sides) = (record.at?, record.sides()?);
    if record.uid.is_empty() {
        return None;
    }
    let id = number(&record.uid);
    let Some(name) = names.tell(id, name, naming) else { return Some(None) };
    let transport = if record.path() == b"quic" { Transport::Udp } else { Transport::Tcp };
    let flow = Flow { name: Some(name), ..flow(id, transport, sides) };
    Some(Some(gateway.event(flow, at, place)))
}

/// A record of conn: written when the connection is over, dated when it began.
fn connection(record: &Record<'_>, gateway: &mut Gateway, names: &mut Names, place: Place) -> Option<Event> {
    let (began, mut sides) = (record.at?, record.sides()?);
    if record.uid.is_empty() {
        return None;
    }
    let (id, transport) = (number(&record.uid), transport(&record.proto));
    let (sent, received) = sides.counts((record.bytes[0], record.bytes[1]));
    if &*record.state == b"OTH" {
        // Zeek came in the middle and does not know who began it.
        sides.direction = Direction::Unknown;
    }
    let refused = transport == Transport::Tcp && matches!(&*record.state, b"S0" | b"REJ" | b"RSTOS0" | b"SH");
    let flow = Flow {
        phase: if refused { Phase::Refused } else { Phase::Closed },
        name: names.of(id, &sides),
        opened: Some(began),
        sent,
        received,
        ..flow(id, transport, sides)
    };
    let at = Timestamp(began.0.saturating_add(record.duration.unwrap_or(0)));
    Some(gateway.event(flow, at, place))
}

fn whole(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with a fraction, perhaps with an exponent.
fn micros(text: &[u8]) -> Option<i64> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (0.0..LONGEST).contains(&seconds).then(|| (seconds * 1e6).round() as i64)
}

/// Seconds since 1970, or ISO 8601 where Zeek is told to write that.
fn time(text: &[u8]) -> Option<Timestamp> {
    let dot = memchr::memchr(b'.', text).unwrap_or(text.len());
    Times::epoch(&text[..text.len().min(dot + 7)]).or_else(|| iso(text, 0))
}

impl Decoder for Zeek {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.record(line.trim_ascii_end(), place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        let skipping = self.lines.snapshot();
        let mut out = vec![u8::from(!skipping.is_empty())];
        out.extend_from_slice(&self.header.text);
        out.push(0);
        out.extend_from_slice(&self.names.snapshot());
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping @ 0..2, rest @ ..] = snapshot else { return };
        let Some(end) = memchr::memchr(0, rest) else { return };
        self.lines.restore(if *skipping == 1 { &[1] } else { &[] });
        rest[..end].split(|byte| *byte == b'\n').for_each(|line| self.header.line(line));
        self.names.restore(std::str::from_utf8(&rest[end + 1..]).unwrap_or_default());
    }
}

/// Whether `line` could be a record, or the first line of a log.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let head = &line[..line.len().min(4096)];
    let has = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    line.starts_with(b"#separator \\x09")
        || line.starts_with(b"#fields\tts\tuid\tid.orig_h\t")
        || line.starts_with(b"{") && has(b"\"uid\":") && has(b"\"id.orig_h\":") && has(b"\"ts\":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_logs() {
        assert_eq!(micros(b"9.5e-07"), Some(1));
        assert_eq!((micros(b"-1"), micros(b"nan"), micros(b"1e300")), (None, None, None));
        assert_eq!(time(b"1591367999.305988123").unwrap().to_string(), "2020-06-05T14:39:59.305988Z");
        assert_eq!(time(b"2020-06-05T14:39:59.305988Z"), time(b"1591367999.305988"));
        assert_eq!(&*plain(b"a\\x09b\\x\\"), b"a\tb\\x\\");
    }

    #[test]
    fn a_header_says_what_the_columns_are() {
        let mut header = Header::default();
        assert!(columns(&header, b"1\t2").is_none());
        for line in ["#separator \\x09", "#set_separator\t,", "#path\tdns", "#fields\tts\tquery\tanswers"] {
            header.line(line.as_bytes());
        }
        let record = columns(&header, b"1591367999.3\tx.kz\t192.0.2.1,192.0.2.2").unwrap();
        assert_eq!((record.path(), &*record.query, record.answers.len()), (&b"dns"[..], &b"x.kz"[..], 2));
        assert!(columns(&header, b"1591367999.3\tx.kz").is_none(), "a torn line");
        header.line(b"#separator \\x09");
        assert!(header.fields.is_empty() && header.text.is_empty());
    }
}
