//! Every blind spot that was measured on real servers is detected, compensated or named; every code is documented.

use super::{Asked, Facts, Limit, Place, Settings, Shared, Sight, Sighted, State, look, shared};
use kuzet_decode::Format;
use kuzet_event::System;
use std::collections::BTreeSet;

fn settings(pairs: &[(&str, &str)]) -> Option<Settings> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn facts(system: System, format: Format, pairs: &[(&str, &str)]) -> Facts {
    let (settings, formats) = (settings(pairs), vec![format]);
    Facts {
        system,
        settings,
        extensions: None,
        formats,
        followed: true,
        lossy: false,
        asked: Asked::Nobody,
        person: false,
        commands: false,
    }
}

/// PostgreSQL as the documents advise it, with `more` on top.
fn postgresql(more: &[(&str, &str)]) -> Facts {
    let mut pairs = vec![
        ("logging_collector", "on"),
        ("log_destination", "jsonlog"),
        ("shared_preload_libraries", "pgaudit,pg_stat_statements"),
        ("pgaudit.log", "read, write, role, ddl, misc_set"),
        ("pgaudit.log_parameter", "on"),
        ("pgaudit.log_rows", "off"),
        ("log_connections", "on"),
    ];
    pairs.extend(more);
    facts(System::Postgresql, Format::PostgresqlJsonlog, &pairs)
}

fn asked(mut facts: Facts) -> Facts {
    (facts.asked, facts.extensions) = (Asked::Answers, Some(vec!["pg_stat_statements".to_owned()]));
    facts
}

fn mariadb(more: &[(&str, &str)]) -> Facts {
    let mut pairs = vec![
        ("server_audit", "FORCE_PLUS_PERMANENT"),
        ("server_audit_logging", "ON"),
        ("server_audit_events", "CONNECT,QUERY,TABLE"),
        ("server_audit_file_rotate_size", "100000000"),
        ("server_audit_query_log_limit", "65536"),
    ];
    pairs.extend(more);
    facts(System::Mariadb, Format::MariadbServerAudit, &pairs)
}

fn with(mut facts: Facts, format: Format) -> Facts {
    facts.formats.push(format);
    facts
}

fn state(facts: &Facts, sight: Sight) -> (State, &'static str) {
    let sighted = look(facts, Vec::new());
    let seen = sighted.sights.iter().find(|seen| seen.sight == sight).expect("every sight is told");
    (seen.state, seen.code)
}

use Sight::*;
use State::{Compensated, NotSeen, Seen, Unknown};

/// Name of the blind spot, the server, what is asked, and what must come out.
type Case = (&'static str, Facts, Sight, (State, &'static str));

fn postgresql_cases() -> Vec<Case> {
    let rows = || postgresql(&[("pgaudit.log_rows", "on")]);
    let all = || postgresql(&[("shared_preload_libraries", "pg_stat_statements"), ("log_statement", "all")]);
    let stderr = |mut facts: Facts| {
        facts.formats = vec![Format::PostgresqlStderr];
        facts
    };
    vec![
        ("1 log_rows=on hides the tables of COPY and pg_dump", rows(), Exports, (NotSeen, "PG06")),
        ("1 the same, measured", asked(rows()), Exports, (Compensated, "PG06")),
        ("1 log_rows=on hides the tables of cursors", rows(), Cursors, (NotSeen, "PG06")),
        ("1 the same, measured", asked(rows()), Cursors, (Compensated, "PG06")),
        ("1 a cancelled statement leaves only its error", rows(), Cancelled, (Compensated, "PG12")),
        (
            "1 or nothing",
            postgresql(&[("pgaudit.log_rows", "on"), ("log_min_error_statement", "panic")]),
            Cancelled,
            (NotSeen, "PG12"),
        ),
        ("1 log_rows=off has the tables", postgresql(&[]), Exports, (Seen, "")),
        ("1 log_rows=off has cancelled statements", postgresql(&[]), Cancelled, (Seen, "")),
        ("1 log_rows=off has no rows", postgresql(&[]), Rows, (NotSeen, "PG07")),
        ("1 the same, measured", asked(postgresql(&[])), Rows, (Compensated, "PG07")),
        ("2 a superuser blinds a session", postgresql(&[]), BlindedSessions, (NotSeen, "PG09")),
        ("2 the same, asked", asked(rows()), BlindedSessions, (Compensated, "PG09")),
        ("3 one-row aggregates carry people: the statement tells", postgresql(&[]), PackedAggregates, (Seen, "")),
        (
            "3 not without the statement",
            postgresql(&[("pgaudit.log_statement", "off")]),
            PackedAggregates,
            (NotSeen, "PG13"),
        ),
        ("4 ALTER SYSTEM SET pgaudit.log is in every log", postgresql(&[]), AuditSettings, (Seen, "")),
        ("4 also without pgaudit", postgresql(&[("shared_preload_libraries", "")]), AuditSettings, (Seen, "")),
        ("5 SUPERUSER behind PASSWORD is cut", postgresql(&[]), Privileges, (NotSeen, "PG14")),
        ("5 the same, asked", asked(postgresql(&[])), Privileges, (Compensated, "PG14")),
        (
            "5 role changes without class role",
            asked(postgresql(&[("pgaudit.log", "all, -role")])),
            Privileges,
            (NotSeen, "PG05"),
        ),
        ("6 log_statement=all has no rows", all(), Rows, (NotSeen, "PG11")),
        ("6 the same, measured", asked(all()), Rows, (Compensated, "PG11")),
        ("6 log_statement=all has parameters in DETAIL", all(), BoundValues, (Seen, "")),
        ("7 query ids are no key: logins are seen without", postgresql(&[]), Logins, (Seen, "")),
        ("8 stderr can be forged before login", stderr(postgresql(&[])), ForgedLines, (NotSeen, "PG03")),
        ("8 jsonlog not", postgresql(&[]), ForgedLines, (Seen, "")),
        ("9 failed logins are in every log", postgresql(&[("log_connections", "off")]), FailedLogins, (Seen, "")),
        ("logins without log_connections", postgresql(&[("log_connections", "off")]), Logins, (NotSeen, "PG10")),
        (
            "parameters without log_parameter",
            postgresql(&[("pgaudit.log_parameter", "off")]),
            BoundValues,
            (NotSeen, "PG08"),
        ),
        ("no audit at all", postgresql(&[("shared_preload_libraries", "")]), Reads, (NotSeen, "PG04")),
        (
            "no audit, but measured",
            asked(postgresql(&[("shared_preload_libraries", "pg_stat_statements")])),
            Reads,
            (Compensated, "PG04"),
        ),
    ]
}

