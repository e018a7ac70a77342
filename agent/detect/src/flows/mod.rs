//! Connections of this host: where the other side is, whether it is a registered recipient, and how many bytes went since
//! the record before. Detectors see a [`Passage`]; [`Live`] is what is remembered of the connection itself.

pub(crate) mod map;
pub(crate) mod sender;
#[cfg(test)]
pub(crate) mod tests;

use crate::detectors::Books;
use crate::hash;
use crate::rules::End;
use crate::shelf::Shelf;
use crate::{Destination, Joined, Recipient, Recipients, Step, Thresholds, Transfer};
use kuzet_event::{Count, Direction, Event, Flow, Naming, Phase, Process, Timestamp, Transport};
use kuzet_place::{Place, Verdict};
use map::Reached;
use sender::Sender;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// Marks of how far a connection had come; the oldest goes.
const MARKS: usize = 8;
/// So many of them reach over the window of the chain.
const APART: i64 = 6;
/// Stories of reading that one connection is joined with.
const JOINS: usize = 8;

/// What is remembered of a connection that may carry data away.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Live {
    pub(crate) transport: Option<Transport>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) name: Option<(Arc<str>, Naming)>,
    pub(crate) process: Option<Arc<Process>>,
    pub(crate) since: i64,
    pub(crate) latest: i64,
    /// This host began it, or nobody knows and it does not look like the answer of a service.
    pub(crate) leaves: bool,
    /// Bytes sent; `None`: the sensor does not tell.
    pub(crate) sent: Option<u64>,
    /// Of these, before the sensor.
    base: u64,
    /// Of the others, counted because it sent more than it received.
    up: u64,
    /// How far it had come at earlier times.
    marks: Vec<(i64, u64)>,
    /// Stories of reading that it was joined with.
    pub(crate) joined: Vec<u64>,
}

impl Live {
    /// Takes note of a record; gives what was sent since the one before, and how much of it in the manner of an upload.
    fn meet(&mut self, event: &Event, flow: &Flow, apart: i64) -> (u64, u64) {
        let new = self.transport.is_none();
        if new {
            self.since = flow.opened.map_or(event.at.0, |at| at.0);
            self.transport = Some(flow.transport);
            self.local = Some(flow.local);
        }
        self.latest = self.latest.max(event.at.0);
        self.remote = flow.remote.or(self.remote);
        self.name = flow.name.clone().or_else(|| self.name.take());
        self.process = flow.process.clone().or_else(|| self.process.take());
        let Count::Known(sent) = flow.sent else { return (0, 0) };
        if self.sent.is_none() && flow.opened.is_none() && flow.transport == Transport::Tcp {
            // What went before the sensor did not go today.
            (self.sent, self.base) = (Some(sent), sent);
        }
        let before = self.sent.unwrap_or(0);
        let sent = sent.max(before);
        self.sent = Some(sent);
        if self.marks.last().is_none_or(|(at, _)| event.at.0 - at >= apart) {
            if self.marks.len() >= MARKS {
                self.marks.remove(0);
            }
            self.marks.push((event.at.0, sent));
        }
        let upload = flow.received.known().is_none_or(|received| sent > received);
        let up = if upload { (sent - self.base).saturating_sub(self.up) } else { 0 };
        self.up = self.up.saturating_add(up);
        (sent - before, up)
    }

    /// Bytes sent after `at`, as far as the agent saw them: fewer rather than more where marks are too old.
    pub(crate) fn sent_since(&self, at: i64) -> u64 {
        let mark = self.marks.iter().rev().find(|(mark, _)| *mark <= at);
        let before = match (mark, self.marks.first()) {
            _ if self.since >= at => self.base,
            (Some((_, sent)), _) => *sent,
            (None, Some((_, sent))) if self.marks.len() >= MARKS => *sent,
            _ => self.base,
        };
        self.sent.unwrap_or(0).saturating_sub(before)
    }

    /// Whether one more story of reading can be noted.
    pub(crate) fn may_join(&self) -> bool {
        self.joined.len() < JOINS
    }

    /// As a detection tells it.
    pub(crate) fn transfer(
        &self,
        id: u64,
        place: Verdict,
        recipient: Option<&Recipient>,
        joined: Option<Joined>,
        steps: Vec<Step>,
    ) -> Arc<Transfer> {
        Arc::new(Transfer {
            flow: id,
            transport: self.transport.unwrap_or(Transport::Other),
            inbound: !self.leaves,
            to: self.remote,
            name: self.name.clone(),
            place,
            recipient: recipient.map(|one| Arc::from(one.name.as_str())),
            sent: self.sent.map_or(Count::Unknown, Count::Known),
            since: Timestamp(self.since),
            until: Timestamp(self.latest),
            process: self.process.clone(),
            joined,
            steps,
        })
    }
}

