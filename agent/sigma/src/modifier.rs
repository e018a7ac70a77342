//! Modifiers behind a field name: read, and checked for combinations that mean something.

use crate::diagnostic::{Code, Fault, Place};

/// How a text value is changed before it is compared, in the order written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// `utf16le`, `wide`.
    Utf16Le,
    /// `utf16be`.
    Utf16Be,
    /// `utf16`: with a byte order mark.
    Utf16,
    /// `base64`.
    Base64,
    /// `base64offset`.
    Base64Offset,
    /// `windash`.
    Windash,
}

/// `lt`, `lte`, `gt`, `gte`, or equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Equal.
    Equal,
    /// `lt`.
    Less,
    /// `lte`.
    AtMost,
    /// `gt`.
    Greater,
    /// `gte`.
    AtLeast,
    /// `neq`, in correlations.
    NotEqual,
}

/// A part of a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimePart {
    /// Of the hour.
    Minute,
    /// Of the day.
    Hour,
    /// Of the month.
    Day,
    /// Of the year, as in ISO 8601.
    Week,
    /// Of the year.
    Month,
    /// The year.
    Year,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compare {
    /// As text, number, boolean or null: as the value is written.
    #[default]
    Plain,
    /// `re`.
    Regex,
    /// `cidr`.
    Cidr,
    /// `exists`.
    Exists,
    /// `fieldref`.
    FieldRef,
    /// `lt`, `lte`, `gt`, `gte`.
    Number(Order),
    /// `minute` … `year`.
    Time(TimePart, Order),
}

/// The modifiers of one item of a selection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Modifiers {
    /// How it is compared.
    pub compare: Compare,
    /// Anything may stand before the value: `contains`, `endswith`.
    pub before: bool,
    /// Anything may stand behind the value: `contains`, `startswith`.
    pub behind: bool,
    /// `all`: every value, not any.
    pub all: bool,
    /// `cased`.
    pub cased: bool,
    /// `neq`.
    pub neq: bool,
    /// `expand`.
    pub expand: bool,
    /// Flags of `re`: `i`, `m`, `s`.
    pub flags: Flags,
    /// Encodings.
    pub transforms: Vec<Transform>,
}

/// Flags of a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Flags {
    /// `i`: letters of both cases are equal.
    pub ignore_case: bool,
    /// `m`: `^` and `$` stand at lines.
    pub multi_line: bool,
    /// `s`: `.` is a line break too.
    pub dot_all: bool,
}

const KNOWN: &str = "Sigma 2.1 knows contains, startswith, endswith, all, cased, exists, re (i, m, s), cidr, fieldref, \
    expand, base64, base64offset, utf16, utf16le, utf16be, wide, windash, lt, lte, gt, gte, neq, minute, hour, day, \
    week, month, year";

impl Modifiers {
    /// Reads what stands behind the field name, without the first `|`.
    pub(crate) fn read(words: &str, place: Place) -> Result<Self, Fault> {
        let mut all = Self::default();
        let mut order = None;
        for word in words.split('|') {
            all.add(word, &mut order, place)?;
        }
        match (all.compare, order) {
            (_, None) => {}
            (Compare::Plain, Some(order)) => all.compare = Compare::Number(order),
            (Compare::Time(part, _), Some(order)) => all.compare = Compare::Time(part, order),
            _ => return Err(clash(place, "lt, lte, gt and gte compare numbers or parts of a time, nothing else")),
        }
        all.check(place)?;
        Ok(all)
    }

