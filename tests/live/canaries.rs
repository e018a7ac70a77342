//! Canaries in real servers: planted, touched in every way that statements have, taken out again.

use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres, feed};
use crate::cli::documents;
use crate::support::agent::{Agent, Setup};
use crate::support::{run, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// From the statement to the incident in the store, with what a debug build and a busy machine need.
const SOON: Duration = Duration::from_secs(5);

fn watched(url: &str, format: &str, log: &Path, directory: &Path) -> Agent {
    let password = directory.join("kuzet.password");
    std::fs::write(&password, "kuzet-pw\n").expect("a password file");
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o600)).expect("its mode");
    let database = format!(
        "[[database]]\nname = \"asked\"\nurl = \"{url}\"\npassword_file = {password:?}\nsource = \"lab\"\n\
         poll_seconds = 3600\n"
    );
    Setup::new("canaries").source("lab", format, log, "").with(&database).start()
}

fn told(agent: &Agent, user: &str) -> u64 {
    let incidents = agent.setup.incidents();
    let of = incidents.iter().filter(|one| one["user.name"] == user);
    let kinds = of.filter_map(|one| one["kuzet.kinds"].as_array()).flatten().filter(|kind| kind["kind"] == "canary");
    kinds
        .map(|kind| {
            assert_eq!(kind["severity"], "critical", "{kind}");
            kind["count"].as_u64().unwrap_or(0)
        })
        .sum()
}

fn list(agent: &Agent) -> Vec<Value> {
    let list = documents(&agent.setup.run(&["canary", "list", "--json"])).remove(0);
    list["canaries"].as_array().expect("a list").clone()
}

