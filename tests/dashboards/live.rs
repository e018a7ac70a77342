//! Every query of every dashboard against a real Prometheus that scrapes real metrics, and what promtool and amtool say of
//! the rule files.

use super::{dashboards, expressions, variables};
use crate::live::observe::Prometheus;
use crate::support::{root, run, until};
use kuzet::clock::{Clock, System};
use kuzet::message::{GapReason, Stock};
use kuzet::metrics::{FolderMetrics, Metrics, Names, OpenIncidents, SEVERITIES, Told, Totals, serve};
use kuzet_detect::{Kind, Severity, Store, StoreClass};
use kuzet_event::{Count, SourceId, Timestamp};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Replaces what Grafana would.
pub fn resolve(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "10s").replace("$__range", "1m").replace("[1h]", "[1m]");
    for name in ["job", "instance", "source", "store", "severity", "folder"] {
        text = text.replace(&format!("\"${name}\""), "\".*\"");
    }
    assert!(!text.contains('$'), "{text}");
    text
}

/// Evaluates every query; Prometheus must understand all of them. Gives those without a result.
pub fn empty(prometheus: &Prometheus) -> Vec<String> {
    let mut silent = Vec::new();
    for (name, dashboard) in dashboards() {
        for (place, expression) in expressions(&dashboard) {
            // Nobody is restarted here.
            let restarts = expression.starts_with("changes(");
            if prometheus.query(&resolve(&expression)).is_empty() && !restarts {
                silent.push(format!("{name}: {place}"));
            }
        }
        for query in variables(&dashboard) {
            let series = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", ")).unwrap().0;
            if prometheus.query(&resolve(series)).is_empty() {
                silent.push(format!("{name}: {query}"));
            }
        }
    }
    silent
}

/// Metrics of an agent in trouble, so that no panel is empty for want of a reason.
struct Trouble {
    metrics: Arc<Metrics>,
    store: Store,
    turns: u64,
}

impl Trouble {
    fn new() -> Trouble {
        let names = |list: &[&str]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
        let (sources, stores, channels) =
            (names(&["pg", "my"]), names(&["borrowers", "folder/dossiers"]), names(&["am", "hook"]));
        let folders = names(&["dossiers"]);
        let (suppressions, jobs, rules) =
            (names(&["reports"]), names(&["nightly dump"]), names(&["pg_password_hashes"]));
        let all = Names {
            sources: &sources,
            stores: &stores,
            channels: &channels,
            suppressions: &suppressions,
            jobs: &jobs,
            rules: &rules,
            folders: &folders,
        };
        let metrics = Metrics::new(all).unwrap();
        let (class, persons) = (StoreClass::Restricted, Count::Known(10_000));
        let store = Store { name: "borrowers".into(), class, persons, categories: Vec::new(), guessed: false };
        Trouble { metrics: Arc::new(metrics), store, turns: 0 }
    }

    /// A little more trouble.
    fn turn(&mut self) {
        self.turns += 1;
        let (metrics, n, now) = (&self.metrics, self.turns, System.wall());
        metrics.beat(now);
        for number in 0..2 {
            let source = metrics.source(SourceId(number)).unwrap();
            source.totals(Totals {
                seen: 10 * n,
                handled: 8 * n,
                suppressed: n,
                lost: n,
                events: 9 * n,
                told: n,
                untold: n,
                ahead: n,
            });
            source.read_bytes.inc_by(1000);
            source.lost_bytes.inc_by(100);
            source.gap(GapReason::Truncated);
            source.lag(4096, Duration::from_millis(300));
            source.last_event(now);
            source.files(2, number == 0);
            source.coverage(0.5);
            source.file_losses(1, 2);
        }
        metrics.detection("bulk_read", Kind::BulkRead, Severity::High, Some(&self.store));
        metrics.incident(Kind::BulkRead, Severity::High, Some((&self.store.name, false)));
        metrics.incident(Kind::MassEncryption, Severity::Critical, Some(("folder/dossiers", false)));
        Self::folder(metrics.folders(), n, now);
        for severity in SEVERITIES {
            let mut open = OpenIncidents::default();
            open.add(n, Count::Known(10 * n));
            open.add(1, Count::Unknown);
            metrics.open(severity, open);
        }
        metrics.delay(Duration::from_micros(300));
        metrics.commit(Duration::from_millis(4));
        metrics.store_error("KZ-STORE-FULL");
        metrics.evictions("detectors", n);
        metrics.evictions("baselines", n);
        metrics.rules(&[("loaded", 64), ("warned", 1), ("refused", 1), ("off", 1), ("unfed", 2)]);
        metrics.ruled(9, [("pg_password_hashes", 1)]);
        metrics.suppressed("reports", n);
        metrics.expected("nightly dump", n);
        metrics.expired(1);
        metrics.reloaded(true, now);
        metrics.baselines([("learning", 1), ("known", 2)]);
        metrics.outbox("am", n, 1, Some(now));
        for told in Told::ALL {
            metrics.told("am", told, 1);
        }
    }
}

impl Trouble {
    fn folder(folders: &FolderMetrics, n: u64, now: Timestamp) {
        let missed = [("encrypted", n), ("open", 0)].into_iter().collect();
        let stock = Stock { files: 9 * n, personal: 4 * n, people: 7 * n, documents: n, exposed: 1, missed };
        folders.stock("dossiers", &stock);
        folders.walks("dossiers", 3 * n);
        folders.walked("dossiers", Some(now));
        folders.means("dossiers", Some(Some("filesystem")));
        folders.paused(Duration::from_secs(1));
        folders.inspected("pdf", 4096);
        folders.lost("timeout");
        folders.worked(1, Duration::from_millis(5));
    }
}

#[test]
fn prometheus_understands_every_query_and_has_an_answer() {
    let mut trouble = Trouble::new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = serve(any, Arc::clone(&trouble.metrics), Arc::new(System)).unwrap();
    let rules = ["alerts.yml", "recording.yml"].map(|name| root().join("dashboards/prometheus").join(name));
    let prometheus = Prometheus::start(&server.address().to_string(), &rules);
    let start = "kuzet_incidents_total{store=\"borrowers\"}";
    until("the first scrape", Duration::from_secs(20), || (!prometheus.query(start).is_empty()).then_some(()));
    let mut silent = Vec::new();
    let heard = crate::support::poll(Duration::from_secs(60), || {
        trouble.turn();
        silent = empty(&prometheus);
        silent.is_empty().then_some(())
    });
    assert!(heard.is_some(), "no answer to {silent:#?}");
    // A first incident is an increase: nothing is lost for want of an earlier sample.
    let increase = prometheus.query("sum(increase(kuzet_incidents_total[5m]))");
    let value: f64 = increase[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(value >= 1.0, "{value}");
    let firing = prometheus.query("ALERTS{alertname=\"KuzetCriticalIncidentOpen\",alertstate=\"firing\"}");
    assert_eq!(firing.len(), 1, "{}", prometheus.output());
}

#[test]
fn promtool_and_amtool_accept_the_rules_and_the_example() {
    let rules = root().join("dashboards/prometheus");
    run(Command::new("promtool")
        .args(["check", "rules", "--lint-fatal", "alerts.yml", "recording.yml"])
        .current_dir(&rules));
    run(Command::new("promtool").args(["test", "rules", "alerts_test.yml"]).current_dir(&rules));
    run(Command::new("promtool").args(["check", "config", "scrape.yml"]).current_dir(&rules));
    run(Command::new("amtool").args(["check-config", "dashboards/alertmanager/example.yml"]).current_dir(root()));
}
