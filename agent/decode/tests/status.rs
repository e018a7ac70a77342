//! Records of what a server was asked: who, what, how much; and what is not known.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions

mod common;

use common::{decode, options};
use kuzet_decode::{Format, sniff};
use kuzet_event::{Action, Client, Count, Event, Flag, Outcome, Witness};

fn one(format: Format, line: &str) -> Event {
    assert_eq!(sniff(line.as_bytes()), Some(format), "{line}");
    let (mut events, tally) = decode(format, &options(), format!("{line}\n").as_bytes());
    assert_eq!((events.len(), tally.handled), (1, 1), "{line}");
    events.remove(0)
}

fn postgresql(rest: &str) -> Event {
    one(Format::PostgresqlStatus, &format!("{{\"postgresql\":{rest}}}"))
}

fn flags(rest: &str) -> Vec<Flag> {
    let statement = postgresql(rest).statement.unwrap();
    let known = [Flag::WeakensAudit, Flag::RestoresAudit, Flag::Escalates, Flag::Replication];
    known.into_iter().filter(|flag| statement.flags.has(*flag)).collect()
}

#[test]
fn statistics_are_true_rows_of_no_session() {
    let event = postgresql(
        "\"calls\",\"at\":1795364550784000,\"since\":1795364540784000,\"user\":\"analyst\",\"database\":\"mfo\",\
         \"text\":\"COPY borrowers TO STDOUT\",\"calls\":2,\"rows\":20000",
    );
    assert_eq!((event.action, event.witness, event.outcome), (Action::Statement, Witness::Measure, Outcome::Success));
    assert_eq!((event.calls, event.rows, event.bytes), (2, Count::Known(20_000), Count::Unknown));
    assert_eq!((event.session.0, event.statement_number), (0, 0));
    assert_eq!((&*event.actor.user, &event.actor.client), ("analyst", &Client::Unknown));
    assert_eq!(&*event.relations()[0].name, "borrowers");
    assert_eq!(event.at.to_string(), "2026-11-22T16:22:30.784000Z");
}

#[test]
fn what_a_cursor_fetched_is_of_the_statements_that_declared_it() {
    let of = |declared: &str| {
        postgresql(&format!(
            "\"calls\",\"at\":1,\"user\":\"dba\",\"database\":\"mfo\",\"text\":\"FETCH 100 FROM c\",\"calls\":100,\
             \"rows\":10000,\"declared\":[{declared}]"
        ))
    };
    let names = |event: &Event| event.relations().iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
    let single = of("\"DECLARE c CURSOR FOR SELECT iin FROM borrowers\"");
    assert_eq!((names(&single), single.rows), (vec!["borrowers".to_owned()], Count::Known(10_000)));
    let both = of("\"DECLARE c CURSOR FOR SELECT * FROM borrowers WHERE iin = '900101300003'\",\
                   \"DECLARE c CURSOR FOR SELECT * FROM loans\"");
    assert_eq!(names(&both), ["borrowers", "loans"]);
    assert!(both.identifiers.is_empty() && !format!("{both:?}").contains("900101"));
    assert!(names(&of("")).is_empty());
}

#[test]
fn literals_of_statements_that_are_not_normalised_do_not_come_out() {
    let event = postgresql(
        "\"calls\",\"at\":1,\"user\":\"analyst\",\"database\":\"mfo\",\"calls\":1,\"rows\":1,\
         \"text\":\"COPY (SELECT * FROM borrowers WHERE iin = '900101300003') TO STDOUT\"",
    );
    assert_eq!(event.identifiers.len(), 1);
    assert!(!format!("{event:?}").contains("900101"));
}

