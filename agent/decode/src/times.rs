//! Times as PostgreSQL writes them: `2026-11-22 21:22:30.784 +05`.

use kuzet_event::Timestamp;

/// Zone abbreviations with one meaning in this part of the world, offset in seconds. PostgreSQL writes what the tz
/// database has: a number such as `+05` for all of Kazakhstan (and UTC, GMT, MSK and the European ones by name).
const ZONES: &[(&[u8], i32)] = &[
    (b"UTC", 0),
    (b"GMT", 0),
    (b"UCT", 0),
    (b"Z", 0),
    (b"WET", 0),
    (b"WEST", 3600),
    (b"BST", 3600),
    (b"CET", 3600),
    (b"CEST", 2 * 3600),
    (b"EET", 2 * 3600),
    (b"EEST", 3 * 3600),
    (b"MSK", 3 * 3600),
    (b"MSD", 4 * 3600),
    (b"TRT", 3 * 3600),
    (b"SAMT", 4 * 3600),
    (b"AQTT", 5 * 3600),
    (b"UZT", 5 * 3600),
    (b"YEKT", 5 * 3600),
    (b"ALMT", 6 * 3600),
    (b"KGT", 6 * 3600),
    (b"OMST", 6 * 3600),
    (b"NOVT", 7 * 3600),
    (b"KRAT", 7 * 3600),
    (b"IRKT", 8 * 3600),
    (b"HKT", 8 * 3600),
    (b"JST", 9 * 3600),
    (b"KST", 9 * 3600),
    (b"EST", -5 * 3600),
    (b"EDT", -4 * 3600),
    (b"PST", -8 * 3600),
    (b"PDT", -7 * 3600),
];

/// Longest zone name looked at.
const ZONE: usize = 12;

/// Reads times; remembers the last second and zone, because neighbouring records share them.
pub(crate) struct Times {
    unknown_zone: i32,
    second: [u8; 19],
    micros: i64,
    zone: [u8; ZONE],
    zone_length: usize,
    offset: i64,
}

impl Times {
    /// A reader that takes `unknown_zone` (seconds east of UTC) for a missing zone or an unknown abbreviation.
    pub(crate) fn new(unknown_zone: i32) -> Times {
        Times {
            unknown_zone,
            second: [0; 19],
            micros: 0,
            zone: [0; ZONE],
            zone_length: usize::MAX,
            offset: i64::from(unknown_zone) * 1_000_000,
        }
    }

    /// The time that `text` consists of: date, time, optional fraction, optional zone.
    pub(crate) fn parse(&mut self, text: &[u8]) -> Option<Timestamp> {
        let (second, mut rest) = text.split_first_chunk::<19>()?;
        if *second != self.second {
            self.micros = civil(second)?;
            self.second = *second;
        }
        let mut fraction = 0;
        if let [b'.', digits @ ..] = rest {
            let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 6 {
                return None;
            }
            fraction = number(&digits[..length])? * 10i64.pow(6 - length as u32);
            rest = &digits[length..];
        }
        let zone = match rest {
            [] => rest,
            [b' ', zone @ ..] => zone,
            _ => return None,
        };
        if zone.len() != self.zone_length || zone != &self.zone[..zone.len()] {
            if zone.len() > ZONE {
                return None;
            }
            self.offset = i64::from(offset(zone, self.unknown_zone)?) * 1_000_000;
            self.zone[..zone.len()].copy_from_slice(zone);
            self.zone_length = zone.len();
        }
        Some(Timestamp(self.micros + fraction - self.offset))
    }

    /// The time of `%n`: seconds since 1970 with a fraction.
    pub(crate) fn epoch(text: &[u8]) -> Option<Timestamp> {
        let mut parts = text.splitn(2, |byte| *byte == b'.');
        let (seconds, fraction) = (parts.next()?, parts.next().unwrap_or(b""));
        if seconds.is_empty() || seconds.len() > 12 || fraction.len() > 6 {
            return None;
        }
        let fraction = number(fraction)? * 10i64.pow(6 - fraction.len() as u32);
        Some(Timestamp(number(seconds)? * 1_000_000 + fraction))
    }
}

