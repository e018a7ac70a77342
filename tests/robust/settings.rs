//! A configuration or a host that does not fit: a clear message with its code, and nothing lost meanwhile.

use super::feed::{Audited, Record, now};
use crate::support::agent::Setup;
use crate::support::{Scratch, http, until};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn attack() -> String {
    let text = "SELECT * FROM borrowers";
    let audited = Audited {
        class: "READ",
        command: "SELECT",
        object: "public.borrowers",
        text,
        parameters: "<none>",
        rows: 9000,
    };
    Record::audit(now(), "analyst", 77, 1, &audited).csv()
}

fn watched(name: &str, log: &Path) -> Setup {
    std::fs::write(log, attack()).expect("a log");
    Setup::new(name).source("pg", "postgresql_csvlog", log, "")
}

/// Asserts that `kuzet run` ends at once with exit code 2 and a message that has all of `words`.
fn refused(setup: &Setup, words: &[&str]) {
    let mut agent = setup.spawn("info");
    let status = agent.wait(Duration::from_secs(20));
    let output = agent.output();
    assert_eq!(status.code(), Some(2), "{output}");
    for word in words.iter().chain(&["help:"]) {
        assert!(output.contains(word), "no {word:?} in:\n{output}");
    }
}

#[test]
fn a_world_writable_configuration_is_refused() {
    let scratch = Scratch::new("mode");
    let setup = watched("mode", &scratch.join("a.csv"));
    setup.write();
    std::fs::set_permissions(setup.file(), std::fs::Permissions::from_mode(0o666)).expect("own file");
    refused(&setup, &["KZ002", "writable by everybody"]);
}

#[test]
fn a_state_directory_of_others_is_refused() {
    let scratch = Scratch::new("state");
    let setup = watched("state", &scratch.join("a.csv"));
    setup.write();
    std::fs::set_permissions(setup.state(), std::fs::Permissions::from_mode(0o777)).expect("own directory");
    refused(&setup, &["KZ031"]);
}

#[test]
fn faults_of_every_file_are_told() {
    let scratch = Scratch::new("faults");
    let setup = watched("faults", &scratch.join("a.csv")).with("nonsense = 1");
    setup.write();
    refused(&setup, &["KZ010", "-->"]);
}

#[test]
fn a_taken_port_is_told() {
    let scratch = Scratch::new("port");
    let setup = watched("port", &scratch.join("a.csv"));
    setup.write();
    let taken = std::net::TcpListener::bind(("127.0.0.1", setup.port)).expect("own port");
    let mut agent = setup.spawn("info");
    let port = setup.port.to_string();
    let status = agent.wait(Duration::from_secs(20));
    let output = agent.output();
    assert!(!status.success(), "{output}");
    for word in [&port, "in use", "[metrics-listen]", "help:"] {
        assert!(output.contains(word), "no {word:?} in:\n{output}");
    }
    drop(taken);
}

#[test]
fn an_unreachable_alertmanager_loses_nothing() {
    let scratch = Scratch::new("nobody");
    let nobody = crate::support::free_port();
    let channel = format!("[[notify]]\nname = \"am\"\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:{nobody}\"");
    let mut agent = watched("nobody", &scratch.join("a.csv")).with(&channel).start();
    let pending = |setup: &Setup| setup.metric("kuzet_outbox_pending{channel=\"am\"}").filter(|pending| *pending > 0.0);
    until("a backlog", Duration::from_secs(20), || pending(&agent.setup));
    until("the incident", Duration::from_secs(20), || (!agent.setup.incidents().is_empty()).then_some(()));
    // The backlog survives a kill.
    agent.process().kill();
    let again = agent.setup.spawn("info");
    until("the same backlog", Duration::from_secs(20), || pending(&agent.setup));
    drop(again);
}

/// A directory that only takes `size` bytes; root may mount one.
struct Small(Scratch);

impl Small {
    fn new(size: &str) -> Option<Small> {
        let scratch = Scratch::new("small");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "kuzet-test"]).arg(scratch.path());
        mount.output().is_ok_and(|output| output.status.success()).then(|| Small(scratch))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_does_not_silence_the_agent() {
    let Some(small) = Small::new("3m") else {
        eprintln!("not root: a full disk cannot be made");
        return;
    };
    let scratch = Scratch::new("full");
    let (log, told) = (scratch.join("a.csv"), scratch.join("told.jsonl"));
    let channel = format!("[[notify]]\nname = \"lines\"\nkind = \"jsonlines\"\npath = \"{}\"", told.display());
    let setup = watched("full", &log).with(&channel);
    std::fs::remove_dir_all(setup.state()).unwrap_or_default();
    std::os::unix::fs::symlink(small.0.path(), setup.state()).expect("a link");
    let mut agent = setup.start();
    until("the first incident", Duration::from_secs(20), || (!agent.setup.incidents().is_empty()).then_some(()));
    // Fill what is left, then attack again as another role.
    let mut fill = std::fs::File::create(small.0.join("fill")).expect("a file");
    while std::io::Write::write_all(&mut fill, &[0; 4096]).is_ok() {}
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).expect("a log");
    for role in 0..400 {
        let text = attack().replace("\"analyst\"", &format!("\"thief{role}\""));
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("a log");
    }
    until("a word about the disk", Duration::from_secs(30), || {
        let errors = agent.setup.metric("kuzet_store_errors_total{kind=\"full\"}").unwrap_or_default();
        (errors > 0.0 || agent.output().to_lowercase().contains("full")).then_some(())
    });
    assert!(agent.process().alive(), "{}", agent.output());
    // Space comes back, and nothing is lost.
    drop(fill);
    std::fs::remove_file(small.0.join("fill")).expect("own file");
    until("all incidents once there is space", Duration::from_secs(60), || {
        let list = agent.setup.incidents();
        let thieves = list.iter().filter(|one| one["user.name"].as_str().is_some_and(|user| user.starts_with("thief")));
        (thieves.count() == 400).then_some(())
    });
    agent.setup.accounted("pg");
}

#[test]
fn a_read_only_store_is_told() {
    let Some(small) = Small::new("8m") else {
        eprintln!("not root: a read-only disk cannot be made");
        return;
    };
    let scratch = Scratch::new("ro");
    let setup = watched("ro", &scratch.join("a.csv"));
    std::os::unix::fs::symlink(small.0.path(), setup.state()).expect("a link");
    setup.write();
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(small.0.path()).output();
    assert!(remount.is_ok_and(|output| output.status.success()), "cannot remount");
    refused(&setup, &["KZ"]);
}

#[test]
fn metrics_answer_while_nothing_is_to_watch() {
    let setup = Setup::new("idle").bare();
    let scratch = Scratch::new("idle");
    let mut agent = setup.source("later", "auto", &scratch.join("later.csv"), "").start();
    assert!(http::get(agent.setup.port, "/metrics").is_ok());
    assert!(agent.process().alive());
    std::fs::write(scratch.join("later.csv"), attack()).expect("a log");
    until("the file that came later", Duration::from_secs(20), || {
        agent.setup.metric("kuzet_records_seen_total{source=\"later\"}").filter(|seen| *seen >= 1.0)
    });
}
