//! Which detections become one incident, what it says, and how it is linked.

use crate::common::*;
use kuzet_detect::{Detection, Kind, Severity};
use kuzet_event::*;
use kuzet_incident::*;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn one_actor_family_and_store_is_one_story() {
    let mut folder = Folder::new(config());
    let incidents = fold(
        &mut folder,
        &[
            detection("intruder", Kind::PolicyViolation, seconds(0), Count::Known(5)),
            detection("intruder", Kind::Export, seconds(60), Count::Unknown),
            detection("intruder", Kind::BulkRead, seconds(800), Count::Known(12_335)),
            detection("intruder", Kind::Destruction, seconds(801), Count::Known(3)),
            detection("clerk", Kind::BulkRead, seconds(802), Count::Known(9)),
        ],
    );
    let told: Vec<_> = incidents.iter().map(|one| (one.user.as_str(), one.detections)).collect();
    assert_eq!(told, [("intruder", 3), ("intruder", 1), ("clerk", 1)]);
    let first = &incidents[0];
    assert_eq!(first.rows, Rows { known: 12_340, unknown_parts: 1, undone: 0, measured: Count::Unknown });
    assert_eq!((first.since, first.until), (seconds(0), seconds(800)));
    assert_eq!(first.categories, ["name", "iin", "phone_mobile"]);
    assert_eq!(first.people.at_most, Count::Known(10_000));
    assert!(!first.evidence.complete);
    assert_eq!(first.evidence.limits[0].code, LimitCode::RowsHidden);
    assert_eq!(first.observed.delay_first_us, 300_000);
    assert_eq!(first.links, [Link { reason: LinkReason::SameActor, id: incidents[1].id }]);
    assert_eq!(incidents[1].links, [Link { reason: LinkReason::SameActor, id: first.id }]);
}

#[test]
fn silence_and_length_end_a_story_and_the_next_follows_it() {
    let mut folder = Folder::new(config());
    let at = |number| detection("intruder", Kind::BulkRead, seconds(number), Count::Known(1));
    let incidents = fold(&mut folder, &[at(0), at(900), at(1801)]);
    assert_eq!(incidents.len(), 2);
    assert_eq!((incidents[0].story, incidents[0].detections), (Story::Ended, 2));
    assert_eq!(incidents[0].links, [Link { reason: LinkReason::FollowedBy, id: incidents[1].id }]);
    assert_eq!(incidents[1].links, [Link { reason: LinkReason::Follows, id: incidents[0].id }]);

    let mut folder = Folder::new(config());
    let slow: Vec<_> = (0..200).map(|number| at(number * 600)).collect();
    let incidents = fold(&mut folder, &slow);
    assert_eq!(incidents.len(), 2, "24 hours of an event each ten minutes, then a second story");
    assert_eq!(incidents[0].until.since(incidents[0].since), Duration::from_secs(24 * 3600));
}

#[test]
fn ticks_end_windows_but_do_not_decide_who_belongs_to_them() {
    let at = |number| detection("intruder", Kind::BulkRead, seconds(number), Count::Known(1));
    let mut folder = Folder::new(config());
    folder.fold(&at(0), seconds(0));
    folder.tick(seconds(901));
    let ended = folder.changes();
    assert_eq!((ended[0].what, ended[0].incident.story), (What::Opened, Story::Ended));
    folder.tick(seconds(902));
    assert_eq!(folder.changes(), []);
    // A record of 14 minutes later that came late.
    folder.fold(&at(840), seconds(905));
    let late = folder.changes();
    assert_eq!((late.len(), late[0].incident.detections), (1, 2));
    folder.tick(seconds(840 + 1801));
    folder.tick(seconds(840 + 24 * 3600 + 1));
    let gone = folder.changes();
    assert_eq!(gone.len(), 1);
    assert!(!gone[0].live);
    assert_eq!(folder.incidents().count(), 0);
}

