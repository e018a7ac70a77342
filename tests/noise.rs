//! Noise control as a person uses it: what is suppressed or declared opens no incident, is counted everywhere, ends on its
//! day; and a changed file is tried on the logs that are there before it holds.

use crate::cli::documents;
use crate::support::agent::{Setup, json_lines};
use crate::support::{Scratch, root, until};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn suppression(name: &str, conditions: &str, expires: &str) -> String {
    let answers = "owner = \"credit department\"\nreason = \"the monthly list, by ticket 17\"";
    format!("[[suppress]]\nname = \"{name}\"\n{conditions}\n{answers}\nexpires = {expires}\n")
}

/// The policy of tests/scenarios and a job for the administrator, who exports in the recording at 21:22.
fn policy(scratch: &Scratch, hours: &str) -> PathBuf {
    let base = std::fs::read_to_string(root().join("tests/scenarios/policy.toml")).unwrap();
    let job = format!(
        "[[allow]]\njob = \"nightly dump\"\nrole = \"dba\"\nclient = \"127.0.0.1\"\nmay = [\"read\", \"export\"]\n\
         hours = \"{hours}\"\nowner = \"operations\"\nreason = \"backup\"\nexpires = 2099-01-31\n"
    );
    let path = scratch.join(format!("policy-{}.toml", &hours[..2]));
    std::fs::write(&path, base + &job).unwrap();
    path
}

