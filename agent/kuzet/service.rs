//! The agent as a service: the parts that a configuration makes, and their exchange when it changes, all or nothing.

use crate::clock::Clock;
use crate::config::{Config, Content, DEFAULT_PATH, Difference, Imprint, LOOK, Watched, calendar, files};
use crate::log::{Log, Prepared};
use crate::manager;
use crate::metrics::{Metrics, MetricsError, Names, Server, serve};
use crate::pipeline::{Agent, Next, StartError};
use kuzet_detect::Diagnostic;
use kuzet_personal::Key;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a turn of the agent waits at most; then the files of the configuration are looked at.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often a configuration that changes under the reader's hands is read.
const TRIES: usize = 5;

/// Differences that the log names one by one.
const TOLD: usize = 40;

/// Everything that runs.
pub struct Service {
    agent: Agent,
    server: Option<Server>,
    log: Log,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    key: Key,
    config: Config,
    imprint: Imprint,
    watched: Watched,
    /// Why the latest configuration is not in force.
    refused: Option<Vec<Diagnostic>>,
}

/// A configuration with what it names, all of one moment.
pub struct Loaded {
    /// Configuration.
    pub config: Config,
    /// Catalogue, policy, severities.
    pub content: Content,
    imprint: Imprint,
    warnings: Vec<Diagnostic>,
    watched: Watched,
}

impl Loaded {
    /// Reads everything; anew while somebody is writing it.
    ///
    /// # Errors
    /// All faults.
    pub fn read(path: Option<&Path>, clock: &Arc<dyn Clock>) -> Result<Loaded, (Vec<Diagnostic>, Watched)> {
        let first = || path.map_or_else(|| PathBuf::from(DEFAULT_PATH), Path::to_owned);
        let mut tries = 0;
        loop {
            tries += 1;
            let mut watched = Watched::new([first()], Arc::clone(clock));
            let loaded = Config::load(path).and_then(|(config, warnings)| {
                watched.also(files(&config));
                let content = Content::load(&config)?;
                let imprint = Imprint::of(&config);
                Ok((config, content, imprint, warnings))
            });
            match loaded {
                _ if !watched.still() && tries < TRIES => {}
                Ok((config, content, imprint, mut warnings)) => {
                    warnings.extend(content.rules.faults.iter().cloned());
                    warnings.extend(calendar(&config.thresholds, clock.wall()));
                    warnings.extend(content.expired(clock.wall()));
                    return Ok(Loaded { config, content, imprint, warnings, watched });
                }
                Err(faults) => return Err((faults, watched)),
            }
        }
    }

    /// Says in the log what is doubtful.
    pub fn warn(&self) {
        for warning in &self.warnings {
            let (file, line) = (&warning.file, warning.line);
            tracing::warn!(code = warning.code, file, line, help = warning.help, "{}", warning.message);
        }
    }
}

/// What a service is made of.
pub struct Running {
    /// Opened.
    pub agent: Agent,
    /// `/metrics`.
    pub server: Option<Server>,
    /// Own log.
    pub log: Log,
    /// What the server shows.
    pub metrics: Arc<Metrics>,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// Pseudonym key.
    pub key: Key,
}

impl Service {
    /// What was opened with `loaded`.
    #[must_use]
    pub fn new(running: Running, loaded: Loaded) -> Service {
        let Running { agent, server, log, metrics, clock, key } = running;
        let Loaded { config, imprint, watched, .. } = loaded;
        let mut service = Service { agent, server, log, metrics, clock, key, config, imprint, watched, refused: None };
        service.note(true, &json!({ "start": true, "digest": service.imprint.digest() }));
        service
    }