#[test]
fn who_was_given_rights_is_linked_to_who_gave_them() {
    let grant = |to: &str, at| {
        let mut grant = detection("dba", Kind::PrivilegeEscalation, at, Count::Unknown);
        let role = RoleChange {
            verb: RoleVerb::Grant,
            rights: vec![Arc::from("SELECT")],
            grantees: vec![Arc::from("other"), Arc::from(to)],
        };
        grant.statement = Some(Arc::new(Statement { role: Some(role), ..statement(Verb::Role, "GRANT SELECT ON ?") }));
        (grant.store, grant.actor) = (None, actor("dba", "192.0.2.1"));
        grant
    };
    let read = detection("intruder", Kind::BulkRead, seconds(5000), Count::Known(100));
    for order in [[grant("intruder", seconds(0)), read.clone()], [read.clone(), grant("intruder", seconds(0))]] {
        let mut folder = Folder::new(config());
        let incidents = fold(&mut folder, &order);
        let by = |user: &str| incidents.iter().find(|one| one.user == user).unwrap();
        assert_eq!(by("dba").links, [Link { reason: LinkReason::GrantedTo, id: by("intruder").id }]);
        assert_eq!(by("intruder").links, [Link { reason: LinkReason::GrantedBy, id: by("dba").id }]);
        assert_eq!(by("dba").people.method, [Method::NoRecords]);
    }
    let mut folder = Folder::new(config());
    let before = fold(&mut folder, &[read, grant("intruder", seconds(9000))]);
    assert!(before.iter().all(|one| one.links.is_empty()), "a read before the grant has nothing to do with it");
}

#[test]
fn a_burst_of_logins_is_linked_to_what_came_from_its_address() {
    let mut burst = detection("app", Kind::LoginBurst, seconds(0), Count::Unknown);
    burst.store = None;
    let read = detection("clerk", Kind::BulkRead, seconds(100), Count::Known(100));
    let mut elsewhere = detection("boss", Kind::BulkRead, seconds(100), Count::Known(100));
    elsewhere.actor = actor("boss", "192.0.2.99");
    let incidents = fold(&mut Folder::new(config()), &[burst, read, elsewhere]);
    assert_eq!(incidents[0].links, [Link { reason: LinkReason::SameClient, id: incidents[1].id }]);
    assert_eq!(incidents[2].links, []);
}

#[test]
fn what_failed_weighs_less_and_what_was_rolled_back_is_undone() {
    let change = |outcome, severity, rows, events| {
        let mut change = detection("intruder", Kind::MassChange, seconds(0), Count::Known(rows));
        (change.outcome, change.severity, change.events, change.session) = (outcome, severity, events, SessionId(5));
        change
    };
    let mut folder = Folder::new(config());
    let unknown = fold(&mut folder, &[change(Outcome::Unknown, Severity::Critical, 500, 1)]);
    assert_eq!((unknown[0].severity, unknown[0].outcome), (Severity::Critical, Outcome::Unknown));
    assert_eq!(unknown[0].evidence.limits[0].code, LimitCode::TransactionEndUnseen);
    // The rollback is seen.
    let undone = fold(&mut folder, &[change(Outcome::Failure, Severity::Medium, 0, 0)]);
    assert_eq!((undone[0].severity, undone[0].outcome), (Severity::Medium, Outcome::Failure));
    assert_eq!(undone[0].rows, Rows { known: 0, unknown_parts: 0, undone: 500, measured: Count::Unknown });
    assert!(undone[0].headline.ends_with("(failed)"));
    let done = fold(&mut folder, &[change(Outcome::Success, Severity::High, 7, 1)]);
    assert_eq!((done[0].severity, done[0].outcome, done[0].rows.known), (Severity::High, Outcome::Success, 7));
}

#[test]
fn a_read_that_was_refused_after_it_was_logged_did_not_happen() {
    let read = |at, text: &str, session| Detection {
        outcome: Outcome::Unknown,
        statement: Some(Arc::new(statement(Verb::Select, text))),
        session: SessionId(session),
        people_at_most: Count::Known(10_000),
        ..detection("analyst", Kind::BulkRead, seconds(at), Count::Unknown)
    };
    let refused = |at, text: &str, session| Detection {
        outcome: Outcome::Failure,
        severity: Severity::Low,
        events: 0,
        rows: Count::Known(0),
        people_at_most: Count::Known(0),
        ..read(at, text, session)
    };
    let story = |list: &[Detection]| {
        let mut folder = Folder::new(config());
        let mut model = Model::default();
        for one in list {
            folder.fold(one, one.at);
            // A restart between the two records changes nothing.
            restarted(&mut folder, &mut model, |_| {});
        }
        let incident = folder.incidents().next().unwrap();
        (incident.outcome, incident.severity, incident.rows.unknown_parts, incident.people.at_most)
    };
    let failed = (Outcome::Failure, Severity::Low, 0, Count::Known(0));
    assert_eq!(story(&[read(0, "SELECT a", 1), refused(1, "SELECT a", 1)]), failed);
    let open = (Outcome::Unknown, Severity::High, 1, Count::Known(10_000));
    // Another session, another statement, and the one before the last.
    assert_eq!(story(&[read(0, "SELECT a", 1), refused(1, "SELECT a", 2)]), open);
    assert_eq!(story(&[read(0, "SELECT a", 1), refused(1, "SELECT abc", 1)]), open);
    let twice = [read(0, "SELECT a", 1), read(1, "SELECT a", 1), refused(2, "SELECT a", 1)];
    assert_eq!(story(&twice), open);
}

