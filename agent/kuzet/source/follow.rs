//! One file that is being read: where its bytes come from, and how far they have gone.

use super::archive::Unpacker;
use super::buffer::Buffer;
use super::identity::{self, HEAD, Node, TAIL, Window};
use super::{FileInfo, Progress, Sink};
use crate::message::{Checkpoint, FileIdentity, Gap, GapReason};
use kuzet_decode::{Chunk, Edge};
use kuzet_event::{Count, FileId, Timestamp};
use rustix::fs::{Mode, OFlags};
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Opens a regular file for reading; never blocks on a FIFO that took its place.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Where bytes come from.
pub(super) enum Reader {
    /// The file.
    Plain(File),
    /// The stream packed into it.
    Gzip(Box<Unpacker>),
}

/// How a turn ended.
pub(super) enum Turn {
    /// At the end of what there is now.
    End,
    /// Its share is used up.
    More,
    /// The file is shorter than what was read of it.
    Shorter,
    /// Bytes that were read before are no longer there.
    Rewritten,
    /// A packed stream is over.
    Over,
    /// It cannot be read.
    Failed(io::Error),
}

/// What a turn needs from outside.
pub(super) struct Hand<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) progress: &'a mut Progress,
    /// Bytes of one turn.
    pub(super) turn: usize,
    /// Bytes of one read.
    pub(super) step: usize,
    pub(super) now: Duration,
    pub(super) wall: Timestamp,
}

/// One file that is being read.
pub(super) struct Follow {
    pub(super) info: FileInfo,
    pub(super) node: Node,
    pub(super) reader: Reader,
    /// First bytes of the content, as far as seen.
    pub(super) head: Vec<u8>,
    /// Bytes read.
    pub(super) read: u64,
    /// Bytes consumed.
    pub(super) consumed: u64,
    /// Bytes `consumed..read`.
    pub(super) left: Vec<u8>,
    /// Last bytes before `consumed`.
    pub(super) window: Window,
    /// What the window must hash to when a packed stream has come to `read`.
    pub(super) expected: Option<u64>,
    pub(super) size: u64,
    pub(super) modified: i128,
    pub(super) linked: bool,
    /// A file that stands before it in its source has been read to its end, or it has none.
    pub(super) started: bool,
    pub(super) at_end: bool,
    pub(super) quiet_given: bool,
    /// Monotonic.
    pub(super) last_bytes: Duration,
    pub(super) last_read: Option<Timestamp>,
    /// Since when it is rotated away with a successor, or deleted.
    pub(super) away: Option<Duration>,
    /// It has lost its name to rotation and a successor stands in its place.
    pub(super) succeeded: bool,
    /// Its last checkpoint said that nothing of it is outstanding.
    pub(super) drained: bool,
    /// A complete copy: finished at its end.
    pub(super) copy: bool,
    /// Last write and rotation number when it was found.
    pub(super) found: (i128, Reverse<u32>),
    /// A pattern names it, and its name is not a rotated one.
    pub(super) current: bool,
    /// Last write up to which its old bytes were seen to stand.
    pub(super) verified: i128,
    /// Size of a packed file whose end was missing, and since when.
    pub(super) stalled: Option<(u64, Duration)>,
    pub(super) dirty: bool,
    pub(super) error: Option<String>,
    /// Set by the watcher.
    pub(super) changed: Arc<AtomicBool>,
}

impl Follow {
    /// Content at `node` that begins with `head`, from `offset`, where `window` stands before it.
    pub(super) fn new(
        info: FileInfo,
        node: Node,
        reader: Reader,
        head: Vec<u8>,
        offset: u64,
        window: Window,
    ) -> Follow {
        Follow {
            info,
            node,
            reader,
            head,
            read: offset,
            consumed: offset,
            left: Vec::new(),
            window,
            expected: None,
            size: offset,
            modified: 0,
            linked: true,
            started: offset > 0,
            at_end: false,
            quiet_given: true,
            last_bytes: Duration::ZERO,
            last_read: None,
            away: None,
            succeeded: false,
            drained: false,
            copy: false,
            found: (0, Reverse(0)),
            current: true,
            verified: 0,
            stalled: None,
            dirty: true,
            error: None,
            changed: Arc::new(AtomicBool::new(true)),
        }
    }

    pub(super) fn identity(&self) -> FileIdentity {
        self.node.identity(&self.head)
    }

    /// Last bytes before `read`.
    pub(super) fn edge(&self) -> Window {
        let mut window = self.window.clone();
        window.push(&self.left);
        window
    }

    pub(super) fn checkpoint(&self, source: &str, at: Timestamp, finished: bool) -> Checkpoint {
        Checkpoint {
            source: source.to_owned(),
            identity: self.identity(),
            path: self.info.path.to_path_buf(),
            offset: self.consumed,
            decoder: Vec::new(),
            file: self.info.file,
            // On the way to `consumed` in a packed stream the window is not there yet.
            tail: self.expected.unwrap_or_else(|| self.window.hash()),
            at,
            finished,
        }
    }

