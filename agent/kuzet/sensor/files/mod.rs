//! Files: who, with what program, did what to which file of the watched folders.

mod inotify;
mod means;
mod mounts;
mod reader;
mod record;
mod root;
mod round;
mod syscall;
mod tree;

pub(super) use means::Spot;
pub(super) use round::Act;

use crate::clock::Clock;
use reader::Reader;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Deeds that wait to be told, and bytes of their paths. When as many wait nobody reads, and the kernel's queue, which is
/// limited too, fills.
const WAITING: usize = 16_384;
const BYTES: usize = 8 << 20;
/// Longest wait for the proof of a means.
const PATIENCE: Duration = Duration::from_secs(3);

/// What waits to be told.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) acts: Vec<Act>,
    /// How often something was lost, of which nobody knows how much it was.
    pub(super) lost: u64,
    /// Folders that have to be looked through, since something of them was not told.
    pub(super) rescan: BTreeSet<PathBuf>,
    /// How the folders are watched, if that has changed.
    pub(super) spots: Option<Vec<Spot>>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.acts.is_empty() && self.lost == 0 && self.rescan.is_empty() && self.spots.is_none()
    }
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// How the folders are watched, as it was told last.
    told: Vec<Spot>,
    stopped: bool,
}

/// What the thread that reads and the one that tells have in common.
struct Shared {
    state: Mutex<State>,
    taken: Condvar,
    /// Raised when something waits.
    ready: OwnedFd,
    /// Raised when nobody wants to know any more.
    stop: OwnedFd,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits, and raises the flag if it did not wait before.
    fn put(&self, change: impl FnOnce(&mut Batch)) {
        let mut state = self.lock();
        let idle = state.batch.is_empty();
        change(&mut state.batch);
        if idle && !state.batch.is_empty() {
            let _ = rustix::io::write(&self.ready, &1_u64.to_ne_bytes());
        }
    }

    /// Hands over what is ready, and waits until there is room for it.
    fn give(&self, mut ready: Vec<Act>, lost: u64) {
        if ready.is_empty() && lost == 0 {
            return;
        }
        self.put(|batch| {
            batch.acts.append(&mut ready);
            batch.lost += lost;
        });
        let full = |state: &mut State| {
            let waits =
                state.batch.acts.len() >= WAITING || state.batch.acts.iter().map(Act::bytes).sum::<usize>() >= BYTES;
            waits && !state.stopped
        };
        drop(self.taken.wait_while(self.lock(), full));
    }

    fn rescan<'a>(&self, folders: impl Iterator<Item = &'a PathBuf>) {
        self.put(|batch| batch.rescan.extend(folders.cloned()));
    }

    /// Says how the folders are watched, if that has changed.
    fn sight(&self, spots: &[Spot]) {
        let told = std::mem::replace(&mut self.lock().told, spots.to_vec());
        if told != spots {
            self.put(|batch| batch.spots = Some(spots.to_vec()));
        }
    }

    fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    fn pause(&self, time: Duration) {
        let mut stop = [PollFd::new(&self.stop, PollFlags::IN)];
        let _ = poll(&mut stop, Timespec::try_from(time).ok().as_ref());
    }
}

/// Folders that are watched.
pub(super) struct Files {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Files {
    /// Watches `folders`; what the process `agent` does is not told. With no folder there is nothing to watch.
    ///
    /// # Errors
    /// The system has no thread or no descriptor to give.
    pub(super) fn watch(folders: &[PathBuf], agent: Option<u32>, clock: &Arc<dyn Clock>) -> anyhow::Result<Files> {
        let flag = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let shared = Arc::new(Shared { state: Mutex::default(), taken: Condvar::new(), ready: flag()?, stop: flag()? });
        let mut files = Files { shared: Arc::clone(&shared), thread: None };
        if !folders.is_empty() {
            // The means are proven before anything is said.
            let reader = Reader::new(folders.to_vec(), agent, shared, Arc::clone(clock));
            files.thread = Some(std::thread::Builder::new().name("files".to_owned()).spawn(move || reader.run())?);
        }
        Ok(files)
    }

    /// Readable when something waits.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.shared.ready.as_fd()
    }

    /// What waits to be told.
    pub(super) fn take(&self) -> Batch {
        let _ = rustix::io::read(&self.shared.ready, &mut [0_u8; 8]);
        let batch = std::mem::take(&mut self.shared.lock().batch);
        self.shared.taken.notify_all();
        batch
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.taken.notify_all();
        let _ = rustix::io::write(&self.shared.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
