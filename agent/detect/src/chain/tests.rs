//! Which connection belongs to which reading, and what is told of it: each way of joining, either side first, registered
//! recipients, places, long connections and short ones, restarts, floods.

mod fetched;
mod listed;

use super::*;
use crate::flows::tests::{ABROAD, ANYCAST, HOME, earlier, flow, process, record, started};
use crate::tests::{Saved, Spec, detectors, event, said, save};
use crate::{Detectors, Kind, Recipients};
use kuzet_event::{Direction, Phase, SessionId, Witness};
use kuzet_place::Place;

const COPY: u8 = 2;
/// A session of PostgreSQL: the start of its server process, and its number.
const SESSION: u64 = 0x6560_0000_0000_0900;
const PORT: u16 = 50_270;

/// A statement of `user` (0: the application, 1: the analyst, whom nothing allows) through 127.0.0.1.
fn read(seconds: i64, user: u8, form: u8, rows: Option<u64>) -> Event {
    let (client, number, session) = (0, 0, SESSION);
    let spec =
        Spec { seconds, user, client, session, number, form, rows, person: 1, outcome: 1, witness: Witness::Audit };
    Event { client_port: PORT, ..event(&spec) }
}

/// The analyst exports everything.
fn theft(seconds: i64) -> Event {
    read(seconds, 1, COPY, Some(10_000))
}

/// A reading of the application that nobody minds.
fn work(seconds: i64) -> Event {
    read(seconds, 0, 0, Some(200))
}

/// The client's side of the database session.
fn client(seconds: i64, id: u64, who: &Arc<Process>) -> Event {
    let local = SocketAddr::new("127.0.0.1".parse().unwrap(), PORT);
    record(seconds, Flow { local, ..flow(id, "127.0.0.1", 5432, 100, Some(who)) })
}

const REGISTER: &str = r#"
[[recipient]]
name = "Bureau"
address = "46.4.0.1"
country = "DE"
contract = "1"
basis = "law"
categories = CATEGORIES
owner = "credit"
expires = 2099-01-01

[[recipient]]
name = "Cloud"
domain = "cloud.example"
country = "KZ"
contract = "2"
basis = "law"
categories = ["iin", "name", "phone_mobile", "bank_account", "salary"]
owner = "it"
expires = 2099-01-01
"#;
const ALL: &str = r#"["iin", "name", "phone_mobile", "bank_account", "salary"]"#;

fn agent(categories: &str) -> Detectors {
    let register = match categories {
        "" => Recipients::default(),
        some => Recipients::parse(&REGISTER.replace("CATEGORIES", some), "recipients.toml").unwrap(),
    };
    detectors(false, &Thresholds::default()).with_place(Arc::new(Place::default()), register)
}

fn observe(detectors: &mut Detectors, events: &[Event]) -> Vec<Detection> {
    let mut detections = Vec::new();
    events.iter().for_each(|event| detectors.observe(event, &mut detections));
    detections
}

/// What the chain says of `events`.
fn chained(events: &[Event]) -> Vec<Detection> {
    with("", events)
}

fn with(categories: &str, events: &[Event]) -> Vec<Detection> {
    let mut told = observe(&mut agent(categories), events);
    told.retain(|one| one.kind == Kind::Exfiltration);
    told
}

fn how(told: &[Detection]) -> Vec<Option<Joined>> {
    told.iter().filter(|one| !one.reason.is_empty()).map(|one| one.transfer.as_ref().unwrap().joined).collect()
}

fn psql() -> Arc<Process> {
    process("psql", 812, "games", 700, &[("bash", 700), ("sshd", 650)])
}

#[test]
fn the_reader_itself_its_child_or_its_parent_sends() {
    let reader = psql();
    let child = process("curl", 900, "games", 0, &[("psql", 812), ("bash", 700)]);
    let parent = process("python3", 700, "other", 0, &[("sshd", 650)]);
    for sender in [&reader, &child, &parent] {
        let told = chained(&[client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 10, Some(sender)))]);
        assert_eq!(how(&told), [Some(Joined::Process)], "{}", sender.name);
        assert!(told[0].reason.contains("role analyst read store borrowers"), "{}", told[0].reason);
        assert_eq!((&*told[0].actor.user, told[0].session), ("analyst", SessionId(SESSION)));
    }
}

