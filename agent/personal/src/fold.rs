//! Folding: one spelling for what people type many ways, so that words match whatever keyboard wrote them.
//!
//! Case, ё, Kazakh letters typed as Russian ones, the Latin alphabets of 2017–2021, dashes, quotes and spaces become
//! one; a character then is one byte, its code, which makes matching a byte search.

use std::sync::LazyLock;

/// Code of a letter that has none of its own.
pub(crate) const LETTER: u8 = 0xFE;
/// Code of anything else.
pub(crate) const OTHER: u8 = 0xFF;
/// Code of `а`; the Russian alphabet follows in Unicode's order.
const CYRILLIC: u8 = 0x80;

/// The folded character; `\0` for a combining mark, which is dropped.
pub(crate) fn character(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match c {
        'А'..='Я' | 'а'..='я' | 'Ё' | 'ё' | '\u{450}'..='\u{4FF}' | 'І' => cyrillic(c),
        '\u{300}'..='\u{36F}' | '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{FEFF}' => '\0',
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' => ' ',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        '«' | '»' | '“' | '”' | '„' => '"',
        '’' | '‘' | 'ʼ' => '\'',
        '№' => '#',
        '•' | '●' | '∗' | '＊' => '*',
        'Ä' | 'ä' | 'Á' | 'á' | 'Â' | 'â' | 'Ā' | 'ā' => 'a',
        'Ñ' | 'ñ' | 'Ń' | 'ń' => 'n',
        'Ö' | 'ö' | 'Ó' | 'ó' => 'o',
        'Ü' | 'ü' | 'Ū' | 'ū' | 'Ú' | 'ú' => 'u',
        'Ğ' | 'ğ' | 'Ǵ' | 'ǵ' => 'g',
        'Ş' | 'ş' | 'Ś' | 'ś' => 's',
        'İ' | 'ı' | 'Í' | 'í' => 'i',
        'Ý' | 'ý' => 'y',
        'É' | 'é' => 'e',
        'Ç' | 'ç' => 'c',
        other => other.to_lowercase().next().unwrap_or(other),
    }
}

fn cyrillic(c: char) -> char {
    match c {
        'А'..='Я' => cyrillic(char::from_u32(c as u32 + 32).unwrap_or(c)),
        'Ё' | 'ё' => 'е',
        'й' | 'і' | 'І' | 'ї' => 'и',
        'Ә' | 'ә' => 'а',
        'Ғ' | 'ғ' => 'г',
        'Қ' | 'қ' => 'к',
        'Ң' | 'ң' => 'н',
        'Ө' | 'ө' => 'о',
        'Ұ' | 'ұ' | 'Ү' | 'ү' => 'у',
        'Һ' | 'һ' => 'х',
        other => other.to_lowercase().next().unwrap_or(other),
    }
}

/// The code of a folded character.
pub(crate) fn code(folded: char) -> u8 {
    match folded {
        '\0'..='\x7F' => folded as u8,
        'а'..='я' => CYRILLIC + (folded as u32 - 'а' as u32) as u8,
        // Marks of old texts that stand in words.
        '\u{482}'..='\u{489}' => LETTER,
        other if other.is_alphabetic() => LETTER,
        _ => OTHER,
    }
}

/// By code, whether it is one of a letter.
const LETTERS: [bool; 256] = {
    let mut all = [false; 256];
    let mut code = 0;
    while code < 256 {
        all[code] = (code as u8).is_ascii_alphabetic() || cyrillic_letter(code as u8) || code == LETTER as usize;
        code += 1;
    }
    all
};

/// Whether a code is a letter.
#[inline]
pub(crate) fn letter(code: u8) -> bool {
    LETTERS[usize::from(code)]
}

/// Whether a code is a Cyrillic letter.
#[inline]
pub(crate) const fn cyrillic_letter(code: u8) -> bool {
    code >= CYRILLIC && code < CYRILLIC + 32
}

/// Calls `found` with the index of every letter that no letter stands before.
#[inline]
pub(crate) fn each_word(codes: &[u8], mut found: impl FnMut(usize)) {
    let mut inside = false;
    for (index, code) in codes.iter().enumerate() {
        let letter = letter(*code);
        if letter && !inside {
            found(index);
        }
        inside = letter;
    }
}

/// Codes of a short text, for word lists.
pub(crate) fn codes(text: &str) -> Vec<u8> {
    text.chars().map(character).filter(|c| *c != '\0').map(code).collect()
}

/// A folded text and where its characters stood. Reused between calls.
#[derive(Default)]
pub(crate) struct Folded {
    /// One code a character.
    pub(crate) codes: Vec<u8>,
    /// Byte offset of each character, and one more: the end.
    pub(crate) at: Vec<u32>,
    /// Whether the character was a capital.
    pub(crate) capital: Vec<bool>,
}

/// Code of each character of U+0400 to U+04FF, which take the two bytes D0 to D3 and one more, and whether it is a capital.
pub(crate) struct Table([(u8, bool); 256]);

