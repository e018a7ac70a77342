//! Programs near the reading: those at the client's side of connections to databases, and those that people started; and
//! where sessions come from, of which the log tells no port. All survive a restart, so that what is joined does not hang on
//! when the agent was started.

use super::join;
use crate::engine::Row;
use crate::hash;
use crate::shelf::Shelf;
use kuzet_event::{Client, Direction, Event, Flow, Phase, Process, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// Client sides that are remembered.
const CLIENTS: usize = 8_192;
/// Client sides of sessions that are remembered.
const SESSIONS: usize = 4_096;
/// Started programs that are remembered.
const PROGRAMS: usize = 512;
/// The log's record of a reading may be so much later than the end of its connection.
const LATE: i64 = 2_000_000;
/// Logs of MariaDB and MySQL stamp whole seconds: what they tell may be so much later than they say.
const SECOND: i64 = 1_000_000;
/// A connection that goes on is remembered anew so often.
const AGAIN: i64 = 600_000_000;

/// The client's side of a connection.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Side {
    process: Option<Arc<Process>>,
    /// 0: before the sensor.
    since: i64,
    until: Option<i64>,
    seen: i64,
}

/// The client's side of a session, as the server listed it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Listed {
    end: Option<SocketAddr>,
    at: i64,
}

/// A program that was started.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Started {
    pub(super) at: i64,
    pub(super) process: Option<Arc<Process>>,
}

/// Rows that were read and are not in their shelf yet.
type Rows<V> = Vec<(u64, u64, V)>;

/// The programs.
pub(super) struct Near {
    sides: Shelf<u64, Side>,
    sessions: Shelf<u64, Listed>,
    programs: Shelf<u64, Started>,
    read: (Rows<Side>, Rows<Listed>, Rows<Started>),
}

fn key(end: SocketAddr) -> u64 {
    let port = end.port().to_le_bytes();
    match end.ip().to_canonical() {
        std::net::IpAddr::V4(address) => hash::wide(&[&address.octets(), &port]) as u64,
        std::net::IpAddr::V6(address) => hash::wide(&[&address.octets(), &port]) as u64,
    }
}

/// A session of a role: numbers start again with the server.
fn session(event: &Event) -> u64 {
    hash::wide(&[&event.session.0.to_le_bytes(), event.actor.user.as_bytes()]) as u64
}

/// When a session that was listed at `listed` had its end, if it is the one that read at `read` or before.
pub(super) fn then(listed: i64, read: i64) -> i64 {
    listed.min(read.saturating_add(SECOND))
}

impl Near {
    pub(super) fn new(most: usize) -> Near {
        Near {
            sides: Shelf::new(b'C', CLIENTS.min(most)),
            sessions: Shelf::new(b'D', SESSIONS.min(most)),
            programs: Shelf::new(b'P', PROGRAMS.min(most)),
            read: Default::default(),
        }
    }

