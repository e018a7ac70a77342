//! What is known of the folders that a walk is in: which files are as they were, and which are gone.

use crate::inspect::Entry;
use crate::store::{Known, Shelves, StoreError};
use crate::worker::Answer;
use kuzet_decode::path_key;
use kuzet_personal::Key;
use rustix::fs::Stat;
use std::collections::HashMap;
use std::path::Path;

/// Folders in folders that are told as gone with the one that they were in.
const DEPTH: usize = 256;

/// What stands as the signature of a folder where another file system begins.
pub(super) const MOUNTED: u64 = 1;

/// Keyed hashes of a folder and of something in it.
pub(super) type Keys = (u128, u128);

/// What is known of one file beside what the walk sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// It was looked at before in this way, its content is the same, and so is who may come to it.
    pub(super) known: bool,
    /// Every account may come to it.
    pub(super) exposed: bool,
    /// It could not be opened the last time either.
    pub(super) closed: bool,
    /// What tells the next time whether it has changed; 0 where it is to be looked at again.
    pub(super) signature: u64,
    /// Of its content and the way it was looked at; 0 where it was not read.
    pub(super) digest: u128,
}

struct Page {
    folder: u128,
    path: String,
    /// What was there and was not met yet.
    left: HashMap<u128, Known>,
    /// Every account may come here.
    open: bool,
    device: u64,
    /// Another file system began here when it was looked at, does not now, and nothing of it was met yet.
    unmounted: bool,
}

/// What is known of something that is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// It is the folder that the walk was in, and has left.
    Left,
    /// It was told before.
    Known,
    /// Nothing.
    New,
}

/// The folders that the walk is in, the deepest last.
pub(super) struct Book<'a> {
    shelves: &'a Shelves,
    key: &'a Key,
    pages: Vec<Page>,
    /// What the worker was asked about: what was known of it, and whether every account may come to it.
    asked: HashMap<u128, (Option<Known>, bool)>,
    /// Of another way to look, what was seen is not known: a later version finds more, other folders have another use.
    way: u64,
    pub(super) fault: Option<StoreError>,
    /// Folders whose file systems are not mounted, as they may be shown.
    pub(super) unmounted: Vec<String>,
}