    /// Works until `stop` is set. `reload` asks for the configuration to be read again; so does a change of its files.
    pub fn run(&mut self, stop: &AtomicBool, reload: &AtomicBool) {
        manager::tell("READY=1");
        let watchdog = manager::watches();
        let mut told = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            self.agent.turn(if self.watched.settling() { LOOK } else { PATIENCE });
            let asked = reload.swap(false, Ordering::Relaxed);
            if asked || self.watched.changed() {
                manager::tell("RELOADING=1");
                self.reload(asked);
                manager::tell("READY=1");
            }
            let now = self.clock.monotonic();
            if watchdog && now.saturating_sub(told) >= LOOK {
                told = now;
                manager::tell("WATCHDOG=1");
            }
        }
        manager::tell("STOPPING=1");
        self.agent.finish();
    }

    fn reload(&mut self, asked: bool) {
        // A file that has gone is a fault, and no reason to work without it.
        let loaded = match Loaded::read(self.config.path.as_deref(), &self.clock) {
            Ok(loaded) => loaded,
            Err((faults, mut watched)) => {
                watched.also(files(&self.config));
                self.watched = watched;
                return self.refuse(faults);
            }
        };
        // At a start broken rules are left out and told; one that works already does not change for less.
        if let Err(faults) = loaded.content.rules.whole() {
            self.watched = loaded.watched;
            return self.refuse(faults);
        }
        loaded.warn();
        let Loaded { config, content, imprint, watched, .. } = loaded;
        let replaced = self.replace(asked, config, content, imprint);
        // A store that cannot be written now may be writable later: the change is still to be made.
        if !replaced.as_ref().is_err_and(|faults| faults.iter().any(|fault| fault.code == UNWRITTEN)) {
            self.watched = watched;
        }
        if let Err(faults) = replaced {
            self.refuse(faults);
        }
    }

    fn replace(
        &mut self,
        asked: bool,
        config: Config,
        content: Content,
        imprint: Imprint,
    ) -> Result<(), Vec<Diagnostic>> {
        let difference = self.imprint.difference(&imprint);
        // A file that was rotated away under the log is opened anew.
        let log = Prepared::new(&config.log).map_err(|fault| vec![fault])?;
        if difference.is_empty() {
            self.log.change(log);
            if asked || self.refused.is_some() {
                tracing::info!("The configuration is as it was.");
            }
            self.in_force(&difference);
            return Ok(());
        }
        let metrics = named(&config, &content, |names| self.metrics.renamed(names)).map_err(|error| other(&error))?;
        let metrics = Arc::new(metrics);
        let server = match config.metrics {
            address if address == self.config.metrics => None,
            Some(address) => Some(self.serve(address, &metrics)?),
            None => None,
        };
        let (policy, catalogue) = (content.policy.is_some(), !content.catalogue.is_guess());
        let (rules, place_data) = (content.rules.states(), content.place.date());
        let secrets = difference.iter().any(|one| one.key.ends_with("(content)"));
        let next = Next { config: config.clone(), content, metrics: Arc::clone(&metrics), secrets };
        self.agent.reconfigure(next, &self.key).map_err(|error| faults(&error))?;
        // From here on nothing fails.
        self.log.change(log);
        if config.metrics != self.config.metrics {
            self.server = server;
        }
        metrics.forget(&self.metrics);
        metrics.loaded(policy, catalogue);
        metrics.rules(&rules);
        metrics.place_data(place_data);
        crate::examine::measure(&config, &metrics);
        if config.state != self.config.state {
            let (now, then) = (self.config.state.display(), config.state.display());
            tracing::warn!(%now, %then, "The state directory cannot change while the agent runs: it does at the next start.");
        }
        self.leave_channels(&config);
        let state = self.config.state.clone();
        (self.metrics, self.config, self.imprint) = (metrics, Config { state, ..config }, imprint);
        for one in difference.iter().take(TOLD) {
            tracing::info!("configuration: {one}");
        }
        let more = difference.len().saturating_sub(TOLD);
        tracing::info!(changes = difference.len(), unnamed = more, "The new configuration is in force.");
        self.in_force(&difference);
        Ok(())
    }

    fn serve(&self, address: SocketAddr, metrics: &Arc<Metrics>) -> Result<Server, Vec<Diagnostic>> {
        serve(address, Arc::clone(metrics), Arc::clone(&self.clock))
            .map_err(|error| vec![fault(error.code(), error.to_string(), &error.help())])
    }

    /// Says what waits for channels that are gone.
    fn leave_channels(&self, next: &Config) {
        for channel in &self.config.notify {
            if !next.notify.iter().any(|one| one.name == channel.name) {
                let help = "it is told when a channel of this name is configured again";
                tracing::warn!(
                    channel = channel.name,
                    help,
                    "What waits for a channel that is gone stays in the outbox."
                );
            }
        }
    }

    fn in_force(&mut self, difference: &[Difference]) {
        if self.refused.take().is_none() && difference.is_empty() {
            self.metrics.reloaded(true, self.clock.wall());
        } else {
            self.note(true, &json!({ "changes": difference, "digest": self.imprint.digest() }));
        }
    }

    fn refuse(&mut self, faults: Vec<Diagnostic>) {
        if self.refused.as_ref() == Some(&faults) {
            self.metrics.reloaded(false, self.clock.wall());
            return;
        }
        for fault in faults.iter().filter(|fault| !fault.warning) {
            let (file, line) = (&fault.file, fault.line);
            tracing::error!(code = fault.code, file, line, help = fault.help, "{}", fault.message);
        }
        self.note(false, &json!({ "faults": faults }));
        tracing::error!("The new configuration is refused as a whole; the one before stays in force.");
        self.refused = Some(faults);
    }

    fn note(&mut self, loaded: bool, detail: &serde_json::Value) {
        self.agent.note_configuration(loaded, detail.to_string());
        self.metrics.reloaded(loaded, self.clock.wall());
    }
}

