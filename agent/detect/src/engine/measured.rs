//! What the server measured: true rows for open stories, bulk that the log's silence hides, statements and sessions that
//! no log shows.

use super::{Detectors, MAX_TOUCHES, story_micros};
use crate::hash;
use crate::policy::Doing;
use crate::reckon::{Missing, ReckonKey, Whose};
use crate::resolve::{Identity, Template};
use crate::teller::CLAUSE;
use crate::{Detection, Family, Kind};
use kuzet_event::{Actor, Count, Event, Flag, Outcome, Timestamp, UNTOLD, Witness};
use std::sync::Arc;

/// Where one role's measurements of one store stand in the books.
fn key(template: &Template, who: Identity) -> ReckonKey {
    let family = if template.changes() { Family::Change } else { Family::Access };
    (family as u8, who.role, template.store_hash)
}

/// Where the story stands that they belong to: behind a shared role every person has one.
fn story_key(template: &Template, who: Identity, actor: &Actor) -> ReckonKey {
    let (family, role, store) = key(template, who);
    let person = || hash::wide(&[&role.to_be_bytes(), actor.person.as_bytes()]);
    (family, if actor.person.is_empty() { role } else { person() }, store)
}

fn kind(doing: Doing) -> Kind {
    match doing {
        Doing::Read => Kind::BulkRead,
        Doing::Export => Kind::Export,
        Doing::Delete | Doing::Define => Kind::Destruction,
        Doing::Insert | Doing::Update | Doing::Grant => Kind::MassChange,
    }
}

impl Detectors {
    /// Statements that statistics or a slow log count.
    pub(super) fn measured(
        &mut self,
        event: &Event,
        who: Identity,
        templates: &[Template],
        detections: &mut Vec<Detection>,
    ) {
        self.reckoner.begin(event, &mut self.shared.clock);
        for template in templates.iter().take(MAX_TOUCHES).filter(|template| !template.vague) {
            self.measured_touch(event, who, template, detections);
        }
        self.tell_missing(event.at, detections);
    }

    fn measured_touch(&mut self, event: &Event, who: Identity, template: &Template, detections: &mut Vec<Detection>) {
        let (story, window) = (story_micros(&self.thresholds), self.window_micros());
        // Rows that are added harm no one who is in the store already.
        let rows = if template.doing == Doing::Insert { 0 } else { event.rows.known().unwrap_or(0) };
        let limits = self.limits(event, template);
        let books = self.reckoner.measured(key(template, who), event, rows, &mut self.shared.clock);
        let whose = if *event.actor.person == *UNTOLD { books.whose(event) } else { Whose::Unsaid };
        let (actor, several) = match whose {
            Whose::One(actor) => (actor, false),
            Whose::Several => (Arc::clone(&event.actor), true),
            Whose::Unsaid => (Arc::clone(&event.actor), false),
        };
        let key = story_key(template, who, &actor);
        let reckoning = self.reckoner.part(key, event, rows, &mut self.shared.clock);
        if template.doing == Doing::Insert {
            return;
        }
        let (calls, waiting) = reckoning.untold(event.at, window);
        let each = rows / event.calls.max(1);
        let much = limits.is_some_and(|(single, sum)| each >= single || waiting >= sum);
        let fresh = much && !reckoning.bulk_told(event.at, story);
        if !fresh && !reckoning.open(event.at, story) {
            return;
        }
        let reason = if fresh {
            let doing = template.doing.name();
            let (user, store) = (&event.actor.user, &template.store.name);
            let which = if several { "; which of the persons behind the role is unknown" } else { "" };
            format!(
                "role {user} {doing}s store {store}: {waiting} rows in {calls} statements, as the server counts them{which}"
            )
        } else {
            String::new()
        };
        reckoning.tell(event.at, story);
        if fresh {
            reckoning.tell_bulk(event.at);
        }
        self.tell_measured(event, &actor, template, key, reason, detections);
    }

