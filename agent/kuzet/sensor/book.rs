//! Connections as looks at all sockets show them, made into what the kernel program would tell: opened, going on, ended.

use super::owners::Owners;
use super::record::{Direction, Flow, Phase, Record, What, Who};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Connections that are followed; more are counted as lost.
const MAX: usize = 65_536;
/// As the kernel program tells: so often, and with so many bytes, while a connection sends.
const GOING: u64 = 5_000_000_000;
const GOING_BYTES: u64 = 1 << 20;
/// Looks for which a port is remembered as one that is listened on.
const LISTENED: u64 = 5;
/// Looks in which the owner of a socket is searched for.
const TRIES: u8 = 2;

const TCP: u8 = 6;
const SYN_SENT: u8 = 2;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

/// Payload of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// All that was acknowledged: the request for a connection and its end count as a byte each, for whoever sent them.
    pub(super) acked: u64,
}

impl Bytes {
    /// Whether the other side ever answered.
    fn met(self) -> bool {
        self.acked > 0 || self.received > 0
    }
}

/// A socket as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its number: as long as the host runs, or where that is not told as long as it is open.
    pub(super) cookie: u64,
    pub(super) state: u8,
    pub(super) local: (IpAddr, u16),
    pub(super) remote: (IpAddr, u16),
    /// Number of its file; 0: it has none any more.
    pub(super) inode: u64,
    pub(super) uid: Option<u32>,
    /// `None`: not counted here.
    pub(super) bytes: Option<Bytes>,
}

struct Known {
    protocol: u8,
    who: Option<Arc<Who>>,
    tries: u8,
    seen: Seen,
    direction: Direction,
    /// Nanoseconds since boot; 0: before the sensor.
    opened: u64,
    told: bool,
    told_at: u64,
    told_bytes: u64,
    /// The last look that showed it.
    look: u64,
}

/// A look that goes on.
pub(super) struct Look {
    now: u64,
    protocol: u8,
    number: u64,
    /// Connections that were not known.
    fresh: Vec<Seen>,
    /// Those whose owner is still searched for.
    waiting: Vec<u64>,
}

/// What is known of the sockets of one network namespace.
pub(super) struct Book {
    namespace: u32,
    /// Looks that a connection may be missing from before it is believed to have ended.
    patience: u64,
    known: HashMap<u64, Known>,
    /// Ports that are listened on, with the last look that showed it.
    listening: HashMap<u16, u64>,
    /// First port of those that the kernel gives to whoever begins a connection, and the last.
    given: (u16, u16),
    /// Looks so far, by protocol.
    looks: HashMap<u8, u64>,
    missed: bool,
    /// Whether some of them still need their program.
    unowned: bool,
    lost: u64,
}

impl Book {
    pub(super) fn new(namespace: u32, patience: u64) -> Book {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut range = range.split_ascii_whitespace().map(str::parse);
        let given = match (range.next(), range.next()) {
            (Some(Ok(first)), Some(Ok(last))) => (first, last),
            _ => (32_768, 60_999),
        };
        let (known, listening, looks) = (HashMap::new(), HashMap::new(), HashMap::new());
        Book { namespace, patience, known, listening, given, looks, missed: false, unowned: false, lost: 0 }
    }

    /// Whether connections ended since the last look that none had shown.
    pub(super) fn missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// Connections that were too many to be followed.
    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// A look at all sockets of a protocol begins.
    pub(super) fn look(&mut self, now: u64, protocol: u8) -> Look {
        let number = self.looks.entry(protocol).or_default();
        *number += 1;
        Look { now, protocol, number: *number, fresh: Vec::new(), waiting: Vec::new() }
    }

