//! The table held against recordings of real servers: no server is needed, and what comes out must be the same twice.

use super::check;
use crate::support::agent::{is_incident, json_lines};
use crate::support::{kuzet, root};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Scenarios that were recorded from PostgreSQL 15.
const POSTGRESQL: [&str; 15] = [
    "app_normal",
    "app_batch",
    "bulk_select",
    "bulk_cursor",
    "bulk_indirect",
    "copy_out",
    "pg_dump",
    "enum_iin",
    "mass_delete",
    "grant_escalation",
    "failed_logins",
    "audit_tamper",
    "sqli",
    "big_stmt",
    "after_kill",
];

/// Scenarios that were recorded from MariaDB 10.11.
const MARIADB: [&str; 13] = [
    "app_normal",
    "bulk_select",
    "outfile",
    "mysqldump",
    "enum_iin",
    "mass_delete",
    "grant_escalation",
    "failed_logins",
    "audit_tamper",
    "sqli",
    "prepared",
    "big_stmt",
    "kill_lock",
];

/// Output of `kuzet replay --json`.
fn replay(file: &Path, format: &str) -> Vec<u8> {
    let content = root().join("tests/scenarios");
    let mut command = Command::new(kuzet());
    command.arg("replay").arg(file).args(["--json", "--format", format]);
    command.arg("--catalogue").arg(content.join("catalogue.toml")).arg("--policy").arg(content.join("policy.toml"));
    if format == "postgresql_stderr" {
        command.args(["--log-line-prefix", "%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q "]);
    }
    let output = command.output().expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code < 2), "replay {}: {error}", file.display());
    output.stdout
}

/// Replays twice and gives the incidents.
fn incidents(file: &Path, format: &str) -> Vec<Value> {
    assert!(file.exists(), "no recording {}", file.display());
    let first = replay(file, format);
    assert_eq!(strip(&first), strip(&replay(file, format)), "{} told two stories", file.display());
    json_lines(&first).into_iter().filter(is_incident).collect()
}

/// Without what depends on when the agent looked.
fn strip(output: &[u8]) -> Vec<Value> {
    let mut values = json_lines(output);
    for value in values.iter_mut().filter_map(Value::as_object_mut) {
        value.remove("kuzet.observed");
    }
    values
}

fn samples() -> PathBuf {
    root().join("tests/data/samples")
}

fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} of the table do not hold:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn postgresql_recordings_lead_to_the_expected_incidents() {
    let formats = [("csv", "postgresql_csvlog"), ("json", "postgresql_jsonlog"), ("log", "postgresql_stderr")];
    let mut failures = Vec::new();
    // The recordings were made with log_rows on.
    for (recording, mode) in [("pgaudit", "pgaudit_rows"), ("logall", "logall_recorded")] {
        for scenario in POSTGRESQL {
            for (extension, format) in formats {
                let file = samples().join(format!("postgresql/{recording}-{scenario}.{extension}"));
                failures.extend(check("postgresql", mode, format, scenario, &incidents(&file, format)).err());
            }
        }
    }
    assert_none(&failures);
}

#[test]
fn mariadb_recordings_lead_to_the_expected_incidents() {
    let mut failures = Vec::new();
    for scenario in MARIADB {
        let file = samples().join(format!("mariadb/{scenario}.audit.log"));
        let incidents = incidents(&file, "mariadb_server_audit");
        failures.extend(check("mariadb", "audit", "mariadb_server_audit", scenario, &incidents).err());
    }
    assert_none(&failures);
}
