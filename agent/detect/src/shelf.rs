//! A bounded table of detector state: least recently used entries go first, changed entries are known, every entry is
//! one small row of the store.

use crate::engine::Row;
use crate::hash::Build;
use lru::LruCache;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::Hash;

/// A key that can stand in a row.
pub(crate) trait Key: Copy + Eq + Hash + Ord {
    /// Appends its bytes.
    fn put(self, out: &mut Vec<u8>);
    /// Takes it back.
    fn take(bytes: &[u8]) -> Option<Self>;
}

impl Key for u64 {
    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn take(bytes: &[u8]) -> Option<u64> {
        bytes.try_into().ok().map(u64::from_be_bytes)
    }
}

impl Key for u128 {
    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn take(bytes: &[u8]) -> Option<u128> {
        bytes.try_into().ok().map(u128::from_be_bytes)
    }
}

impl Key for (u8, u128, u64) {
    fn put(self, out: &mut Vec<u8>) {
        out.push(self.0);
        self.1.put(out);
        self.2.put(out);
    }

    fn take(bytes: &[u8]) -> Option<(u8, u128, u64)> {
        let (first, rest) = bytes.split_first()?;
        let (second, third) = rest.split_at_checked(16)?;
        Some((*first, u128::take(second)?, u64::take(third)?))
    }
}

struct Slot<V> {
    value: V,
    /// Order of last use, over all shelves; decides who goes first, also after a restart.
    touched: u64,
    /// Used since the last [`Shelf::changes`].
    dirty: bool,
    /// [`Shelf::changes`] gave a row of it, which has to go when it goes.
    stored: bool,
}

/// The table.
pub(crate) struct Shelf<K: Key, V> {
    tag: u8,
    capacity: usize,
    /// Every use makes an entry the first one and dirty, so the dirty ones stand before all others.
    slots: LruCache<K, Slot<V>, Build>,
    /// Entries with a row that are not there any more.
    gone: Vec<K>,
    /// Entries forgotten because the table was full.
    pub(crate) evicted: u64,
}

impl<K: Key, V: Default + Serialize + DeserializeOwned> Shelf<K, V> {
    /// An empty table; `tag` begins its row keys.
    pub(crate) fn new(tag: u8, capacity: usize) -> Shelf<K, V> {
        let slots = LruCache::unbounded_with_hasher(Build::default());
        Shelf { tag, capacity: capacity.max(1), slots, gone: Vec::new(), evicted: 0 }
    }

    /// The entry, made if it is not there; counts as used and as changed. `clock` grows with every use of any shelf.
    /// Gives back what had to go for it.
    pub(crate) fn entry(&mut self, key: K, clock: &mut u64) -> (&mut V, Option<V>) {
        *clock += 1;
        let mut went = None;
        if self.slots.len() >= self.capacity && !self.slots.contains(&key) {
            went = self.pop();
            self.evicted += 1;
        }
        let fresh = || Slot { value: V::default(), touched: 0, dirty: false, stored: false };
        let slot = self.slots.get_or_insert_mut(key, fresh);
        (slot.touched, slot.dirty) = (*clock, true);
        (&mut slot.value, went)
    }

    /// The entry, if it is there; counts as used and as changed.
    pub(crate) fn existing(&mut self, key: K, clock: &mut u64) -> Option<&mut V> {
        self.slots.contains(&key).then(|| self.entry(key, clock).0)
    }

    /// The entry, if it is there, without a trace.
    pub(crate) fn peek(&self, key: K) -> Option<&V> {
        self.slots.peek(&key).map(|slot| &slot.value)
    }

    /// Takes an entry away.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let slot = self.slots.pop(&key)?;
        if slot.stored {
            self.gone.push(key);
        }
        Some(slot.value)
    }

    /// Takes away the entry that was not used for longest.
    pub(crate) fn pop(&mut self) -> Option<V> {
        let (key, slot) = self.slots.pop_lru()?;
        if slot.stored {
            self.gone.push(key);
        }
        Some(slot.value)
    }

    /// The entry that was not used for longest.
    pub(crate) fn oldest(&self) -> Option<&V> {
        self.slots.peek_lru().map(|(_, slot)| &slot.value)
    }

    /// Every entry, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.slots.iter().map(|(key, slot)| (*key, &slot.value))
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Appends the rows that changed since the last call.
    #[inline(never)] // once a commit: as one function for all shelves it would be the largest of all
    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        let tag = self.tag;
        let row_key = |key: K| {
            let mut bytes = vec![tag];
            key.put(&mut bytes);
            bytes
        };
        self.gone.sort_unstable();
        self.gone.dedup();
        for key in self.gone.drain(..) {
            if !self.slots.contains(&key) {
                rows.push((row_key(key), None));
            }
        }
        for (key, slot) in &mut self.slots {
            if !std::mem::take(&mut slot.dirty) {
                break;
            }
            slot.stored = true;
            // Maps with number keys only: writing them cannot fail.
            let value = serde_json::to_vec(&(slot.touched, &slot.value)).unwrap_or_default();
            rows.push((row_key(*key), Some(value)));
        }
    }

    /// Reads one row of this table.
    #[inline(never)] // likewise
    pub(crate) fn read(&self, key: &[u8], value: &[u8]) -> Option<(u64, K, V)> {
        let (tag, key) = key.split_first()?;
        if *tag != self.tag {
            return None;
        }
        let (touched, value) = serde_json::from_slice(value).ok()?;
        Some((touched, K::take(key)?, value))
    }

    /// Puts rows back, in any order; gives the highest clock among them.
    pub(crate) fn fill(&mut self, mut rows: Vec<(u64, K, V)>) -> u64 {
        rows.sort_by_key(|(touched, key, _)| (*touched, *key));
        let mut clock = 0;
        for (touched, key, value) in rows {
            clock = clock.max(touched);
            self.slots.put(key, Slot { value, touched, dirty: false, stored: true });
        }
        while self.slots.len() > self.capacity {
            self.pop();
            self.evicted += 1;
        }
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_least_recently_used_and_survives_a_restart() {
        let mut clock = 0;
        let mut shelf: Shelf<u64, u64> = Shelf::new(b'x', 3);
        for key in [1, 2, 3, 1, 4] {
            *shelf.entry(key, &mut clock).0 += key;
        }
        assert_eq!((shelf.len(), shelf.evicted), (3, 1));
        assert!(shelf.peek(2).is_none());
        let mut rows = Vec::new();
        shelf.changes(&mut rows);
        // 2 went before it had a row: there is none to take away.
        assert_eq!((rows.len(), rows.iter().filter(|(_, value)| value.is_none()).count()), (3, 0));
        let mut again: Shelf<u64, u64> = Shelf::new(b'x', 3);
        let read = rows.iter().filter_map(|(key, value)| again.read(key, value.as_ref()?)).collect();
        let clock_again = again.fill(read);
        assert_eq!(clock_again, clock);
        for shelf in [&mut shelf, &mut again] {
            let mut clock = clock;
            assert_eq!(*shelf.entry(5, &mut clock).0, 0);
            // 3 was oldest: 1 was used again, 4 came last.
            assert!(shelf.peek(3).is_none());
            assert_eq!(shelf.peek(1), Some(&2));
        }
        rows.clear();
        again.changes(&mut rows);
        assert_eq!(rows.len(), 2);
    }
}
