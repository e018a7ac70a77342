//! A declared backup against a real server: expected in its hours, an incident outside of them, on the same day by the same role.

use super::postgres::{Mode, Postgres};
use crate::support::agent::{Agent, Setup};
use crate::support::{run, until};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn policy(hours: &str) -> String {
    format!(
        "[[allow]]\njob = \"nightly backup\"\nrole = \"dba\"\nprogram = \"pg_dump\"\nmay = [\"read\", \"export\"]\n\
         store = \"borrowers\"\nhours = \"{hours}\"\noffset = \"+00:00\"\nmax_runs_per_day = 2\nowner = \"operations\"\n\
         reason = \"backup\"\nexpires = 2099-01-31\n"
    )
}

fn dump(server: &Postgres) {
    let mut dump = server.tool("pg_dump");
    dump.args(["-h", "127.0.0.1", "-U", "dba", "-p"]).arg(server.port().to_string()).args(["-t", "borrowers", "mfo"]);
    run(dump.env("PGPASSWORD", "dba-pw"));
}

/// Why something is told of the role that dumps.
fn told(agent: &Agent) -> String {
    let all = agent.setup.incidents();
    all.iter().filter(|one| one["user.name"] == "dba").map(ToString::to_string).collect()
}

#[test]
fn a_backup_is_expected_in_its_hours_and_alarms_outside() {
    let server = Postgres::start(Mode::Pgaudit);
    server.empty_logs();
    let setup = Setup::new("jobs").source("lab", "postgresql_jsonlog", &server.logs().join("*.json"), "");
    setup.write();
    let path = setup.scratch.join("policy.toml");
    std::fs::write(&path, policy("00:00-24:00")).expect("a policy");
    let text = std::fs::read_to_string(setup.file()).expect("the configuration");
    let (head, rest) = text.split_once("policy = ").expect("a policy");
    let (_, rest) = rest.split_once('\n').expect("more lines");
    std::fs::write(setup.file(), format!("{head}policy = {path:?}\n{rest}")).expect("the configuration");
    let agent = setup.started();
    let explained =
        || agent.setup.metric("kuzet_expected_events_total{declared_job=\"nightly backup\"}").unwrap_or(0.0);

    dump(&server);
    until("the backup", LIMIT, || (explained() > 0.0).then_some(()));
    dump(&server);
    let first = explained();
    until("the second one", LIMIT, || (explained() > first).then_some(()));
    assert_eq!(told(&agent), "", "expected work");
    // One run too many of the day.
    dump(&server);
    until("the third run", LIMIT, || told(&agent).contains("runs per day (run 3, 2 declared)").then_some(()));
    assert!(told(&agent).contains("\"export\""), "{}", told(&agent));

    // The same dump when the backup does not run.
    let hour = server.admin("mfo", "SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int");
    let hour: u8 = hour.parse().expect("an hour");
    let (from, to) = ((hour + 3) % 24, (hour + 4) % 24);
    let hours = format!("{from:02}:00-{to:02}:00");
    std::fs::write(&path, policy(&hours)).expect("a policy");
    let in_force = || agent.output().contains("The new configuration is in force.");
    until("the other hours", LIMIT, || in_force().then_some(()));
    dump(&server);
    until("the dump at noon", LIMIT, || {
        told(&agent).contains(&format!("outside its hours ({hours} declared)")).then_some(())
    });
}
