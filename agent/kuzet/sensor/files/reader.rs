//! The thread that reads what the kernel tells of files: at once, since short commands are gone soon, and with pauses in
//! which the kernel makes one record of many.

use super::inotify::Inotify;
use super::means::{Own, Spot};
use super::mounts::Mounts;
use super::record::{Entry, Handle, Record};
use super::round::{By, LINKED, Round};
use super::syscall::Group;
use super::tree::{Place, Tree, path_of};
use super::{Shared, root::Root};
use crate::clock::Clock;
use crate::sensor::{boot_nanos, host, until};
use host::Acting;
use libc::{FAN_ATTRIB, FAN_CREATE, FAN_DELETE, FAN_ONDIR, FAN_Q_OVERFLOW, FAN_RENAME};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of records that are read at once: some hundreds.
const BUFFER: usize = 128 << 10;
/// So many of those before the rest of the work is done.
const TURNS: usize = 32;
/// Between two looks at what waits. The kernel merges meanwhile: who writes a file in small pieces is one record.
const PAUSE: Duration = Duration::from_millis(5);
/// How often it is seen to that folders which were not there are.
const RETRY: u64 = 10_000_000_000;
/// What changes a folder.
const LASTING: u64 = FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB;
/// Files that are remembered for the next record of them.
const COUNTED: usize = 16;
/// Processes that are remembered within a round.
const PROCESSES: usize = 4_096;

/// The state of the thread.
pub(super) struct Reader {
    pub(super) root: Root,
    pub(super) clock: Arc<dyn Clock>,
    /// Groups with marks on file systems and on mounts.
    pub(super) systems: Option<Group>,
    pub(super) mounted: Option<Group>,
    pub(super) inotify: Option<Inotify>,
    pub(super) tree: Tree,
    /// While a means is proven: what came out.
    pub(super) own: Option<Own>,
    /// Files that the sensor made itself.
    pub(super) markers: Vec<Box<[u8]>>,
    /// Processes of this agent that are known by their number.
    silent: [u32; 2],
    shared: Arc<Shared>,
    mounts: Mounts,
    /// The list of mounts has changed.
    remounted: bool,
    folders: Vec<PathBuf>,
    spots: Vec<Spot>,
    round: Round,
    /// Files of which the number of names changed, by whom: who gives a file one more name changes that first.
    counted: VecDeque<(u32, Box<[u8]>)>,
    /// Processes of this round.
    seen: HashMap<u32, Option<Arc<Acting>>>,
    buffer: Vec<u8>,
    next_try: u64,
    /// When the last record was taken.
    at: u64,
}

impl Reader {
    /// Begins to watch `folders`. What `agent` and this process do is not told.
    pub(super) fn new(folders: Vec<PathBuf>, agent: Option<u32>, shared: Arc<Shared>, clock: Arc<dyn Clock>) -> Reader {
        let root = Root::find();
        let folders: Vec<PathBuf> = folders.into_iter().map(|folder| root.real(&folder).unwrap_or(folder)).collect();
        let mut reader = Reader {
            clock,
            systems: None,
            mounted: None,
            inotify: None,
            tree: Tree::new(folders.iter().cloned()),
            own: None,
            markers: Vec::new(),
            silent: [std::process::id(), agent.unwrap_or(std::process::id())],
            shared,
            mounts: Mounts::open(&root.mounts()),
            remounted: false,
            round: Round::new(root.reach(std::path::Path::new("/"))),
            root,
            folders,
            spots: Vec::new(),
            counted: VecDeque::new(),
            seen: HashMap::new(),
            buffer: vec![0; BUFFER],
            next_try: 0,
            at: 0,
        };
        reader.begin();
        reader
    }

    /// Watches every folder that is not watched yet, and everything that is mounted inside.
    fn begin(&mut self) {
        self.next_try = boot_nanos() + RETRY;
        let inside = self.mounts.all().map(|mount| mount.path.clone());
        let inside =
            inside.filter(|path| matches!(self.tree.place(path.as_os_str().as_bytes().into()), Place::Inside(_)));
        let mut wanted: Vec<PathBuf> = self.folders.iter().cloned().chain(inside).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let watched = |path: &PathBuf| self.spots.iter().any(|spot| spot.folder == *path && spot.means.is_some());
        wanted.retain(|path| !watched(path));
        for path in wanted {
            let spot = self.spot(path);
            match self.spots.iter_mut().find(|old| old.folder == spot.folder) {
                Some(old) => *old = spot,
                None => self.spots.push(spot),
            }
        }
        self.shared.sight(&self.spots);
    }

