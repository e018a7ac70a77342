//! Kazakh IBAN: KZ, two check digits, three digits of the bank, thirteen characters; modulo 97.

use super::{Entry, Kind, digit};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Iban,
    name: "iban",
    category: Some(Category::BankAccount),
    person: true,
    shown: (4, 0),
    words: &["iban", "иик", "жск", "счет*", "р/с", "есепшот*", "шот*", "account*", "schet*", "accountno*"],
    value: None,
};

/// Whether exactly twenty characters are a Kazakh IBAN. Check digits 00, 01 and 99 also leave remainder 1 for some
/// account, but are never issued.
pub(crate) fn valid(value: &[u8]) -> bool {
    let Ok(value) = <&[u8; 20]>::try_from(value) else { return false };
    let shape = value[..2].eq_ignore_ascii_case(b"KZ")
        && value[2..7].iter().all(|byte| digit(*byte))
        && value[7..].iter().all(u8::is_ascii_alphanumeric)
        && !matches!(&value[2..4], b"00" | b"01" | b"99");
    if !shape {
        return false;
    }
    let mut rest = 0u32;
    for byte in value[4..].iter().chain(&value[..4]) {
        let upper = byte.to_ascii_uppercase();
        rest = if digit(upper) {
            (rest * 10 + u32::from(upper - b'0')) % 97
        } else {
            (rest * 100 + u32::from(upper - b'A') + 10) % 97
        };
    }
    rest == 1
}

/// Length of the IBAN that starts `bytes` with `KZ`, written without or with single spaces (`KZ69 9990 0000 …`), and
/// ends there; checked.
pub(crate) fn at_start(bytes: &[u8]) -> Option<usize> {
    let mut plain = [0u8; 20];
    let (mut filled, mut index) = (0, 0);
    while filled < 20 {
        let byte = *bytes.get(index)?;
        if byte == b' ' && filled % 4 == 0 && filled > 0 && bytes[index - 1] != b' ' {
            index += 1;
            continue;
        }
        if !(digit(byte) || byte.is_ascii_uppercase()) {
            return None;
        }
        plain[filled] = byte;
        filled += 1;
        index += 1;
    }
    let ends = bytes.get(index).is_none_or(|next| !next.is_ascii_alphanumeric());
    (ends && valid(&plain)).then_some(index)
}
