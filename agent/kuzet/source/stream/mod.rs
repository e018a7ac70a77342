//! Sources that are no files: records that threads of their own hand to the data thread, as if they were lines of a file.
//!
//! A stream has one [`FileId`], made of its name, and offsets that count the bytes of its records, on through restarts.
//! Its checkpoint says how far the records were handled and, for a source that can be asked again, where it stood then.

mod channel;
mod journald;
mod listen;
mod redis;
mod sensor;
mod settings;
#[cfg(test)]
mod tests;

pub use channel::{Hook, Loss, MAX_RECORD, StreamSender, UntoldFiles};
pub use journald::JournaldSettings;
pub use listen::{Limits, ListenSettings, Network, NotANetwork, TlsFiles, Transport};
pub use redis::{RedisAddress, RedisSettings};
pub use sensor::{FolderSight, SensorSettings, SensorSight};
pub use settings::StreamSettings;

use super::identity::hash;
use super::watch::Waker;
use super::{FileInfo, Progress, Sink};
use crate::message::{Checkpoint, FileIdentity, Gap, GapReason};
use channel::{Channel, Mark};
use kuzet_decode::{Chunk, Edge};
use kuzet_event::{Count, FileId, SourceId, Timestamp};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long without records until a last one is given as complete.
const QUIET: Duration = Duration::from_millis(50);

/// While records are being lost, a gap is told so often.
const GAP_EVERY: Duration = Duration::from_secs(10);

/// Stack of a source's thread.
const STACK: usize = 256 << 10;

/// Buffers larger than this are given back once they are empty.
const KEPT: usize = 64 << 10;

/// All streams, owned by the data thread.
pub struct Streams {
    capacity: usize,
    waker: Waker,
    checkpoints: Vec<Checkpoint>,
    streams: Vec<Stream>,
}

/// How a stream stands.
#[derive(Clone, Copy, Debug)]
pub struct StreamStatus<'a> {
    /// Source.
    pub source: SourceId,
    /// Its name.
    pub name: &'a str,
    /// Bytes taken and not handled.
    pub lag: u64,
    /// When bytes came last.
    pub last: Option<Timestamp>,
    /// What is wrong now.
    pub problem: Option<&'a str>,
    /// What it says of itself, where it is a sensor.
    pub sight: Option<&'a SensorSight>,
}

struct Stream {
    info: FileInfo,
    name: String,
    channel: Arc<Channel>,
    /// Taken and not consumed.
    left: Vec<u8>,
    /// Bytes consumed.
    offset: u64,
    marks: VecDeque<Mark>,
    position: Arc<[u8]>,
    last_bytes: Duration,
    last: Option<Timestamp>,
    quiet_given: bool,
    dirty: bool,
    problem: Option<String>,
    problem_changed: bool,
    sight: Option<SensorSight>,
    untold_files: UntoldFiles,
    /// Lost and not yet told as a gap.
    untold: Loss,
    next_gap: Duration,
}

impl Streams {
    /// No streams yet. Each will hold at most about `capacity` bytes for the data thread, which `waker` wakes.
    /// `checkpoints` are those of an earlier run.
    #[must_use]
    pub fn new(capacity: usize, waker: Waker, checkpoints: Vec<Checkpoint>) -> Streams {
        Streams { capacity, waker, checkpoints, streams: Vec::new() }
    }

    /// Opens the stream of a source and goes on where it stood.
    pub fn sender(&mut self, source: SourceId, name: &str) -> StreamSender {
        let saved = self.checkpoints.iter().find(|one| one.source == name);
        let offset = saved.map_or(0, |saved| saved.offset);
        let (position, decoder) = saved.map_or((&[][..], &[][..]), |saved| unpack(&saved.decoder));
        let info = FileInfo {
            source,
            file: FileId(hash(format!("stream {name}").as_bytes())),
            path: Arc::from(Path::new(name)),
            decoder: Arc::from(decoder),
        };
        let position: Arc<[u8]> = Arc::from(position);
        let channel = Arc::new(Channel::new(offset, self.capacity, self.waker.clone()));
        let sender = StreamSender::new(Arc::clone(&channel), Arc::clone(&position));
        self.streams.push(Stream {
            info,
            name: name.to_owned(),
            channel,
            left: Vec::new(),
            offset,
            marks: VecDeque::new(),
            position,
            last_bytes: Duration::ZERO,
            last: None,
            quiet_given: true,
            dirty: false,
            problem: None,
            problem_changed: true,
            sight: None,
            untold_files: UntoldFiles::default(),
            untold: Loss::default(),
            next_gap: Duration::ZERO,
        });
        sender
    }

