//! Connections as a gateway tells them: which side is ours, what other records called the other side, and the event of one.
//!
//! Whoever looks at traffic on its way tells two addresses. Ours is the one that is private, or that the record itself calls
//! local; of two or none, the one that began it.

use crate::names;
use crate::query::query;
use crate::recent::{Recent, hash};
use crate::{Actors, blank};
use kuzet_event::{
    Action, Actor, Count, Direction, Event, Flow, Naming, Outcome, Phase, Place, SessionId, System, Timestamp,
    Transport, Witness,
};
use kuzet_personal::Key;
use kuzet_wire::Name;
use lru::LruCache;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Connections whose name is remembered, and addresses that answers of DNS named.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Sets of four actors kept.
const ACTORS: usize = 1024;
/// Largest snapshot of the names, in bytes.
const SNAPSHOT: usize = 40 << 10;

/// Whether addresses of this kind are given out inside: private, shared, link-local, loopback.
fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The two ends as they are told: ours and the other, and who began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) direction: Direction,
}

impl Sides {
    /// Of a connection that `began` opened to `other`; each with whether the record calls it ours.
    pub(crate) fn new(began: (SocketAddr, bool), other: (SocketAddr, bool)) -> Sides {
        let ours = |(address, told): (SocketAddr, bool)| told || is_inside(address.ip());
        if ours(other) && !ours(began) {
            Sides { local: other.0, remote: began.0, direction: Direction::Inbound }
        } else {
            Sides { local: began.0, remote: other.0, direction: Direction::Outbound }
        }
    }

    /// What ours sent and received, of what the one that began it sent and received.
    pub(crate) fn counts(&self, (sent, received): (Count, Count)) -> (Count, Count) {
        if self.direction == Direction::Inbound { (received, sent) } else { (sent, received) }
    }
}

/// Bytes without the headers that each packet has at least; `link` stands for what is below the address.
pub(crate) fn payload(bytes: u64, packets: u64, transport: Transport, six: bool, link: u64) -> u64 {
    let carried = match transport {
        Transport::Tcp => 20,
        Transport::Udp | Transport::Icmp => 8,
        Transport::Other => 0,
    };
    bytes.saturating_sub(packets.saturating_mul(link + carried + if six { 40 } else { 20 }))
}

/// The number of a connection, from what the record calls it.
pub(crate) fn number(name: &[u8]) -> u64 {
    hash(name)
}

/// A connection of which no more is known than that it goes on.
pub(crate) fn flow(id: u64, transport: Transport, sides: Sides) -> Flow {
    Flow {
        id,
        transport,
        direction: sides.direction,
        phase: Phase::Going,
        local: sides.local,
        remote: Some(sides.remote),
        name: None,
        payload: None,
        query: None,
        opened: None,
        sent: Count::Unknown,
        received: Count::Unknown,
        process: None,
    }
}

/// Makes events of connections.
pub(crate) struct Gateway {
    actors: Actors,
    known: Recent<Arc<Actor>>,
}

impl Gateway {
    pub(crate) fn new() -> Gateway {
        Gateway { actors: Actors::new(System::Network), known: Recent::new(ACTORS) }
    }

    /// The event of `flow`, which is told at `at`.
    pub(crate) fn event(&mut self, flow: Flow, at: Timestamp, place: Place) -> Event {
        let outcome = match flow.phase {
            Phase::Refused => Outcome::Failure,
            _ => Outcome::Success,
        };
        let mut event = blank::event(at, place, self.actor(flow.local.ip()), Action::Network, outcome);
        event.witness = Witness::Log;
        event.session = SessionId(flow.id);
        event.bytes = flow.sent;
        event.flow = Some(Arc::new(flow));
        event
    }

    /// The event of a question to DNS for records of type `record` of `name`, which `flow` carries; `None` where it is
    /// none that somebody of ours asks. Rules on connections are for the connection.
    pub(crate) fn question(
        &mut self,
        (key, name, record): (&Key, &[u8], u16),
        flow: Flow,
        at: Timestamp,
        place: Place,
    ) -> Option<Event> {
        // What is asked of everybody near (mDNS, LLMNR) is no question to a resolver.
        let asked = flow.direction == Direction::Outbound && flow.remote.is_some_and(|remote| remote.port() == 53);
        let name = Name::of_question(name).filter(|_| asked)?;
        let flow = Flow { query: Some(query(key, &name, record)), ..flow };
        Some(Event { raw: None, ..self.event(flow, at, place) })
    }

    /// Nobody is known of it but the address.
    fn actor(&mut self, local: IpAddr) -> Arc<Actor> {
        let (four, six);
        let octets: &[u8] = match local {
            IpAddr::V4(ip) => {
                four = ip.octets();
                &four
            }
            IpAddr::V6(ip) => {
                six = ip.octets();
                &six
            }
        };
        let actors = &mut self.actors;
        Arc::clone(self.known.get(&[octets], || actors.intern(b"", local.to_string().as_bytes(), b"", b"")))
    }
}

/// Names that records of their own tell: of a connection by its number, of an address by who asked for it.
pub(crate) struct Names {
    flows: LruCache<u64, (Arc<str>, Naming)>,
    addresses: LruCache<(IpAddr, IpAddr), Arc<str>>,
}

impl Names {
    pub(crate) fn new() -> Names {
        Names { flows: LruCache::new(KEPT), addresses: LruCache::new(KEPT) }
    }

