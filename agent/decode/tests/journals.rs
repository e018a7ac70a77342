//! Recordings of the formats beside the databases' own: what comes out, record by record, and that pieces do not show.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read their recordings

mod common;

use common::{decode, decode_growing, options, step};
use kuzet_decode::{DecodeOptions, Edge, Format, sniff};
use kuzet_event::{Action, Event, Flag, IdentifierKind, Place, Timestamp, Trust};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/journals.txt");

/// Folders of `tests/data/samples` and what is in them.
const FOLDERS: [(&str, &[(&str, Format)]); 10] = [
    ("syslog", &[("", Format::Syslog)]),
    ("journald", &[("", Format::Journald)]),
    ("pgbouncer", &[("", Format::Pgbouncer)]),
    ("redis", &[("", Format::Redis)]),
    ("mongodb", &[("audit", Format::MongodbAudit), ("", Format::MongodbLog)]),
    (
        "web",
        &[
            ("nginx.json", Format::WebAccessJson),
            ("haproxy", Format::HaproxyHttp),
            ("squid", Format::SquidAccess),
            ("", Format::WebAccessLog),
        ],
    ),
    ("linux", &[("audit", Format::LinuxAudit), ("laurel", Format::LinuxLaurel)]),
    ("host", &[("inventory", Format::Inventory), ("", Format::Sensor)]),
    ("files", &[("samba", Format::SambaFullAudit), ("minio", Format::MinioAudit), ("s3", Format::S3Access)]),
    ("network", &[("netflow", Format::Netflow), ("zeek", Format::Zeek), ("eve", Format::SuricataEve)]),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples").join(name)
}

/// The day after the recordings; the prefix that they were made with.
fn recorded() -> DecodeOptions {
    let mut options = options();
    options.latest = Some(Timestamp(1_795_478_400_000_000));
    options.log_line_prefix = None;
    options
}

