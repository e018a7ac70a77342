//! Which of seven encodings a text has, and its decoding: Kazakh databases and exports use them all.

mod tables;

use std::borrow::Cow;

use encoding_rs::{IBM866, KOI8_R, UTF_16LE, WINDOWS_1251};

/// An encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// UTF-8, ASCII among it.
    Utf8,
    /// UTF-16, little end first.
    Utf16Le,
    /// Windows-1251: Russian; of the Kazakh letters only І.
    Windows1251,
    /// KZ-1048 (STRK1048-2002): Windows-1251 with the Kazakh letters.
    Kz1048,
    /// PT154: the older Windows code page with Kazakh letters.
    Pt154,
    /// KOI8-R.
    Koi8R,
    /// CP866, of DOS programs.
    Cp866,
    /// No text: pictures, archives, programs.
    Binary,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 8] = [
        Encoding::Utf8,
        Encoding::Utf16Le,
        Encoding::Windows1251,
        Encoding::Kz1048,
        Encoding::Pt154,
        Encoding::Koi8R,
        Encoding::Cp866,
        Encoding::Binary,
    ];

    /// The usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16LE",
            Encoding::Windows1251 => "Windows-1251",
            Encoding::Kz1048 => "KZ-1048",
            Encoding::Pt154 => "PT154",
            Encoding::Koi8R => "KOI8-R",
            Encoding::Cp866 => "CP866",
            Encoding::Binary => "binary",
        }
    }
}

/// How much of a text decides its encoding, in bytes.
const SAMPLE: usize = 64 << 10;
/// Encodings of one byte a character, the likeliest first: it wins a draw.
const SINGLE: [Encoding; 5] =
    [Encoding::Windows1251, Encoding::Kz1048, Encoding::Pt154, Encoding::Koi8R, Encoding::Cp866];

/// The encoding of `bytes` and the text, without its byte order mark. Spans of findings refer to this text; for UTF-8
/// without a mark they are offsets of `bytes` too. Binary data gives a text in which every byte above 0x7F is U+FFFD.
#[must_use]
pub fn decode_text(bytes: &[u8]) -> (Encoding, Cow<'_, str>) {
    let encoding = detect(bytes);
    (encoding, decode(bytes, encoding))
}

/// Decodes with a known encoding. What has no meaning in it becomes U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)),
        Encoding::Utf16Le => UTF_16LE.decode_with_bom_removal(bytes).0,
        Encoding::Windows1251 => WINDOWS_1251.decode_without_bom_handling(bytes).0,
        Encoding::Koi8R => KOI8_R.decode_without_bom_handling(bytes).0,
        Encoding::Cp866 => IBM866.decode_without_bom_handling(bytes).0,
        Encoding::Kz1048 | Encoding::Pt154 | Encoding::Binary => {
            let upper = upper_half(encoding);
            Cow::Owned(bytes.iter().map(|byte| single(*byte, &upper)).collect())
        }
    }
}

fn single(byte: u8, upper: &[char; 128]) -> char {
    if byte < 0x80 { char::from(byte) } else { upper[usize::from(byte - 0x80)] }
}

/// What the bytes from 0x80 on mean.
fn upper_half(encoding: Encoding) -> [char; 128] {
    let mut upper = [char::REPLACEMENT_CHARACTER; 128];
    match encoding {
        Encoding::Kz1048 | Encoding::Pt154 => {
            let table = if encoding == Encoding::Kz1048 { tables::KZ1048 } else { tables::PTCP154 };
            for (slot, unit) in upper.iter_mut().zip(table) {
                *slot = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
        Encoding::Windows1251 | Encoding::Koi8R | Encoding::Cp866 => {
            for (slot, byte) in upper.iter_mut().zip(0x80..=0xFFu8) {
                *slot = decode(&[byte], encoding).chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
        Encoding::Utf8 | Encoding::Utf16Le | Encoding::Binary => {}
    }
    upper
}

/// The encoding of `bytes`, from their first 64 KiB.
#[must_use]
pub fn detect(bytes: &[u8]) -> Encoding {
    if bytes.starts_with(b"\xFF\xFE") {
        return Encoding::Utf16Le;
    }
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if sample.starts_with(b"\xEF\xBB\xBF") || utf8(sample) {
        return if sample.contains(&0) && utf16(sample) { Encoding::Utf16Le } else { Encoding::Utf8 };
    }
    if utf16(sample) {
        return Encoding::Utf16Le;
    }
    let odd = sample.iter().filter(|byte| **byte < 9 || (14..27).contains(*byte)).count();
    if odd * 50 > sample.len() {
        return Encoding::Binary;
    }
    let mut best = (0, Encoding::Binary);
    for encoding in SINGLE {
        let score = score(sample, &upper_half(encoding));
        if score > best.0 {
            best = (score, encoding);
        }
    }
    best.1
}

/// UTF-8, but for a cut last character and a stray byte in fifty characters.
fn utf8(sample: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    let mut left = sample.len();
    for chunk in sample.utf8_chunks() {
        good += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        left -= chunk.valid().len() + chunk.invalid().len();
        bad += usize::from(!chunk.invalid().is_empty() && left > 0);
    }
    let cut = std::str::from_utf8(sample).err().is_some_and(|error| error.error_len().is_none());
    bad == 0 && (good > 0 || cut && sample.len() > 3 || sample.is_ascii()) || bad * 50 < good
}

/// Every second byte is the high byte of Latin or Cyrillic.
fn utf16(sample: &[u8]) -> bool {
    let pairs = sample.len() / 2;
    let high = sample.chunks_exact(2).filter(|pair| matches!(pair[1], 0 | 4) && pair[0] != 0).count();
    pairs >= 4 && high * 10 >= pairs * 9
}

/// How much the high bytes look like Russian and Kazakh words.
fn score(sample: &[u8], upper: &[char; 128]) -> i64 {
    let mut score = 0;
    let mut small = false;
    let mut inside = false;
    for byte in sample {
        let c = single(*byte, upper);
        score += match c {
            _ if c.is_ascii() => 0,
            'о' | 'е' | 'а' | 'и' | 'н' | 'т' | 'с' | 'р' | 'в' | 'л' | 'к' | 'м' | 'д' | 'ы' => 4,
            'а'..='я' | 'ё' => 2,
            'ә' | 'ғ' | 'қ' | 'ң' | 'ө' | 'ұ' | 'ү' | 'һ' | 'і' => 3,
            // A capital inside a word after a small letter belongs to another code page.
            _ if c.is_uppercase() && small => -4,
            'А'..='Я' | 'Ё' => 1,
            'Ә' | 'Ғ' | 'Қ' | 'Ң' | 'Ө' | 'Ұ' | 'Ү' | 'Һ' | 'І' => 1,
            '№' | '«' | '»' | '–' | '—' | '\u{A0}' | '“' | '”' | '…' | '„' => i64::from(!inside),
            _ if c.is_alphabetic() => -3,
            _ => -4,
        };
        small = c.is_lowercase();
        inside = c.is_alphabetic();
    }
    score
}