fn written(scratch: &Scratch, name: &str, text: &str) -> String {
    let path = scratch.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A setup that watches the recording of exports, with these files.
fn setup(name: &str, scratch: &Scratch, policy: &Path, suppressions: &str) -> Setup {
    let log = scratch.join("audit.csv");
    std::fs::copy(root().join("tests/data/samples/postgresql/pgaudit-copy_out.csv"), &log).unwrap();
    let setup = Setup::new(name).source("pg", "postgresql_csvlog", &log, "");
    setup.write();
    let text = std::fs::read_to_string(setup.file()).unwrap();
    let (head, rest) = text.split_once("policy = ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    let text = format!("{head}policy = {policy:?}\nsuppressions = {suppressions:?}\n{rest}");
    std::fs::write(setup.file(), text).unwrap();
    setup
}

#[test]
fn what_is_suppressed_or_declared_opens_no_incident_and_is_counted_everywhere() {
    let scratch = Scratch::new("noise-files");
    let text = suppression("monthly list", "role = \"analyst\"", "2099-01-31")
        + &suppression("over", "role = \"dba\"", "2026-11-21");
    let suppressions = written(&scratch, "suppressions.toml", &text);
    let setup = setup("noise", &scratch, &policy(&scratch, "21:00-22:00"), &suppressions);
    let mut agent = setup.started();
    let size = scratch.join("audit.csv").metadata().unwrap().len();
    agent.setup.caught_up(&|_| size);
    let silenced = "kuzet_suppressed_detections_total{suppression=\"monthly list\"}";
    let explained = "kuzet_expected_events_total{declared_job=\"nightly dump\"}";
    let metric = |name: &str| agent.setup.metric(name);
    until("what was silenced", LIMIT, || metric(silenced).filter(|times| *times > 0.0));
    until("what was explained", LIMIT, || metric(explained).filter(|times| *times > 0.0));
    assert_eq!(metric("kuzet_suppressed_detections_total{suppression=\"over\"}"), Some(0.0));
    agent.setup.accounted("pg");
    assert!(agent.setup.incidents().is_empty(), "{:?}", agent.setup.incidents());
    assert!(agent.output().contains("suppression `over` has expired"), "{}", agent.output());
    assert!(agent.process().stop().success());

    let status = json_lines(&agent.setup.run(&["status", "--json"]).stdout).remove(0);
    let declared = status["declared"].as_array().unwrap();
    let named = |name: &str| declared.iter().find(|one| one["name"] == name).unwrap()["times"].as_u64().unwrap();
    assert!(named("monthly list") > 0 && named("nightly dump") > 0, "{status}");
    let doctor = documents(&agent.setup.run(&["doctor", "--json"])).remove(0);
    assert_eq!(doctor["declared"], status["declared"]);
}

/// One day of a recording: everybody is still learnt, and who it is is not told.
#[test]
fn how_far_baselines_are_learnt_is_told_by_store() {
    let log = root().join("tests/data/samples/postgresql/pgaudit-copy_out.csv");
    let setup = Setup::new("learnt").source("pg", "postgresql_csvlog", &log, "");
    setup.write();
    // What a policy denies is not learnt.
    let text = std::fs::read_to_string(setup.file()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("policy = "));
    std::fs::write(setup.file(), lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let doctor = documents(&setup.run(&["doctor", "--json"])).remove(0);
    assert!(doctor["baselines"].is_null(), "nothing is known before the agent ran: {doctor}");

    let mut agent = setup.started();
    let size = log.metadata().unwrap().len();
    agent.setup.caught_up(&|_| size);
    let learning = "kuzet_baselines{state=\"learning\"}";
    let learning = until("principals", LIMIT, || agent.setup.metric(learning).filter(|number| *number > 0.0));
    assert!(agent.process().stop().success());
    let status = documents(&agent.setup.run(&["status", "--json"])).remove(0);
    let expected = serde_json::json!({ "on": true, "days": 7, "stores": [{ "store": "borrowers", "known": 0,
        "known_rows": 0, "learning": learning as u64, "days_left": [7, 7] }] });
    assert_eq!(status["baselines"], expected);
    assert_eq!(documents(&agent.setup.run(&["doctor", "--json"]))[0]["baselines"], expected);
    let shown = String::from_utf8(agent.setup.run(&["status"]).stdout).unwrap();
    let line = format!("baselines  borrowers: 0 principals known, {learning} learning: 7 days of work to go");
    assert!(shown.lines().any(|one| one == line), "{shown}");
}

#[test]
fn a_suppression_without_an_end_is_refused_with_its_place() {
    let scratch = Scratch::new("noise-refused");
    let endless = suppression("n", "role = \"analyst\"", "2099-01-31").replace("expires = 2099-01-31\n", "");
    let suppressions = written(&scratch, "suppressions.toml", &endless);
    let setup = setup("noise-refused", &scratch, &policy(&scratch, "21:00-22:00"), &suppressions);
    let check = documents(&setup.run(&["check", "--json"])).remove(0);
    assert_eq!((&check["ok"], &check["faults"][0]["code"]), (&false.into(), &"KZ204".into()), "{check}");
    assert_eq!(check["faults"][0]["line"], 1);
}

#[test]
fn a_changed_file_is_tried_on_the_logs_that_are_there() {
    let scratch = Scratch::new("noise-tried");
    let none = written(&scratch, "none.toml", "");
    let setup = setup("noise-tried", &scratch, &policy(&scratch, "21:00-22:00"), &none);
    let differ = |arguments: &[&str]| {
        let all = [&["replay", "--since", "2000-01-01", "--json"], arguments].concat();
        let output = setup.run(&all);
        documents(&output).pop().unwrap_or_else(|| panic!("{output:?}"))
    };
    // The job at another hour: the dump is an incident.
    let noon = policy(&scratch, "12:00-13:00").display().to_string();
    let told = differ(&["--policy", &noon]);
    assert_eq!(
        (told["new"].as_u64(), told["gone"].as_u64(), told["then"].as_str()),
        (Some(1), Some(0), Some("configuration")),
        "{told}"
    );
    assert_eq!((&told["differences"][0]["who"], &told["differences"][0]["what"]), (&"dba".into(), &"new".into()));
    // A suppression: the incidents of the analyst are gone.
    let quiet = written(&scratch, "quiet.toml", &suppression("n", "role = \"analyst\"", "2099-01-31"));
    let told = differ(&["--suppressions", &quiet]);
    assert!(told["gone"].as_u64() > Some(0) && told["new"] == 0, "{told}");
    assert!(told["differences"].as_array().unwrap().iter().all(|one| one["who"] == "analyst"), "{told}");
    // Only exports: what is left of the story is a lesser one, with its numbers.
    let part = written(&scratch, "part.toml", &suppression("n", "kind = \"export\"\nrole = \"analyst\"", "2099-01-31"));
    let told = differ(&["--suppressions", &part]);
    let changed = &told["differences"][0];
    assert_eq!(changed["what"], "changed", "{told}");
    assert_eq!(changed["then"]["events"], changed["now"]["events"], "nothing is uncounted: {told}");
    // The same files: nothing differs, and the table says so.
    let shown = setup.run(&["replay", "--since", "2000-01-01", "--suppressions", &none]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("0 new, 0 gone, 0 changed"), "{shown:?}");
    // Without another file it is compared with what was recorded, and nothing was.
    assert_eq!(setup.run(&["replay", "--since", "2d"]).status.code(), Some(2));
}