#[test]
fn sessions_have_the_number_of_the_log() {
    let event = postgresql(
        "\"session\",\"at\":1,\"user\":\"analyst\",\"database\":\"mfo\",\"client\":\"127.0.0.1\",\"program\":\"psql\",\
         \"session\":\"6b0316a5.7d78\",\"text\":\"SELECT * FROM borrowers\"",
    );
    assert_eq!((event.action, event.witness, event.rows), (Action::Seen, Witness::Measure, Count::Unknown));
    assert_eq!(event.session.0, 0x6b03_16a5_0000_7d78);
    assert_eq!(&*event.relations()[0].name, "borrowers");
    let line = "{\"mariadb\":\"session\",\"at\":1,\"user\":\"analyst\",\"session\":\"12\",\"client\":\"[local]\"}";
    let event = one(Format::MariadbStatus, line);
    let log = b"20261122 16:27:58,vm,analyst,127.0.0.1,12,160,QUERY,mfo,'SELECT 1',0\n";
    let (logged, _) = decode(Format::MariadbServerAudit, &options(), log);
    assert_eq!((event.session, &event.actor.client), (logged[0].session, &Client::Local));
    assert!(event.statement.is_none());
    assert_eq!(event.client_port, 0);
    let line = "{\"mariadb\":\"session\",\"at\":1,\"user\":\"analyst\",\"session\":\"12\",\"client\":\"127.0.0.1\",\"port\":45612}";
    assert_eq!(one(Format::MariadbStatus, line).client_port, 45_612);
}

#[test]
fn changes_say_what_they_do_to_the_audit_trail() {
    assert_eq!(flags("\"setting\",\"at\":1,\"name\":\"pgaudit.log\",\"value\":\"none\""), [Flag::WeakensAudit]);
    assert_eq!(flags("\"setting\",\"at\":1,\"name\":\"pgaudit.log\",\"value\":\"all\""), [Flag::RestoresAudit]);
    let change = |text: &str| flags(&format!("\"change\",\"at\":1,\"text\":\"{text}\""));
    assert_eq!(change("ALTER ROLE \\\"analyst\\\" SUPERUSER"), [Flag::Escalates]);
    assert_eq!(change("ALTER ROLE \\\"analyst\\\" SET \\\"pgaudit.log\\\" = 'none'"), [Flag::WeakensAudit]);
    assert_eq!(change("DROP EXTENSION \\\"pgaudit\\\""), [Flag::WeakensAudit]);
    assert_eq!(change("DROP EXTENSION \\\"pg_stat_statements\\\""), [Flag::WeakensAudit]);
    assert_eq!(change("SELECT pg_stat_statements_reset()"), [Flag::WeakensAudit]);
    assert!(change("SELECT pg_create_logical_replication_slot('s', 'pgoutput')").contains(&Flag::Replication));
    let event = postgresql("\"change\",\"at\":1,\"text\":\"ALTER ROLE analyst SUPERUSER\"");
    assert_eq!((&*event.actor.user, event.action), ("", Action::Statement));
    assert_eq!(event.statement.unwrap().role.as_ref().unwrap().grantees.len(), 1);
    let maria = |text: &str| {
        let line = format!("{{\"mariadb\":\"change\",\"at\":1,\"text\":\"{text}\"}}");
        one(Format::MariadbStatus, &line).statement.unwrap().flags
    };
    assert!(maria("UNINSTALL PLUGIN server_audit").has(Flag::WeakensAudit));
    assert!(maria("GRANT SUPER ON *.* TO 'analyst'@'%'").has(Flag::Escalates));
}

#[test]
fn what_is_no_record_is_lost() {
    for line in [
        "{\"postgresql\":\"other\",\"at\":1}",
        "{\"postgresql\":\"calls\"}",
        "{\"postgresql\":\"calls\",\"at\":\"x\"}",
        "{\"postgresql\":1,\"at\":1}",
        "{\"mariadb\":\"calls\",\"at\":1}",
        "junk",
    ] {
        let (events, tally) = decode(Format::PostgresqlStatus, &options(), format!("{line}\n").as_bytes());
        assert_eq!((events.len(), tally.lost), (0, 1), "{line}");
    }
    let began = postgresql("\"began\",\"at\":1");
    assert_eq!((began.action, began.witness), (Action::Server, Witness::Measure));
}
