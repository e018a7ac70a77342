//! Relations and routines that carry a store's data under another name: copies, views, functions. Reading them is
//! reading the store.
//!
//! What a name carries is known from the statements that made it. DROP alone forgets nothing: a rollback would bring the
//! relation back, and one that is gone cannot be read. The next CREATE under the name says what it carries from then on.

use crate::engine::Row;
use crate::hash;
use crate::shelf::Shelf;
use kuzet_event::{Relation, System};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Begins the rows of relations and routines that everybody sees.
pub(crate) const KEPT_TAG: u8 = b'c';
/// Begins the rows of what only one session sees.
pub(crate) const SESSION_TAG: u8 = b'd';
/// Stores that one relation may carry.
const MAX_STORES: usize = 16;

type Key = (u8, u128, u64);

/// What one name carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Carrier {
    /// Hash of system, database and name.
    name: u128,
    /// As far as it was told; an unknown one stands for any.
    schema: String,
    /// Stores, by hash of their names.
    stores: Vec<u64>,
}

/// A name in a database.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    pub(crate) system: System,
    pub(crate) database: &'a str,
    pub(crate) relation: &'a Relation,
    pub(crate) routine: bool,
}

impl Name<'_> {
    /// MariaDB's schema is the database; PostgreSQL's is not always told.
    fn hash(&self) -> (u128, &str) {
        let relation = self.relation;
        let (database, schema) = match (self.system.speaks_mysql(), relation.schema.is_empty()) {
            (true, false) => (&*relation.schema, ""),
            (true, true) => (self.database, ""),
            (false, _) => (self.database, &*relation.schema),
        };
        let fold = |text: &str| text.to_lowercase();
        let (database, name) = (fold(database), fold(&relation.name));
        let kind: &[u8] = if self.routine { b"routine" } else { b"relation" };
        (hash::wide(&[self.system.name().as_bytes(), database.as_bytes(), name.as_bytes(), kind]), schema)
    }
}

/// All of them.
pub(crate) struct Copies {
    kept: Shelf<Key, Carrier>,
    temporary: Shelf<Key, Carrier>,
    /// How many sessions have a relation of this name to themselves.
    private: BTreeMap<u128, u32>,
    /// Grows with every change; what was looked up before is out of date then.
    pub(crate) generation: u64,
}

