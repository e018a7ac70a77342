//! Measured against logged, with the log as it is in the lab: rows unknown, cut short, or silent.

use crate::tests::{CATALOGUE, POLICY, Spec, event};
use crate::{Catalogue, Detection, Detectors, Kind, Policy, Severities, Severity, Thresholds};
use kuzet_event::{
    Action, Actor, Client, Count, Event, Flag, Flags, Outcome, Place, RoleChange, RoleVerb, Setting, SourceId,
    Statement, Timestamp, Verb, Witness,
};
use std::sync::Arc;

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

/// What raised `role` to `right`: a record of the log, of the statistics, or the difference of two polls.
fn raised(seconds: i64, user: &str, witness: Witness, role: &str, right: &str) -> Event {
    let mut event = at(seconds, 9, witness, None);
    let (source, client) = match witness {
        Witness::Measure => (1, Client::Unknown),
        _ => (0, event.actor.client.clone()),
    };
    event.place = Place { source: SourceId(source), ..Place::default() };
    event.actor = Arc::new(Actor { user: Arc::from(user), client, ..(*event.actor).clone() });
    let list = |word: &str| vec![Arc::from(word)];
    let change = RoleChange { verb: RoleVerb::Alter, rights: list(right), grantees: list(role) };
    let statement = event.statement.as_deref().unwrap().clone();
    event.statement = Some(Arc::new(Statement { role: Some(change), ..statement }));
    event
}

/// Reasons of what was told of privileges or the audit, with the source that it stands at.
fn acts(events: &[Event], later: i64) -> Vec<(u16, String)> {
    let mut detectors = Detectors::new(Catalogue::guess(), None, Thresholds::default(), Severities::default());
    let mut detections = Vec::new();
    detectors.observe(&at(0, LOGIN, Witness::Log, None), &mut detections);
    detectors.observe(&measured(0, 15, 1, 1), &mut detections);
    for event in events {
        detectors.observe(event, &mut detections);
    }
    detectors.tick(Timestamp(at(later, LOGIN, Witness::Log, None).at.0), &mut detections);
    for one in detections.iter().filter(|one| one.measures) {
        let same = |other: &&Detection| (&other.actor.user, other.place) == (&one.actor.user, one.place);
        assert!(detections.iter().filter(same).any(|other| !other.measures), "it joins no story: {one:?}");
    }
    let words = detections.into_iter().filter(|one| !one.reason.is_empty());
    words.map(|one| (one.place.source.0, one.reason)).collect()
}

#[test]
fn a_role_change_is_one_act_whoever_tells_of_it() {
    let logged = || raised(100, "dba", Witness::Audit, "analyst", "SUPERUSER");
    let counted = |seconds| raised(seconds, "dba", Witness::Measure, "analyst", "SUPERUSER");
    let differs = |seconds| raised(seconds, "", Witness::Measure, "analyst", "SUPERUSER");
    let once = vec![(0, "role dba raises privileges: SUPERUSER for analyst".to_owned())];
    assert_eq!(acts(&[logged(), differs(105), counted(105)], 900), once);
    // The poll is faster than the log.
    assert_eq!(acts(&[differs(99), counted(99), logged()], 900), once);
    // The statistics alone know who it was; the difference is theirs.
    let known = [differs(105), counted(105)];
    let said = "role dba raises privileges: SUPERUSER for analyst; the log does not show it";
    assert_eq!(acts(&known, 900), [(1, said.to_owned())]);
    // The log has its time, and no more than that.
    assert_eq!(acts(&[differs(105)], 224), []);
    let silent =
        vec![(1, "privileges were raised: SUPERUSER for analyst; no statement in the log explains it".to_owned())];
    assert_eq!(acts(&[differs(105)], 225), silent);
    assert_eq!(acts(&[differs(105), at(106, 15, Witness::Log, None)], 119), []);
    assert_eq!(acts(&[differs(105), at(106, 15, Witness::Log, None)], 120), silent);
}

