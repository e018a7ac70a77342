//! Beacons: small connections of one program to one place at regular times. What the host did before it was learnt, the clock's
//! own protocol, and who is registered are none.

use super::DETECTOR;
use crate::detectors::Books;
use crate::flows::Passage;
use crate::flows::sender::{BEACON, HOST};
use crate::teller::{FlowCall, Teller};
use crate::{Kind, hash};
use kuzet_event::{Count, Phase, Transport};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400_000_000;
/// Shorter intervals are a pool, longer ones nobody can wait for.
const SHORTEST: i64 = 5_000_000;
/// An interval is regular when it is this near the mean of those before, in percent.
const SPREAD: i64 = 10;
/// Orders are short, and so are their answers.
const SMALL: u64 = 65_536;
const NTP: u16 = 123;
const SAID: u32 = 1;

/// Connections one after the other.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rhythm {
    /// When the latest began.
    last: i64,
    /// Regular intervals in a row, and their sum.
    count: i64,
    sum: i64,
}

impl Rhythm {
    /// Takes note of a connection that began at `at`; how many intervals in a row were regular, and their mean.
    fn meet(&mut self, at: i64) -> (i64, i64) {
        let interval = at.saturating_sub(self.last);
        if self.last == 0 || !(SHORTEST..=DAY).contains(&interval) {
            *self = Rhythm { last: at.max(self.last), ..Rhythm::default() };
            return (0, 0);
        }
        self.last = at;
        let mean = if self.count > 0 { self.sum / self.count } else { interval };
        if (interval - mean).saturating_mul(100).abs() > mean.saturating_mul(SPREAD) {
            (self.count, self.sum) = (0, 0);
        }
        (self.count, self.sum) = (self.count.saturating_add(1), self.sum.saturating_add(interval));
        (self.count, self.sum / self.count)
    }
}

/// Looks at connections that ended: by then the other side has a name, if it ever has one.
pub(super) fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    let ended = p.flow.phase == Phase::Closed && p.flow.transport == Transport::Tcp;
    let Some(remote) = p.flow.remote.filter(|remote| ended && remote.port() != NTP) else { return };
    if !p.moved.leaves || !p.abroad() || p.joined() {
        return;
    }
    let (at, limits) = (p.event.at.0, teller.thresholds);
    let began = books.sender((HOST, 0, 0), at, limits).since;
    // Addresses of one name change.
    let to = match &p.live.name {
        Some((name, _)) => hash::narrow(name),
        None => hash::narrow(&remote.ip().to_string()),
    };
    let sender = books.sender((BEACON, p.account(true), to), at, limits);
    let small = p.live.sent.is_some_and(|sent| sent < SMALL);
    let (count, mean) = if small { sender.rhythm.get_or_insert_default().meet(p.live.since) } else { (0, 0) };
    let learning = i64::try_from(limits.learning_days).unwrap_or(i64::MAX).saturating_mul(DAY);
    let new = sender.since.saturating_sub(began) >= learning;
    if !new || count < i64::from(limits.beacon_connections) {
        return;
    }
    let fresh = sender.say(SAID, at, limits.story_seconds.max(mean.unsigned_abs() / 500_000));
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::CovertChannel, volume: Count::Unknown, fresh };
    teller.tell_flow(p, call, || {
        let seconds = mean / 1_000_000;
        format!("{} calls {} every {seconds} s, {count} times in a row, as it never did before", p.by(), p.to())
    });
}
