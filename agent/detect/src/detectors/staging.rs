//! Files of a store gathered into an archive by who read them: the step before data leaves.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "staging",
    kinds: &[Kind::Staging],
    thresholds: &["staging_files", "window_seconds"],
    on_event: None,
    on_touch: None,
    on_flow: None,
};

/// Who read `files` files of the touched store makes the archive `path`.
pub(crate) fn gathered(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    (files, path): (u64, &str),
) {
    let (kind, outcome) = (Kind::Staging, o.event.outcome);
    let call = Call { detector: DETECTOR.name, kind, outcome, window: true, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let seconds = teller.thresholds.window_seconds;
    teller.tell(o, touch, account, call, || {
        format!("{user} makes the archive {path} after reading {files} files of store {store} within {seconds} seconds")
    });
}
