//! Sigma rules: what analysts fear in words of their own. Who counts and who tells is as with every other detector.

use super::{Detector, Note, Shared};
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Ruling, Teller, Touch};
use crate::{Family, Kind, hash, story};
use kuzet_event::Outcome;
use std::sync::Arc;

pub(super) static DETECTOR: Detector = Detector {
    name: "sigma",
    kinds: &[Kind::Rule],
    thresholds: &["story_seconds"],
    on_event: Some(on_event),
    on_touch: Some(on_touch),
    on_flow: None,
};

/// Bits of reasons behind those of other detectors of the same kind.
const FIRST_BIT: u32 = 32;

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, note: &mut Note) {
    for found in std::mem::take(&mut shared.rules.found) {
        let Some(member) = shared.rules.member(&found) else { continue };
        let (about, kind, least) = (Arc::clone(&member.about), member.kind, member.severity);
        let name = hash::narrow(if about.id.is_empty() { &about.name } else { &about.id });
        let (story, _) = shared.stories.entry((story::RULE, o.who.principal, name), &mut shared.clock);
        let before = story.prolong(o, o.who.principal, teller.thresholds);
        let ruling = Ruling { about, least, fresh: before.is_none(), because: shared.rules.because(&found) };
        // Privileges, audit and logins are stories of the server, whatever store is named.
        if o.touches && matches!(kind.family(), Family::Access | Family::Change) {
            note.rulings.push((kind, ruling));
            continue;
        }
        let failed_now = o.failed() && before != Some(Outcome::Failure);
        if o.same && !failed_now && !ruling.fresh {
            continue;
        }
        let reason = if ruling.fresh { reason(o, &ruling) } else { String::new() };
        teller.tell_server(o, &o.event.actor, &call(kind, o.event.outcome, name), u64::from(!o.same), reason);
        teller.ruled(&ruling);
    }
}

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    for (kind, ruling) in touch.rulings {
        let outcome = if touch.template.changes() { o.change_outcome } else { o.read_outcome() };
        let call = call(*kind, outcome, hash::narrow(&ruling.about.name));
        let told = teller.out.len();
        teller.tell(o, touch, account, call, || reason(o, ruling));
        if teller.out.len() > told {
            teller.ruled(ruling);
        }
    }
}

fn call(kind: Kind, outcome: Outcome, name: u64) -> Call {
    let reason_bit = FIRST_BIT + u32::try_from(name % u64::from(FIRST_BIT)).unwrap_or(0);
    Call { detector: DETECTOR.name, kind, outcome, window: false, reason_bit }
}

fn reason(o: &Observation<'_>, ruling: &Ruling) -> String {
    let tries = if o.failed() { ", and fails" } else { "" };
    let who = match &*o.event.actor.user {
        "" => String::new(),
        user => format!(" by role {user}{tries}"),
    };
    let (about, trace) = (&ruling.about, o.trace());
    format!("{}{who}{trace}; rule {}: {}", about.title, about.name, ruling.because)
}
