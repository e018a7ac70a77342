//! The durable outbox: what has to be told, to whom, how often it was tried.
//!
//! Rows enter with the incident's change ([`Batch::outbox`](super::Batch)). What becomes of them is written without a sync
//! of its own: a delivery forgotten in a power cut is repeated, under the same incident and sequence.

use super::StoreError;
use super::load::unsigned;
use super::sqlite::Sqlite;
use kuzet_event::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// One waiting notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Row.
    pub id: i64,
    /// Channel.
    pub channel: String,
    /// Incident.
    pub incident: String,
    /// Number of this state of the incident.
    pub sequence: u64,
    /// When it was put in.
    pub created: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Incident document.
    pub payload: String,
}

/// What waits for a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// Channel.
    pub channel: String,
    /// Entries to deliver.
    pub pending: u64,
    /// Entries given up.
    pub dead: u64,
    /// When the oldest pending entry was put in.
    pub oldest: Option<Timestamp>,
}

impl Sqlite {
    /// At most `limit` entries of a channel to try at `now`, oldest first: pending, due, and no earlier entry of the same
    /// incident and channel pending.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn due(&mut self, channel: &str, now: Timestamp, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, channel, incident, sequence, created, attempts, payload FROM outbox AS one
                 WHERE channel = ?1 AND dead = 0 AND next_at <= ?2
                   AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.channel = ?1 AND earlier.dead = 0
                                   AND earlier.incident = one.incident AND earlier.id < one.id)
                 ORDER BY id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement.query_map(params![channel, now.0, limit], entry)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// Earliest time after `now` at which a pending entry of the channel may be tried.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn next_due(&mut self, channel: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let run = || {
            self.connection
                .prepare_cached("SELECT min(next_at) FROM outbox WHERE channel = ?1 AND dead = 0 AND next_at > ?2")?
                .query_row(params![channel, now.0], |row| row.get::<_, Option<i64>>(0))
        };
        run().map(|at| at.map(Timestamp)).map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// The entry was taken by the other side. An entry that is gone already is no error.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn delivered(&mut self, id: i64) -> Result<(), StoreError> {
        self.settle("DELETE FROM outbox WHERE id = ?1", params![id])
    }

    /// One attempt failed; not again before `next_at`. At most 500 bytes of `error` are kept; it must hold no secret.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn retry(&mut self, id: i64, next_at: Timestamp, error: &str) -> Result<(), StoreError> {
        let sql =
            "UPDATE outbox SET attempts = attempts + 1, next_at = ?2, last_error = substr(?3, 1, 500) WHERE id = ?1";
        self.settle(sql, params![id, next_at.0, error])
    }

    /// The entry is given up and stays as a dead letter.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn dead(&mut self, id: i64, error: &str) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET attempts = attempts + 1, dead = 1, last_error = substr(?2, 1, 500) WHERE id = ?1";
        self.settle(sql, params![id, error])
    }

    fn settle(&mut self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        self.with_reserve(|store| {
            let run = |store: &mut Sqlite| {
                store.sync(false)?;
                store.connection.prepare_cached(sql)?.execute(values).map(|_| ())
            };
            run(store).map_err(|error| StoreError::sqlite(&store.path, &error))
        })
    }

    /// What waits for a channel.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn backlog(&mut self, channel: &str) -> Result<OutboxBacklog, StoreError> {
        let run = || {
            self.connection
                .prepare_cached(
                    "SELECT channel, sum(dead = 0), sum(dead), min(CASE dead WHEN 0 THEN created END) FROM outbox
                     WHERE channel = ?1 GROUP BY channel",
                )?
                .query_row([channel], backlog)
                .optional()
        };
        let found = run().map_err(|error| StoreError::sqlite(&self.path, &error))?;
        Ok(found.unwrap_or_else(|| OutboxBacklog { channel: channel.to_owned(), ..OutboxBacklog::default() }))
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get(0)?,
        channel: row.get(1)?,
        incident: row.get(2)?,
        sequence: unsigned(row, 3)?,
        created: Timestamp(row.get(4)?),
        attempts: row.get(5)?,
        payload: row.get(6)?,
    })
}

pub(super) fn backlog(row: &Row<'_>) -> rusqlite::Result<OutboxBacklog> {
    Ok(OutboxBacklog {
        channel: row.get(0)?,
        pending: unsigned(row, 1)?,
        dead: unsigned(row, 2)?,
        oldest: row.get::<_, Option<i64>>(3)?.map(Timestamp),
    })
}
