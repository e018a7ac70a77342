//! Log files as they grow: which bytes of which file come next, and which are lost.
//!
//! One thread owns a [`Tailer`]: `open`, then `wait` and `read` in turn, then `checkpoints` into the transaction that
//! holds what came of the bytes. The log is the buffer: what has not been read stays in the files.

mod adopt;
mod archive;
mod buffer;
mod direct;
mod follow;
mod group;
mod identity;
mod resume;
mod scan;
pub mod stream;
mod tailer;
mod watch;

pub use direct::{DirectProgress, DirectRead};
pub use tailer::{Tailer, check};
pub use watch::Waker;

use crate::message::Gap;
use kuzet_decode::Chunk;
use kuzet_event::{FileId, SourceId, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One configured set of log files.
#[derive(Clone, Debug)]
pub struct TailSource {
    /// Position in the configuration.
    pub id: SourceId,
    /// Name in the configuration.
    pub name: String,
    /// Paths of logs; `*`, `?`, `[…]` and `**` as in a shell.
    pub patterns: Vec<String>,
    /// PostgreSQL's list of the files it writes now.
    pub current_logfiles: Option<CurrentLogfiles>,
    /// What to do with files that exist when the source is seen for the first time.
    pub start: Start,
}

/// PostgreSQL's `current_logfiles`: lines of `<destination> <path>`, the path absolute or relative to the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentLogfiles {
    /// The file; it stands in the data directory.
    pub path: PathBuf,
    /// Which of its lines to follow.
    pub destination: LogDestination,
}

/// First word of a line of `current_logfiles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDestination {
    /// Plain text behind `log_line_prefix`.
    Stderr,
    /// Comma-separated values.
    Csvlog,
    /// JSON lines.
    Jsonlog,
}

/// Where to begin in a file that exists when its source is seen for the first time. A file that appears later is always
/// read from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Behind its last complete line: what is there is history.
    #[default]
    End,
    /// At its first byte, rotated and compressed predecessors first.
    Beginning,
}

/// Limits and times of a [`Tailer`].
#[derive(Clone, Copy, Debug)]
pub struct TailOptions {
    /// Bytes asked of one read, and the usual size of the one shared buffer.
    pub buffer: usize,
    /// Longest record that is given whole; a longer one is given with [`Edge::Full`](kuzet_decode::Edge::Full).
    pub max_record: usize,
    /// Bytes read of one file before the next has its turn.
    pub turn: usize,
    /// How often sizes are looked at when events of the file system come too.
    pub poll: Duration,
    /// How often sizes are looked at when no events come (watch limit, network file system).
    pub poll_only: Duration,
    /// How often directories are looked through although no event asked for it.
    pub rescan: Duration,
    /// How long without bytes until a last line is given as complete.
    pub quiet: Duration,
    /// How long a rotated or deleted file is read on after its last byte.
    pub linger: Duration,
    /// How long without bytes until a file that a newer one follows under another name is closed.
    pub idle: Duration,
    /// How long wakes are gathered when they come faster than about 500 a second.
    pub gather: Duration,
    /// Most files of one source.
    pub max_files: usize,
    /// `false` never asks the kernel for events.
    pub notify: bool,
}

impl Default for TailOptions {
    fn default() -> TailOptions {
        TailOptions {
            buffer: 256 * 1024,
            max_record: 1024 * 1024,
            turn: 1024 * 1024,
            poll: Duration::from_millis(500),
            poll_only: Duration::from_millis(100),
            rescan: Duration::from_secs(10),
            quiet: Duration::from_millis(50),
            linger: Duration::from_secs(5),
            idle: Duration::from_secs(3600),
            gather: Duration::from_millis(3),
            max_files: 4096,
            notify: true,
        }
    }
}

/// The file a chunk comes from.
#[derive(Clone, Debug)]
pub struct FileInfo {
    /// Source.
    pub source: SourceId,
    /// File; the same through rename, compression and restart.
    pub file: FileId,
    /// Where it is now.
    pub path: Arc<Path>,
    /// Decoder state of the checkpoint it was opened with, empty otherwise. The same in every chunk of the file.
    pub decoder: Arc<[u8]>,
}

