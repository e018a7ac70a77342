//! Real recordings of PostgreSQL 15: the three formats tell the same, and what they tell is right.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions

mod common;

use common::{decode, decode_growing, options, sample, scenarios};
use kuzet_decode::{FORMATS, Format, sniff};
use kuzet_event::{Action, Client, Code, Count, Event, Outcome, Place, System, Trust, Witness};

const POSTGRESQL: [Format; 3] = [Format::PostgresqlCsvlog, Format::PostgresqlJsonlog, Format::PostgresqlStderr];

/// An event without what differs by format: place, trust, and what stderr may lack: the code without `%e`, the port
/// without `%r`.
fn shared(event: &Event) -> Event {
    Event { place: Place::default(), trust: Trust::Structured, code: Code::NONE, client_port: 0, ..event.clone() }
}

#[test]
fn the_three_formats_of_a_run_tell_the_same() {
    let names = scenarios();
    assert!(names.len() >= 36, "{}", names.len());
    for name in names.iter().filter(|name| *name != "var-forged") {
        let json = decode(Format::PostgresqlJsonlog, &options(), &sample(name, Format::PostgresqlJsonlog).unwrap());
        assert_eq!(json.1.lost, 0, "{name}");
        for format in [Format::PostgresqlCsvlog, Format::PostgresqlStderr] {
            // The variants were recorded in two formats.
            let Some(bytes) = sample(name, format) else { continue };
            let (events, tally) = decode(format, &options(), &bytes);
            assert_eq!(tally, json.1, "{name} {}", format.name());
            assert_eq!(events.len(), json.0.len(), "{name} {}", format.name());
            for (event, expected) in events.iter().zip(&json.0) {
                assert_eq!(shared(event), shared(expected), "{name} {}", format.name());
                if format == Format::PostgresqlCsvlog {
                    assert_eq!((event.code, event.client_port), (expected.code, expected.client_port));
                    assert_eq!(event.client_port > 0, matches!(event.actor.client, Client::Address(_)), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_prefix_that_is_not_configured_is_guessed() {
    let mut guessed = options();
    guessed.log_line_prefix = None;
    for name in scenarios() {
        let bytes = sample(&name, Format::PostgresqlStderr).unwrap();
        let expected = decode(Format::PostgresqlStderr, &options(), &bytes);
        assert_eq!(decode(Format::PostgresqlStderr, &guessed, &bytes), expected, "{name}");
    }
    // Debian's default says neither program nor client: connection lines do.
    let debian: Vec<u8> = String::from_utf8_lossy(&sample("pgaudit-bulk_select", Format::PostgresqlStderr).unwrap())
        .lines()
        .map(|line| {
            let (head, rest) = line.split_once('/').unwrap();
            let word = rest.find("LOG:  ").unwrap();
            format!("{head} {}\n", &rest[word..])
        })
        .collect::<String>()
        .into_bytes();
    let (events, tally) = decode(Format::PostgresqlStderr, &guessed, &debian);
    let (expected, _) =
        decode(Format::PostgresqlStderr, &options(), &sample("pgaudit-bulk_select", Format::PostgresqlStderr).unwrap());
    assert_eq!(tally.lost, 0);
    let told = |events: &[Event]| -> Vec<_> {
        events.iter().map(|event| (event.at, event.actor.clone(), event.rows, event.statement.clone())).collect()
    };
    assert_eq!(told(&events), told(&expected));
}

#[test]
fn every_recording_is_recognised() {
    for name in scenarios() {
        for format in POSTGRESQL {
            if let Some(bytes) = sample(&name, format) {
                assert_eq!(sniff(&bytes), Some(format), "{name}");
                let middle = &bytes[bytes.len() / 2..];
                if sample(&name, format).is_some_and(|bytes| bytes.len() > 20_000) && !name.contains("big_stmt") {
                    assert_eq!(sniff(middle), Some(format), "{name} from the middle");
                }
            }
        }
    }
    assert_eq!(sniff(b"nothing known\nat all\n"), None);
    for info in FORMATS {
        assert_eq!(Format::from_name(info.name), Some(info.format));
        assert_eq!(info.format.name(), info.name);
    }
}

#[test]
fn the_wrong_format_is_lost_and_never_passes() {
    for actual in POSTGRESQL {
        let bytes = sample("pgaudit-sqli", actual).unwrap();
        for info in FORMATS.iter().filter(|info| info.format != actual) {
            let (events, tally) = decode(info.format, &options(), &bytes);
            assert_eq!((events.len(), tally.handled), (0, 0), "{} read as {}", actual.name(), info.name);
            assert!(tally.lost > 0 && tally.lost_bytes > 0, "{} read as {}", actual.name(), info.name);
        }
    }
}

#[test]
fn growing_and_restarting_change_nothing() {
    for name in ["pgaudit-sqli", "logall-bulk_cursor", "pgaudit-failed_logins", "var-forged", "pgaudit-big_stmt"] {
        for format in POSTGRESQL {
            let Some(bytes) = sample(name, format) else { continue };
            let whole = decode(format, &options(), &bytes);
            for cut in [1, 7, 97, 1000, 65_536] {
                let count = (bytes.len() / cut).min(3000);
                for restart in [false, true] {
                    let parts = decode_growing(format, &options(), &bytes, &vec![cut; count], restart);
                    assert_eq!(parts, whole, "{name} {} by {cut}", format.name());
                }
            }
        }
    }
}

fn audit(name: &str) -> Vec<Event> {
    decode(Format::PostgresqlCsvlog, &options(), &sample(name, Format::PostgresqlCsvlog).unwrap()).0
}

#[test]
fn golden_copy_out() {
    let events = audit("pgaudit-copy_out");
    let statements: Vec<_> = events.iter().filter(|event| event.action == Action::Statement).collect();
    let copy = statements[0];
    assert_eq!(copy.at.to_string(), "2026-11-22T16:22:02.548000Z");
    assert_eq!((&*copy.actor.user, &*copy.actor.program, &*copy.actor.database), ("analyst", "psql", "mfo"));
    assert_eq!(copy.actor.system, System::Postgresql);
    assert_eq!(copy.actor.client, Client::Address("127.0.0.1".parse().unwrap()));
    assert_eq!(copy.session.0, 0x6b03_16aa_0000_7e99);
    assert_eq!((copy.statement_number, copy.witness, copy.trust), (1, Witness::Audit, Trust::Structured));
    // 10,000 rows left; the log says 0: unknown.
    assert_eq!((copy.rows, copy.relation.as_deref(), copy.outcome), (Count::Unknown, None, Outcome::Success));
    // COPY (SELECT …): its SELECT record counts.
    let relation = statements[1].relation.as_ref().unwrap();
    assert_eq!((&*relation.schema, &*relation.name), ("public", "borrowers"));
    assert_eq!(statements[1].rows, Count::Known(4999));
    assert_eq!(statements[2].rows, Count::Unknown);
    // COPY … TO PROGRAM without the right to it.
    let denied = statements.last().unwrap();
    assert_eq!((denied.outcome, denied.code.as_str(), denied.witness), (Outcome::Failure, "42501", Witness::Log));
}

#[test]
fn golden_failed_logins() {
    let events = audit("pgaudit-failed_logins");
    let logins: Vec<_> = events.iter().filter(|event| event.action == Action::Login).collect();
    let told: Vec<_> =
        logins.iter().map(|event| (&*event.actor.user, event.outcome, event.code.as_str().to_owned())).collect();
    let failed = |user, code: &str| (user, Outcome::Failure, code.to_owned());
    let mut expected = vec![failed("app", "28P01"); 8];
    expected.push(failed("nosuchuser", "28P01"));
    expected.push(("app", Outcome::Success, String::new()));
    expected.push(failed("app", "3D000"));
    expected.push(failed("a'b\"c d", "28P01"));
    expected.push(("app", Outcome::Success, String::new()));
    expected.push(failed("app", "42501"));
    assert_eq!(told, expected);
    // stderr has no codes: they follow from the texts.
    let bytes = sample("pgaudit-failed_logins", Format::PostgresqlStderr).unwrap();
    let (stderr, _) = decode(Format::PostgresqlStderr, &options(), &bytes);
    let codes: Vec<_> = stderr.iter().map(|event| event.code).collect();
    assert_eq!(codes, events.iter().map(|event| event.code).collect::<Vec<_>>());
}

#[test]
fn golden_audit_tamper() {
    let events = audit("pgaudit-audit_tamper");
    let settings: Vec<_> = events
        .iter()
        .filter(|event| event.action == Action::Setting)
        .map(|event| {
            let statement = event.statement.as_ref().unwrap();
            let setting = &statement.settings[0];
            let weakens = statement.flags.has(kuzet_event::Flag::WeakensAudit);
            (setting.name.to_string(), setting.value.as_deref().unwrap_or("").to_owned(), setting.global, weakens)
        })
        .collect();
    let expected = [
        ("log_connections", "off", true),
        ("pgaudit.log", "none", true),
        ("log_connections", "on", false),
        ("pgaudit.log", "read,write,role,ddl", false),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(name, value, weakens)| (name.to_string(), value.to_string(), true, *weakens)).collect();
    assert_eq!(settings, expected);
}

#[test]
fn golden_cancelled_and_killed() {
    let bytes = sample("var-cancelled", Format::PostgresqlJsonlog).unwrap();
    let (events, _) = decode(Format::PostgresqlJsonlog, &options(), &bytes);
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.action == Action::Statement)
        .map(|event| (event.outcome, event.rows, event.code.as_str().to_owned()))
        .collect();
    let expected = ["57014", "57014", "08006", "08006"];
    assert_eq!(failed.len(), expected.len());
    for ((outcome, rows, code), expected) in failed.iter().zip(expected) {
        assert_eq!((*outcome, *rows), (Outcome::Failure, Count::Unknown));
        assert!(code == expected || code == "08006", "{code}");
    }
}

#[test]
fn golden_night_is_utc_inside() {
    let events = audit("night-bulk_select");
    // The server wrote 02:40 +05 on the 24th.
    assert!(events[0].at.to_string().starts_with("2026-11-23T21:40:00."), "{}", events[0].at);
    assert_eq!(events[0].at.civil(5 * 3600).2, 24);
}

#[test]
fn forged_lines_are_never_more_than_forgeable() {
    let bytes = sample("var-forged", Format::PostgresqlStderr).unwrap();
    let (events, tally) = decode(Format::PostgresqlStderr, &options(), &bytes);
    assert!(events.iter().all(|event| event.trust == Trust::Forgeable));
    // The two torn first halves, and the DETAIL with its two lines that a torn half cut off from its record.
    assert_eq!(tally.lost, 5);
    let bytes = sample("var-forged", Format::PostgresqlJsonlog).unwrap();
    let (events, tally) = decode(Format::PostgresqlJsonlog, &options(), &bytes);
    assert_eq!(tally.lost, 0);
    assert_eq!(events[0].action, Action::Login);
    assert_eq!(events[0].outcome, Outcome::Failure);
    assert!(events[0].actor.user.contains('\u{fffd}') && !events[0].actor.user.contains('\n'));
}
