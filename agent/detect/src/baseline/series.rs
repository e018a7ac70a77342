//! What is usual of one count, in bounded memory: a mean for every slot and how far counts scatter around it.
//!
//! Counts of people and rows scatter more than Poisson's law allows; the negative binomial law with variance
//! `mean + spread·mean²` fits them (J. Lawless, "Negative binomial and mixed Poisson regression", 1987). Means and spread
//! are exponentially weighted, of counts that are cut at a multiple of what was expected: Huber's way to keep one outlier
//! from moving a mean (P. Huber, "Robust estimation of a location parameter", 1964). An attacker can therefore move a mean
//! in one day by a bounded factor only.

use serde::{Deserialize, Serialize};

/// A number from 0 to 2^64 on a logarithmic scale of 1/1024 octave (0.07 %): whole numbers come back from a row as they
/// went in, floating-point texts need not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Level(u16);

const OCTAVE: f64 = 1_024.0;

impl Level {
    pub(super) fn of(number: f64) -> Level {
        Level(((number.max(0.0) + 1.0).log2() * OCTAVE).round() as u16)
    }

    pub(super) fn value(self) -> f64 {
        if self.0 == 0 { 0.0 } else { (f64::from(self.0) / OCTAVE).exp2() - 1.0 }
    }
}

/// How much a count of `count` says against a negative binomial law, in nats: the Chernoff bound of its upper tail
/// (H. Chernoff, 1952), `P(X ≥ count) ≤ e^-surprise`. With `spread` 0 it is Poisson's.
pub(super) fn surprise(count: f64, mean: f64, spread: f64) -> f64 {
    let mean = mean.max(1e-3);
    if count <= mean {
        return 0.0;
    }
    if spread < 1e-6 {
        return count * (count / mean).ln() - count + mean;
    }
    let shape = 1.0 / spread;
    count * (count / mean).ln() - (count + shape) * ((count + shape) / (mean + shape)).ln()
}

/// How much it says that `count` of `all` are what a share of `usual` is expected to be, in nats: the bound of Chernoff and
/// Hoeffding on the upper tail of the binomial law (W. Hoeffding, "Probability inequalities for sums of bounded random
/// variables", 1963, theorem 1), `all` times the divergence of Kullback and Leibler.
pub(super) fn surplus(count: f64, all: f64, usual: f64) -> f64 {
    let (share, usual) = ((count / all.max(1.0)).min(1.0), usual.clamp(1e-6, 1.0 - 1e-6));
    if share <= usual {
        return 0.0;
    }
    let rest = if share < 1.0 { (1.0 - share) * ((1.0 - share) / (1.0 - usual)).ln() } else { 0.0 };
    all * (share * (share / usual).ln() + rest)
}

/// Surprises of several days as that of all of them (R. Fisher, "Statistical Methods for Research Workers", 1932, section
/// 21.1): a sum `s` of `k` of them is reached by chance with `e^-s·(1 + s + … + s^(k-1)/(k-1)!)` at most. The first is
/// today's; of the days before it as many are taken as say most, and one nat is paid for the choice.
pub(super) fn together(today: f64, before: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut most) = (today, today);
    for (number, one) in before.into_iter().enumerate() {
        sum += one;
        let (mut ways, mut term) = (1.0, 1.0);
        for at in 0..=number {
            term *= sum / (at as f64 + 1.0);
            ways += term;
        }
        most = f64::max(most, sum - f64::ln(ways) - 1.0);
    }
    most
}

/// Surprise of what happened in `times` of `periods` before, and happens now: the estimate of Krichevsky and Trofimov
/// (1981), `(times + ½) / (periods + 1)`.
pub(super) fn rarity(times: u16, periods: u16) -> f64 {
    -((f64::from(times) + 0.5) / (f64::from(periods) + 1.0)).ln()
}

/// Scatter that is assumed before any was seen, and how many samples it weighs.
const PRIOR_SPREAD: f64 = 0.15;
const PRIOR_SAMPLES: u16 = 6;
/// Even a machine's counts scatter by a fifth.
const LEAST_SPREAD: f64 = 0.04;
const SPREAD_MEMORY: u16 = 96;
/// A count moves a mean as if it were at most so many times what was expected.
const CUT: f64 = 2.0;

/// One count to learn from.
pub(super) struct Lesson {
    pub(super) slot: usize,
    pub(super) count: f64,
    /// What was expected.
    pub(super) expected: f64,
    /// Counts that this slot has learnt from, and how many it remembers.
    pub(super) seen: u8,
    pub(super) memory: u8,
    /// What may be added although nothing was expected.
    pub(super) few: f64,
}

/// Means of the slots of a period, and the scatter of all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Series {
    slots: Vec<Level>,
    spread: Level,
    samples: u16,
    /// The highest count within memory.
    pub(super) most: u64,
}

impl Series {
    pub(super) fn mean(&self, slot: usize) -> f64 {
        self.slots.get(slot).map_or(0.0, |level| level.value())
    }

    /// Scatter of a new count around a mean of `mean` that was learnt from `seen` counts: its own, and that of the mean.
    pub(super) fn spread(&self, mean: f64, seen: f64) -> f64 {
        let own = if self.samples == 0 { PRIOR_SPREAD } else { self.spread.value() }.max(LEAST_SPREAD);
        own + (own + 1.0 / mean.max(0.25)) / (seen + 2.0)
    }

