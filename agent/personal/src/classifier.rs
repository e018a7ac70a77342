//! The scan: candidates by shape, each judged by its own kind and by the words before it; then the words themselves.

use std::ops::Range;

use crate::context::{self, Word};
use crate::fold::Folded;
use crate::kernel::{self, Shape};
use crate::kinds::{Kind, card, digit, email, iban, iin, person_name, phone};
use crate::{Date, Finding, Reason, text};

/// How far around a value is looked at, in bytes. What is found at a place depends on nothing farther away.
pub(crate) const LOOK: usize = 1024;
/// How far behind its beginning the shape of a value may be seen: the `@` of an address, the end of a patronymic.
const BEHIND: usize = 256;
/// Bytes of which the words are looked at in one go.
const PIECE: usize = 16 << 10;

/// Finds personal data in text. One is enough for a process; it holds no state between calls.
#[derive(Clone, Debug)]
pub struct Classifier {
    today: Date,
    words: bool,
}

impl Default for Classifier {
    fn default() -> Classifier {
        Classifier::new()
    }
}

/// Buffers of one scan, reused.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) near: Folded,
    words: text::Scratch,
    found: Vec<Finding>,
    /// Findings that begin before this are overlapped by one already given.
    pub(crate) taken: usize,
}

impl Classifier {
    /// All kinds, with context words.
    #[must_use]
    pub fn new() -> Classifier {
        Classifier { today: Date::DEFAULT, words: true }
    }

    /// Only the kinds whose form tells them: IIN with all its evidence, card, IBAN, phone, e-mail, identity card behind
    /// its word, name with a Cyrillic patronymic. For big inputs: about half the speed of counting lines.
    #[must_use]
    pub fn structured() -> Classifier {
        Classifier { today: Date::DEFAULT, words: false }
    }

    /// Judges birth dates against `today` instead of [`Date::DEFAULT`].
    #[must_use]
    pub fn with_today(mut self, today: Date) -> Classifier {
        self.today = today;
        self
    }

    /// Appends what is found in `bytes` to `out`, in order of position, without overlaps. Text is UTF-8 or another
    /// superset of ASCII: numbers are found in any, words in UTF-8 only ([`decode_text`](crate::decode_text) first).
    pub fn scan(&self, bytes: &[u8], out: &mut Vec<Finding>) {
        self.scan_pieces(bytes, 0..bytes.len(), &mut Scratch::default(), out);
    }

