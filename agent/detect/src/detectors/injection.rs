//! Statements in the manner of an injection: signs in the text have points; one strong statement or several different
//! ones within the window make it.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};
use kuzet_event::{Action, Flag, Flags, Witness};

pub(super) static DETECTOR: Detector = Detector {
    name: "injection",
    kinds: &[Kind::Injection],
    thresholds: &["injection_statement_points", "injection_window_points", "window_seconds"],
    on_event: Some(on_event),
    on_touch: Some(on_touch),
    on_flow: None,
};

/// Signs and their points. A UNION or a look at the catalogue alone is daily work; extractvalue is not.
const POINTS: [(Flag, u64, &str); 7] = [
    (Flag::ErrorProbe, 3, "extraction by error message"),
    (Flag::UnionProbe, 2, "UNION with another relation"),
    (Flag::Tautology, 2, "condition that is always true"),
    (Flag::TimeDelay, 2, "delay"),
    (Flag::ServerFile, 2, "server file or program"),
    (Flag::CatalogProbe, 1, "look into system catalogues"),
    (Flag::CommentCut, 1, "rest cut off by a comment"),
];
/// Several statements in one text, beside another sign.
const STACKED: u32 = 1 << 30;
/// The server could not parse it, beside another sign.
const BROKEN: u32 = 1 << 31;

fn signs(o: &Observation<'_>, flags: Flags) -> u32 {
    let mut mask = 0;
    for (at, (flag, _, _)) in POINTS.iter().enumerate() {
        // A delay in a statement of its own is an operator who waits.
        let sign =
            flags.has(*flag) && (*flag != Flag::TimeDelay || flags.has(Flag::Pointed) || flags.has(Flag::Stacked));
        mask |= u32::from(sign) << at;
    }
    if mask != 0 && flags.has(Flag::Stacked) {
        mask |= STACKED;
    }
    if mask != 0 && o.failed() && matches!(o.event.code.as_str(), "42601" | "1064" | "42846" | "1105" | "22P02") {
        mask |= BROKEN;
    }
    mask
}

fn points(mask: u32) -> u64 {
    let signs = POINTS.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, (_, points, _))| points);
    signs.sum::<u64>() + u64::from(mask & STACKED != 0) + u64::from(mask & BROKEN != 0)
}

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, note: &mut Note) {
    let flags = o.flags();
    // What was measured the log tells as well: its signs would count twice.
    if flags == Flags::NONE || o.event.action != Action::Statement || o.event.witness == Witness::Measure {
        return;
    }
    let mask = signs(o, flags);
    if mask == 0 {
        return;
    }
    let thresholds = teller.thresholds;
    let (probe, _) = shared.probes.entry(o.who.principal, &mut shared.clock);
    let idle = o.event.at.0.saturating_sub(probe.last);
    let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    if idle > seconds(thresholds.window_seconds) {
        probe.mask = 0;
    }
    if idle > seconds(thresholds.story_seconds) {
        (probe.open, probe.store) = (false, 0);
    }
    probe.mask |= mask;
    probe.last = probe.last.max(o.event.at.0);
    let now = points(mask);
    let together = points(probe.mask);
    if now >= thresholds.injection_statement_points || together >= thresholds.injection_window_points || probe.open {
        probe.open = true;
        note.injection = Some(u64::from(mask));
        note.injection_store = probe.store;
    }
}

/// Tells it with the store that the statement touches.
pub(crate) fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    let Some(mask) = touch.injection else { return };
    let call =
        Call { detector: DETECTOR.name, kind: Kind::Injection, outcome: o.event.outcome, window: false, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let reason = || format!("role {user} sends store {store} what looks like an injection: {}", words(mask));
    teller.tell(o, touch, account, call, reason);
}

/// Tells it when no store is touched and none was before.
pub(crate) fn on_server(o: &Observation<'_>, teller: &mut Teller<'_>, mask: u64) {
    let call =
        Call { detector: DETECTOR.name, kind: Kind::Injection, outcome: o.event.outcome, window: false, reason_bit: 0 };
    let reason = format!("role {} sends what looks like an injection: {}", o.event.actor.user, words(mask));
    teller.tell_server(o, &o.event.actor, &call, u64::from(!o.same), reason);
}

fn words(mask: u64) -> String {
    let signs = POINTS.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, (_, _, words))| *words);
    let mut words: Vec<&str> = signs.collect();
    if mask & u64::from(STACKED) != 0 {
        words.push("several statements in one");
    }
    if mask & u64::from(BROKEN) != 0 {
        words.push("the server could not parse it");
    }
    words.join(", ")
}
