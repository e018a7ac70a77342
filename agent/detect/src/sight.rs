//! Sight lost: what the agent could not read becomes a detection like any other.

use crate::{Detection, Kind, Severities, Volume};
use kuzet_event::{Actor, Client, Count, Outcome, Place, SessionId, System, Timestamp, Witness};
use std::sync::Arc;

/// Bytes or records that nobody will see.
#[derive(Clone, Debug)]
pub struct SightLoss {
    /// Server software of the source.
    pub system: System,
    /// Event time as near as known.
    pub at: Timestamp,
    /// Source, file and first byte.
    pub place: Place,
    /// What was lost and why, one sentence without a raw value.
    pub reason: String,
    /// Bytes, as far as known.
    pub bytes: Count,
}

/// The detection that tells it. Its actor has no name: who did it is not known.
#[must_use]
pub fn sight_lost(loss: SightLoss, severities: &Severities) -> Detection {
    let bytes = match loss.bytes {
        Count::Known(bytes) => format!("{bytes} bytes lost"),
        Count::Unknown => "how many bytes is unknown".to_owned(),
    };
    Detection {
        detector: "sight",
        rule: None,
        kind: Kind::SightLost,
        severity: severities.answer(Kind::SightLost, Volume::None, Outcome::Unknown, None),
        clause: "5.5",
        since: loss.at,
        at: loss.at,
        place: loss.place,
        actor: Arc::new(Actor {
            system: loss.system,
            user: Arc::from(""),
            client: Client::Unknown,
            program: Arc::from(""),
            database: Arc::from(""),
            person: Arc::from(""),
        }),
        session: SessionId(0),
        store: None,
        relations: Vec::new(),
        categories: Vec::new(),
        outcome: Outcome::Unknown,
        statement: None,
        witness: Witness::Audit,
        measures: false,
        events: 0,
        rows: Count::Unknown,
        people_at_most: Count::Unknown,
        people: Vec::new(),
        transfer: None,
        reason: format!("{}: {bytes}", loss.reason),
    }
}
