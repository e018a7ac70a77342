//! Flows that may go on: an exporter tells what was added since its last record, and each direction by itself; here it
//! becomes what went each way since the beginning.

use super::fields::Seen;
use super::little;
use crate::gateway::{self, Sides};
use crate::recent::hash;
use kuzet_event::{Count, Direction, Flow, Phase, Timestamp, Transport};
use lru::LruCache;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;

/// Flows kept. One that is given up begins anew with its next record, under a new number.
const KEPT: NonZeroUsize = NonZeroUsize::new(32_768).unwrap();
/// A flow that is silent for longer is over: what has its addresses and ports is another one.
const SILENT: i64 = 60_000_000;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Exporter, our side, the other side, protocol.
type Key = (u64, SocketAddr, SocketAddr, u8);

/// What was told of a flow so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Total {
    began: Option<i64>,
    /// When its number was given.
    first: i64,
    last: i64,
    sent: Option<u64>,
    received: Option<u64>,
    /// Directions that ended (bits: sent, received), and whether nobody answered.
    over: u8,
    refused: bool,
}

pub(super) struct Running {
    flows: LruCache<Key, Total>,
}

impl Default for Running {
    fn default() -> Running {
        // Not at once as large as it may become: most hosts listen to nobody.
        let mut flows = LruCache::unbounded();
        flows.resize(KEPT);
        Running { flows }
    }
}

/// Which end began it, as far as ports tell, and whether they do: services have lower ones than their clients.
fn began(from: SocketAddr, to: SocketAddr) -> (bool, bool) {
    let class = |port: u16| match port {
        0..1024 => 0,
        1024..32_768 => 1,
        _ => 2,
    };
    let (own, other) = (class(from.port()), class(to.port()));
    match (own, other) {
        _ if own != other => (own > other, true),
        _ if from.port() != to.port() => (from.port() > to.port(), false),
        _ => (from < to, false),
    }
}

fn sides(seen: &Seen) -> Sides {
    let (first, certain) = if seen.initiator { (true, true) } else { began(seen.from, seen.to) };
    let (one, other) = if first { (seen.from, seen.to) } else { (seen.to, seen.from) };
    let sides = Sides::new((one, false), (other, false));
    if certain { sides } else { Sides { direction: Direction::Unknown, ..sides } }
}

fn add(total: Option<u64>, more: Option<u64>, replace: bool) -> Option<u64> {
    match (total, more) {
        (Some(total), Some(more)) if replace => Some(total.max(more)),
        (Some(total), Some(more)) => Some(total.saturating_add(more)),
        (total, more) => total.or(more),
    }
}

impl Running {
    /// The flow that a record of `exporter` is about, with what all of its records told.
    pub(super) fn add(&mut self, seen: &Seen, exporter: u64) -> Flow {
        let sides = sides(seen);
        let ours = sides.local == seen.from;
        let (sent, received) = if ours { (seen.sent, seen.back) } else { (seen.back, seen.sent) };
        let way = if ours { 1 } else { 2 };
        let start = seen.began.unwrap_or(seen.ended);
        let key = (exporter, sides.local, sides.remote, seen.protocol);
        let anew = Total {
            began: seen.began,
            first: start,
            last: seen.ended,
            sent: None,
            received: None,
            over: 0,
            refused: false,
        };
        let total = self.flows.get_or_insert_mut(key, || anew);
        let again = total.over & way != 0 && start >= total.last;
        if again || start > total.last.saturating_add(SILENT) {
            *total = anew;
        }
        total.began = match (total.began, seen.began) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        total.last = total.last.max(seen.ended);
        // Options of the packet that asked are no payload.
        let asked = seen.empty && seen.flags & (SYN | ACK) == SYN;
        let (sent, received) = if asked { (sent.and(Some(0)), received.and(Some(0))) } else { (sent, received) };
        total.sent = add(total.sent, sent, seen.total);
        total.received = add(total.received, received, seen.total);
        if seen.flags & (FIN | RST) != 0 {
            total.over |= way;
        }
        // Nobody answered what was asked, or with no more than a refusal.
        let refusal = total.refused && seen.flags & (RST | SYN) == RST;
        total.refused = seen.empty && (asked || refusal);
        flow(seen, &sides, total, hash_of(&key, total.first))
    }

