//! Where addresses are, as a person meets it: lookups, newer data, the register of recipients, a running agent that takes
//! them over.

use crate::cli::documents;
use crate::support::agent::Setup;
use crate::support::{Scratch, kuzet, root, until};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;

/// A state directory and a configuration with `more` at its end.
fn configure(scratch: &Scratch, more: &str) {
    let text =
        format!("state = {:?}\n[[source]]\nname = \"pg\"\npaths = [\"/nothing/*.csv\"]\n{more}", scratch.join("state"));
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
}

fn call(scratch: &Scratch, arguments: &[&str]) -> Output {
    Command::new(kuzet()).arg("--config").arg(scratch.join("kuzet.toml")).args(arguments).output().unwrap()
}

fn data(name: &str) -> String {
    root().join("tests/data/place").join(name).display().to_string()
}

fn lookup(scratch: &Scratch, arguments: &[&str]) -> Vec<Value> {
    let output = call(scratch, &[&["geo", "lookup", "--json"][..], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    documents(&output).remove(0)["answers"].as_array().unwrap().clone()
}

fn verdicts(scratch: &Scratch, addresses: &[&str]) -> Vec<String> {
    let one = |answer: &Value| {
        let word = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("verdict"), word("country"), word("detail"))
    };
    lookup(scratch, addresses).iter().map(one).collect()
}

const ADDRESSES: [&str; 6] = ["2.72.0.1", "18.196.0.1", "5.255.200.1", "1.1.1.1", "10.0.0.1", "2a01:4f8::1"];

#[test]
fn what_ships_tells_kazakhstan_and_newer_data_tell_countries() {
    let scratch = Scratch::new("geo");
    configure(&scratch, "[place]\ncountries = [\"convention-108\"]\n");
    let abroad = "foreign-unlisted - -";
    let shipped = ["domestic KZ -", abroad, abroad, "unknown - anycast", "local - private", abroad];
    assert_eq!(verdicts(&scratch, &ADDRESSES), shipped);

    let update = call(&scratch, &["geo", "update", "--json", &data("delegated-ripencc-extended")]);
    let report = documents(&update).remove(0);
    assert_eq!((&report["date"], &report["date_before"]), (&"2026-11-01".into(), &"2026-06-17".into()));
    let home = &report["home"]["ipv4_addresses"];
    assert_eq!((&home["before"], &home["after"]), (&3_341_568.into(), &2_392_064.into()));
    let number = |key: &str| home[key].as_u64().unwrap();
    assert_eq!(number("before") + number("gained"), number("after") + number("lost"));
    let listed = ["foreign-listed DE -", "foreign-listed RU -"];
    let wanted = ["domestic KZ -", abroad, listed[1], "unknown - anycast", "local - private", listed[0]];
    assert_eq!(verdicts(&scratch, &ADDRESSES), wanted);

    // A country database in either form, after which the registry's file is kept beside it.
    for name in ["flat.mmdb", "nested.mmdb"] {
        let update = call(&scratch, &["geo", "update", "--force", &data(name)]);
        assert!(update.status.success(), "{update:?}");
        let wanted = ["domestic KZ -", listed[0], listed[1], "unknown - anycast", "local - private", listed[0]];
        assert_eq!(verdicts(&scratch, &ADDRESSES), wanted, "{name}");
    }
    let installed = std::fs::read_to_string(scratch.join("state/geo/blocks.txt")).unwrap();
    assert!(installed.contains("Synthetic-Country") && installed.contains("# date: 2026-11-01"), "{installed}");
    assert_eq!(std::fs::read_to_string(scratch.join("state/geo/blocks.previous.txt")).unwrap(), installed);
}

#[test]
fn what_would_do_harm_is_refused_and_the_list_that_holds_stays() {
    let scratch = Scratch::new("geo-refused");
    configure(&scratch, "");
    let file = scratch.join("list.txt");
    let refused = |text: &[u8], code: &str| {
        std::fs::write(&file, text).unwrap();
        let output = call(&scratch, &["geo", "update", &file.display().to_string()]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(code) && told.contains("help:") && !told.contains("900101300017"), "{told}");
    };
    let whole = std::fs::read_to_string(data("delegated-ripencc-extended")).unwrap();
    refused(b"900101300017,some name\n", "KZ101");
    refused(b"\xff\xfe\x00", "KZ100");
    refused(&whole.as_bytes()[..whole.len() / 2], "KZ105");
    refused(b"# date: 2099-01-01\n# country: KZ\n2.72.0.0/13\n", "KZ108");
    refused(b"# date: 2020-01-01\n# country: KZ\n2.72.0.0/13\n", "KZ108");
    refused(b"# date: 2026-11-01\n# country: KZ\n2.72.0.0/13\n", "KZ108");
    let mut database = std::fs::read(data("flat.mmdb")).unwrap();
    database.drain(..40);
    refused(&database, "KZ107");
    assert!(!scratch.join("state/geo").exists());
    assert_eq!(verdicts(&scratch, &["2.72.0.1", "95.56.0.1"]), ["domestic KZ -", "domestic KZ -"]);
    // A list of one family leaves the other as it ships, and one without Kazakhstan adds to it.
    let shipped = std::fs::read_to_string(root().join("agent/place/data/kz.txt")).unwrap();
    let v4: String = shipped
        .replace("2026-06-17", "2026-11-01")
        .lines()
        .filter(|line| !line.contains("::"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&file, v4).unwrap();
    let output = call(&scratch, &["geo", "update", "--json", &file.display().to_string()]);
    let home = &documents(&output)[0]["home"];
    assert_eq!((&home["told"], &home["ipv6_networks_48"]["lost"]), (&serde_json::json!([true, false]), &0.into()));
    assert_eq!(verdicts(&scratch, &["2a03:32c0::1"]), ["domestic KZ -"]);
    std::fs::write(&file, "# date: 2026-11-01\n18.196.0.0/14 DE\n").unwrap();
    let output = call(&scratch, &["geo", "update", &file.display().to_string()]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("of no IPv6 address of Kazakhstan"));
    assert_eq!(verdicts(&scratch, &["2.72.0.1", "18.196.0.1"]), ["domestic KZ -", "foreign-unlisted DE -"]);
}

const REGISTER: &str = r#"
[[recipient]]
name = "Credit bureau"
addresses = ["104.16.0.0/24"]
domains = ["bureau.kz"]
ports = [443]
country = "KZ"
contract = "No. 12"
basis = "law"
categories = ["iin"]
owner = "credit department"
expires = 2999-12-31

[[recipient]]
name = "Old agency"
domains = ["agency.example"]
country = "DE"
contract = "No. 3"
basis = "consent"
categories = ["name", "phone_mobile"]
owner = "collection"
expires = 2025-01-31
"#;

#[test]
fn the_register_goes_before_the_registries_and_what_expired_is_told() {
    let scratch = Scratch::new("recipients");
    configure(&scratch, "[place]\nrecipients = \"recipients.toml\"\n");
    std::fs::write(scratch.join("recipients.toml"), REGISTER).unwrap();
    let found = lookup(&scratch, &["104.16.0.9", "--name", "api.bureau.kz", "--port", "443"]).remove(0);
    assert_eq!((&found["verdict"], &found["detail"]), (&"unknown".into(), &"anycast".into()));
    assert_eq!(
        (&found["recipient"]["name"], &found["recipient"]["verdict"]),
        (&"Credit bureau".into(), &"domestic".into())
    );
    for other in [
        ["104.16.0.9", "--port", "25"],
        ["18.196.0.1", "--name", "bureau.kz"],
        ["18.196.0.1", "--name", "agency.example"],
    ] {
        assert!(lookup(&scratch, &other)[0]["recipient"].is_null(), "{other:?}");
    }
    let check = documents(&call(&scratch, &["check", "--json"])).remove(0);
    let faults = check["faults"].as_array().unwrap();
    assert!(faults.iter().any(|fault| fault["code"] == "KZ209" && fault["line"] == 14), "{check}");
    let doctor = documents(&call(&scratch, &["doctor", "--json"])).remove(0);
    assert!(doctor["limits"].as_array().unwrap().iter().any(|one| one["code"] == "KD18"), "{doctor}");

    std::fs::write(scratch.join("recipients.toml"), REGISTER.replace("\"iin\"", "\"inn\"")).unwrap();
    let check = documents(&call(&scratch, &["check", "--json"])).remove(0);
    assert_eq!((&check["faults"][0]["code"], &check["faults"][0]["line"]), (&"KZ205".into(), &10.into()));
    configure(&scratch, "[place]\ncountries = [\"UK\"]\n");
    let check = documents(&call(&scratch, &["check", "--json"])).remove(0);
    assert_eq!(check["faults"][0]["code"], "KZ106");
}

#[test]
fn a_running_agent_takes_newer_data_over() {
    let setup = Setup::new("geo-running");
    let log = setup.scratch.join("pg.csv");
    std::fs::write(&log, "").unwrap();
    let agent = setup.source("pg", "postgresql_csvlog", &log, "").start();
    let date = || agent.setup.metric("kuzet_place_data_timestamp_seconds");
    assert_eq!(date(), Some(1_781_654_400.0), "2026-06-17");
    let output = agent.setup.run(&["geo", "update", &data("delegated-ripencc-extended")]);
    assert!(output.status.success(), "{output:?}");
    until("the agent to take the data over", Duration::from_secs(30), || {
        (date() == Some(1_793_491_200.0)).then_some(())
    });
}
