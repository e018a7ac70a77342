//! A database answers somebody outside Kazakhstan who is no registered recipient: whatever is read there leaves.

use super::{Books, Detector};
use crate::Kind;
use crate::flows::Passage;
use crate::flows::sender::EXPOSED;
use crate::hash;
use crate::teller::{FlowCall, Teller};
use kuzet_event::{Count, Transport};

pub(super) static DETECTOR: Detector = Detector {
    name: "exposed_service",
    kinds: &[Kind::ExposedService],
    thresholds: &["database_ports"],
    on_event: None,
    on_touch: None,
    on_flow: Some(on_flow),
};

const SAID: u32 = 1;

fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    let port = p.flow.local.port();
    let answers = p.flow.transport == Transport::Tcp && !p.moved.leaves && p.live.sent.is_some_and(|sent| sent > 0);
    if !answers || !p.abroad() || !teller.thresholds.database_ports.contains(&port) {
        return;
    }
    let Some(remote) = p.flow.remote else { return };
    let client = hash::narrow(&remote.ip().to_string());
    let sender = books.sender((EXPOSED, u128::from(port), client), p.event.at.0, teller.thresholds);
    let fresh = sender.say(SAID, p.event.at.0, teller.thresholds.story_seconds);
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::ExposedService, volume: Count::Unknown, fresh };
    teller.tell_flow(p, call, || {
        let program = p.process().map_or_else(String::new, |process| format!(" ({})", process.name));
        format!("port {port}{program}, which is a database's, answers {}", p.to())
    });
}
