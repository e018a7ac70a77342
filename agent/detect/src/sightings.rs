//! People seen by keyed hash within a sliding window, counted apart for every domain (IIN, telephone, one column), so
//! that one person looked up by two identifiers is not two people.

use crate::hash::Build;
use kuzet_event::PersonKey;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Marks a domain of values that nobody has.
pub(crate) const MISSED: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
struct Seen {
    bucket: i64,
    told: bool,
    look: Look,
}

/// How one was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// Only in long lists so far: no lookup.
    pub(crate) listed: bool,
    /// Asked for, and not found: never told as a person whose data was read.
    pub(crate) missed: bool,
    /// What numbers given out one after the other share; 0: nothing.
    pub(crate) series: u32,
}

/// People of one window.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Rows")]
pub(crate) struct Sightings {
    map: HashMap<(u32, u128), Seen, Build>,
    /// Domain and how many of it are lookups.
    counts: Vec<(u32, u64)>,
    /// How many lookups share a series.
    series: HashMap<u32, u64, Build>,
    oldest: i64,
}

impl Serialize for Sightings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Rows::from(self).serialize(serializer)
    }
}

/// The written form: sorted, so that the same state gives the same bytes.
#[derive(Serialize, Deserialize)]
struct Rows {
    oldest: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<(u32, PersonKey, i64, bool, bool, bool)>,
    /// In the same order; nothing where nobody has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    series: Vec<u32>,
}

impl From<&Sightings> for Rows {
    fn from(from: &Sightings) -> Rows {
        let mut sorted: Vec<_> = from.map.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| **key);
        let row = |((domain, key), seen): &(&(u32, u128), &Seen)| {
            (*domain, PersonKey(*key), seen.bucket, seen.told, seen.look.listed, seen.look.missed)
        };
        let numbered = !from.series.is_empty();
        let series = sorted.iter().filter(|_| numbered).map(|(_, seen)| seen.look.series).collect();
        Rows { oldest: from.oldest, seen: sorted.iter().map(row).collect(), series }
    }
}

impl From<Rows> for Sightings {
    fn from(rows: Rows) -> Sightings {
        let mut sightings = Sightings { oldest: rows.oldest, ..Sightings::default() };
        let series = rows.series.into_iter().chain(std::iter::repeat(0));
        for ((domain, key, bucket, told, listed, missed), series) in rows.seen.into_iter().zip(series) {
            let look = Look { listed, missed, series };
            sightings.count(domain, look);
            sightings.map.insert((domain, key.0), Seen { bucket, told, look });
        }
        sightings
    }
}

impl Sightings {
    /// Whether it is as [`Sightings::default`] is.
    pub(crate) fn is_new(&self) -> bool {
        self.map.is_empty() && self.oldest == 0
    }