    /// One of the sockets of a look. What is known already is told at once.
    pub(super) fn seen(&mut self, look: &mut Look, seen: Seen, take: &mut dyn FnMut(Record)) {
        if look.protocol == TCP && seen.state == LISTEN {
            self.listening.insert(seen.local.1, look.number);
        }
        if !seen.is_connected() {
            return;
        }
        let Some(known) = self.known.get_mut(&seen.cookie) else { return look.fresh.push(seen) };
        known.look = look.number;
        // What is still being sent when its program has ended belongs to nobody, and did belong to somebody.
        let (inode, uid) = (known.seen.inode, known.seen.uid);
        known.seen = seen;
        if known.seen.inode == 0 {
            (known.seen.inode, known.seen.uid, known.tries) = (inode, uid, TRIES);
        }
        if known.waits() {
            look.waiting.push(known.seen.cookie);
        } else {
            known.tell(look.now, self.namespace, take);
        }
    }

    /// The look showed all there are.
    pub(super) fn looked(&mut self, look: Look, owners: &mut Owners, take: &mut dyn FnMut(Record)) {
        let Look { now, protocol, number, fresh, mut waiting } = look;
        if protocol == TCP {
            self.listening.retain(|_, last| *last + LISTENED > number);
        }
        for seen in fresh {
            if self.known.len() >= MAX {
                self.lost += 1;
                continue;
            }
            // Only now all ports are known that are listened on.
            let direction = self.direction(protocol, &seen);
            self.unowned |= seen.inode != 0;
            waiting.push(seen.cookie);
            let fresh = Known {
                protocol,
                who: None,
                tries: 0,
                direction,
                opened: if number == 1 { 0 } else { now },
                told: false,
                told_at: 0,
                told_bytes: 0,
                look: number,
                seen,
            };
            self.known.insert(fresh.seen.cookie, fresh);
        }
        self.own(owners);
        for cookie in waiting {
            // Without an owner the next look may know one.
            if let Some(known) = self.known.get_mut(&cookie).filter(|known| !known.waits()) {
                known.tell(now, self.namespace, take);
            }
        }
        // No word came of their end: what was seen last is at least what there was.
        let patience = self.patience;
        let gone = |known: &Known| known.protocol == protocol && number - known.look > patience;
        for (_, known) in self.known.extract_if(|_, known| gone(known)) {
            let phase = if known.seen.state == SYN_SENT { Phase::Refused } else { Phase::Closed };
            take(known.record(now, phase, self.namespace));
        }
    }

    /// When the next search for owners may be made, if one is wanted.
    pub(super) fn due(&self, owners: &Owners) -> Option<u64> {
        self.unowned.then(|| owners.not_before())
    }

    /// Finds the programs of sockets that were not seen before, as soon as it may search.
    pub(super) fn own(&mut self, owners: &mut Owners) {
        if !self.unowned || !owners.ready() {
            return;
        }
        let wanted = |known: &&mut Known| known.waits();
        let mut sockets: HashMap<u64, u32> = HashMap::new();
        for known in self.known.values_mut().filter(wanted) {
            sockets.insert(known.seen.inode, known.seen.uid.unwrap_or(0));
        }
        let found = owners.find(sockets, self.namespace);
        self.unowned = false;
        for known in self.known.values_mut().filter(wanted) {
            known.tries += 1;
            known.who = found.get(&known.seen.inode).cloned();
            self.unowned |= known.waits();
        }
    }

    /// The kernel says that a socket ended.
    pub(super) fn ended(&mut self, now: u64, seen: &Seen, take: &mut dyn FnMut(Record)) {
        let protocol = if seen.bytes.is_some() { TCP } else { 17 };
        let Some(mut known) = self.known.remove(&seen.cookie) else {
            if seen.remote.0.is_unspecified() {
                return;
            }
            self.missed |= protocol == TCP;
            let direction = self.direction(protocol, seen);
            let known = Known {
                protocol,
                who: None,
                tries: TRIES,
                seen: seen.clone(),
                direction,
                opened: now,
                told: false,
                told_at: 0,
                told_bytes: 0,
                look: 0,
            };
            return take(known.record(now, known.end(), self.namespace));
        };
        if let (Some(last), Some(bytes)) = (known.seen.bytes, seen.bytes) {
            // A connection that was cut has no byte for its end: what was received before stays received.
            let (sent, received) = (bytes.sent.max(last.sent), bytes.received.max(last.received));
            known.seen.bytes = Some(Bytes { sent, received, acked: bytes.acked.max(last.acked) });
        }
        let phase = known.end();
        take(known.record(now, phase, self.namespace));
    }

