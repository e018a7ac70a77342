//! Logs that are fed in beside those of databases: what rules see of their records, and how records of the audit daemon find
//! together.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions

mod common;

use common::{decode, decode_growing, options, step};
use kuzet_decode::{Edge, Format, Tally};
use kuzet_event::{Action, Direction, Event, Outcome, RawField, Topic};

/// What rules see: each frame with its fields.
fn frames(event: &Event) -> Vec<(Topic, Vec<String>)> {
    let raw = event.raw.as_deref().unwrap();
    let of = |frame: usize| {
        let fields = RawField::ALL.iter().filter(|field| **field != RawField::Original);
        fields.flat_map(|field| raw.expose(frame, *field).map(|value| format!("{}={value}", field.name()))).collect()
    };
    raw.topics().enumerate().map(|(frame, topic)| (topic, of(frame))).collect()
}

fn values(event: &Event, topic: Topic, field: RawField) -> Vec<String> {
    let raw = event.raw.as_deref().unwrap();
    let of = raw.topics().enumerate().filter(|(_, own)| *own == topic);
    of.flat_map(|(frame, _)| raw.expose(frame, field).map(str::to_owned)).collect()
}

/// One record of event `serial` at `millis`.
fn record(serial: u32, millis: u32, text: &str) -> String {
    let (name, rest) = text.split_once(' ').unwrap();
    format!("type={name} msg=audit(179540698{}.{:03}:{serial}): {rest}\n", 3 + millis / 1000, millis % 1000)
}

fn execution(serial: u32, millis: u32, program: &str) -> [String; 4] {
    let syscall = format!(
        "SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=1 ppid=7 pid={serial} auid=1000 uid=0 ses=3 comm=\"{program}\" \
         exe=\"/usr/bin/{program}\" key=\"exec\""
    );
    [
        record(serial, millis, &syscall),
        record(serial, millis, &format!("EXECVE argc=2 a0=\"{program}\" a1=2D6C2061")),
        record(serial, millis, "PATH item=0 name=\"/usr/bin/x\" nametype=NORMAL"),
        record(serial, millis, "PROCTITLE proctitle=\"x\""),
    ]
}

#[test]
fn rules_see_each_record_with_what_is_true_of_its_process() {
    let (events, tally) = decode(Format::LinuxAudit, &options(), execution(10, 0, "ls").concat().as_bytes());
    assert_eq!((events.len(), tally), (1, Tally { seen: 4, handled: 4, ..Tally::default() }));
    let event = &events[0];
    assert_eq!(
        (event.action, event.outcome, &*event.actor.user, &*event.actor.person),
        (Action::Process, Outcome::Success, "root", "1000")
    );
    assert_eq!(event.statement_number, 10);
    let seen = frames(event);
    let topics: Vec<Topic> = seen.iter().map(|(topic, _)| *topic).collect();
    assert_eq!(topics, [Topic::Audit, Topic::Audit, Topic::Audit, Topic::Audit, Topic::Process]);
    // The arguments of the call are numbers, those of the program are words: neither is taken for the other.
    let execve: Vec<&str> = seen[1].1.iter().map(String::as_str).collect();
    assert!(execve.contains(&"auditd.log.a0=ls") && execve.contains(&"auditd.log.a1=-l a"), "{execve:?}");
    assert!(execve.contains(&"auditd.log.key=exec") && execve.contains(&"auditd.log.exe=/usr/bin/ls"), "{execve:?}");
    assert!(seen[0].1.iter().any(|field| field == "auditd.log.a0=55d0"));
    assert!(!seen[2].1.iter().any(|field| field.starts_with("auditd.log.a0")));
    assert_eq!(values(event, Topic::Process, RawField::CommandLine), ["ls -l a"]);
    assert_eq!(values(event, Topic::Audit, RawField::AuditType), ["SYSCALL", "EXECVE", "PATH", "PROCTITLE"]);
}

