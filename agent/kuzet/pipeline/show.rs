//! What the metrics say of sources, folders and incidents, told anew at every beat.

use super::Agent;
use crate::config::own;
use crate::metrics::{OpenIncidents, SEVERITIES, Totals};
use crate::source::stream::{SensorSight, StreamSettings};
use kuzet_decode::Tally;
use kuzet_event::{SourceId, Timestamp};
use kuzet_incident::State;
use std::time::Duration;

impl Agent {
    pub(super) fn show_sources(&mut self, wall: Timestamp) {
        self.watch_stamps(wall);
        for (index, status) in self.core.status().iter().enumerate() {
            let Some(metrics) = self.metrics.source(SourceId(u16::try_from(index).unwrap_or(u16::MAX))) else {
                continue;
            };
            let Tally { seen, handled, suppressed, lost, lost_bytes } = status.tally;
            metrics.totals(Totals {
                seen,
                handled,
                suppressed,
                lost,
                events: status.events,
                told: status.told,
                untold: status.untold,
                ahead: status.ahead,
            });
            metrics.lost_bytes.inc_by(lost_bytes.saturating_sub(metrics.lost_bytes.get()));
            if let Some(at) = status.last_event {
                metrics.last_event(at);
            }
        }
        for status in self.tailer.status() {
            let Some(metrics) = self.metrics.source(status.source) else { continue };
            let lag: u64 = status.files.iter().map(|file| file.lag).sum();
            let age = match status.files.iter().filter(|file| file.lag > 0).filter_map(|file| file.last_read).min() {
                Some(read) => wall.since(read),
                None => Duration::ZERO,
            };
            metrics.lag(lag, age);
            let readable = !status.files.iter().any(|file| file.error.is_some());
            metrics.files(status.files.len(), readable && status.problems.is_empty());
        }
        for stream in self.streams.status() {
            let Some(metrics) = self.metrics.source(stream.source) else { continue };
            let waiting = stream.last.filter(|_| stream.lag > 0);
            metrics.lag(stream.lag, waiting.map_or(Duration::ZERO, |last| wall.since(last)));
            metrics.readable(stream.problem.is_none());
            // A sensor that cannot be reached sees by none.
            let sight = stream.sight.filter(|_| stream.problem.is_none());
            metrics.means(sight.map(|sight| sight.means.as_str()));
        }
        let (events, hits) = self.core.detectors().rules_did();
        self.metrics.ruled(events, hits.iter().map(|(rule, times)| (&**rule, *times)));
        for (cache, evicted) in self.forgotten() {
            self.metrics.evictions(cache, evicted);
        }
        self.metrics.baselines(self.core.detectors().baselines());
        self.metrics.set_ready(true);
    }

    /// By which means the files of each folder are watched; of a folder that no sensor is asked about nothing is said.
    pub(super) fn show_folders(&self) {
        let sensors = self.config.sources.iter().any(|source| matches!(source.stream, Some(StreamSettings::Sensor(_))));
        // A sensor that cannot be reached watches nothing.
        let sights: Vec<&SensorSight> =
            self.streams.status().filter(|stream| stream.problem.is_none()).filter_map(|stream| stream.sight).collect();
        for folder in own(&self.config.folders).filter(|_| sensors) {
            let mut spots = sights.iter().flat_map(|sight| &sight.files).filter(|spot| spot.folder == folder.path);
            let means = spots.find_map(|spot| spot.means.as_deref());
            self.metrics.folders().means(&folder.folder.name, Some(means));
        }
    }

    /// Incidents without a verdict, in memory or not: one that the folder forgot waits for people all the same.
    pub(super) fn show_incidents(&mut self) {
        if self.shelved.is_none() {
            match self.store.shelved() {
                Ok(shelved) => self.shelved = Some(shelved),
                Err(error) => self.store_failed(&error),
            }
        }
        for severity in SEVERITIES {
            let mut open = OpenIncidents::default();
            for one in self.shelved.iter().flatten().filter(|one| one.severity == severity as u8) {
                open.incidents += one.incidents;
                open.people_at_least += one.people_at_least;
                open.people_at_most += one.people_at_most;
                open.people_unknown += one.people_unknown;
            }
            let unresolved = |incident: &&kuzet_incident::Incident| {
                incident.severity == severity && incident.lifecycle.state != State::Closed
            };
            for incident in self.core.folder.incidents().filter(unresolved) {
                open.add(incident.people.at_least, incident.people.at_most);
            }
            self.metrics.open(severity, open);
        }
    }
}