    /// Whoever has a port that is listened on was called; whoever has one that the kernel gave called, unless that is one
    /// that nobody was seen to listen on yet.
    fn direction(&self, protocol: u8, seen: &Seen) -> Direction {
        let given = |(_, port): (IpAddr, u16)| (self.given.0..=self.given.1).contains(&port);
        // Only whoever called sends both a request and an end.
        let called = seen.bytes.is_none_or(|bytes| bytes.acked >= bytes.sent.saturating_add(2));
        if protocol != TCP {
            Direction::Unknown
        } else if self.listening.contains_key(&seen.local.1) {
            Direction::In
        } else if given(seen.local) && (seen.state != CLOSE || called || !given(seen.remote)) {
            Direction::Out
        } else {
            Direction::Unknown
        }
    }
}

impl Seen {
    /// Whether it is the side of a connection, as far as that is still to be told.
    fn is_connected(&self) -> bool {
        self.state != LISTEN && !self.remote.0.is_unspecified() && self.remote.1 != 0
    }
}

impl Known {
    /// Whether a search may still find its owner.
    fn waits(&self) -> bool {
        self.who.is_none() && self.tries < TRIES && self.seen.inode != 0
    }

    /// Tells what is new since the look before.
    fn tell(&mut self, now: u64, namespace: u32, take: &mut dyn FnMut(Record)) {
        let sent = self.seen.bytes.map(|bytes| bytes.sent);
        let more = sent.unwrap_or(0).saturating_sub(self.told_bytes);
        let phase = match self.told {
            false if sent != Some(0) && self.seen.state != SYN_SENT => Phase::Open,
            true if more >= GOING_BYTES || more > 0 && now.saturating_sub(self.told_at) >= GOING => Phase::Going,
            _ => return,
        };
        (self.told, self.told_at, self.told_bytes) = (true, now, sent.unwrap_or(0));
        take(self.record(now, phase, namespace));
    }

    fn end(&self) -> Phase {
        // The kernel takes the port of a connection that failed away before it tells of the socket's end.
        let refused = self.seen.remote.1 == 0
            || self.direction == Direction::Out && self.seen.bytes.is_some_and(|bytes| !bytes.met());
        if refused { Phase::Refused } else { Phase::Closed }
    }

