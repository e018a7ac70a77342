//! Another configuration while servers are asked: a connection that is the same goes on, another one is made anew, one
//! that is gone is closed, and what a server denied meanwhile is told once.

use super::database::config;
use super::postgres::{Mode, Postgres};
use super::redis::Redis;
use crate::support::agent::{Agent, Setup};
use crate::support::until;
use rustix::process::Signal;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Puts `text` in the place of the configuration and waits until it is in force.
fn reloaded(agent: &mut Agent, text: &str) {
    let in_force = |agent: &Agent| agent.output().matches("The new configuration is in force.").count();
    let before = in_force(agent);
    let new = agent.setup.scratch.join("kuzet.toml.new");
    std::fs::write(&new, text).expect("a scratch file");
    std::fs::rename(new, agent.setup.file()).expect("own file");
    agent.process().signal(Signal::HUP);
    until("the new configuration", LIMIT, || (in_force(agent) > before).then_some(()));
}

#[test]
fn a_connection_that_is_the_same_goes_on_and_another_one_is_made_anew() {
    let server = Postgres::start(Mode::Pgaudit);
    server.admin("mfo", "CREATE EXTENSION pg_stat_statements; CREATE ROLE kuzet LOGIN PASSWORD 'kuzet-pw'");
    server.admin("mfo", "GRANT pg_monitor TO kuzet");
    let url = format!("postgresql://kuzet@127.0.0.1:{}/mfo", server.port());
    // Writes the password file.
    let _ = config(&url, server.path(), "kuzet-pw");
    let password = server.path().join("password-kuzet-pw");
    let setup = Setup::new("reasked").source("pg", "postgresql_csvlog", &server.log("csv"), "");
    setup.write();
    let plain = std::fs::read_to_string(setup.file()).expect("own file");
    let database = |more: &str| {
        format!(
            "[[database]]\nname = \"asked\"\nurl = \"{url}\"\npassword_file = {password:?}\nsource = \"pg\"\n{more}\n"
        )
    };
    let all = "SELECT pid FROM pg_stat_activity WHERE application_name = 'kuzet'";
    // The agent looks at the settings in a short session of its own; that of the polls is asked again and again.
    let polls = format!("{all} AND query_start > backend_start + interval '800 ms'");
    let sessions = || server.admin("mfo", &polls);
    let session = |what: &str, not: &str| {
        until(what, LIMIT, || Some(sessions()).filter(|pid| pid.parse::<u32>().is_ok() && pid != not))
    };
    let mut agent = setup.with(&database("poll_seconds = 1")).start();
    let first = session("a session of the agent", "");
    let told = |agent: &Agent, word: &str| agent.setup.incidents().iter().any(|one| one.to_string().contains(word));

    // The source in front makes its number another one.
    let front = "[[source]]\nname = \"front\"\nformat = \"postgresql_csvlog\"\npaths = [\"/nonexistent/*.csv\"]\n";
    let (head, sources) = plain.split_once("[[source]]").expect("a source");
    let numbered = format!("{head}{front}[[source]]{sources}");
    server.admin("mfo", "ALTER SYSTEM SET log_disconnections = off");
    reloaded(&mut agent, &format!("{numbered}{}", database("poll_seconds = 1")));
    assert_eq!(sessions(), first, "the session of a database that is the same");
    server.admin("mfo", "SELECT pg_reload_conf()");
    until("a change of before and after the reload", LIMIT, || told(&agent, "log_disconnections").then_some(()));

    reloaded(&mut agent, &format!("{numbered}{}", database("poll_seconds = 2")));
    let second = session("another session", &first);
    assert!(agent.output().contains("database[asked].poll_seconds changed"), "{}", agent.output());

    // A fault refuses all of it: who is asked stays.
    let wrong = format!("{numbered}{}", database("poll_seconds = 1").replace("/mfo", "/mfo?sslmode=perhaps"));
    std::fs::write(agent.setup.file(), wrong).expect("own file");
    agent.process().signal(Signal::HUP);
    until("the refusal", LIMIT, || agent.output().contains("stays in force").then_some(()));
    assert_eq!(sessions(), second);

    reloaded(&mut agent, &plain);
    until("no session", LIMIT, || server.admin("mfo", all).is_empty().then_some(()));
    reloaded(&mut agent, &format!("{plain}{}", database("poll_seconds = 1")));
    session("a session again", &second);
    assert!(agent.process().stop().success());
}

#[test]
fn denied_commands_are_told_once_over_reloads() {
    let server = Redis::start();
    let password = server.password();
    let cache = |more: &str| {
        format!(
            "[[source]]\nname = \"cache\"\nredis = {{ url = \"redis://kuzet@127.0.0.1:{}\", password_file = {password:?}, poll_seconds = 1 }}\n{more}\n",
            server.port()
        )
    };
    let setup = Setup::new("redis-reload");
    setup.write();
    let head = std::fs::read_to_string(setup.file()).expect("own file");
    let mut agent = setup.with(&cache("")).start();
    let seen = |agent: &Agent| agent.setup.metric("kuzet_records_seen_total{source=\"cache\"}").unwrap_or(0.0);
    until("the first look", LIMIT, || {
        (agent.setup.metric("kuzet_source_readable{source=\"cache\"}") == Some(1.0)).then_some(())
    });
    let front = "[[source]]\nname = \"front\"\nformat = \"postgresql_csvlog\"\npaths = [\"/nonexistent/*.csv\"]\n";
    let after = "[thresholds]\nbulk_rows = 77\n";
    for (turn, text) in [format!("{front}{}", cache("")), cache(after), cache("")].iter().enumerate() {
        server.denied(&format!("secret:{turn}"));
        reloaded(&mut agent, &format!("{head}{text}"));
        server.denied(&format!("hidden:{turn}"));
        until("every denial", LIMIT, || (seen(&agent) >= 2.0 * (turn + 1) as f64).then_some(()));
    }
    assert!(agent.process().stop().success());
    let status = agent.setup.run(&["status", "--json"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    let status: serde_json::Value = serde_json::from_str(&status).expect("a document");
    assert_eq!(status["sources"][0]["seen"], 6, "{status}");
}