#[test]
fn records_between_each_other_find_together() {
    let (one, two) = (execution(10, 0, "ls"), execution(11, 1, "id"));
    let order = [&one[0], &two[0], &one[1], &two[1], &two[2], &one[2], &two[3], &one[3]];
    let log: String = order.iter().map(|line| line.as_str()).collect();
    let (events, tally) = decode(Format::LinuxAudit, &options(), log.as_bytes());
    assert_eq!((events.len(), tally.handled), (2, 8));
    assert_eq!(events.iter().map(|event| event.statement_number).collect::<Vec<u64>>(), [10, 11]);
    for (event, line) in events.iter().zip(["ls -l a", "id -l a"]) {
        assert_eq!(values(event, Topic::Process, RawField::CommandLine), [line]);
    }
    for restart in [false, true] {
        let parts = decode_growing(Format::LinuxAudit, &options(), log.as_bytes(), &[37; 60], restart);
        assert_eq!(parts, decode(Format::LinuxAudit, &options(), log.as_bytes()));
    }
}

#[test]
fn an_event_without_an_end_waits_for_a_while_only() {
    let open: String = execution(10, 0, "ls")[..3].concat();
    let mut decoder = Format::LinuxAudit.decoder(&options());
    let mut events = Vec::new();
    let mut held = |bytes: &str, edge| step(decoder.as_mut(), bytes.as_bytes(), 0, edge, &mut events).consumed;
    assert_eq!(held(&open, Edge::More), 0);
    // Others may come first, but not later than two seconds.
    assert_eq!(held(&format!("{open}{}", execution(11, 1_999, "id").concat()), Edge::More), 0);
    let late = format!("{open}{}", execution(11, 2_001, "id").concat());
    assert_eq!(held(&late, Edge::More), late.len());
    assert_eq!(events.len(), 2);
    let mut decoder = Format::LinuxAudit.decoder(&options());
    assert_eq!(step(decoder.as_mut(), open.as_bytes(), 0, Edge::Quiet, &mut events).consumed, open.len());
}

#[test]
fn the_parent_is_known_from_its_own_start() {
    let shell = execution(7, 0, "bash").concat();
    let log = format!("{shell}{}", execution(10, 1, "ls").concat());
    let (events, _) = decode_growing(Format::LinuxAudit, &options(), log.as_bytes(), &[shell.len(); 1], true);
    assert_eq!(values(&events[1], Topic::Process, RawField::ParentExecutable), ["/usr/bin/bash"]);
}

#[test]
fn connections_and_files_have_rules_of_their_own() {
    let connect = [
        record(
            10,
            0,
            "SYSCALL arch=c000003e syscall=42 success=no exit=-115 ppid=7 pid=8 auid=4294967295 uid=33 exe=\"/usr/bin/curl\"",
        ),
        record(10, 0, "SOCKADDR saddr=020001BBCB0071090000000000000000"),
        record(10, 0, "PROCTITLE proctitle=\"x\""),
    ];
    let (events, _) = decode(Format::LinuxAudit, &options(), connect.concat().as_bytes());
    assert_eq!((events[0].action, &*events[0].actor.user, &*events[0].actor.person), (Action::Network, "33", ""));
    assert_eq!(values(&events[0], Topic::Network, RawField::DestinationIp), ["203.0.113.9"]);
    assert_eq!(&*events[0].statement.as_ref().unwrap().summary, "connect 203.0.113.9 port 443");
    let open = |flags: &str| {
        [
            record(
                10,
                0,
                &format!("SYSCALL arch=c000003e syscall=257 success=yes a2={flags} pid=8 uid=33 exe=\"/usr/bin/vi\""),
            ),
            record(10, 0, "CWD cwd=\"/etc\""),
            record(10, 0, "PATH item=0 name=\"./passwd\" nametype=NORMAL"),
            record(10, 0, "PROCTITLE proctitle=\"x\""),
        ]
        .concat()
    };
    let (events, _) = decode(Format::LinuxAudit, &options(), open("241").as_bytes());
    assert_eq!(values(&events[0], Topic::File, RawField::FilePath), ["/etc/passwd"]);
    let (events, _) = decode(Format::LinuxAudit, &options(), open("80000").as_bytes());
    assert_eq!(values(&events[0], Topic::File, RawField::FilePath), [""; 0], "it is only read");
    assert_eq!(&*events[0].statement.as_ref().unwrap().summary, "openat /etc/passwd");
}