    /// What begins in `range`, however long it is.
    pub(crate) fn scan_pieces(&self, bytes: &[u8], range: Range<usize>, scratch: &mut Scratch, out: &mut Vec<Finding>) {
        let step = if self.words { PIECE } else { range.len().max(1) };
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + step);
            self.scan_range(bytes, start..end, scratch, out);
            start = end;
        }
    }

    /// What begins in `range`. Ranges of one text come in order, with one `scratch`.
    fn scan_range(&self, bytes: &[u8], range: Range<usize>, scratch: &mut Scratch, out: &mut Vec<Finding>) {
        let mut found = std::mem::take(&mut scratch.found);
        kernel::candidates(bytes, range.start..range.end + BEHIND, |shape, at| {
            if worth(bytes, shape, at)
                && let Some(finding) = self.judge(bytes, shape, at, &mut scratch.near)
                && range.contains(&finding.span.start)
            {
                found.push(finding);
            }
        });
        if self.words {
            text::scan(bytes, range, &mut scratch.words, &mut found);
        }
        settle(&mut found, &mut scratch.taken, out);
        scratch.found = found;
    }

    #[cold]
    #[inline(never)]
    fn judge(&self, bytes: &[u8], shape: Shape, at: usize, near: &mut Folded) -> Option<Finding> {
        let give = |kind, length, confidence, reason| Finding { kind, span: at..at + length, confidence, reason };
        let rest = &bytes[at..];
        let joined = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        match shape {
            Shape::Digits | Shape::Grouped | Shape::Spaced if joined => None,
            Shape::Digits => {
                self.number(bytes, at, near).map(|(kind, length, sure, why)| give(kind, length, sure, why))
            }
            Shape::Grouped => {
                let digits = card::grouped(rest)?;
                let (sure, why) = match card::fit(&digits)? {
                    card::Fit::Issuer => (95, Reason::CheckDigits),
                    card::Fit::Context if self.announced(bytes, at, near, Kind::Card) => {
                        (85, Reason::ChecksumAndContext)
                    }
                    card::Fit::Context => return None,
                };
                Some(give(Kind::Card, 19, sure, why))
            }
            Shape::Spaced => self.local(bytes, at, near).map(|(kind, length, sure, why)| give(kind, length, sure, why)),
            Shape::Mark => match rest[0] {
                b'@' => email::around(bytes, at).map(|span| Finding {
                    kind: Kind::Email,
                    span,
                    confidence: 95,
                    reason: Reason::Form,
                }),
                b'K' if joined => None,
                b'K' => iban::at_start(rest).map(|length| give(Kind::Iban, length, 99, Reason::CheckDigits)),
                b'+' if joined => None,
                b'+' => {
                    let number = phone::parse(rest)?;
                    let (kind, sure) = match phone::line(&number.national) {
                        phone::Line::Mobile => (Kind::Phone, 95),
                        phone::Line::Fixed => (Kind::PhoneOther, 90),
                        phone::Line::Foreign if self.words && self.announced(bytes, at, near, Kind::Phone) => {
                            (Kind::PhoneOther, 60)
                        }
                        phone::Line::Foreign => return None,
                    };
                    Some(give(kind, number.length, sure, Reason::Form))
                }
                _ => person_name::around(bytes, at, near),
            },
        }
    }

    fn announced(&self, bytes: &[u8], at: usize, near: &mut Folded, kind: Kind) -> bool {
        context::before(bytes, at, near) == Some(Word::Of(kind))
    }

    /// A number in the national form with its trunk prefix 8.
    fn local(&self, bytes: &[u8], at: usize, near: &mut Folded) -> Option<(Kind, usize, u8, Reason)> {
        if bytes[at] != b'8' || at > 0 && matches!(bytes[at - 1], b'.' | b'+' | b'-') {
            return None;
        }
        let number = phone::parse(&bytes[at..])?;
        let kind = match phone::line(&number.national) {
            phone::Line::Mobile => Kind::Phone,
            phone::Line::Fixed if number.spaced => Kind::PhoneOther,
            _ => return None,
        };
        // A number with its separators is a phone; a bare one may be any number.
        let good = number.spaced || {
            let lead = bytes[at.saturating_sub(8)..at].trim_ascii_end();
            let numbered = lead.ends_with("№".as_bytes()) || lead.ends_with(b"#");
            let word = context::before(bytes, at, near);
            word != Some(Word::Negative) && (!numbered || word == Some(Word::Of(Kind::Phone)))
        };
        good.then_some((kind, number.length, 85, Reason::Form))
    }

    /// A run of nine digits or more.
    fn number(&self, bytes: &[u8], at: usize, near: &mut Folded) -> Option<(Kind, usize, u8, Reason)> {
        let rest = &bytes[at..];
        let length = rest.iter().take(64).take_while(|byte| digit(**byte)).count();
        if rest.get(length).is_some_and(u8::is_ascii_alphabetic) {
            return None;
        }
        let fraction = at > 1 && matches!(bytes[at - 1], b'.' | b',') && digit(bytes[at - 2]);
        let run = &rest[..length];
        match length {
            9 if fraction => None,
            9 => self.announced(bytes, at, near, Kind::IdCard).then_some((Kind::IdCard, 9, 80, Reason::Context)),
            11 if run[0] == b'8' => self.local(bytes, at, near),
            11 if run[0] == b'7' && self.words => {
                let number = phone::parse(rest)?;
                let mobile = phone::line(&number.national) == phone::Line::Mobile;
                (mobile && self.announced(bytes, at, near, Kind::Phone)).then_some((
                    Kind::Phone,
                    11,
                    85,
                    Reason::Context,
                ))
            }
            12 if self.words => {
                let word = context::before(bytes, at, near);
                self.twelve(run, word)
                    .filter(|(_, _, why)| *why != Reason::Checksum || !(fraction || sequence(bytes, at)))
                    .map(|(kind, sure, why)| (kind, 12, sure, why))
            }
            12 => (!fraction && iin::evidence(run, self.today) == iin::Evidence::Strong).then_some((
                Kind::Iin,
                12,
                90,
                Reason::Checksum,
            )),
            13..=19 if !fraction => match card::fit(run)? {
                card::Fit::Issuer => Some((Kind::Card, length, 90, Reason::CheckDigits)),
                card::Fit::Context => self.announced(bytes, at, near, Kind::Card).then_some((
                    Kind::Card,
                    length,
                    85,
                    Reason::ChecksumAndContext,
                )),
            },
            _ => None,
        }
    }

    /// The decision table for twelve digits.
    fn twelve(&self, run: &[u8], word: Option<Word>) -> Option<(Kind, u8, Reason)> {
        // A sole proprietor's IIN stands in a BIN field: the digits decide, not the word.
        let announced = word == Some(Word::Of(Kind::Iin));
        match iin::evidence(run, self.today) {
            iin::Evidence::Strong if announced => Some((Kind::Iin, 98, Reason::ChecksumAndContext)),
            iin::Evidence::Strong => Some((Kind::Iin, 90, Reason::Checksum)),
            iin::Evidence::Business => match word {
                Some(Word::Of(Kind::Bin | Kind::Iin)) => Some((Kind::Bin, 95, Reason::Structure)),
                _ => None,
            },
            iin::Evidence::Dated if announced => Some((Kind::Iin, 85, Reason::ChecksumAndContext)),
            iin::Evidence::Checked if announced => Some((Kind::Iin, 80, Reason::ChecksumAndContext)),
            iin::Evidence::None if announced => Some((Kind::MistypedIin, 50, Reason::BrokenChecksum)),
            _ if word == Some(Word::Of(Kind::Rnn)) => Some((Kind::Rnn, 80, Reason::Context)),
            _ => None,
        }
    }
}

