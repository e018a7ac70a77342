//! Working hours of the house: hours of the week, days off of the law pack, what the configuration adds to them.

use crate::Thresholds;
use crate::policy::hours::{self, Hours};
use kuzet_event::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The days off that ship with the agent.
const SHIPPED: &str = include_str!("../../../rules/law/calendar.toml");
const DAY: i64 = 86_400_000_000;

#[derive(Deserialize)]
struct File {
    year: Vec<Year>,
}

#[derive(Deserialize)]
struct Year {
    year: i64,
    days_off: Vec<String>,
}

/// When people work.
pub(crate) struct Calendar {
    /// `None`: at any time.
    hours: Option<Hours>,
    text: String,
    offset_micros: i64,
    off: BTreeSet<i64>,
    worked: BTreeSet<i64>,
    /// Last year whose days off are known.
    last_year: i64,
}

impl Calendar {
    pub(crate) fn new(thresholds: &Thresholds) -> Calendar {
        let years = toml::from_str::<File>(SHIPPED).map(|file| file.year).unwrap_or_default();
        let shipped = years.iter().flat_map(|year| &year.days_off);
        let days = |texts: &[String]| texts.iter().filter_map(|text| hours::day(text)).collect::<BTreeSet<i64>>();
        let text = thresholds.work_hours.clone();
        let hours = Hours::parse(&[&text], thresholds.offset_seconds).ok().filter(|_| !text.is_empty());
        Calendar {
            hours,
            text,
            offset_micros: i64::from(thresholds.offset_seconds) * 1_000_000,
            off: shipped.filter_map(|text| hours::day(text)).chain(days(&thresholds.days_off)).collect(),
            worked: days(&thresholds.working_days),
            last_year: years.iter().map(|year| year.year).max().unwrap_or(0),
        }
    }

    /// The day of the week that a local day is like, Monday first, and its name: a day off is a Sunday, a day that is
    /// worked by order a Monday.
    pub(crate) fn like(&self, day: i64) -> (usize, &'static str) {
        const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        match (self.worked.contains(&day), self.off.contains(&day)) {
            (true, _) => (0, "working day by order"),
            (false, true) => (6, "day off"),
            (false, false) => (weekday, NAMES[weekday]),
        }
    }

    /// Why nobody works at `at`, if so.
    pub(crate) fn outside(&self, at: Timestamp) -> Option<String> {
        let hours = self.hours.as_ref()?;
        let local = at.0.saturating_add(self.offset_micros);
        let day = local.div_euclid(DAY);
        let worked = self.worked.contains(&day);
        // A day that is worked by order keeps Monday's hours; 1970-01-01 was a Thursday.
        let like =
            if worked { Timestamp(at.0.saturating_sub((day + 3).rem_euclid(7).saturating_mul(DAY))) } else { at };
        let off = self.off.contains(&day) && !worked;
        if !off && hours.contain(like) {
            return None;
        }
        let (year, month, date, hour, minute, ..) = Timestamp(local).civil(0);
        let why = if off { "a day off".to_owned() } else { format!("outside {}", self.text) };
        let end = match year > self.last_year {
            true => format!("; the list of days off ends with {}", self.last_year),
            false => String::new(),
        };
        Some(format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02} local time, {why}{end}"))
    }
}

/// Last year whose days off ship with the agent: hours of later years know no holidays.
#[must_use]
pub fn calendar_ends() -> i64 {
    Calendar::new(&Thresholds::default()).last_year
}

/// What is wrong with the texts of the thresholds, each with the name of its key.
pub(crate) fn faults(thresholds: &Thresholds) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if !thresholds.work_hours.is_empty()
        && let Err(fault) = Hours::parse(&[&thresholds.work_hours], thresholds.offset_seconds)
    {
        faults.push(("work_hours", fault));
    }
    for (key, days) in [("days_off", &thresholds.days_off), ("working_days", &thresholds.working_days)] {
        let wrong = days.iter().filter(|text| hours::day(text).is_none());
        faults.extend(wrong.map(|text| (key, format!("`{text}` is no day"))));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let (date, time) = text.split_once(' ').unwrap();
        hours::until(&format!("{date}T{time}"), 5 * 3600).unwrap()
    }

    #[test]
    fn nights_sundays_and_holidays_are_outside() {
        let calendar = Calendar::new(&Thresholds {
            days_off: vec!["2026-11-24".to_owned()],
            working_days: vec!["2026-11-29".to_owned(), "2026-12-16".to_owned()],
            ..Thresholds::default()
        });
        for (time, wanted) in [
            ("2026-11-23 09:00", None), // Monday
            ("2026-11-23 06:59", Some("outside Mon-Sat 07:00-22:00")),
            ("2026-11-23 22:00", Some("outside Mon-Sat 07:00-22:00")),
            ("2026-11-22 12:00", Some("outside Mon-Sat")), // Sunday
            ("2026-11-29 12:00", None),                    // Sunday, worked by order
            ("2026-11-29 23:00", Some("outside Mon-Sat")),
            ("2026-11-24 12:00", Some("a day off")), // by the configuration
            ("2026-05-27 12:00", Some("a day off")), // Kurban Ait
            ("2026-12-16 12:00", None),              // a holiday worked by order
            ("2027-03-15 12:00", Some("a day off")), // Constitution Day
            ("2026-08-31 12:00", None),              // no longer a holiday
            ("2028-01-02 12:00", Some("the list of days off ends with 2027")),
        ] {
            let told = calendar.outside(at(time));
            match wanted {
                None => assert_eq!(told, None, "{time}"),
                Some(part) => assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{time}: {told:?}"),
            }
        }
        assert!(Calendar::new(&Thresholds { work_hours: String::new(), ..Thresholds::default() }).hours.is_none());
        assert_eq!(calendar_ends(), 2027);
    }

    #[test]
    fn every_day_of_the_pack_is_a_day_of_its_year() {
        let file: File = toml::from_str(SHIPPED).unwrap();
        for year in file.year {
            assert!(year.days_off.is_sorted() && year.days_off.len() >= 16);
            assert!(
                year.days_off.iter().all(|day| day.starts_with(&year.year.to_string()) && hours::day(day).is_some())
            );
        }
        let wrong = Thresholds {
            work_hours: "Mon-Fry 08:00-20:00".to_owned(),
            days_off: vec!["2026-02-30".to_owned()],
            ..Thresholds::default()
        };
        assert_eq!(faults(&wrong).len(), 2);
        assert!(faults(&Thresholds::default()).is_empty());
    }
}
