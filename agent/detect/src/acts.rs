//! One act, several witnesses: a change of roles or settings is a statement in the log, a line of the server's statistics,
//! and a difference between two polls. It is one story all the same.
//!
//! What was measured waits until the log had its time to tell of it ([`crate::reckon`] gives work the same time). A
//! logged statement on the same role or setting explains it, whichever came first: it confirms that story. What nothing
//! explains is told by itself.

use crate::engine::Row;
use crate::hash;
use crate::reckon::{GRACE, Logs, PATIENCE};
use crate::shelf::Shelf;
use crate::story::ActorRow;
use kuzet_event::{
    Action, Actor, Code, Count, Event, Flag, Flags, Outcome, Place, RoleChange, RoleVerb, SessionId, Setting,
    Statement, Timestamp, Trust, Verb, Witness,
};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// Roles and settings whose changes are remembered, and statements for each.
const SUBJECTS: usize = 1_024;
const TRACES: usize = 8;
/// Measured acts of one server that wait for the log.
const WAITING: usize = 64;
/// Subjects of one statement.
const PARTS: usize = 64;

/// Flags of what reaches beyond tables.
const REACHES: [Flag; 10] = [
    Flag::Escalates,
    Flag::WeakensAudit,
    Flag::RestoresAudit,
    Flag::ServerProgram,
    Flag::ServerFile,
    Flag::RemoteServer,
    Flag::Replication,
    Flag::NativeCode,
    Flag::WholeSchema,
    Flag::LargeObject,
];

/// A role or a setting, and what an act does to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    subject: u64,
    rights: Vec<u64>,
    /// The record does not say which rights, or means them all.
    any: bool,
    raises: bool,
}

impl Part {
    /// Whether an act that does `self` is one that does `other`.
    fn covers(&self, other: &Part) -> bool {
        self.any || ((self.raises || !other.raises) && other.rights.iter().all(|right| self.rights.contains(right)))
    }
}

/// What `event` does to roles, settings and the server; nothing for other statements.
pub(crate) fn parts(event: &Event) -> Vec<Part> {
    let Some(statement) = event.statement.as_deref() else { return Vec::new() };
    let has = |flag: Flag| statement.flags.has(flag);
    let name = |kind: &str, name: &str| {
        hash::narrow(&format!("{}\0{kind}\0{}", event.actor.system.name(), name.to_lowercase()))
    };
    let raises = has(Flag::Escalates);
    let mut parts = Vec::new();
    for setting in &statement.settings {
        let rights = vec![u64::from(has(Flag::WeakensAudit))];
        parts.push(Part { subject: name("setting", &setting.name), rights, any: false, raises: false });
    }
    if let Some(role) = &statement.role {
        // Who may log in is said by CREATE USER without a word; what stood behind a redacted password is not known.
        let word = |right: &&Arc<str>| !matches!(&***right, "LOGIN" | "INHERIT" | "USAGE" | "FROM ANY HOST");
        let any = |right: &Arc<str>| &**right == "UNKNOWN" || &**right == "RENAME" || right.starts_with("ALL");
        let part = |grantee: &str| Part {
            subject: name("role", grantee),
            rights: role.rights.iter().filter(word).map(|right| hash::narrow(&right.to_lowercase())).collect(),
            any: role.rights.iter().any(any),
            raises,
        };
        match role.grantees.is_empty() {
            true => parts.push(part("")),
            false => parts.extend(role.grantees.iter().map(|grantee| part(grantee))),
        }
    }
    if parts.is_empty() && REACHES.into_iter().any(has) {
        let rights = REACHES.into_iter().filter(|flag| has(*flag)).map(|flag| flag as u64).collect();
        let subject = name("reach", &format!("{:?}", statement.verb));
        parts.push(Part { subject, rights, any: false, raises });
    }
    parts.truncate(PARTS);
    parts
}

/// A statement that the log told, or, for want of it, the statistics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trace {
    at: i64,
    part: Part,
    actor: ActorRow,
    /// Role that ran it; another one's statement is another act.
    user: String,
    pub(crate) place: Place,
    session: u64,
    /// What of it two polls have shown as a difference already.
    seen: u8,
}

/// What was done to one role or setting.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Traces {
    latest: i64,
    list: VecDeque<Trace>,
}

