//! The store's outbox as the notifiers ask for it; the two rooms do not know each other.

use crate::notify::{Backlog, Entry, Outbox};
use crate::store::{Message, Sqlite, StoreError};
use kuzet_event::Timestamp;
use std::sync::Arc;

/// Notifications that the store could not take, at most so many: the newest state of an incident replaces an older one.
const MOST_UNSAVED: usize = 1024;

/// Notifications of a store that cannot be written: told from memory, marked as unsaved.
#[derive(Debug, Default)]
pub struct Unsaved {
    waiting: Vec<(Entry, Timestamp)>,
    made: i64,
}

impl Unsaved {
    /// Takes a message that could not be recorded. Its document gets the field `kuzet.unsaved`.
    pub fn push(&mut self, message: Message) {
        let same = |entry: &Entry| *entry.channel == *message.channel && *entry.incident == *message.incident;
        self.waiting.retain(|(entry, _)| !same(entry));
        if self.waiting.len() >= MOST_UNSAVED {
            self.waiting.remove(0);
        }
        self.made += 1;
        let marked = message.payload.replacen('{', "{\"kuzet.unsaved\":true,", 1);
        let entry = Entry {
            id: -self.made, // never a row of the store
            channel: Arc::from(message.channel),
            incident: Arc::from(message.incident),
            sequence: message.sequence,
            created: message.created,
            attempts: 0,
            payload: Arc::from(marked),
        };
        self.waiting.push((entry, message.created));
    }

    fn due(&self, channel: &str, now: Timestamp, limit: usize) -> Vec<Entry> {
        let due = self.waiting.iter().filter(|(entry, next)| *entry.channel == *channel && *next <= now);
        due.take(limit).map(|(entry, _)| entry.clone()).collect()
    }

    fn next_due(&self, channel: &str, now: Timestamp) -> Option<Timestamp> {
        let later = self.waiting.iter().filter(|(entry, next)| *entry.channel == *channel && *next > now);
        later.map(|(_, next)| *next).min()
    }

    fn done(&mut self, id: i64) {
        self.waiting.retain(|(entry, _)| entry.id != id);
    }

    fn retry(&mut self, id: i64, next_at: Timestamp) {
        for (entry, next) in self.waiting.iter_mut().filter(|(entry, _)| entry.id == id) {
            entry.attempts += 1;
            *next = next_at;
        }
    }
}

/// The store, seen by the desk of the notifiers.
pub struct Ledger<'a> {
    /// The store of the data thread.
    pub store: &'a mut Sqlite,
    /// What it could not take.
    pub unsaved: &'a mut Unsaved,
}

impl Outbox for Ledger<'_> {
    type Error = StoreError;

    fn due(&mut self, channel: &str, now: Timestamp, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut entries = self.unsaved.due(channel, now, limit);
        let rows = match self.store.due(channel, now, limit - entries.len()) {
            Err(_) if !entries.is_empty() => return Ok(entries),
            rows => rows?,
        };
        let entry = |row: crate::store::OutboxRow| Entry {
            id: row.id,
            channel: Arc::from(row.channel),
            incident: Arc::from(row.incident),
            sequence: row.sequence,
            created: row.created,
            attempts: row.attempts,
            payload: Arc::from(row.payload),
        };
        entries.extend(rows.into_iter().map(entry));
        Ok(entries)
    }

    fn next_due(&mut self, channel: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let unsaved = self.unsaved.next_due(channel, now);
        match self.store.next_due(channel, now) {
            Err(_) if unsaved.is_some() => Ok(unsaved),
            saved => Ok([saved?, unsaved].into_iter().flatten().min()),
        }
    }

    fn delivered(&mut self, id: i64) -> Result<(), StoreError> {
        if id < 0 {
            self.unsaved.done(id);
            return Ok(());
        }
        self.store.delivered(id)
    }

    fn retry(&mut self, id: i64, next_at: Timestamp, error: &str) -> Result<(), StoreError> {
        if id < 0 {
            self.unsaved.retry(id, next_at);
            return Ok(());
        }
        self.store.retry(id, next_at, error)
    }

    fn dead(&mut self, id: i64, error: &str) -> Result<(), StoreError> {
        if id < 0 {
            self.unsaved.done(id);
            return Ok(());
        }
        self.store.dead(id, error)
    }

    fn backlog(&mut self, channel: &str) -> Result<Backlog, StoreError> {
        let backlog = self.store.backlog(channel)?;
        Ok(Backlog { pending: backlog.pending, dead: backlog.dead, oldest: backlog.oldest })
    }
}
