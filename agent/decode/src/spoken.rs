//! What connections say themselves: the name of the other side, questions to DNS, and the people in what is not encrypted.
//!
//! Bytes of a connection wait here for more of it, two megabytes of all: they are neither printed nor part of a snapshot, which has the names alone.

use crate::names;
use crate::query::query;
use crate::statement::person_found;
use kuzet_event::{
    Application, Count, Direction, Flow, Identifier, Naming, Payload, Phase, Query, Timestamp, Transport,
};
use kuzet_personal::{Classifier, Finding, Key};
use kuzet_wire::{Fact, Name, Piece, Protocol, Streams};
use lru::LruCache;
use smallvec::SmallVec;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Connections and addresses that are remembered.
const REMEMBERED: usize = 8_192;
/// Bytes of clear text in which people are looked for, in a second of all connections.
const SECOND: usize = 1 << 20;
/// Questions and people that wait, at most: more are told without whose they are.
const WAITING: usize = 65_536;
/// Largest snapshot of the names, in bytes.
const SNAPSHOT: usize = 48 << 10;
/// What said a name, in a snapshot.
const NAMINGS: [(&str, Naming); 3] = [("sni", Naming::Sni), ("host", Naming::Host), ("dns", Naming::Dns)];
/// How sure a finding must be, in percent.
const SURE: u8 = 80;
/// An answer of DNS names its address at least so long, and at most, in microseconds: programs keep addresses longer
/// than they should, and none is believed for ever.
const HOLDS: (i64, i64) = (300_000_000, 86_400_000_000);

/// A connection. Sockets of datagrams have several, one for each other side; the address of the only one of TCP may be
/// translated on its way, so that it says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    id: u64,
    remote: Option<SocketAddr>,
}

impl Connection {
    pub(crate) fn new(id: u64, transport: Transport, remote: Option<SocketAddr>) -> Connection {
        let remote = remote.filter(|_| transport != Transport::Tcp);
        Connection { id, remote: remote.map(|remote| SocketAddr::new(remote.ip().to_canonical(), remote.port())) }
    }
}

/// What a connection said, beside what it is.
pub(crate) enum Said {
    /// The name of the other side.
    Name,
    /// A question that this host asks.
    Question(Query),
    /// People that this host sent something of.
    People(SmallVec<[Identifier; 1]>),
}

impl Said {
    /// Room that it takes.
    fn size(&self) -> usize {
        match self {
            Said::Name => 0,
            Said::Question(_) => 1,
            Said::People(people) => people.len(),
        }
    }
}

/// What is known of a connection.
#[derive(Default)]
struct Known {
    name: Option<(Arc<str>, Naming)>,
    payload: Option<Payload>,
    /// The last record of it.
    flow: Option<Arc<Flow>>,
    /// What it said before any record told whose it is.
    waiting: Vec<Said>,
}

/// An answer of DNS about one address.
struct Answer {
    name: Option<Arc<str>>,
    from: Timestamp,
    until: Timestamp,
}

/// Memory of what connections said.
pub(crate) struct Spoken {
    streams: Streams<Connection>,
    known: LruCache<Connection, Known>,
    /// Questions and people that wait, in all.
    waiting: usize,
    answers: LruCache<IpAddr, Answer>,
    classifier: Classifier,
    key: Key,
    /// The running second of event time, and the bytes left in it.
    second: (i64, usize),
    found: Vec<Finding>,
}

impl Spoken {
    pub(crate) fn new(key: &Key) -> Spoken {
        Spoken {
            streams: Streams::default(),
            // They grow as they are used: room for all at once would be held at rest.
            known: LruCache::unbounded(),
            waiting: 0,
            answers: LruCache::unbounded(),
            classifier: Classifier::new(),
            key: key.clone(),
            second: (0, SECOND),
            found: Vec::new(),
        }
    }

    /// Fills in what a record of a connection does not say itself, remembers it, and gives what waited for such a record.
    pub(crate) fn complete(&mut self, connection: Connection, at: Timestamp, mut flow: Flow) -> (Arc<Flow>, Vec<Said>) {
        let known = recall(&mut self.known, connection, &mut self.waiting);
        if known.name.is_none()
            && let Some(remote) = flow.remote
        {
            let began = flow.opened.unwrap_or(at);
            let answer = self.answers.get(&remote.ip().to_canonical());
            let holds = answer.filter(|answer| answer.from <= at && began <= answer.until);
            known.name = holds.and_then(|answer| Some((answer.name.clone()?, Naming::Dns)));
        }
        known.fill(&mut flow);
        let (flow, waiting) = (Arc::new(flow), std::mem::take(&mut known.waiting));
        known.flow = Some(Arc::clone(&flow));
        self.waiting -= waiting.iter().map(Said::size).sum::<usize>();
        (flow, waiting)
    }

