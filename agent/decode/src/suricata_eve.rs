//! Suricata's EVE log (`eve.json`): flows, what TLS, QUIC, HTTP and DNS tell of their other side, alerts.
//!
//! ```text
//! {"timestamp":"2026-11-23T09:08:57.543000+0500","flow_id":1873207,"event_type":"flow","src_ip":"10.0.0.5","src_port":50270,"dest_ip":"203.0.113.9","dest_port":443,"proto":"TCP","flow":{"pkts_toserver":31000,"bytes_toserver":41900000,"start":"…","end":"…","state":"closed"}}
//! ```
//!
//! Records of one connection share its `flow_id`. Suricata counts whole frames: the headers that each packet has at least are
//! taken off. Other kinds of events are passed over.

use crate::account::Lines;
use crate::gateway::{Gateway, Names, Sides, address, flow, number, payload, transport};
use crate::json::{self, Value, key};
use crate::postgres::Verdict;
use crate::times::iso;
use crate::web::without_port;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, names};
use kuzet_event::{
    Action, Count, Event, Flow, Naming, Outcome, Phase, Place, Raw, RawField, Timestamp, Topic, Transport,
};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::net::SocketAddr;

/// Addresses of one answer that are named.
const ANSWERS: usize = 64;
/// What Ethernet puts before each packet, in bytes.
const ETHERNET: u64 = 14;

/// Decoder of one log.
pub(crate) struct SuricataEve {
    key: Key,
    zone: i32,
    gateway: Gateway,
    names: Names,
    lines: Lines,
}

