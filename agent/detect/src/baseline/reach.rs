//! Who worked for weeks without a store, and now takes rows of it: his past there is not unknown, it is nothing.
//!
//! `first_seen` keeps quiet about whom the policy names, and every other baseline waits until enough of the new work is
//! learnt; by then it is usual.

use super::people::People;
use super::{Baseline, Sight, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "reach", judge };

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let (own, live, thresholds) = (sight.own, sight.live, sight.thresholds);
    // Peers who work with the store do the same work: volume and pace hold him against them.
    let alone = sight.peers.is_none() || !live.kin;
    if own.settled < thresholds.baseline_days || sight.known || !alone {
        return None;
    }
    let people = People::together(&[&own.week, &own.today, &live.people]);
    let rows = own.taken.saturating_add(live.taken);
    let (count, what) = if people >= thresholds.baseline_people.saturating_mul(2) {
        (people, "people")
    } else if rows >= thresholds.baseline_rows {
        (rows, "rows")
    } else {
        return None;
    };
    let said = format!(
        "takes {count} {what} of store {}, which it never touched in {} days of work at other stores",
        sight.store, own.settled
    );
    Some(Verdict { what: 0, count: 1, said })
}