/// Whether `text` begins as `2026-11-22 21:22:30` does.
pub(crate) fn looks_like_time(text: &[u8]) -> bool {
    text.len() >= 19
        && text[4] == b'-'
        && text[7] == b'-'
        && text[10] == b' '
        && text[13] == b':'
        && text[16] == b':'
        && text[0].is_ascii_digit()
        && text[18].is_ascii_digit()
}

/// Microseconds of `YYYY-MM-DD HH:MM:SS` as if it were UTC.
fn civil(text: &[u8; 19]) -> Option<i64> {
    if !looks_like_time(text) {
        return None;
    }
    let part = |start: usize, end: usize| number(&text[start..end]);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some((days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000)
}

/// A time as ISO 8601 and RFC 3339 write it: `2026-11-22T21:22:30.784+05:00`, a blank for the T and zones without a colon
/// as well. `unknown_zone` (seconds east of UTC) stands in for a missing zone.
pub(crate) fn iso(text: &[u8], unknown_zone: i32) -> Option<Timestamp> {
    let (second, mut rest) = text.split_first_chunk::<19>()?;
    if !matches!(second[10], b'T' | b't' | b' ') {
        return None;
    }
    let mut plain = *second;
    plain[10] = b' ';
    let mut micros = civil(&plain)?;
    if let [b'.' | b',', digits @ ..] = rest {
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let told = &digits[..length.min(6)];
        if told.is_empty() || length > 9 {
            return None;
        }
        micros += number(told)? * 10i64.pow(6 - told.len() as u32);
        rest = &digits[length..];
    }
    let zone = match rest.trim_ascii_start() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), a, b, minutes @ ..] => {
            let minutes = minutes.strip_prefix(b":").unwrap_or(minutes);
            if !matches!(minutes.len(), 0 | 2) {
                return None;
            }
            let seconds = number(&[*a, *b])? * 3600 + number(minutes)? * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        zone => i64::from(offset(zone, unknown_zone)?),
    };
    Some(Timestamp(micros - zone * 1_000_000))
}

/// A time as web servers write it, `23/Nov/2026:04:08:12 +0000`, and what stands behind it.
pub(crate) fn clf(text: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, rest) = clf_local(text)?;
    let (zone, rest) = rest.strip_prefix(b" ")?.split_at_checked(5)?;
    if !matches!(zone[0], b'+' | b'-') {
        return None;
    }
    Some((Timestamp(at.0 - i64::from(offset(zone, 0)?) * 1_000_000), rest))
}

/// The same without a zone and perhaps with milliseconds, as HAProxy writes it; taken as UTC.
pub(crate) fn clf_local(text: &[u8]) -> Option<(Timestamp, &[u8])> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (second, rest) = text.split_first_chunk::<20>()?;
    let [_, _, b'/', _, _, _, b'/', _, _, _, _, b':', _, _, b':', _, _, b':', _, _] = second else { return None };
    let month = (1..).zip(MONTHS.as_chunks::<3>().0).find(|(_, name)| second[3..6] == name[..])?.0;
    let part = |start: usize, end: usize| number(&second[start..end]);
    let (day, year, hour, minute, seconds) = (part(0, 2)?, part(7, 11)?, part(12, 14)?, part(15, 17)?, part(18, 20)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || seconds > 60 {
        return None;
    }
    let (millis, rest) = match rest {
        [b'.', a, b, c, rest @ ..] => (number(&[*a, *b, *c])?, rest),
        _ => (0, rest),
    };
    let at = utc(year, month, day, hour * 3600 + minute * 60 + seconds);
    Some((Timestamp(at * 1_000_000 + millis * 1000), rest))
}

/// Seconds since 1970 of a civil time, taken as UTC.
pub(crate) fn utc(year: i64, month: i64, day: i64, seconds_of_day: i64) -> i64 {
    days(year, month, day) * 86_400 + seconds_of_day
}