/// Who takes the bytes.
pub trait Sink {
    /// Bytes from the first one that was not consumed; returns how many need not be given again.
    fn chunk(&mut self, info: &FileInfo, chunk: Chunk<'_>) -> usize;

    /// Bytes that nobody will see.
    fn gap(&mut self, gap: Gap);

    /// No more of this file will come: its decoder may go. A file that grows all the same begins anew with the empty
    /// decoder state, at the offset where it ended.
    fn finished(&mut self, source: SourceId, file: FileId);

    /// Records that a [`stream`] lost; files tell gaps only.
    fn lost(&mut self, _info: &FileInfo, _offset: u64, _records: u64, _bytes: u64) {}
}

/// What one [`Tailer::read`] or [`Streams::read`](stream::Streams::read) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read from files.
    pub bytes: u64,
    /// Bytes consumed by the sink.
    pub consumed: u64,
    /// There is more to read at once: do not wait.
    pub more: bool,
}

impl Progress {
    /// This and what another did.
    #[must_use]
    pub fn and(self, other: Progress) -> Progress {
        Progress {
            bytes: self.bytes + other.bytes,
            consumed: self.consumed + other.consumed,
            more: self.more || other.more,
        }
    }
}

/// Why [`Tailer::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Files or directories changed, or there is more to read.
    Changed,
    /// A [`Waker`] was used.
    Woken,
    /// The tailer's own time has come: read.
    Timer,
    /// The time that was asked for is over.
    Timeout,
}

/// How a source stands.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// Source.
    pub source: SourceId,
    /// Its name.
    pub name: String,
    /// Events come from the kernel (otherwise sizes are polled only).
    pub notify: bool,
    /// Why not, or what else is wrong: too many files, a directory that cannot be read. Each a sentence.
    pub problems: Vec<String>,
    /// Files being read or waited for.
    pub files: Vec<FileStatus>,
    /// Files known and done with, or older than the first start and never read.
    pub history: usize,
    /// Gaps told since the tailer was opened.
    pub gaps: u64,
}

/// How a file stands.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// File.
    pub file: FileId,
    /// Where it is.
    pub path: Arc<Path>,
    /// Bytes in it when last looked at; of a compressed file, bytes unpacked so far.
    pub size: u64,
    /// Bytes consumed.
    pub offset: u64,
    /// `size - offset`.
    pub lag: u64,
    /// When bytes were last read.
    pub last_read: Option<Timestamp>,
    /// What is done with it.
    pub state: FileState,
    /// Last error, without content of the file.
    pub error: Option<String>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Read as it grows.
    Following,
    /// Rotated or deleted; read to its end.
    Draining,
    /// A compressed predecessor, read to its end.
    Unpacking,
    /// It cannot be opened or read; tried again.
    Unreadable,
    /// Not yet told from a copy of another file, or still empty.
    Waiting,
}

impl FileState {
    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileState::Following => "following",
            FileState::Draining => "draining",
            FileState::Unpacking => "unpacking",
            FileState::Unreadable => "unreadable",
            FileState::Waiting => "waiting",
        }
    }
}

/// Why a [`Tailer`] cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path pattern is not one.
    #[error(
        "source {name}: pattern {pattern:?}: {why} [KZ-SOURCE-PATTERN]; help: patterns are shell globs, \"**\" must stand alone between slashes"
    )]
    Pattern {
        /// Source.
        name: String,
        /// Pattern as configured.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// A source names nothing to follow.
    #[error("source {name}: nothing to follow [KZ-SOURCE-EMPTY]; help: give it a path or current_logfiles")]
    Empty {
        /// Source.
        name: String,
    },
    /// Two sources have one name.
    #[error("two sources are called {name} [KZ-SOURCE-TWICE]; help: checkpoints are kept by name, give each its own")]
    Twice {
        /// Name.
        name: String,
    },
}
