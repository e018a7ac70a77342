//! Opening a file to look inside: regular files only, never waiting, leaving no trace.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Longest end of a name that is of use.
const LONGEST: usize = 8;

/// A file that is open for reading.
pub struct Opened {
    /// Its descriptor.
    pub file: OwnedFd,
    /// What the kernel tells of it.
    pub stat: Stat,
}

impl Opened {
    /// Its size.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }
}

/// Opens a file that a person named; a link to it will do.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open(path: &Path) -> io::Result<Opened> {
    let cwd = rustix::fs::CWD;
    // Asked before it is opened: to open a device may do something.
    regular(&rustix::fs::statat(cwd, path, AtFlags::empty())?)?;
    open_at(cwd, path, OFlags::empty())
}

/// Opens a file of `folder` that is known to be regular; `more` flags may forbid links.
pub(super) fn open_at(folder: impl AsFd, name: impl rustix::path::Arg + Copy, more: OFlags) -> io::Result<Opened> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let open = |flags| rustix::fs::openat(&folder, name, flags, Mode::empty());
    // Only the owner may read without a trace in the time of access.
    let file = match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        other => other,
    }?;
    let stat = rustix::fs::fstat(&file)?;
    regular(&stat)?;
    Ok(Opened { file, stat })
}

fn regular(stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file")),
    }
}

/// What the name ends with, in lower case; nothing where that is no usual end.
#[must_use]
pub fn extension(path: &Path) -> String {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    if end.len() <= LONGEST && end.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        end.to_ascii_lowercase()
    } else {
        String::new()
    }
}
