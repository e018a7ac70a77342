//! Audit weakened or tampered with, as far as the log shows it.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::story;
use crate::teller::{Call, Observation, Teller};
use kuzet_event::{Action, Flag, Outcome};
use std::sync::Arc;

pub(super) static DETECTOR: Detector = Detector {
    name: "audit",
    kinds: &[Kind::AuditTampering],
    thresholds: &["story_seconds"],
    on_event: Some(on_event),
    on_touch: None,
    on_flow: None,
};

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, note: &mut Note) {
    let Some(statement) = o.statement() else { return };
    let weakens = statement.flags.has(Flag::WeakensAudit);
    if !weakens && !statement.flags.has(Flag::RestoresAudit) {
        return;
    }
    let mut principal = o.who.principal;
    let mut actor = Arc::clone(&o.event.actor);
    // The server says that a setting took effect, not who changed it: the last one who did, if that was just now.
    let last = (story::AUDIT_LAST, u128::from(o.event.actor.system as u8), 0);
    if o.event.action == Action::Setting
        && !o.untraced
        && story::open(&shared.stories, last, o.event.at, teller.thresholds)
        && let Some(culprit) = shared.stories.peek(last)
    {
        principal = culprit.principal;
        actor = culprit.actor().unwrap_or(actor);
    }
    let key = (story::AUDIT, principal, 0);
    if !weakens && !story::open(&shared.stories, key, o.event.at, teller.thresholds) {
        return;
    }
    let (story, _) = shared.stories.entry(key, &mut shared.clock);
    let before = story.prolong(o, principal, teller.thresholds);
    if o.event.action == Action::Statement && !o.failed() && statement.settings.iter().any(|setting| setting.global) {
        let (culprit, _) = shared.stories.entry(last, &mut shared.clock);
        culprit.prolong(o, principal, teller.thresholds);
    }
    note.told = true;
    let failed_now = o.failed() && before != Some(Outcome::Failure);
    if o.same && !failed_now {
        return;
    }
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::AuditTampering,
        outcome: o.event.outcome,
        window: false,
        reason_bit: 0,
    };
    let reason = if weakens && !o.same { reason(o, &actor.user) } else { String::new() };
    teller.tell_server(o, &actor, &call, u64::from(!o.same), reason);
}

fn reason(o: &Observation<'_>, user: &str) -> String {
    let settings = o.statement().map_or(&[][..], |statement| &statement.settings);
    let what: Vec<String> = settings
        .iter()
        .take(8)
        .map(|setting| match &setting.value {
            Some(value) => format!("{} = {value}", setting.name),
            None => format!("{} reset", setting.name),
        })
        .collect();
    let what = if what.is_empty() { "by a statement".to_owned() } else { what.join(", ") };
    let trace = o.trace();
    match (o.event.action, o.failed(), user.is_empty()) {
        (_, _, true) if o.untraced => format!("the audit is weaker now: {what}{trace}"),
        (Action::Setting, _, true) => format!("the audit is weaker now: {what}; the log does not say who did it"),
        (Action::Setting, _, false) => format!("the audit is weaker now: {what}; role {user} changed it before"),
        (_, true, _) => format!("role {user} tries to weaken the audit: {what}"),
        (_, false, _) => format!("role {user} weakens the audit: {what}{trace}"),
    }
}
