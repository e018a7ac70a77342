//! A private Prometheus and a private Alertmanager.

use super::servers::program;
use crate::support::{Guard, Scratch, free_port};
use rustix::process::Signal;
use std::process::Command;
use std::time::Duration;

/// A running Alertmanager that keeps what it is told. Stopped and removed on drop.
pub struct Alertmanager {
    scratch: Scratch,
    port: u16,
    server: Guard,
}

impl Alertmanager {
    /// Starts one on a free port. With `webhook`, alerts are passed on to that URL.
    pub fn start(webhook: Option<&str>) -> Alertmanager {
        Alertmanager::start_on(free_port(), webhook)
    }

    /// Starts one on `port`.
    pub fn start_on(port: u16, webhook: Option<&str>) -> Alertmanager {
        let scratch = Scratch::new("am");
        let receiver = webhook.map_or("{name: hook}".to_owned(), |url| {
            format!("{{name: hook, webhook_configs: [{{url: '{url}', send_resolved: true}}]}}")
        });
        let text = format!(
            "route: {{receiver: hook, group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h, group_by: ['...']}}\n\
             receivers: [{receiver}]\n"
        );
        std::fs::write(scratch.join("alertmanager.yml"), text).expect("a scratch file");
        let found = ["/usr/bin/alertmanager", "/usr/bin/prometheus-alertmanager"];
        let mut command = Command::new(program("prometheus-alertmanager", &found));
        command.arg(format!("--config.file={}", scratch.join("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", scratch.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        let mut server = Guard::spawn("alertmanager", &mut command, &scratch.join("output"), Signal::TERM);
        server.ready(Duration::from_secs(30), || crate::support::http::get(port, "/-/ready").is_ok());
        Alertmanager { scratch, port, server }
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The alerts it holds, as its API tells them (`/api/v2/alerts`).
    pub fn alerts(&self) -> serde_json::Value {
        get_json(self.port, "/api/v2/alerts")
    }

    /// What the server wrote.
    pub fn output(&self) -> String {
        format!("{}: {}", self.scratch.path().display(), self.server.output())
    }
}

/// A running Prometheus that scrapes one target every half second. Stopped and removed on drop.
pub struct Prometheus {
    scratch: Scratch,
    port: u16,
    server: Guard,
}

impl Prometheus {
    /// Starts one that scrapes `target` (`127.0.0.1:9187`) with the rule files `rules`.
    pub fn start(target: &str, rules: &[std::path::PathBuf]) -> Prometheus {
        let (scratch, port) = (Scratch::new("prom"), free_port());
        let text = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\nrule_files: {}\n\
             scrape_configs: [{{job_name: kuzet, static_configs: [{{targets: ['{target}']}}]}}]\n",
            serde_json::to_string(rules).expect("paths are text")
        );
        std::fs::write(scratch.join("prometheus.yml"), text).expect("a scratch file");
        let mut command = Command::new(program("prometheus", &["/usr/bin/prometheus"]));
        command.arg(format!("--config.file={}", scratch.join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let mut server = Guard::spawn("prometheus", &mut command, &scratch.join("output"), Signal::TERM);
        server.ready(Duration::from_secs(30), || crate::support::http::get(port, "/-/ready").is_ok());
        Prometheus { scratch, port, server }
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Evaluates `query` now; gives `data.result`. Panics when Prometheus refuses the query.
    pub fn query(&self, query: &str) -> Vec<serde_json::Value> {
        let answer = get_json(self.port, &format!("/api/v1/query?query={}", percent(query)));
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// What the server wrote.
    pub fn output(&self) -> String {
        format!("{}: {}", self.scratch.path().display(), self.server.output())
    }
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn get_json(port: u16, path: &str) -> serde_json::Value {
    let body = crate::support::http::get(port, path).unwrap_or_else(|error| panic!("GET {path}: {error}"));
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path}: {error}: {body}"))
}

#[test]
fn alertmanager_and_prometheus_start() {
    let alertmanager = Alertmanager::start(None);
    assert_eq!(alertmanager.alerts(), serde_json::json!([]));
    let prometheus = Prometheus::start("127.0.0.1:9", &[]);
    assert!(prometheus.query("vector(1)").len() == 1, "{}", prometheus.output());
}
