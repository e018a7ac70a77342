//! The thinking half of the data path, the same for `run` and `replay`: bytes → events → detections → incidents.
//!
//! No clock, no file, no store: it is handed chunks and times, and is asked what changed.

use crate::holdings::{Ask, Holdings};
use crate::message::{Gap, GapReason, Learnt};
use crate::source::{FileInfo, Sink};
use kuzet_decode::{Chunk, DecodeOptions, Decoder, Edge, Format, Tally};
use kuzet_detect::{Detection, Detectors, Diagnostic, Severities, SightLoss, Suppressions, sight_lost};
use kuzet_event::{Action, Count, Event, FileId, Place, SourceId, System, Timestamp, UNTOLD, Witness};
use kuzet_incident::{FoldConfig, Folder};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Bytes after which a format must be recognised or given up.
const SNIFF_BYTES: usize = 64 << 10;

/// A log whose time goes back further than records of several sessions may overtake each other was written by another
/// hand, or by another clock.
const BACKWARDS: Duration = Duration::from_secs(10);
/// A log has no lines of the future. Clocks of two hosts differ by less; what is dated further ahead is forged, or was
/// written by a clock that jumped.
const AHEAD: Duration = Duration::from_secs(300);
/// Records in a row from which the source's clock is ahead: they happen now. One among others happened when its
/// neighbours did.
const AHEAD_RECORDS: u32 = 20;
/// Such jumps of one file that are told; more of them are a log of several clocks.
const JUMPS: u8 = 3;

/// Records after which a source whose records are mostly not understood is told as blind.
const BLIND_RECORDS: u64 = 20;

/// One source, as the core needs it.
pub struct Feed {
    /// Name in the configuration.
    pub name: String,
    /// Configured format; `None` recognises it in each file.
    pub format: Option<Format>,
    /// What its decoders need to know.
    pub options: DecodeOptions,
}

/// What is known of one source so far.
#[derive(Clone, Debug, Default)]
pub struct FeedStatus {
    /// Records since the start.
    pub tally: Tally,
    /// Stamp of the latest event.
    pub last_event: Option<Timestamp>,
    /// Format of the latest file.
    pub format: Option<Format>,
    /// Events made.
    pub events: u64,
    /// Statements of shared roles whose person the application told.
    pub told: u64,
    /// Those whose person it did not tell.
    pub untold: u64,
    /// Events dated ahead of the clock.
    pub ahead: u64,
    /// Records that never reached a decoder; part of `tally.lost`.
    dropped: u64,
    blind_told: bool,
}

/// Told of every detection as it is made.
pub type OnDetection = Box<dyn FnMut(&Detection) + Send>;

/// What a core is made of.
pub struct Parts {
    /// Sources.
    pub feeds: Vec<Feed>,
    /// Detectors, with the rules they go by.
    pub detectors: Detectors,
    /// How bad.
    pub severities: Severities,
    /// What is declared to be noise.
    pub suppressions: Suppressions,
    /// How detections are folded.
    pub fold: FoldConfig,
    /// Asked for what files hold; `None`: only what is told is known.
    pub holdings: Option<Ask>,
    /// Told of every detection.
    pub told: OnDetection,
}

/// Told of every event and of what it completed.
pub type OnEvent = Box<dyn FnMut(&Event, &[Detection]) + Send>;

/// One file being read.
struct Reading {
    decoder: Box<dyn Decoder>,
    /// Stamp of its latest record.
    latest: Option<Timestamp>,
    jumps: u8,
    /// Records dated ahead of the clock, up to the last one in a row; and whether that was told.
    ahead: u32,
    ahead_told: bool,
}

/// What is wrong with the times of some events.
#[derive(Default)]
struct Times {
    /// Where time goes back, and how far.
    back: Option<(Place, Duration)>,
    /// Where a record is dated ahead of the clock for the first time, and how far; and how many are.
    first_ahead: Option<(Place, Duration)>,
    ahead: u64,
}

/// Decoders, detectors and the folder with their state.
pub struct Core {
    feeds: Vec<Feed>,
    status: Vec<FeedStatus>,
    decoders: HashMap<(SourceId, FileId), Reading>,
    detectors: Detectors,
    severities: Severities,
    suppressions: Suppressions,
    holdings: Holdings,
    /// Folds detections; public to the wiring, which asks it for changes.
    pub folder: Folder,
    now: Option<Timestamp>,
    watermark: Timestamp,
    events: Vec<Event>,
    detections: Vec<Detection>,
    on_detection: OnDetection,
    on_event: Option<OnEvent>,
    folded: u64,
}

