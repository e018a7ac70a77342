//! Channels that nobody looks into: data in the echoes of ICMP, in names that DNS is asked for, and beacons that ask for
//! orders at regular times.

mod beacon;
mod dns;
#[cfg(test)]
mod tests;

pub(crate) use beacon::Rhythm;
pub(crate) use dns::{Asked, on_query};

use super::{Books, Detector};
use crate::Kind;
use crate::flows::Passage;
use crate::flows::sender::COVERT;
use crate::hash;
use crate::teller::{FlowCall, Teller};
use kuzet_event::{Count, Transport};

pub(super) static DETECTOR: Detector = Detector {
    name: "covert_channel",
    kinds: &[Kind::CovertChannel],
    thresholds: &["echo_bytes", "dns_bytes", "beacon_connections", "learning_days"],
    on_event: None,
    on_touch: None,
    on_flow: Some(on_flow),
};

const ECHO: u32 = 1;

fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    beacon::on_flow(p, books, teller);
    echo(p, books, teller);
}

fn echo(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    let (Transport::Icmp, Some(remote)) = (p.flow.transport, p.flow.remote) else { return };
    if !p.abroad() {
        return;
    }
    let to = hash::narrow(&remote.ip().to_string());
    let sender = books.sender((COVERT, p.account(false), to), p.event.at.0, teller.thresholds);
    sender.add(p.moved.sent, p.moved.sent);
    let sent = sender.sent;
    if sent < teller.thresholds.echo_bytes {
        return;
    }
    let fresh = sender.say(ECHO, p.event.at.0, teller.thresholds.story_seconds);
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::CovertChannel, volume: Count::Unknown, fresh };
    teller.tell_flow(p, call, || format!("{} sent {sent} bytes of ICMP today to {}", p.by(), p.to()));
}
