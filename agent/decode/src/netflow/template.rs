//! Templates: which fields the records of an exporter have, in which order and of what length.

use super::fields::{Clock, Fields};
use super::{take, take16, take32};

/// Fields of one template, at most; one with more is refused, and its records are lost.
const FIELDS: usize = 128;
/// Stands for a length that each record tells itself.
const VARIABLE: u16 = u16::MAX;
/// The enterprise whose numbers are those of the other direction (RFC 5103).
const REVERSE: u32 = 29_305;

/// What a set defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nine,
    NineOptions,
    Ipfix,
    IpfixOptions,
}

impl Kind {
    pub(super) fn of(version: u16, id: u16) -> Option<Kind> {
        match (version, id) {
            (9, 0) => Some(Kind::Nine),
            (9, 1) => Some(Kind::NineOptions),
            (10, 2) => Some(Kind::Ipfix),
            (10, 3) => Some(Kind::IpfixOptions),
            _ => None,
        }
    }
}

/// Number of a field: those of the other direction have the high bit, those that nobody asked for are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    number: u16,
    length: u16,
}

/// The fields of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    fields: Box<[Field]>,
    /// Bytes that a record has at least; all that it has where no field is variable.
    least: usize,
    variable: bool,
    /// Its records are about the exporter, not about flows.
    pub(super) options: bool,
}

/// The next template of a set, with its number; without fields it takes an earlier one back.
pub(super) fn read(kind: Kind, set: &mut &[u8]) -> Option<(u16, Option<Template>)> {
    let id = take16(set).filter(|id| *id >= 256)?;
    let count = match kind {
        Kind::Nine | Kind::Ipfix => take16(set)?,
        Kind::NineOptions => take16(set)?.checked_add(take16(set)?)? / 4,
        Kind::IpfixOptions => {
            let count = take16(set)?;
            if count > 0 {
                take16(set)?;
            }
            count
        }
    };
    let enterprises = matches!(kind, Kind::Ipfix | Kind::IpfixOptions);
    let mut fields = Vec::with_capacity(usize::from(count).min(FIELDS));
    for _ in 0..count {
        let (number, length) = (take16(set)?, take16(set)?);
        let number = match number {
            0x8000.. if enterprises && take32(set)? == REVERSE => number,
            0x8000.. => 0,
            number => number,
        };
        fields.push(Field { number, length });
        if fields.len() > FIELDS {
            return None;
        }
    }
    let options = matches!(kind, Kind::NineOptions | Kind::IpfixOptions);
    Some((id, Template::new(fields, enterprises, options)))
}

impl Template {
    fn new(fields: Vec<Field>, enterprises: bool, options: bool) -> Option<Template> {
        let variable = enterprises && fields.iter().any(|field| field.length == VARIABLE);
        let length = |field: &Field| if variable && field.length == VARIABLE { 1 } else { usize::from(field.length) };
        let least = fields.iter().map(length).sum();
        // A record of no bytes would come without end.
        (least > 0).then(|| Template { fields: fields.into(), least, variable, options })
    }

    /// The next record of a set; `None` at its end, where padding may stand.
    pub(super) fn record(&self, set: &mut &[u8], clock: &Clock) -> Option<Fields> {
        if set.len() < self.least {
            return None;
        }
        let mut found = Fields::default();
        for field in &self.fields {
            let length = match field.length {
                VARIABLE if self.variable => match take::<1>(set)? {
                    255 => usize::from(take16(set)?),
                    length => usize::try_from(length).ok()?,
                },
                length => usize::from(length),
            };
            let (value, behind) = set.split_at_checked(length)?;
            *set = behind;
            if field.number != 0 {
                found.set(field.number, value, clock);
            }
        }
        Some(found)
    }

    /// Bytes in a snapshot.
    pub(super) fn size(&self) -> usize {
        2 + 4 * self.fields.len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.options) | u8::from(self.variable) << 1);
        out.push(u8::try_from(self.fields.len()).unwrap_or(u8::MAX));
        for field in &self.fields {
            out.extend_from_slice(&field.number.to_be_bytes());
            out.extend_from_slice(&field.length.to_be_bytes());
        }
    }

    pub(super) fn restore(rest: &mut &[u8]) -> Option<Template> {
        let flags = take::<1>(rest)?;
        let mut fields = Vec::new();
        for _ in 0..take::<1>(rest)? {
            fields.push(Field { number: take16(rest)?, length: take16(rest)? });
        }
        Template::new(fields, flags & 2 != 0, flags & 1 != 0)
    }
}

/// The number that a field of the other direction has.
pub(super) const fn reverse(number: u16) -> u16 {
    number | 0x8000
}
