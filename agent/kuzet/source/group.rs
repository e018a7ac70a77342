//! The files of one source, and what is known about those that are not open.

use super::follow::{Follow, Hand};
use super::identity::{Node, Window, hash};
use super::scan::{Candidate, Scan, scan, series};
use super::{FileInfo, FileState, FileStatus, SourceStatus, TailOptions, TailSource};
use crate::message::{Checkpoint, FileIdentity, Gap, GapReason};
use kuzet_event::{Count, FileId, SourceId, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most looks at directories whose names move until two of them agree.
const LOOKS: usize = 5;

/// Limits and the present moment.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) options: &'a TailOptions,
    /// Monotonic.
    pub(super) now: Duration,
    pub(super) wall: Timestamp,
}

/// How files that nobody knows are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The source is seen for the first time.
    First,
    /// There are checkpoints; files last written before this (nanoseconds since 1970) are history.
    Restart(i128),
    /// They have appeared just now.
    Live,
}

/// A file that is not open: read to its end, or history.
pub(super) struct Known {
    pub(super) identity: FileIdentity,
    pub(super) offset: u64,
    pub(super) tail: u64,
    pub(super) file: FileId,
    /// State of the decoder at `offset`, should the file grow.
    pub(super) decoder: Arc<[u8]>,
    pub(super) path: Arc<Path>,
    /// Size and last write when it was last looked at; nothing before the first look.
    pub(super) seen: Option<(u64, i128)>,
    /// A copy of another file: not a file of its own until it differs.
    pub(super) copy: bool,
    /// Since when (monotonic) no name leads to it.
    pub(super) absent: Option<Duration>,
}

/// A file without bytes yet.
pub(super) struct Waiting {
    pub(super) path: Arc<Path>,
    pub(super) size: u64,
}

/// A path that cannot be read.
pub(super) struct Unreadable {
    pub(super) error: String,
    /// Where to begin when it can.
    pub(super) from: u64,
}

/// The files of one source.
pub(super) struct Group {
    pub(super) config: TailSource,
    /// Oldest first.
    pub(super) follows: Vec<Follow>,
    pub(super) known: BTreeMap<Node, Known>,
    pub(super) waiting: BTreeMap<Node, Waiting>,
    pub(super) unreadable: BTreeMap<PathBuf, Unreadable>,
    /// Checkpoints whose file cannot be looked for at present.
    pub(super) pending: Vec<Checkpoint>,
    /// Checkpoints of files that are not open any more, not yet told.
    pub(super) retired: Vec<Checkpoint>,
    /// Finished files that cannot come back, not yet told.
    pub(super) forgotten: Vec<FileIdentity>,
    /// Not yet told.
    pub(super) gaps: Vec<Gap>,
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) problems: Vec<String>,
    pub(super) told: u64,
}

impl Group {
    pub(super) fn new(config: TailSource) -> Group {
        Group {
            config,
            follows: Vec::new(),
            known: BTreeMap::new(),
            waiting: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            pending: Vec::new(),
            retired: Vec::new(),
            forgotten: Vec::new(),
            gaps: Vec::new(),
            directories: BTreeSet::new(),
            problems: Vec::new(),
            told: 0,
        }
    }

    /// The same in another place of the list of sources.
    pub(super) fn renumbered(mut self, id: SourceId) -> Group {
        self.config.id = id;
        self.follows.iter_mut().for_each(|follow| follow.info.source = id);
        self.gaps.iter_mut().for_each(|gap| gap.source = id);
        self
    }

    pub(super) fn scan(&self, context: Context<'_>) -> Scan {
        let followed = self.follows.iter().map(|follow| &*follow.info.path);
        let pending = self.pending.iter().map(|checkpoint| &*checkpoint.path);
        scan(&self.config, followed.chain(pending), context.options.max_files)
    }

    /// A look on which something may be called gone: files renamed while a directory is listed can be missing from the
    /// list, so that two looks must agree. `false` when no two did.
    pub(super) fn settled(&self, context: Context<'_>) -> (Scan, bool) {
        let mut scan = self.scan(context);
        for _ in 0..LOOKS {
            let next = self.scan(context);
            if next.agrees(&scan) {
                return (next, true);
            }
            scan = next;
        }
        (scan, false)
    }