fn mariadb_cases() -> Vec<Case> {
    let slow = |value| {
        let facts = mariadb(&[("slow_query_log", "ON"), ("long_query_time", value)]);
        with(facts, Format::MariadbSlowLog)
    };
    let general = |more: &[(&str, &str)]| with(mariadb(more), Format::MariadbGeneralLog);
    vec![
        ("no row counts", mariadb(&[]), Rows, (NotSeen, "MY03")),
        ("the slow log has them", slow("0.000000"), Rows, (Seen, "")),
        ("but not those of fast statements", slow("10"), Rows, (NotSeen, "MY03")),
        ("a connection alone does not", asked(mariadb(&[])), Rows, (NotSeen, "MY03")),
        ("USER_STATISTICS has them by account", asked(mariadb(&[("userstat", "ON")])), Rows, (Compensated, "MY03")),
        ("killed statements have their line", mariadb(&[]), Cancelled, (Seen, "")),
        ("user names are not escaped", mariadb(&[]), ForgedLines, (NotSeen, "MY07")),
        ("statements are cut", mariadb(&[("server_audit_query_log_limit", "1024")]), StatementText, (NotSeen, "MY09")),
        (
            "not in the general log",
            general(&[("server_audit_query_log_limit", "1024")]),
            StatementText,
            (Compensated, "MY09"),
        ),
        ("excluded accounts", mariadb(&[("server_audit_excl_users", "dba")]), Reads, (NotSeen, "MY05")),
        ("server_audit_events is changed without a record", mariadb(&[]), AuditSettings, (NotSeen, "MY11")),
        ("the same, asked", asked(mariadb(&[])), AuditSettings, (Compensated, "MY11")),
        ("the same, in the general log", general(&[]), AuditSettings, (Compensated, "MY11")),
        ("a class is left out", mariadb(&[("server_audit_events", "CONNECT")]), Reads, (NotSeen, "MY04")),
        ("logins are left out", mariadb(&[("server_audit_events", "QUERY,TABLE")]), FailedLogins, (NotSeen, "MY04")),
        ("the plugin is uninstalled", mariadb(&[("server_audit", "ON")]), BlindedSessions, (NotSeen, "MY06")),
        ("it refuses under FORCE_PLUS_PERMANENT", mariadb(&[]), BlindedSessions, (Seen, "")),
        ("sql_log_off hides from the general log only", general(&[]), BlindedSessions, (Seen, "")),
        ("which is all there is", general(&[("server_audit_logging", "OFF")]), BlindedSessions, (NotSeen, "MY13")),
        ("failed logins", mariadb(&[]), FailedLogins, (Seen, "")),
        ("rotation", mariadb(&[("server_audit_file_rotate_size", "1000000")]), Rotation, (NotSeen, "MY10")),
        ("audit off", mariadb(&[("server_audit_logging", "OFF")]), Reads, (NotSeen, "MY02")),
    ]
}

