//! One group of one correlation: what hit in its timespan, in bounded memory.
//!
//! Entries are exact until there are more than [`Shape::most`] of them. Then counts, sums and meetings keep their times
//! only to a fraction of the timespan; distinct values and percentiles keep a sample. The sample of distinct values is
//! adaptive (P. Flajolet, "On adaptive sampling", Computing 43, 1990): values whose hash ends in so many zero bits stand
//! for 2^bits values each. Unlike registers of a HyperLogLog it forgets what leaves a sliding window, and a window is
//! exact again when nothing was left out in it. A sample has 256 entries at least: the standard error of a count of values
//! is below 1/√256, of a percentile's rank below 0.5/√256.

use super::resolve::RULES;
use crate::condition::Condition;
use crate::correlation::{Correlation, CorrelationKind, Threshold};
use crate::program::Number;
use serde::{Deserialize, Serialize};

/// Most entries of a window.
const MOST: usize = 8_192;
/// Most bits of the sample.
const FINEST: u8 = 48;
/// Entries that are looked at for a hit out of order, in all windows that it is in; of more windows some are left out.
const LOOKED_AT: usize = 32_768;
/// Crossings of a group that are remembered.
const CROSSINGS: usize = 4;

/// How the windows of one correlation are kept.
#[derive(Debug)]
pub(super) struct Shape {
    kind: CorrelationKind,
    /// Microseconds.
    pub(super) timespan: i64,
    lateness: i64,
    most: usize,
    parts: usize,
    percentile: f64,
    threshold: Threshold,
}

impl Shape {
    pub(super) fn new(correlation: &Correlation, lateness: i64) -> Self {
        let kind = correlation.kind;
        let highest = match &correlation.threshold {
            Threshold::Numbers(numbers) if !kind.of_field() || kind == CorrelationKind::ValueCount => {
                numbers.iter().map(|(_, number)| *number).fold(0.0, f64::max)
            }
            _ => 0.0,
        };
        let parts = correlation.rules.len().clamp(1, RULES);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
        let twice = (2.0 * highest) as usize;
        // Twice the threshold: what is estimated is far above it.
        let most = twice.max(MOST / RULES * parts).clamp(512, MOST);
        let timespan = i64::try_from(correlation.timespan).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let (percentile, threshold) = (correlation.percentile, correlation.threshold.clone());
        Self { kind, timespan, lateness, most, parts, percentile, threshold }
    }

    fn sampled(&self) -> bool {
        matches!(self.kind, CorrelationKind::ValueCount | CorrelationKind::ValuePercentile)
    }

    /// A hit as long after `latest` shares no window with what hit before.
    pub(super) fn kept(&self) -> i64 {
        self.timespan.saturating_add(self.lateness)
    }

    fn holds(&self, number: f64, met: u64) -> bool {
        match &self.threshold {
            Threshold::Numbers(numbers) => {
                numbers.iter().all(|(order, limit)| Number::Float(number).is(*order, Number::Float(*limit)))
            }
            Threshold::Rules(condition) => {
                // What hit has to be in order too, whatever the condition asks for.
                #[allow(clippy::cast_precision_loss, reason = "at most 64")]
                let ordered = self.kind != CorrelationKind::TemporalOrdered || number >= f64::from(met.count_ones());
                ordered && holds(condition, met)
            }
        }
    }
}

fn holds(condition: &Condition, met: u64) -> bool {
    let hit = |name: &usize| met >> name & 1 == 1;
    match condition {
        Condition::Of(name) => hit(name),
        Condition::And(parts) => parts.iter().all(|part| holds(part, met)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, met)),
        Condition::Not(part) => !holds(part, met),
        Condition::AtLeast(least, names) => names.iter().filter(|name| hit(name)).count() >= *least,
    }
}

/// When, what and how often. What: the bits of a number, the hash of a value, the position of a rule. A value that came
/// again later has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(i64, u64, u32)", into = "(i64, u64, u32)")]
struct Entry {
    at: i64,
    what: u64,
    times: u32,
}

impl From<(i64, u64, u32)> for Entry {
    fn from((at, what, times): (i64, u64, u32)) -> Self {
        Self { at, what, times }
    }
}

impl From<Entry> for (i64, u64, u32) {
    fn from(entry: Entry) -> Self {
        (entry.at, entry.what, entry.times)
    }
}

