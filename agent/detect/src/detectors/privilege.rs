//! Privileges raised, or tried to be.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::story;
use crate::teller::{Call, Observation, Teller};
use kuzet_event::{Action, Flag, Outcome, Verb};
use std::fmt::Write as _;

pub(super) static DETECTOR: Detector = Detector {
    name: "privilege",
    kinds: &[Kind::PrivilegeEscalation],
    thresholds: &["story_seconds"],
    on_event: Some(on_event),
    on_touch: None,
    on_flow: None,
};

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, note: &mut Note) {
    let Some(statement) = o.statement() else { return };
    let raises = statement.flags.has(Flag::Escalates);
    if !raises && statement.verb != Verb::Role || o.event.action != Action::Statement {
        return;
    }
    let key = (story::PRIVILEGE, o.who.principal, 0);
    // What lowers privileges again, or is small, belongs to an open story and makes none.
    if !raises && !story::open(&shared.stories, key, o.event.at, teller.thresholds) {
        return;
    }
    let (story, _) = shared.stories.entry(key, &mut shared.clock);
    let before = story.prolong(o, o.who.principal, teller.thresholds);
    note.told = true;
    let failed_now = o.failed() && before != Some(Outcome::Failure);
    if o.same && !failed_now {
        return;
    }
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::PrivilegeEscalation,
        outcome: o.event.outcome,
        window: false,
        reason_bit: 0,
    };
    let reason = if raises && !o.same { reason(o) } else { String::new() };
    teller.tell_server(o, &o.event.actor, &call, u64::from(!o.same), reason);
}

fn reason(o: &Observation<'_>) -> String {
    let tries = if o.failed() { "tries to raise" } else { "raises" };
    let mut text = match &*o.event.actor.user {
        "" => "privileges were raised".to_owned(),
        user => format!("role {user} {tries} privileges"),
    };
    if let Some(change) = o.statement().and_then(|statement| statement.role.as_ref()) {
        let list = |words: &[std::sync::Arc<str>]| {
            words.iter().take(8).map(|word| word.as_ref()).collect::<Vec<&str>>().join(", ")
        };
        if !change.rights.is_empty() {
            let _ = write!(text, ": {}", list(&change.rights));
        }
        if !change.grantees.is_empty() {
            let _ = write!(text, " for {}", list(&change.grantees));
        }
    }
    text.push_str(o.trace());
    text
}