    /// The program itself named the other side of connection `id`. Gives the name, if it is one that was not known.
    pub(crate) fn tell(&mut self, id: u64, name: &[u8], naming: Naming) -> Option<(Arc<str>, Naming)> {
        let name = names::domain(name)?;
        let known = self.flows.get(&id).is_some_and(|known| known.0 == name);
        (!known).then(|| {
            self.flows.put(id, (Arc::clone(&name), naming));
            (name, naming)
        })
    }

    /// `asker` was answered that `address` has this name.
    pub(crate) fn answer(&mut self, asker: IpAddr, address: &[u8], name: &Arc<str>) {
        let address = std::str::from_utf8(address).ok().and_then(|text| text.parse::<IpAddr>().ok());
        if let Some(address) = address {
            self.addresses.put((asker, address), Arc::clone(name));
        }
    }

    /// The name of the other side of a connection.
    pub(crate) fn of(&mut self, id: u64, sides: &Sides) -> Option<(Arc<str>, Naming)> {
        let own = self.flows.get(&id).cloned();
        own.or_else(|| {
            let name = self.addresses.get(&(sides.local.ip(), sides.remote.ip()))?;
            Some((Arc::clone(name), Naming::Dns))
        })
    }

    /// As lines, the most recent first, as many as fit.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let flows = self.flows.iter().map(|(id, (name, naming))| {
            let naming = if *naming == Naming::Sni { 's' } else { 'h' };
            format!("{naming}\t{id}\t{name}\n")
        });
        let addresses =
            self.addresses.iter().map(|((asker, address), name)| format!("d\t{asker}\t{address}\t{name}\n"));
        // In turn, so that neither takes all the room.
        let (mut flows, mut addresses) = (flows.fuse(), addresses.fuse());
        while let (first, second) = (flows.next(), addresses.next())
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
            let words: Vec<&str> = line.split('\t').collect();
            match words[..] {
                ["d", asker, address, name] => {
                    if let (Ok(asker), Some(name)) = (asker.parse(), names::domain(name.as_bytes())) {
                        self.answer(asker, address.as_bytes(), &name);
                    }
                }
                [naming @ ("s" | "h"), id, name] => {
                    let naming = if naming == "s" { Naming::Sni } else { Naming::Host };
                    if let Ok(id) = id.parse() {
                        self.tell(id, name.as_bytes(), naming);
                    }
                }
                _ => {}
            }
        }
    }
}

/// An address with a port, as text and number.
pub(crate) fn address(ip: &[u8], port: Option<u64>) -> Option<SocketAddr> {
    let ip: IpAddr = std::str::from_utf8(ip).ok()?.parse().ok()?;
    Some(SocketAddr::new(ip, port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0)))
}

/// What carries it, by name.
pub(crate) fn transport(name: &[u8]) -> Transport {
    match name.to_ascii_lowercase().as_slice() {
        b"tcp" => Transport::Tcp,
        b"udp" => Transport::Udp,
        b"icmp" | b"icmp6" | b"ipv6-icmp" => Transport::Icmp,
        _ => Transport::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn our_side_is_the_private_one() {
        let sides = |began, other| Sides::new((at(began), false), (at(other), false));
        let out = sides("10.0.0.5:50000", "203.0.113.9:443");
        assert_eq!((out.local, out.direction), (at("10.0.0.5:50000"), Direction::Outbound));
        let back = sides("203.0.113.9:50000", "192.168.1.7:5432");
        assert_eq!((back.local, back.direction), (at("192.168.1.7:5432"), Direction::Inbound));
        assert_eq!(back.counts((Count::Known(1), Count::Known(2))), (Count::Known(2), Count::Known(1)));
        for (began, other) in
            [("10.0.0.5:1", "10.0.0.6:2"), ("198.51.100.1:1", "203.0.113.9:2"), ("[fd00::1]:1", "[2001:db8::1]:2")]
        {
            assert_eq!((sides(began, other).local, sides(began, other).direction), (at(began), Direction::Outbound));
        }
        let told = Sides::new((at("198.51.100.1:1"), false), (at("203.0.113.9:22"), true));
        assert_eq!((told.local, told.direction), (at("203.0.113.9:22"), Direction::Inbound));
    }

    #[test]
    fn names_survive_a_restart_as_many_as_fit() {
        let (mut names, ip) = (Names::new(), |n: u32| IpAddr::from([10, 1, (n >> 8) as u8, n as u8]));
        let long = ["a".repeat(60), "b".repeat(60)].join(".");
        for n in 0..3000 {
            let name = names::domain(format!("{long}.h{n}.example").as_bytes()).unwrap();
            names.tell(u64::from(n), name.as_bytes(), Naming::Sni);
            names.answer(ip(0), ip(n).to_string().as_bytes(), &name);
        }
        let snapshot = names.snapshot();
        assert!(snapshot.len() <= SNAPSHOT);
        let mut other = Names::new();
        other.restore(std::str::from_utf8(&snapshot).unwrap());
        let sides = |n| Sides::new((SocketAddr::new(ip(0), 1), true), (SocketAddr::new(ip(n), 2), false));
        assert_eq!(other.of(2999, &sides(1)), names.of(2999, &sides(1)));
        assert_eq!(other.of(u64::MAX, &sides(2999)).unwrap().1, Naming::Dns);
        assert_eq!(other.snapshot(), snapshot);
        assert!(other.of(0, &sides(0)).is_none());
        other.restore("x\ts\ty\nd\ta\tb\tc\ns\tz\tq");
    }

    #[test]
    fn headers_are_no_payload() {
        assert_eq!(payload(1000, 10, Transport::Tcp, false, 0), 600);
        assert_eq!(payload(1000, 10, Transport::Udp, true, 14), 380);
        assert_eq!(payload(10, u64::MAX, Transport::Other, false, 0), 0);
    }
}