/// The other side in a reason: name and address, and where it is.
pub(crate) fn to(remote: Option<SocketAddr>, name: Option<&(Arc<str>, Naming)>, place: Verdict) -> String {
    let address = remote.map_or_else(|| "an address that is not told".to_owned(), |remote| remote.to_string());
    let country = place.country().map_or_else(String::new, |country| format!(", {country}"));
    match name {
        Some((name, _)) => format!("{name} ({address}; {place}{country})"),
        None => format!("{address} ({place}{country})"),
    }
}

/// What one record adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    /// Bytes sent since the record before.
    pub(crate) sent: u64,
    /// Of these, in a connection that sends more than it receives.
    pub(crate) up: u64,
    /// [`Live::leaves`].
    pub(crate) leaves: bool,
}

/// One record of a connection, with what was worked out once for all detectors.
pub(crate) struct Passage<'a> {
    pub(crate) event: &'a Event,
    pub(crate) flow: &'a Flow,
    /// Where the other side is; the register goes before the registries.
    pub(crate) place: Verdict,
    /// The registered recipient that the other side is.
    pub(crate) recipient: Option<&'a Recipient>,
    pub(crate) moved: Moved,
    /// What is remembered of it.
    pub(crate) live: &'a Live,
}

impl Passage<'_> {
    /// Whether the other side is nobody registered, and not known to be in Kazakhstan or on this host's networks.
    pub(crate) fn abroad(&self) -> bool {
        outside(self.place) && self.recipient.is_none()
    }

    /// Whether it is told as the way that personal data took: it need not be told once more.
    pub(crate) fn joined(&self) -> bool {
        !self.live.joined.is_empty()
    }

    /// Account and program behind it.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.flow.process.as_deref()
    }

    /// The account, and with `program` the program, as a key.
    pub(crate) fn account(&self, program: bool) -> u128 {
        match self.process() {
            Some(process) => {
                let path = if process.path.is_empty() { &process.name } else { &process.path };
                let (user, login) = (process.user.as_bytes(), process.login.as_deref().unwrap_or_default().as_bytes());
                let path = if program { path.as_bytes() } else { b"" };
                hash::wide(&[b"process", user, login, path])
            }
            None => hash::wide(&[b"host", self.flow.local.ip().to_string().as_bytes()]),
        }
    }

    /// The account in a reason.
    pub(crate) fn by(&self) -> String {
        match self.process() {
            Some(process) => by(process),
            None => format!("host {}", self.flow.local.ip()),
        }
    }

    /// The other side in a reason.
    pub(crate) fn to(&self) -> String {
        to(self.live.remote, self.live.name.as_ref(), self.place)
    }

    /// As a detection tells it.
    pub(crate) fn transfer(&self) -> Arc<Transfer> {
        self.live.transfer(key(self.flow), self.place, self.recipient, None, Vec::new())
    }
}

/// Whether a place is not known to be in Kazakhstan, or on this host's networks.
pub(crate) fn outside(place: Verdict) -> bool {
    !matches!(place, Verdict::Domestic | Verdict::Local(_))
}

/// A program in a reason.
pub(crate) fn by(process: &Process) -> String {
    let path = if process.path.is_empty() { &process.name } else { &process.path };
    match &process.login {
        Some(login) if *login != process.user => format!("{path} of {} (logged in as {login})", process.user),
        _ => format!("{path} of {}", process.user),
    }
}

/// What is kept of connections, beside what they are judged by.
pub(crate) struct Shelves<'f> {
    pub(crate) live: &'f mut Shelf<u64, Live>,
    pub(crate) map: &'f mut Shelf<u64, Reached>,
}

/// Connections, and who has them.
pub(crate) struct Flows {
    place: Arc<Place>,
    recipients: Recipients,
    pub(crate) live: Shelf<u64, Live>,
    pub(crate) senders: Shelf<(u8, u128, u64), Sender>,
    /// Where connections ended.
    pub(crate) map: Shelf<u64, Reached>,
}

impl Flows {
    pub(crate) fn new(thresholds: &Thresholds) -> Flows {
        Flows {
            place: Arc::new(Place::default()),
            recipients: Recipients::default(),
            live: Shelf::new(b'f', thresholds.max_flows),
            senders: Shelf::new(b'h', thresholds.max_flows),
            map: Shelf::new(map::MAP_TAG, (thresholds.max_flows / 8).max(1)),
        }
    }

    pub(crate) fn know(&mut self, place: Arc<Place>, recipients: Recipients) {
        (self.place, self.recipients) = (place, recipients);
    }

    /// Where an address is that sends nothing itself: a client of a database.
    pub(crate) fn judge_client(&self, address: std::net::IpAddr, at: Timestamp) -> (Verdict, Option<&Recipient>) {
        judge(&self.place, &self.recipients, Some(SocketAddr::new(address, 0)), None, at)
    }

    /// What belongs to one connection: where the other side is, which recipient, and all of those remembered.
    pub(crate) fn parts(&mut self, id: u64, at: Timestamp) -> Option<(Verdict, Option<&Recipient>, Shelves<'_>)> {
        let live = self.live.peek(id)?;
        let (place, recipient) = judge(&self.place, &self.recipients, live.remote, live.name.as_ref(), at);
        Some((place, recipient, Shelves { live: &mut self.live, map: &mut self.map }))
    }

