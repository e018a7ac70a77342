//! The pseudonym key: turns identifying values into hashes that only this installation can join.

use std::fmt;

/// 256-bit key of the keyed hash. Made at first run, kept in a file of mode 0600; never printed.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    /// 128-bit keyed hash (BLAKE3) of `value` in `domain` (`iin`, `phone`, a column name): the same value in two
    /// domains gives two hashes. The caller normalises the value first (digits only, lower case).
    #[must_use]
    pub fn pseudonym(&self, domain: &str, value: &[u8]) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(domain.as_bytes());
        hasher.update(&[0]);
        hasher.update(value);
        let mut out = [0; 16];
        hasher.finalize_xof().fill(&mut out);
        u128::from_le_bytes(out)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
