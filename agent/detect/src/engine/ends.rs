//! Ends of transactions: what became of changes whose outcome was unknown.

use super::Detectors;
use crate::resolve::Identity;
use crate::session::Ended;
use crate::teller::CLAUSE;
use crate::{Detection, Family};
use kuzet_event::{Count, Event, Outcome};
use std::sync::Arc;

impl Detectors {
    /// The end of a transaction: what was unknown is known now.
    pub(super) fn settle(&mut self, event: &Event, who: Identity, ended: &Ended, detections: &mut Vec<Detection>) {
        for change in &ended.changes {
            let Some(store) = self.resolver.store_named(change.store) else { continue };
            let key = (Family::Change as u8, who.principal, change.store);
            let Some(account) = self.accounts.existing(key, &mut self.shared.clock) else { continue };
            if !account.open(change.kind) {
                continue;
            }
            account.prolong(change.kind, event.at, ended.outcome, 1);
            let volume = self.severities.volume(account.volume(false, store.persons));
            detections.push(Detection {
                detector: "mass_change",
                rule: None,
                kind: change.kind,
                severity: self.severities.answer(change.kind, volume, ended.outcome, Some(store.class)),
                clause: CLAUSE,
                since: event.at,
                at: event.at,
                place: event.place,
                actor: Arc::clone(&event.actor),
                session: event.session,
                relations: Vec::new(),
                categories: Vec::new(),
                outcome: ended.outcome,
                statement: event.statement.clone(),
                witness: event.witness,
                measures: false,
                events: 0,
                rows: Count::Known(0),
                people_at_most: Count::Known(0),
                people: Vec::new(),
                reason: match ended.outcome {
                    Outcome::Success => format!("the transaction that changed store {} was committed", store.name),
                    _ => format!("the transaction that changed store {} was rolled back", store.name),
                },
                store: Some(store),
            });
        }
    }
}
