//! Names of people in Russian and Kazakh: patronymics, initials, labels.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::{Entry, Kind};
use crate::fold::{self, Folded};
use crate::{Category, Finding, Reason, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::PersonName,
    name: "person_name",
    category: Some(Category::Name),
    person: false,
    shown: (0, 0),
    words: &[
        "фио",
        "ф.и.о",
        "фамили*",
        "отчеств*",
        "тегі*",
        "аты-жөні*",
        "аты жөні*",
        "т.а.ә",
        "әкесінің аты*",
        "full name*",
        "full_name*",
        "fullname*",
        "surname*",
        "last name*",
        "last_name*",
        "lastname*",
        "first name*",
        "first_name*",
        "firstname*",
        "patronymic*",
        "middle name*",
        "middle_name*",
        "fio",
        "aty-joni*",
        "aty-zhoni*",
        "tegi*",
    ],
    value: Some(value::name),
};

/// Endings of patronymics, folded, in the cases that documents use; at least three letters stand before them.
const PATRONYMICS: &[&str] = &[
    "ович",
    "евич",
    "ьич",
    "мич",
    "тич",
    "овича",
    "евича",
    "овичу",
    "евичу",
    "овичем",
    "евичем",
    "овна",
    "евна",
    "ична",
    "овны",
    "евны",
    "овне",
    "евне",
    "овну",
    "евну",
    "овной",
    "евной",
    "улы",
    "кызы",
    "улынын",
    "кызынын",
    "uly",
    "kyzy",
    "qyzy",
    "ovich",
    "evich",
    "ovna",
    "evna",
];

/// Endings of surnames, folded; at least two letters stand before them.
const SURNAMES: &[&str] = &[
    "ов", "ова", "ев", "ева", "ин", "ина", "ын", "ына", "ский", "скии", "ская", "енко", "ову", "еву", "овым", "евым",
    "овой", "евой", "ого", "бай", "баи", "бек", "хан", "жан", "гали", "кали", "гул", "улы", "кызы", "ov", "ova", "ev",
    "eva", "sky", "skaya", "enko", "bay", "bai", "bek", "uly", "kyzy", "qyzy",
];

/// Given names that are common in Kazakhstan, folded. Short on purpose: suffixes and labels find the rest.
const GIVEN: &[&str] = &[
    "аида",
    "аигерим",
    "аигул",
    "аиман",
    "аинур",
    "аслан",
    "алексеи",
    "александр",
    "алия",
    "алина",
    "алмас",
    "анна",
    "арман",
    "асел",
    "асхат",
    "аскар",
    "азамат",
    "анастасия",
    "андреи",
    "багдат",
    "бауыржан",
    "берик",
    "болат",
    "виктор",
    "виктория",
    "владимир",
    "галина",
    "гулмира",
    "гулнар",
    "дамир",
    "данияр",
    "дария",
    "динара",
    "дмитрии",
    "евгении",
    "екатерина",
    "елена",
    "ерлан",
    "ержан",
    "жанар",
    "жанибек",
    "жанна",
    "зарина",
    "иван",
    "ильяс",
    "ирина",
    "камила",
    "канат",
    "кайрат",
    "каират",
    "ксения",
    "куаныш",
    "лаура",
    "людмила",
    "мадина",
    "мадияр",
    "максим",
    "марат",
    "мария",
    "медет",
    "меруерт",
    "михаил",
    "мухтар",
    "назгул",
    "наталья",
    "нурлан",
    "нурсултан",
    "олег",
    "ольга",
    "павел",
    "петр",
    "роман",
    "руслан",
    "салтанат",
    "самат",
    "санжар",
    "светлана",
    "сергеи",
    "серик",
    "серги",
    "талгат",
    "татьяна",
    "темирлан",
    "тимур",
    "толеген",
    "улан",
    "юлия",
    "юрии",
    "шолпан",
    "aigul",
    "aigerim",
    "aidos",
    "aidana",
    "aliya",
    "anna",
    "arman",
    "asel",
    "askar",
    "azamat",
    "bauyrzhan",
    "daniyar",
    "dinara",
    "dmitry",
    "elena",
    "erlan",
    "gulnara",
    "ivan",
    "kanat",
    "madina",
    "marat",
    "nurlan",
    "olga",
    "ruslan",
    "sergey",
    "serik",
    "timur",
    "yerlan",
    "zhanar",
    "аидос",
    "аидана",
    "алибек",
    "айгул",
    "гулнара",
    "гульнара",
    "айгуль",
    "аигуль",
    "жибек",
    "сауле",
    "раушан",
    "ботагоз",
    "дархан",
    "ермек",
    "еркин",
    "кымбат",
    "мейрам",
];

