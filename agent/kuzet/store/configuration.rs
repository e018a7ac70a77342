//! Which configuration was in force when, and which was refused: what an auditor asks after an incident.

use super::sqlite::Sqlite;
use super::{Reader, StoreError};
use kuzet_event::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One attempt to take a configuration into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// When.
    pub at: Timestamp,
    /// Whether it is in force; otherwise the one before stayed.
    pub loaded: bool,
    /// What changed, or why it was refused, as a JSON document without secrets.
    pub json: String,
}

/// How the configuration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The one in force.
    pub loaded: Option<Configuration>,
    /// The latest one refused after it.
    pub refused: Option<Configuration>,
}

impl Sqlite {
    /// Records one attempt.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn note_configuration(&mut self, one: &Configuration) -> Result<(), StoreError> {
        self.with_reserve(|store| {
            let run = |store: &mut Sqlite| {
                store.sync(true)?;
                store
                    .connection
                    .prepare_cached("INSERT INTO configuration (at, loaded, json) VALUES (?1, ?2, ?3)")?
                    .execute(params![one.at.0, one.loaded, one.json])
            };
            run(store).map(drop).map_err(|error| StoreError::sqlite(&store.path, &error))
        })
    }
}

impl Reader {
    /// How the configuration of the agent stands.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn configuration(&self) -> Result<Standing, StoreError> {
        let run = || {
            let loaded = latest(&self.connection, true, 0)?;
            let refused = latest(&self.connection, false, loaded.as_ref().map_or(0, |(id, _)| *id))?;
            Ok(Standing { loaded: loaded.map(|(_, one)| one), refused: refused.map(|(_, one)| one) })
        };
        run().map_err(|error| self.fail(&error))
    }
}

fn latest(connection: &Connection, loaded: bool, since: i64) -> rusqlite::Result<Option<(i64, Configuration)>> {
    let read = |row: &Row<'_>| {
        let one = Configuration { at: Timestamp(row.get(1)?), loaded: row.get(2)?, json: row.get(3)? };
        Ok((row.get(0)?, one))
    };
    connection
        .prepare_cached(
            "SELECT id, at, loaded, json FROM configuration WHERE loaded = ?1 AND id > ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![loaded, since], read)
        .optional()
}

/// Deletes attempts made before `before`, but never the one in force.
pub(super) fn purge(connection: &Connection, before: Timestamp, most: u32) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM configuration WHERE id IN
                 (SELECT id FROM configuration WHERE at < ?1
                    AND id <> (SELECT max(id) FROM configuration WHERE loaded = 1) ORDER BY id LIMIT ?2)",
        )?
        .execute(params![before.0, most])
}