#[test]
fn a_statement_explains_what_it_does_and_nothing_else() {
    let logged = |user, role, right| raised(100, user, Witness::Audit, role, right);
    let differs = |role, right| raised(105, "", Witness::Measure, role, right);
    let untold = |events: &[Event]| {
        let told = acts(events, 900);
        told.iter().filter(|(source, reason)| *source == 1 && reason.ends_with("in the log explains it")).count()
    };
    assert_eq!(untold(&[logged("dba", "clerk", "SUPERUSER"), differs("analyst", "SUPERUSER")]), 1);
    assert_eq!(untold(&[logged("dba", "analyst", "CREATEROLE"), differs("analyst", "SUPERUSER")]), 1);
    // pgaudit cuts the statement at a password: what stood behind it is not known.
    assert_eq!(untold(&[logged("dba", "analyst", "UNKNOWN"), differs("analyst", "SUPERUSER")]), 0);
    // One statement, one difference: the second was made in another way.
    let again = raised(305, "", Witness::Measure, "analyst", "SUPERUSER");
    assert_eq!(untold(&[logged("dba", "analyst", "SUPERUSER"), differs("analyst", "SUPERUSER"), again]), 1);
    // What the server refused was not done by it.
    let refused = Event { outcome: Outcome::Failure, ..raised(100, "dba", Witness::Log, "analyst", "SUPERUSER") };
    assert_eq!(untold(&[logged("dba", "analyst", "SUPERUSER"), refused, differs("analyst", "SUPERUSER")]), 1);
    // Too long ago.
    let late = raised(100 + 901, "", Witness::Measure, "analyst", "SUPERUSER");
    assert_eq!(acts(&[logged("dba", "analyst", "SUPERUSER"), late], 9_000).len(), 2);
}

#[test]
fn an_untraced_change_is_graver_than_a_logged_one() {
    let severity = |events: &[Event]| {
        let (detections, mut detectors) =
            (&mut Vec::new(), Detectors::new(Catalogue::guess(), None, Thresholds::default(), Severities::default()));
        events.iter().for_each(|event| detectors.observe(event, detections));
        detectors.finish(detections);
        detections.iter().map(|one| one.severity).max()
    };
    let begin = measured(0, 15, 1, 1);
    let logged = raised(100, "dba", Witness::Audit, "analyst", "SUPERUSER");
    let differs = raised(105, "", Witness::Measure, "analyst", "SUPERUSER");
    assert_eq!(severity(&[begin.clone(), logged, differs.clone()]), Some(Severity::High));
    assert_eq!(severity(&[begin, at(0, LOGIN, Witness::Log, None), differs]), Some(Severity::Critical));
}

#[test]
fn a_setting_that_was_changed_by_a_logged_statement_is_one_act() {
    let weaken = |seconds, user: &str, witness| {
        let mut event = raised(seconds, user, witness, "", "");
        let setting = Setting { name: Arc::from("pgaudit.log"), value: Some(Arc::from("none")), global: true };
        let statement = event.statement.as_deref().unwrap().clone();
        let flags = Flags::NONE.with(Flag::WeakensAudit);
        let (verb, settings) = (Verb::Setting, vec![setting]);
        event.statement = Some(Arc::new(Statement { verb, flags, settings, role: None, ..statement }));
        if user.is_empty() {
            event.action = Action::Setting;
        }
        event
    };
    let logged = || weaken(100, "dba", Witness::Audit);
    let differs = |seconds| weaken(seconds, "", Witness::Measure);
    let once = vec![(0, "role dba weakens the audit: pgaudit.log = none".to_owned())];
    assert_eq!(acts(&[logged(), differs(105)], 900), once);
    assert_eq!(acts(&[differs(99), logged()], 900), once);
    let said = "the audit is weaker now: pgaudit.log = none; no statement in the log explains it";
    assert_eq!(acts(&[differs(105)], 900), [(1, said.to_owned())]);
}

/// Measured rows of each person's story.
fn rows_by_person(events: &[Event]) -> Vec<(String, u64, bool)> {
    let mut sums: std::collections::BTreeMap<String, (u64, bool)> = std::collections::BTreeMap::new();
    for one in told(events).iter().filter(|one| one.witness == Witness::Measure) {
        let sum = sums.entry(one.actor.person.to_string()).or_default();
        sum.0 += one.rows.known().unwrap_or(0);
        sum.1 |= one.reason.contains("which of the persons behind the role is unknown");
    }
    sums.into_iter().map(|(person, (rows, unsaid))| (person, rows, unsaid)).collect()
}

