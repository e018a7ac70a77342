//! `kuzet discover` against real servers: what it finds in schemas that hide it, follows, admits and writes.

use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres};
use crate::support::schema::{self, Table};
use crate::support::{kuzet, now, run, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// The seed that the rules were tuned on, and those that they were only measured on.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

fn asked(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code < 2), "kuzet: {told}");
    // Held against docs/schema on the way.
    crate::cli::documents(output).pop().unwrap_or_else(|| panic!("no document: {told}"))
}

/// Table, column and category of everything that `report` calls personal data.
fn found(report: &Value) -> BTreeSet<(String, String, String)> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = BTreeSet::new();
    for store in list(report, "stores") {
        for table in list(&store, "tables") {
            let name = text(&table["name"]);
            let name = name.rsplit('.').next().unwrap_or_default();
            for column in list(&table, "columns") {
                for found in list(&column, "found") {
                    if found["confidence"].as_u64() >= Some(50) {
                        all.insert((name.to_owned(), text(&column["name"]), text(&found["category"])));
                    }
                }
            }
        }
    }
    all
}

/// Right, wrong and missed columns of `tables`; a column under a wrong category is wrong and missed.
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
    seconds: f64,
}

fn score(label: &str, tables: &[Table], output: &Output, seconds: f64) -> Score {
    let found = found(&asked(output));
    let mut truth = BTreeSet::new();
    for table in tables {
        for column in &table.columns {
            if let Some(category) = column.truth {
                truth.insert((table.name.clone(), column.name.clone(), category.to_owned()));
            }
        }
    }
    let right = found.intersection(&truth).count();
    for wrong in found.difference(&truth) {
        eprintln!("{label}: wrong  {wrong:?}");
    }
    for missed in truth.difference(&found) {
        eprintln!("{label}: missed {missed:?}");
    }
    let score = Score { right, wrong: found.len() - right, missed: truth.len() - right, seconds };
    eprintln!("| {label} | {} | {} | {} | {seconds:.1} |", truth.len(), score.right, score.wrong);
    score
}

fn judge(scores: &[Score]) {
    let sum = |of: fn(&Score) -> usize| scores.iter().map(of).sum::<usize>();
    let (right, wrong, missed) = (sum(|s| s.right), sum(|s| s.wrong), sum(|s| s.missed));
    let (recall, precision) = (right * 1000 / (right + missed), right * 1000 / (right + wrong));
    let slowest = scores.iter().map(|score| score.seconds).fold(0.0, f64::max);
    eprintln!(
        "recall {}.{} %, precision {}.{} %, slowest {slowest:.1} s",
        recall / 10,
        recall % 10,
        precision / 10,
        precision % 10
    );
    assert!(recall >= 950, "recall {recall}");
    assert!(precision >= 900, "precision {precision}");
    assert!(slowest <= 60.0, "{slowest} s");
}

/// Runs the command beside `directory`/kuzet.toml; gives what it says and the seconds it took.
fn discover(directory: &Path, environment: &[(&str, String)], arguments: &[&str]) -> (Output, f64) {
    let config = directory.join("kuzet.toml");
    if !config.exists() {
        let text = "catalogue = \"catalogue.toml\"\n[[source]]\nname = \"log\"\npaths = [\"/var/log/none.log\"]\n";
        std::fs::write(&config, text).expect("a configuration");
    }
    let mut command = Command::new(kuzet());
    command.env_clear().envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    command.arg("--config").arg(config).arg("discover").args(arguments);
    let started = now();
    let output = command.output().expect("kuzet starts");
    (output, started.elapsed().as_secs_f64())
}

fn postgresql(cluster: &Postgres, database: &str, role: &str) -> Vec<(&'static str, String)> {
    vec![
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", cluster.port().to_string()),
        ("PGUSER", role.to_owned()),
        ("PGDATABASE", database.to_owned()),
        ("PGPASSWORD", format!("{role}-pw")),
    ]
}

#[test]
fn hidden_columns_are_found_in_postgresql() {
    let cluster = Postgres::start(Mode::Logall);
    cluster.admin("mfo", "CREATE ROLE reader LOGIN PASSWORD 'reader-pw'; GRANT pg_read_all_data TO reader;");
    let mut scores = Vec::new();
    for seed in SEEDS {
        let (tables, name) = (schema::schema(seed), format!("hidden{seed}"));
        cluster.admin("postgres", &format!("CREATE DATABASE {name};"));
        cluster.admin(&name, &schema::postgresql(&tables));
        let environment = postgresql(&cluster, &name, "reader");
        let (output, seconds) = discover(cluster.path(), &environment, &["--environment", "postgresql", "--json"]);
        scores.push(score(&format!("postgresql {seed}"), &tables, &output, seconds));
    }
    judge(&scores);
}

fn mariadb(server: &Mariadb, user: &str, directory: &Path) -> Vec<(&'static str, String)> {
    let home = directory.join(format!("home-{user}"));
    std::fs::create_dir_all(&home).expect("a scratch directory");
    // As a person keeps it: the client's own file.
    let text = format!("[client]\nhost=127.0.0.1\nport={}\nuser={user}\npassword={user}-pw\n", server.port());
    let file = home.join(".my.cnf");
    std::fs::write(&file, text).expect("a scratch file");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).expect("own file");
    vec![("HOME", home.display().to_string())]
}

