//! Tunnels and beacons, and what looks like them and is none.

use crate::flows::tests::{ABROAD, HOME, flow, process, record};
use crate::{Catalogue, Detection, Detectors, Kind, Recipients, Severities, Thresholds};
use kuzet_event::{Event, Flow, Phase, Process, Query, Timestamp, Transport};
use kuzet_place::Place;
use std::sync::Arc;

fn told(register: &str, events: &[Event]) -> Vec<Detection> {
    let thresholds = Thresholds::default();
    let recipients = Recipients::parse(register, "recipients.toml").unwrap();
    let place = Arc::new(Place::default());
    let mut detectors =
        Detectors::new(Catalogue::guess(), None, thresholds, Severities::default()).with_place(place, recipients);
    let mut detections = Vec::new();
    events.iter().for_each(|event| detectors.observe(event, &mut detections));
    detections.retain(|one| one.kind == Kind::CovertChannel);
    detections
}

fn fresh(told: &[Detection]) -> usize {
    told.iter().filter(|one| !one.reason.is_empty()).count()
}

/// A question for a name of `below` bytes, the longest label of `label`.
fn asks(seconds: i64, who: &Arc<Process>, name: u64, below: u8, label: u8, characters: u8) -> Event {
    let query = Query {
        domain: Arc::from("t.example"),
        domain_key: 7,
        name_key: name,
        below,
        label,
        characters,
        entropy: 40,
        record: 16,
    };
    let resolver = Flow { transport: Transport::Udp, query: Some(query), ..flow(5, "127.0.0.53", 53, 90, Some(who)) };
    record(seconds, resolver)
}

#[test]
fn many_long_names_below_one_domain_are_a_tunnel_told_of_who_asks() {
    let (who, stub) = (process("dnscat", 77, "games", 70, &[]), process("systemd-resolved", 9, "resolve", 0, &[]));
    // Each goes through the local resolver and is asked by it again.
    let events: Vec<Event> = (0..300)
        .flat_map(|number: i64| [&who, &stub].map(|who| asks(number, who, number.unsigned_abs(), 180, 60, 30)))
        .collect();
    let told = told("", &events);
    assert_eq!(fresh(&told), 1);
    assert!(told.iter().all(|one| &*one.actor.user == "games"));
    assert!(told[0].reason.contains("t.example"), "{}", told[0].reason);
    let sent = told.last().and_then(|one| one.transfer.clone()).unwrap().sent;
    assert_eq!(sent, kuzet_event::Count::Known(300 * 180));
}

#[test]
fn lookups_of_machines_are_no_tunnel() {
    let who = process("amavis", 77, "amavis", 0, &[]);
    // Block lists: addresses in digits. Names of servers: short. One name again and again. A few long keys.
    let quiet = |below, label, characters, names: u64, times: i64| {
        let events: Vec<Event> = (0..times)
            .map(|number| asks(number / 4, &who, number.unsigned_abs() % names, below, label, characters))
            .collect();
        told("", &events).len()
    };
    assert_eq!(quiet(15, 3, 11, 5_000, 5_000), 0, "block list");
    assert_eq!(quiet(14, 14, 14, 5_000, 5_000), 0, "content delivery");
    assert_eq!(quiet(60, 60, 30, 20, 5_000), 0, "the same names");
    assert_eq!(quiet(64, 64, 16, 120, 120), 0, "hashes of some files");
    // Spread over a day.
    let slow: Vec<Event> = (0..400).map(|number| asks(number * 200, &who, number.unsigned_abs(), 64, 64, 16)).collect();
    assert!(told("", &slow).is_empty());
    // Who is registered by the domain may be asked.
    let register = "[[recipient]]\nname = \"Antivirus\"\ndomain = \"t.example\"\ncountry = \"DE\"\ncontract = \"1\"\n\
        basis = \"contract\"\ncategories = [\"name\"]\nowner = \"it\"\nexpires = 2099-01-01\n";
    let many: Vec<Event> = (0..300).map(|number| asks(number, &who, number.unsigned_abs(), 180, 60, 30)).collect();
    assert!(told(register, &many).is_empty());
    assert!(!told("", &many).is_empty());
}

const DAY: i64 = 86_400;

/// `times` connections that begin `every` so many seconds, with a wobble of so many percent.
fn calls(from: i64, every: i64, times: i64, wobble: i64, to: &str, port: u16, who: &Arc<Process>) -> Vec<Event> {
    let one = |number: i64| {
        let at = from + number * every + every * wobble / 100 * (number * 7 % 5 - 2) / 2;
        let closed = Flow {
            phase: Phase::Closed,
            opened: Some(Timestamp(1_795_364_550_000_000 + at * 1_000_000)),
            ..flow(1_000 + number.unsigned_abs() + from.unsigned_abs(), to, port, 400, Some(who))
        };
        record(at + 1, closed)
    };
    (0..times).map(one).collect()
}

#[test]
fn a_program_that_calls_a_new_place_at_regular_times_is_a_beacon() {
    let (old, new) = (process("snapd", 9, "root", 0, &[]), process("kworker", 77, "www", 0, &[]));
    let mut events = calls(0, 300, 20, 1, ABROAD, 443, &old);
    events.extend(calls(8 * DAY, 60, 13, 4, "46.4.0.7", 443, &new));
    let found = told("", &events);
    assert_eq!(fresh(&found), 1);
    assert!(found[0].reason.contains("every 60 s, 12 times"), "{}", found[0].reason);
    let found = told("", &events[..events.len() - 1]);
    assert!(found.is_empty(), "twelve of them, eleven intervals");
}

#[test]
fn what_was_known_before_what_is_irregular_and_clocks_are_no_beacons() {
    let who = process("snapd", 9, "root", 0, &[]);
    let begin = calls(0, 300, 3, 1, "46.4.0.9", 443, &process("apt", 5, "_apt", 0, &[]));
    let quiet = |mut more: Vec<Event>| {
        let mut events = begin.clone();
        events.append(&mut more);
        told("", &events).len()
    };
    let mut known = calls(10, 300, 5, 1, ABROAD, 443, &who);
    known.extend(calls(9 * DAY, 300, 200, 1, ABROAD, 443, &who));
    assert_eq!(quiet(known), 0, "known");
    assert_eq!(quiet(calls(9 * DAY, 300, 200, 60, ABROAD, 443, &who)), 0, "irregular");
    assert_eq!(quiet(calls(9 * DAY, 64, 200, 0, ABROAD, 123, &who)), 0, "the clock");
    assert_eq!(quiet(calls(9 * DAY, 60, 200, 0, HOME, 443, &who)), 0, "in Kazakhstan");
    assert_eq!(quiet(calls(3 * DAY, 60, 200, 0, ABROAD, 443, &who)), 0, "still learnt");
    assert_eq!(quiet(calls(9 * DAY, 1, 500, 0, ABROAD, 443, &who)), 0, "a pool");
}
