//! How many different people a story touched: exact keyed set, sketch above it, bounds with the method told.

use crate::Sketch;
use kuzet_event::{Count, PersonKey};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// What the numbers of [`People`] rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Distinct identifiers in predicates and parameters, counted one by one.
    IdentifiersExact,
    /// The same, estimated with HyperLogLog: more than 100,000 people.
    IdentifiersEstimated,
    /// The same, estimated early because all open stories together held too many people.
    EstimatedForMemory,
    /// Rows that the server measured bound it from above: one row, one person at most.
    RowsMeasured,
    /// Row counts of the log bound it from above: one row, one person at most.
    RowCounts,
    /// What the statement asks for bounds it from above: single values, its LIMIT.
    StatementText,
    /// The number of people in the catalogue bounds it from above.
    CatalogueSize,
    /// Nothing bounds it from above: rows are unknown and the catalogue gives no number.
    NoUpperBound,
    /// The kind of incident moves no records of people.
    NoRecords,
}

/// Distinct people affected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// Distinct identifiers seen in predicates and parameters.
    pub distinct_identified: u64,
    /// Relative standard error of that number; `null` when it is exact.
    pub standard_error: Option<f64>,
    /// Lower bound.
    pub at_least: u64,
    /// Upper bound; `null` is unknown.
    pub at_most: Count,
    /// What both rest on.
    pub method: Vec<Method>,
}

/// Keys are uniform: the low half is a good hash, and nothing random may show.
#[derive(Clone, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = ((key as u64) ^ ((key >> 64) as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The set behind [`People`]: exact, then a sketch, then (when nothing can join any more) only the numbers.
#[derive(Default)]
pub(crate) struct PeopleSet {
    exact: HashSet<u128, BuildHasherDefault<KeyHasher>>,
    sketch: Option<Sketch>,
    /// Keys not yet handed to the store.
    fresh: Vec<PersonKey>,
    /// The sketch changed since it was handed to the store.
    dirty: bool,
}

impl PeopleSet {
    /// From the store.
    pub(crate) fn restore(keys: &[PersonKey], sketch: Option<Sketch>) -> PeopleSet {
        let exact = if sketch.is_some() { HashSet::default() } else { keys.iter().map(|key| key.0).collect() };
        PeopleSet { exact, sketch, fresh: Vec::new(), dirty: false }
    }

    /// Keys held one by one.
    pub(crate) fn held(&self) -> usize {
        self.exact.len()
    }

    /// The sketch, if it changed since the last call.
    pub(crate) fn take_sketch(&mut self) -> Option<Sketch> {
        std::mem::take(&mut self.dirty).then(|| self.sketch.clone()).flatten()
    }

    pub(crate) fn take_fresh(&mut self) -> Vec<PersonKey> {
        std::mem::take(&mut self.fresh)
    }

    /// Adds people; true when the exact set became too large and turned into a sketch.
    pub(crate) fn add(&mut self, keys: &[PersonKey], limit: usize) -> bool {
        for (index, key) in keys.iter().enumerate() {
            if let Some(sketch) = &mut self.sketch {
                sketch.insert(*key);
                self.dirty = true;
            } else if self.exact.insert(key.0) {
                self.fresh.push(*key);
                if self.exact.len() > limit {
                    self.spill();
                    self.add(&keys[index + 1..], limit);
                    return true;
                }
            }
        }
        false
    }

    /// Turns the exact set into a sketch and frees it.
    pub(crate) fn spill(&mut self) {
        let sketch = self.sketch.get_or_insert_default();
        for key in &self.exact {
            sketch.insert(PersonKey(*key));
        }
        self.exact = HashSet::default();
        self.fresh = Vec::new();
        self.dirty = true;
    }
}

/// Sums behind the bounds; kept with the story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// Sum of the upper bounds of all parts.
    pub(crate) upper: u64,
    /// A part has no upper bound.
    pub(crate) unbounded: bool,
    /// Rows took part in `upper`.
    pub(crate) rows: bool,
    /// A part is bounded by what its statement asks for.
    pub(crate) text: bool,
    /// A part is bounded by the catalogue.
    pub(crate) catalogue: bool,
    /// A part moves records.
    pub(crate) records: bool,
    /// People in the store, as far as a catalogue tells.
    pub(crate) persons: Option<u64>,
    /// Exact count at the time the set was turned into a sketch: a lower bound for ever.
    pub(crate) floor: u64,
    /// The set was turned into a sketch to save memory.
    pub(crate) for_memory: bool,
    /// A part packs many people into one row: rows bound nothing.
    #[serde(default)]
    pub(crate) packed: bool,
    /// Rows of all parts as measured by the server, where that covers them all.
    #[serde(default)]
    pub(crate) measured: Option<u64>,
}

impl Bounds {
    /// One more part: `hidden` when the log does not give its rows or they do not stand for people one to one. Gives how
    /// many people it may be.
    pub(crate) fn part(&mut self, rows: Count, hidden: bool, at_most: Count, persons: Count) -> u64 {
        self.records = true;
        if let Count::Known(persons) = persons {
            self.persons = Some(self.persons.unwrap_or(0).max(persons));
        }
        let upper = match (at_most, rows) {
            // The detector knows best: it saw every statement of this part.
            (Count::Known(people), Count::Known(rows)) if people <= rows => {
                self.rows = true;
                people
            }
            (Count::Known(people), _) => {
                let all = persons.known().is_none_or(|persons| people >= persons);
                *(if all { &mut self.catalogue } else { &mut self.text }) = true;
                people
            }
            (Count::Unknown, Count::Known(rows)) if !hidden => {
                self.rows = true;
                rows
            }
            _ => {
                self.unbounded = true;
                0
            }
        };
        self.upper = self.upper.saturating_add(upper);
        upper
    }

