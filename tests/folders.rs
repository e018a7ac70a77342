//! Folders that change under the inventory: closed, moved, gone and back, in each other, behind a link, and an agent that is killed
//! while it walks. What is not known is never told as nothing.

use crate::inventory::{list, report};
use crate::support::agent::{Agent, Setup};
use crate::support::{Guard, poll, until};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(90);

/// Folders by their names, below the scratch folder, each with more TOML.
fn setup(name: &str, folders: &[(&str, &str, &str)]) -> Setup {
    let setup = Setup::new(name).bare();
    let log = setup.scratch.join("none.json");
    let folder = |(name, path, more): &(&str, &str, &str)| {
        let path = setup.scratch.join(path);
        format!("[[folder]]\nname = \"{name}\"\npath = \"{}\"\n{more}\n", path.display())
    };
    let folders: String = folders.iter().map(folder).collect();
    setup.source("pg", "postgresql_jsonlog", &log, "").with(&folders).with("[inventory]\npolite = false")
}

fn number(setup: &Setup, metric: &str, folder: &str) -> Option<f64> {
    setup.metric(&format!("kuzet_folder_{metric}{{folder=\"{folder}\"}}"))
}

/// Waits until files and people of a folder are so many.
fn holds(agent: &Agent, folder: &str, files: f64, people: f64) {
    let mut last = (None, None);
    let seen = poll(LIMIT, || {
        last = (number(&agent.setup, "files", folder), number(&agent.setup, "people", folder));
        (last == (Some(files), Some(people))).then_some(())
    });
    assert!(seen.is_some(), "{folder}: {last:?} instead of {files} files, {people} people\n{}", agent.output());
}

