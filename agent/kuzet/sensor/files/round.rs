//! Records of one process and one file within a moment become one line, or as many as were different deeds.

use super::tree::{Place, Tree};
use crate::sensor::host::Acting;
use kuzet_event::Deed;
use libc::{FAN_ATTRIB, FAN_CLOSE_NOWRITE, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_MODIFY, FAN_OPEN};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How long records gather, in nanoseconds, and when a name is gone: what its folder is called is soon forgotten.
const ROUND: u64 = 250_000_000;
const SHORT: u64 = 50_000_000;
/// What was opened so long ago and neither written nor closed is read.
const OPEN: u64 = 1_000_000_000;
/// A file that was closed by a writer has changed if it did within so many seconds.
const RECENT: i64 = 2;
/// Beside `FAN_CREATE`: the file was there, and got one more name.
pub(super) const LINKED: u64 = 1 << 63;
/// Files of which records gather, and bytes of their paths: whoever makes long ones fills no memory.
const MOST: usize = 16_384;
const BYTES: usize = 8 << 20;

/// Something that was done to a file.
#[derive(Clone, Debug)]
pub(in crate::sensor) struct Act {
    /// Nanoseconds since boot.
    pub(in crate::sensor) at: u64,
    /// Number of the process; 0: not known.
    pub(in crate::sensor) pid: u32,
    /// The process as /proc had it then; `None`: it was gone already.
    pub(in crate::sensor) who: Option<Arc<Acting>>,
    pub(in crate::sensor) deed: Deed,
    pub(in crate::sensor) path: Arc<[u8]>,
    pub(in crate::sensor) to: Option<Arc<[u8]>>,
    pub(in crate::sensor) folder: bool,
    /// Its size afterwards, where it is still there.
    pub(in crate::sensor) bytes: Option<u64>,
}

impl Act {
    /// Bytes of its paths.
    pub(super) fn bytes(&self) -> usize {
        self.path.len() + self.to.as_ref().map_or(0, |to| to.len())
    }
}

/// Who did something, and when.
#[derive(Clone, Debug)]
pub(super) struct By {
    pub(super) at: u64,
    pub(super) pid: u32,
    pub(super) who: Option<Arc<Acting>>,
}

struct Pending {
    by: By,
    mask: u64,
    folder: bool,
}

/// What gathers.
pub(super) struct Round {
    pending: HashMap<(u32, Place), Pending>,
    /// What can be told as soon as it is known where it was.
    strays: Vec<(Place, Act)>,
    due: Option<u64>,
    /// What is told at the end of the round.
    ready: Vec<Act>,
    /// Deeds in folders that are gone and that nothing is known of.
    pub(super) lost: u64,
    /// Bytes of the paths of all this.
    bytes: usize,
    /// Where files of this host are reached.
    root: PathBuf,
}

impl Round {
    pub(super) fn new(root: PathBuf) -> Round {
        Round { pending: HashMap::new(), strays: Vec::new(), due: None, ready: Vec::new(), lost: 0, bytes: 0, root }
    }

    /// When the present round ends.
    pub(super) fn due(&self) -> Option<u64> {
        self.due
    }

    /// One more record: `mask` is what it tells, one or more deeds of one process at one file.
    pub(super) fn add(&mut self, by: By, place: Place, mask: u64, folder: bool) {
        let deleted = mask & FAN_DELETE != 0;
        let mask =
            mask & (LINKED | FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_CREATE | FAN_ATTRIB);
        self.ends(by.at + if deleted { SHORT } else { ROUND });
        if mask != 0 {
            let key = (by.pid, place.clone());
            self.bytes += place.bytes();
            let pending = self.pending.entry(key).or_insert_with(|| Pending { by: by.clone(), mask: 0, folder });
            pending.mask |= mask;
        }
        if deleted {
            self.close(by.pid, &place);
            self.tell(by, place, Deed::Delete, None, folder, None);
        }
    }