impl<'a> Book<'a> {
    pub(super) fn new(shelves: &'a Shelves, key: &'a Key, way: u64) -> Book<'a> {
        Book { shelves, key, pages: Vec::new(), asked: HashMap::new(), way, fault: None, unmounted: Vec::new() }
    }

    fn of(&mut self, folder: u128) -> Vec<Known> {
        self.shelves.of(folder).unwrap_or_else(|error| {
            self.fault = Some(error);
            Vec::new()
        })
    }

    /// The walk enters a folder. What is to be told, if anything: whether another file system begins there.
    pub(super) fn enter(&mut self, path: &Path, stat: &Stat) -> Option<bool> {
        let text = path.to_string_lossy().into_owned();
        let folder = path_key(self.key, &text);
        let (known, begins, first) = match self.pages.last_mut() {
            Some(above) => (above.meet(&folder), above.device != stat.st_dev, false),
            None => {
                let above = path.parent().map_or_else(String::new, |above| above.to_string_lossy().into_owned());
                let known = self.of(path_key(self.key, &above)).into_iter().find(|one| one.path == folder);
                (known, path.parent().is_some_and(|above| begins(above, stat)), true)
            }
        };
        let known = known.filter(|known| known.below);
        let began = known.is_some_and(|known| known.signature == MOUNTED);
        let open = stat.st_mode & 0o001 != 0 && self.pages.last().map_or_else(|| comes_to(path), |above| above.open);
        let left = self.of(folder).into_iter().map(|one| (one.path, one)).collect();
        let unmounted = began && !begins;
        self.pages.push(Page { folder, path: text, left, open, device: stat.st_dev, unmounted });
        // The first folder stands in none, and is known for this only.
        let new = known.is_none() && !first || begins && !began;
        new.then_some(begins)
    }

    /// The walk leaves a folder: what is gone from it, with all that was below.
    pub(super) fn leave(&mut self) -> Vec<Keys> {
        let Some(page) = self.pages.pop() else { return Vec::new() };
        // What could not be read is not gone.
        let unmounted = page.unmounted && !page.left.is_empty();
        if unmounted {
            self.unmounted.push(crate::inspect::shown(Path::new(&page.path)));
        }
        let mut waits: Vec<(u128, Known)> = if self.fault.is_some() || unmounted {
            Vec::new()
        } else {
            page.left.into_values().map(|one| (page.folder, one)).collect()
        };
        let (mut gone, mut deep) = (Vec::new(), 0);
        while let Some((folder, one)) = waits.pop() {
            gone.push((folder, one.path));
            if one.below && deep < DEPTH {
                deep += 1;
                waits.extend(self.of(one.path).into_iter().map(|below| (one.path, below)));
            }
        }
        gone.sort_unstable();
        gone
    }

    /// Something cannot be looked at, or the rest of the folder that the walk is in: what is known of it stays.
    pub(super) fn pass_over(&mut self, path: &Path) -> Passed {
        let text = path.to_string_lossy();
        if self.pages.last().is_some_and(|page| page.path == text) {
            self.pages.pop();
            return Passed::Left;
        }
        let known = self.pages.last_mut().and_then(|page| page.meet(&path_key(self.key, &text)));
        if known.is_some() { Passed::Known } else { Passed::New }
    }

    /// Whether a file is to be looked at.
    pub(super) fn is_new(&mut self, name: &Path, stat: &Stat) -> bool {
        let Some(page) = self.pages.last_mut() else { return true };
        let path = path_key(self.key, &format!("{}/{}", page.path.trim_end_matches('/'), name.to_string_lossy()));
        let known = page.meet(&path).filter(|known| !known.below);
        let new = known.is_none_or(|known| known.signature != signature(self.way, stat));
        if new {
            let open = page.open && stat.st_mode & 0o004 != 0;
            self.asked.insert(path, (known, open));
        }
        new
    }

    /// What is known of a file that was looked at; `answer` is nothing where it could not be opened.
    pub(super) fn seen(&mut self, entry: &Entry, answer: Option<&Answer>) -> Seen {
        let path = path_key(self.key, &entry.path().to_string_lossy());
        let (before, exposed) = self.asked.remove(&path).unwrap_or_default();
        let digest = answer.and_then(|answer| answer.digest).map_or(0, |digest| digest ^ u128::from(self.way));
        let same = |before: Known| before.digest == digest && before.exposed == exposed;
        Seen {
            known: digest != 0 && before.is_some_and(same),
            exposed,
            closed: before.is_some_and(|before| before.signature == 0),
            // A right to it may come without a trace in it.
            signature: answer.map_or(0, |_| signature(self.way, &entry.stat)),
            digest,
        }
    }
}

impl Page {
    /// What is known of something in the folder, which is still there.
    fn meet(&mut self, path: &u128) -> Option<Known> {
        let known = self.left.remove(path);
        self.unmounted &= known.is_none();
        known
    }
}

/// Whether another file system begins in the folder of `stat`, which stands in `above`.
fn begins(above: &Path, stat: &Stat) -> bool {
    rustix::fs::stat(above).is_ok_and(|above| above.st_dev != stat.st_dev)
}

/// Whether every account may come to what is in `path`.
fn comes_to(path: &Path) -> bool {
    path.ancestors().skip(1).all(|above| {
        above.as_os_str().is_empty() || rustix::fs::stat(above).is_ok_and(|stat| stat.st_mode & 0o001 != 0)
    })
}

/// What tells without a look inside whether a file has changed.
fn signature(way: u64, stat: &Stat) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for number in [
        way,
        stat.st_dev,
        stat.st_ino,
        stat.st_size.cast_unsigned(),
        stat.st_mtime.cast_unsigned(),
        stat.st_mtime_nsec,
        stat.st_ctime.cast_unsigned(),
        stat.st_ctime_nsec,
    ] {
        hasher.update(&number.to_le_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    // 0 asks for another look.
    u64::from_le_bytes(first).max(1)
}
