//! The three calls of fanotify that no safe crate offers, and the descriptors that it hands out.
//!
//! The only file of the shell with `unsafe`. Each use is a call into the kernel with memory that outlives it, or a
//! descriptor that the kernel has just given this process.
#![allow(unsafe_code, reason = "calls into the kernel without a safe wrapper in any crate; proofs at each use")]

use super::record::{self, Handle, Record};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Longest handle of the kernel (MAX_HANDLE_SZ).
const HANDLE: usize = 128;

/// A group: marks, and the records of what they saw.
pub(super) struct Group(OwnedFd);

/// What came of a call.
fn outcome(result: i64) -> Result<i32, Errno> {
    match i32::try_from(result) {
        Ok(fd) if fd >= 0 => Ok(fd),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

impl Group {
    /// A group whose records are told with `flags`, and whose descriptors, where it hands out any, can be read.
    ///
    /// # Errors
    /// The kernel gives none: no right to, or it does not know a flag.
    pub(super) fn open(flags: u32) -> Result<Group, Errno> {
        let flags = flags | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK;
        let events = (libc::O_RDONLY | libc::O_LARGEFILE | libc::O_CLOEXEC).unsigned_abs();
        // SAFETY: two numbers go in and a number comes out.
        let fd = outcome(i64::from(unsafe { libc::fanotify_init(flags, events) }))?;
        // SAFETY: the kernel has just opened it for this process, and nobody else knows its number.
        Ok(Group(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds a mark, or takes one away, as `flags` say, for what `path` names.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub(super) fn mark(&self, flags: u32, mask: u64, path: &Path) -> Result<(), Errno> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)?;
        // SAFETY: `path` ends with a zero and lives until the call is done, which keeps no pointer to it.
        let result = unsafe { libc::fanotify_mark(self.0.as_raw_fd(), flags, mask, libc::AT_FDCWD, path.as_ptr()) };
        outcome(i64::from(result)).map(drop)
    }

    /// Reads records into `buffer` and gives each to `take`, with the descriptor that came with it. `false`: none wait.
    ///
    /// # Errors
    /// The kernel gives none any more.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        mut take: impl FnMut(Record<'_>, Option<OwnedFd>),
    ) -> Result<bool, Errno> {
        let read = match rustix::io::read(&self.0, &mut *buffer) {
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => return Ok(true),
            read => read?,
        };
        for record in record::records(buffer.get(..read).unwrap_or_default()) {
            let fd = (record.fd >= 0).then(|| {
                // SAFETY: these bytes come from a read of a fanotify group, for which the kernel opened this descriptor
                // in this process; each record is met once, so that each descriptor has one owner.
                unsafe { OwnedFd::from_raw_fd(record.fd) }
            });
            take(record, fd);
        }
        Ok(read > 0)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The kernel's `struct file_handle` with room for the longest one.
#[repr(C, align(8))]
struct FileHandle {
    bytes: u32,
    kind: i32,
    handle: [u8; HANDLE],
}

/// Opens what `handle` names, as a place only; `mount` is any directory of its file system.
///
/// # Errors
/// `STALE`: it is gone.
pub(super) fn open(mount: BorrowedFd<'_>, handle: Handle<'_>) -> Result<OwnedFd, Errno> {
    let (kind, bytes) = handle.parts().ok_or(Errno::INVAL)?;
    let mut asked = FileHandle { bytes: 0, kind, handle: [0; HANDLE] };
    asked.handle.get_mut(..bytes.len()).ok_or(Errno::INVAL)?.copy_from_slice(bytes);
    asked.bytes = u32::try_from(bytes.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: `asked` is laid out as the kernel's structure, holds as many bytes as it says, and lives until the call is
    // done, which keeps no pointer to it.
    let fd = outcome(unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            mount.as_raw_fd(),
            (&raw mut asked).cast::<libc::c_void>(),
            libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW,
        )
    })?;
    // SAFETY: the kernel has just opened it for this process, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
