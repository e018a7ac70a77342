//! Personal data that lies where none is to be, or where every account of the host may read it.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::folders::Purpose;
use crate::teller::{Observation, Teller};

pub(super) static DETECTOR: Detector = Detector {
    name: "misplaced",
    kinds: &[Kind::MisplacedData],
    thresholds: &["misplaced_people", "story_seconds"],
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
    let Some(known) = shared.folders.of(&act.path.shown) else { return };
    if holding.persons < teller.thresholds.misplaced_people {
        return;
    }
    let why = match (known.folder.purpose, holding.exposed) {
        (Purpose::Nothing, _) => "which is to hold none",
        (Purpose::Store, true) => "and every account of this host may read it",
        (Purpose::Store, false) => return,
    };
    let (persons, folder) = (holding.persons, &known.folder.name);
    let reason = format!("{} holds data of {persons} people in folder {folder}, {why}", act.path.shown);
    teller.tell_holding(o, DETECTOR.name, Kind::MisplacedData, known, persons, reason);
}
