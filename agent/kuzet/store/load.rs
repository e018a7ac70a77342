//! Reads back what a restart goes on from.

use super::sqlite::Sqlite;
use super::{Snapshot, StoreError, StoreErrorKind, Tally};
use crate::message::{Checkpoint, FileIdentity};
use kuzet_event::{FileId, PersonKey, Timestamp};
use kuzet_incident::{Incident, IncidentId, Saved, Sketch};
use rusqlite::{Connection, OptionalExtension, Row};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Sqlite {
    /// Everything that a restart goes on from, of one moment.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or is damaged.
    pub fn load(&mut self) -> Result<Snapshot, StoreError> {
        let path = self.path.clone();
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        let transaction = self.connection.transaction().map_err(fail)?;
        let mut snapshot = Snapshot::default();
        let stories =
            rows(&transaction, "SELECT row, json, inner, sketch FROM incident WHERE live = 1 ORDER BY row", story)
                .map_err(fail)?;
        for story in stories {
            snapshot.stories.push(saved(&transaction, &path, story)?);
        }
        snapshot.detector_state =
            rows(&transaction, "SELECT key, value FROM detector_state", |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(fail)?
                .into_iter()
                .collect();
        snapshot.checkpoints = rows(
            &transaction,
            "SELECT source, device, inode, fingerprint, fingerprint_bytes, path, offset, decoder, file, tail, at, finished
             FROM checkpoint ORDER BY source, device, inode",
            checkpoint,
        )
        .map_err(fail)?;
        snapshot.tallies = tallies(&transaction).map_err(fail)?;
        Ok(snapshot)
    }

    /// One incident with what the folder needs to take it in ([`Folder::adopt`](kuzet_incident::Folder::adopt)).
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or is damaged.
    pub fn saved(&mut self, id: IncidentId) -> Result<Option<Saved>, StoreError> {
        let path = self.path.clone();
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        let found = self
            .connection
            .query_row("SELECT row, json, inner, sketch FROM incident WHERE id = ?1", [id.to_string()], story)
            .optional()
            .map_err(fail)?;
        found.map(|story| saved(&self.connection, &path, story)).transpose()
    }
}

impl Sqlite {
    /// Documents of the newest `most` incidents without a verdict, oldest first, whether the folder still has them in
    /// memory or not: what a notifier goes on telling after a restart.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn open_documents(&mut self, most: usize) -> Result<Vec<String>, StoreError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT json FROM incident WHERE state <> 'closed' ORDER BY since DESC, row DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        let mut documents = run().map_err(|error| StoreError::sqlite(&self.path, &error))?;
        documents.reverse();
        Ok(documents)
    }
}

/// Incidents of one severity that wait for a verdict and are no longer in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// As the column of the store: 0 low … 3 critical.
    pub severity: u8,
    /// How many.
    pub incidents: u64,
    /// Sum of the lower bounds of the people affected.
    pub people_at_least: u64,
    /// Sum of the known upper bounds.
    pub people_at_most: u64,
    /// Incidents without a known upper bound.
    pub people_unknown: u64,
}

/// The expressions are those of the index, which answers alone. The sums are floats: whole numbers could overflow.
pub(super) const SHELVED: &str = r#"SELECT severity, count(*), total(json_extract(json, '$."kuzet.people".at_least')),
        total(json_extract(json, '$."kuzet.people".at_most')),
        count(*) - count(json_extract(json, '$."kuzet.people".at_most'))
    FROM incident WHERE live = 0 AND state <> 'closed' GROUP BY severity"#;

impl Sqlite {
    /// What waits for a verdict and is no longer in memory; severities without any are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn shelved(&mut self) -> Result<Vec<Shelved>, StoreError> {
        let one = |row: &Row<'_>| {
            // A sum of counts is whole and not below zero; the conversion saturates.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let sum = |column: usize| row.get::<_, f64>(column).map(|sum| sum as u64);
            Ok(Shelved {
                severity: row.get(0)?,
                incidents: unsigned(row, 1)?,
                people_at_least: sum(2)?,
                people_at_most: sum(3)?,
                people_unknown: unsigned(row, 4)?,
            })
        };
        rows(&self.connection, SHELVED, one).map_err(|error| StoreError::sqlite(&self.path, &error))
    }
}

type Story = (i64, String, Vec<u8>, Option<Vec<u8>>);

fn story(row: &Row<'_>) -> rusqlite::Result<Story> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn saved(connection: &Connection, path: &Path, (row, json, state, sketch): Story) -> Result<Saved, StoreError> {
    let damaged = |what: String| StoreError::new(path, StoreErrorKind::Corrupt, what);
    let incident =
        Incident::from_json(&json).map_err(|error| damaged(format!("incident in row {row} is damaged: {error}")))?;
    let sketch = match sketch {
        None => None,
        Some(bytes) => Some(
            Sketch::from_bytes(&bytes)
                .ok_or_else(|| damaged(format!("sketch of people of {} is damaged", incident.id)))?,
        ),
    };
    let people = connection
        .prepare_cached("SELECT key FROM person WHERE incident = ?1 ORDER BY key")
        .and_then(|mut statement| {
            let keys = statement.query_map([row], |row| row.get::<_, [u8; 16]>(0))?;
            keys.map(|key| key.map(|key| PersonKey(u128::from_be_bytes(key)))).collect()
        })
        .map_err(|error| StoreError::sqlite(path, &error))?;
    Ok(Saved { incident, state, people, sketch })
}

/// All rows of a query without parameters.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], read)?;
    rows.collect()
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    Ok(Checkpoint {
        source: row.get(0)?,
        identity: FileIdentity {
            device: unsigned(row, 1)?,
            inode: unsigned(row, 2)?,
            fingerprint: unsigned(row, 3)?,
            fingerprint_bytes: row.get(4)?,
        },
        path: OsStr::from_bytes(row.get_ref(5)?.as_blob()?).into(),
        offset: unsigned(row, 6)?,
        decoder: row.get(7)?,
        file: FileId(unsigned(row, 8)?),
        tail: unsigned(row, 9)?,
        at: Timestamp(row.get(10)?),
        finished: row.get(11)?,
    })
}

pub(super) fn tallies(connection: &Connection) -> rusqlite::Result<Vec<Tally>> {
    rows(connection, "SELECT source, seen, handled, suppressed, lost, last_event FROM tally ORDER BY source", |row| {
        Ok(Tally {
            source: row.get(0)?,
            seen: unsigned(row, 1)?,
            handled: unsigned(row, 2)?,
            suppressed: unsigned(row, 3)?,
            lost: unsigned(row, 4)?,
            last_event: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        })
    })
}
