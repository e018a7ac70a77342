//! The kinds that only words tell: labelled values, names, addresses, machine-readable zones.

use std::ops::Range;

use crate::classifier::LOOK;
use crate::context::{self, Hit, Word};
use crate::fold::{self, Folded};
use crate::kinds::{Kind, address, mrz, person_name};
use crate::{Finding, Reason};
use crate::{sight, value};

/// Characters behind a label that its value may take.
const REACH: usize = 260;
/// Characters behind a value within which stands what it may go on with, or what cuts it short.
const NEXT: usize = 30;

/// Buffers of a scan, reused.
#[derive(Default)]
pub(crate) struct Scratch {
    near: Folded,
    folded: Folded,
    windows: Vec<Range<usize>>,
}

/// Finds what begins in `range` of `bytes`.
pub(crate) fn scan(bytes: &[u8], range: Range<usize>, scratch: &mut Scratch, found: &mut Vec<Finding>) {
    let from = fold::boundary(bytes, range.start.saturating_sub(LOOK));
    let to = fold::boundary(bytes, bytes.len().min(range.end + LOOK));
    sight::windows(bytes, from..to, &mut scratch.near, &mut scratch.windows);
    for window in &scratch.windows {
        read_window(bytes, window.clone(), &range, &mut scratch.folded, found);
    }
    mrz::each(bytes, from..to, |finding| {
        if range.contains(&finding.span.start) {
            found.push(finding);
        }
    });
}

/// Finds what words tell in `window`.
fn read_window(
    bytes: &[u8],
    window: Range<usize>,
    range: &Range<usize>,
    folded: &mut Folded,
    found: &mut Vec<Finding>,
) {
    folded.fold(&bytes[window.clone()]);
    let limit = folded.codes.len();
    let (mut cut, text) = (false, &*folded);
    context::each(&folded.codes, |hit| {
        let reaches = |found: &Range<usize>| found.end + NEXT > limit;
        cut |= hit.end + REACH > limit && read(text, &hit).iter().flatten().any(reaches);
    });
    if cut {
        // A value that goes on behind the window is judged as a whole.
        let to = fold::boundary(bytes, bytes.len().min(window.end + LOOK));
        folded.fold(&bytes[window.start..to]);
    }
    let text = &*folded;
    let mut give = |kind, characters: Range<usize>, confidence, reason| {
        let at = |index: usize| window.start + text.at[index] as usize;
        let span = at(characters.start)..at(characters.end);
        if characters.start < limit && range.contains(&span.start) {
            found.push(Finding { kind, span, confidence, reason });
        }
    };
    labelled(text, limit, &mut give);
    person_name::each(text, |characters, confidence, reason| give(Kind::PersonName, characters, confidence, reason));
    address::each(text, |characters| give(Kind::Address, characters, 75, Reason::Parts));
}

/// Where what stands behind the label ends that `text` begins with, if anything does.
pub(crate) fn value_behind(text: &Folded) -> Option<usize> {
    let mut furthest = None;
    context::first(&text.codes, |hit| {
        for found in read(text, &hit).into_iter().flatten() {
            furthest = furthest.max(Some(found.end));
        }
    });
    furthest
}

/// What may stand behind a label: the hidden value of an IIN, the number of a passport, the value.
fn read(text: &Folded, hit: &Hit) -> [Option<Range<usize>>; 3] {
    let Word::Of(kind) = hit.word else { return [None, None, None] };
    let hidden = (kind == Kind::Iin).then(|| value::hidden(text, hit.end)).flatten();
    let passport = (kind == Kind::IdCard).then(|| value::passport(text, hit.end)).flatten();
    [hidden, passport, kind.entry().value.and_then(|read| read(text, hit.end))]
}

/// Values behind the labels that begin before `limit`.
fn labelled(text: &Folded, limit: usize, give: &mut impl FnMut(Kind, Range<usize>, u8, Reason)) {
    let mut hits: Vec<Hit> = Vec::new();
    context::each(&text.codes, |hit| {
        // Of two words that end together or where one contains the other, the longer speaks.
        while hits.last().is_some_and(|last| hit.start <= last.start && hit.end >= last.end && *last != hit) {
            hits.pop();
        }
        if hits.last().is_none_or(|last| hit.start >= last.end || hit.end > last.end) {
            hits.push(hit);
        }
    });
    for (index, hit) in hits.iter().enumerate() {
        let Word::Of(kind) = hit.word else { continue };
        if hit.start >= limit {
            break;
        }
        let [hidden, passport, found] = read(text, hit);
        if let Some(hidden) = hidden {
            give(Kind::MaskedIin, hidden, 60, Reason::Hidden);
        }
        if let Some(number) = passport {
            give(Kind::Passport, number, 75, Reason::Context);
        }
        let Some(found) = found else { continue };
        // Hits are in order, so the look ahead ends with the value.
        let next = hits[index + 1..]
            .iter()
            .take_while(|next| next.start < found.end)
            .find(|next| next.start >= found.start && next.word != hit.word);
        let end = found.end.min(next.map_or(usize::MAX, |next| next.start));
        if let Some(found) = cut(text, found.start..end) {
            give(kind, found, 70, Reason::Label);
        }
    }
}