/// The statements that a command printed.
fn printed(agent: &Agent, arguments: &[&str]) -> Vec<String> {
    let output = agent.setup.run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

/// Number and key of the row that a statement plants.
fn planted(insert: &str) -> (String, String) {
    let (_, values) = insert.split_once("VALUES (").expect("values");
    let mut values = values.split(", ");
    let key = values.next().expect("a key").to_owned();
    (values.next().expect("a number").trim_matches('\'').to_owned(), key)
}

const PLANT: [&str; 8] = ["canary", "plant", "--store", "borrowers", "--database", "asked", "--count", "2"];

/// Each touch is told soon; what asks for nobody is not.
fn touch(agent: &Agent, touches: &[String], query: &dyn Fn(&str)) {
    query("SELECT full_name FROM borrowers WHERE id = 1");
    for touch in touches {
        let before = told(agent, "analyst");
        query(touch);
        until(touch, SOON, || (told(agent, "analyst") > before).then_some(()));
    }
}

#[test]
fn in_postgresql() {
    let server = Postgres::start(Mode::Pgaudit);
    server.admin("mfo", "CREATE ROLE kuzet LOGIN PASSWORD 'kuzet-pw'; GRANT pg_monitor TO kuzet");
    server.empty_logs();
    let url = format!("postgresql://kuzet@127.0.0.1:{}/mfo", server.port());
    let agent = watched(&url, "postgresql_jsonlog", &server.logs().join("*.json"), server.path());
    // The agent's own role may not insert: it prints, and the administrator decides.
    let refused = agent.setup.run(&[&PLANT[..], &["--yes"]].concat());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(list(&agent).is_empty());
    let inserts = printed(&agent, &PLANT);
    assert_eq!(inserts.len(), 2, "{inserts:?}");
    inserts.iter().for_each(|insert| drop(server.admin("mfo", insert)));
    let (iin, key) = planted(&inserts[0]);
    let (other, _) = planted(&inserts[1]);
    let standing = list(&agent);
    assert_eq!((standing.len(), &standing[0]["by_key"], &standing[0]["state"]), (2, &true.into(), &"printed".into()));
    assert!(!Value::from(standing).to_string().contains(&iin), "masked");
    let psql = |text: &str| {
        let output = feed(&mut server.psql("analyst", "analyst-pw", "mfo", "psql"), text.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let touches = [
        format!("SELECT * FROM borrowers WHERE iin = '{iin}'"),
        format!("SELECT phone FROM public.borrowers WHERE id = {key}"),
        format!("COPY (SELECT * FROM borrowers WHERE iin IN ('{other}')) TO STDOUT"),
        format!("PREPARE p AS SELECT * FROM borrowers WHERE iin = $1; EXECUTE p('{iin}')"),
    ];
    touch(&agent, &touches, &psql);
    // Taken out: the DELETE itself is no alarm, and nothing is left.
    let before = told(&agent, "postgres");
    let deletes = printed(&agent, &["canary", "remove", "--all"]);
    deletes.iter().for_each(|delete| drop(server.admin("mfo", delete)));
    assert_eq!(server.admin("mfo", &format!("SELECT count(*) FROM borrowers WHERE iin IN ('{iin}', '{other}')")), "0");
    agent.setup.caught_up(&|_| 1);
    assert!(list(&agent).is_empty());
    // From the server's stamp to the decision: within a second, with room for a busy machine.
    for incident in agent.setup.incidents() {
        assert!(incident["kuzet.observed"]["delay_max_us"].as_u64() < Some(1_000_000), "{incident:#}");
    }
    assert_eq!(told(&agent, "postgres"), before, "{:#?}", agent.setup.incidents());
    assert!(!agent.output().contains(&iin));
    // A role that may insert, and the operator's yes.
    server.admin("mfo", "GRANT INSERT, DELETE, SELECT ON borrowers TO kuzet");
    let rows = || server.admin("mfo", "SELECT count(*) FROM borrowers WHERE id > 2000000000");
    printed(&agent, &[&PLANT[..], &["--yes"]].concat());
    assert_eq!((rows().as_str(), list(&agent).len()), ("2", 2));
    printed(&agent, &["canary", "remove", "--all", "--yes"]);
    assert_eq!((rows().as_str(), list(&agent).len()), ("0", 0));
}

#[test]
fn in_mariadb() {
    let server = Mariadb::start();
    server.admin("CREATE USER kuzet@'127.0.0.1' IDENTIFIED BY 'kuzet-pw'; GRANT INSERT, DELETE, SELECT ON mfo.borrowers TO kuzet@'127.0.0.1'");
    let url = format!("mariadb://kuzet@127.0.0.1:{}/mfo", server.port());
    let agent = watched(&url, "mariadb_server_audit", &server.log(), server.path());
    // Without a yes nothing is run, although the role may.
    let count = || server.admin("SELECT count(*) FROM mfo.borrowers");
    let before = count();
    let dry = printed(&agent, &PLANT);
    assert_eq!(count(), before);
    printed(&agent, &["canary", "remove", "--all"]);
    let inserts = printed(&agent, &[&PLANT[..], &["--yes"]].concat());
    assert_ne!(dry, inserts, "a number is never used twice");
    assert_eq!(count().parse::<u64>().ok(), before.parse::<u64>().ok().map(|rows| rows + 2));
    let (iin, key) = planted(&inserts[0]);
    let (other, _) = planted(&inserts[1]);
    assert_eq!((list(&agent).len(), &list(&agent)[0]["state"]), (2, &"planted".into()));
    let query = |text: &str| run(server.client("analyst", "analyst-pw", "mfo").args(["-e", text]));
    let touches = [
        format!("SELECT * FROM borrowers WHERE iin = '{iin}'"),
        format!("SELECT phone FROM borrowers WHERE id = {key}"),
        format!("SELECT b.* FROM borrowers b JOIN loans l ON l.borrower_id = b.id WHERE b.iin = '{other}'"),
    ];
    touch(&agent, &touches, &|text| drop(query(text)));
    printed(&agent, &["canary", "remove", "--all", "--yes"]);
    assert_eq!(count(), before);
    assert!(list(&agent).is_empty());
    until("the deletes are read", LIMIT, || {
        agent.setup.caught_up(&|_| server.log().metadata().map_or(0, |meta| meta.len()));
        Some(())
    });
    assert_eq!(told(&agent, "kuzet"), 0, "{:#?}", agent.setup.incidents());
}
