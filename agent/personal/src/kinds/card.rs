//! Payment card: issuer range, length and the Luhn digit.

use super::{Entry, Kind, digit};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Card,
    name: "card",
    category: Some(Category::BankAccount),
    person: true,
    shown: (4, 0),
    words: &["карт*", "card*", "pan", "visa*", "mastercard*", "kaspi gold*", "карточк*"],
    value: None,
};

/// How well a digit string fits a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Luhn, and the usual length of an issuer range: reported without context.
    Issuer,
    /// Luhn, first digit 2–6 and 13–19 digits: only with context.
    Context,
}

/// First digits of payment cards.
#[inline]
pub(crate) fn leads(first: u8) -> bool {
    (b'2'..=b'6').contains(&first)
}

/// Judges a string of digits. All-equal digits and Luhn failures are no card.
pub(crate) fn fit(digits: &[u8]) -> Option<Fit> {
    if !(13..=19).contains(&digits.len()) || !leads(digits[0]) {
        return None;
    }
    if !digits.iter().all(|byte| digit(*byte)) || !luhn(digits) || digits.iter().all(|byte| *byte == digits[0]) {
        return None;
    }
    let head = digits[..4].iter().fold(0u16, |sum, byte| sum * 10 + u16::from(byte - b'0'));
    // Visa, Mastercard, Mir, Mastercard's second range; UnionPay; American Express.
    let usual = match digits.len() {
        16 => matches!(head, 4000..=4999 | 5100..=5599 | 2200..=2204 | 2221..=2720 | 6200..=6299),
        15 => matches!(head, 3400..=3499 | 3700..=3799),
        _ => false,
    };
    Some(if usual { Fit::Issuer } else { Fit::Context })
}

fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    for (index, byte) in digits.iter().rev().enumerate() {
        let value = u32::from(byte - b'0');
        sum += match (index % 2, value) {
            (0, value) => value,
            (_, value) if value > 4 => value * 2 - 9,
            (_, value) => value * 2,
        };
    }
    sum.is_multiple_of(10)
}

/// The digits of `4-4-4-4` with one separator, space or hyphen, that stands at the start of `bytes`; nineteen bytes.
pub(crate) fn grouped(bytes: &[u8]) -> Option<[u8; 16]> {
    let window = bytes.get(..19)?;
    let separator = window[4];
    if !matches!(separator, b' ' | b'-') || bytes.get(19).is_some_and(|next| digit(*next)) {
        return None;
    }
    let mut digits = [0u8; 16];
    for (index, byte) in window.iter().enumerate() {
        if index % 5 == 4 {
            if *byte != separator {
                return None;
            }
        } else if digit(*byte) {
            digits[index - index / 5] = *byte;
        } else {
            return None;
        }
    }
    Some(digits)
}
