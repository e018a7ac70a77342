//! The metrics: what they count, that nothing hostile can add a series, and the server that shows them.

mod counting;
#[cfg(feature = "live")]
mod promtool;
mod server;

use kuzet::metrics::{Metrics, Names};

/// Metrics of two sources, two stores, one channel, one suppression and one job.
pub fn metrics() -> Metrics {
    let names = |list: &[&str]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    let (sources, stores, channels) = (names(&["pg", "my"]), names(&["borrowers", "loans"]), names(&["am"]));
    let (suppressions, jobs) = (names(&["reports"]), names(&["backup"]));
    let names = Names {
        sources: &sources,
        stores: &stores,
        channels: &channels,
        suppressions: &suppressions,
        jobs: &jobs,
        ..Names::default()
    };
    Metrics::new(names).unwrap()
}

/// The text format as it is now.
pub fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render().unwrap()).unwrap()
}

/// Value of one series; `None` when it is absent.
pub fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}