    /// Runs a source on a thread of its own. It must come back when its sender says that the agent stops, and look for
    /// that at least every second.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn spawn(
        &mut self,
        source: SourceId,
        name: &str,
        body: impl FnOnce(StreamSender) + Send + 'static,
    ) -> std::io::Result<()> {
        let sender = self.sender(source, name);
        let working = sender.working();
        let thread = std::thread::Builder::new().name(name.chars().take(15).collect()).stack_size(STACK);
        thread.spawn(move || {
            let _working = working;
            body(sender);
        })?;
        Ok(())
    }

    /// Gives the sink what waits: for every stream at most what its channel and one record hold.
    pub fn read(&mut self, now: Duration, wall: Timestamp, sink: &mut dyn Sink) -> Progress {
        let mut progress = Progress::default();
        for stream in &mut self.streams {
            stream.read(now, wall, sink, &mut progress);
        }
        progress
    }

    /// When there is something to do although nothing comes.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.streams.iter().filter_map(Stream::due).min()
    }

    /// Checkpoints that moved since this was last called; `decoder` gives the state of a decoder.
    pub fn checkpoints(&mut self, at: Timestamp, decoder: impl Fn(SourceId, FileId) -> Vec<u8>) -> Vec<Checkpoint> {
        let moved = |stream: &mut Stream| {
            let (source, file) = (stream.info.source, stream.info.file);
            std::mem::take(&mut stream.dirty).then(|| stream.checkpoint(at, &decoder(source, file)))
        };
        self.streams.iter_mut().filter_map(moved).collect()
    }

    /// Names of the sources of which another thing is wrong than when this was last called, and what.
    pub fn problems(&mut self) -> Vec<(String, Option<String>)> {
        let changed = |stream: &mut Stream| {
            std::mem::take(&mut stream.problem_changed).then(|| (stream.name.clone(), stream.problem.clone()))
        };
        self.streams.iter_mut().filter_map(changed).collect()
    }

    /// What sensors did not tell of files since this was last called, by source.
    pub fn untold_files(&mut self) -> Vec<(SourceId, UntoldFiles)> {
        let untold = |stream: &mut Stream| (stream.info.source, std::mem::take(&mut stream.untold_files));
        self.streams.iter_mut().map(untold).filter(|(_, untold)| *untold != UntoldFiles::default()).collect()
    }

    /// How every stream stands.
    pub fn status(&self) -> impl Iterator<Item = StreamStatus<'_>> {
        self.streams.iter().map(|stream| StreamStatus {
            source: stream.info.source,
            name: &stream.name,
            lag: stream.left.len() as u64,
            last: stream.last,
            problem: stream.problem.as_deref(),
            sight: stream.sight.as_ref(),
        })
    }

    /// Gives the sources their new numbers, and drops those that get none and were ended. What is opened after this goes
    /// on at `checkpoints`.
    pub fn retain(&mut self, number: &dyn Fn(&str) -> Option<SourceId>, checkpoints: Vec<Checkpoint>) {
        self.checkpoints = checkpoints;
        self.streams.retain_mut(|stream| match number(&stream.name) {
            Some(id) => {
                stream.info.source = id;
                true
            }
            None => false,
        });
    }

    /// Ends every source and takes what is left. Says which did not come back within `timeout`.
    pub fn stop(&mut self, timeout: Duration, now: Duration, wall: Timestamp, sink: &mut dyn Sink) -> Vec<String> {
        self.end(&|_| true, timeout, (now, wall), sink)
    }

    /// Ends the sources that `which` names and takes what they left. Says which did not come back within `timeout`.
    pub fn end(
        &mut self,
        which: &dyn Fn(&str) -> bool,
        timeout: Duration,
        (now, wall): (Duration, Timestamp),
        sink: &mut dyn Sink,
    ) -> Vec<String> {
        for stream in self.streams.iter().filter(|stream| which(&stream.name)) {
            stream.channel.stop();
        }
        let (mut late, mut patience) = (Vec::new(), timeout);
        for stream in self.streams.iter_mut().filter(|stream| which(&stream.name)) {
            if !stream.channel.join(patience) {
                // The others had the same time.
                patience = Duration::ZERO;
                late.push(stream.name.clone());
            }
            stream.read(now, wall, sink, &mut Progress::default());
            stream.end(now, wall, sink);
        }
        late
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for stream in &self.streams {
            stream.channel.stop();
        }
    }
}

