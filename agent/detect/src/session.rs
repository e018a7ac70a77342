//! What must be known of a server session to count a statement once and to know how its changes ended.

use crate::detection::Kind;
use kuzet_event::{Action, Count, Event, Flag, Outcome, System, Verb, Witness};
use serde::{Deserialize, Serialize};

const PLAIN: u8 = 1;
const AUDITED: u8 = 2;
const FAILED: u8 = 4;
/// Changes of one transaction whose end is awaited.
const MAX_PENDING: usize = 16;
/// Stores of one statement that are remembered.
const MAX_COUNTED: usize = 16;

/// A change whose transaction is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) kind: Kind,
    pub(crate) store: u64,
}

/// Which records told the statement that is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Telling {
    #[serde(skip_serializing_if = "plain")]
    number: u64,
    fingerprint: u64,
    /// Kinds of record.
    told: u8,
}

impl Telling {
    /// Takes note of a record; says whether it tells a statement that was told before.
    fn meet(&mut self, event: &Event) -> bool {
        let fingerprint = event.statement.as_ref().map_or(0, |statement| statement.fingerprint);
        let number = event.statement_number;
        let same_text = fingerprint != 0 && fingerprint == self.fingerprint;
        let failed = event.outcome == Outcome::Failure;
        let mine = if event.witness == Witness::Audit { AUDITED } else { PLAIN };
        let other = number != 0 && self.number != 0 && number != self.number;
        // pgaudit and server_audit number their records; a plain line of the same text belongs to the one before it
        // (log_statement) or behind it (an error, a duration).
        let same =
            (number != 0 && number == self.number && event.witness == Witness::Audit && self.told & AUDITED != 0)
                || (same_text && !other && failed && self.told & FAILED == 0)
                || (same_text && !other && self.told & (mine | FAILED) == 0);
        if !same {
            *self = Telling::default();
        }
        self.told |= if failed { mine | FAILED } else { mine };
        if number != 0 {
            self.number = number;
        }
        if fingerprint != 0 {
            self.fingerprint = fingerprint;
        }
        same
    }
}

/// One session. What is as in a new one is not written: thousands of rows go into one transaction.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    statement: Telling,
    /// The same of the statements that rules hit, and the rules of the current one: a correlation counts it once.
    #[serde(skip_serializing_if = "plain")]
    hit: Telling,
    #[serde(skip_serializing_if = "plain")]
    rules: Vec<u32>,
    /// Stores that the current statement was counted for, whether as a change, and its rows so far.
    #[serde(skip_serializing_if = "plain")]
    counted: Vec<(u64, bool, Option<u64>)>,
    /// What was told of the current statement, as a read of unknown outcome: store and kind.
    #[serde(skip_serializing_if = "plain")]
    asked: Vec<Pending>,
    #[serde(skip_serializing_if = "plain")]
    in_transaction: bool,
    #[serde(skip_serializing_if = "plain")]
    aborted: bool,
    /// Ends of transactions are visible in this session.
    #[serde(skip_serializing_if = "plain")]
    sees_ends: bool,
    #[serde(skip_serializing_if = "plain")]
    pending: Vec<Pending>,
    pub(crate) latest: i64,
}

/// Whether `value` is that of a new session.
pub(crate) fn plain<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) changes: Vec<Pending>,
}

impl Session {
    /// Takes note of a record; says whether it tells a statement that was told before.
    pub(crate) fn meet(&mut self, event: &Event) -> bool {
        self.latest = self.latest.max(event.at.0);
        let same = self.statement.meet(event);
        if !same {
            self.counted.clear();
            self.asked.clear();
        }
        same
    }

    /// Whether `rule` hits the statement of a record for the first time; [`hit`](Session::hit) comes before.
    pub(crate) fn first_of(&mut self, rule: u32) -> bool {
        let first = !self.rules.contains(&rule);
        if first && self.rules.len() < MAX_COUNTED {
            self.rules.push(rule);
        }
        first
    }

    /// Takes note of a record that rules hit.
    pub(crate) fn hit(&mut self, event: &Event) {
        self.latest = self.latest.max(event.at.0);
        if !self.hit.meet(event) {
            self.rules.clear();
        }
    }

