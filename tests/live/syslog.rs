//! Real servers that write to the syslog of their host: through rsyslog into files and over the network, and through
//! journald into its journal.

use super::mariadb::Mariadb;
use super::postgres::{Mode, PREFIX, Postgres};
use super::runs::settled;
use super::servers::{in_namespace, program};
use super::{attacks_mariadb, attacks_postgresql};
use crate::scenarios::check;
use crate::support::agent::{Agent, Setup};
use crate::support::{Guard, Scratch, free_port, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Files that rsyslog writes, by its templates: with whole times, and as RFC 3164 has it. RFC 5424 goes over the network.
const FILES: [&str; 2] = ["RSYSLOG_FileFormat", WHOLE_SECONDS];
const WHOLE_SECONDS: &str = "RSYSLOG_TraditionalFileFormat";

/// rsyslogd that takes every message at a socket, writes it to both files and sends it on.
pub(super) struct Rsyslog {
    scratch: Scratch,
    daemon: Guard,
}

impl Rsyslog {
    pub(super) fn start(socket: &Path, port: u16) -> Rsyslog {
        let scratch = Scratch::new("rsyslog");
        let mut text = format!(
            "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket=\"{}\" CreatePath=\"off\" RateLimit.Interval=\"0\")\n\
             action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\" TCP_Framing=\"octet-counted\" \
             template=\"RSYSLOG_SyslogProtocol23Format\")\n",
            socket.display()
        );
        for file in FILES {
            text += &format!("action(type=\"omfile\" file=\"{}\" template=\"{file}\")\n", scratch.join(file).display());
        }
        std::fs::write(scratch.join("rsyslog.conf"), text).expect("rsyslog.conf");
        let mut command = Command::new(program("rsyslog", &["/usr/sbin/rsyslogd"]));
        command.arg("-n").arg("-f").arg(scratch.join("rsyslog.conf")).arg("-i").arg(scratch.join("pid"));
        let mut daemon = Guard::spawn("rsyslogd", &mut command, &scratch.join("output"), Signal::TERM);
        daemon.ready(Duration::from_secs(20), || socket.exists());
        Rsyslog { scratch, daemon }
    }

    /// The file with whole times.
    pub(super) fn file(&self) -> PathBuf {
        self.scratch.join(FILES[0])
    }

    /// Waits until everything that was sent so far stands in the files: behind it comes a message of our own.
    fn drained(&self, socket: &Path) {
        let mark = UnixDatagram::unbound().expect("a socket");
        mark.send_to(b"<14>Nov 23 00:00:00 kuzet-tests: that is all", socket).expect("rsyslogd listens");
        for file in FILES {
            until("the last message", Duration::from_secs(20), || {
                let text = std::fs::read(self.scratch.join(file)).unwrap_or_default();
                String::from_utf8_lossy(&text).contains("kuzet-tests: that is all\n").then_some(())
            });
        }
    }
}

/// Runs `attack` while agents read what rsyslog writes and sends; gives what of the table does not hold.
fn through_rsyslog(
    socket: &Path,
    more: &str,
    within: &str,
    attack: impl FnOnce(),
    verdict: impl Fn(&str, &[Value]) -> Result<(), String>,
) -> Vec<String> {
    let port = free_port();
    let listen =
        format!("[[source]]\nname = \"lab\"\nformat = \"syslog\"\nlisten = \"tcp://127.0.0.1:{port}\"\n{more}\n");
    let network = Setup::new("rsyslog-net").with(&listen).start();
    let rsyslog = Rsyslog::start(socket, port);
    let agents = FILES.map(|file| {
        let path = rsyslog.scratch.join(file);
        (Setup::new("rsyslog-file").source("lab", "syslog", &path, more).start(), file, path)
    });
    attack();
    rsyslog.drained(socket);
    let mut failures = Vec::new();
    for (agent, file, path) in &agents {
        failures.extend(settled(agent, path, within, |incidents| verdict(file, incidents)).err());
        failures.extend(whole(agent));
    }
    let seen = |agent: &Agent| agent.setup.metric("kuzet_records_seen_total{source=\"lab\"}");
    until("every record over the network", Duration::from_secs(20), || {
        (seen(&network) >= seen(&agents[0].0)).then_some(())
    });
    failures.extend(settled(&network, Path::new(""), within, |incidents| verdict("network", incidents)).err());
    failures.extend(whole(&network));
    failures
}

/// No record was lost: the pieces of each were put together.
fn whole(agent: &Agent) -> Option<String> {
    let lost = agent.setup.metric("kuzet_records_total{result=\"lost\",source=\"lab\"}");
    (lost != Some(0.0)).then(|| format!("{lost:?} records were lost"))
}

/// The whole table. PostgreSQL cuts its records at newlines and at 900 bytes.
#[test]
fn postgresql_through_rsyslog() {
    let scratch = Scratch::new("dev");
    let socket = scratch.join("log");
    let server = Postgres::at_log(Mode::PgauditRows, &socket);
    let mut failures = Vec::new();
    for (scenario, attack) in attacks_postgresql::SCENARIOS {
        server.empty_logs();
        let verdict =
            |_: &str, incidents: &[Value]| check("postgresql", Mode::PgauditRows.name(), "syslog", scenario, incidents);
        let prefix = format!("log_line_prefix = \"{PREFIX}\"");
        failures.extend(through_rsyslog(&socket, &prefix, "1", || attack(&server), verdict));
    }
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}

/// server_audit in its syslog form.
#[test]
fn mariadb_through_rsyslog() {
    let scratch = Scratch::new("dev");
    let socket = scratch.join("log");
    let server = Mariadb::at_log(&socket);
    let mut failures = Vec::new();
    for (scenario, attack) in attacks_mariadb::SCENARIOS {
        server.quiet();
        let verdict = |form: &str, incidents: &[Value]| {
            let mode = if form == WHOLE_SECONDS { "audit" } else { "audit_micros" };
            check("mariadb", mode, "syslog", scenario, incidents)
        };
        failures.extend(through_rsyslog(&socket, "", "2.5", || attack(&server), verdict));
    }
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}

/// systemd-journald with a journal of its own.
struct Journald {
    place: PathBuf,
    daemon: Guard,
}

impl Journald {
    /// Where it takes messages, when it runs in `place`.
    fn socket(place: &Path) -> PathBuf {
        place.join("run/systemd/journal/dev-log")
    }

    /// Starts it with nothing in its journal.
    fn start(place: &Path) -> Journald {
        let machine = std::fs::read_to_string("/etc/machine-id").expect("the host has an id");
        let _ = std::fs::remove_dir_all(place.join("run"));
        for directory in ["systemd/journal", &format!("log/journal/{}", machine.trim())] {
            std::fs::create_dir_all(place.join("run").join(directory)).expect("own directory");
        }
        let daemon = Command::new(program("systemd", &["/lib/systemd/systemd-journald"]));
        let mut command = in_namespace("mount --bind \"$1\" /run", &[&place.join("run")], &daemon);
        let mut daemon = Guard::spawn("systemd-journald", &mut command, &place.join("output"), Signal::TERM);
        daemon.ready(Duration::from_secs(20), || Journald::socket(place).exists());
        Journald { place: place.to_owned(), daemon }
    }

    fn journal(&self) -> PathBuf {
        self.place.join("run/log/journal")
    }

    /// Records of PostgreSQL so far: each begins with `[number-1] `.
    fn records(&self) -> usize {
        let mut command = Command::new("journalctl");
        command.args(["--quiet", "--output=cat", "--all", "--identifier=postgres", "--directory"]);
        let text = run(command.arg(self.journal())).stdout;
        let first = |line: &&[u8]| {
            let end = line.iter().position(|byte| *byte == b']').unwrap_or_default();
            line.starts_with(b"[") && line[..end].ends_with(b"-1")
        };
        text.split(|byte| *byte == b'\n').filter(first).count()
    }
}

#[test]
fn postgresql_through_journald() {
    let scratch = Scratch::new("journald");
    let server = Postgres::at_log(Mode::PgauditRows, &Journald::socket(scratch.path()));
    let mut failures = Vec::new();
    for scenario in ["bulk_select", "enum_iin", "big_stmt", "sqli", "grant_escalation"] {
        server.empty_logs();
        let journald = Journald::start(scratch.path());
        let source = format!(
            "[[source]]\nname = \"lab\"\nformat = \"journald\"\nlog_line_prefix = \"{PREFIX}\"\n\
             from_beginning = true\njournald = {{ identifiers = [\"postgres\"], directory = {:?} }}\n",
            journald.journal()
        );
        let agent = Setup::new("journald").with(&source).start();
        let attack = attacks_postgresql::SCENARIOS.iter().find(|(name, _)| *name == scenario).expect("a scenario").1;
        attack(&server);
        let verdict =
            |incidents: &[Value]| check("postgresql", Mode::PgauditRows.name(), "journald", scenario, incidents);
        failures.extend(settled(&agent, Path::new(""), "1", verdict).err());
        until("every record of the journal", Duration::from_secs(20), || {
            let seen = agent.setup.metric("kuzet_records_seen_total{source=\"lab\"}")?;
            (seen >= journald.records() as f64).then_some(())
        });
        failures.extend(verdict(&agent.setup.incidents()).err());
        failures.extend(whole(&agent));
    }
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}
