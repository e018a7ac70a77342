//! What people do with an incident. Apart from the story's window: a story may end while nobody has looked at it.

use crate::text::{clip, mask_digits};
use kuzet_event::Timestamp;
use serde::{Deserialize, Serialize};

/// Where the human work stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has taken it.
    #[default]
    Open,
    /// Somebody has taken it.
    Acknowledged,
    /// Decided.
    Closed,
}

/// What an incident turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A breach.
    TruePositive,
    /// Not what it looked like.
    FalsePositive,
    /// It happened as told, and was allowed.
    Authorised,
    /// All of it is part of another incident, which its links name. The agent says so, nobody else.
    TakenUp,
}

/// What a person decided to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "what")]
pub enum ActKind {
    /// Take it.
    Ack,
    /// Decide it.
    Close {
        /// Verdict.
        verdict: Verdict,
    },
}

/// One act of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What.
    #[serde(flatten)]
    pub kind: ActKind,
    /// Why, in the person's words; runs of six or more digits are masked, at most 500 bytes are kept.
    pub reason: String,
    /// Account of the person; at most 100 bytes are kept.
    pub by: String,
}

/// An act as the incident keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// Wall-clock time of the act.
    #[serde(rename = "@timestamp", with = "crate::time")]
    pub at: Timestamp,
    /// The act.
    #[serde(flatten)]
    pub act: Act,
}

/// State of the human work on an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Where it stands.
    pub state: State,
    /// Verdict, once closed.
    pub verdict: Option<Verdict>,
    /// What was done, oldest first; at most the last 16 acts.
    pub acts: Vec<Acted>,
}

/// Why an act was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such incident here; it may be older than the folder's memory (see `Folder::adopt`).
    #[error("no such incident in memory")]
    Unknown,
    /// It is closed already.
    #[error("the incident is closed")]
    Closed,
}

impl Lifecycle {
    /// Applies `act`.
    ///
    /// # Errors
    /// [`ActError::Closed`] when it is closed: a verdict stands; a new story opens a new incident.
    pub fn apply(&mut self, act: &Act, at: Timestamp) -> Result<(), ActError> {
        if self.state == State::Closed {
            return Err(ActError::Closed);
        }
        match act.kind {
            ActKind::Ack => self.state = State::Acknowledged,
            ActKind::Close { verdict } => {
                self.state = State::Closed;
                self.verdict = Some(verdict);
            }
        }
        if self.acts.len() >= 16 {
            self.acts.remove(0);
        }
        let act = Act { kind: act.kind, reason: mask_digits(&clip(&act.reason, 500)), by: clip(&act.by, 100) };
        self.acts.push(Acted { at, act });
        Ok(())
    }
}
