//! The metrics of one source, resolved once so that the data path never looks a label up.

use super::{Gauge, GaugeVec, IntCounter, IntCounterVec, Maker, MetricsError, count, list, seconds};
use crate::message::GapReason;
use kuzet_event::Timestamp;
use std::sync::OnceLock;
use std::time::Duration;

const REASONS: [GapReason; 6] = [
    GapReason::Truncated,
    GapReason::Deleted,
    GapReason::Rewritten,
    GapReason::Unreadable,
    GapReason::Compressed,
    GapReason::Dropped,
];

/// By which a sensor may see.
const MEANS: [&str; 3] = ["bpf", "diag", "proc"];

/// A gauge that does not exist before it is known: unknown is not 0.
#[derive(Clone, Debug)]
struct Late {
    family: GaugeVec,
    label: String,
    gauge: OnceLock<Option<Gauge>>,
}

impl Late {
    fn set(&self, value: f64) {
        let make = || self.family.get_metric_with_label_values(&[self.label.as_str()]).ok();
        if let Some(gauge) = self.gauge.get_or_init(make) {
            gauge.set(value);
        }
    }
}

/// Handles of one source. The counters keep `seen = handled + suppressed + lost`; who counts keeps it true.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    name: String,
    /// Records held by the source.
    pub seen: IntCounter,
    /// Records handled.
    pub handled: IntCounter,
    /// Records passed over on purpose.
    pub suppressed: IntCounter,
    /// Records lost.
    pub lost: IntCounter,
    /// Bytes read.
    pub read_bytes: IntCounter,
    /// Events decoded.
    pub events: IntCounter,
    /// Statements of shared roles whose person the application told.
    pub told: IntCounter,
    /// Those whose person it did not tell.
    pub untold: IntCounter,
    /// Events dated ahead of the clock.
    pub ahead: IntCounter,
    /// Bytes lost, as far as known.
    pub lost_bytes: IntCounter,
    gaps: [IntCounter; REASONS.len()],
    lag_bytes: Late,
    lag: Late,
    last_event: Late,
    readable: Late,
    means: GaugeVec,
    coverage: Late,
    files: Late,
    file_losses: IntCounterVec,
    rescans: IntCounterVec,
}

/// What became of the records of one source since the start; `seen = handled + suppressed + lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records held by the source.
    pub seen: u64,
    /// Records handled.
    pub handled: u64,
    /// Records passed over on purpose.
    pub suppressed: u64,
    /// Records lost.
    pub lost: u64,
    /// Events decoded.
    pub events: u64,
    /// Statements of shared roles whose person the application told.
    pub told: u64,
    /// Those whose person it did not tell.
    pub untold: u64,
    /// Events dated ahead of the clock.
    pub ahead: u64,
}

