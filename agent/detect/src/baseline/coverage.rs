//! How much of a store a principal goes through by ranges of keys in four weeks: a table taken page by page, each page below
//! every limit, adds up to the table.
//!
//! Pages of different ranges hold different people, so that their rows add up where lookups of the same clients would
//! not; a screen turns a few pages, a batch that walks every week has that as its past.

use super::profile::week;
use super::{Baseline, Sight, Verdict};
use serde::{Deserialize, Serialize};

pub(super) static BASELINE: Baseline = Baseline { name: "coverage", judge };

/// Part of the store's people from which it is one.
const PART: u64 = 5;
/// Times the weeks before.
const MORE: u64 = 2;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let (own, thresholds) = (sight.own, sight.thresholds);
    // Nobody knows yet what a newcomer's batches are; who was known before he came to this store is no newcomer.
    if sight.live.walked == 0 || !sight.known && own.settled < thresholds.baseline_days {
        return None;
    }
    let persons = sight.persons.known()?;
    let (this, before) = own.walks.sums(sight.moment.day(), sight.live.walked);
    let earlier = before.iter().fold(0, |sum: u64, rows| sum.saturating_add(*rows));
    let (all, weeks) = (this.saturating_add(earlier), before.len() as u64);
    let usual = earlier.checked_div(weeks).unwrap_or(0);
    if all < thresholds.baseline_rows.max(persons / PART) || this < usual.saturating_mul(MORE) {
        return None;
    }
    let said = format!(
        "went through {all} rows of store {} by ranges of keys within {} weeks, {this} of them in this one; {persons} people \
         are in it, {usual} rows a week were usual",
        sight.store,
        Walks::WINDOW
    );
    Some(Verdict { what: 0, count: all, said })
}

/// Rows that ranges of keys asked for, week by week.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Walks {
    /// The last week of `weeks`.
    last: i64,
    weeks: Vec<u64>,
}

impl Walks {
    /// Weeks that are looked back.
    pub(super) const WINDOW: usize = 4;

    pub(super) fn add(&mut self, week: i64, rows: u64) {
        if rows == 0 {
            return;
        }
        self.reach(week);
        if let Some(sum) = self.weeks.last_mut() {
            *sum = sum.saturating_add(rows);
        }
    }

    fn reach(&mut self, week: i64) {
        let missing = if self.weeks.is_empty() { 1 } else { (week - self.last).clamp(0, Walks::WINDOW as i64) };
        self.weeks.extend((0..missing).map(|_| 0));
        self.weeks.drain(..self.weeks.len().saturating_sub(Walks::WINDOW));
        self.last = self.last.max(week);
    }

    /// Rows of the week of `day` and of the weeks before it, the hour that is going on included.
    pub(super) fn sums(&self, day: i64, more: u64) -> (u64, Vec<u64>) {
        let mut now = self.clone();
        now.reach(week(day));
        let this = now.weeks.pop().unwrap_or(0).saturating_add(more);
        (this, now.weeks)
    }
}
