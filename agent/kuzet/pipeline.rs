//! The wiring of a running agent: tail → decode → observe → fold → record → notify, on one thread, top to bottom.

mod beside;
mod error;
mod reload;
mod show;

pub use error::StartError;
pub use reload::Next;

use crate::clock::Clock;
use crate::config::{Config, Content};
use crate::core::{Core, FeedStatus, OnDetection, Parts};
use crate::digest::Hasher;
use crate::holdings::Ask;
use crate::message::{Checkpoint, Gap};
use crate::metrics::{Metrics, Told};
use crate::notify::Desk;
use crate::outbox::{Ledger, Unsaved};
use crate::setup;
use crate::source::stream::Streams;
use crate::source::{FileInfo, Progress, Sink, TailOptions, Tailer, Wake, Waker};
use crate::store::{Batch, Message, Shelved, Shelves, Sqlite, Store, StoreError, Tally as Record};
use kuzet_decode::Chunk;
use kuzet_detect::Planted;
use kuzet_event::{FileId, SourceId, Timestamp};
use kuzet_incident::{Change, Verdict, What};
use kuzet_personal::Key;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Shortest time between two commits of incidents while everything is caught up: one fsync serves them all.
const GROUP: Duration = Duration::from_millis(10);

/// The same while the agent works off a backlog, where nobody waits for the single line: at least that, and at most
/// [`BEAT`], so that commits take no more than about a tenth of the time.
const GROUP_BEHIND: Duration = Duration::from_millis(200);

/// So many times the last commit's length passes before the next one, within those bounds.
const COMMIT_SHARE: u32 = 10;

/// How often checkpoints are written when nothing was found, and how often time is let pass.
const BEAT: Duration = Duration::from_secs(1);

/// How often it is looked for what was closed long ago.
const PURGE: Duration = Duration::from_secs(600);

/// Open incidents whose alerts go on after a restart.
const MOST_REMEMBERED: usize = 1024;

/// How long notifications under way are waited for at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes that wait for the data thread in one stream before its source has to wait or counts losses.
const STREAM_CAPACITY: usize = 1 << 20;

/// How often a silent agent wakes: nothing but time can have changed.
const IDLE_BEAT: Duration = Duration::from_secs(5);

/// A running agent.
pub struct Agent {
    tailer: Tailer,
    streams: Streams,
    core: Core,
    store: Sqlite,
    desk: Desk,
    hasher: Hasher,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    channels: Vec<String>,
    base: Vec<Record>,
    pending: Batch,
    unsaved: Unsaved,
    /// What waits for a verdict and is only in the store; asked again when a commit may have changed it.
    shelved: Option<Vec<Shelved>>,
    gaps: Vec<Gap>,
    folded: u64,
    last_commit: Duration,
    commit_took: Duration,
    last_beat: Duration,
    dirty: bool,
    failing: Option<Duration>,
    next_turn: Option<Timestamp>,
    config: Config,
    /// What detectors before those of the present configuration forgot.
    evicted: BTreeMap<&'static str, u64>,
    next_purge: Duration,
    /// Up to when it was looked for suppressions and jobs that end.
    expired: Option<Timestamp>,
    key: Key,
    /// What is planted, and the version of the store that says so.
    canaries: Option<(i64, Vec<Planted>)>,
    /// Events seen at the last beat, and beats in a row with stamps far from the clock, by source.
    stamps: Vec<(u64, u8)>,
}

/// Counters of a source before this run.
fn base(saved: &[Record], name: &str) -> Record {
    let saved = saved.iter().find(|tally| tally.source == name);
    saved.cloned().unwrap_or_else(|| Record { source: name.to_owned(), ..Record::default() })
}

/// Counts every detection.
fn told(metrics: &Arc<Metrics>, clock: &Arc<dyn Clock>) -> OnDetection {
    let (metrics, clock) = (Arc::clone(metrics), Arc::clone(clock));
    Box::new(move |detection| {
        metrics.detection(detection.detector, detection.kind, detection.severity, detection.store.as_deref());
        metrics.delay(clock.wall().since(detection.at));
    })
}

