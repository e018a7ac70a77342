//! What the chain says: one sentence with the numbers, and the detection that folds into the incident of the reading.

use super::{Read, Tools};
use crate::flows::{self, by};
use crate::resolve::Resolver;
use crate::story::ActorRow;
use crate::teller::CLAUSE;
use crate::{Detection, Joined, Kind, Transfer};
use kuzet_event::{Count, Event, Outcome, Witness};
use std::sync::Arc;

/// Why a reading and a connection belong together, with the numbers.
pub(super) fn reason(read: &Read, transfer: &Transfer, resolver: &Resolver) -> String {
    let store =
        resolver.store_named(read.store).map_or_else(|| "a store".into(), |store| format!("store {}", store.name));
    let user = read.actor.as_ref().map_or("", ActorRow::user);
    let sender = transfer.process.as_deref().map_or_else(|| "the client's host".to_owned(), by);
    let sent = transfer.sent.known().map_or_else(|| "bytes not told".to_owned(), |sent| format!("{sent} bytes so far"));
    let to = flows::to(transfer.to, transfer.name.as_ref(), transfer.place);
    let when = match transfer.since.0.saturating_sub(read.since) {
        ..0 => "while it was read".to_owned(),
        after => format!("{}.{} s after", after / 1_000_000, after / 100_000 % 10),
    };
    let how = match transfer.joined {
        Some(Joined::Process) => "the program that read sends, or one that it started, or that started it",
        Some(Joined::Session) => "both are of one login session or script",
        Some(Joined::Account) => "both are of one account",
        Some(Joined::Host) => "both are of one host",
        None => "nothing joins them",
    };
    let through: Vec<&str> = transfer.steps.iter().map(|step| &*step.process.name).collect();
    let through = if through.is_empty() { String::new() } else { format!(", by way of {}", through.join(", ")) };
    let who = if transfer.inbound { ", who came for it" } else { "" };
    format!("role {user} read {store}, and {when} {sender} sends to {to}{who}: {sent}; {how}{through}")
}

/// Appends the detection.
pub(super) fn tell(read: &mut Read, event: &Event, transfer: Arc<Transfer>, reason: String, tools: &mut Tools<'_>) {
    let Some(actor) = read.actor.as_ref().map(ActorRow::actor) else { return };
    let store = tools.resolver.store_named(read.store);
    let persons = store.as_ref().map_or(Count::Unknown, |store| store.persons);
    let rows = if read.unknown { Count::Unknown } else { Count::Known(read.rows) };
    let class = store.as_ref().map(|store| store.class);
    let severity = tools.severities.answer(Kind::Exfiltration, tools.severities.volume(rows), Outcome::Success, class);
    // What no detection told yet comes to the story with this one.
    let (untold, unknown) = std::mem::take(&mut read.untold);
    let people_at_most = match persons {
        _ if unknown => persons,
        Count::Known(persons) => Count::Known(untold.min(persons)),
        Count::Unknown => Count::Known(untold),
    };
    let first = !reason.is_empty();
    read.told |= first;
    tools.out.push(Detection {
        detector: "chain",
        rule: None,
        kind: Kind::Exfiltration,
        severity,
        clause: CLAUSE,
        since: transfer.since.min(event.at),
        at: event.at,
        place: event.place,
        actor,
        session: kuzet_event::SessionId(read.sessions.last().copied().unwrap_or(0)),
        store,
        relations: Vec::new(),
        categories: read.categories.clone(),
        outcome: Outcome::Success,
        statement: None,
        witness: Witness::Audit,
        measures: false,
        events: u64::from(first),
        rows: if unknown { Count::Unknown } else { Count::Known(untold) },
        people_at_most,
        people: Vec::new(),
        transfer: Some(transfer),
        reason,
    });
}