#[test]
fn a_program_that_the_server_started_sends() {
    // COPY … TO PROGRAM: a child of the server's process, whose number is part of the session.
    let sender = process("curl", 2_400, "postgres", 0, &[("sh", 2_399), ("postgres", 0x900)]);
    let events = [theft(1), record(2, flow(2, ABROAD, 443, 10, Some(&sender)))];
    assert_eq!(how(&chained(&events)), [Some(Joined::Process)]);
    // The same number inside another container is somebody else.
    let other = process("curl", 2_400, "web", 0, &[("sh", 2_399), ("dockerd", 0x900)]);
    assert!(chained(&[theft(1), record(2, flow(2, ABROAD, 443, 10, Some(&other)))]).is_empty());
}

#[test]
fn one_login_session_or_one_script_sends_and_the_programs_between_are_told() {
    let reader = psql();
    let gzip = process("gzip", 820, "games", 700, &[("bash", 700)]);
    let curl = process("curl", 830, "games", 700, &[("bash", 700)]);
    let events = [
        started(0, &reader),
        client(0, 1, &reader),
        theft(1),
        started(2, &gzip),
        started(3, &curl),
        record(3, flow(2, ABROAD, 443, 10, Some(&curl))),
    ];
    let told = chained(&events);
    assert_eq!(how(&told), [Some(Joined::Session)]);
    let steps: Vec<&str> = told[0].transfer.as_ref().unwrap().steps.iter().map(|step| &*step.process.name).collect();
    assert_eq!(steps, ["psql", "gzip"]);
    // A script of cron has no login session.
    let reader = process("pg_dump", 61, "root", 0, &[("backup.sh", 60), ("cron", 9)]);
    let sender = process("nc", 62, "nobody", 0, &[("backup.sh", 60), ("cron", 9)]);
    let events = [client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 10, Some(&sender)))];
    assert_eq!(how(&chained(&events)), [Some(Joined::Session)]);
    // cron itself starts what has nothing to do with each other.
    let reader = process("pg_dump", 61, "root", 0, &[("cron", 9)]);
    let sender = process("nc", 62, "nobody", 0, &[("cron", 9)]);
    let events = [client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 900_000, Some(&sender)))];
    assert!(chained(&events).is_empty());
}

#[test]
fn an_account_is_joined_by_much_and_not_by_its_first_byte() {
    let reader = psql();
    let sender = process("firefox", 5_000, "games", 4_000, &[("gnome", 4_000)]);
    let send = |sent| [client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, sent, Some(&sender)))];
    assert!(chained(&send(65_535)).is_empty());
    assert_eq!(how(&chained(&send(65_536))), [Some(Joined::Account)]);
    // The same account in another container is another account.
    let elsewhere = Process { container: Some(Arc::from("c0ffee")), login: None, ..(*sender).clone() };
    let events = [client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 90_000, Some(&Arc::new(elsewhere))))];
    assert!(chained(&events).is_empty());
    // One container is one account, whatever names are used in it.
    let inside = |name: &str, pid, user: &str| {
        Arc::new(Process { container: Some(Arc::from("c0ffee")), ..(*process(name, pid, user, 0, &[])).clone() })
    };
    let (reader, sender) = (inside("php", 30, "app"), inside("sync", 40, "root"));
    let events = [client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 90_000, Some(&sender)))];
    assert_eq!(how(&chained(&events)), [Some(Joined::Account)]);
}

#[test]
fn a_role_is_an_account_of_its_own_name_where_it_read_from_here() {
    let sender = process("rsync", 5_000, "analyst", 0, &[("systemd", 1)]);
    let send = record(2, flow(2, ABROAD, 443, 90_000, Some(&sender)));
    assert_eq!(how(&chained(&[theft(1), send.clone()])), [Some(Joined::Account)]);
    let mut far = theft(1);
    far.actor =
        Arc::new(kuzet_event::Actor { client: Client::Address("10.0.0.77".parse().unwrap()), ..(*far.actor).clone() });
    assert!(chained(&[far, send]).is_empty(), "called alike, on another host");
}

#[test]
fn a_gateway_joins_by_the_address_of_the_reader() {
    let mut far = theft(1);
    far.actor =
        Arc::new(kuzet_event::Actor { client: Client::Address("10.0.0.77".parse().unwrap()), ..(*far.actor).clone() });
    let seen = |local: &str, sent| {
        let local = SocketAddr::new(local.parse().unwrap(), 41_000);
        record(2, Flow { local, ..flow(2, ABROAD, 443, sent, None) })
    };
    assert_eq!(how(&chained(&[far.clone(), seen("10.0.0.77", 90_000)])), [Some(Joined::Host)]);
    assert!(chained(&[far.clone(), seen("10.0.0.77", 900)]).is_empty(), "people browse");
    assert!(chained(&[far, seen("10.0.0.78", 90_000)]).is_empty());
}

