//! How the inventory stands, for whoever looks at its metrics: where it walks, what it has asked, what is known of each folder.

use super::Settings;
use crate::clock::Clock;
use crate::metrics::FolderMetrics;
use crate::store::Shelves;
use crate::worker::{self, Answer, Verdict, Work};
use kuzet_decode::path_key;
use kuzet_personal::Key;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long what was told takes to be in the store.
const SETTLED: Duration = Duration::from_secs(3);
/// What is known is added up again when so many times the length of the last sum passed, at least [`SETTLED`].
const SHARE: u32 = 20;

/// How the inventory stands.
pub(super) struct Stand<'a> {
    settings: &'a Settings,
    metrics: &'a FolderMetrics,
    clock: &'a Arc<dyn Clock>,
    work: Arc<Work>,
    /// Keyed hashes of the folders.
    keys: Vec<u128>,
    /// Files met in this walk, by folder.
    met: Vec<u64>,
    /// Whether this walk came through all of it.
    whole: Vec<Option<bool>>,
    /// Whether one came through all of it since the start.
    walked: Vec<bool>,
    /// Which configured folder each folder that the walk is in belongs to.
    inside: Vec<Option<usize>>,
    /// When something was told that is in no sum yet.
    told: Option<Duration>,
    /// When the last sum ended, and what it took.
    summed: Option<(Duration, Duration)>,
}

impl<'a> Stand<'a> {
    pub(super) fn new(settings: &'a Settings, metrics: &'a FolderMetrics, clock: &'a Arc<dyn Clock>) -> Stand<'a> {
        let key = Key::new(settings.secret);
        let keys = settings.folders.iter().map(|(path, _)| path_key(&key, &path.to_string_lossy())).collect();
        settings.folders.iter().for_each(|(_, name)| metrics.walked(name, None));
        let none = settings.folders.len();
        Stand {
            settings,
            metrics,
            clock,
            work: Arc::default(),
            keys,
            met: vec![0; none],
            whole: vec![None; none],
            walked: vec![false; none],
            inside: Vec::new(),
            told: Some(clock.monotonic()),
            summed: None,
        }
    }

    /// What its workers do is counted here.
    pub(super) fn work(&self) -> Arc<Work> {
        Arc::clone(&self.work)
    }

    /// The walk enters a folder.
    pub(super) fn enter(&mut self, path: &Path) {
        let own = self.settings.folders.iter().position(|(folder, _)| folder == path);
        let of = own.or_else(|| self.inside.last().copied().flatten());
        if let Some(new) = own {
            (self.met[new], self.whole[new]) = (0, Some(true));
        }
        self.inside.push(of);
        self.show();
    }

    /// It leaves it; `whole`: behind all that is in it.
    pub(super) fn leave(&mut self, whole: bool) {
        self.show();
        if let Some(Some(of)) = self.inside.pop() {
            self.whole[of] = self.whole[of].map(|so_far| so_far && whole);
        }
    }

    /// It comes upon a file.
    pub(super) fn meet(&mut self) {
        if let Some(Some(of)) = self.inside.last() {
            self.met[*of] += 1;
        }
    }

    fn show(&self) {
        if let Some(Some(of)) = self.inside.last() {
            self.metrics.walks(&self.settings.folders[*of].1, self.met[*of]);
        }
    }

    /// The walk has ended, and all that it told was handed on.
    pub(super) fn end(&mut self, done: bool) {
        self.inside.clear();
        let at = self.clock.wall();
        for (of, (_, name)) in self.settings.folders.iter().enumerate() {
            let Some(whole) = self.whole[of].take().map(|whole| whole && done) else { continue };
            self.metrics.walked(name, whole.then_some(at));
            if whole && !std::mem::replace(&mut self.walked[of], true) {
                self.told = Some(self.clock.monotonic());
            }
        }
        self.worked();
    }

    /// Something was told that the store does not know yet.
    pub(super) fn tell(&mut self) {
        self.told = Some(self.clock.monotonic());
    }

    /// A file was looked into.
    pub(super) fn looked(&self, answer: &Answer) {
        match answer.verdict {
            Verdict::Unreadable(trouble) => self.metrics.lost(trouble.name()),
            _ => self.metrics.inspected(answer.format, answer.bytes),
        }
    }

    /// The inventory waited because the host was under pressure.
    pub(super) fn paused(&self, time: Duration) {
        self.metrics.paused(time);
    }

    fn worked(&self) {
        let micros = self.work.micros.swap(0, Ordering::Relaxed);
        self.metrics.worked(self.work.starts.swap(0, Ordering::Relaxed), Duration::from_micros(micros));
    }

    /// Adds up what is known, if that has changed and it is time.
    pub(super) fn sum(&mut self) {
        self.worked();
        let (now, Some(told)) = (self.clock.monotonic(), self.told) else { return };
        let due = |(at, took): (Duration, Duration)| at + (took * SHARE).max(SETTLED) <= now;
        if !self.summed.is_none_or(due) {
            return;
        }
        let Ok(shelves) = Shelves::open(&self.settings.state) else { return };
        let all: BTreeSet<u128> = self.keys.iter().copied().collect();
        for ((key, walked), (_, name)) in self.keys.iter().zip(&self.walked).zip(&self.settings.folders) {
            // What cannot be read is not known: the last sum stays. What was never walked is not empty.
            match shelves.stock(*key, &all, worker::reasons()) {
                Ok(stock) if *walked || stock.files > 0 => self.metrics.stock(name, &stock),
                _ => {}
            }
        }
        let end = self.clock.monotonic();
        self.summed = Some((end, end.saturating_sub(now)));
        // What was told last is in the store by now, or in the next sum.
        self.told = Some(told).filter(|told| *told + SETTLED > now);
    }
}
