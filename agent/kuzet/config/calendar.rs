//! The days off that ship with the agent end with a year: told before that, while somebody can still do something.

use kuzet_detect::{Diagnostic, Thresholds, calendar_ends};
use kuzet_event::Timestamp;

/// So long before the end it is told.
const DAYS: i64 = 90;
const DAY: i64 = 86_400_000_000;

/// A warning from 90 days before no day off is known; none where no hours are kept or later days are configured.
#[must_use]
pub fn calendar(thresholds: &Thresholds, now: Timestamp) -> Option<Diagnostic> {
    let last = calendar_ends();
    let first = i16::try_from(last + 1).ok().and_then(|year| jiff::civil::Date::new(year, 1, 1).ok())?;
    let end = first.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
    let left = (end - i64::from(thresholds.offset_seconds) * 1_000_000).saturating_sub(now.0).div_euclid(DAY);
    let later = |day: &String| day.get(..4).and_then(|year| year.parse::<i64>().ok()).is_some_and(|year| year > last);
    if left >= DAYS || thresholds.work_hours.is_empty() || thresholds.days_off.iter().any(later) {
        return None;
    }
    let when = match left {
        ..0 => "that is over".to_owned(),
        left => format!("{left} days are left"),
    };
    let message = format!(
        "the days off that ship with the agent end with {last}: {when}; a holiday after that counts as a working day"
    );
    let help = format!("install a newer kuzet, or list the days off of {} in thresholds.days_off", last + 1);
    let (code, file) = ("KZ090".to_owned(), String::new());
    Some(Diagnostic { code, file, line: 0, column: 0, message, help, warning: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str, thresholds: &Thresholds) -> Option<Diagnostic> {
        let at: jiff::Timestamp = format!("{day}+05:00").parse().unwrap();
        calendar(thresholds, Timestamp(at.as_microsecond()))
    }

    #[test]
    fn the_end_of_the_calendar_is_told_ninety_days_before() {
        let usual = Thresholds { offset_seconds: 5 * 3600, ..Thresholds::default() };
        let last = calendar_ends();
        assert_eq!(on(&format!("{last}-10-02T23:59:00"), &usual), None);
        let told = on(&format!("{last}-10-03T00:01:00"), &usual).unwrap();
        assert!(told.warning && told.message.contains("89 days are left"), "{told:?}");
        let eve = on(&format!("{last}-12-31T23:59:00"), &usual).unwrap();
        assert!(eve.message.contains(" 0 days are left"), "{eve:?}");
        let over = on(&format!("{}-01-01T00:00:01", last + 1), &usual).unwrap();
        assert!(over.message.contains("that is over") && over.help.contains(&(last + 1).to_string()), "{over:?}");
        let none = Thresholds { work_hours: String::new(), ..usual.clone() };
        let own = Thresholds { days_off: vec![format!("{}-01-01", last + 1)], ..usual };
        for quiet in [none, own] {
            assert_eq!(on(&format!("{}-03-08T12:00:00", last + 1), &quiet), None);
        }
    }
}
