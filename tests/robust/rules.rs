//! Another set of rules while the agent runs: a broken one keeps the old at work, told in log, status and metric; a good
//! one takes its place; by a signal and by a changed file alone.

use super::feed::{now, server_audit};
use crate::support::agent::{Agent, Setup, json_lines};
use crate::support::{Scratch, until};
use rustix::process::Signal;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn rule(name: &str, table: &str) -> String {
    format!(
        "title: Somebody reads {table}\nid: 9b1f6a60-52a5-4b8e-9d5b-6f2f4dbb8a11\nname: {name}\nlevel: high\n\
         logsource: {{category: database}}\ndetection: {{s: {{db.collection.name: {table}}}, condition: s}}\n"
    )
}

/// Reads `table` in the log, and gives the hits of the rule.
fn hits(agent: &Agent, log: &Path, number: u64, table: &str, name: &str) -> Option<f64> {
    let line = server_audit(now(), "app", 7, number, "QUERY", &format!("SELECT * FROM {table}"), 0);
    let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    file.write_all(line.as_bytes()).unwrap();
    let size = log.metadata().unwrap().len();
    agent.setup.caught_up(&|_| size);
    agent.setup.metric(&format!("kuzet_rule_hits_total{{rule=\"{name}\"}}"))
}

fn refused(agent: &Agent) -> bool {
    agent.setup.metric("kuzet_config_last_reload_successful") == Some(0.0)
}

#[test]
fn a_broken_set_of_rules_keeps_the_old_at_work_and_a_good_one_takes_its_place() {
    let scratch = Scratch::new("rules-reload");
    let (folder, log) = (scratch.join("rules"), scratch.join("audit.log"));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("a.yml");
    std::fs::write(&file, rule("first", "tariffs")).unwrap();
    std::fs::write(&log, "").unwrap();
    let setup = Setup::new("rules-reload")
        .source("my", "mariadb_server_audit", &log, "")
        .with(&format!("[rules]\nshipped = false\nfolders = [{folder:?}]\n"));
    let mut agent = setup.start();
    let counted = |agent: &Agent, number, table, name, before: f64| {
        until("a hit", LIMIT, || hits(agent, &log, number, table, name).filter(|hits| *hits > before))
    };
    assert_eq!(hits(&agent, &log, 1, "branches", "first"), Some(0.0));
    let before = counted(&agent, 2, "tariffs", "first", 0.0);
    assert_eq!(agent.setup.metric("kuzet_rules{state=\"loaded\"}"), Some(1.0));

    // A changed file alone, without a signal: an unknown modifier beside a good rule.
    let broken = rule("second", "branches").replace("db.collection.name:", "db.collection.name|containz:");
    std::fs::write(folder.join("b.yml"), broken.replace("9b1f6a60", "9b1f6a61")).unwrap();
    until("the refusal", LIMIT, || refused(&agent).then_some(()));
    until("why", LIMIT, || agent.output().contains("stays in force").then_some(()));
    assert!(agent.output().contains("KZ311"), "{}", agent.output());
    let status = json_lines(&agent.setup.run(&["status", "--json"]).stdout).remove(0);
    let fault = &status["configuration"]["refused"]["faults"][0];
    assert_eq!((&fault["code"], &fault["line"]), (&"KZ311".into(), &6.into()), "{status}");
    assert_eq!(agent.setup.metric("kuzet_rules{state=\"refused\"}"), Some(0.0), "the set at work has none");
    // The old rule is at work.
    counted(&agent, 3, "tariffs", "first", before);

    // Mended in place.
    std::fs::write(folder.join("b.yml"), rule("second", "branches").replace("9b1f6a60", "9b1f6a61")).unwrap();
    until("the mended set", LIMIT, || (!refused(&agent)).then_some(()));
    let second = counted(&agent, 4, "branches", "second", 0.0);
    assert_eq!(agent.setup.metric("kuzet_rules{state=\"loaded\"}"), Some(2.0));

    // The same by a signal: two rules of one name, then one of them gone with its series.
    std::fs::write(folder.join("b.yml"), rule("first", "branches")).unwrap();
    agent.process().signal(Signal::HUP);
    until("another refusal", LIMIT, || refused(&agent).then_some(()));
    until("its code", LIMIT, || agent.output().contains("KZ307").then_some(()));
    counted(&agent, 5, "branches", "second", second);
    std::fs::remove_file(folder.join("b.yml")).unwrap();
    agent.process().signal(Signal::HUP);
    until("the smaller set", LIMIT, || (!refused(&agent)).then_some(()));
    until("no series of it", LIMIT, || {
        agent.setup.metric("kuzet_rule_hits_total{rule=\"second\"}").is_none().then_some(())
    });
    counted(&agent, 6, "tariffs", "first", before);
    agent.setup.accounted("my");
    assert!(agent.process().stop().success());
}
