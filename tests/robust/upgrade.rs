//! A new binary on the state of an older one: incidents, checkpoints and notifications go on where they were.

use crate::support::agent::{Setup, json_lines};
use crate::support::{root, until};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/data/samples/postgresql").join(name)).unwrap()
}

#[test]
fn an_upgrade_keeps_incidents_checkpoints_and_the_outbox() {
    let setup = Setup::new("upgrade");
    let (log, told) = (setup.scratch.join("audit.csv"), setup.scratch.join("told.jsonl"));
    let desk = format!("[[notify]]\nname = \"desk\"\nkind = \"jsonlines\"\npath = \"{}\"\n", told.display());
    let setup = setup.source("pg", "postgresql_csvlog", &log, "").with(&desk);
    setup.write();
    // The log as the older agent left it: read to its end.
    std::fs::write(&log, [sample("pgaudit-grant_escalation.csv"), sample("pgaudit-sqli.csv")].concat()).unwrap();
    let database = setup.state().join("kuzet.db");
    let key = setup.state().join("pseudonym.key");
    std::fs::write(&key, [7; 32]).unwrap();
    let store = rusqlite::Connection::open(&database).unwrap();
    store.execute_batch(&std::fs::read_to_string(root().join("tests/data/store/schema-1.sql")).unwrap()).unwrap();
    let meta = log.metadata().unwrap();
    let place = rusqlite::params![meta.dev().cast_signed(), meta.ino().cast_signed(), log.as_os_str().as_bytes()];
    assert_eq!(store.execute("UPDATE checkpoint SET device = ?1, inode = ?2, path = ?3", place).unwrap(), 1);
    let old: Vec<String> = store
        .prepare("SELECT id FROM incident ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(store);
    for file in [&database, &key] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    let listed = setup.run(&["incidents", "list"]);
    let words = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(words.contains("KZ-STORE-SCHEMA") && words.contains("kuzet run"), "{words}");

    let agent = setup.start();
    assert!(agent.output().contains("brought to the schema"), "{}", agent.output());
    until("the notifications of the older agent", Duration::from_secs(30), || {
        let text = std::fs::read(&told).ok()?;
        (json_lines(&text).len() == 9).then_some(())
    });
    // More of the log: counted on from what the older agent had counted, nothing of it twice.
    let more = sample("pgaudit-copy_out.csv");
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&more).unwrap();
    let records = String::from_utf8(more).unwrap().lines().count() as u64;
    until("the rest of the log", Duration::from_secs(30), || {
        let status = json_lines(&agent.setup.run(&["status", "--json"]).stdout);
        (status[0]["sources"][0]["seen"] == 43 + records).then_some(())
    });
    let incidents = agent.setup.incidents();
    let ids: Vec<&str> = incidents.iter().filter_map(|one| one["kuzet.incident.id"].as_str()).collect();
    assert!(old.iter().all(|id| ids.contains(&id.as_str())), "{old:?} {ids:?}");
    assert!(ids.len() > old.len(), "the new records tell of something new: {ids:?}");
    let acted = incidents.iter().filter(|one| one["kuzet.lifecycle"]["state"] == "acknowledged").count();
    assert_eq!(acted, 1, "what a person decided stands");
}
