//! Machine-readable zones of ICAO 9303: which of its formats two lines are, and how many check digits hold.

use crate::check::{digit, is_iin};
use crate::document::{Confidence, Kind};
use crate::state::State;
use crate::text::{Text, UNSEEN, wipe};
use std::ops::Range;

/// Where the fields of a format stand in its first two lines, one after the other.
struct Layout {
    kind: Kind,
    width: usize,
    /// First letters of the first line.
    codes: &'static [u8],
    number: usize,
    birth: usize,
    expiry: usize,
    nationality: usize,
    /// Optional data, and where its check digit stands.
    optional: (Range<usize>, Option<usize>),
    /// The composite check digit and what it covers.
    composite: Option<(usize, [Range<usize>; 4])>,
}

/// Length of a document number; its check digit follows.
const NUMBER: usize = 9;
/// Length of a date; its check digit follows.
const DATE: usize = 6;
/// Slots at either end that may be no part of the line: edges of the card, a chip, a thumb.
const SPARE: usize = 8;
/// Fillers of a line that may be lost.
const LOST: usize = 4;
/// Letters that an edge may cut off.
const CUT: usize = 2;

const LAYOUTS: [Layout; 5] = [
    Layout {
        kind: Kind::Card,
        width: 30,
        codes: b"ACI",
        number: 5,
        birth: 30,
        expiry: 38,
        nationality: 45,
        optional: (15..30, None),
        composite: Some((59, [5..30, 30..37, 38..45, 48..59])),
    },
    Layout {
        kind: Kind::Sheet,
        width: 36,
        codes: b"ACI",
        number: 36,
        birth: 49,
        expiry: 57,
        nationality: 46,
        optional: (64..71, None),
        composite: Some((71, [36..46, 49..56, 57..64, 64..71])),
    },
    Layout {
        kind: Kind::Passport,
        width: 44,
        codes: b"P",
        number: 44,
        birth: 57,
        expiry: 65,
        nationality: 54,
        optional: (72..86, Some(86)),
        composite: Some((87, [44..54, 57..64, 65..72, 72..87])),
    },
    visa(44),
    visa(36),
];

const fn visa(width: usize) -> Layout {
    let optional = (width + 28..2 * width, None);
    let (birth, expiry, nationality) = (width + 13, width + 21, width + 10);
    Layout {
        kind: Kind::Visa,
        width,
        codes: b"V",
        number: width,
        birth,
        expiry,
        nationality,
        optional,
        composite: None,
    }
}

/// What two lines were found to be.
pub(crate) struct Zone {
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) confidence: Confidence,
    pub(crate) checks: u8,
    pub(crate) holder: u128,
}

/// The best reading of `upper` and `lower` as the first two lines of a zone.
pub(crate) fn read(upper: &Text, lower: &Text, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) -> Option<Zone> {
    let mut best: Option<(Zone, Letters, usize)> = None;
    for layout in &LAYOUTS {
        for first in candidates(upper.letters(), layout.width) {
            if !begins(first.as_slice(), layout.codes) {
                continue;
            }
            for second in candidates(lower.letters(), layout.width) {
                let mut letters = Letters { letters: [first.as_slice(), second.as_slice()].concat(), repairs: 0 };
                let sure = upper.sure.min(lower.sure);
                let Some(zone) = letters.judge(layout, sure) else { continue };
                // Of two readings the one that leaves less aside.
                let aside = (upper.letters().len() + lower.letters().len()).abs_diff(2 * layout.width);
                let score = |zone: &Zone, aside: usize| (zone.confidence, zone.checks, std::cmp::Reverse(aside));
                if best.as_ref().is_none_or(|(other, _, than)| score(&zone, aside) > score(other, *than)) {
                    best = Some((zone, letters, aside));
                }
            }
        }
    }
    let (mut zone, letters, _) = best?;
    zone.holder = letters.holder(&zone, pseudonym);
    Some(zone)
}

/// Whether `start`, the first letters of a line, could be the beginning of a zone, after at most `SPARE` others.
pub(crate) fn could_begin(start: &Text) -> bool {
    let codes: Vec<u8> = LAYOUTS.iter().flat_map(|layout| layout.codes).copied().collect();
    (0..=SPARE).any(|at| start.letters().get(at..).is_some_and(|letters| begins(letters, &codes)))
}

