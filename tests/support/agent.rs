//! The built binary as a person runs it: a configuration, a state directory, a process, its metrics and its incidents.

use super::{Guard, Scratch, free_port, http, kuzet, root, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What the agent is told to do.
pub struct Setup {
    /// Holds the configuration and the state directory.
    pub scratch: Scratch,
    /// Port of `/metrics`; 0 serves none.
    pub port: u16,
    sources: Vec<String>,
    extra: String,
    policed: bool,
}

impl Setup {
    /// A setup with the catalogue and the policy of tests/scenarios and no source.
    pub fn new(name: &str) -> Setup {
        Setup {
            scratch: Scratch::new(name),
            port: free_port(),
            sources: Vec::new(),
            extra: String::new(),
            policed: true,
        }
    }

    /// Adds a source that is read from its beginning. `more` is further TOML of the table.
    pub fn source(mut self, name: &str, format: &str, path: &Path, more: &str) -> Setup {
        self.sources.push(name.to_owned());
        let path = path.display();
        let _ = write!(
            self.extra,
            "\n[[source]]\nname = \"{name}\"\nformat = \"{format}\"\npaths = [\"{path}\"]\noffset = \"+00:00\"\n\
             from_beginning = true\n{more}\n"
        );
        self
    }

    /// Adds TOML behind the sources.
    pub fn with(mut self, toml: &str) -> Setup {
        self.extra.push_str(toml);
        self.extra.push('\n');
        self
    }

    /// Leaves the catalogue and the policy out.
    pub fn bare(mut self) -> Setup {
        self.policed = false;
        self
    }

    /// Serves no metrics. For agents that are started again and again: between two of them the port is anybody's.
    pub fn unserved(mut self) -> Setup {
        self.port = 0;
        self
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.scratch.join("state")
    }

    /// The configuration file.
    pub fn file(&self) -> PathBuf {
        self.scratch.join("kuzet.toml")
    }

    /// Writes the configuration.
    pub fn write(&self) {
        let content = |name: &str| root().join("tests/scenarios").join(name);
        let rules = format!(
            "catalogue = \"{}\"\npolicy = \"{}\"\n",
            content("catalogue.toml").display(),
            content("policy.toml").display()
        );
        let listen = if self.port == 0 { "off".to_owned() } else { format!("127.0.0.1:{}", self.port) };
        let text = format!(
            "host = \"test-host\"\nstate = \"{}\"\n{}\n[metrics]\nlisten = \"{listen}\"\n{}",
            self.state().display(),
            if self.policed { rules.as_str() } else { "" },
            self.extra
        );
        std::fs::create_dir_all(self.state()).expect("a state directory");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(self.state(), private).expect("own directory");
        std::fs::write(self.file(), text).expect("a configuration");
    }

    /// The binary with this configuration and `arguments`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(kuzet());
        command.arg("--config").arg(self.file()).args(arguments).stdin(Stdio::null());
        command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Starts `kuzet run` and waits until it serves metrics.
    pub fn start(self) -> Agent {
        self.write();
        self.started()
    }

    /// The same with the configuration as it is.
    pub fn started(self) -> Agent {
        let mut agent = self.spawn("info");
        let port = self.port;
        agent.ready(Duration::from_secs(30), || http::get(port, "/metrics").is_ok());
        Agent { setup: self, agent }
    }

    /// Starts `kuzet run` with the configuration as it is and does not wait for anything.
    pub fn spawn(&self, level: &str) -> Guard {
        let mut command = self.command(&["run"]);
        command.env("RUST_LOG", level);
        Guard::spawn("kuzet run", &mut command, &self.scratch.join("output"), Signal::TERM)
    }

    /// The incidents in the store, as `incidents list --json` tells them.
    pub fn incidents(&self) -> Vec<Value> {
        let output = self.run(&["incidents", "list", "--all", "--json"]);
        assert!(output.status.success(), "incidents list: {}", String::from_utf8_lossy(&output.stderr));
        json_lines(&output.stdout).into_iter().filter(is_incident).collect()
    }

    /// Value of a metric as it stands in the text format, with its labels; `None` while it is not there.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = http::get(self.port, "/metrics").ok()?;
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until every source is read to its end and everything read is accounted for.
    pub fn caught_up(&self, written: &dyn Fn(&str) -> u64) {
        for source in &self.sources {
            until(&format!("{source} read to its end"), Duration::from_secs(60), || {
                let label = format!("{{source=\"{source}\"}}");
                let read = self.metric(&format!("kuzet_read_bytes_total{label}"))?;
                let lag = self.metric(&format!("kuzet_source_lag_bytes{label}"))?;
                (lag == 0.0 && read >= written(source) as f64).then_some(())
            });
            self.accounted(source);
        }
    }

    /// Asserts that every record of `source` is handled, suppressed or lost.
    pub fn accounted(&self, source: &str) {
        let text = http::get(self.port, "/metrics").expect("metrics");
        let sum = |name: &str| -> f64 {
            let lines =
                text.lines().filter(|line| line.starts_with(name) && line.contains(&format!("source=\"{source}\"")));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        let (seen, parts) = (sum("kuzet_records_seen_total{"), sum("kuzet_records_total{"));
        assert!((seen - parts).abs() < 0.5, "{source}: seen {seen}, handled + suppressed + lost {parts}");
    }
}

/// A running agent; stopped on drop.
pub struct Agent {
    /// What it was told.
    pub setup: Setup,
    agent: Guard,
}

impl Agent {
    /// Its process.
    pub fn process(&mut self) -> &mut Guard {
        &mut self.agent
    }

    /// What it wrote so far.
    pub fn output(&self) -> String {
        self.agent.output()
    }

    /// Ends it in good order; what it was told stays.
    pub fn stop(self) -> Setup {
        let Agent { setup, agent } = self;
        drop(agent);
        setup
    }

    /// Largest resident memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.agent.id())
    }
}

/// `VmHWM` of a process, in bytes.
pub fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// The values of JSON lines; panics on a line that is none. An array counts as its members.
pub fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let mut list = Vec::new();
    for value in values {
        match value.unwrap_or_else(|error| panic!("no JSON: {error}: {}", String::from_utf8_lossy(bytes))) {
            Value::Array(values) => list.extend(values),
            value => list.push(value),
        }
    }
    list
}

/// Whether a document is an incident.
pub fn is_incident(value: &Value) -> bool {
    value["schema"].as_str().is_some_and(|schema| schema.starts_with("kuzet.incident/"))
}
