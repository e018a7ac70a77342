//! What became of what was told with unknown outcome: ends of transactions, and reads that the server refused.

use super::{Detectors, session_key};
use crate::detectors::DETECTORS;
use crate::resolve::{Identity, Template};
use crate::session::{Ended, Pending};
use crate::teller::{CLAUSE, Observation};
use crate::{Detection, Family};
use kuzet_event::{Count, Event, Outcome};
use std::sync::Arc;

impl Detectors {
    /// A read that the log names before it is carried out (log_statement), and then says that it was refused: whatever was
    /// told of it, from `first` on in `detections` or by an earlier record, did not happen.
    pub(super) fn refused(
        &mut self,
        o: &Observation<'_>,
        template: &Template,
        first: usize,
        detections: &mut Vec<Detection>,
    ) {
        let asks = detections[first..].iter().any(|one| one.outcome == Outcome::Unknown);
        let refused = o.same && o.void();
        if template.changes() || !(asks || refused) {
            return;
        }
        let key = session_key(o.event, o.who);
        let Some(session) = self.sessions.existing(key, &mut self.shared.clock) else { return };
        for one in detections[first..].iter().filter(|one| one.outcome == Outcome::Unknown) {
            session.ask(Pending { kind: one.kind, store: template.store_hash });
        }
        if !refused {
            return;
        }
        let (store, outcome) = (&template.store, Outcome::Failure);
        for Pending { kind, .. } in session.refuse(template.store_hash) {
            if detections[first..].iter().any(|one| one.kind == kind && one.outcome == outcome) {
                continue;
            }
            let volume = self.severities.volume(Count::Known(0));
            let by = DETECTORS.iter().find(|detector| detector.kinds.contains(&kind));
            detections.push(Detection {
                detector: by.map_or("policy", |detector| detector.name),
                kind,
                severity: self.severities.answer(kind, volume, outcome, Some(store.class)),
                clause: CLAUSE,
                since: o.event.at,
                at: o.event.at,
                place: o.event.place,
                actor: Arc::clone(&o.event.actor),
                session: o.event.session,
                relations: template.relations.clone(),
                categories: template.categories.clone(),
                outcome,
                statement: o.event.statement.clone(),
                witness: o.event.witness,
                measures: false,
                events: 0,
                rows: Count::Known(0),
                people_at_most: Count::Known(0),
                people: Vec::new(),
                transfer: None,
                reason: String::new(),
                store: Some(Arc::clone(store)),
                rule: None,
            });
        }
    }

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
                transfer: None,
                reason: match ended.outcome {
                    Outcome::Success => format!("the transaction that changed store {} was committed", store.name),
                    _ => format!("the transaction that changed store {} was rolled back", store.name),
                },
                store: Some(store),
            });
        }
    }
}
