//! Events of the file system, gathered, and the handle with which other threads wake the tailer.

use crate::clock::Clock;
use notify::event::{AccessKind, EventKind, Flag, MetadataKind, ModifyKind};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes a [`Tailer`](super::Tailer) that waits; for signals and the API.
#[derive(Clone)]
pub struct Waker(Arc<Signal>);

impl Waker {
    /// Ends the tailer's present or next wait.
    pub fn wake(&self) {
        self.0.raise(|flags| flags.woken = true);
    }

    /// The same because there is something to read.
    pub(super) fn nudge(&self) {
        self.0.raise(|flags| flags.data = true);
    }
}

#[derive(Default)]
struct Signal {
    flags: Mutex<Flags>,
    raised: Condvar,
}

/// What has happened since the tailer last looked.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// A file that is followed has changed.
    pub(super) data: bool,
    /// Directories have changed, or events were lost.
    pub(super) rescan: bool,
    /// Events were lost: look at everything.
    pub(super) lost: bool,
    /// The waker was used.
    pub(super) woken: bool,
}

impl Flags {
    fn any(self) -> bool {
        self.data || self.rescan || self.lost || self.woken
    }
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, Flags> {
        self.flags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, set: impl FnOnce(&mut Flags)) {
        let mut flags = self.lock();
        let before = flags.any();
        set(&mut flags);
        if !before && flags.any() {
            self.raised.notify_one();
        }
    }
}

/// Paths whose changes matter. Flags to set for one that is followed; none for one that is known and at rest, waiting
/// or unreadable: directories are looked through.
type Interests = HashMap<PathBuf, Vec<Arc<AtomicBool>>>;

/// Kernel events of the directories of all sources.
pub(super) struct Watch {
    signal: Arc<Signal>,
    interests: Arc<Mutex<Interests>>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Why there are no events for some or all directories.
    pub(super) problem: Option<String>,
}

impl Watch {
    pub(super) fn new(events: bool, gather: Duration, clock: Arc<dyn Clock>) -> Watch {
        let signal = Arc::new(Signal::default());
        let interests = Arc::new(Mutex::new(Interests::new()));
        let (mut watcher, mut problem) = (None, None);
        if events {
            let handler = Handler {
                signal: Arc::clone(&signal),
                interests: Arc::clone(&interests),
                rate: Rate::new(gather),
                clock,
            };
            match RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false)) {
                Ok(made) => watcher = Some(made),
                Err(error) => problem = Some(format!("no events from the kernel, polling: {error}")),
            }
        } else {
            problem = Some("no events from the kernel asked for, polling".to_owned());
        }
        Watch { signal, interests, watcher, watched: BTreeSet::new(), problem }
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.signal))
    }

    /// Whether `directory` gives events.
    pub(super) fn covers(&self, directory: &Path) -> bool {
        self.watched.contains(directory)
    }

    /// Watches exactly `directories`.
    pub(super) fn directories(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(directories) {
            // A directory that was deleted has lost its watch already.
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|directory| directories.contains(directory));
        let mut problem = None;
        for directory in directories {
            if self.watched.contains(directory) {
                continue;
            }
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(directory.clone());
                }
                Err(error) => {
                    let why = match error.kind {
                        ErrorKind::MaxFilesWatch => "the limit fs.inotify.max_user_watches is reached".to_owned(),
                        _ => error.to_string(),
                    };
                    problem = Some(format!("{}: no events, polling: {why}", directory.display()));
                }
            }
        }
        self.problem = problem;
    }

    /// Forgets a directory that was removed, so that it is watched again when it comes back.
    pub(super) fn forget(&mut self, directory: &Path) {
        if self.watched.remove(directory)
            && let Some(watcher) = &mut self.watcher
        {
            let _ = watcher.unwatch(directory);
        }
    }

    pub(super) fn interests(&self, all: Interests) {
        *self.interests.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Takes what has happened; waits for it at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Flags {
        let flags = self.signal.lock();
        let (mut flags, _) = self
            .signal
            .raised
            .wait_timeout_while(flags, timeout, |flags| !flags.any())
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *flags)
    }
}

