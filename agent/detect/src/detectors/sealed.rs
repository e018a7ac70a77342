//! A file in a watched folder that is encrypted: an inspection cannot tell what it carries, and nobody else can who should.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::teller::{Observation, Teller};

pub(super) static DETECTOR: Detector = Detector {
    name: "sealed",
    kinds: &[Kind::EncryptedFile],
    thresholds: &["story_seconds"],
    on_event: Some(on_event),
    on_touch: None,
    on_flow: None,
};

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, _note: &mut Note) {
    let Some((act, holding)) =
        o.event.file.as_ref().and_then(|act| Some((act, act.holding.as_ref().filter(|one| !one.known)?)))
    else {
        return;
    };
    if let Some(known) = shared.folders.of(&act.path.shown).filter(|_| holding.encrypted) {
        let reason =
            format!("{} in folder {} is encrypted: what it holds cannot be told", act.path.shown, known.folder.name);
        teller.tell_holding(o, DETECTOR.name, Kind::EncryptedFile, known, 0, reason);
    }
}
