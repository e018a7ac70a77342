//! Where in a text words could tell something. Most of a text is passed by: it is folded and read only around a label with
//! its value, two markers of an address close together, two words with capitals behind each other.
//!
//! Too much may be read, never too little: what is found in the windows is what is found in the whole text (tested).

use std::ops::Range;
use std::sync::LazyLock;

use crate::fold::{self, Folded, Table};
use crate::kernel;
use crate::kinds::address;
use crate::lexicon::Lexicon;
use crate::{context, text};

/// Bytes that hold every word of the lists, with a case ending.
const WORD: usize = 72;
/// Bytes behind the beginning of a label within which it shows that no value follows.
const LABEL: usize = 256;
/// Characters behind a value within which what cuts it short ends.
const BEHIND: usize = 40;
/// Bytes behind the beginning of a label that hold its value, whatever it is.
const VALUE: usize = 1024;
/// Bytes of the longest word of a name.
const NAME: usize = 96;
/// Most bytes between two markers of one address, and around a marker to what it names.
const ADDRESS: usize = 128;

/// Bytes that are read at a stretch where so much could tell something that looking costs more than reading.
const DENSE: usize = 16 << 10;

/// What a word is looked for.
#[derive(Clone, Copy, PartialEq)]
enum Sought {
    Label,
    Marker,
}

static SOUGHT: LazyLock<Lexicon<Sought>> = LazyLock::new(|| {
    let labels = context::labels().map(|word| (word, Sought::Label));
    Lexicon::new(labels.chain(address::markers().map(|word| (word, Sought::Marker))))
});

/// A word that begins with a capital, and those that a dash ties to it.
struct Capital {
    start: usize,
    /// The last word seen is one.
    last: bool,
}

struct Sight<'a> {
    bytes: &'a [u8],
    table: &'static Table,
    sought: &'static Lexicon<Sought>,
    near: &'a mut Folded,
    windows: &'a mut Vec<Range<usize>>,
    capital: Capital,
    /// The last marker of an address, and those that it goes on.
    marked: Option<Range<usize>>,
    /// Up to here all is read.
    read_to: usize,
    /// Bytes looked at more closely since this place.
    spent: usize,
    since: usize,
}

/// Puts the windows of `bytes` in which something may begin in `range` into `windows`, in order, apart from each other.
pub(crate) fn windows(bytes: &[u8], range: Range<usize>, near: &mut Folded, windows: &mut Vec<Range<usize>>) {
    windows.clear();
    let capital = Capital { start: 0, last: false };
    let mut sight = Sight {
        bytes,
        table: fold::table(),
        sought: &SOUGHT,
        near,
        windows,
        capital,
        marked: None,
        read_to: 0,
        spent: 0,
        since: range.start,
    };
    kernel::words(bytes, range, |at| sight.word(at));
}