/// Whether `letters` begin with one of `codes` and a state.
fn begins(letters: &[u8], codes: &[u8]) -> bool {
    let code = |letter: u8| codes.contains(&as_letter(letter).map_or(letter, |(right, _)| right));
    letters.first().is_some_and(|first| code(*first))
        && letters.get(2..5).is_some_and(|state| State::read(state).is_some())
}

/// Ways to see `letters` as a line of `width`: without what stands before or behind it, with the longest run of fillers
/// made longer or shorter, for fillers are what is miscounted, or with what an edge cut off.
fn candidates(letters: &[u8], width: usize) -> Vec<Wiped> {
    let mut found = Vec::new();
    if letters.len() + LOST < width || letters.len() > width + SPARE {
        return found;
    }
    found.extend(letters.windows(width).map(|window| Wiped(window.to_vec())));
    if letters.len() != width {
        let runs = letters.chunk_by(|a, b| is_filler(*a) && is_filler(*b));
        let starts = runs.scan(0, |at, run| Some((std::mem::replace(at, *at + run.len()), run)));
        let longest = starts.filter(|(_, run)| is_filler(run[0])).max_by_key(|(_, run)| run.len());
        if let Some((at, run)) = longest.filter(|(_, run)| run.len() >= 3 && letters.len() < width + run.len()) {
            let fillers = run.len() + width - letters.len();
            let parts = [&letters[..at], &vec![b'<'; fillers][..], &letters[at + run.len()..]];
            found.push(Wiped(parts.concat()));
        }
    }
    let lost = [UNSEEN; CUT];
    if let Some(lost @ [_, ..]) = width.checked_sub(letters.len()).and_then(|count| lost.get(..count)) {
        found.extend([[lost, letters], [letters, lost]].map(|parts| Wiped(parts.concat())));
    }
    found
}

fn is_filler(letter: u8) -> bool {
    letter == b'<' || letter == UNSEEN
}

/// Letters that are wiped when they go.
struct Wiped(Vec<u8>);

impl Wiped {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Two lines of the right width while they are judged.
struct Letters {
    letters: Vec<u8>,
    /// Letters that were taken for others.
    repairs: usize,
}

impl Drop for Letters {
    fn drop(&mut self) {
        wipe(&mut self.letters);
    }
}

/// The digit that a letter was mistaken for. O and 0 are one shape in most cuts: that costs nothing.
fn as_digit(letter: u8) -> Option<(u8, usize)> {
    match letter {
        b'O' => Some((b'0', 0)),
        b'Q' | b'D' | b'U' => Some((b'0', 1)),
        b'I' | b'L' => Some((b'1', 1)),
        b'Z' => Some((b'2', 1)),
        b'S' => Some((b'5', 1)),
        b'G' => Some((b'6', 1)),
        b'T' => Some((b'7', 1)),
        b'B' => Some((b'8', 1)),
        _ => None,
    }
}

/// The letter that a digit was mistaken for.
fn as_letter(digit: u8) -> Option<(u8, usize)> {
    let letter = match digit {
        b'0' => return Some((b'O', 0)),
        b'1' => b'I',
        b'2' => b'Z',
        b'5' => b'S',
        b'6' => b'G',
        b'8' => b'B',
        _ => return None,
    };
    Some((letter, 1))
}

impl Letters {
    fn repair(&mut self, range: Range<usize>, with: fn(u8) -> Option<(u8, usize)>) {
        for letter in &mut self.letters[range] {
            if let Some((right, cost)) = with(*letter) {
                *letter = right;
                self.repairs += cost;
            }
        }
    }

    /// Whether the check digit at `at` is that of `ranges`, which hold more than fillers.
    fn holds(&self, ranges: &[Range<usize>], at: usize) -> bool {
        let field = || ranges.iter().flat_map(|range| self.letters[range.clone()].iter().copied());
        field().any(|letter| !is_filler(letter)) && digit(field()) == self.letters[at]
    }

