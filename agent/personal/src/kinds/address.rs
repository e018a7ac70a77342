//! Postal addresses: two of city, street and house words close together, or a label.

use std::ops::Range;
use std::sync::LazyLock;

use super::{Entry, Kind};
use crate::fold::{self, Folded};
use crate::lexicon::Lexicon;
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Address,
    name: "address",
    category: Some(Category::Address),
    person: false,
    shown: (0, 0),
    words: &[
        "адрес*",
        "мекенжай*",
        "мекен-жай*",
        "место жительства*",
        "прописк*",
        "проживани*",
        "тұрғылықты*",
        "address*",
        "mekenjai*",
        "mekenzhai*",
    ],
    value: Some(value::line),
};

/// What a word of an address stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// City, region, district, village.
    Place,
    Street,
    House,
}

/// Words of addresses. A final `*` lets any ending follow.
const MARKERS: &[(Part, &str)] = &[
    (Part::Place, "г."),
    (Part::Place, "гор."),
    (Part::Place, "город*"),
    (Part::Place, "обл."),
    (Part::Place, "област*"),
    (Part::Place, "р-н*"),
    (Part::Place, "район*"),
    (Part::Place, "с."),
    (Part::Place, "село"),
    (Part::Place, "пос."),
    (Part::Place, "аул*"),
    (Part::Place, "ауыл*"),
    (Part::Place, "қ."),
    (Part::Place, "қала*"),
    (Part::Place, "облыс*"),
    (Part::Place, "ауд."),
    (Part::Place, "аудан*"),
    (Part::Place, "а.о."),
    (Part::Street, "ул."),
    (Part::Street, "улиц*"),
    (Part::Street, "пр."),
    (Part::Street, "пр-т"),
    (Part::Street, "пр-кт"),
    (Part::Street, "просп."),
    (Part::Street, "проспект*"),
    (Part::Street, "мкр*"),
    (Part::Street, "микрорайон*"),
    (Part::Street, "пер."),
    (Part::Street, "бульвар*"),
    (Part::Street, "көш."),
    (Part::Street, "к-сі"),
    (Part::Street, "көше*"),
    (Part::Street, "даң."),
    (Part::Street, "даңғыл*"),
    (Part::Street, "ықшам аудан*"),
    (Part::Street, "шағын аудан*"),
    (Part::Street, "street*"),
    (Part::House, "д."),
    (Part::House, "дом"),
    (Part::House, "корп."),
    (Part::House, "кв."),
    (Part::House, "квартир*"),
    (Part::House, "үй"),
    (Part::House, "пәт."),
    (Part::House, "пәтер*"),
];

/// Each with its part and whether any ending may follow.
static MARKER: LazyLock<Lexicon<(Part, bool)>> = LazyLock::new(|| {
    let row = |text: &str, part| (fold::codes(text.trim_end_matches('*')), (part, text.ends_with(['*', '.'])));
    Lexicon::new(MARKERS.iter().map(|(part, text)| row(text, *part)))
});

/// Most characters between two words of one address.
const GAP: usize = 40;

/// Finds addresses: markers of two sorts or more, close together, each beside a name or a number of its own.
pub(crate) fn each(text: &Folded, mut found: impl FnMut(Range<usize>)) {
    let markers = &*MARKER;
    let mut open: Option<(Range<usize>, u8)> = None;
    let mut anchors = |span: Range<usize>, part: Part| {
        let bit = 1u8 << part as u8;
        open = match open.take() {
            Some((range, parts)) if span.start <= range.end + GAP => {
                Some((range.start.min(span.start)..range.end.max(span.end), parts | bit))
            }
            Some((range, parts)) => {
                close(range, parts, &mut found);
                Some((span, bit))
            }
            None => Some((span, bit)),
        };
    };
    fold::each_word(&text.codes, |start| at(markers, text, start, &mut anchors));
    if let Some((range, parts)) = open {
        close(range, parts, &mut found);
    }
}