    /// Where the connection of an event ends, for rules.
    pub(crate) fn end(&self, event: &Event) -> Option<End> {
        let flow = event.flow.as_deref()?;
        flow.remote?;
        let (place, recipient) = judge(&self.place, &self.recipients, flow.remote, flow.name.as_ref(), event.at);
        Some(End { place, registered: recipient.is_some() })
    }

    /// What questions to DNS are held against.
    pub(crate) fn questions(&mut self) -> (&Recipients, &mut Shelf<(u8, u128, u64), Sender>) {
        (&self.recipients, &mut self.senders)
    }

    /// Whether the other side is on this host or its networks.
    pub(crate) fn is_local(&self, flow: &Flow) -> bool {
        flow.remote.is_some_and(|remote| {
            remote.ip() == flow.local.ip() || matches!(self.place.verdict(remote.ip()), Verdict::Local(_))
        })
    }

    /// Takes note of a record; `None` when the connection stays on this host's networks, or never came to be.
    pub(crate) fn meet(
        &mut self,
        event: &Event,
        flow: &Flow,
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> Option<Moved> {
        if flow.phase == Phase::Refused || flow.remote.is_none() || self.is_local(flow) {
            return None;
        }
        let window = i64::try_from(thresholds.chain_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let live = self.live.entry(key(flow), clock).0;
        let (sent, up) = live.meet(event, flow, window / APART);
        live.leaves = leaves(flow, thresholds);
        Some(Moved { sent, up, leaves: live.leaves })
    }

    /// Hands a record that was met to `look`.
    pub(crate) fn look(
        &mut self,
        event: &Event,
        flow: &Flow,
        moved: Moved,
        clock: &mut u64,
        look: impl FnOnce(&Passage<'_>, Books<'_>),
    ) {
        let Some(live) = self.live.peek(key(flow)) else { return };
        let (place, recipient) = judge(&self.place, &self.recipients, live.remote, live.name.as_ref(), event.at);
        // Of what the other side began that which took personal data is on the map.
        if let (true, Some(remote)) = (moved.leaves || !live.joined.is_empty(), live.remote) {
            let name = live.name.as_ref().map(|(name, _)| name);
            let who = recipient.map(|one| one.name.as_str());
            let known = self.map.entry(Reached::key(who, name.map(|name| &**name), remote.ip()), clock).0;
            if known.latest == 0 {
                known.recipient = Arc::from(who.unwrap_or_default());
                known.name = name.map_or_else(|| Arc::from(""), Arc::clone);
            }
            known.is_at(remote.ip(), place);
            known.add(moved.sent, flow.phase == Phase::Closed, event.at.0);
            if let Some(process) = &live.process {
                known.is_sent_by(&process.name, &process.user);
            }
        }
        look(&Passage { event, flow, place, recipient, moved, live }, Books { senders: &mut self.senders, clock });
    }
}

/// What a connection is remembered under: datagrams of one socket go to many.
pub(crate) fn key(flow: &Flow) -> u64 {
    match (flow.transport, flow.remote) {
        (Transport::Tcp, _) | (_, None) => flow.id,
        (_, Some(remote)) => hash::wide(&[&flow.id.to_le_bytes(), remote.to_string().as_bytes()]) as u64,
    }
}

/// Where the other side is, and which recipient. A name that anybody may claim says nothing of where an address is.
fn judge<'r>(
    place: &Place,
    recipients: &'r Recipients,
    remote: Option<SocketAddr>,
    name: Option<&(Arc<str>, Naming)>,
    at: Timestamp,
) -> (Verdict, Option<&'r Recipient>) {
    let destination = Destination {
        address: remote.map(|remote| remote.ip()),
        name: name.map(|(name, _)| &**name),
        port: remote.map(|remote| remote.port()).filter(|port| *port > 0),
    };
    let recipient = recipients.find(&destination, at);
    let verdict = match (recipient, remote) {
        (Some(recipient), None) => place.of_country(recipient.country),
        (Some(recipient), _) if !recipient.by_name_alone() => place.of_country(recipient.country),
        (_, Some(remote)) => place.verdict(remote.ip()),
        (None, None) => Verdict::Unknown(kuzet_place::Reason::Reserved),
    };
    (verdict, recipient)
}

/// Whether this host began it. Where that is not told, a port of a service on this side means that it answers.
fn leaves(flow: &Flow, thresholds: &Thresholds) -> bool {
    let Some(remote) = flow.remote else { return false };
    match flow.direction {
        Direction::Outbound => true,
        Direction::Inbound => false,
        Direction::Unknown => {
            let (port, other) = (flow.local.port(), remote.port());
            let known = |port: u16| (1..1024).contains(&port);
            // Databases speak TCP: of datagrams a port of theirs is any client's.
            let service = known(port) || flow.transport == Transport::Tcp && thresholds.database_ports.contains(&port);
            !service || known(other) && !known(port) || port == other
        }
    }
}
