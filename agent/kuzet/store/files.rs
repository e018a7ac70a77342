//! The store's directory and files: who may touch them, who holds them, and the space kept for a full disk.

use super::{StoreError, StoreErrorKind};
use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database file.
pub(super) const DATABASE: &str = "kuzet.db";
/// Space kept for a full disk.
const RESERVE: u64 = 4 * 1024 * 1024;

/// Makes the directory (0700) and the database file (0600) if need be, and refuses what others could write.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf, StoreError> {
    if !dir.exists() {
        let made = DirBuilder::new().mode(0o700).recursive(true).create(dir);
        made.map_err(|error| match StoreError::io(dir, &error) {
            // A parent that is no directory or takes no entries: the caller cannot write there.
            error if error.kind == StoreErrorKind::Missing => StoreError { kind: StoreErrorKind::ReadOnly, ..error },
            error => error,
        })?;
    }
    check(dir)?;
    let file = dir.join(DATABASE);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check(&file)?;
            OpenOptions::new().write(true).open(&file).map_err(|error| StoreError::io(&file, &error))?;
            let mode = std::fs::metadata(&file).map_err(|error| StoreError::io(&file, &error))?.mode();
            if mode & 0o077 != 0 {
                std::fs::set_permissions(&file, Permissions::from_mode(0o600))
                    .map_err(|error| StoreError::io(&file, &error))?;
            }
        }
        Err(error) => return Err(StoreError::io(&file, &error)),
    }
    Ok(file)
}

/// Makes an empty file (0600) in place of what stands there.
pub(super) fn make_empty(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop),
    }
}

/// Refuses what others may write, or what belongs to somebody else.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let meta = std::fs::metadata(path).map_err(|error| StoreError::io(path, &error))?;
    let (mode, owner) = (meta.mode() & 0o7777, meta.uid());
    let me = rustix::process::geteuid().as_raw();
    if mode & 0o002 != 0 {
        return Err(StoreError::new(path, StoreErrorKind::Insecure, format!("anybody may write it (mode {mode:04o})")));
    }
    if owner != me && owner != 0 && me != 0 {
        return Err(StoreError::new(
            path,
            StoreErrorKind::Insecure,
            format!("it belongs to another account ({owner})"),
        ));
    }
    Ok(())
}

/// Takes the lock that makes this the only agent of the store. Held as long as the file is open.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| StoreError::io(&path, &error))?;
    // An agent that is just being replaced, or a child between fork and exec, holds it for a moment.
    for _ in 0..25 {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(StoreError::io(&path, &error.into())),
        }
    }
    Err(StoreError::new(dir, StoreErrorKind::InUse, "another agent holds the lock"))
}

/// Whether an agent holds the lock of the store in `dir`.
#[must_use]
pub fn in_use(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("lock")) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// A file of 4 MiB that is given up when the disk is full, so that the store can write once more.
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    pub(super) fn new(dir: &Path) -> Reserve {
        let path = dir.join("reserve");
        let held = std::fs::metadata(&path).is_ok_and(|meta| meta.len() >= RESERVE);
        let mut reserve = Reserve { path, held };
        reserve.keep();
        reserve
    }

    /// Whether the space is held now.
    pub(super) fn held(&self) -> bool {
        self.held
    }

    /// Takes the space, if it is not held; leaves nothing behind when there is none.
    pub(super) fn keep(&mut self) {
        if self.held {
            return;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path);
        let kept = file.is_ok_and(|file| fallocate(&file, FallocateFlags::empty(), 0, RESERVE).is_ok());
        if !kept {
            let _ = std::fs::remove_file(&self.path);
        }
        self.held = kept;
    }

    /// Gives the space up; true when there was some.
    pub(super) fn give(&mut self) -> bool {
        self.held = false;
        std::fs::remove_file(&self.path).is_ok()
    }
}
