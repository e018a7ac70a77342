//! Context words: what stands before a number decides what a number without (or with a weak) check digit is.

use std::sync::LazyLock;

use crate::fold::{self, Folded};
use crate::kinds::{Kind, LIST};
use crate::lexicon::Lexicon;

/// Words that announce a number that is nobody's.
const NEGATIVE: &[&str] = &[
    "заказ*",
    "договор*",
    "чек",
    "чека",
    "накладн*",
    "штрихкод*",
    "штрих-код*",
    "артикул*",
    "barcode*",
    "trace*",
    "span_id",
    "request*",
    "ref",
    "reference*",
    "txn*",
    "transaction*",
    "order*",
    "invoice*",
    "timestamp*",
    "тапсырыс*",
    "шарт*",
    "шоттама*",
    "транзакц*",
    "операци*",
    "сумма*",
    "sku*",
    "serial*",
    "hash*",
    "sha*",
    "uuid*",
];

/// How many bytes before a value are looked at.
pub(crate) const REACH: usize = 128;
/// Most characters between a word and its value.
const GAP: usize = 48;

/// The same for a word that speaks against: right before the value.
const NEAR: usize = 16;

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A value of this kind follows.
    Of(Kind),
    /// A number of no person follows.
    Negative,
}

/// What is known of a word of the list.
struct Known {
    word: Word,
    /// Any ending may follow.
    stem: bool,
}

/// A word found in folded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) word: Word,
    /// Indices of characters.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

static WORDS: LazyLock<Lexicon<Known>> = LazyLock::new(|| {
    let of_kinds = LIST.iter().flat_map(|entry| entry.words.iter().map(|text| (Word::Of(entry.kind), *text)));
    let negative = NEGATIVE.iter().map(|text| (Word::Negative, *text));
    Lexicon::new(of_kinds.chain(negative).map(|(word, text)| {
        let bare = text.trim_end_matches('*');
        (fold::codes(bare), Known { word, stem: bare.len() < text.len() })
    }))
});

/// Calls `found` for every context word in `codes`, in order of their beginnings, of several the shortest first.
pub(crate) fn each(codes: &[u8], mut found: impl FnMut(Hit)) {
    let words = &*WORDS;
    fold::each_word(codes, |start| {
        if start == 0 || !codes[start - 1].is_ascii_digit() {
            at(words, codes, start, &mut found);
        }
    });
}

/// Folded words behind which a value may be read, without a final `*`.
pub(crate) fn labels() -> impl Iterator<Item = Vec<u8>> {
    let labelled = LIST.iter().filter(|entry| entry.kind.is_labelled());
    labelled.flat_map(|entry| entry.words.iter().map(|text| fold::codes(text.trim_end_matches('*'))))
}

/// Calls `found` for every context word that `codes` begin with.
pub(crate) fn first(codes: &[u8], mut found: impl FnMut(Hit)) {
    at(&WORDS, codes, 0, &mut found);
}

#[inline]
fn at(words: &Lexicon<Known>, codes: &[u8], start: usize, found: &mut impl FnMut(Hit)) {
    words.each(&codes[start..], |length, known| {
        let end = start + length;
        if known.stem || ends(codes, end, length) {
            found(Hit { word: known.word, start, end });
        }
    });
}

/// A whole word; a Cyrillic abbreviation of up to three letters may carry a case ending of two.
fn ends(codes: &[u8], end: usize, length: usize) -> bool {
    let more = codes[end..].iter().take_while(|code| fold::letter(**code)).count();
    more == 0 || (length <= 3 && more <= 2 && fold::cyrillic_letter(codes[end - 1]))
}

/// The word that announces the value at byte `at`: the nearest one before it, at most [`GAP`] characters away, on the
/// same or the previous line, with no longer number in between.
pub(crate) fn before(bytes: &[u8], at: usize, scratch: &mut Folded) -> Option<Word> {
    let mut start = at.saturating_sub(REACH);
    if let Some(line) = memchr::memrchr_iter(b'\n', &bytes[start..at]).nth(1) {
        start += line + 1;
    }
    // Not into the middle of a character: a cut letter would look like a word border.
    while start < at && start > 0 && bytes[start] & 0xC0 == 0x80 {
        start += 1;
    }
    // Nor into the middle of a word, unless the text begins here.
    if start == at.saturating_sub(REACH) && start > 0 {
        start += bytes[start..at].iter().position(|byte| *byte < 0x80 && !byte.is_ascii_alphanumeric()).unwrap_or(0);
    }
    scratch.fold(&bytes[start..at]);
    let codes = &scratch.codes;
    let floor = after_last_number(codes).max(codes.len().saturating_sub(GAP));
    let mut nearest: Option<Hit> = None;
    each(codes, |hit| {
        let better =
            nearest.is_none_or(|known| hit.end > known.end || (hit.end == known.end && hit.start < known.start));
        let floor = if hit.word == Word::Negative { floor.max(codes.len().saturating_sub(NEAR)) } else { floor };
        if hit.end >= floor && better {
            nearest = Some(hit);
        }
    });
    nearest.map(|hit| hit.word)
}

/// Index behind the last run of five digits or more.
fn after_last_number(codes: &[u8]) -> usize {
    let mut run = 0;
    for (index, code) in codes.iter().enumerate().rev() {
        if code.is_ascii_digit() {
            run += 1;
            if run == 5 {
                return index + 5;
            }
        } else {
            run = 0;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Option<Word> {
        before(text.as_bytes(), text.len(), &mut Folded::default())
    }

    #[test]
    fn the_nearest_word_speaks() {
        assert_eq!(word("ИИН: "), Some(Word::Of(Kind::Iin)));
        assert_eq!(word("клиент с ИИНом "), Some(Word::Of(Kind::Iin)));
        assert_eq!(word("клиент с ИИНовичем "), None);
        assert_eq!(word("ЖСНі "), Some(Word::Of(Kind::Iin)));
        assert_eq!(word("\"client_iin\": \""), Some(Word::Of(Kind::Iin)));
        assert_eq!(word("ИИН нет, заказ "), Some(Word::Negative));
        assert_eq!(word("Удостоверение личности № "), Some(Word::Of(Kind::IdCard)));
        assert_eq!(word("удостоверение 012345678, "), None);
        assert_eq!(word("binary "), None);
        assert_eq!(word("Жеке сәйкестендіру коды "), Some(Word::Of(Kind::Iin)));
    }

    #[test]
    fn every_word_of_every_kind_is_heard() {
        for entry in LIST {
            for word in entry.words {
                let text = format!("; {} ", word.trim_end_matches('*'));
                let mut heard = false;
                each(&fold::codes(&text), |hit| heard |= hit.word == Word::Of(entry.kind));
                assert!(heard, "{word}");
            }
            assert!(entry.value.is_none() || !entry.words.is_empty() || entry.kind == Kind::MaskedIin);
        }
    }

    #[test]
    fn kazakh_is_heard_in_its_alphabets() {
        for (text, kind) in [
            ("Жеке куәлік нөмірі ", Kind::IdCard),
            ("ЖЕКЕ КУАЛИК НОМИРИ ", Kind::IdCard),
            ("jeke kuälık ", Kind::IdCard),
            ("zheke kualik ", Kind::IdCard),
            ("eñbekaqy ", Kind::Salary),
            ("enbekaqy: ", Kind::Salary),
            ("otbasylyq jağdaiy ", Kind::Marital),
            ("mekenjaiy ", Kind::Address),
        ] {
            assert_eq!(word(text), Some(Word::Of(kind)), "{text}");
        }
    }
}
