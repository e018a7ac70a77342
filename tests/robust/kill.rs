//! Killed anywhere, the agent loses nothing and doubles nothing.
//!
//! One recording is written twice: into one file that an agent reads undisturbed, and piece by piece into a file that is
//! rotated and truncated while agents that follow it are killed (SIGKILL) at random moments. Both must tell the same
//! incidents with the same numbers, but for the gaps that truncation leaves. KUZET_KILLS and KUZET_SEED change the number of kills and the seed.

use super::feed::{Audited, Record, now};
use crate::support::agent::Setup;
use crate::support::{Random, Scratch, people, poll};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Records between two kills.
const SHARE: usize = 60;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `count` csvlog records ending now: lookups, reads by people without a right, dumps, failed logins, deletions.
fn recording(count: usize, random: &mut Random) -> Vec<String> {
    let (people, start) = (people::people(500), now() - 40_000 * count as i64);
    let mut lines = [0_u64; 64];
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let at = start + 40_000 * index as i64;
        let process = random.below(64) as u32;
        lines[process as usize] += 1;
        let line = lines[process as usize];
        let person = random.pick(&people);
        let mut audited = Audited {
            class: "READ",
            command: "SELECT",
            object: "public.borrowers",
            text: "SELECT id, full_name, phone FROM borrowers WHERE iin = $1",
            parameters: &person.iin,
            rows: 1,
        };
        let clerk = format!("clerk{:02}", process % 24);
        let record = match random.below(1000) {
            0..700 => Record::audit(at, "app", 2000 + process, line, &audited),
            700..900 => Record::audit(at, &clerk, 3000 + process, line, &audited),
            900..960 => {
                let message = format!("password authentication failed for user \"{clerk}\"");
                let mut record = Record::log(at, &clerk, 10_000 + index as u32, 1, message);
                (record.severity, record.code) = ("FATAL", "28P01");
                record
            }
            960..980 => {
                audited.text = "SELECT * FROM borrowers";
                audited.parameters = "<none>";
                audited.rows = 1000 + random.below(9000);
                Record::audit(at, "analyst", 4000 + process, line, &audited)
            }
            980..990 => {
                (audited.class, audited.command, audited.parameters) = ("WRITE", "DELETE", "<none>");
                (audited.text, audited.rows) = ("DELETE FROM borrowers\n  WHERE salary > 0", 1 + random.below(9000));
                Record::audit(at, "dba", 5000 + process, line, &audited)
            }
            _ => {
                let message = format!("disconnection: session time: 0:00:0{} user=app", process % 10);
                Record::log(at, "app", 2000 + process, line, message)
            }
        };
        all.push(record.csv());
    }
    all
}

/// A log that is written, rotated by renaming, and truncated like copytruncate does.
struct Log {
    scratch: Scratch,
    file: std::fs::File,
    bytes: u64,
    records: u64,
}

impl Log {
    fn new() -> Log {
        let scratch = Scratch::new("log");
        let file = Log::open(&scratch.join("audit.csv"));
        Log { scratch, file, bytes: 0, records: 0 }
    }

    fn open(path: &Path) -> std::fs::File {
        std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log")
    }

    fn path(&self) -> PathBuf {
        self.scratch.join("audit.csv")
    }

    fn write(&mut self, records: &[String]) {
        let text = records.concat();
        self.file.write_all(text.as_bytes()).expect("a log");
        self.bytes += text.len() as u64;
        self.records += records.len() as u64;
    }

    fn rotate(&mut self) {
        for number in (1..20).rev() {
            let name = |number: u32| self.scratch.join(format!("audit.csv.{number}"));
            let _ = std::fs::rename(name(number), name(number + 1));
        }
        std::fs::rename(self.path(), self.scratch.join("audit.csv.1")).expect("a rotation");
        self.file = Log::open(&self.path());
    }

    fn truncate(&mut self) {
        self.file.set_len(0).expect("a truncation");
    }
}

/// Without what depends on when the agent looked and in which file the bytes stood.
fn comparable(mut incidents: Vec<Value>) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in ["kuzet.observed", "kuzet.place", "kuzet.evidence", "kuzet.sources"] {
                    map.remove(key);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    incidents.iter_mut().for_each(strip);
    incidents.sort_by_key(|incident| incident["kuzet.incident.id"].to_string());
    incidents
}