#[test]
fn a_restart_remembers_what_is_not_settled() {
    let change = |outcome, severity, events| {
        let mut change = detection("intruder", Kind::MassChange, seconds(0), Count::Known(5));
        (change.outcome, change.severity, change.events, change.session) = (outcome, severity, events, SessionId(5));
        change
    };
    let (mut folder, mut model) = (Folder::new(config()), Model::default());
    folder.fold(&change(Outcome::Unknown, Severity::Critical, 1), START);
    model.record(&folder.changes());
    let mut again = Folder::new(config());
    again.restore(model.saved()).unwrap();
    let committed = fold(&mut again, &[change(Outcome::Success, Severity::Low, 0)]);
    assert_eq!((committed.len(), committed[0].severity), (1, Severity::Critical));
}

#[test]
fn people_are_counted_once_and_bounded() {
    let mut named = detection("intruder", Kind::Enumeration, seconds(0), Count::Known(50));
    named.people = people(0..50);
    let mut again = detection("intruder", Kind::Enumeration, seconds(1), Count::Known(50));
    again.people = people(25..75);
    let incidents = fold(&mut Folder::new(config()), &[named.clone(), again.clone()]);
    let told = &incidents[0].people;
    assert_eq!((told.distinct_identified, told.at_least, told.at_most), (75, 75, Count::Known(100)));
    assert_eq!(told.method, [Method::IdentifiersExact, Method::RowCounts]);

    let small = FoldConfig { people_budget: 60, ..config() };
    let incidents = fold(&mut Folder::new(small), &[named, again]);
    let told = &incidents[0].people;
    assert_eq!(told.method[0], Method::EstimatedForMemory);
    assert!(told.at_least >= 61 && told.at_least <= 75 && told.distinct_identified.abs_diff(75) <= 3, "{told:?}");
}

#[test]
fn detections_that_only_go_on_join_the_line_that_began_them() {
    let first = detection("intruder", Kind::BulkRead, seconds(0), Count::Known(500));
    let mut on = detection("intruder", Kind::BulkRead, seconds(5), Count::Known(20));
    (on.reason, on.severity) = (String::new(), Severity::Critical);
    let incidents = fold(&mut Folder::new(config()), &[first, on.clone(), on.clone()]);
    let entries = &incidents[0].timeline.entries;
    assert_eq!((entries.len(), entries[0].rows, entries[0].events), (1, Count::Known(540), 3));
    assert_eq!((entries[0].until, entries[0].severity), (seconds(5), Severity::Critical));
    assert_eq!(incidents[0].rows.known, 540);
    let alone = fold(&mut Folder::new(config()), &[on]).remove(0);
    assert_eq!(alone.timeline.entries[0].reason, "bulk read of personal data");
}

#[test]
fn lost_sight_says_that_nobody_knows() {
    let mut lost = detection("", Kind::SightLost, seconds(0), Count::Unknown);
    (lost.store, lost.events) = (None, 0);
    let told = fold(&mut Folder::new(config()), &[lost]).remove(0).people;
    assert_eq!((told.at_most, told.method), (Count::Unknown, vec![Method::NoUpperBound]));
}