impl Copies {
    pub(crate) fn new(capacity: usize) -> Copies {
        Copies {
            kept: Shelf::new(KEPT_TAG, capacity),
            temporary: Shelf::new(SESSION_TAG, capacity),
            private: BTreeMap::new(),
            generation: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.len() == 0 && self.temporary.len() == 0
    }

    /// Stores that `name` carries in `session`, and whether another session may see something else there.
    pub(crate) fn find(&self, name: &Name<'_>, session: u64) -> (&[u64], bool) {
        if self.is_empty() {
            return (&[], false);
        }
        let (hash, schema) = name.hash();
        let private = self.private.contains_key(&hash);
        let own = if private { self.temporary.peek((0, hash, session)) } else { None };
        let found = own.or_else(|| self.kept.peek((0, hash, 0)));
        let same = |carrier: &&Carrier| schema.is_empty() || carrier.schema.is_empty() || carrier.schema == schema;
        (found.filter(same).map_or(&[][..], |carrier| &carrier.stores[..]), private)
    }

    /// `name` carries `stores` from now on; with `beside`, beside what it carries already.
    ///
    /// A session's own relation is kept even when it carries nothing: it stands before everybody's.
    pub(crate) fn put(&mut self, name: &Name<'_>, stores: &[u64], session: u64, beside: bool, clock: &mut u64) {
        let (hash, schema) = name.hash();
        let shelf = if session == 0 { &mut self.kept } else { &mut self.temporary };
        let key = (0, hash, session);
        let before = shelf.peek(key);
        let mut carrier = Carrier { name: hash, schema: schema.to_owned(), stores: stores.to_vec() };
        if let (true, Some(before)) = (beside, before) {
            carrier.stores.extend(&before.stores);
            if before.schema != carrier.schema {
                carrier.schema.clear();
            }
        }
        carrier.stores.sort_unstable();
        carrier.stores.dedup();
        carrier.stores.truncate(MAX_STORES);
        if before == Some(&carrier) {
            return;
        }
        let new = before.is_none();
        let (slot, went) = shelf.entry(key, clock);
        *slot = carrier;
        if session == 0 {
            self.generation += 1;
        } else if new {
            let sessions = self.private.entry(hash).or_default();
            *sessions += 1;
            // From now on what the name stands for is looked up anew each time.
            self.generation += u64::from(*sessions == 1);
            if let Some(went) = went {
                self.leave(went.name);
            }
        }
    }

    /// `name` was made anew from something else.
    pub(crate) fn remove(&mut self, name: &Name<'_>) {
        if self.kept.len() > 0 && self.kept.remove((0, name.hash().0, 0)).is_some() {
            self.generation += 1;
        }
    }

    /// Whether `session` has a relation of this name to itself.
    pub(crate) fn private(&self, name: &Name<'_>, session: u64) -> bool {
        session != 0 && self.temporary.len() > 0 && self.temporary.peek((0, name.hash().0, session)).is_some()
    }

    fn leave(&mut self, name: u128) {
        if let Some(sessions) = self.private.get_mut(&name) {
            *sessions -= 1;
            if *sessions == 0 {
                self.private.remove(&name);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len() + self.temporary.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.kept.evicted + self.temporary.evicted
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.kept.changes(rows);
        self.temporary.changes(rows);
    }

    /// Takes rows back; gives the highest clock among them.
    pub(crate) fn restore(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) -> u64 {
        let kept = rows.iter().filter_map(|(key, value)| self.kept.read(key, value)).collect();
        let temporary: Vec<(u64, Key, Carrier)> =
            rows.iter().filter_map(|(key, value)| self.temporary.read(key, value)).collect();
        for (_, (_, name, _), _) in &temporary {
            *self.private.entry(*name).or_default() += 1;
        }
        let clock = self.kept.fill(kept).max(self.temporary.fill(temporary));
        self.generation += 1;
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kuzet_event::Access;
    use std::sync::Arc;

    fn relation(schema: &str, name: &str) -> Relation {
        Relation { schema: Arc::from(schema), name: Arc::from(name), access: Access::Read }
    }

    fn name<'a>(database: &'a str, relation: &'a Relation) -> Name<'a> {
        Name { system: System::Postgresql, database, relation, routine: false }
    }

    #[test]
    fn a_name_carries_what_it_was_made_from() {
        let (mut copies, mut clock) = (Copies::new(4), 0);
        let (bare, public, other) = (relation("", "t"), relation("public", "t"), relation("other", "t"));
        copies.put(&name("mfo", &public), &[7], 0, false, &mut clock);
        assert_eq!(copies.find(&name("mfo", &bare), 1), (&[7][..], false));
        assert!(copies.find(&name("mfo", &other), 1).0.is_empty());
        assert!(copies.find(&name("crm", &bare), 1).0.is_empty());
        // A session's own relation of the name stands before everybody's.
        copies.put(&name("mfo", &bare), &[9], 5, false, &mut clock);
        assert_eq!(copies.find(&name("mfo", &bare), 5), (&[9][..], true));
        assert_eq!(copies.find(&name("mfo", &bare), 6), (&[7][..], true));
        copies.put(&name("mfo", &bare), &[8], 0, true, &mut clock);
        assert_eq!(copies.find(&name("mfo", &other), 6).0, &[7, 8]);
        copies.put(&name("mfo", &bare), &[], 5, false, &mut clock);
        assert_eq!(copies.find(&name("mfo", &bare), 5), (&[][..], true));
        let generation = copies.generation;
        copies.put(&name("mfo", &bare), &[8], 0, true, &mut clock);
        assert_eq!(copies.generation, generation, "nothing new");
        copies.remove(&name("mfo", &bare));
        assert!(copies.find(&name("mfo", &bare), 6).0.is_empty());
    }

    #[test]
    fn is_bounded_and_survives_a_restart() {
        let (mut copies, mut clock) = (Copies::new(8), 0);
        for number in 0..1_000 {
            let one = relation("", &format!("t{number}"));
            copies.put(&name("mfo", &one), &[1], number % 3, false, &mut clock);
        }
        assert!(copies.len() == 16 && copies.private.len() <= 8 && copies.evicted() == 984);
        let mut rows = Vec::new();
        copies.changes(&mut rows);
        let rows: Vec<_> = rows.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let mut again = Copies::new(8);
        assert_eq!(again.restore(&rows), clock);
        for number in 0..1_000 {
            let one = relation("", &format!("t{number}"));
            let (before, after) =
                (copies.find(&name("mfo", &one), number % 3), again.find(&name("mfo", &one), number % 3));
            assert_eq!(before, after, "{number}");
        }
    }
}