    /// Whether it was rotated away and read to its end: if it is gone after a restart, nothing is lost with it.
    pub(super) fn is_drained(&self) -> bool {
        self.succeeded && self.at_end && self.error.is_none() && self.consumed == self.read && !self.is_packed()
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(self.reader, Reader::Gzip(_))
    }

    /// Whether a look at it is worth a system call.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Reads what there is, at most its share.
    pub(super) fn turn(&mut self, hand: &mut Hand<'_>) -> Turn {
        self.at_end = false;
        hand.buffer.load(&self.left);
        let turn = match self.reader {
            Reader::Plain(_) => self.turn_plain(hand),
            Reader::Gzip(_) => self.turn_packed(hand),
        };
        hand.buffer.store(&mut self.left);
        self.at_end = matches!(turn, Turn::End | Turn::Over);
        match &turn {
            Turn::Failed(error) => self.error = Some(error.to_string()),
            _ => self.error = None,
        }
        turn
    }

    fn turn_plain(&mut self, hand: &mut Hand<'_>) -> Turn {
        match self.look() {
            Err(error) => return Turn::Failed(error),
            Ok(()) if self.size < self.read.max(self.head.len() as u64) => return Turn::Shorter,
            Ok(()) if self.size == self.read => return Turn::End,
            Ok(()) => {}
        }
        match self.learn_head() {
            Err(error) => return Turn::Failed(error),
            Ok(false) => return Turn::Rewritten,
            Ok(true) => {}
        }
        let edge = self.edge();
        let (mut overlap, mut spent) = ([0; TAIL], 0);
        while spent < hand.turn {
            let Reader::Plain(file) = &self.reader else { return Turn::End };
            let room = hand.buffer.room();
            let asked = room.len().min(hand.step);
            // The first read takes the bytes before its offset along: no second call tells a file that was cut and grew.
            let before = if spent == 0 { edge.bytes().len() } else { 0 };
            let mut parts = [IoSliceMut::new(&mut overlap[..before]), IoSliceMut::new(&mut room[..asked])];
            let got = match rustix::io::preadv(file, &mut parts, self.read - before as u64) {
                Ok(got) => got,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Turn::Failed(error.into()),
            };
            if got < before {
                return Turn::Shorter;
            }
            if overlap[..before] != edge.bytes()[..before] {
                return Turn::Rewritten;
            }
            let got = got - before;
            spent += got;
            self.took(hand, got);
            if got < asked {
                return Turn::End;
            }
        }
        Turn::More
    }

    fn turn_packed(&mut self, hand: &mut Hand<'_>) -> Turn {
        let mut spent = 0;
        while spent < hand.turn {
            let Reader::Gzip(unpacker) = &mut self.reader else { return Turn::End };
            let room = hand.buffer.room();
            let mut asked = room.len().min(hand.step);
            let skipping = unpacker.position < self.read;
            if skipping {
                asked = asked.min(usize::try_from(self.read - unpacker.position).unwrap_or(usize::MAX));
            }
            let got = match unpacker.read(&mut room[..asked]) {
                Ok(0) => return Turn::Over,
                Ok(got) => got,
                Err(error) => return Turn::Failed(error),
            };
            spent += got;
            self.size = self.size.max(unpacker.position);
            if skipping {
                self.window.push(&room[..got]);
                if unpacker.position == self.read && self.expected.take().is_some_and(|tail| tail != self.window.hash())
                {
                    return Turn::Rewritten;
                }
                continue;
            }
            self.took(hand, got);
        }
        Turn::More
    }

    /// `got` bytes stand in the room of the buffer.
    fn took(&mut self, hand: &mut Hand<'_>, got: usize) {
        if got == 0 {
            return;
        }
        hand.buffer.filled(got);
        self.read += got as u64;
        (self.last_bytes, self.last_read, self.quiet_given) = (hand.now, Some(hand.wall), false);
        hand.progress.bytes += got as u64;
        self.give(hand, if hand.buffer.is_full() { Edge::Full } else { Edge::More });
    }

    /// Gives what is pending to the sink.
    fn give(&mut self, hand: &mut Hand<'_>, edge: Edge) {
        let pending = hand.buffer.pending();
        let chunk =
            Chunk { source: self.info.source, file: self.info.file, offset: self.consumed, bytes: pending, edge };
        let consumed = hand.sink.chunk(&self.info, chunk).min(pending.len());
        self.consume(hand, consumed);
        if consumed == 0 && edge == Edge::Full {
            // A sink that keeps everything would stop the file for ever.
            self.give_up(hand);
        }
    }

    fn consume(&mut self, hand: &mut Hand<'_>, bytes: usize) {
        if bytes > 0 {
            self.window.push(&hand.buffer.pending()[..bytes]);
            self.consumed += bytes as u64;
            self.dirty = true;
            hand.progress.consumed += bytes as u64;
            hand.buffer.consume(bytes);
        }
    }