    /// Rows of one statement and of a window that are much; nothing where the policy lets the role export.
    fn limits(&self, event: &Event, template: &Template) -> Option<(u64, u64)> {
        let grant = self
            .policy
            .as_ref()
            .and_then(|policy| policy.widest(&event.actor.user, &template.store.name, template.doing));
        let allowed = grant.and_then(|grant| grant.max_rows).map_or(0, |rows| rows.saturating_add(1));
        let busy = grant.and_then(|grant| grant.max_people_per_hour).unwrap_or(0);
        let thresholds = &self.thresholds;
        match template.doing {
            // A job that says how much breaks that limit also where the log gives no rows.
            Doing::Read | Doing::Export if grant.is_some_and(|grant| grant.job) => {
                let most = grant.and_then(|grant| grant.max_rows)?;
                Some((most.saturating_add(1), u64::MAX))
            }
            Doing::Read | Doing::Export if grant.is_some_and(|grant| grant.exports) => None,
            Doing::Read => {
                let single = thresholds.bulk_rows.max(allowed);
                Some((single, thresholds.bulk_window_rows.max(single).max(busy)))
            }
            Doing::Export => {
                let single = thresholds.export_small_rows.saturating_add(1);
                Some((single, thresholds.bulk_window_rows.max(single)))
            }
            _ => {
                let single = thresholds.change_rows.max(allowed);
                Some((single, thresholds.change_window_rows.max(single)))
            }
        }
    }

    /// A statement that the log told; `told` says that a detection stands for it.
    pub(super) fn logged(
        &mut self,
        event: &Event,
        who: Identity,
        template: &Template,
        (events, told): (u64, bool),
        detections: &mut Vec<Detection>,
    ) {
        let (story, window) = (story_micros(&self.thresholds), self.window_micros());
        // What failed is not measured.
        let events = if event.outcome == Outcome::Failure { 0 } else { events };
        let books = self.reckoner.logged(key(template, who), event.at, events, &mut self.shared.clock);
        if events > 0 && !event.actor.person.is_empty() {
            books.run(event);
        }
        if !told {
            return;
        }
        let key = story_key(template, who, &event.actor);
        let reckoning = self.reckoner.story(key, event.at, &mut self.shared.clock);
        reckoning.tell(event.at, story);
        if reckoning.untold(event.at, window) != (0, 0) {
            self.tell_measured(event, &event.actor, template, key, String::new(), detections);
        }
    }

    /// Hands what was measured to the story: with a `reason` as a detection of its own.
    fn tell_measured(
        &mut self,
        event: &Event,
        actor: &Arc<Actor>,
        template: &Template,
        key: ReckonKey,
        reason: String,
        detections: &mut Vec<Detection>,
    ) {
        let window = self.window_micros();
        let Some(reckoning) = self.reckoner.existing(key, &mut self.shared.clock) else { return };
        let (part, whole) = reckoning.claim(event.at, window);
        let (kind, store) = (kind(template.doing), &template.store);
        // Whether its transaction was committed is not measured.
        let outcome = if template.changes() { Outcome::Unknown } else { Outcome::Success };
        let packed = event.statement.as_ref().is_some_and(|statement| {
            statement.flags.has(Flag::PackedAggregate) || statement.flags.has(Flag::Aggregate)
        });
        let most = store.persons.known().map_or(part.rows, |persons| persons.min(part.rows));
        let volume = self.severities.volume(Count::Known(whole));
        detections.push(Detection {
            detector: "measured",
            rule: None,
            kind,
            severity: self.severities.answer(kind, volume, outcome, Some(store.class)),
            clause: CLAUSE,
            since: part.since().min(event.at),
            at: event.at,
            place: event.place,
            actor: Arc::clone(actor),
            session: event.session,
            relations: template.relations.clone(),
            categories: template.categories.clone(),
            outcome,
            statement: event.statement.clone(),
            witness: Witness::Measure,
            measures: reason.is_empty(),
            events: part.calls,
            rows: Count::Known(part.rows),
            people_at_most: if packed { store.persons } else { Count::Known(most) },
            people: Vec::new(),
            transfer: None,
            reason,
            store: Some(Arc::clone(store)),
        });
    }

