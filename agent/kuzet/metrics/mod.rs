//! `/metrics`: what the agent saw, lost, found and told, for Prometheus.
//!
//! Label values come from the configuration, the catalogue or the program (see [`list::BOUNDS`]); a hostile log cannot
//! add a series. Handles of a source are resolved once, so that counting a record is one atomic addition.

mod folder;
pub mod list;
mod process;
mod server;
mod source;

pub use folder::FolderMetrics;
pub use process::{Usage, usage};
pub use server::{ServeError, Server, serve};
pub use source::{SourceMetrics, Totals};

use kuzet_detect::{Family, Kind, Severity, Store};
use kuzet_event::{Count, SourceId, Timestamp};
use list::Described;
use prometheus::core::Collector;
use prometheus::{
    Counter, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Upper bounds of both delay histograms, seconds: 0.1 ms to 60 s.
const BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Label value of every store that no catalogue covers.
pub const GUESSED: &str = "guessed";
/// Label value where no store is known.
pub const NO_STORE: &str = "none";

/// Kinds of errors of the store, by their stable codes.
pub const STORE_ERRORS: [&str; 9] = [
    "KZ-STORE-FULL",
    "KZ-STORE-READONLY",
    "KZ-STORE-CORRUPT",
    "KZ-STORE-BUSY",
    "KZ-STORE-IN-USE",
    "KZ-STORE-SCHEMA",
    "KZ-STORE-IO",
    "KZ-STORE-INTERNAL",
    "other",
];

/// With more stores than this, series of incidents begin with their first incident: Prometheus then does not see that
/// first one as an increase, but a large catalogue does not make thousands of series that stay 0.
const STORES_FROM_ZERO: usize = 16;

/// With more rules than this, series of rules begin with their first hit, for the same reason.
const RULES_FROM_ZERO: usize = 128;
/// Rules with a series of their own; the hits of others are counted together.
const RULES_NAMED: usize = 512;
/// Label value of rules without a series of their own.
pub const OTHER_RULES: &str = "other";

/// The names that may become label values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// Sources, in the order of the configuration ([`SourceId`] is the position).
    pub sources: &'a [String],
    /// Stores of the catalogue.
    pub stores: &'a [String],
    /// Channels of notification.
    pub channels: &'a [String],
    /// Suppressions.
    pub suppressions: &'a [String],
    /// Declared jobs.
    pub jobs: &'a [String],
    /// Rules and correlations.
    pub rules: &'a [String],
    /// Folders.
    pub folders: &'a [String],
}

/// A metric could not be made: two of one name, or a name Prometheus does not take. A fault of the program or a
/// repeated name in the configuration.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// What became of one attempt to tell a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Taken by the other side.
    Delivered,
    /// Failed, will be tried again.
    Retried,
    /// Refused for good.
    Refused,
    /// Given up after the time or number of attempts allowed.
    Expired,
    /// Told again because the incident is still open.
    Resent,
}

impl Told {
    /// Every result, for lists.
    pub const ALL: [Told; 5] = [Told::Delivered, Told::Retried, Told::Refused, Told::Expired, Told::Resent];

    /// Label value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Told::Delivered => "delivered",
            Told::Retried => "retried",
            Told::Refused => "refused",
            Told::Expired => "expired",
            Told::Resent => "resent",
        }
    }
}

/// People affected by the open incidents of one severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenIncidents {
    /// Incidents open.
    pub incidents: u64,
    /// Sum of the lower bounds.
    pub people_at_least: u64,
    /// Sum of the known upper bounds.
    pub people_at_most: u64,
    /// Incidents without a known upper bound.
    pub people_unknown: u64,
}

impl OpenIncidents {
    /// Adds one open incident.
    pub fn add(&mut self, at_least: u64, at_most: Count) {
        self.incidents += 1;
        self.people_at_least += at_least;
        match at_most {
            Count::Known(number) => self.people_at_most += number,
            Count::Unknown => self.people_unknown += 1,
        }
    }
}