    /// The numbers to show.
    pub(crate) fn people(&self, set: &PeopleSet) -> People {
        let mut people = People::default();
        let ceiling;
        if let Some(sketch) = &set.sketch {
            let (estimate, error) = (sketch.estimate(), Sketch::STANDARD_ERROR);
            people.distinct_identified = (estimate.round() as u64).max(self.floor);
            people.standard_error = Some(error);
            people.at_least = ((estimate * (1.0 - 2.0 * error)) as u64).max(self.floor);
            ceiling = ((estimate * (1.0 + 2.0 * error)).ceil() as u64).max(people.distinct_identified);
            people.method.push(if self.for_memory { Method::EstimatedForMemory } else { Method::IdentifiersEstimated });
        } else {
            people.distinct_identified = set.exact.len() as u64;
            people.at_least = people.distinct_identified;
            ceiling = people.distinct_identified;
            if ceiling > 0 {
                people.method.push(Method::IdentifiersExact);
            }
        }
        if !self.records && ceiling == 0 {
            people.at_most = Count::Known(0);
            people.method.push(Method::NoRecords);
            return people;
        }
        let sum = (!self.unbounded).then_some(self.upper);
        let measured = self.measured.filter(|_| !self.packed);
        let by_measure = measured
            .is_some_and(|rows| sum.is_none_or(|sum| rows < sum) && self.persons.is_none_or(|persons| rows <= persons));
        let sum = if by_measure { measured } else { sum };
        let bound = match (sum, self.persons) {
            (Some(sum), Some(persons)) => Some(sum.min(persons)),
            (sum, persons) => sum.or(persons),
        };
        if by_measure {
            people.method.push(Method::RowsMeasured);
        } else if self.rows {
            people.method.push(Method::RowCounts);
        }
        if bound.is_some()
            && (self.catalogue && !by_measure
                || self.persons.is_some_and(|persons| sum.is_none_or(|sum| persons <= sum)))
        {
            people.method.push(Method::CatalogueSize);
        }
        if self.text && !by_measure && bound.is_some() && bound == sum {
            people.method.push(Method::StatementText);
        }
        if bound.is_none() {
            people.method.push(Method::NoUpperBound);
        }
        people.at_most = bound.map_or(Count::Unknown, |bound| Count::Known(bound.max(ceiling)));
        people
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(range: std::ops::Range<u64>) -> Vec<PersonKey> {
        range.map(|n| PersonKey(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))).collect()
    }

    #[test]
    fn exact_up_to_a_hundred_thousand_then_estimated() {
        let mut set = PeopleSet::default();
        let mut bounds = Bounds::default();
        assert!(!set.add(&keys(0..100_000), 100_000));
        assert_eq!(bounds.people(&set).distinct_identified, 100_000);
        assert_eq!(bounds.people(&set).standard_error, None);
        assert!(set.add(&keys(99_000..150_000), 100_000));
        bounds.floor = 100_000;
        let people = bounds.people(&set);
        assert_eq!(set.held(), 0);
        assert!(people.standard_error.is_some() && people.at_least >= 100_000);
        assert!((people.distinct_identified as f64 - 150_000.0).abs() < 150_000.0 * 0.025, "{people:?}");
    }

    #[test]
    fn bounds_follow_the_design() {
        let set = PeopleSet::default();
        let known = |rows| (Count::Known(rows), false, Count::Unknown);
        let cases = [
            // 12,340 rows of a store of 10,000 people: at most 10,000.
            (known(12_340), Count::Known(10_000), Count::Known(10_000)),
            (known(40), Count::Known(10_000), Count::Known(40)),
            (known(40), Count::Unknown, Count::Known(40)),
            ((Count::Unknown, true, Count::Known(10_000)), Count::Known(10_000), Count::Known(10_000)),
            ((Count::Unknown, true, Count::Unknown), Count::Unknown, Count::Unknown),
            // One row of json_agg hides everybody.
            ((Count::Known(1), true, Count::Known(10_000)), Count::Known(10_000), Count::Known(10_000)),
        ];
        for ((rows, hidden, at_most), persons, expected) in cases {
            let mut bounds = Bounds::default();
            bounds.part(rows, hidden, at_most, persons);
            assert_eq!(bounds.people(&set).at_most, expected, "{rows:?} {hidden} {at_most:?} {persons:?}");
        }
        assert_eq!(Bounds::default().people(&set).method, [Method::NoRecords]);
    }

    proptest! {
        #[test]
        fn at_least_never_exceeds_at_most(
            parts in proptest::collection::vec((any::<Option<u32>>(), any::<bool>(), any::<Option<u16>>(), any::<Option<u16>>(), 0..400_u64), 0..20),
            limit in 1..2_000_usize,
        ) {
            let count = |n: Option<u64>| n.map_or(Count::Unknown, Count::Known);
            let (mut set, mut bounds) = (PeopleSet::default(), Bounds::default());
            for (rows, hidden, most, persons, named) in parts {
                let before = set.held();
                if set.add(&keys(named..named * 2), limit) {
                    bounds.floor = before as u64;
                }
                bounds.part(count(rows.map(u64::from)), hidden, count(most.map(u64::from)), count(persons.map(u64::from)));
                let people = bounds.people(&set);
                prop_assert!(people.at_least <= people.distinct_identified);
                if let Count::Known(most) = people.at_most {
                    prop_assert!(people.at_least <= most && people.distinct_identified <= most, "{people:?}");
                }
                prop_assert!(!people.method.is_empty());
            }
        }
    }
}