    /// The connection as it is known now: its last record, or `first`, of which only the addresses are known.
    pub(crate) fn flow(&mut self, connection: Connection, first: impl FnOnce() -> Flow) -> Flow {
        let known = recall(&mut self.known, connection, &mut self.waiting);
        let mut flow = known.flow.as_ref().map_or_else(first, |flow| Flow::clone(flow));
        (flow.phase, flow.sent, flow.received) = (Phase::Going, Count::Unknown, Count::Unknown);
        known.fill(&mut flow);
        flow
    }

    /// Takes a piece of `connection` that was seen at `at`, and gives what it says. What it says before any record of it waits
    /// for that record, which tells whose it is: pieces come first.
    pub(crate) fn hear(&mut self, connection: Connection, at: Timestamp, piece: Piece<'_>) -> SmallVec<[Said; 1]> {
        let Spoken { streams, known, waiting, answers, classifier, key, second, found } = self;
        if second.0 != at.0.div_euclid(1_000_000) {
            *second = (at.0.div_euclid(1_000_000), SECOND);
        }
        let mut said: SmallVec<[Said; 1]> = SmallVec::new();
        let known = recall(known, connection, waiting);
        streams.push(connection, piece, &mut |fact| match fact {
            Fact::Known { protocol, name, hidden } => {
                let payload = known.payload.get_or_insert(UNREAD);
                (payload.application, payload.hidden) = (application(protocol), hidden);
                if let Some(name) = name {
                    let naming = if protocol == Protocol::Http { Naming::Host } else { Naming::Sni };
                    known.name = shown(&name).map(|name| (name, naming));
                    said.push(Said::Name);
                }
            }
            Fact::Text { text, fresh } => {
                let payload = known.payload.get_or_insert(UNREAD);
                if second.1 < fresh {
                    payload.passed += fresh as u64;
                    return;
                }
                second.1 -= fresh;
                payload.read += fresh as u64;
                let people = people(classifier, key, text, text.len() - fresh, found);
                if !people.is_empty() {
                    said.push(Said::People(people));
                }
            }
            Fact::Passed(bytes) => known.payload.get_or_insert(UNREAD).passed += bytes as u64,
            Fact::Dns(message) if message.response && !piece.outbound => {
                let name = names::domain(message.name.bytes());
                for (address, seconds) in message.addresses.iter().filter(|_| name.is_some()) {
                    let holds = (i64::from(*seconds) * 1_000_000).clamp(HOLDS.0, HOLDS.1);
                    let until = Timestamp(at.0.saturating_add(holds));
                    make_room(answers, &address.to_canonical());
                    answers.put(address.to_canonical(), Answer { name: name.clone(), from: at, until });
                }
            }
            Fact::Dns(message) if !message.response && piece.outbound => {
                said.push(Said::Question(query(key, &message.name, message.record)));
            }
            Fact::Dns(_) => {}
        });
        let size = said.iter().map(Said::size).sum::<usize>();
        if known.flow.is_some() || *waiting + size > WAITING {
            return said;
        }
        *waiting += size;
        // A name needs no word of its own: the record that comes brings it.
        known.waiting.extend(said.into_iter().filter(|said| said.size() > 0));
        SmallVec::new()
    }
}

