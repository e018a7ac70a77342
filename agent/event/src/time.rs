//! Event time, so that no other part of the core needs a clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time that is `self - earlier`, or zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Year, month (1-12), day (1-31), hour, minute, second, microsecond in the given offset from UTC.
    #[must_use]
    pub fn civil(self, offset_seconds: i32) -> (i64, u8, u8, u8, u8, u8, u32) {
        let local = self.0.saturating_add(i64::from(offset_seconds) * 1_000_000);
        let (days, micros) = (local.div_euclid(86_400_000_000), local.rem_euclid(86_400_000_000));
        let (year, month, day) = civil_from_days(days);
        let seconds = micros / 1_000_000;
        let part = |value: i64| u8::try_from(value).unwrap_or(0);
        (
            year,
            month,
            day,
            part(seconds / 3600),
            part(seconds / 60 % 60),
            part(seconds % 60),
            (micros % 1_000_000) as u32,
        )
    }

    /// Day of the week in the given offset, 0 = Monday.
    #[must_use]
    pub fn weekday(self, offset_seconds: i32) -> u8 {
        let days = self.0.saturating_add(i64::from(offset_seconds) * 1_000_000).div_euclid(86_400_000_000);
        u8::try_from((days + 3).rem_euclid(7)).unwrap_or(0)
    }
}

/// Gregorian date of a day count from 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = u8::try_from(doy - (153 * mp + 2) / 5 + 1).unwrap_or(1);
    let month = u8::try_from(if mp < 10 { mp + 3 } else { mp - 9 }).unwrap_or(1);
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, rhs: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(rhs.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, rhs: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(rhs.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with microseconds, `2026-11-22T16:22:30.784000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, micros) = self.civil(0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_utc_and_shifts_by_the_offset() {
        let at = Timestamp(1_795_364_550_784_000);
        assert_eq!(at.to_string(), "2026-11-22T16:22:30.784000Z");
        assert_eq!(at.civil(5 * 3600), (2026, 11, 22, 21, 22, 30, 784_000));
        assert_eq!(at.weekday(0), 6); // a Sunday
        assert_eq!(at.weekday(8 * 3600), 0); // already Monday eight hours east
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }
}
