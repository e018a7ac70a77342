//! What connections say themselves: the name of the other side, questions to DNS, and the people in what is not encrypted.
//!
//! Bytes of a connection wait here for more of it, two megabytes of all: they are neither printed nor part of a snapshot.

use crate::names;
use crate::query::query;
use crate::statement::person_found;
use kuzet_event::{Application, Direction, Flow, Identifier, Naming, Payload, Process, Query, Timestamp};
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
/// How sure a finding must be, in percent.
const SURE: u8 = 80;
/// An answer of DNS names its address at least so long, and at most, in microseconds: programs keep addresses longer
/// than they should, and none is believed for ever.
const HOLDS: (i64, i64) = (300_000_000, 86_400_000_000);

/// A connection: sockets of datagrams have several.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) remote: Option<SocketAddr>,
}

/// What one piece of a connection brings.
pub(crate) enum Said {
    /// The other side's name, as it stands there.
    Name(Name),
    /// A question that this host asks.
    Question(Query),
    /// People that this host sent something of.
    People(SmallVec<[Identifier; 1]>),
}

/// What is known of a connection.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) name: Option<(Arc<str>, Naming)>,
    pub(crate) payload: Option<Payload>,
    pub(crate) direction: Direction,
    pub(crate) opened: Option<Timestamp>,
    pub(crate) process: Option<Arc<Process>>,
}

impl Default for Known {
    fn default() -> Known {
        Known { name: None, payload: None, direction: Direction::Unknown, opened: None, process: None }
    }
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
            answers: LruCache::unbounded(),
            classifier: Classifier::new(),
            key: key.clone(),
            second: (0, SECOND),
            found: Vec::new(),
        }
    }

    /// What is known of `connection`.
    pub(crate) fn known(&mut self, connection: Connection) -> Known {
        self.known.get(&connection).cloned().unwrap_or_default()
    }

    /// Fills in what a record of a connection does not say itself, and remembers what only such records say.
    pub(crate) fn complete(&mut self, connection: Connection, at: Timestamp, flow: &mut Flow) {
        let known = remember(&mut self.known, connection, Known::default);
        (known.direction, known.opened) = (flow.direction, flow.opened);
        known.process.clone_from(&flow.process);
        if known.name.is_none()
            && let Some(remote) = flow.remote
        {
            let began = flow.opened.unwrap_or(at);
            let answer = self.answers.get(&remote.ip().to_canonical());
            let holds = answer.filter(|answer| answer.from <= at && began <= answer.until);
            known.name = holds.and_then(|answer| Some((answer.name.clone()?, Naming::Dns)));
        }
        flow.name.clone_from(&known.name);
        flow.payload = known.payload;
    }

    /// Takes a piece of `connection` that was seen at `at`, and gives what it brings.
    pub(crate) fn hear(&mut self, connection: Connection, at: Timestamp, piece: Piece<'_>) -> SmallVec<[Said; 1]> {
        let Spoken { streams, known, answers, classifier, key, second, found } = self;
        if second.0 != at.0.div_euclid(1_000_000) {
            *second = (at.0.div_euclid(1_000_000), SECOND);
        }
        let mut said = SmallVec::new();
        let known = remember(known, connection, Known::default);
        streams.push(connection, piece, &mut |fact| match fact {
            Fact::Known { protocol, name, hidden } => {
                let payload = known.payload.get_or_insert(UNREAD);
                (payload.application, payload.hidden) = (application(protocol), hidden);
                if let Some(name) = name {
                    let naming = if protocol == Protocol::Http { Naming::Host } else { Naming::Sni };
                    known.name = shown(&name).map(|name| (name, naming));
                    said.push(Said::Name(name));
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
        said
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

/// The value of `key`; what was used longest ago makes room.
fn remember<K: Hash + Eq, V>(memory: &mut LruCache<K, V>, key: K, make: impl FnOnce() -> V) -> &mut V {
    make_room(memory, &key);
    memory.get_or_insert_mut(key, make)
}

fn make_room<K: Hash + Eq, V>(memory: &mut LruCache<K, V>, key: &K) {
    if memory.len() >= REMEMBERED && !memory.contains(key) {
        memory.pop_lru();
    }
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
