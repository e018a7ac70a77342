//! A bounded cache keyed by bytes, looked up without an allocation or a copy.

use smallvec::SmallVec;

/// Places that a key may take; within them the one unused for longest is given up.
const WAYS: usize = 4;

/// Parts that a key may have.
const PARTS: usize = 4;

struct Slot<V> {
    lengths: [u16; PARTS],
    bytes: SmallVec<[u8; 64]>,
    value: V,
}

/// Set-associative cache: a key has four places, the least recently used of them is overwritten. Keys that collide on
/// purpose only push each other out, so the hash needs no secret.
pub(crate) struct Recent<V> {
    /// Hashes of the keys in each set, so that a miss touches nothing else; 0 is an empty place.
    tags: Vec<[u64; WAYS]>,
    used: Vec<[u32; WAYS]>,
    slots: Vec<Option<Slot<V>>>,
    sets: usize,
    clock: u32,
}

impl<V> Recent<V> {
    /// A cache of `sets` (made a power of two) times four values.
    pub(crate) fn new(sets: usize) -> Recent<V> {
        let sets = sets.next_power_of_two();
        Recent { tags: Vec::new(), used: Vec::new(), slots: Vec::new(), sets, clock: 0 }
    }

    /// The value of the key that consists of `parts` (at most four, each shorter than 64 KiB), made by `make` when it
    /// is not there.
    pub(crate) fn get(&mut self, parts: &[&[u8]], make: impl FnOnce() -> V) -> &V {
        if self.slots.is_empty() {
            self.tags.resize(self.sets, [0; WAYS]);
            self.used.resize(self.sets, [0; WAYS]);
            self.slots.resize_with(self.sets * WAYS, || None);
        }
        self.clock = self.clock.wrapping_add(1);
        let tag = parts.iter().fold(1, |state, part| mix(state, part)) | 1;
        let set = (tag >> 32) as usize & (self.sets - 1);
        let tags = &mut self.tags[set];
        let used = &mut self.used[set];
        let slots = &mut self.slots[set * WAYS..(set + 1) * WAYS];
        let found = (0..WAYS).find(|way| tags[*way] == tag && slots[*way].as_ref().is_some_and(|slot| slot.is(parts)));
        let way = found.unwrap_or_else(|| {
            let age = |way: &usize| if tags[*way] == 0 { u32::MAX } else { self.clock.wrapping_sub(used[*way]) };
            (0..WAYS).max_by_key(age).unwrap_or(0)
        });
        used[way] = self.clock;
        let slot = &mut slots[way];
        if found.is_none() {
            tags[way] = tag;
            *slot = None;
        }
        &slot
            .get_or_insert_with(|| {
                let mut lengths = [0; PARTS];
                let mut bytes = SmallVec::new();
                for (length, part) in lengths.iter_mut().zip(parts) {
                    *length = part.len() as u16;
                    bytes.extend_from_slice(part);
                }
                Slot { lengths, bytes, value: make() }
            })
            .value
    }
}

impl<V> Slot<V> {
    fn is(&self, parts: &[&[u8]]) -> bool {
        let mut at = 0;
        parts.iter().zip(self.lengths).all(|(part, length)| {
            let stored = self.bytes.get(at..at + usize::from(length));
            at += usize::from(length);
            stored == Some(*part)
        })
    }
}

/// Fast 64-bit hash of short keys (multiply and fold of 8-byte words), the same on every machine.
pub(crate) fn hash(key: &[u8]) -> u64 {
    mix(0, key)
}

fn mix(state: u64, key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = state ^ key.len() as u64 ^ FACTOR;
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), FACTOR);
    }
    // Byte by byte: a copy of unknown length would cost a call.
    let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
    fold(state ^ last, 0xd6e8_feb8_6659_fd93)
}

fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_recent_and_stays_bounded() {
        let mut cache = Recent::new(1);
        for key in [b"a", b"b", b"c", b"d"] {
            cache.get(&[key], || key[0]);
        }
        cache.get(&[b"a"], || 0); // used again, so `b` is now the oldest
        cache.get(&[b"e"], || b'e');
        assert_eq!(*cache.get(&[b"a"], || 0), b'a');
        assert_eq!(*cache.get(&[b"e"], || 0), b'e');
        assert_eq!(*cache.get(&[b"b"], || 0), 0);
        assert_eq!(cache.slots.len(), 4);
        // The borders of the parts belong to the key.
        let mut cache = Recent::new(8);
        cache.get(&[b"ab", b"c"], || 1);
        assert_eq!(*cache.get(&[b"a", b"bc"], || 2), 2);
        assert_eq!(*cache.get(&[b"ab", b"c"], || 3), 1);
    }
}
