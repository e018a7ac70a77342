//! The column vote: many values together decide what a column holds where one cannot.

use std::collections::BTreeSet;

use crate::kinds::{digit, iin};
use crate::{Date, Kind, column_category, identify};

/// Fewest distinct values that decide.
const FEWEST: usize = 20;
/// Most distinct values that are looked at.
const MOST: usize = 4096;

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A column of this kind, whatever its name.
    Column(Kind),
    /// Not a column of identifiers, even if single values pass for one.
    Nothing,
    /// Too few values or too mixed: its name and each value decide.
    Open,
}

/// Counts the values of one column. Keeps numbers, not values: a non-reversible mix of each tells equal ones apart.
/// At most 4096 distinct values are looked at. Its bounds are values of people: it has no `Debug`.
#[derive(Clone)]
pub struct ColumnVote {
    named: Option<Kind>,
    seen: BTreeSet<u64>,
    /// Distinct values that identify alone, by kind.
    kinds: [usize; Kind::ALL.len()],
    /// Distinct values of twelve digits (ten or eleven, if a zero may be lost), those that are strong, and their bounds.
    twelve: usize,
    strong: usize,
    low: u64,
    high: u64,
}

impl ColumnVote {
    /// A column with this name, if it has one.
    #[must_use]
    pub fn new(name: Option<&str>) -> ColumnVote {
        ColumnVote {
            named: name.and_then(column_category).map(|hint| hint.kind),
            seen: BTreeSet::new(),
            kinds: [0; Kind::ALL.len()],
            twelve: 0,
            strong: 0,
            low: u64::MAX,
            high: 0,
        }
    }

    /// One value of the column. Empty ones do not vote; false when the value did not because it did before.
    pub fn add(&mut self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        if value.is_empty() || self.seen.len() >= MOST || !self.seen.insert(mix(value)) {
            return false;
        }
        if (10..=12).contains(&value.len()) && value.iter().all(|byte| digit(*byte)) {
            self.number(value);
        }
        if let Some(kind) = identify(value, None) {
            self.kinds[kind as usize] += 1;
        }
        true
    }

    /// Different values so far.
    pub(crate) fn distinct(&self) -> usize {
        self.seen.len()
    }

    /// Different values that are of `kind` by themselves; of IINs also those that lost a zero.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        let known = self.kinds[kind as usize];
        if kind == Kind::Iin { known.max(self.strong) } else { known }
    }

    fn number(&mut self, value: &[u8]) {
        let number = value.iter().fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        (self.low, self.high) = (self.low.min(number), self.high.max(number));
        self.twelve += 1;
        let padded = iin::padded(value);
        let whole = padded.as_ref().map_or(value, |whole| whole);
        self.strong += usize::from(iin::evidence(whole, Date::DEFAULT) == iin::Evidence::Strong);
    }

    /// What the values so far say: of 20 distinct ones or more, 60 % strong is a column of IINs, under 5 % is none;
    /// other identifiers need 60 % too. Numbers that lie close together are a counter. A name that says IIN needs
    /// 30 % only.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let distinct = self.seen.len();
        if distinct < FEWEST {
            return Verdict::Open;
        }
        let counter = self.twelve > 0 && self.high - self.low < 50 * self.twelve as u64;
        let named = self.named == Some(Kind::Iin);
        if (named || !counter) && self.twelve * 2 >= distinct {
            let needed = if named { 30 } else { 60 };
            if self.strong * 100 >= self.twelve * needed {
                return Verdict::Column(Kind::Iin);
            }
        }
        let (best, count) = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Iin)
            .map(|kind| (kind, self.kinds[kind as usize]))
            .max_by_key(|(kind, count)| (*count, std::cmp::Reverse(*kind)))
            .unwrap_or((Kind::Iin, 0));
        if count * 100 >= distinct * 60 && !counter {
            return Verdict::Column(best);
        }
        let any = self.kinds.iter().sum::<usize>().max(self.strong);
        if counter || any * 100 < distinct * 5 { Verdict::Nothing } else { Verdict::Open }
    }
}

/// Spreads a value over 64 bits (FNV-1a with a final mix); only equality matters.
fn mix(value: &[u8]) -> u64 {
    let hash = value
        .iter()
        .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
