//! Events before the rules: every one that a log tells, also those that touch no store.

use super::{Detectors, judge, session_key};
use crate::Detection;
use crate::resolve::{Identity, Template};
use crate::rules::{Found, Judged, RuleBook, Rules};
use crate::teller::Verdict;
use kuzet_event::{Action, Event, Witness};
use kuzet_personal::Key;
use std::sync::Arc;

impl Detectors {
    /// With rules. What their correlations keep of values is hashed with `key`.
    #[must_use]
    pub fn with_rules(mut self, book: RuleBook, key: &Key) -> Detectors {
        self.shared.rules = Rules::new(book, self.thresholds.offset_seconds.into(), key);
        self
    }

    /// Events that were held against rules since the last call, and the hits of each rule by its name.
    pub fn rules_did(&mut self) -> (u64, Vec<(Arc<str>, u64)>) {
        self.shared.rules.did()
    }

    /// The rules that match `event`, by their place in the book, and behind them the correlations that it completes, each
    /// with why. Nothing is told, and nothing is kept but what correlations count.
    pub fn try_rules(&mut self, event: &Event) -> Vec<(usize, String)> {
        let templates = self.resolver.touches(event);
        let who = self.resolver.identify(&event.actor);
        self.rules_meet(event, who, &templates);
        let rules = &mut self.shared.rules;
        let found = std::mem::take(&mut rules.found);
        let number = |one: &Found| match one {
            Found::Rule(hit) => hit.rule.index(),
            Found::Correlation(one) => rules.rules() + one.correlation,
        };
        found.iter().map(|one| (number(one), rules.because(one))).collect()
    }

    /// What of the rule at `number` of the book `event` meets, and what it has for the rule's fields.
    pub fn judge_rule(&mut self, event: &Event, number: usize) -> Option<Judged> {
        let templates = self.resolver.touches(event);
        let who = self.resolver.identify(&event.actor);
        let allowed = self.allowed(event, who, &templates);
        let end = self.flows.end(event);
        self.shared.rules.judge(event, &templates, allowed, end, number)
    }

    /// Shows `event` to the rules; says whether one of them matches.
    pub(super) fn rules_meet(&mut self, event: &Event, who: Identity, templates: &Arc<[Template]>) -> bool {
        let allowed = if self.shared.rules.asks_policy() { self.allowed(event, who, templates) } else { None };
        let end = self.flows.end(event);
        let (sessions, clock) = (&mut self.sessions, &mut self.shared.clock);
        let mut noted = event.action != Action::Statement;
        self.shared.rules.meet(event, templates, allowed, end, &mut |rule| {
            if event.action != Action::Statement {
                return true;
            }
            let session = sessions.entry(session_key(event, who), clock).0;
            if !std::mem::replace(&mut noted, true) {
                session.hit(event);
            }
            session.first_of(rule)
        })
    }

    /// Whether the policy lets the event touch what it touches; `None` without either.
    fn allowed(&mut self, event: &Event, who: Identity, templates: &[Template]) -> Option<bool> {
        if self.policy.is_none() || templates.is_empty() {
            return None;
        }
        let (policy, standings) = (&self.policy, &mut self.standings);
        let rows = event.rows.known();
        let mut verdicts =
            templates.iter().map(|one| judge(policy, standings, event, who, one, rows, &mut |_, _| None));
        Some(!verdicts.any(|verdict| matches!(verdict, Verdict::Denied(_))))
    }

    /// Events that are no statements. What was measured is shown when no log explains it. A request may ask for a canary.
    pub(super) fn rules_beside(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        self.shared.rules.found.clear();
        if event.action == Action::Statement || event.witness == Witness::Measure {
            return;
        }
        let who = self.resolver.identify(&event.actor);
        let ruled = self.rules_meet(event, who, &self.resolver.nothing());
        let canary = event.action == Action::Request && self.shared.canaries.met(event).is_some();
        // Logins and settings go to every detector anyway.
        if (ruled || canary) && !matches!(event.action, Action::Login | Action::Setting) {
            self.alone(event, false, false, false, detections);
        }
    }
}