    /// What the current statement adds for a store, and its rows as far as known now.
    pub(crate) fn count(&mut self, store: u64, change: bool, rows: Count) -> (u64, Count, Count) {
        let found = self.counted.iter_mut().find(|(known, is_change, _)| *known == store && *is_change == change);
        match (found, rows) {
            (None, _) => {
                if self.counted.len() < MAX_COUNTED {
                    self.counted.push((store, change, rows.known()));
                }
                (1, rows, rows)
            }
            (Some((_, _, before)), Count::Known(now)) => {
                let more = now.saturating_sub(before.unwrap_or(0));
                let total = now.max(before.unwrap_or(0));
                *before = Some(total);
                (0, Count::Known(more), Count::Known(total))
            }
            (Some((_, _, before)), Count::Unknown) => (0, Count::Known(0), before.map_or(Count::Unknown, Count::Known)),
        }
    }

    /// Follows the transaction; gives the changes whose end this record tells.
    pub(crate) fn follow(&mut self, event: &Event) -> Option<Ended> {
        if event.action == Action::Logout {
            self.in_transaction = false;
            return self.end(Outcome::Failure);
        }
        let statement = event.statement.as_ref()?;
        let failed = event.outcome == Outcome::Failure;
        match statement.verb {
            Verb::Begin if !savepoint(&statement.summary) && !failed => {
                self.sees_ends = true;
                // A second BEGIN commits the first in MariaDB and does nothing in PostgreSQL.
                let ended = (event.actor.system.speaks_mysql()).then(|| self.end(Outcome::Success)).flatten();
                self.in_transaction = true;
                self.aborted = false;
                ended
            }
            Verb::Commit | Verb::Rollback if !savepoint(&statement.summary) && !failed => {
                self.sees_ends = true;
                self.in_transaction = false;
                let done = statement.verb == Verb::Commit && !self.aborted;
                self.end(if done { Outcome::Success } else { Outcome::Failure })
            }
            Verb::Truncate | Verb::Drop | Verb::Define | Verb::CreateCopy | Verb::Role
                if event.actor.system.speaks_mysql() && self.in_transaction && !failed =>
            {
                // MariaDB commits before and after a definition.
                self.in_transaction = false;
                self.end(Outcome::Success)
            }
            _ => {
                if failed && self.in_transaction && event.actor.system == System::Postgresql {
                    self.aborted = true;
                }
                if event.witness != Witness::Audit && event.actor.system == System::Postgresql && !failed {
                    self.sees_ends = true;
                }
                None
            }
        }
    }

    fn end(&mut self, outcome: Outcome) -> Option<Ended> {
        self.aborted = false;
        let changes = std::mem::take(&mut self.pending);
        (!changes.is_empty()).then_some(Ended { outcome, changes })
    }

    /// Outcome of a change in this session, as far as it can be known now.
    pub(crate) fn outcome_of_change(&self, event: &Event) -> Outcome {
        let sees = self.sees_ends || event.actor.system.speaks_mysql();
        match event.outcome {
            Outcome::Success if self.in_transaction || !sees => Outcome::Unknown,
            outcome => outcome,
        }
    }

    /// Remembers a read that the log told before it knew how it ends.
    pub(crate) fn ask(&mut self, read: Pending) {
        if self.asked.len() < MAX_PENDING && !self.asked.contains(&read) {
            self.asked.push(read);
        }
    }

    /// The server refused the current statement: what was told of it as a read of `store`.
    pub(crate) fn refuse(&mut self, store: u64) -> Vec<Pending> {
        self.asked.extract_if(.., |one| one.store == store).collect()
    }

    /// Remembers a change whose transaction is open.
    pub(crate) fn await_end(&mut self, pending: Pending) {
        if self.in_transaction && self.pending.len() < MAX_PENDING && !self.pending.contains(&pending) {
            self.pending.push(pending);
        }
    }
}

/// SAVEPOINT, RELEASE, ROLLBACK TO: no end of a transaction.
fn savepoint(summary: &str) -> bool {
    let words = summary.get(..summary.len().min(40)).unwrap_or_default().to_ascii_uppercase();
    words.starts_with("SAVEPOINT")
        || words.starts_with("RELEASE")
        || (words.starts_with("ROLLBACK") && words.split_whitespace().any(|word| word == "TO"))
}

/// Whether only the text of a statement can tell what it does.
pub(crate) fn hides_rows(event: &Event) -> bool {
    event.statement.as_ref().is_some_and(|statement| {
        statement.flags.has(Flag::PackedAggregate)
            || statement.flags.has(Flag::Replication)
            || statement.export.is_some() && event.relation.is_none() && event.rows == Count::Known(0)
            || matches!(statement.verb, Verb::Truncate | Verb::Drop)
    })
}
