//! `kuzet rules …` and `kuzet replay --rules` as a person or a program meets them: good input, bad input, exit codes.

use crate::cli::documents;
use crate::support::{Scratch, kuzet, root};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const RULE: &str = "title: Somebody reads the accounts
id: 9b1f6a60-52a5-4b8e-9d5b-6f2f4dbb8a11
name: accounts_read
level: high
logsource: {category: database, product: mariadb}
detection:
  table:
    db.operation.name: select
    db.collection.name|startswith: mysql.us
  tool:
    user.name: [root, monitor]
  condition: table and not tool
";
const UNFED: &str = "title: A shell
id: 4ad7a1f2-9a85-4f74-8f3c-0d6ad1a3f0c2
level: low
logsource: {category: process_creation, product: windows}
detection: {shell: {Image|endswith: cmd.exe}, condition: shell}
";
const DOUBTFUL: &str = "title: A field that no event has
id: 0a4d5a36-6f0c-4a79-a5a5-3b7c8c5f9b21
level: low
logsource: {category: database}
detection: {strange: {no.such.field: x}, condition: strange}
";
const BROKEN: &str = "title: Broken
level: low
logsource: {category: database}
detection: {s: {db.query.summary|containz: x}, condition: s}
";
const GRANTED: &str = "title: Somebody is given rights
id: 1c0f6f0e-0a6e-4a0c-8a55-5f4be0a8f5b3
name: rights_given
level: low
logsource: {category: database, product: mysql}
detection: {given: {kuzet.role.verb: grant}, condition: given}
";
const CORRELATION: &str = "title: Accounts read again and again
id: 57f35d38-5f0d-4a52-bb5b-1f8a6e6f3f77
name: accounts_read_often
level: critical
correlation:
  type: event_count
  rules: [accounts_read]
  group-by: [user.name]
  timespan: 10m
  generate: true
  condition: {gte: 2}
";

/// A record of MariaDB's audit log: `user` reads `table` at a second of a minute.
fn record(second: u32, user: &str, table: &str) -> String {
    let line = format!("20261123 02:03:{second:02},db1,{user},127.0.0.1,31,63,QUERY,mfo,'SELECT * FROM {table}',0");
    json!({ "format": "mariadb_server_audit", "record": line }).to_string()
}

struct Desk {
    scratch: Scratch,
}