fn other_cases() -> Vec<Case> {
    let audit = || facts(System::Mongodb, Format::MongodbAudit, &[]);
    let log = || facts(System::Mongodb, Format::MongodbLog, &[]);
    let redis = |commands| Facts { commands, ..facts(System::Redis, Format::Redis, &[]) };
    vec![
        ("auditAuthorizationSuccess", audit(), Reads, (Unknown, "OT03")),
        ("auditLog.filter", audit(), Privileges, (Unknown, "OT09")),
        ("documents given", audit(), Rows, (NotSeen, "OT04")),
        ("somebody is left out", log(), BlindedSessions, (NotSeen, "OT16")),
        ("nreturned of slow operations", with(audit(), Format::MongodbLog), Rows, (Unknown, "OT05")),
        ("slowOpThresholdMs", log(), Exports, (Unknown, "OT05")),
        ("auditLog.destination", log(), AuditSettings, (NotSeen, "OT10")),
        ("it is there", with(log(), Format::MongodbAudit), AuditSettings, (Unknown, "OT09")),
        ("security.authorization", log(), Logins, (Unknown, "OT11")),
        ("failed logins", log(), FailedLogins, (Seen, "")),
        ("ACL LOG alone", redis(false), Reads, (NotSeen, "OT12")),
        ("ACL LOG alone: logins", redis(false), Logins, (NotSeen, "OT12")),
        ("MONITOR", redis(true), Reads, (Seen, "")),
        ("MONITOR has no replies", redis(true), Rows, (NotSeen, "OT06")),
        ("acllog-max-len", redis(true), FailedLogins, (Unknown, "OT13")),
        ("ACL users, requirepass", Facts { person: true, ..redis(true) }, Person, (Unknown, "OT14")),
        ("ACL LOG RESET", redis(true), BlindedSessions, (NotSeen, "OT15")),
        ("replicas", redis(true), Exports, (NotSeen, "OT15")),
    ]
}

