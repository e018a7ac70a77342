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
    let mut mix = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
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