    /// Whether no more can gather.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() + self.ready.len() >= MOST || self.bytes >= BYTES
    }

    fn ends(&mut self, at: u64) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// A file has another name.
    pub(super) fn rename(&mut self, by: By, place: Place, to: Option<Arc<[u8]>>, folder: bool) {
        self.ends(by.at + SHORT);
        self.close(by.pid, &place);
        let bytes = to.as_ref().and_then(|to| self.look(to)).filter(|_| !folder).map(|meta| meta.len());
        self.tell(by, place, Deed::Rename, to, folder, bytes);
    }

    /// A file system was mounted.
    pub(super) fn mounted(&mut self, at: u64, path: Arc<[u8]>) {
        self.ends(at);
        self.tell(By { at, pid: 0, who: None }, Place::Inside(path), Deed::Mount, None, true, None);
    }

    fn look(&self, path: &[u8]) -> Option<Metadata> {
        let path = Path::new(OsStr::from_bytes(path));
        std::fs::symlink_metadata(self.root.join(path.strip_prefix("/").unwrap_or(path))).ok()
    }

    fn tell(&mut self, by: By, place: Place, deed: Deed, to: Option<Arc<[u8]>>, folder: bool, bytes: Option<u64>) {
        let By { at, pid, who } = by;
        self.bytes += place.bytes() + to.as_ref().map_or(0, |to| to.len());
        let act = |path| Act { at, pid, who, deed, path, to, folder, bytes };
        match place {
            Place::Inside(path) | Place::Above(path) => self.ready.push(act(path)),
            Place::Gone(_) if self.strays.len() < MOST => self.strays.push((place, act(Arc::from(&b""[..])))),
            Place::Gone(_) => self.lost += 1,
            Place::Outside => {}
        }
    }

    /// Ends what gathers of one file.
    fn close(&mut self, pid: u32, place: &Place) {
        let key = (pid, place.clone());
        if let Some(pending) = self.pending.remove(&key) {
            self.told(key.1, pending, 0);
        }
    }

    /// Ends the round if its time has come, `now` since boot and `wall` in seconds since 1970: gives what there is to be
    /// told, in its order. `None`: it goes on.
    pub(super) fn settle(&mut self, tree: &mut Tree, now: u64, wall: i64) -> Option<Vec<Act>> {
        let full = self.is_full();
        if !full && self.due.is_none_or(|due| due > now) {
            return None;
        }
        // A file that is open and nothing more may yet be written.
        let waits = |pending: &Pending| pending.mask == FAN_OPEN && !full && now.saturating_sub(pending.by.at) < OPEN;
        let ended: Vec<_> = self.pending.extract_if(|_, pending| !waits(pending)).collect();
        for ((_, place), pending) in ended {
            self.told(place, pending, wall);
        }
        for (place, mut act) in std::mem::take(&mut self.strays) {
            match if let Place::Gone(lost) = &place { tree.recall(lost) } else { place } {
                Place::Inside(path) => {
                    act.path = path;
                    self.ready.push(act);
                }
                Place::Gone(_) => self.lost += 1,
                Place::Above(_) | Place::Outside => {}
            }
        }
        self.due = self.pending.values().map(|pending| pending.by.at + OPEN).min().map(|due| due.max(now + SHORT));
        self.bytes = self.pending.keys().map(|(_, place)| place.bytes()).sum();
        self.ready.sort_by_key(|act| act.at);
        Some(std::mem::take(&mut self.ready))
    }

    /// Tells what was done to one file.
    fn told(&mut self, place: Place, pending: Pending, wall: i64) {
        let Pending { by, mask, folder } = pending;
        let meta = match &place {
            Place::Inside(path) => self.look(path),
            // Its folder is gone, and so is it.
            Place::Gone(_) => None,
            Place::Above(_) | Place::Outside => return,
        };
        let has = |bits: u64| mask & bits != 0;
        let linked = meta.as_ref().is_some_and(|meta| meta.nlink() > 1);
        let recent = meta.as_ref().is_none_or(|meta| wall.saturating_sub(meta.mtime()) <= RECENT);
        let wrote = has(FAN_MODIFY) || has(FAN_CLOSE_WRITE) && recent;
        let bytes = meta.filter(|_| !folder).map(|meta| meta.len());
        let made = match (has(FAN_CREATE), wrote) {
            // Who makes a file opens it; who gives it one more name does not.
            (true, _) if (linked || has(LINKED)) && !folder && !has(FAN_OPEN) => Some(Deed::Link),
            (true, _) => Some(Deed::Create),
            (false, true) => Some(Deed::Write),
            (false, false) => None,
        };
        // A writer opens a file, too: whoever closed it as a reader, or changed nothing, has read it.
        let read = has(FAN_OPEN) && !has(FAN_CREATE) && (has(FAN_CLOSE_NOWRITE) || !wrote);
        let attributes = has(FAN_ATTRIB) && made.is_none();
        let deeds = [read.then_some(Deed::Read), made, attributes.then_some(Deed::Attributes)];
        for deed in deeds.into_iter().flatten() {
            self.tell(by.clone(), place.clone(), deed, None, folder, bytes);
        }
    }
}
