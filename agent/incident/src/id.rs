//! The name of an incident: a hash of its key and first detection, so that replay and restart give the same one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// 80 bits of BLAKE3, shown as `KZ-` and 16 letters of Crockford's base 32 (no I, L, O, U).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId([u8; 10]);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl IncidentId {
    /// Of `parts`, each with its length, and `salt`: 0, or the number of earlier incidents that took the same id.
    #[must_use]
    pub fn of(parts: &[&[u8]], salt: u32) -> IncidentId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"kuzet.incident/1");
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(&salt.to_le_bytes());
        let mut id = [0; 10];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
        IncidentId(id)
    }

    fn number(self) -> u128 {
        self.0.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        let mut text = *b"KZ-0000000000000000";
        for (index, letter) in text[3..].iter_mut().enumerate() {
            *letter = ALPHABET[(number >> (75 - 5 * index)) as usize & 31];
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The text is not an incident id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an incident id: expected KZ- and 16 letters or digits")]
pub struct NotAnId;

impl FromStr for IncidentId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let letters = text.strip_prefix("KZ-").filter(|letters| letters.len() == 16).ok_or(NotAnId)?;
        let mut number = 0_u128;
        for letter in letters.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == letter).ok_or(NotAnId)?;
            number = number << 5 | digit as u128;
        }
        let mut id = [0; 10];
        id.copy_from_slice(&number.to_be_bytes()[6..]);
        Ok(IncidentId(id))
    }
}

impl Serialize for IncidentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IncidentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back_from_its_text(part in any::<Vec<u8>>(), salt in any::<u32>()) {
            let id = IncidentId::of(&[&part], salt);
            prop_assert_eq!(id.to_string().len(), 19);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn depends_on_every_part_its_place_and_the_salt() {
        let one = IncidentId::of(&[b"ab", b"c"], 0);
        assert_ne!(one, IncidentId::of(&[b"a", b"bc"], 0));
        assert_ne!(one, IncidentId::of(&[b"ab", b"c"], 1));
        assert_eq!(one, IncidentId::of(&[b"ab", b"c"], 0));
        assert!("KZ-IIIIIIIIIIIIIIII".parse::<IncidentId>().is_err());
    }
}
