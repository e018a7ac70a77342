//! The bounded way of one stream from its own thread to the data thread: whoever can wait waits, whoever cannot counts.

use super::super::watch::Waker;
use super::SensorSight;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest record that is handed on whole; a longer one is lost.
pub const MAX_RECORD: usize = 1024 * 1024;

/// Folders to be looked through that wait: more than a sensor has.
const MAX_FOLDERS: usize = 1024;

/// Records that are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub records: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
}

impl Loss {
    pub(super) fn add(&mut self, other: Loss) {
        self.records = self.records.saturating_add(other.records);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What a sensor did not tell of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UntoldFiles {
    /// How often records were lost, of which nobody knows how many they were.
    pub losses: u64,
    /// Folders that have to be looked through.
    pub folders: BTreeSet<PathBuf>,
}

/// Where the other side stands behind the first `end` bytes of the stream.
pub(super) struct Mark {
    pub(super) end: u64,
    pub(super) position: Box<[u8]>,
}

/// What waits for the data thread.
#[derive(Default)]
pub(super) struct Waiting {
    /// Whole lines.
    pub(super) bytes: Vec<u8>,
    pub(super) marks: VecDeque<Mark>,
    pub(super) lost: Loss,
    /// What is wrong, if that has changed.
    pub(super) problem: Option<Option<String>>,
    /// What a sensor says of itself, if that has changed.
    pub(super) sight: Option<SensorSight>,
    /// What a sensor did not tell of files.
    pub(super) untold: UntoldFiles,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        let told = self.problem.is_some() || self.sight.is_some() || self.untold != UntoldFiles::default();
        self.bytes.is_empty() && self.marks.is_empty() && self.lost == Loss::default() && !told
    }
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// Bytes ever put in.
    given: u64,
    /// Bytes of the marks that wait.
    marked: usize,
    stopped: bool,
    /// Called when the agent stops, by number.
    hooks: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
    next_hook: u64,
    /// Threads that work for this stream.
    running: usize,
}

pub(super) struct Channel {
    state: Mutex<State>,
    /// Room was made, the end has come, or a thread is done.
    changed: Condvar,
    waker: Waker,
    capacity: usize,
}

impl Channel {
    pub(super) fn new(given: u64, capacity: usize, waker: Waker) -> Channel {
        let state = State { given, ..State::default() };
        Channel { state: Mutex::new(state), changed: Condvar::new(), waker, capacity }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits, if anything does. `bytes` are appended to `left`.
    pub(super) fn take(&self, left: &mut Vec<u8>) -> Waiting {
        let mut state = self.lock();
        let mut taken = std::mem::take(&mut state.waiting);
        state.marked = 0;
        drop(state);
        if !taken.bytes.is_empty() {
            self.changed.notify_all();
        }
        if left.is_empty() {
            std::mem::swap(left, &mut taken.bytes);
        } else {
            left.append(&mut taken.bytes);
        }
        taken
    }

    /// Changes what waits and wakes the data thread, once for everything that has come since it last took.
    fn put(&self, mut state: MutexGuard<'_, State>, change: impl FnOnce(&mut State)) {
        let idle = state.waiting.is_empty();
        change(&mut state);
        let wake = idle && !state.waiting.is_empty();
        drop(state);
        if wake {
            self.waker.nudge();
        }
    }

    /// No more is taken: whoever waits for room goes on with `false`.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let hooks = std::mem::take(&mut state.hooks);
        drop(state);
        self.changed.notify_all();
        hooks.into_values().for_each(|hook| hook());
    }

    /// Waits until every thread of this stream is done.
    pub(super) fn join(&self, timeout: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| state.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.running == 0
    }
}

/// The source's end of a stream.
#[derive(Clone)]
pub struct StreamSender {
    channel: Arc<Channel>,
    position: Arc<[u8]>,
}

impl StreamSender {
    pub(super) fn new(channel: Arc<Channel>, position: Arc<[u8]>) -> StreamSender {
        StreamSender { channel, position }
    }

    /// Hands on one record and waits for room. `false`: the agent stops, and so should the source.
    #[must_use]
    pub fn send(&self, record: &[u8]) -> bool {
        self.hand(record, None)
    }

    /// The same for a source that can be asked again: once everything up to this record is durable, the source is told
    /// `position` at its next start ([`position`](Self::position)). An empty record moves the position alone.
    #[must_use]
    pub fn send_at(&self, record: &[u8], position: &[u8]) -> bool {
        self.hand(record, Some(position))
    }

    /// Hands on one record if there is room, and counts it as lost otherwise. `false`: the agent stops.
    #[must_use]
    pub fn offer(&self, record: &[u8]) -> bool {
        self.offer_within(record, self.channel.capacity)
    }

    /// The same for a record that may fill half of the room only, so that it drives out no other.
    #[must_use]
    pub fn offer_aside(&self, record: &[u8]) -> bool {
        self.offer_within(record, self.channel.capacity / 2)
    }