#[test]
fn hidden_columns_are_found_in_mariadb() {
    let server = Mariadb::start();
    let mut scores = Vec::new();
    for seed in SEEDS {
        let tables = schema::schema(seed);
        let name = format!("hidden{seed}");
        let sql = format!(
            "CREATE DATABASE {name} CHARACTER SET utf8mb4; CREATE USER r{seed}@'127.0.0.1' IDENTIFIED BY 'r{seed}-pw'; \
             GRANT SELECT ON {name}.* TO r{seed}@'127.0.0.1'; USE {name}; {}",
            schema::mariadb(&tables)
        );
        let file = server.path().join("load.sql");
        std::fs::write(&file, sql).expect("a scratch file");
        server.admin(&format!("SOURCE {}", file.display()));
        let environment = mariadb(&server, &format!("r{seed}"), server.path());
        let (output, seconds) = discover(server.path(), &environment, &["--environment", "mariadb", "--json"]);
        scores.push(score(&format!("mariadb {seed}"), &tables, &output, seconds));
    }
    judge(&scores);
}

/// Views, copies, partitions, a closed table, row security, keys.
const LINEAGE: &str = "
CREATE VIEW v_short AS SELECT id, full_name AS n, iin AS k FROM borrowers;
CREATE VIEW v_deep AS SELECT k, count(*) AS c FROM v_short GROUP BY k;
CREATE VIEW v_cities AS SELECT count(*) AS c FROM borrowers;
CREATE MATERIALIZED VIEW m_people AS SELECT iin, phone FROM borrowers;
CREATE TABLE tmp_borrowers_bak AS SELECT * FROM borrowers LIMIT 500;
CREATE TABLE closed(id bigint, iin text, full_name text);
REVOKE ALL ON closed FROM PUBLIC;
CREATE TABLE calls(at date NOT NULL, n text) PARTITION BY RANGE (at);
CREATE TABLE calls_2026 PARTITION OF calls FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE calls_2027 PARTITION OF calls FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
INSERT INTO calls SELECT '2026-05-01', phone FROM borrowers LIMIT 300;
CREATE TABLE guarded(id bigint, m text);
INSERT INTO guarded SELECT id, phone FROM borrowers LIMIT 300;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON guarded USING (id <= 150);
CREATE TABLE ledger(no bigint PRIMARY KEY, who bigint REFERENCES borrowers, sum numeric);
INSERT INTO ledger SELECT id, id, 5 FROM borrowers LIMIT 100;
CREATE TABLE rates(code text PRIMARY KEY, rate numeric);
INSERT INTO rates VALUES ('USD', 480.5), ('EUR', 520.1);
ANALYZE;
CREATE ROLE reader LOGIN PASSWORD 'reader-pw';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
REVOKE SELECT ON closed FROM reader;
GRANT SELECT (id) ON closed TO reader;
GRANT SELECT ON v_short TO analyst;
";

