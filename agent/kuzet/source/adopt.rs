//! What to do with a file that is not open: nothing, wait, read it from its beginning, or go on where it was left.

use super::Start;
use super::archive::{Packing, Unpacker};
use super::follow::{Follow, Reader, open};
use super::group::{Context, Group, Known, Mode, Waiting, file_id};
use super::identity::{self, TAIL, Window, hash, matches, related};
use super::scan::Candidate;
use crate::message::GapReason;
use kuzet_event::Count;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What content that nobody reads is.
enum Kinship {
    /// Of its own.
    New,
    /// A copy of content that is read or known, as far as it goes.
    Copy,
    /// What a file was packed into that had been read to its end.
    Packed,
    /// A copy of content that was read up to an offset, with more behind it.
    Rest(Box<Known>),
}

impl Group {
    /// Decides about one file that is not open.
    pub(super) fn consider(&mut self, candidate: &Candidate, newest: bool, context: Context<'_>, mode: Mode) {
        if self.is_known(candidate, context) {
            return;
        }
        let history = match mode {
            Mode::First => self.config.start == Start::End,
            Mode::Restart(since) => candidate.modified < since,
            Mode::Live => false,
        };
        if candidate.packing == Packing::Other {
            self.consider_unreadable_archive(candidate, history, context);
            return;
        }
        if candidate.size == 0 {
            if candidate.matched {
                self.waiting.insert(candidate.node, Waiting { path: Arc::clone(&candidate.path), size: 0 });
            }
            return;
        }
        let (file, head) = match open_head(candidate) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                self.cannot_open(candidate, &error, history, context);
                return;
            }
        };
        self.waiting.remove(&candidate.node);
        let from = self.unreadable.remove(&*candidate.path).map_or(0, |entry| entry.from);
        if head.is_empty() {
            let waiting = Waiting { path: Arc::clone(&candidate.path), size: candidate.size };
            self.waiting.insert(candidate.node, waiting);
            return;
        }
        if history || from > 0 {
            let recent = context.wall.0.saturating_sub(i64::try_from(candidate.modified / 1000).unwrap_or(0));
            let recent = recent < i64::try_from(context.options.idle.as_micros()).unwrap_or(i64::MAX);
            let size = if from > 0 { from.min(candidate.size) } else { candidate.size };
            let followed = newest || recent && candidate.matched && mode == Mode::First || from > 0;
            self.begin_at_end(candidate, file, head, size, followed, context);
            return;
        }
        match self.kinship(candidate, &file, &head) {
            Kinship::Copy => self.remember_copy(candidate, &head),
            Kinship::Packed => self.remember(candidate, &head, 0, &[], context.wall),
            Kinship::Rest(known) => self.go_on(candidate, file, head, &known, context),
            Kinship::New => {
                let info = self.info(file_id(candidate.node, &head), &candidate.path, &[]);
                let reader = reader(candidate, file);
                let mut follow = Follow::new(info, candidate.node, reader, head, 0, Window::new(&[]));
                (follow.current, follow.found) = (candidate.is_current(), candidate.found());
                follow.last_bytes = context.now;
                self.follows.push(follow);
            }
        }
    }

    /// Whether a file is known and needs nothing; one that has grown since is opened again.
    fn is_known(&mut self, candidate: &Candidate, context: Context<'_>) -> bool {
        let Some(known) = self.known.get_mut(&candidate.node) else { return false };
        let now = Some((candidate.size, candidate.modified));
        let same = known.seen == now
            || known.seen.is_none()
                && match candidate.packing {
                    Packing::Plain => false,
                    Packing::Gzip => open_head(candidate).is_ok_and(|(_, head)| matches(&known.identity, &head)),
                    Packing::Other => true,
                };
        if same {
            known.path = Arc::clone(&candidate.path);
            known.seen = now;
            return true;
        }
        if known.copy || candidate.packing != Packing::Plain {
            self.known.remove(&candidate.node);
            return false;
        }
        if candidate.size == 0 {
            (known.seen, known.path) = (now, Arc::clone(&candidate.path));
            // Cut to nothing, or a new file on the inode of one that is gone: its first bytes will tell.
            if candidate.matched {
                self.waiting.insert(candidate.node, Waiting { path: Arc::clone(&candidate.path), size: 0 });
            }
            return true;
        }
        // What cannot be opened is told where unknown files are.
        let Ok((file, head)) = open_head(candidate) else { return false };
        if !matches(&known.identity, &head) {
            self.known.remove(&candidate.node);
            return false;
        }
        self.waiting.remove(&candidate.node);
        known.seen = now;
        if candidate.size <= known.offset {
            return true;
        }
        match identity::tail(&file, known.offset) {
            Ok(tail) if hash(&tail) == known.tail => {
                if let Some(known) = self.known.remove(&candidate.node) {
                    self.go_on(candidate, file, head, &known, context);
                }
                true
            }
            _ => {
                self.known.remove(&candidate.node);
                false
            }
        }
    }

    /// Reads on in content that was finished or that stands elsewhere now.
    fn go_on(&mut self, candidate: &Candidate, file: File, head: Vec<u8>, known: &Known, context: Context<'_>) {
        let window = Window::new(&identity::tail(&file, known.offset).unwrap_or_default());
        let info = self.info(known.file, &candidate.path, &known.decoder);
        let mut follow = Follow::new(info, candidate.node, Reader::Plain(file), head, known.offset, window);
        (follow.current, follow.found) = (candidate.is_current(), candidate.found());
        follow.last_bytes = context.now;
        self.follows.push(follow);
    }

    fn remember_copy(&mut self, candidate: &Candidate, head: &[u8]) {
        self.known.insert(
            candidate.node,
            Known {
                identity: candidate.node.identity(head),
                offset: candidate.size,
                tail: 0,
                file: file_id(candidate.node, head),
                decoder: Arc::from([]),
                path: Arc::clone(&candidate.path),
                seen: Some((candidate.size, candidate.modified)),
                copy: true,
                absent: None,
            },
        );
    }

    /// Begins behind the last complete line: the rest is history.
    fn begin_at_end(
        &mut self,
        candidate: &Candidate,
        file: File,
        head: Vec<u8>,
        size: u64,
        followed: bool,
        context: Context<'_>,
    ) {
        if candidate.packing != Packing::Plain {
            self.remember(candidate, &head, 0, &[], context.wall);
            return;
        }
        let offset = last_line_end(&file, size);
        let tail = identity::tail(&file, offset).unwrap_or_default();
        if !followed {
            self.remember(candidate, &head, offset, &tail, context.wall);
            return;
        }
        let info = self.info(file_id(candidate.node, &head), &candidate.path, &[]);
        let mut follow = Follow::new(info, candidate.node, Reader::Plain(file), head, offset, Window::new(&tail));
        follow.started = true;
        (follow.current, follow.found) = (candidate.is_current(), candidate.found());
        follow.last_bytes = context.now;
        self.follows.push(follow);
    }

    fn cannot_open(&mut self, candidate: &Candidate, error: &io::Error, history: bool, context: Context<'_>) {
        if candidate.packing == Packing::Gzip && error.raw_os_error().is_none() {
            // It opens and is not gzip: it will not become so.
            self.consider_unreadable_archive(candidate, history, context);
            return;
        }
        let from = if history { candidate.size } else { 0 };
        self.cannot_read(&candidate.path, error.to_string(), from, context);
    }

    /// A packed file that cannot be read: nothing is lost when it is what a file was packed into that was read.
    fn consider_unreadable_archive(&mut self, candidate: &Candidate, history: bool, context: Context<'_>) {
        let bare = candidate.path.with_extension("");
        let read_before = self.known.values().any(|known| *known.path == *bare)
            || self.follows.iter().any(|follow| *follow.info.path == *bare);
        if !history && !read_before {
            let file = file_id(candidate.node, &[]);
            self.gap(file, &candidate.path, 0, Count::Unknown, GapReason::Compressed, context.wall);
        }
        self.remember(candidate, &[], 0, &[], context.wall);
    }

    /// Compares content with all that is read or known.
    fn kinship(&self, candidate: &Candidate, file: &File, head: &[u8]) -> Kinship {
        for follow in &self.follows {
            if !related(&follow.head, head) {
                continue;
            }
            // A copy is not longer than what it was made of, unless that was cut since.
            let length = if candidate.packing == Packing::Gzip { head.len() as u64 } else { candidate.size };
            if follow.reader_size().is_some_and(|size| size < length) && follow.is_intact().unwrap_or(false) {
                continue;
            }
            if candidate.packing == Packing::Plain {
                let common = candidate.size.min(follow.read);
                let here = identity::tail(file, common).unwrap_or_default();
                if follow.tail_at(common).is_some_and(|there| there != here) {
                    continue;
                }
            }
            return Kinship::Copy;
        }
        for known in self.known.values().filter(|known| !known.copy && matches(&known.identity, head)) {
            if candidate.packing == Packing::Gzip {
                return Kinship::Packed;
            }
            if candidate.size < known.offset {
                return Kinship::Copy;
            }
            if identity::tail(file, known.offset).is_ok_and(|tail| hash(&tail) == known.tail) {
                if candidate.size == known.offset {
                    return Kinship::Copy;
                }
                // The original may still stand there and be read on itself.
                if std::fs::metadata(&known.path)
                    .is_ok_and(|one| super::scan::node(&one) == (&known.identity).into() && one.len() >= known.offset)
                {
                    return Kinship::Copy;
                }
                return Kinship::Rest(Box::new(Known {
                    path: Arc::clone(&known.path),
                    decoder: Arc::clone(&known.decoder),
                    ..*known
                }));
            }
        }
        Kinship::New
    }
}

