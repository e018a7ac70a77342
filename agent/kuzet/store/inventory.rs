//! What inspections found in files, as the store keeps it: written by the data thread in the transaction of the records that
//! told it, read by whoever walks the folders, by the data path when a file is touched, and by reports.

use super::reader::Reader;
use super::sqlite::{self, Options};
use super::{StoreError, files};
use crate::message::{Learnt, Stock};
use kuzet_event::{FilePath, Holding, PersonKey, Timestamp};
use kuzet_incident::Sketch;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader waits for a writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// People of a folder that are counted one by one; beyond them they are estimated.
const EXACT: usize = 100_000;

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
                // Of a member's name in JSON there is no second spelling, and no string holds quotes: the document need not be read.
                .prepare_cached("SELECT path, below, signature, digest, coalesce(instr(holding, '\"exposed\":true') > 0, 0) FROM inventory WHERE folder = ?1")?;
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

impl Shelves {
    /// What is known of all files below the folder of the key `root`, those below `others` excepted; of `reasons` is counted why
    /// files were not inspected.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn stock(
        &self,
        root: u128,
        others: &BTreeSet<u128>,
        reasons: impl Iterator<Item = &'static str>,
    ) -> Result<Stock, StoreError> {
        let mut stock = Stock { missed: reasons.map(|reason| (reason, 0)).collect(), ..Stock::default() };
        let mut people = Crowd::default();
        let mut read = || {
            let mut rows = self
                .connection
                .prepare_cached("SELECT path, below, holding, people FROM inventory WHERE folder = ?1")?;
            let mut folders = vec![root];
            while let Some(folder) = folders.pop() {
                let mut rows = rows.query([folder.to_be_bytes()])?;
                while let Some(row) = rows.next()? {
                    if row.get(1)? {
                        folders.extend(Some(hash(row, 0)?).filter(|below| !others.contains(below)));
                        continue;
                    }
                    stock.files += 1;
                    let (json, keys): (Option<String>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
                    if let Some(holding) = json.and_then(|json| holding(&json, &keys.unwrap_or_default())) {
                        add(&mut stock, &mut people, &holding);
                    }
                }
            }
            Ok(())
        };
        read().map_err(|error| StoreError::sqlite(&self.path, &error))?;
        stock.people = people.count();
        Ok(stock)
    }
}

fn add(stock: &mut Stock, people: &mut Crowd, holding: &Holding) {
    let personal = holding.persons > 0 || !holding.kinds.is_empty() || !holding.documents.is_empty();
    stock.personal += u64::from(personal);
    stock.exposed += u64::from(personal && holding.exposed);
    stock.documents += holding.documents.len() as u64;
    let missed: BTreeSet<&str> = holding.missed.iter().map(|why| &**why).collect();
    for (_, files) in stock.missed.iter_mut().filter(|(reason, _)| missed.contains(*reason)) {
        *files += 1;
    }
    people.add(holding);
}

/// Distinct people, counted one by one up to [`EXACT`].
#[derive(Default)]
struct Crowd {
    exact: HashSet<PersonKey>,
    sketch: Option<Sketch>,
    /// Of one file, whose people are not all kept.
    most: u64,
}

impl Crowd {
    fn add(&mut self, holding: &Holding) {
        self.most = self.most.max(holding.persons);
        for key in &holding.people {
            match &mut self.sketch {
                Some(sketch) => {
                    sketch.insert(*key);
                }
                None => {
                    self.exact.insert(*key);
                }
            }
        }
        if self.exact.len() > EXACT {
            let sketch = self.sketch.get_or_insert_default();
            for key in std::mem::take(&mut self.exact) {
                sketch.insert(key);
            }
        }
    }

    fn count(&self) -> u64 {
        let counted = self.sketch.as_ref().map_or(self.exact.len() as u64, |sketch| sketch.estimate() as u64);
        counted.max(self.most)
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
            exposed: true,
            ..Holding::default()
        };
        let nothing = Holding { signature: 1, digest: 8, ..Holding::default() };
        let folder = Learnt { path: path(7, 3), folder: true, holding: None, at: Timestamp(5) };
        let all = vec![learnt(1, Some(found.clone())), learnt(2, Some(nothing)), folder];
        store.record(&Batch { learnt: all, ..Batch::default() }).unwrap();
        let shelves = Shelves::open(&dir).unwrap();
        let known = shelves.of(7).unwrap();
        assert_eq!(
            known.iter().map(|one| (one.path, one.below, one.exposed)).collect::<Vec<_>>(),
            [(1, false, true), (2, false, false), (3, true, false)]
        );
        assert_eq!((known[0].signature, known[0].digest, known[1].digest), (u64::MAX, 9, 8));
        let kept = Holding { signature: 0, digest: 0, ..found };
        assert_eq!(shelves.holding(&path(7, 1)).unwrap(), Some(kept.clone()));
        assert_eq!((shelves.holding(&path(7, 2)).unwrap(), shelves.holding(&path(8, 1)).unwrap()), (None, None));
        let (mut held, reader) = (Vec::new(), Reader::open(&dir).unwrap());
        reader.inventory(&mut |one| held.push(one)).unwrap();
        assert_eq!((held.len(), &*held[0].shown, &held[0].holding), (1, "/srv/1", &kept));
        assert_eq!(reader.inspected().unwrap(), 2);
        let stock = shelves.stock(7, &BTreeSet::new(), ["open"].into_iter()).unwrap();
        assert_eq!((stock.files, stock.personal, stock.people, stock.missed["open"]), (2, 1, 3, 0));
        store.record(&Batch { learnt: vec![learnt(1, None)], ..Batch::default() }).unwrap();
        assert_eq!(shelves.of(7).unwrap().len(), 2);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
