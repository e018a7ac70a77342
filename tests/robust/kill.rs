//! Killed anywhere, the agent loses nothing and doubles nothing.
//!
//! One recording is written twice: into one file that an agent reads undisturbed, and piece by piece into a file that is
//! rotated, copied and truncated while agents that follow it are killed (SIGKILL) at random moments. Both must tell the
//! same incidents with the same numbers; every truncation of what may be unread is told as one gap, and there is no other
//! gap. KUZET_KILLS and KUZET_SEED change the number of kills and the seed.

use super::feed::{Audited, Record, now};
use crate::support::agent::Setup;
use crate::support::{Random, Scratch, people, poll};
use kuzet::message::Checkpoint;
use kuzet::store::{GapRow, Options, Reader, Sqlite};
use kuzet_event::Count;
use serde_json::Value;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Records between two kills.
const SHARE: usize = 60;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `count` csvlog records beginning now, so that none is late however long the test takes: lookups, reads by people
/// without a right, dumps, failed logins, deletions. Not `numbered`, what is cut out of them leaves no trace in the rest.
pub(super) fn recording(count: usize, numbered: bool, random: &mut Random) -> Vec<String> {
    // A log has no lines of the future.
    let (people, start) = (people::people(500), now() - 40_000 * count as i64);
    // PostgreSQL counts the records of every session.
    let mut lines = std::collections::HashMap::new();
    let mut line = |process: u32| {
        let last = lines.entry(process).or_insert(0_u64);
        *last += 1;
        *last
    };
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let at = start + 40_000 * index as i64;
        let process = random.below(64) as u32;
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
            0..700 => Record::audit(at, "app", 2000 + process, line(2000 + process), &audited),
            700..900 => Record::audit(at, &clerk, 3000 + process, line(3000 + process), &audited),
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
                Record::audit(at, "analyst", 4000 + process, line(4000 + process), &audited)
            }
            980..990 => {
                (audited.class, audited.command, audited.parameters) = ("WRITE", "DELETE", "<none>");
                (audited.text, audited.rows) = ("DELETE FROM borrowers\n  WHERE salary > 0", 1 + random.below(9000));
                Record::audit(at, "dba", 5000 + process, line(5000 + process), &audited)
            }
            _ => {
                let message = format!("disconnection: session time: 0:00:0{} user=app", process % 10);
                Record::log(at, "app", 2000 + process, line(2000 + process), message)
            }
        };
        let mut record = record;
        if !numbered {
            record.line = 0;
        }
        all.push(record.csv());
    }
    all
}

/// A log that is written, rotated by renaming, copied and truncated.
pub(super) struct Log {
    scratch: Scratch,
    file: std::fs::File,
    /// Bytes and records written.
    bytes: u64,
    records: u64,
    /// Records in the file that is written now.
    current: Vec<String>,
    /// Records that were cut off before the agent had made them durable.
    lost: Vec<String>,
}

impl Log {
    pub(super) fn new() -> Log {
        let scratch = Scratch::new("log");
        let file = Log::open(&scratch.join("audit.csv"));
        Log { scratch, file, bytes: 0, records: 0, current: Vec::new(), lost: Vec::new() }
    }

    fn open(path: &Path) -> std::fs::File {
        std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log")
    }

    pub(super) fn path(&self) -> PathBuf {
        self.scratch.join("audit.csv")
    }

    pub(super) fn write(&mut self, records: &[String]) {
        let text = records.concat();
        self.file.write_all(text.as_bytes()).expect("a log");
        self.bytes += text.len() as u64;
        self.records += records.len() as u64;
        self.current.extend_from_slice(records);
    }

    fn shift(&self) {
        for number in (1..20).rev() {
            let name = |number: u32| self.scratch.join(format!("audit.csv.{number}"));
            let _ = std::fs::rename(name(number), name(number + 1));
        }
    }

    pub(super) fn rotate(&mut self) {
        self.shift();
        std::fs::rename(self.path(), self.scratch.join("audit.csv.1")).expect("a rotation");
        self.file = Log::open(&self.path());
        self.current.clear();
    }

    fn copytruncate(&mut self) {
        self.shift();
        std::fs::copy(self.path(), self.scratch.join("audit.csv.1")).expect("a copy");
        self.file.set_len(0).expect("a truncation");
        self.current.clear();
    }