/// Something measured that waits for the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Act {
    at: i64,
    actor: ActorRow,
    named: bool,
    place: Place,
    session: u64,
    setting: bool,
    outcome: Outcome,
    pub(crate) touches: bool,
    verb: Verb,
    flags: Flags,
    fingerprint: u64,
    summary: String,
    settings: Vec<(String, Option<String>, bool)>,
    role: Option<(RoleVerb, Vec<String>, Vec<String>)>,
}

/// Acts of one server that wait.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Waiting {
    list: VecDeque<Act>,
}

/// Rows of both tables.
type Rows = (Vec<(u64, u64, Traces)>, Vec<(u64, u64, Waiting)>);

/// The acts.
pub(crate) struct Acts {
    traces: Shelf<u64, Traces>,
    waiting: Shelf<u64, Waiting>,
    /// Rows on their way back from the store.
    read: Rows,
}

impl Acts {
    pub(crate) fn new(capacity: usize, systems: usize) -> Acts {
        let (traces, waiting) = (Shelf::new(b'u', capacity.min(SUBJECTS)), Shelf::new(b'w', systems));
        Acts { traces, waiting, read: Rows::default() }
    }

    /// A statement that ran, told as the deed of `actor`. One that failed in the end explains nothing.
    pub(crate) fn trace(&mut self, event: &Event, parts: &[Part], actor: &Actor, clock: &mut u64) {
        for part in parts {
            if event.outcome == Outcome::Failure {
                if let Some(traces) = self.traces.existing(part.subject, clock) {
                    traces.list.retain(|one| one.session != event.session.0 || one.part != *part);
                }
                continue;
            }
            let (traces, _) = self.traces.entry(part.subject, clock);
            traces.latest = traces.latest.max(event.at.0);
            if traces.list.len() >= TRACES {
                traces.list.pop_front();
            }
            traces.list.push_back(Trace {
                at: event.at.0,
                part: part.clone(),
                actor: ActorRow::of(actor),
                user: event.actor.user.to_string(),
                place: event.place,
                session: event.session.0,
                seen: 0,
            });
        }
    }

    /// The statement that explains what was measured, if there is one for every part of it. `story` is how far apart the
    /// two may lie.
    pub(crate) fn explain(&mut self, event: &Event, parts: &[Part], story: i64, clock: &mut u64) -> Option<Trace> {
        let (at, user) = (event.at.0, &*event.actor.user);
        // A difference stands for one statement; a number of calls for many.
        let bit = if event.action == Action::Setting { 1 } else { 2 };
        let fits = |trace: &Trace, part: &Part| {
            trace.part.covers(part)
                && (at.saturating_sub(story)..=at.saturating_add(PATIENCE)).contains(&trace.at)
                && if user.is_empty() { trace.seen & bit == 0 } else { trace.user == user }
        };
        let mut found = None;
        for part in parts {
            let traces = self.traces.peek(part.subject)?;
            found = Some(traces.list.iter().find(|trace| fits(trace, part))?.clone());
        }
        for part in parts.iter().filter(|_| user.is_empty()) {
            let traces = self.traces.existing(part.subject, clock);
            if let Some(trace) = traces.and_then(|traces| traces.list.iter_mut().find(|trace| fits(trace, part))) {
                trace.seen |= bit;
            }
        }
        found
    }

    /// Has something measured wait for the log; gives the one that must wait no longer for want of room.
    pub(crate) fn wait(&mut self, event: &Event, touches: bool, clock: &mut u64) -> Option<Act> {
        let act = Act::of(event, touches)?;
        let list = &mut self.waiting.entry(event.actor.system as u64, clock).0.list;
        let first = if list.len() >= WAITING { list.pop_front() } else { None };
        list.push_back(act);
        first
    }

    /// Takes everything that waits for statements of the server of `event`.
    pub(crate) fn take(&mut self, system: u64, clock: &mut u64) -> VecDeque<Act> {
        if self.waiting.peek(system).is_none_or(|waiting| waiting.list.is_empty()) {
            return VecDeque::new();
        }
        self.waiting.existing(system, clock).map(|waiting| std::mem::take(&mut waiting.list)).unwrap_or_default()
    }

    /// Puts back what still waits.
    pub(crate) fn put_back(&mut self, system: u64, acts: VecDeque<Act>, clock: &mut u64) {
        if !acts.is_empty() {
            self.waiting.entry(system, clock).0.list = acts;
        }
    }

