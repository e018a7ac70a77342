//! Canaries on their way between the command line, which plants and removes them, and the agent, which watches them: where
//! each stands, and hashes only.

use super::reader::{Reader, connect};
use super::sqlite::Sqlite;
use super::{StoreError, load};
use kuzet_detect::Planted;
use kuzet_event::{PersonKey, System, Timestamp};
use rusqlite::{Connection, OpenFlags, Row, params};
use std::path::Path;

/// A canary as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// What detectors need.
    pub planted: Planted,
    /// Store of the catalogue.
    pub store: String,
    /// Kind of server: the dialect of its SQL.
    pub system: System,
    /// `[[database]]`, or a database of the server.
    pub database: String,
    /// Schema, where one is known.
    pub schema: String,
    /// Column that holds the number.
    pub column: String,
    /// When it was planted, or its SQL printed.
    pub at: Timestamp,
    /// The agent ran the SQL itself; otherwise it was printed for a person to run.
    pub ran: bool,
}

const SELECT: &str = "SELECT number, store, system, database, schema, relation, iin_column, key, at, ran, removed
    FROM canary ORDER BY number";

impl Sqlite {
    /// Everything planted or removed, with the version of the store that says so; `None` when nobody else has written since
    /// the version `known`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn canaries(&mut self, known: Option<i64>) -> Result<Option<(i64, Vec<Planted>)>, StoreError> {
        let fail = |error: rusqlite::Error| StoreError::sqlite(&self.path, &error);
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(fail)?;
        if known == Some(version) {
            return Ok(None);
        }
        let all = all(&self.connection).map_err(fail)?;
        Ok(Some((version, all.into_iter().map(|canary| canary.planted).collect())))
    }
}

impl Reader {
    /// Everything planted or removed, by number.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn canaries(&self) -> Result<Vec<Canary>, StoreError> {
        all(&self.connection).map_err(|error| self.fail(&error))
    }

    /// Notes canaries, new ones or in place of those of the same number; a running agent watches them from its next beat on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn keep_canaries(dir: &Path, canaries: &[Canary]) -> Result<(), StoreError> {
        let (mut connection, path) = connect(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        let transaction = connection.transaction().map_err(fail)?;
        canaries.iter().try_for_each(|canary| keep(&transaction, canary)).map_err(fail)?;
        transaction.commit().map_err(fail)
    }
}

fn keep(connection: &Connection, canary: &Canary) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO canary (number, store, system, database, schema, relation, iin_column, key, at, ran,
                 removed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            canary.planted.number,
            canary.store,
            canary.system.name(),
            canary.database,
            canary.schema,
            canary.planted.table,
            canary.column,
            canary.planted.key.map(|key| key.0.to_be_bytes()),
            canary.at.0,
            canary.ran,
            canary.planted.removed,
        ])
        .map(drop)
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<Canary>> {
    load::rows(connection, SELECT, |row: &Row<'_>| {
        let system: String = row.get(2)?;
        let key: Option<Vec<u8>> = row.get(7)?;
        let key = key.and_then(|key| Some(PersonKey(u128::from_be_bytes(key.try_into().ok()?))));
        Ok(Canary {
            planted: Planted { number: row.get(0)?, table: row.get(5)?, key, removed: row.get(10)? },
            store: row.get(1)?,
            system: if system == System::Postgresql.name() { System::Postgresql } else { System::Mariadb },
            database: row.get(3)?,
            schema: row.get(4)?,
            column: row.get(6)?,
            at: Timestamp(row.get(8)?),
            ran: row.get(9)?,
        })
    })
}