    /// Reads until nobody wants to know any more.
    pub(super) fn run(mut self) {
        while !self.shared.is_stopped() {
            let due = [self.round.due(), self.is_missing().then_some(self.next_try)];
            self.wait(until(due));
            let more = self.read();
            self.look_at_mounts();
            if self.is_missing() && boot_nanos() >= self.next_try {
                self.begin();
            }
            let wall = self.clock.wall().0 / 1_000_000;
            if let Some(told) = self.round.settle(&mut self.tree, boot_nanos(), wall) {
                self.seen.clear();
                self.shared.give(told, std::mem::take(&mut self.round.lost));
            }
            self.tree.rest();
            if !more {
                self.shared.pause(PAUSE);
            }
        }
    }

    fn is_missing(&self) -> bool {
        self.spots.iter().any(|spot| spot.means.is_none())
    }

    /// Waits until something is told, at most for `time`.
    pub(super) fn wait(&mut self, time: Duration) {
        let mut list = vec![PollFd::new(&self.shared.stop, PollFlags::IN)];
        list.extend(
            self.systems
                .iter()
                .chain(&self.mounted)
                .map(|group| PollFd::from_borrowed_fd(group.as_fd(), PollFlags::IN)),
        );
        list.extend(self.inotify.iter().map(|inotify| PollFd::from_borrowed_fd(inotify.fd(), PollFlags::IN)));
        let mounts = list.len();
        list.extend(self.mounts.poll());
        // An interrupted wait is a short one.
        let _ = poll(&mut list, Timespec::try_from(time).ok().as_ref());
        // The kernel says it once.
        self.remounted |= list.get(mounts).is_some_and(|mounts| !mounts.revents().is_empty());
    }

    /// Takes what waits, a number of records at once; `true`: more do.
    pub(super) fn read(&mut self) -> bool {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut more = false;
        for which in [0, 1] {
            let place = |reader: &mut Reader| if which == 0 { reader.systems.take() } else { reader.mounted.take() };
            let Some(group) = place(self) else { continue };
            let mut turns = 0;
            while turns < TURNS
                // A proof has its end in time.
                && (!self.round.is_full() || self.own.is_some())
                && group.read(&mut buffer, |record, fd| {
                    // The kernel tells no time, but the order.
                    self.at = boot_nanos().max(self.at + 1);
                    self.take(self.at, &record, fd);
                }) == Ok(true)
            {
                turns += 1;
            }
            more |= turns == TURNS || self.round.is_full();
            *(if which == 0 { &mut self.systems } else { &mut self.mounted }) = Some(group);
        }
        self.buffer = buffer;
        let (told, lost) = self.inotify.as_ref().map(Inotify::take).unwrap_or_default();
        if lost > 0 {
            self.overflow(lost);
        }
        told.into_iter().for_each(|told| self.heard(told));
        more
    }

    /// Nobody read in time, and nobody knows what it was.
    fn overflow(&mut self, lost: u64) {
        self.shared.give(Vec::new(), lost);
        self.shared.rescan(self.folders.iter());
    }

    fn take(&mut self, at: u64, record: &Record<'_>, fd: Option<OwnedFd>) {
        if record.mask & FAN_Q_OVERFLOW != 0 {
            return self.overflow(1);
        }
        if self.silent.contains(&record.pid) && (self.own.is_none() || record.pid != self.silent[0]) {
            return;
        }
        // Where the kernel gives open files it does not say which are folders.
        let is_folder =
            |fd: &OwnedFd| rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        let folder = record.mask & FAN_ONDIR != 0 || fd.as_ref().is_some_and(is_folder);
        if let (Some(old), Some(new)) = (record.old, record.new) {
            return self.renamed(at, record.pid, (old, new), folder);
        }
        let own = record.pid == self.silent[0];
        // Every look into a folder opens and closes it.
        if folder && record.mask & LASTING == 0 && !own {
            return;
        }
        let place = match (&fd, record.place) {
            (Some(fd), _) => match path_of(fd) {
                Some((path, _)) => self.tree.place(path),
                None => return,
            },
            (None, Some(entry)) => self.tree.find(entry),
            (None, None) => return self.count(record),
        };
        if let (true, Some(file), Some(entry)) = (folder, record.file, record.place) {
            if record.mask & FAN_CREATE != 0 {
                self.tree.made(file, &place);
            }
            if record.mask & FAN_DELETE != 0 {
                self.tree.removed(file, entry);
            }
        }
        if let Some(proof) = self.own.as_mut().filter(|_| own) {
            if let Place::Inside(path) = &place {
                proof.saw(path, record.mask);
            }
            return;
        }
        if matches!(place, Place::Inside(_) | Place::Gone(_)) {
            let by = self.by(at, record.pid);
            let is_linked =
                |file: &Handle<'_>| self.counted.iter().any(|(pid, one)| *pid == record.pid && **one == *file.0);
            let linked = record.mask & FAN_CREATE != 0 && record.file.as_ref().is_some_and(is_linked);
            self.round.add(by, place, record.mask | if linked { LINKED } else { 0 }, folder);
        }
    }