    fn add(&mut self, word: &str, order: &mut Option<Order>, place: Place) -> Result<(), Fault> {
        let regex = self.compare == Compare::Regex;
        let mut compare = |to: Compare| {
            let first = self.compare == Compare::Plain;
            self.compare = to;
            if first { Ok(()) } else { Err(clash(place, "the value can be compared in one way only")) }
        };
        let mut ordered = |to: Order| match order.replace(to) {
            None => Ok(()),
            Some(_) => Err(clash(place, "lt, lte, gt and gte exclude each other")),
        };
        match word.to_ascii_lowercase().as_str() {
            "contains" => return self.wrap(true, true, place),
            "startswith" => return self.wrap(false, true, place),
            "endswith" => return self.wrap(true, false, place),
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.neq = true,
            "expand" => self.expand = true,
            "exists" => return compare(Compare::Exists),
            "re" => return compare(Compare::Regex),
            "cidr" => return compare(Compare::Cidr),
            "fieldref" => return compare(Compare::FieldRef),
            "i" if regex => self.flags.ignore_case = true,
            "m" if regex => self.flags.multi_line = true,
            "s" if regex => self.flags.dot_all = true,
            "i" | "m" | "s" => return Err(clash(place, "i, m and s are flags: they stand behind re")),
            "lt" => return ordered(Order::Less),
            "lte" => return ordered(Order::AtMost),
            "gt" => return ordered(Order::Greater),
            "gte" => return ordered(Order::AtLeast),
            "minute" => return compare(Compare::Time(TimePart::Minute, Order::Equal)),
            "hour" => return compare(Compare::Time(TimePart::Hour, Order::Equal)),
            "day" => return compare(Compare::Time(TimePart::Day, Order::Equal)),
            "week" => return compare(Compare::Time(TimePart::Week, Order::Equal)),
            "month" => return compare(Compare::Time(TimePart::Month, Order::Equal)),
            "year" => return compare(Compare::Time(TimePart::Year, Order::Equal)),
            "base64" => self.transforms.push(Transform::Base64),
            "base64offset" => self.transforms.push(Transform::Base64Offset),
            "utf16" => self.transforms.push(Transform::Utf16),
            "utf16le" | "wide" => self.transforms.push(Transform::Utf16Le),
            "utf16be" => self.transforms.push(Transform::Utf16Be),
            "windash" => self.transforms.push(Transform::Windash),
            _ => return Err(Fault::new(place, Code::UnknownModifier, format!("unknown modifier {word:?}"), KNOWN)),
        }
        Ok(())
    }

    fn wrap(&mut self, before: bool, behind: bool, place: Place) -> Result<(), Fault> {
        if self.before || self.behind {
            return Err(clash(place, "contains, startswith and endswith exclude each other"));
        }
        (self.before, self.behind) = (before, behind);
        Ok(())
    }

    fn check(&self, place: Place) -> Result<(), Fault> {
        let text = self.compare == Compare::Plain;
        let wrapped = self.before || self.behind;
        if wrapped && !matches!(self.compare, Compare::Plain | Compare::FieldRef) {
            return Err(clash(place, "contains, startswith and endswith compare text or fields, nothing else"));
        }
        if self.cased && !matches!(self.compare, Compare::Plain | Compare::FieldRef) {
            return Err(clash(place, "cased belongs to text; re, cidr and numbers know no case"));
        }
        if !self.transforms.is_empty() && !text {
            return Err(clash(place, "encodings and windash change text; the value is compared as something else"));
        }
        if self.expand && !matches!(self.compare, Compare::Plain | Compare::Cidr | Compare::Regex) {
            return Err(clash(place, "expand stands for texts; the value is compared as something else"));
        }
        if self.compare == Compare::Exists && (self.all || self.neq) {
            return Err(clash(place, "exists takes one boolean and no further modifier"));
        }
        if self.all && matches!(self.compare, Compare::Number(Order::Equal) | Compare::Time(_, Order::Equal)) {
            return Err(clash(place, "one number cannot equal every value of a list"));
        }
        self.check_encodings(place)
    }

    /// One chain: windash, then a character encoding, then base64.
    fn check_encodings(&self, place: Place) -> Result<(), Fault> {
        let stage = |transform: &Transform| match transform {
            Transform::Windash => 0,
            Transform::Utf16 | Transform::Utf16Le | Transform::Utf16Be => 1,
            Transform::Base64 | Transform::Base64Offset => 2,
        };
        if self.transforms.windows(2).any(|pair| stage(&pair[0]) >= stage(&pair[1])) {
            let help = "modifiers work from left to right: windash, then one of utf16*, wide, then one of base64*";
            return Err(Fault::new(
                place,
                Code::ModifierClash,
                "the encodings stand in an order without a meaning",
                help,
            ));
        }
        if self.transforms.contains(&Transform::Base64Offset) && !(self.before && self.behind) {
            let help = "write base64offset|contains: the encoded value is a piece from the middle";
            return Err(Fault::new(place, Code::ModifierClash, "base64offset without contains", help));
        }
        Ok(())
    }
}

fn clash(place: Place, message: &str) -> Fault {
    Fault::new(place, Code::ModifierClash, message, "leave one of the modifiers out, or use two selections")
}
