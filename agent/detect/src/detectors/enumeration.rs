//! People looked up one by one in numbers, and identifiers guessed that nobody has.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "enumeration",
    kinds: &[Kind::Enumeration],
    thresholds: &["enumeration_people", "enumeration_misses", "enumeration_series", "pointed_values", "window_seconds"],
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
    if touch.named == 0 || touch.template.changes() || o.void() {
        return;
    }
    let thresholds = teller.thresholds;
    let grant = touch.grant();
    if grant.is_some_and(|grant| grant.exports) {
        return;
    }
    // A rule that says how many people an hour knows better than the default.
    let limit = grant.and_then(|grant| grant.max_people_per_hour).unwrap_or(thresholds.enumeration_people);
    let (lookups, misses) = (account.people.lookups(), account.people.misses());
    // Who tries numbers goes through those that were given out one after the other, whether the log gives rows or not.
    let series = o.event.identifiers.iter().map(|one| one.series).filter(|series| *series != 0);
    let alike = series.map(|series| account.people.in_series(series)).max().unwrap_or(0);
    let seconds = thresholds.window_seconds;
    let what = if lookups > 0 && lookups >= limit {
        format!("{lookups} people looked up one by one within {seconds} seconds, {limit} is many")
    } else if misses >= thresholds.enumeration_misses {
        format!("{misses} identifiers tried within {seconds} seconds that nobody has")
    } else if alike >= thresholds.enumeration_series {
        format!(
            "{alike} identity numbers of one birth date and sex tried within {seconds} seconds, one after the other"
        )
    } else {
        return;
    };
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::Enumeration,
        outcome: o.read_outcome(),
        window: true,
        reason_bit: 0,
    };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    teller.tell(o, touch, account, call, || format!("role {user} enumerates store {store}: {what}"));
}
