//! The SQLite store of a running agent: one connection, write-ahead log, one transaction a batch.

use super::files::{self, Reserve};
use super::inventory;
use super::{Batch, Message, Store, StoreError, StoreErrorKind, Tally};
use crate::message::{Checkpoint, Gap};
use kuzet_event::PersonKey;
use kuzet_incident::{Change, State, What};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Words of `meta` that begin so say what is wrong with the source whose name follows.
pub(super) const PROBLEM: &str = "problem/";
/// Successful batches between two attempts to take the reserve again.
const RESERVE_EVERY: u32 = 256;

/// Settings of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Largest size of the database in bytes; beyond it the store is full. `None`: as large as the disk.
    pub max_bytes: Option<u64>,
}

/// The store of a running agent. Holds the lock of its directory.
pub struct Sqlite {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    reserve: Reserve,
    since_reserve: u32,
    /// `PRAGMA synchronous` as it stands: full or normal.
    full: Option<bool>,
    _lock: File,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the store in `dir`, makes it if it is not there, and takes its lock.
    ///
    /// # Errors
    /// [`StoreError`]: in use, insecure, read-only, damaged, of another version, disk full.
    pub fn open(dir: &Path, options: &Options) -> Result<Sqlite, StoreError> {
        let path = files::prepare(dir)?;
        let lock = files::lock(dir)?;
        let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::from_secs(2), options)
            .map_err(|error| StoreError::sqlite(&path, &error))?;
        let mut store =
            Sqlite { connection, reserve: Reserve::new(dir), path, since_reserve: 0, full: None, _lock: lock };
        store.migrate()?;
        Ok(store)
    }

    /// Whether space is held back for a full disk.
    #[must_use]
    pub fn reserve_held(&self) -> bool {
        self.reserve.held()
    }

    /// Bytes of the database file with its log.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
        let mut wal = self.path.as_os_str().to_owned();
        wal.push("-wal");
        size(&self.path) + size(Path::new(&wal))
    }

    /// Full: the commit is on the disk when it returns. Normal: it survives the death of the agent, and a power cut
    /// takes the latest batches as a whole (see [`Batch::durable`]).
    pub(super) fn sync(&mut self, full: bool) -> rusqlite::Result<()> {
        if self.full != Some(full) {
            self.connection.pragma_update(None, "synchronous", if full { "FULL" } else { "NORMAL" })?;
            self.full = Some(full);
        }
        Ok(())
    }

    fn try_record(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let path = self.path.clone();
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        self.sync(batch.durable()).map_err(fail)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        for one in &batch.changes {
            let json = one.incident.to_json().map_err(|error| {
                StoreError::new(&path, StoreErrorKind::Internal, format!("incident {}: {error}", one.incident.id))
            })?;
            change(&transaction, one, &json).map_err(fail)?;
        }
        rest(&transaction, batch).map_err(fail)?;
        transaction.commit().map_err(fail)
    }

    /// Runs `work`; on a full disk gives up the reserve and runs it once more.
    pub(super) fn with_reserve<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut result = work(self);
        if let Err(StoreError { kind: StoreErrorKind::Full, .. }) = &result
            && self.reserve.give()
        {
            self.since_reserve = 0;
            result = work(self);
        }
        if result.is_ok() && !self.reserve.held() {
            self.since_reserve += 1;
            if self.since_reserve >= RESERVE_EVERY {
                self.since_reserve = 0;
                self.reserve.keep();
            }
        }
        result
    }
}

impl Store for Sqlite {
    fn record(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.with_reserve(|store| store.try_record(batch))
    }
}

/// A connection with the settings that every user of the store has.
pub(super) fn open(
    path: &Path,
    flags: OpenFlags,
    patience: Duration,
    options: &Options,
) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(48);
    connection.pragma_update(None, "cache_size", -1024)?; // 1 MiB: idle memory matters more than reads
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.query_row("PRAGMA journal_size_limit = 4194304", [], |_| Ok(()))?;
        if let Some(bytes) = options.max_bytes {
            let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            connection.query_row(
                &format!("PRAGMA max_page_count = {}", bytes / page.max(512).unsigned_abs()),
                [],
                |_| Ok(()),
            )?;
        }
    }
    Ok(connection)
}

pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Acknowledged => "acknowledged",
        State::Closed => "closed",
    }
}

