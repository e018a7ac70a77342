//! What the rooms of the shell hand to each other; `pipeline.rs` alone knows both ends.

use kuzet_event::{Count, FileId, FilePath, Holding, SourceId, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How far one file of one source has been handled. Stored in the same transaction as what came of the bytes before it.
///
/// A later checkpoint of the same source, device and inode replaces the earlier one (its fingerprint may differ: it
/// grows with a short file, and another file may have got the inode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the source in the configuration.
    pub source: String,
    /// The file.
    pub identity: FileIdentity,
    /// Where it was last seen.
    pub path: PathBuf,
    /// Bytes handled.
    pub offset: u64,
    /// What the decoder needs to go on at `offset`.
    pub decoder: Vec<u8>,
    /// The file's name in evidence; stays the same through rename, compression and restart.
    pub file: FileId,
    /// Hash of the last min(64, `offset`) bytes before `offset`: tells a file that was cut and grew again.
    pub tail: u64,
    /// When the tailer made it: a file that nobody knows and that was last written before this is history.
    pub at: Timestamp,
    /// Nothing of the file is outstanding: it is finished, or rotated away and read to its end. If it is gone, nothing is
    /// lost with it; if it grows, it is read on. The row is kept until its identity cannot come back, then dropped.
    pub finished: bool,
}

impl Checkpoint {
    /// Whether it is that of a stream and not of a file.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.identity == FileIdentity::STREAM
    }
}

/// What makes a file the same file after a rename, and another after its inode was used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Hash of the first `fingerprint_bytes` bytes.
    pub fingerprint: u64,
    /// Bytes hashed, at most 1,024; grows while the file is shorter than that.
    pub fingerprint_bytes: u32,
}

impl FileIdentity {
    /// In the place of a file where there is none: the one stream of a source.
    pub const STREAM: FileIdentity =
        FileIdentity { device: u64::MAX, inode: u64::MAX, fingerprint: 0, fingerprint_bytes: 0 };
}

/// Bytes or a file that could not be read: data, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Source.
    pub source: SourceId,
    /// File.
    pub file: FileId,
    /// Where the file was.
    pub path: PathBuf,
    /// First byte lost.
    pub offset: u64,
    /// Bytes lost, as far as known.
    pub bytes: Count,
    /// Why.
    pub reason: GapReason,
    /// When the agent saw it.
    pub at: Timestamp,
}

/// Why bytes were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapReason {
    /// The file became shorter before its end was read (copytruncate, tampering).
    Truncated,
    /// The file was deleted or replaced before its end was read.
    Deleted,
    /// The file's first bytes are no longer those that were read: it was edited or replaced in place.
    Rewritten,
    /// The agent may not read it.
    Unreadable,
    /// A compressed predecessor is in a format that cannot be opened, or is damaged.
    Compressed,
    /// Records came faster than they could be taken, or were refused by a limit.
    Dropped,
}

impl GapReason {
    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GapReason::Truncated => "truncated",
            GapReason::Deleted => "deleted",
            GapReason::Rewritten => "rewritten",
            GapReason::Unreadable => "unreadable",
            GapReason::Compressed => "compressed",
            GapReason::Dropped => "dropped",
        }
    }
}

/// What an inspection told of one file or folder, for the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
    /// Which.
    pub path: FilePath,
    /// It is a folder.
    pub folder: bool,
    /// What it holds; `None` of a file: it is gone.
    pub holding: Option<Arc<Holding>>,
    /// When it was looked at.
    pub at: Timestamp,
}

/// What is known of the files of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Files that were looked at, or could not be opened.
    pub files: u64,
    /// Those that hold personal data.
    pub personal: u64,
    /// Distinct people whose data that is, at least.
    pub people: u64,
    /// Images of identity documents.
    pub documents: u64,
    /// Files with personal data that every account may read.
    pub exposed: u64,
    /// Files that were not wholly inspected, by every reason there is.
    pub missed: BTreeMap<&'static str, u64>,
}

/// Where records go; the wiring makes it of a stream.
pub trait Outlet {
    /// Hands on one record. `false`: the agent stops.
    fn send(&self, record: &[u8]) -> bool;
    /// Tells what is wrong now.
    fn problem(&self, problem: Option<String>);
    /// Lets time pass. `false`: the agent stops.
    fn pause(&self, time: Duration) -> bool;
}