#[test]
fn rules_see_a_request_and_the_event_keeps_its_shape() {
    let line = b"10.0.0.7 - clerk7 [23/Nov/2026:04:08:12 +0000] \"GET /api/borrowers.sql?iin=850830346939 HTTP/1.1\" 200 3 \"-\" \"curl/7.88.1\"\n";
    let (events, _) = decode(Format::WebAccessLog, &options(), line);
    let event = &events[0];
    assert_eq!(&*event.statement.as_ref().unwrap().summary, "GET /api/borrowers.sql where iin");
    assert_eq!((event.identifiers.len(), &*event.actor.user, &*event.actor.program), (1, "clerk7", "curl/7.88.1"));
    let (topic, fields) = &frames(event)[0];
    assert_eq!(*topic, Topic::Webserver);
    for field in [
        "http.request.method=GET",
        "http.response.status_code=200",
        "url.original=/api/borrowers.sql?iin=850830346939",
        "url.path=/api/borrowers.sql",
        "url.query=iin=850830346939",
        "url.extension=sql",
        "user_agent.original=curl/7.88.1",
    ] {
        assert!(fields.iter().any(|own| own == field), "{field}: {fields:?}");
    }
    // What the database is asked for and what the page is asked for is the same person.
    let (asked, _) = decode(
        Format::MariadbServerAudit,
        &options(),
        b"20261122 16:27:58,vm,app,127.0.0.1,12,4,QUERY,mfo,'SELECT * FROM borrowers WHERE iin = \\'850830346939\\'',0\n",
    );
    assert_eq!(asked[0].identifiers[0].key, event.identifiers[0].key);
}

#[test]
fn a_gateway_shows_rules_the_other_side_and_alerts_as_they_stand() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/network");
    #[allow(clippy::disallowed_methods)] // tests read their recordings
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (events, _) = decode(Format::SuricataEve, &options(), &read("eve.json"));
    let alert = events.iter().find(|event| event.action == Action::Host).unwrap();
    assert_eq!(&*alert.flow.as_ref().unwrap().name.as_ref().unwrap().0, "crm.example");
    assert!(values(alert, Topic::Network, RawField::Original)[0].contains("GENERIC SUSPICIOUS POST"));
    let back = events.iter().find(|event| &*event.actor.client.to_string() == "10.0.0.9").unwrap();
    let back = back.flow.as_ref().unwrap();
    assert_eq!((back.remote, back.direction), ("203.0.113.77:61022".parse().ok(), Direction::Inbound));
    // Who asks DNS, below which domain, and nothing more of the name; rules on connections see the connection alone.
    for (format, name) in
        [(Format::SuricataEve, "eve.json"), (Format::Zeek, "zeek.json"), (Format::Zeek, "zeek-dns.log")]
    {
        let (events, _) = decode(format, &options(), &read(name));
        let asked = events.iter().find(|event| event.flow.as_ref().is_some_and(|flow| flow.query.is_some())).unwrap();
        let (flow, raw) = (asked.flow.as_ref().unwrap(), asked.raw.is_some());
        let query = flow.query.as_ref().unwrap();
        assert_eq!((&*query.domain, query.record, raw), ("drive.example", 1, false), "{name}");
        assert_eq!((flow.local.to_string(), flow.direction), ("10.0.0.5:40112".to_owned(), Direction::Outbound));
    }
    // Files of their own share the number of the flow; one stream tells the name where the bytes are.
    let id = |name: &str| decode(Format::Zeek, &options(), &read(name)).0[0].flow.as_ref().unwrap().id;
    let (stream, _) = decode(Format::Zeek, &options(), &read("zeek.json"));
    let upload = stream.iter().rfind(|event| event.session.0 == id("zeek-ssl.log")).unwrap().flow.as_ref().unwrap();
    assert_eq!((upload.sent.known(), &*upload.name.as_ref().unwrap().0), (Some(40_213_377), "drive.example"));
}