    fn record(&self, now: u64, phase: Phase, namespace: u32) -> Record {
        let who = self.who.as_ref().map_or_else(|| Who { namespace, ..Who::default() }, |who| (**who).clone());
        let flow = Flow {
            phase,
            protocol: u16::from(self.protocol),
            direction: self.direction,
            socket: self.seen.cookie,
            opened: self.opened,
            sent: self.seen.bytes.map(|bytes| bytes.sent),
            received: self.seen.bytes.map(|bytes| bytes.received),
            local: self.seen.local,
            remote: self.seen.remote,
            owner: self.seen.uid,
        };
        Record { at: now, who, what: What::Flow(flow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(cookie: u64, state: u8, sent: u64) -> Seen {
        Seen {
            cookie,
            state,
            local: ([10, 0, 0, 5].into(), 50_270),
            remote: ([203, 0, 113, 7].into(), 443),
            inode: 0,
            uid: Some(1000),
            bytes: Some(Bytes { sent, received: if sent > 0 { 7 } else { 0 }, acked: sent }),
        }
    }

    fn flows(told: &mut Vec<Record>) -> Vec<(Phase, Option<u64>)> {
        let flow = |record: Record| match record.what {
            What::Flow(flow) => (flow.phase, flow.sent),
            _ => panic!("a flow"),
        };
        told.drain(..).map(flow).collect()
    }

    /// A look that shows these.
    fn shown(book: &mut Book, at: u64, list: Vec<Seen>, owners: &mut Owners, take: &mut dyn FnMut(Record)) {
        let mut look = book.look(at, TCP);
        list.into_iter().for_each(|seen| book.seen(&mut look, seen, take));
        book.looked(look, owners, take);
    }

    fn book() -> Book {
        Book { given: (32_768, 60_999), ..Book::new(9, 1) }
    }

    #[test]
    fn a_connection_is_opened_goes_on_and_ends() {
        let (mut book, mut owners, mut told) = (book(), Owners::default(), Vec::new());
        let mut look = |book: &mut Book, at: u64, list: Vec<Seen>, told: &mut Vec<Record>| {
            shown(book, at * 1_000_000_000, list, &mut owners, &mut |record| told.push(record));
        };
        look(&mut book, 1, vec![seen(1, 1, 0)], &mut told);
        assert!(told.is_empty(), "nothing was sent");
        look(&mut book, 2, vec![seen(1, 1, 10)], &mut told);
        look(&mut book, 3, vec![seen(1, 1, 20)], &mut told);
        look(&mut book, 4, vec![seen(1, 1, 2 << 20)], &mut told);
        look(&mut book, 9, vec![seen(1, 1, (2 << 20) + 1)], &mut told);
        let going = [(Phase::Open, Some(10)), (Phase::Going, Some(2 << 20)), (Phase::Going, Some((2 << 20) + 1))];
        assert_eq!(flows(&mut told), going);
        book.ended(10, &Seen { uid: None, ..seen(1, 7, 3 << 20) }, &mut |record| told.push(record));
        assert!(
            matches!(&told[0].what, What::Flow(flow) if flow.owner == Some(1000) && flow.direction == Direction::Out)
        );
        assert_eq!(flows(&mut told), [(Phase::Closed, Some(3 << 20))]);
        assert!(!book.missed());
    }

    #[test]
    fn an_end_that_was_not_heard_is_seen() {
        let (mut book, mut owners, mut told) = (book(), Owners::default(), Vec::new());
        for list in [vec![seen(1, 1, 10)], vec![], vec![]] {
            shown(&mut book, 1, list, &mut owners, &mut |record| told.push(record));
        }
        assert_eq!(flows(&mut told), [(Phase::Open, Some(10)), (Phase::Closed, Some(10))]);
    }

    #[test]
    fn what_no_look_showed_ends_without_an_owner() {
        let (mut book, mut told) = (book(), Vec::new());
        let refused = Seen { remote: ([203, 0, 113, 7].into(), 0), ..seen(3, 7, 0) };
        for end in [Seen { uid: None, ..seen(2, 7, 5) }, refused, seen(4, 7, 0)] {
            book.ended(1, &end, &mut |record| told.push(record));
        }
        assert!(told.iter().all(|record| record.who.pid == 0) && book.missed());
        assert_eq!(flows(&mut told), [(Phase::Closed, Some(5)), (Phase::Refused, Some(0)), (Phase::Refused, Some(0))]);
        let listener = Seen { remote: ([0; 4].into(), 0), ..seen(5, 7, 0) };
        book.ended(1, &listener, &mut |record| told.push(record));
        assert!(told.is_empty(), "it was no connection");
    }

    #[test]
    fn whoever_listens_is_called() {
        let (mut book, mut owners) = (book(), Owners::default());
        let mut directions = Vec::new();
        let listener = Seen { remote: ([0; 4].into(), 0), ..seen(8, LISTEN, 0) };
        shown(&mut book, 1, vec![seen(1, 1, 10), listener], &mut owners, &mut |record| {
            if let What::Flow(flow) = record.what {
                directions.push(flow.direction);
            }
        });
        assert_eq!(directions, [Direction::In]);
    }
}
