//! The loop: wait for a change, look where directories changed, read every file in turn.

use super::buffer::Buffer;
use super::follow::{Follow, Hand, Turn};
use super::group::{Context, Group, Mode};
use super::watch::{Flags, Waker, Watch};
use super::{Progress, Sink, SourceError, SourceStatus, TailOptions, TailSource, Wake};
use crate::clock::Clock;
use crate::message::{Checkpoint, FileIdentity, GapReason};
use kuzet_event::{Count, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Directory events closer than this are answered with one look.
const LOOK: Duration = Duration::from_millis(5);
/// A directory written to less than this ago may change again without another time stamp.
const GRANULE: i64 = 50_000;

/// More open files than this in one source, and silent ones are closed early: descriptors are scarce, and one that grows
/// again is opened again.
const CROWD: usize = 64;

/// Follows the files of all sources. Owned by one thread.
pub struct Tailer {
    groups: Vec<Group>,
    options: TailOptions,
    clock: Arc<dyn Clock>,
    watch: Watch,
    buffer: Buffer,
    flags: Flags,
    more: bool,
    next_tick: Duration,
    next_look: Duration,
    last_look: Option<Duration>,
    /// Last change of each directory, as far as it is certain that all of it was seen.
    stamps: BTreeMap<PathBuf, i128>,
}

impl Tailer {
    /// Takes up the sources where `checkpoints` left them. Files are not read before [`read`](Self::read).
    ///
    /// # Errors
    /// A pattern that is not one, a source without patterns, two sources of one name. What is wrong with the files
    /// themselves is no error: it is a gap and stands in [`status`](Self::status).
    pub fn open(
        sources: Vec<TailSource>,
        checkpoints: &[Checkpoint],
        options: TailOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Tailer, SourceError> {
        let watch = Watch::new(options.notify, options.gather, Arc::clone(&clock));
        let mut tailer = Tailer {
            groups: Vec::new(),
            buffer: Buffer::new(options.buffer, options.max_record),
            options,
            watch,
            flags: Flags::default(),
            more: true,
            next_tick: Duration::ZERO,
            next_look: Duration::ZERO,
            last_look: None,
            stamps: BTreeMap::new(),
            clock,
        };
        tailer.reconfigure(sources, checkpoints, options.poll, &|_| false)?;
        Ok(tailer)
    }

    /// Goes on with other sources. A source of which `same` says so goes on as it is, perhaps in another place of the
    /// list; another one is taken up where `checkpoints` left it, as after a restart.
    ///
    /// # Errors
    /// As [`open`](Self::open); then nothing has changed.
    pub fn reconfigure(
        &mut self,
        mut sources: Vec<TailSource>,
        checkpoints: &[Checkpoint],
        poll: Duration,
        same: &dyn Fn(&str) -> bool,
    ) -> Result<(), SourceError> {
        check(&sources)?;
        for pattern in sources.iter_mut().flat_map(|source| &mut source.patterns) {
            if let Some(absolute) =
                std::path::absolute(&*pattern).ok().and_then(|path| path.to_str().map(str::to_owned))
            {
                *pattern = absolute;
            }
        }
        self.options.poll = poll;
        let (mut old, mut fresh) = (std::mem::take(&mut self.groups), Vec::new());
        for source in sources {
            let kept = old.iter().position(|group| group.config.name == source.name && same(&source.name));
            fresh.push(kept.is_none());
            self.groups.push(match kept {
                Some(at) => old.swap_remove(at).renumbered(source.id),
                None => Group::new(source),
            });
        }
        let context = context(&self.options, &*self.clock);
        // Watched before they are looked through, so that nothing happens in between.
        let known = |group: &Group| group.scan(context).directories;
        let directories: BTreeSet<PathBuf> = self.groups.iter().flat_map(known).collect();
        self.watch.directories(&directories);
        for (group, _) in self.groups.iter_mut().zip(fresh).filter(|(_, fresh)| *fresh) {
            group.resume(checkpoints, context);
        }
        self.looked();
        Ok(())
    }

    /// Wakes this tailer from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.watch.waker()
    }

    /// Waits until there is something to [`read`](Self::read), at most `timeout`. Always read after it.
    pub fn wait(&mut self, timeout: Duration) -> Wake {
        let now = self.clock.monotonic();
        let own = self.due().saturating_sub(now);
        let patience = if self.more { Duration::ZERO } else { timeout.min(own) };
        let flags = self.watch.wait(patience);
        self.flags = Flags {
            data: self.flags.data | flags.data,
            rescan: self.flags.rescan | flags.rescan,
            lost: self.flags.lost | flags.lost,
            woken: false,
        };
        if flags.woken {
            Wake::Woken
        } else if self.more || flags.data || flags.rescan || flags.lost {
            Wake::Changed
        } else if own <= timeout {
            Wake::Timer
        } else {
            Wake::Timeout
        }
    }

    /// When the tailer has something to do although nothing happens.
    fn due(&self) -> Duration {
        let mut due = self.next_tick.min(self.next_look);
        if let (true, Some(last)) = (self.flags.rescan, self.last_look) {
            due = due.min(last + LOOK);
        }
        for follow in self.groups.iter().flat_map(|group| &group.follows) {
            if !follow.quiet_given && !follow.left.is_empty() {
                due = due.min(follow.last_bytes + self.options.quiet);
            }
        }
        due
    }

    /// Gives the sink what there is: one turn for every file that changed.
    pub fn read(&mut self, sink: &mut dyn Sink) -> Progress {
        let now = self.clock.monotonic();
        let lost = std::mem::take(&mut self.flags.lost);
        let tick = lost || now >= self.next_tick;
        self.flags.data = false;
        if tick {
            self.next_tick = now + if self.watched() { self.options.poll } else { self.options.poll_only };
            self.flags.rescan |= self.directories_changed();
        }
        let asked = self.flags.rescan && self.last_look.is_none_or(|last| now >= last + LOOK);
        if asked || lost || now >= self.next_look {
            self.flags.rescan = false;
            let context = context(&self.options, &*self.clock);
            for group in &mut self.groups {
                group.retry(context);
                group.reconcile(context, Mode::Live);
            }
            self.looked();
        }
        let mut progress = Progress::default();
        let (mut changes, context) = (false, context(&self.options, &*self.clock));
        for group in &mut self.groups {
            let mut hand = Hand {
                buffer: &mut self.buffer,
                sink,
                progress: &mut progress,
                turn: self.options.turn,
                step: self.options.buffer,
                now: context.now,
                wall: context.wall,
            };
            changes |= group.pass(&mut hand, context, tick);
            for gap in group.gaps.drain(..) {
                group.told += 1;
                hand.sink.gap(gap);
            }
        }
        if changes {
            self.looked();
        }
        self.more = progress.more;
        progress
    }

    /// Checkpoints that moved since this was last called, to be stored together with what came of the bytes before
    /// them. `decoder` is empty: the caller fills it in.
    pub fn checkpoints(&mut self) -> Vec<Checkpoint> {
        let at = self.clock.wall();
        self.groups.iter_mut().flat_map(|group| group.checkpoints(at)).collect()
    }

    /// Sources and identities whose finished checkpoints can be dropped: their files have been gone for
    /// [`idle`](TailOptions::idle).
    pub fn forgotten(&mut self) -> Vec<(String, FileIdentity)> {
        let of = |group: &mut Group| {
            let name = group.config.name.clone();
            std::mem::take(&mut group.forgotten).into_iter().map(move |identity| (name.clone(), identity))
        };
        self.groups.iter_mut().flat_map(of).collect()
    }

    /// How every source stands.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        let status = |group: &Group| {
            let notify = !group.directories.is_empty() && group.directories.iter().all(|one| self.watch.covers(one));
            let mut status = group.status(notify);
            if !notify {
                status.problems.extend(self.watch.problem.clone());
            }
            status
        };
        self.groups.iter().map(status).collect()
    }

    fn watched(&self) -> bool {
        self.watch.problem.is_none()
            && self.groups.iter().flat_map(|group| &group.directories).all(|one| self.watch.covers(one))
    }

    /// Whether a directory was written to since the last look, or an empty file has got bytes.
    fn directories_changed(&mut self) -> bool {
        let wall = self.clock.wall();
        let mut changed = false;
        for directory in self.groups.iter().flat_map(|group| &group.directories) {
            let stamp = directory.metadata().map_or(-1, |metadata| modified(&metadata));
            if stamp == -1 {
                self.watch.forget(directory);
            }
            if self.stamps.get(directory) != Some(&stamp) {
                changed = true;
                if stamp / 1000 < i128::from(wall.0.saturating_sub(GRANULE)) {
                    self.stamps.insert(directory.clone(), stamp);
                }
            }
        }
        let filled = |one: &super::group::Waiting| one.path.metadata().is_ok_and(|metadata| metadata.len() != one.size);
        changed || self.groups.iter().flat_map(|group| group.waiting.values()).any(filled)
    }

    /// After every look: what to watch and which events matter.
    fn looked(&mut self) {
        let now = self.clock.monotonic();
        (self.last_look, self.next_look) = (Some(now), now + self.options.rescan);
        let directories: BTreeSet<PathBuf> =
            self.groups.iter().flat_map(|group| &group.directories).filter(|one| one.is_dir()).cloned().collect();
        self.watch.directories(&directories);
        self.stamps.retain(|directory, _| directories.contains(directory));
        let mut interests = HashMap::new();
        let mut add = |path: &Path, changed: Option<&Arc<AtomicBool>>| {
            let Some(changed) = changed else {
                interests.entry(path.to_path_buf()).or_insert_with(Vec::new);
                return;
            };
            // Events of a linked file name the file itself; two sources may follow one.
            let real = path.canonicalize().ok().filter(|real| real != path);
            for path in real.into_iter().chain([path.to_path_buf()]) {
                interests.entry(path).or_insert_with(Vec::new).push(Arc::clone(changed));
            }
        };
        for group in &self.groups {
            group.known.values().for_each(|known| add(&known.path, None));
            group.waiting.values().for_each(|waiting| add(&waiting.path, None));
            group.unreadable.keys().for_each(|path| add(path, None));
            if let Some(current) = &group.config.current_logfiles {
                add(&current.path, None);
            }
            for follow in &group.follows {
                add(&follow.info.path, Some(&follow.changed));
                // What was written before the watcher knew the name.
                follow.changed.store(true, Ordering::Release);
            }
        }
        self.watch.interests(interests);
        self.more = true;
    }
}

