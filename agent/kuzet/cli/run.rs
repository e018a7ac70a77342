//! `kuzet run`: the agent itself.

use super::{Failure, doctor, output};
use crate::clock::{Clock, System};
use crate::config::{Config, Content};
use crate::metrics::{Metrics, Names, serve};
use crate::pipeline::Agent;
use crate::state;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stack of the thread that waits for signals; it does nothing else.
const SIGNAL_STACK: usize = 64 << 10;

pub(super) fn run(path: Option<&Path>) -> Result<ExitCode, Failure> {
    log();
    let (config, warnings) = Config::load(path)?;
    for warning in &warnings {
        tracing::warn!(code = warning.code, help = warning.help, "{}", warning.message);
    }
    let content = Content::load(&config)?;
    state::prepare(&config.state)?;
    let key = state::key(&config.state)?;
    let clock: Arc<dyn Clock> = Arc::new(System);
    let metrics = Arc::new(metrics(&config, &content)?);
    let (policy, catalogue) = (content.policy.is_some(), !content.catalogue.is_guess());
    let mut agent =
        Agent::open(&config, content, &key, &metrics, &clock).map_err(|error| Failure::Other(error.into()))?;
    // Whoever sees /metrics finds a store too.
    let server = match config.metrics {
        None => None,
        Some(address) => Some(
            serve(address, Arc::clone(&metrics), Arc::clone(&clock))
                .map_err(|error| anyhow::anyhow!("{error} [{}]; help: {}", error.code(), error.help()))?,
        ),
    };
    metrics.loaded(policy, catalogue);
    announce(&config, server.as_ref().map(crate::metrics::Server::address), policy, catalogue);
    let stop = Arc::new(AtomicBool::new(false));
    on_signal(&stop, agent.waker())?;
    agent.run(&stop);
    tracing::info!("Stopped; everything read is recorded.");
    Ok(ExitCode::SUCCESS)
}

fn metrics(config: &Config, content: &Content) -> anyhow::Result<Metrics> {
    let databases = config.databases.iter().map(|database| database.name.clone());
    let sources: Vec<String> = config.sources.iter().map(|source| source.name.clone()).chain(databases).collect();
    let stores: Vec<String> = content.catalogue.stores().map(|store| store.name.to_string()).collect();
    let channels: Vec<String> = config.notify.iter().map(|channel| channel.name.clone()).collect();
    Ok(Metrics::new(Names { sources: &sources, stores: &stores, channels: &channels })?)
}

/// Own log: to standard error, where the service manager takes it; level from `KUZET_LOG` (`debug`, `info`, …).
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUZET_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process (tests) keeps the first subscriber.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).try_init();
}

/// Says what is watched and what cannot be seen.
fn announce(config: &Config, metrics: Option<std::net::SocketAddr>, policy: bool, catalogue: bool) {
    output::line(&format!("kuzet {} on {}", env!("CARGO_PKG_VERSION"), config.host));
    for line in doctor::lines(&doctor::examine(config, policy, catalogue)) {
        output::line(&line);
    }
    match metrics {
        Some(address) => output::line(&format!("metrics  http://{address}/metrics")),
        None => output::line("metrics  off"),
    }
    output::line(&format!("state    {}", config.state.display()));
}

/// SIGTERM, SIGINT and SIGHUP stop the agent after a last commit.
fn on_signal(stop: &Arc<AtomicBool>, waker: crate::source::Waker) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name("signals".to_owned()).stack_size(SIGNAL_STACK).spawn(move || {
        if signals.forever().next().is_some() {
            stop.store(true, Ordering::Relaxed);
            waker.wake();
        }
    })?;
    Ok(())
}