/// What a record tells; what it does not is empty.
#[derive(Default)]
struct Record<'a> {
    kind: Cow<'a, [u8]>,
    at: Option<Timestamp>,
    id: Cow<'a, [u8]>,
    /// Source and destination; of a flow, who began it and the other.
    ends: [(Cow<'a, [u8]>, Option<u64>); 2],
    proto: Cow<'a, [u8]>,
    /// Packets and bytes, to the server and to the client.
    packets: [Option<u64>; 2],
    bytes: [Option<u64>; 2],
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    state: Cow<'a, [u8]>,
    to_client: bool,
    blocked: bool,
    /// Name in the handshake, in the request, in the question.
    sni: Cow<'a, [u8]>,
    host: Cow<'a, [u8]>,
    query: Cow<'a, [u8]>,
    question: u16,
    answers: SmallVec<[Cow<'a, [u8]>; 2]>,
}

impl<'a> Record<'a> {
    fn read(line: &'a [u8], zone: i32) -> Option<Record<'a>> {
        let mut record = Record::default();
        json::walk(line, |path, value| {
            let steps = path.get(..3).unwrap_or(path);
            match *steps {
                [ref one] => record.top(key(one), value, zone),
                [ref one, ref two, ..] if key(one) == b"flow" && path.len() == 2 => record.flow(key(two), value, zone),
                [ref one, ref two, ..] => record.inner((key(one), key(two)), path.last().map_or(b"", key), value),
                _ => {}
            }
        })?;
        Some(record)
    }

    fn top(&mut self, key: &[u8], value: Value<'a>, zone: i32) {
        let number = value.number();
        let text = text(value);
        match key {
            b"event_type" => self.kind = text,
            b"timestamp" => self.at = iso(&text, zone),
            b"flow_id" => self.id = text,
            b"src_ip" => self.ends[0].0 = text,
            b"src_port" => self.ends[0].1 = number,
            b"dest_ip" => self.ends[1].0 = text,
            b"dest_port" => self.ends[1].1 = number,
            b"proto" => self.proto = text,
            b"direction" => self.to_client = &*text == b"to_client",
            _ => {}
        }
    }

    fn flow(&mut self, key: &[u8], value: Value<'a>, zone: i32) {
        match key {
            b"pkts_toserver" => self.packets[0] = value.number(),
            b"pkts_toclient" => self.packets[1] = value.number(),
            b"bytes_toserver" => self.bytes[0] = value.number(),
            b"bytes_toclient" => self.bytes[1] = value.number(),
            b"start" => self.began = iso(value.bytes(), zone),
            b"end" => self.ended = iso(value.bytes(), zone),
            b"state" => self.state = text(value),
            _ => {}
        }
    }

    /// Members of what a protocol or an alert tells; `last` is the innermost key.
    fn inner(&mut self, (one, two): (&[u8], &[u8]), last: &[u8], value: Value<'a>) {
        match (one, two) {
            (b"tls" | b"quic", b"sni") => self.sni = text(value),
            (b"http", b"hostname") => self.host = text(value),
            (b"alert", b"action") => self.blocked = value.bytes() == b"blocked",
            // The question stands at the top, or, since version 8, in a list of its own.
            (b"dns", b"rrname") => self.query = text(value),
            (b"dns", b"rrtype") => self.question = record(value.bytes()),
            (b"dns", b"queries") if last == b"rrname" && self.query.is_empty() => self.query = text(value),
            (b"dns", b"queries") if last == b"rrtype" && self.question == 0 => self.question = record(value.bytes()),
            (b"dns", b"rdata") => self.answer(value),
            (b"dns", b"answers") if last == b"rdata" => self.answer(value),
            _ => {}
        }
    }

    fn answer(&mut self, value: Value<'a>) {
        if self.answers.len() < ANSWERS {
            self.answers.push(text(value));
        }
    }

    fn sides(&self) -> Option<Sides> {
        let icmp = transport(&self.proto) == Transport::Icmp;
        let end = |(ip, port): &(Cow<'_, [u8]>, Option<u64>)| address(ip, port.filter(|_| !icmp));
        let (mut from, mut to): (SocketAddr, SocketAddr) = (end(&self.ends[0])?, end(&self.ends[1])?);
        if self.to_client || &*self.kind == b"dns" && from.port() == 53 {
            std::mem::swap(&mut from, &mut to);
        }
        Some(Sides::new((from, false), (to, false)))
    }

    /// A connection of which it tells no more than that it goes on.
    fn going(&self) -> Option<(Flow, Sides, Timestamp)> {
        let (sides, at) = (self.sides()?, self.at?);
        (!self.id.is_empty()).then(|| (flow(number(&self.id), transport(&self.proto), sides), sides, at))
    }
}

/// Number of a type of records (IANA); 0 for those that are asked for seldom.
fn record(name: &[u8]) -> u16 {
    match name {
        b"A" => 1,
        b"NS" => 2,
        b"CNAME" => 5,
        b"NULL" => 10,
        b"PTR" => 12,
        b"MX" => 15,
        b"TXT" => 16,
        b"AAAA" => 28,
        b"SRV" => 33,
        b"HTTPS" => 65,
        b"ANY" => 255,
        _ => 0,
    }
}

fn text(value: Value<'_>) -> Cow<'_, [u8]> {
    match value {
        Value::Text(text) => text,
        Value::Number(number) => Cow::Borrowed(number),
        _ => Cow::Borrowed(b""),
    }
}

impl SuricataEve {
    pub(crate) fn new(options: &DecodeOptions) -> SuricataEve {
        let (gateway, names) = (Gateway::new(), Names::new());
        SuricataEve { key: options.key.clone(), zone: options.timezone, gateway, names, lines: Lines::default() }
    }

    fn record(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some(record) = Record::read(line, self.zone).filter(|record| !record.kind.is_empty()) else {
            return Verdict::Lost;
        };
        let event = match &*record.kind {
            b"flow" => self.flow(&record, place).map(Some),
            b"tls" | b"quic" => self.named(&record, &record.sni, Naming::Sni, place),
            b"http" => self.named(&record, without_port(&record.host), Naming::Host, place),
            b"dns" => self.asked(&record, place),
            b"alert" => self.alert(&record, line, place).map(Some),
            _ => Some(None),
        };
        match event {
            Some(Some(event)) => {
                events.push(event);
                Verdict::Handled
            }
            Some(None) => Verdict::Suppressed,
            None => Verdict::Lost,
        }
    }

    /// Written when the flow is over.
    fn flow(&mut self, record: &Record<'_>, place: Place) -> Option<Event> {
        let (flow, sides, at) = record.going()?;
        let six = sides.local.is_ipv6();
        let count = |way: usize| match (record.bytes[way], record.packets[way]) {
            (Some(bytes), Some(packets)) => Count::Known(payload(bytes, packets, flow.transport, six, ETHERNET)),
            _ => Count::Unknown,
        };
        let unanswered = record.packets[1] == Some(0) && &*record.state == b"new";
        let refused = flow.transport == Transport::Tcp && unanswered;
        // Options of the packet that asked are no payload.
        let counts = if refused { (Count::Known(0), Count::Known(0)) } else { (count(0), count(1)) };
        let (sent, received) = sides.counts(counts);
        let phase = if refused { Phase::Refused } else { Phase::Closed };
        let name = self.names.of(flow.id, &sides);
        let flow = Flow { phase, name, opened: record.began, sent, received, ..flow };
        Some(self.gateway.event(flow, record.ended.unwrap_or(at), place))
    }

    fn named(&mut self, record: &Record<'_>, name: &[u8], naming: Naming, place: Place) -> Option<Option<Event>> {
        let (flow, _, at) = record.going()?;
        let Some(name) = self.names.tell(flow.id, name, naming) else { return Some(None) };
        Some(Some(self.gateway.event(Flow { name: Some(name), ..flow }, at, place)))
    }

    /// A question or its answer. Some write one of the two only: each tells the question, which counts once.
    fn asked(&mut self, record: &Record<'_>, place: Place) -> Option<Option<Event>> {
        let (flow, sides, at) = record.going()?;
        if let Some(name) = names::domain(&record.query) {
            record.answers.iter().for_each(|answer| self.names.answer(sides.local.ip(), answer, &name));
        }
        Some(self.gateway.question((&self.key, &record.query, record.question), flow, at, place))
    }

    /// For rules, which see the whole record.
    fn alert(&mut self, record: &Record<'_>, line: &[u8], place: Place) -> Option<Event> {
        let (flow, sides, at) = record.going()?;
        let name = self.names.of(flow.id, &sides);
        let mut event = self.gateway.event(Flow { name, ..flow }, at, place);
        event.action = Action::Host;
        event.outcome = if record.blocked { Outcome::Failure } else { Outcome::Unknown };
        let mut raw = Raw::default();
        raw.frame(Topic::Network);
        raw.add(RawField::Original, &String::from_utf8_lossy(line));
        event.raw = Some(Box::new(raw));
        Some(event)
    }
}

impl Decoder for SuricataEve {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.record(line.trim_ascii_end(), place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        out.extend_from_slice(&self.names.snapshot());
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping @ 0..2, rest @ ..] = snapshot else { return };
        self.lines.restore(if *skipping == 1 { &[1] } else { &[] });
        self.names.restore(std::str::from_utf8(rest).unwrap_or_default());
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let head = &line[..line.len().min(1024)];
    let has = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    line.starts_with(b"{\"timestamp\":\"") && has(b",\"event_type\":\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_every_version() {
        let read = |line: &'static str| Record::read(line.as_bytes(), 0).unwrap();
        let two = read(
            r#"{"event_type":"dns","src_ip":"10.0.0.5","src_port":5000,"dest_ip":"10.0.0.1","dest_port":53,"dns":{"version":2,"type":"answer","rrname":"a.kz","answers":[{"rrname":"a.kz","rrtype":"CNAME","rdata":"b.kz"},{"rrname":"b.kz","rrtype":"A","rdata":"192.0.2.1"}]}}"#,
        );
        assert_eq!((&*two.query, two.answers.len(), &*two.answers[1]), (&b"a.kz"[..], 2, &b"192.0.2.1"[..]));
        let three = read(
            r#"{"event_type":"dns","src_ip":"10.0.0.1","src_port":53,"dest_ip":"10.0.0.5","dest_port":5000,"dns":{"version":3,"type":"response","queries":[{"rrname":"a.kz","rrtype":"A"}],"answers":[{"rrname":"a.kz","rdata":"192.0.2.1"}]}}"#,
        );
        assert_eq!((&*three.query, three.answers.len()), (&b"a.kz"[..], 1));
        assert_eq!(three.sides(), two.sides(), "who asked is the client");
        let one = read(r#"{"event_type":"dns","dns":{"type":"answer","rrname":"a.kz","rdata":"192.0.2.1"}}"#);
        assert_eq!(one.answers.len(), 1);
        let alert = read(
            r#"{"event_type":"alert","src_ip":"203.0.113.9","src_port":443,"dest_ip":"10.0.0.5","dest_port":5000,"direction":"to_client","alert":{"action":"blocked"}}"#,
        );
        assert_eq!(alert.sides().unwrap().direction, kuzet_event::Direction::Outbound);
        assert!(alert.blocked);
    }
}