struct Tables {
    patronymics: Vec<Vec<u8>>,
    surnames: Vec<Vec<u8>>,
    given: BTreeSet<Vec<u8>>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    patronymics: PATRONYMICS.iter().map(|text| fold::codes(text)).collect(),
    surnames: SURNAMES.iter().map(|text| fold::codes(text)).collect(),
    given: GIVEN.iter().map(|text| fold::codes(text)).collect(),
});

/// Longest word of a name.
const LONGEST: usize = 40;

/// A word of the folded text.
struct Piece {
    start: usize,
    end: usize,
    /// Begins with a capital, and is no abbreviation of one letter.
    capital: bool,
    /// One capital and a full stop.
    initial: bool,
}

/// Finds names in folded text.
pub(crate) fn each(text: &Folded, mut found: impl FnMut(Range<usize>, u8, Reason)) {
    let pieces = pieces(text);
    let mut index = 0;
    while index < pieces.len() {
        match name_from(text, &pieces, index) {
            Some((words, confidence, reason)) => {
                let last = &pieces[index + words - 1];
                // The full stop of a final initial belongs to the name.
                found(pieces[index].start..last.end + usize::from(last.initial), confidence, reason);
                index += words;
            }
            None => index += 1,
        }
    }
}

/// The name that the patronymic whose ending stands at byte `at` belongs to.
pub(crate) fn around(bytes: &[u8], at: usize, near: &mut Folded) -> Option<Finding> {
    let of_name = |byte: u8| byte >= 0x80 || byte == b' ' || byte == b'-';
    let floor = at.saturating_sub(192);
    let mut from = at;
    while from > floor && of_name(bytes[from - 1]) {
        from -= 1;
    }
    let mut to = at;
    let ceiling = bytes.len().min(at + 96);
    while to < ceiling && of_name(bytes[to]) {
        to += 1;
    }
    near.fold(&bytes[from..to]);
    let here = (at - from) as u32;
    let mut result = None;
    each(near, |characters, confidence, reason| {
        let (start, end) = (near.at[characters.start], near.at[characters.end]);
        if reason == Reason::Patronymic && start <= here && here < end {
            let span = from + start as usize..from + end as usize;
            result = Some(Finding { kind: Kind::PersonName, span, confidence, reason });
        }
    });
    result
}

/// Whether the bytes around `at`, the second of `и`, `в`, `ұ` or `қ`, are a patronymic's ending in a capitalised word
/// behind another capitalised word. Most words with these letters are not, and folding is dear.
#[inline]
pub(crate) fn plausible(bytes: &[u8], at: usize) -> bool {
    if at < 5 || at + 5 > bytes.len() {
        return false;
    }
    let (before, behind) = (&bytes[at - 3..at], &bytes[at + 1..at + 5]);
    let ending = match bytes[at] {
        // вич, ьич, мич, тич
        0xB8 => matches!(before, [0xD0, 0xB2 | 0xBC, 0xD0] | [0xD1, 0x8C | 0x82, 0xD0]) && behind[0] == 0xD1,
        // овна, евна
        0xB2 => matches!(before, [0xD0, 0xBE | 0xB5, 0xD0]) && behind[0] == 0xD0,
        // ұлы
        0xB1 => before[2] == 0xD2 && behind[0] == 0xD0 && behind[2..] == [0xD1, 0x8B],
        // қызы
        _ => before[2] == 0xD2 && behind[0] == 0xD1 && behind[2..] == [0xD0, 0xB7],
    };
    ending && behind_capitals(bytes, at - 1)
}