    pub(super) fn gap(
        &mut self,
        file: FileId,
        path: &Path,
        offset: u64,
        bytes: Count,
        reason: GapReason,
        at: Timestamp,
    ) {
        self.gaps.push(Gap { source: self.config.id, file, path: path.to_path_buf(), offset, bytes, reason, at });
    }

    /// Looks at the directories: follows files to their new names, begins new ones.
    pub(super) fn reconcile(&mut self, context: Context<'_>, mode: Mode) {
        let scan = self.scan(context);
        self.note(&scan, context);
        for follow in &mut self.follows {
            let candidate = scan.candidates.get(&follow.node);
            follow.current = candidate.is_some_and(Candidate::is_current);
            if let Some(candidate) = candidate
                && candidate.path != follow.info.path
            {
                follow.info.path = Arc::clone(&candidate.path);
                follow.dirty = true;
            }
        }
        self.waiting.retain(|node, _| scan.candidates.contains_key(node));
        let mut others: Vec<&Candidate> = scan.candidates.values().collect();
        others.sort_by(|one, other| one.age().cmp(&other.age()));
        let newest = others.iter().rfind(|one| one.is_current()).map(|one| one.node);
        for candidate in others {
            if !self.follows.iter().any(|follow| follow.node == candidate.node)
                && !self.pending.iter().any(|checkpoint| Node::from(&checkpoint.identity) == candidate.node)
            {
                self.consider(candidate, newest == Some(candidate.node), context, mode);
            }
        }
        // What nobody has begun to read stands behind what is being read, by its age when it was found.
        fn age(follow: &Follow) -> Option<&(i128, Reverse<u32>)> {
            (!follow.started).then_some(&follow.found)
        }
        self.follows.sort_by(|one, other| age(one).cmp(&age(other)));
        self.forget(&scan, context);
        let live: Vec<Node> = scan.candidates.values().filter(|one| one.is_current()).map(|one| one.node).collect();
        let last = scan.last_of_series();
        for follow in &mut self.follows {
            let path = &*follow.info.path;
            follow.succeeded = if follow.current {
                series(path).is_some_and(|series| last.get(&series).is_some_and(|last| *last > path))
            } else {
                live.iter().any(|node| *node != follow.node)
            };
            follow.away = (follow.succeeded || !follow.linked).then(|| follow.away.unwrap_or(context.now));
        }
    }

    /// Keeps what a look found wrong; tells each unreadable path once.
    fn note(&mut self, scan: &Scan, context: Context<'_>) {
        self.directories.clone_from(&scan.directories);
        self.problems.clone_from(&scan.problems);
        self.unreadable.retain(|path, _| {
            scan.unreadable.contains_key(path) || scan.candidates.values().any(|one| *one.path == **path)
        });
        for (path, error) in &scan.unreadable {
            self.cannot_read(path, error.clone(), 0, context);
        }
    }

    /// A path cannot be read: a gap when that is new.
    pub(super) fn cannot_read(&mut self, path: &Path, error: String, from: u64, context: Context<'_>) {
        if let Some(entry) = self.unreadable.get_mut(path) {
            entry.error = error;
            return;
        }
        self.unreadable.insert(path.to_path_buf(), Unreadable { error, from });
        let file = FileId(hash(path.as_os_str().as_encoded_bytes()));
        self.gap(file, path, from, Count::Unknown, GapReason::Unreadable, context.wall);
    }

    /// Drops knowledge about finished files that have been gone for long.
    fn forget(&mut self, scan: &Scan, context: Context<'_>) {
        if !scan.unreadable.is_empty() || scan.left_out > 0 {
            return;
        }
        let forgotten = &mut self.forgotten;
        self.known.retain(|node, known| {
            if scan.candidates.contains_key(node) {
                known.absent = None;
                return true;
            }
            let since = *known.absent.get_or_insert(context.now);
            let keep = context.now.saturating_sub(since) < context.options.idle;
            if !keep && !known.copy {
                forgotten.push(known.identity);
            }
            keep
        });
    }