impl SourceMetrics {
    /// Name of the source.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Brings the counters up to totals that are counted elsewhere; totals that are lower change nothing.
    pub fn totals(&self, totals: Totals) {
        let pairs = [
            (&self.seen, totals.seen),
            (&self.handled, totals.handled),
            (&self.suppressed, totals.suppressed),
            (&self.lost, totals.lost),
            (&self.events, totals.events),
            (&self.told, totals.told),
            (&self.untold, totals.untold),
            (&self.ahead, totals.ahead),
        ];
        for (counter, total) in pairs {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }

    /// One gap.
    pub fn gap(&self, reason: GapReason) {
        if let Some(at) = REASONS.iter().position(|known| *known == reason) {
            self.gaps[at].inc();
        }
    }

    /// Bytes written and not handled, and the age of the newest handled record while there are any.
    pub fn lag(&self, bytes: u64, age: Duration) {
        self.lag_bytes.set(bytes as f64);
        self.lag.set(if bytes == 0 { 0.0 } else { age.as_secs_f64() });
    }

    /// Stamp of the newest record, by the server's clock.
    pub fn last_event(&self, at: Timestamp) {
        self.last_event.set(seconds(at));
    }

    /// How many files are followed, and whether all of them can be read.
    pub fn files(&self, files: usize, readable: bool) {
        self.files.set(files as f64);
        self.readable(readable);
    }

    /// How often a sensor lost records of files, and how many folders are looked through for that, since the last call.
    pub fn file_losses(&self, losses: u64, rescans: u64) {
        count(&self.file_losses, &[&self.name], losses);
        count(&self.rescans, &[&self.name], rescans);
    }

    /// Share of what is seen of its server, 0 to 1.
    pub fn coverage(&self, share: f64) {
        self.coverage.set(share);
    }

    /// Whether all of the source can be read: files, the listener, the connection.
    pub fn readable(&self, readable: bool) {
        self.readable.set(f64::from(u8::from(readable)));
    }

    /// By which means a sensor sees; `None`: it is none, or none works now.
    pub fn means(&self, now: Option<&str>) {
        for means in MEANS {
            let labels = [self.name.as_str(), means];
            match now {
                Some(now) => {
                    if let Ok(gauge) = self.means.get_metric_with_label_values(&labels) {
                        gauge.set(f64::from(u8::from(now == means)));
                    }
                }
                // Removing what is not there is the one possible error.
                None => drop(self.means.remove_label_values(&labels)),
            }
        }
    }
}

/// The families that the sources share.
#[derive(Clone, Debug)]
pub(super) struct Families {
    seen: IntCounterVec,
    records: IntCounterVec,
    read_bytes: IntCounterVec,
    events: IntCounterVec,
    shared: IntCounterVec,
    ahead: IntCounterVec,
    lost_bytes: IntCounterVec,
    gaps: IntCounterVec,
    lag_bytes: GaugeVec,
    lag: GaugeVec,
    last_event: GaugeVec,
    readable: GaugeVec,
    means: GaugeVec,
    coverage: GaugeVec,
    files: GaugeVec,
    file_losses: IntCounterVec,
    rescans: IntCounterVec,
}

impl Families {
    pub(super) fn new(make: &Maker) -> Result<Families, MetricsError> {
        Ok(Families {
            seen: make.counters(&list::SEEN)?,
            records: make.counters(&list::RECORDS)?,
            read_bytes: make.counters(&list::READ_BYTES)?,
            events: make.counters(&list::EVENTS)?,
            shared: make.counters(&list::SHARED)?,
            ahead: make.counters(&list::AHEAD)?,
            lost_bytes: make.counters(&list::LOST_BYTES)?,
            gaps: make.counters(&list::GAPS)?,
            lag_bytes: make.float_gauges(&list::LAG_BYTES)?,
            lag: make.float_gauges(&list::LAG)?,
            last_event: make.float_gauges(&list::LAST_EVENT)?,
            readable: make.float_gauges(&list::READABLE)?,
            means: make.float_gauges(&list::MEANS)?,
            coverage: make.float_gauges(&list::COVERAGE)?,
            files: make.float_gauges(&list::FILES)?,
            file_losses: make.counters(&list::FILE_LOSSES)?,
            rescans: make.counters(&list::RESCANS)?,
        })
    }

    pub(super) fn source(&self, name: &str) -> Result<SourceMetrics, MetricsError> {
        let result = |result| self.records.get_metric_with_label_values(&[name, result]);
        let gap = |reason: GapReason| self.gaps.get_metric_with_label_values(&[name, reason.name()]);
        let late = |family: &GaugeVec| Late { family: family.clone(), label: name.into(), gauge: OnceLock::new() };
        let [truncated, deleted, rewritten, unreadable, compressed, dropped] = REASONS;
        Ok(SourceMetrics {
            name: name.to_owned(),
            seen: self.seen.get_metric_with_label_values(&[name])?,
            handled: result("handled")?,
            suppressed: result("suppressed")?,
            lost: result("lost")?,
            read_bytes: self.read_bytes.get_metric_with_label_values(&[name])?,
            events: self.events.get_metric_with_label_values(&[name])?,
            told: self.shared.get_metric_with_label_values(&[name, "told"])?,
            untold: self.shared.get_metric_with_label_values(&[name, "untold"])?,
            ahead: self.ahead.get_metric_with_label_values(&[name])?,
            lost_bytes: self.lost_bytes.get_metric_with_label_values(&[name])?,
            gaps: [gap(truncated)?, gap(deleted)?, gap(rewritten)?, gap(unreadable)?, gap(compressed)?, gap(dropped)?],
            lag_bytes: late(&self.lag_bytes),
            lag: late(&self.lag),
            last_event: late(&self.last_event),
            readable: late(&self.readable),
            means: self.means.clone(),
            coverage: late(&self.coverage),
            files: late(&self.files),
            file_losses: self.file_losses.clone(),
            rescans: self.rescans.clone(),
        })
    }

    /// Drops the series of a source that is gone.
    pub(super) fn forget(&self, name: &str) {
        // Removing what is not there is the one possible error.
        for family in [&self.seen, &self.read_bytes, &self.events, &self.lost_bytes, &self.file_losses, &self.rescans] {
            drop(family.remove_label_values(&[name]));
        }
        for result in ["handled", "suppressed", "lost"] {
            drop(self.records.remove_label_values(&[name, result]));
        }
        for means in MEANS {
            drop(self.means.remove_label_values(&[name, means]));
        }
        for reason in REASONS {
            drop(self.gaps.remove_label_values(&[name, reason.name()]));
        }
        for family in [&self.lag_bytes, &self.lag, &self.last_event, &self.readable, &self.coverage, &self.files] {
            drop(family.remove_label_values(&[name]));
        }
    }
}
