//! Folders of dossiers on the real kernel: who reads them one by one, who packs them, who encrypts them. What is told has the
//! account, and the people of the files, whom an inspection found. Needs root, as the sensor does.

use crate::support::agent::{Agent, Setup};
use crate::support::{people, poll, run, until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
const DOSSIERS: usize = 150;

/// As an account, without any group.
fn as_user(user: &str, folder: &Path, script: &str) {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--clear-groups", "sh", "-ec", script]);
    run(command.current_dir(folder).stdin(Stdio::null()));
}

/// Folders that everybody may work in, one dossier a person in the first.
fn folders(setup: &Setup) -> String {
    let mut text = String::new();
    fs::set_permissions(setup.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, holds) in [("dossiers", "personal data"), ("out", "nothing")] {
        let path = setup.scratch.join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        text += &format!("[[folder]]\nname = \"{name}\"\npath = \"{}\"\nholds = \"{holds}\"\n", path.display());
    }
    for person in people::people(DOSSIERS) {
        let dossier = setup.scratch.join("dossiers").join(format!("{:03}.txt", person.id));
        fs::write(&dossier, format!("Қарыз алушы: {}, ИИН {}\n", person.full_name, person.iin)).unwrap();
        fs::set_permissions(&dossier, fs::Permissions::from_mode(0o666)).unwrap();
    }
    text
}

/// Incidents of the dossiers, by account.
fn told(agent: &Agent) -> Vec<(String, Value)> {
    let of = |one: Value| Some((one["user.name"].as_str()?.to_owned(), one));
    let dossiers = |one: &Value| one["kuzet.store"]["name"] == "folder/dossiers";
    agent.setup.incidents().into_iter().filter(dossiers).filter_map(of).collect()
}

fn has(told: &[(String, Value)], user: &str, kind: &str, people: u64) -> bool {
    told.iter().any(|(by, one)| {
        let kinds = one["kuzet.kinds"].as_array().unwrap();
        *by == user
            && kinds.iter().any(|found| found["kind"] == kind)
            && one["kuzet.people"]["distinct_identified"] == people
    })
}

#[test]
fn whoever_reads_packs_or_encrypts_dossiers_is_told_with_their_people() {
    let setup = Setup::new("dossiers").bare();
    let watched = folders(&setup);
    let more = format!("[[source]]\nname = \"host\"\nsensor = {{}}\n{watched}[inventory]\npolite = false\n");
    let agent = setup.with(&more).start();
    let status = || serde_json::from_slice::<Value>(&agent.setup.run(&["status", "--json"]).stdout).ok();
    let inspected = || {
        let status = status()?;
        let inventory = status["sources"].as_array()?.iter().find(|one| one["name"] == "inventory")?;
        (inventory["handled"] == DOSSIERS as u64).then_some(())
    };
    assert!(poll(LIMIT, inspected).is_some(), "{:?}\n{}", status(), agent.output());
    until("the sensor is at work", LIMIT, || {
        agent.setup.metric("kuzet_sensor_means{means=\"bpf\",source=\"host\"}").filter(|at| *at > 0.5)
    });

    let folder = agent.setup.scratch.join("dossiers");
    as_user("sync", &folder, "for f in 0[0-7]?.txt; do cat $f; done >/dev/null");
    as_user(
        "games",
        &folder,
        "tar -czf ../out/.cache.tgz 100.txt 101.txt 102.txt 103.txt 104.txt 10[5-9].txt 11?.txt 12[0-9].txt",
    );
    as_user("nobody", &folder, "for f in 13?.txt 14?.txt; do cp $f $f.locked; rm $f; done");

    // A list put where no personal data is to be is looked into soon, not in an hour.
    as_user("games", &folder, "cat 00?.txt > ../out/list.csv");

    let mut last = Vec::new();
    let all = poll(LIMIT, || {
        last = told(&agent);
        let read = has(&last, "sync", "enumeration", 79);
        let packed = has(&last, "games", "staging", 30);
        let locked = last.iter().any(|(by, one)| by == "nobody" && one["kuzet.kinds"][0]["kind"] == "mass_encryption");
        (read && packed && locked).then_some(())
    });
    assert!(all.is_some(), "{last:#?}\n{}", agent.output());
    assert_eq!(last.len(), 3, "and nothing else: {last:#?}");
    let misplaced =
        |one: &Value| one["kuzet.kinds"][0]["kind"] == "misplaced_data" && one["kuzet.store"]["name"] == "folder/out";
    until("the list is found", LIMIT, || agent.setup.incidents().iter().any(misplaced).then_some(()));
    agent.setup.accounted("host");
    agent.setup.accounted("inventory");
}