    /// Closes a file: it has been read to its end.
    pub(super) fn finish(&mut self, index: usize, hand: &mut Hand<'_>) {
        let mut follow = self.follows.remove(index);
        follow.end(hand);
        self.retire(&follow, hand.wall);
        self.known.insert(
            follow.node,
            Known {
                identity: follow.identity(),
                offset: follow.consumed,
                tail: follow.window.hash(),
                file: follow.file(),
                decoder: Arc::from([]),
                path: follow.info.path,
                seen: (!matches!(follow.reader, super::follow::Reader::Gzip(_)))
                    .then_some((follow.size, follow.modified)),
                copy: false,
                absent: None,
            },
        );
    }

    /// Tells that a file is finished.
    pub(super) fn retire(&mut self, follow: &Follow, at: Timestamp) {
        self.retired.push(follow.checkpoint(&self.config.name, at, true));
    }

    /// A file of which nothing will be read unless it grows.
    pub(super) fn remember(&mut self, candidate: &Candidate, head: &[u8], offset: u64, tail: &[u8], at: Timestamp) {
        let identity = candidate.node.identity(head);
        let (file, tail) = (file_id(candidate.node, head), Window::new(tail).hash());
        self.retired.push(Checkpoint {
            source: self.config.name.clone(),
            identity,
            path: candidate.path.to_path_buf(),
            offset,
            decoder: Vec::new(),
            file,
            tail,
            at,
            finished: true,
        });
        let seen = Some((candidate.size, candidate.modified));
        let path = Arc::clone(&candidate.path);
        let decoder = Arc::from([]);
        self.known.insert(
            candidate.node,
            Known { identity, offset, tail, file, decoder, path, seen, copy: false, absent: None },
        );
    }

    /// What has moved since this was last asked; the decoder's part is empty.
    pub(super) fn checkpoints(&mut self, at: Timestamp) -> Vec<Checkpoint> {
        let follows = &self.follows;
        self.retired.retain(|old| !follows.iter().any(|follow| follow.node == Node::from(&old.identity)));
        let mut all = std::mem::take(&mut self.retired);
        for follow in &mut self.follows {
            let drained = follow.is_drained();
            if (follow.dirty || drained != follow.drained) && !follow.head.is_empty() {
                (follow.dirty, follow.drained) = (false, drained);
                all.push(follow.checkpoint(&self.config.name, at, drained));
            }
        }
        all
    }

    pub(super) fn info(&self, file: FileId, path: &Arc<Path>, decoder: &[u8]) -> FileInfo {
        FileInfo { source: self.config.id, file, path: Arc::clone(path), decoder: Arc::from(decoder) }
    }

    pub(super) fn status(&self, notify: bool) -> SourceStatus {
        let mut files: Vec<FileStatus> = self.follows.iter().map(follow_status).collect();
        let at_rest = |path: &Path, size: u64, offset: u64, state: FileState, error: Option<String>| FileStatus {
            file: FileId::default(),
            path: Arc::from(path),
            size,
            offset,
            lag: size.saturating_sub(offset),
            last_read: None,
            state,
            error,
        };
        files.extend(self.waiting.values().map(|one| at_rest(&one.path, one.size, 0, FileState::Waiting, None)));
        files.extend(
            self.unreadable
                .iter()
                .map(|(path, one)| at_rest(path, one.from, one.from, FileState::Unreadable, Some(one.error.clone()))),
        );
        SourceStatus {
            source: self.config.id,
            name: self.config.name.clone(),
            notify,
            problems: self.problems.clone(),
            files,
            history: self.known.len(),
            gaps: self.told,
        }
    }
}

fn follow_status(follow: &Follow) -> FileStatus {
    let state = if follow.error.is_some() {
        FileState::Unreadable
    } else if follow.is_packed() {
        FileState::Unpacking
    } else if follow.away.is_some() || follow.copy {
        FileState::Draining
    } else {
        FileState::Following
    };
    FileStatus {
        file: follow.file(),
        path: Arc::clone(&follow.info.path),
        size: follow.size,
        offset: follow.consumed,
        lag: follow.size.saturating_sub(follow.consumed),
        last_read: follow.last_read,
        state,
        error: follow.error.clone(),
    }
}

/// The name of content in evidence.
pub(super) fn file_id(node: Node, head: &[u8]) -> FileId {
    let mut bytes = Vec::with_capacity(16 + head.len());
    bytes.extend_from_slice(&node.device.to_le_bytes());
    bytes.extend_from_slice(&node.inode.to_le_bytes());
    bytes.extend_from_slice(head);
    FileId(hash(&bytes))
}