    /// Whether the check digit behind a field of `long` letters holds, if need be with letters read as digits.
    fn field_holds(&mut self, start: usize, long: usize) -> bool {
        let field = start..start + long;
        self.repair(start + long..start + long + 1, as_digit);
        if self.holds(std::slice::from_ref(&field), field.end) {
            return true;
        }
        let (mut before, repairs) = (self.letters[field.clone()].to_vec(), self.repairs);
        self.repair(field.clone(), as_digit);
        let holds = self.holds(std::slice::from_ref(&field), field.end);
        if !holds {
            self.letters[field].copy_from_slice(&before);
            self.repairs = repairs;
        }
        wipe(&mut before);
        holds
    }

    /// A day of the calendar, or of one whose day or month is unknown.
    fn is_date(&self, start: usize) -> bool {
        let number = |at: usize| match self.letters[at..at + 2] {
            [b'<', b'<'] => Some(0),
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
            _ => None,
        };
        let most = [99, 12, 31];
        (0..3).all(|part| number(start + 2 * part).is_some_and(|value| value <= most[part]))
    }

    fn judge(&mut self, layout: &Layout, sure: f32) -> Option<Zone> {
        self.repair(0..2, as_letter);
        if !(self.letters[1].is_ascii_uppercase() || is_filler(self.letters[1])) {
            return None;
        }
        let state = State::read(&self.letters[2..5])?;
        let mut held = 0;
        held += u8::from(self.field_holds(layout.number, NUMBER));
        for date in [layout.birth, layout.expiry] {
            self.repair(date..date + DATE, as_digit);
            held += u8::from(self.field_holds(date, DATE));
        }
        let national = State::read(&self.letters[layout.nationality..layout.nationality + 3]).is_some();
        if let (range, Some(at)) = &layout.optional
            && self.letters[range.clone()].iter().any(|letter| !is_filler(*letter))
        {
            held += u8::from(self.field_holds(range.start, range.len()) && self.letters[*at] != b'<');
        }
        let whole = self.composite_holds(layout);
        held += u8::from(whole);
        let dated = self.is_date(layout.birth) && self.is_date(layout.expiry);
        let sexed = matches!(self.letters[layout.birth + DATE + 1], b'M' | b'F' | b'<' | b'X');
        let few = self.repairs <= 2 * usize::from(held);
        let confidence = if held >= 3 && dated && few && (whole || national) {
            Confidence::Certain
        } else if held >= 2 && dated && national && sexed && sure >= 0.95 && self.repairs <= 2 {
            Confidence::Probable
        } else {
            return None;
        };
        Some(Zone { kind: layout.kind, state, confidence, checks: held, holder: 0 })
    }

    fn composite_holds(&mut self, layout: &Layout) -> bool {
        let Some((at, ranges)) = &layout.composite else { return false };
        self.repair(*at..at + 1, as_digit);
        if self.holds(ranges, *at) {
            return true;
        }
        // Optional data are digits in most states.
        let (mut before, repairs) = (self.letters.clone(), self.repairs);
        self.repair(layout.optional.0.clone(), as_digit);
        let holds = self.holds(ranges, *at);
        if holds {
            wipe(&mut before);
        } else {
            std::mem::swap(&mut self.letters, &mut before);
            wipe(&mut before);
            self.repairs = repairs;
        }
        holds
    }