/// Names alone survive a restart: bytes that wait may be anybody's.
impl Spoken {
    /// Names as lines, the most recent first, as many as fit.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let connections = self.known.iter().filter_map(|(connection, known)| {
            let ((name, naming), remote) = (known.name.as_ref()?, connection.remote.map(|remote| remote.to_string()));
            let naming = NAMINGS.iter().find(|(_, known)| known == naming)?.0;
            Some(format!("{naming}\t{:x}\t{}\t{name}\n", connection.id, remote.unwrap_or_default()))
        });
        let answers = self.answers.iter().filter_map(|(address, answer)| {
            Some(format!("answer\t{address}\t{}\t{}\n", answer.until.0.div_euclid(1_000_000), answer.name.as_ref()?))
        });
        // In turn, so that neither takes all the room.
        let (mut connections, mut answers, mut out) = (connections.fuse(), answers.fuse(), Vec::new());
        while let (first, second) = (connections.next(), answers.next())
            && (first.is_some() || second.is_some())
        {
            for line in [first, second].into_iter().flatten() {
                if out.len() + line.len() > SNAPSHOT {
                    return out;
                }
                out.extend_from_slice(line.as_bytes());
            }
        }
        out
    }

    /// Takes a snapshot back; what is damaged is left out.
    pub(crate) fn restore(&mut self, snapshot: &str) {
        for line in snapshot.lines().rev() {
            let mut words = line.split('\t');
            let mut next = || words.next().unwrap_or_default();
            let (kind, first, second, name) = (next(), next(), next(), Name::of_host(next().as_bytes()));
            let Some(name) = name.and_then(|name| shown(&name)) else { continue };
            match NAMINGS.iter().find(|(word, _)| *word == kind) {
                None => {
                    let (Ok(address), Ok(seconds)) = (first.parse(), second.parse::<i64>()) else { continue };
                    let until = Timestamp(seconds.saturating_mul(1_000_000));
                    make_room(&mut self.answers, &address);
                    self.answers.put(address, Answer { name: Some(name), from: Timestamp(i64::MIN), until });
                }
                Some((_, naming)) => {
                    let Ok(id) = u64::from_str_radix(first, 16) else { continue };
                    let connection = Connection { id, remote: second.parse().ok() };
                    recall(&mut self.known, connection, &mut self.waiting).name = Some((name, *naming));
                }
            }
        }
    }
}

impl Known {
    /// Tells what is known beside the records of the connection.
    fn fill(&self, flow: &mut Flow) {
        flow.name.clone_from(&self.name);
        flow.payload = self.payload;
        // Who names the other side is the one who began.
        let named = matches!(self.name, Some((_, Naming::Sni | Naming::Host)));
        if named && flow.direction == Direction::Unknown {
            flow.direction = Direction::Outbound;
        }
    }
}

/// Of whose bytes nothing was read yet.
const UNREAD: Payload = Payload { application: Application::Other, hidden: false, read: 0, passed: 0 };

/// A name fit to be shown. Of a proxy the other side may be asked for by its address.
fn shown(name: &Name) -> Option<Arc<str>> {
    let address = std::str::from_utf8(name.bytes()).ok().filter(|text| text.parse::<IpAddr>().is_ok());
    address.map(Arc::from).or_else(|| names::domain(name.bytes()))
}

fn application(protocol: Protocol) -> Application {
    match protocol {
        Protocol::Other => Application::Other,
        Protocol::Dns => Application::Dns,
        Protocol::Tls => Application::Tls,
        Protocol::Quic => Application::Quic,
        Protocol::Http => Application::Http,
        Protocol::Smtp => Application::Smtp,
        Protocol::Ftp => Application::Ftp,
        Protocol::Ssh => Application::Ssh,
    }
}

/// What is known of `connection`; what was used longest ago makes room.
fn recall<'a>(
    known: &'a mut LruCache<Connection, Known>,
    connection: Connection,
    waiting: &mut usize,
) -> &'a mut Known {
    if let Some((_, gone)) = make_room(known, &connection) {
        *waiting -= gone.waiting.iter().map(Said::size).sum::<usize>();
    }
    known.get_or_insert_mut(connection, Known::default)
}

fn make_room<K: Hash + Eq, V>(memory: &mut LruCache<K, V>, key: &K) -> Option<(K, V)> {
    if memory.len() >= REMEMBERED && !memory.contains(key) { memory.pop_lru() } else { None }
}

/// People in `text`, but for those that end before `given`: they were found before.
fn people(
    classifier: &Classifier,
    key: &Key,
    text: &[u8],
    given: usize,
    found: &mut Vec<Finding>,
) -> SmallVec<[Identifier; 1]> {
    found.clear();
    classifier.scan(text, found);
    let fresh = found.iter().filter(|finding| finding.span.end > given && finding.confidence >= SURE);
    fresh.filter_map(|finding| person_found(key, finding.kind, text.get(finding.span.clone())?)).collect()
}
