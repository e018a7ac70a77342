//! Content that is not where it was: after a restart, and when a file was cut or written anew.

use super::adopt::{open_head, reader};
use super::archive::Packing;
use super::follow::{Follow, Hand, Reader};
use super::group::{Context, Group, Known, Mode};
use super::identity::{self, Node, Window, hash, matches};
use super::scan::{Candidate, Scan};
use crate::message::{Checkpoint, FileIdentity, GapReason};
use kuzet_event::Count;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Files last written this long before the newest checkpoint are history although nobody knows them; the agent would
/// have seen them.
const SLACK: i128 = 60_000_000_000;

/// Looks in a row for files that are renamed under the reader's hands.
const TRIES: usize = 3;

/// Content found again.
struct Found {
    candidate: Candidate,
    file: File,
    head: Vec<u8>,
}

/// Why a checkpoint's file is not followed.
enum Lost {
    /// Not at present; look again.
    Later,
    /// Its bytes are gone.
    Gone(GapReason),
}

impl Group {
    /// Takes up the checkpoints of this source, then what appeared since.
    pub(super) fn resume(&mut self, checkpoints: &[Checkpoint], context: Context<'_>) {
        let mut since = i128::MIN;
        for checkpoint in checkpoints.iter().filter(|one| one.source == self.config.name) {
            since = since.max(i128::from(checkpoint.at.0) * 1000 - SLACK);
            if checkpoint.finished {
                self.known.insert(Node::from(&checkpoint.identity), Known::from(checkpoint));
            } else {
                self.pending.push(checkpoint.clone());
            }
        }
        if since > i128::from(context.wall.0) * 1000 {
            // The clock went back: it cannot tell what is history.
            since = i128::MIN + 1;
        }
        let mode = if since == i128::MIN { Mode::First } else { Mode::Restart(since) };
        self.retry(context);
        self.reconcile(context, mode);
    }

    /// Looks for the files of pending checkpoints.
    pub(super) fn retry(&mut self, context: Context<'_>) {
        // A file that is renamed between the look and its opening is looked for at once: it must not be called gone.
        for _ in 0..TRIES {
            if self.pending.is_empty() || !self.place(context) {
                return;
            }
        }
    }

    /// One look for the files of pending checkpoints; says whether one moved meanwhile.
    fn place(&mut self, context: Context<'_>) -> bool {
        let (scan, settled) = self.settled(context);
        let pending = std::mem::take(&mut self.pending);
        // Where they were first, so that no copy is taken for an original.
        let (mut elsewhere, mut found, mut moved) = (Vec::new(), Vec::new(), false);
        for checkpoint in pending {
            match self.in_place(&checkpoint, &scan, context) {
                Ok(Some(follow)) => found.push(follow),
                Ok(None) => elsewhere.push(checkpoint),
                Err(error) => {
                    moved |= error.kind() == io::ErrorKind::NotFound;
                    self.pending.push(checkpoint);
                }
            }
        }
        for checkpoint in elsewhere {
            let taken: Vec<Node> = found.iter().map(|follow: &Follow| follow.node).collect();
            match self.elsewhere(&checkpoint, &scan, &taken) {
                Ok(follow) => {
                    self.retired.push(Checkpoint { finished: true, at: context.wall, ..checkpoint });
                    found.push(follow);
                }
                Err(Lost::Gone(_)) if !settled => {
                    moved = true;
                    self.pending.push(checkpoint);
                }
                Err(Lost::Later) => self.pending.push(checkpoint),
                Err(Lost::Gone(reason)) => {
                    let (file, offset) = (checkpoint.file, checkpoint.offset);
                    self.gap(file, &checkpoint.path, offset, Count::Unknown, reason, context.wall);
                    self.retired.push(Checkpoint { finished: true, at: context.wall, ..checkpoint });
                }
            }
        }
        for follow in &mut found {
            follow.last_bytes = context.now;
        }
        let age = |follow: &Follow| scan.candidates.get(&follow.node).map(Candidate::age);
        found.sort_by(|one, other| age(one).cmp(&age(other)));
        self.follows.extend(found);
        moved
    }

