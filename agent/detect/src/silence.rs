//! Sessions that come and go without a word: a role whose statements the log otherwise tells, and this time did not.
//!
//! Where the server is measured, the books of [`crate::reckon`] know better; this is what the log alone can say.

use crate::engine::Row;
use crate::hash;
use crate::shelf::Shelf;
use kuzet_event::{Action, Event, Witness};
use serde::{Deserialize, Serialize};

/// A session so short was never used: a client that looked whether the server answers.
const SHORT: i64 = 20_000;
/// Where a log stamps whole seconds, a session may have been so much shorter.
const SECOND: i64 = 1_000_000;

/// A time in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct At(i64);

/// Rows of both tables on their way back from the store.
type Rows = (Vec<(u64, u64, At)>, Vec<(u64, u128, At)>);

/// What is known of sessions and roles.
pub(crate) struct Silence {
    /// Sessions that logged in and have said nothing.
    quiet: Shelf<u64, At>,
    /// Roles whose statements the log has told.
    spoke: Shelf<u128, At>,
    read: Rows,
}

impl Silence {
    pub(crate) fn new(sessions: usize, roles: usize) -> Silence {
        Silence { quiet: Shelf::new(b'q', sessions), spoke: Shelf::new(b'r', roles), read: Rows::default() }
    }

    /// Follows a record of a log; for the end of a silent session gives how long it was, in microseconds.
    pub(crate) fn follow(&mut self, event: &Event, clock: &mut u64) -> Option<u64> {
        if event.witness == Witness::Measure || event.session.0 == 0 || event.actor.user.is_empty() {
            return None;
        }
        let role = || hash::wide(&[event.actor.system.name().as_bytes(), event.actor.user.as_bytes()]);
        match event.action {
            Action::Login if event.outcome == kuzet_event::Outcome::Success => {
                *self.quiet.entry(event.session.0, clock).0 = At(event.at.0);
                None
            }
            Action::Statement => {
                // Most sessions speak at once: the role is looked at when the first statement comes.
                if self.quiet.len() > 0
                    && self.quiet.remove(event.session.0).is_some()
                    && self.spoke.peek(role()).is_none()
                {
                    *self.spoke.entry(role(), clock).0 = At(event.at.0);
                }
                None
            }
            Action::Logout => {
                let since = self.quiet.remove(event.session.0)?;
                let cut = event.at.0 % SECOND == 0 && since.0 % SECOND == 0;
                let lasted = event.at.0.saturating_sub(since.0) - if cut { SECOND } else { 0 };
                (lasted >= SHORT && self.spoke.peek(role()).is_some()).then_some(lasted.unsigned_abs())
            }
            _ => None,
        }
    }

    /// Forgets sessions that began before `idle`.
    pub(crate) fn forget(&mut self, idle: i64) {
        while self.quiet.oldest().is_some_and(|oldest| oldest.0 < idle) {
            self.quiet.pop();
        }
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.quiet.changes(rows);
        self.spoke.changes(rows);
    }

    /// Takes back one row.
    pub(crate) fn read(&mut self, key: &[u8], value: &[u8]) {
        self.read.0.extend(self.quiet.read(key, value));
        self.read.1.extend(self.spoke.read(key, value));
    }

    /// Puts the rows that were read in place; gives the highest clock among them.
    pub(crate) fn fill(&mut self) -> u64 {
        let (quiet, spoke) = std::mem::take(&mut self.read);
        self.quiet.fill(quiet).max(self.spoke.fill(spoke))
    }

    pub(crate) fn len(&self) -> usize {
        self.quiet.len() + self.spoke.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.quiet.evicted + self.spoke.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Spec, event};

    #[test]
    fn stamps_of_whole_seconds_make_no_probe_a_silent_session() {
        let record = |form, session, micros| {
            let spec = Spec {
                seconds: 0,
                user: 0,
                client: 0,
                session,
                number: 0,
                form,
                rows: None,
                person: 0,
                outcome: 1,
                witness: Witness::Audit,
            };
            let mut record = event(&spec);
            record.at.0 += micros;
            record
        };
        let (mut silence, mut clock) = (Silence::new(8, 8), 0);
        assert_eq!(silence.follow(&record(20, 1, 0), &mut clock), None);
        assert_eq!(silence.follow(&record(0, 1, 0), &mut clock), None);
        let mut lasted = |session, from, to| {
            assert_eq!(silence.follow(&record(20, session, from), &mut clock), None);
            silence.follow(&record(21, session, to), &mut clock)
        };
        assert_eq!(lasted(2, 0, 1_000_000), None);
        assert_eq!(lasted(3, 0, 2_000_000), Some(1_000_000));
        assert_eq!(lasted(4, 500, 50_500), Some(50_000));
        assert_eq!(lasted(5, 500, 10_500), None);
    }
}
