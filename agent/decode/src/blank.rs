//! An event that tells who, when and what; each format fills in what else its records know.

use kuzet_event::{Action, Actor, Code, Count, Event, Outcome, Place, SessionId, Timestamp, Trust, Witness};
use smallvec::SmallVec;
use std::sync::Arc;

/// An event without statement, people and counts.
pub(crate) fn event(at: Timestamp, place: Place, actor: Arc<Actor>, action: Action, outcome: Outcome) -> Event {
    Event {
        at,
        place,
        actor,
        session: SessionId(0),
        client_port: 0,
        statement_number: 0,
        action,
        outcome,
        code: Code::NONE,
        relation: None,
        statement: None,
        identifiers: SmallVec::new(),
        calls: 1,
        rows: Count::Unknown,
        bytes: Count::Unknown,
        trust: Trust::Structured,
        witness: Witness::Audit,
        flow: None,
        file: None,
        process: None,
        raw: None,
    }
}
