//! Kazakh mobile number in any usual spelling.

use super::{Entry, Kind, digit};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Phone,
    name: "phone",
    category: Some(Category::PhoneMobile),
    person: true,
    shown: (0, 0),
    words: &[
        "тел",
        "телефон*",
        "моб",
        "мобил*",
        "сот",
        "сотов*",
        "ұялы*",
        "байланыс*",
        "whatsapp*",
        "ватсап*",
        "хабарлас*",
        "қоңырау*",
        "phone*",
        "mobile*",
        "tel",
        "msisdn*",
        "contact*",
        "контакт*",
        "uialy*",
        "uyaly*",
        "baylanys*",
    ],
    value: None,
};

/// A phone number in national form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// Ten digits behind +7.
    pub(crate) national: [u8; 10],
    /// How it was written.
    pub(crate) lead: Lead,
    /// Bytes it takes.
    pub(crate) length: usize,
    /// Separators stand in it.
    pub(crate) spaced: bool,
}

/// What stands before the national number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// `+7`.
    Plus,
    /// `8`, the trunk prefix.
    Eight,
    /// `7` without a plus: needs context.
    Seven,
}

/// Where a national number belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Kazakh mobile.
    Mobile,
    /// Kazakh landline or service.
    Fixed,
    /// Another country of the +7 zone.
    Foreign,
}

/// Reads the number at the start of `bytes`: `+7`, `8` or `7`, then ten digits with at most two separators (space,
/// hyphen, brackets, no-break space) between them; no digit or letter follows.
pub(crate) fn parse(bytes: &[u8]) -> Option<Number> {
    let (lead, mut index) = match bytes {
        [b'+', b'7', ..] => (Lead::Plus, 2),
        [b'8', ..] => (Lead::Eight, 1),
        [b'7', ..] => (Lead::Seven, 1),
        _ => return None,
    };
    let start = index;
    let mut national = [0u8; 10];
    let (mut filled, mut gap) = (0, 0);
    while filled < 10 {
        let byte = *bytes.get(index)?;
        if digit(byte) {
            national[filled] = byte;
            filled += 1;
            gap = 0;
        } else if matches!(byte, b' ' | b'-' | b'(' | b')' | 0xA0 | 0xC2) {
            gap += 1;
            if gap > 3 {
                return None;
            }
        } else {
            return None;
        }
        index += 1;
    }
    let ends = bytes.get(index).is_none_or(|next| !next.is_ascii_alphanumeric());
    ends.then_some(Number { national, lead, length: index, spaced: index > start + 10 })
}

/// Prefixes as of 2023: 700–708, 747, 771, 775–778 mobile (76x services of the same operators); 71x–72x fixed.
pub(crate) fn line(national: &[u8; 10]) -> Line {
    match (national[0], national[1]) {
        (b'7', b'0' | b'4' | b'6' | b'7') => Line::Mobile,
        (b'6' | b'7', _) => Line::Fixed,
        _ => Line::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one_number() {
        for text in ["+7 (700) 000-00-01", "8 700 000 00 01", "87000000001", "77000000001", "+7-7000-00-00-01"] {
            let number = parse(text.as_bytes()).unwrap();
            assert_eq!(&number.national, b"7000000001", "{text}");
            assert_eq!(number.length, text.len());
            assert_eq!(line(&number.national), Line::Mobile);
        }
        assert_eq!(parse(b"8701000000"), None);
        assert_eq!(parse(b"+8 701 000 00 02"), None);
        assert_eq!(parse(b"870100000022"), None);
    }
}