/// Runs on the watcher's thread.
struct Handler {
    signal: Arc<Signal>,
    interests: Arc<Mutex<Interests>>,
    rate: Rate,
    clock: Arc<dyn Clock>,
}

impl notify::EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<notify::Event>) {
        // While this thread sleeps, the kernel folds equal events of its queue into one. The event that it sleeps on is
        // raised behind the sleep, together with those: one wake of the reader for all.
        if let Some(pause) = self.rate.pause(self.clock.monotonic()) {
            std::thread::sleep(pause);
            self.rate.slept(self.clock.monotonic());
        }
        match event {
            Ok(event) if event.attrs.flag() != Some(Flag::Rescan) => self.event(&event),
            _ => self.signal.raise(|flags| (flags.lost, flags.rescan) = (true, true)),
        }
    }
}

impl Handler {
    fn event(&self, event: &notify::Event) {
        let by_interest = match event.kind {
            // What the tailer itself causes, and ends of writes that were seen as writes.
            EventKind::Access(AccessKind::Open(_) | AccessKind::Close(_) | AccessKind::Read) => return,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(MetadataKind::Any)) => true,
            _ => false,
        };
        if !by_interest {
            self.signal.raise(|flags| flags.rescan = true);
            return;
        }
        let interests = self.interests.lock().unwrap_or_else(PoisonError::into_inner);
        for path in &event.paths {
            let Some(followed) = interests.get(path) else { continue };
            for changed in followed {
                changed.store(true, Ordering::Release);
            }
            self.signal.raise(|flags| if followed.is_empty() { flags.rescan = true } else { flags.data = true });
        }
    }
}

/// Decides when events come so fast that gathering them costs less than it delays.
///
/// Hot above about 500 calls a second, cool again below about 190. When hot, one pause for every batch: calls that
/// follow each other at once come from one read of the kernel's queue and are let through, up to a bound.
struct Rate {
    gather: Duration,
    window: Duration,
    calls: u32,
    hot: bool,
    last: Duration,
    passed: u32,
}

impl Rate {
    const WINDOW: Duration = Duration::from_millis(16);
    const HOT: u32 = 8;
    const COOL: u32 = 3;
    const SAME_BATCH: Duration = Duration::from_micros(50);
    const BATCH: u32 = 64;

    fn new(gather: Duration) -> Rate {
        Rate { gather, window: Duration::ZERO, calls: 0, hot: false, last: Duration::ZERO, passed: 0 }
    }

    fn pause(&mut self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.window);
        if passed >= Rate::WINDOW {
            let quiet = passed >= Rate::WINDOW * 2;
            self.hot = !quiet && (self.calls >= Rate::HOT || self.hot && self.calls >= Rate::COOL);
            (self.window, self.calls) = (now, 0);
        }
        self.calls += 1;
        self.hot |= self.calls >= Rate::HOT;
        let same_batch = now.saturating_sub(self.last) < Rate::SAME_BATCH;
        self.last = now;
        if !self.hot || self.gather.is_zero() {
            return None;
        }
        self.passed = if same_batch { self.passed + 1 } else { 0 };
        if same_batch && self.passed < Rate::BATCH {
            return None;
        }
        self.passed = 0;
        Some(self.gather)
    }

    fn slept(&mut self, now: Duration) {
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses that a stream of events, `every` apart, is given in one second.
    fn pauses(every: Duration) -> u32 {
        let mut rate = Rate::new(Duration::from_millis(3));
        let (mut now, mut pauses) = (Duration::from_secs(1), 0);
        while now < Duration::from_secs(2) {
            if let Some(pause) = rate.pause(now) {
                pauses += 1;
                now += pause;
                rate.slept(now);
            }
            now += every;
        }
        pauses
    }

    #[test]
    fn slow_events_are_let_through_and_fast_ones_gathered() {
        assert_eq!(pauses(Duration::from_millis(10)), 0);
        assert_eq!(pauses(Duration::from_millis(4)), 0);
        assert!(pauses(Duration::from_micros(100)) > 250);
        assert!(pauses(Duration::from_micros(100)) < 350);
        assert!(pauses(Duration::from_micros(5)) > 100);
    }
}
