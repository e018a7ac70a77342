//! Which folder a handle of the kernel is: inside a watched one, and under which path, or outside.
//!
//! A mark on a file system tells of everything in it. What is outside costs one look here.

use super::record::{Entry, Handle};
use super::syscall;
use lru::LruCache;
use rustix::fs::{Mode, OFlags};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders that are remembered, and folders that are gone.
const KNOWN: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
const GONE: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
/// Longest path of a folder that is remembered.
const PATH: usize = 1_024;
/// Folders above one that is gone which are gone, too.
const DEPTH: usize = 64;
/// What the kernel puts behind the path of what has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// Where something is, by its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// In a watched folder, or one itself.
    Inside(Arc<[u8]>),
    /// Above one.
    Above(Arc<[u8]>),
    Outside,
    /// In a folder that is gone and that nothing is known of yet.
    Gone(Lost),
}

impl Place {
    /// Bytes of its path.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Place::Inside(path) | Place::Above(path) => path.len(),
            Place::Gone(lost) => lost.folder.len() + lost.name.len(),
            Place::Outside => 0,
        }
    }
}

/// A name in a folder that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lost {
    folder: Box<[u8]>,
    name: Box<[u8]>,
}

/// Watched folders and what is known of others.
pub(super) struct Tree {
    folders: Vec<Box<[u8]>>,
    known: LruCache<Box<[u8]>, Place>,
    /// Folders that were removed: in which folder they were, and under which name.
    gone: LruCache<Box<[u8]>, Lost>,
    /// A folder of each marked file system, by the number of that.
    systems: Vec<([u8; 8], PathBuf)>,
    /// The same, open, as long as there is work: nobody can unmount what is held open.
    open: Vec<([u8; 8], OwnedFd)>,
}

fn join(folder: &[u8], name: &[u8]) -> Arc<[u8]> {
    match name {
        b"." => Arc::from(folder),
        _ if folder == b"/" => Arc::from([folder, name].concat()),
        _ => Arc::from([folder, b"/", name].concat()),
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    folder == b"/" || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

impl Tree {
    pub(super) fn new(folders: impl Iterator<Item = PathBuf>) -> Tree {
        Tree {
            folders: folders.map(|path| path.into_os_string().into_vec().into()).collect(),
            known: LruCache::new(KNOWN),
            gone: LruCache::new(GONE),
            systems: Vec::new(),
            open: Vec::new(),
        }
    }

    /// A file system is marked, and `folder` is in it.
    pub(super) fn system(&mut self, folder: &Path) -> rustix::io::Result<()> {
        let known = rustix::fs::statvfs(folder)?.f_fsid;
        // Two numbers of four bytes each, the first one below.
        let half = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0).to_ne_bytes();
        let (low, high) = (half(known), half(known >> 32));
        let system = std::array::from_fn(|at| if at < 4 { low[at] } else { high[at - 4] });
        let one = (system, folder.to_owned());
        if !self.systems.contains(&one) {
            self.systems.push(one);
        }
        self.known.clear();
        self.open.clear();
        Ok(())
    }

    /// Where a path is.
    pub(super) fn place(&self, path: Arc<[u8]>) -> Place {
        if self.folders.iter().any(|folder| is_below(&path, folder)) {
            Place::Inside(path)
        } else if self.folders.iter().any(|folder| is_below(folder, &path)) {
            Place::Above(path)
        } else {
            Place::Outside
        }
    }

    fn child(&self, folder: &Place, name: &[u8]) -> Place {
        match folder {
            Place::Inside(folder) => Place::Inside(join(folder, name)),
            Place::Above(folder) => self.place(join(folder, name)),
            Place::Outside | Place::Gone(_) => Place::Outside,
        }
    }

    /// Where a name in a folder is.
    pub(super) fn find(&mut self, entry: Entry<'_>) -> Place {
        if let Some(folder) = self.known.get(entry.folder.0).cloned() {
            return self.child(&folder, entry.name);
        }
        let Some(path) = self.ask(entry.folder) else {
            return Place::Gone(Lost { folder: entry.folder.0.into(), name: entry.name.into() });
        };
        let folder = self.place(path);
        self.made(entry.folder, &folder);
        self.child(&folder, entry.name)
    }

    /// The path of a name outside; `None`: nobody knows.
    pub(super) fn outside(&mut self, entry: Entry<'_>) -> Option<Arc<[u8]>> {
        Some(join(&self.ask(entry.folder)?, entry.name))
    }

    /// Asks the kernel for the path of a folder: in which way it is inside a watched one, if it is.
    fn ask(&mut self, handle: Handle<'_>) -> Option<Arc<[u8]>> {
        let system = handle.system()?;
        self.open_systems();
        let mut found = None;
        for (_, mount) in self.open.iter().filter(|(one, _)| *one == system) {
            let Some(path) = syscall::open(mount.as_fd(), handle).ok().and_then(|fd| there(&fd)) else { continue };
            let place = self.place(Arc::clone(&path));
            found = Some(path);
            if place != Place::Outside {
                break;
            }
        }
        found
    }

    fn open_systems(&mut self) {
        if self.open.is_empty() {
            let open = |folder: &Path| {
                rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
            };
            self.open = self.systems.iter().filter_map(|(system, folder)| Some((*system, open(folder)?))).collect();
        }
    }

    /// Nothing is looked up for now.
    pub(super) fn rest(&mut self) {
        self.open.clear();
    }

    /// A folder is known, or was made: `own` is its handle.
    pub(super) fn made(&mut self, own: Handle<'_>, place: &Place) {
        if !matches!(place, Place::Gone(_)) && place.bytes() <= PATH {
            self.known.put(own.0.into(), place.clone());
        }
    }

    /// A folder was removed.
    pub(super) fn removed(&mut self, own: Handle<'_>, entry: Entry<'_>) {
        self.gone.put(own.0.into(), Lost { folder: entry.folder.0.into(), name: entry.name.into() });
    }

    /// A folder was renamed: paths below it are others, if they are told at all.
    pub(super) fn renamed(&mut self, old: &Place, new: &Place) {
        if *old != Place::Outside || *new != Place::Outside {
            self.known.clear();
        }
    }

    /// Where a name is whose folder was gone when it was looked for: records since may have told of that folder.
    pub(super) fn recall(&mut self, lost: &Lost) -> Place {
        let (mut names, mut folder) = (vec![&*lost.name], &*lost.folder);
        for _ in 0..DEPTH {
            if let Some(mut place) = self.known.peek(folder).cloned() {
                for name in names.into_iter().rev() {
                    place = self.child(&place, name);
                }
                return place;
            }
            let Some(above) = self.gone.peek(folder) else { break };
            names.push(&above.name);
            folder = &above.folder;
        }
        Place::Gone(lost.clone())
    }
}

/// The path of what is open and there.
pub(super) fn there(fd: &OwnedFd) -> Option<Arc<[u8]>> {
    path_of(fd).filter(|(_, there)| *there).map(|(path, _)| path)
}

/// The path of what is open, also where it had one and was deleted; `true`: it is there.
pub(super) fn path_of(fd: &OwnedFd) -> Option<(Arc<[u8]>, bool)> {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    let path = path.as_os_str().as_bytes();
    let gone = path.strip_suffix(DELETED).filter(|_| rustix::fs::fstat(fd).is_ok_and(|stat| stat.st_nlink == 0));
    (path.first() == Some(&b'/')).then(|| (Arc::from(gone.unwrap_or(path)), gone.is_none()))
}