impl Agent {
    /// Opens the store, takes everything up where the last transaction left it, and opens the sources.
    ///
    /// # Errors
    /// The store cannot be used, or the sources are not as the configuration may have them.
    pub fn open(
        config: &Config,
        content: Content,
        key: &Key,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Agent, StartError> {
        let (metrics, clock) = (Arc::clone(metrics), Arc::clone(clock));
        let mut store = Sqlite::open(&config.state, &crate::store::Options::default())?;
        let snapshot = store.load()?;
        let told = told(&metrics, &clock);
        let feeds = setup::feeds(config, key);
        let parts = setup::parts(feeds, content, config.thresholds.clone(), &config.fold, told);
        let shelves = Shelves::open(&config.state)?;
        // What cannot be read is not known; a store that is damaged is told by whoever writes it.
        let ask: Ask = Box::new(move |path| shelves.holding(path).ok().flatten());
        let mut core = Core::new(Parts { holdings: Some(ask), ..parts });
        core.suppressions().restore(&snapshot.detector_state);
        core.detectors().restore(snapshot.detector_state);
        core.folder.restore(snapshot.stories)?;
        let options = TailOptions { poll: config.poll, ..TailOptions::default() };
        let (streams, files): (Vec<_>, Vec<_>) = snapshot.checkpoints.into_iter().partition(Checkpoint::is_stream);
        let tailer = Tailer::open(setup::tail_sources(config), &files, options, Arc::clone(&clock))?;
        let waker = tailer.waker();
        let mut streams = Streams::new(STREAM_CAPACITY, waker.clone(), streams);
        let wake = Arc::new(move || waker.wake());
        let found = Arc::clone(&wake);
        let hasher = Hasher::start(Arc::clone(&clock), move || found()).map_err(StartError::Thread)?;
        let mut desk =
            Desk::new(&config.notify, &config.host, Arc::clone(&clock), wake).map_err(StartError::Channels)?;
        desk.remember(store.open_documents(MOST_REMEMBERED)?.into_iter().map(Arc::from));
        let base: Vec<Record> = core.names().map(|name| base(&snapshot.tallies, name)).collect();
        let stamps = vec![(0, 0); base.len()];
        let channels = desk.channels().to_vec();
        let beside = setup::Beside { clock: &clock, changed: &core.files_changed(), metrics: &metrics };
        setup::streams(config, &mut streams, &beside, &|_| true).map_err(StartError::Thread)?;
        let now = clock.monotonic();
        Ok(Agent {
            tailer,
            streams,
            core,
            store,
            desk,
            hasher,
            metrics,
            clock,
            channels,
            base,
            pending: Batch::default(),
            unsaved: Unsaved::default(),
            shelved: None,
            gaps: Vec::new(),
            folded: 0,
            last_commit: now,
            commit_took: Duration::ZERO,
            last_beat: Duration::ZERO,
            dirty: false,
            failing: None,
            next_turn: None,
            stamps,
            config: config.clone(),
            evicted: BTreeMap::new(),
            next_purge: now,
            expired: None,
            key: key.clone(),
            canaries: None,
        })
    }

    /// Wakes the agent from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.tailer.waker()
    }

