//! Many rows changed or destroyed: by one statement, by many within the window, or by one whose rows nobody counts.

use super::Detector;
use crate::account::Account;
use crate::policy::{Doing, Policy};
use crate::teller::{Call, Observation, Teller, Touch, Verdict};
use crate::{Kind, Thresholds};
use kuzet_event::{Count, Flag, Verb};

pub(super) static DETECTOR: Detector = Detector {
    name: "mass_change",
    kinds: &[Kind::MassChange, Kind::Destruction],
    thresholds: &["change_rows", "change_window_rows", "change_files", "window_seconds"],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

/// Rows of one statement from which it is a mass by itself; a rule that allows more raises it.
pub(crate) fn single(touch: &Touch<'_>, thresholds: &Thresholds) -> u64 {
    let allowed = touch.grant().and_then(|grant| grant.max_rows).map_or(0, |rows| rows.saturating_add(1));
    thresholds.change_rows.max(allowed)
}

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    // Rows that are added harm no one who is in the store already.
    let changes = matches!(touch.template.doing, Doing::Update | Doing::Delete | Doing::Define);
    if !changes || touch.template.vague {
        return;
    }
    let verb = o.verb();
    let thresholds = teller.thresholds;
    let limit = single(touch, thresholds);
    let kind = if touch.template.doing == Doing::Update { Kind::MassChange } else { Kind::Destruction };
    let word = if kind == Kind::MassChange { "changes" } else { "destroys" };
    // What is destroyed is told, expected or not.
    if kind == Kind::MassChange && touch.expected() {
        return;
    }
    let denied = matches!(touch.verdict, Verdict::Denied(_));
    let mut window = false;
    let what = match touch.rows {
        _ if verb == Verb::Truncate => "TRUNCATE of a table".to_owned(),
        _ if verb == Verb::Drop => "DROP of a table".to_owned(),
        _ if touch.template.doing == Doing::Define => return,
        Count::Known(rows) if rows >= limit => {
            let (of, place) = o.units();
            format!("{rows} {of} {place}, {limit} is many")
        }
        Count::Unknown if o.has(Flag::Unfiltered) => "without a condition; the log gives no rows".to_owned(),
        _ if touch.window_rows >= thresholds.change_window_rows.max(limit) => {
            window = true;
            format!("{} {} within {} seconds", touch.window_rows, o.units().0, thresholds.window_seconds)
        }
        _ if touch.files.files >= thresholds.change_files => {
            window = true;
            format!("{} different files within {} seconds", touch.files.files, thresholds.window_seconds)
        }
        // Whoever may not do it at all goes on with what he began.
        _ if denied && account.open(Kind::MassChange) | account.open(Kind::Destruction) => "goes on".to_owned(),
        _ => return,
    };
    touch.told = true;
    touch.changed = Some(kind);
    touch.hidden |= touch.rows == Count::Unknown && !o.denied;
    let call = Call { detector: DETECTOR.name, kind, outcome: o.change_outcome, window, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let beside = if denied { "; the access policy does not allow it" } else { "" };
    teller.tell(o, touch, account, call, || format!("role {user} {word} data of store {store}: {what}{beside}"));
}
