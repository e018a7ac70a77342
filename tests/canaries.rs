//! A file of nobody: what the host prints it recognises again, as canaries and not as people.

use crate::cli::documents;
use crate::support::agent::Setup;
use crate::support::root;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_file_of_canaries_is_recognised_by_the_host_that_made_it() {
    let setup = Setup::new("canary-file").bare();
    setup.write();
    // Before the agent ran there is no key for them to follow from.
    assert_eq!(setup.run(&["canary", "file"]).status.code(), Some(2));
    let key = setup.state().join("pseudonym.key");
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let made = setup.run(&["canary", "file", "--count", "12"]);
    assert!(made.status.success(), "{made:?}");
    let path = setup.scratch.join("clients.csv");
    std::fs::write(&path, [&made.stdout[..], "850830346939;Ахметов Серик\n".as_bytes()].concat()).unwrap();
    let classify = || documents(&setup.run(&["classify", "--json", &path.display().to_string()])).remove(0);
    let told = classify();
    assert_eq!((&told["canaries"], &told["people"]), (&12.into(), &1.into()), "{told}");
    // A replay on the host finds who asked for one of them.
    let iin = String::from_utf8_lossy(&made.stdout).lines().nth(1).unwrap().split(';').next().unwrap().to_owned();
    let recorded = root().join("tests/data/samples/postgresql/pgaudit-enum_iin.csv");
    let log = setup.scratch.join("audit.csv");
    std::fs::write(&log, std::fs::read_to_string(recorded).unwrap().replace("900101300002", &iin)).unwrap();
    let replayed = setup.run(&["replay", "--json", &log.display().to_string()]);
    let critical = documents(&replayed).into_iter().find(|one| one.to_string().contains("\"canary\"")).unwrap();
    assert_eq!(critical["kuzet.severity"], "critical", "{critical:#}");
    assert!(!String::from_utf8_lossy(&replayed.stdout).contains(&iin));
    // To another host they are people.
    std::fs::write(&key, [8; 32]).unwrap();
    let told = classify();
    assert_eq!((&told["canaries"], &told["people"]), (&0.into(), &13.into()), "{told}");
    // Nothing stands, and there is no store yet.
    assert_eq!(setup.run(&["canary", "list"]).status.code(), Some(2));
}
