//! State of stories that are tied to no store: privileges, audit, logins, probes.

use crate::Thresholds;
use crate::shelf::Shelf;
use crate::teller::Observation;
use kuzet_event::{Actor, Client, Outcome, System, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// First part of keys.
pub(crate) const PRIVILEGE: u8 = 1;
pub(crate) const AUDIT: u8 = 2;
/// Who changed a setting of the whole server last, by system.
pub(crate) const AUDIT_LAST: u8 = 3;
pub(crate) const CLIENT: u8 = 4;
pub(crate) const USER: u8 = 5;
pub(crate) const FUNCTION: u8 = 6;
/// One rule.
pub(crate) const RULE: u8 = 7;

/// Names that one burst remembers.
const MAX_NAMES: usize = 16;
/// Failures that one burst remembers one by one.
const MAX_FAILURES: usize = 64;

fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// An actor in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActorRow {
    pub(crate) system: System,
    user: String,
    client: ClientRow,
    program: String,
    database: String,
    #[serde(default)]
    pub(crate) person: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ClientRow {
    Unknown,
    Local,
    Address(std::net::IpAddr),
    Host(String),
}

impl ActorRow {
    pub(crate) fn of(actor: &Actor) -> ActorRow {
        ActorRow {
            system: actor.system,
            user: actor.user.to_string(),
            client: match &actor.client {
                Client::Unknown => ClientRow::Unknown,
                Client::Local => ClientRow::Local,
                Client::Address(address) => ClientRow::Address(*address),
                Client::Host(name) => ClientRow::Host(name.to_string()),
            },
            program: actor.program.to_string(),
            database: actor.database.to_string(),
            person: actor.person.to_string(),
        }
    }

    /// Role or account.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Network address of the client.
    pub(crate) fn address(&self) -> Option<std::net::IpAddr> {
        match self.client {
            ClientRow::Address(address) => Some(address),
            _ => None,
        }
    }

    pub(crate) fn actor(&self) -> Arc<Actor> {
        Arc::new(Actor {
            system: self.system,
            user: Arc::from(self.user.as_str()),
            client: match &self.client {
                ClientRow::Unknown => Client::Unknown,
                ClientRow::Local => Client::Local,
                ClientRow::Address(address) => Client::Address(*address),
                ClientRow::Host(name) => Client::Host(Arc::from(name.as_str())),
            },
            program: Arc::from(self.program.as_str()),
            database: Arc::from(self.database.as_str()),
            person: Arc::from(self.person.as_str()),
        })
    }
}

/// A story of privileges or audit.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Story {
    actor: Option<ActorRow>,
    pub(crate) principal: u128,
    pub(crate) last: i64,
    outcome: Outcome,
    /// Which reasons were given, one bit each.
    #[serde(default, skip_serializing_if = "crate::session::plain")]
    said: u32,
}

/// Whether the story under `key` is not over at `at`.
pub(crate) fn open(
    stories: &Shelf<(u8, u128, u64), Story>,
    key: (u8, u128, u64),
    at: Timestamp,
    thresholds: &Thresholds,
) -> bool {
    let story = stories.peek(key);
    story.is_some_and(|story| story.actor.is_some() && at.0 - story.last <= micros(thresholds.story_seconds))
}

impl Story {
    /// Begins or goes on; gives the outcome before, if it goes on.
    pub(crate) fn prolong(&mut self, o: &Observation<'_>, principal: u128, thresholds: &Thresholds) -> Option<Outcome> {
        let goes_on = self.actor.is_some() && o.event.at.0 - self.last <= micros(thresholds.story_seconds);
        self.last = self.last.max(o.event.at.0);
        let before = std::mem::replace(&mut self.outcome, o.event.outcome);
        if goes_on {
            return Some(before);
        }
        self.actor = Some(ActorRow::of(&o.event.actor));
        self.principal = principal;
        None
    }

    /// Notes the reasons of `mask`, in a `new` story without the earlier ones; says whether one was not given before.
    pub(crate) fn say(&mut self, mask: u32, new: bool) -> bool {
        let before = if new { 0 } else { self.said };
        self.said = before | mask;
        self.said != before
    }

    /// Who began it.
    pub(crate) fn actor(&self) -> Option<Arc<Actor>> {
        self.actor.as_ref().map(ActorRow::actor)
    }
}

/// Signs of injection of one principal.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) mask: u32,
    pub(crate) last: i64,
    pub(crate) open: bool,
    /// Store of the open story, by hash of its name; 0 is none.
    pub(crate) store: u64,
}

/// Failed logins of one client or one role.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Burst {
    failures: Vec<i64>,
    users: Vec<String>,
    clients: Vec<String>,
    untold: u64,
    total: u64,
    pub(crate) last: i64,
    /// Who stands for the open story.
    actor: Option<ActorRow>,
    in_already: Vec<String>,
}

impl Burst {
    /// Lets time reach `at`.
    pub(crate) fn advance(&mut self, at: Timestamp, thresholds: &Thresholds) {
        if self.actor.is_some() && at.0 - self.last > micros(thresholds.story_seconds) {
            *self = Burst::default();
        }
        let oldest = at.0 - micros(thresholds.login_window_seconds);
        self.failures.retain(|failure| *failure >= oldest);
        if self.failures.is_empty() && self.actor.is_none() {
            *self = Burst::default();
        }
        if self.actor.is_none() {
            self.untold = self.failures.len() as u64;
        }
    }

    /// Notes a failure.
    pub(crate) fn note(&mut self, o: &Observation<'_>) {
        if self.failures.len() >= MAX_FAILURES {
            self.failures.remove(0);
        }
        self.failures.push(o.event.at.0);
        self.untold += 1;
        self.total += 1;
        self.last = self.last.max(o.event.at.0);
        let actor = &o.event.actor;
        let user = if actor.user.is_empty() { "(none)" } else { &actor.user };
        for (list, name) in [(&mut self.users, user.to_owned()), (&mut self.clients, actor.client.to_string())] {
            if list.len() < MAX_NAMES && !list.contains(&name) {
                list.push(name);
            }
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.len() as u64
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn users(&self) -> &[String] {
        &self.users
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Takes over what was not told.
    pub(crate) fn claim(&mut self, at: Timestamp) -> u64 {
        self.last = self.last.max(at.0);
        std::mem::take(&mut self.untold)
    }

    /// Begins the story.
    pub(crate) fn begin(&mut self, o: &Observation<'_>) {
        self.actor = Some(ActorRow::of(&o.event.actor));
    }

    /// Who stands for the open story.
    pub(crate) fn actor(&self) -> Option<Arc<Actor>> {
        self.actor.as_ref().map(ActorRow::actor)
    }

    /// Whether the burst is recent enough for a success to be part of it.
    pub(crate) fn recent(&self, at: Timestamp, thresholds: &Thresholds) -> bool {
        self.actor.is_some() && at.0 - self.last <= micros(thresholds.login_after_seconds)
    }

    /// Notes that `user` came in; whether that is new.
    pub(crate) fn came_in(&mut self, user: &str) -> bool {
        let new = !self.in_already.iter().any(|known| known == user) && self.in_already.len() < MAX_NAMES;
        if new {
            self.in_already.push(user.to_owned());
        }
        new
    }
}
