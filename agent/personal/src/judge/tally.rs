//! What the values of one column look like, counted; none is kept.

use std::net::IpAddr;

use crate::classifier::Classifier;
use crate::column::ColumnHint;
use crate::fold::{self, Folded};
use crate::kinds::{digit, iin, person_name, phone};
use crate::vote::{ColumnVote, Verdict};
use crate::{Finding, Kind, column_category, identify};

use super::short;

/// Words for a family status, folded; both languages and the codes of programs.
const MARITAL: &[&str] = &[
    "женат",
    "замужем",
    "холост",
    "не женат",
    "не замужем",
    "разведен",
    "разведена",
    "вдова",
    "вдовец",
    "в браке",
    "не в браке",
    "холост/не замужем",
    "женат/замужем",
    "гражданский брак",
    "состоит в браке",
    "не состоит в браке",
    "разведен(а)",
    "үйленген",
    "үйленбеген",
    "тұрмыста",
    "тұрмыс құрған",
    "тұрмыс құрмаған",
    "ажырасқан",
    "бойдақ",
    "жесір",
    "некеде",
    "некеде тұр",
    "married",
    "single",
    "divorced",
    "widowed",
    "separated",
    "widow",
    "widower",
    "unmarried",
    "never married",
    "civil union",
    "turmysta",
    "uilengen",
    "boidaq",
    "ajyrasqan",
    "jesir",
    "zhenat",
    "zamuzhem",
    "holost",
    "razveden",
    "vdova",
    "vdovets",
];

/// Forms of companies.
const COMPANIES: &[&str] = &[
    "тоо",
    "жшс",
    "ао",
    "ақ",
    "ип",
    "жк",
    "кгу",
    "кмм",
    "кгп",
    "гккп",
    "ргу",
    "рму",
    "гу",
    "мм",
    "ооо",
    "зао",
    "оао",
    "пао",
    "llp",
    "llc",
    "jsc",
    "ltd",
    "inc",
    "ип.",
    "рмқк",
    "мкқк",
    "филиал",
    "школа",
    "мектеп",
    "больница",
    "аурухана",
    "университет",
];

/// Counts over the different values of a column or of a key.
pub(super) struct Tally {
    pub(super) hint: Option<ColumnHint>,
    pub(super) short: Option<Kind>,
    name: Box<str>,
    vote: ColumnVote,
    classifier: Classifier,
    /// Values that their name makes its kind.
    pub(super) agree: usize,
    /// Values inside which the kind stands.
    inside: [usize; Kind::ALL.len()],
    /// One to four words of letters.
    pub(super) lettered: usize,
    /// Of those, with a word that is a name by itself; and those that are no feminine or genitive surname.
    pub(super) names: usize,
    pub(super) nominative: usize,
    pub(super) marital: usize,
    pub(super) company: usize,
    /// Hashes, UUIDs, ciphers.
    pub(super) sealed: usize,
    /// Amounts and other numbers.
    pub(super) numeric: usize,
    /// Days and dates.
    pub(super) day: usize,
    /// Ten digits that are a Kazakh mobile number without its country.
    pub(super) national: usize,
    /// Eight or nine digits.
    pub(super) nine: usize,
    pub(super) masked: usize,
    pub(super) passport: usize,
    pub(super) ip: usize,
    pub(super) browser: usize,
    /// Words among other characters: what an address or a company may be.
    pub(super) worded: usize,
    low: u64,
    high: u64,
    numbers: usize,
    folded: Folded,
    found: Vec<Finding>,
}

impl Tally {
    pub(super) fn new(name: &str) -> Tally {
        let hint = column_category(name);
        Tally {
            hint,
            short: if hint.is_none() { short::kind(name) } else { None },
            name: Box::from(name),
            vote: ColumnVote::new(Some(name)),
            classifier: Classifier::new(),
            agree: 0,
            inside: [0; Kind::ALL.len()],
            lettered: 0,
            names: 0,
            nominative: 0,
            marital: 0,
            company: 0,
            sealed: 0,
            numeric: 0,
            day: 0,
            national: 0,
            nine: 0,
            masked: 0,
            passport: 0,
            ip: 0,
            browser: 0,
            worded: 0,
            low: u64::MAX,
            high: 0,
            numbers: 0,
            folded: Folded::default(),
            found: Vec::new(),
        }
    }

    /// Different values so far.
    pub(super) fn distinct(&self) -> usize {
        self.vote.distinct()
    }

    /// What the values say together where they are many.
    pub(super) fn verdict(&self) -> Verdict {
        self.vote.verdict()
    }

    /// Different values that are of `kind` by themselves.
    pub(super) fn whole(&self, kind: Kind) -> usize {
        self.vote.count(kind)
    }

    /// Different values inside which `kind` stands.
    pub(super) fn inside(&self, kind: Kind) -> usize {
        self.inside[kind as usize]
    }

    /// Numbers that lie close together: a counter.
    pub(super) fn counter(&self) -> bool {
        self.numbers > 1 && self.high - self.low < 50 * self.numbers as u64
    }

    /// Several whole numbers below ten and nothing else.
    pub(super) fn only_digits(&self) -> bool {
        self.numbers >= 3 && self.numbers == self.distinct() && self.high < 10
    }

