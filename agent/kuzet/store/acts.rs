//! Acts of people on their way into incidents.
//!
//! Two processes never write the same row: the command line only adds rows to `act`, the running agent alone changes
//! incidents. It takes an act into the incident and deletes the row in one transaction, with the notifications that follow
//! from it. While no agent runs, acts wait; [`Reader`](super::Reader) shows incidents with waiting acts applied, so that a person
//! sees what they did at once.

use super::sqlite::Sqlite;
use super::{StoreError, load};
use kuzet_event::Timestamp;
use kuzet_incident::{Act, IncidentId};
use rusqlite::Connection;

/// An act that no agent has taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingAct {
    /// Row; goes into [`Batch::acts`](super::Batch) together with the change of the incident.
    pub id: i64,
    /// Incident.
    pub incident: IncidentId,
    /// What was done.
    pub act: Act,
    /// When.
    pub at: Timestamp,
}

impl Sqlite {
    /// Acts that wait, oldest first. For each: [`Folder::act`](kuzet_incident::Folder::act) (after
    /// [`adopt`](kuzet_incident::Folder::adopt) of [`saved`](Self::saved), when the folder does not know the incident), then
    /// its `id` into the batch, also when the folder refused it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn acts(&mut self) -> Result<Vec<PendingAct>, StoreError> {
        pending(&self.connection).map_err(|error| StoreError::sqlite(&self.path, &error))
    }
}

/// Waiting acts; a damaged row is left out.
pub(super) fn pending(connection: &Connection) -> rusqlite::Result<Vec<PendingAct>> {
    let rows = load::rows(connection, "SELECT id, incident, json, at FROM act ORDER BY id", |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
    })?;
    let read = |(id, incident, json, at): (i64, String, String, i64)| {
        let (incident, act) = (incident.parse().ok()?, serde_json::from_str(&json).ok()?);
        Some(PendingAct { id, incident, act, at: Timestamp(at) })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}
