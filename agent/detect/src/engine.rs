//! Runs every detector over every event and keeps what must survive a restart.

use crate::{Catalogue, Detection, Policy, Severities, Thresholds};
use kuzet_event::{Event, Timestamp};

/// One row of detector state: a key, and the value that now stands under it (`None`: the row is gone).
pub type Row = (Vec<u8>, Option<Vec<u8>>);

/// All detectors with their state.
pub struct Detectors {
    catalogue: Catalogue,
    policy: Option<Policy>,
    thresholds: Thresholds,
    severities: Severities,
}

impl Detectors {
    /// Detectors without a past.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        policy: Option<Policy>,
        thresholds: Thresholds,
        severities: Severities,
    ) -> Detectors {
        Detectors { catalogue, policy, thresholds, severities }
    }

    /// Appends to `detections` what `event` completes.
    pub fn observe(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let _ = (event, detections, &self.catalogue, &self.policy, &self.thresholds, &self.severities);
    }

    /// Lets time pass when no event comes: windows end, stories close.
    pub fn tick(&mut self, now: Timestamp, detections: &mut Vec<Detection>) {
        let _ = (now, detections);
    }

    /// State that changed since the last call, in the order of its keys. Written in one transaction with the checkpoint
    /// of the events before it and given back to [`restore`](Detectors::restore), it makes a restart invisible: later
    /// detections are those of a run without it.
    pub fn changes(&mut self) -> Vec<Row> {
        Vec::new()
    }

    /// Takes back rows that [`changes`](Detectors::changes) gave; rows that are none are ignored.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        for _ in rows {}
    }

    /// How many windows, sessions and people were forgotten because memory is bounded.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        0
    }
}