    /// How many keys are held.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// One more; one of a list is no lookup.
    fn count(&mut self, domain: u32, look: Look) {
        if look.listed {
            return;
        }
        match self.counts.iter_mut().find(|(known, _)| *known == domain) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((domain, 1)),
        }
        if look.series != 0 {
            *self.series.entry(look.series).or_default() += 1;
        }
    }

    /// Forgets what is in buckets before `oldest`.
    pub(crate) fn advance(&mut self, oldest: i64) {
        if oldest <= self.oldest {
            return;
        }
        self.oldest = oldest;
        if self.map.is_empty() {
            return;
        }
        let (counts, series) = (&mut self.counts, &mut self.series);
        self.map.retain(|(domain, _), seen| {
            let keep = seen.bucket >= oldest;
            if !keep && !seen.look.listed {
                if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known == domain) {
                    *count = count.saturating_sub(1);
                }
                if let Some(count) = series.get_mut(&seen.look.series) {
                    *count = count.saturating_sub(1);
                }
            }
            keep
        });
        self.counts.retain(|(_, count)| *count > 0);
        self.series.retain(|_, count| *count > 0);
    }

    /// Notes one person. Says whether there was room.
    pub(crate) fn see(&mut self, domain: u32, key: u128, bucket: i64, look: Look, capacity: usize) -> bool {
        let bucket = bucket.max(self.oldest);
        if let Some(seen) = self.map.get_mut(&(domain, key)) {
            seen.bucket = seen.bucket.max(bucket);
            if seen.look.missed && !look.missed {
                (seen.look.missed, seen.told) = (false, false);
            }
            if seen.look.listed && !look.listed {
                seen.look.listed = false;
                let look = seen.look;
                self.count(domain, look);
            }
            return true;
        }
        if self.map.len() >= capacity {
            return false;
        }
        self.map.insert((domain, key), Seen { bucket, told: look.missed, look });
        self.count(domain, look);
        true
    }

    /// Most people looked up in one domain.
    pub(crate) fn lookups(&self) -> u64 {
        self.counts.iter().filter(|(domain, _)| domain & MISSED == 0).map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// Most values of one domain that nobody has.
    pub(crate) fn misses(&self) -> u64 {
        self.counts.iter().filter(|(domain, _)| domain & MISSED != 0).map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// People looked up whose numbers are of this series.
    pub(crate) fn in_series(&self, series: u32) -> u64 {
        self.series.get(&series).copied().unwrap_or(0)
    }

    /// The domain with most people, lists included; the lower number of two equals.
    pub(crate) fn lead(&self) -> Option<u32> {
        let mut totals: Vec<(u32, u64)> = Vec::new();
        for (domain, _) in self.map.keys().filter(|(domain, _)| domain & MISSED == 0) {
            match totals.iter_mut().find(|(known, _)| known == domain) {
                Some((_, count)) => *count += 1,
                None => totals.push((*domain, 1)),
            }
        }
        totals.into_iter().max_by_key(|(domain, count)| (*count, u32::MAX - domain)).map(|(domain, _)| domain)
    }

    /// People of one domain that were not told yet, sorted; they count as told now.
    pub(crate) fn tell(&mut self, domain: u32) -> Vec<PersonKey> {
        let untold = self.map.iter_mut().filter(|((of, _), seen)| *of == domain && !seen.told);
        let mut people: Vec<PersonKey> = untold
            .map(|((_, key), seen)| {
                seen.told = true;
                PersonKey(*key)
            })
            .collect();
        people.sort_unstable();
        people
    }

    /// Marks one person as told.
    pub(crate) fn told(&mut self, domain: u32, key: u128) {
        if let Some(seen) = self.map.get_mut(&(domain, key)) {
            seen.told = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_domain_apart_and_forgets() {
        let mut people = Sightings::default();
        for key in 0..40 {
            let look = Look { series: 7 + key as u32 % 2, ..Look::default() };
            assert!(people.see(1, key, 0, look, 100));
            assert!(people.see(20, key + 1000, 1, Look::default(), 100));
        }
        assert!(people.see(1, 39, 2, Look::default(), 100));
        assert_eq!((people.in_series(7), people.in_series(8), people.in_series(9)), (20, 20, 0));
        assert_eq!((people.lookups(), people.lead(), people.len()), (40, Some(1), 80));
        assert_eq!(people.tell(1).len(), 40);
        assert_eq!(people.tell(1).len(), 0);
        let again: Sightings = serde_json::from_slice(&serde_json::to_vec(&people).unwrap()).unwrap();
        assert_eq!((again.lookups(), again.in_series(8)), (40, 20));
        people.advance(1);
        assert_eq!((people.lookups(), people.len()), (40, 41));
        assert_eq!((people.in_series(7), people.in_series(8)), (0, 1));
        people.advance(2);
        assert_eq!((people.lookups(), people.len()), (1, 1));
        assert!(!people.see(1, 7, 2, Look::default(), 1));
    }

    #[test]
    fn a_list_is_no_lookup_until_it_is_one() {
        let mut people = Sightings::default();
        people.see(1, 5, 0, Look { listed: true, ..Look::default() }, 10);
        assert_eq!((people.lookups(), people.lead()), (0, Some(1)));
        people.see(1, 5, 0, Look::default(), 10);
        people.see(1 | MISSED, 6, 0, Look { missed: true, ..Look::default() }, 10);
        assert_eq!((people.lookups(), people.misses()), (1, 1));
    }
}
