//! Data in the names that DNS is asked for: many different long names below one domain. Whose servers answer for the domain
//! reads them, through whichever resolver they go.

use super::DETECTOR;
use crate::detectors::Books;
use crate::flows::sender::{DNS, Sender};
use crate::flows::{by, key};
use crate::teller::{FlowCall, Teller};
use crate::{Destination, Kind, Recipients, Transfer};
use kuzet_event::{Count, Event, Flow, Naming, Query, Timestamp};
use kuzet_place::{Reason, Verdict};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Names are summed so long.
const WINDOW: i64 = 600_000_000;
/// Names remembered, so that a question that goes through several resolvers, or is asked again, counts once.
const NAMES: usize = 64;
/// A label below this many bytes carries nothing to speak of: addresses in block lists, names of servers.
const LABEL: u8 = 16;
/// Digits and dots alone are an address.
const CHARACTERS: u8 = 12;
/// Different names that make a tunnel; fewer are a service that puts long keys in its names.
const MANY: u32 = 30;
const SAID: u32 = 1;

/// Names asked for below one domain.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    since: i64,
    latest: Vec<u64>,
    names: u32,
    bytes: u64,
}

impl Asked {
    /// Takes note of a name; whether it is new.
    fn meet(&mut self, query: &Query, at: i64) -> bool {
        if at.saturating_sub(self.since) > WINDOW {
            *self = Asked { since: at, ..Asked::default() };
        }
        if self.latest.contains(&query.name_key) {
            return false;
        }
        if self.latest.len() >= NAMES {
            self.latest.remove(0);
        }
        self.latest.push(query.name_key);
        self.names = self.names.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(query.below));
        true
    }
}

/// A question to DNS, wherever the resolver is. Who is registered by the domain may be asked as much as it likes.
pub(crate) fn on_query(
    event: &Event,
    flow: &Flow,
    recipients: &Recipients,
    books: &mut Books<'_>,
    teller: &mut Teller<'_>,
) {
    let Some(query) = flow.query.as_ref().filter(|query| query.label >= LABEL && query.characters > CHARACTERS) else {
        return;
    };
    let destination = Destination { address: None, name: Some(&query.domain), port: None };
    if recipients.find(&destination, event.at).is_some() {
        return;
    }
    let (at, limits) = (event.at.0, teller.thresholds);
    let sender: &mut Sender = books.sender((DNS, u128::from(query.domain_key), 0), at, limits);
    let asked = sender.asked.get_or_insert_default();
    if !asked.meet(query, at) || asked.bytes < limits.dns_bytes || asked.names < MANY {
        return;
    }
    let (names, bytes, since) = (asked.names, asked.bytes, asked.since);
    let fresh = sender.say(SAID, at, limits.story_seconds);
    let transfer = Transfer {
        flow: key(flow) ^ query.domain_key,
        transport: flow.transport,
        inbound: false,
        to: None,
        name: Some((Arc::clone(&query.domain), Naming::Dns)),
        place: Verdict::Unknown(Reason::Reserved),
        recipient: None,
        sent: Count::Known(bytes),
        since: Timestamp(since),
        until: event.at,
        process: flow.process.clone(),
        joined: None,
        steps: Vec::new(),
    };
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::CovertChannel, volume: Count::Unknown, fresh };
    let by = flow.process.as_deref().map_or_else(|| format!("host {}", flow.local.ip()), by);
    teller.tell_transfer(event, Arc::new(transfer), call, false, || {
        format!("{by} asks for {names} different long names below {} within ten minutes: {bytes} bytes", query.domain)
    });
}
