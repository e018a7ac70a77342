//! Declared jobs at work: how often each ran today and how many rows it moved, so that one run too many is no expected
//! work any more; and how much was expected, because what is passed over is counted.

use crate::engine::Row;
use crate::hash;
use crate::policy::{Condition, Policy};
use crate::shelf::Shelf;
use crate::suppress::{Counted, JOB, row_key, row_name};
use kuzet_event::{Count, Event, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Begins the row keys of what a job did on a day.
const DAY_TAG: u8 = b'j';
/// Days of jobs and stores that are remembered.
const DAYS: usize = 4_096;
/// Sessions of a day that are told apart.
pub(crate) const MOST_RUNS: u64 = 64;
/// Work without a session goes on in the run before, if it is not later than that.
const PAUSE_MICROS: i64 = 15 * 60 * 1_000_000;

/// What a job did to one store on its latest day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Day {
    number: i64,
    /// Sessions, which are its runs.
    runs: Vec<u64>,
    rows: u64,
    last: i64,
}

/// The jobs of a policy.
pub(crate) struct Jobs {
    days: Shelf<(u8, u128, u64), Day>,
    /// Events that each explained.
    expected: BTreeMap<String, (Counted, bool)>,
}

/// One touch of a store that a job may explain.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) event: &'a Event,
    pub(crate) store: u64,
    /// Rows that this record adds.
    pub(crate) rows: Count,
}

impl Jobs {
    /// The jobs of `policy`, without a past.
    pub(crate) fn new(policy: Option<&Policy>) -> Jobs {
        let names = policy.into_iter().flat_map(Policy::jobs);
        Jobs {
            days: Shelf::new(DAY_TAG, DAYS),
            expected: names.map(|job| (job.name.clone(), (Counted::default(), false))).collect(),
        }
    }

    /// Notes the work of a job on one store; gives the limit of the day that it breaks, with what it has come to.
    pub(crate) fn meet(
        &mut self,
        policy: &Policy,
        rule: u16,
        work: Work<'_>,
        clock: &mut u64,
    ) -> Option<(Condition, u64)> {
        let job = policy.job(rule)?;
        if job.max_runs_per_day.is_none() && job.max_rows_per_day.is_none() {
            return None;
        }
        let at = work.event.at;
        let key = (0, hash::wide(&[job.name.as_bytes()]), work.store);
        let (day, _) = self.days.entry(key, clock);
        let number = policy.day_of(rule, at);
        if number > day.number {
            *day = Day { number, ..Day::default() };
        }
        let session = work.event.session.0;
        let paused = at.0.saturating_sub(day.last) > PAUSE_MICROS;
        let fresh = if session == 0 { day.runs.is_empty() || paused } else { !day.runs.contains(&session) };
        day.last = day.last.max(at.0);
        day.rows = day.rows.saturating_add(work.rows.known().unwrap_or(0));
        if fresh && job.max_runs_per_day.is_some() {
            let runs = day.runs.len() as u64;
            if let Some(most) = job.max_runs_per_day.filter(|most| runs >= *most) {
                return Some((Condition::RunsPerDay, most.saturating_add(1)));
            }
            // Sessions of a run without one are told apart by their time.
            day.runs.push(if session == 0 { at.0.cast_unsigned() } else { session });
        }
        let many = job.max_rows_per_day.is_some_and(|most| day.rows > most);
        many.then_some((Condition::RowsPerDay, day.rows))
    }

    /// Counts what a job explains.
    pub(crate) fn expect(&mut self, policy: &Policy, rule: u16, events: u64, at: Timestamp) {
        let Some((counted, dirty)) = policy.job(rule).and_then(|job| self.expected.get_mut(&job.name)) else { return };
        counted.times = counted.times.saturating_add(events);
        counted.last = counted.last.max(Some(at));
        *dirty |= events > 0;
    }

    /// What each explained since it was first declared.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&str, Counted)> {
        self.expected.iter().map(|(name, (counted, _))| (name.as_str(), *counted))
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.days.changes(rows);
        for (name, (counted, dirty)) in &mut self.expected {
            if std::mem::take(dirty) {
                rows.push((row_key(JOB, name), serde_json::to_vec(counted).ok()));
            }
        }
    }

    /// Takes back rows of [`changes`](Jobs::changes); gives the highest clock among them.
    pub(crate) fn restore(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) -> u64 {
        for (key, value) in rows {
            let name = row_name(key, JOB);
            if let Some((counted, _)) = name.and_then(|name| self.expected.get_mut(name))
                && let Ok(saved) = serde_json::from_slice(value)
            {
                *counted = saved;
            }
        }
        let days = rows.iter().filter_map(|(key, value)| self.days.read(key, value)).collect();
        self.days.fill(days)
    }

    /// Whether a row may be one of these.
    pub(crate) fn has_row(key: &[u8]) -> bool {
        key.first() == Some(&DAY_TAG) || row_name(key, JOB).is_some()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.days.evicted
    }

    pub(crate) fn len(&self) -> usize {
        self.days.len()
    }
}

#[cfg(test)]
mod tests;
