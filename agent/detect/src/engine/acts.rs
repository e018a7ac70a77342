//! Changes of roles, settings and the server: a logged one and what was measured of it are one act.

use super::{Detectors, Note, story_micros};
use crate::acts::{Act, Trace, parts};
use crate::teller::CLAUSE;
use crate::{Detection, Kind};
use kuzet_event::{Count, Event, Flag, Outcome, Verb, Witness};

impl Detectors {
    /// An act that the log tells.
    pub(super) fn logged_act(
        &mut self,
        event: &Event,
        same: bool,
        touches: bool,
        detections: &mut Vec<Detection>,
    ) -> Note {
        let told = detections.len();
        let note = self.alone(event, same, touches, false, detections);
        if self.reckoner.measures(event) && (!same || event.outcome == Outcome::Failure) {
            let actor = detections.get(told).map_or(&event.actor, |first| &first.actor).clone();
            self.explain(event, &actor, detections);
        }
        note
    }

    /// An act that statistics count or two polls show as a difference.
    pub(super) fn measured_act(&mut self, event: &Event, touches: bool, detections: &mut Vec<Detection>) {
        self.reckoner.begin(event, &mut self.shared.clock);
        self.tell_acts(event.at.0, detections);
        let (parts, story) = (parts(event), story_micros(&self.thresholds));
        if parts.is_empty() {
            self.alone(event, false, touches, false, detections);
            return;
        }
        let clock = &mut self.shared.clock;
        if let Some(trace) = self.reckoner.acts.explain(event, &parts, story, clock) {
            self.confirm(event, &trace, detections);
        } else if let Some(act) = self.reckoner.acts.wait(event, touches, clock) {
            self.tell_act(act, detections);
        }
    }

    /// Tells what waited long enough for the log.
    pub(super) fn tell_acts(&mut self, now: i64, detections: &mut Vec<Detection>) {
        for act in self.reckoner.acts.due(now, &self.logs, &mut self.shared.clock) {
            self.tell_act(act, detections);
        }
    }

    /// Nothing more comes: what waits for the log is told.
    pub fn finish(&mut self, detections: &mut Vec<Detection>) {
        self.tell_acts(i64::MAX, detections);
    }

    fn tell_act(&mut self, act: Act, detections: &mut Vec<Detection>) {
        let touches = act.touches;
        let event = act.event();
        // A statement that was told meanwhile may be the one.
        let story = story_micros(&self.thresholds);
        let trace = self.reckoner.acts.explain(&event, &parts(&event), story, &mut self.shared.clock);
        if let Some(trace) = trace {
            self.confirm(&event, &trace, detections);
            return;
        }
        let untraced = self.logs[event.actor.system as usize] != i64::MIN;
        let who = self.resolver.identify(&event.actor);
        self.rules_meet(&event, who, &self.resolver.nothing());
        self.alone(&event, false, touches, untraced, detections);
        if !event.actor.user.is_empty() {
            let actor = event.actor.clone();
            self.explain(&event, &actor, detections);
        }
    }

    /// Keeps the trace of a statement, and tells what waited for it.
    fn explain(&mut self, event: &Event, actor: &kuzet_event::Actor, detections: &mut Vec<Detection>) {
        let parts_of = parts(event);
        if parts_of.is_empty() {
            return;
        }
        let (story, system) = (story_micros(&self.thresholds), event.actor.system as u64);
        let (acts, clock) = (&mut self.reckoner.acts, &mut self.shared.clock);
        acts.trace(event, &parts_of, actor, clock);
        let mut later = acts.take(system, clock);
        let mut explained = Vec::new();
        later.retain(|act| {
            let waiting = act.clone().event();
            let trace = acts.explain(&waiting, &parts(&waiting), story, clock);
            let waits = trace.is_none();
            explained.extend(trace.map(|trace| (waiting, trace)));
            waits
        });
        acts.put_back(system, later, clock);
        for (event, trace) in explained {
            self.confirm(&event, &trace, detections);
        }
    }

    /// The server shows that a statement of the log was carried out.
    fn confirm(&mut self, event: &Event, trace: &Trace, detections: &mut Vec<Detection>) {
        let statement = event.statement.as_ref();
        let has = |flag| statement.is_some_and(|one| one.flags.has(flag));
        let kind = if has(Flag::WeakensAudit) || has(Flag::RestoresAudit) {
            Kind::AuditTampering
        } else if statement.is_some_and(|one| one.verb == Verb::Role) {
            Kind::PrivilegeEscalation
        } else {
            Kind::DangerousFunction
        };
        let (volume, outcome) = (self.severities.volume(Count::Known(0)), Outcome::Success);
        detections.push(Detection {
            detector: "measured",
            rule: None,
            kind,
            severity: self.severities.answer(kind, volume, outcome, None),
            clause: CLAUSE,
            since: event.at,
            at: event.at,
            place: trace.place,
            actor: trace.actor(),
            session: trace.session(),
            store: None,
            relations: Vec::new(),
            categories: Vec::new(),
            outcome,
            statement: None,
            witness: Witness::Measure,
            measures: true,
            events: 0,
            rows: Count::Known(0),
            people_at_most: Count::Known(0),
            people: Vec::new(),
            transfer: None,
            reason: String::new(),
        });
    }
}
