//! From configuration to the parts of the data path; the same for `run`, `replay` and the tests.

use crate::clock::Clock;
use crate::config::{Config, Content, SourceConfig, own};
use crate::core::{Feed, OnDetection, Parts};
use crate::database::DatabaseConfig;
use crate::database::poll;
use crate::inventory;
use crate::message::Outlet;
use crate::metrics::Metrics;
use crate::source::stream::{StreamSender, Streams};
use crate::source::{CurrentLogfiles, LogDestination, Start, TailSource};
use crate::state;
use kuzet_decode::{DecodeOptions, Format};
use kuzet_detect::{Detectors, Folders, Thresholds};
use kuzet_event::{SourceId, System, Trust};
use kuzet_incident::{FoldConfig, SourceInfo};
use kuzet_personal::Key;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Feeds of the configured sources and databases, in their order.
#[must_use]
pub fn feeds(config: &Config, key: &Key) -> Vec<Feed> {
    let pools = |source: &str| {
        let of = config.pools.iter().filter(|pool| pool.source.as_ref().is_none_or(|name| *name == source));
        of.map(|pool| Arc::clone(&pool.pool)).collect()
    };
    let feed = |source: &SourceConfig| Feed {
        name: source.name.clone(),
        format: source.format.as_deref().and_then(Format::from_name),
        options: DecodeOptions {
            log_line_prefix: source.log_line_prefix.clone(),
            timezone: source.offset_seconds.unwrap_or(config.offset_seconds),
            mapping: source.map.clone(),
            pools: pools(&source.name),
            ..DecodeOptions::new(key.clone())
        },
    };
    let status = |database: &DatabaseConfig| Feed {
        name: database.name.clone(),
        format: Some(match database.system {
            System::Postgresql => Format::PostgresqlStatus,
            _ => Format::MariadbStatus,
        }),
        // The roles that its log calls shared are shared.
        options: DecodeOptions {
            pools: pools(database.source.as_deref().unwrap_or(&database.name)),
            ..DecodeOptions::new(key.clone())
        },
    };
    let inventory = || Feed {
        name: INVENTORY.to_owned(),
        format: Some(Format::Inventory),
        options: DecodeOptions::new(key.clone()),
    };
    let walked = walked(config).then(inventory);
    config.sources.iter().map(feed).chain(config.databases.iter().map(status)).chain(walked).collect()
}

/// The source that the inventory is.
pub const INVENTORY: &str = "inventory";

/// Whether there is one.
fn walked(config: &Config) -> bool {
    own(&config.folders).next().is_some() && config.inventory.every.is_some()
}

/// Names of everything that is fed, in the order of the feeds.
#[must_use]
pub fn names(config: &Config) -> Vec<String> {
    let databases = config.databases.iter().map(|database| &database.name);
    let inventory = walked(config).then(|| INVENTORY.to_owned());
    config.sources.iter().map(|source| &source.name).chain(databases).cloned().chain(inventory).collect()
}

/// What the core is made of; `told` hears of every detection.
#[must_use]
pub fn parts(
    feeds: Vec<Feed>,
    content: Content,
    thresholds: Thresholds,
    fold: &FoldConfig,
    told: OnDetection,
) -> Parts {
    // No feed, no event.
    let key = feeds.first().map_or(Key::new([0; 32]), |feed| feed.options.key.clone());
    let trust = |feed: &Feed| feed.format.map_or(Trust::Forgeable, |format| format.info().trust);
    let sources = feeds.iter().map(|feed| SourceInfo { name: Arc::from(feed.name.as_str()), trust: trust(feed) });
    let fold = FoldConfig { sources: sources.collect(), ..fold.clone() };
    let (severities, suppressions) = (content.severities.clone(), content.suppressions);
    let detectors = Detectors::new(content.catalogue, content.policy, thresholds, content.severities)
        .with_rules(content.rules.book, &key)
        .with_place(content.place.place, content.place.recipients)
        .with_folders(Folders::new(content.folders));
    Parts { feeds, detectors, severities, suppressions, fold, holdings: None, told }
}

