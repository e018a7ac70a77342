//! The list, walked: every baseline has a case that it tells, in one sentence with its numbers, from rows of bounded size,
//! the same after a restart; and it stands in the documentation.

use super::*;

const DETECTORS_MD: &str = include_str!("../../../../../docs/detectors.md");
/// Rows of a principal and a store.
const MOST_BYTES: usize = 4_096;
const STORES: &str = "[[store]]\nname = \"old\"\ndatabase = \"mfo\"\ntables = [\"t*\"]\npersons = 10000\n\
                      [[store]]\nname = \"new\"\ndatabase = \"mfo\"\ntables = [\"n*\"]\npersons = 10000\n";

/// What is ordinary, and what is not.
struct Case {
    of: &'static str,
    stores: bool,
    past: fn(&mut House),
    strange: fn(&mut House),
}

fn clerks(house: &mut House) {
    house.weeks(0, 8, &CLERKS, |_| 8.0);
}

fn nightly(house: &mut House) {
    for day in 0..30 {
        house.act(MONDAY + day * DAY + 2 * 3_600 + 300, "backup", DUMP, 0, None);
    }
}

/// `rows` of a table, as one read of many rows.
fn reads(house: &mut House, day: i64, user: &str, table: &str, rows: u64) {
    let spec = Spec {
        seconds: 0,
        user: 0,
        client: 0,
        session: 0,
        number: 0,
        form: 15,
        rows: Some(rows),
        person: 1,
        outcome: 1,
        witness: Witness::Audit,
    };
    house.read_rows(MONDAY + day * DAY + 10 * 3_600, user, table, &spec);
}

/// A page of `rows` by a range of keys; the log gives no rows, the statement a LIMIT.
fn page(house: &mut House, day: i64, user: &str, rows: u64) {
    let at = MONDAY + day * DAY + 11 * 3_600;
    house.act_so(at, user, (41, 0, None), ("10.1.0.7", "loan-core"), |event| {
        let statement = event.statement.as_deref().unwrap().clone();
        event.statement = Some(Arc::new(Statement { limit: Some(rows), ..statement }));
    });
}

fn guess(house: &mut House, hour: i64, user: &str, numbers: u16, impossible: bool) {
    for number in 0..numbers {
        let at = MONDAY + 57 * DAY + hour * 3_600 + i64::from(number) * 60;
        house.act_so(at, user, (LOOKUP, 30_000 + number, None), ("10.1.0.7", "loan-core"), |event| {
            event.identifiers[0].impossible = impossible;
        });
    }
}

static CASES: [Case; 9] = [
    Case { of: "volume", stores: false, past: clerks, strange: |house| house.hour(57, 14, "clerk2", 55) },
    Case {
        of: "pace",
        stores: false,
        past: clerks,
        strange: |house| (56..61).for_each(|day| house.day(day, "clerk4", 26.0)),
    },
    Case {
        of: "fan_out",
        stores: true,
        past: |house| {
            (0..28).for_each(|day| (0..2).for_each(|table| reads(house, day, "lone", &format!("t{table}"), 1)))
        },
        strange: |house| (0..12).for_each(|table| reads(house, 28, "lone", &format!("t{table}"), 1)),
    },
    Case {
        of: "novelty",
        stores: false,
        past: clerks,
        strange: |house| {
            let at = MONDAY + 57 * DAY + 10 * 3_600;
            house.act_from(at, "clerk3", 7, 4, Some(1), ("192.168.77.3", "psql"));
            house.act_from(at + 3_600, "clerk4", 38, 4, Some(1), ("192.168.77.3", "psql"));
        },
    },
    Case {
        of: "work_hours",
        stores: false,
        past: nightly,
        strange: |house| house.act(MONDAY + 30 * DAY + 12 * 3_600, "backup", DUMP, 0, None),
    },
    Case {
        of: "destination",
        stores: false,
        past: nightly,
        strange: |house| {
            let at = MONDAY + 30 * DAY + 2 * 3_600;
            house.act_from(at, "backup", DUMP, 0, None, ("172.16.9.4", "loan-core"));
        },
    },
    Case {
        of: "reach",
        stores: true,
        past: |house| {
            for day in 0..20 {
                reads(house, day, "worker1", "n1", 40);
                reads(house, day, "lone", "t1", 40);
            }
        },
        strange: |house| reads(house, 21, "lone", "n1", 300),
    },
    Case {
        of: "coverage",
        stores: false,
        past: |house| house.weeks(0, 4, &["lone"], |_| 3.0),
        strange: |house| (28..32).for_each(|day| page(house, day, "lone", 900)),
    },
    Case { of: "guesses", stores: false, past: clerks, strange: |house| guess(house, 11, "clerk2", 20, true) },
];