    /// Cuts everything away; what the agent that was killed had not made durable is lost. `false`, and nothing cut, when
    /// it never knew this content: then nobody can tell that something is gone.
    fn truncate(&mut self, setup: &Setup) -> bool {
        let metadata = self.file.metadata().expect("a log");
        let content = std::fs::read(self.path()).expect("a log");
        let known = |one: &Checkpoint| {
            let identity = one.identity;
            let head = content.get(..identity.fingerprint_bytes as usize).unwrap_or_default();
            let same = blake3::hash(head).as_bytes()[..8] == identity.fingerprint.to_le_bytes();
            (identity.device, identity.inode) == (metadata.dev(), metadata.ino()) && !head.is_empty() && same
        };
        let Ok(mut store) = Sqlite::open(&setup.state(), &Options::default()) else { return false };
        let checkpoints = store.load().expect("a store").checkpoints;
        let Some(checkpoint) = checkpoints.iter().find(|one| known(one)) else { return false };
        let mut end = 0;
        for record in self.current.drain(..) {
            end += record.len() as u64;
            if end > checkpoint.offset {
                self.lost.push(record);
            }
        }
        self.file.set_len(0).expect("a truncation");
        true
    }
}

/// Without what depends on when the agent looked and in which file the bytes stood.
pub(super) fn comparable(mut incidents: Vec<Value>) -> Vec<Value> {
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

pub(super) fn setup(name: &str, log: &Path) -> Setup {
    let pattern = log.with_file_name("audit.csv*");
    // Stories end by the clock as well, and many kills take longer than what the records say.
    let setup =
        Setup::new(name).with("[incident]\nquiet_minutes = 1440\n").source("pg", "postgresql_csvlog", &pattern, "");
    std::fs::create_dir_all(setup.state()).expect("a state directory");
    let key = setup.state().join("pseudonym.key");
    std::fs::write(&key, [7; 32]).expect("a key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("own file");
    setup
}

/// What an undisturbed agent tells of `records`.
pub(super) fn undisturbed(records: &[String]) -> Vec<Value> {
    let mut log = Log::new();
    log.write(records);
    let agent = setup("calm", &log.path()).start();
    agent.setup.caught_up(&|_| log.bytes);
    let incidents = agent.setup.incidents();
    assert!(incidents.len() > 20, "only {} incidents: the test would prove little", incidents.len());
    comparable(incidents)
}

#[test]
fn nothing_is_lost_or_doubled_and_no_gap_told_when_killed_anywhere() {
    let (kills, seed) = (number("KUZET_KILLS", 200) as usize, number("KUZET_SEED", 20_261_122));
    let mut random = Random::new(seed);
    let records = recording((kills + 1) * SHARE, true, &mut random);

    let mut log = Log::new();
    let setup = setup("killed", &log.path()).unserved();
    setup.write();
    for (cycle, share) in records[..kills * SHARE].chunks(SHARE).enumerate() {
        if cycle % 4 == 3 {
            log.rotate();
        } else if cycle % 9 == 4 {
            log.copytruncate();
        }
        // Now and then it catches up, so that rotation does not outrun agents that live too shortly to read.
        let catches_up = random.below(3) == 0;
        killed(&setup, &mut log, share, catches_up, &mut random, &format!("seed {seed}, cycle {cycle}"));
    }
    log.write(&records[kills * SHARE..]);
    let _agent = setup.spawn("warn");
    settled(&setup, &log);
    let (sight, told) = told(&setup);
    assert!(gaps(&setup).is_empty() && sight.is_empty(), "nothing was cut: {:?}, {sight:?}", gaps(&setup));
    same(&told, &undisturbed(&records), seed);
}

#[test]
fn what_is_cut_unread_is_told_once_each_and_nothing_else_is_lost() {
    let (kills, seed) = (number("KUZET_KILLS", 200) as usize / 2, number("KUZET_SEED", 20_261_123));
    let mut random = Random::new(seed);
    let records = recording((kills + 1) * SHARE, false, &mut random);

    let mut log = Log::new();
    let setup = setup("cut", &log.path()).unserved();
    setup.write();
    let mut cuts = 0;
    for (cycle, share) in records[..kills * SHARE].chunks(SHARE).enumerate() {
        // Half of the cuts come when the first piece is durable, half whenever it happens.
        let then = random.below(8);
        let catches_up = then == 2 || random.below(3) == 0;
        killed(&setup, &mut log, share, catches_up, &mut random, &format!("seed {seed}, cycle {cycle}"));
        match then {
            0 => log.rotate(),
            1 => log.copytruncate(),
            2..4 => cuts += usize::from(log.truncate(&setup)),
            _ => {}
        }
    }
    log.write(&records[kills * SHARE..]);
    assert!(cuts >= kills.div_ceil(20) && !log.lost.is_empty(), "seed {seed}: {cuts} cuts prove little");
    let _agent = setup.spawn("warn");
    settled(&setup, &log);
    let (sight, told) = told(&setup);
    let gaps = gaps(&setup);
    assert_eq!(gaps.len(), cuts, "seed {seed}: every cut is told once: {gaps:?}");
    assert!(gaps.iter().all(|gap| gap.bytes == Count::Unknown && gap.path.ends_with("audit.csv")), "{gaps:?}");
    let counted: u64 = sight.iter().filter_map(|one| one["kuzet.detections"].as_u64()).sum();
    assert_eq!(counted, cuts as u64, "seed {seed}: {sight:?}");
    let mut lost = log.lost.iter().peekable();
    let kept: Vec<String> =
        records.iter().filter(|record| lost.next_if(|lost| lost == record).is_none()).cloned().collect();
    assert_eq!(kept.len() + log.lost.len(), records.len());
    same(&told, &undisturbed(&kept), seed);
}

/// Writes `share` in pieces while an agent runs that is killed at a random moment, perhaps after it has caught up with
/// the first piece.
fn killed(setup: &Setup, log: &mut Log, share: &[String], catches_up: bool, random: &mut Random, what: &str) {
    let mut agent = setup.spawn("warn");
    let pieces = 1 + random.below(4) as usize;
    for (index, piece) in share.chunks(SHARE.div_ceil(pieces)).enumerate() {
        pause(random.below(12_000));
        log.write(piece);
        if catches_up && index == 0 {
            settled(setup, log);
        }
    }
    pause(random.below(60_000));
    assert!(agent.alive(), "{what}: the agent ended by itself:\n{}", agent.output());
    agent.kill();
}

/// What the agent tells: incidents about its own sight, and the others.
pub(super) fn told(setup: &Setup) -> (Vec<Value>, Vec<Value>) {
    comparable(setup.incidents()).into_iter().partition(|one| one["kuzet.family"] == "sight")
}

pub(super) fn gaps(setup: &Setup) -> Vec<GapRow> {
    Reader::open(&setup.state()).and_then(|reader| reader.gaps()).expect("gaps")
}

pub(super) fn same(told: &[Value], expected: &[Value], seed: u64) {
    let known =
        |list: &[Value], one: &Value| list.iter().any(|other| other["kuzet.incident.id"] == one["kuzet.incident.id"]);
    let doubled: Vec<_> = told.iter().filter(|one| !known(expected, one)).collect();
    let missing: Vec<_> = expected.iter().filter(|one| !known(told, one)).collect();
    assert!(doubled.is_empty() && missing.is_empty(), "seed {seed}: too many: {doubled:?}\nmissing: {missing:?}");
    assert_eq!(told.len(), expected.len(), "seed {seed}: an incident is doubled");
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told, expected, "seed {seed}: an incident differs");
    }
}

