//! What the first bytes of connections bring to the sensor's events: names, questions to DNS, people.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read their fixtures

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::{bytes_line, decode, hello, options, question, step};
use kuzet_decode::{Edge, Format, path_key};
use kuzet_event::{
    Action, Application, Count, Deed, Direction, Event, Identifier, IdentifierKind, Naming, Phase, RawField, Topic,
};
use std::fmt::Write as _;

const SECOND: i64 = 1_000_000;
const START: i64 = 1_795_410_000 * SECOND;

/// Bytes of real programs, as the tests of `kuzet-wire` have them.
fn data(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/../wire/tests/data/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap().replace("\n\n", " ").replace('\n', "");
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    text.split_whitespace().map(|piece| piece.as_bytes().chunks(2).map(byte).collect()).collect()
}

/// Lines of a sensor.
#[derive(Default)]
struct Log(String);

impl Log {
    fn bytes(&mut self, at: i64, protocol: u16, direction: &str, remote: (&str, u16), offset: usize, bytes: &[u8]) {
        writeln!(
            self.0,
            "{{\"sensor\":\"bytes\",\"at\":{},\"socket\":\"1f\",\"namespace\":9,\"protocol\":{protocol},\"direction\":\"{direction}\",\
             \"local\":[\"10.0.0.5\",50270],\"remote\":[\"{}\",{}],\"offset\":{offset},\"data\":\"{}\"}}",
            START + at, remote.0, remote.1, BASE64.encode(bytes)
        )
        .unwrap();
    }

    fn flow(&mut self, at: i64, phase: &str, protocol: u16, remote: (&str, u16), opened: i64) {
        writeln!(
            self.0,
            "{{\"sensor\":\"flow\",\"at\":{},\"phase\":\"{phase}\",\"protocol\":{protocol},\"direction\":\"out\",\"socket\":\"1f\",\
             \"namespace\":9,\"opened\":{},\"sent\":517,\"received\":0,\"local\":[\"10.0.0.5\",50270],\"remote\":[\"{}\",{}],\
             \"process\":{{\"pid\":7,\"began\":1,\"name\":\"curl\",\"path\":\"/usr/bin/curl\",\"user\":\"analyst\"}}}}",
            START + at, START + opened, remote.0, remote.1
        )
        .unwrap();
    }

    /// Its events, of which no line may be lost.
    fn events(&self) -> Vec<Event> {
        let (events, tally) = decode(Format::Sensor, &options(), self.0.as_bytes());
        assert_eq!(tally.lost, 0, "{}", self.0);
        assert_eq!(tally.seen, self.0.lines().count() as u64);
        events
    }
}

const WEB: (&str, u16) = ("203.0.113.7", 443);
const RESOLVER: (&str, u16) = ("10.0.0.2", 53);

fn name(event: &Event) -> Option<(&str, Naming)> {
    event.flow.as_ref()?.name.as_ref().map(|(name, naming)| (&**name, *naming))
}

#[test]
fn the_name_in_a_hello_is_that_of_its_connection() {
    let hello = &data("tls-openssl")[0];
    let mut log = Log::default();
    log.flow(0, "open", 6, WEB, 0);
    log.bytes(2, 6, "out", WEB, 100, &hello[100..]);
    log.bytes(1, 6, "out", WEB, 0, &hello[..100]);
    log.flow(3, "closed", 6, WEB, 0);
    let mut another = Log::default();
    another.flow(4, "open", 6, WEB, 4);
    log.0.push_str(&another.0.replace("\"1f\"", "\"2f\""));
    let events = log.events();
    let [open, known, closed, other] = &events[..] else { panic!("{events:?}") };
    assert_eq!((name(open), name(other)), (None, None));
    for event in [known, closed] {
        assert_eq!(name(event), Some(("files.example.com", Naming::Sni)));
    }
    // The event of the name is one of the connection, and of the program that has it.
    let (open, flow) = (open.flow.as_ref().unwrap(), known.flow.as_ref().unwrap());
    assert_eq!((known.action, flow.phase, flow.direction), (Action::Network, Phase::Going, Direction::Outbound));
    assert_eq!((flow.sent, flow.received, known.bytes), (Count::Unknown, Count::Unknown, Count::Unknown));
    assert_eq!((flow.id, &flow.process, flow.opened), (open.id, &open.process, open.opened));
    assert_eq!(&*known.actor.user, "analyst");
    assert_eq!(flow.payload.unwrap().application, Application::Tls);
}

