//! Personal data in what this host sends in clear, to outside or to nobody registered: the connection's own bytes say so.

use super::{Books, Detector};
use crate::Kind;
use crate::flows::Passage;
use crate::flows::sender::CLEAR;
use crate::teller::{FlowCall, Teller};
use kuzet_event::{Count, IdentifierKind, PersonKey};

pub(super) static DETECTOR: Detector = Detector {
    name: "clear_text",
    kinds: &[Kind::DataInClear],
    thresholds: &["clear_people"],
    on_event: None,
    on_touch: None,
    on_flow: Some(on_flow),
};

const SAID: u32 = 1;
/// Kinds of identifiers by which people are counted, the surest first: of one person each has one.
const ORDER: [IdentifierKind; 6] = [
    IdentifierKind::Iin,
    IdentifierKind::Phone,
    IdentifierKind::Iban,
    IdentifierKind::Card,
    IdentifierKind::Email,
    IdentifierKind::Document,
];

fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    let identifiers = &p.event.identifiers;
    if identifiers.is_empty() || p.recipient.is_some() {
        return;
    }
    let (thresholds, at) = (teller.thresholds, p.event.at.0);
    let sender = books.sender((CLEAR, p.account(true), p.flow.id), at, thresholds);
    let kinds = ORDER.into_iter().filter(|kind| identifiers.iter().any(|one| one.kind == *kind));
    let Some(kind) = sender.counts_by(kinds.map(|kind| kind as u8).next()) else { return };
    let keys = identifiers.iter().filter(|one| one.kind as u8 == kind).map(|one| one.key.0);
    let mut people = sender.meet(keys);
    let (met, fresh) = (sender.met(), !sender.said(SAID));
    if met < thresholds.clear_people || people.is_empty() {
        return;
    }
    sender.say(SAID, at, thresholds.story_seconds);
    if fresh {
        people = sender.people();
    }
    let volume = Count::Known(met);
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::DataInClear, volume, fresh };
    teller.tell_flow(p, call, || {
        format!("{} sends data of at least {met} people in clear to {}, who is no registered recipient", p.by(), p.to())
    });
    if let Some(detection) = teller.out.last_mut() {
        detection.people_at_most = Count::Known(people.len() as u64);
        detection.people = people.into_iter().map(PersonKey).collect();
    }
}
