//! Personal data copied under another name: CREATE TABLE AS, SELECT INTO, INSERT … SELECT, a view over a store. What is
//! read from the copy later is read from the store (copies.rs).

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch, Verdict};
use kuzet_event::{Count, Flag, Verb};

pub(super) static DETECTOR: Detector = Detector {
    name: "copy",
    kinds: &[Kind::Copy],
    thresholds: &["export_small_rows", "max_copies"],
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
    let Some(to) = touch.template.copied_to.clone() else { return };
    if o.void() && !o.denied || touch.grant().is_some_and(|grant| grant.exports) {
        return;
    }
    let defines = o.verb() == Verb::Define;
    if defines && matches!(touch.verdict, Verdict::Allowed(_)) {
        return;
    }
    let adds = matches!(o.verb(), Verb::Insert | Verb::Merge);
    let few = touch.rows.known().is_some_and(|rows| rows <= teller.thresholds.export_small_rows);
    if adds && (few || touch.asked(o)) && !o.denied {
        return;
    }
    touch.copied = true;
    touch.hidden |= touch.rows == Count::Unknown && !o.denied;
    let outcome = if defines { o.change_outcome } else { o.event.outcome };
    let call = Call { detector: DETECTOR.name, kind: Kind::Copy, outcome, window: false, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let rows = touch.rows;
    let form = match (defines, o.has(Flag::Temporary)) {
        (true, _) => "shows store",
        (false, true) => "copies, for the session, store",
        (false, false) => "copies store",
    };
    teller.tell(o, touch, account, call, || {
        let rows = match rows {
            _ if o.denied => ": the server refused it".to_owned(),
            _ if defines => String::new(),
            Count::Known(rows) => format!(": {rows} rows"),
            Count::Unknown => ": the log gives no rows".to_owned(),
        };
        format!("role {user} {form} {store} under the name {to}{rows}")
    });
}
