//! Whatever a real MariaDB writes to its general, slow, error and audit logs is understood, and tells of one session.

use super::mariadb::Mariadb;
use crate::support::{run, until};
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, Tally, sniff};
use kuzet_event::{Action, Event, FileId, Outcome, SourceId, Verb, Witness};
use kuzet_personal::Key;
use std::time::Duration;

fn decode(format: Format, bytes: &[u8]) -> (Vec<Event>, Tally) {
    assert_eq!(sniff(bytes), Some(format));
    let mut events = Vec::new();
    let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes, edge: Edge::End };
    let done = format.decoder(&DecodeOptions::new(Key::new([7; 32]))).decode(chunk, &mut events);
    (events, done.tally)
}

#[test]
fn the_logs_beside_the_audit_are_understood() {
    let server = Mariadb::start();
    let (general, slow) = (server.logs().join("general.log"), server.logs().join("slow.log"));
    server.admin(&format!(
        "SET GLOBAL general_log_file = '{}', slow_query_log_file = '{}', long_query_time = 0,
           log_slow_verbosity = 'query_plan', general_log = ON, slow_query_log = ON;",
        general.display(),
        slow.display()
    ));
    let mut work = server.client("dba", "dba-pw", "mfo");
    work.args([
        "-e",
        "CREATE USER odd@'%' IDENTIFIED BY 'S3cret!'; DROP USER odd@'%'; SELECT 'two\nlines';
        PREPARE s FROM 'SELECT iin FROM borrowers WHERE id < ?'; SET @n = 900; EXECUTE s USING @n;
        DELETE FROM applications WHERE id <= 40; SET timestamp = 1000; SELECT COUNT(*) FROM loans",
    ]);
    run(&mut work);
    let refused = server.client("app", "wrong", "mfo").args(["-e", "SELECT 1"]).output().expect("the client runs");
    assert!(!refused.status.success());
    let mut bulk = server.client("analyst", "analyst-pw", "mfo");
    run(bulk.args(["-e", "SELECT * FROM borrowers"]));
    let read = |path: &std::path::Path| std::fs::read(path).unwrap_or_default();
    let general = until("the last record", Duration::from_secs(20), || {
        let bytes = read(&general);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let behind = text.split("SELECT * FROM borrowers").nth(1)?;
        behind.contains("Quit\t\n").then_some(bytes)
    });

    let (events, tally) = decode(Format::MariadbGeneralLog, &general);
    assert_eq!(tally.lost, 0, "{tally:?}");
    let refusal = events.iter().find(|event| event.outcome == Outcome::Failure).expect("a refused login");
    assert_eq!((refusal.action, &*refusal.actor.user, refusal.code.as_str()), (Action::Login, "app", "1045"));
    assert!(!format!("{events:?}").contains("S3cret"));
    let mine = |event: &&Event| &*event.actor.user == "analyst" && event.action == Action::Statement;
    let logged = events.iter().rfind(mine).expect("the bulk read");

    let (events, tally) = decode(Format::MariadbSlowLog, &read(&slow));
    assert_eq!(tally.lost, 0, "{tally:?}");
    let measured = events.iter().filter(mine).find(|event| event.rows.known() == Some(10_000)).expect("its rows");
    assert!(measured.bytes.known().is_some_and(|bytes| bytes > 500_000), "{measured:?}");
    assert_eq!((measured.witness, measured.session), (Witness::Measure, logged.session));
    let changed = |event: &&Event| event.statement.as_ref().is_some_and(|statement| statement.verb == Verb::Delete);
    assert_eq!(events.iter().find(changed).expect("the change").rows.known(), Some(40));
    // The session that set its clock did not move its records.
    assert!(events.iter().all(|event| (event.at.0 - measured.at.0).abs() < 120_000_000));

    let (events, tally) = decode(Format::MariadbErrorLog, server.startup_output().as_bytes());
    assert_eq!(tally.lost, 0, "{tally:?}");
    assert!(events.iter().any(|event| event.action == Action::Login && &*event.actor.user == "app"));
    assert!(events.iter().any(|event| event.action == Action::Server && event.outcome == Outcome::Success));

    let (events, tally) = decode(Format::MariadbServerAudit, &read(&server.log()));
    assert_eq!(tally.lost, 0, "{tally:?}");
    assert!(events.iter().filter(mine).any(|event| event.session == measured.session));
}