/// Calls `found` for every marker that begins at `start`, where a word begins, and is beside a name or a number.
fn at(markers: &Lexicon<(Part, bool)>, text: &Folded, start: usize, found: &mut impl FnMut(Range<usize>, Part)) {
    markers.each(&text.codes[start..], |length, (part, stem)| {
        let end = start + length;
        let whole = *stem || text.codes.get(end).is_none_or(|next| !fold::letter(*next));
        if let Some(span) = whole.then(|| anchored(text, start, end, *part)).flatten() {
            found(span, *part);
        }
    });
}

/// Folded words of addresses, without a final `*`.
pub(crate) fn markers() -> impl Iterator<Item = Vec<u8>> {
    MARKERS.iter().map(|(_, text)| fold::codes(text.trim_end_matches('*')))
}

/// Whether a name or a number stands behind the word of an address that ends at `end`, as far as `text` goes.
pub(crate) fn names_behind(text: &Folded, end: usize) -> bool {
    named(text, end, Part::Place).is_some()
}

/// Calls `found` with every marker that begins at `start`, where a word begins, and what it names.
pub(crate) fn anchors(text: &Folded, start: usize, mut found: impl FnMut(Range<usize>)) {
    at(&MARKER, text, start, &mut |span, _| found(span));
}

fn close(range: Range<usize>, parts: u8, found: &mut impl FnMut(Range<usize>)) {
    if parts.count_ones() >= 2 && range.len() <= value::LONGEST {
        found(range);
    }
}

/// The marker with what it names: behind it (`ул. Абая`, `д. 5`) or before it (`Абай көшесі`, `5-үй`).
fn anchored(text: &Folded, start: usize, end: usize, part: Part) -> Option<Range<usize>> {
    let codes = &text.codes;
    if let Some(at) = named(text, end, part) {
        let stop = codes[at..].iter().take(40).take_while(|code| fold::letter(**code) || code.is_ascii_digit()).count();
        return Some(start..at + stop);
    }
    let after = end + letters(&codes[end..]);
    let names = |index: usize| names(text, index, part);
    // Before it: one separator, then a capitalised word or a number.
    let mut before = start;
    while before > 0 && start - before < 2 && matches!(codes[before - 1], b' ' | b'-') {
        before -= 1;
    }
    if before == start {
        return None;
    }
    let word =
        codes[..before].iter().rev().take(40).take_while(|code| fold::letter(**code) || code.is_ascii_digit()).count();
    (word > 0 && names(before - word)).then_some(before - word..after)
}

/// How many letters end the word of a marker.
fn letters(codes: &[u8]) -> usize {
    codes.iter().take(12).take_while(|code| fold::letter(**code)).count()
}

/// Whether the character is a number's, or begins the name of something that is no house.
fn names(text: &Folded, index: usize, part: Part) -> bool {
    text.codes[index].is_ascii_digit() || (part != Part::House && text.capital[index])
}

/// Where the name or the number begins that stands behind the marker up to `end`.
fn named(text: &Folded, end: usize, part: Part) -> Option<usize> {
    let codes = &text.codes;
    let after = end + letters(&codes[end..]);
    let mut at = after;
    while at < codes.len() && at - after < 3 && matches!(codes[at], b' ' | b'.' | b'#' | b'"' | b':') {
        at += 1;
    }
    let apart = at > after.saturating_sub(usize::from(codes[end - 1] == b'.'));
    (apart && at < codes.len() && names(text, at, part)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let mut folded = Folded::default();
        folded.fold(text.as_bytes());
        let mut all = Vec::new();
        each(&folded, |found| {
            all.push(text[folded.at[found.start] as usize..folded.at[found.end] as usize].to_owned());
        });
        all
    }

    #[test]
    fn addresses_of_both_languages() {
        assert_eq!(addresses("живёт: г. Алматы, ул. Абая, д. 5, кв. 12."), ["г. Алматы, ул. Абая, д. 5, кв. 12"]);
        assert_eq!(addresses("Алматы қ., Абай көшесі, 5-үй, 12 пәтер"), ["Алматы қ., Абай көшесі, 5-үй, 12 пәтер"]);
        assert_eq!(addresses("мкр. Самал-2, дом 33"), ["мкр. Самал-2, дом 33"]);
        assert_eq!(addresses("область район улица квартира больница"), Vec::<String>::new());
        assert_eq!(addresses("город ждёт, дом стоит"), Vec::<String>::new());
    }
}