    /// Passes over what the sink did not take although it should have, and says so.
    fn give_up(&mut self, hand: &mut Hand<'_>) {
        let bytes = hand.buffer.pending().len();
        if bytes > 0 {
            hand.sink.gap(Gap {
                source: self.info.source,
                file: self.info.file,
                path: self.info.path.to_path_buf(),
                offset: self.consumed,
                bytes: Count::Known(bytes as u64),
                reason: GapReason::Truncated,
                at: hand.wall,
            });
            self.consume(hand, bytes);
        }
    }

    /// Tells the sink that nothing came for a while, once.
    pub(super) fn quiet(&mut self, hand: &mut Hand<'_>) {
        self.quiet_given = true;
        if self.left.is_empty() {
            return;
        }
        hand.buffer.load(&self.left);
        self.give(hand, Edge::Quiet);
        hand.buffer.store(&mut self.left);
    }

    /// Tells the sink that this is all there will be.
    pub(super) fn end(&mut self, hand: &mut Hand<'_>) {
        hand.buffer.load(&self.left);
        self.give(hand, Edge::End);
        self.give_up(hand);
        hand.buffer.store(&mut self.left);
        hand.sink.finished(self.info.source, self.info.file);
        self.info.decoder = Arc::from([]);
        self.dirty = true;
    }

    /// Size, time and links as they are now.
    pub(super) fn look(&mut self) -> io::Result<()> {
        if let Reader::Plain(file) = &self.reader {
            let metadata = file.metadata()?;
            self.size = metadata.len();
            self.modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
            self.linked = metadata.nlink() > 0;
        }
        Ok(())
    }

    /// Learns the first bytes while they are fewer than [`HEAD`]; `false` when those known have changed. Once the
    /// offset is behind them, the overlap of reads watches over the content.
    fn learn_head(&mut self) -> io::Result<bool> {
        let Reader::Plain(file) = &self.reader else { return Ok(true) };
        let learnt = self.head.len() as u64;
        if self.read >= learnt && (learnt >= HEAD as u64 || self.size <= learnt) {
            return Ok(true);
        }
        let head = identity::head(file)?;
        let same = head.starts_with(&self.head);
        if same {
            self.head = head;
        }
        Ok(same)
    }

    /// Whether the bytes that were read still stand in the file.
    pub(super) fn is_intact(&self) -> io::Result<bool> {
        let Reader::Plain(file) = &self.reader else { return Ok(true) };
        let head = identity::head(file)?;
        Ok(!head.is_empty() && head.starts_with(&self.head) && identity::tail(file, self.read)? == self.edge().bytes())
    }

    /// Bytes at `offset`, which is not behind `read`, if the file still has them.
    pub(super) fn tail_at(&self, offset: u64) -> Option<Vec<u8>> {
        if offset == self.read {
            return Some(self.edge().bytes().to_vec());
        }
        let Reader::Plain(file) = &self.reader else { return None };
        let tail = identity::tail(file, offset).ok()?;
        (tail.len() as u64 == offset.min(TAIL as u64)).then_some(tail)
    }

    /// Size of the file at this moment; nothing for a packed one.
    pub(super) fn reader_size(&self) -> Option<u64> {
        match &self.reader {
            Reader::Plain(file) => file.metadata().ok().map(|metadata| metadata.len()),
            Reader::Gzip(_) => None,
        }
    }

    pub(super) fn file(&self) -> FileId {
        self.info.file
    }
}

impl Follow {
    /// Whether its old bytes were changed in place; looks only when it was written to since the last look.
    pub(super) fn is_tampered(&mut self) -> bool {
        if self.modified == self.verified {
            return false;
        }
        self.verified = self.modified;
        self.is_intact().is_ok_and(|intact| !intact)
    }

    /// The end of a packed stream is missing: it is read anew from its file, which may still be written.
    /// `false` when it has not grown for a while.
    pub(super) fn grows(&mut self, now: Duration, patience: Duration) -> bool {
        let Ok(file) = open(&self.info.path) else { return false };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let since = match self.stalled {
            Some((stalled, since)) if stalled == size => since,
            _ => now,
        };
        self.stalled = Some((size, since));
        if now.saturating_sub(since) >= patience {
            return false;
        }
        self.error = None;
        self.rewind();
        self.reader = Reader::Gzip(Box::new(Unpacker::new(file)));
        true
    }

    /// A packed stream is read from its start up to what was consumed; the rest comes again.
    pub(super) fn rewind(&mut self) {
        // Not while it is on the way there already: the window is not the one before `consumed` then.
        if self.expected.is_none() && self.consumed > 0 {
            self.expected = Some(self.window.hash());
        }
        (self.window, self.read, self.left) = (Window::new(&[]), self.consumed, Vec::new());
    }
}