impl Desk {
    /// A configuration with nothing but a folder of rules.
    fn new(name: &str, rules: &[(&str, &str)]) -> Desk {
        let desk = Desk { scratch: Scratch::new(name) };
        std::fs::create_dir(desk.scratch.join("rules")).unwrap();
        for (file, text) in rules {
            desk.write(&format!("rules/{file}"), text);
        }
        desk.write("kuzet.toml", "state = \"state\"\n[rules]\nshipped = false\nfolders = [\"rules\"]\n");
        desk
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.scratch.join(name), text).unwrap();
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let config = self.scratch.join("kuzet.toml");
        Command::new(kuzet())
            .current_dir(self.scratch.join(""))
            .arg("--config")
            .arg(config)
            .args(arguments)
            .output()
            .unwrap()
    }

    fn rules(&self, arguments: &[&str]) -> Output {
        self.call(&[&["rules"], arguments].concat())
    }

    /// The document, and the exit code.
    fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.rules(&[arguments, &["--json"]].concat());
        let documents = documents(&output);
        assert_eq!(documents.len(), 1, "{output:?}");
        (documents[0].clone(), output.status.code().unwrap())
    }

    /// What is told of a command that was not done.
    fn refused(&self, arguments: &[&str]) -> String {
        for form in [&[][..], &["--json"]] {
            let output = self.rules(&[arguments, form].concat());
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
        }
        String::from_utf8(self.rules(arguments).stderr).unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_list_names_every_rule_with_its_state_and_what_refuses_the_others() {
    let rules = [("a.yml", RULE), ("b.yml", UNFED), ("c.yml", DOUBTFUL), ("d.yml", BROKEN), ("e.yml", CORRELATION)];
    let desk = Desk::new("rules-list", &rules);
    let (told, code) = desk.json(&["list"]);
    let states: Vec<(&str, &str)> = told["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    let expected = [("accounts_read", "loaded"), ("b", "unfed"), ("c", "warned"), ("accounts_read_often", "loaded")];
    assert_eq!((states.as_slice(), code), (&expected[..], 1));
    let refused = told["faults"].as_array().unwrap().iter().find(|one| one["warning"] == false).unwrap();
    assert_eq!((&refused["code"], &refused["line"]), (&"KZ311".into(), &4.into()), "{refused}");
    let shown = text(&desk.rules(&["list"]));
    assert!(shown.contains("4 rules, 1 warned, 1 unfed; 1 faults that refuse a rule"), "{shown}");

    let off = "state = \"state\"\n[rules]\nshipped = false\nfolders = [\"rules/a.yml\", \"rules/e.yml\"]\noff = [\"accounts_read_often\"]\n";
    desk.write("kuzet.toml", off);
    let (told, code) = desk.json(&["list"]);
    assert_eq!((&told["rules"][1]["state"], code), (&"off".into(), 0));
    desk.write("kuzet.toml", "[rules]\nfolders = [\"nowhere\"]\n");
    assert!(desk.refused(&["list"]).contains("error[KZ001]"));
    desk.write("kuzet.toml", "[rules]\noff = [\"nobody\"]\n");
    assert!(desk.refused(&["list"]).contains("error[KZ380]"));
}

#[test]
fn the_tests_beside_rules_are_run_and_every_fault_has_its_line() {
    let desk = Desk::new("rules-test", &[("a.yml", RULE)]);
    desk.write("rules/a.hit.jsonl", &record(1, "clerk", "mysql.user"));
    desk.write("rules/a.miss.jsonl", &record(1, "root", "mysql.user"));
    let (told, code) = desk.json(&["test", "rules"]);
    assert_eq!((&told["ok"], &told["hits"], &told["misses"], code), (&true.into(), &1.into(), &1.into(), 0));

    // One that does not hit, one that is no record and holds an IIN, one of no known format.
    let bad = [
        "",
        &record(1, "clerk", "loans"),
        "{\"format\": 1, \"850830346939\": 2}",
        "{\"format\": \"x\", \"record\": \"y\"}",
    ];
    desk.write("rules/a.hit.jsonl", &bad.join("\n"));
    std::fs::remove_file(desk.scratch.join("rules/a.miss.jsonl")).unwrap();
    let (told, code) = desk.json(&["test", "rules"]);
    let lines: Vec<i64> = told["faults"].as_array().unwrap().iter().map(|one| one["line"].as_i64().unwrap()).collect();
    assert_eq!((lines.as_slice(), &told["ok"], code), (&[2, 3, 4, 0][..], &false.into(), 1), "{told}");
    assert!(!told.to_string().contains("850830346939"), "{told}");
    let shown = text(&desk.rules(&["test", "rules"]));
    assert!(shown.contains("error[KZ390]") && shown.contains("does not hit"), "{shown}");

    std::fs::create_dir(desk.scratch.join("empty")).unwrap();
    let output = desk.rules(&["test", "empty"]);
    assert!(text(&output).contains("nothing was tested") && output.status.code() == Some(1));
    assert!(desk.refused(&["test", "nowhere"]).contains("error[KZ001]"));
}

#[test]
fn a_rule_is_explained_as_it_is_matched() {
    let desk =
        Desk::new("rules-explain", &[("a.yml", RULE), ("b.yml", UNFED), ("c.yml", DOUBTFUL), ("e.yml", CORRELATION)]);
    let (told, code) = desk.json(&["explain", "accounts_read"]);
    assert_eq!((&told["matches"]["condition"], code), (&"table and not tool".into(), 0), "{told}");
    let test =
        |selection: usize, at: usize| told["matches"]["selections"][selection]["asks"]["all"][at]["test"].clone();
    assert_eq!(test(0, 1)["is"], json!(["begins with \"mysql.us\""]), "{told}");
    assert_eq!(told["fed_by"], json!({ "mariadb": ["audit", "log", "measure"] }));
    assert_eq!(
        told["filed"],
        json!(["db.collection.name contains \"mysql.us\"", "db.operation.name equals \"select\""])
    );
    assert_eq!(told["fields"]["user.name"], "role or account");
    let shown = text(&desk.rules(&["explain", "Somebody reads the accounts"]));
    assert!(
        shown.contains("hits when   table and not tool") && shown.contains("equals \"root\" | \"monitor\""),
        "{shown}"
    );

    let (told, _) = desk.json(&["explain", "b"]);
    assert_eq!((&told["state"], &told["fed_by"]), (&"unfed".into(), &json!({})));
    assert!(text(&desk.rules(&["explain", "b"])).contains("no event of this agent is of the log source"));
    assert!(text(&desk.rules(&["explain", "c"])).contains("no event has no.such.field"));
    let (told, _) = desk.json(&["explain", "accounts_read_often"]);
    assert_eq!((&told["correlates"]["fires"], &told["matches"]), (&"event_count >= 2".into(), &Value::Null));

    let unknown = desk.refused(&["explain", "accounts"]);
    assert!(unknown.contains("perhaps accounts_read, accounts_read_often"), "{unknown}");
    assert!(desk.refused(&["explain", "nobody"]).contains("no rule \"nobody\""));
}

#[test]
fn an_event_is_told_why_it_hits_or_not() {
    let desk = Desk::new("rules-event", &[("a.yml", RULE), ("e.yml", CORRELATION)]);
    let records = [record(1, "root", "mysql.user"), record(2, "clerk", "mysql.user")].join("\n\n");
    desk.write("events.jsonl", &records);
    let (told, code) = desk.json(&["explain", "accounts_read", "--event", "events.jsonl"]);
    let [first, second] = told["events"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&first["hits"], &second["hits"], code), (&false.into(), &true.into(), 0));
    let holds = |of: &Value| {
        of["matches"]["selections"].as_array().unwrap().iter().map(|one| one["holds"].as_bool()).collect::<Vec<_>>()
    };
    assert_eq!((holds(first), holds(second)), (vec![Some(true), Some(true)], vec![Some(true), Some(false)]));
    assert_eq!(first["values"]["user.name"], json!(["root"]));
    let shown = text(&desk.rules(&["explain", "accounts_read", "--event", "events.jsonl"]));
    assert!(shown.contains("equals \"root\" | \"monitor\"; the event has \"clerk\""), "{shown}");

    // Nothing of it hits: the exit code says so. A log as it is, with its format; a correlation counts over all of them.
    desk.write("events.jsonl", &record(1, "root", "mysql.user"));
    assert_eq!(desk.json(&["explain", "accounts_read", "--event", "events.jsonl"]).1, 1);
    let line = |second: u32| {
        format!("20261123 02:03:{second:02},db1,clerk,10.0.0.8,31,6{second},QUERY,mfo,'SELECT * FROM mysql.user',0\n")
    };
    desk.write("audit.log", &(line(1) + &line(2)));
    let raw = ["--event", "audit.log", "--format", "mariadb_server_audit"];
    let (told, code) = desk.json(&[&["explain", "accounts_read_often"], &raw[..]].concat());
    let hits: Vec<&Value> = told["events"].as_array().unwrap().iter().map(|one| &one["hits"]).collect();
    assert_eq!((hits.as_slice(), code), (&[&Value::Bool(false), &Value::Bool(true)][..], 0), "{told}");

    desk.write("bad.jsonl", "{\"format\": 850830346939}");
    desk.write("none.jsonl", "\n");
    for (file, format, word) in [
        ("bad.jsonl", None, "bad.jsonl:1: no record"),
        ("none.jsonl", None, "makes no event"),
        ("nowhere.jsonl", None, "cannot read nowhere.jsonl"),
        ("audit.log", Some("oracle"), "\"oracle\" is not known"),
    ] {
        let format = format.map_or(Vec::new(), |format| vec!["--format", format]);
        let told = desk.refused(&[&["explain", "accounts_read", "--event", file], &format[..]].concat());
        assert!(told.contains(word) && !told.contains("850830346939"), "{told}");
    }
}

#[test]
fn an_import_says_what_every_file_is_and_copies_what_is_of_use() {
    let rules = [("a.yml", RULE), ("b.yml", UNFED), ("c.yml", DOUBTFUL), ("d.yml", BROKEN), ("empty.yml", "")];
    let desk = Desk::new("rules-import", &rules);
    desk.write("kuzet.toml", "state = \"state\"\n");
    let (told, code) = desk.json(&["import", "rules"]);
    let expected = json!({ "rules/a.yml": "of_use", "rules/b.yml": "no_events", "rules/c.yml": "doubtful",
        "rules/d.yml": "refused", "rules/empty.yml": "no_rule" });
    assert_eq!((&told["files"], code), (&expected, 0), "{told}");
    let shown = text(&desk.rules(&["import", "rules", "--write", "taken"]));
    assert!(shown.contains("1 files copied to taken;") && shown.contains("1 × KZ311"), "{shown}");
    assert_eq!(std::fs::read_to_string(desk.scratch.join("taken/a.yml")).unwrap(), RULE);
    let (told, _) = desk.json(&["import", "rules", "--write", "taken"]);
    assert_eq!((&told["copied"], &told["kept"]), (&0.into(), &1.into()));
    assert!(text(&desk.rules(&["import", "rules", "--all"])).contains("doubtful   rules/c.yml"));

    desk.write("file", "");
    assert!(desk.refused(&["import", "rules", "--write", "file"]).contains("cannot write file/a.yml"));
    assert!(desk.refused(&["import", "nowhere"]).contains("error[KZ001]"));
}

#[test]
fn coverage_counts_the_rules_at_work_by_the_servers_that_feed_them() {
    let tagged = RULE.replace("level: high", "level: high\ntags: [attack.t1087]");
    let desk = Desk::new("rules-coverage", &[("a.yml", &tagged), ("b.yml", UNFED), ("e.yml", CORRELATION)]);
    let (told, code) = desk.json(&["coverage"]);
    assert_eq!(
        (&told["techniques"], code),
        (&json!({ "T1087": { "rules": 1, "systems": { "mariadb": 1 } } }), 0),
        "{told}"
    );
    assert_eq!(told["clauses"]["5.5"]["rules"], 2, "the correlation counts, the unfed rule does not: {told}");
    // Without sources it is this host.
    let shown = text(&desk.rules(&["coverage"]));
    assert!(shown.contains("2 rules; the configuration watches ") && shown.contains("linux"), "{shown}");
}

/// What another set of rules would do, as a difference to the one configured; the document stands in tests/data.
#[test]
fn a_changed_set_of_rules_is_tried_on_the_logs_that_are_there() {
    let desk = Desk::new("rules-replay", &[("a.yml", RULE)]);
    let log = root().join("tests/data/samples/mariadb/grant_escalation.audit.log");
    std::fs::copy(log, desk.scratch.join("audit.log")).unwrap();
    let log = desk.scratch.join("audit.log");
    let source = format!("[[source]]\nname = \"my\"\nformat = \"mariadb_server_audit\"\npaths = [{log:?}]\n");
    let config = std::fs::read_to_string(desk.scratch.join("kuzet.toml")).unwrap();
    desk.write("kuzet.toml", &format!("{config}off = [\"accounts_read\"]\n{source}"));
    std::fs::create_dir(desk.scratch.join("changed")).unwrap();
    desk.write("changed/a.yml", GRANTED);

    let since = ["replay", "--since", "2000-01-01", "--json"];
    let told = |rules: &str| documents(&desk.call(&[&since[..], &["--rules", rules]].concat())).pop().unwrap();
    let same = told("rules");
    assert_eq!((&same["new"], &same["gone"], &same["changed"]), (&0.into(), &0.into(), &0.into()), "{same}");
    let differs = told("changed");
    assert!(differs["differences"].to_string().contains("rights_given"), "{differs}");
    golden("rules.json", &differs);

    // As a reload would: a broken set is refused, and nothing is compared.
    desk.write("changed/b.yml", BROKEN);
    let output = desk.call(&[&since[..], &["--rules", "changed"]].concat());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[KZ311]"), "{output:?}");
    let direct = desk.call(&["replay", "audit.log", "--rules", "changed"]);
    assert_eq!(direct.status.code(), Some(2));
    assert_eq!(desk.call(&["replay", "audit.log", "--rules", "nowhere"]).status.code(), Some(2));
}

fn golden(name: &str, document: &Value) {
    let path = root().join("tests/data/replay").join(name);
    let text = serde_json::to_string_pretty(document).unwrap() + "\n";
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
    assert_eq!(expected, text, "run the tests with KUZET_BLESS=1 and review the difference");
}
