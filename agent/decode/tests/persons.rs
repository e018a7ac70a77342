//! The person behind a shared role, through the formats: what names it, when that ends, and that nothing else is told.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use kuzet_decode::{DecodeOptions, Edge, Format, Pool};
use kuzet_event::{Event, System};
use std::sync::Arc;

fn options(person_from: &[&str]) -> DecodeOptions {
    let places: Vec<String> = person_from.iter().map(|place| (*place).to_owned()).collect();
    let pool = Pool::new("app*", None, &places).unwrap();
    DecodeOptions { pools: Arc::from([Arc::new(pool)]), ..common::options() }
}

const ALL: &[&str] =
    &["comment:user", "setting:app.user", "setting:@app_user", "application_name:^crm-web/(?<person>.+)$", "journal"];

/// A pgaudit record of `text` in session `session`.
fn csv(user: &str, program: &str, session: &str, number: u64, text: &str) -> String {
    let audit = format!("AUDIT: SESSION,{number},1,READ,SELECT,,,\"{}\",<none>,1", text.replace('"', "\"\""));
    format!(
        "2026-11-22 16:22:30.123 UTC,\"{user}\",\"mfo\",7,\"127.0.0.1:46096\",6b0316c6.{session},1,\"SELECT\",\
         2026-11-22 16:22:30 UTC,3/343,0,LOG,00000,\"{}\",,,,,,,,,\"{program}\",\"client backend\",,0\n",
        audit.replace('"', "\"\"")
    )
}

fn persons(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| &*event.actor.person).collect()
}

fn of(lines: &[(&str, &str)]) -> Vec<String> {
    let log: String =
        (1..).zip(lines).map(|(number, (session, text))| csv("app", "psql", session, number, text)).collect();
    let (events, tally) = common::decode(Format::PostgresqlCsvlog, &options(ALL), log.as_bytes());
    assert_eq!(tally.lost, 0);
    persons(&events).into_iter().map(str::to_owned).collect()
}

#[test]
fn comments_and_programs_name_the_person() {
    let select = "SELECT 1 FROM borrowers";
    let log = [
        csv("app", "psql", "1", 1, &format!("{select} /*user='clerk7'*/")),
        csv("app_ro", "crm-web/clerk2", "2", 1, select),
        csv("app", "psql", "3", 1, select),
        csv("analyst", "crm-web/clerk2", "4", 1, &format!("{select} /*user='clerk7'*/")),
        csv("app", "psql", "5", 7, &format!("/*user='clerk9'*/ {select}")),
        csv("app", "psql", "5", 7, "<previously logged>"),
        csv("app", "psql", "5", 8, "<previously logged>"),
    ]
    .concat();
    let (events, _) = common::decode(Format::PostgresqlCsvlog, &options(ALL), log.as_bytes());
    assert_eq!(persons(&events), ["clerk7", "clerk2", "?", "", "clerk9", "clerk9", "?"]);
    // The same person is the same actor.
    let again = [
        csv("app", "psql", "1", 1, "SELECT 1 /*user='clerk7'*/"),
        csv("app", "psql", "1", 2, "SELECT 2 /*user='clerk7'*/"),
    ]
    .concat();
    let (events, _) = common::decode(Format::PostgresqlCsvlog, &options(ALL), again.as_bytes());
    assert!(Arc::ptr_eq(&events[0].actor, &events[1].actor));
    let (events, _) = common::decode(Format::PostgresqlCsvlog, &common::options(), log.as_bytes());
    assert!(events.iter().all(|event| event.actor.person.is_empty()));
}

#[test]
fn settings_last_as_long_as_the_server_says() {
    let expected = |lines: &[(&str, &str)], persons: &[&str]| assert_eq!(of(lines), persons, "{lines:?}");
    let set = "SET app.user = 'clerk1'";
    expected(
        &[("1", set), ("1", "SELECT 1"), ("2", "SELECT 1"), ("1", "DISCARD ALL"), ("1", "SELECT 1")],
        &["clerk1", "clerk1", "?", "?", "?"],
    );
    expected(
        &[
            ("1", set),
            ("1", "BEGIN"),
            ("1", "SET LOCAL app.user TO clerk2"),
            ("1", "SELECT 1"),
            ("1", "COMMIT"),
            ("1", "SELECT 1"),
        ],
        &["clerk1", "clerk1", "clerk2", "clerk2", "clerk1", "clerk1"],
    );
    expected(
        &[
            ("1", set),
            ("1", "BEGIN"),
            ("1", "SELECT set_config('app.user', 'clerk3', false)"),
            ("1", "ROLLBACK"),
            ("1", "SELECT 1"),
        ],
        &["clerk1", "clerk1", "clerk3", "clerk1", "clerk1"],
    );
    expected(&[("1", "SET app.user = 'clerk1'; SELECT 2"), ("1", "SELECT 1 /*user='clerk2'*/")], &["clerk1", "clerk2"]);
    expected(&[("1", set), ("1", "RESET app.user"), ("1", "SET search_path = x")], &["clerk1", "?", "?"]);
}