#[test]
fn quic_and_requests_name_their_connections_too() {
    let mut log = Log::default();
    for packet in data("quic-v1-long") {
        log.bytes(0, 17, "out", WEB, 0, &packet);
    }
    log.bytes(1, 6, "out", ("10.0.0.3", 3128), 0, &data("connect-curl")[0]);
    assert!(log.events().is_empty(), "what is said waits for the record that tells whose it is");
    // Of datagrams nobody tells who began: who sends a hello did.
    log.flow(2, "open", 17, WEB, 2);
    log.0 = log.0.replace(
        "17,\"direction\":\"out\",\"socket\":\"1f\",\"namespace\":9,\"opened\"",
        "17,\"direction\":\"unknown\",\"socket\":\"1f\",\"namespace\":9,\"opened\"",
    );
    assert!(log.0.contains("unknown"));
    // The address of a proxy may be translated behind the socket.
    log.flow(2, "closed", 6, ("172.17.0.1", 3128), 2);
    let events = log.events();
    let names: Vec<Option<(&str, Naming)>> = events.iter().map(name).collect();
    assert_eq!(names, [Some(("files.example.com", Naming::Sni)), Some(("drop.example.org", Naming::Host))]);
    assert!(events.iter().all(|event| event.flow.as_ref().unwrap().direction == Direction::Outbound));
}

#[test]
fn an_answer_of_dns_names_connections_that_follow() {
    let [question, answer] = &data("dns-a")[..] else { panic!("question and answer") };
    let (day, mut log) = (86_400 * SECOND, Log::default());
    log.flow(0, "closed", 6, WEB, 0);
    log.bytes(SECOND, 17, "out", RESOLVER, 0, question);
    log.bytes(SECOND + 1, 17, "in", RESOLVER, 0, answer);
    log.flow(SECOND + 2, "open", 17, RESOLVER, SECOND);
    log.flow(299 * SECOND, "open", 17, WEB, 298 * SECOND);
    // It began in time, so it keeps the name; one that began a day later has none.
    log.flow(day, "going", 17, WEB, 298 * SECOND);
    log.flow(day, "open", 6, ("203.0.113.7", 8443), day);
    let events = log.events();
    let named: Vec<Option<(&str, Naming)>> = events.iter().map(name).collect();
    let dns = Some(("files.example.com", Naming::Dns));
    // Answers that this host gives are no text that it sends.
    let mut server = Log::default();
    server.bytes(0, 17, "out", ("192.0.2.7", 40_000), 0, answer);
    server.flow(1, "open", 17, ("192.0.2.7", 40_000), 0);
    server.0 = server.0.replace("50270", "53");
    let payload = server.events()[0].flow.as_ref().unwrap().payload.unwrap();
    assert_eq!((server.events().len(), payload.application, payload.read), (1, Application::Dns, 0));
    // The question is an event of its own, behind the record that tells who asked; the answer is none.
    assert_eq!(named, [None, None, None, dns, dns, None]);
    let asked = events[2].flow.as_ref().unwrap();
    let query = asked.query.as_ref().unwrap();
    assert_eq!((&*query.domain, query.below, query.record), ("example.com", 5, 1));
    assert_eq!((asked.payload.unwrap().application, &*events[2].actor.user), (Application::Dns, "analyst"));
}

