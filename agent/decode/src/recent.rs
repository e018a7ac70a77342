//! A bounded cache keyed by bytes that neither a hit nor, once warm, a miss allocates for.

/// Places that a key may take; within them the one unused for longest is given up.
const WAYS: usize = 4;

struct Slot<V> {
    /// Empty slots hold none.
    value: Option<V>,
    key: Vec<u8>,
    hash: u64,
    used: u32,
}

/// Set-associative cache: a key has four places, the least recently used of them is overwritten. Keys that collide on
/// purpose only push each other out, so the hash needs no secret.
pub(crate) struct Recent<V> {
    slots: Vec<Slot<V>>,
    sets: usize,
    clock: u32,
}

impl<V> Recent<V> {
    /// A cache of `sets` (a power of two) times four values.
    pub(crate) fn new(sets: usize) -> Recent<V> {
        Recent { slots: Vec::new(), sets: sets.next_power_of_two(), clock: 0 }
    }

    /// The value of `key`, made by `make` when it is not there.
    pub(crate) fn get(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &V {
        if self.slots.is_empty() {
            let empty = || Slot { value: None, key: Vec::new(), hash: 0, used: 0 };
            self.slots.resize_with(self.sets * WAYS, empty);
        }
        self.clock = self.clock.wrapping_add(1);
        let hash = hash(key);
        let start = (hash as usize & (self.sets - 1)) * WAYS;
        let set = &self.slots[start..start + WAYS];
        let mut place = 0;
        let mut oldest = 0;
        let mut found = false;
        for (index, slot) in set.iter().enumerate() {
            if slot.value.is_none() {
                place = index;
                oldest = u32::MAX;
                continue;
            }
            if slot.hash == hash && slot.key == key {
                (place, found) = (index, true);
                break;
            }
            let age = self.clock.wrapping_sub(slot.used);
            if age > oldest {
                (place, oldest) = (index, age);
            }
        }
        let slot = &mut self.slots[start + place];
        slot.used = self.clock;
        if !found {
            slot.value = None;
        }
        if slot.value.is_none() {
            slot.key.clear();
            slot.key.extend_from_slice(key);
            slot.hash = hash;
        }
        slot.value.get_or_insert_with(make)
    }
}

/// Fast 64-bit hash of short keys (multiply and fold of 8-byte words), the same on every machine.
pub(crate) fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = key.len() as u64 ^ FACTOR;
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), FACTOR);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(state ^ u64::from_le_bytes(last), 0xd6e8_feb8_6659_fd93)
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
            cache.get(key, || key[0]);
        }
        cache.get(b"a", || 0); // used again, so `b` is now the oldest
        cache.get(b"e", || b'e');
        assert_eq!(*cache.get(b"a", || 0), b'a');
        assert_eq!(*cache.get(b"e", || 0), b'e');
        assert_eq!(*cache.get(b"b", || 0), 0);
        assert_eq!(cache.slots.len(), 4);
    }
}
