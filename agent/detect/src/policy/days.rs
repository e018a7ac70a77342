//! Days of the month of a rule: `last 3 days`, `first day`, `1-5, 20`.

/// Days from the beginning of the month or from its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    /// From and to, both inside, from 1.
    spans: Vec<(u8, u8)>,
    /// So many at the end.
    last: u8,
}

impl Days {
    /// Reads one text or several; parts stand behind commas.
    pub(crate) fn parse(texts: &[&str]) -> Result<Days, String> {
        let mut days = Days { spans: Vec::new(), last: 0 };
        for part in texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
            let wrong = || format!("`{part}` is no days of a month");
            let number = |word: &str| word.parse::<u8>().ok().filter(|day| (1..=31).contains(day)).ok_or_else(wrong);
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.as_slice() {
                ["last", "day"] => days.last = days.last.max(1),
                ["last", count, "days" | "day"] => days.last = days.last.max(number(count)?),
                ["first", "day"] => days.spans.push((1, 1)),
                ["first", count, "days" | "day"] => days.spans.push((1, number(count)?)),
                [one] => {
                    let (from, to) = one.split_once('-').unwrap_or((one, one));
                    let (from, to) = (number(from)?, number(to)?);
                    if from > to {
                        return Err(wrong());
                    }
                    days.spans.push((from, to));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(days)
    }

    /// Whether a day of a month of so many days is one of them.
    pub(crate) fn contain(&self, day: u8, month_days: u8) -> bool {
        self.spans.iter().any(|(from, to)| (*from..=*to).contains(&day)) || day > month_days.saturating_sub(self.last)
    }
}

/// How many days a month has.
pub(crate) fn length(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_a_month() {
        for (text, day, month_days, wanted) in [
            ("last 3 days", 29, 31, true),
            ("last 3 days", 28, 31, false),
            ("last 3 days", 26, 28, true),
            ("last day", 30, 30, true),
            ("last day", 30, 31, false),
            ("first 5 days", 5, 30, true),
            ("first day", 2, 30, false),
            ("1-5, 20", 20, 30, true),
            ("1-5, 20", 6, 30, false),
            ("10, last day", 28, 28, true),
        ] {
            assert_eq!(Days::parse(&[text]).unwrap().contain(day, month_days), wanted, "{text}: {day}");
        }
        for bad in ["", "0", "32", "5-1", "last", "last many days", "every day", "Mon"] {
            assert!(Days::parse(&[bad]).is_err(), "{bad}");
        }
        assert_eq!([length(2028, 2), length(2026, 2), length(2100, 2), length(2000, 2)], [29, 28, 28, 29]);
    }
}