/// The window of a group, and what was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// In order.
    entries: Vec<Entry>,
    /// The latest hit.
    latest: i64,
    /// Bits of the sample now.
    bits: u8,
    /// When a value was left out last, at each number of bits from 1.
    left_out: Vec<i64>,
    /// Times were merged since the window was empty.
    merged: bool,
    /// The condition was false, or never true, at the latest hit.
    armed: bool,
    /// Ends of windows that were told.
    crossings: Vec<i64>,
}

impl Default for Window {
    fn default() -> Self {
        let (entries, left_out, crossings) = (Vec::new(), Vec::new(), Vec::new());
        Self { entries, latest: i64::MIN, bits: 0, left_out, merged: false, armed: true, crossings }
    }
}

/// A window whose condition holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// The first hit in it.
    pub(super) began: i64,
    /// The last hit in it.
    pub(super) end: i64,
    /// What was counted.
    pub(super) number: f64,
    /// How many hits or numbers are in it.
    pub(super) count: u64,
    /// Which rules hit in it, one bit each; every one where that is not known.
    pub(super) met: u64,
    /// The number is an estimate.
    pub(super) about: bool,
    /// Not told before.
    pub(super) crossing: bool,
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn latest(&self) -> i64 {
        self.latest
    }

    /// Whether it can be ours; a store may be damaged.
    pub(super) fn sound(&self) -> bool {
        let sizes = self.entries.len() <= MOST && self.left_out.len() <= usize::from(FINEST);
        sizes && self.bits <= FINEST && self.crossings.len() <= CROSSINGS && self.entries.is_sorted()
    }

    /// Takes in what hit at `at`, and looks whether the condition holds in a window with it. `Err`: it came too late.
    pub(super) fn push(&mut self, shape: &Shape, at: i64, whats: &[u64]) -> Result<Option<Seen>, ()> {
        if at < self.latest.saturating_sub(shape.lateness) {
            return Err(());
        }
        let in_order = at >= self.latest;
        self.latest = self.latest.max(at);
        let kept = self.latest.saturating_sub(shape.kept());
        self.entries.drain(..self.entries.partition_point(|entry| entry.at < kept));
        while self.left_out.pop_if(|last| *last < kept).is_some() {}
        if self.entries.is_empty() {
            (self.merged, self.bits) = (false, 0);
        }
        while self.bits > 0 && self.entries.len() - self.before(shape) < shape.most / 4 {
            self.bits -= 1;
        }
        for &what in whats {
            self.insert(shape, at, what);
        }
        if self.entries.len() > shape.most {
            if shape.sampled() { self.thin(shape) } else { self.merge(shape) }
        }
        Ok(self.look(shape, at, in_order))
    }

    fn insert(&mut self, shape: &Shape, at: i64, what: u64) {
        if shape.sampled() && !stays(shape.kind, at, what, self.bits) {
            return self.leave_out(self.bits, at);
        }
        let mut times = 1;
        if shape.kind == CorrelationKind::ValueCount
            && let Some(last) = self.entries.iter_mut().rfind(|entry| entry.what == what && entry.times > 0)
        {
            // Only the last time of a value counts in windows that end now; the others matter to late hits.
            match last.at.cmp(&at) {
                std::cmp::Ordering::Less => last.times = 0,
                std::cmp::Ordering::Equal => return,
                std::cmp::Ordering::Greater => times = 0,
            }
        }
        match self.entries.binary_search_by_key(&(at, what), |entry| (entry.at, entry.what)) {
            Ok(there) => self.entries[there].times = self.entries[there].times.saturating_add(times),
            Err(place) => self.entries.insert(place, Entry { at, what, times }),
        }
    }

    /// How many entries are in no window that ends now.
    fn before(&self, shape: &Shape) -> usize {
        let start = self.latest.saturating_sub(shape.timespan);
        self.entries.partition_point(|entry| entry.at < start)
    }

    fn leave_out(&mut self, bits: u8, at: i64) {
        let bits = usize::from(bits);
        if self.left_out.len() < bits {
            self.left_out.resize(bits, i64::MIN);
        }
        if let Some(last) = bits.checked_sub(1).and_then(|bits| self.left_out.get_mut(bits)) {
            *last = (*last).max(at);
        }
    }

    /// Keeps a sample.
    fn thin(&mut self, shape: &Shape) {
        self.entries.retain(|entry| entry.times > 0);
        // What only hits out of order would ask for makes room first.
        let before = self.before(shape);
        if self.entries.len() > shape.most && self.entries.len() - before <= shape.most / 2 {
            self.entries.drain(..before);
        }
        while self.entries.len() > shape.most && self.bits < FINEST {
            self.bits += 1;
            let (bits, mut last) = (self.bits, i64::MIN);
            self.entries.retain(|entry| {
                let stays = stays(shape.kind, entry.at, entry.what, bits);
                last = if stays { last } else { last.max(entry.at) };
                stays
            });
            self.leave_out(bits, last);
        }
        let more = self.entries.len().saturating_sub(shape.most);
        self.entries.drain(..more);
    }

    /// Keeps times only to a part of the timespan: entries of one slot become one, at the last of their times.
    fn merge(&mut self, shape: &Shape) {
        let slots = i64::try_from(shape.most / 2 / shape.parts).unwrap_or(1).max(1);
        let width = (shape.kept() / slots).max(1);
        let numbers = shape.kind.of_field();
        let (mut merged, mut first, mut slot): (Vec<Entry>, usize, i64) = (Vec::new(), 0, i64::MIN);
        for entry in &self.entries {
            if entry.at.div_euclid(width) != slot {
                (slot, first) = (entry.at.div_euclid(width), merged.len());
            }
            match merged[first..].iter_mut().find(|other| numbers || other.what == entry.what) {
                None => merged.push(*entry),
                Some(other) => {
                    let times = other.times.saturating_add(entry.times);
                    if numbers {
                        let sum = value(other) * f64::from(other.times) + value(entry) * f64::from(entry.times);
                        other.what = (sum / f64::from(times.max(1))).to_bits();
                    }
                    (other.at, other.times) = (other.at.max(entry.at), times);
                }
            }
        }
        merged.sort_unstable();
        (self.entries, self.merged) = (merged, true);
    }

    /// The first window with a hit at `at` in which the condition holds.
    fn look(&mut self, shape: &Shape, at: i64, in_order: bool) -> Option<Seen> {
        let found = if in_order {
            self.seen(shape, at)
        } else {
            let until = at.saturating_add(shape.timespan);
            let later = self.entries.iter().map(|entry| entry.at).filter(|end| (at..=until).contains(end));
            let mut ends: Vec<i64> = later.chain((self.latest <= until).then_some(self.latest)).collect();
            ends.dedup();
            // The last is always among them.
            let step = 1 + ends.len() * self.entries.len() / LOOKED_AT;
            ends.reverse();
            ends.iter().step_by(step).rev().find_map(|end| self.seen(shape, *end))
        };
        let Some(mut seen) = found else {
            self.armed |= in_order;
            return None;
        };
        let near = |end: &i64| seen.end.abs_diff(*end) <= shape.timespan.unsigned_abs();
        seen.crossing = (in_order && self.armed) || !self.crossings.iter().any(near);
        if seen.crossing {
            if self.crossings.len() == CROSSINGS {
                self.crossings.remove(0);
            }
            self.crossings.push(seen.end);
        }
        if self.latest.saturating_sub(seen.end) <= shape.timespan {
            self.armed = false;
        }
        Some(seen)
    }

    /// The window that ends at `end`, where its condition holds.
    fn seen(&self, shape: &Shape, end: i64) -> Option<Seen> {
        let start = end.saturating_sub(shape.timespan);
        let from = self.entries.partition_point(|entry| entry.at < start);
        let to = self.entries.partition_point(|entry| entry.at <= end);
        let entries = &self.entries[from..to];
        let bits = (1..).zip(&self.left_out).filter(|(_, last)| **last >= start).map(|(bits, _)| bits).max();
        let bits: u8 = if shape.sampled() { bits.unwrap_or(0) } else { 0 };
        let (number, count, met) = match shape.kind {
            CorrelationKind::EventCount => {
                let hits = total(entries.iter());
                (float(hits), hits, met(entries))
            }
            CorrelationKind::ValueCount if entries.is_empty() => return None,
            CorrelationKind::ValueCount => {
                let values = self.values(shape, entries, end, bits);
                (float(values), values, u64::MAX)
            }
            CorrelationKind::ValueSum => (sum(entries)?, total(entries.iter()), u64::MAX),
            CorrelationKind::ValueAvg => {
                let numbers = total(entries.iter());
                (sum(entries)? / float(numbers), numbers, u64::MAX)
            }
            CorrelationKind::ValuePercentile => {
                let (number, count) = percentile(shape, entries, bits)?;
                (number, count, u64::MAX)
            }
            CorrelationKind::Temporal => {
                let met = met(entries);
                (f64::from(met.count_ones()), total(entries.iter()), met)
            }
            CorrelationKind::TemporalOrdered => (f64::from(in_order(entries)), total(entries.iter()), met(entries)),
        };
        let began = entries.first().map_or(end, |entry| entry.at);
        let about = bits > 0 || self.merged;
        shape.holds(number, met).then_some(Seen { began, end, number, count, met, about, crossing: false })
    }

    fn values(&self, shape: &Shape, entries: &[Entry], end: i64, bits: u8) -> u64 {
        let sampled = entries.iter().filter(|entry| stays(shape.kind, entry.at, entry.what, bits));
        let values = if end >= self.latest {
            total(sampled)
        } else {
            let mut values: Vec<u64> = sampled.map(|entry| entry.what).collect();
            values.sort_unstable();
            values.dedup();
            values.len() as u64
        };
        values << bits
    }
}