    pub(super) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.sides.changes(rows);
        self.sessions.changes(rows);
        self.programs.changes(rows);
    }

    pub(super) fn read(&mut self, key: &[u8], value: &[u8]) {
        self.read.0.extend(self.sides.read(key, value));
        self.read.1.extend(self.sessions.read(key, value));
        self.read.2.extend(self.programs.read(key, value));
    }

    pub(super) fn fill(&mut self) -> u64 {
        let (sides, sessions, programs) = std::mem::take(&mut self.read);
        self.sides.fill(sides).max(self.sessions.fill(sessions)).max(self.programs.fill(programs))
    }

    pub(super) fn held(&self) -> usize {
        self.sides.len() + self.sessions.len() + self.programs.len()
    }

    /// Programs go when others are started: only client sides count as forgotten.
    pub(super) fn evicted(&self) -> u64 {
        self.sides.evicted + self.sessions.evicted
    }

    pub(super) fn started(&mut self, at: Timestamp, process: &Arc<Process>, clock: &mut u64) {
        // Those of services and of the system are no steps of a person's work.
        if process.session == 0 && process.login.is_none() {
            return;
        }
        // A shell that becomes another program is that program.
        let key = hash::wide(&[&process.pid.to_le_bytes(), &process.began.0.to_le_bytes()]) as u64;
        *self.programs.entry(key, clock).0 = Started { at: at.0, process: Some(Arc::clone(process)) };
    }

    pub(super) fn connected(&mut self, at: Timestamp, flow: &Flow, clock: &mut u64) {
        let Some(process) = &flow.process else { return };
        if flow.direction == Direction::Inbound || flow.phase == Phase::Refused {
            return;
        }
        let (key, since) = (key(flow.local), flow.opened.map_or(0, |at| at.0));
        let until = (flow.phase == Phase::Closed).then_some(at.0);
        let known = self.sides.peek(key).is_some_and(|side| {
            let same = side.process.as_deref().is_some_and(|one| join::same(one, process));
            same && side.until == until && side.since == since && at.0.saturating_sub(side.seen) < AGAIN
        });
        if !known {
            let side = Side { process: Some(Arc::clone(process)), since, until, seen: at.0 };
            *self.sides.entry(key, clock).0 = side;
        }
    }

    /// The server lists a session with the client's port; gives that side if it was not known.
    pub(super) fn listed(&mut self, event: &Event, clock: &mut u64) -> Option<SocketAddr> {
        let (Client::Address(address), 1.., 1..) = (&event.actor.client, event.session.0, event.client_port) else {
            return None;
        };
        let (key, end) = (session(event), SocketAddr::new(address.to_canonical(), event.client_port));
        let known = self.sessions.peek(key).filter(|listed| listed.end == Some(end));
        let new = known.is_none();
        if known.is_none_or(|listed| event.at.0.saturating_sub(listed.at) >= AGAIN) {
            *self.sessions.entry(key, clock).0 = Listed { end: Some(end), at: event.at.0 };
        }
        new.then_some(end)
    }

    /// The client's side of the session of a reading, and when the session had it: as the log tells, or as the server
    /// listed it.
    pub(super) fn end(&self, event: &Event) -> Option<(SocketAddr, i64)> {
        let at = event.at.0;
        if let (Client::Address(address), 1..) = (&event.actor.client, event.client_port) {
            return Some((SocketAddr::new(address.to_canonical(), event.client_port), at));
        }
        let listed = self.sessions.peek(session(event)).filter(|_| event.session.0 != 0)?;
        // Another server may have a session of that number.
        let same = |end: &SocketAddr| match event.actor.client {
            Client::Address(address) => end.ip() == address.to_canonical(),
            _ => true,
        };
        Some((listed.end.filter(same)?, listed.at.clamp(at, at.saturating_add(SECOND))))
    }

    /// Who had `end` when a reading was told at `at`: ports are given again.
    pub(super) fn client(&self, end: SocketAddr, at: i64) -> Option<&Arc<Process>> {
        let side = self.sides.peek(key(end))?;
        let then = side.since <= at && side.until.is_none_or(|until| until >= at.saturating_sub(LATE));
        side.process.as_ref().filter(|_| then)
    }

    /// The client of a database that `user` started last before `at`.
    pub(super) fn own(&self, user: &str, at: i64) -> Option<&Arc<Process>> {
        let owns = |process: &Process| *process.user == *user || process.login.as_deref() == Some(user);
        let own =
            self.programs().filter(|(started, process)| *started <= at && owns(process) && join::is_client(process));
        own.max_by_key(|(started, process)| (*started, process.pid)).map(|(_, process)| process)
    }

    /// Every started program, in no order that means anything.
    pub(super) fn programs(&self) -> impl Iterator<Item = (i64, &Arc<Process>)> {
        self.programs.iter().filter_map(|(_, one)| Some((one.at, one.process.as_ref()?)))
    }
}
