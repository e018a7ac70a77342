//! Distinct people of a window in bounded memory: one by one while they are few, a sketch above that.

use crate::Sketch;
use kuzet_event::{IdentifierKind, PersonKey};
use serde::{Deserialize, Serialize};

/// People kept one by one.
const EXACT: usize = 64;
/// Registers are written as letters from here.
const LETTER: u8 = b'0';

/// A set of keys that is only asked how many there are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Saved")]
struct Distinct {
    few: Vec<u32>,
    many: Option<Sketch<8>>,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Saved(Vec<u32>, String);

impl Serialize for Distinct {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let registers = self.many.iter().flat_map(|many| many.bytes()).map(|rank| char::from(LETTER + rank));
        Saved(self.few.clone(), registers.collect()).serialize(serializer)
    }
}

impl From<Saved> for Distinct {
    fn from(Saved(mut few, registers): Saved) -> Distinct {
        few.truncate(EXACT);
        let registers: Vec<u8> = registers.bytes().map(|letter| letter.saturating_sub(LETTER)).collect();
        let many = Sketch::from_bytes(&registers);
        let mut distinct = Distinct { few, many, count: 0 };
        distinct.recount();
        distinct
    }
}

fn key(short: u32) -> PersonKey {
    PersonKey(u128::from(short))
}

impl Distinct {
    fn recount(&mut self) {
        self.count = match &self.many {
            Some(many) => many.estimate().round() as u64,
            None => self.few.len() as u64,
        };
    }

    /// Adds one; says whether there may be more now.
    fn insert(&mut self, short: u32) -> bool {
        let more = match &mut self.many {
            Some(many) => many.insert(key(short)),
            None if self.few.contains(&short) => false,
            None => {
                self.few.push(short);
                if self.few.len() > EXACT {
                    let mut many = Sketch::default();
                    for short in self.few.drain(..) {
                        many.insert(key(short));
                    }
                    self.many = Some(many);
                }
                true
            }
        };
        if more {
            self.recount();
        }
        more
    }

    fn merge(&mut self, other: &Distinct) {
        match (&mut self.many, &other.many) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) => {
                let mut many = theirs.clone();
                for short in self.few.drain(..) {
                    many.insert(key(short));
                }
                self.many = Some(many);
            }
            (_, None) => {
                for short in &other.few {
                    self.insert(*short);
                }
            }
        }
        self.recount();
    }
}

/// People by identifier. One looked up by IIN and then by key is one person, so identity numbers and keys are counted
/// apart and the larger number holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct People(Distinct, Distinct);

impl People {
    /// Adds one; says whether there may be more now.
    pub(super) fn see(&mut self, domain: u32, person: u128) -> bool {
        let identity = domain <= IdentifierKind::Document as u32 + 1;
        let mixed = (person as u64 ^ (person >> 64) as u64).wrapping_add(u64::from(domain));
        let short = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        if identity { self.0.insert(short) } else { self.1.insert(short) }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.count.max(self.1.count)
    }

    pub(super) fn merge(&mut self, other: &People) {
        self.0.merge(&other.0);
        self.1.merge(&other.1);
    }

    /// How many there are in all of them together.
    pub(super) fn together(all: &[&People]) -> u64 {
        let mut sum = People::default();
        all.iter().for_each(|one| sum.merge(one));
        sum.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_are_exact_and_many_are_near() {
        let mut people = People::default();
        for number in 0..20_000_u64 {
            let key = crate::hash::wide(&[&number.to_le_bytes()]);
            people.see(1, key);
            people.see(100, key ^ 7);
            let count = number + 1;
            let error = people.count().abs_diff(count) as f64 / count as f64;
            assert!(error <= if count <= 64 { 0.0 } else { 0.25 }, "{count}: {}", people.count());
        }
        assert!(serde_json::to_vec(&people).unwrap().len() < 600);
    }

    proptest! {
        #[test]
        fn rows_bring_it_back_and_a_union_does_not_count_twice(
            left in proptest::collection::vec((1_u32..70, 0_u128..400), 0..300),
            right in proptest::collection::vec((1_u32..70, 0_u128..400), 0..300),
        ) {
            let (mut a, mut b, mut all) = (People::default(), People::default(), People::default());
            left.iter().for_each(|(domain, key)| { a.see(*domain, *key); all.see(*domain, *key); });
            right.iter().for_each(|(domain, key)| { b.see(*domain, *key); all.see(*domain, *key); });
            prop_assert_eq!(People::together(&[&a, &b]), all.count());
            let again: People = serde_json::from_slice(&serde_json::to_vec(&a).unwrap()).unwrap();
            prop_assert_eq!(again, a);
        }
    }
}