    pub(super) fn add(&mut self, value: &[u8]) {
        let value = without_fraction(value.trim_ascii());
        if !self.vote.add(value) {
            return;
        }
        let hinted = self.hint.map(|hint| hint.category);
        let named = identify(value, Some(&self.name)).and_then(Kind::category);
        self.agree += usize::from(hinted.is_some() && named == hinted);
        if value.iter().all(|byte| digit(*byte)) {
            return self.number(value);
        }
        if sealed(value) {
            self.sealed += 1;
            return;
        }
        self.numeric += usize::from(amount(value));
        self.day += usize::from(date(value));
        self.masked += usize::from(iin::masked(value));
        self.passport +=
            usize::from(matches!(value, [b'N' | b'n', rest @ ..] if rest.len() == 8 && rest.iter().all(|b| digit(*b))));
        self.ip += usize::from(visitor(value));
        self.browser += usize::from(value.starts_with(b"Mozilla/") || value.starts_with(b"Opera/"));
        if value.len() >= 4 {
            self.words(value);
        }
    }

    fn number(&mut self, value: &[u8]) {
        self.numeric += 1;
        self.nine += usize::from((8..=9).contains(&value.len()));
        if let Ok(national) = <&[u8; 10]>::try_from(value) {
            self.national += usize::from(phone::line(national) == phone::Line::Mobile);
        }
        if value.len() <= 2 {
            let day = value.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
            self.day += usize::from((1..=31).contains(&day));
        }
        if value.len() <= 18 {
            let number = value.iter().fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
            (self.low, self.high) = (self.low.min(number), self.high.max(number));
            self.numbers += 1;
        }
    }

    fn words(&mut self, value: &[u8]) {
        self.folded.fold(value);
        let codes = &self.folded.codes;
        let letters = codes.iter().filter(|code| fold::letter(**code)).count();
        let word = codes.split(|code| !fold::letter(*code)).map(<[u8]>::len).max();
        self.worded += usize::from(word >= Some(3));
        let plain = |code: &u8| fold::letter(*code) || matches!(code, b' ' | b'-' | b'.' | b'\'');
        let pieces = codes.split(|code| matches!(code, b' ' | b'.')).filter(|piece| !piece.is_empty());
        if letters >= 2 && codes.iter().all(plain) && pieces.clone().count() <= 4 {
            self.lettered += 1;
            if let Some(nominative) = person_name::words(pieces) {
                self.names += 1;
                self.nominative += usize::from(nominative);
            }
        }
        let folded = |word: &&str| fold::codes(word) == *codes;
        self.marital += usize::from(codes.len() < 32 && MARITAL.iter().any(folded));
        let mut words = codes.split(|code| !fold::letter(*code)).filter(|word| !word.is_empty());
        self.company += usize::from(words.any(|word| COMPANIES.iter().any(|form| fold::codes(form) == word)));
        self.found.clear();
        self.classifier.scan(value, &mut self.found);
        let mut seen = [false; Kind::ALL.len()];
        for finding in &self.found {
            if !std::mem::replace(&mut seen[finding.kind as usize], true) {
                self.inside[finding.kind as usize] += 1;
            }
        }
    }
}

/// An address of the internet: those of a private network are of servers.
fn visitor(value: &[u8]) -> bool {
    let Some(address) = std::str::from_utf8(value).ok().and_then(|text| text.parse::<IpAddr>().ok()) else {
        return false;
    };
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local()),
    }
}

/// `850830346939.00` is the number before its point.
fn without_fraction(value: &[u8]) -> &[u8] {
    match memchr::memchr(b'.', value) {
        Some(point)
            if point > 0
                && point + 1 < value.len()
                && value[..point].iter().all(|byte| digit(*byte))
                && value[point + 1..].iter().all(|byte| *byte == b'0') =>
        {
            &value[..point]
        }
        _ => value,
    }
}

/// A hash, a UUID or a cipher: long, without spaces, and of the letters of hexadecimal or base64 only.
fn sealed(value: &[u8]) -> bool {
    if value.starts_with(b"\\x") || value.starts_with(b"0x") {
        return true;
    }
    if value.len() < 24 || value.contains(&b' ') {
        return false;
    }
    let hex = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    let base64 =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'$' | b'.');
    let mixed = value.iter().any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase)
        && value.iter().any(u8::is_ascii_digit);
    value.iter().all(hex) || (mixed && value.iter().all(base64))
}

/// Digits with separators of thousands and a fraction, or a sign.
fn amount(value: &[u8]) -> bool {
    value.len() <= 20
        && value.iter().any(|byte| digit(*byte))
        && value.iter().all(|byte| digit(*byte) || matches!(byte, b'.' | b',' | b' ' | b'-'))
        && !date(value)
}

/// `2026-11-25…`, `25.11.2026`.
fn date(value: &[u8]) -> bool {
    let mask: Vec<u8> = value.iter().take(10).map(|byte| if digit(*byte) { b'9' } else { *byte }).collect();
    matches!(&*mask, b"9999-99-99" | b"99.99.9999" | b"99/99/9999")
}
