//! A canary touched: a reserved number asked for, or a planted row by its key. Nobody has work to do there.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::account::Account;
use crate::canary::Met;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "canary",
    kinds: &[Kind::Canary],
    thresholds: &[],
    on_event: Some(on_event),
    on_touch: Some(on_touch),
    on_flow: None,
};

/// Another canary, or another way to the same, is said in full although the story is open.
fn call(o: &Observation<'_>, met: Met) -> Call {
    let reason_bit = match met {
        Met::Number(number) => u32::from(number) * 2 % 64,
        Met::Row(number) => u32::from(number) * 2 % 64 + 1,
    };
    Call { detector: DETECTOR.name, kind: Kind::Canary, outcome: o.read_outcome(), window: false, reason_bit }
}

fn words(met: Met) -> String {
    match met {
        Met::Number(number) => format!("asks for the IIN of canary c{number}, who is nobody"),
        Met::Row(number) => format!("asks for the row of canary c{number}, who is nobody, by its key"),
    }
}

/// Outside of every known store: the number is enough.
fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, _note: &mut Note) {
    if let Some(met) = shared.canaries.met(o.event).filter(|_| !o.touches && !o.same) {
        let reason = format!("role {} {}, outside of the known stores", o.event.actor.user, words(met));
        teller.tell_server(o, &o.event.actor, &call(o, met), 1, reason);
    }
}

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    let Some(met) = touch.canary else { return };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    teller.tell(o, touch, account, call(o, met), || format!("role {user} {} in store {store}", words(met)));
}
