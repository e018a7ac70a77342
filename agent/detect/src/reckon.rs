//! What the server measured against what its log told: true rows for open stories, and statements that no log shows.
//!
//! Statistics and slow logs count the same statements as the log does. Their numbers are therefore kept apart, by role
//! and store (they seldom know the client), and handed to the story that the log began; where the log tells less than
//! was measured, the difference is a detection of its own.

use crate::acts::Acts;
use crate::engine::Row;
use crate::hash;
use crate::session::plain;
use crate::shelf::Shelf;
use crate::story::ActorRow;
use kuzet_event::{Action, Actor, Event, Place, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Width of a slot of credit.
const SLOT: i64 = 60_000_000;
/// How long a logged statement may run until it is measured: statistics count it when it ends.
const CREDIT_SLOTS: i64 = 120;
/// How long the log may take to tell what was measured.
pub(crate) const GRACE: i64 = 15_000_000;
/// How long a silent log is waited for: it may have a backlog, or nothing to tell.
pub(crate) const PATIENCE: i64 = 120_000_000;
/// How long after the first measurement of a server statements may have begun before the agent did.
const SETTLING: i64 = 60_000_000;
/// Claims of one role and store that wait for the log, and of all together: a flood of statements must not fill memory.
const CLAIMS: usize = 256;
const ALL_CLAIMS: usize = 8_192;
/// Systems there are, and more: their rows never make room for others.
pub(crate) const SYSTEMS: usize = 16;
/// Shapes that persons behind a shared role ran on a store, remembered until they are measured.
const RUNS: usize = 64;
/// Measurements of one role and store kept for a story that may begin.
const PARTS: usize = 64;

/// Time of the latest record of each system's log.
pub(crate) type Logs = [i64; SYSTEMS];

/// Family, who, store: a role for what is claimed and credited, a person behind it for what is told (the same where the
/// role is one person's). Role 0 stands for all roles.
pub(crate) type ReckonKey = (u8, u128, u64);

/// A measurement that no detection stands for yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    at: i64,
    pub(crate) calls: u64,
    pub(crate) rows: u64,
}

/// One role on one store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reckoning {
    pub(crate) latest: i64,
    /// Statements that the log told and no measurement has used up: slot and number.
    #[serde(skip_serializing_if = "plain")]
    credit: VecDeque<(i64, u64)>,
    /// Measured statements whose log records are awaited, oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    claims: VecDeque<Claim>,
    /// Measured within the window, not yet told.
    #[serde(skip_serializing_if = "plain")]
    parts: VecDeque<Part>,
    /// Of a shared role: who ran each shape since it was last measured.
    #[serde(skip_serializing_if = "plain")]
    runs: VecDeque<Run>,
    /// When a detection of the log or of a measurement was last told.
    #[serde(skip_serializing_if = "plain")]
    told: i64,
    /// When one of a measurement alone was.
    #[serde(skip_serializing_if = "plain")]
    bulk: i64,
    /// Rows of the open story as measured.
    #[serde(skip_serializing_if = "plain")]
    rows: u64,
}

/// A shape of statement that persons behind a shared role ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    shape: u64,
    first: i64,
    last: i64,
    /// The one who did; nothing when several did.
    who: Option<ActorRow>,
}

/// Who ran what was measured of a shared role.
pub(crate) enum Whose {
    /// The log told nobody, or the role is not shared.
    Unsaid,
    /// One person.
    One(Arc<Actor>),
    /// Several: which of them is unknown.
    Several,
}

/// Measured statements whose log records are awaited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) at: i64,
    pub(crate) calls: u64,
    pub(crate) rows: u64,
    actor: ActorRow,
    pub(crate) place: Place,
    pub(crate) session: u64,
    /// Literal-free text.
    pub(crate) summary: String,
}

/// Statements that were measured and that no log shows: `claim` holds those only.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) key: ReckonKey,
    pub(crate) claim: Claim,
}

/// The books.
pub(crate) struct Reckoner {
    shelf: Shelf<ReckonKey, Reckoning>,
    systems: Shelf<u64, Measured>,
    /// Changes of roles and settings.
    pub(crate) acts: Acts,
    /// Claims in the order of their time.
    due: VecDeque<(i64, ReckonKey)>,
    /// Claims that were not judged for want of room.
    unjudged: u64,
    /// Sessions that the log told of or the server lists.
    sessions: Shelf<u64, Listed>,
    /// Rows on their way back from the store.
    read: Rows,
}

/// Rows of the three tables.
type Rows = (Vec<(u64, ReckonKey, Reckoning)>, Vec<(u64, u64, Listed)>, Vec<(u64, u64, Measured)>);

/// A system that is measured.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Measured {
    /// Since when.
    begun: i64,
    /// Its log tells of logins.
    #[serde(skip_serializing_if = "plain")]
    logins: bool,
}