#[allow(clippy::cast_precision_loss, reason = "so many hits do not fit a window")]
fn float(number: u64) -> f64 {
    number as f64
}

fn value(entry: &Entry) -> f64 {
    f64::from_bits(entry.what)
}

fn total<'a>(entries: impl Iterator<Item = &'a Entry>) -> u64 {
    entries.map(|entry| u64::from(entry.times)).sum()
}

fn sum(entries: &[Entry]) -> Option<f64> {
    // No number is not the number 0.
    let sum = || entries.iter().map(|entry| value(entry) * f64::from(entry.times)).sum();
    (!entries.is_empty()).then(sum)
}

fn met(entries: &[Entry]) -> u64 {
    entries.iter().fold(0, |met, entry| met | 1 << (entry.what & 63))
}

/// The percentile, between its two neighbours as they are far from it, and how many numbers it is of.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is less than the count")]
fn percentile(shape: &Shape, entries: &[Entry], bits: u8) -> Option<(f64, u64)> {
    let sampled = entries.iter().filter(|entry| stays(shape.kind, entry.at, entry.what, bits));
    let mut numbers: Vec<(f64, u32)> = sampled.map(|entry| (value(entry), entry.times)).collect();
    numbers.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let count: u64 = numbers.iter().map(|(_, times)| u64::from(*times)).sum();
    let rank = float(count.checked_sub(1)?) * (shape.percentile / 100.0).clamp(0.0, 1.0);
    let at = |rank: f64| {
        let mut before = 0;
        let mut found = numbers.iter().map(|(number, times)| {
            before += u64::from(*times);
            (*number, before)
        });
        found.find(|(_, before)| *before > rank as u64).map(|(number, _)| number)
    };
    let (low, high) = (at(rank.floor())?, at(rank.ceil())?);
    // Neighbours may be so far apart that no number says how far.
    let number = if low == high { low } else { low * (1.0 - rank.fract()) + high * rank.fract() };
    Some((number, count << bits))
}

/// How many rules hit one behind the other; what hit at the same time is in order.
fn in_order(entries: &[Entry]) -> u32 {
    let mut longest = [0_u32; RULES];
    for entry in entries {
        // In the order of their rules where the times are equal.
        let rule = entry.what as usize & (RULES - 1);
        let before = longest[..rule].iter().max().copied().unwrap_or(0);
        longest[rule] = longest[rule].max(before + 1);
    }
    longest.into_iter().max().unwrap_or(0)
}

/// Whether an entry is in the sample of so many bits. Hashes of values are keyed; what is sampled of numbers does not
/// depend on their size.
fn stays(kind: CorrelationKind, at: i64, what: u64, bits: u8) -> bool {
    let mixed = || if kind == CorrelationKind::ValueCount { what } else { what ^ mix(at.cast_unsigned()) };
    bits == 0 || mix(mixed()).trailing_zeros() >= u32::from(bits)
}

/// The finaliser of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