/// Whether the word that goes on to `end` has a capital, and the word before it too.
fn behind_capitals(bytes: &[u8], end: usize) -> bool {
    let word = word_start(bytes, end);
    let Some(gap) = word.checked_sub(1).filter(|gap| bytes[*gap] == b' ') else { return false };
    let previous = word_start(bytes, gap);
    previous < gap && capital(bytes, word) && capital(bytes, previous)
}

/// Where the Cyrillic word that ends before `end` begins.
fn word_start(bytes: &[u8], end: usize) -> usize {
    let mut at = end;
    while at >= 2 && end - at < 2 * LONGEST && matches!(bytes[at - 2], 0xD0..=0xD3) && bytes[at - 1] & 0xC0 == 0x80 {
        at -= 2;
    }
    at
}

/// Whether the two bytes at `at` are a Cyrillic capital.
fn capital(bytes: &[u8], at: usize) -> bool {
    match bytes[at..] {
        [0xD0, second, ..] => matches!(second, 0x81 | 0x86 | 0x90..=0xAF),
        [0xD2, second, ..] => second & 1 == 0,
        [0xD3, second, ..] => matches!(second, 0x98 | 0xA8),
        _ => false,
    }
}

fn pieces(text: &Folded) -> Vec<Piece> {
    let codes = &text.codes;
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < codes.len() {
        if !fold::letter(codes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < codes.len()
            && (fold::letter(codes[at])
                || (codes[at] == b'-' && codes.get(at + 1).is_some_and(|next| fold::letter(*next))))
        {
            at += 1;
        }
        let initial = at == start + 1 && text.capital[start] && codes.get(at) == Some(&b'.');
        let capital = text.capital[start] && (2..=LONGEST).contains(&(at - start));
        pieces.push(Piece { start, end: at, capital, initial });
    }
    pieces
}

/// How many words from `index` on are a name.
fn name_from(text: &Folded, pieces: &[Piece], index: usize) -> Option<(usize, u8, Reason)> {
    let piece = |offset: usize| pieces.get(index + offset);
    let joined = |offset: usize| {
        let (Some(one), Some(two)) = (piece(offset), piece(offset + 1)) else { return false };
        let gap = &text.codes[one.end..two.start];
        gap == b" " || (one.initial && (gap == b"." || gap == b". "))
    };
    let capital = |offset: usize| piece(offset).is_some_and(|piece| piece.capital);
    let initial = |offset: usize| piece(offset).is_some_and(|piece| piece.initial);
    let is = |offset: usize, of: Part| piece(offset).is_some_and(|piece| of.fits(&text.codes[piece.start..piece.end]));
    if initial(0) {
        // И. И. Иванов
        let two = initial(1) && joined(0);
        let surname = 1 + usize::from(two);
        let good = joined(surname - 1) && capital(surname) && (two || is(surname, Part::Surname));
        return good.then_some((surname + 1, if two { 80 } else { 65 }, Reason::Initials));
    }
    if !capital(0) {
        return None;
    }
    if joined(0) && capital(1) {
        if joined(1) && capital(2) && is(2, Part::Patronymic) && !is(1, Part::Patronymic) {
            return Some((3, 92, Reason::Patronymic));
        }
        if is(1, Part::Patronymic) {
            let surname = joined(1) && capital(2) && is(2, Part::Surname);
            return Some((2 + usize::from(surname), if surname { 90 } else { 80 }, Reason::Patronymic));
        }
        let known = (is(0, Part::Given) && is(1, Part::Surname)) || (is(0, Part::Surname) && is(1, Part::Given));
        if known {
            return Some((2, 70, Reason::Form));
        }
    }
    if joined(0) && initial(1) {
        let two = initial(2) && joined(1);
        let good = two || is(0, Part::Surname);
        return good.then_some((2 + usize::from(two), if two { 80 } else { 65 }, Reason::Initials));
    }
    None
}

/// Words of schemas that end as surnames do.
const NO_SURNAMES: &[&str] = &["abbrev", "supernova", "casanova"];
/// Endings of surnames in Latin letters that words of schemas hardly have; at least three letters stand before them.
const LATIN: &[&str] = &["ov", "ova", "ev", "eva", "enko", "skaya", "uly", "kyzy", "qyzy", "bek", "bai"];

/// Whether a word of `name` (between `_`, digits and other signs) is by itself a person's name: a common given name, a
/// patronymic, a surname by its ending. For names in a schema, where sentences and capitals give no help.
pub(crate) fn in_word(name: &str) -> bool {
    name.split(|c: char| !c.is_alphabetic()).any(|word| {
        let codes = fold::codes(word);
        if Part::Given.fits(&codes) || Part::Patronymic.fits(&codes) {
            return true;
        }
        if !word.is_ascii() {
            return Part::Surname.fits(&codes);
        }
        let word = &*word.to_ascii_lowercase();
        LATIN.iter().any(|end| word.len() >= end.len() + 3 && word.ends_with(end)) && !NO_SURNAMES.contains(&word)
    })
}

/// Endings of surnames of women; streets, schools and squares are called after men in the same form.
const FEMININE: &[&str] = &["ова", "ева", "ина", "ына", "ская", "ого"];

/// Whether folded words are a person's name: one of them is a given name, a patronymic or a surname by its ending. Says
/// whether one of them is more than a surname that may be a genitive.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<bool> {
    let feminine = |word: &[u8]| FEMININE.iter().any(|ending| word.ends_with(&fold::codes(ending)));
    let of = |word: &[u8]| {
        if Part::Given.fits(word) || Part::Patronymic.fits(word) {
            return Some(true);
        }
        Part::Surname.fits(word).then(|| !feminine(word))
    };
    words.filter_map(of).max()
}

