//! Files of a store replaced by others of one strange ending: what ransomware does, one file after the other.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::Policy;
use crate::teller::{Call, Observation, Teller, Touch};

pub(super) static DETECTOR: Detector = Detector {
    name: "encryption",
    kinds: &[Kind::MassEncryption],
    thresholds: &["encryption_files", "window_seconds"],
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
    let (ending, files) = match &touch.files.strange {
        Some((ending, files)) if *files >= teller.thresholds.encryption_files => (ending.clone(), *files),
        // The originals go one by one behind it.
        _ if account.open(Kind::MassEncryption) && touch.template.changes() => (String::new(), 0),
        _ => return,
    };
    touch.told = true;
    let (kind, outcome) = (Kind::MassEncryption, o.event.outcome);
    let call = Call { detector: DETECTOR.name, kind, outcome, window: true, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let seconds = teller.thresholds.window_seconds;
    teller.tell(o, touch, account, call, || {
        format!(
            "{user} replaces files of store {store}: {files} of them came to end in .{ending} within {seconds} seconds"
        )
    });
}
