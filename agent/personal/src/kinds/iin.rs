//! Individual identification number: the check digit says valid, the birth date and the seventh digit say likely.
//!
//! Algorithm: Resolution 406 of 22 May 2007 and Order 521 of 29 June 2023. Since Resolution 853 of 26 August 2013 the
//! digits need not carry date and sex, so these are evidence and the check digit alone is validity.

use super::{Entry, Kind, digit};
use crate::{Category, Date};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Iin,
    name: "iin",
    category: Some(Category::Iin),
    person: true,
    shown: (6, 0),
    words: &[
        "иин",
        "жсн",
        "iin",
        "zhsn",
        "jsn",
        "инн",
        "индивидуальный идентификационный",
        "индивидуального идентификационного",
        "идентификационный номер",
        "идентификационный код",
        "жеке сәйкестендіру",
        "жеке код",
        "individual identification",
        "individual_id",
        "tax_id",
        "taxpayer*",
        "jeke saikestendiru",
        "zheke saikestendiru",
    ],
    value: None,
};

/// What twelve digits say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Check digit, birth date, seventh digit 3–6, not born in the future.
    Strong,
    /// Check digit and date, but a seventh digit that says 18xx or nothing: timestamps look so.
    Dated,
    /// Check digit only.
    Checked,
    /// Check digit and the structure of a BIN.
    Business,
    /// No valid number.
    None,
}

/// Judges exactly twelve ASCII digits; anything else is [`Evidence::None`].
#[inline]
pub(crate) fn evidence(value: &[u8], today: Date) -> Evidence {
    let Ok(digits) = <&[u8; 12]>::try_from(value) else { return Evidence::None };
    if !digits.iter().all(|byte| digit(*byte)) || !checked(digits) || digits == b"000000000000" {
        return Evidence::None;
    }
    if business(digits) {
        return Evidence::Business;
    }
    let century = match digits[6] {
        b'1' | b'2' => 1800,
        b'3' | b'4' => 1900,
        b'5' | b'6' => 2000,
        _ => 0,
    };
    let two = |at: usize| u16::from(digits[at] - b'0') * 10 + u16::from(digits[at + 1] - b'0');
    let (year, month, day) = (two(0), two(2), two(4));
    // Without a century a leap year of any century will do: 2000 was one.
    let birth = Date::new(if century == 0 { 2000 } else { century } + year, month as u8, day as u8);
    match birth {
        None => Evidence::Checked,
        Some(_) if digits[6] > b'6' => Evidence::Checked,
        Some(_) if century < 1900 => Evidence::Dated,
        Some(date) if date <= today => Evidence::Strong,
        Some(_) => Evidence::Checked,
    }
}

/// The two-pass check digit.
#[inline]
fn checked(digits: &[u8; 12]) -> bool {
    let (mut first, mut second) = (0u32, 0u32);
    for (index, byte) in digits[..11].iter().enumerate() {
        let value = u32::from(byte - b'0');
        first += value * (index as u32 + 1);
        second += value * ((index as u32 + 2) % 11 + 1);
    }
    let mut check = first % 11;
    if check == 10 {
        check = second % 11;
    }
    check < 10 && check == u32::from(digits[11] - b'0')
}

/// Year and month of registration, digit 5 in 4–6, digit 6 in 0–4. Digits 5–6 are then no day of a month, so a birth
/// date and this structure never coincide.
#[inline]
fn business(digits: &[u8; 12]) -> bool {
    let month = (digits[2] - b'0') * 10 + (digits[3] - b'0');
    (1..=12).contains(&month) && (b'4'..=b'6').contains(&digits[4]) && digits[5] <= b'4'
}

/// Whether exactly twelve characters are an IIN of which at least one and at most nine digits are hidden.
pub(crate) fn masked(value: &[u8]) -> bool {
    if value.len() != 12 {
        return false;
    }
    let hidden = value.iter().filter(|byte| matches!(byte, b'*' | b'x' | b'X' | b'#')).count();
    let shown = value.iter().filter(|byte| digit(**byte)).count();
    hidden + shown == 12 && (1..=9).contains(&hidden)
}

/// An IIN that lost its leading zeros (a spreadsheet did it): at most two.
pub(crate) fn padded(value: &[u8]) -> Option<[u8; 12]> {
    let missing = 12usize.checked_sub(value.len()).filter(|missing| (1..=2).contains(missing))?;
    let mut whole = [b'0'; 12];
    whole[missing..].copy_from_slice(value);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Date;

    fn of(value: &str) -> Evidence {
        evidence(value.as_bytes(), Date::DEFAULT)
    }

    #[test]
    fn the_seventh_digit_and_the_date_grade_it() {
        assert_eq!(of("850830346939"), Evidence::Strong);
        assert_eq!(of("110101193346"), Evidence::Dated);
        assert_eq!(of("900101031662"), Evidence::Dated);
        assert_eq!(of("901334136691"), Evidence::Checked);
        assert_eq!(of("991231696641"), Evidence::Checked);
        assert_eq!(of("750640692234"), Evidence::Business);
        assert_eq!(of("000000000000"), Evidence::None);
        assert_eq!(of("85083034693"), Evidence::None);
    }

    #[test]
    fn hidden_digits_and_lost_zeros_are_seen() {
        assert!(masked(b"9001013****7"));
        assert!(masked(b"900101******"));
        assert!(!masked(b"900101300017"));
        assert!(!masked(b"************"));
        assert_eq!(padded(b"10101635578").as_ref().map(|whole| &whole[..]), Some(&b"010101635578"[..]));
        assert_eq!(padded(b"010101635578"), None);
    }
}
