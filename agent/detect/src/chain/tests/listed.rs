//! Readings whose log tells no port: the server's list of sessions says where they come from, before the log or after it.

use super::*;
use kuzet_event::{Action, Actor, Client, System};

const NUMBER: SessionId = SessionId(0x77);

/// As MariaDB's log or list of sessions tells it.
fn mariadb(event: Event, client: Client, client_port: u16) -> Event {
    let actor = Actor { system: System::Mariadb, client, ..(*event.actor).clone() };
    Event { actor: Arc::new(actor), session: NUMBER, client_port, ..event }
}

fn here() -> Client {
    Client::Address("127.0.0.1".parse().unwrap())
}

fn logged(seconds: i64) -> Event {
    mariadb(theft(seconds), here(), 0)
}

fn listed(seconds: i64) -> Event {
    let event = mariadb(theft(seconds), here(), PORT);
    Event { action: Action::Seen, witness: Witness::Measure, rows: Count::Unknown, statement: None, ..event }
}

fn sends(seconds: i64, who: &Arc<Process>) -> Event {
    record(seconds, flow(2, ABROAD, 443, 10, Some(who)))
}

/// Of another account and login session than its child: only the program joins them.
fn reader() -> Arc<Process> {
    process("mariadb-dump", 812, "backup", 700, &[("bash", 700), ("sshd", 650)])
}

fn sender() -> Arc<Process> {
    process("curl", 900, "other", 0, &[("mariadb-dump", 812), ("bash", 700)])
}

#[test]
fn a_session_that_is_listed_is_joined_by_program_in_whatever_order_it_is_told() {
    let (reader, sender) = (reader(), sender());
    assert!(chained(&[client(0, 1, &reader), logged(3), sends(4, &sender)]).is_empty());
    for events in [
        [client(0, 1, &reader), listed(2), logged(3), sends(4, &sender)],
        [client(0, 1, &reader), logged(3), listed(5), sends(6, &sender)],
        [client(0, 1, &reader), logged(3), sends(4, &sender), listed(5)],
        [logged(3), listed(5), client(0, 1, &reader), sends(6, &sender)],
        [listed(2), logged(3), client(0, 1, &reader), sends(6, &sender)],
    ] {
        let told = chained(&events);
        assert_eq!(how(&told), [Some(Joined::Process)]);
        assert_eq!((&*told[0].actor.user, told[0].session), ("analyst", NUMBER));
    }
}

#[test]
fn a_log_that_resolves_names_calls_the_loopback_address_a_socket() {
    let (reader, sender) = (reader(), sender());
    let logged = mariadb(theft(3), Client::Local, 0);
    for events in [
        [client(0, 1, &reader), listed(2), logged.clone(), sends(4, &sender)],
        [client(0, 1, &reader), logged.clone(), listed(5), sends(6, &sender)],
    ] {
        assert_eq!(how(&chained(&events)), [Some(Joined::Process)]);
    }
}

#[test]
fn a_log_of_whole_seconds_may_date_a_reading_before_its_connection() {
    let (reader, sender) = (reader(), sender());
    let opened = |event: Event| {
        let flow = Flow { opened: Some(Timestamp(event.at.0)), ..(**event.flow.as_ref().unwrap()).clone() };
        Event { flow: Some(Arc::new(flow)), ..event }
    };
    let later = |event: Event| Event { at: Timestamp(event.at.0 + 400_000), ..event };
    let client = opened(later(client(3, 1, &reader)));
    for events in [
        [client.clone(), later(listed(3)), logged(3), sends(5, &sender)],
        [client.clone(), logged(3), later(listed(3)), sends(5, &sender)],
    ] {
        assert_eq!(how(&chained(&events)), [Some(Joined::Process)]);
    }
}

#[test]
fn another_role_another_server_or_a_session_of_after_is_somebody_else() {
    let (reader, sender) = (reader(), sender());
    let role = |event: Event| {
        let actor = Actor { user: Arc::from("other"), ..(*event.actor).clone() };
        Event { actor: Arc::new(actor), ..event }
    };
    let elsewhere = |event: Event| mariadb(event, Client::Address("10.0.0.9".parse().unwrap()), 0);
    let closed = |seconds| {
        let event = client(seconds, 1, &reader);
        let flow = Flow { phase: Phase::Closed, ..(**event.flow.as_ref().unwrap()).clone() };
        Event { flow: Some(Arc::new(flow)), ..event }
    };
    let opened = |seconds| {
        let event = client(seconds, 1, &reader);
        let flow = Flow { opened: Some(event.at), ..(**event.flow.as_ref().unwrap()).clone() };
        Event { flow: Some(Arc::new(flow)), ..event }
    };
    for events in [
        vec![client(0, 1, &reader), role(listed(2)), logged(3), sends(4, &sender)],
        vec![client(0, 1, &reader), logged(3), role(listed(4)), sends(5, &sender)],
        vec![client(0, 1, &reader), listed(2), elsewhere(theft(3)), sends(4, &sender)],
        vec![client(0, 1, &reader), elsewhere(theft(3)), listed(4), sends(5, &sender)],
        // Numbers start again with the server: the session that read is not the one that was listed.
        vec![client(0, 1, &reader), listed(2), closed(3), logged(60), sends(61, &sender)],
        vec![logged(3), opened(60), listed(61), sends(62, &sender)],
    ] {
        assert!(chained(&events).is_empty());
    }
}

#[test]
fn what_is_listed_survives_a_restart() {
    let (reader, sender) = (reader(), sender());
    for events in [
        [client(0, 1, &reader), listed(2), logged(3), sends(4, &sender)],
        [client(0, 1, &reader), logged(3), listed(5), sends(6, &sender)],
        [listed(2), logged(3), client(0, 1, &reader), sends(6, &sender)],
    ] {
        let whole = said(&observe(&mut agent(""), &events));
        for cut in 0..events.len() {
            let mut saved = Saved::new();
            let mut before = agent("");
            let mut told = observe(&mut before, &events[..cut]);
            save(&mut before, &mut saved);
            let mut after = agent("");
            after.restore(saved);
            told.extend(observe(&mut after, &events[cut..]));
            assert_eq!(said(&told), whole, "cut at {cut}");
        }
    }
}

#[test]
fn a_flood_of_listed_sessions_is_forgotten_from_its_beginning() {
    let mut agent = agent("");
    let many: Vec<Event> = (0..10_000).map(|number| Event { session: SessionId(1 + number), ..listed(2) }).collect();
    observe(&mut agent, &many);
    assert!(agent.held() <= 2 * 4_096 + 10_000 + 512, "{}", agent.held());
}
