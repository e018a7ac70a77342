//! Where the right to anything better is missing: what inotify tells of a folder. It knows no process.

use libc::{FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_MODIFY};
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, Flag, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Events that wait to be taken.
const MOST: usize = 16_384;

/// What inotify told.
pub(super) struct Told {
    pub(super) path: Arc<[u8]>,
    /// `FAN_…`, as for the other means; of a renamed file nothing.
    pub(super) mask: u64,
    pub(super) folder: bool,
    pub(super) to: Option<Arc<[u8]>>,
}

#[derive(Default)]
struct Waiting {
    told: Vec<Told>,
    lost: u64,
}

/// Watches folders with everything below them.
pub(super) struct Inotify {
    watcher: RecommendedWatcher,
    waiting: Arc<Mutex<Waiting>>,
    /// Raised when something waits.
    raised: Arc<OwnedFd>,
}

impl Inotify {
    pub(super) fn open() -> anyhow::Result<Inotify> {
        let raised = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        let (put, raise) = (Arc::clone(&waiting), Arc::clone(&raised));
        let handler = move |event: notify::Result<Event>| {
            let mut waiting = put.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Ok(event) if event.flag() != Some(Flag::Rescan) => match told(&event) {
                    Some(_) if waiting.told.len() >= MOST => waiting.lost += 1,
                    Some(told) => waiting.told.push(told),
                    None => return,
                },
                Ok(_) | Err(_) => waiting.lost += 1,
            }
            let _ = rustix::io::write(&raise, &1_u64.to_ne_bytes());
        };
        let watcher = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false))?;
        Ok(Inotify { watcher, waiting, raised })
    }

    /// Watches `folder` and everything below it.
    pub(super) fn watch(&mut self, folder: &Path) -> anyhow::Result<()> {
        Ok(self.watcher.watch(folder, RecursiveMode::Recursive)?)
    }

    pub(super) fn unwatch(&mut self, folder: &Path) {
        let _ = self.watcher.unwatch(folder);
    }

    /// Readable when something waits.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.raised.as_fd()
    }

    /// What waits, and how much was lost.
    pub(super) fn take(&self) -> (Vec<Told>, u64) {
        let _ = rustix::io::read(&self.raised, &mut [0_u8; 8]);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.told), std::mem::take(&mut waiting.lost))
    }
}

/// What is worth telling: who reads is not among it, since this process cannot be told from others.
fn told(event: &Event) -> Option<Told> {
    let folder = matches!(event.kind, EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder));
    let mut paths = event.paths.iter().map(|path| Arc::from(path.as_os_str().as_bytes()));
    let (path, second) = (paths.next()?, paths.next());
    let (mask, to) = match event.kind {
        EventKind::Create(_) => (FAN_CREATE, None),
        // One that came from elsewhere, or went there, has one name here; of others both are told together.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => (0, Some(second?)),
        EventKind::Modify(ModifyKind::Data(_)) => (FAN_MODIFY, None),
        EventKind::Modify(ModifyKind::Metadata(_)) => (FAN_ATTRIB, None),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => (FAN_CLOSE_WRITE, None),
        EventKind::Remove(_) => (FAN_DELETE, None),
        _ => return None,
    };
    Some(Told { path, mask, folder, to })
}
