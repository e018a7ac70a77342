//! What the command line sees and does while an agent may be running: read-only, except for acts.

use super::files::{self, DATABASE};
use super::sqlite::{self, Options, PROBLEM};
use super::{OutboxBacklog, StoreError, StoreErrorKind, Tally, acts, load, migrate, outbox};
use kuzet_detect::{Counted, Learnt, Reached, Severity};
use kuzet_event::{Count, Timestamp};
use kuzet_incident::{Act, Incident, State};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which incidents to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state only.
    pub state: Option<State>,
    /// Of this severity or graver.
    pub severity: Option<Severity>,
    /// Whose last event is not before this.
    pub since: Option<Timestamp>,
    /// At most so many, newest first; 0 is all.
    pub limit: usize,
}

/// A notification that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Row.
    pub id: i64,
    /// Channel.
    pub channel: String,
    /// Incident.
    pub incident: String,
    /// Number of this state of the incident.
    pub sequence: u64,
    /// Attempts made.
    pub attempts: u32,
    /// Why it was given up.
    pub error: String,
}

/// A recorded gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRow {
    /// Source.
    pub source: String,
    /// Where the file was.
    pub path: PathBuf,
    /// First byte lost.
    pub offset: u64,
    /// Bytes lost, as far as known.
    pub bytes: Count,
    /// Name of the [`GapReason`](crate::message::GapReason).
    pub reason: String,
    /// When it was seen.
    pub at: Timestamp,
}

/// A read-only view of the store in a directory.
pub struct Reader {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the store in `dir`.
    ///
    /// # Errors
    /// [`StoreError`] when there is none, or it is insecure, damaged or of another version.
    pub fn open(dir: &Path) -> Result<Reader, StoreError> {
        let (connection, path) = connect(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Reader { connection, path })
    }

    pub(super) fn fail(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }

    /// Incidents, newest first, with waiting acts applied.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or is damaged.
    pub fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, StoreError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT json FROM incident WHERE severity >= ?1 AND until >= ?2 ORDER BY since DESC, row DESC",
            )?;
            let severity = filter.severity.map_or(0, |severity| severity as u8);
            let since = filter.since.map_or(i64::MIN, |since| since.0);
            let rows = statement.query_map(params![severity, since], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        let acts = acts::pending(&self.connection).map_err(|error| self.fail(&error))?;
        let mut found = Vec::new();
        for json in run().map_err(|error| self.fail(&error))? {
            let mut incident = parse(&self.path, &json)?;
            apply(&mut incident, &acts);
            if filter.state.is_none_or(|state| state == incident.lifecycle.state) {
                found.push(incident);
                if found.len() == filter.limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The incident whose id begins with `prefix` (with or without `KZ-`, any case), with waiting acts applied.
    ///
    /// # Errors
    /// [`StoreErrorKind::NoSuchIncident`] when none or several begin so; other [`StoreError`]s as for reading.
    pub fn find(&self, prefix: &str) -> Result<Incident, StoreError> {
        find(&self.connection, &self.path, prefix)
    }

    /// What waits for each channel.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn backlog(&self) -> Result<Vec<OutboxBacklog>, StoreError> {
        let sql = "SELECT channel, sum(dead = 0), sum(dead), min(CASE dead WHEN 0 THEN created END) FROM outbox
                   GROUP BY channel ORDER BY channel";
        load::rows(&self.connection, sql, outbox::backlog).map_err(|error| self.fail(&error))
    }

    /// Notifications that were given up, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let sql =
            "SELECT id, channel, incident, sequence, attempts, coalesce(last_error, '') FROM outbox WHERE dead = 1
                   ORDER BY id";
        let read = |row: &Row<'_>| {
            Ok(DeadLetter {
                id: row.get(0)?,
                channel: row.get(1)?,
                incident: row.get(2)?,
                sequence: load::unsigned(row, 3)?,
                attempts: row.get(4)?,
                error: row.get(5)?,
            })
        };
        load::rows(&self.connection, sql, read).map_err(|error| self.fail(&error))
    }

    /// Counters of the sources.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn tallies(&self) -> Result<Vec<Tally>, StoreError> {
        load::tallies(&self.connection).map_err(|error| self.fail(&error))
    }

    /// What people declared to be noise or expected work, with how often it took place: `suppression` or `job`, name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn declared(&self) -> Result<Vec<(&'static str, String, Counted)>, StoreError> {
        let sql = "SELECT key, value FROM detector_state WHERE substr(key, 1, 1) = x'76' ORDER BY key";
        let rows = load::rows(&self.connection, sql, |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let counted = |(key, value): (Vec<u8>, Vec<u8>)| {
            kuzet_detect::counted_row(&key, &value).map(|(what, name, counted)| (what, name.to_owned(), counted))
        };
        Ok(rows.map_err(|error| self.fail(&error))?.into_iter().filter_map(counted).collect())
    }

    /// How far the past of each principal at a store is learnt.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn learnt(&self) -> Result<Vec<Learnt>, StoreError> {
        let sql = "SELECT key, value FROM detector_state WHERE substr(key, 1, 2) = x'7a00' ORDER BY key";
        let rows = load::rows(&self.connection, sql, |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows = rows.map_err(|error| self.fail(&error))?;
        Ok(rows.into_iter().filter_map(|(key, value)| kuzet_detect::learnt_row(&key, &value)).collect())
    }

    /// Where connections of this host ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn reached(&self) -> Result<Vec<Reached>, StoreError> {
        let sql = "SELECT key, value FROM detector_state WHERE substr(key, 1, 1) = x'6f' ORDER BY key";
        let rows = load::rows(&self.connection, sql, |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows = rows.map_err(|error| self.fail(&error))?;
        Ok(rows.into_iter().filter_map(|(key, value)| kuzet_detect::reached_row(&key, &value)).collect())
    }

    /// What is wrong with sources now, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn problems(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = load::rows(&self.connection, "SELECT key, value FROM meta WHERE key GLOB 'problem/*'", |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        });
        let named = |(key, what): (String, String)| Some((key.strip_prefix(PROBLEM)?.to_owned(), what));
        Ok(rows.map_err(|error| self.fail(&error))?.into_iter().filter_map(named).collect())
    }

    /// Gaps, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn gaps(&self) -> Result<Vec<GapRow>, StoreError> {
        let read = |row: &Row<'_>| {
            Ok(GapRow {
                source: row.get(0)?,
                path: OsStr::from_bytes(row.get_ref(1)?.as_blob()?).into(),
                offset: load::unsigned(row, 2)?,
                bytes: row
                    .get::<_, Option<i64>>(3)?
                    .map_or(Count::Unknown, |bytes| Count::Known(bytes.cast_unsigned())),
                reason: row.get(4)?,
                at: Timestamp(row.get(5)?),
            })
        };
        load::rows(&self.connection, "SELECT source, path, offset, bytes, reason, at FROM gap ORDER BY id", read)
            .map_err(|error| self.fail(&error))
    }

    /// Hands an act to the agent that owns the store in `dir`: now if it runs, at its next start otherwise. Gives the
    /// incident as it will be.
    ///
    /// # Errors
    /// [`StoreErrorKind::NoSuchIncident`], [`StoreErrorKind::IncidentClosed`], and what writing can fail with.
    pub fn submit(dir: &Path, prefix: &str, act: &Act, at: Timestamp) -> Result<Incident, StoreError> {
        let (mut connection, path) = connect(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let mut incident = find(&transaction, &path, prefix)?;
        incident.lifecycle.apply(act, at).map_err(|error| {
            StoreError::new(&path, StoreErrorKind::IncidentClosed, format!("incident {}: {error}", incident.id))
        })?;
        // As the incident keeps it: bounded and masked before it touches the disk.
        let kept = incident.lifecycle.acts.last().map_or(act, |acted| &acted.act);
        let json = serde_json::to_string(kept)
            .map_err(|error| StoreError::new(&path, StoreErrorKind::Internal, error.to_string()))?;
        transaction
            .execute(
                "INSERT INTO act (incident, json, at) VALUES (?1, ?2, ?3)",
                params![incident.id.to_string(), json, at.0],
            )
            .map_err(fail)?;
        transaction.commit().map_err(fail)?;
        Ok(incident)
    }
}

