//! A declared job is expected inside its limits, and told with the limit that it breaks outside of them.

use crate::tests::{CATALOGUE, Spec, event};
use crate::{Catalogue, Detection, Detectors, Kind, Policy, Severities, Thresholds};
use kuzet_event::{Event, Witness};
use std::collections::BTreeMap;

const BACKUP: &str = r#"
[[allow]]
job = "nightly backup"
role = "analyst"
client = "127.0.0.1"
may = ["read", "export"]
hours = "21:00-01:00"
days = "22-25"
max_rows = 1000
max_rows_per_day = 2000
max_runs_per_day = 2
owner = "operations"
reason = "pg_dump to the backup host"
expires = 2027-01-31
"#;

const COPY: u8 = 2;
const DAY: i64 = 86_400;

/// At 21:22:30 local of 22 November, and so many seconds later.
fn copy(seconds: i64, session: u64, client: u8, rows: Option<u64>) -> Event {
    event(&Spec {
        seconds,
        user: 1,
        client,
        session,
        number: u64::try_from(seconds).unwrap() + 1,
        form: COPY,
        rows,
        person: 0,
        outcome: 1,
        witness: Witness::Audit,
    })
}

fn detectors() -> Detectors {
    let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
    let policy = Policy::parse(BACKUP, "policy.toml").unwrap();
    Detectors::new(catalogue, Some(policy), Thresholds::default(), Severities::default())
}

fn told(events: &[Event]) -> Vec<Detection> {
    let (mut detectors, mut found) = (detectors(), Vec::new());
    events.iter().for_each(|event| detectors.observe(event, &mut found));
    found
}

fn why(events: &[Event]) -> String {
    let found = told(events);
    let violation = found.iter().find(|one| one.kind == Kind::PolicyViolation);
    violation.map_or_else(|| format!("{found:?}"), |one| one.reason.clone())
}

#[test]
fn inside_its_limits_it_is_expected_and_counted() {
    let night: Vec<Event> = (0..4).map(|n| copy(n * 60, 7, 0, Some(500))).collect();
    let (mut detectors, mut found) = (detectors(), Vec::new());
    night.iter().for_each(|event| detectors.observe(event, &mut found));
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(
        detectors.expected().map(|(name, counted)| (name, counted.times)).collect::<Vec<_>>(),
        [("nightly backup", 4)]
    );
    // A night belongs to the day on which it began: the next one has its own runs and rows.
    let two = [copy(0, 7, 0, Some(900)), copy(3 * 3600, 8, 0, Some(900)), copy(DAY, 9, 0, Some(900))];
    assert!(told(&two).is_empty());
}

#[test]
fn outside_of_them_it_is_told_with_the_limit() {
    let job = "job nightly backup, policy.toml:2, is outside its ";
    for (events, limit) in [
        (vec![copy(15 * 3600, 7, 0, Some(500))], "hours (21:00-01:00, 22-25 declared)"),
        (vec![copy(4 * DAY, 7, 0, Some(500))], "days (21:00-01:00, 22-25 declared)"),
        (vec![copy(0, 7, 9, Some(500))], "client"),
        (vec![copy(0, 7, 0, Some(1_100))], "rows (1100, 1000 declared)"),
        ((0..3).map(|n| copy(n * 60, 7 + n.cast_unsigned(), 0, Some(5))).collect(), "runs per day (run 3, 2 declared)"),
        ((0..3).map(|n| copy(n * 60, 7, 0, Some(733))).collect(), "rows per day (2199, 2000 declared)"),
        (vec![copy(90 * DAY, 7, 0, Some(5))], "expiry"),
    ] {
        let why = why(&events);
        assert!(why.contains(&format!("{job}{limit}")), "{limit}: {why}");
    }
    // The export itself is an incident again, too.
    let noon = told(&[copy(15 * 3600, 7, 0, Some(500))]);
    assert!(noon.iter().any(|one| one.kind == Kind::Export), "{noon:?}");
}

#[test]
fn sessions_that_nobody_tells_are_told_apart_by_pauses() {
    let at = |seconds| copy(seconds, 0, 0, Some(5));
    assert!(told(&[at(0), at(600), at(1_200), at(3_600), at(3_700)]).is_empty());
    assert!(why(&[at(0), at(3_600), at(7_200)]).contains("run 3"));
}

#[test]
fn the_day_survives_a_restart() {
    let events: Vec<Event> = (0..3).map(|n| copy(n * 60, 7 + n.cast_unsigned(), 0, Some(5))).collect();
    let (mut first, mut found) = (detectors(), Vec::new());
    events[..2].iter().for_each(|event| first.observe(event, &mut found));
    let rows: BTreeMap<_, _> = first.changes().into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let mut second = detectors();
    second.restore(rows);
    assert_eq!(second.expected().next().unwrap().1.times, 2);
    second.observe(&events[2], &mut found);
    assert!(found.iter().any(|one| one.reason.contains("run 3")), "{found:?}");
}

#[test]
fn what_the_server_measures_breaks_the_limit_where_the_log_gives_no_rows() {
    let measured = |calls, rows| Event {
        calls,
        ..event(&Spec { witness: Witness::Measure, session: 0, number: 0, ..spec(COPY, rows) })
    };
    let begin = Event {
        calls: 1,
        ..event(&Spec { seconds: -100, witness: Witness::Measure, session: 0, number: 0, ..spec(15, 1) })
    };
    let of = |rows| told(&[begin.clone(), copy(0, 7, 0, None), measured(1, rows)]);
    assert!(of(1_000).is_empty(), "{:?}", of(1_000));
    assert!(of(1_100).iter().any(|one| one.reason.contains("1100 rows")), "{:?}", of(1_100));
}

fn spec(form: u8, rows: u64) -> Spec {
    Spec {
        seconds: 5,
        user: 1,
        client: 0,
        session: 7,
        number: 1,
        form,
        rows: Some(rows),
        person: 0,
        outcome: 1,
        witness: Witness::Audit,
    }
}

#[test]
fn a_job_without_answers_or_hours_is_refused() {
    let codes = |text: &str| {
        let faults = Policy::parse(text, "policy.toml").err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    let without = |key: &str| BACKUP.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
    for key in ["owner", "reason", "expires", "hours"] {
        assert_eq!(codes(&without(key)), ["KZ204"], "{key}");
    }
    assert_eq!(codes(&without("job")), ["KZ204"; 2], "its limits are nobody's");
    assert_eq!(codes(&BACKUP.repeat(2)), ["KZ206"]);
    assert_eq!(codes(&BACKUP.replace("22-25", "25-22")), ["KZ205"]);
    assert_eq!(codes(&BACKUP.replace("max_runs_per_day = 2", "max_runs_per_day = 65")), ["KZ205"]);
    let policy = Policy::parse(BACKUP, "policy.toml").unwrap();
    let last = kuzet_event::Timestamp(1_801_422_000_000_000);
    assert_eq!(policy.expired(kuzet_event::Timestamp(last.0 - 1)).count(), 0);
    assert!(policy.expired(last).next().unwrap().help.contains("operations"));
}