    /// The file of a checkpoint under its inode. An error is a file that may be it and cannot be read now.
    fn in_place(&mut self, checkpoint: &Checkpoint, scan: &Scan, context: Context<'_>) -> io::Result<Option<Follow>> {
        let Some(candidate) = scan.candidates.get(&Node::from(&checkpoint.identity)) else { return Ok(None) };
        if candidate.packing == Packing::Other {
            return Ok(None);
        }
        let (file, head) = match open_head(candidate) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(error) => {
                self.cannot_read(&candidate.path, error.to_string(), checkpoint.offset, context);
                return Err(error);
            }
        };
        self.unreadable.remove(&*candidate.path);
        if !matches(&checkpoint.identity, &head) {
            return Ok(None);
        }
        let packed = candidate.packing == Packing::Gzip;
        let mut offset = checkpoint.offset;
        if !packed && candidate.size < offset {
            // Its beginning stands and its end is gone: somebody cut it. What stands was read.
            offset = candidate.size;
            let reason = GapReason::Truncated;
            self.gap(checkpoint.file, &candidate.path, offset, Count::Unknown, reason, context.wall);
        } else if !packed && hash(&identity::tail(&file, offset)?) != checkpoint.tail {
            return Ok(None);
        }
        let found = Found { candidate: candidate.clone(), file, head };
        Ok(Some(self.take_up(checkpoint, found, offset)))
    }

    /// The content of a checkpoint in another file: a copy, or what it was packed into.
    fn elsewhere(&self, checkpoint: &Checkpoint, scan: &Scan, taken: &[Node]) -> Result<Follow, Lost> {
        let wanted = (&checkpoint.identity, checkpoint.offset, checkpoint.tail);
        if let Some(found) = self.find(wanted, scan, taken) {
            let mut follow = self.take_up(checkpoint, found, checkpoint.offset);
            follow.copy = true;
            return Ok(follow);
        }
        if !scan.unreadable.is_empty() || !self.unreadable.is_empty() {
            return Err(Lost::Later);
        }
        let base = checkpoint.path.as_os_str().as_encoded_bytes();
        let packed = scan.candidates.values().any(|one| {
            one.packing == Packing::Other
                && !self.known.contains_key(&one.node)
                && one.path.as_os_str().as_encoded_bytes().starts_with(base)
        });
        let reason = match scan.candidates.get(&Node::from(&checkpoint.identity)) {
            _ if packed => GapReason::Compressed,
            Some(cut) if cut.size < checkpoint.offset => GapReason::Truncated,
            Some(_) if checkpoint.identity.fingerprint_bytes > 0 => GapReason::Rewritten,
            _ => GapReason::Deleted,
        };
        Err(Lost::Gone(reason))
    }

    fn take_up(&self, checkpoint: &Checkpoint, found: Found, offset: u64) -> Follow {
        let Found { candidate, file, head } = found;
        let info = self.info(checkpoint.file, &candidate.path, &checkpoint.decoder);
        let window = match candidate.packing {
            Packing::Plain => Window::new(&identity::tail(&file, offset).unwrap_or_default()),
            _ => Window::new(&[]),
        };
        let reader = reader(&candidate, file);
        let mut follow = Follow::new(info, candidate.node, reader, head, offset, window);
        (follow.current, follow.found) = (candidate.is_current(), candidate.found());
        follow.expected = (follow.is_packed() && offset > 0).then_some(checkpoint.tail);
        follow
    }

    /// Content by its beginning and by what stands before an offset, in a file that is not read already.
    fn find(&self, (identity, offset, tail): (&FileIdentity, u64, u64), scan: &Scan, taken: &[Node]) -> Option<Found> {
        let mut candidates: Vec<&Candidate> = scan
            .candidates
            .values()
            .filter(|one| one.node != Node::from(identity) && one.packing != Packing::Other && one.size > 0)
            .filter(|one| !taken.contains(&one.node) && !self.follows.iter().any(|follow| follow.node == one.node))
            .collect();
        // Plain files first, the youngest first.
        candidates.sort_by(|one, other| {
            (one.packing == Packing::Gzip).cmp(&(other.packing == Packing::Gzip)).then(other.age().cmp(&one.age()))
        });
        candidates.into_iter().find_map(|candidate| {
            let (file, head) = open_head(candidate).ok()?;
            let same = matches(identity, &head)
                && (candidate.packing == Packing::Gzip
                    || candidate.size >= offset
                        && identity::tail(&file, offset).is_ok_and(|there| hash(&there) == tail));
            same.then(|| Found { candidate: candidate.clone(), file, head })
        })
    }

    /// The file of a follow does not hold its content any more: goes on in a copy, or tells what is lost. Whatever the
    /// file holds now is found as new.
    pub(super) fn displaced(&mut self, index: usize, cut: bool, hand: &mut Hand<'_>, context: Context<'_>) {
        let (scan, _) = self.settled(context);
        let (identity, edge) = (self.follows[index].identity(), self.follows[index].edge().hash());
        let wanted = (&identity, self.follows[index].read, edge);
        if let Some(found) = self.find(wanted, &scan, &[]) {
            let follow = &mut self.follows[index];
            let old = follow.checkpoint(&self.config.name, context.wall, true);
            self.retired.push(old);
            self.known.remove(&found.candidate.node);
            follow.move_to(found.candidate, found.file, found.head);
            self.begin_again(Node::from(&identity), context);
            return;
        }
        if self.has_shorter_copy(&identity, &scan) {
            let follow = self.follows.remove(index);
            self.end_displaced(follow, None, hand, context);
        } else if cut && self.follows[index].keeps_beginning() {
            let (file, path) = (self.follows[index].file(), Arc::clone(&self.follows[index].info.path));
            self.follows[index].cut(hand);
            let offset = self.follows[index].read;
            self.gap(file, &path, offset, Count::Unknown, GapReason::Truncated, context.wall);
            return;
        } else {
            let follow = self.follows.remove(index);
            let reason = if cut { GapReason::Truncated } else { GapReason::Rewritten };
            self.end_displaced(follow, Some(reason), hand, context);
        }
        self.begin_again(Node::from(&identity), context);
    }

    fn end_displaced(
        &mut self,
        mut follow: Follow,
        lost: Option<GapReason>,
        hand: &mut Hand<'_>,
        context: Context<'_>,
    ) {
        follow.end(hand);
        if let Some(reason) = lost {
            let path: Arc<Path> = Arc::clone(&follow.info.path);
            self.gap(follow.file(), &path, follow.consumed, Count::Unknown, reason, context.wall);
        }
        self.retire(&follow, context.wall);
    }

    fn begin_again(&mut self, node: Node, context: Context<'_>) {
        self.known.remove(&node);
        self.reconcile(context, Mode::Live);
    }

    /// A copy that was made before the last bytes were read.
    fn has_shorter_copy(&self, identity: &FileIdentity, scan: &Scan) -> bool {
        scan.candidates
            .values()
            .filter(|one| one.node != Node::from(identity) && one.packing == Packing::Plain && one.rotated)
            .any(|one| open_head(one).is_ok_and(|(_, head)| matches(identity, &head)))
    }
}