#[test]
fn an_aggregate_hides_everybody() {
    let mut packed = detection("intruder", Kind::BulkRead, seconds(0), Count::Known(1));
    let flags = Flags::NONE.with(Flag::PackedAggregate);
    packed.statement = Some(Arc::new(Statement { flags, ..statement(Verb::Select, "SELECT json_agg(b) FROM b") }));
    packed.people_at_most = Count::Known(10_000);
    let told = fold(&mut Folder::new(config()), &[packed.clone()]).remove(0).people;
    assert_eq!((told.at_least, told.at_most), (0, Count::Known(10_000)));
    packed.people_at_most = Count::Unknown;
    packed.store = Some(store(Count::Unknown));
    let told = fold(&mut Folder::new(config()), &[packed]).remove(0).people;
    assert_eq!((told.at_most, told.method), (Count::Unknown, vec![Method::NoUpperBound]));
}

#[test]
fn a_closed_incident_takes_no_more() {
    let at = |number| detection("intruder", Kind::BulkRead, seconds(number), Count::Known(1));
    let mut folder = Folder::new(config());
    let id = fold(&mut folder, &[at(0)])[0].id;
    let act = |kind| Act { kind, reason: "checked 000101500000".to_owned(), by: "aigerim".to_owned() };
    folder.act(id, &act(ActKind::Ack), seconds(10)).unwrap();
    assert_eq!(folder.changes()[0].what, What::Acknowledged);
    folder.act(id, &act(ActKind::Close { verdict: Verdict::FalsePositive }), seconds(11)).unwrap();
    assert_eq!(folder.act(id, &act(ActKind::Ack), seconds(12)), Err(ActError::Closed));
    assert_eq!(folder.changes()[0].what, What::Closed);
    let incidents = fold(&mut folder, &[at(20)]);
    assert_eq!(incidents.len(), 2);
    assert_eq!(incidents[1].lifecycle.state, State::Open);
    assert_eq!(incidents[1].links, [Link { reason: LinkReason::Follows, id }]);
    assert_eq!(incidents[0].lifecycle.acts[0].act.reason, "checked ************");
    let nobody = IncidentId::of(&[b"nobody"], 0);
    assert_eq!(folder.act(nobody, &act(ActKind::Ack), seconds(12)), Err(ActError::Unknown));
}

#[test]
fn a_gap_stands_in_the_evidence_of_stories_near_it() {
    let mut folder = Folder::new(config());
    folder.fold(&detection("before", Kind::BulkRead, seconds(0), Count::Known(1)), seconds(0));
    folder.gap(SourceId(0), seconds(60), Count::Known(4096));
    folder.gap(SourceId(1), seconds(60), Count::Known(1));
    folder.fold(&detection("after", Kind::BulkRead, seconds(300), Count::Known(1)), seconds(300));
    folder.fold(&detection("later", Kind::BulkRead, seconds(3000), Count::Known(1)), seconds(3000));
    folder.changes();
    for incident in folder.incidents() {
        let gaps: Vec<_> = incident.evidence.limits.iter().filter(|one| one.code == LimitCode::Gap).collect();
        if incident.user == "later" {
            assert!(incident.evidence.complete);
        } else {
            assert_eq!((gaps.len(), gaps[0].bytes, gaps[0].source.as_str()), (1, 4096, "pg"));
            assert!(gaps[0].text.contains("4,096 bytes"));
        }
    }
}

#[test]
fn a_hostile_feed_does_not_grow_memory() {
    let mut folder = Folder::new(config());
    let mut told = 0;
    for number in 0..2_000 {
        let mut one = detection(&format!("user{number}"), Kind::LoginBurst, seconds(number), Count::Unknown);
        one.reason = "x".repeat(100_000);
        one.actor = actor(&format!("{number}{}", "u".repeat(5_000)), "192.0.2.7");
        for _ in 0..3 {
            folder.fold(&one, one.at);
        }
        told += folder.changes().iter().filter(|change| change.what == What::Opened).count();
    }
    assert_eq!(told, 2_000, "every story was told");
    assert_eq!(folder.incidents().count(), 256);
    assert!(folder.incidents().all(|one| one.to_json().unwrap().len() < 16_000));
    for number in 0..1_000 {
        folder.fold(
            &detection("one", Kind::BulkRead, seconds(3_000) + Duration::from_millis(number), Count::Known(1)),
            START,
        );
    }
    folder.changes();
    let one = folder.incidents().find(|one| one.user == "one").unwrap();
    assert_eq!((one.timeline.entries.len(), one.timeline.dropped), (64, 936));
    assert_eq!(one.timeline.entries[0].at, seconds(3_000));
}