#[test]
fn names_survive_a_restart_as_many_as_fit() {
    let [_, answer] = &data("dns-a")[..] else { panic!("question and answer") };
    let (mut before, mut after) = (Log::default(), Log::default());
    before.flow(0, "open", 6, ("198.51.100.9", 443), 0);
    before.bytes(1, 6, "out", ("198.51.100.9", 443), 0, &data("tls-curl")[0]);
    before.bytes(2, 17, "in", RESOLVER, 0, answer);
    for port in 0..5_000 {
        before.bytes(3, 17, "out", ("198.51.100.1", 10_000 + port), 0, &data("quic-v1")[0]);
    }
    before.bytes(4, 6, "out", ("198.51.100.9", 443), 600, b"more");
    before.flow(5, "going", 6, ("198.51.100.9", 443), 0);
    after.flow(6, "closed", 6, ("198.51.100.9", 443), 0);
    after.flow(7, "open", 17, WEB, 7);
    after.flow(8, "open", 17, ("198.51.100.1", 14_999), 8);
    let mut first = Format::Sensor.decoder(&options());
    step(first.as_mut(), before.0.as_bytes(), 0, Edge::More, &mut Vec::new());
    let snapshot = first.snapshot();
    assert!(snapshot.len() > 40 << 10);
    let mut second = Format::Sensor.decoder(&options());
    second.restore(&snapshot);
    assert_eq!(second.snapshot(), snapshot);
    let mut events = Vec::new();
    step(second.as_mut(), after.0.as_bytes(), 0, Edge::End, &mut events);
    assert_eq!(
        events.iter().map(name).collect::<Vec<_>>(),
        [
            Some(("drop.example.org", Naming::Sni)),
            Some(("files.example.com", Naming::Dns)),
            Some(("files.example.com", Naming::Sni)),
        ]
    );
    // What is damaged is left out.
    second.restore(b"\0answer\tx\t1\ta.kz\nsni\tz\t\ta.kz\nhost\t1\t\t850830346939\nx");
    assert!(!String::from_utf8_lossy(&second.snapshot()).contains("850830"));
}

#[test]
fn connections_without_number_are_bounded() {
    let mut decoder = Format::Sensor.decoder(&options());
    let (mut events, mut at) = (Vec::new(), 0);
    let mut told = |log: &str| {
        assert_eq!(step(decoder.as_mut(), log.as_bytes(), at, Edge::More, &mut events).tally.lost, 0);
        at += log.len() as u64;
        std::mem::take(&mut events)
    };
    // Names of more connections than are remembered, each before its record.
    let host = |port: u16| format!("h{port}.example");
    let named: String =
        (1..=9000).map(|port| bytes_line(START, 6, "out", port, 0, &hello(host(port).as_bytes()))).collect();
    assert!(told(&named).is_empty());
    for (port, expected) in [(1, None), (9000, Some(host(9000)))] {
        let events = told(&format!(
            "{{\"sensor\":\"flow\",\"at\":{START},\"phase\":\"open\",\"protocol\":6,\"direction\":\"out\",\"socket\":\"{port:x}\",\
             \"namespace\":9,\"local\":[\"10.0.0.5\",50270],\"remote\":[\"203.0.113.7\",{port}]}}\n"
        ));
        assert_eq!(name(&events[0]).map(|(name, _)| name.to_owned()), expected);
    }
    // Questions wait for the record that says whose they are, but not all of them.
    let asked = bytes_line(START, 17, "out", 53, 0, &question(&[b"files", b"example", b"kz"])).repeat(1 << 12);
    assert!((0..1 << 4).all(|_| told(&asked).is_empty()));
    assert_eq!(told(&asked).len(), 1 << 12);
}

#[test]
fn questions_that_carry_data_are_told_by_their_shape() {
    let question = |name: &str| question(&name.split('.').map(str::as_bytes).collect::<Vec<_>>());
    let mut log = Log::default();
    for name in
        ["nbswy3dpeb3w64tmmqqho2lu.850830346939.t.evil.com", "nbswy3dpeb3w64tmmqqho2lv.t.evil.com", "www.mfo.com.kz"]
    {
        log.bytes(0, 17, "out", RESOLVER, 0, &question(name));
    }
    log.bytes(0, 17, "in", RESOLVER, 0, &question("www.mfo.kz"));
    log.flow(1, "open", 17, RESOLVER, 0);
    log.bytes(2, 17, "out", RESOLVER, 0, &question("www.mfo.com.kz"));
    let events = log.events();
    let queries: Vec<_> = events.iter().filter_map(|event| event.flow.as_ref().unwrap().query.clone()).collect();
    assert_eq!((events.len(), queries.len()), (5, 4));
    let [one, two, plain, _] = &queries[..] else { panic!("{queries:?}") };
    assert_eq!((&*one.domain, &*plain.domain), ("evil.com", "mfo.com.kz"));
    assert!(one.domain_key == two.domain_key && one.name_key != two.name_key && plain.domain_key != one.domain_key);
    assert!(
        one.below == 39 && one.label == 24 && one.characters > 15 && one.entropy > 35 && one.record == 16,
        "{one:?}"
    );
    assert!(plain.below == 3 && plain.entropy == 0, "{plain:?}");
    assert!(!format!("{events:?}").contains("nbswy3") && !format!("{events:?}").contains("8508"));
}

