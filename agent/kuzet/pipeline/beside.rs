//! What is told beside incidents: what people declared to be noise or expected work, how much that passed over and when
//! it ends; stamps far from the clock; what the files of programs are.

use super::Agent;
use crate::source::stream::StreamSettings;
use kuzet_detect::{Canaries, Diagnostic, Row};
use kuzet_event::Timestamp;
use kuzet_incident::{Change, What};
use std::collections::BTreeMap;
use std::time::Duration;

/// Stamps of records that were just written may differ from the clock by so much; more is a wrong offset or a wrong clock.
const SKEW: Duration = Duration::from_secs(30 * 60);

/// Beats in a row with new records and such stamps before it is told.
const SKEWED_BEATS: u8 = 3;

impl Agent {
    /// Rows of the detectors and of what was passed over, since the last call.
    pub(super) fn state_rows(&mut self) -> Vec<Row> {
        let mut rows = self.core.detectors().changes();
        rows.extend(self.core.suppressions().changes());
        rows
    }

    /// What bounded memory forgot since the start, by cache.
    pub(super) fn forgotten(&mut self) -> BTreeMap<&'static str, u64> {
        let detectors = self.core.detectors();
        let now = detectors.evicted_of().into_iter().chain([("detectors", detectors.evicted())]);
        now.map(|(cache, evicted)| (cache, evicted + self.evicted.get(cache).copied().unwrap_or(0))).collect()
    }

    /// Takes over what the command line planted or removed, before anything is read that came after it: who takes a row
    /// out touches it.
    pub(super) fn watch_canaries(&mut self) {
        let known = self.canaries.as_ref().map(|(version, _)| *version);
        let (version, planted) = match self.store.canaries(known) {
            Ok(Some(changed)) => changed,
            Ok(None) => return,
            Err(error) => return self.store_failed(&error),
        };
        if self.canaries.as_ref().is_none_or(|(_, before)| *before != planted) {
            self.core.detectors().watch_canaries(Canaries::new(&self.key, &planted));
        }
        self.canaries = Some((version, planted));
    }

    /// Brings the counters up to date.
    pub(super) fn show_declared(&mut self) {
        for (name, counted) in self.core.suppressions().counted() {
            self.metrics.suppressed(name, counted.times);
        }
        for (name, counted) in self.core.detectors().expected() {
            self.metrics.expected(name, counted.times);
        }
    }

    /// Tells once of each suppression or job that ended while the agent runs; those that had ended before were told when
    /// the configuration was read.
    pub(super) fn tell_expired(&mut self, wall: Timestamp) {
        self.metrics.expired(self.core.expired(wall).count());
        let before = self.expired.replace(wall).unwrap_or(wall);
        let was: Vec<Diagnostic> = self.core.expired(before).collect();
        for ended in self.core.expired(wall).filter(|one| !was.contains(one)) {
            let (file, line) = (&ended.file, ended.line);
            tracing::warn!(code = ended.code, file, line, help = ended.help, "{}", ended.message);
        }
    }

    /// Tells once when records that have just been written carry stamps far from the clock.
    pub(super) fn watch_stamps(&mut self, wall: Timestamp) {
        for ((status, name), (events, beats)) in self.core.status().iter().zip(self.core.names()).zip(&mut self.stamps)
        {
            let Some(at) = status.last_event.filter(|_| status.events > *events) else { continue };
            *events = status.events;
            let skew = wall.since(at).max(at.since(wall));
            *beats = if skew > SKEW { beats.saturating_add(1) } else { 0 };
            if *beats == SKEWED_BEATS {
                tracing::warn!(
                    source = name,
                    seconds = skew.as_secs(),
                    help = "set offset of this source to the zone of its server, or set the clock",
                    "Records that have just been written carry stamps far from the clock: hours of the policy and delays are wrong."
                );
            }
        }
    }

    /// Counts new incidents.
    pub(super) fn count_opened(&self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.what == What::Opened) {
            if let Some(kind) = change.incident.kinds.first() {
                let store = change.incident.store.as_ref().map(|store| (store.name.as_str(), store.guessed));
                self.metrics.incident(kind.kind, change.incident.severity, store);
            }
        }
    }

    /// Asks for the programs of these incidents that the sensor of this host told of: a path that was recorded, or comes from
    /// elsewhere, is none of this host's files.
    pub(super) fn ask_hashes(&mut self, changes: &[Change]) {
        let sources = self.config.sources.iter();
        let sensors = sources.filter(|source| matches!(source.stream, Some(StreamSettings::Sensor(_))));
        let sensors: Vec<&str> = sensors.map(|source| source.name.as_str()).collect();
        let own = |change: &&Change| change.incident.sources.iter().any(|source| sensors.contains(&source.as_str()));
        let programs = changes.iter().filter(own).flat_map(|change| change.incident.transfers.programs());
        programs.filter(|program| program.sha256.is_none()).for_each(|program| self.hasher.ask(program));
    }

    /// Notes what was found; it is recorded and told with the next commit.
    pub(super) fn take_hashes(&mut self) {
        for (program, sha256) in self.hasher.answers() {
            self.core.folder.hashed(&program, &sha256);
            self.dirty = true;
        }
    }
}
