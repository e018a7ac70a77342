//! An account of a program in the hands of a person, or where it does not belong.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::known::ByHand;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "service_account",
    kinds: &[Kind::ServiceAccountByHand],
    thresholds: &["service_accounts", "learning_days", "max_known"],
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
    let Some(how) = touch.news.by_hand else { return };
    let outcome = if touch.template.changes() { o.change_outcome } else { o.read_outcome() };
    let (kind, reason_bit) = (Kind::ServiceAccountByHand, how as u32);
    let call = Call { detector: DETECTOR.name, kind, outcome, window: false, reason_bit };
    let actor = o.event.actor.clone();
    let store = touch.template.store.name.clone();
    teller.tell(o, touch, account, call, || {
        let (user, program, client) = (&actor.user, &actor.program, &actor.client);
        let how = match how {
            ByHand::Program => format!("with {program}, which is none of its programs"),
            ByHand::Client => format!("from {client}, which is none of its clients"),
            ByHand::Learnt => format!("with {program}, after one program alone until now"),
        };
        format!("service account {user} is at store {store} {how}")
    });
}
