//! A log that the agent's user may not read: told once, and read from where it was as soon as it may.

use super::feed::{Record, now};
use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, http, kuzet, until};
use kuzet::message::GapReason;
use kuzet::store::Reader;
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// User and group `nobody`.
const NOBODY: u32 = 65534;
const READABLE: &str = "kuzet_source_readable{source=\"pg\"}";
const LIMIT: Duration = Duration::from_secs(30);

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own file");
}

/// The agent as a user who is not root: `nobody` when the tests run as root, else their own user.
struct Unprivileged {
    setup: Setup,
    /// Where everybody may run it.
    binary: PathBuf,
}

impl Unprivileged {
    fn new(log: &Path) -> Unprivileged {
        let setup = Setup::new("rights").source("pg", "postgresql_csvlog", log, "").bare();
        setup.write();
        let binary = setup.scratch.join("kuzet");
        std::fs::copy(kuzet(), &binary).expect("a copy of the binary");
        if rustix::process::getuid().is_root() {
            chown(setup.state(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        Unprivileged { setup, binary }
    }

    fn start(&self) -> Guard {
        let mut command = if rustix::process::getuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
            command.arg(&self.binary);
            command
        } else {
            Command::new(&self.binary)
        };
        command.arg("--config").arg(self.setup.file()).arg("run");
        let output = self.setup.scratch.join("output");
        let mut agent = Guard::spawn("kuzet run as nobody", &mut command, &output, Signal::TERM);
        agent.ready(LIMIT, || http::get(self.setup.port, "/metrics").is_ok());
        agent
    }

    /// Waits until the source can be read, or not, and `seen` records are in the books.
    fn stands(&self, readable: bool, seen: u64) {
        until(&format!("readable {readable} and {seen} records"), LIMIT, || {
            let shown = self.setup.metric(READABLE)?;
            let reader = Reader::open(&self.setup.state()).ok()?;
            let tally = reader.tallies().ok()?.iter().map(|tally| tally.seen).sum::<u64>();
            (shown == f64::from(u8::from(readable)) && tally == seen).then_some(())
        });
    }

    /// Gaps told, all of them for want of rights; the incidents about sight hold as many detections.
    fn told(&self) -> usize {
        let gaps = Reader::open(&self.setup.state()).and_then(|reader| reader.gaps()).expect("gaps");
        assert!(gaps.iter().all(|gap| gap.reason == GapReason::Unreadable.name()), "{gaps:?}");
        let incidents = self.setup.incidents();
        let sight = incidents.iter().filter(|one| one["kuzet.family"] == "sight");
        let told: u64 = sight.filter_map(|one| one["kuzet.detections"].as_u64()).sum();
        assert_eq!(told, gaps.len() as u64, "{incidents:?}");
        gaps.len()
    }
}

fn append(path: &Path, records: u32) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a log");
    for number in 0..records {
        let text = "connection authorized: user=app database=mfo".to_owned();
        let record = Record::log(now(), "app", 1000 + number, 1, text);
        file.write_all(record.csv().as_bytes()).expect("a log");
    }
}

#[test]
fn a_log_without_the_right_to_read_is_told_once_and_read_when_it_may_be() {
    let scratch = Scratch::new("log");
    let log = scratch.join("a.csv");
    append(&log, 3);
    mode(&log, 0);
    let unprivileged = Unprivileged::new(&log);
    let mut agent = unprivileged.start();
    unprivileged.stands(false, 0);
    assert_eq!(unprivileged.told(), 1, "{}", agent.output());
    // Every change of the directory is a reason to look again, and none to tell it again.
    for number in 0..20 {
        append(&scratch.join(format!("a.csv.{number}.tmp")), 1);
    }
    assert_eq!(unprivileged.setup.metric("kuzet_gaps_total{reason=\"unreadable\",source=\"pg\"}"), Some(1.0));
    mode(&log, 0o644);
    unprivileged.stands(true, 3);
    append(&log, 2);
    unprivileged.stands(true, 5);
    assert_eq!(unprivileged.told(), 1);

    // The right is taken away while the agent is down: it goes on where it was.
    agent.stop();
    append(&log, 2);
    mode(&log, 0);
    let agent = unprivileged.start();
    unprivileged.stands(false, 5);
    assert_eq!(unprivileged.told(), 2, "{}", agent.output());
    mode(&log, 0o644);
    unprivileged.stands(true, 7);

    // Rotation makes the new file with the wrong mode.
    std::fs::rename(&log, scratch.join("a.csv.1")).expect("a rotation");
    append(&scratch.join("new"), 4);
    mode(&scratch.join("new"), 0);
    std::fs::rename(scratch.join("new"), &log).expect("a rotation");
    unprivileged.stands(false, 7);
    mode(&log, 0o644);
    unprivileged.stands(true, 11);
    append(&log, 1);
    unprivileged.stands(true, 12);
    assert_eq!(unprivileged.told(), 3, "{}", agent.output());
}
