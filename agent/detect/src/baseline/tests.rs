//! Weeks of made-up work, and what is strange about them: nothing, while they are ordinary.

mod every;

use super::*;
use crate::hash;
use crate::tests::{CATALOGUE, Spec, event};
use crate::{Catalogue, Detection, Detectors, Kind, Severities};
use kuzet_event::*;
use std::sync::Arc;

/// Monday, 2026-01-12, midnight in Kazakhstan.
const MONDAY: i64 = 1_768_158_000;
const DAY: i64 = 86_400;
const POLICY: &str = r#"
[[allow]]
role = "clerk*"
may = "read"
store = "borrowers"
reason = "clerks"
[[allow]]
role = "backup"
may = ["read", "export"]
store = "borrowers"
reason = "the nightly dump"
[[allow]]
role = "app"
may = "read"
store = "borrowers"
reason = "the application"
[[allow]]
role = "lone"
may = "read"
store = "borrowers"
reason = "one alone"
"#;
const LOOKUP: u8 = 0;
const DUMP: u8 = 2;

/// A small generator, so that the weeks are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A count that scatters more than Poisson's around `mean`.
    fn count(&mut self, mean: f64) -> u64 {
        // The mean itself scatters by a third.
        let mean = mean * (1.0 + 0.33 * (self.unit() + self.unit() + self.unit() - 1.5) * 2.0);
        let (mut left, mut count) = ((-mean.max(0.0)).exp(), 0);
        let mut product = self.unit();
        while product > left && count < 10_000 {
            product *= self.unit();
            count += 1;
            left = left.max(f64::MIN_POSITIVE);
        }
        count
    }
}

struct House {
    detectors: Detectors,
    chance: Chance,
    told: Vec<Detection>,
    /// What a store would keep.
    rows: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    thresholds: Thresholds,
}

impl House {
    fn new() -> House {
        House::with(Thresholds::default())
    }

    fn with(thresholds: Thresholds) -> House {
        let (told, rows) = (Vec::new(), std::collections::BTreeMap::new());
        let detectors = House::detectors(&thresholds);
        House { detectors, chance: Chance(0x5eed), told, rows, thresholds }
    }

    fn detectors(thresholds: &Thresholds) -> Detectors {
        let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
        let policy = Policy::parse(POLICY, "policy.toml").unwrap();
        Detectors::new(catalogue, Some(policy), thresholds.clone(), Severities::default())
    }