    /// The most recent first, as many as fit.
    pub(super) fn snapshot(&self, out: &mut Vec<u8>, longest: usize) {
        for (key, total) in &self.flows {
            if out.len() + 128 > longest {
                return;
            }
            out.extend_from_slice(&key.0.to_le_bytes());
            for end in [key.1, key.2] {
                let ip = match end.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                out.extend_from_slice(&ip.octets());
                out.extend_from_slice(&end.port().to_le_bytes());
                out.push(u8::from(end.is_ipv4()));
            }
            out.extend_from_slice(&[key.3, total.over | u8::from(total.refused) << 2]);
            let known = |number: Option<u64>| number.map_or(u64::MAX, |number| number.min(u64::MAX - 1));
            for number in [
                total.began.unwrap_or(i64::MIN).cast_unsigned(),
                total.first.cast_unsigned(),
                total.last.cast_unsigned(),
                known(total.sent),
                known(total.received),
            ] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }

    /// Takes a snapshot back; what is damaged is left out.
    pub(super) fn restore(&mut self, mut rest: &[u8]) {
        let mut all = Vec::new();
        while let Some(one) = restore_one(&mut rest) {
            all.push(one);
        }
        for (key, total) in all.into_iter().rev() {
            self.flows.put(key, total);
        }
    }
}

fn restore_end(rest: &mut &[u8]) -> Option<SocketAddr> {
    let (octets, behind) = rest.split_first_chunk::<16>()?;
    let ([low, high, four], behind) = behind.split_first_chunk::<3>()?;
    *rest = behind;
    let six = Ipv6Addr::from(*octets);
    let ip = six.to_ipv4_mapped().filter(|_| *four == 1).map_or(IpAddr::V6(six), IpAddr::V4);
    Some(SocketAddr::new(ip, u16::from_le_bytes([*low, *high])))
}

fn restore_one(rest: &mut &[u8]) -> Option<(Key, Total)> {
    let (exporter, local, remote) = (little(rest)?, restore_end(rest)?, restore_end(rest)?);
    let ([protocol, state], behind) = rest.split_first_chunk::<2>()?;
    *rest = behind;
    let mut time = || little(rest).map(u64::cast_signed);
    let (began, first, last) = (time()?, time()?, time()?);
    let known = |number: u64| (number != u64::MAX).then_some(number);
    let total = Total {
        began: Some(began).filter(|began| *began != i64::MIN),
        first,
        last,
        sent: known(little(rest)?),
        received: known(little(rest)?),
        over: state & 3,
        refused: state & 4 != 0,
    };
    Some(((exporter, local, remote, *protocol), total))
}

/// The number of a flow: the same after a restart, another one for the next that has its addresses and ports.
fn hash_of((exporter, local, remote, protocol): &Key, first: i64) -> u64 {
    let mut bytes = [0; 64];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(&exporter.to_le_bytes());
    for end in [local, remote] {
        match end.ip() {
            IpAddr::V4(ip) => put(&ip.octets()),
            IpAddr::V6(ip) => put(&ip.octets()),
        }
        put(&end.port().to_le_bytes());
    }
    put(&first.to_le_bytes());
    put(&[*protocol]);
    hash(&bytes)
}

fn flow(seen: &Seen, sides: &Sides, total: &Total, id: u64) -> Flow {
    let count = |number: Option<u64>| number.map_or(Count::Unknown, Count::Known);
    let phase = match () {
        () if total.refused && seen.transport == Transport::Tcp => Phase::Refused,
        () if seen.active => Phase::Going,
        () => Phase::Closed,
    };
    Flow {
        phase,
        opened: total.began.map(Timestamp),
        sent: count(total.sent),
        received: count(total.received),
        ..gateway::flow(id, seen.transport, *sides)
    }
}