/// What the tailer follows.
#[must_use]
pub fn tail_sources(config: &Config) -> Vec<TailSource> {
    let follow = |(index, source): (usize, &SourceConfig)| {
        let destination = match source.format.as_deref().and_then(Format::from_name) {
            Some(Format::PostgresqlCsvlog) => LogDestination::Csvlog,
            Some(Format::PostgresqlStderr) => LogDestination::Stderr,
            _ => LogDestination::Jsonlog,
        };
        let list =
            |directory: &std::path::PathBuf| CurrentLogfiles { path: directory.join("current_logfiles"), destination };
        TailSource {
            id: SourceId(u16::try_from(index).unwrap_or(u16::MAX)),
            name: source.name.clone(),
            patterns: source.paths.clone(),
            current_logfiles: source.data_directory.as_ref().map(list),
            start: if source.from_beginning { Start::Beginning } else { Start::End },
        }
    };
    config.sources.iter().enumerate().filter(|(_, source)| source.stream.is_none()).map(follow).collect()
}

/// What sources that are no files have in common with the data path.
pub struct Beside<'a> {
    /// The clock.
    pub clock: &'a Arc<dyn Clock>,
    /// Set when a file was changed: the inventory looks then, too.
    pub changed: &'a Arc<AtomicBool>,
    /// Where the inventory shows how it stands.
    pub metrics: &'a Metrics,
}

/// Starts the sources that are no files, the databases and the inventory that `which` names, each on its own thread.
///
/// # Errors
/// The system has no thread to give.
pub fn streams(
    config: &Config,
    streams: &mut Streams,
    beside: &Beside<'_>,
    which: &dyn Fn(&str) -> bool,
) -> std::io::Result<()> {
    let clock = beside.clock;
    for (id, source) in (0..u16::MAX).zip(&config.sources).filter(|(_, source)| which(&source.name)) {
        if let Some(settings) = source.stream.clone() {
            let clock = Arc::clone(clock);
            streams.spawn(SourceId(id), &source.name, move |sender| settings.run(&sender, &clock))?;
        }
    }
    let first = u16::try_from(config.sources.len()).unwrap_or(u16::MAX);
    for (id, database) in (first..u16::MAX).zip(&config.databases).filter(|(_, database)| which(&database.name)) {
        let (database, clock) = (database.clone(), Arc::clone(clock));
        let name = database.name.clone();
        streams.spawn(SourceId(id), &name, move |sender| poll::run(&database, &sender, &clock))?;
    }
    if let (true, Some(every)) = (walked(config) && which(INVENTORY), config.inventory.every) {
        let id = first.saturating_add(u16::try_from(config.databases.len()).unwrap_or(u16::MAX));
        let settings = inventory::Settings {
            folders: own(&config.folders).map(|one| (one.path.clone(), one.folder.name.clone())).collect(),
            every,
            cross: config.inventory.cross,
            polite: config.inventory.polite,
            state: config.state.clone(),
            changed: Arc::clone(beside.changed),
            way: inventory::way(&format!("{:?}", config.folders)),
            secret: state::secret(&config.state).map_err(|fault| std::io::Error::other(fault.to_string()))?,
        };
        let (clock, metrics) = (Arc::clone(clock), beside.metrics.folders().clone());
        streams.spawn(SourceId(id), INVENTORY, move |sender| inventory::run(&settings, &sender, &clock, &metrics))?;
    }
    Ok(())
}

impl Outlet for StreamSender {
    fn send(&self, record: &[u8]) -> bool {
        StreamSender::send(self, record)
    }

    fn problem(&self, problem: Option<String>) {
        StreamSender::problem(self, problem);
    }

    fn pause(&self, time: Duration) -> bool {
        StreamSender::pause(self, time)
    }
}