#[test]
fn measured_rows_go_to_the_person_who_alone_ran_the_statement() {
    let by = |person: &str, event: Event| {
        let actor = Actor { person: Arc::from(person), ..(*event.actor).clone() };
        Event { actor: Arc::new(actor), ..event }
    };
    let begin = || by("?", measured(0, 15, 1, 1));
    let counted = |seconds, form, rows| by("?", measured(seconds, form, 1, rows));
    let one = [begin(), by("asel", logged(100, SELECT_ALL)), counted(105, SELECT_ALL, 10_000)];
    assert_eq!(rows_by_person(&one), [("asel".to_owned(), 10_000, false)]);
    // Each has a statement of their own.
    let two = [
        begin(),
        by("asel", logged(100, SELECT_ALL)),
        by("marat", logged(101, COPY)),
        counted(105, SELECT_ALL, 10_000),
        counted(105, COPY, 70),
    ];
    assert_eq!(rows_by_person(&two), [("asel".to_owned(), 10_000, false), ("marat".to_owned(), 70, false)]);
    // One after the other, with a measurement between them.
    let turns = [
        begin(),
        by("asel", logged(100, SELECT_ALL)),
        counted(105, SELECT_ALL, 300),
        by("marat", logged(106, SELECT_ALL)),
        counted(110, SELECT_ALL, 900),
    ];
    assert_eq!(rows_by_person(&turns), [("asel".to_owned(), 300, false), ("marat".to_owned(), 900, false)]);
    // Both ran it: the rows stay with the role, and that is said.
    let both = [
        begin(),
        by("asel", logged(100, SELECT_ALL)),
        by("marat", logged(101, SELECT_ALL)),
        counted(105, SELECT_ALL, 10_000),
    ];
    assert_eq!(rows_by_person(&both), [("?".to_owned(), 10_000, true)]);
    // Somebody who was not told may be anybody.
    let unsaid = [begin(), by("asel", logged(100, SELECT_ALL)), by("?", logged(101, SELECT_ALL))];
    let unsaid: Vec<Event> = unsaid.into_iter().chain([counted(105, SELECT_ALL, 10_000)]).collect();
    assert_eq!(rows_by_person(&unsaid), [("?".to_owned(), 10_000, true)]);
}

/// A rule beside the stores and the correlation that counts it.
const COUNTED: &str = "title: a look\nid: 0c54b7a5-3e8f-4a4f-9a1e-6a3b0f1f0a01\nname: look\nlogsource:\n  category: database\n\
    detection:\n  s:\n    db.query.summary: 'form 15'\n  condition: s\nlevel: informational\n---\ntitle: many looks\n\
    id: 0c54b7a5-3e8f-4a4f-9a1e-6a3b0f1f0a02\nname: looks\ncorrelation:\n  type: event_count\n  rules: [look]\n  group-by:\n    \
    - user.name\n  timespan: 10m\n  condition:\n    gte: 5\nlevel: medium\n";

#[test]
fn a_statement_that_audit_and_log_both_tell_counts_once_in_a_correlation() {
    let (book, faults) = crate::RuleBook::load([("look.yml", COUNTED)], &Default::default(), &Default::default(), &[]);
    assert!(faults.is_empty(), "{faults:?}");
    let fired = |statements: u64, witnesses: &[Witness], cut: bool| {
        let make = || {
            let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
            let detectors = Detectors::new(catalogue, None, Thresholds::default(), Severities::default());
            detectors.with_rules(book.clone(), &kuzet_personal::Key::new([7; 32]))
        };
        let (mut detectors, mut saved) = (make(), std::collections::BTreeMap::new());
        let mut detections = Vec::new();
        for number in 0..statements {
            for witness in witnesses {
                let spec = Spec {
                    seconds: i64::try_from(number).unwrap() * 10,
                    user: 1,
                    client: 0,
                    session: 7,
                    number: if *witness == Witness::Audit { number + 1 } else { 0 },
                    form: 15,
                    rows: None,
                    person: 1,
                    outcome: 1,
                    witness: *witness,
                };
                detectors.observe(&event(&spec), &mut detections);
                if cut {
                    saved.extend(detectors.changes().into_iter().filter_map(|(key, value)| Some((key, value?))));
                    detectors = make();
                    detectors.restore(saved.clone());
                }
            }
        }
        detections.iter().filter(|one| one.rule.is_some()).count()
    };
    for both in [&[Witness::Audit, Witness::Log][..], &[Witness::Log, Witness::Audit]] {
        for cut in [false, true] {
            assert_eq!((fired(4, both, cut), fired(5, both, cut)), (0, 1), "{both:?} {cut}");
        }
    }
    assert_eq!((fired(4, &[Witness::Log], false), fired(5, &[Witness::Log], false)), (0, 1));
    // A record a relation, as pgaudit writes them.
    assert_eq!(fired(4, &[Witness::Audit, Witness::Audit], false), 0);
}
