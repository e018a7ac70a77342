//! Many texts looked for at once, in steps: every text is known by the four bytes at each of four places beside each other,
//! the rarest it has, so that looking them up at every fourth byte is enough. Texts too short for that are known by three
//! bytes at two places, looked up at every second one. No step waits for the one before it.

use std::collections::HashMap;

/// Shortest text.
pub(crate) const SHORTEST: usize = Filter::<3, 2>::SHORTEST;

/// What stands in records and statements of any kind, and in command lines.
const COMMON: &str = "audit: session,read,select,table,public.users,write,insert,ddl,misc,role,none,<not logged>,<none>,update \
    select * from where order by group by limit offset insert into values (null, true, false) update set delete from \
    and id in (select count(*) as is not null like or inner left join on t.id = $1 begin commit rollback create table \
    name, date, status, amount, note, payments customers clients orders connection authorized: user= database= \
    application_name= ssl enabled (protocol=tlsv1.3, cipher= statement: duration: execute parameters: error: \
    c:\\windows\\system32\\program files\\ .exe /usr/bin/ /bin/ http://www. https://";

/// Whether a folded text stands in records of any kind.
pub(crate) fn is_common(text: &str) -> bool {
    COMMON.contains(text)
}

/// What a window that is common weighs against bytes that are.
const STANDS: u32 = 30;

/// What twice as many texts at one window weigh against bytes that are common.
const CROWDED: u32 = 6;

/// Texts, each with what it stands for.
#[derive(Debug)]
pub(crate) struct Windows<T> {
    long: Filter<4, 4>,
    short: Filter<3, 2>,
    texts: Box<[(Box<[u8]>, T)]>,
}

impl<T> Windows<T> {
    /// Of texts of at least [`SHORTEST`] bytes.
    pub(crate) fn new(texts: impl Iterator<Item = (Box<str>, T)>) -> Self {
        let texts: Box<[(Box<[u8]>, T)]> = texts.map(|(text, means)| (text.into_boxed_bytes(), means)).collect();
        let numbered = || (0_u32..).zip(texts.iter().map(|(text, _)| &**text));
        let is_long = |text: &&[u8]| text.len() >= Filter::<4, 4>::SHORTEST;
        let long = Filter::new(numbered().filter(|(_, text)| is_long(text)));
        let short = Filter::new(numbered().filter(|(_, text)| !is_long(text)));
        Self { long, short, texts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Gives what stands in `text` to `found`, as often as it stands there.
    pub(crate) fn scan<'a>(&'a self, text: &[u8], found: &mut impl FnMut(&'a T)) {
        let mut met = |number: u32, start: usize| {
            if let Some((own, means)) = self.texts.get(number as usize)
                && text.get(start..).is_some_and(|rest| rest.starts_with(own))
            {
                found(means);
            }
        };
        self.long.scan(text, &mut met);
        self.short.scan(text, &mut met);
    }
}

/// Texts by windows of `WIDTH` bytes that are looked up at every byte that `STEP` divides.
#[derive(Debug)]
struct Filter<const WIDTH: usize, const STEP: usize> {
    /// Whether a window has this hash: most windows end here.
    marks: Box<[bool]>,
    /// Where the windows of each hash begin, by some of its bits.
    first: Box<[u32]>,
    /// Sorted by those bits.
    windows: Box<[Window]>,
}

/// Marks for each window, and most marks: more would not stay in the nearest cache.
const MARKS: usize = 16;
const MOST_MARKS: usize = 1 << 17;

/// One place of one text.
#[derive(Debug, Clone, Copy)]
struct Window {
    hash: u32,
    text: u32,
    /// Bytes of the text before the window, and before the eight that are compared first.
    before: u32,
    lead: u32,
    /// The eight bytes, and which of them belong to the text.
    near: u64,
    mask: u64,
}

impl<const WIDTH: usize, const STEP: usize> Filter<WIDTH, STEP> {
    /// A shorter text may stand between two windows.
    const SHORTEST: usize = WIDTH + STEP - 1;
    const MASK: u32 = u32::MAX >> (32 - 8 * WIDTH);

    fn new<'a>(texts: impl Iterator<Item = (u32, &'a [u8])>) -> Self {
        let mut windows = Vec::new();
        let mut crowds: HashMap<&[u8], u32> = HashMap::new();
        for (number, text) in texts {
            // Rare in events, and shared with few other texts: each of them is compared where the window stands.
            let cost = |place: &usize| {
                let common: u32 = text[*place..place + Self::SHORTEST].iter().map(|byte| commonness(*byte)).sum();
                let windows = || text[*place..place + Self::SHORTEST].windows(WIDTH);
                let crowd = windows().filter_map(|window| crowds.get(window)).max().copied().unwrap_or(0);
                let stands =
                    windows().filter(|window| memchr::memmem::find(COMMON.as_bytes(), window).is_some()).count();
                common + CROWDED * (crowd + 1).ilog2() + STANDS * u32::try_from(stands).unwrap_or(u32::MAX)
            };
            let Some(place) = (0..=text.len().saturating_sub(Self::SHORTEST)).min_by_key(cost) else { continue };
            for at in place..place + STEP {
                *crowds.entry(&text[at..at + WIDTH]).or_default() += 1;
                windows.push((number, text, at));
            }
        }
        let marks = (windows.len() * MARKS).next_power_of_two().clamp(1 << 8, MOST_MARKS);
        let buckets = windows.len().next_power_of_two();
        let mut filter =
            Self { marks: vec![false; marks].into(), first: vec![0; buckets + 1].into(), windows: Box::default() };
        let windows = windows.into_iter().map(|(number, text, at)| Self::window(number, text, at));
        let mut windows: Vec<Window> = windows.collect();
        windows.sort_by_key(|window| filter.bucket(window.hash));
        for window in &windows {
            let (mark, bucket) = (filter.mark(window.hash), filter.bucket(window.hash));
            filter.marks[mark] = true;
            filter.first[bucket + 1] += 1;
        }
        for at in 1..filter.first.len() {
            filter.first[at] += filter.first[at - 1];
        }
        filter.windows = windows.into();
        filter
    }

