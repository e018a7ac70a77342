//! What can go wrong with the store, each with a stable code and what to do about it.

use std::path::{Path, PathBuf};

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
#[error("store {}: {what} [{}]; help: {}", path.display(), kind.code(), kind.help())]
pub struct StoreError {
    /// File or directory.
    pub path: PathBuf,
    /// What happened; no personal data.
    pub what: String,
    /// Which kind.
    pub kind: StoreErrorKind,
}

/// Kinds of failure, by what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreErrorKind {
    /// The disk (or the configured size) is full, and the reserve did not help. Go on in memory, keep the batch, mark alerts
    /// as unsaved, try again.
    Full,
    /// It cannot be written: read-only file system or no permission.
    ReadOnly,
    /// The file is damaged or no store.
    Corrupt,
    /// Another process held it for too long. Try again.
    Busy,
    /// Another agent uses it.
    InUse,
    /// It was written by another version.
    Schema,
    /// Others may write the directory or the file.
    Insecure,
    /// There is no store.
    Missing,
    /// The disk failed.
    Io,
    /// No incident, or more than one, has this id.
    NoSuchIncident,
    /// The incident is closed.
    IncidentClosed,
    /// A fault of the agent itself.
    Internal,
}

impl StoreErrorKind {
    /// Every kind, for lists.
    pub const ALL: [StoreErrorKind; 12] = [
        StoreErrorKind::Full,
        StoreErrorKind::ReadOnly,
        StoreErrorKind::Corrupt,
        StoreErrorKind::Busy,
        StoreErrorKind::InUse,
        StoreErrorKind::Schema,
        StoreErrorKind::Insecure,
        StoreErrorKind::Missing,
        StoreErrorKind::Io,
        StoreErrorKind::NoSuchIncident,
        StoreErrorKind::IncidentClosed,
        StoreErrorKind::Internal,
    ];

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            StoreErrorKind::Full => "KZ-STORE-FULL",
            StoreErrorKind::ReadOnly => "KZ-STORE-READONLY",
            StoreErrorKind::Corrupt => "KZ-STORE-CORRUPT",
            StoreErrorKind::Busy => "KZ-STORE-BUSY",
            StoreErrorKind::InUse => "KZ-STORE-IN-USE",
            StoreErrorKind::Schema => "KZ-STORE-SCHEMA",
            StoreErrorKind::Insecure => "KZ-STORE-INSECURE",
            StoreErrorKind::Missing => "KZ-STORE-MISSING",
            StoreErrorKind::Io => "KZ-STORE-IO",
            StoreErrorKind::NoSuchIncident => "KZ-INCIDENT-UNKNOWN",
            StoreErrorKind::IncidentClosed => "KZ-INCIDENT-CLOSED",
            StoreErrorKind::Internal => "KZ-STORE-INTERNAL",
        }
    }

    /// What a person can do.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            StoreErrorKind::Full => {
                "free space on this file system; alerts go on, marked as unsaved, until it can write again"
            }
            StoreErrorKind::ReadOnly => {
                "make the directory writable for the account that runs kuzet, or remount the file system"
            }
            StoreErrorKind::Corrupt => {
                "move the file aside and keep it as evidence; kuzet then starts with an empty store and reads the logs again"
            }
            StoreErrorKind::Busy => "another process holds the store; try again, and close sqlite3 shells on it",
            StoreErrorKind::InUse => "one kuzet run a store: stop the other one or give this one its own directory",
            StoreErrorKind::Schema => {
                "an older one: start kuzet run once; a newer one: use the kuzet version that wrote it"
            }
            StoreErrorKind::Insecure => {
                "chmod go-w the directory and the file, and give them to the account that runs kuzet"
            }
            StoreErrorKind::Missing => "start kuzet run first, or name the right directory",
            StoreErrorKind::Io => "look at the kernel log for errors of this disk",
            StoreErrorKind::NoSuchIncident => {
                "kuzet incidents list shows the ids; give more letters if several begin alike"
            }
            StoreErrorKind::IncidentClosed => "a verdict stands; later events open a new incident",
            StoreErrorKind::Internal => "report this with the message; the agent goes on in memory",
        }
    }
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: StoreErrorKind, what: impl Into<String>) -> StoreError {
        StoreError { path: path.to_owned(), what: what.into(), kind }
    }

    /// From an error of the file system.
    pub(super) fn io(path: &Path, error: &std::io::Error) -> StoreError {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => StoreErrorKind::ReadOnly,
            std::io::ErrorKind::NotFound => StoreErrorKind::Missing,
            _ => StoreErrorKind::Io,
        };
        StoreError::new(path, kind, error.to_string())
    }

    /// From an error of SQLite. Its messages name tables and columns, never values.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        /// SQLITE_IOERR_SHMSIZE: no room for the index of the write-ahead log.
        const NO_ROOM_FOR_INDEX: i32 = 10 | 19 << 8;
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure)
                if error.sqlite_error().is_some_and(|code| code.extended_code == NO_ROOM_FOR_INDEX) =>
            {
                StoreErrorKind::Full
            }
            Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreErrorKind::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Busy,
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => StoreErrorKind::Io,
            Some(_) => StoreErrorKind::Internal,
            // What was written as text, number or blob comes back as something else.
            None if unreadable(error) => StoreErrorKind::Corrupt,
            None => StoreErrorKind::Internal,
        };
        StoreError::new(path, kind, error.to_string())
    }
}

fn unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
    )
}