    /// What waited long enough at `now`, statements before differences: these may be explained by those.
    pub(crate) fn due(&mut self, now: i64, logs: &Logs, clock: &mut u64) -> Vec<Act> {
        let mut due = Vec::new();
        for (system, log) in logs.iter().enumerate() {
            let over = |act: &Act| {
                let alone = *log == i64::MIN || *log >= act.at;
                act.at.saturating_add(if alone { GRACE } else { PATIENCE }) <= now
            };
            let waiting = self.waiting.peek(system as u64);
            if waiting.is_some_and(|waiting| waiting.list.iter().any(over)) {
                let (ready, later) = self.take(system as u64, clock).into_iter().partition(over);
                due.extend::<VecDeque<Act>>(ready);
                self.put_back(system as u64, later, clock);
            }
        }
        due.sort_by_key(|act| !act.named);
        due
    }

    /// Forgets statements that ran before `idle`.
    pub(crate) fn forget(&mut self, idle: i64) {
        while self.traces.oldest().is_some_and(|oldest| oldest.latest < idle) {
            self.traces.pop();
        }
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.traces.changes(rows);
        self.waiting.changes(rows);
    }

    /// Takes back one row of either table.
    pub(crate) fn read(&mut self, key: &[u8], value: &[u8]) {
        self.read.0.extend(self.traces.read(key, value));
        self.read.1.extend(self.waiting.read(key, value));
    }

    /// Puts the rows that were read in place; gives the highest clock among them.
    pub(crate) fn fill(&mut self) -> u64 {
        let (traces, waiting) = std::mem::take(&mut self.read);
        self.traces.fill(traces).max(self.waiting.fill(waiting))
    }

    pub(crate) fn len(&self) -> usize {
        self.traces.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.traces.evicted
    }
}

impl Trace {
    pub(crate) fn actor(&self) -> Arc<Actor> {
        self.actor.actor()
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId(self.session)
    }
}

impl Act {
    fn of(event: &Event, touches: bool) -> Option<Act> {
        let statement = event.statement.as_deref()?;
        let texts = |list: &[Arc<str>]| list.iter().map(ToString::to_string).collect::<Vec<String>>();
        let setting = |one: &Setting| (one.name.to_string(), one.value.as_deref().map(str::to_owned), one.global);
        let role = |one: &RoleChange| (one.verb, texts(&one.rights), texts(&one.grantees));
        Some(Act {
            at: event.at.0,
            actor: ActorRow::of(&event.actor),
            named: !event.actor.user.is_empty(),
            place: event.place,
            session: event.session.0,
            setting: event.action == Action::Setting,
            outcome: event.outcome,
            touches,
            verb: statement.verb,
            flags: statement.flags,
            fingerprint: statement.fingerprint,
            summary: statement.summary.to_string(),
            settings: statement.settings.iter().map(setting).collect(),
            role: statement.role.as_ref().map(role),
        })
    }

    /// The event as far as it was kept.
    pub(crate) fn event(self) -> Event {
        let texts = |list: Vec<String>| list.into_iter().map(Arc::from).collect();
        let setting = |(name, value, global): (String, Option<String>, bool)| Setting {
            name: Arc::from(name),
            value: value.map(Arc::from),
            global,
        };
        let role = |(verb, rights, grantees)| RoleChange { verb, rights: texts(rights), grantees: texts(grantees) };
        let statement = Statement {
            fingerprint: self.fingerprint,
            summary: Arc::from(self.summary),
            verb: self.verb,
            relations: Vec::new(),
            columns: Vec::new(),
            predicate_columns: Vec::new(),
            export: None,
            flags: self.flags,
            limit: None,
            settings: self.settings.into_iter().map(setting).collect(),
            role: self.role.map(role),
            routines: Vec::new(),
        };
        Event {
            at: Timestamp(self.at),
            place: self.place,
            actor: self.actor.actor(),
            session: SessionId(self.session),
            client_port: 0,
            statement_number: 0,
            action: if self.setting { Action::Setting } else { Action::Statement },
            outcome: self.outcome,
            code: Code::NONE,
            relation: None,
            statement: Some(Arc::new(statement)),
            identifiers: SmallVec::new(),
            calls: 1,
            rows: Count::Unknown,
            bytes: Count::Unknown,
            trust: Trust::Structured,
            witness: Witness::Measure,
            flow: None,
            file: None,
            process: None,
            raw: None,
        }
    }
}