/// Every metric of the agent. A clone counts into the same series.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    stores: BTreeSet<String>,
    channels: Vec<String>,
    /// Names of suppressions and of jobs.
    declared: [Vec<String>; 2],
    rule_names: BTreeSet<String>,
    folder_names: Vec<String>,
    folders: FolderMetrics,
    families: source::Families,
    sources: Vec<SourceMetrics>,
    ready: Arc<AtomicBool>,
    reloaded: IntGauge,
    reloaded_at: IntGauge,
    heartbeat: IntGauge,
    policy: IntGauge,
    catalogue: IntGauge,
    place_data: IntGauge,
    rules: IntGaugeVec,
    rule_events: IntCounterVec,
    rule_hits: IntCounterVec,
    cpu: Counter,
    resident: IntGauge,
    start: IntGauge,
    detections: IntCounterVec,
    suppressed: IntCounterVec,
    expected: IntCounterVec,
    expired: IntGauge,
    incidents: IntCounterVec,
    incidents_open: IntGaugeVec,
    people: IntGaugeVec,
    people_unknown: IntGaugeVec,
    delay: Histogram,
    commit: Histogram,
    store_errors: IntCounterVec,
    outbox_pending: IntGaugeVec,
    outbox_dead: IntGaugeVec,
    outbox_oldest: GaugeVec,
    notifications: IntCounterVec,
    cache_evictions: IntCounterVec,
    baselines: IntGaugeVec,
}