    /// The person: by the IIN where the document tells it, else by state and number of the document.
    fn holder(&self, zone: &Zone, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) -> u128 {
        let layout = LAYOUTS.iter().find(|layout| layout.kind == zone.kind && 2 * layout.width == self.letters.len());
        let Some(layout) = layout else { return 0 };
        let optional = &self.letters[layout.optional.0.clone()];
        let iin = optional.get(..12).unwrap_or_default();
        if zone.state.code() == "KAZ" && is_iin(iin) {
            return pseudonym("iin", iin);
        }
        let mut value = [&self.letters[2..5], &self.letters[layout.number..layout.number + NUMBER]].concat();
        let holder = pseudonym("document", &value);
        wipe(&mut value);
        holder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::text;

    fn zone(upper: &str, lower: &str) -> Option<(Kind, &'static str, Confidence, u8)> {
        let zone = read(&text(upper), &text(lower), &mut |_, _| 7)?;
        assert_eq!(zone.holder, 7);
        Some((zone.kind, zone.state.code(), zone.confidence, zone.checks))
    }

    const TD1: (&str, &str) = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6");
    const TD2: (&str, &str) = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6");
    const TD3: (&str, &str) =
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10");
    const MRVA: (&str, &str) =
        ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<");
    const MRVB: (&str, &str) = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<");

    #[test]
    fn specimens_of_icao_9303_are_read() {
        let certain = |kind, checks| Some((kind, "UTO", Confidence::Certain, checks));
        assert_eq!(zone(TD1.0, TD1.1), certain(Kind::Card, 4));
        assert_eq!(zone(TD2.0, TD2.1), certain(Kind::Sheet, 4));
        assert_eq!(zone(TD3.0, TD3.1), certain(Kind::Passport, 5));
        assert_eq!(zone(MRVA.0, MRVA.1), certain(Kind::Visa, 3));
        assert_eq!(zone(MRVB.0, MRVB.1), certain(Kind::Visa, 3));
    }

    #[test]
    fn letters_in_the_place_of_digits_are_digits() {
        let lower = TD1.1.replacen("7408122", "74O8122", 1).replacen("1204159", "12O4I59", 1);
        assert_eq!(zone(TD1.0, &lower).map(|zone| zone.3), Some(4));
    }

    #[test]
    fn digits_in_the_place_of_a_state_are_letters() {
        assert_eq!(zone(&TD3.0.replacen("UTO", "UT0", 1), TD3.1).map(|zone| zone.1), Some("UTO"));
    }

    #[test]
    fn junk_at_the_ends_and_lost_fillers_do_no_harm() {
        assert_eq!(zone(&format!("1{}", TD3.0), &format!("{}II", TD3.1)).map(|zone| zone.3), Some(5));
        assert_eq!(zone(&TD3.0[..41], TD3.1).map(|zone| zone.3), Some(5));
        assert_eq!(zone(TD1.0, &TD1.1.replacen("UTO<<<", "UTO?", 1)).map(|zone| zone.3), Some(4));
        assert_eq!(zone(TD1.0, &TD1.1[..29]).map(|zone| zone.3), Some(3), "the composite is cut off");
    }

    #[test]
    fn wrong_check_digits_are_no_document() {
        assert_eq!(zone(TD1.0, "7408123F1204158UTO<<<<<<<<<<<6"), None);
        assert_eq!(zone(TD3.0, "L898902C35UTO7408123F1204158ZE184226B<<<<<21"), None);
    }

    #[test]
    fn two_checks_need_all_the_rest() {
        let (upper, lower) = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204158UTO<<<<<<<<<<<4");
        assert_eq!(zone(upper, lower).map(|zone| (zone.2, zone.3)), Some((Confidence::Probable, 2)));
        assert_eq!(zone(upper, &lower.replacen("UTO", "QQQ", 1)), None, "no such state");
        assert_eq!(zone(upper, &lower.replacen('F', "K", 1)), None, "no such sex");
    }

    #[test]
    fn no_such_state_no_document() {
        assert_eq!(zone(&TD1.0.replacen("UTO", "QQX", 1), TD1.1), None);
    }

    #[test]
    fn an_iin_is_the_person() {
        let upper = format!("IDKAZ{}{}<<<", "0123456784", "110101193346");
        let head = "1101011M3001019KAZ<<<<<<<<<<<";
        let check = |field: &str| char::from(digit(field.bytes()));
        let number = format!("IDKAZ012345678{}110101193346<<<", check("012345678"));
        assert_eq!(upper.len(), number.len());
        let lower = format!("110101{}M300101{}KAZ<<<<<<<<<<<", check("110101"), check("300101"));
        assert_eq!(lower.len(), head.len());
        let all = format!("{}{}{}{}", &number[5..30], &lower[0..7], &lower[8..15], &lower[18..29]);
        let mut asked = Vec::new();
        let lower = format!("{lower}{}", check(&all));
        read(&text(&number), &text(&lower), &mut |domain, value| {
            asked.push((domain.to_owned(), value.to_vec()));
            1
        });
        assert_eq!(asked, [("iin".to_owned(), b"110101193346".to_vec())]);
    }
}
