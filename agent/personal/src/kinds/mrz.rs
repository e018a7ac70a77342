//! Machine-readable zone of a card or passport (ICAO 9303): every line has check digits.

use std::ops::Range;

use super::{Entry, Kind, digit};
use crate::{Category, Finding, Reason};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Mrz,
    name: "mrz",
    category: Some(Category::IdDocument),
    person: true,
    shown: (0, 0),
    words: &[],
    value: None,
};

/// Lines of a card (TD1).
const CARD: usize = 30;
/// Lines of a passport (TD3).
const PASSPORT: usize = 44;

/// Finds zones whose first byte stands in `range`.
pub(crate) fn each(bytes: &[u8], range: Range<usize>, mut found: impl FnMut(Finding)) {
    let mut at = range.start;
    while let Some(offset) = memchr::memchr(b'<', &bytes[at..range.end]) {
        let line = line_around(bytes, at + offset);
        let next = match zone(bytes, line.clone()) {
            Some((span, reason, confidence)) => {
                let end = span.end;
                found(Finding { kind: Kind::Mrz, span, confidence, reason });
                end
            }
            None => line.end,
        };
        at = next.max(at + offset + 1);
        if at >= range.end {
            break;
        }
    }
}

fn of_zone(byte: u8) -> bool {
    byte.is_ascii_uppercase() || digit(byte) || byte == b'<'
}

/// The run of zone characters around `at`, at most 45 to either side.
fn line_around(bytes: &[u8], at: usize) -> Range<usize> {
    let back = bytes[at.saturating_sub(PASSPORT + 1)..at].iter().rev().take_while(|byte| of_zone(**byte)).count();
    let ahead = bytes[at..].iter().take(PASSPORT + 1).take_while(|byte| of_zone(**byte)).count();
    at - back..at + ahead
}

/// The line of `length` behind the line that ends at `end`: after an end of line, real or written as `\\n`.
fn line_behind(bytes: &[u8], end: usize, length: usize) -> Option<Range<usize>> {
    let rest = &bytes[end..];
    let skip = [&b"\r\n"[..], b"\n", b"\\r\\n", b"\\n", b" "].into_iter().find(|gap| rest.starts_with(gap))?.len();
    let start = end + skip;
    let found = bytes.get(start..start + length)?.iter().all(|byte| of_zone(*byte));
    (found && bytes.get(start + length).is_none_or(|next| !of_zone(*next))).then_some(start..start + length)
}

fn zone(bytes: &[u8], line: Range<usize>) -> Option<(Range<usize>, Reason, u8)> {
    if line.len() == CARD {
        let second = line_behind(bytes, line.end, CARD)?;
        let third = line_behind(bytes, second.end, CARD)?;
        let (reason, sure) = card(&bytes[line.clone()], &bytes[second])?;
        return Some((line.start..third.end, reason, sure));
    }
    if line.len() == PASSPORT && bytes[line.start] == b'P' {
        let second = line_behind(bytes, line.end, PASSPORT)?;
        let (reason, sure) = passport(&bytes[second.clone()])?;
        return Some((line.start..second.end, reason, sure));
    }
    // The second line of a passport alone has all its check digits.
    if line.len() == PASSPORT {
        let (reason, sure) = passport(&bytes[line.clone()])?;
        return Some((line, reason, sure.saturating_sub(5)));
    }
    None
}

fn card(first: &[u8], second: &[u8]) -> Option<(Reason, u8)> {
    if !matches!(first[0], b'I' | b'A' | b'C') {
        return None;
    }
    judge(&second[15..18], |repair| {
        let (first, second) = (fixed(first, &[5..14, 14..15], repair), fixed(second, &[0..7, 8..15, 29..30], repair));
        let parts = [&first[5..30], &second[..7], &second[8..15], &second[18..29]];
        holds(&[&first[5..14]], first[14])
            && holds(&[&second[..6]], second[6])
            && holds(&[&second[8..14]], second[14])
            && holds(&parts, second[29])
    })
}

fn passport(line: &[u8]) -> Option<(Reason, u8)> {
    judge(&line[10..13], |repair| {
        let line = fixed(line, &[9..10, 13..20, 21..28, 42..44], repair);
        let personal = line[28..42].iter().all(|byte| *byte == b'<') && matches!(line[42], b'<' | b'0');
        holds(&[&line[..9]], line[9])
            && holds(&[&line[13..19]], line[19])
            && holds(&[&line[21..27]], line[27])
            && (personal || holds(&[&line[28..42]], line[42]))
            && holds(&[&line[..10], &line[13..20], &line[21..43]], line[43])
    })
}

/// As written, else with misreadings undone. The nationality is covered by no check digit.
fn judge(nation: &[u8], good: impl Fn(bool) -> bool) -> Option<(Reason, u8)> {
    if good(false) {
        return Some(if nation == b"KAZ" { (Reason::CheckDigits, 99) } else { (Reason::OtherCountry, 95) });
    }
    good(true).then_some((Reason::Repaired, 85))
}

/// The line with letters that are read for digits put right where only digits stand.
fn fixed(line: &[u8], numeric: &[Range<usize>], repair: bool) -> [u8; PASSPORT] {
    let mut fixed = [b'<'; PASSPORT];
    fixed[..line.len()].copy_from_slice(line);
    for index in numeric.iter().flat_map(Clone::clone).filter(|_| repair) {
        fixed[index] = match fixed[index] {
            b'O' => b'0',
            b'I' => b'1',
            b'B' => b'8',
            b'S' => b'5',
            other => other,
        };
    }
    fixed
}

/// Weights 7, 3, 1; digits as they are, letters from 10, `<` zero; modulo 10.
fn holds(parts: &[&[u8]], check: u8) -> bool {
    let sum = parts.iter().flat_map(|part| part.iter()).enumerate().fold(0u32, |sum, (index, byte)| {
        let value = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'Z' => u32::from(byte - b'A') + 10,
            _ => 0,
        };
        sum + value * [7, 3, 1][index % 3]
    });
    digit(check) && sum % 10 == u32::from(check - b'0')
}
