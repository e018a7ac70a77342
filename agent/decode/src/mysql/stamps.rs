//! Times in all the forms that logs of MariaDB and MySQL have had.

use crate::times::Times;
use kuzet_event::Timestamp;

/// Longest form: `2026-11-22T16:27:58.123456+05:00`, and a blank before the zone.
const LONGEST: usize = 40;

/// Reads times; those without a zone are of the zone given.
pub(super) struct Stamps(Times);

impl Stamps {
    pub(super) fn new(unknown_zone: i32) -> Stamps {
        Stamps(Times::new(unknown_zone))
    }

    /// `261122  9:05:01`, `2026-11-22  9:05:01`, `2026-11-22T09:05:01.123456Z`, `2026-11-22T09:05:01+05:00`,
    /// `2026-11-22T09:05:01 UTC`.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<Timestamp> {
        let mut plain = [0; LONGEST];
        let length = normal(text, &mut plain)?;
        self.0.parse(&plain[..length])
    }
}

/// `text` as `2026-11-22 09:05:01.123456 zone`; its length.
fn normal(text: &[u8], plain: &mut [u8; LONGEST]) -> Option<usize> {
    let short = text.len() >= 15 && text[6] == b' ';
    let rest = if short {
        plain[..2].copy_from_slice(b"20");
        for (part, start) in [(0, 2), (2, 5), (4, 8)] {
            plain[start..start + 2].copy_from_slice(&text[part..part + 2]);
        }
        (plain[4], plain[7]) = (b'-', b'-');
        &text[7..]
    } else {
        let (date, rest) = text.split_at_checked(11)?;
        if !matches!(date[10], b' ' | b'T') {
            return None;
        }
        plain[..10].copy_from_slice(&date[..10]);
        rest
    };
    let (time, rest) = rest.split_at_checked(8)?;
    plain[10] = b' ';
    plain[11..19].copy_from_slice(time);
    if plain[11] == b' ' {
        plain[11] = b'0';
    }
    let fraction = match rest {
        [b'.', digits @ ..] => 1 + digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let (fraction, zone) = rest.split_at(fraction);
    let zone = zone.trim_ascii();
    let length = 19 + fraction.len() + usize::from(!zone.is_empty()) + zone.len();
    if length > LONGEST {
        return None;
    }
    plain[19..19 + fraction.len()].copy_from_slice(fraction);
    if !zone.is_empty() {
        plain[19 + fraction.len()] = b' ';
        plain[length - zone.len()..length].copy_from_slice(zone);
    }
    Some(length)
}

/// The time at the start of `line`, if there is one of these forms; and whether it is MySQL's (5.7 and later), which has a
/// `T` and a zone.
pub(super) fn leading(line: &[u8]) -> Option<(&[u8], bool)> {
    let digits =
        |range: std::ops::Range<usize>| line.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let clock = |start: usize| {
        let hour =
            line.get(start).is_some_and(|byte| byte.is_ascii_digit() || *byte == b' ') && digits(start + 1..start + 2);
        hour && line.get(start + 2) == Some(&b':')
            && digits(start + 3..start + 5)
            && line.get(start + 5) == Some(&b':')
            && digits(start + 6..start + 8)
    };
    if digits(0..6) && line.get(6) == Some(&b' ') && clock(7) {
        return Some((&line[..15], false));
    }
    let date =
        digits(0..4) && line.get(4) == Some(&b'-') && digits(5..7) && line.get(7) == Some(&b'-') && digits(8..10);
    if !date || !clock(11) {
        return None;
    }
    match line.get(10) {
        Some(b' ') => Some((&line[..19], false)),
        Some(b'T') => {
            let end = line.iter().take(LONGEST).position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            Some((&line[..end.unwrap_or(line.len().min(LONGEST))], true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let mut stamps = Stamps::new(5 * 3600);
        let mut show = |text: &str| stamps.read(text.as_bytes()).map(|at| at.to_string());
        let utc = |text: &str| Some(text.to_owned());
        assert_eq!(show("261122 16:27:58"), utc("2026-11-22T11:27:58.000000Z"));
        assert_eq!(show("261122  9:05:01"), utc("2026-11-22T04:05:01.000000Z"));
        assert_eq!(show("2026-11-22  9:05:01"), utc("2026-11-22T04:05:01.000000Z"));
        assert_eq!(show("2026-11-22T09:05:01.123456Z"), utc("2026-11-22T09:05:01.123456Z"));
        assert_eq!(show("2026-11-22T09:05:01.123456+05:00"), utc("2026-11-22T04:05:01.123456Z"));
        assert_eq!(show("2026-11-22T09:05:01 UTC"), utc("2026-11-22T09:05:01.000000Z"));
        for text in ["", "261122", "261399 16:27:58", "2026-11-22x09:05:01", "2026-11-22T09:05:01.1234567Z"] {
            assert_eq!(show(text), None, "{text}");
        }
    }

    #[test]
    fn only_times_lead() {
        assert_eq!(leading(b"261122 16:27:58\tx"), Some((&b"261122 16:27:58"[..], false)));
        assert_eq!(leading(b"2026-11-22T09:05:01.1Z 5 x"), Some((&b"2026-11-22T09:05:01.1Z"[..], true)));
        assert_eq!(leading(b"2026-11-22  9:05:01 0 [Note] x"), Some((&b"2026-11-22  9:05:01"[..], false)));
        assert_eq!(leading(b"1603439251354761,x"), None);
        assert_eq!(leading(b"20261122 16:27:58,vm"), None);
    }
}
