//! Personal data touched by a person when nobody works.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::{Doing, Policy};
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "out_of_hours",
    kinds: &[Kind::OutOfHours],
    thresholds: &["work_hours", "days_off", "working_days", "offset_seconds", "service_accounts"],
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
    // Schemas are changed at night on purpose; a rule that says when has said it.
    let rows = !matches!(touch.template.doing, Doing::Define | Doing::Grant);
    if !rows || o.void() || touch.grant().is_some_and(|grant| grant.hours) {
        return;
    }
    let Some(when) = touch.news.off_hours.take() else { return };
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::OutOfHours,
        outcome: o.read_outcome(),
        window: false,
        reason_bit: 0,
    };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let program = o.event.actor.program.clone();
    teller.tell(o, touch, account, call, || {
        let with = if program.is_empty() { String::new() } else { format!(" with {program}") };
        format!("role {user} is at store {store}{with} when nobody works: {when}")
    });
}