fn stores() -> Detectors {
    let catalogue = Catalogue::parse(STORES, "catalogue.toml").unwrap();
    Detectors::new(catalogue, None, Thresholds::default(), Severities::default())
}

fn play(case: &Case, restart: bool) -> (Vec<String>, House) {
    let mut house = House::new();
    let fresh = |house: &House| if case.stores { stores() } else { House::detectors(&house.thresholds) };
    house.detectors = fresh(&house);
    (case.past)(&mut house);
    assert_eq!(house.anomalies(), [""; 0], "{}: nothing of the past is strange", case.of);
    if restart {
        let again = fresh(&house);
        house.restart(again);
    }
    (case.strange)(&mut house);
    (house.anomalies().into_iter().map(str::to_owned).collect(), house)
}

#[test]
fn every_baseline_tells_its_case_in_a_sentence_with_numbers_also_after_a_restart() {
    for baseline in BASELINES {
        let name = baseline.name;
        let case = CASES.iter().find(|case| case.of == name).unwrap_or_else(|| panic!("{name} has no case"));
        let (said, mut house) = play(case, false);
        let own: Vec<&String> = said.iter().filter(|one| one.starts_with(&format!("baseline {name}: role "))).collect();
        assert!(!own.is_empty(), "{name}: {said:?}");
        for one in own {
            let numbers = one.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty()).count();
            assert!(numbers >= 2 && !one.contains(['\n', '.']) || one.contains("/24"), "{name}: {one}");
            assert!(one.len() < 300, "{name}: {one}");
        }
        assert_eq!(said, play(case, true).0, "{name} after a restart");
        for (key, value) in house.detectors.changes() {
            assert!(value.is_none_or(|value| value.len() < MOST_BYTES), "{name}: {key:?}");
        }
        assert!(DETECTORS_MD.contains(&format!("\n| `{name}` | ")), "docs/detectors.md lacks {name}");
    }
    assert_eq!(CASES.len(), BASELINES.len());
}

#[test]
fn who_reads_what_his_peers_read_reaches_nothing_new() {
    let mut house = House::new();
    house.detectors = stores();
    for day in 0..20 {
        for worker in ["worker1", "worker2", "worker3"] {
            reads(&mut house, day, worker, "n1", 300);
        }
        reads(&mut house, day, "worker4", "t1", 40);
        reads(&mut house, day, "worker5", "t1", 40);
    }
    house.forget();
    reads(&mut house, 21, "worker4", "n1", 300);
    assert_eq!(house.anomalies(), [""; 0]);
    // A store that nobody worked with before is new to everybody.
    let mut house = House::new();
    house.detectors = stores();
    (0..20).for_each(|day| reads(&mut house, day, "lone", "t1", 40));
    reads(&mut house, 21, "lone", "n1", 300);
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn a_batch_that_walks_every_week_is_its_past() {
    let mut house = House::new();
    for day in (0..70).filter(|day| day % 7 < 5) {
        page(&mut house, day, "lone", 900);
    }
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn who_scores_applicants_asks_for_people_that_are_no_clients() {
    let mut house = House::new();
    for day in (0..40).filter(|day| day % 7 < 5) {
        for number in 0..60 {
            let at = MONDAY + day * DAY + 9 * 3_600 + number * 120;
            let person = (house.chance.next() % 20_000) as u16;
            house.act(at, "app", LOOKUP, person, Some(u64::from(number % 3 == 0)));
        }
    }
    assert_eq!(house.anomalies(), [""; 0]);
}