/// A session of a measured system.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Listed {
    latest: i64,
    /// When the server first listed it; 0 is never.
    #[serde(skip_serializing_if = "plain")]
    first: i64,
    /// The log told of it, or it was told as one that the log hides.
    #[serde(skip_serializing_if = "plain")]
    known: bool,
}

impl Reckoner {
    pub(crate) fn new(capacity: usize, sessions: usize) -> Reckoner {
        Reckoner {
            shelf: Shelf::new(b'm', capacity),
            systems: Shelf::new(b'n', SYSTEMS),
            acts: Acts::new(capacity, SYSTEMS),
            due: VecDeque::new(),
            unjudged: 0,
            sessions: Shelf::new(b'l', sessions),
            read: Rows::default(),
        }
    }

    /// Whether anything measures the system of `event`; without it nothing is kept.
    pub(crate) fn measures(&self, event: &Event) -> bool {
        self.systems.len() > 0 && self.systems.peek(event.actor.system as u64).is_some()
    }

    /// Notes that the system of `event` is measured.
    pub(crate) fn begin(&mut self, event: &Event, clock: &mut u64) {
        if !self.measures(event) {
            self.systems.entry(event.actor.system as u64, clock).0.begun = event.at.0;
        }
    }

    /// A statement that the log told.
    pub(crate) fn logged(&mut self, key: ReckonKey, at: Timestamp, events: u64, clock: &mut u64) -> &mut Reckoning {
        let (all, _) = self.shelf.entry((key.0, 0, key.2), clock);
        all.latest = all.latest.max(at.0);
        let (reckoning, _) = self.shelf.entry(key, clock);
        reckoning.latest = reckoning.latest.max(at.0);
        reckoning.credit(at.0, events);
        reckoning
    }

    /// Statements that were measured: those of the log are used up, the log is waited for. Gives the books of the role.
    pub(crate) fn measured(&mut self, key: ReckonKey, event: &Event, rows: u64, clock: &mut u64) -> &mut Reckoning {
        let at = event.at.0;
        let system = self.systems.peek(event.actor.system as u64);
        let settled = system.is_some_and(|system| at - system.begun > SETTLING);
        // Where the log never tells of such a store, doctor says so; it would be an alarm without end here.
        let shown = self.shelf.peek((key.0, 0, key.2)).is_some();
        let (reckoning, _) = self.shelf.entry(key, clock);
        reckoning.latest = reckoning.latest.max(at);
        let judged = event.calls > 0 && settled && shown;
        let room = reckoning.claims.len() < CLAIMS && self.due.len() < ALL_CLAIMS;
        self.unjudged += u64::from(judged && !room);
        if judged && room {
            let summary = event.statement.as_ref().map_or("", |statement| &statement.summary);
            let claim = Claim {
                at,
                calls: event.calls,
                rows,
                actor: ActorRow::of(&event.actor),
                place: event.place,
                session: event.session.0,
                summary: summary.chars().take(200).collect(),
            };
            let place = reckoning.claims.partition_point(|other| other.at <= at);
            reckoning.claims.insert(place, claim);
            let place = self.due.partition_point(|other| *other <= (at, key));
            self.due.insert(place, (at, key));
        } else {
            reckoning.use_up(at, event.calls);
        }
        reckoning
    }

    /// The same statements as part of a story. Gives the reckoning to judge.
    pub(crate) fn part(&mut self, key: ReckonKey, event: &Event, rows: u64, clock: &mut u64) -> &mut Reckoning {
        let at = event.at.0;
        let reckoning = self.story(key, event.at, clock);
        if reckoning.parts.len() >= PARTS
            && let Some(first) = reckoning.parts.pop_front()
            && let Some(second) = reckoning.parts.front_mut()
        {
            (second.calls, second.rows) = (second.calls + first.calls, second.rows.saturating_add(first.rows));
        }
        reckoning.parts.push_back(Part { at, calls: event.calls, rows });
        reckoning
    }

    /// The reckoning of one story.
    pub(crate) fn story(&mut self, key: ReckonKey, at: Timestamp, clock: &mut u64) -> &mut Reckoning {
        let (reckoning, _) = self.shelf.entry(key, clock);
        reckoning.latest = reckoning.latest.max(at.0);
        reckoning
    }

