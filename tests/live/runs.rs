//! The table of tests/scenarios held against real servers: attack, and what the watching agent tells.

use super::mariadb::Mariadb;
use super::postgres::{Mode, PREFIX, Postgres};
use super::{attacks_mariadb, attacks_postgresql};
use crate::scenarios::check;
use crate::support::agent::{Agent, Setup};
use crate::support::{poll, until};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// The formats that one PostgreSQL writes at once.
const FORMATS: [(&str, &str); 3] =
    [("csv", "postgresql_csvlog"), ("json", "postgresql_jsonlog"), ("log", "postgresql_stderr")];

/// Bytes in the files that match `pattern`.
fn written(pattern: &Path) -> u64 {
    let files = glob::glob(&pattern.to_string_lossy()).expect("a pattern");
    files.flatten().filter_map(|file| std::fs::metadata(file).ok()).map(|metadata| metadata.len()).sum()
}

/// Asks until the incidents are those of the table or the limit passes; then once more when everything is read, so
/// that one incident too many is seen too.
pub fn settled(
    agent: &Agent,
    pattern: &Path,
    within: &str,
    verdict: impl Fn(&[Value]) -> Result<(), String>,
) -> Result<(), String> {
    poll(Duration::from_secs(3), || verdict(&agent.setup.incidents()).ok());
    agent.setup.caught_up(&|_| written(pattern));
    let verdict = verdict(&agent.setup.incidents());
    verdict.and_then(|()| in_time(agent, within))
}

/// Every decision within `within` seconds (a bucket of the histogram) of the stamp of its record. PostgreSQL stamps to the
/// millisecond; server_audit cuts the fraction of the second off, so that a second comes from the stamp alone.
fn in_time(agent: &Agent, within: &str) -> Result<(), String> {
    let count = agent.setup.metric("kuzet_detection_delay_seconds_count").unwrap_or_default();
    let bucket = format!("kuzet_detection_delay_seconds_bucket{{le=\"{within}\"}}");
    match agent.setup.metric(&bucket).map(|in_time| count - in_time) {
        Some(late) if late < 0.5 => Ok(()),
        Some(late) => Err(format!("{late} of {count} decisions came later than {within} s")),
        None => Err(format!("no {bucket}")),
    }
}

fn postgresql(mode: Mode) {
    let server = Postgres::start(mode);
    let mut failures = Vec::new();
    for (scenario, attack) in attacks_postgresql::SCENARIOS {
        server.empty_logs();
        let agents = FORMATS.map(|(extension, format)| {
            let pattern = server.logs().join(format!("*.{extension}"));
            let more = if extension == "log" { format!("log_line_prefix = \"{PREFIX}\"") } else { String::new() };
            (Setup::new(extension).source("lab", format, &pattern, &more).start(), pattern, format)
        });
        attack(&server);
        for (agent, pattern, format) in &agents {
            let verdict = |incidents: &[Value]| check("postgresql", mode.name(), format, scenario, incidents);
            failures.extend(settled(agent, pattern, "1", verdict).err());
        }
    }
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn postgresql_with_pgaudit() {
    postgresql(Mode::Pgaudit);
}

#[test]
fn postgresql_with_pgaudit_and_rows() {
    postgresql(Mode::PgauditRows);
}

#[test]
fn postgresql_with_log_statement_all() {
    postgresql(Mode::Logall);
}

#[test]
fn mariadb_with_server_audit() {
    let server = Mariadb::start();
    let mut failures = Vec::new();
    for (scenario, attack) in attacks_mariadb::SCENARIOS {
        server.empty_logs();
        let agent = Setup::new("my").source("lab", "mariadb_server_audit", &server.log(), "").start();
        attack(&server);
        let verdict = |incidents: &[Value]| check("mariadb", "audit", "mariadb_server_audit", scenario, incidents);
        failures.extend(settled(&agent, &server.log(), "2.5", verdict).err());
    }
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}

/// An attack while Alertmanager is away reaches it once it is back, with the incident's labels and nothing raw.
#[test]
fn an_attack_reaches_alertmanager_even_late() {
    let server = Mariadb::start();
    server.empty_logs();
    let port = crate::support::free_port();
    let channel = format!("\n[[notify]]\nname = \"am\"\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:{port}\"\n");
    let agent = Setup::new("am-agent").source("lab", "mariadb_server_audit", &server.log(), "").with(&channel).start();
    let attack = attacks_mariadb::SCENARIOS.iter().find(|(name, _)| *name == "bulk_select").expect("a scenario").1;
    attack(&server);
    until("an incident in the store", Duration::from_secs(15), || (!agent.setup.incidents().is_empty()).then_some(()));
    until("a backlog in the outbox", Duration::from_secs(15), || {
        agent.setup.metric("kuzet_outbox_pending{channel=\"am\"}").filter(|pending| *pending > 0.0)
    });
    let alertmanager = super::observe::Alertmanager::start_on(port, None);
    let alerts = until("the alert", Duration::from_secs(60), || {
        let alerts = alertmanager.alerts().as_array().cloned().unwrap_or_default();
        (!alerts.is_empty()).then_some(alerts)
    });
    let text = serde_json::to_string(&alerts).expect("JSON");
    assert!(text.contains("analyst") && text.contains("borrowers"), "{text}");
    until("an empty outbox", Duration::from_secs(60), || {
        agent.setup.metric("kuzet_outbox_pending{channel=\"am\"}").filter(|pending| *pending == 0.0)
    });
}