const ROW: &str = "7\t850830346939\tАуданов Серик Болатович\t+77000000001\t4111111111111111\n";

fn people(events: &[Event]) -> Vec<&Identifier> {
    events.iter().flat_map(|event| &event.identifiers).collect()
}

#[test]
fn people_in_clear_text_are_those_that_were_read() {
    let mut log = Log::default();
    // A value is cut between two pieces.
    log.flow(0, "open", 6, ("203.0.113.7", 9_999), 0);
    log.bytes(1, 6, "out", ("203.0.113.7", 9_999), 0, &ROW.as_bytes()[..8]);
    log.bytes(2, 6, "out", ("203.0.113.7", 9_999), 8, &ROW.as_bytes()[8..]);
    // What comes in was not sent.
    log.bytes(3, 6, "in", ("203.0.113.7", 9_999), 0, ROW.replace("8508", "9001").as_bytes());
    log.flow(4, "closed", 6, ("203.0.113.7", 9_999), 0);
    let events = log.events();
    let kinds: Vec<IdentifierKind> = people(&events).iter().map(|person| person.kind).collect();
    assert_eq!(kinds, [IdentifierKind::Iin, IdentifierKind::Phone, IdentifierKind::Card]);
    let flow = events.last().unwrap().flow.as_ref().unwrap();
    let payload = flow.payload.unwrap();
    assert_eq!((payload.application, payload.read, payload.passed), (Application::Other, ROW.len() as u64, 0));
    // The same key as that of a statement that asks for the same person.
    let statement =
        "20261122 16:27:58,vm,analyst,127.0.0.1,12,4,QUERY,mfo,'SELECT * FROM borrowers WHERE iin = 850830346939',0\n";
    let (asked, _) = decode(Format::MariadbServerAudit, &options(), statement.as_bytes());
    assert_eq!(people(&asked)[0].key, people(&events)[0].key);
    assert_eq!(people(&asked)[0].series, people(&events)[0].series);
    // A form of a web page.
    let mut web = Log::default();
    web.bytes(0, 6, "out", ("203.0.113.7", 80), 0, &data("http-curl")[0]);
    web.flow(1, "closed", 6, ("203.0.113.7", 80), 0);
    let events = web.events();
    assert_eq!(events.iter().filter_map(name).collect::<Vec<_>>(), [("files.example.com", Naming::Host); 2]);
    assert_eq!(&*events[1].actor.user, "analyst");
    assert_eq!(people(&events)[0].key, people(&asked)[0].key);
}

#[test]
fn what_is_beyond_the_budget_is_counted() {
    let rows = ROW.repeat(2_000);
    let piece = 16 << 10;
    let mut log = Log::default();
    for (at, bytes) in rows.as_bytes().chunks(piece).enumerate() {
        log.bytes(0, 6, "out", WEB, at * piece, bytes);
    }
    log.flow(1, "closed", 6, WEB, 0);
    let payload = |events: &[Event]| events.last().unwrap().flow.as_ref().unwrap().payload.unwrap();
    let told = payload(&log.events());
    assert_eq!((told.read, told.passed), (64 << 10, rows.len() as u64 - (64 << 10)));
    // A second of many connections, which datagrams to many ports are here.
    let mut many = Log::default();
    for port in 10_000..10_040 {
        many.bytes(0, 17, "out", ("203.0.113.7", port), 0, &rows.as_bytes()[..40_000]);
    }
    many.bytes(SECOND, 17, "out", ("203.0.113.7", 9_999), 0, ROW.as_bytes());
    for port in [10_000, 10_039, 9_999] {
        many.flow(SECOND, "going", 17, ("203.0.113.7", port), 0);
    }
    let events = many.events();
    let records = events.iter().filter_map(|event| event.flow.as_ref()).filter(|flow| flow.sent != Count::Unknown);
    let payloads = records.map(|flow| flow.payload.unwrap());
    let told: Vec<(u64, u64)> = payloads.map(|payload| (payload.read, payload.passed)).collect();
    assert_eq!(told, [(40_000, 0), (0, 40_000), (ROW.len() as u64, 0)]);
}