    /// What the log has not told although it had its time: it went on past the statement, or was silent for long.
    pub(crate) fn settle(&mut self, now: i64, logs: &Logs, clock: &mut u64) -> Vec<Missing> {
        let mut missing = Vec::new();
        while let Some((at, key)) = self.due.front().copied().filter(|(at, _)| at.saturating_add(GRACE) <= now) {
            let claim = self.shelf.peek(key).and_then(|one| one.claims.front()).filter(|claim| claim.at == at);
            let Some(system) = claim.map(|claim| claim.actor.system as usize) else {
                // It was pushed out with its books, which may have begun anew.
                self.due.pop_front();
                continue;
            };
            if at.saturating_add(PATIENCE) > now && logs[system] < at {
                break;
            }
            self.due.pop_front();
            let Some(reckoning) = self.shelf.existing(key, clock) else { continue };
            let Some(mut claim) = reckoning.claims.pop_front() else { continue };
            let calls = claim.calls - reckoning.use_up(at, claim.calls);
            if calls > 0 {
                claim.rows = (u128::from(claim.rows) * u128::from(calls) / u128::from(claim.calls)) as u64;
                claim.calls = calls;
                missing.push(Missing { key, claim });
            }
        }
        missing
    }

    /// The books of one role and store, if there are any.
    pub(crate) fn existing(&mut self, key: ReckonKey, clock: &mut u64) -> Option<&mut Reckoning> {
        self.shelf.existing(key, clock)
    }

    /// A session of a measured system that the log told of.
    pub(crate) fn know(&mut self, event: &Event, clock: &mut u64) {
        let (session, _) = self.sessions.entry(event.session.0, clock);
        session.latest = session.latest.max(event.at.0);
        session.known = true;
        if event.action == Action::Login {
            let system = event.actor.system as u64;
            if self.systems.peek(system).is_some_and(|system| !system.logins) {
                self.systems.entry(system, clock).0.logins = true;
            }
        }
    }

    /// A session that the server lists: true when the log should have told of it by now, once a session.
    pub(crate) fn sight(&mut self, event: &Event, logs: &Logs, clock: &mut u64) -> bool {
        let went_on = logs[event.actor.system as usize];
        let system = self.systems.peek(event.actor.system as u64);
        let (begun, logins) = system.map_or((0, false), |system| (system.begun, system.logins));
        let (session, _) = self.sessions.entry(event.session.0, clock);
        session.latest = session.latest.max(event.at.0);
        if session.first == 0 {
            session.first = event.at.0;
            // Those of the first look logged in before the agent watched.
            session.known |= begun == event.at.0;
        }
        let listed = event.at.0 - session.first;
        let tell = logins && !session.known && listed >= if went_on > session.first { GRACE } else { PATIENCE };
        session.known |= tell;
        tell
    }

    /// Forgets what was not used since `idle`.
    pub(crate) fn forget(&mut self, idle: i64) {
        self.acts.forget(idle);
        while self.shelf.oldest().is_some_and(|oldest| oldest.latest < idle) {
            self.shelf.pop();
        }
        while self.sessions.oldest().is_some_and(|oldest| oldest.latest < idle) {
            self.sessions.pop();
        }
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.shelf.changes(rows);
        self.sessions.changes(rows);
        self.systems.changes(rows);
        self.acts.changes(rows);
    }

    /// Takes back one row of any table.
    pub(crate) fn read(&mut self, key: &[u8], value: &[u8]) {
        self.acts.read(key, value);
        self.read.0.extend(self.shelf.read(key, value));
        self.read.1.extend(self.sessions.read(key, value));
        self.read.2.extend(self.systems.read(key, value));
    }

    /// Puts the rows that were read in place; gives the highest clock among them.
    pub(crate) fn fill(&mut self) -> u64 {
        let (books, sessions, systems) = std::mem::take(&mut self.read);
        let clock = self.shelf.fill(books).max(self.sessions.fill(sessions)).max(self.systems.fill(systems));
        for (key, reckoning) in self.shelf.iter() {
            self.due.extend(reckoning.claims.iter().map(|claim| (claim.at, key)));
        }
        self.due.make_contiguous().sort_unstable();
        clock.max(self.acts.fill())
    }

    pub(crate) fn len(&self) -> usize {
        self.shelf.len() + self.sessions.len() + self.acts.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.shelf.evicted + self.sessions.evicted + self.acts.evicted() + self.unjudged
    }
}

/// The shape of a statement as log and statistics both write it: these leave out how it ends.
fn shape(event: &Event) -> u64 {
    let summary = event.statement.as_ref().map_or("", |statement| &statement.summary);
    hash::narrow(summary.trim_end_matches([';', ' ']))
}

impl Claim {
    pub(crate) fn actor(&self) -> Arc<Actor> {
        self.actor.actor()
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId(self.session)
    }
}

impl Reckoning {
    fn credit(&mut self, at: i64, events: u64) {
        let slot = at.div_euclid(SLOT);
        while self.credit.front().is_some_and(|(oldest, _)| *oldest < slot - CREDIT_SLOTS) {
            self.credit.pop_front();
        }
        if events == 0 {
            return;
        }
        match self.credit.back_mut() {
            Some((newest, number)) if *newest >= slot => *number = number.saturating_add(events),
            _ => self.credit.push_back((slot, events)),
        }
    }

