//! Connections and programs made by hand, and what is remembered of a connection.

use super::*;
use crate::tests::{Spec, event};
use kuzet_event::{Action, Application, Payload, Query, Witness};

/// Inside a block of Kazakhstan, outside of them, and at a network that answers everywhere.
pub(crate) const HOME: &str = "2.72.0.1";
pub(crate) const ABROAD: &str = "46.4.0.1";
pub(crate) const ANYCAST: &str = "1.1.1.1";

/// A program; `session` and `login` are those of a person when given.
pub(crate) fn process(name: &str, pid: u32, user: &str, session: u32, parents: &[(&str, u32)]) -> Arc<Process> {
    Arc::new(Process {
        pid,
        began: Timestamp(1_795_364_000_000_000 + i64::from(pid)),
        name: Arc::from(name),
        path: Arc::from(format!("/usr/bin/{name}")),
        user: Arc::from(user),
        login: (session > 0).then(|| Arc::from(user)),
        session,
        container: None,
        parents: parents.iter().map(|(name, pid)| (Arc::from(*name), *pid)).collect(),
    })
}

/// A connection that `who` began, `sent` bytes so far.
pub(crate) fn flow(id: u64, to: &str, port: u16, sent: u64, who: Option<&Arc<Process>>) -> Flow {
    Flow {
        id,
        transport: Transport::Tcp,
        direction: Direction::Outbound,
        phase: Phase::Going,
        local: "10.0.0.5:40000".parse().unwrap(),
        remote: Some(SocketAddr::new(to.parse().unwrap(), port)),
        name: None,
        payload: None,
        query: None,
        opened: None,
        sent: Count::Known(sent),
        received: Count::Known(0),
        process: who.cloned(),
    }
}

/// A plain event of the operating system, so many seconds after the beginning of the tests' time.
fn of_host(seconds: i64, action: Action, user: &str) -> Event {
    let spec = Spec {
        seconds,
        user: 0,
        client: 1,
        session: 0,
        number: 0,
        form: 21,
        rows: None,
        person: 0,
        outcome: 1,
        witness: Witness::Audit,
    };
    let event = event(&spec);
    let actor =
        kuzet_event::Actor { system: kuzet_event::System::Linux, user: Arc::from(user), ..(*event.actor).clone() };
    Event { action, actor: Arc::new(actor), ..event }
}

/// A record of `flow`; a connection without a beginning began now.
pub(crate) fn record(seconds: i64, mut flow: Flow) -> Event {
    let mut event = of_host(seconds, Action::Network, flow.process.as_ref().map_or("", |process| &process.user));
    if flow.opened.is_none() {
        flow.opened = Some(event.at);
    }
    event.flow = Some(Arc::new(flow));
    event
}

/// A record of a connection that was there before the sensor.
pub(crate) fn earlier(seconds: i64, flow: Flow) -> Event {
    let event = record(seconds, flow);
    let flow = event.flow.as_deref().map(|flow| Flow { opened: None, ..flow.clone() });
    Event { flow: flow.map(Arc::new), ..event }
}

/// The start of a program.
pub(crate) fn started(seconds: i64, process: &Arc<Process>) -> Event {
    let event = of_host(seconds, Action::Process, &process.user);
    Event { process: Some(Arc::clone(process)), ..event }
}

fn met(records: &[Event]) -> Live {
    let mut live = Live::default();
    for record in records {
        live.meet(record, record.flow.as_deref().unwrap(), 600_000_000);
    }
    live
}

fn micros(seconds: i64) -> i64 {
    1_795_364_550_000_000 + seconds * 1_000_000
}

#[test]
fn what_went_before_the_sensor_did_not_go_now() {
    let going = |seconds, sent| earlier(seconds, flow(1, ABROAD, 443, sent, None));
    let live = met(&[going(0, 5_000_000), going(10, 5_000_300)]);
    assert_eq!((live.sent, live.sent_since(micros(-60)), live.up), (Some(5_000_300), 300, 300));
    // Its first bytes may be told before its numbers.
    let first = earlier(0, Flow { sent: Count::Unknown, ..flow(1, ABROAD, 443, 0, None) });
    assert_eq!(met(&[first, going(1, 7_000), going(2, 7_100)]).sent_since(micros(-60)), 100);
    // One that began under the sensor's eyes counts whole.
    let own = |seconds, sent| {
        record(seconds, Flow { opened: Some(Timestamp(micros(0))), ..flow(1, ABROAD, 443, sent, None) })
    };
    assert_eq!(met(&[own(0, 900), own(5, 1_000)]).sent_since(micros(-60)), 1_000);
}

#[test]
fn marks_reach_over_the_window_and_no_byte_counts_that_went_before_them() {
    let opened = Some(Timestamp(micros(0)));
    let own =
        |minute: i64| record(minute * 60, Flow { opened, ..flow(1, ABROAD, 443, minute.unsigned_abs() * 1_000, None) });
    let records: Vec<Event> = (0..300).map(own).collect();
    let live = met(&records);
    let since = |minute: i64| live.sent_since(micros(minute * 60));
    assert!((55_000..=70_000).contains(&since(299 - 60)), "{}", since(299 - 60));
    // Older than every mark: fewer rather than more.
    assert!(since(10) < 100_000, "{}", since(10));
    assert_eq!(since(-1), 299_000, "all of it, where it began later");
    assert!(live.marks.len() <= MARKS);
}

#[test]
fn bytes_count_upwards_only_and_downloads_are_no_upload() {
    let at = |seconds, sent, received| {
        record(seconds, Flow { received: Count::Known(received), ..flow(1, ABROAD, 443, sent, None) })
    };
    let mut live = Live::default();
    let mut meet = |event: Event| live.meet(&event, event.flow.as_deref().unwrap(), 1);
    assert_eq!(meet(at(0, 500, 4_000)), (500, 0));
    assert_eq!(meet(at(1, 700, 90_000)), (200, 0));
    assert_eq!(meet(at(2, 100_000, 90_000)), (99_300, 100_000), "now it is an upload, whole");
    assert_eq!(meet(at(3, 90_000, 90_000)), (0, 0), "a record that came late takes nothing back");
    assert_eq!(meet(at(4, 100_500, 90_000)), (500, 500));
}

#[test]
fn datagrams_of_one_socket_to_many_are_many() {
    let udp = |to: &str| Flow { transport: Transport::Udp, ..flow(9, to, 53, 40, None) };
    assert_ne!(key(&udp(ABROAD)), key(&udp(ANYCAST)));
    assert_eq!(key(&udp(ABROAD)), key(&udp(ABROAD)));
    let tcp = flow(9, ABROAD, 53, 40, None);
    assert_eq!(key(&tcp), 9);
}

#[test]
fn a_row_of_a_connection_is_read_back() {
    let who = process("curl", 77, "analyst", 70, &[("bash", 70)]);
    let query = Query {
        domain: Arc::from("example.org"),
        domain_key: 1,
        name_key: 2,
        below: 3,
        label: 3,
        characters: 3,
        entropy: 10,
        record: 1,
    };
    let payload = Payload { application: Application::Tls, hidden: false, read: 1, passed: 0 };
    let one = Flow { query: Some(query), payload: Some(payload), ..flow(1, ABROAD, 443, 9_000, Some(&who)) };
    let live = met(&[record(0, one)]);
    let row = serde_json::to_string(&live).unwrap();
    let back: Live = serde_json::from_str(&row).unwrap();
    assert_eq!(format!("{live:?}"), format!("{back:?}"));
}
