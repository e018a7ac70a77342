//! Much sent out of Kazakhstan to nobody registered: more in a day than an account may, or than it ever did; or by a
//! program that never sent abroad before.

use super::{Books, Detector};
use crate::Kind;
use crate::flows::Passage;
use crate::flows::sender::{ACCOUNT, HOST, PROGRAM};
use crate::teller::{FlowCall, Teller};
use kuzet_event::Count;

pub(super) static DETECTOR: Detector = Detector {
    name: "foreign_transfer",
    kinds: &[Kind::ForeignTransfer],
    thresholds: &["transfer_bytes", "transfer_first_bytes", "learning_days", "baseline_days", "max_flows"],
    on_event: None,
    on_touch: None,
    on_flow: Some(on_flow),
};

const MUCH: u32 = 1;
const FIRST: u32 = 2;
/// Connections that receive as much as they send count when they come to so many times the limit.
const BROWSING: u64 = 10;
/// A day is unusual when it comes to so many times the highest one.
const UNUSUAL: u64 = 2;
const DAY: i64 = 86_400_000_000;

fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    if !p.moved.leaves || !p.abroad() {
        return;
    }
    let (thresholds, at) = (teller.thresholds, p.event.at.0);
    let began = books.sender((HOST, 0, 0), at, thresholds).since;
    let account = books.sender((ACCOUNT, p.account(false), 0), at, thresholds);
    account.add(p.moved.sent, p.moved.up);
    let usual = account.usual(thresholds.baseline_days);
    let limit = usual.map_or(0, |usual| usual.saturating_mul(UNUSUAL)).max(thresholds.transfer_bytes);
    let (up, sent) = (account.up, account.sent);
    if p.joined() {
        return;
    }
    if up >= limit || sent >= limit.saturating_mul(BROWSING) || account.said(MUCH) {
        let fresh = account.say(MUCH, at, thresholds.story_seconds);
        let call = FlowCall { detector: DETECTOR.name, kind: Kind::ForeignTransfer, volume: Count::Known(0), fresh };
        teller.tell_flow(p, call, || {
            let usual = match usual {
                Some(usual) => format!("; the most on a day before was {usual}"),
                None => String::new(),
            };
            let bytes = if up >= limit { up } else { sent };
            format!(
                "{} sent {bytes} bytes today to nobody registered outside Kazakhstan, now to {}{usual}",
                p.by(),
                p.to()
            )
        });
        return;
    }
    let program = books.sender((PROGRAM, p.account(true), 0), at, thresholds);
    program.add(p.moved.sent, p.moved.up);
    let learning = i64::try_from(thresholds.learning_days).unwrap_or(i64::MAX).saturating_mul(DAY);
    let first = program.since.saturating_sub(began) >= learning && at.saturating_sub(program.since) < DAY;
    if first && program.up >= thresholds.transfer_first_bytes {
        let (up, fresh) = (program.up, program.say(FIRST, at, thresholds.story_seconds));
        let call = FlowCall { detector: DETECTOR.name, kind: Kind::ForeignTransfer, volume: Count::Known(0), fresh };
        teller.tell_flow(p, call, || {
            format!("{} sends out of Kazakhstan for the first time: {up} bytes, to {}", p.by(), p.to())
        });
    }
}
