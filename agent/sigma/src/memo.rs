//! Short values come again and again (roles, databases, programs): the rules that each leaves possible are remembered.
//!
//! The memory is a fixed table. A value is compared whole before its rules are given, so that values made to fall on one
//! place cost their own work and never hide another's rules. What came once is not kept yet: values that never come again,
//! such as addresses, do not drive out those that do.

/// Longest value, in bytes, and most rules of one that are remembered.
const TEXT: usize = 42;
const RULES: usize = 4;
/// Values that are remembered, two to a place.
const VALUES: usize = 512;

#[derive(Clone, Copy, Default)]
struct Entry {
    /// Number of the field's index, from 1; 0: nothing.
    field: u32,
    rules: u8,
    length: u8,
    of: [u32; RULES],
    text: Text,
}

#[derive(Clone, Copy)]
struct Text([u8; TEXT]);

impl Default for Text {
    fn default() -> Self {
        Self([0; TEXT])
    }
}

impl Entry {
    fn is(&self, field: u32, text: &[u8]) -> bool {
        self.field == field && self.text.0.get(..usize::from(self.length)) == Some(text)
    }
}

/// Values with the rules that they leave possible.
pub(crate) struct Memo {
    entries: Box<[Entry; VALUES]>,
    /// The value that came last at each place and was not remembered.
    once: Box<[u32; VALUES]>,
}

/// Where a value is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    at: usize,
    tag: u32,
}

/// Where a value is remembered, if it is short enough for that.
pub(crate) fn place(field: u32, text: &str) -> Option<Place> {
    if text.len() > TEXT {
        return None;
    }
    let mut hash = u64::from(field) ^ (text.len() as u64) << 32;
    // Both halves of the product: every bit of the word counts in every bit of the hash.
    let mut mix = |word: u64| {
        let product = u128::from(hash ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
        hash = (product as u64) ^ (product >> 64) as u64;
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    mix(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    Some(Place { at: (hash >> 32) as usize % VALUES, tag: (hash >> 20) as u32 })
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Memo(…)")
    }
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self { entries: Box::new([Entry::default(); VALUES]), once: Box::new([0; VALUES]) }
    }

    /// The rules remembered of `text`.
    pub(crate) fn get(&self, place: Place, field: u32, text: &str) -> Option<&[u32]> {
        let mut entries = [place.at, place.at ^ 1].into_iter().filter_map(|at| self.entries.get(at));
        let entry = entries.find(|entry| entry.is(field, text.as_bytes()))?;
        entry.of.get(..usize::from(entry.rules))
    }

    /// Remembers `rules` of `text` when it comes for the second time, instead of the older of the two at its place.
    pub(crate) fn put(&mut self, place: Place, field: u32, text: &str, rules: &[u32]) {
        let Some(once) = self.once.get_mut(place.at).filter(|once| **once == place.tag) else {
            self.once[place.at % VALUES] = place.tag;
            return;
        };
        *once = 0;
        let mut entry = Entry { field, ..Entry::default() };
        let (Ok(length), Ok(number)) = (u8::try_from(text.len()), u8::try_from(rules.len())) else { return };
        let (Some(to), Some(of)) = (entry.text.0.get_mut(..text.len()), entry.of.get_mut(..rules.len())) else {
            return;
        };
        to.copy_from_slice(text.as_bytes());
        of.copy_from_slice(rules);
        (entry.length, entry.rules) = (length, number);
        let at = place.at % VALUES;
        self.entries.swap(at, at ^ 1);
        self.entries[at] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldMap, JsonNames, Lists, RuleSet};
    use std::sync::Arc;

    impl Memo {
        pub(crate) fn holds(&self, text: &str) -> bool {
            let is = |entry: &Entry| entry.field != 0 && entry.is(entry.field, text.as_bytes());
            self.entries.iter().any(is)
        }
    }

    #[test]
    fn what_comes_again_is_kept_and_what_is_secret_is_not() {
        let rule = "title: t\nlevel: low\nlogsource: {product: any}\ndetection:\n  s: {user: asel, url: /x}\n  words: [kaspi]\n  condition: s or words\n";
        let set = Arc::new(RuleSet::load([("t.yml", rule)], &FieldMap::default(), &Lists::new()).0);
        let route = set.route_all().with_secret(set.fields(), |name| name == "url");
        let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
        let event = serde_json::json!({"user": "asel", "url": "/x"});
        for (times, kept) in [(1, false), (2, true), (3, true)] {
            matcher.matches(&route, &names.event(&event), &mut hits);
            assert_eq!((hits.len(), matcher.memo().holds("asel")), (times, kept));
        }
        assert!(!matcher.memo().holds("/x"));
        for number in 0..100_000 {
            let other = serde_json::json!({"user": format!("user {number}"), "url": "/y"});
            matcher.matches(&route, &names.event(&other), &mut hits);
        }
        assert_eq!((hits.len(), matcher.memo().holds("asel")), (3, true), "one that comes again is driven out");
    }
}