#[derive(Clone, Copy)]
enum Part {
    Patronymic,
    Surname,
    Given,
}

impl Part {
    fn fits(self, word: &[u8]) -> bool {
        let tables = &*TABLES;
        let ends = |list: &[Vec<u8>], least: usize| {
            list.iter().any(|ending| word.len() >= ending.len() + least && word.ends_with(ending))
        };
        match self {
            Part::Patronymic => ends(&tables.patronymics, 2),
            Part::Surname => ends(&tables.surnames, 2),
            Part::Given => tables.given.contains(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mut folded = Folded::default();
        folded.fold(text.as_bytes());
        let mut all = Vec::new();
        each(&folded, |found, _, _| {
            all.push(text[folded.at[found.start] as usize..folded.at[found.end] as usize].to_owned());
        });
        all
    }

    #[test]
    fn names_of_both_languages() {
        assert_eq!(names("заёмщик Ахметов Нурлан Серикович, город"), ["Ахметов Нурлан Серикович"]);
        assert_eq!(names("АХМЕТОВ НУРЛАН СЕРИКОВИЧ"), ["АХМЕТОВ НУРЛАН СЕРИКОВИЧ"]);
        assert_eq!(names("Қасымов Әлібек Ғалымұлы келді"), ["Қасымов Әлібек Ғалымұлы"]);
        assert_eq!(names("Иван Петрович"), ["Иван Петрович"]);
        assert_eq!(names("Айгуль Маратовна Омарова"), ["Айгуль Маратовна Омарова"]);
        assert_eq!(names("подпись Иванов И.И. дата"), ["Иванов И.И."]);
        assert_eq!(names("А. Б. Сулейменов"), ["А. Б. Сулейменов"]);
        assert_eq!(names("Serik Akhmetov"), ["Serik Akhmetov"]);
    }

    #[test]
    fn words_that_only_look_like_names() {
        for text in [
            "Пакет документов",
            "деловой Центр",
            "Северный Казахстан",
            "машина времени",
            "Алматы Қаласы",
            "кирпич Москвич",
            "Улыбка Машина",
            "Договор Займа",
        ] {
            assert_eq!(names(text), Vec::<String>::new(), "{text}");
        }
    }
}
