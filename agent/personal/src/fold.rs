//! Folding: one spelling for what people type many ways, so that words match whatever keyboard wrote them.
//!
//! Case, ё, Kazakh letters typed as Russian ones, the Latin alphabets of 2017–2021, dashes, quotes and spaces become
//! one; a character then is one byte, its code, which makes matching a byte search.

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
        other if other.is_alphabetic() => LETTER,
        _ => OTHER,
    }
}

/// Whether a code is a letter.
pub(crate) fn letter(code: u8) -> bool {
    code.is_ascii_alphabetic() || cyrillic_letter(code) || code == LETTER
}

/// Whether a code is a Cyrillic letter.
pub(crate) fn cyrillic_letter(code: u8) -> bool {
    (CYRILLIC..CYRILLIC + 32).contains(&code)
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

impl Folded {
    /// Folds `bytes`; what is not UTF-8 becomes [`OTHER`].
    pub(crate) fn fold(&mut self, bytes: &[u8]) {
        self.codes.clear();
        self.at.clear();
        self.capital.clear();
        let mut offset = 0usize;
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\0'..='\x7F' => self.push(c.to_ascii_lowercase() as u8, offset, c.is_ascii_uppercase()),
                    'а'..='и' | 'к'..='я' => self.push(CYRILLIC + (c as u32 - 'а' as u32) as u8, offset, false),
                    _ => {
                        let folded = character(c);
                        if folded != '\0' {
                            self.push(code(folded), offset, c.is_uppercase());
                        }
                    }
                }
                offset += c.len_utf8();
            }
            if !chunk.invalid().is_empty() {
                self.push(OTHER, offset, false);
                offset += chunk.invalid().len();
            }
        }
        self.at.push(offset as u32);
        self.latin_i();
    }

    fn push(&mut self, code: u8, at: usize, capital: bool) {
        self.codes.push(code);
        self.at.push(at as u32);
        self.capital.push(capital);
    }

    /// A Latin `i` beside a Cyrillic letter was meant as `і`.
    fn latin_i(&mut self) {
        for index in 0..self.codes.len() {
            if self.codes[index] == b'i' {
                let before = index > 0 && cyrillic_letter(self.codes[index - 1]);
                let after = self.codes.get(index + 1).is_some_and(|next| cyrillic_letter(*next));
                if before || after {
                    self.codes[index] = code('и');
                }
            }
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
