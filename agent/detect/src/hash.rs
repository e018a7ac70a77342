//! Small fast hashes: a `Hasher` for keys that are numbers already, and a wide one for texts that become such keys.
//!
//! Folded multiplication (the mixing step of wyhash and foldhash, public domain): no defence against a client that
//! crafts collisions is needed, because two principals that collide share one window and alarm sooner, not later.

use std::hash::{BuildHasherDefault, Hasher};

const LEFT: u64 = 0x9e37_79b9_7f4a_7c15;
const RIGHT: u64 = 0xd1b5_4a32_d192_ed03;

/// Builds [`Mix`].
pub(crate) type Build = BuildHasherDefault<Mix>;

/// Hasher for keys of a few machine words.
#[derive(Default)]
pub(crate) struct Mix(u64);

fn fold(left: u64, right: u64) -> u64 {
    let wide = u128::from(left) * u128::from(right);
    (wide as u64) ^ ((wide >> 64) as u64)
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word ^ LEFT, RIGHT);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

/// 128 bits over a list of texts; the borders between them count. Stable across runs and machines.
pub(crate) fn wide(parts: &[&[u8]]) -> u128 {
    let (mut left, mut right) = (LEFT, RIGHT);
    for part in parts {
        let length = part.len() as u64;
        left = fold(left ^ length, RIGHT);
        right = fold(right ^ length.rotate_left(32), LEFT);
        for chunk in part.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(word);
            left = fold(left ^ word, RIGHT).wrapping_add(right);
            right = fold(right ^ word.rotate_left(32), LEFT).wrapping_add(LEFT);
        }
    }
    u128::from(left) << 64 | u128::from(right)
}

/// 64 bits over one text.
pub(crate) fn narrow(text: &str) -> u64 {
    wide(&[text.as_bytes()]) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn borders_count_and_nothing_collides_in_small() {
        assert_ne!(wide(&[b"ab", b"c"]), wide(&[b"a", b"bc"]));
        assert_ne!(wide(&[b""]), wide(&[b"", b""]));
        assert_ne!(wide(&[b"a"]), wide(&[b"a\0"]));
        let seen: HashSet<u64> = (0..100_000).map(|number| narrow(&format!("user{number}"))).collect();
        assert_eq!(seen.len(), 100_000);
    }
}
