//! The access policy: reading, deciding, naming the condition that failed.

use super::*;
use kuzet_event::System;
use std::sync::Arc;

const FILE: &str = r#"
[[allow]]
role = "app"
client = ["127.0.0.1", "10.1.0.0/16", "2001:db8::/32"]
program = ["loan-*", ""]
may = ["read", "insert", "update"]
store = "borrowers"
max_rows = 1000

[[allow]]
role = ["dba", "admin"]
hours = "Mon-Fri 08:00-20:00"
may = "define"
expires = 2026-11-30

[[allow]]
role = "postgres"
client = "local"
may = "all"
"#;

fn actor(user: &str, client: Client, program: &str) -> Actor {
    Actor {
        system: System::Postgresql,
        user: Arc::from(user),
        client,
        program: Arc::from(program),
        database: Arc::from("mfo"),
        person: Arc::from(""),
    }
}

fn address(text: &str) -> Client {
    Client::Address(text.parse().unwrap())
}

/// Monday 2026-11-23T04:22:30Z, 09:22 local.
const MONDAY: Timestamp = Timestamp((1_795_364_550 + 12 * 3600) * 1_000_000);

fn decide(policy: &Policy, actor: &Actor, doing: Doing, at: Timestamp) -> Result<u16, Option<(u16, Condition)>> {
    policy.decide(&policy.standing(actor, "borrowers", doing), at, Some(1), &mut |_| None)
}

#[test]
fn allows_what_a_rule_allows_and_names_what_failed() {
    let policy = Policy::parse(FILE, "policy.toml").unwrap();
    let later = Timestamp(MONDAY.0 + 12 * 3600 * 1_000_000);
    let december = Timestamp(MONDAY.0 + 14 * 86_400 * 1_000_000);
    type Answer = Result<u16, Option<(u16, Condition)>>;
    let cases: [(&str, Client, &str, Doing, Timestamp, Answer); 15] = [
        ("app", address("127.0.0.1"), "loan-core", Doing::Read, MONDAY, Ok(0)),
        ("app", address("10.1.200.3"), "", Doing::Update, MONDAY, Ok(0)),
        ("app", address("::ffff:10.1.200.3"), "", Doing::Update, MONDAY, Ok(0)),
        ("app", address("2001:db8::7"), "loan-x", Doing::Insert, MONDAY, Ok(0)),
        ("app", address("10.2.0.1"), "loan-core", Doing::Read, MONDAY, Err(Some((0, Condition::Client)))),
        ("app", Client::Unknown, "loan-core", Doing::Read, MONDAY, Err(Some((0, Condition::Client)))),
        ("app", address("127.0.0.1"), "psql", Doing::Read, MONDAY, Err(Some((0, Condition::Program)))),
        ("app", address("127.0.0.1"), "loan-core", Doing::Delete, MONDAY, Err(Some((0, Condition::Action)))),
        ("app", address("127.0.0.1"), "loan-core", Doing::Export, MONDAY, Err(Some((0, Condition::Action)))),
        ("analyst", address("127.0.0.1"), "psql", Doing::Read, MONDAY, Err(None)),
        ("dba", Client::Local, "psql", Doing::Define, MONDAY, Ok(1)),
        ("dba", Client::Local, "psql", Doing::Define, later, Err(Some((1, Condition::Hours)))),
        ("dba", Client::Local, "psql", Doing::Define, december, Err(Some((1, Condition::Expiry)))),
        ("postgres", Client::Local, "pg_dump", Doing::Export, later, Ok(2)),
        ("postgres", address("127.0.0.1"), "psql", Doing::Read, later, Err(Some((2, Condition::Client)))),
    ];
    for (user, client, program, doing, at, wanted) in cases {
        let who = actor(user, client, program);
        assert_eq!(decide(&policy, &who, doing, at), wanted, "{who:?} {doing:?} {at}");
    }
    assert!(policy.grant(2).exports);
    let standing = policy.standing(&actor("app", address("127.0.0.1"), ""), "borrowers", Doing::Read);
    assert_eq!(policy.decide(&standing, MONDAY, Some(1001), &mut |_| None), Err(Some((0, Condition::Rows))));
    assert_eq!(policy.decide(&standing, MONDAY, None, &mut |_| None), Ok(0));
    assert_eq!(policy.line(1), 10);
}

#[test]
fn tells_every_fault_at_once() {
    let text = "[[allow]]\nroel = \"app\"\nmay = [\"raed\"]\nclient = [\"10.0.0.0/40\", \"10.0.0\"]\nhours = \"Mon 8\"\noffset = \"5\"\nexpires = \"soon\"\nmax_rows = -1\n";
    let faults = Policy::parse(text, "policy.toml").unwrap_err();
    let seen: Vec<(&str, usize)> = faults.iter().map(|fault| (fault.code.as_str(), fault.line)).collect();
    let wanted = [
        ("KZ204", 1),
        ("KZ202", 2),
        ("KZ205", 3),
        ("KZ205", 4),
        ("KZ205", 4),
        ("KZ205", 5),
        ("KZ205", 6),
        ("KZ205", 7),
        ("KZ203", 8),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(faults[1].help, "did you mean `role`?");
    assert_eq!(faults[2].help, "did you mean `read`?");
}

#[test]
fn a_rule_for_a_store_that_is_not_there_is_told() {
    let catalogue = Catalogue::parse("[[store]]\nname = \"borowers\"\ntables = \"b\"\n", "c").unwrap();
    let faults = Policy::parse(FILE, "policy.toml").unwrap().check_stores(&catalogue);
    assert_eq!((faults.len(), faults[0].line, faults[0].help.as_str()), (1, 7, "did you mean `borowers`?"));
}