fn change(transaction: &Transaction<'_>, change: &Change, json: &str) -> rusqlite::Result<()> {
    let incident = &change.incident;
    let sketch = change.sketch.as_ref().map(|sketch| sketch.bytes());
    if change.what == What::Opened {
        // One of this id that was forgotten, told anew: its people are not those of this one.
        let id = incident.id.to_string();
        transaction
            .prepare_cached("DELETE FROM person WHERE incident = (SELECT row FROM incident WHERE id = ?1)")?
            .execute([&id])?;
        transaction.prepare_cached("DELETE FROM incident WHERE id = ?1")?.execute([&id])?;
    }
    let row: i64 = transaction
        .prepare_cached(
            "INSERT INTO incident (id, state, severity, since, until, live, json, inner, sketch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity, since = excluded.since,
                 until = excluded.until, live = excluded.live, json = excluded.json, inner = excluded.inner,
                 sketch = coalesce(excluded.sketch, sketch)
             RETURNING row",
        )?
        .query_row(
            params![
                incident.id.to_string(),
                state_name(incident.lifecycle.state),
                incident.severity as u8,
                incident.since.0,
                incident.until.0,
                change.live,
                json,
                change.state,
                sketch,
            ],
            |row| row.get(0),
        )?;
    if sketch.is_some() {
        transaction.prepare_cached("DELETE FROM person WHERE incident = ?1")?.execute([row])?;
        return Ok(());
    }
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO person (incident, key) VALUES (?1, ?2)")?;
    for PersonKey(key) in &change.people {
        insert.execute(params![row, key.to_be_bytes()])?;
    }
    Ok(())
}

fn rest(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO detector_state (key, value) VALUES (?1, ?2)")?;
    let mut take = transaction.prepare_cached("DELETE FROM detector_state WHERE key = ?1")?;
    for (key, value) in &batch.detector_state {
        match value {
            Some(value) => put.execute(params![key, value])?,
            None => take.execute([key])?,
        };
    }
    for (source, file) in &batch.expired {
        transaction
            .prepare_cached("DELETE FROM checkpoint WHERE source = ?1 AND device = ?2 AND inode = ?3")?
            .execute(params![source, file.device.cast_signed(), file.inode.cast_signed()])?;
    }
    batch.checkpoints.iter().try_for_each(|one| checkpoint(transaction, one))?;
    batch.gaps.iter().try_for_each(|(source, one)| gap(transaction, source, one))?;
    batch.tallies.iter().try_for_each(|one| tally(transaction, one))?;
    batch.problems.iter().try_for_each(|(source, what)| problem(transaction, source, what.as_deref()))?;
    batch.outbox.iter().try_for_each(|one| message(transaction, one))?;
    batch.learnt.iter().try_for_each(|one| inventory::learn(transaction, one))?;
    for id in &batch.acts {
        transaction.prepare_cached("DELETE FROM act WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}

fn checkpoint(transaction: &Transaction<'_>, one: &Checkpoint) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO checkpoint (source, device, inode, fingerprint, fingerprint_bytes, path, offset,
                 decoder, file, tail, at, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            one.source,
            one.identity.device.cast_signed(),
            one.identity.inode.cast_signed(),
            one.identity.fingerprint.cast_signed(),
            one.identity.fingerprint_bytes,
            one.path.as_os_str().as_bytes(),
            one.offset.cast_signed(),
            one.decoder,
            one.file.0.cast_signed(),
            one.tail.cast_signed(),
            one.at.0,
            one.finished,
        ])?;
    Ok(())
}

fn gap(transaction: &Transaction<'_>, source: &str, one: &Gap) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO gap (source, file, path, offset, bytes, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            source,
            one.file.0.cast_signed(),
            one.path.as_os_str().as_bytes(),
            one.offset.cast_signed(),
            one.bytes.known().map(u64::cast_signed),
            one.reason.name(),
            one.at.0,
        ])?;
    Ok(())
}

fn tally(transaction: &Transaction<'_>, one: &Tally) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO tally (source, seen, handled, suppressed, lost, last_event)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            one.source,
            one.seen.cast_signed(),
            one.handled.cast_signed(),
            one.suppressed.cast_signed(),
            one.lost.cast_signed(),
            one.last_event.map(|at| at.0),
        ])?;
    Ok(())
}

fn problem(transaction: &Transaction<'_>, source: &str, what: Option<&str>) -> rusqlite::Result<()> {
    let key = format!("{PROBLEM}{source}");
    match what {
        Some(what) => transaction
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![key, what])?,
        None => transaction.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?,
    };
    Ok(())
}

fn message(transaction: &Transaction<'_>, one: &Message) -> rusqlite::Result<()> {
    if one.replaceable {
        transaction
            .prepare_cached("DELETE FROM outbox WHERE channel = ?1 AND dead = 0 AND incident = ?2 AND replaceable = 1")?
            .execute(params![one.channel, one.incident])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO outbox (channel, incident, sequence, payload, replaceable, created, next_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        )?
        .execute(params![
            one.channel,
            one.incident,
            one.sequence.cast_signed(),
            one.payload,
            one.replaceable,
            one.created.0,
        ])?;
    Ok(())
}

impl Sqlite {
    /// A free word of the store (`meta`), such as the identifier of this installation.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// Sets a free word.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        self.with_reserve(|store| {
            store
                .connection
                .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [key, value])
                .map(|_| ())
                .map_err(|error| StoreError::sqlite(&store.path, &error))
        })
    }
}