    /// Ends, and goes on with `again` from what a store would have kept.
    fn restart(&mut self, mut again: Detectors) {
        for (key, value) in self.detectors.changes() {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        again.restore(self.rows.clone());
        self.detectors = again;
    }

    fn act(&mut self, at: i64, user: &str, form: u8, person: u16, rows: Option<u64>) {
        self.act_from(at, user, form, person, rows, ("10.1.0.7", "loan-core"));
    }

    fn act_from(&mut self, at: i64, user: &str, form: u8, person: u16, rows: Option<u64>, from: (&str, &str)) {
        self.act_so(at, user, (form, person, rows), from, |_| {});
    }

    fn act_so(
        &mut self,
        at: i64,
        user: &str,
        (form, person, rows): (u8, u16, Option<u64>),
        from: (&str, &str),
        so: impl FnOnce(&mut Event),
    ) {
        let spec = Spec {
            seconds: 0,
            user: 0,
            client: 0,
            session: 0,
            number: 0,
            form,
            rows,
            person,
            outcome: 1,
            witness: Witness::Audit,
        };
        let mut event = event(&spec);
        event.at = Timestamp(at * 1_000_000);
        event.actor = Arc::new(Actor {
            user: Arc::from(user),
            client: Client::Address(from.0.parse().unwrap()),
            program: Arc::from(from.1),
            ..(*event.actor).clone()
        });
        so(&mut event);
        self.detectors.observe(&event, &mut self.told);
    }

    /// One row of a table, by its key.
    fn read_table(&mut self, at: i64, user: &str, table: &str) {
        let spec = Spec {
            seconds: 0,
            user: 0,
            client: 0,
            session: 0,
            number: 0,
            form: 15,
            rows: Some(1),
            person: 1,
            outcome: 1,
            witness: Witness::Audit,
        };
        self.read_rows(at, user, table, &spec);
    }

    fn read_rows(&mut self, at: i64, user: &str, table: &str, spec: &Spec) {
        let mut event = event(spec);
        let relation = Relation { schema: Arc::from(""), name: Arc::from(table), access: Access::Read };
        let statement = event.statement.as_deref().unwrap();
        let fingerprint = hash::narrow(table);
        event.statement = Some(Arc::new(Statement { relations: vec![relation], fingerprint, ..statement.clone() }));
        event.at = Timestamp(at * 1_000_000);
        event.actor = Arc::new(Actor { user: Arc::from(user), ..(*event.actor).clone() });
        self.detectors.observe(&event, &mut self.told);
    }

    /// `people` looked up in one hour of a day.
    fn hour(&mut self, day: i64, hour: i64, user: &str, people: u64) {
        let begin = MONDAY + day * DAY + hour * 3_600;
        for number in 0..people {
            let person = (self.chance.next() % 20_000) as u16;
            let at = begin + i64::try_from(number * 3_600 / people).unwrap();
            self.act(at, user, LOOKUP, person, Some(1));
        }
    }

    /// An ordinary day of a clerk: nine hours, the first and last of them short.
    fn day(&mut self, day: i64, user: &str, mean: f64) {
        self.together(day, &[user], mean);
    }

    /// The same of several clerks at once.
    fn together(&mut self, day: i64, users: &[&str], mean: f64) {
        for hour in 9..18 {
            let share = if hour == 9 || hour == 17 { 0.5 } else { 1.0 };
            for user in users {
                let people = self.chance.count(mean * share);
                self.hour(day, hour, user, people);
            }
        }
    }

    /// Ordinary weeks of a few clerks, from `from` to `to`, five days each.
    fn weeks(&mut self, from: i64, to: i64, clerks: &[&str], mean: impl Fn(i64) -> f64) {
        for week in from..to {
            for day in week * 7..week * 7 + 5 {
                for clerk in clerks {
                    self.day(day, clerk, mean(week));
                }
            }
        }
    }

    fn anomalies(&self) -> Vec<&str> {
        let said = self.told.iter().filter(|one| one.kind == Kind::Anomaly && !one.reason.is_empty());
        said.map(|one| one.reason.as_str()).collect()
    }

    /// What is said from now on.
    fn forget(&mut self) {
        assert_eq!(self.anomalies(), [""; 0]);
        self.told.clear();
    }
}

const CLERKS: [&str; 5] = ["clerk1", "clerk2", "clerk3", "clerk4", "clerk5"];

#[test]
fn quiet_months_are_quiet() {
    let mut house = House::new();
    house.weeks(0, 12, &CLERKS, |_| 8.0);
    assert_eq!(house.anomalies(), [""; 0]);
    assert_eq!(house.detectors.baselines(), [("learning", 0), ("known", 5)]);
    // One alone, with nobody to compare with, and a busier one.
    let mut house = House::new();
    house.weeks(0, 12, &["lone"], |_| 3.0);
    house.weeks(0, 12, &["app"], |_| 30.0);
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn slow_growth_of_the_business_is_none() {
    for clerks in [&CLERKS[..3], &["lone"]] {
        let mut house = House::new();
        house.weeks(0, 26, clerks, |week| 6.0 * 1.03_f64.powi(i32::try_from(week).unwrap()));
        assert_eq!(house.anomalies(), [""; 0]);
    }
}

#[test]
fn one_hour_of_far_more_people_is_told_with_the_numbers() {
    let mut house = House::new();
    house.weeks(0, 6, &CLERKS, |_| 8.0);
    house.forget();
    house.hour(43, 14, "clerk2", 55); // below `enumeration_people` in ten minutes
    let said = house.anomalies();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("baseline volume: role clerk2 read 4"), "{said:?}");
    assert!(said[0].contains("on a Tuesday between 14 and 15 h; "), "{said:?}");
    assert!(said[0].contains("the most among 5 peers"), "{said:?}");
    assert!(said[0].contains("in 6 weeks"), "{said:?}");
}

#[test]
fn twenty_an_hour_for_a_day_and_a_night_are_told() {
    let mut house = House::new();
    house.weeks(0, 6, &CLERKS, |_| 6.0);
    house.forget();
    let mut told = None;
    for hour in 0..24 {
        house.hour(43, hour, "clerk4", 20);
        told = told.or((!house.anomalies().is_empty()).then_some(hour));
    }
    assert!(told.is_some_and(|hour| hour < 12), "{told:?} {:?}", house.anomalies());
    assert!(house.anomalies().iter().any(|said| said.contains("different people")), "{:?}", house.anomalies());
}

#[test]
fn twenty_an_hour_beside_the_work_are_told_within_days() {
    let mut house = House::new();
    house.weeks(0, 8, &CLERKS, |_| 6.0);
    house.forget();
    for day in 56..62 {
        if day == 61 {
            house.hour(63, 10, "clerk4", 6);
            break;
        }
        for clerk in CLERKS {
            house.day(day, clerk, if clerk == "clerk4" { 26.0 } else { 6.0 });
        }
    }
    assert!(!house.anomalies().is_empty());
    assert!(house.anomalies().iter().all(|said| said.contains("clerk4")), "{:?}", house.anomalies());
}

#[test]
fn a_slow_rise_is_told() {
    let mut house = House::new();
    house.weeks(0, 8, &["lone"], |_| 6.0);
    house.forget();
    house.weeks(8, 18, &["lone"], |week| 6.0 * 1.15_f64.powi(i32::try_from(week - 8).unwrap()));
    assert!(house.anomalies().iter().any(|said| said.contains("from day to day")), "{:?}", house.anomalies());
}

#[test]
fn a_day_of_training_does_not_help() {
    let mut house = House::new();
    house.weeks(0, 6, &CLERKS, |_| 8.0);
    house.forget();
    // Monday: more and more, hour by hour, kept just below what is told.
    for hour in 9..18 {
        house.hour(42, hour, "clerk2", 10 + u64::try_from(hour - 9).unwrap() * 2);
    }
    for clerk in &CLERKS[2..] {
        house.day(42, clerk, 8.0);
    }
    house.told.clear();
    house.hour(43, 11, "clerk2", 80);
    assert!(house.anomalies().iter().any(|said| said.contains("clerk2 read")), "{:?}", house.anomalies());
}

#[test]
fn a_new_clerk_is_judged_by_the_others() {
    let mut house = House::new();
    house.weeks(0, 6, &CLERKS, |_| 8.0);
    house.forget();
    for day in 42..44 {
        house.day(day, "clerk9", 8.0);
    }
    house.forget();
    house.hour(44, 11, "clerk9", 90);
    let said = house.anomalies();
    assert!(said.iter().any(|said| said.contains("it is still learnt; ") && said.contains("peers")), "{said:?}");
    // Without others nobody judges.
    let mut house = House::new();
    house.day(0, "lone", 8.0);
    house.hour(1, 11, "lone", 50);
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn holidays_and_a_month_end_of_everybody_are_none() {
    let mut house = House::new();
    // Nauryz: Saturday, 2026-03-21 to Monday, with days off behind them (days 68 to 72), and more work afterwards.
    let nauryz = 68..=72;
    for day in 0..84 {
        let weekday = day % 7;
        let off = nauryz.contains(&day) || weekday >= 5;
        let busy = if day == 73 || day == 74 { 2.0 } else { 1.0 };
        let month_end = if [18, 46, 78].contains(&day) { 2.5 } else { 1.0 };
        if !off {
            house.together(day, &CLERKS, 8.0 * busy * month_end);
        } else if weekday != 6 {
            house.hour(day, 11, "clerk1", 3);
        }
    }
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn the_backup_at_its_hour_is_none_and_at_noon_is_told() {
    let mut house = House::new();
    for day in 0..30 {
        house.act(MONDAY + day * DAY + 2 * 3_600 + 300, "backup", DUMP, 0, None);
    }
    house.forget();
    house.act(MONDAY + 30 * DAY + 12 * 3_600, "backup", DUMP, 0, None);
    let said = house.anomalies();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("rows that the log does not give"), "{said:?}");
    assert!(said[0].contains("between 12 and 13 h; ") && said[0].contains("only from 2 to 3 h"), "{said:?}");
}

#[test]
fn an_export_to_another_network_is_told() {
    let mut house = House::new();
    for day in 0..20 {
        house.act(MONDAY + day * DAY + 2 * 3_600, "backup", DUMP, 0, None);
    }
    house.forget();
    let at = MONDAY + 20 * DAY + 2 * 3_600;
    house.act_from(at, "backup", DUMP, 0, None, ("172.16.9.4", "loan-core"));
    let said = house.anomalies();
    assert!(
        said.iter().any(|said| said.contains("to 172.16.9.0/24, where none of its exports of 20 days")),
        "{said:?}"
    );
}

#[test]
fn new_things_together_are_told_where_they_are_rare() {
    let mut house = House::new();
    house.weeks(0, 8, &CLERKS, |_| 8.0);
    house.forget();
    let at = MONDAY + 57 * DAY + 10 * 3_600;
    // Another statement alone is a new version of the program.
    house.act(at, "clerk1", 6, 4, Some(1));
    assert_eq!(house.anomalies(), [""; 0]);
    house.told.clear();
    house.act_from(at, "clerk3", 7, 4, Some(1), ("192.168.77.3", "psql"));
    let said = house.anomalies();
    let first_seen = house.told.iter().any(|one| one.kind == Kind::FirstSeen);
    // New to everybody: told by the other detector alone.
    assert!(first_seen && said.is_empty(), "{said:?} {:?}", house.told);
    house.told.clear();
    house.act_from(at + 3_600, "clerk4", 38, 4, Some(1), ("192.168.77.3", "psql"));
    let said = house.anomalies();
    assert!(said.iter().any(|said| said.contains("from 192.168.77.0/24, with psql, with a statement")), "{said:?}");
}

#[test]
fn many_tables_in_a_day_are_told() {
    let catalogue =
        Catalogue::parse("[[store]]\nname = \"all\"\ndatabase = \"mfo\"\ntables = [\"t*\"]\n", "c").unwrap();
    let mut house = House::new();
    house.detectors = Detectors::new(catalogue, None, Thresholds::default(), Severities::default());
    let touch = |house: &mut House, day: i64, table: i64| {
        let at = MONDAY + day * DAY + 10 * 3_600 + table * 60;
        house.read_table(at, "lone", &format!("t{table}"));
    };
    for day in 0..28 {
        (0..2).for_each(|table| touch(&mut house, day, table));
    }
    house.forget();
    (0..12).for_each(|table| touch(&mut house, 28, table));
    let said = house.anomalies();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("tables of store all in one day"), "{said:?}");
}

#[test]
fn switched_off_it_is_silent_and_holds_nothing() {
    let mut house = House::with(Thresholds { baselines: false, ..Thresholds::default() });
    house.weeks(0, 6, &CLERKS, |_| 8.0);
    house.hour(43, 14, "clerk2", 55);
    assert_eq!(house.anomalies(), [""; 0]);
    assert_eq!(house.detectors.baselines(), [("learning", 0), ("known", 0)]);
}

#[test]
fn what_the_log_begins_to_give_is_learnt_first() {
    let mut house = House::new();
    let day = |house: &mut House, day: i64, rows: Option<u64>| {
        for hour in 9..18 {
            for number in 0..8 {
                let person = (house.chance.next() % 20_000) as u16;
                house.act(MONDAY + day * DAY + hour * 3_600 + number * 300, "lone", LOOKUP, person, rows);
            }
        }
    };
    (0..40).filter(|number| number % 7 < 5).for_each(|number| day(&mut house, number, None));
    (42..47).for_each(|number| day(&mut house, number, Some(40)));
    assert_eq!(house.anomalies(), [""; 0]);
}

#[test]
fn a_profile_is_small() {
    let mut house = House::new();
    house.weeks(0, 8, &["app"], |_| 60.0);
    let rows = house.detectors.changes();
    let size = |tag: u8| {
        rows.iter().filter(|(key, _)| key[0] == tag).filter_map(|(_, value)| value.as_ref()).map(Vec::len).max()
    };
    let (live, profile) = (size(LIVE_TAG).unwrap(), size(PROFILE_TAG).unwrap());
    assert!(live < 1_500 && profile < 4_000, "{live} {profile}");
}
