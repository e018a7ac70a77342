//! `kuzet run`: the agent itself.

use super::{Failure, doctor, output};
use crate::clock::{Clock, System};
use crate::config::{Config, FolderConfig};
use crate::examine::{Answers, Report, examine, measure};
use crate::log::{Log, Prepared};
use crate::metrics::{Metrics, serve};
use crate::pipeline::Agent;
use crate::service::{self, Loaded, Running, Service};
use crate::{source, state};
use kuzet_detect::Purpose;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stack of the thread that waits for signals; it does nothing else.
const SIGNAL_STACK: usize = 64 << 10;

pub(super) fn run(path: Option<&Path>) -> Result<ExitCode, Failure> {
    // From here on no signal ends the agent in the middle of something.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(anyhow::Error::from)?;
    let clock: Arc<dyn Clock> = Arc::new(System);
    let loaded = Loaded::read(path, &clock).map_err(|(faults, _)| faults)?;
    let (config, content) = (&loaded.config, loaded.content.clone());
    let log = Log::start(Prepared::new(&config.log)?);
    loaded.warn();
    state::prepare(&config.state)?;
    let key = state::key(&config.state)?;
    let metrics = service::named(config, &content, Metrics::new).map_err(|error| Failure::Other(error.into()))?;
    let metrics = Arc::new(metrics);
    let (policy, catalogue) = (content.policy.is_some(), !content.catalogue.is_guess());
    let (rules, place_data) = (content.rules.states(), content.place.date());
    let agent = Agent::open(config, content, &key, &metrics, &clock).map_err(|error| Failure::Other(error.into()))?;
    let report = examine(config, policy, catalogue, &Answers::sensors(config));
    // Whoever sees /metrics finds a store too.
    let server = match config.metrics {
        None => None,
        Some(address) => Some(
            serve(address, Arc::clone(&metrics), Arc::clone(&clock))
                .map_err(|error| anyhow::anyhow!("{error} [{}]; help: {}", error.code(), error.help()))?,
        ),
    };
    metrics.loaded(policy, catalogue);
    metrics.rules(&rules);
    metrics.place_data(place_data);
    announce(config, server.as_ref().map(crate::metrics::Server::address), &report);
    measure(config, &metrics);
    let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    on_signal(signals, &stop, &reload, agent.waker())?;
    Service::new(Running { agent, server, log, metrics, clock, key }, loaded).run(&stop, &reload);
    tracing::info!("Stopped; everything read is recorded.");
    Ok(ExitCode::SUCCESS)
}

/// Says what is watched and what cannot be seen.
fn announce(config: &Config, metrics: Option<std::net::SocketAddr>, report: &Report) {
    output::line(&format!("kuzet {} on {}", env!("CARGO_PKG_VERSION"), config.host));
    for line in doctor::lines(report) {
        output::line(&line);
    }
    for folder in &config.folders {
        output::line(&format!("folder   {}", told(folder, config.inventory.every.is_some())));
    }
    match metrics {
        Some(address) => output::line(&format!("metrics  http://{address}/metrics")),
        None => output::line("metrics  off"),
    }
    output::line(&format!("state    {}", config.state.display()));
}

/// A watched folder in words.
fn told(folder: &FolderConfig, walked: bool) -> String {
    let holds = match folder.folder.purpose {
        Purpose::Store => "personal data",
        Purpose::Nothing => "nothing",
    };
    let walked = if walked && folder.path.is_absolute() { "looked through" } else { "not looked through" };
    format!("{} ({}): is to hold {holds}, {walked}", folder.folder.name, crate::inspect::shown(&folder.path))
}

/// SIGTERM and SIGINT stop the agent after a last commit, SIGHUP makes it read its configuration again.
fn on_signal(
    mut signals: Signals,
    stop: &Arc<AtomicBool>,
    reload: &Arc<AtomicBool>,
    waker: source::Waker,
) -> anyhow::Result<()> {
    let (stop, reload) = (Arc::clone(stop), Arc::clone(reload));
    std::thread::Builder::new().name("signals".to_owned()).stack_size(SIGNAL_STACK).spawn(move || {
        for signal in signals.forever() {
            let flag = if signal == SIGHUP { &reload } else { &stop };
            flag.store(true, Ordering::Relaxed);
            waker.wake();
        }
    })?;
    Ok(())
}