/// What the first look says, without a call: most candidates are times in seconds or milliseconds and plain words.
#[inline]
fn worth(bytes: &[u8], shape: Shape, at: usize) -> bool {
    match shape {
        Shape::Digits => {
            let length = 9 + bytes[at + 9..].iter().take(11).take_while(|byte| digit(**byte)).count();
            matches!(length, 9 | 11 | 12) || (length < 20 && card::leads(bytes[at]))
        }
        Shape::Grouped => card::leads(bytes[at]),
        Shape::Spaced => bytes[at] == b'8',
        Shape::Mark => bytes[at] < 0x80 || person_name::plausible(bytes, at),
    }
}

/// Whether a neighbour of twelve digits, within 256 bytes, differs by at most 20: then both are counters, no people.
fn sequence(bytes: &[u8], at: usize) -> bool {
    let number = |run: &[u8]| run.iter().fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
    let own = number(&bytes[at..at + 12]);
    let (start, end) = (at.saturating_sub(256), bytes.len().min(at + 12 + 256));
    let mut index = start;
    while index < end {
        let run = bytes[index..end].iter().take_while(|byte| digit(**byte)).count();
        let whole = index > start || start == 0;
        if run == 12 && whole && index != at && (1..=20).contains(&own.abs_diff(number(&bytes[index..index + 12]))) {
            return true;
        }
        index += run.max(1);
    }
    false
}

/// Sorts what was found and gives it without overlaps: what begins first, then what is longest, then what is surest.
fn settle(found: &mut Vec<Finding>, taken: &mut usize, out: &mut Vec<Finding>) {
    found.sort_unstable_by(|one, two| {
        (one.span.start, two.span.end, two.confidence, one.kind).cmp(&(
            two.span.start,
            one.span.end,
            one.confidence,
            two.kind,
        ))
    });
    for finding in found.drain(..) {
        if finding.span.start >= *taken {
            *taken = finding.span.end;
            out.push(finding);
        }
    }
}
