//! The files of this host, where the sensor itself sees others: a service whose view of them is restricted.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The root of the host's first process.
const FIRST: &str = "/proc/1/root";

/// Where the files of the host are reached.
pub(super) struct Root(PathBuf);

impl Root {
    /// That of the first process, where it is another one and may be entered: marks on mounts are on its mounts then, and
    /// what is hidden from this process is not hidden there.
    pub(super) fn find() -> Root {
        let space = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        let other = space("1").zip(space("self")).is_some_and(|(first, own)| first != own);
        let entered = other && std::fs::read_dir(FIRST).is_ok();
        Root(PathBuf::from(if entered { FIRST } else { "/" }))
    }

    /// The list of its mounts.
    pub(super) fn mounts(&self) -> PathBuf {
        let process = if self.0 == Path::new("/") { "self" } else { "1" };
        PathBuf::from(format!("/proc/{process}/mountinfo"))
    }

    /// Where a path of the host is reached.
    pub(super) fn reach(&self, path: &Path) -> PathBuf {
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path of the host that was reached there.
    pub(super) fn plain(&self, path: Arc<[u8]>) -> Arc<[u8]> {
        match path.strip_prefix(FIRST.as_bytes()) {
            Some(rest) if self.0 == Path::new(FIRST) => Arc::from(rest),
            _ => path,
        }
    }

    /// The path of a folder without links; `None`: it is not there.
    pub(super) fn real(&self, folder: &Path) -> Option<PathBuf> {
        let root = rustix::fs::open(&self.0, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let found = rustix::fs::openat2(&root, folder, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        // Kernels before 5.6, and sandboxes, do not know the call.
        let found = found.or_else(|_| rustix::fs::openat(CWD, self.reach(folder), flags, Mode::empty())).ok()?;
        let path = super::tree::there(&found)?;
        Some(PathBuf::from(OsStr::from_bytes(&path)))
    }
}
