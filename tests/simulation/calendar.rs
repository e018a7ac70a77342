//! The thirty simulated days, in Kazakhstan's civil time: 12 October to 10 November 2026. A month ends, Republic Day falls
//! on a Sunday and moves to the Monday behind it.

/// Microseconds.
pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// Kazakhstan's offset from UTC.
pub const OFFSET: i64 = 5 * HOUR;
/// Midnight of Monday, 12 October 2026, at +05:00.
const START: i64 = 1_791_745_200 * SECOND;
/// Monday, 26 October: the day off that Republic Day moved to.
const DAY_OFF: usize = 14;
/// The last working days of October.
const MONTH_END: [usize; 3] = [16, 17, 18];

/// Midnight of day `day`, counted from 0.
pub fn midnight(day: usize) -> i64 {
    START + i64::try_from(day).unwrap_or(0) * DAY
}

/// `hours`:`minutes` of day `day`; hours may go beyond 24.
pub fn at(day: usize, hours: u32, minutes: u32) -> i64 {
    midnight(day) + i64::from(hours) * HOUR + i64::from(minutes) * MINUTE
}

/// 0 is Monday.
pub fn weekday(day: usize) -> usize {
    day % 7
}

/// A day on which the offices work; on Saturdays a few clerks do.
pub fn is_worked(day: usize) -> bool {
    weekday(day) < 5 && day != DAY_OFF
}

/// A Saturday.
pub fn is_saturday(day: usize) -> bool {
    weekday(day) == 5
}

/// One of the last working days of the month.
pub fn is_month_end(day: usize) -> bool {
    MONTH_END.contains(&day)
}

/// `2026-10-12` of a time.
pub fn date(time: i64) -> String {
    let (year, month, day, ..) = kuzet_event::Timestamp(time + OFFSET).civil(0);
    format!("{year:04}-{month:02}-{day:02}")
}

#[test]
fn the_days_are_the_ones_of_the_calendar() {
    assert_eq!((date(midnight(0)), kuzet_event::Timestamp(midnight(0)).weekday(18_000)), ("2026-10-12".to_owned(), 0));
    assert_eq!(date(midnight(DAY_OFF)), "2026-10-26");
    assert_eq!(date(midnight(MONTH_END[2])), "2026-10-30");
    assert_eq!(date(midnight(29)), "2026-11-10");
}