fn context<'a>(options: &'a TailOptions, clock: &dyn Clock) -> Context<'a> {
    Context { options, now: clock.monotonic(), wall: clock.wall() }
}

fn modified(metadata: &std::fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// Whether sources can be followed.
///
/// # Errors
/// A pattern that is not one, a source without patterns, two sources of one name.
pub fn check(sources: &[TailSource]) -> Result<(), SourceError> {
    let mut names = BTreeSet::new();
    for source in sources {
        let name = source.name.clone();
        if !names.insert(&source.name) {
            return Err(SourceError::Twice { name });
        }
        if source.patterns.is_empty() && source.current_logfiles.is_none() {
            return Err(SourceError::Empty { name });
        }
        for pattern in &source.patterns {
            if let Err(error) = glob::Pattern::new(pattern) {
                return Err(SourceError::Pattern { name, pattern: pattern.clone(), why: error.msg.to_owned() });
            }
        }
    }
    Ok(())
}

impl Group {
    /// One turn for every file that changed, the oldest first. Says whether the set of files has changed.
    fn pass(&mut self, hand: &mut Hand<'_>, context: Context<'_>, tick: bool) -> bool {
        let (mut index, mut changes) = (0, false);
        while index < self.follows.len() {
            let waits = |older: &Follow| !older.at_end && older.error.is_none();
            if !self.follows[index].started && self.follows[..index].iter().any(waits) {
                index += 1;
                continue;
            }
            let follow = &mut self.follows[index];
            follow.started = true;
            let looked = follow.take_changed() || tick;
            let failed = follow.error.is_some();
            let turn = if looked { Some(follow.turn(hand)) } else { None };
            if failed && follow.error.is_none() {
                self.unreadable.remove(&*follow.info.path);
            }
            let removed = match turn {
                Some(Turn::Shorter) => self.displaced_at(index, true, hand, context),
                Some(Turn::Rewritten) => self.displaced_at(index, false, hand, context),
                Some(Turn::Over) => self.over(index, hand, context.wall),
                Some(Turn::Failed(error)) => self.failed(index, &error, hand, context),
                Some(Turn::More) => {
                    follow.changed.store(true, Ordering::Release);
                    hand.progress.more = true;
                    false
                }
                Some(Turn::End) if tick && follow.is_tampered() => self.displaced_at(index, false, hand, context),
                Some(Turn::End) | None => self.rest(index, looked, hand, context),
            };
            changes |= removed;
            if removed {
                hand.progress.more = true;
            } else {
                index += 1;
            }
        }
        changes
    }

    fn displaced_at(&mut self, index: usize, cut: bool, hand: &mut Hand<'_>, context: Context<'_>) -> bool {
        self.displaced(index, cut, hand, context);
        true
    }

    /// A packed stream is over.
    fn over(&mut self, index: usize, hand: &mut Hand<'_>, at: Timestamp) -> bool {
        let follow = &self.follows[index];
        if follow.expected.is_some() {
            let (file, path, offset) = (follow.file(), Arc::clone(&follow.info.path), follow.read);
            self.gap(file, &path, offset, Count::Unknown, GapReason::Rewritten, at);
        }
        self.finish(index, hand);
        true
    }

    /// A file at its end: its last record may be complete, or it may be finished.
    fn rest(&mut self, index: usize, looked: bool, hand: &mut Hand<'_>, context: Context<'_>) -> bool {
        let (newest, crowded) = (index + 1 == self.follows.len(), self.follows.len() > CROWD);
        let follow = &mut self.follows[index];
        let silent = context.now.saturating_sub(follow.last_bytes);
        if !follow.quiet_given && silent >= context.options.quiet {
            follow.quiet(hand);
        }
        if !follow.linked && follow.away.is_none() {
            follow.away = Some(context.now);
        }
        let long_away = follow.away.is_some_and(|since| context.now.saturating_sub(since) >= context.options.linger)
            && silent >= context.options.linger;
        let patience = if crowded { context.options.linger } else { context.options.idle };
        let idle = !newest && silent >= patience;
        if looked && follow.at_end && (follow.copy || long_away || idle) {
            if !follow.linked && newest && !self.has_successor(index) {
                // Whoever wrote to it may still do so, where nobody can read it.
                let follow = &self.follows[index];
                let (file, path, offset) = (follow.file(), Arc::clone(&follow.info.path), follow.read);
                self.gap(file, &path, offset, Count::Unknown, GapReason::Deleted, context.wall);
            }
            self.finish(index, hand);
            return true;
        }
        false
    }

    fn has_successor(&self, index: usize) -> bool {
        !self.waiting.is_empty() || self.follows.iter().skip(index + 1).any(|follow| follow.current)
    }

    /// A file cannot be read now.
    fn failed(&mut self, index: usize, error: &io::Error, hand: &mut Hand<'_>, context: Context<'_>) -> bool {
        let follow = &mut self.follows[index];
        let (file, path, offset) = (follow.file(), Arc::clone(&follow.info.path), follow.read);
        if !follow.is_packed() {
            let lag = Count::Known(follow.size.saturating_sub(offset));
            if !self.unreadable.contains_key(&*path) {
                self.gap(file, &path, offset, lag, GapReason::Unreadable, context.wall);
            }
            let entry = super::group::Unreadable { error: error.to_string(), from: offset };
            self.unreadable.insert(path.to_path_buf(), entry);
            return false;
        }
        if error.kind() == io::ErrorKind::UnexpectedEof && follow.grows(context.now, context.options.linger) {
            return false;
        }
        self.gap(file, &path, offset, Count::Unknown, GapReason::Compressed, context.wall);
        self.finish(index, hand);
        true
    }
}
