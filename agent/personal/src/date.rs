//! A calendar day: a pure crate has no clock, so "not born in the future" is asked against a day the caller gives.

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day used where none is given. Borrowers are adults, so an old one costs only the evidence of infants.
    pub const DEFAULT: Date = Date { year: 2026, month: 12, day: 31 };

    /// A day, if there is such a day.
    #[must_use]
    #[inline]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (day >= 1 && day <= last).then_some(Date { year, month, day })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist() {
        assert!(Date::new(2000, 2, 29).is_some());
        assert!(Date::new(1900, 2, 29).is_none());
        assert!(Date::new(1999, 4, 31).is_none());
        assert!(Date::new(1999, 13, 1).is_none());
        assert!(Date::new(1999, 1, 0).is_none());
    }
}