/// What is wrong with the inventory now.
fn problem(setup: &Setup) -> String {
    let status = setup.run(&["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap_or_default();
    let sources = status["sources"].as_array().cloned().unwrap_or_default();
    let inventory = sources.into_iter().find(|source| source["name"] == "inventory").unwrap_or_default();
    inventory.to_string()
}

#[test]
fn a_file_has_the_deepest_folder_and_a_link_to_a_folder_is_walked() {
    let all = [("all", "all", ""), ("kyc", "all/kyc", ""), ("linked", "all/link", ""), ("alone", "there", "")];
    let setup = setup("folders-nested", &all);
    list(&setup.scratch.join("all/a.txt"), 0, 3);
    list(&setup.scratch.join("all/kyc/deep/b.txt"), 3, 5);
    list(&setup.scratch.join("elsewhere/c.txt"), 10, 2);
    list(&setup.scratch.join("real/d.txt"), 20, 4);
    std::os::unix::fs::symlink(setup.scratch.join("elsewhere"), setup.scratch.join("all/link")).unwrap();
    std::os::unix::fs::symlink(setup.scratch.join("real"), setup.scratch.join("there")).unwrap();
    let agent = setup.start();
    holds(&agent, "all", 1.0, 3.0);
    holds(&agent, "kyc", 1.0, 5.0);
    holds(&agent, "linked", 1.0, 2.0);
    holds(&agent, "alone", 1.0, 4.0);
    for folder in ["all", "kyc", "linked", "alone"] {
        assert_eq!(number(&agent.setup, "walk_files", folder), Some(1.0), "{folder}");
        assert!(number(&agent.setup, "walked_timestamp_seconds", folder).is_some_and(|at| at > 1e9), "{folder}");
        assert_eq!(number(&agent.setup, "walking", folder), Some(0.0), "{folder}");
    }
    assert_eq!(agent.setup.metric("kuzet_inspected_files_total{format=\"text\"}"), Some(4.0));
    assert_eq!(agent.setup.metric("kuzet_worker_lost_total{reason=\"crashed\"}"), None);
    assert!(agent.setup.metric("kuzet_worker_starts_total").is_some_and(|starts| starts >= 1.0));
}

#[test]
fn what_is_gone_as_a_whole_is_not_known_and_what_was_moved_is_told_once() {
    let setup = setup("folders-gone", &[("dossiers", "dossiers", ""), ("never", "never", "")]);
    let (dossiers, aside) = (setup.scratch.join("dossiers"), setup.scratch.join("aside"));
    list(&dossiers.join("2025/a.txt"), 0, 4);
    list(&dossiers.join("2025/deep/b.txt"), 4, 4);
    list(&dossiers.join("c.txt"), 8, 2);
    let agent = setup.start();
    holds(&agent, "dossiers", 3.0, 10.0);
    let setup = agent.stop();

    // The folder itself is gone: nothing is known of it but what was.
    fs::rename(&dossiers, &aside).unwrap();
    let agent = setup.started();
    until("the folder is missed", LIMIT, || problem(&agent.setup).contains("cannot be looked through").then_some(()));
    holds(&agent, "dossiers", 3.0, 10.0);
    assert_eq!(number(&agent.setup, "walked_timestamp_seconds", "dossiers"), None);
    assert_eq!(number(&agent.setup, "files", "never"), None);
    let setup = agent.stop();

    // It is back, and a part of it has another name.
    fs::rename(&aside, &dossiers).unwrap();
    fs::rename(dossiers.join("2025"), dossiers.join("archive")).unwrap();
    let agent = setup.started();
    holds(&agent, "dossiers", 3.0, 10.0);
    until("a walk", LIMIT, || number(&agent.setup, "walked_timestamp_seconds", "dossiers"));
    until("the other name", LIMIT, || {
        let text = report(&agent.setup).to_string();
        (text.contains("/archive\"") && !text.contains("/2025\"")).then_some(())
    });
    holds(&agent, "dossiers", 3.0, 10.0);
}

#[test]
fn another_use_of_a_folder_is_judged_anew() {
    let setup = setup("folders-use", &[("web", "web", "")]);
    list(&setup.scratch.join("web/dump.sql"), 0, 9);
    let agent = setup.start();
    holds(&agent, "web", 1.0, 9.0);
    let misplaced =
        |setup: &Setup| setup.incidents().iter().any(|one| one["kuzet.kinds"].to_string().contains("misplaced_data"));
    assert!(!misplaced(&agent.setup));
    let setup = agent.stop().with("");
    let text = fs::read_to_string(setup.file()).unwrap();
    fs::write(setup.file(), text.replace("name = \"web\"", "name = \"web\"\nholds = \"nothing\"")).unwrap();
    let agent = setup.started();
    until("an incident", LIMIT, || misplaced(&agent.setup).then_some(()));
}

/// `kuzet run` without the rights of root over files of others.
fn unprivileged(setup: &Setup) -> Guard {
    let run = setup.command(&["run"]);
    let mut command = match rustix::process::geteuid().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override"]);
            command.arg(run.get_program());
            command
        }
        false => Command::new(run.get_program()),
    };
    command.args(run.get_args()).stdin(Stdio::null()).env("RUST_LOG", "info");
    let mut guard = Guard::spawn("kuzet run", &mut command, &setup.scratch.join("output"), Signal::TERM);
    guard.ready(LIMIT, || setup.metric("kuzet_heartbeat_timestamp_seconds").is_some());
    guard
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_was_closed_is_told_and_looked_at_once_it_opens() {
    let setup = setup("folders-closed", &[("dossiers", "dossiers", "")]);
    let dossiers = setup.scratch.join("dossiers");
    list(&dossiers.join("open.txt"), 0, 2);
    list(&dossiers.join("closed.txt"), 2, 3);
    list(&dossiers.join("locked/inside.txt"), 5, 4);
    mode(&dossiers.join("closed.txt"), 0);
    mode(&dossiers.join("locked"), 0);
    setup.write();
    let missed = |setup: &Setup| {
        let series = "kuzet_folder_uninspected_files{folder=\"dossiers\",reason=\"open\"}";
        (number(setup, "files", "dossiers"), number(setup, "people", "dossiers"), setup.metric(series))
    };
    let wanted = |setup: &Setup, want: (Option<f64>, Option<f64>, Option<f64>)| {
        let mut last = (None, None, None);
        let seen = poll(LIMIT, || {
            last = missed(setup);
            (last == want).then_some(())
        });
        assert!(seen.is_some(), "{last:?} instead of {want:?}");
    };
    let agent = unprivileged(&setup);
    wanted(&setup, (Some(3.0), Some(2.0), Some(2.0)));
    drop(agent);
    // No file has changed but for who may read it; then all of it is closed again, and what is known stays.
    mode(&dossiers.join("closed.txt"), 0o640);
    mode(&dossiers.join("locked"), 0o755);
    let agent = unprivileged(&setup);
    wanted(&setup, (Some(3.0), Some(9.0), None));
    drop(agent);
    mode(&dossiers.join("locked"), 0);
    let agent = unprivileged(&setup);
    until("a walk", LIMIT, || number(&setup, "walked_timestamp_seconds", "dossiers"));
    wanted(&setup, (Some(3.0), Some(9.0), None));
    drop(agent);
    mode(&dossiers.join("locked"), 0o755);
}

#[test]
fn an_agent_killed_while_it_walks_goes_on_and_tells_nothing_twice() {
    const FILES: usize = 300;
    let setup = setup("folders-killed", &[("dossiers", "dossiers", "")]).unserved();
    // Of some size, so that it takes seconds; one content, by many names.
    let one = setup.scratch.join("one.txt");
    list(&one, 0, 190);
    fs::write(&one, fs::read(&one).unwrap().repeat(5)).unwrap();
    for number in 0..FILES {
        let folder = setup.scratch.join(format!("dossiers/{}", number % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::hard_link(&one, folder.join(format!("{number}.txt"))).unwrap();
    }
    setup.write();
    // Until the store is there, nothing is known.
    let files = || {
        let output = setup.run(&["inventory", "--json"]).stdout;
        serde_json::from_slice::<serde_json::Value>(&output).map_or(0, |report| report["files"].as_u64().unwrap_or(0))
    };
    let mut before = 0;
    let mut midway = 0;
    for _ in 0..3 {
        let mut agent = setup.spawn("info");
        // Some more than the last time, then it is killed.
        let now = until("more files", LIMIT, || {
            let now = files();
            (now > before || now == FILES as u64).then_some(now)
        });
        agent.kill();
        assert!(now >= before, "{now} after {before}");
        midway += usize::from(now < FILES as u64);
        before = now;
    }
    assert!(midway >= 1, "it was never killed in the middle");
    let agent = setup.spawn("info");
    until("the end", LIMIT, || {
        let status: serde_json::Value = serde_json::from_slice(&setup.run(&["status", "--json"]).stdout).ok()?;
        let inventory = status["sources"].as_array()?.iter().find(|source| source["name"] == "inventory")?.clone();
        // Every file, and seven folders; what was looked at and not committed is told again.
        let (seen, handled) = (inventory["seen"].as_u64()?, inventory["handled"].as_u64()?);
        (seen >= FILES as u64 && seen == handled && files() == FILES as u64).then_some(())
    });
    drop(agent);
    assert_eq!(report(&setup)["files"], FILES);
}