impl Core {
    /// A core without a past.
    #[must_use]
    pub fn new(parts: Parts) -> Core {
        let Parts { feeds, detectors, severities, suppressions, fold, holdings, told } = parts;
        let status = feeds.iter().map(|_| FeedStatus::default()).collect();
        Core {
            feeds,
            status,
            decoders: HashMap::new(),
            detectors,
            severities,
            suppressions,
            holdings: Holdings::new(holdings),
            folder: Folder::new(fold),
            now: None,
            watermark: Timestamp(i64::MIN),
            events: Vec::new(),
            detections: Vec::new(),
            on_detection: told,
            on_event: None,
            folded: 0,
        }
    }

    /// Goes on with other sources and rules. Stories stay, and so do the books of sources that keep their name; decoders
    /// stay where `same` says so. The state of the detectors is the caller's to restore.
    pub fn reconfigure(&mut self, parts: Parts, same: &dyn Fn(&str) -> bool) {
        let Parts { feeds, detectors, severities, suppressions, fold, told, .. } = parts;
        let old: Vec<String> = self.names().map(str::to_owned).collect();
        let number = |at: Option<usize>| SourceId(at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX));
        let moved = |from: SourceId| {
            let name = old.get(usize::from(from.0));
            number(name.and_then(|name| feeds.iter().position(|feed| feed.name == *name)))
        };
        self.decoders = std::mem::take(&mut self.decoders)
            .into_iter()
            .filter(|((source, _), _)| old.get(usize::from(source.0)).is_some_and(|name| same(name)))
            .map(|((source, file), decoder)| ((moved(source), file), decoder))
            .collect();
        self.folder.reconfigure(fold, moved);
        let status = feeds.iter().zip(0..).map(|(feed, id)| {
            let before = old.iter().position(|name| *name == feed.name).and_then(|at| self.status.get(at));
            let mut status = before.cloned().unwrap_or_default();
            if !same(&feed.name) {
                (status.format, status.blind_told) = (None, false);
            }
            if let Some(format) = status.format {
                self.folder.trust_source(SourceId(id), format.info().trust);
            }
            status
        });
        self.status = status.collect();
        (self.feeds, self.detectors, self.severities, self.on_detection) = (feeds, detectors, severities, told);
        self.suppressions = suppressions;
    }

    /// Has every event from now on told to `watch`.
    pub fn watch(&mut self, watch: OnEvent) {
        self.on_event = Some(watch);
    }

    /// The detectors, for their state.
    pub fn detectors(&mut self) -> &mut Detectors {
        &mut self.detectors
    }

    /// Set when the kernel tells that a file was changed.
    #[must_use]
    pub fn files_changed(&self) -> Arc<AtomicBool> {
        self.holdings.changed()
    }

    /// What inspections told of files since the last call.
    pub fn learnt(&mut self) -> Vec<Learnt> {
        self.holdings.take()
    }

    /// What is declared to be noise, for its state and its counts.
    pub fn suppressions(&mut self) -> &mut Suppressions {
        &mut self.suppressions
    }

    /// A warning for each suppression and job that has ended at `now`.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        self.suppressions.expired(now).chain(self.detectors.expired(now))
    }

    /// Sets what the wall shows while the next chunks are handled: "seen at", and the time that no record can be ahead of.
    /// Never called in a replay, where an event is seen when it happened, and none is ahead of when its file was written.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    /// Detections folded so far: rises when there is something to record.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Stamp of the latest event of all sources.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        (self.watermark != Timestamp(i64::MIN)).then_some(self.watermark)
    }

    /// Status of every source, in the order of the configuration.
    #[must_use]
    pub fn status(&self) -> &[FeedStatus] {
        &self.status
    }

    /// Names of the sources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.feeds.iter().map(|feed| feed.name.as_str())
    }

    /// Decoder states of files, for their checkpoints.
    #[must_use]
    pub fn decoder_state(&self, source: SourceId, file: FileId) -> Vec<u8> {
        self.decoders.get(&(source, file)).map(|reading| reading.decoder.snapshot()).unwrap_or_default()
    }

    /// Lets time pass up to `now`: windows end, stories close.
    pub fn tick(&mut self, now: Timestamp) {
        self.detectors.tick(now, &mut self.detections);
        self.fold();
        self.folder.tick(now);
    }

    /// Nothing more comes: what still waits is told.
    pub fn finish(&mut self) {
        self.detectors.finish(&mut self.detections);
        self.fold();
    }

    fn fold(&mut self) {
        let mut silent = Vec::new();
        for detection in self.detections.drain(..) {
            (self.on_detection)(&detection);
            self.folded += 1;
            if self.suppressions.silence(&detection) {
                silent.push(detection);
            } else {
                self.folder.fold(&detection, self.now.unwrap_or(detection.at));
            }
        }
        // What another detection of the same event opened is not to lack their numbers.
        for detection in silent {
            let seen_at = self.now.unwrap_or(detection.at);
            self.folder.join(detection, seen_at);
        }
    }

    /// The decoder of a file, made when its format is known.
    fn decoder(&mut self, info: &FileInfo, chunk: &Chunk<'_>) -> Option<&mut Reading> {
        let key = (info.source, info.file);
        let feed = self.feeds.get(usize::from(info.source.0))?;
        if !self.decoders.contains_key(&key) {
            let format = feed.format.or_else(|| kuzet_decode::sniff(chunk.bytes))?;
            // A log has no lines of the future; a replay says itself when its files end.
            let latest = self.now.or(feed.options.latest);
            let mut decoder = format.decoder(&DecodeOptions { latest, ..feed.options.clone() });
            decoder.restore(&info.decoder);
            self.status[usize::from(info.source.0)].format = Some(format);
            self.folder.trust_source(info.source, format.info().trust);
            self.decoders.insert(key, Reading { decoder, latest: None, jumps: 0, ahead: 0, ahead_told: false });
        }
        self.decoders.get_mut(&key)
    }

    /// Bytes of a file whose format nobody knows: left alone while it is short, then counted as lost.
    fn unknown(&mut self, info: &FileInfo, chunk: &Chunk<'_>) -> usize {
        if chunk.bytes.len() < SNIFF_BYTES && !matches!(chunk.edge, Edge::End | Edge::Full) {
            return 0;
        }
        let lines = memchr::memchr_iter(b'\n', chunk.bytes).count().max(1) as u64;
        let lost = Tally { seen: lines, lost: lines, lost_bytes: chunk.bytes.len() as u64, ..Tally::default() };
        self.account(
            info.source,
            lost,
            Place { offset: chunk.offset, source: info.source, file: info.file, length: 0 },
        );
        chunk.bytes.len()
    }

    /// Adds to the tally, and tells once when a source is mostly not understood.
    fn account(&mut self, source: SourceId, tally: Tally, place: Place) {
        let Some(status) = self.status.get_mut(usize::from(source.0)) else { return };
        status.tally.add(tally);
        let (total, dropped) = (status.tally, status.dropped);
        let (lost, seen) = (total.lost - dropped, total.seen - dropped);
        if status.blind_told || lost < BLIND_RECORDS || lost * 2 < seen {
            return;
        }
        status.blind_told = true;
        let what = "most records are not understood: is the configured format the right one?".to_owned();
        self.sight_lost(place, what, Count::Known(total.lost_bytes));
    }

    fn tell_times(&mut self, times: &Times) {
        if let Some((place, back)) = times.back {
            let seconds = back.as_secs();
            let what = format!("time in the log goes back by {seconds} s: another clock, or lines that were put in");
            self.sight_lost(place, what, Count::Known(0));
        }
        if let Some((place, ahead)) = times.first_ahead {
            let seconds = ahead.as_secs();
            let what = format!(
                "a record is dated {seconds} s ahead of the clock: it is forged, or the server's clock is wrong; it is taken \
                 as of the time of the records before it"
            );
            self.sight_lost(place, what, Count::Known(0));
        }
    }

    fn sight_lost(&mut self, place: Place, reason: String, bytes: Count) {
        let source = place.source;
        let system = self
            .feeds
            .get(usize::from(source.0))
            .and_then(|feed| feed.format)
            .or_else(|| self.status.get(usize::from(source.0)).and_then(|status| status.format))
            .map_or(System::Postgresql, |format| format.info().system);
        let at = self.watermark().or(self.now).unwrap_or_default();
        let loss = SightLoss { system, at, place, reason, bytes };
        self.detections.push(sight_lost(loss, &self.severities));
        self.fold();
        self.folder.gap(source, at, bytes);
    }
}