impl Stream {
    fn read(&mut self, now: Duration, wall: Timestamp, sink: &mut dyn Sink, progress: &mut Progress) {
        let before = self.left.len();
        let taken = self.channel.take(&mut self.left);
        self.marks.extend(taken.marks);
        if let Some(problem) = taken.problem {
            self.problem_changed |= problem != self.problem;
            self.problem = problem;
        }
        self.sight = taken.sight.or_else(|| self.sight.take());
        self.untold_files.losses += taken.untold.losses;
        self.untold_files.folders.extend(taken.untold.folders);
        self.lose(taken.lost, sink);
        let came = self.left.len() - before;
        if came > 0 {
            (self.last_bytes, self.last, self.quiet_given) = (now, Some(wall), false);
            progress.bytes += came as u64;
            while !self.left.is_empty() {
                let full = self.left.len() >= MAX_RECORD;
                let consumed = self.give(if full { Edge::Full } else { Edge::More }, sink, progress);
                if !full {
                    break;
                }
                if consumed == 0 {
                    // A sink that keeps everything would stop the stream for ever.
                    self.give_up(sink);
                }
            }
        } else if !self.quiet_given && now.saturating_sub(self.last_bytes) >= QUIET {
            self.quiet_given = true;
            self.give(Edge::Quiet, sink, progress);
        }
        self.advance();
        self.tell(now, wall, sink);
    }

    fn give(&mut self, edge: Edge, sink: &mut dyn Sink, progress: &mut Progress) -> usize {
        if self.left.is_empty() {
            return 0;
        }
        let (source, file) = (self.info.source, self.info.file);
        let chunk = Chunk { source, file, offset: self.offset, bytes: &self.left, edge };
        let consumed = sink.chunk(&self.info, chunk).min(self.left.len());
        progress.consumed += consumed as u64;
        self.consume(consumed);
        consumed
    }

    fn consume(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.dirty = true;
        self.offset += bytes as u64;
        self.left.drain(..bytes);
        if self.left.is_empty() && self.left.capacity() > KEPT {
            self.left = Vec::new();
        }
    }

    /// The position moves behind what is done.
    fn advance(&mut self) {
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.end <= self.offset) {
            self.position = Arc::from(mark.position);
            self.dirty = true;
        }
    }

    fn give_up(&mut self, sink: &mut dyn Sink) {
        let bytes = self.left.len();
        self.lose(Loss { records: 1, bytes: bytes as u64 }, sink);
        self.consume(bytes);
    }

    /// All there will be. A source that can be asked again gives what is not consumed once more.
    fn end(&mut self, now: Duration, wall: Timestamp, sink: &mut dyn Sink) {
        if self.position.is_empty() && self.marks.is_empty() && !self.left.is_empty() {
            self.give(Edge::End, sink, &mut Progress::default());
            if !self.left.is_empty() {
                self.give_up(sink);
            }
        }
        self.next_gap = now;
        self.tell(now, wall, sink);
    }

    fn lose(&mut self, loss: Loss, sink: &mut dyn Sink) {
        if loss != Loss::default() {
            self.dirty = true;
            self.untold.add(loss);
            sink.lost(&self.info, self.offset, loss.records, loss.bytes);
        }
    }

    /// Tells losses as one gap, at once and then every [`GAP_EVERY`].
    fn tell(&mut self, now: Duration, wall: Timestamp, sink: &mut dyn Sink) {
        if self.untold == Loss::default() || now < self.next_gap {
            return;
        }
        let lost = std::mem::take(&mut self.untold);
        self.next_gap = now + GAP_EVERY;
        sink.gap(Gap {
            source: self.info.source,
            file: self.info.file,
            path: PathBuf::from(&self.name),
            offset: self.offset,
            bytes: if lost.bytes == 0 { Count::Unknown } else { Count::Known(lost.bytes) },
            reason: GapReason::Dropped,
            at: wall,
        });
    }

    fn due(&self) -> Option<Duration> {
        let quiet = (!self.quiet_given && !self.left.is_empty()).then_some(self.last_bytes + QUIET);
        let gap = (self.untold != Loss::default()).then_some(self.next_gap);
        quiet.into_iter().chain(gap).min()
    }

    fn checkpoint(&self, at: Timestamp, decoder: &[u8]) -> Checkpoint {
        Checkpoint {
            source: self.name.clone(),
            identity: FileIdentity::STREAM,
            path: PathBuf::from(&self.name),
            offset: self.offset,
            decoder: pack(&self.position, decoder),
            file: self.info.file,
            tail: 0,
            at,
            finished: false,
        }
    }
}

/// A position and the state of a decoder as one.
fn pack(position: &[u8], decoder: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(4 + position.len() + decoder.len());
    packed.extend_from_slice(&u32::try_from(position.len()).unwrap_or(0).to_le_bytes());
    packed.extend_from_slice(position);
    packed.extend_from_slice(decoder);
    packed
}

/// What [`pack`] made; nothing of anything else.
fn unpack(packed: &[u8]) -> (&[u8], &[u8]) {
    let split = |(length, rest): (&[u8; 4], _)| <[u8]>::split_at_checked(rest, u32::from_le_bytes(*length) as usize);
    packed.split_first_chunk::<4>().and_then(split).unwrap_or_default()
}