impl Follow {
    /// Its content goes on in another file, which is complete.
    fn move_to(&mut self, candidate: Candidate, file: File, head: Vec<u8>) {
        if candidate.packing == Packing::Gzip {
            // The stream is read from its start; what was read and not consumed comes again.
            self.rewind();
        }
        self.node = candidate.node;
        self.reader = reader(&candidate, file);
        self.current = candidate.is_current();
        self.info.path = candidate.path;
        self.head = head;
        self.copy = true;
        self.dirty = true;
        self.at_end = false;
        self.changed.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Whether a file that became shorter still begins as it did.
    fn keeps_beginning(&self) -> bool {
        let Reader::Plain(file) = &self.reader else { return false };
        identity::head(file).is_ok_and(|head| !head.is_empty() && head.starts_with(&self.head))
    }

    /// Goes on at the end of a file whose end was cut off.
    fn cut(&mut self, hand: &mut Hand<'_>) {
        self.end(hand);
        let Reader::Plain(file) = &self.reader else { return };
        self.window = Window::new(&identity::tail(file, self.size).unwrap_or_default());
        (self.read, self.consumed, self.dirty, self.quiet_given) = (self.size, self.size, true, true);
    }
}

impl From<&Checkpoint> for Known {
    fn from(checkpoint: &Checkpoint) -> Known {
        Known {
            identity: checkpoint.identity,
            offset: checkpoint.offset,
            tail: checkpoint.tail,
            file: checkpoint.file,
            decoder: Arc::from(checkpoint.decoder.as_slice()),
            path: Arc::from(checkpoint.path.as_path()),
            seen: None,
            copy: false,
            absent: None,
        }
    }
}
