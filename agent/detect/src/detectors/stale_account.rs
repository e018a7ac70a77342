//! An account that touched nothing for long and is used again: nobody would miss it, and nobody watches it.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "stale_account",
    kinds: &[Kind::StaleAccount],
    thresholds: &["stale_days", "max_known"],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    let Some(days) = touch.news.silent_days else { return };
    let outcome = if touch.template.changes() { o.change_outcome } else { o.read_outcome() };
    let call = Call { detector: DETECTOR.name, kind: Kind::StaleAccount, outcome, window: false, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let client = o.event.actor.client.clone();
    let reason = || format!("role {user} touched nothing for {days} days and is at store {store} again, from {client}");
    teller.tell(o, touch, account, call, reason);
}