    /// Tells what was measured and what the log, given its time, does not show.
    pub(super) fn tell_missing(&mut self, at: Timestamp, detections: &mut Vec<Detection>) {
        for Missing { key, claim } in self.reckoner.settle(at.0, &self.logs, &mut self.shared.clock) {
            let Some(store) = self.resolver.store_named(key.2) else { continue };
            let actor = claim.actor();
            let (kind, outcome) = (Kind::BlindedSession, Outcome::Success);
            let volume = self.severities.volume(Count::Known(claim.rows));
            let reason = format!(
                "role {} ran {} statements on store {} that the log does not show, {} rows: {}",
                actor.user, claim.calls, store.name, claim.rows, claim.summary
            );
            detections.push(Detection {
                detector: "blinded",
                rule: None,
                kind,
                severity: self.severities.answer(kind, volume, outcome, Some(store.class)),
                clause: CLAUSE,
                since: Timestamp(claim.at),
                at: Timestamp(claim.at),
                place: claim.place,
                session: claim.session(),
                actor,
                relations: Vec::new(),
                categories: Vec::new(),
                outcome,
                statement: None,
                witness: Witness::Measure,
                measures: false,
                events: claim.calls,
                rows: Count::Known(claim.rows),
                people_at_most: Count::Known(0),
                people: Vec::new(),
                transfer: None,
                reason,
                store: None,
            });
        }
    }

    /// A session that the server lists: one that the log should know and does not is told once.
    pub(super) fn seen(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        self.reckoner.begin(event, &mut self.shared.clock);
        self.tell_missing(event.at, detections);
        self.listed(event, detections);
        if event.session.0 == 0 || !self.reckoner.sight(event, &self.logs, &mut self.shared.clock) {
            return;
        }
        let actor = &event.actor;
        let reason = format!(
            "a session of role {} from {} is at work and the log shows nothing of it, not even its login",
            actor.user, actor.client
        );
        self.tell_sight(event, ("blinded", Kind::BlindedSession), Count::Unknown, reason, detections);
    }

    /// A session came and went without a word although its role is one that the log tells of.
    pub(super) fn tell_silent(&mut self, event: &Event, lasted: u64, detections: &mut Vec<Detection>) {
        let actor = &event.actor;
        let reason = format!(
            "a session of role {} from {} lasted {}.{:02} s and the log shows none of its statements",
            actor.user,
            actor.client,
            lasted / 1_000_000,
            lasted / 10_000 % 100
        );
        self.tell_sight(event, ("blinded", Kind::BlindedSession), Count::Known(0), reason, detections);
    }

    /// Records of a session are missing in the middle of a log.
    pub(super) fn tell_gap(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let actor = &event.actor;
        let number = event.rows.known().unwrap_or(0);
        let reason = format!(
            "{number} records of a session of role {} from {} are missing from the log: it was cut or edited",
            actor.user, actor.client
        );
        self.tell_sight(event, ("sight", Kind::SightLost), Count::Unknown, reason, detections);
    }

    /// Tells that something was hidden; `rows` as far as known, for the severity.
    fn tell_sight(
        &mut self,
        event: &Event,
        (detector, kind): (&'static str, Kind),
        rows: Count,
        reason: String,
        detections: &mut Vec<Detection>,
    ) {
        let volume = self.severities.volume(rows);
        detections.push(Detection {
            detector,
            rule: None,
            kind,
            severity: self.severities.answer(kind, volume, Outcome::Unknown, None),
            clause: CLAUSE,
            since: event.at,
            at: event.at,
            place: event.place,
            actor: Arc::clone(&event.actor),
            session: event.session,
            store: None,
            relations: event.relations().to_vec(),
            categories: Vec::new(),
            outcome: Outcome::Unknown,
            statement: event.statement.clone(),
            witness: event.witness,
            measures: false,
            events: 1,
            rows: Count::Unknown,
            people_at_most: Count::Known(0),
            people: Vec::new(),
            transfer: None,
            reason,
        });
    }

    fn window_micros(&self) -> i64 {
        i64::try_from(self.thresholds.window_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
    }
}
