//! The metrics of folders: what lies there, how far the inventory is, what its worker does, and how their files are watched.

use super::{IntCounter, IntCounterVec, IntGaugeVec, Maker, MetricsError, list, set};
use crate::message::Stock;
use kuzet_event::Timestamp;
use prometheus::Counter;
use prometheus::core::Collector;
use std::time::Duration;

/// By which the files of a folder may be watched.
const MEANS: [&str; 4] = ["filesystem", "mount", "inotify", "none"];

/// Metrics of folders, by their configured names. A clone counts into the same series.
#[derive(Clone, Debug)]
pub struct FolderMetrics {
    files: IntGaugeVec,
    personal: IntGaugeVec,
    people: IntGaugeVec,
    documents: IntGaugeVec,
    exposed: IntGaugeVec,
    uninspected: IntGaugeVec,
    walking: IntGaugeVec,
    met: IntGaugeVec,
    walked: IntGaugeVec,
    means: IntGaugeVec,
    paused: Counter,
    starts: IntCounter,
    ended: IntCounterVec,
    inspected: IntCounterVec,
    bytes: IntCounter,
    busy: Counter,
}

impl FolderMetrics {
    pub(super) fn new(make: &Maker) -> Result<FolderMetrics, MetricsError> {
        Ok(FolderMetrics {
            files: make.gauges(&list::FOLDER_FILES)?,
            personal: make.gauges(&list::FOLDER_PERSONAL)?,
            people: make.gauges(&list::FOLDER_PEOPLE)?,
            documents: make.gauges(&list::FOLDER_DOCUMENTS)?,
            exposed: make.gauges(&list::FOLDER_EXPOSED)?,
            uninspected: make.gauges(&list::FOLDER_UNINSPECTED)?,
            walking: make.gauges(&list::FOLDER_WALKING)?,
            met: make.gauges(&list::FOLDER_MET)?,
            walked: make.gauges(&list::FOLDER_WALKED)?,
            means: make.gauges(&list::FOLDER_MEANS)?,
            paused: make.seconds(&list::INVENTORY_PAUSED)?,
            starts: make.counter(&list::WORKER_STARTS)?,
            ended: make.counters(&list::WORKER_LOST)?,
            inspected: make.counters(&list::INSPECTED)?,
            bytes: make.counter(&list::INSPECTED_BYTES)?,
            busy: make.seconds(&list::INSPECTION)?,
        })
    }

    /// What is known of the files of a folder, all of it.
    pub fn stock(&self, folder: &str, stock: &Stock) {
        let gauges = [
            (&self.files, stock.files),
            (&self.personal, stock.personal),
            (&self.people, stock.people),
            (&self.documents, stock.documents),
            (&self.exposed, stock.exposed),
        ];
        for (family, value) in gauges {
            set(family, &[folder], value);
        }
        for (reason, files) in &stock.missed {
            match files {
                // Removing what is not there is the one possible error.
                0 => drop(self.uninspected.remove_label_values(&[folder, reason])),
                files => set(&self.uninspected, &[folder, reason], *files),
            }
        }
    }

    /// A walk is in a folder, and has come upon so many of its files.
    pub fn walks(&self, folder: &str, met: u64) {
        set(&self.walking, &[folder], 1);
        set(&self.met, &[folder], met);
    }

    /// No walk is in it any more; `whole`: when the last one ended that came through all of it.
    pub fn walked(&self, folder: &str, whole: Option<Timestamp>) {
        set(&self.walking, &[folder], 0);
        if let Some(at) = whole {
            set(&self.walked, &[folder], at.0.div_euclid(1_000_000).unsigned_abs());
        }
    }

    /// By which means its files are watched; the outer `None`: nobody said, the inner one: by none.
    pub fn means(&self, folder: &str, now: Option<Option<&str>>) {
        for means in MEANS {
            match now {
                Some(now) => set(&self.means, &[folder, means], u64::from(now.unwrap_or("none") == means)),
                // Removing what is not there is the one possible error.
                None => drop(self.means.remove_label_values(&[folder, means])),
            }
        }
    }

    /// The inventory waited for a host under pressure.
    pub fn paused(&self, time: Duration) {
        self.paused.inc_by(time.as_secs_f64());
    }

    /// A file was looked into: its format, nothing where that is not known, and how many bytes of it were read.
    pub fn inspected(&self, format: &'static str, bytes: u64) {
        super::count(&self.inspected, &[if format.is_empty() { "unknown" } else { format }], 1);
        self.bytes.inc_by(bytes);
    }

    /// The worker was lost over a file.
    pub fn lost(&self, reason: &'static str) {
        super::count(&self.ended, &[reason], 1);
    }

    /// How often workers were started, and for how long they were asked, since the last call.
    pub fn worked(&self, starts: u64, busy: Duration) {
        self.starts.inc_by(starts);
        self.busy.inc_by(busy.as_secs_f64());
    }

    /// Drops the series of a folder that is gone.
    pub(super) fn forget(&self, folder: &str) {
        self.means(folder, None);
        let all = [
            &self.files,
            &self.personal,
            &self.people,
            &self.documents,
            &self.exposed,
            &self.walking,
            &self.met,
            &self.walked,
        ];
        for family in all {
            drop(family.remove_label_values(&[folder]));
        }
        for family in self.uninspected.collect() {
            for metric in family.get_metric() {
                let value = |name: &str| metric.get_label().iter().find(|label| label.name() == name);
                if let (Some(of), Some(reason)) = (value("folder"), value("reason"))
                    && of.value() == folder
                {
                    drop(self.uninspected.remove_label_values(&[folder, reason.value()]));
                }
            }
        }
    }
}
