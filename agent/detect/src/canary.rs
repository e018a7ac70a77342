//! Canaries: numbers that belong to nobody and rows that describe nobody. Whoever asks for one is looking where nobody has
//! work to do.
//!
//! The numbers are IINs with a valid check digit, birth dates of 1900 to 1904 and the seventh digit of that century. Nobody
//! born before 1909 is known to be alive, so none is a living person's; every form takes them; and to a reader they look
//! like people of 2000 to 2004, of whom the seventh digit would be 5 or 6. Which numbers a host has reserved follows from
//! its key: nobody without it can tell them apart or avoid them.

use crate::hash::Build;
use kuzet_event::{Event, PersonKey};
use kuzet_personal::Key;
use std::collections::HashMap;

/// How many numbers a host reserves.
pub const RESERVED: u16 = 256;

/// A row that was planted, as the store remembers it: without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Which of the reserved numbers it carries.
    pub number: u16,
    /// Its table, without schema.
    pub table: String,
    /// Hash of its primary key, as events name it ([`key_hash`]); `None` where it has none but the number.
    pub key: Option<PersonKey>,
    /// It was taken out again: nobody is told of its number any more.
    pub removed: bool,
}

/// Everything that is a canary on this host.
#[derive(Clone, Debug, Default)]
pub struct Canaries {
    numbers: HashMap<u128, u16, Build>,
    rows: HashMap<u128, (u16, String), Build>,
}

/// How a canary was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// By its number.
    Number(u16),
    /// By the primary key of its row.
    Row(u16),
}

impl Canaries {
    /// The canaries of the host that has `key`.
    #[must_use]
    pub fn new(key: &Key, planted: &[Planted]) -> Canaries {
        let mut canaries = Canaries::default();
        let gone = |number: u16| planted.iter().any(|row| row.number == number && row.removed);
        for number in (0..RESERVED).filter(|number| !gone(*number)) {
            canaries.numbers.insert(key.pseudonym("iin", reserved_iin(key, number).as_bytes()), number);
        }
        for row in planted.iter().filter(|row| !row.removed) {
            if let Some(PersonKey(hash)) = row.key {
                canaries.rows.insert(hash, (row.number, row.table.to_lowercase()));
            }
        }
        canaries
    }

    /// The first canary that a record asks for. The key of a row counts where the statement is about its table alone: the
    /// same number may be the key of another table's row.
    pub(crate) fn met(&self, event: &Event) -> Option<Met> {
        let alone = |table: &str| match event.relations() {
            [one] => one.name.eq_ignore_ascii_case(table),
            relations => !relations.is_empty() && relations.iter().all(|one| one.name.eq_ignore_ascii_case(table)),
        };
        event.identifiers.iter().find_map(|one| {
            if let Some(number) = self.numbers.get(&one.key.0) {
                return Some(Met::Number(*number));
            }
            self.rows.get(&one.key.0).filter(|(_, table)| alone(table)).map(|(number, _)| Met::Row(*number))
        })
    }

    /// Whether a hash is that of a canary, who is nobody.
    pub(crate) fn nobody(&self, hash: u128) -> bool {
        self.numbers.contains_key(&hash) || self.rows.contains_key(&hash)
    }
}

/// Hash of a value of a column as events name it.
#[must_use]
pub fn key_hash(key: &Key, column: &str, value: &str) -> PersonKey {
    PersonKey(key.pseudonym(&format!("column={}", column.to_lowercase()), value.as_bytes()))
}

/// One of the reserved numbers.
#[must_use]
pub fn reserved_iin(key: &Key, number: u16) -> String {
    let mut try_number = 0_u8;
    loop {
        let [low, high] = number.to_le_bytes();
        let random = key.pseudonym("canary", &[low, high, try_number]);
        let take = |from: u32, size: u128| (random >> from) % size;
        let (year, month, day) = (take(0, 5), 1 + take(8, 12), 1 + take(16, 28));
        // 3 is a man, 4 a woman of the twentieth century; the serial number is of the register.
        let eleven = format!("{year:02}{month:02}{day:02}{}{:04}", 3 + take(24, 2), take(32, 10_000));
        if let Some(check) = check_digit(eleven.as_bytes()) {
            return format!("{eleven}{check}");
        }
        // One number in eleven has no check digit in either pass; a hundred tries in a row cannot be of them.
        try_number = try_number.wrapping_add(1);
    }
}

/// The two-pass check digit of eleven digits (Resolution 406 of 22 May 2007); none for those that are never issued.
fn check_digit(eleven: &[u8]) -> Option<u32> {
    let sum = |shift: usize| -> u32 {
        let weigh = |(at, digit): (usize, &u8)| u32::from(digit.wrapping_sub(b'0')) * ((at + shift) % 11 + 1) as u32;
        eleven.iter().enumerate().map(weigh).sum()
    };
    [sum(0) % 11, sum(2) % 11].into_iter().find(|check| *check < 10)
}

#[cfg(test)]
mod tests;
