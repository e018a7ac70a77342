//! A principal that comes from another network, with another program or with a statement that it never used, weighed by
//! how often it brings something new.
//!
//! The detector `first_seen` tells who is new at a store for everybody, once and always. This one knows each principal by
//! itself: a program that all others use is new to the one role that never did, and a statement of its own is nothing to
//! an analyst who writes new ones each day. What `first_seen` tells is not weighed here again.

use super::profile::{NETWORK, PROGRAM, SHAPE};
use super::{Baseline, Sight, Verdict, network};

pub(super) static BASELINE: Baseline = Baseline { name: "novelty", judge };

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let new = &sight.new;
    // One new thing is a day of work; two that are rare, together in one statement, are none.
    let kinds = [NETWORK, PROGRAM, SHAPE].iter().filter(|kind| new.mask & (1 << **kind) != 0).count();
    if !sight.known || kinds < 2 || new.rarity < sight.thresholds.baseline_surprise as f64 * 0.7 {
        return None;
    }
    let mut what = Vec::new();
    if new.mask & (1 << NETWORK) != 0 {
        what.push(format!("from {}", network(&sight.actor.client).unwrap_or_default()));
    }
    if new.mask & (1 << PROGRAM) != 0 {
        what.push(format!("with {}", sight.actor.program));
    }
    if new.mask & (1 << SHAPE) != 0 {
        what.push("with a statement of a new shape".to_owned());
    }
    let (hours, novel) = (sight.own.habits.hours, sight.own.habits.novel[SHAPE]);
    let said = format!(
        "is at store {} {}, all of it new for it; in {hours} hours of work {novel} brought a new statement",
        sight.store,
        what.join(", ")
    );
    Some(Verdict { what: u32::from(new.mask), count: 1, said })
}