/// Opens a file and reads the first bytes of its content.
pub(super) fn open_head(candidate: &Candidate) -> io::Result<(File, Vec<u8>)> {
    let file = open(&candidate.path)?;
    if super::scan::node(&file.metadata()?) != candidate.node {
        // Rotated between the look and now; the next look finds it.
        return Err(io::ErrorKind::NotFound.into());
    }
    let head = match candidate.packing {
        Packing::Gzip => Unpacker::head(file.try_clone()?)?,
        _ => identity::head(&file)?,
    };
    Ok((file, head))
}

/// Reads the content of a file that was opened with [`open_head`].
pub(super) fn reader(candidate: &Candidate, file: File) -> Reader {
    match candidate.packing {
        Packing::Gzip => {
            // A clone of a descriptor shares its position.
            let mut file = file;
            let _ = io::Seek::rewind(&mut file);
            Reader::Gzip(Box::new(Unpacker::new(file)))
        }
        _ => Reader::Plain(file),
    }
}

/// Offset behind the last newline before `size`; `size` itself when there is none near.
fn last_line_end(file: &File, size: u64) -> u64 {
    let mut bytes = vec![0; usize::try_from(size.min(64 * 1024)).unwrap_or(TAIL)];
    let start = size - bytes.len() as u64;
    match file.read_exact_at(&mut bytes, start) {
        Ok(()) => memchr::memrchr(b'\n', &bytes).map_or(size, |at| start + at as u64 + 1),
        Err(_) => size,
    }
}
