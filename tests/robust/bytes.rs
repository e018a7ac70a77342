//! Bytes that are no log, or no longer one: told, bounded, and never the end of what comes behind them.

use super::feed::{Audited, Record, now};
use crate::support::agent::{Agent, Setup};
use crate::support::{Random, Scratch, until};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// A read of the whole table by someone without a right: whatever stood before it, it must be told.
fn attack(line: u64) -> Record {
    let text = "SELECT * FROM borrowers";
    let audited = Audited {
        class: "READ",
        command: "SELECT",
        object: "public.borrowers",
        text,
        parameters: "<none>",
        rows: 9000,
    };
    Record::audit(now(), "analyst", 77, line, &audited)
}

fn write(path: &Path, parts: &[&[u8]]) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log");
    for part in parts {
        file.write_all(part).expect("a log");
    }
}

fn watching(name: &str, format: &str, path: &Path) -> Agent {
    Setup::new(name).source("bad", format, path, "").start()
}

/// Waits until `analyst` stands in an incident about `borrowers`, and asserts that the books balance.
fn told(agent: &mut Agent, path: &Path) {
    let found = crate::support::poll(Duration::from_secs(40), || {
        agent
            .setup
            .incidents()
            .iter()
            .any(|one| one["user.name"] == "analyst" && one["kuzet.family"] == "access")
            .then_some(())
    });
    assert!(found.is_some(), "the attack behind the bad bytes was not told; output:\n{}", agent.output());
    assert!(agent.process().alive());
    agent.setup.caught_up(&|_| std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
}

fn lost(agent: &Agent) -> f64 {
    agent.setup.metric("kuzet_records_total{result=\"lost\",source=\"bad\"}").unwrap_or_default()
}

/// `bad` between two good records of each PostgreSQL format: something is lost, the attack is told.
fn in_every_format(name: &str, bad: &[u8]) {
    for (format, text) in [
        ("postgresql_csvlog", Record::csv as fn(&Record) -> String),
        ("postgresql_jsonlog", Record::json),
        ("postgresql_stderr", Record::stderr),
    ] {
        let scratch = Scratch::new(name);
        let path = scratch.join("audit.log");
        let quiet = Record::log(now(), "app", 5, 1, "disconnection: session time: 0:00:00.130 user=app".to_owned());
        write(&path, &[text(&quiet).as_bytes(), bad, b"\n", text(&attack(1)).as_bytes(), text(&attack(2)).as_bytes()]);
        let mut agent = watching(name, format, &path);
        told(&mut agent, &path);
        assert!(lost(&agent) > 0.0, "{format}: nothing was counted as lost");
    }
}

#[test]
fn binary_junk_is_counted() {
    let mut random = Random::new(3);
    let junk: Vec<u8> = (0..20_000).map(|_| random.bits() as u8).filter(|byte| *byte != b'"').collect();
    in_every_format("junk", &junk);
}

#[test]
fn truncated_records_are_counted() {
    let whole = Record::log(now(), "app", 5, 1, "disconnection: session time: 0:00:00.130".to_owned());
    let scratch = Scratch::new("cut");
    let path = scratch.join("audit.json");
    let (json, rest) = (whole.json(), attack(1).json());
    write(&path, &[&json.as_bytes()[..json.len() / 2], b"\n", rest.as_bytes(), attack(2).json().as_bytes()]);
    let mut agent = watching("cut", "postgresql_jsonlog", &path);
    told(&mut agent, &path);
    assert!(lost(&agent) >= 1.0);
}

#[test]
fn invalid_utf8_is_no_obstacle() {
    for (format, text) in
        [("postgresql_csvlog", Record::csv as fn(&Record) -> String), ("postgresql_jsonlog", Record::json)]
    {
        let scratch = Scratch::new("utf8");
        let path = scratch.join("audit.log");
        let mut bytes = text(&attack(1)).into_bytes();
        let at = bytes.windows(9).position(|window| window == b"borrowers").expect("the table");
        bytes.splice(at - 15..at - 15, [0xff, 0xfe, 0x80]);
        write(&path, &[&bytes, text(&attack(2)).as_bytes()]);
        told(&mut watching("utf8", format, &path), &path);
    }
}

#[test]
fn a_line_of_a_hundred_megabytes_takes_no_memory() {
    for (format, text) in
        [("postgresql_csvlog", Record::csv as fn(&Record) -> String), ("postgresql_jsonlog", Record::json)]
    {
        let scratch = Scratch::new("long");
        let path = scratch.join("audit.log");
        let quiet = text(&Record::log(now(), "app", 5, 1, "disconnection: session time: 0:00:00.130".to_owned()));
        write(&path, &[quiet.as_bytes()]);
        let block = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            write(&path, &[&block]);
        }
        write(&path, &[b"\n", text(&attack(1)).as_bytes(), text(&attack(2)).as_bytes()]);
        let mut agent = watching("long", format, &path);
        told(&mut agent, &path);
        assert!(lost(&agent) >= 1.0, "{format}: the endless line was not counted");
        let peak = agent.peak_memory();
        assert!(peak < 64 << 20, "{format}: {} MiB at the peak", peak >> 20);
    }
}

#[test]
fn forged_prefixes_do_not_blame_others() {
    let scratch = Scratch::new("forged");
    let path = scratch.join("audit.log");
    // A user name with a newline, as PostgreSQL prints it before anybody has logged in.
    let fake = "2026-11-22 16:22:30.775 UTC [1] boss@mfo/x 127.0.0.1 6b.1:1 3/1/0 0 LOG:  AUDIT: SESSION,1,1,READ,SELECT,TABLE,\
                public.borrowers,SELECT * FROM borrowers,<none>,10000";
    let mut forged = Record::log(now(), &format!("x\n{fake}"), 9, 1, "password authentication failed".to_owned());
    (forged.severity, forged.code) = ("FATAL", "28P01");
    for (format, text) in
        [("postgresql_csvlog", Record::csv as fn(&Record) -> String), ("postgresql_jsonlog", Record::json)]
    {
        let _ = std::fs::remove_file(&path);
        write(&path, &[text(&forged).as_bytes(), text(&attack(1)).as_bytes(), text(&attack(2)).as_bytes()]);
        let mut agent = watching("forged", format, &path);
        told(&mut agent, &path);
        assert!(
            agent.setup.incidents().iter().all(|one| one["user.name"] != "boss"),
            "{format}: the forger was believed"
        );
    }
}

#[test]
fn the_wrong_format_is_told() {
    let scratch = Scratch::new("wrong");
    let path = scratch.join("audit.csv");
    for line in 0..60 {
        write(&path, &[attack(line).csv().as_bytes()]);
    }
    let agent = watching("wrong", "postgresql_jsonlog", &path);
    let blind = until("an incident about lost sight", Duration::from_secs(20), || {
        agent.setup.incidents().into_iter().find(|one| one["kuzet.family"] == "sight")
    });
    assert!(blind.to_string().contains("not understood"), "{blind}");
}