    fn offer_within(&self, record: &[u8], room: usize) -> bool {
        let state = self.channel.lock();
        let stopped = state.stopped;
        self.channel.put(state, |state| {
            if !stopped && fits(state, record, 0, room) {
                push(state, record, None);
            } else {
                state.waiting.lost.add(Loss { records: 1, bytes: record.len() as u64 });
            }
        });
        !stopped
    }

    /// Tells of records that never got here: dropped by the kernel, refused by a limit.
    pub fn lost(&self, records: u64, bytes: u64) {
        self.channel.put(self.channel.lock(), |state| state.waiting.lost.add(Loss { records, bytes }));
    }

    /// Tells what is wrong with the source now, as a sentence without content of records; `None`: nothing.
    pub fn problem(&self, problem: Option<String>) {
        self.channel.put(self.channel.lock(), |state| state.waiting.problem = Some(problem));
    }

    /// Tells what a sensor says of itself.
    pub fn sight(&self, sight: SensorSight) {
        self.channel.put(self.channel.lock(), |state| state.waiting.sight = Some(sight));
    }

    /// Tells that a sensor lost records of files so many times.
    pub fn lost_files(&self, times: u64) {
        self.channel.put(self.channel.lock(), |state| state.waiting.untold.losses += times);
    }

    /// Tells that a folder has to be looked through, since something that was done to its files was not told.
    pub fn rescan(&self, folder: PathBuf) {
        self.channel.put(self.channel.lock(), |state| {
            if state.waiting.untold.folders.len() < MAX_FOLDERS {
                state.waiting.untold.folders.insert(folder);
            }
        });
    }

    /// Where to go on: the position of the last durable record of an earlier run. Empty at the first start.
    #[must_use]
    pub fn position(&self) -> &[u8] {
        &self.position
    }

    /// Whether the agent stops.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.channel.lock().stopped
    }

    /// Lets `time` pass. `false`: the agent stops.
    #[must_use]
    pub fn pause(&self, time: Duration) -> bool {
        let (state, _) = self
            .channel
            .changed
            .wait_timeout_while(self.channel.lock(), time, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stopped
    }

    /// Has `hook` called when the agent stops, at once if it does already: ends a wait for somebody else. Holds as long as
    /// what it gives.
    #[must_use]
    pub fn on_stop(&self, hook: impl FnOnce() + Send + 'static) -> Hook {
        let mut state = self.channel.lock();
        let number = state.next_hook;
        state.next_hook += 1;
        if state.stopped {
            drop(state);
            hook();
        } else {
            state.hooks.insert(number, Box::new(hook));
        }
        Hook { channel: Arc::clone(&self.channel), number }
    }

    fn hand(&self, record: &[u8], position: Option<&[u8]>) -> bool {
        let marks = position.map_or(0, <[u8]>::len);
        let state = self
            .channel
            .changed
            .wait_while(self.channel.lock(), |state| {
                !state.stopped && record.len() <= MAX_RECORD && !fits(state, record, marks, self.channel.capacity)
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return false;
        }
        self.channel.put(state, |state| {
            if record.len() <= MAX_RECORD {
                push(state, record, position);
            } else {
                state.waiting.lost.add(Loss { records: 1, bytes: record.len() as u64 });
            }
        });
        true
    }

    /// Says that a thread works with this sender, until the guard is dropped.
    pub(super) fn working(&self) -> Working {
        self.channel.lock().running += 1;
        Working(Arc::clone(&self.channel))
    }
}

/// Something that is called when the agent stops ([`StreamSender::on_stop`]).
pub struct Hook {
    channel: Arc<Channel>,
    number: u64,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.channel.lock().hooks.remove(&self.number);
    }
}

fn fits(state: &State, record: &[u8], marks: usize, room: usize) -> bool {
    let waiting = state.waiting.bytes.len() + state.marked;
    record.len() <= MAX_RECORD && (waiting == 0 || waiting + record.len() + marks < room)
}

/// A record is a line: a newline inside one is written as syslog servers write it, so that nobody can put a second
/// record into theirs.
fn push(state: &mut State, record: &[u8], position: Option<&[u8]>) {
    let record = record.trim_ascii_end();
    let before = state.waiting.bytes.len();
    for (index, line) in record.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            state.waiting.bytes.extend_from_slice(b"#012");
        }
        state.waiting.bytes.extend_from_slice(line);
    }
    if state.waiting.bytes.len() > before {
        state.waiting.bytes.push(b'\n');
    }
    state.given += (state.waiting.bytes.len() - before) as u64;
    if let Some(position) = position {
        state.marked += position.len();
        state.waiting.marks.push_back(Mark { end: state.given, position: Box::from(position) });
    }
}

/// A thread that works for a stream.
pub(super) struct Working(Arc<Channel>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}