#[test]
fn what_inherits_is_followed_and_what_was_not_seen_is_said() {
    let cluster = Postgres::start(Mode::PgauditRows);
    cluster.admin("mfo", LINEAGE);
    let environment = postgresql(&cluster, "mfo", "reader");
    let (output, _) = discover(cluster.path(), &environment, &["--environment", "postgresql"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("not looked at, so not clean") && shown.contains("nothing was written"), "{shown}");
    let (output, _) = discover(cluster.path(), &environment, &["--environment", "postgresql", "--write", "--json"]);
    let report = asked(&output);
    let text = std::fs::read_to_string(cluster.path().join("catalogue.toml")).expect("it was written");
    let main = &report["stores"][0];
    assert_eq!((main["name"].as_str(), main["persons"].as_u64()), (Some("borrowers"), Some(10_000)));
    let tables = |store: &Value| -> Vec<String> {
        let list = store["tables"].as_array().cloned().unwrap_or_default();
        list.iter()
            .map(|table| format!("{}: {}", table["name"].as_str().unwrap(), table["why"].as_str().unwrap()))
            .collect()
    };
    let told = tables(main);
    for wanted in [
        "public.v_short: view of public.borrowers",
        "public.v_deep: view of public.v_short",
        "public.m_people: materialised view of public.borrowers",
        "public.loans: borrower_id points at public.borrowers",
        "public.ledger: who points at public.borrowers",
    ] {
        assert!(told.iter().any(|line| line == wanted), "{wanted} is not in {told:#?}");
    }
    // Samples of a large table and of a part of it may share nobody.
    let copy = |line: &String| line.starts_with("public.tmp_borrowers_bak: looks like a copy (same columns");
    assert!(told.iter().any(copy), "{told:#?}");
    assert!(!text.contains("v_cities") && !text.contains("\"public.rates\""), "{text}");
    for wanted in ["\"public.calls_*\"", "in part: row security", "\"public.closed\"", "in part: 2 of its columns"] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    // No value of anybody stands in what was printed or written.
    for person in crate::support::people::people(10_000) {
        let all = [&text, &String::from_utf8_lossy(&output.stdout).into_owned()];
        assert!(all.iter().all(|text| !text.contains(&person.iin) && !text.contains(&person.iban)));
    }
    again(&cluster, &environment, &text);
}

/// The file is good for `check` and `replay`; a second run finds nothing new, and a new copy only.
fn again(cluster: &Postgres, environment: &[(&str, String)], text: &str) {
    let config = cluster.path().join("kuzet.toml");
    let check = run(Command::new(kuzet()).arg("--config").arg(&config).args(["check", "--json"]));
    let check: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(check["ok"], true, "{check}");
    let (output, _) = discover(cluster.path(), environment, &["--environment", "postgresql", "--write", "--json"]);
    let report = asked(&output);
    assert_eq!(
        (report["changes"].as_array().map(Vec::len), &report["written"]),
        (Some(0), &Value::Bool(false)),
        "{report}"
    );
    cluster.empty_logs();
    let odd = "SELECT k, n FROM v_short";
    run(cluster.psql("analyst", "analyst-pw", "mfo", "psql").args(["-c", odd]));
    let log = until("the audit record", Duration::from_secs(10), || {
        let log = cluster.log("csv");
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains(odd)).then_some(log)
    });
    let mut replay = Command::new(kuzet());
    replay.args(["replay", "--json", "--catalogue"]).arg(cluster.path().join("catalogue.toml")).arg(log);
    let incident = String::from_utf8(run(&mut replay).stdout).expect("JSON");
    assert!(incident.contains("bulk_read") && incident.contains("\"borrowers\""), "{incident}");
    cluster.admin(
        "mfo",
        "CREATE TABLE x77 AS SELECT iin AS a, full_name AS b FROM borrowers; GRANT SELECT ON x77 TO reader;",
    );
    let (output, _) = discover(cluster.path(), environment, &["--environment", "postgresql", "--write", "--json"]);
    let report = asked(&output);
    let kinds: Vec<&str> =
        report["changes"].as_array().unwrap().iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["new_store"], "{report}");
    let new = std::fs::read_to_string(cluster.path().join("catalogue.toml")).expect("it was written");
    assert!(new.starts_with(text) && new.contains("[\n  \"public.x77\",\n]"), "{new}");
}

#[test]
fn views_and_copies_are_followed_in_mariadb() {
    let server = Mariadb::start();
    server.admin(
        "USE mfo; CREATE VIEW v_short AS SELECT id, full_name AS n, iin AS k FROM borrowers;
         CREATE VIEW v_count AS SELECT count(*) AS c FROM borrowers; CREATE TABLE borrowers_bak AS SELECT * FROM borrowers;
         CREATE TABLE vault(id int PRIMARY KEY, iin varbinary(64)); INSERT INTO vault VALUES (1, 0x0011);
         CREATE USER looker@'127.0.0.1' IDENTIFIED BY 'looker-pw'; GRANT SELECT, SHOW VIEW ON mfo.* TO looker@'127.0.0.1';",
    );
    // The way of a service: an entry of the configuration and a file with the password.
    let secret = server.path().join("looker.pw");
    std::fs::write(&secret, "looker-pw\n").expect("a scratch file");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("own file");
    let text = format!(
        "catalogue = \"catalogue.toml\"\n[[source]]\nname = \"log\"\npaths = [\"/var/log/none.log\"]\n[[database]]\nname = \"maria\"\n\
         system = \"mariadb\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"looker\"\npassword_file = \"{}\"\n",
        server.port(),
        secret.display()
    );
    std::fs::write(server.path().join("kuzet.toml"), text).expect("a configuration");
    let (output, _) = discover(server.path(), &[], &["maria", "--write", "--json"]);
    let report = asked(&output);
    let text = std::fs::read_to_string(server.path().join("catalogue.toml")).expect("it was written");
    for wanted in [
        "mfo.v_short: view of mfo.borrowers",
        "mfo.borrowers_bak: looks like a copy (same columns, same people) of mfo.borrowers",
        "mfo.loans: borrower_id points at mfo.borrowers",
        "name = \"iin\" # 60 %: name only: no value was seen",
        "database = \"mfo\"\ntables = [\n  \"borrowers\",",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    assert!(!text.contains("v_count"), "{text}");
    assert_eq!(report["databases"][0]["system"], "mariadb");
    let (output, _) = discover(server.path(), &[], &["--json"]);
    assert_eq!(asked(&output)["changes"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_server_that_refuses_is_said_with_help() {
    let cluster = Postgres::start(Mode::Logall);
    let mut environment = postgresql(&cluster, "mfo", "analyst");
    environment.retain(|(name, _)| *name != "PGPASSWORD");
    let (output, _) = discover(cluster.path(), &environment, &["--environment", "postgresql"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("password"), "{output:?}");
    let (output, _) = discover(cluster.path(), &environment, &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("[[database]]"), "{output:?}");
}
