//! A real journal, written by systemd-journal-remote and followed through journalctl, across restarts and kills.

use super::servers::program;
use crate::streams::Rig;
use crate::support::{Scratch, run};
use kuzet::message::Checkpoint;
use kuzet::source::stream::{JournaldSettings, StreamSettings};
use kuzet_event::Timestamp;
use std::fmt::Write;
use std::process::Command;

const UNIT: &str = "postgresql@15-main.service";

/// A journal in a directory of its own.
struct Journal {
    scratch: Scratch,
    written: u64,
}

impl Journal {
    fn new() -> Journal {
        let scratch = Scratch::new("journal");
        std::fs::create_dir(scratch.join("files")).unwrap();
        Journal { scratch, written: 0 }
    }

    /// Appends entries: fields beside those that every entry has.
    fn write(&mut self, entries: &[&[(&str, &str)]]) {
        let mut text = String::new();
        for fields in entries {
            self.written += 1;
            let at = 1_763_800_000_000_000 + self.written * 1_000_000;
            let zeros = "1".repeat(32);
            write!(text, "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={at}\n_BOOT_ID={zeros}\n").unwrap();
            for (name, value) in *fields {
                writeln!(text, "{name}={value}").unwrap();
            }
            text.push('\n');
        }
        let export = self.scratch.join("export");
        std::fs::write(&export, text).unwrap();
        let mut command = Command::new(program("systemd-journal-remote", &["/lib/systemd/systemd-journal-remote"]));
        run(command.arg("--output").arg(self.scratch.join("files/test.journal")).arg(export));
    }

    fn message(&mut self, text: &str) {
        self.write(&[&[("_SYSTEMD_UNIT", UNIT), ("SYSLOG_IDENTIFIER", "postgres"), ("MESSAGE", text)]]);
    }

    fn source(&self) -> StreamSettings {
        StreamSettings::Journald(JournaldSettings {
            units: vec![UNIT.to_owned()],
            identifiers: Vec::new(),
            directory: Some(self.scratch.join("files")),
            from_beginning: true,
        })
    }
}

fn messages(rig: &Rig) -> Vec<String> {
    let message = |line: &String| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        entry["MESSAGE"].as_str().unwrap().to_owned()
    };
    rig.taken.lines.iter().map(message).collect()
}

#[test]
fn entries_of_a_unit_come_once_across_a_restart() {
    let mut journal = Journal::new();
    journal.message("one");
    journal.write(&[&[("_SYSTEMD_UNIT", "ssh.service"), ("MESSAGE", "not asked for")]]);
    let long = "x".repeat(100_000);
    journal.message(&long);
    let mut rig = Rig::new(journal.source());
    rig.until("what is there", |taken| taken.lines.len() == 2);
    journal.message("three");
    rig.until("what comes", |taken| taken.lines.len() == 3);
    assert_eq!(messages(&rig), ["one", &long, "three"]);
    let saved: Vec<Checkpoint> = rig.streams.checkpoints(Timestamp(1), |_, _| Vec::new());
    // Read and not made durable: it is as if the agent had been killed here.
    journal.message("four");
    rig.until("one more", |taken| taken.lines.len() == 4);
    rig.stop();

    journal.message("five");
    let mut again = Rig::resumed(journal.source(), saved);
    again.until("what was not durable", |taken| taken.lines.len() == 2);
    assert_eq!(messages(&again), ["four", "five"]);
    again.stop();
}

#[test]
fn what_journald_dropped_of_the_unit_is_lost() {
    let mut journal = Journal::new();
    let dropped = |unit, number| {
        [
            ("_TRANSPORT", "driver"),
            ("MESSAGE_ID", "a596d6fe7bfa4994828e72309e95d61e"),
            ("N_DROPPED", number),
            ("MESSAGE", unit),
        ]
    };
    let mut forged = dropped("Suppressed 7 messages from postgresql@15-main.service", "7");
    forged[0] = ("_TRANSPORT", "journal");
    journal.write(&[
        &dropped("Suppressed 42 messages from postgresql@15-main.service", "42"),
        &dropped("Suppressed 1000 messages from ssh.service", "1000"),
        &forged,
    ]);
    journal.message("after");
    let mut rig = Rig::new(journal.source());
    rig.until("the message behind them", |taken| !taken.lines.is_empty());
    assert_eq!((messages(&rig), rig.taken.lost.records), (vec!["after".to_owned()], 42));
    assert_eq!(rig.stop().gaps, 1);
}

#[test]
fn a_journal_that_cannot_be_followed_is_told() {
    let journal = Journal::new();
    std::fs::remove_dir(journal.scratch.join("files")).unwrap();
    let mut rig = Rig::new(journal.source());
    let problem = crate::support::until("the problem", crate::streams::LIMIT, || {
        rig.read();
        rig.problem()
    });
    assert!(problem.contains("journalctl says: Failed to open"), "{problem}");
    rig.stop();
}