/// Days since 1970-01-01 of a Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// A number of at most 18 digits; an empty text is 0.
pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    if digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + i64::from(digit))
    })
}

/// Seconds east of UTC of `+05`, `+0530`, `+05:30`, `-03`, `MSK`. Text that is no zone at all gives `None`.
fn offset(zone: &[u8], unknown: i32) -> Option<i32> {
    let sign = match zone.first() {
        None => return Some(unknown),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => {
            let known = ZONES.iter().find(|(name, _)| *name == zone).map(|(_, offset)| *offset);
            return zone.iter().all(u8::is_ascii_alphabetic).then(|| known.unwrap_or(unknown));
        }
    };
    let (mut seconds, mut unit, mut rest) = (0, 3600, &zone[1..]);
    while !rest.is_empty() {
        let (pair, behind) = rest.split_at_checked(2)?;
        if unit == 0 {
            return None;
        }
        seconds += i32::try_from(number(pair)?).ok()? * unit;
        unit = if unit == 3600 { 60 } else { unit / 60 };
        rest = behind.strip_prefix(b":").unwrap_or(behind);
    }
    (unit < 3600 && seconds <= 16 * 3600).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Option<String> {
        Times::new(5 * 3600).parse(text.as_bytes()).map(|at| at.to_string())
    }

    #[test]
    fn reads_zones_by_number_and_name() {
        let utc = |text: &str| Some(text.to_owned());
        assert_eq!(show("2026-11-22 16:22:30.784 UTC"), utc("2026-11-22T16:22:30.784000Z"));
        assert_eq!(show("2026-11-22 21:22:30.784 +05"), utc("2026-11-22T16:22:30.784000Z"));
        assert_eq!(show("2026-11-22 21:52:30 +05:30"), utc("2026-11-22T16:22:30.000000Z"));
        assert_eq!(show("2026-11-22 13:22:30.7 -03"), utc("2026-11-22T16:22:30.700000Z"));
        assert_eq!(show("2026-11-22 19:22:30 MSK"), utc("2026-11-22T16:22:30.000000Z"));
        // Neither a zone nor a known one: the configured offset.
        assert_eq!(show("2026-11-22 21:22:30"), utc("2026-11-22T16:22:30.000000Z"));
        assert_eq!(show("2026-11-22 21:22:30 QYZT"), utc("2026-11-22T16:22:30.000000Z"));
        assert_eq!(show("2024-02-29 00:00:00 UTC"), utc("2024-02-29T00:00:00.000000Z"));
    }

    #[test]
    fn reads_iso_8601() {
        let utc = Some("2026-11-22T16:22:30.784000Z".to_owned());
        for text in [
            "2026-11-22T21:22:30.784+05:00",
            "2026-11-22T21:22:30.784000123+0500",
            "2026-11-22T16:22:30.784Z",
            "2026-11-22 21:22:30.784",
            "2026-11-22T21:22:30,784 +05",
        ] {
            assert_eq!(iso(text.as_bytes(), 5 * 3600).map(|at| at.to_string()), utc, "{text}");
        }
        for text in ["", "2026-11-22", "2026-11-22T16:22:30.", "2026-11-22T16:22:30+5", "2026-11-22X16:22:30Z"] {
            assert_eq!(iso(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in
            ["", "2026-11-22", "2026-13-22 16:22:30 UTC", "2026-11-22 16:22:30. UTC", "2026-11-22 16:22:30.784UTC"]
        {
            assert_eq!(show(text), None, "{text}");
        }
        assert_eq!(show("2026-11-22 16:22:30 +5"), None);
        assert_eq!(show("2026-11-22 16:22:30 [42]"), None);
    }

    #[test]
    fn the_cache_does_not_show() {
        let mut times = Times::new(0);
        let first = times.parse(b"2026-11-22 16:22:30.784 UTC");
        assert_ne!(times.parse(b"2026-11-22 16:22:30.784 +05"), first);
        assert_eq!(times.parse(b"2026-11-22 16:22:30.784 UTC"), first);
        assert_eq!(Times::epoch(b"1795364550.784"), first);
    }
}
