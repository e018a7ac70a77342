//! The whole path: from a log file to committed incidents with the shipped detectors, in records per CPU-second.
//!
//! `cargo bench --bench pipeline -- FORMAT FILE [CATALOGUE POLICY]` prints one line. `benches/run_pipeline.py` makes the
//! corpora, runs this in turn with its bounds, and writes the dated result.

#![allow(clippy::print_stdout)] // a bench prints its figures

use kuzet::clock::{Clock, System};
use kuzet::config::{Config, Content, SourceConfig};
use kuzet::metrics::{Metrics, Names};
use kuzet::pipeline::Agent;
use kuzet_personal::Key;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [format, file, content @ ..] = arguments.as_slice() else {
        println!("usage: pipeline FORMAT FILE [CATALOGUE POLICY]");
        return Ok(());
    };
    let state = std::env::temp_dir().join(format!("kuzet-bench-{}", std::process::id()));
    let mut config = Config::embedded();
    config.state.clone_from(&state);
    config.sources = vec![SourceConfig {
        name: "bench".to_owned(),
        format: Some(format.clone()),
        paths: vec![file.clone()],
        data_directory: None,
        log_line_prefix: None,
        offset_seconds: None,
        from_beginning: true,
    }];
    kuzet::state::prepare(&state).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let (catalogue, policy) = (content.first().map(Path::new), content.get(1).map(Path::new));
    let content = Content::read(catalogue, policy, None).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let sources = ["bench".to_owned()];
    let metrics = Arc::new(Metrics::new(Names { sources: &sources, ..Names::default() })?);
    let clock: Arc<dyn Clock> = Arc::new(System);
    let mut agent = Agent::open(&config, content, &Key::new([7; 32]), &metrics, &clock)?;
    let start = cpu();
    agent.catch_up();
    let used = cpu().saturating_sub(start).as_secs_f64();
    let status = &agent.status()[0];
    let memory = kuzet::metrics::usage().map_or(0, |usage| usage.resident_bytes);
    let bytes = std::fs::metadata(file)?.len();
    println!(
        "{format} records {} handled {} suppressed {} lost {} events {} cpu {used:.3} s: {:.0} records/s, {:.0} MB/s, rss {} KiB",
        status.tally.seen,
        status.tally.handled,
        status.tally.suppressed,
        status.tally.lost,
        status.events,
        status.tally.seen as f64 / used,
        bytes as f64 / used / 1e6,
        memory / 1024,
    );
    std::fs::remove_dir_all(&state)?;
    Ok(())
}