#[test]
fn a_local_setting_is_nobody_where_transactions_are_not_logged() {
    let lines = [("1", "SELECT set_config('app.user', 'clerk1', true)"), ("1", "SELECT 1"), ("1", "SELECT 2")];
    assert_eq!(of(&lines), ["?", "?", "?"]);
}

#[test]
fn a_restart_keeps_the_persons_of_sessions() {
    let log = [
        csv("app", "psql", "1", 1, "SET app.user = 'clerk1'"),
        csv("app", "psql", "2", 1, "BEGIN; SET LOCAL app.user = 'clerk2'"),
    ]
    .concat();
    let options = options(ALL);
    let mut decoder = Format::PostgresqlCsvlog.decoder(&options);
    let mut events = Vec::new();
    common::step(decoder.as_mut(), log.as_bytes(), 0, Edge::More, &mut events);
    let snapshot = decoder.snapshot();
    let mut again = Format::PostgresqlCsvlog.decoder(&options);
    again.restore(&snapshot);
    assert_eq!(again.snapshot(), snapshot);
    events.clear();
    let more = [
        csv("app", "psql", "1", 2, "SELECT 1"),
        csv("app", "psql", "2", 2, "SELECT 1"),
        csv("app", "psql", "2", 3, "COMMIT"),
        csv("app", "psql", "2", 4, "SELECT 1"),
    ]
    .concat();
    common::step(again.as_mut(), more.as_bytes(), 0, Edge::More, &mut events);
    assert_eq!(persons(&events), ["clerk1", "clerk2", "?", "?"]);
    for length in 0..snapshot.len() {
        again.restore(&snapshot[..length]);
    }
}

#[test]
fn mariadb_tells_the_tables_before_the_text() {
    let line = |connection: u32, query: u32, what: &str| {
        format!("20261122 16:27:58,vm,app,127.0.0.1,{connection},{query},{what}\n")
    };
    let log = [
        line(12, 4, "READ,mfo,borrowers,"),
        line(12, 4, "QUERY,mfo,'SELECT * FROM borrowers /*user=\\'clerk7\\'*/',0"),
        line(13, 5, "QUERY,mfo,'SET @app_user = \\'clerk1\\'',0"),
        line(13, 6, "READ,mfo,borrowers,"),
        line(13, 6, "QUERY,mfo,'SELECT * FROM borrowers',0"),
        line(13, 0, "DISCONNECT,mfo,,0"),
        line(13, 7, "QUERY,mfo,'SELECT 1',0"),
    ]
    .concat();
    let (events, tally) = common::decode(Format::MariadbServerAudit, &options(ALL), log.as_bytes());
    assert_eq!(tally.lost, 0);
    assert_eq!(persons(&events), ["clerk7", "clerk7", "clerk1", "clerk1", "clerk1", "?", "?"]);
    assert!(events.iter().all(|event| event.actor.system == System::Mariadb));
}

#[test]
fn no_value_is_told_beside_the_person() {
    let text = "SELECT 1 FROM borrowers /*user='850830346939',client='Ахметов Нурлан Серикович'*/";
    let log = [
        csv("app", "crm-web/Иванов Иван Иванович", "1", 1, text),
        csv("app", "crm-web/Иванов Иван Иванович", "2", 1, "SELECT 1"),
        csv("app", "psql", "3", 1, "SET app.user = 'Ахметов Нурлан Серикович'"),
    ]
    .concat();
    let (events, _) = common::decode(Format::PostgresqlCsvlog, &options(ALL), log.as_bytes());
    let shown = format!("{:?}", events.iter().map(|event| (&event.actor, &event.statement)).collect::<Vec<_>>());
    for value in ["850830", "346939", "Ахметов", "Нурлан", "Иванов", "Иван"] {
        assert!(!shown.contains(value), "{value} in {shown}");
    }
    let persons: std::collections::BTreeSet<&str> = persons(&events).into_iter().collect();
    assert!(persons.len() == 3 && persons.iter().all(|one| *one == "?" || one.starts_with("person-")), "{persons:?}");
}
