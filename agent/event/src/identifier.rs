//! People as keyed hashes: enough to count them and to join records, never enough to name them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Keyed hash (BLAKE3, 128 bits, key made at first run) of one identifying value. Shown as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PersonKey(pub u128);

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonKey({self})")
    }
}

impl Serialize for PersonKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PersonKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(PersonKey).map_err(serde::de::Error::custom)
    }
}

/// What kind of value a predicate compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// Individual identification number, by its check digit and structure or by its column.
    Iin,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Payment card number.
    Card,
    /// Bank account (IBAN).
    Iban,
    /// Identity card or passport number.
    Document,
    /// A value whose kind only the catalogue can tell (a surrogate key, a contract number).
    Value,
}

/// One value that a statement compared a column with: `iin = '…'`, `id IN (…)`, a bound parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Column it was compared with, lower case, without qualifier; empty when unknown. Index into
    /// [`Statement::predicate_columns`](crate::Statement), so that no string is copied per record.
    pub column: u16,
    /// Kind by value or column name.
    pub kind: IdentifierKind,
    /// Keyed hash of the normalised value. [`IdentifierKind::Value`] keys are bound to the column's name as well, so
    /// that `id = 7` and `amount = 7` differ.
    pub key: PersonKey,
    /// The check digit does not hold: nobody was ever given it.
    pub impossible: bool,
    /// What it shares with the numbers that were given out before and after it (of an IIN the birth date, century and
    /// sex), as a short keyed hash; 0 where there is no such thing.
    pub series: u32,
}

impl Identifier {
    /// `column` when no column is known.
    pub const NO_COLUMN: u16 = u16::MAX;

    /// One of which nothing more is known.
    #[must_use]
    pub fn new(column: u16, kind: IdentifierKind, key: PersonKey) -> Identifier {
        Identifier { column, kind, key, impossible: false, series: 0 }
    }
}
