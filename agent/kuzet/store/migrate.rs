//! Brings a store that an older version wrote to the schema of this one: a copy beside it first, then every step in one
//! transaction, so that an upgrade keeps what was found and a failed one changes nothing.

use super::files;
use super::sqlite::Sqlite;
use super::{StoreError, StoreErrorKind};
use kuzet_event::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The step to each schema from the one before, the first of them to schema 2. A released step is never edited.
const STEPS: [&str; 4] = [
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
];

/// Schema that this version reads and writes; schema.sql makes it at once.
pub(super) const VERSION: i64 = 1 + STEPS.len() as i64;

/// `KZET`: tells a Kuzet store from any other SQLite file.
const APPLICATION: i64 = 0x4b5a_4554;

/// Refuses a store that is not of this version's schema; 0 for a new one.
pub(super) fn current(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    match version(connection, path)? {
        old if old != 0 && old < VERSION => {
            let what = format!("it has schema {old} and waits for `kuzet run` to bring it to schema {VERSION}");
            Err(StoreError::new(path, StoreErrorKind::Schema, what))
        }
        version => Ok(version),
    }
}

/// Schema of a store, at most [`VERSION`]; 0 for a new one.
fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let get = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| StoreError::sqlite(path, &error))
    };
    let (application, version) = (get("PRAGMA application_id")?, get("PRAGMA user_version")?);
    match (application, version) {
        (0, 0) if get("SELECT count(*) FROM sqlite_master")? == 0 => Ok(0),
        (APPLICATION, 1..=VERSION) => Ok(version),
        (APPLICATION, other) => {
            let what = format!("it has schema {other}, this version knows schema {VERSION}");
            Err(StoreError::new(path, StoreErrorKind::Schema, what))
        }
        _ => Err(StoreError::new(path, StoreErrorKind::Corrupt, "an SQLite file, but not a kuzet store")),
    }
}

impl Sqlite {
    /// Makes the schema, or brings an older one forward.
    pub(super) fn migrate(&mut self) -> Result<(), StoreError> {
        match version(&self.connection, &self.path)? {
            VERSION => Ok(()),
            0 => self.step(&[include_str!("schema.sql")]),
            old => {
                let copy = self.copy(old)?;
                self.step(&STEPS[usize::try_from(old - 1).unwrap_or(0)..])?;
                tracing::info!(
                    from = old,
                    to = VERSION,
                    copy = %copy.display(),
                    "The store was brought to the schema of this version; what it held before stands in the copy."
                );
                Ok(())
            }
        }
    }

    fn step(&mut self, steps: &[&str]) -> Result<(), StoreError> {
        let path = self.path.clone();
        let run = |store: &mut Sqlite| {
            store.sync(true)?;
            let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()
        };
        self.with_reserve(|store| run(store).map_err(|error| StoreError::sqlite(&path, &error)))
    }

    /// Writes the store as it stands into a file beside it, in place of an earlier attempt.
    fn copy(&mut self, version: i64) -> Result<PathBuf, StoreError> {
        let copy = copy_of(&self.path, version);
        let path = copy.clone();
        self.with_reserve(|store| {
            files::make_empty(&path).map_err(|error| StoreError::io(&path, &error))?;
            let written = store.connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]);
            written.map_err(|error| StoreError::sqlite(&path, &error))?;
            std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(&path, &error))
        })?;
        Ok(copy)
    }

    /// Removes copies made before `before`: they hold what the store has forgotten since.
    pub(super) fn forget_copies(&self, before: Timestamp) {
        for version in 1..VERSION {
            let copy = copy_of(&self.path, version);
            if std::fs::metadata(&copy).is_ok_and(|meta| meta.mtime() < before.0.div_euclid(1_000_000)) {
                // One that stays is tried again.
                drop(std::fs::remove_file(&copy));
            }
        }
    }
}

/// `kuzet.db.schema-1` beside `kuzet.db`.
fn copy_of(path: &Path, version: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema-{version}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Reader, StoreErrorKind};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A state directory with the store of schema 1 of tests/data/store.
    fn golden(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("kuzet-migrate-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).unwrap();
        let sql = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/store/schema-1.sql"));
        Connection::open(dir.join("kuzet.db")).unwrap().execute_batch(&sql.unwrap()).unwrap();
        dir
    }

    /// Every table and index, and how many rows each table has.
    fn shape(connection: &Connection) -> Vec<(String, String, i64)> {
        let mut all = connection
            .prepare("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
            .unwrap();
        let all: Vec<(String, String)> =
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        all.into_iter()
            .map(|(name, sql)| {
                let count = if sql.starts_with("CREATE TABLE") {
                    format!("SELECT count(*) FROM {name}")
                } else {
                    "SELECT 0".into()
                };
                let rows = connection.query_row(&count, [], |row| row.get(0)).unwrap();
                (name, sql.split_whitespace().collect::<Vec<_>>().join(" "), rows)
            })
            .collect()
    }

    #[test]
    fn a_migrated_store_is_like_a_new_one_and_keeps_every_row() {
        let (old, new) = (golden("rows"), golden("new"));
        std::fs::remove_file(new.join("kuzet.db")).unwrap();
        let before = shape(&Connection::open(old.join("kuzet.db")).unwrap());
        assert_eq!(Reader::open(&old).err().unwrap().kind, StoreErrorKind::Schema);

        let migrated = Sqlite::open(&old, &Options::default()).unwrap();
        let fresh = Sqlite::open(&new, &Options::default()).unwrap();
        let after = shape(&migrated.connection);
        let laws = |shape: &[(String, String, i64)]| {
            shape.iter().map(|one| (one.0.clone(), one.1.clone())).collect::<Vec<_>>()
        };
        assert_eq!(laws(&after), laws(&shape(&fresh.connection)));
        for (name, _, rows) in &before {
            assert!(after.iter().any(|one| one.0 == *name && one.2 == *rows), "{name} had {rows} rows: {after:?}");
        }
        let copy = old.join("kuzet.db.schema-1");
        assert_eq!(shape(&Connection::open(&copy).unwrap()), before);
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        drop(migrated);
        // The second start finds nothing to do, and the copy goes when what it holds would have been forgotten.
        let mut again = Sqlite::open(&old, &Options::default()).unwrap();
        again.purge(Timestamp(0)).unwrap();
        assert!(copy.exists());
        again.purge(Timestamp(i64::MAX)).unwrap();
        assert!(!copy.exists());
        for dir in [old, new] {
            std::fs::remove_dir_all(dir).unwrap();
        }
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let dir = golden("fails");
        let path = dir.join("kuzet.db");
        // Something of another's making stands in the way of the new table.
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE configuration (mine TEXT)").unwrap();
        let before = shape(&Connection::open(&path).unwrap());
        assert!(Sqlite::open(&dir, &Options::default()).is_err());
        let connection = Connection::open(&path).unwrap();
        assert_eq!(shape(&connection), before);
        assert_eq!(version(&connection, &path).unwrap(), 1);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = golden("newer");
        let newer = format!("PRAGMA user_version = {}", VERSION + 1);
        Connection::open(dir.join("kuzet.db")).unwrap().execute_batch(&newer).unwrap();
        let error = Sqlite::open(&dir, &Options::default()).unwrap_err();
        assert_eq!((error.kind, error.kind.code()), (StoreErrorKind::Schema, "KZ-STORE-SCHEMA"));
        assert!(!dir.join("kuzet.db.schema-1").exists());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
