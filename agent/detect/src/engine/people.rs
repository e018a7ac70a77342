//! The people and rows that one event adds to the window of its principal.

use crate::account::Account;
use crate::canary::Canaries;
use crate::policy::Doing;
use crate::sightings::{Look, MISSED};
use crate::teller::{Observation, Touch};
use crate::{Thresholds, detectors};
use kuzet_event::{Count, IdentifierKind, Outcome};
use smallvec::SmallVec;

/// Finds the people that the event names and notes them; gives how many there was no room for.
pub(super) fn people(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    thresholds: &Thresholds,
    canaries: &Canaries,
) -> u64 {
    let event = o.event;
    let mut series: SmallVec<[u32; 2]> = SmallVec::new();
    for identifier in event.identifiers.iter().filter(|one| !canaries.nobody(one.key.0)) {
        if let Some(domain) = touch.template.domain(identifier.kind, identifier.column) {
            touch.own.push((domain, identifier.key.0));
            series.push(identifier.series);
        }
    }
    if touch.own.is_empty() || o.void() {
        return 0;
    }
    // Who was asked for and not found is no one whose data was read.
    let missed = event.rows == Count::Known(0) && event.outcome != Outcome::Failure && !touch.template.changes();
    let listed = touch.own.len() as u64 > thresholds.pointed_values;
    let limit = touch.grant().and_then(|grant| grant.max_people_per_hour).unwrap_or(thresholds.enumeration_people);
    let wanted = usize::try_from(limit.saturating_mul(6)).unwrap_or(usize::MAX).max(1_024);
    let capacity = wanted.min(thresholds.max_people.max(1));
    // Lists must not crowd out lookups: below the bulk they would blind the count.
    let room = if listed { capacity / 3 } else { capacity };
    let mut crowded = 0;
    for ((domain, key), series) in touch.own.iter().zip(series) {
        let look = Look { listed, missed, series };
        let noted = account.people.see(*domain, *key, touch.bucket, look, room);
        crowded += u64::from(!noted && !listed);
        // A surrogate key without rows is a borrower without a loan; an IIN without rows is a guess.
        if missed && !listed && *domain <= IdentifierKind::Document as u32 + 1 {
            let nobody = Look { missed, ..Look::default() };
            account.people.see(*domain | MISSED, *key, touch.bucket, nobody, capacity);
        }
    }
    touch.named = touch.own.len() as u64;
    if missed {
        touch.own.clear();
    }
    crowded
}

/// Rows that count towards the sum of the window: those of statements that are no mass by themselves.
pub(super) fn summed(o: &Observation<'_>, touch: &Touch<'_>, thresholds: &Thresholds) -> u64 {
    let Some(delta) = touch.delta else { return 0 };
    let limit = if touch.template.changes() {
        detectors::change_single(touch, thresholds)
    } else {
        detectors::read_single(touch, thresholds)
    };
    if touch.template.doing == Doing::Insert || o.void() {
        return 0;
    }
    let named = touch.named * delta.events;
    let rows = delta.rows.known().unwrap_or(named);
    if touch.rows.known().unwrap_or(named) >= limit { 0 } else { rows }
}