/// Ends a value before a run of nine digits or more, or an e-mail, and takes off what then trails.
fn cut(text: &Folded, found: Range<usize>) -> Option<Range<usize>> {
    let codes = &text.codes[found.clone()];
    let mut run = 0;
    let mut end = codes.len();
    for (index, code) in codes.iter().enumerate() {
        run = if code.is_ascii_digit() { run + 1 } else { 0 };
        if run == 9 {
            end = index - 8;
            break;
        }
    }
    while end > 0 && matches!(codes[end - 1], b' ' | b',' | b'.' | b':' | b'-' | b'(' | b'#' | b'+') {
        end -= 1;
    }
    let whole = codes[..end].iter().any(|code| fold::letter(*code) || code.is_ascii_digit());
    whole.then_some(found.start..found.start + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Words that mean something together, and what stands between them.
    const MATERIAL: &[&str] = &[
        "ИИН",
        "жсн",
        "доход",
        "зарплата",
        "оклад",
        "350 000",
        "Адрес",
        "адрес:",
        "место жительства",
        "мекенжайы",
        "г. Алматы",
        "ул.",
        "Абая",
        "Абай",
        "көшесі",
        "5-үй",
        "д. 5",
        "кв. 12",
        "мкр",
        "р-н",
        "пр-т",
        "область",
        "Ахметов",
        "Нурлан",
        "Серикович",
        "Иванов",
        "И.",
        "И.И.",
        "Қасымов",
        "Ғалымұлы",
        "Serik",
        "Akhmetov",
        "ФИО",
        "фамилия",
        "Тегі",
        "full_name",
        "семейное положение",
        "женат",
        "work",
        "бюджет",
        "сауда",
        "і",
        "i",
        "iя",
        "Серiк",
        "cookie",
        "session=abcd1234",
        "удостоверение",
        "N12345678",
        "8501******39",
        "110101193346",
        "паспорт",
        "250",
        "\u{301}",
        "\u{AD}",
        "\u{200B}",
        "«",
        "»",
        "—",
        "№",
        "×",
        "😀",
        "ä",
        "Áty-jóni",
        "e\u{308}",
        "҂",
        "ẞ",
        "中",
        "\0",
        "место работы",
        "ТОО",
        "компания",
        "IP",
        "10.2.3.4",
        "дата зарплаты",
        "25.11.2026",
        "скоринг",
        "701",
        "договор",
    ];

    fn material() -> impl Strategy<Value = String> {
        let gap = prop::sample::select(vec![
            " ", " ", " ", " ", "", ": ", "=", ", ", "\n", ". ", " - ", "-", "\t", "\"", "|", "5", "\u{A0}", " — ",
            ";", ".",
        ]);
        let word = prop_oneof![
            8 => prop::sample::select(MATERIAL.to_vec()).prop_map(str::to_owned),
            3 => prop::sample::select(vec!["было", "сома", "құжат", "order", "заказ", "несие", "x1", "7", "да"]).prop_map(|word| format!("{word} ").repeat(30)),
            2 => "[а-яА-Яa-zA-Z0-9 ]{0,40}",
            1 => any::<String>(),
            1 => (prop::sample::select(MATERIAL.to_vec()), 0usize..2000).prop_map(|(word, times)| format!("{word} ").repeat(times)),
        ];
        prop::collection::vec((word, gap), 0..40)
            .prop_map(|words| words.into_iter().map(|(word, gap)| word + gap).collect())
    }

    fn findings(read: impl FnOnce(&mut Vec<Finding>)) -> Vec<(Kind, Range<usize>, Reason)> {
        let mut all = Vec::new();
        read(&mut all);
        let mut all: Vec<_> = all.into_iter().map(|one| (one.kind, one.span, one.reason)).collect();
        all.sort_by_key(|one| (one.1.start, one.1.end, one.0.name()));
        all
    }

    proptest! {
        #[test]
        fn what_the_windows_hold_is_what_the_text_holds(text in material()) {
            let bytes = text.as_bytes();
            let all = 0..bytes.len();
            let mut windows = Vec::new();
            sight::windows(bytes, all.clone(), &mut Folded::default(), &mut windows);
            prop_assert!(windows.windows(2).all(|pair| pair[0].end < pair[1].start), "{windows:?}");
            let seen = findings(|found| {
                windows.iter().for_each(|one| read_window(bytes, one.clone(), &all, &mut Folded::default(), found));
            });
            let whole = findings(|found| read_window(bytes, all.clone(), &all, &mut Folded::default(), found));
            prop_assert_eq!(seen, whole);
        }

        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            scan(&bytes, 0..bytes.len(), &mut Scratch::default(), &mut Vec::new());
        }
    }
}