impl Reading {
    /// Looks where time goes back among `events` or runs ahead of `now`, and takes back what is ahead: a stamp of next year
    /// would end every window and story, and make late what is told after it.
    fn times(&mut self, events: &mut [Event], now: Option<Timestamp>) -> Times {
        let mut found = Times::default();
        for event in events {
            self.bound(event, now, &mut found);
            // Records made to measure, those of requests and of a gateway's connections may carry the time when it began.
            let late = event.action == Action::Request || event.actor.system == System::Network;
            if event.witness == Witness::Measure || late {
                continue;
            }
            let back = self.latest.map_or(Duration::ZERO, |latest| latest.since(event.at));
            if back > BACKWARDS && self.jumps < JUMPS {
                self.jumps += 1;
                found.back = Some((event.place, back));
                self.latest = Some(event.at);
            } else {
                self.latest = self.latest.max(Some(event.at));
            }
        }
        found
    }

    fn bound(&mut self, event: &mut Event, now: Option<Timestamp>, found: &mut Times) {
        let Some((now, ahead)) = now.map(|now| (now, event.at.since(now))).filter(|(_, ahead)| *ahead > AHEAD) else {
            self.ahead = 0;
            return;
        };
        self.ahead = self.ahead.saturating_add(1);
        found.ahead += 1;
        event.at = self.latest.filter(|_| self.ahead < AHEAD_RECORDS).unwrap_or(now);
        if !std::mem::replace(&mut self.ahead_told, true) {
            found.first_ahead = Some((event.place, ahead));
        }
    }
}

