//! Folders on file systems that come and go under a running agent: what is not mounted is not known, and not empty. Needs root.

use super::files::mount;
use crate::inventory::list;
use crate::support::agent::{Agent, Setup};
use crate::support::{poll, run, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Taken down whatever happens.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn holds(agent: &Agent, folder: &str, wanted: (f64, f64)) {
    let number = |metric: &str| agent.setup.metric(&format!("kuzet_folder_{metric}{{folder=\"{folder}\"}}"));
    let mut last = (None, None);
    let seen = poll(LIMIT, || {
        last = (number("files"), number("people"));
        (last == (Some(wanted.0), Some(wanted.1))).then_some(())
    });
    assert!(seen.is_some(), "{folder}: {last:?} instead of {wanted:?}\n{}", agent.output());
}

fn says(agent: &Agent, what: &str) {
    let mut last = String::new();
    let seen = poll(LIMIT, || {
        last = String::from_utf8_lossy(&agent.setup.run(&["status"]).stdout).into_owned();
        last.contains(what).then_some(())
    });
    assert!(seen.is_some(), "{what} is missed in:\n{last}");
}

fn walked(agent: &Agent, folder: &str) -> Option<f64> {
    agent.setup.metric(&format!("kuzet_folder_walked_timestamp_seconds{{folder=\"{folder}\"}}"))
}

/// `inside`: the file system is mounted in the folder, and not at it.
fn comes_and_goes(name: &str, inside: bool) {
    let setup = Setup::new(name).bare();
    let log = setup.scratch.join("none.json");
    let setup = setup.source("pg", "postgresql_jsonlog", &log, "");
    let root = setup.scratch.join("dossiers");
    let at = if inside { root.join("disk") } else { root.clone() };
    let image = setup.scratch.join("image");
    fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).unwrap();
    run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
    let plug = |at: &Path| mount(&["-o", "loop", &image.to_string_lossy()], at);
    let _mounted = Mounted(at.clone());
    plug(&at);
    list(&at.join("a.txt"), 0, 6);
    list(&at.join("2026/b.txt"), 6, 3);
    let folder =
        format!("[[folder]]\nname = \"dossiers\"\npath = {root:?}\n[inventory]\npolite = false\ncross = true\n");
    let agent = setup.with(&folder).start();
    holds(&agent, "dossiers", (2.0, 9.0));
    let setup = agent.stop();

    run(Command::new("umount").arg(&at));
    let agent = setup.started();
    says(&agent, "is not there: what is known of its files stays");
    holds(&agent, "dossiers", (2.0, 9.0));
    assert_eq!(walked(&agent, "dossiers"), None, "no walk came to its end");

    // It is there again, and the walk comes through within half a minute by itself.
    plug(&at);
    fs::remove_file(at.join("a.txt")).unwrap();
    holds(&agent, "dossiers", (1.0, 3.0));
    until("a walk", LIMIT, || walked(&agent, "dossiers"));
    let setup = agent.stop();

    // What was emptied while it is mounted is empty.
    fs::remove_dir_all(at.join("2026")).unwrap();
    let agent = setup.started();
    holds(&agent, "dossiers", (0.0, 0.0));
}

#[test]
fn a_folder_whose_file_system_is_not_mounted_is_not_empty() {
    comes_and_goes("mounted-at", false);
}

#[test]
fn nor_is_one_inside_a_folder() {
    comes_and_goes("mounted-in", true);
}
