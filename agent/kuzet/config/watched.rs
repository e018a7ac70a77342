//! Has somebody changed the configuration, and are they done? Files are looked at by name, so that an editor may write
//! them in place or put a new file in their place.

use crate::clock::Clock;
use kuzet_event::Timestamp;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often files are looked at, and how long a file must be left alone before it is read: whoever writes one in place
/// has it half written for a moment.
pub const LOOK: Duration = Duration::from_secs(1);

/// What a look at a file shows; `None` while it is not there.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// The files of a configuration, as they were when it was read.
pub struct Watched {
    files: BTreeMap<PathBuf, Stamp>,
    /// Another state that was seen, to be the same at the next look.
    settling: Option<BTreeMap<PathBuf, Stamp>>,
    clock: Arc<dyn Clock>,
    next: Duration,
}

impl Watched {
    /// Watches `files` as they are now: to be made before they are read, so that no change is missed.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = PathBuf>, clock: Arc<dyn Clock>) -> Watched {
        let files = files.into_iter().map(|path| (path.clone(), stamp(&path))).collect();
        Watched { files, settling: None, next: clock.monotonic() + LOOK, clock }
    }

    /// Watches more files, as they are now.
    pub fn also(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        for path in files {
            self.files.entry(path).or_insert_with_key(|path| stamp(path));
        }
    }

    /// Whether they are still as they were: what was read since is of one moment.
    #[must_use]
    pub fn still(&self) -> bool {
        self.files.iter().all(|(path, before)| stamp(path) == *before)
    }

    /// Whether they were changed and have been left alone since; at most one look a [`LOOK`].
    pub fn changed(&mut self) -> bool {
        let now = self.clock.monotonic();
        if now < self.next {
            return false;
        }
        self.next = now + LOOK;
        let seen: BTreeMap<PathBuf, Stamp> = self.files.keys().map(|path| (path.clone(), stamp(path))).collect();
        if seen == self.files {
            self.settling = None;
            return false;
        }
        let done = self.settling.as_ref() == Some(&seen) || at_rest(&seen, self.clock.wall());
        self.settling = Some(seen);
        done
    }

    /// A change was seen that may not be all of it: look again soon.
    #[must_use]
    pub fn settling(&self) -> bool {
        self.settling.is_some()
    }
}

/// Whether every file is there and was last written some time ago.
fn at_rest(files: &BTreeMap<PathBuf, Stamp>, wall: Timestamp) -> bool {
    let latest = wall.0 - i64::try_from(LOOK.as_micros()).unwrap_or(0);
    files.values().all(|stamp| stamp.is_some_and(|(.., nanoseconds)| nanoseconds / 1000 < latest))
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    // The change of the inode and not only of the content: a file that everybody may write is refused too.
    let time = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    let (written, changed) = (time(meta.mtime(), meta.mtime_nsec()), time(meta.ctime(), meta.ctime_nsec()));
    Some((meta.dev(), meta.ino(), meta.len(), written, changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Manual, System};

    #[test]
    fn a_change_counts_once_it_is_left_alone() {
        let path = std::env::temp_dir().join(format!("kuzet-watched-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let clock = Manual::new(System.wall());
        let watch = || Watched::new([path.clone()], Arc::new(clock.clone()));
        let mut watched = watch();
        std::fs::write(&path, "two, half").unwrap();
        assert!(!watched.changed() && !watched.still(), "it is not time to look");
        clock.advance(LOOK);
        assert!(!watched.changed() && watched.settling(), "it was written a moment ago");
        std::fs::write(&path, "two").unwrap();
        clock.advance(LOOK);
        assert!(watched.changed(), "it was written a second ago");

        let mut watched = watch();
        std::fs::remove_file(&path).unwrap();
        clock.advance(LOOK);
        assert!(!watched.changed() && watched.settling(), "somebody may be about to put another in its place");
        clock.advance(LOOK);
        assert!(watched.changed(), "it stays away");

        let mut watched = watch();
        clock.advance(LOOK);
        assert!(!watched.changed() && !watched.settling());
    }
}
