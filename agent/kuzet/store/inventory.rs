//! What inspections found in files, as the store keeps it: written by the data thread in the transaction of the records that
//! told it, read by whoever walks the folders, by the data path when a file is touched, and by reports.

use super::reader::Reader;
use super::sqlite::{self, Options};
use super::{StoreError, files};
use crate::message::Learnt;
use kuzet_event::{FilePath, Holding, PersonKey, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader waits for a writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// One file or folder of a folder, as it was when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Keyed hash of its path.
    pub path: u128,
    /// It is a folder.
    pub below: bool,
    /// [`Holding::signature`] of then.
    pub signature: u64,
    /// [`Holding::digest`] of then.
    pub digest: u128,
    /// [`Holding::exposed`] of then, where anything was found.
    pub exposed: bool,
}

/// A file in which something was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its path as it may be shown.
    pub shown: String,
    /// What was found.
    pub holding: Holding,
    /// When.
    pub at: Timestamp,
}

/// What is known of files, read beside the agent.
pub struct Shelves {
    connection: Connection,
    path: PathBuf,
}

impl Shelves {
    /// Looks into the store of the state directory `dir`.
    ///
    /// # Errors
    /// [`StoreError`] when there is none or it cannot be read.
    pub fn open(dir: &Path) -> Result<Shelves, StoreError> {
        let path = dir.join(files::DATABASE);
        let connection = sqlite::open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY, PATIENCE, &Options::default())
            .and_then(|connection| connection.pragma_update(None, "cache_size", -256).map(|()| connection))
            .map_err(|error| StoreError::sqlite(&path, &error))?;
        Ok(Shelves { connection, path })
    }

    /// What is known of everything in a folder, by the keyed hash of its path.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn of(&self, folder: u128) -> Result<Vec<Known>, StoreError> {
        let read = || {
            let mut rows = self
                .connection
                .prepare_cached("SELECT path, below, signature, digest, coalesce(json_extract(holding, '$.exposed'), 0) FROM inventory WHERE folder = ?1")?;
            let known = |row: &Row<'_>| {
                Ok(Known {
                    path: hash(row, 0)?,
                    below: row.get(1)?,
                    signature: row.get::<_, i64>(2)?.cast_unsigned(),
                    digest: hash(row, 3)?,
                    exposed: row.get(4)?,
                })
            };
            rows.query_map([folder.to_be_bytes()], known)?.collect::<rusqlite::Result<Vec<Known>>>()
        };
        read().map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// What was found in one file; `None` where nothing was, or nobody looked yet.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn holding(&self, path: &FilePath) -> Result<Option<Holding>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT holding, people FROM inventory WHERE folder = ?1 AND path = ?2")?
                .query_row(params![path.folder.to_be_bytes(), path.key.to_be_bytes()], |row| {
                    Ok(row.get::<_, Option<String>>(0)?.map(|json| (json, row.get::<_, Option<Vec<u8>>>(1))))
                })
                .optional()
        };
        let found = read().map_err(|error| StoreError::sqlite(&self.path, &error))?;
        let Some((json, people)) = found.flatten() else { return Ok(None) };
        let people = people.map_err(|error| StoreError::sqlite(&self.path, &error))?;
        Ok(holding(&json, &people.unwrap_or_default()))
    }
}

impl Reader {
    /// Every file in which something was found, in the order of folders.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn inventory(&self, told: &mut dyn FnMut(Held)) -> Result<(), StoreError> {
        let mut read = || {
            let mut rows = self.connection.prepare(
                "SELECT shown, holding, people, at FROM inventory WHERE holding IS NOT NULL ORDER BY shown, path",
            )?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let (shown, json): (Option<String>, String) = (row.get(0)?, row.get(1)?);
                let people: Option<Vec<u8>> = row.get(2)?;
                if let Some(holding) = holding(&json, &people.unwrap_or_default()) {
                    told(Held { shown: shown.unwrap_or_default(), holding, at: Timestamp(row.get(3)?) });
                }
            }
            Ok(())
        };
        read().map_err(|error: rusqlite::Error| self.fail(&error))
    }

    /// How many files were looked at.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn inspected(&self) -> Result<u64, StoreError> {
        let count = self.connection.query_row("SELECT count(*) FROM inventory WHERE below = 0", [], |row| row.get(0));
        count.map(i64::cast_unsigned).map_err(|error| self.fail(&error))
    }
}

fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<u128> {
    Ok(u128::from_be_bytes(row.get(column)?))
}

fn holding(json: &str, people: &[u8]) -> Option<Holding> {
    let holding: Holding = serde_json::from_str(json).ok()?;
    let people = people.as_chunks::<16>().0.iter().map(|key| PersonKey(u128::from_be_bytes(*key)));
    Some(Holding { people: people.collect(), ..holding })
}

/// Writes what was learnt of one file or folder.
pub(super) fn learn(transaction: &Transaction<'_>, one: &Learnt) -> rusqlite::Result<()> {
    let key = (one.path.folder.to_be_bytes(), one.path.key.to_be_bytes());
    let nothing = Holding::default();
    let Some(holding) = one.holding.as_deref().or(one.folder.then_some(&nothing)) else {
        return transaction
            .prepare_cached("DELETE FROM inventory WHERE folder = ?1 AND path = ?2")?
            .execute([key.0, key.1])
            .map(|_| ());
    };
    let something = holding.is_something();
    let json = something.then(|| serde_json::to_string(holding).unwrap_or_default());
    let people: Vec<u8> = holding.people.iter().flat_map(|key| key.0.to_be_bytes()).collect();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO inventory (folder, path, below, signature, digest, at, shown, holding, people)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            key.0,
            key.1,
            one.folder,
            holding.signature.cast_signed(),
            holding.digest.to_be_bytes(),
            one.at.0,
            something.then_some(&*one.path.shown),
            json,
            (!people.is_empty()).then_some(people),
        ])
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Options, Sqlite, Store};
    use super::*;
    use std::sync::Arc;

    fn path(folder: u128, key: u128) -> FilePath {
        FilePath { shown: Arc::from(format!("/srv/{key}")), key, folder }
    }

    fn learnt(key: u128, holding: Option<Holding>) -> Learnt {
        Learnt { path: path(7, key), folder: false, holding: holding.map(Arc::new), at: Timestamp(5) }
    }

    #[test]
    fn what_was_learnt_is_there_until_it_is_gone() {
        let dir = std::env::temp_dir().join(format!("kuzet-inventory-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut store = Sqlite::open(&dir, &Options::default()).unwrap();
        let found = Holding {
            persons: 3,
            people: vec![PersonKey(1), PersonKey(u128::MAX)],
            kinds: std::iter::once((Arc::from("iin"), 3)).collect(),
            signature: u64::MAX,
            digest: 9,
            ..Holding::default()
        };
        let nothing = Holding { signature: 1, digest: 8, ..Holding::default() };
        let folder = Learnt { path: path(7, 3), folder: true, holding: None, at: Timestamp(5) };
        let all = vec![learnt(1, Some(found.clone())), learnt(2, Some(nothing)), folder];
        store.record(&Batch { learnt: all, ..Batch::default() }).unwrap();
        let shelves = Shelves::open(&dir).unwrap();
        let known = shelves.of(7).unwrap();
        assert_eq!(
            known.iter().map(|one| (one.path, one.below)).collect::<Vec<_>>(),
            [(1, false), (2, false), (3, true)]
        );
        assert_eq!((known[0].signature, known[0].digest, known[1].digest), (u64::MAX, 9, 8));
        let kept = Holding { signature: 0, digest: 0, ..found };
        assert_eq!(shelves.holding(&path(7, 1)).unwrap(), Some(kept.clone()));
        assert_eq!((shelves.holding(&path(7, 2)).unwrap(), shelves.holding(&path(8, 1)).unwrap()), (None, None));
        let (mut held, reader) = (Vec::new(), Reader::open(&dir).unwrap());
        reader.inventory(&mut |one| held.push(one)).unwrap();
        assert_eq!((held.len(), &*held[0].shown, &held[0].holding), (1, "/srv/1", &kept));
        assert_eq!(reader.inspected().unwrap(), 2);
        store.record(&Batch { learnt: vec![learnt(1, None)], ..Batch::default() }).unwrap();
        assert_eq!(shelves.of(7).unwrap().len(), 2);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
