//! Files of a store gathered into an archive by who read them, and what is packed so that nobody can tell what is in it: the
//! step before data leaves.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::account::Account;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "staging",
    kinds: &[Kind::Staging],
    thresholds: &["staging_files", "window_seconds"],
    on_event: Some(on_event),
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

/// An inspection met what it could not open.
fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, _note: &mut Note) {
    let Some((act, holding)) = o.event.file.as_ref().and_then(|act| Some((act, act.holding.as_ref()?))) else { return };
    if let Some(known) = shared.folders.of(&act.path.shown).filter(|_| holding.encrypted) {
        let reason =
            format!("{} in folder {} is encrypted: what it holds cannot be told", act.path.shown, known.folder.name);
        teller.tell_holding(o, DETECTOR.name, Kind::Staging, known, 0, reason);
    }
}