#[test]
fn the_connection_may_be_known_before_the_reading() {
    // pg_dump | nc: connected before the log tells of the dump.
    let (reader, sender) = (psql(), process("nc", 813, "games", 700, &[("bash", 700)]));
    let open = record(0, Flow { phase: Phase::Open, ..flow(2, ABROAD, 9000, 4_000, Some(&sender)) });
    assert_eq!(how(&chained(&[client(0, 1, &reader), open.clone(), theft(5)])), [Some(Joined::Session)]);
    // The log before the kernel: the port of the session is found later.
    assert_eq!(
        how(&chained(&[
            open.clone(),
            theft(5),
            client(5, 1, &reader),
            record(6, flow(3, ABROAD, 9000, 10, Some(&sender)))
        ])),
        [Some(Joined::Session)]
    );
    // Over long before.
    let closed = Flow { phase: Phase::Closed, ..flow(2, ABROAD, 9000, 400_000, Some(&sender)) };
    assert!(chained(&[client(0, 1, &reader), record(1, closed), theft(100)]).is_empty());
}

#[test]
fn ports_are_given_again() {
    let (reader, other) = (psql(), process("php", 30, "www", 0, &[("php", 20)]));
    let ended = |seconds, who| {
        let event = client(seconds, 1, who);
        let flow = Flow { phase: Phase::Closed, ..(**event.flow.as_ref().unwrap()).clone() };
        Event { flow: Some(Arc::new(flow)), ..event }
    };
    let send = |who| record(50, flow(2, ABROAD, 443, 10, Some(who)));
    // The port was another's until long before; whose it is now is told after the log.
    let events = [client(0, 1, &other), ended(10, &other), theft(40), client(41, 3, &reader), send(&other)];
    assert!(chained(&events).is_empty());
    // A short session is over when the log tells of it.
    let events = [ended(40, &reader), theft(40), send(&reader)];
    assert_eq!(how(&chained(&events)), [Some(Joined::Process)]);
}

#[test]
fn a_reading_that_nobody_told_needs_many_bytes_in_one_connection_or_in_many() {
    let reader = process("php", 30, "app", 0, &[("php", 20)]);
    let begin = [client(0, 1, &reader), work(1)];
    assert!(observe(&mut agent(""), &begin).is_empty(), "ordinary work");
    let one = |sent| [begin[0].clone(), begin[1].clone(), record(2, flow(2, ABROAD, 443, sent, Some(&reader)))];
    assert!(chained(&one(65_535)).is_empty());
    let told = chained(&one(65_536));
    assert_eq!(how(&told), [Some(Joined::Process)]);
    assert_eq!((told[0].rows, told[0].people_at_most), (Count::Known(200), Count::Known(200)));
    // Three thousand short ones.
    let mut many = begin.to_vec();
    many.extend((0..3_000).map(|number| {
        let closed = Flow { phase: Phase::Closed, ..flow(10 + number, ABROAD, 443, 100, Some(&reader)) };
        record(2 + number.cast_signed() / 10, closed)
    }));
    let told = chained(&many);
    assert!(!told.is_empty());
    assert_eq!(told.iter().filter_map(|one| one.rows.known()).sum::<u64>(), 200, "rows are told once");
    // A few rows are a screen.
    let few = read(1, 0, 0, Some(20));
    assert!(chained(&[begin[0].clone(), few, record(2, flow(2, ABROAD, 443, 900_000, Some(&reader)))]).is_empty());
    // What trickles over days is no story of its own.
    let mut slow = begin.to_vec();
    for hour in 1..100 {
        slow.push(work(hour * 3_000));
        slow.push(record(hour * 3_000 + 1, flow(2, ABROAD, 443, hour.unsigned_abs() * 2_000, Some(&reader))));
    }
    assert!(chained(&slow).is_empty());
}

