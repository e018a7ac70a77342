//! The inventory for real: folders of files, an agent that looks through them, is ended and goes on, and nothing of the contents in
//! anything that it leaves.

use crate::support::agent::{Agent, Setup, json_lines};
use crate::support::{people, poll};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn setup() -> Setup {
    let setup = Setup::new("inventory").bare();
    let folder = |name: &str, more: &str| {
        let path = setup.scratch.join(name);
        format!("[[folder]]\nname = \"{name}\"\npath = \"{}/\"\n{more}\n", path.display())
    };
    let folders = folder("dossiers", "") + &folder("web", "holds = \"nothing\"");
    let log = setup.scratch.join("none.json");
    setup.source("pg", "postgresql_jsonlog", &log, "").with(&folders).with("[inventory]\npolite = false")
}

/// A list of `count` people, from number `first` on.
pub fn list(path: &Path, first: usize, count: usize) {
    let line = |one: &people::Person| format!("{}; ИИН {}; {}\n", one.full_name, one.iin, one.phone);
    let text: String = people::people(200)[first..first + count].iter().map(line).collect();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

/// Records of the inventory, once there are `count`.
fn told(agent: &Agent, count: u64) {
    let mut last = Value::Null;
    let seen = poll(Duration::from_secs(120), || {
        last = serde_json::from_slice(&agent.setup.run(&["status", "--json"]).stdout).ok()?;
        let sources = last["sources"].as_array()?;
        let inventory = sources.iter().find(|source| source["name"] == "inventory")?;
        (inventory["seen"] == count && inventory["handled"] == count).then_some(())
    });
    assert!(seen.is_some(), "{count} records are expected: {last}\n{}", agent.output());
}

pub fn report(setup: &Setup) -> Value {
    let output = setup.run(&["inventory", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json_lines(&output.stdout).remove(0)
}

#[test]
fn folders_are_looked_through_and_the_inventory_goes_on_where_it_was() {
    let setup = setup();
    let (dossiers, web) = (setup.scratch.join("dossiers"), setup.scratch.join("web"));
    list(&dossiers.join("2026/a.txt"), 0, 5);
    list(&dossiers.join("2026/b.txt"), 3, 5);
    list(&dossiers.join("all.txt"), 0, 20);
    list(&web.join("dump.sql"), 50, 7);
    fs::write(dossiers.join("empty.txt"), "nothing to see\n").unwrap();
    let sealed =
        Command::new("zip").args(["-q", "-P", "secret", "sealed.zip", "empty.txt"]).current_dir(&dossiers).status();
    let sealed = sealed.is_ok_and(|status| status.success());
    let agent = setup.start();
    // Five files and a folder, one more where zip is there.
    told(&agent, 6 + u64::from(sealed));
    let first = report(&agent.setup);
    let of = |report: &Value, path: &Path| -> Value {
        let rows = report["folders"].as_array().unwrap();
        rows.iter().find(|row| row["path"] == path.to_str().unwrap()).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(first["files"], 5 + u64::from(sealed));
    assert_eq!(of(&first, &dossiers.join("2026"))["people"], 8, "{first}");
    assert_eq!((&of(&first, &dossiers)["people"], &of(&first, &web)["people"]), (&Value::from(20), &Value::from(7)));
    let incidents = agent.setup.incidents();
    let kinds = |incidents: &[Value]| {
        let kind = |one: &Value| one["kuzet.kinds"][0]["kind"].as_str().unwrap_or_default().to_owned();
        let mut kinds: Vec<String> = incidents.iter().map(kind).collect();
        kinds.sort();
        kinds
    };
    let expected: &[&str] = if sealed { &["encrypted_file", "misplaced_data"] } else { &["misplaced_data"] };
    assert_eq!(kinds(&incidents), expected);

    // Ended, and three things happen: one file is gone with its folder, one is new, one has other content.
    let setup = agent.stop();
    fs::remove_dir_all(dossiers.join("2026")).unwrap();
    list(&dossiers.join("new.txt"), 100, 3);
    list(&web.join("dump.sql"), 50, 9);
    let before = 6 + u64::from(sealed);
    let agent = setup.started();
    told(&agent, before + 5);
    let second = report(&agent.setup);
    assert_eq!(of(&second, &dossiers.join("2026")), Value::Null, "{second}");
    assert_eq!((&of(&second, &dossiers)["people"], &of(&second, &web)["people"]), (&Value::from(23), &Value::from(9)));

    // Whoever may read it has changed, and that is told; with nothing else changed nothing is.
    let setup = agent.stop();
    fs::set_permissions(dossiers.join("all.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(setup.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    list(&web.join("last.txt"), 0, 1);
    let agent = setup.started();
    told(&agent, before + 7);
    let open =
        agent.setup.incidents().iter().any(|one| one.to_string().contains("every account of this host may read it"));
    assert!(open, "{:?}", agent.setup.incidents());
    let setup = agent.stop();
    nothing_raw(&setup);
}

/// Neither what the agent printed nor what it keeps has a value of the files.
fn nothing_raw(setup: &Setup) {
    let mut left = Vec::new();
    for name in fs::read_dir(setup.state()).unwrap().chain(fs::read_dir(setup.scratch.join("")).unwrap()) {
        let path = name.unwrap().path();
        if path.is_file() {
            left.extend(fs::read(&path).unwrap());
        }
    }
    for command in
        [&["inventory"][..], &["inventory", "--json"], &["incidents", "list", "--all", "--json"], &["status"]]
    {
        left.extend(setup.run(command).stdout);
    }
    let left = String::from_utf8_lossy(&left);
    for person in people::people(200) {
        assert!(!left.contains(&person.iin) && !left.contains(&person.phone), "a number of person {}", person.id);
        assert!(!left.contains(&person.full_name), "the name of person {}", person.id);
    }
}
