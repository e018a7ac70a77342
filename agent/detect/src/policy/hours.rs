//! Hours of a rule: `Mon-Fri 08:00-20:00, Sat 10:00-14:00` in a fixed offset from UTC.

use kuzet_event::Timestamp;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u16 = 1440;
const WEEK: u16 = 7 * DAY;

/// Minutes of the week, from Monday 00:00, in which a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    offset_seconds: i32,
    /// Half-open; one across the end of the week ends behind it.
    spans: Vec<(u16, u16)>,
}

impl Hours {
    /// Reads one text; several parts stand behind commas. A part may leave out its days (every day) or its hours (the
    /// whole day); an end before the start is on the next day.
    pub(crate) fn parse(texts: &[&str], offset_seconds: i32) -> Result<Hours, String> {
        let mut spans = Vec::new();
        for part in texts.iter().flat_map(|text| text.split(',')) {
            let part = part.trim().to_lowercase();
            let (days, hours) = match part.split_once(' ') {
                Some((days, hours)) => (days, hours.trim()),
                None if part.starts_with(|first: char| first.is_ascii_digit()) => ("mon-sun", part.as_str()),
                None => (part.as_str(), "00:00-24:00"),
            };
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let day = |name: &str| DAYS.iter().position(|day| *day == name).ok_or(format!("`{name}` is no day"));
            let (first, last) = (day(first)?, day(last)?);
            let (from, to) = hours.split_once('-').ok_or(format!("`{hours}` has no end"))?;
            let (from, to) = (minute(from)?, minute(to)?);
            let length = if to > from { to - from } else { to + DAY - from };
            for step in 0..7 {
                let index = (first + step) % 7;
                let start = u16::try_from(index).unwrap_or(0) * DAY + from;
                spans.push((start, start + length));
                if index == last {
                    break;
                }
            }
        }
        Ok(Hours { offset_seconds, spans })
    }

    /// Whether `at` is inside.
    pub(crate) fn contain(&self, at: Timestamp) -> bool {
        self.began(at).is_some()
    }

    /// How many days before `at` the hours began that it is in: 1 behind midnight of a night, else 0.
    pub(crate) fn began(&self, at: Timestamp) -> Option<u8> {
        let (_, _, _, hour, minute, ..) = at.civil(self.offset_seconds);
        let day = u16::from(at.weekday(self.offset_seconds));
        let now = day * DAY + u16::from(hour) * 60 + u16::from(minute);
        let began = |(start, end): &(u16, u16)| {
            let now = [now, now + WEEK].into_iter().find(|now| (*start..*end).contains(now))?;
            u8::try_from(now / DAY - start / DAY).ok()
        };
        self.spans.iter().filter_map(began).min()
    }
}

fn minute(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{}` is no time of day", text.trim());
    let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
    let hour: u16 = hour.parse().map_err(|_| wrong())?;
    let minute: u16 = minute.parse().map_err(|_| wrong())?;
    if minute > 59 || hour > 24 || (hour == 24 && minute > 0) {
        return Err(wrong());
    }
    Ok(hour * 60 + minute)
}

/// `+05:00`, `-3`, `Z` in seconds.
pub(super) fn offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01 of `2027-01-31`.
pub(crate) fn day(text: &str) -> Option<i64> {
    let end = until(text, 0).filter(|_| text.len() == 10)?;
    Some(end.0 / 86_400_000_000 - 1)
}

/// First moment after `text` (`2027-01-31`: the end of that day; `2027-01-31T18:00`: that minute).
pub(crate) fn until(text: &str, offset_seconds: i32) -> Option<Timestamp> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some()
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || !(1970..=9999).contains(&year)
    {
        return None;
    }
    let minutes = match time {
        None => i64::from(DAY),
        Some(time) => i64::from(minute(time.get(..5)?).ok()?),
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + minutes * 60 - i64::from(offset_seconds);
    let found = Timestamp(seconds * 1_000_000);
    // A day that its month does not have comes back as another one.
    let back = Timestamp((days_from_civil(year, month, day)) * 86_400_000_000).civil(0);
    (i64::from(back.2) == day).then_some(found)
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T16:22:30Z, a Sunday; Monday 21:22 a day later at +05:00.
    const SUNDAY: i64 = 1_795_364_550;

    fn hold(text: &str, shift_hours: i64) -> bool {
        Hours::parse(&[text], 5 * 3600).unwrap().contain(Timestamp((SUNDAY + shift_hours * 3600) * 1_000_000))
    }

    #[test]
    fn hours_hold_in_the_offset() {
        // Sunday 21:22 local.
        for (text, shift, wanted) in [
            ("Mon-Fri 08:00-20:00", 0, false),
            ("Mon-Fri 08:00-20:00", 12, true),  // Monday 09:22
            ("Mon-Fri 08:00-20:00", 23, false), // Monday 20:22
            ("Sun", 0, true),
            ("Sun", 3, false), // Monday 00:22
            ("08:00-20:00", 12, true),
            ("Sun 22:00-06:00", 5, true), // Monday 02:22 belongs to Sunday's night
            ("Sun 22:00-06:00", 0, false),
            ("Fri-Mon 09:00-10:00", 12, true), // across the end of the week
            ("Mon 08:00-09:00, Mon 09:00-10:00", 12, true),
            ("Mon-Sun 00:00-24:00", 17, true),
        ] {
            assert_eq!(hold(text, shift), wanted, "{text} +{shift} h");
        }
        for bad in ["Mon-Fry 08:00-20:00", "Mon 08:00", "Mon 25:00-26:00", "", "Mon 8-20"] {
            assert!(Hours::parse(&[bad], 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn offsets_and_dates() {
        assert_eq!(offset("+05:00"), Some(18_000));
        assert_eq!(offset("-3"), Some(-10_800));
        assert_eq!(offset("Z"), Some(0));
        assert_eq!(offset("5"), None);
        assert_eq!(until("2026-11-22", 18_000).unwrap().to_string(), "2026-11-22T19:00:00.000000Z");
        assert_eq!(until("2026-11-22T18:00", 18_000).unwrap().to_string(), "2026-11-22T13:00:00.000000Z");
        assert_eq!(until("2026-02-30", 0), None);
        assert_eq!(until("22.11.2026", 0), None);
    }
}