    pub(super) fn learn(&mut self, slots: usize, lesson: &Lesson) {
        if self.slots.len() != slots {
            self.slots = vec![Level::default(); slots];
        }
        let Some(level) = self.slots.get_mut(lesson.slot) else { return };
        let first = self.samples == 0;
        let most = if first { f64::INFINITY } else { CUT * lesson.expected + lesson.few };
        let mean = level.value();
        let weight = 1.0 / f64::from(lesson.seen.min(lesson.memory - 1) + 1);
        *level = Level::of(mean + weight * (lesson.count.min(most) - mean));
        // An hour without work says nothing about the scatter of work.
        let worked = lesson.count > 0.0;
        if worked && lesson.expected >= 1.0 && !first {
            let away = lesson.count.min(1.5 * most) - lesson.expected;
            // Of the distance the scatter of the mean itself is a part, and Poisson's.
            let apart = away / lesson.expected;
            let own = apart * apart / (1.0 + 1.0 / f64::from(lesson.seen.max(1))) - 1.0 / lesson.expected;
            let spread = if self.samples <= 1 { PRIOR_SPREAD } else { self.spread.value() };
            let weight = 1.0 / f64::from(self.samples.min(SPREAD_MEMORY) + PRIOR_SAMPLES);
            self.spread = Level::of(spread + weight * (own.clamp(0.0, CUT * spread + 0.1) - spread));
        }
        if worked {
            self.samples = self.samples.saturating_add(1);
        }
    }

    /// Takes note of the highest count of a period; an old one fades by half in `memory` periods or so.
    pub(super) fn peak(&mut self, count: u64, memory: u64) {
        self.most = (self.most - self.most.div_ceil(memory)).max(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_near_and_come_back() {
        for number in [0.0, 0.01, 1.0, 20.0, 214.0, 1e6, 1e12] {
            let back = Level::of(number).value();
            assert!((back - number).abs() <= 0.001 * number + 0.001, "{number}: {back}");
            assert_eq!(Level::of(back), Level::of(number));
        }
        assert!(Level::of(f64::INFINITY).value() > 1e19 && Level::of(f64::NAN).value() == 0.0);
    }

    /// The tail by adding up the law itself.
    fn tail(count: u64, mean: f64, spread: f64) -> f64 {
        let shape = 1.0 / spread;
        let chance = shape / (shape + mean);
        let mut at = chance.powf(shape);
        let mut below = 0.0;
        for number in 0..count {
            below += at;
            at *= (number as f64 + shape) / (number as f64 + 1.0) * (1.0 - chance);
        }
        1.0 - below
    }

    #[test]
    fn surprise_bounds_the_tail_and_grows() {
        for (mean, spread) in [(1.0, 0.1), (10.0, 0.05), (10.0, 0.5), (90.0, 0.1)] {
            let mut before = 0.0;
            for times in 1..8 {
                let count = (mean * f64::from(times)) as u64;
                let says = surprise(count as f64, mean, spread);
                assert!(tail(count, mean, spread) <= (-says).exp() + 1e-9, "{count} at {mean}, {spread}");
                assert!(says >= before);
                before = says;
            }
        }
        // Less scatter, more surprise.
        assert!(surprise(30.0, 10.0, 0.0) > surprise(30.0, 10.0, 0.05));
        assert!((surprise(30.0, 10.0, 1e-9) - surprise(30.0, 10.0, 1e-5)).abs() < 0.1);
    }

    #[test]
    fn days_together_say_more_than_one_and_less_than_their_sum() {
        assert_eq!(together(9.0, []), 9.0);
        assert_eq!(together(9.0, [0.0, 0.0]), 9.0);
        let two = together(8.0, [8.0]);
        assert!((two - (15.0 - 17_f64.ln())).abs() < 1e-9, "{two}");
        assert!(together(8.0, [8.0, 8.0]) > two);
        assert_eq!(together(0.5, [0.5, 0.5]), 0.5);
    }

    #[test]
    fn surplus_bounds_the_binomial_tail() {
        for (all, usual) in [(20_u32, 0.02_f64), (40, 0.1), (60, 0.5)] {
            for count in 0..=all {
                let law = |number: u32| {
                    let ways = (0..number).fold(1.0, |ways, at| ways * f64::from(all - at) / f64::from(at + 1));
                    ways * usual.powi(number as i32) * (1.0 - usual).powi((all - number) as i32)
                };
                let tail: f64 = (count..=all).map(law).sum();
                let says = surplus(f64::from(count), f64::from(all), usual);
                assert!(tail <= (-says).exp() + 1e-9, "{count} of {all} at {usual}: {tail} {says}");
            }
        }
    }

    #[test]
    fn one_count_moves_a_mean_by_a_bounded_factor() {
        let mut series = Series::default();
        let mut seen = 0;
        for count in [20.0, 22.0, 18.0, 21.0, 19.0, 20.0, 20.0, 20.0] {
            let expected = if seen == 0 { count } else { series.mean(0) };
            series.learn(1, &Lesson { slot: 0, count, expected, seen, memory: 8, few: 3.0 });
            seen += 1;
        }
        let before = series.mean(0);
        assert!((before - 20.0).abs() < 1.5, "{before}");
        assert!(surprise(100.0, before, series.spread(before, 8.0)) > 12.0);
        series.learn(1, &Lesson { slot: 0, count: 1e9, expected: before, seen, memory: 8, few: 3.0 });
        assert!(series.mean(0) < before * 1.2, "{}", series.mean(0));
    }
}