impl Sight<'_> {
    /// A word may begin at `at`.
    #[inline]
    fn word(&mut self, at: usize) {
        if at < self.read_to {
            return;
        }
        match self.table.quick(self.bytes, at) {
            Some((first, capital, length)) if fold::letter(first) => self.letter(at, first, capital, length),
            _ => self.rare(at),
        }
    }

    /// A sign of several bytes, or a letter of another script, stands at or before `at`: looks for the word behind it.
    #[cold]
    #[inline(never)]
    fn rare(&mut self, mut at: usize) {
        while at > 0 && self.bytes[at] & 0xC0 == 0x80 {
            at -= 1;
        }
        while let Some((code, capital, length)) = fold::character_at(self.bytes, at) {
            match code {
                Some(code) if fold::letter(code) => {
                    if !fold::letter_before(self.bytes, at) {
                        self.letter(at, code, capital, length);
                    }
                    return;
                }
                // Plain text: what begins in it is seen by itself.
                Some(_) if length == 1 => return,
                _ => at += length,
            }
        }
    }

    #[inline]
    fn letter(&mut self, at: usize, first: u8, capital: bool, length: usize) {
        let tied = at > 0 && (self.bytes[at - 1] == b'-' || self.bytes[at - 1] >= 0x80);
        if capital && self.capital.last && self.joined(at) {
            self.window(self.capital.start, at + NAME);
        }
        if !(tied && self.capital.last) {
            self.capital = Capital { start: at, last: capital };
        }
        let mut behind = at + length;
        let Some((second, _, length)) = self.table.quick(self.bytes, behind) else {
            return if behind < self.bytes.len() {
                self.look(at)
            };
        };
        behind += length;
        if first == b'i' || second == b'i' {
            // Among Cyrillic letters it is another one.
            let next = self.bytes.get(behind).is_some_and(|byte| *byte >= 0x80);
            return if next || !first.is_ascii() || !second.is_ascii() || self.begins(first, second, behind) {
                self.look(at)
            };
        }
        if self.begins(first, second, behind) {
            self.look(at);
        }
    }

    /// Whether a word that is looked for may begin with these codes and what stands at `behind`.
    #[inline]
    fn begins(&self, first: u8, second: u8, mut behind: usize) -> bool {
        if !self.sought.begins(first, second) {
            return false;
        }
        let Some((third, _, length)) = self.table.quick(self.bytes, behind) else { return true };
        if third != b'i' && !self.sought.may_begin(first, second, third) {
            return false;
        }
        behind += length;
        let mut codes = [first, second, third, 0, 0, 0, 0];
        let mut known = 3;
        while known < codes.len()
            && let Some((code, _, length)) = self.table.quick(self.bytes, behind)
        {
            codes[known] = code;
            (known, behind) = (known + 1, behind + length);
        }
        let codes = &codes[..known];
        let strange = codes.contains(&b'i') && codes.iter().any(|code| !code.is_ascii());
        strange || self.sought.meets(&codes[..known - usize::from(codes[known - 1] == b'i')])
    }

    /// The gap before the word at `at` may join it to the one before: one space, the full stop of an initial.
    #[inline]
    fn joined(&self, at: usize) -> bool {
        let before = |count: usize| at.checked_sub(count).map_or(b'\n', |at| self.bytes[at]);
        match before(1) {
            b' ' => before(2).is_ascii_alphabetic() || before(2) >= 0x80 || before(2) == b'.',
            byte => byte == b'.' || byte >= 0x80,
        }
    }

    /// A word of the lists may begin at `at`.
    #[inline(never)]
    fn look(&mut self, at: usize) {
        self.spent += WORD;
        if self.spent > 4 * at.saturating_sub(self.since) + DENSE {
            return self.dense(at);
        }
        self.near.fold(part(self.bytes, at, WORD));
        let (mut label, mut marker, near) = (false, false, &*self.near);
        self.sought.each(&near.codes, |length, sought| match sought {
            Sought::Label => label = true,
            Sought::Marker => marker |= address::names_behind(near, length) || self.named_before(at),
        });
        // A number before a word is no label's.
        if label && !(at > 0 && self.bytes[at - 1].is_ascii_digit()) {
            self.spent += LABEL;
            self.near.fold(part(self.bytes, at, LABEL));
            if let Some(end) = text::value_behind(self.near) {
                let end = self.near.at.get(end + BEHIND).map_or(at + VALUE, |end| at + *end as usize);
                self.window(at.saturating_sub(WORD), end);
            }
        }
        if marker {
            self.marker(at);
        }
    }

    /// Reads a stretch as it is, with what was begun before it.
    #[cold]
    fn dense(&mut self, at: usize) {
        let marked = self.marked.take().map_or(at, |marked| marked.start);
        let start = marked.min(if self.capital.last { self.capital.start } else { at });
        self.window(start.saturating_sub(WORD), at + DENSE);
        // What stands at its end may go on behind it.
        (self.read_to, self.since, self.spent) = (at + DENSE - VALUE, at + DENSE - VALUE, 0);
        self.capital = Capital { start: at, last: false };
    }

    /// Whether the word before `at` begins with a capital or a digit, or is not plain.
    fn named_before(&self, at: usize) -> bool {
        let before = &self.bytes[..at];
        let gap = before.iter().rev().take(2).take_while(|byte| matches!(byte, b' ' | b'-')).count();
        let word = before[..at - gap].iter().rev().take(ADDRESS).take_while(|byte| of_word(**byte)).count();
        let word = &before[at - gap - word..at - gap];
        match self.table.quick(word, 0) {
            Some((code, capital, _)) if gap > 0 => {
                let plain = |byte: &u8| byte.is_ascii() || matches!(byte, 0x80..=0xBF | 0xD0..=0xD3);
                capital || code.is_ascii_digit() || word.len() == ADDRESS || !word.iter().all(plain)
            }
            _ => !word.is_empty(),
        }
    }

    /// A marker of an address begins at `at`.
    fn marker(&mut self, at: usize) {
        self.spent += 2 * ADDRESS;
        let from = fold::boundary(self.bytes, at.saturating_sub(ADDRESS));
        self.near.fold(part(self.bytes, from, at - from + ADDRESS));
        let Some(index) = self.near.at.iter().position(|start| from + *start as usize >= at) else { return };
        let (near, mut marked) = (&*self.near, self.marked.take());
        let mut pairs: Option<Range<usize>> = None;
        address::anchors(near, index, |span| {
            let span = from + near.at[span.start] as usize..from + near.at[span.end] as usize;
            let joined = match marked.take() {
                Some(last) if span.start <= last.end + ADDRESS => {
                    let joined = last.start.min(span.start)..last.end.max(span.end);
                    pairs = Some(joined.clone());
                    joined
                }
                _ => span,
            };
            marked = Some(joined);
        });
        self.marked = marked;
        if let Some(pairs) = pairs {
            self.window(pairs.start, pairs.end);
        }
    }

    /// Reads from `start` to `end`, and as far as the words there reach.
    fn window(&mut self, start: usize, end: usize) {
        let inside = |at: usize| of_word(self.bytes[at]) || self.bytes[at] == b'-';
        let (mut start, mut end) = (start.min(self.bytes.len()), end.min(self.bytes.len()));
        let (floor, ceiling) = (start.saturating_sub(ADDRESS), self.bytes.len().min(end + ADDRESS));
        while start > floor && inside(start - 1) {
            start -= 1;
        }
        while end < ceiling && inside(end) {
            end += 1;
        }
        (start, end) = (fold::boundary(self.bytes, start), fold::boundary(self.bytes, end));
        while let Some(last) = self.windows.pop_if(|last| start <= last.end) {
            (start, end) = (start.min(last.start), end.max(last.end));
        }
        self.windows.push(start..end);
    }
}

/// A letter, a digit, or part of any other character but those of ASCII.
fn of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The `count` bytes from `at`, or what there is, without a character that is cut.
fn part(bytes: &[u8], at: usize, count: usize) -> &[u8] {
    &bytes[at..fold::boundary(bytes, bytes.len().min(at + count))]
}
