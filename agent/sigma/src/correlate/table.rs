//! The groups of one correlation: those not used for longest go first, each is one row of the store.

use super::Row;
use super::window::{Shape, Window};
use lru::LruCache;

/// Begins the key of a group's row.
const GROUP: u8 = b'g';
/// Begins the key of a correlation's row.
const TABLE: u8 = b'h';
/// A log that is behind the others by less finds its groups again.
const BEHIND: i64 = 86_400_000_000;

/// A group.
#[derive(Debug, Default)]
struct Slot {
    window: Window,
    /// Order of last use, over all correlations; decides who goes first, also after a restart.
    touched: u64,
    /// Used since the last [`Table::changes`].
    dirty: bool,
    /// There is a row of it, which has to go when it goes.
    stored: bool,
}

/// The groups of a correlation.
#[derive(Debug)]
pub(super) struct Table {
    /// What the correlation is: the same rule finds its groups again after a restart or a reload.
    pub(super) identity: u64,
    /// Every use makes a group the first one and dirty, so the dirty ones stand before all others.
    slots: LruCache<u128, Slot>,
    /// Entries of all groups.
    entries: usize,
    /// The latest hit of any group.
    latest: i64,
    /// Groups with a row that are not there any more.
    gone: Vec<u128>,
    /// Groups forgotten because there were too many.
    pub(super) evicted: u64,
}

/// What a row is.
pub(super) enum Kept {
    /// A group of the correlation with this identity.
    Group(u64, u128, u64, Window),
    /// The latest hit of the correlation with this identity.
    Latest(u64, i64),
}

impl Kept {
    /// Reads a row; `None` where it is none of ours.
    pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (tag, key) = key.split_first()?;
        let (identity, group) = key.split_first_chunk()?;
        let identity = u64::from_be_bytes(*identity);
        match (*tag, group) {
            (GROUP, group) => {
                let (touched, window) = serde_json::from_slice(value).ok()?;
                Some(Self::Group(identity, u128::from_be_bytes(group.try_into().ok()?), touched, window))
            }
            (TABLE, []) => Some(Self::Latest(identity, i64::from_be_bytes(value.try_into().ok()?))),
            _ => None,
        }
    }
}

impl Table {
    pub(super) fn new(identity: u64) -> Self {
        let slots = LruCache::unbounded();
        Self { identity, slots, entries: 0, latest: i64::MIN, gone: Vec::new(), evicted: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// Lets `act` change the window of `group`, then makes room: at most `groups` and `entries` of all of them stay.
    pub(super) fn with<T>(
        &mut self,
        group: u128,
        shape: &Shape,
        clock: &mut u64,
        (groups, entries): (usize, usize),
        act: impl FnOnce(&mut Window) -> T,
    ) -> T {
        *clock += 1;
        let slot = self.slots.get_or_insert_mut(group, Slot::default);
        (slot.touched, slot.dirty) = (*clock, true);
        let before = slot.window.len();
        let answer = act(&mut slot.window);
        self.entries = self.entries - before + slot.window.len();
        self.latest = self.latest.max(slot.window.latest());
        let over = self.latest.saturating_sub(shape.kept()).saturating_sub(BEHIND);
        while self.slots.len() > 1 && self.slots.peek_lru().is_some_and(|(_, slot)| slot.window.latest() < over) {
            self.pop();
        }
        while self.slots.len() > 1 && (self.slots.len() > groups || self.entries > entries) {
            self.pop();
            self.evicted += 1;
        }
        answer
    }

    fn pop(&mut self) {
        let Some((group, slot)) = self.slots.pop_lru() else { return };
        self.entries -= slot.window.len();
        if slot.stored {
            self.gone.push(group);
        }
    }

    fn key(&self, group: u128) -> Vec<u8> {
        let mut key = vec![GROUP];
        key.extend(self.identity.to_be_bytes());
        key.extend(group.to_be_bytes());
        key
    }

    /// Appends the rows that changed since the last call.
    pub(super) fn changes(&mut self, rows: &mut Vec<Row>) {
        let before = rows.len();
        let mut gone = std::mem::take(&mut self.gone);
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|group| !self.slots.contains(group));
        rows.extend(gone.into_iter().map(|group| (self.key(group), None)));
        let dirty: Vec<u128> = self.slots.iter().take_while(|(_, slot)| slot.dirty).map(|(group, _)| *group).collect();
        for group in dirty {
            let key = self.key(group);
            let Some(slot) = self.slots.peek_mut(&group) else { continue };
            (slot.dirty, slot.stored) = (false, true);
            // Numbers and lists of numbers: writing them cannot fail.
            let value = serde_json::to_vec(&(slot.touched, &slot.window)).unwrap_or_default();
            rows.push((key, Some(value)));
        }
        if rows.len() > before {
            rows.push((self.table_key(), Some(self.latest.to_be_bytes().to_vec())));
        }
    }

    /// Keys of every row.
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        let stored = self.slots.iter().filter(|(_, slot)| slot.stored).map(|(group, _)| *group);
        let groups = stored.chain(self.gone.iter().copied()).map(|group| self.key(group));
        groups.chain([self.table_key()]).collect()
    }

    fn table_key(&self) -> Vec<u8> {
        let mut key = vec![TABLE];
        key.extend(self.identity.to_be_bytes());
        key
    }

    pub(super) fn met_at(&mut self, latest: i64) {
        self.latest = self.latest.max(latest);
    }

    /// Puts groups back, those used longest ago first.
    pub(super) fn fill(&mut self, mut rows: Vec<(u64, u128, Window)>, (groups, entries): (usize, usize)) {
        rows.sort_unstable_by_key(|(touched, group, _)| (*touched, *group));
        for (touched, group, window) in rows {
            if !window.sound() {
                self.gone.push(group);
                continue;
            }
            self.entries += window.len();
            self.latest = self.latest.max(window.latest());
            self.slots.put(group, Slot { window, touched, dirty: false, stored: true });
        }
        while self.slots.len() > 1 && (self.slots.len() > groups || self.entries > entries) {
            self.pop();
            self.evicted += 1;
        }
    }
}
