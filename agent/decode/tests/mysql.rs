//! The logs of MariaDB, MySQL, Percona Server and Aurora: what comes out, record by record, and that pieces do not show.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read their recordings

mod common;

use common::{decode, decode_growing, options, step};
use kuzet_decode::{Edge, Format, sniff};
use kuzet_event::{Action, Event, Flag, Outcome, Trust, Witness};
use std::fmt::Write as _;
use std::path::Path;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mysql.txt");

/// What the end of a file's name says of its format.
const ENDINGS: &[(&str, Format)] = &[
    (".general.log", Format::MariadbGeneralLog),
    (".slow.log", Format::MariadbSlowLog),
    (".error.log", Format::MariadbErrorLog),
    (".audit.log", Format::MariadbServerAudit),
    (".audit.json", Format::MysqlAuditJson),
    (".audit.xml", Format::MysqlAuditXml),
    (".audit.csv", Format::MysqlAuditCsv),
];

/// Name, format and bytes of every recording; server_audit of MariaDB has a test of its own.
fn recordings() -> Vec<(String, Format, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["mariadb", "mysql"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples").join(folder);
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let ending = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
            if let Some((_, format)) =
                ending.filter(|(_, format)| folder == "mysql" || *format != Format::MariadbServerAudit)
            {
                all.push((format!("{folder}/{name}"), *format, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort_by(|left, right| left.0.cmp(&right.0));
    all
}

fn line(event: &Event) -> String {
    let mut out = format!(
        "{} {} {}@{} {}{} {:?} {:?} {}",
        event.at,
        event.actor.system.name(),
        event.actor.user.escape_debug(),
        event.actor.client,
        event.actor.database,
        if event.actor.program.is_empty() { String::new() } else { format!(" by {}", event.actor.program) },
        event.action,
        event.outcome,
        event.code.as_str()
    );
    if event.rows.known().is_some() || event.bytes.known().is_some() {
        let _ = write!(out, " rows {} bytes {}", event.rows, event.bytes);
    }
    if let Some(relation) = &event.relation {
        let _ = write!(out, " {:?} {}.{}", relation.access, relation.schema, relation.name);
    }
    if let Some(statement) = &event.statement {
        let _ = write!(out, " {:?} [{}] {} people", statement.verb, statement.summary, event.identifiers.len());
        for flag in [Flag::WeakensAudit, Flag::RestoresAudit] {
            if statement.flags.has(flag) {
                let _ = write!(out, " {flag:?}");
            }
        }
    }
    out
}

#[test]
fn golden() {
    let mut made = String::from("# What the recordings of MySQL's family say. Rewritten by KUZET_BLESS=1.\n");
    for (name, format, bytes) in recordings() {
        assert_eq!(sniff(&bytes), Some(format), "{name}");
        let (events, tally) = decode(format, &options(), &bytes);
        let _ = writeln!(made, "\n{name} {tally:?}");
        for event in &events {
            let _ = writeln!(made, "{}", line(event));
            assert_eq!(event.trust, format.info().trust);
        }
    }
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(GOLDEN, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(GOLDEN).unwrap() == made,
        "events differ; look at the difference after KUZET_BLESS=1"
    );
}

#[test]
fn pieces_and_restarts_do_not_show() {
    for (name, format, bytes) in recordings() {
        let whole = decode(format, &options(), &bytes);
        for size in [1, 7, 64, 1000] {
            if size == 1 && bytes.len() > 6_000 {
                continue;
            }
            let cuts = vec![size; bytes.len() / size + 1];
            for restart in [false, true] {
                let grown = decode_growing(format, &options(), &bytes, &cuts, restart);
                assert_eq!(whole, grown, "{name} in pieces of {size}, restart {restart}");
            }
        }
    }
}

#[test]
fn nothing_raw_comes_out() {
    for (name, format, bytes) in recordings() {
        let text = String::from_utf8_lossy(&bytes);
        let (events, _) = decode(format, &options(), &bytes);
        let shown = format!("{events:?}");
        for secret in ["S3cret!", "n3w", "app-pw", "Клиент", "Almaty", "Ахметов"] {
            assert!(!shown.contains(secret), "{secret} of {name}");
        }
        let mut digits = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_ascii_digit() {
                digits.push(c);
            } else {
                assert!(digits.len() != 12 || !shown.contains(&digits), "{digits} of {name}");
                digits.clear();
            }
        }
    }
}

#[test]
fn the_same_session_in_every_log() {
    let general = b"261122 16:27:58\t    11 Connect\tapp@10.0.0.1 on mfo using TCP/IP\n";
    let slow =
        b"# Time: 261122 16:27:58\n# User@Host: app[app] @  [10.0.0.1]\n# Thread_id: 11  Schema: mfo  QC_hit: No\n\
        # Query_time: 0.1  Lock_time: 0.0  Rows_sent: 3  Rows_examined: 3\nSET timestamp=1795364878;\nSELECT 1;\n";
    let audit = b"20261122 16:27:58,vm,app,10.0.0.1,11,160,QUERY,mfo,'SELECT 1',0\n";
    let first = |format, bytes| decode(format, &options(), bytes).0.remove(0);
    let (general, slow) = (first(Format::MariadbGeneralLog, general), first(Format::MariadbSlowLog, slow));
    let audit = first(Format::MariadbServerAudit, audit);
    assert_eq!((general.session, slow.session), (audit.session, audit.session));
    assert_eq!((&general.actor, &slow.actor, slow.at), (&audit.actor, &audit.actor, audit.at));
    let witnesses = (general.witness, slow.witness, audit.witness);
    assert_eq!(witnesses, (Witness::Log, Witness::Measure, Witness::Audit));
    assert_eq!((general.outcome, slow.rows.known(), slow.outcome), (Outcome::Unknown, Some(3), Outcome::Success));
}

/// A slow log record of connection `thread`, printed at `time` if there is one.
fn slow(thread: u32, time: &str, text: &str) -> String {
    let time = if time.is_empty() { String::new() } else { format!("# Time: {time}\n") };
    format!(
        "{time}# User@Host: app[app] @  [10.0.0.1]\n# Thread_id: {thread}  Schema: mfo  QC_hit: No\n\
         # Query_time: 0.1  Lock_time: 0.0  Rows_sent: 3  Rows_examined: 3\nSET timestamp=1000;\n{text};\n"
    )
}

#[test]
fn a_session_cannot_move_its_records_in_time() {
    for (away, set) in
        [("700101  0:16:40", "SET timestamp=1000"), ("380119  3:14:07", "SET @@session.timestamp = 2147483647")]
    {
        let log = slow(1, "261122 16:00:00", "SELECT 1")
            + &slow(2, away, set)
            + &slow(2, "", "SELECT iin FROM borrowers")
            + &slow(3, "261122 16:00:05", "SELECT 2")
            + &slow(2, away, "SELECT phone FROM borrowers");
        for restart in [false, true] {
            let (events, _) = decode_growing(Format::MariadbSlowLog, &options(), log.as_bytes(), &[300; 9], restart);
            let times: Vec<String> = events.iter().map(|event| event.at.to_string()[11..19].to_owned()).collect();
            assert_eq!(times, ["16:00:00", "16:00:00", "16:00:00", "16:00:05", "16:00:05"], "{set}");
        }
    }
}

#[test]
fn tables_and_their_statement_are_one() {
    let (_, format, bytes) =
        recordings().into_iter().find(|(name, ..)| name.ends_with("enterprise.audit.json")).unwrap();
    for restart in [false, true] {
        let (events, tally) = decode_growing(format, &options(), &bytes, &[100; 60], restart);
        assert_eq!(tally.lost, 0);
        let table = events.iter().position(|event| event.relation.is_some()).unwrap();
        let (table, statement) = (&events[table], &events[table + 1]);
        assert!(table.statement_number != 0 && table.statement_number == statement.statement_number);
        assert_eq!((&*statement.actor.database, &*statement.actor.program), ("test", "mysqladmin"));
        assert!(events.iter().all(|event| event.trust == Trust::Structured && event.witness == Witness::Audit));
    }
}

#[test]
fn damaged_audit_records_cost_only_themselves() {
    for (name, format, bytes) in recordings() {
        if !matches!(format, Format::MysqlAuditJson | Format::MysqlAuditXml) || name.contains("filter") {
            continue;
        }
        let (whole, _) = decode(format, &options(), &bytes);
        // Torn in the middle of the last record, then written anew.
        let torn = [&bytes[..bytes.len() - 60], b"\n", &bytes[..]].concat();
        let (events, tally) = decode(format, &options(), &torn);
        assert!(tally.lost >= 1, "{name}");
        assert_eq!(events.len(), 2 * whole.len() - 1, "{name}");
    }
}

#[test]
fn a_record_that_nobody_follows_is_told_when_the_log_is_quiet() {
    for (format, record) in [
        (Format::MariadbGeneralLog, "261122 16:27:58\t    11 Query\tSELECT iin\n  FROM borrowers\n".to_owned()),
        (Format::MariadbSlowLog, slow(1, "261122 16:00:00", "SELECT iin\n  FROM borrowers")),
        (
            Format::MariadbErrorLog,
            "2026-11-22 16:28:00 31 [Warning] Access denied for user 'x,y\n2026'@'127.0.0.1' (using password: YES)\n"
                .into(),
        ),
    ] {
        let mut decoder = format.decoder(&options());
        let mut events = Vec::new();
        let done = step(decoder.as_mut(), record.as_bytes(), 0, Edge::More, &mut events);
        assert_eq!((done.consumed, events.len()), (0, 0));
        let done = step(decoder.as_mut(), record.as_bytes(), 0, Edge::Quiet, &mut events);
        assert_eq!((done.consumed, events.len(), done.tally.handled), (record.len(), 1, 1));
    }
}

#[test]
fn a_record_larger_than_the_buffer_is_lost_once() {
    for (format, next) in [
        (Format::MariadbGeneralLog, "261122 16:27:59\t    11 Quit\t\n".to_owned()),
        (Format::MariadbSlowLog, slow(1, "261122 16:00:00", "SELECT 1")),
        (Format::MariadbErrorLog, "261122 16:28:01 server_audit: logging was stopped.\n".into()),
        (Format::MysqlAuditXml, "<AUDIT_RECORD\n TIMESTAMP=\"2019-10-03T14:25:24 UTC\"\n NAME=\"Quit\"/>\n".into()),
        (
            Format::MysqlAuditCsv,
            "\"Quit\",\"4_2021\",\"2021-06-30T16:21:00 UTC\",\"2\",0,\"r\",\"r\",\"\",\"\",\"h\",\"\",\"\"\n".into(),
        ),
    ] {
        let head = match format {
            Format::MysqlAuditXml => "<AUDIT_RECORD\n NAME=\"Query\" SQLTEXT=\"xx\n".to_owned(),
            Format::MysqlAuditCsv => "\"Query\",\"3_2021\",\"2021-06-30T16:21:00 UTC\",\"x\",\"2\",0,\"xx\n".to_owned(),
            Format::MariadbGeneralLog => "261122 16:27:58\t    11 Query\tSELECT 'xx\n".to_owned(),
            Format::MariadbSlowLog => slow(1, "261122 16:00:00", "SELECT 'xx\n"),
            _ => "2026-11-22 16:28:00 31 [Note] xx\n".into(),
        };
        let text = head + &"filler of a statement\n".repeat(200) + &next;
        let (mut decoder, mut events, mut at) = (format.decoder(&options()), Vec::new(), 0);
        let mut tally = kuzet_decode::Tally::default();
        while at < text.len() {
            let end = (at + 700).min(text.len());
            let edge = if end == text.len() { Edge::End } else { Edge::Full };
            let done = step(decoder.as_mut(), &text.as_bytes()[at..end], at as u64, edge, &mut events);
            tally.add(done.tally);
            at += done.consumed;
            let snapshot = decoder.snapshot();
            decoder = format.decoder(&options());
            decoder.restore(&snapshot);
        }
        assert_eq!((tally.seen, tally.lost, events.len()), (2, 1, 1), "{}", format.name());
        assert_eq!(tally.lost_bytes, (text.len() - next.len()) as u64);
    }
}

#[test]
fn who_is_behind_a_connection_is_learnt_and_kept() {
    let log = b"261122 16:27:58\t    11 Connect\tapp@10.0.0.1 on mfo using TCP/IP\n\t\t    11 Init DB\tother\n\
        \t\t    11 Query\tSELECT 1\n\t\t    11 Query\tuse third\n\t\t    11 Query\tSELECT 1\n\t\t    12 Query\tSELECT 1\n\
        \t\t    11 Quit\t\n\t\t    11 Query\tSELECT 1\n";
    let (events, tally) = decode_growing(Format::MariadbGeneralLog, &options(), log, &[60; 20], true);
    assert_eq!((tally.seen, tally.lost), (8, 0));
    let told: Vec<_> = events.iter().map(|event| (event.action, &*event.actor.user, &*event.actor.database)).collect();
    assert_eq!(
        told,
        [
            (Action::Login, "app", "mfo"),
            (Action::Statement, "app", "other"),
            (Action::Statement, "app", "other"),
            (Action::Statement, "app", "third"),
            (Action::Statement, "", ""),
            (Action::Logout, "app", "third"),
            (Action::Statement, "", ""),
        ]
    );
    assert!(events.iter().all(|event| event.trust == Trust::Forgeable));
}
