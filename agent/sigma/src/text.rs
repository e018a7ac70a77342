//! Letters of both cases are equal: Unicode simple case folding, one character to one character.

use std::sync::LazyLock;

/// `c` as it is compared without regard to case.
pub(crate) fn fold(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        '\0'..='\u{7f}' => c,
        // Cyrillic, the letters this product meets most, Russian and Kazakh: the tables below take long.
        'А'..='Я' => shifted(c, 0x20),
        'Ѐ'..='Џ' => shifted(c, 0x50),
        'а'..='џ' => c,
        'Ҋ'..='ҿ' | 'Ӑ'..='ӿ' => shifted(c, u32::from(u32::from(c) % 2 == 0)),
        // Turkish letters: their small and large partners are plain i and I only in Turkish.
        'ı' | 'İ' => c,
        _ => {
            let upper = single(c.to_uppercase()).unwrap_or(c);
            single(upper.to_lowercase()).or_else(|| single(c.to_lowercase())).unwrap_or(c)
        }
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    if characters.next().is_none() { first } else { None }
}

/// Appends `text` to `into` as it is compared without regard to case.
pub(crate) fn fold_into(text: &str, into: &mut String) {
    let start = into.len();
    if text.is_ascii() {
        into.push_str(text);
        into[start..].make_ascii_lowercase();
    } else {
        into.reserve(text.len());
        into.extend(text.chars().map(fold));
    }
}

/// Every letter from U+0400 to U+04FF, folded: two bytes each, before and after.
static CYRILLIC: LazyLock<[[u8; 2]; 256]> = LazyLock::new(|| {
    std::array::from_fn(|at| {
        let c = u32::try_from(at).ok().and_then(|at| char::from_u32(0x400 + at)).map_or(' ', fold);
        let mut bytes = [0; 2];
        if c.len_utf8() == 2 {
            c.encode_utf8(&mut bytes);
        }
        bytes
    })
});

/// The same as [`fold_into`], into bytes and in place of what they held: ASCII and Cyrillic take one pass of their own.
pub(crate) fn fold_bytes(text: &str, into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(text.as_bytes());
    into.make_ascii_lowercase();
    let letters = &*CYRILLIC;
    let mut at = 0;
    loop {
        // Eight bytes at once, then one by one.
        while let Some(word) = into.get(at..).and_then(<[u8]>::first_chunk::<8>)
            && u64::from_le_bytes(*word) & 0x8080_8080_8080_8080 == 0
        {
            at += 8;
        }
        let Some(next) = into.get(at..).and_then(|rest| rest.iter().position(|byte| *byte >= 0x80)) else { return };
        at += next;
        while let Some([lead @ 0xd0..=0xd3, second]) = into.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            [*lead, *second] = letters[usize::from(*lead & 3) << 6 | usize::from(*second & 0x3f)];
            at += 2;
        }
        let Some(c) = text[at..].chars().next().filter(|c| !c.is_ascii()) else { continue };
        let mut bytes = [0; 4];
        let (length, folded) = (c.len_utf8(), fold(c).encode_utf8(&mut bytes).as_bytes());
        if length != folded.len() {
            into.truncate(at);
            text[at..].chars().for_each(|c| into.extend_from_slice(fold(c).encode_utf8(&mut bytes).as_bytes()));
            return;
        }
        if let Some(place) = into.get_mut(at..at + length) {
            place.copy_from_slice(folded);
        }
        at += length;
    }
}

/// `text` as it is compared without regard to case.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    #[test]
    fn folding_is_simple_case_folding() {
        let mut different = Vec::new();
        for c in ('\0'..=char::MAX).filter(|c| c.is_alphabetic() || !c.is_alphanumeric()) {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.case_fold_simple();
            let alike = class.iter().flat_map(|range| range.start()..=range.end());
            different.extend(alike.filter(|other| fold(*other) != fold(c)).map(|other| (c, other)));
        }
        // Unicode 15.1 made each of these pairs equal; the standard library has no tables that say so.
        different.retain(|(one, other)| !"\u{fb05}\u{fb06}\u{390}\u{3b0}\u{1fd3}\u{1fe3}".contains([*one, *other]));
        assert!(different.is_empty(), "{different:?}");
    }

    #[test]
    fn kazakh_letters_have_two_cases() {
        assert_eq!(folded("ӘҒҚҢӨҰҮҺІ ЁЙ Straße"), "әғқңөұүһі ёй straße");
    }

    #[test]
    fn every_character_folds_to_the_same_bytes() {
        let mut bytes = Vec::new();
        for c in '\0'..=char::MAX {
            let text = format!("Абв {c}ГД Xyz");
            fold_bytes(&text, &mut bytes);
            assert_eq!(bytes, folded(&text).as_bytes(), "{c:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_fold_to_the_same_bytes(text in "([ -~]{0,12}|[А-яӘғҚёЁ]{0,5}|\\PC{0,2}){0,6}") {
            let mut bytes = vec![1, 2, 3];
            fold_bytes(&text, &mut bytes);
            prop_assert_eq!(bytes, folded(&text).into_bytes());
        }
    }
}
