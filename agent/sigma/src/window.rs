//! Many texts looked for at once: four bytes of each, the rarest, are looked up at every position; what is found is
//! compared. No step waits for the one before it, so that this is faster than an automaton, and smaller.

/// Bytes of a window.
pub(crate) const WIDTH: usize = 4;

/// Texts, each with what it stands for.
#[derive(Debug)]
pub(crate) struct Windows<T> {
    /// A bit for each hash of a window: most positions end here.
    bits: Box<[u64]>,
    shift: u32,
    /// Sorted by window.
    texts: Box<[Text<T>]>,
}

#[derive(Debug)]
struct Text<T> {
    window: u32,
    /// Bytes of the text before its window.
    before: usize,
    text: Box<[u8]>,
    means: T,
}

fn hash(window: u32, shift: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> shift) as usize
}

fn window(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

impl<T> Windows<T> {
    /// Of texts of at least [`WIDTH`] bytes.
    pub(crate) fn new(texts: impl Iterator<Item = (Box<str>, T)>) -> Self {
        let mut texts: Vec<Text<T>> = texts.map(|(text, means)| Text::new(text, means)).collect();
        texts.sort_by_key(|text| text.window);
        // One bit in 32 is set, at most.
        let width = (texts.len() * 32).next_power_of_two().clamp(1 << 10, 1 << 22).ilog2();
        let mut filter = Self { bits: vec![0; 1 << (width - 6)].into(), shift: 32 - width, texts: texts.into() };
        for at in 0..filter.texts.len() {
            let hash = hash(filter.texts[at].window, filter.shift);
            filter.bits[hash >> 6] |= 1 << (hash & 63);
        }
        filter
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Gives what stands in `text` to `found`, as often as it stands there.
    pub(crate) fn scan<'a>(&'a self, text: &[u8], found: &mut impl FnMut(&'a T)) {
        let mask = self.bits.len() - 1;
        for (at, bytes) in text.windows(WIDTH).enumerate() {
            let window = window(bytes);
            let hash = hash(window, self.shift);
            if self.bits[(hash >> 6) & mask] >> (hash & 63) & 1 == 1 {
                self.compare(text, at, window, found);
            }
        }
    }

    #[cold]
    fn compare<'a>(&'a self, text: &[u8], at: usize, window: u32, found: &mut impl FnMut(&'a T)) {
        let first = self.texts.partition_point(|own| own.window < window);
        for own in self.texts[first..].iter().take_while(|own| own.window == window) {
            let start = at.checked_sub(own.before);
            if start.and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with(&own.text)) {
                found(&own.means);
            }
        }
    }
}

impl<T> Text<T> {
    fn new(text: Box<str>, means: T) -> Self {
        let text = text.into_boxed_bytes();
        let common = |bytes: &[u8]| bytes.iter().map(|byte| commonness(*byte)).sum::<u32>();
        let before =
            (0..=text.len().saturating_sub(WIDTH)).min_by_key(|at| common(&text[*at..(*at + WIDTH).min(text.len())]));
        let before = before.unwrap_or(0);
        Self { window: window(&text[before..]), before, text, means }
    }
}

/// How often a byte stands in statements and command lines, roughly.
fn commonness(byte: u8) -> u32 {
    match byte {
        b' ' | b'e' | b't' => 12,
        b'a' | b's' | b'n' | b'i' | b'o' | b'r' => 9,
        b'c' | b'l' | b'd' | b'm' | b'u' | b'p' | b'0' | b'1' => 6,
        b'f' | b'b' | b'h' | b'g' | b'w' | b'y' | b'2'..=b'9' | b',' | b'.' | b'_' | b'"' => 4,
        0xd0 | 0xd1 => 9,
        b'k' | b'v' | b'x' | b'-' | b'/' | b'\\' | b':' | b'=' | b'\'' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_stands_there(texts in prop::collection::btree_set("[ab ,é]{4,7}", 0..20), text in "[ab ,é]{0,40}") {
            let texts: BTreeMap<String, ()> = texts.into_iter().map(|text| (text, ())).collect();
            let windows = Windows::new(texts.keys().map(|text| (text.as_str().into(), text.clone())));
            let mut found = Vec::new();
            windows.scan(text.as_bytes(), &mut |text| found.push(text.clone()));
            found.sort();
            let mut expected = Vec::new();
            for own in texts.keys() {
                let stands = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(own.as_bytes()));
                expected.extend(stands.map(|_| own.clone()));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