impl Metrics {
    /// Makes and registers every metric of [`list::LIST`] for the given names.
    ///
    /// # Errors
    /// Only by a fault in the list itself.
    pub fn new(names: Names<'_>) -> Result<Metrics, MetricsError> {
        let make = Maker { registry: Registry::new() };
        make.gauges(&list::BUILD_INFO)?.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1);
        let metrics = Metrics {
            stores: BTreeSet::new(),
            channels: Vec::new(),
            declared: [Vec::new(), Vec::new()],
            rule_names: BTreeSet::new(),
            folder_names: Vec::new(),
            folders: FolderMetrics::new(&make)?,
            families: source::Families::new(&make)?,
            sources: Vec::new(),
            ready: Arc::new(AtomicBool::new(false)),
            reloaded: make.gauge(&list::RELOADED)?,
            reloaded_at: make.gauge(&list::RELOADED_AT)?,
            heartbeat: make.gauge(&list::HEARTBEAT)?,
            policy: make.gauge(&list::POLICY_LOADED)?,
            catalogue: make.gauge(&list::CATALOGUE_LOADED)?,
            place_data: make.gauge(&list::PLACE_DATA)?,
            rules: make.gauges(&list::RULES)?,
            rule_events: make.counters(&list::RULE_EVENTS)?,
            rule_hits: make.counters(&list::RULE_HITS)?,
            cpu: make.seconds(&list::CPU)?,
            resident: make.gauge(&list::RESIDENT)?,
            start: make.gauge(&list::START)?,
            detections: make.counters(&list::DETECTIONS)?,
            suppressed: make.counters(&list::SUPPRESSED)?,
            expected: make.counters(&list::EXPECTED)?,
            expired: make.gauge(&list::EXPIRED)?,
            incidents: make.counters(&list::INCIDENTS)?,
            incidents_open: make.gauges(&list::INCIDENTS_OPEN)?,
            people: make.gauges(&list::PEOPLE)?,
            people_unknown: make.gauges(&list::PEOPLE_UNKNOWN)?,
            delay: make.histogram(&list::DELAY)?,
            commit: make.histogram(&list::COMMIT)?,
            store_errors: make.counters(&list::STORE_ERRORS)?,
            outbox_pending: make.gauges(&list::OUTBOX_PENDING)?,
            outbox_dead: make.gauges(&list::OUTBOX_DEAD)?,
            outbox_oldest: make.float_gauges(&list::OUTBOX_OLDEST)?,
            notifications: make.counters(&list::NOTIFICATIONS)?,
            cache_evictions: make.counters(&list::CACHE_EVICTIONS)?,
            baselines: make.gauges(&list::BASELINES)?,
            registry: make.registry,
        };
        metrics.renamed(names)
    }

    /// The same metrics for other names: series of names that stay go on.
    ///
    /// # Errors
    /// Only by a fault in the list itself.
    pub fn renamed(&self, names: Names<'_>) -> Result<Metrics, MetricsError> {
        let metrics = Metrics {
            stores: names.stores.iter().cloned().collect(),
            channels: names.channels.to_vec(),
            declared: [names.suppressions.to_vec(), names.jobs.to_vec()],
            rule_names: names.rules.iter().take(RULES_NAMED).cloned().collect(),
            folder_names: names.folders.to_vec(),
            sources: names.sources.iter().map(|name| self.families.source(name)).collect::<Result<_, _>>()?,
            ..self.clone()
        };
        metrics.start_at_zero(names)?;
        Ok(metrics)
    }

    /// Drops the series of names that `old` had and these have not.
    pub fn forget(&self, old: &Metrics) {
        for gone in old.sources.iter().filter(|one| !self.sources.iter().any(|name| one.name() == name.name())) {
            self.families.forget(gone.name());
        }
        for ((family, now), old) in [&self.suppressed, &self.expected].iter().zip(&self.declared).zip(&old.declared) {
            for gone in old.iter().filter(|one| !now.contains(one)) {
                drop(family.remove_label_values(&[gone]));
            }
        }
        for gone in old.rule_names.difference(&self.rule_names) {
            drop(self.rule_hits.remove_label_values(&[gone]));
        }
        for gone in old.folder_names.iter().filter(|one| !self.folder_names.contains(one)) {
            self.folders.forget(gone);
        }
        for gone in old.channels.iter().filter(|one| !self.channels.contains(one)) {
            // Removing what is not there is the one possible error.
            drop(self.outbox_pending.remove_label_values(&[gone]));
            drop(self.outbox_dead.remove_label_values(&[gone]));
            drop(self.outbox_oldest.remove_label_values(&[gone]));
            for told in Told::ALL {
                drop(self.notifications.remove_label_values(&[gone.as_str(), told.name()]));
            }
        }
    }

    /// Series that should exist before their first count, so that a rate of them is 0 and not absent.
    fn start_at_zero(&self, names: Names<'_>) -> Result<(), MetricsError> {
        for severity in SEVERITIES {
            self.incidents_open.get_metric_with_label_values(&[severity_name(severity)])?;
            self.people_unknown.get_metric_with_label_values(&[severity_name(severity)])?;
            for bound in ["at_least", "at_most"] {
                self.people.get_metric_with_label_values(&[severity_name(severity), bound])?;
            }
        }
        for kind in STORE_ERRORS {
            self.store_errors.get_metric_with_label_values(&[kind])?;
        }
        // The first incident of a kind must be an increase, and most incidents are the first of their kind.
        let stores = self.stores.iter().take(STORES_FROM_ZERO).map(String::as_str);
        for store in stores.chain([GUESSED, NO_STORE]) {
            let touches = |kind: &Kind| matches!(kind.family(), Family::Access | Family::Change) || store == NO_STORE;
            for kind in Kind::ALL.into_iter().filter(touches) {
                for severity in SEVERITIES {
                    self.incidents.get_metric_with_label_values(&[kind.name(), severity_name(severity), store])?;
                }
            }
        }
        for (family, names) in [(&self.suppressed, names.suppressions), (&self.expected, names.jobs)] {
            names.iter().try_for_each(|name| family.get_metric_with_label_values(&[name]).map(drop))?;
        }
        for name in self.rule_names.iter().filter(|_| self.rule_names.len() <= RULES_FROM_ZERO) {
            self.rule_hits.get_metric_with_label_values(&[name])?;
        }
        for channel in names.channels {
            self.outbox_pending.get_metric_with_label_values(&[channel])?;
            self.outbox_dead.get_metric_with_label_values(&[channel])?;
            for told in Told::ALL {
                self.notifications.get_metric_with_label_values(&[channel.as_str(), told.name()])?;
            }
        }
        Ok(())
    }

    /// Handles of one source; `None` for a position that the configuration does not have.
    #[must_use]
    pub fn source(&self, id: SourceId) -> Option<&SourceMetrics> {
        self.sources.get(usize::from(id.0))
    }

    /// Those of folders.
    #[must_use]
    pub fn folders(&self) -> &FolderMetrics {
        &self.folders
    }

    /// The data path took a turn. To be called at least every 30 seconds, idle or not.
    pub fn beat(&self, now: Timestamp) {
        self.heartbeat.set(now.0.div_euclid(1_000_000));
    }

    /// Unix seconds of the last [`Metrics::beat`]; 0 before the first.
    #[must_use]
    pub fn last_beat_seconds(&self) -> i64 {
        self.heartbeat.get()
    }

    /// Says whether the agent watches what it was told to watch; `/-/ready` answers it.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// What [`Metrics::set_ready`] said last.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Which optional files are loaded.
    pub fn loaded(&self, policy: bool, catalogue: bool) {
        self.policy.set(i64::from(policy));
        self.catalogue.set(i64::from(catalogue));
    }

    /// Of which day the data are that say where addresses are.
    pub fn place_data(&self, seconds: Option<i64>) {
        self.place_data.set(seconds.unwrap_or(0));
    }

    /// How many rules there are, by state.
    pub fn rules(&self, states: &[(&'static str, usize)]) {
        for (state, number) in states {
            set(&self.rules, &[state], *number as u64);
        }
    }

    /// What rules did since the last call: events held against them, and the hits of each rule.
    pub fn ruled<'r>(&self, events: u64, hits: impl IntoIterator<Item = (&'r str, u64)>) {
        count(&self.rule_events, &[], events);
        for (rule, times) in hits {
            let label = if self.rule_names.contains(rule) { rule } else { OTHER_RULES };
            count(&self.rule_hits, &[label], times);
        }
    }

    /// How many suppressions and declared jobs have ended.
    pub fn expired(&self, ended: usize) {
        self.expired.set(i64::try_from(ended).unwrap_or(i64::MAX));
    }

    /// A configuration was taken into force, or refused.
    pub fn reloaded(&self, done: bool, at: Timestamp) {
        self.reloaded.set(i64::from(done));
        if done {
            self.reloaded_at.set(at.0.div_euclid(1_000_000));
        }
    }

    /// One detection.
    pub fn detection(&self, detector: &'static str, kind: Kind, severity: Severity, store: Option<&Store>) {
        let labels = [detector, kind.name(), severity_name(severity), self.store_label(store)];
        count(&self.detections, &labels, 1);
    }

    /// Detections that one configured suppression kept from opening an incident, all of them.
    pub fn suppressed(&self, suppression: &str, total: u64) {
        raise(&self.suppressed, suppression, total);
    }

    /// Events that one declared job explains, all of them.
    pub fn expected(&self, job: &str, total: u64) {
        raise(&self.expected, job, total);
    }

    /// One incident was opened; the store is given by its name and whether it is a guess.
    pub fn incident(&self, kind: Kind, severity: Severity, store: Option<(&str, bool)>) {
        count(&self.incidents, &[kind.name(), severity_name(severity), self.label(store)], 1);
    }

    /// The open incidents of one severity, all of them.
    pub fn open(&self, severity: Severity, open: OpenIncidents) {
        let severity = severity_name(severity);
        set(&self.incidents_open, &[severity], open.incidents);
        set(&self.people, &[severity, "at_least"], open.people_at_least);
        set(&self.people, &[severity, "at_most"], open.people_at_most);
        set(&self.people_unknown, &[severity], open.people_unknown);
    }

    /// Label value of a store: its name only if the catalogue has it.
    #[must_use]
    pub fn store_label<'a>(&self, store: Option<&'a Store>) -> &'a str {
        self.label(store.map(|store| (store.name.as_ref(), store.guessed)))
    }

    fn label<'a>(&self, store: Option<(&'a str, bool)>) -> &'a str {
        match store {
            None => NO_STORE,
            Some((name, false)) if self.stores.contains(name) => name,
            Some(_) => GUESSED,
        }
    }

    /// Time from a record's own stamp to the decision on it.
    pub fn delay(&self, delay: Duration) {
        self.delay.observe(delay.as_secs_f64());
    }

    /// Time of one durable commit.
    pub fn commit(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    /// One failed operation of the store; a kind that is not of [`STORE_ERRORS`] counts as `other`.
    pub fn store_error(&self, kind: &str) {
        let known = STORE_ERRORS.iter().find(|known| **known == kind).unwrap_or(&"other");
        count(&self.store_errors, &[known], 1);
    }

    /// What waits in the outbox of one configured channel.
    pub fn outbox(&self, channel: &str, pending: u64, dead: u64, oldest: Option<Timestamp>) {
        set(&self.outbox_pending, &[channel], pending);
        set(&self.outbox_dead, &[channel], dead);
        match oldest {
            Some(at) => {
                if let Ok(gauge) = self.outbox_oldest.get_metric_with_label_values(&[channel]) {
                    gauge.set(seconds(at));
                }
            }
            // Removing what is not there is the one possible error.
            None => drop(self.outbox_oldest.remove_label_values(&[channel])),
        }
    }

    /// Attempts to tell one configured channel.
    pub fn told(&self, channel: &str, told: Told, times: u64) {
        count(&self.notifications, &[channel, told.name()], times);
    }

    /// Entries pushed out of a bounded cache since the start; `cache` is a name from the program.
    pub fn evictions(&self, cache: &'static str, total: u64) {
        raise(&self.cache_evictions, cache, total);
    }

    /// How many baselines are in which state.
    pub fn baselines(&self, states: [(&'static str, usize); 2]) {
        for (state, count) in states {
            set(&self.baselines, &[state], count as u64);
        }
    }

    /// The text format, version 0.0.4, with the process's own usage as of now.
    ///
    /// # Errors
    /// When the encoder refuses a metric, which would be a fault of the program.
    pub fn render(&self) -> Result<Vec<u8>, MetricsError> {
        if let Some(usage) = usage() {
            // A counter cannot be set; it is brought up to what the system says.
            self.cpu.inc_by((usage.cpu_seconds - self.cpu.get()).max(0.0));
            self.resident.set(i64::try_from(usage.resident_bytes).unwrap_or(i64::MAX));
            self.start.set(i64::try_from(usage.start_seconds).unwrap_or(i64::MAX));
        }
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Every severity, for lists.
pub const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// Label value of a severity.
#[must_use]
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1e6
}

/// The number of labels is right by the list, so that the lookup cannot fail.
fn count(family: &IntCounterVec, labels: &[&str], times: u64) {
    if let Ok(counter) = family.get_metric_with_label_values(labels) {
        counter.inc_by(times);
    }
}

/// Brings a counter up to a total that is counted elsewhere.
fn raise(family: &IntCounterVec, label: &str, total: u64) {
    if let Ok(counter) = family.get_metric_with_label_values(&[label]) {
        counter.inc_by(total.saturating_sub(counter.get()));
    }
}

fn set(family: &IntGaugeVec, labels: &[&str], value: u64) {
    if let Ok(gauge) = family.get_metric_with_label_values(labels) {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

fn opts(metric: &Described) -> Opts {
    Opts::new(metric.name, metric.help)
}

/// Makes metrics from their description and registers them.
struct Maker {
    registry: Registry,
}

impl Maker {
    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, MetricsError> {
        self.registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn gauge(&self, metric: &Described) -> Result<IntGauge, MetricsError> {
        self.register(IntGauge::with_opts(opts(metric))?)
    }

    fn gauges(&self, metric: &Described) -> Result<IntGaugeVec, MetricsError> {
        self.register(IntGaugeVec::new(opts(metric), metric.labels)?)
    }

    fn float_gauges(&self, metric: &Described) -> Result<GaugeVec, MetricsError> {
        self.register(GaugeVec::new(opts(metric), metric.labels)?)
    }

    fn counters(&self, metric: &Described) -> Result<IntCounterVec, MetricsError> {
        self.register(IntCounterVec::new(opts(metric), metric.labels)?)
    }

    fn counter(&self, metric: &Described) -> Result<IntCounter, MetricsError> {
        self.register(IntCounter::with_opts(opts(metric))?)
    }

    /// A counter of time.
    fn seconds(&self, metric: &Described) -> Result<Counter, MetricsError> {
        self.register(Counter::with_opts(opts(metric))?)
    }

    fn histogram(&self, metric: &Described) -> Result<Histogram, MetricsError> {
        let opts = HistogramOpts::new(metric.name, metric.help).buckets(BUCKETS.to_vec());
        self.register(Histogram::with_opts(opts)?)
    }
}
