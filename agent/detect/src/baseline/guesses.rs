//! How many of the identity numbers asked for nobody has: a wrong check digit where the log gives no rows, no row where it does.
//!
//! Who types mistypes now and then, and who scores applicants asks for people that are not clients yet: each principal
//! has a share of its own. Who tries numbers fails at almost all of them.

use super::profile::{Hour, PEOPLE};
use super::series::surplus;
use super::{Baseline, Profile, Sight, Verdict};
use serde::{Deserialize, Serialize};

pub(super) static BASELINE: Baseline = Baseline { name: "guesses", judge };

/// Fewer of an hour are slips.
pub(super) const LEAST: u64 = 8;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let (live, at) = (sight.live, sight.moment);
    let failed = live.failed.count();
    let asked = live.people.count().max(failed);
    let own = sight.known.then_some(sight.own);
    let peers = sight.peers.filter(|_| live.kin || own.is_none());
    let share = |profile: &Profile| profile.failures.share();
    let usual = own.map_or(0.0, share).max(peers.map_or(0.0, share));
    if failed < LEAST || own.is_none() && peers.is_none() {
        return None;
    }
    if surplus(failed as f64, asked as f64, usual) < sight.thresholds.baseline_surprise as f64 {
        return None;
    }
    let percent = |share: f64| (share * 100.0).ceil();
    let whose = match (own, peers) {
        (Some(own), Some(peers)) => {
            let (own, peers, members) = (percent(share(own)), percent(share(peers)), peers.members.len());
            format!("{own} % are usual, {peers} % among {members} peers")
        }
        (Some(own), None) => format!("{} % are usual", percent(share(own))),
        _ => format!("it is still learnt; {} % are usual among its peers", percent(usual)),
    };
    let (from, to) = (at.of_day, at.of_day + 1);
    let said = format!(
        "asked store {} for {failed} identity numbers that nobody has, of {asked}, on a {} between {from} and {to} h; {whose}",
        sight.store, at.name
    );
    Some(Verdict { what: 0, count: failed, said })
}

/// How many of the numbers asked for nobody has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Failures {
    asked: u32,
    failed: u32,
}

impl Failures {
    const MEMORY: u32 = 4_096;
    /// What is taken for granted before any was asked for: one in fifty is mistyped.
    const PRIOR: (f64, f64) = (1.0, 50.0);

    pub(super) fn share(&self) -> f64 {
        (f64::from(self.failed) + Failures::PRIOR.0) / (f64::from(self.asked) + Failures::PRIOR.1)
    }

    /// An hour moves the share as if at most the double of what is usual had failed.
    pub(super) fn learn(&mut self, hour: &Hour) {
        let asked = hour.counts[PEOPLE].max(hour.failed).min(u64::from(Failures::MEMORY));
        let most = (2.0 * self.share() * asked as f64) as u64 + 2;
        self.asked += asked as u32;
        self.failed += hour.failed.min(most) as u32;
        if self.asked > Failures::MEMORY {
            (self.asked, self.failed) = (self.asked / 2, self.failed / 2);
        }
    }
}