fn recordings() -> Vec<(String, Format, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, formats) in FOLDERS {
        for entry in std::fs::read_dir(folder(name)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            if file != "SOURCE" {
                let (_, format) = formats.iter().find(|(prefix, _)| file.starts_with(prefix)).unwrap();
                all.push((format!("{name}/{file}"), *format, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort_by(|left, right| left.0.cmp(&right.0));
    all
}

fn line(event: &Event) -> String {
    let actor = &event.actor;
    let mut out = format!(
        "{} {}@{} {} {:?} {:?} {:?} {}",
        event.at,
        actor.user.escape_debug(),
        actor.client,
        actor.database,
        &*actor.program,
        event.action,
        event.outcome,
        event.code.as_str()
    );
    if let Some(relation) = &event.relation {
        let _ = write!(out, " {:?} {}.{}", relation.access, relation.schema, relation.name);
    }
    if let Some(statement) = &event.statement {
        let _ = write!(out, " {:?} [{}] {} people", statement.verb, statement.summary, event.identifiers.len());
    }
    for (name, number) in [("rows", event.rows.known()), ("bytes", event.bytes.known())] {
        if let Some(number) = number {
            let _ = write!(out, " {number} {name}");
        }
    }
    if event.calls != 1 {
        let _ = write!(out, " {} calls", event.calls);
    }
    if let Some(act) = &event.file {
        let _ = write!(out, " {} {}", act.deed.name(), act.path.shown);
        let _ = act.to.as_ref().map_or(Ok(()), |to| write!(out, " to {}", to.shown));
        let _ = act.holding.as_ref().map_or(Ok(()), |holding| write!(out, " {holding:?}"));
    }
    if let Some(flow) = &event.flow {
        let (transport, direction) = (flow.transport.name(), flow.direction.name());
        let _ = write!(out, " {transport} {direction} {:?} {} to", flow.phase, flow.local);
        let _ = flow.remote.map_or(Ok(()), |remote| write!(out, " {remote}"));
        let _ = flow.name.as_ref().map_or(Ok(()), |(name, naming)| write!(out, " {name} ({naming:?})"));
        let _ = flow.opened.map_or(Ok(()), |opened| write!(out, " since {opened}"));
        let _ = write!(out, " sent {} received {}", flow.sent, flow.received);
    }
    out
}

#[test]
fn golden() {
    let mut made = String::from("# What the recordings in tests/data/samples say. Rewritten by KUZET_BLESS=1.\n");
    for (name, format, bytes) in recordings() {
        assert_eq!(sniff(&bytes), Some(format), "{name}");
        let (events, tally) = decode(format, &recorded(), &bytes);
        let _ = writeln!(made, "\n{name} {tally:?}");
        for event in &events {
            let _ = writeln!(made, "{}", line(event));
            assert_eq!(event.trust, format.info().trust, "{name}");
        }
    }
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(GOLDEN, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(GOLDEN).unwrap_or_default() == made,
        "events differ; look at the difference after KUZET_BLESS=1"
    );
}

#[test]
fn pieces_and_restarts_do_not_show() {
    for (name, format, bytes) in recordings() {
        let whole = decode(format, &recorded(), &bytes);
        for size in [1, 7, 64, 1000] {
            if bytes.len() > 1500 * size {
                continue;
            }
            let cuts = vec![size; bytes.len() / size + 1];
            for restart in [false, true] {
                let grown = decode_growing(format, &recorded(), &bytes, &cuts, restart);
                assert_eq!(whole, grown, "{name} in pieces of {size}, restart {restart}");
            }
        }
    }
}

#[test]
fn nothing_raw_comes_out() {
    for (name, format, bytes) in recordings() {
        let text = String::from_utf8_lossy(&bytes);
        let shown = format!("{:?}", decode(format, &recorded(), &bytes).0);
        let mut digits = String::new();
        for c in text.chars().chain([' ']) {
            if c.is_ascii_digit() {
                digits.push(c);
            } else {
                let person = digits.len() >= 11 && !digits.starts_with("1795"); // a stamp in microseconds
                assert!(!person || !shown.contains(&digits), "{digits} of {name}");
                digits.clear();
            }
        }
        assert!(!shown.contains("Иванов") && !shown.contains("Алматы"), "{name}");
    }
}

/// Without what differs by envelope.
fn bare(events: &[Event]) -> Vec<Event> {
    let second = |event: &Event| Timestamp(event.at.0.div_euclid(1_000_000));
    let strip = |event: &Event| Event { at: second(event), place: Place::default(), ..event.clone() };
    events.iter().map(strip).collect()
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(folder(name)).unwrap()
}

#[test]
fn one_run_tells_the_same_in_every_envelope() {
    let (events, tally) = decode(Format::Syslog, &recorded(), &sample("syslog/postgresql-3164.log"));
    assert_eq!(tally.lost, 0);
    for other in ["syslog/postgresql-iso.log", "syslog/postgresql-5424.log"] {
        let (same, other_tally) = decode(Format::Syslog, &recorded(), &sample(other));
        assert_eq!((bare(&same), other_tally.seen, other_tally.lost), (bare(&events), tally.seen, 0), "{other}");
    }
    let (journal, _) = decode(Format::Journald, &recorded(), &sample("journald/journal.json"));
    assert_eq!(bare(&journal)[..events.len()], bare(&events));
}

/// Messages of several processes, dealt out in turn.
fn interleaved(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut writers: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        let writer = line.split_whitespace().nth(4).unwrap().to_owned();
        match writers.iter_mut().find(|(known, _)| *known == writer) {
            Some((_, lines)) => lines.push(line),
            None => writers.push((writer, vec![line])),
        }
    }
    let longest = writers.iter().map(|(_, lines)| lines.len()).max().unwrap();
    let turns = (0..longest).flat_map(|turn| writers.iter().filter_map(move |(_, lines)| lines.get(turn)));
    turns.map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

#[test]
fn processes_that_write_at_once_are_told_apart() {
    for name in ["syslog/postgresql-3164.log", "syslog/postgresql-unnumbered.log"] {
        let bytes = sample(name);
        let mixed = interleaved(&bytes);
        assert_ne!(bytes, mixed);
        let (events, tally) = decode(Format::Syslog, &recorded(), &bytes);
        let (told, mixed_tally) = decode(Format::Syslog, &recorded(), &mixed);
        assert_eq!(mixed_tally, tally, "{name}");
        let sorted = |events: &[Event]| {
            let mut lines: Vec<String> = bare(events).iter().map(|event| format!("{event:?}")).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&told), sorted(&events), "{name}");
        for size in [64, 333] {
            for restart in [false, true] {
                let cuts = vec![size; mixed.len() / size + 1];
                let grown = decode_growing(Format::Syslog, &recorded(), &mixed, &cuts, restart);
                assert_eq!(grown, (told.clone(), tally), "{name} in pieces of {size}, restart {restart}");
            }
        }
    }
}

#[test]
fn a_busy_log_moves_on_though_some_record_is_always_open() {
    // Each process writes its second piece after the next one has begun: no line at which nothing is open.
    let mut bytes = Vec::new();
    for number in 0..500u32 {
        let pid = |number: u32| 1000 + number % 7;
        let head = |pid: u32| format!("2026-11-22T22:12:12.326349+00:00 vm postgres[{pid}]: ");
        let first = format!("{}[{number}-1] app@mfo/crm 10.0.0.1 LOG:  statement: SELECT a\n", head(pid(number)));
        bytes.extend_from_slice(first.as_bytes());
        if let Some(before) = number.checked_sub(1) {
            bytes.extend_from_slice(format!("{}[{before}-2] #011 FROM t\n", head(pid(before))).as_bytes());
        }
    }
    let mut decoder = Format::Syslog.decoder(&recorded());
    let mut events = Vec::new();
    let done = step(decoder.as_mut(), &bytes, 0, Edge::More, &mut events);
    assert!(bytes.len() - done.consumed < 20_000, "{} of {}", done.consumed, bytes.len());
    // A restart there reads nothing twice and nothing not at all.
    let snapshot = decoder.snapshot();
    let mut decoder = Format::Syslog.decoder(&recorded());
    decoder.restore(&snapshot);
    let rest = &bytes[done.consumed..];
    step(decoder.as_mut(), rest, done.consumed as u64, Edge::End, &mut events);
    assert_eq!(events.len(), 500);
    let summaries = events.iter().filter(|event| &*event.statement.as_ref().unwrap().summary == "SELECT a FROM t");
    assert_eq!(summaries.count(), 499);
}

#[test]
fn a_year_comes_from_the_hint_and_turns() {
    let log = b"Dec 31 23:59:59 db1 postgres[7]: [1-1] app@mfo/crm 10.0.0.1 LOG:  statement: SELECT 1\n\
        Jan  1 00:00:01 db1 postgres[7]: [2-1] app@mfo/crm 10.0.0.1 LOG:  statement: SELECT 2\n";
    let mut options = recorded();
    options.timezone = 5 * 3600;
    let (events, _) = decode(Format::Syslog, &options, log);
    let times: Vec<String> = events.iter().map(|event| event.at.to_string()).collect();
    assert_eq!(times, ["2025-12-31T18:59:59.000000Z", "2025-12-31T19:00:01.000000Z"]);
    options.latest = None;
    let (events, tally) = decode(Format::Syslog, &options, log);
    assert_eq!((events.len(), tally.lost), (0, 2));
}

#[test]
fn a_client_cannot_begin_a_record_inside_its_statement() {
    let log = b"2026-11-22T22:12:12+00:00 vm postgres[7]: [5-1] app@mfo/crm 10.0.0.1 LOG:  statement: SELECT 1\n\
        2026-11-22T22:12:12+00:00 vm postgres[7]: [5-2] dba@mfo/psql 10.0.0.2 LOG:  statement: DROP TABLE t\n";
    let (events, tally) = decode(Format::Syslog, &recorded(), log);
    assert_eq!((events.len(), tally.lost), (1, 0));
    assert_eq!(&*events[0].actor.user, "app");
}

#[test]
fn a_person_has_one_key_in_every_format() {
    let key = |format, bytes: &[u8]| {
        let (events, _) = decode(format, &recorded(), bytes);
        let mut iins = events.iter().flat_map(|event| &event.identifiers).filter(|one| one.kind == IdentifierKind::Iin);
        iins.next().unwrap().key
    };
    let sql = b"20261122 16:27:58,vm,app,h,1,1,QUERY,mfo,'SELECT 1 FROM b WHERE iin = \\'850830346939\\'',0\n";
    let expected = key(Format::MariadbServerAudit, sql);
    let monitor = b"1339518083.107412 [0 127.0.0.1:60866] \"GET\" \"borrower:850830346939\"\n";
    assert_eq!(key(Format::Redis, monitor), expected);
    assert_eq!(key(Format::MongodbAudit, &sample("mongodb/audit.json")), expected);
    assert_eq!(key(Format::MongodbLog, &sample("mongodb/mongod.json")), expected);
    assert_eq!(key(Format::Syslog, &sample("syslog/postgresql-3164.log")), expected);
}

#[test]
fn an_address_takes_the_user_that_the_list_of_clients_names() {
    let log = [sample("redis/acl-log.jsonl"), sample("redis/monitor.txt")].concat();
    let cuts = vec![500; log.len() / 500];
    let (events, _) = decode_growing(Format::Redis, &recorded(), &log, &cuts, true);
    let of = |client_port: &str| {
        let line = String::from_utf8_lossy(&log).find(&format!("{client_port}] \"GET\"")).unwrap() as u64;
        events
            .iter()
            .find(|event| event.place.offset <= line && line < event.place.offset + u64::from(event.place.length))
    };
    let event = of("36920").unwrap();
    assert_eq!((&*event.actor.user, &*event.actor.program), ("app", "crm"));
    assert!(of("37094").unwrap().actor.user.is_empty());
}

#[test]
fn what_weakens_and_raises_is_flagged() {
    let (events, _) = decode(Format::MongodbAudit, &recorded(), &sample("mongodb/audit.json"));
    let flagged = |flag| -> Vec<String> {
        let statements = events.iter().filter_map(|event| event.statement.as_ref());
        statements
            .filter(|statement| statement.flags.has(flag))
            .map(|statement| statement.summary.to_string())
            .collect()
    };
    assert_eq!(flagged(Flag::WeakensAudit), ["auditconfigure"]);
    assert_eq!(flagged(Flag::Escalates), ["createuser", "grantrolestouser"]);
    assert_eq!(flagged(Flag::PackedAggregate), ["aggregate mfo.borrowers where city"]);
}

#[test]
fn samba_tells_the_same_in_syslog_and_in_its_own_log() {
    let deeds = |format, name: &str| -> Vec<String> {
        let (events, _) = decode(format, &recorded(), &sample(name));
        let act = |event: &Event| {
            let act = event.file.as_ref().unwrap();
            format!("{} {} {} {}", event.actor.user, event.actor.client, act.deed.name(), act.path.shown)
        };
        events.iter().map(act).collect()
    };
    let own = deeds(Format::SambaFullAudit, "files/samba.log");
    assert_eq!(own, deeds(Format::Syslog, "syslog/samba.log"));
    assert!(own.contains(&"aigul 127.0.0.1 read /srv/dossiers/?.pdf".to_owned()), "{own:?}");
}

#[test]
fn server_audit_in_syslog_tells_what_the_file_tells() {
    let (events, tally) = decode(Format::Syslog, &recorded(), &sample("syslog/mariadb-server_audit.log"));
    assert!(events.len() > 40 && tally.handled > 40);
    let logins = events.iter().filter(|event| event.action == Action::Login).count();
    assert!(logins > 4 && events.iter().all(|event| event.trust == Trust::Forgeable));
}
