//! Measured against logged, with the log as it is in the lab: rows unknown, cut short, or silent.

use crate::tests::{CATALOGUE, POLICY, Spec, event};
use crate::{Catalogue, Detection, Detectors, Kind, Policy, Severities, Severity, Thresholds};
use kuzet_event::{Count, Event, Witness};

const SELECT_ALL: u8 = 1;
const COPY: u8 = 2;
const SEEN: u8 = 39;
const LOGIN: u8 = 20;

fn at(seconds: i64, form: u8, witness: Witness, rows: Option<u64>) -> Event {
    let session = if witness == Witness::Measure && form != SEEN { 0 } else { 7 };
    let client = if witness == Witness::Measure { 2 } else { 0 };
    let spec = Spec { seconds, user: 1, client, session, number: 0, form, rows, person: 1, outcome: 1, witness };
    event(&spec)
}

fn logged(seconds: i64, form: u8) -> Event {
    at(seconds, form, Witness::Audit, None)
}

fn measured(seconds: i64, form: u8, calls: u64, rows: u64) -> Event {
    Event { calls, ..at(seconds, form, Witness::Measure, Some(rows)) }
}

/// What is told of `events` by a role that may read two hundred rows at a time.
fn told(events: &[Event]) -> Vec<Detection> {
    let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
    let policy = Policy::parse(POLICY, "policy.toml").unwrap();
    let mut detectors = Detectors::new(catalogue, Some(policy), Thresholds::default(), Severities::default());
    let mut detections = Vec::new();
    for event in events {
        detectors.observe(event, &mut detections);
    }
    detections
}

fn rows(detections: &[Detection]) -> u64 {
    let measured = detections.iter().filter(|one| one.witness == Witness::Measure && one.kind != Kind::BlindedSession);
    measured.filter_map(|one| one.rows.known()).sum()
}

#[test]
fn rows_that_the_log_hides_come_from_the_measure_once() {
    let detections = told(&[measured(0, 15, 1, 1), logged(100, COPY), measured(105, COPY, 1, 10_000)]);
    assert_eq!(rows(&detections), 10_000);
    assert!(detections.iter().all(|one| one.kind != Kind::BlindedSession), "{detections:?}");
    // Measured before the log tells: the story takes it when it begins.
    let detections = told(&[measured(0, 15, 1, 1), measured(100, COPY, 1, 40), logged(101, COPY)]);
    assert_eq!(rows(&detections), 40);
    // More of the same story is added, and nothing twice.
    let events = [measured(0, 15, 1, 1), logged(100, COPY), measured(105, COPY, 1, 300), measured(115, COPY, 2, 700)];
    assert_eq!(rows(&told(&events)), 1_000);
}

#[test]
fn a_silent_log_does_not_hide_bulk() {
    let detections = told(&[measured(0, 15, 1, 1), measured(100, SELECT_ALL, 1, 10_000)]);
    let bulk: Vec<&Detection> = detections.iter().filter(|one| one.kind == Kind::BulkRead).collect();
    assert_eq!(bulk.len(), 1, "{detections:?}");
    assert_eq!((bulk[0].rows, bulk[0].severity), (Count::Known(10_000), Severity::Critical));
    // Many small ones are not bulk by their sum of calls.
    let few = told(&[measured(0, 15, 1, 1), measured(100, SELECT_ALL, 400, 400)]);
    assert!(few.iter().all(|one| one.kind != Kind::BulkRead), "{few:?}");
}

#[test]
fn statements_that_the_log_does_not_show_are_told_after_their_time() {
    let begin = [measured(0, 15, 1, 1), logged(80, SELECT_ALL), measured(85, SELECT_ALL, 1, 5)];
    let blinded = |more: &[Event]| {
        let events: Vec<Event> = begin.iter().chain(more).cloned().collect();
        let detections = told(&events);
        let missing: Vec<Detection> = detections.into_iter().filter(|one| one.kind == Kind::BlindedSession).collect();
        missing.iter().map(|one| (one.events, one.rows)).collect::<Vec<_>>()
    };
    let silent = [measured(100, SELECT_ALL, 3, 30), measured(110, 15, 1, 1)];
    assert_eq!(blinded(&silent), [], "the log has 15 seconds");
    let silent = [measured(100, SELECT_ALL, 3, 30), logged(112, 15), measured(116, 15, 1, 1)];
    assert_eq!(blinded(&silent), [(3, Count::Known(30))]);
    let backlog = [measured(100, SELECT_ALL, 3, 30), measured(219, 15, 1, 1)];
    assert_eq!(blinded(&backlog), [], "a log that is silent may be behind");
    let silent = [measured(100, SELECT_ALL, 3, 30), measured(220, 15, 1, 1)];
    assert_eq!(blinded(&silent), [(3, Count::Known(30))]);
    let late = [measured(100, SELECT_ALL, 1, 5), logged(108, SELECT_ALL), measured(130, 15, 1, 1)];
    assert_eq!(blinded(&late), []);
    let part = [logged(99, SELECT_ALL), measured(100, SELECT_ALL, 4, 40), measured(220, 15, 1, 1)];
    assert_eq!(blinded(&part), [(3, Count::Known(30))]);
    // A statement is logged when it begins and measured when it ends.
    let long = [logged(90, SELECT_ALL), measured(5_000, SELECT_ALL, 1, 5), measured(5_020, 15, 1, 1)];
    assert_eq!(blinded(&long), []);
}

#[test]
fn a_log_that_never_tells_of_a_store_is_a_matter_for_doctor() {
    let events = [measured(0, 15, 1, 1), measured(100, SELECT_ALL, 3, 30), measured(200, 15, 1, 1)];
    assert!(told(&events).is_empty());
}

#[test]
fn sessions_that_never_logged_in_are_told_once() {
    let other = |seconds, form, witness| {
        let mut event = at(seconds, form, witness, None);
        event.session = kuzet_event::SessionId(8);
        event
    };
    let seen = |seconds| at(seconds, SEEN, Witness::Measure, None);
    let count = |events: &[Event]| told(events).iter().filter(|one| one.kind == Kind::BlindedSession).count();
    // The first look finds what was there before.
    let login = other(5, LOGIN, Witness::Log);
    assert_eq!(count(&[seen(0), login.clone(), seen(20), seen(40)]), 0);
    let baseline = measured(0, 15, 1, 1);
    assert_eq!(count(&[baseline.clone(), login.clone(), seen(10), seen(20)]), 0);
    let on = other(12, 15, Witness::Log);
    assert_eq!(count(&[baseline.clone(), login.clone(), seen(10), on, seen(26), seen(40)]), 1);
    assert_eq!(count(&[baseline.clone(), login.clone(), seen(10), seen(129), seen(130), seen(140)]), 1);
    assert_eq!(count(&[baseline.clone(), login, seen(10), at(11, LOGIN, Witness::Log, None), seen(26)]), 0);
    // A log without logins cannot miss one.
    assert_eq!(count(&[baseline, seen(10), seen(26)]), 0);
}