    /// A record of a file without a name: another number of names.
    fn count(&mut self, record: &Record<'_>) {
        if let Some(file) = record.file.filter(|_| record.mask & FAN_ATTRIB != 0) {
            if self.counted.len() >= COUNTED {
                self.counted.pop_front();
            }
            self.counted.push_back((record.pid, file.0.into()));
        }
    }

    fn renamed(&mut self, at: u64, pid: u32, (old, new): (Entry<'_>, Entry<'_>), folder: bool) {
        let (from, to) = (self.tree.find(old), self.tree.find(new));
        if folder {
            self.tree.renamed(&from, &to);
        }
        if let Some(own) = self.own.as_mut().filter(|_| pid == self.silent[0]) {
            return own.renamed(&from, &to);
        }
        let is_told = |place: &Place| match place {
            Place::Inside(_) | Place::Gone(_) => true,
            // A folder above a watched one.
            Place::Above(_) => folder,
            Place::Outside => false,
        };
        if !is_told(&from) && !is_told(&to) {
            return;
        }
        let by = self.by(at, pid);
        let unknown = || Arc::from(&b"?"[..]);
        let path = |tree: &mut Tree, place: Place, entry| match place {
            Place::Inside(path) | Place::Above(path) => Some(path),
            Place::Outside => tree.outside(entry),
            Place::Gone(lost) => match tree.recall(&lost) {
                Place::Inside(path) => Some(path),
                _ => None,
            },
        };
        let (to, from) = (path(&mut self.tree, to, new), path(&mut self.tree, from, old));
        if from.is_none() && to.is_none() {
            self.round.lost += 1;
            return;
        }
        self.round.rename(by, Place::Inside(from.unwrap_or_else(unknown)), to, folder);
    }

    fn heard(&mut self, told: super::inotify::Told) {
        let at = boot_nanos();
        let super::inotify::Told { path, mask, folder, to } = told;
        let (place, to) = (self.tree.place(self.root.plain(path)), to.map(|to| self.root.plain(to)));
        if let Some(own) = &mut self.own {
            match (&place, &to) {
                (from, Some(to)) => own.renamed(from, &Place::Inside(Arc::clone(to))),
                (Place::Inside(path), None) => own.saw(path, mask),
                _ => {}
            }
        }
        // No other process can know these names before they are gone.
        let is_marker = |path: &[u8]| self.markers.iter().any(|marker| **marker == *path);
        if matches!(&place, Place::Inside(path) if !is_marker(path)) {
            let by = By { at, pid: 0, who: None };
            match to {
                Some(to) => self.round.rename(by, place, Some(to), folder),
                None => self.round.add(by, place, mask, folder),
            }
        }
    }

    /// The process with this number, as it is now.
    fn by(&mut self, at: u64, pid: u32) -> By {
        if self.seen.len() >= PROCESSES {
            self.seen.clear();
        }
        let who =
            if pid == 0 { &None } else { self.seen.entry(pid).or_insert_with(|| host::acting(pid).map(Arc::new)) };
        By { at, pid, who: who.clone() }
    }

    /// What was mounted inside a watched folder, or above one, is told, and watched if it is inside.
    fn look_at_mounts(&mut self) {
        if !std::mem::take(&mut self.remounted) {
            return;
        }
        let (new, gone) = self.mounts.changed();
        // Of what is not there any more nothing is watched, and what was below it has no means yet.
        let folders = &self.folders;
        self.spots.retain(|spot| folders.contains(&spot.folder) || !gone.iter().any(|mount| mount.path == spot.folder));
        let mut concerned = !gone.is_empty();
        for spot in self.spots.iter_mut().filter(|spot| gone.iter().any(|mount| spot.folder.starts_with(&mount.path))) {
            spot.means = None;
        }
        for mount in new {
            let path: Arc<[u8]> = Arc::from(mount.path.as_os_str().as_bytes());
            let place = self.tree.place(Arc::clone(&path));
            if place == Place::Outside {
                continue;
            }
            concerned = true;
            // What was there is hidden, and its means says nothing of what is there now.
            for spot in self.spots.iter_mut().filter(|spot| spot.folder.starts_with(&mount.path)) {
                spot.means = None;
            }
            self.round.mounted(boot_nanos(), path);
            let hidden = if matches!(place, Place::Inside(_)) {
                vec![mount.path]
            } else {
                self.folders.iter().filter(|folder| folder.starts_with(&mount.path)).cloned().collect()
            };
            self.shared.rescan(hidden.iter());
        }
        if concerned {
            self.begin();
        }
    }
}
