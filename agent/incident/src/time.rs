//! Timestamps as RFC 3339 text in incidents, both ways, with microseconds.

use kuzet_event::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes `2026-11-22T16:22:30.784000Z`.
pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom("not a timestamp of the form 2026-11-22T16:22:30.784000Z"))
}

/// Exactly the form that [`Timestamp`] shows; years may have a sign and more than four digits.
fn parse(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let (rest, day) = date.rsplit_once('-')?;
    let (year, month) = rest.rsplit_once('-')?;
    let (whole, micros) = clock.split_once('.')?;
    let mut parts = whole.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || micros.len() != 6 {
        return None;
    }
    let days = days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    let seconds = i128::from(days) * 86_400 + i128::from(hour * 3600 + minute * 60 + second);
    i64::try_from(seconds * 1_000_000 + i128::from(micros.parse::<u32>().ok()?)).ok().map(Timestamp)
}

/// Days from 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year.abs() > 400_000 {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_timestamp_comes_back(micros in any::<i64>()) {
            let at = Timestamp(micros);
            prop_assert_eq!(parse(&at.to_string()), Some(at));
        }

        #[test]
        fn junk_is_refused_without_a_panic(text in "[-0-9TZ:.]{0,40}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn extremes_come_back() {
        for micros in [i64::MIN, -1, 0, 1_795_364_550_784_000, i64::MAX] {
            assert_eq!(parse(&Timestamp(micros).to_string()), Some(Timestamp(micros)));
        }
    }
}