    /// Works until `stop` is set, then commits what there is.
    pub fn run(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.turn(IDLE_BEAT);
        }
        self.finish();
    }

    /// Commits what there is and ends what runs beside the data thread.
    pub fn finish(&mut self) {
        self.stop_streams(&|_| true);
        self.commit();
        let mut ledger = Ledger { store: &mut self.store, unsaved: &mut self.unsaved };
        if let Err(error) = self.desk.stop(&mut ledger, GRACE) {
            self.store_failed(&error);
        }
    }

    /// Reads what there is and commits it, without waiting for more: for benches and tests.
    pub fn catch_up(&mut self) {
        loop {
            self.core.set_now(self.clock.wall());
            let progress = self.read();
            if self.commit_due(self.clock.monotonic(), progress) {
                self.commit();
            }
            if !progress.more {
                break;
            }
        }
        self.beat();
    }

    /// What is known of every source.
    #[must_use]
    pub fn status(&self) -> &[FeedStatus] {
        self.core.status()
    }

    /// One turn: wait, at most `patience`, read, let time pass, commit what is due, tell what is due.
    pub fn turn(&mut self, patience: Duration) {
        let wake = self.tailer.wait(self.patience().min(patience));
        let wall = self.clock.wall();
        self.core.set_now(wall);
        self.metrics.beat(wall);
        self.take_hashes();
        let progress = self.read();
        if wake == Wake::Woken || self.next_turn.is_some_and(|next| next <= self.clock.wall()) {
            self.tell();
        }
        let now = self.clock.monotonic();
        if now.saturating_sub(self.last_beat) >= BEAT && !progress.more {
            self.last_beat = now;
            self.beat();
        }
        if self.commit_due(now, progress) {
            self.commit();
        }
    }

    /// Takes what there is, of files and of streams.
    fn read(&mut self) -> Progress {
        self.watch_canaries();
        let mut hands = Hands { core: &mut self.core, gaps: &mut self.gaps, metrics: &self.metrics };
        let files = self.tailer.read(&mut hands);
        let progress = files.and(self.streams.read(self.clock.monotonic(), self.clock.wall(), &mut hands));
        self.dirty |= progress.consumed > 0;
        // What the kernel could not tell file by file.
        for (source, untold) in self.streams.untold_files() {
            if let Some(metrics) = self.metrics.source(source) {
                metrics.file_losses(untold.losses, untold.folders.len() as u64);
            }
            self.core.files_changed().store(true, Ordering::Relaxed);
        }
        progress
    }

    /// Ends the sources that are no files and takes what they left.
    fn stop_streams(&mut self, which: &dyn Fn(&str) -> bool) {
        let now = (self.clock.monotonic(), self.clock.wall());
        let mut hands = Hands { core: &mut self.core, gaps: &mut self.gaps, metrics: &self.metrics };
        for name in self.streams.end(which, GRACE, now, &mut hands) {
            tracing::warn!(source = name, "A source did not end in time; it is left behind.");
        }
    }

    /// How long nothing has to be done.
    fn patience(&self) -> Duration {
        let now = self.clock.monotonic();
        if self.core.folded() != self.folded || !self.gaps.is_empty() {
            return (self.last_commit + GROUP).saturating_sub(now);
        }
        let beat = if self.dirty || self.failing.is_some() { BEAT } else { IDLE_BEAT };
        let beat = self.streams.due().map_or(beat, |due| beat.min(due.saturating_sub(now)));
        self.next_turn.map_or(beat, |next| beat.min(next.since(self.clock.wall())))
    }

    fn commit_due(&self, now: Duration, progress: Progress) -> bool {
        let since = now.saturating_sub(self.last_commit);
        if let Some(retry) = self.failing {
            return now >= retry;
        }
        let found = self.core.folded() != self.folded || !self.gaps.is_empty();
        let behind = (self.commit_took * COMMIT_SHARE).clamp(GROUP_BEHIND, BEAT);
        let group = if progress.more { behind } else { GROUP };
        (found && since >= group) || (self.dirty && since >= BEAT)
    }

    /// Lets time pass: windows end, people's acts are taken, channels are served, gauges are set.
    fn beat(&mut self) {
        let wall = self.clock.wall();
        // Everything up to now has been read, so no earlier record is still to come.
        self.core.tick(wall);
        self.take_acts();
        self.commit();
        self.forget(wall);
        self.tell_expired(wall);
        self.show_declared();
        self.show_sources(wall);
        self.show_folders();
        self.show_incidents();
    }

    /// Deletes a few rows of what was closed long ago; looks again at the next beat while there is more.
    fn forget(&mut self, wall: Timestamp) {
        let now = self.clock.monotonic();
        let keep = i64::try_from(self.config.keep.as_micros()).unwrap_or(i64::MAX);
        if now < self.next_purge || self.failing.is_some() {
            return;
        }
        match self.store.purge(Timestamp(wall.0.saturating_sub(keep))) {
            Ok(0) => self.next_purge = now + PURGE,
            Ok(_) => {}
            Err(error) => {
                self.next_purge = now + PURGE;
                self.store_failed(&error);
            }
        }
    }

    /// Acts that the command line left in the store while the agent ran.
    fn take_acts(&mut self) {
        let acts = match self.store.acts() {
            Ok(acts) => acts,
            Err(error) => return self.store_failed(&error),
        };
        for pending in acts {
            let mut result = self.core.folder.act(pending.incident, &pending.act, pending.at);
            if result == Err(kuzet_incident::ActError::Unknown)
                && let Ok(Some(saved)) = self.store.saved(pending.incident)
                && self.core.folder.adopt(saved).is_ok()
            {
                result = self.core.folder.act(pending.incident, &pending.act, pending.at);
            }
            if let Err(error) = result {
                tracing::warn!(incident = %pending.incident, %error, "An act on an incident was refused.");
            }
            self.pending.acts.push(pending.id);
        }
    }

    /// Records everything since the last commit in one transaction, and serves the channels.
    fn commit(&mut self) {
        let begun = self.clock.monotonic();
        let batch = self.collect();
        self.pending.absorb(batch);
        if self.pending.is_empty() {
            return self.tell();
        }
        let (start, durable) = (self.clock.monotonic(), self.pending.durable());
        match self.store.record(&self.pending) {
            Ok(()) => {
                if !self.pending.outbox.is_empty() {
                    self.desk.fresh();
                }
                if !self.pending.changes.is_empty() {
                    self.shelved = None;
                }
                self.pending = Batch::default();
                if durable {
                    self.metrics.commit(self.clock.monotonic().saturating_sub(start));
                }
                if self.failing.take().is_some() {
                    tracing::info!("The store can be written again; nothing was lost meanwhile.");
                }
            }
            Err(error) => {
                self.store_failed(&error);
                self.tell_unsaved();
            }
        }
        self.last_commit = self.clock.monotonic();
        self.commit_took = self.last_commit.saturating_sub(begun);
        self.tell();
    }

    fn store_failed(&mut self, error: &StoreError) {
        self.metrics.store_error(error.kind.code());
        if self.failing.is_none() {
            tracing::error!(%error, help = error.kind.help(), "The store failed; work goes on in memory and is retried.");
        }
        self.failing = Some(self.clock.monotonic() + BEAT);
    }

    /// What changed since the last call.
    fn collect(&mut self) -> Batch {
        self.folded = self.core.folded();
        self.dirty = false;
        let wall = self.clock.wall();
        let changes = self.core.folder.changes();
        let outbox = changes.iter().flat_map(|change| self.messages(change, wall)).collect();
        self.count_opened(&changes);
        self.ask_hashes(&changes);
        let ids: BTreeMap<String, SourceId> =
            (0..u16::MAX).zip(self.core.names()).map(|(id, name)| (name.to_owned(), SourceId(id))).collect();
        let mut checkpoints = self.tailer.checkpoints();
        for checkpoint in &mut checkpoints {
            if let Some(id) = ids.get(&checkpoint.source) {
                checkpoint.decoder = self.core.decoder_state(*id, checkpoint.file);
            }
        }
        checkpoints.extend(self.streams.checkpoints(wall, |source, file| self.core.decoder_state(source, file)));
        let names: Vec<&str> = self.core.names().collect();
        let name = |gap: &Gap| names.get(usize::from(gap.source.0)).map_or_else(String::new, |name| (*name).to_owned());
        let gaps = self.gaps.iter().map(|gap| (name(gap), gap.clone())).collect();
        let (expired, problems) = (self.tailer.forgotten(), self.streams.problems());
        let moved = !checkpoints.is_empty() || !problems.is_empty();
        let tallies = if moved { self.tallies() } else { Vec::new() };
        self.gaps.clear();
        let detector_state = self.state_rows();
        Batch {
            changes,
            detector_state,
            checkpoints,
            expired,
            gaps,
            outbox,
            tallies,
            problems,
            learnt: self.core.learnt(),
            ..Batch::default()
        }
    }

    /// Counters since the first start of each source.
    fn tallies(&self) -> Vec<Record> {
        let sum = |(base, status): (&Record, &FeedStatus)| Record {
            source: base.source.clone(),
            seen: base.seen + status.tally.seen,
            handled: base.handled + status.tally.handled,
            suppressed: base.suppressed + status.tally.suppressed,
            lost: base.lost + status.tally.lost,
            last_event: status.last_event.or(base.last_event),
        };
        self.base.iter().zip(self.core.status()).map(sum).collect()
    }

    /// One notification a channel for a change that people are to hear of.
    fn messages(&self, change: &Change, created: Timestamp) -> Vec<Message> {
        // What another incident took up is told to be over, and never as something new.
        let taken_up = change.incident.lifecycle.verdict == Some(Verdict::TakenUp) && change.what != What::Closed;
        if change.what == What::Forgotten || taken_up || self.channels.is_empty() {
            return Vec::new();
        }
        let Ok(payload) = change.incident.to_json() else { return Vec::new() };
        let replaceable = matches!(change.what, What::Updated | What::Ended);
        let message = |channel: &String| Message {
            channel: channel.clone(),
            incident: change.incident.id.to_string(),
            sequence: change.incident.observed.sequence,
            payload: payload.clone(),
            replaceable,
            created,
        };
        self.channels.iter().map(message).collect()
    }

    /// Serves the channels: hands over what is due, records what became of it.
    fn tell(&mut self) {
        let wall = self.clock.wall();
        match self.desk.turn(&mut Ledger { store: &mut self.store, unsaved: &mut self.unsaved }, wall) {
            Ok(turn) => {
                for (channel, standing) in self.channels.iter().zip(turn.channels) {
                    let (waiting, counts) = (standing.backlog, standing.counts);
                    self.metrics.outbox(channel, waiting.pending, waiting.dead, waiting.oldest);
                    let told = [
                        (Told::Delivered, counts.delivered),
                        (Told::Retried, counts.retried),
                        (Told::Refused, counts.refused),
                        (Told::Expired, counts.expired),
                        (Told::Resent, counts.resent),
                    ];
                    for (told, times) in told.into_iter().filter(|(_, times)| *times > 0) {
                        self.metrics.told(channel, told, times);
                    }
                }
                self.next_turn = turn.next;
            }
            Err(error) => self.store_failed(&error),
        }
    }

    /// The store cannot take notifications: they go out all the same, marked as unsaved, once.
    fn tell_unsaved(&mut self) {
        for message in std::mem::take(&mut self.pending.outbox) {
            self.unsaved.push(message);
        }
        self.desk.fresh();
    }
}

/// The core, with gaps kept for the next transaction.
struct Hands<'a> {
    core: &'a mut Core,
    gaps: &'a mut Vec<Gap>,
    metrics: &'a Metrics,
}

impl Sink for Hands<'_> {
    fn chunk(&mut self, info: &FileInfo, chunk: Chunk<'_>) -> usize {
        let consumed = self.core.chunk(info, chunk);
        if let Some(metrics) = self.metrics.source(info.source) {
            metrics.read_bytes.inc_by(consumed as u64);
        }
        consumed
    }

    fn gap(&mut self, gap: Gap) {
        if let Some(metrics) = self.metrics.source(gap.source) {
            metrics.gap(gap.reason);
        }
        self.core.gap(gap.clone());
        self.gaps.push(gap);
    }

    fn finished(&mut self, source: SourceId, file: FileId) {
        self.core.finished(source, file);
    }

    fn lost(&mut self, info: &FileInfo, offset: u64, records: u64, bytes: u64) {
        self.core.lost(info, offset, records, bytes);
    }
}
