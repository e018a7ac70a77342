//! Many rows of personal data read: by one statement, by many within the window, or by one whose rows nobody counts.

use super::Detector;
use crate::account::Account;
use crate::policy::{Doing, Policy};
use crate::teller::{Call, Observation, Teller, Touch};
use crate::{Kind, Thresholds};
use kuzet_event::{Count, Flag};

pub(super) static DETECTOR: Detector = Detector {
    name: "bulk_read",
    kinds: &[Kind::BulkRead],
    thresholds: &["bulk_rows", "bulk_window_rows", "bulk_bytes", "bulk_files", "pointed_values", "window_seconds"],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

/// Rows of one statement from which it is a bulk by itself; a rule that allows more raises it.
pub(crate) fn single(touch: &Touch<'_>, thresholds: &Thresholds) -> u64 {
    let allowed = touch.grant().and_then(|grant| grant.max_rows).map_or(0, |rows| rows.saturating_add(1));
    thresholds.bulk_rows.max(allowed)
}

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    // Who may export may read in bulk; what is exported is told as that.
    if touch.template.doing != Doing::Read
        || touch.copied
        || o.void()
        || touch.grant().is_some_and(|grant| grant.exports)
    {
        return;
    }
    let thresholds = teller.thresholds;
    let limit = single(touch, thresholds);
    let statement = o.statement();
    // A rule that says how many people an hour knows how busy its role is.
    let busy = touch.grant().and_then(|grant| grant.max_people_per_hour).unwrap_or(0);
    let window_limit = thresholds.bulk_window_rows.max(limit).max(busy);
    let capped = statement.and_then(|statement| statement.limit).is_some_and(|most| most < limit);
    // One client's records as one value are a screen of an application.
    let packed = o.has(Flag::PackedAggregate) && touch.template.personal && !touch.asked(o);
    let heavy = bytes(o).filter(|bytes| touch.template.personal && *bytes >= thresholds.bulk_bytes);
    let (window, reason): (bool, Box<dyn FnOnce() -> String>) = match touch.rows {
        _ if packed => {
            (false, Box::new(|| "many people packed into one value; how many rows went into it is unknown".to_owned()))
        }
        Count::Known(rows) if rows >= limit => {
            let (rows_of, place) = o.units();
            (false, Box::new(move || format!("{rows} {rows_of} {place}, {limit} is bulk")))
        }
        _ if touch.named >= limit => {
            let named = touch.named;
            (false, Box::new(move || format!("one statement asks for {named} people by identifier")))
        }
        Count::Unknown if o.has(Flag::Truncated) && touch.named > thresholds.pointed_values => {
            let named = touch.named;
            (
                false,
                Box::new(move || format!("one statement asks for {named} people by identifier and more: it was cut")),
            )
        }
        Count::Unknown if o.has(Flag::Unfiltered) && !o.has(Flag::Aggregate) && touch.template.personal && !capped => {
            (false, Box::new(|| "read without a condition; the log gives no rows".to_owned()))
        }
        Count::Unknown if o.walks() && touch.template.personal && !capped => {
            (false, Box::new(|| "a range of keys is read; the log gives no rows".to_owned()))
        }
        Count::Known(rows) if heavy.is_some() => {
            let bytes = heavy.unwrap_or(0);
            (false, Box::new(move || format!("{bytes} bytes in {rows} rows: many people packed into few values")))
        }
        _ if touch.window_rows >= window_limit => {
            let (rows, seconds) = (touch.window_rows, thresholds.window_seconds);
            let of = o.units().0;
            (true, Box::new(move || format!("{rows} {of} within {seconds} seconds")))
        }
        _ if touch.files.files >= thresholds.bulk_files => {
            let (files, seconds) = (touch.files.files, thresholds.window_seconds);
            (true, Box::new(move || format!("{files} different files within {seconds} seconds")))
        }
        _ => return,
    };
    touch.hidden |= packed || heavy.is_some();
    let call = Call { detector: DETECTOR.name, kind: Kind::BulkRead, outcome: o.read_outcome(), window, reason_bit: 0 };
    let store = touch.template.store.name.clone();
    let user = o.event.actor.user.clone();
    teller.tell(o, touch, account, call, || format!("role {user} reads store {store} in bulk: {}", reason()));
}

/// Bytes that one call sent in fewer rows than a screen has, where the record says so.
fn bytes(o: &Observation<'_>) -> Option<u64> {
    let calls = o.event.calls.max(1);
    let few = o.event.rows.known().is_some_and(|rows| rows / calls < 10);
    o.event.bytes.known().filter(|_| few).map(|bytes| bytes / calls)
}