#[test]
fn rows_and_people_are_told_once_however_long_it_goes_on() {
    let reader = process("php", 30, "app", 0, &[("php", 20)]);
    let mut events = vec![client(0, 1, &reader)];
    for part in 0..20_i64 {
        events.push(work(part * 60 + 1));
        events.push(record(part * 60 + 2, flow(2, ABROAD, 443, (part.unsigned_abs() + 1) * 70_000, Some(&reader))));
    }
    let told = chained(&events);
    assert_eq!(how(&told).len(), 1, "one story");
    let rows: u64 = told.iter().filter_map(|one| one.rows.known()).sum();
    let people: u64 = told.iter().filter_map(|one| one.people_at_most.known()).sum();
    assert_eq!((rows, people), (4_000, 4_000));
    assert_eq!(told.iter().map(|one| one.events).sum::<u64>(), 1);
    let last = told.last().unwrap().transfer.clone().unwrap();
    assert_eq!(last.sent, Count::Known(1_400_000));
    // What another detector told is not counted here.
    let told = chained(&[client(0, 1, &reader), theft(1), record(2, flow(2, ABROAD, 443, 10, Some(&reader)))]);
    assert_eq!((told[0].rows, told[0].people_at_most), (Count::Known(0), Count::Known(0)));
    // Unknown is not zero.
    let unknown = read(1, 0, 0, None);
    let told = chained(&[client(0, 1, &reader), unknown, record(2, flow(2, ABROAD, 443, 70_000, Some(&reader)))]);
    assert_eq!((told[0].rows, told[0].people_at_most), (Count::Unknown, Count::Known(10_000)));
}