pub(super) fn connect(dir: &Path, flags: OpenFlags) -> Result<(Connection, PathBuf), StoreError> {
    let path = dir.join(DATABASE);
    files::check(dir)?;
    files::check(&path)?;
    let connection = sqlite::open(&path, flags, Duration::from_secs(5), &Options::default())
        .map_err(|error| StoreError::sqlite(&path, &error))?;
    match migrate::current(&connection, &path)? {
        0 => Err(StoreError::new(&path, StoreErrorKind::Missing, "the store is empty")),
        _ => Ok((connection, path)),
    }
}

fn parse(path: &Path, json: &str) -> Result<Incident, StoreError> {
    Incident::from_json(json)
        .map_err(|error| StoreError::new(path, StoreErrorKind::Corrupt, format!("an incident is damaged: {error}")))
}

fn apply(incident: &mut Incident, acts: &[super::PendingAct]) {
    for one in acts.iter().filter(|one| one.incident == incident.id) {
        // An act on a closed incident changes nothing; the agent will drop it as well.
        let _ = incident.lifecycle.apply(&one.act, one.at);
    }
}

fn find(connection: &Connection, path: &Path, prefix: &str) -> Result<Incident, StoreError> {
    let upper = prefix.to_ascii_uppercase();
    let letters = upper.strip_prefix("KZ-").unwrap_or(&upper);
    let none = |what: String| Err(StoreError::new(path, StoreErrorKind::NoSuchIncident, what));
    if letters.is_empty() || letters.len() > 16 || !letters.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return none(format!("{:?} is not an incident id", prefix.chars().take(40).collect::<String>()));
    }
    let run = || {
        let mut statement = connection
            .prepare_cached("SELECT json FROM incident WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT 2")?;
        let rows = statement.query_map([format!("KZ-{letters}")], |row| row.get::<_, String>(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()
    };
    let found = run().map_err(|error| StoreError::sqlite(path, &error))?;
    match found.as_slice() {
        [] => none(format!("no incident KZ-{letters}")),
        [json] => {
            let mut incident = parse(path, json)?;
            let acts = acts::pending(connection).map_err(|error| StoreError::sqlite(path, &error))?;
            apply(&mut incident, &acts);
            Ok(incident)
        }
        _ => none(format!("several incidents begin with KZ-{letters}")),
    }
}
