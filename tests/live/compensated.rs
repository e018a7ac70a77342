//! What the audit log hides, with a connection beside it: true rows in the same incident, and work that no log shows.

use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres, feed};
use crate::support::agent::{Agent, Setup};
use crate::support::{poll, run, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// An agent that follows the jsonlog of `server` and asks it every second.
fn watched(server: &Postgres) -> Agent {
    watched_with(server, "")
}

/// The same, with more in its configuration.
fn watched_with(server: &Postgres, more: &str) -> Agent {
    server.admin("mfo", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    server.admin("mfo", "CREATE ROLE kuzet LOGIN PASSWORD 'kuzet-pw'; GRANT pg_monitor TO kuzet");
    server.empty_logs();
    let password = server.path().join("kuzet.password");
    std::fs::write(&password, "kuzet-pw\n").expect("a password file");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let database = format!(
        "[[database]]\nname = \"mfo\"\nsystem = \"postgresql\"\nurl = \"postgresql://kuzet@127.0.0.1:{}/mfo\"\n\
         password_file = {password:?}\npoll_seconds = 1\nsource = \"lab\"\n{more}",
        server.port()
    );
    let log = server.logs().join("*.json");
    let agent = Setup::new("measured").source("lab", "postgresql_jsonlog", &log, "").with(&database).start();
    let seen = "kuzet_records_seen_total{source=\"mfo\"}";
    until("the first poll", Duration::from_secs(60), || agent.setup.metric(seen).filter(|seen| *seen > 0.0));
    agent
}

/// Rows of the story of `user` on the store as measured.
fn measured(agent: &Agent, user: &str) -> u64 {
    let incidents = agent.setup.incidents();
    let of = |one: &&Value| one["user.name"] == user && one["kuzet.family"] == "access";
    incidents.iter().filter(of).filter_map(|one| one["kuzet.rows"]["measured"].as_u64()).sum()
}

fn settled(agent: &Agent, user: &str, truth: u64) {
    let near = |rows: u64| rows.abs_diff(truth) * 100 <= truth;
    let found = poll(Duration::from_secs(30), || Some(measured(agent, user)).filter(|rows| near(*rows)));
    let incidents = agent.setup.incidents();
    let Some(_) = found else { panic!("{user}: {} rows, {truth} are true: {incidents:#?}", measured(agent, user)) };
    let story = incidents.iter().find(|one| one["user.name"] == user && one["kuzet.family"] == "access");
    let story = story.expect("an incident");
    assert_eq!(story["kuzet.rows"]["unknown_parts"], 0, "{story:#}");
}

fn true_rows(mode: Mode) {
    let server = Postgres::start(mode);
    let agent = watched(&server);
    let count = |text: &str| server.admin("mfo", text).parse::<u64>().expect("a number");
    let analyst = |text: &str| {
        let mut command = server.psql("analyst", "analyst-pw", "mfo", "psql");
        let output = feed(&mut command, text.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let all = count("SELECT count(*) FROM borrowers");
    let rich = count("SELECT count(*) FROM borrowers WHERE salary > 100000");
    analyst("SELECT * FROM borrowers;");
    analyst("SELECT iin, phone, iban FROM public.borrowers WHERE salary > 100000 ORDER BY salary DESC;");
    analyst("COPY borrowers TO STDOUT;");
    analyst("BEGIN; DECLARE c CURSOR FOR SELECT * FROM borrowers;\nFETCH 2000 FROM c;\nFETCH ALL FROM c;\nCOMMIT;");
    settled(&agent, "analyst", 3 * all + rich);
    for more in [&["-t", "borrowers"][..], &["--inserts", "-t", "borrowers"]] {
        let mut dump = server.tool("pg_dump");
        dump.args(["-h", "127.0.0.1", "-U", "dba", "-p"]).arg(server.port().to_string()).args(more).arg("mfo");
        run(dump.env("PGPASSWORD", "dba-pw"));
    }
    settled(&agent, "dba", 2 * all);
}

#[test]
fn rows_are_true_although_the_log_gives_none() {
    true_rows(Mode::Pgaudit);
}

#[test]
fn rows_are_true_although_the_log_gives_wrong_ones() {
    true_rows(Mode::PgauditRows);
}

/// The four ways of the lab, again and again: the agent first has to see that the log tells of such work at all.
#[test]
fn a_superuser_who_blinds_the_audit_is_told() {
    let server = Postgres::start(Mode::Pgaudit);
    let agent = watched(&server);
    let dba = |options: &str, text: &str| {
        let mut command = server.psql("dba", "dba-pw", "mfo", "psql");
        command.env("PGOPTIONS", options);
        feed(&mut command, text.as_bytes());
    };
    let blinded = || {
        let incidents = agent.setup.incidents();
        let kinds =
            incidents.iter().filter(|one| one["user.name"] == "dba").filter_map(|one| one["kuzet.kinds"].as_array());
        kinds.flatten().any(|kind| kind["kind"] == "blinded_session" && kind["detector"] == "blinded").then_some(())
    };
    dba("", "SELECT count(*) FROM borrowers;");
    until("a blinded session", Duration::from_secs(180), || {
        dba("-c pgaudit.log=none", "SELECT * FROM borrowers;");
        dba("", "SET pgaudit.log = 'none'; SELECT * FROM borrowers;");
        dba("", "SELECT set_config('pgaudit.log', 'none', false); SELECT * FROM borrowers;");
        dba("", "DO $$BEGIN PERFORM set_config('pgaudit.log', 'none', false); END$$; SELECT * FROM borrowers;");
        blinded()
    });
    // What they took is told as well, with its rows.
    assert!(measured(&agent, "dba") >= 10_000, "{:#?}", agent.setup.incidents());
}

/// The log, the statistics and the poll of roles tell of the same statement; of the second only two of them.
#[test]
fn a_role_that_was_raised_is_one_incident_and_an_unlogged_one_is_told_as_such() {
    let server = Postgres::start(Mode::Pgaudit);
    let agent = watched(&server);
    let dba = |options: &str, text: &str| {
        let mut command = server.psql("dba", "dba-pw", "mfo", "psql");
        let output = feed(command.env("PGOPTIONS", options), text.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let told = || -> Vec<Value> {
        let all = agent.setup.incidents().into_iter();
        all.filter(|one| one["kuzet.family"] == "privilege" && one["user.name"] != "postgres").collect()
    };
    dba("", "ALTER ROLE analyst CREATEROLE;");
    until("the logged change", Duration::from_secs(60), || (told().len() == 1).then_some(()));
    dba("-c pgaudit.log=none", "ALTER ROLE app SUPERUSER;");
    until("the unlogged change", Duration::from_secs(180), || {
        dba("", "SELECT 1 FROM borrowers LIMIT 1;");
        told().iter().any(|one| one.to_string().contains("the log does not show it")).then_some(())
    });
    let told = told();
    let of = |source: &str| told.iter().filter(|one| one["kuzet.sources"][0] == source).count();
    assert_eq!((told.len(), of("lab"), of("mfo")), (2, 1, 1), "{told:#?}");
    assert!(told.iter().all(|one| one["user.name"] == "dba"), "{told:#?}");
}

/// Statistics know the role alone; the log knows who of those behind it ran what.
#[test]
fn measured_rows_of_a_shared_role_go_to_the_person_who_ran_the_statement() {
    let server = Postgres::start(Mode::Pgaudit);
    let pool = "[[pool]]\nrole = \"analyst\"\nsystem = \"postgresql\"\nperson_from = [\"comment:user\"]\n";
    let agent = watched_with(&server, pool);
    let all: u64 = server.admin("mfo", "SELECT count(*) FROM borrowers").parse().expect("a number");
    let mut command = server.psql("analyst", "analyst-pw", "mfo", "psql");
    let text = "SELECT * FROM borrowers /*user='clerk7'*/;\nCOPY borrowers TO STDOUT /*user='clerk1'*/;\n";
    let output = feed(&mut command, text.as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured = |person: &str| {
        let incidents = agent.setup.incidents();
        let mut of = incidents.iter().filter(|one| one["user.effective.name"] == person);
        of.find_map(|one| one["kuzet.rows"]["measured"].as_u64())
    };
    let both = poll(Duration::from_secs(60), || {
        Some((measured("clerk7"), measured("clerk1"))).filter(|both| *both == (Some(all), Some(all)))
    });
    assert!(both.is_some(), "{:#?}", agent.setup.incidents());
}

/// MariaDB's audit log counts no rows; its slow log does, and sees whom the audit log was told to leave out.
#[test]
fn the_slow_log_gives_the_rows_that_server_audit_leaves_out() {
    let server = Mariadb::start();
    let slow = server.logs().join("slow.log");
    server.admin(&format!(
        "SET GLOBAL slow_query_log_file = '{}', long_query_time = 0, log_slow_verbosity = 'query_plan', slow_query_log = ON;",
        slow.display()
    ));
    let agent = Setup::new("slow")
        .source("lab", "mariadb_server_audit", &server.log(), "")
        .source("slow", "mariadb_slow_log", &slow, "")
        .start();
    let work = |user: &str, text: &str| {
        run(server.client(user, &format!("{user}-pw"), "mfo").args(["-e", text]));
    };
    let rich = server.admin("SELECT COUNT(*) FROM mfo.borrowers WHERE salary > 100000").trim().parse::<u64>();
    let rich = rich.expect("a number");
    work("analyst", "SELECT * FROM borrowers");
    work("analyst", "SELECT iin, phone FROM borrowers WHERE salary > 100000");
    settled(&agent, "analyst", 10_000 + rich);
    until("a blinded session", Duration::from_secs(180), || {
        server.admin("SET GLOBAL server_audit_excl_users = 'dba'");
        work("dba", "SELECT * FROM borrowers LIMIT 20");
        server.admin("SET GLOBAL server_audit_excl_users = ''");
        work("app", "SELECT id FROM loans LIMIT 1");
        let incidents = agent.setup.incidents();
        let kinds =
            incidents.iter().filter(|one| one["user.name"] == "dba").filter_map(|one| one["kuzet.kinds"].as_array());
        kinds.flatten().any(|kind| kind["detector"] == "blinded").then_some(())
    });
}