/// The watched log among the sources of a status.
fn source(status: &Value) -> &Value {
    let mut sources = status["sources"].as_array().into_iter().flatten();
    sources.rfind(|source| source["name"] == "pg").unwrap_or(&Value::Null)
}

/// Waits until every record written and not lost is in the durable books, once: the store counts over all restarts.
pub(super) fn settled(setup: &Setup, log: &Log) {
    let (expected, mut last) = (log.records - log.lost.len() as u64, Value::Null);
    let done = poll(Duration::from_secs(120), || {
        let status = setup.run(&["status", "--json"]);
        last = serde_json::from_slice(&status.stdout).ok()?;
        (source(&last)["seen"] == expected).then_some(())
    });
    assert!(done.is_some(), "{expected} records are left of {}; the books say: {last}", log.records);
    let [seen, handled, suppressed, lost] =
        ["seen", "handled", "suppressed", "lost"].map(|field| source(&last)[field].as_u64().expect("a number"));
    assert_eq!(seen, handled + suppressed + lost);
    assert_eq!(lost, 0, "every record is a good one");
}

/// Waits without asking for anything: the moment of a kill must not depend on the agent.
pub(super) fn pause(microseconds: u64) {
    let _ = poll(Duration::from_micros(microseconds), || None::<()>);
}