impl Sink for Core {
    fn chunk(&mut self, info: &FileInfo, chunk: Chunk<'_>) -> usize {
        let mut events = std::mem::take(&mut self.events);
        let now = self.now.or_else(|| self.feeds.get(usize::from(info.source.0))?.options.latest);
        let Some(reading) = self.decoder(info, &chunk) else {
            self.events = events;
            return self.unknown(info, &chunk);
        };
        let decoded = reading.decoder.decode(chunk, &mut events);
        let times = reading.times(&mut events, now);
        let (mut told, mut untold) = (0, 0);
        for event in &mut events {
            self.holdings.complete(event);
            // Statistics never tell who it was: that says nothing of the application.
            let logged = event.action == Action::Statement && event.witness != Witness::Measure;
            if logged && !event.actor.person.is_empty() {
                *(if *event.actor.person == *UNTOLD { &mut untold } else { &mut told }) += 1;
            }
            self.detectors.observe(event, &mut self.detections);
            if let Some(watch) = &mut self.on_event {
                watch(event, &self.detections);
            }
            if !self.detections.is_empty() {
                self.fold();
            }
        }
        let index = usize::from(info.source.0);
        if let (Some(last), Some(status)) = (events.last(), self.status.get_mut(index)) {
            status.last_event = Some(status.last_event.map_or(last.at, |before| before.max(last.at)));
            status.events += events.len() as u64;
            (status.told, status.untold) = (status.told + told, status.untold + untold);
            status.ahead += times.ahead;
            self.watermark = self.watermark.max(last.at);
        }
        events.clear();
        self.events = events;
        self.tell_times(&times);
        if decoded.tally != Tally::default() {
            let place = Place { source: info.source, file: info.file, offset: chunk.offset, length: 0 };
            self.account(info.source, decoded.tally, place);
        }
        decoded.consumed
    }

    fn gap(&mut self, gap: Gap) {
        let place = Place { source: gap.source, file: gap.file, offset: gap.offset, length: 0 };
        let name = gap.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let what = match gap.reason {
            GapReason::Truncated => format!("{name} was cut before its end was read"),
            GapReason::Deleted => format!("{name} was deleted before its end was read"),
            GapReason::Rewritten => format!("{name} was edited or replaced in place"),
            GapReason::Unreadable => format!("{name} may not be read"),
            GapReason::Compressed => format!("{name} is compressed in a way that cannot be read"),
            GapReason::Dropped => format!("records of {name} were dropped before they could be read"),
        };
        let what = kuzet_personal::mask_identifiers(&what).into_owned();
        self.sight_lost(place, what, gap.bytes);
    }

    fn finished(&mut self, source: SourceId, file: FileId) {
        self.decoders.remove(&(source, file));
    }

    fn lost(&mut self, info: &FileInfo, _offset: u64, records: u64, bytes: u64) {
        if let Some(status) = self.status.get_mut(usize::from(info.source.0)) {
            status.tally.add(Tally { seen: records, lost: records, lost_bytes: bytes, ..Tally::default() });
            status.dropped += records;
        }
    }
}