/// Name, shared role, its server, and the code that comes out.
type PoolCase = (&'static str, Shared<'static>, Option<Facts>, &'static str);

fn pool_cases() -> Vec<PoolCase> {
    let tell: &'static [[String; 1]; 3] =
        Box::leak(Box::new(["comment:user", "setting:app.clerk", "journal"].map(|place| [place.to_owned()])));
    let [comment, setting, journal] = tell;
    let pool = |person_from: &'static [String], journal| Shared { role: "app", person_from, journal };
    let misc = || postgresql(&[("pgaudit.log", "read, write")]);
    vec![
        ("nowhere", pool(&[], true), Some(postgresql(&[])), "KD13"),
        ("in a comment", pool(comment, false), Some(postgresql(&[])), ""),
        ("in a journal that nobody follows", pool(journal, false), Some(postgresql(&[])), "KD14"),
        ("in a journal", pool(journal, true), Some(postgresql(&[])), ""),
        ("in a setting", pool(setting, false), Some(postgresql(&[])), ""),
        ("in a setting that is not logged", pool(setting, false), Some(misc()), "KD15"),
        ("it is", pool(setting, false), Some(Facts { settings: None, ..misc() }), ""),
        ("of no server", pool(comment, false), None, "KD16"),
    ]
}

#[test]
fn a_shared_role_is_told_or_named() {
    for (name, pool, facts, code) in pool_cases() {
        let limit = shared(pool, facts.as_ref());
        assert_eq!(limit.as_ref().map_or("", |limit| limit.code), code, "{name}");
        if let (Some(facts), Some(limit)) = (facts, limit) {
            let facts = Facts { person: true, ..facts };
            let open = look(&facts, vec![limit]);
            let person = open.sights.iter().find(|seen| seen.sight == Person).expect("every sight is told");
            assert_eq!((person.state, person.code), (NotSeen, code), "{name}");
            assert!(open.coverage() < look(&facts, Vec::new()).coverage(), "{name}");
        }
    }
    let limit = shared(pool_cases()[5].1, pool_cases()[5].2.as_ref()).expect("a setting that is not logged");
    assert_eq!(limit.commands[0].text, "ALTER SYSTEM SET pgaudit.log = 'read, write, misc';");
}

#[test]
fn every_measured_blind_spot_is_seen_compensated_or_named() {
    for (name, facts, sight, expected) in postgresql_cases().into_iter().chain(mariadb_cases()).chain(other_cases()) {
        assert_eq!(state(&facts, sight), expected, "{name}: {}", sight.name());
        let limits = look(&facts, Vec::new()).limits;
        assert!(expected.1.is_empty() || limits.iter().any(|limit| limit.code == expected.1), "{name}");
    }
}

/// Many servers: every value of every setting that decides, two by two with each connection and format.
fn everything() -> Vec<Facts> {
    let mut all: Vec<Facts> = postgresql_cases()
        .into_iter()
        .chain(mariadb_cases())
        .chain(other_cases())
        .map(|(_, facts, ..)| facts)
        .collect();
    all.extend([
        postgresql(&[("log_truncate_on_rotation", "on"), ("log_filename", "postgresql-%a.log")]),
        postgresql(&[("shared_preload_libraries", "pgaudit")]),
        facts(System::Mysql, Format::MysqlAuditJson, &[]),
    ]);
    let formats = kuzet_decode::FORMATS.iter().map(|info| facts(info.system, info.format, &[]));
    all.extend(formats.collect::<Vec<_>>());
    let mut varied = Vec::new();
    for one in all {
        let none = Facts { formats: Vec::new(), settings: None, ..one.clone() };
        let unwatched = Facts { followed: false, formats: Vec::new(), ..one.clone() };
        let unknown = Facts { settings: None, lossy: true, ..one.clone() };
        let silent = Facts { asked: Asked::Silent("28P01".to_owned()), ..one.clone() };
        let answers = Facts { asked: Asked::Answers, extensions: Some(Vec::new()), person: true, ..one.clone() };
        varied.extend([one, none, unwatched, unknown, silent, answers]);
    }
    varied
}

#[test]
fn every_code_and_every_sight_is_documented_and_no_other() {
    let documented = include_str!("../../../docs/doctor.md");
    let row = |line: &str| Some(line.strip_prefix("| ")?.split(' ').next()?.trim_matches('`').to_owned());
    let rows: BTreeSet<String> = documented.lines().filter_map(row).collect();
    let mut codes: BTreeSet<&str> = [
        "KD01", "KD02", "KD03", "KD04", "KD05", "KD07", "KD11", "KD17", "KD18", "KD19", "KD20", "KD21", "KD22", "KD23",
    ]
    .into();
    for facts in everything() {
        codes.extend(look(&facts, Vec::new()).limits.iter().map(|limit| limit.code));
    }
    codes.extend(pool_cases().iter().filter_map(|(_, pool, facts, _)| Some(shared(*pool, facts.as_ref())?.code)));
    for name in codes.iter().copied().chain(Sight::ALL.iter().map(|sight| sight.name())) {
        assert!(rows.contains(name), "docs/doctor.md has no row for {name}");
    }
    let coded = |name: &&String| name.len() == 4 && name[..2].chars().all(|c| c.is_ascii_uppercase());
    for name in rows.iter().filter(coded) {
        assert!(codes.contains(name.as_str()), "docs/doctor.md: nothing tells {name}");
    }
    for sight in Sight::ALL {
        let row = format!("| `{}` | {} | {} |", sight.name(), sight.weight(), sight.meaning());
        assert!(documented.contains(&row), "docs/doctor.md: {row}");
    }
}

#[test]
fn what_is_not_seen_has_a_reason_and_unknown_is_not_seen() {
    for facts in everything() {
        let sighted = look(&facts, Vec::new());
        assert!((0.0..=1.0).contains(&sighted.coverage()));
        for seen in &sighted.sights {
            assert_eq!(seen.state == Seen, seen.code.is_empty(), "{seen:?}");
            assert_eq!(seen.state == Compensated, !seen.by.is_empty(), "{seen:?}");
        }
        for limit in &sighted.limits {
            assert!(!limit.message.is_empty() && !limit.fix.is_empty());
        }
    }
    let blind = Facts { settings: None, ..postgresql(&[]) };
    assert_eq!(state(&blind, Reads), (Unknown, "PG01"));
    assert!(look(&blind, Vec::new()).coverage() < 0.1);
    let whole = Facts { person: true, ..asked(postgresql(&[])) };
    assert_eq!(look(&whole, Vec::new()).coverage(), 1.0);
    assert_eq!(Sighted::new(vec![Limit::new("KD05", "", "").hides(Sight::ALL).unknown()]).coverage(), 0.0);
}

#[test]
fn libraries_are_added_each_as_a_string_of_its_own() {
    let facts = Facts { settings: settings(&[("shared_preload_libraries", "auto_explain, x'y")]), ..postgresql(&[]) };
    let limits = look(&facts, Vec::new()).limits;
    let limit = limits.iter().find(|limit| limit.code == "PG04").expect("no audit");
    let command = limit.commands.iter().find(|command| command.place == Place::Sql && command.restart);
    let text = "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'x''y', 'pgaudit', 'pg_stat_statements';";
    assert_eq!(command.map(|command| command.text.as_str()), Some(text));
}
