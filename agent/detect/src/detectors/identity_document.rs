//! A picture of an identity document in a folder where none may lie (clause 2.4: paper copies are not collected). An electronic
//! copy may be lawful, so it says what lies where and not that a law is broken.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::teller::{Observation, Teller};

pub(super) static DETECTOR: Detector = Detector {
    name: "identity_document",
    kinds: &[Kind::IdentityDocument],
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
    let Some(known) = shared.folders.of(&act.path.shown).filter(|known| !known.folder.identity_documents) else {
        return;
    };
    let (Some(first), count) = (holding.documents.first(), holding.documents.len()) else { return };
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    let of = if first.state.is_empty() { String::new() } else { format!(" of {}", first.state) };
    let paper = match first.signs.is_empty() {
        true => "whether from paper is not known",
        false => "with signs of a scan from paper",
    };
    let (confidence, kind, page) = (&first.confidence, &first.kind, first.page);
    let reason = format!(
        "{} in folder {}: {confidence} {kind}{of}{more}, page or picture {page}, {paper}; a copy may be lawful: ask for its basis",
        act.path.shown, known.folder.name
    );
    teller.tell_holding(o, DETECTOR.name, Kind::IdentityDocument, known, count as u64, reason);
}
