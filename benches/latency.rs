//! From an appended line to the decision on it, and to the durable incident, with the whole agent at work.
//!
//! A second thread appends csvlog lines at a steady rate, each stamped with the microsecond of its writing; the agent's own
//! histograms say how long after that stamp it decided and how long a durable commit took. `cargo bench --bench latency [-- RATE EVERY SECONDS]`.

#![allow(clippy::print_stdout)] // a bench prints its figures

use kuzet::clock::{Clock, System};
use kuzet::config::{Config, Content, SourceConfig};
use kuzet::metrics::{Metrics, Names};
use kuzet::pipeline::Agent;
use kuzet_event::Timestamp;
use kuzet_personal::Key;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One pgaudit record in csvlog. Role and table decide whether the policy lets it pass.
fn line(at: Timestamp, role: &str, table: &str, number: u64) -> String {
    let (year, month, day, hour, minute, second, micros) = at.civil(0);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} UTC,\"{role}\",\"mfo\",642,\
         \"127.0.0.1:46096\",6b0316c6.{number:x},{number},\"SELECT\",2026-11-22 16:22:30 UTC,3/360,0,LOG,00000,\
         \"AUDIT: SESSION,{number},1,READ,SELECT,TABLE,public.{table},\"\"SELECT * FROM {table} WHERE id = $1\"\",7,1\",\
         ,,,,,,,,\"loan-core\",\"client backend\",,0\n"
    )
}

/// Appends `rate` lines a second for `seconds`; every `every`-th is against the policy, the rest reads no personal data.
fn write(path: &Path, rate: u64, every: u64, seconds: u64) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
    let start = System.monotonic();
    for number in 1..=rate * seconds {
        let due = start + Duration::from_nanos(number * 1_000_000_000 / rate);
        let wait = due.saturating_sub(System.monotonic());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        let (role, table) = if number % every == 0 { ("analyst", "borrowers") } else { ("app", "rates") };
        file.write_all(line(System.wall(), role, table, number).as_bytes())?;
    }
    Ok(())
}

/// The smallest bound of histogram `name` under which `share` of its observations lie.
fn quantile(text: &str, name: &str, share: f64) -> String {
    let prefix = format!("{name}_bucket{{le=\"");
    let buckets = text.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "));
    let buckets: Vec<(&str, f64)> = buckets.filter_map(|(bound, count)| Some((bound, count.parse().ok()?))).collect();
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    let found = buckets.iter().find(|(_, count)| *count >= all * share);
    found.map_or("none".to_owned(), |(bound, _)| format!("≤ {bound} s"))
}

fn run(rate: u64, every: u64, seconds: u64) -> anyhow::Result<()> {
    let state = std::env::temp_dir().join(format!("kuzet-latency-{}", std::process::id()));
    kuzet::state::prepare(&state).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    // A directory of its own: the agent's store must not wake the agent.
    let logs = std::env::temp_dir().join(format!("kuzet-latency-log-{}", std::process::id()));
    std::fs::create_dir_all(&logs)?;
    let log = logs.join("log.csv");
    std::fs::write(&log, "")?;
    let mut config = Config::embedded();
    config.state.clone_from(&state);
    config.sources = vec![SourceConfig {
        name: "bench".to_owned(),
        format: Some("postgresql_csvlog".to_owned()),
        paths: vec![log.display().to_string()],
        from_beginning: true,
        ..SourceConfig::default()
    }];
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let content = Content::read(Some(&scenarios.join("catalogue.toml")), Some(&scenarios.join("policy.toml")), None)
        .map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let metrics = Arc::new(Metrics::new(Names { sources: &["bench".to_owned()], ..Names::default() })?);
    let clock: Arc<dyn Clock> = Arc::new(System);
    let mut agent = Agent::open(&config, content, &Key::new([7; 32]), &metrics, &clock)?;
    let (waker, stop) = (agent.waker(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let data = std::thread::spawn(move || {
        agent.run(&stopped);
        rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)
    });
    write(&log, rate, every, seconds)?;
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    waker.wake();
    let cpu = data.join().map_err(|_| anyhow::anyhow!("the data thread panicked"))?;
    let text = String::from_utf8(metrics.render()?)?;
    let (decided, committed) = ("kuzet_detection_delay_seconds", "kuzet_commit_seconds");
    let used = (cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9) / seconds as f64 * 100.0;
    println!(
        "{rate:>6}/s, 1 in {every:>4} against the policy: decision p50 {} p99 {}; durable commit p50 {} p99 {}; {used:.2} % of a core",
        quantile(&text, decided, 0.5),
        quantile(&text, decided, 0.99),
        quantile(&text, committed, 0.5),
        quantile(&text, committed, 0.99),
    );
    std::fs::remove_dir_all(&logs)?;
    std::fs::remove_dir_all(&state)?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if let [rate, every, seconds] = given[..] {
        return run(rate, every, seconds);
    }
    run(100, 10, 20)?;
    run(10_000, 1_000, 20)
}
