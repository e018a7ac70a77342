//! Forgets what nobody needs any more: closed incidents with their people, gaps, dead letters
//! and configurations of long ago.
//!
//! A few rows a call, so that the data path never waits long. Incidents that nobody has closed stay for ever.

use super::sqlite::Sqlite;
use super::{StoreError, configuration};
use kuzet_event::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// Rows deleted in one call at most, of each table.
const BATCH: u32 = 500;

impl Sqlite {
    /// Deletes some of what was closed, lost or given up before `before`: an incident counts from the last thing that
    /// happened to it, event or decision. Gives the rows deleted; 0 means that nothing is left to delete.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn purge(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.forget_copies(before);
        self.with_reserve(|store| {
            let run = |store: &mut Sqlite| {
                store.sync(false)?;
                let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let mut deleted = incident(&transaction, before)?;
                deleted += transaction
                    .prepare_cached(
                        "DELETE FROM gap WHERE id IN (SELECT id FROM gap WHERE at < ?1 ORDER BY at LIMIT ?2)",
                    )?
                    .execute(params![before.0, BATCH])?;
                deleted += transaction
                    .prepare_cached(
                        "DELETE FROM outbox WHERE id IN
                             (SELECT id FROM outbox WHERE dead = 1 AND created < ?1 ORDER BY id LIMIT ?2)",
                    )?
                    .execute(params![before.0, BATCH])?;
                deleted += configuration::purge(&transaction, before, BATCH)?;
                transaction.commit()?;
                Ok(deleted)
            };
            run(store).map_err(|error| StoreError::sqlite(&store.path, &error))
        })
    }
}

/// Deletes people of the oldest closed incident, then the incident itself.
fn incident(connection: &Connection, before: Timestamp) -> rusqlite::Result<usize> {
    // The time of the decision is in the document, in UTC of one form, so that text compares as time does.
    let found: Option<i64> = connection
        .prepare_cached(
            "SELECT row FROM incident AS one WHERE since < ?1 AND until < ?1 AND state = 'closed' AND live = 0
               AND coalesce(json_extract(json, '$.\"kuzet.lifecycle\".acts[#-1].\"@timestamp\"'), '') < ?2
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.incident = one.id AND dead = 0)
             ORDER BY since LIMIT 1",
        )?
        .query_row(params![before.0, before.to_string()], |row| row.get(0))
        .optional()?;
    let Some(row) = found else { return Ok(0) };
    let people = connection
        .prepare_cached(
            "DELETE FROM person WHERE incident = ?1
               AND key IN (SELECT key FROM person WHERE incident = ?1 LIMIT ?2)",
        )?
        .execute(params![row, BATCH])?;
    if people >= BATCH as usize {
        return Ok(people);
    }
    connection.prepare_cached("DELETE FROM incident WHERE row = ?1")?.execute([row]).map(|gone| gone + people)
}