#[test]
fn who_is_registered_has_what_the_register_lets_it_have() {
    let reader = psql();
    let send = |to, sent| [client(0, 1, &reader), theft(1), record(2, flow(2, to, 443, sent, Some(&reader)))];
    assert!(with(ALL, &send(ABROAD, 900_000)).is_empty());
    let told = with(r#"["name"]"#, &send(ABROAD, 10));
    assert_eq!(how(&told), [Some(Joined::Process)], "not all that was read");
    assert_eq!(told[0].transfer.as_ref().unwrap().recipient.as_deref(), Some("Bureau"));
    // A name alone is what the client claims: enough for little.
    let named = |to, sent| {
        let name = Some((Arc::from("cloud.example"), kuzet_event::Naming::Sni));
        [client(0, 1, &reader), theft(1), record(2, Flow { name, ..flow(2, to, 443, sent, Some(&reader)) })]
    };
    assert!(with(ALL, &named("46.4.0.9", 900)).is_empty());
    let told = with(ALL, &named("46.4.0.9", 70_000));
    assert_eq!(told[0].transfer.as_ref().unwrap().place.name(), "foreign-unlisted", "the address does not move by it");
    // An account, with nothing but that in common, is told too.
    let other = process("sync", 40, "games", 0, &[("systemd", 1)]);
    let name = Some((Arc::from("cloud.example"), kuzet_event::Naming::Sni));
    let events =
        [client(0, 1, &reader), theft(1), record(2, Flow { name, ..flow(2, "46.4.0.9", 443, 70_000, Some(&other)) })];
    assert_eq!(how(&with(ALL, &events)), [Some(Joined::Account)]);
}

#[test]
fn in_kazakhstan_only_much_by_the_program_or_session_of_a_told_reading() {
    let (reader, other) = (psql(), process("sync", 40, "games", 0, &[("systemd", 1)]));
    let send = |to, sent, who| [client(0, 1, &reader), theft(1), record(2, flow(2, to, 443, sent, Some(who)))];
    assert!(chained(&send(HOME, 65_535, &reader)).is_empty());
    assert_eq!(how(&chained(&send(HOME, 65_536, &reader))), [Some(Joined::Process)]);
    assert!(chained(&send(HOME, 900_000, &other)).is_empty(), "an account does much");
    let quiet = [client(0, 1, &reader), work(1), record(2, flow(2, HOME, 443, 900_000, Some(&reader)))];
    assert!(chained(&quiet).is_empty(), "nobody minded the reading");
    // Where nobody knows is not home.
    assert_eq!(how(&chained(&send(ANYCAST, 10, &reader))), [Some(Joined::Process)]);
    for near in ["10.0.0.9", "127.0.0.1", "169.254.1.1", "fd00::1"] {
        assert!(chained(&send(near, 900_000, &reader)).is_empty(), "{near}");
    }
}

#[test]
fn a_reader_abroad_has_it_with_the_answer() {
    let mut far = theft(1);
    let actor = |address: &str| {
        Arc::new(kuzet_event::Actor { client: Client::Address(address.parse().unwrap()), ..(*theft(1).actor).clone() })
    };
    far.actor = actor("46.4.0.1");
    let told = chained(&[far.clone(), Event { at: Timestamp(far.at.0 + 1), ..far.clone() }]);
    assert_eq!(how(&told), [Some(Joined::Process)], "once a story");
    assert!(told[0].reason.contains("which is abroad"), "{}", told[0].reason);
    assert!(with(ALL, &[far.clone()]).is_empty(), "a registered recipient");
    assert_eq!(with(r#"["name"]"#, &[far.clone()]).len(), 1, "that may not have all of it");
    for near in ["10.0.0.9", HOME, ANYCAST] {
        far.actor = actor(near);
        assert!(chained(&[far.clone()]).is_empty(), "{near}");
    }
}

#[test]
fn answers_of_services_and_refused_connections_are_no_way_out() {
    let reader = process("java", 30, "app", 0, &[("systemd", 1)]);
    let inbound = Flow { direction: Direction::Inbound, ..flow(2, ABROAD, 50_000, 900_000, Some(&reader)) };
    assert!(chained(&[client(0, 1, &reader), record(1, inbound.clone()), theft(2)]).is_empty(), "before");
    assert!(chained(&[client(0, 1, &reader), theft(2), record(3, inbound)]).is_empty(), "after");
    let refused = Flow { phase: Phase::Refused, sent: Count::Known(0), ..flow(2, ABROAD, 443, 0, Some(&reader)) };
    assert!(chained(&[client(0, 1, &reader), theft(2), record(3, refused)]).is_empty());
    let empty = flow(2, ABROAD, 443, 0, Some(&reader));
    assert!(chained(&[client(0, 1, &reader), theft(2), record(3, empty)]).is_empty(), "nothing was sent");
}

#[test]
fn an_old_connection_counts_from_the_reading_on() {
    let reader = psql();
    let going = |seconds, sent| earlier(seconds, flow(2, ABROAD, 22, sent, Some(&reader)));
    let begin = [client(0, 1, &reader), going(0, 2_000_000_000), going(100, 2_000_000_100), theft(200)];
    assert!(chained(&begin).is_empty());
    let mut events = begin.to_vec();
    events.push(going(210, 2_000_040_000));
    assert!(chained(&events).is_empty());
    events.push(going(220, 2_000_070_000));
    assert_eq!(how(&chained(&events)), [Some(Joined::Process)]);
}

#[test]
fn the_window_ends() {
    let reader = psql();
    let send = |seconds| record(seconds, flow(2, ABROAD, 443, 900_000, Some(&reader)));
    assert_eq!(chained(&[client(0, 1, &reader), theft(1), send(3_600)]).len(), 1);
    assert!(chained(&[client(0, 1, &reader), theft(1), send(3_602)]).is_empty());
}

#[test]
fn a_restart_in_the_middle_joins_the_same() {
    let reader = psql();
    let (gzip, curl) =
        (process("gzip", 820, "games", 700, &[("bash", 700)]), process("curl", 830, "games", 700, &[("bash", 700)]));
    let events = [
        started(0, &reader),
        client(0, 1, &reader),
        theft(1),
        started(2, &gzip),
        started(3, &curl),
        record(4, flow(2, ABROAD, 443, 10, Some(&curl))),
        record(5, flow(2, ABROAD, 443, 90_000, Some(&curl))),
        work(6),
        record(7, flow(3, ABROAD, 443, 90_000, Some(&curl))),
    ];
    let whole = said(&observe(&mut agent(r#"["name"]"#), &events));
    for cut in 0..events.len() {
        let mut saved = Saved::new();
        let mut before = agent(r#"["name"]"#);
        let mut told = observe(&mut before, &events[..cut]);
        save(&mut before, &mut saved);
        let mut after = agent(r#"["name"]"#);
        after.restore(saved);
        told.extend(observe(&mut after, &events[cut..]));
        assert_eq!(said(&told), whole, "cut at {cut}");
    }
}

#[test]
fn a_connection_is_joined_with_a_few_stories_and_told_no_more_after_them() {
    let reader = psql();
    let mut events = vec![client(0, 1, &reader)];
    for number in 0..20_u8 {
        let mut one = theft(i64::from(number));
        one.actor = Arc::new(kuzet_event::Actor { user: Arc::from(format!("r{number}")), ..(*one.actor).clone() });
        one.session = SessionId(SESSION + u64::from(number));
        events.push(one);
    }
    for second in 0..50 {
        events.push(record(30 + second, flow(2, ABROAD, 443, 100 + second.unsigned_abs(), Some(&reader))));
    }
    assert_eq!(how(&chained(&events)).len(), 8);
}

#[test]
fn a_flood_of_connections_or_of_sessions_costs_no_more_the_longer_it_goes_on() {
    let reader = psql();
    let mut agent = agent("");
    observe(&mut agent, &[client(0, 1, &reader)]);
    // A thousand stories of reading, ten thousand connections of somebody else, and a pool of sessions.
    let stories = (0..1_000_u32).map(|number| {
        let mut one = theft(i64::from(number) / 10);
        one.actor = Arc::new(kuzet_event::Actor { user: Arc::from(format!("r{number}")), ..(*one.actor).clone() });
        one
    });
    let stories: Vec<Event> = stories.collect();
    observe(&mut agent, &stories);
    let other = process("flood", 9_000, "flooder", 0, &[]);
    let flows: Vec<Event> = (0..10_000_u64)
        .map(|id| {
            record(
                100,
                Flow {
                    local: SocketAddr::new("10.0.0.5".parse().unwrap(), id as u16),
                    ..flow(100 + id, ABROAD, 443, 10, Some(&other))
                },
            )
        })
        .collect();
    observe(&mut agent, &flows);
    let pool: Vec<Event> =
        (0..2_000_u64).map(|number| Event { session: SessionId(SESSION + number % 50), ..work(101) }).collect();
    observe(&mut agent, &pool);
    assert!(agent.held() <= 256 + 2 * 8_192 + 8_192 + 512 + 20_000, "{}", agent.held());
    // The reader's connection is still known.
    let told = observe(&mut agent, &[record(102, flow(2, ABROAD, 443, 10, Some(&reader)))]);
    assert!(told.iter().any(|one| one.kind == Kind::Exfiltration));
}

/// A rule of its own on a connection.
fn ruled(rule: &str, categories: &str, events: &[Event]) -> Vec<Detection> {
    let text = format!(
        "title: Own\nname: own\nlevel: high\nkuzet: {{kind: covert_channel}}\nlogsource: {{category: network_connection}}\n\
         detection: {{selection: {{{rule}}}, condition: selection}}\n"
    );
    let load = crate::RuleBook::load([("own.yml", text)], &Default::default(), &Default::default(), &[]);
    assert!(load.1.is_empty(), "{:?}", load.1);
    let mut agent = agent(categories).with_rules(load.0, &kuzet_personal::Key::new([7; 32]));
    let mut told = observe(&mut agent, events);
    told.retain(|one| one.rule.is_some());
    told
}

#[test]
fn rules_see_where_a_connection_ends() {
    let who = process("curl", 77, "games", 0, &[]);
    let of = |to| [record(0, flow(1, to, 443, 5_000, Some(&who)))];
    for (rule, to, hits) in [
        ("destination.place: foreign-unlisted", ABROAD, 1),
        ("destination.place: foreign-unlisted", HOME, 0),
        ("destination.place: domestic", HOME, 1),
        ("destination.place: unknown", ANYCAST, 1),
        ("destination.place: local", "10.0.0.9", 1),
        ("destination.geo.country_iso_code: KZ", HOME, 1),
        ("destination.geo.country_iso_code: KZ", ABROAD, 0),
        ("destination.bytes|gte: 5000", ABROAD, 1),
        ("destination.bytes|gt: 5000", ABROAD, 0),
        ("kuzet.recipient: 'no'", ABROAD, 1),
    ] {
        assert_eq!(ruled(rule, "", &of(to)).len(), hits, "{rule} {to}");
    }
    assert_eq!(ruled("kuzet.recipient: 'yes'", ALL, &of(ABROAD)).len(), 1);
    assert_eq!(ruled("destination.geo.country_iso_code: DE", ALL, &of(ABROAD)).len(), 1, "the register says so");
    let told = ruled("destination.place: foreign-unlisted", "", &of(ABROAD));
    let transfer = told[0].transfer.clone().expect("its connection");
    assert_eq!((transfer.sent, transfer.place.name()), (Count::Known(5_000), "foreign-unlisted"));
}

#[test]
fn a_rule_of_traffic_keeps_quiet_where_the_chain_tells() {
    let reader = psql();
    let rule = "destination.place: foreign-unlisted";
    let send = record(2, flow(2, ABROAD, 443, 10, Some(&reader)));
    assert_eq!(ruled(rule, "", &[client(0, 1, &reader), send.clone()]).len(), 1);
    assert!(ruled(rule, "", &[client(0, 1, &reader), theft(1), send]).is_empty());
}