fn setup(name: &str, log: &Path) -> Setup {
    let pattern = log.with_file_name("audit.csv*");
    let setup = Setup::new(name).source("pg", "postgresql_csvlog", &pattern, "");
    std::fs::create_dir_all(setup.state()).expect("a state directory");
    let key = setup.state().join("pseudonym.key");
    std::fs::write(&key, [7; 32]).expect("a key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("own file");
    setup
}

/// What an undisturbed agent tells of `records`.
fn undisturbed(records: &[String]) -> Vec<Value> {
    let mut log = Log::new();
    log.write(records);
    let agent = setup("calm", &log.path()).start();
    agent.setup.caught_up(&|_| log.bytes);
    let incidents = agent.setup.incidents();
    assert!(incidents.len() > 20, "only {} incidents: the test would prove little", incidents.len());
    comparable(incidents)
}

#[test]
fn nothing_is_lost_or_doubled_when_killed_anywhere() {
    let (kills, seed) = (number("KUZET_KILLS", 200) as usize, number("KUZET_SEED", 20_261_122));
    let mut random = Random::new(seed);
    let records = recording((kills + 1) * SHARE, &mut random);
    let expected = undisturbed(&records);

    let mut log = Log::new();
    let setup = setup("killed", &log.path());
    setup.write();
    for (cycle, share) in records[..kills * SHARE].chunks(SHARE).enumerate() {
        if cycle % 7 == 3 {
            log.rotate();
        }
        let mut agent = setup.spawn("warn");
        let pieces = 1 + random.below(4) as usize;
        for piece in share.chunks(SHARE.div_ceil(pieces)) {
            pause(random.below(12_000));
            log.write(piece);
        }
        if cycle % 23 == 11 {
            // copytruncate, when everything before is durable: what is cut later must have been handled once.
            settled(&setup, &log);
            agent.kill();
            log.truncate();
            continue;
        }
        pause(random.below(60_000));
        assert!(agent.alive(), "seed {seed}, cycle {cycle}: the agent ended by itself:\n{}", agent.output());
        agent.kill();
    }
    log.write(&records[kills * SHARE..]);
    let agent = setup.start();
    settled(&agent.setup, &log);
    // What was cut while no agent ran is told as a gap, because nobody can know that it held nothing new.
    let (gaps, told): (Vec<Value>, Vec<Value>) =
        comparable(agent.setup.incidents()).into_iter().partition(|one| one["kuzet.family"] == "sight");
    assert_eq!(gaps.len(), 1, "the truncations are one story: {gaps:?}");
    let known =
        |list: &[Value], one: &Value| list.iter().any(|other| other["kuzet.incident.id"] == one["kuzet.incident.id"]);
    let doubled: Vec<_> = told.iter().filter(|one| !known(&expected, one)).collect();
    let missing: Vec<_> = expected.iter().filter(|one| !known(&told, one)).collect();
    assert!(doubled.is_empty() && missing.is_empty(), "seed {seed}: too many: {doubled:?}\nmissing: {missing:?}");
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected, "seed {seed}: an incident differs");
    }
}

/// Waits until every record ever written is in the durable books, once: the store counts over all restarts.
fn settled(setup: &Setup, log: &Log) {
    let mut last = Value::Null;
    let done = poll(Duration::from_secs(30), || {
        let status = setup.run(&["status", "--json"]);
        last = serde_json::from_slice(&status.stdout).ok()?;
        (last["sources"][0]["seen"] == log.records).then_some(())
    });
    assert!(done.is_some(), "{} records were written; the books say: {last}", log.records);
    let [seen, handled, suppressed, lost] =
        ["seen", "handled", "suppressed", "lost"].map(|field| last["sources"][0][field].as_u64().expect("a number"));
    assert_eq!(seen, handled + suppressed + lost);
    assert_eq!(lost, 0, "every record is a good one");
}

/// Waits without asking for anything: the moment of a kill must not depend on the agent.
fn pause(microseconds: u64) {
    let _ = poll(Duration::from_micros(microseconds), || None::<()>);
}
