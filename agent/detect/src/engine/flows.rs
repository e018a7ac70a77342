//! Events of connections and programs: detectors of traffic, and the chain from reading to sending.

use super::Detectors;
use crate::chain::{Reading, Tools};
use crate::detectors::{Books, DETECTORS, on_query};
use crate::flows::Passage;
use crate::teller::Teller;
use crate::{Detection, Family, Recipients};
use kuzet_event::Event;
use kuzet_place::Place;
use std::ops::Range;
use std::sync::Arc;

impl Detectors {
    /// Knowing where addresses are, and who may be sent personal data.
    #[must_use]
    pub fn with_place(mut self, place: Arc<Place>, recipients: Recipients) -> Detectors {
        self.flows.know(place, recipients);
        self
    }

    /// A record of a connection; of `detections` those from `before` on are what rules say of it.
    pub(super) fn flow(&mut self, event: &Event, before: usize, detections: &mut Vec<Detection>) {
        let ruled = before..detections.len();
        let Some(flow) = event.flow.as_deref() else { return };
        let (thresholds, severities, clock) = (&self.thresholds, &self.severities, &mut self.shared.clock);
        // Connections elsewhere may be many, and do not drive out those to databases.
        let to_database = flow.remote.is_some_and(|remote| thresholds.database_ports.contains(&remote.port()));
        if to_database || self.flows.is_local(flow) {
            self.chain.connected(event.at, flow, clock);
        }
        if flow.query.is_some() {
            let mut teller = Teller { thresholds, severities, out: detections };
            let (recipients, senders) = self.flows.questions();
            on_query(event, flow, recipients, &mut Books { senders, clock }, &mut teller);
        }
        let Some(moved) = self.flows.meet(event, flow, thresholds, clock) else { return };
        let mut tools = Tools { resolver: &self.resolver, thresholds, severities, clock, out: detections };
        self.chain.sent(crate::flows::key(flow), moved.sent, event, &mut self.flows, &mut tools);
        self.flows.look(event, flow, moved, clock, |passage, mut books| {
            complete(passage, ruled, detections);
            let mut teller = Teller { thresholds, severities, out: detections };
            for detector in DETECTORS {
                if let Some(on_flow) = detector.on_flow {
                    on_flow(passage, &mut books, &mut teller);
                }
            }
        });
    }

    /// A program was started.
    pub(super) fn started(&mut self, event: &Event) {
        if let Some(process) = &event.process {
            self.chain.started(event.at, process, &mut self.shared.clock);
        }
    }

    /// The server lists a session, perhaps with the client's port.
    pub(super) fn listed(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let mut tools = Tools {
            resolver: &self.resolver,
            thresholds: &self.thresholds,
            severities: &self.severities,
            clock: &mut self.shared.clock,
            out: detections,
        };
        self.chain.listed(event, &mut self.flows, &mut tools);
    }

    /// Personal data was read.
    pub(super) fn was_read(&mut self, reading: &Reading<'_>, detections: &mut Vec<Detection>) {
        let mut tools = Tools {
            resolver: &self.resolver,
            thresholds: &self.thresholds,
            severities: &self.severities,
            clock: &mut self.shared.clock,
            out: detections,
        };
        self.chain.read(reading, &mut self.flows, &mut tools);
    }

    /// Forgets connections and readings that were silent for long, and what was sent two weeks ago.
    pub(super) fn forget_flows(&mut self, now: i64, idle: i64) {
        let seconds = i64::try_from(self.thresholds.chain_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let before = idle.min(now.saturating_sub(seconds));
        self.chain.forget(before);
        while self.flows.live.oldest().is_some_and(|live| live.latest < before) {
            self.flows.live.pop();
        }
        let fortnight = now.saturating_sub(14 * super::SESSION_MICROS);
        while self.flows.senders.oldest().is_some_and(|sender| sender.latest < fortnight) {
            self.flows.senders.pop();
        }
    }
}

/// Rules on connections say where they go; what is told already as the way that personal data took they tell no more.
fn complete(passage: &Passage<'_>, ruled: Range<usize>, detections: &mut Vec<Detection>) {
    let traffic = |one: &Detection| one.kind.family() == Family::Traffic;
    for one in detections[ruled.clone()].iter_mut().filter(|one| traffic(one)) {
        one.transfer = Some(passage.transfer());
    }
    if passage.joined() {
        let mut numbers = 0..;
        detections.retain(|one| !(numbers.next().is_some_and(|at| ruled.contains(&at)) && traffic(one)));
    }
}