/// Metrics for the names of a configuration.
///
/// # Errors
/// As [`Metrics::new`].
pub fn named(
    config: &Config,
    content: &Content,
    make: impl FnOnce(Names<'_>) -> Result<Metrics, MetricsError>,
) -> Result<Metrics, MetricsError> {
    let sources = crate::setup::names(config);
    let folders: Vec<String> = content.folders.iter().map(|folder| folder.name.clone()).collect();
    let kept = folders.iter().map(|name| format!("folder/{name}"));
    let stores: Vec<String> = content.catalogue.stores().map(|store| store.name.to_string()).chain(kept).collect();
    let channels: Vec<String> = config.notify.iter().map(|channel| channel.name.clone()).collect();
    let suppressions: Vec<String> = content.suppressions.names().map(str::to_owned).collect();
    let jobs: Vec<String> = content.policy.iter().flat_map(|policy| policy.job_names()).map(str::to_owned).collect();
    let rules: Vec<String> = content.rules.book.documents().map(|(_, member)| member.about.name.to_string()).collect();
    make(Names {
        sources: &sources,
        stores: &stores,
        channels: &channels,
        suppressions: &suppressions,
        jobs: &jobs,
        rules: &rules,
        folders: &folders,
    })
}

/// Code of a store that cannot take what was read.
const UNWRITTEN: &str = "KZ-STORE-UNWRITTEN";

fn fault(code: &str, message: String, help: &str) -> Diagnostic {
    let (file, help) = (String::new(), help.to_owned());
    Diagnostic { code: code.to_owned(), file, line: 0, column: 0, message, help, warning: false }
}

fn other(error: &dyn std::error::Error) -> Vec<Diagnostic> {
    vec![fault("KZ056", error.to_string(), "report this with the message")]
}

fn faults(error: &StartError) -> Vec<Diagnostic> {
    match error {
        StartError::Store(error) => vec![fault(error.kind.code(), error.what.clone(), error.kind.help())],
        StartError::Channels(list) => {
            list.iter().map(|error| fault(error.code, error.to_string(), error.help)).collect()
        }
        StartError::Unwritten => {
            let message = "the store cannot be written, and what was read must be durable first".to_owned();
            vec![fault(UNWRITTEN, message, "mend the store; the agent tries again by itself")]
        }
        StartError::Source(error) => vec![fault("KZ055", error.to_string(), "mend the source")],
        StartError::Thread(error) => other(error),
        StartError::Restore(error) => other(error),
    }
}