    fn hash(window: u32) -> u32 {
        (u64::from(window & Self::MASK).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }

    fn mark(&self, hash: u32) -> usize {
        hash as usize & (self.marks.len() - 1)
    }

    fn bucket(&self, hash: u32) -> usize {
        (hash >> 8) as usize & (self.first.len() - 2)
    }

    fn window(number: u32, text: &[u8], at: usize) -> Window {
        let mut bytes = [0; 4];
        bytes[..WIDTH].copy_from_slice(&text[at..at + WIDTH]);
        let from = at.min(text.len().saturating_sub(8));
        let length = (text.len() - from).min(8);
        let mut near = [0; 8];
        near[..length].copy_from_slice(&text[from..from + length]);
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Window {
            hash: Self::hash(u32::from_le_bytes(bytes)),
            text: number,
            before: small(at),
            lead: small(at - from),
            near: u64::from_le_bytes(near),
            mask: u64::MAX >> (64 - 8 * length),
        }
    }

    /// Gives the texts that may stand in `text`, and where, to `met`.
    #[inline]
    fn scan(&self, text: &[u8], met: &mut impl FnMut(u32, usize)) {
        if self.windows.is_empty() {
            return;
        }
        let marked = |window: u32| self.marks.get(self.mark(Self::hash(window))).copied().unwrap_or(false);
        let mut at = 0;
        // Windows in which four steps begin, and one more window.
        while let Some(bytes) = text.get(at..at + 3 * STEP + 4) {
            let window = |step: usize| bytes[step * STEP..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            // All four, whatever they are: nearly always none of them is marked, and no branch is guessed wrong.
            if marked(window(0)) | marked(window(1)) | marked(window(2)) | marked(window(3)) {
                for step in (0..4).filter(|step| marked(window(*step))) {
                    self.compare(text, at + step * STEP, Self::hash(window(step)), met);
                }
            }
            at += 4 * STEP;
        }
        while let Some(rest) = text.get(at..).filter(|rest| rest.len() >= WIDTH) {
            let mut bytes = [0; 4];
            bytes[..WIDTH].copy_from_slice(&rest[..WIDTH]);
            let window = u32::from_le_bytes(bytes);
            if marked(window) {
                self.compare(text, at, Self::hash(window), met);
            }
            at += STEP;
        }
    }

    #[cold]
    fn compare(&self, text: &[u8], at: usize, hash: u32, met: &mut impl FnMut(u32, usize)) {
        let bucket = self.bucket(hash);
        let (Some(from), Some(to)) = (self.first.get(bucket), self.first.get(bucket + 1)) else { return };
        for window in self.windows.get(*from as usize..*to as usize).unwrap_or_default() {
            if window.hash != hash {
                continue;
            }
            let (Some(near), Some(start)) =
                (at.checked_sub(window.lead as usize), at.checked_sub(window.before as usize))
            else {
                continue;
            };
            let there = text.get(near..).and_then(<[u8]>::first_chunk).copied().map(u64::from_le_bytes);
            if there.is_none_or(|there| there & window.mask == window.near) {
                met(window.text, start);
            }
        }
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
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_stands_there(texts in prop::collection::btree_set("[ab ,é]{4,14}", 0..20), text in "[ab ,é]{0,60}") {
            expect(&texts, &text)?;
        }

        #[test]
        fn it_finds_pieces(text in "[ab,]{4,40}", pieces in prop::collection::vec((0_usize..40, 4_usize..14), 1..20)) {
            let piece = |(from, length): &(usize, usize)| text.get(*from..from + length).map(str::to_owned);
            expect(&pieces.iter().filter_map(piece).collect(), &text)?;
        }
    }

    fn expect(texts: &BTreeSet<String>, text: &str) -> Result<(), TestCaseError> {
        let windows = Windows::new(texts.iter().map(|text| (text.as_str().into(), text.clone())));
        let mut found = Vec::new();
        windows.scan(text.as_bytes(), &mut |text| found.push(text.clone()));
        found.sort();
        let mut expected = Vec::new();
        for own in texts {
            let stands = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(own.as_bytes()));
            expected.extend(stands.map(|_| own.clone()));
        }
        prop_assert_eq!(found, expected);
        Ok(())
    }
}
