//! The judge of a column: its name and a sample of its values together say which personal data it holds.
//!
//! Values go in and only counts stay. A value with keys inside (JSON, XML, hstore, an array) is taken apart and every
//! key is judged like a column of its own.

mod parts;
mod rules;
mod short;
mod tally;

use std::collections::BTreeMap;

use crate::Kind;
use tally::Tally;

/// Most keys inside the values of one column that are judged.
const MOST_KEYS: usize = 64;
/// Bytes of a value that are looked at.
const LONGEST: usize = 4096;

/// Where the evidence for a [`Holding`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The values alone.
    Values,
    /// The name, and values that agree with it.
    NameAndValues,
    /// The name; there were no values to look at.
    Name,
    /// The name; the values are encrypted or hashed.
    Sealed,
    /// The name, but the values do not agree.
    Contradicted,
    /// Values stand inside longer ones: free text.
    Inside,
}

/// One kind of personal data that a column holds, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The kind; it has a category.
    pub kind: Kind,
    /// How sure, in percent. From 50 on it is called personal data.
    pub confidence: u8,
    /// Why.
    pub evidence: Evidence,
    /// Different values that speak for it.
    pub hits: usize,
    /// Different values looked at.
    pub of: usize,
}

/// Looks at a sample of one column. It holds counts and non-reversible mixes of values, and has no `Debug`.
pub struct ColumnJudge {
    whole: Tally,
    keys: BTreeMap<Box<str>, Tally>,
    values: usize,
}

impl ColumnJudge {
    /// The column called `name`.
    #[must_use]
    pub fn new(name: &str) -> ColumnJudge {
        ColumnJudge { whole: Tally::new(name), keys: BTreeMap::new(), values: 0 }
    }

    /// One value, as the server writes it. Empty ones do not count.
    pub fn add(&mut self, value: &[u8]) {
        let value = value.trim_ascii();
        let value = &value[..value.len().min(LONGEST)];
        if value.is_empty() {
            return;
        }
        self.values += 1;
        let keys = &mut self.keys;
        let apart = parts::each(value, |key, part| {
            if let Some(known) = keys.get_mut(key) {
                known.add(part);
            } else if keys.len() < MOST_KEYS {
                let mut new = Tally::new(key);
                new.add(part);
                keys.insert(Box::from(key), new);
            }
        });
        if !apart {
            self.whole.add(value);
        }
    }

    /// Values that were not empty.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values
    }

    /// What the column holds, the surest first, one holding a category.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        let mut all = Vec::new();
        // A name whose values were all taken apart is judged by what stood in them.
        if self.whole.distinct() > 0 || self.keys.is_empty() {
            rules::decide(&self.whole, &mut all);
        }
        for tally in self.keys.values() {
            let from = all.len();
            rules::decide(tally, &mut all);
            // A key without values says nothing; one with values says what it says of its column.
            all[from..].iter_mut().for_each(|holding| holding.of = holding.of.max(1));
        }
        all.sort_by(|one, two| two.confidence.cmp(&one.confidence).then(one.kind.cmp(&two.kind)));
        let mut told = Vec::new();
        all.retain(|holding| {
            let category = holding.kind.category();
            let new = category.is_some() && !told.contains(&category);
            told.push(category);
            new
        });
        all
    }
}

#[cfg(test)]
mod tests;