#[test]
fn the_text_says_who_what_how_many_and_what_to_do() {
    let mut first = detection("intruder", Kind::BulkRead, seconds(0), Count::Known(12_340));
    first.people = people(0..7);
    let incidents =
        fold(&mut Folder::new(config()), &[first, detection("intruder", Kind::Export, seconds(9), Count::Unknown)]);
    let text = describe(&incidents[0]);
    for part in [
        "role intruder on postgresql",
        "192.0.2.7",
        "≥ 12,340 rows; 1 detection with unknown volume",
        "at least 7, at most 10,000",
        "7 different identifiers",
        "pg_terminate_backend",
        "one business day",
        "rows not in the log",
        "kuzet incidents ack KZ-",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(line(&incidents[0]).contains("7–10,000 people"), "{}", line(&incidents[0]));
}

/// Records and restarts; what comes `then` must be told alike by the folder that went on and the one that was restored.
fn restarted(folder: &mut Folder, model: &mut Model, then: impl Fn(&mut Folder)) {
    model.record(&folder.changes());
    let mut again = Folder::new(config());
    again.restore(model.saved()).unwrap();
    for folder in [&mut *folder, &mut again] {
        then(folder);
    }
    let changes = folder.changes();
    assert_eq!(changes, again.changes());
    model.record(&changes);
}

#[test]
fn a_restart_after_the_latest_story_was_forgotten_changes_nothing() {
    let one = |at| detection("intruder", Kind::BulkRead, seconds(at), Count::Known(1));
    let (mut folder, mut model) = (Folder::new(config()), Model::default());
    folder.fold(&Detection { people: people(0..7), ..one(0) }, START);
    model.record(&folder.changes());
    folder.tick(seconds(86_401));
    assert_eq!(folder.incidents().count(), 0);
    // The old log is read again: the same incident, begun anew, with the people of this telling only.
    restarted(&mut folder, &mut model, |folder| folder.fold(&one(0), START));
    restarted(&mut folder, &mut model, |folder| folder.fold(&one(1), START));
    assert_eq!(folder.incidents().next().unwrap().people.distinct_identified, 0);
}

#[test]
fn a_restart_does_not_change_which_gaps_are_remembered() {
    let lost = Detection { store: None, ..detection("", Kind::SightLost, seconds(0), Count::Unknown) };
    let read = |user, at| detection(user, Kind::BulkRead, seconds(at), Count::Known(1));
    let (mut folder, mut model) = (Folder::new(config()), Model::default());
    // A story that the gap is told in, and that outlives the one about the gap.
    folder.fold(&read("early", 0), START);
    folder.fold(&read("early", 727), START);
    model.record(&folder.changes());
    folder.gap(SourceId(0), seconds(0), Count::Known(7));
    folder.fold(&lost, START);
    restarted(&mut folder, &mut model, |folder| folder.tick(seconds(86_401)));
    restarted(&mut folder, &mut model, |folder| folder.fold(&read("late", 0), START));
    let late = folder.incidents().last().unwrap();
    assert!(late.evidence.limits.iter().any(|one| one.code == LimitCode::Gap));
}

#[test]
fn persons_behind_one_role_are_told_apart() {
    let by = |person: &str, at| {
        let one = detection("app", Kind::Enumeration, seconds(at), Count::Known(1));
        Detection { actor: Arc::new(Actor { person: Arc::from(person), ..(*one.actor).clone() }), ..one }
    };
    let mut folder = Folder::new(config());
    let incidents = fold(&mut folder, &[by("clerk7", 0), by("clerk1", 0), by("clerk7", 5), by(UNTOLD, 0)]);
    assert_eq!(incidents.iter().map(|one| one.detections).collect::<Vec<_>>(), [2, 1, 1]);
    assert!(incidents[0].headline.contains(" by clerk7 through role app from "), "{}", incidents[0].headline);
    assert!(describe(&incidents[0]).contains("clerk7 through role app on postgresql, as the application told"));
    assert!(line(&incidents[0]).contains("clerk7 through role app"));
    assert!(incidents[0].evidence.complete);
    let untold = &incidents[2];
    assert_eq!((untold.person.as_str(), untold.user.as_str()), ("", "app"));
    assert!(!untold.to_json().unwrap().contains("user.effective.name"));
    assert!(describe(untold).contains("the role is shared: the application did not tell the person"));
}