#[test]
fn bytes_that_say_nothing_are_suppressed_and_what_is_none_is_lost() {
    let mut log = Log::default();
    log.bytes(0, 6, "out", WEB, 0, &[22, 3, 1]);
    let broken = log.0.replace("\"data\":\"", "\"data\":\"!");
    let sideways = log.0.replace("\"out\"", "\"up\"");
    let mut decoder = Format::Sensor.decoder(&options());
    let text = format!("{}{broken}{sideways}", log.0);
    let mut events = Vec::new();
    let tally = step(decoder.as_mut(), text.as_bytes(), 0, Edge::End, &mut events).tally;
    assert_eq!((tally.seen, tally.handled, tally.suppressed, tally.lost), (3, 0, 1, 2));
    assert!(events.is_empty());
    assert_eq!(decoder.snapshot(), [0]);
}

#[test]
fn what_was_done_to_a_file_is_an_event_of_the_program_that_did_it() {
    let line = |what: &str, process: &str| {
        format!("{{\"sensor\":\"file\",\"at\":{START},{what},\"folder\":false,\"bytes\":7,\"process\":{process}}}\n")
    };
    let process = "{\"pid\":7,\"began\":1,\"name\":\"cp\",\"path\":\"/usr/bin/cp\",\"user\":\"analyst\",\"parents\":[[\"bash\",6]]}";
    let log = [
        line("\"do\":\"read\",\"path\":\"/srv/dossiers/a.docx\",\"to\":null", process),
        line("\"do\":\"create\",\"path\":\"/tmp/850830346939.docx\",\"to\":null", process),
        line("\"do\":\"rename\",\"path\":\"/srv/a\",\"to\":\"/srv/b.txt\"", "null"),
        line("\"do\":\"inspect\",\"path\":\"/srv/a\"", process),
        line("\"do\":\"look\",\"path\":\"/srv/a\"", process),
    ]
    .concat();
    let (events, tally) = decode(Format::Sensor, &options(), log.as_bytes());
    assert_eq!((events.len(), tally.lost), (3, 2), "nobody inspects there");
    let files: Vec<_> = events.iter().map(|event| event.file.as_deref().expect("a file")).collect();
    assert_eq!(files.iter().map(|file| file.deed).collect::<Vec<_>>(), [Deed::Read, Deed::Create, Deed::Rename]);
    assert_eq!((&*files[0].path.shown, files[0].bytes), ("/srv/dossiers/a.docx", Count::Known(7)));
    assert_eq!(&*files[1].path.shown, "/tmp/?.docx");
    let to = files[2].to.as_ref().expect("a new name");
    assert_eq!((to.key, to.folder), (path_key(&options().key, "/srv/b.txt"), path_key(&options().key, "/srv")));
    assert_eq!((events[0].action, &*events[0].actor.user), (Action::File, "analyst"));
    assert_eq!(events[0].process.as_ref().map(|process| &*process.path), Some("/usr/bin/cp"));
    assert!(events[0].raw.is_none() && events[2].process.is_none());
    let raw = events[1].raw.as_ref().expect("what rules see");
    assert_eq!(raw.topics().collect::<Vec<_>>(), [Topic::File]);
    let value = |field| raw.expose(0, field).collect::<Vec<_>>().join(" ");
    assert_eq!(value(RawField::FilePath), "/tmp/850830346939.docx");
    assert_eq!((value(RawField::Executable), value(RawField::EffectiveUser)), ("/usr/bin/cp".into(), "analyst".into()));
}