    /// Uses up logged statements for `calls` measured ones, oldest first; gives how many there were.
    fn use_up(&mut self, at: i64, calls: u64) -> u64 {
        self.credit(at, 0);
        let mut left = calls;
        while let Some((_, number)) = self.credit.front_mut() {
            let used = left.min(*number);
            (*number, left) = (*number - used, left - used);
            if *number > 0 {
                break;
            }
            self.credit.pop_front();
        }
        calls - left
    }

    /// Notes that a person behind the shared role ran a statement.
    pub(crate) fn run(&mut self, event: &Event) {
        let shape = shape(event);
        let (at, who) = (event.at.0, ActorRow::of(&event.actor));
        let old = at.saturating_sub(SLOT * CREDIT_SLOTS);
        self.runs.retain(|run| run.last >= old);
        match self.runs.iter_mut().find(|run| run.shape == shape) {
            Some(run) => {
                run.last = run.last.max(at);
                run.who.take_if(|known| known.person != who.person);
            }
            None => {
                if self.runs.len() >= RUNS {
                    self.runs.pop_front();
                }
                self.runs.push_back(Run { shape, first: at, last: at, who: Some(who) });
            }
        }
    }

    /// Who ran the shape that was measured since it was measured before.
    pub(crate) fn whose(&mut self, event: &Event) -> Whose {
        let (shape, at) = (shape(event), event.at.0);
        let Some(place) = self.runs.iter().position(|run| run.shape == shape && run.first <= at) else {
            return Whose::Unsaid;
        };
        let run = &mut self.runs[place];
        let whose = run.who.as_ref().map_or(Whose::Several, |who| Whose::One(who.actor()));
        run.first = run.last;
        if run.last <= at {
            self.runs.remove(place);
        }
        whose
    }

    /// Whether a story of this role and store is open.
    pub(crate) fn open(&self, at: Timestamp, story: i64) -> bool {
        self.told != 0 && at.0 - self.told <= story
    }

    /// Whether a measurement alone made a detection of this story.
    pub(crate) fn bulk_told(&self, at: Timestamp, story: i64) -> bool {
        self.bulk != 0 && at.0 - self.bulk <= story
    }

    /// Notes that one did.
    pub(crate) fn tell_bulk(&mut self, at: Timestamp) {
        self.bulk = self.bulk.max(at.0);
    }

    /// Notes that a detection was told: what is measured now belongs to its story.
    pub(crate) fn tell(&mut self, at: Timestamp, story: i64) {
        if !self.open(at, story) {
            self.rows = 0;
        }
        self.told = self.told.max(at.0);
    }

    /// Calls and rows measured within `window` before `at` and not yet told.
    pub(crate) fn untold(&self, at: Timestamp, window: i64) -> (u64, u64) {
        let recent = self.parts.iter().filter(|part| at.0 - part.at <= window);
        recent.fold((0, 0), |(calls, rows), part| (calls + part.calls, u64::saturating_add(rows, part.rows)))
    }

    /// Takes them, with the time of the first; gives the rows of the whole story beside them.
    pub(crate) fn claim(&mut self, at: Timestamp, window: i64) -> (Part, u64) {
        let (calls, rows) = self.untold(at, window);
        let first = self.parts.iter().map(|part| part.at).filter(|first| at.0 - first <= window).min();
        self.parts.clear();
        self.rows = self.rows.saturating_add(rows);
        (Part { at: first.unwrap_or(at.0), calls, rows }, self.rows)
    }
}

impl Part {
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Spec, event};

    #[test]
    fn books_that_begin_anew_are_not_judged_by_the_old_dates() {
        let at = |seconds: i64| {
            let spec = Spec {
                seconds,
                user: 0,
                client: 0,
                session: 1,
                number: 0,
                form: 0,
                rows: None,
                person: 0,
                outcome: 1,
                witness: kuzet_event::Witness::Measure,
            };
            event(&spec)
        };
        // Room for one role beside the row of all: another one pushes it out with what it awaits.
        let (mut reckoner, mut clock) = (Reckoner::new(2, 2), 0);
        let key = |role| (0, role, 7);
        reckoner.begin(&at(0), &mut clock);
        reckoner.logged(key(1), at(1).at, 0, &mut clock);
        reckoner.measured(key(1), &at(100), 1, &mut clock);
        reckoner.logged(key(2), at(101).at, 0, &mut clock);
        reckoner.logged(key(1), at(102).at, 0, &mut clock);
        reckoner.measured(key(1), &at(110), 1, &mut clock);
        let mut missing = |seconds| {
            let now = at(seconds).at.0;
            reckoner.settle(now, &[now; SYSTEMS], &mut clock).len()
        };
        assert_eq!((missing(116), missing(126)), (0, 1));
    }
}