/// The table.
pub(crate) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        Table(std::array::from_fn(|index| match char::from_u32(0x400 + index as u32) {
            Some(c) => (code(character(c)), c.is_uppercase()),
            None => (OTHER, false),
        }))
    });
    &TABLE
}

impl Table {
    /// Code of the character at `at` if it is of ASCII or Cyrillic, whether it is a capital, how many bytes it has.
    #[inline]
    pub(crate) fn quick(&self, bytes: &[u8], at: usize) -> Option<(u8, bool, usize)> {
        let byte = *bytes.get(at)?;
        if byte < 0x80 {
            return Some((byte.to_ascii_lowercase(), byte.is_ascii_uppercase(), 1));
        }
        let next = *bytes.get(at + 1)?;
        if !matches!(byte, 0xD0..=0xD3) || next & 0xC0 != 0x80 {
            return None;
        }
        let (code, capital) = self.0[usize::from(byte & 3) << 6 | usize::from(next & 0x3F)];
        Some((code, capital, 2))
    }
}

/// Code of the character at `at`, whether it is a capital, how many bytes it has; no code for what is dropped. Bytes that are
/// not UTF-8 are [`OTHER`]. None at the end.
pub(crate) fn character_at(bytes: &[u8], at: usize) -> Option<(Option<u8>, bool, usize)> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let chunk = rest[..rest.len().min(4)].utf8_chunks().next()?;
    let Some(c) = chunk.valid().chars().next() else { return Some((Some(OTHER), false, chunk.invalid().len())) };
    let folded = character(c);
    Some(((folded != '\0' || c == '\0').then(|| code(folded)), c.is_uppercase(), c.len_utf8()))
}

/// Whether the last character before `at` that is not dropped is a letter.
pub(crate) fn letter_before(bytes: &[u8], mut at: usize) -> bool {
    loop {
        let Some(mut start) = at.checked_sub(1) else { return false };
        while start > 0 && at - start < 4 && bytes[start] & 0xC0 == 0x80 {
            start -= 1;
        }
        match character_at(&bytes[..at], start) {
            Some((Some(code), ..)) => return letter(code),
            Some((None, ..)) => at = start,
            None => return false,
        }
    }
}

/// The nearest place at or after `at` where a character begins.
pub(crate) fn boundary(bytes: &[u8], mut at: usize) -> usize {
    let limit = bytes.len().min(at + 3);
    while at < limit && bytes[at] & 0xC0 == 0x80 {
        at += 1;
    }
    at
}

impl Folded {
    /// Folds `bytes`; what is not UTF-8 becomes [`OTHER`].
    pub(crate) fn fold(&mut self, bytes: &[u8]) {
        self.codes.clear();
        self.at.clear();
        self.capital.clear();
        self.codes.reserve(bytes.len());
        self.at.reserve(bytes.len() + 1);
        self.capital.reserve(bytes.len());
        let table = table();
        let mut at = 0;
        while at < bytes.len() {
            at += match table.quick(bytes, at) {
                Some((code, capital, length)) => {
                    self.push(code, at, capital);
                    length
                }
                None => self.rare(bytes, at),
            };
        }
        self.at.push(at as u32);
        self.latin_i();
    }

    /// A character of another block, or bytes that are none. Says how many they are.
    #[cold]
    fn rare(&mut self, bytes: &[u8], at: usize) -> usize {
        let Some((code, capital, length)) = character_at(bytes, at) else { return 1 };
        if let Some(code) = code {
            self.push(code, at, capital);
        }
        length
    }

    #[inline]
    fn push(&mut self, code: u8, at: usize, capital: bool) {
        self.codes.push(code);
        self.at.push(at as u32);
        self.capital.push(capital);
    }

    /// A Latin `i` beside a Cyrillic letter was meant as `і`.
    fn latin_i(&mut self) {
        let mut from = 0;
        while let Some(found) = memchr::memchr(b'i', &self.codes[from..]) {
            let index = from + found;
            let before = index > 0 && cyrillic_letter(self.codes[index - 1]);
            let after = self.codes.get(index + 1).is_some_and(|next| cyrillic_letter(*next));
            if before || after {
                self.codes[index] = code('и');
            }
            from = index + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_meet() {
        assert_eq!(codes("ЖСН"), codes("жсн"));
        assert_eq!(codes("Жеке Куәлік"), codes("жеке куалик"));
        assert_eq!(codes("eñbekaqy"), codes("ENBEKAQY"));
        assert_eq!(codes("е\u{308}лка"), codes("ёлка"));
        let mut folded = Folded::default();
        folded.fold("Серiк".as_bytes());
        assert_eq!(folded.codes, codes("серік"));
    }

    #[test]
    fn offsets_are_of_the_original_bytes() {
        let mut folded = Folded::default();
        folded.fold(b"a\xff\xd0\x98b");
        assert_eq!(folded.codes, [b'a', OTHER, code('и'), b'b']);
        assert_eq!(folded.at, [0, 1, 2, 4, 5]);
        assert_eq!(folded.capital, [false, false, true, false]);
    }
}
