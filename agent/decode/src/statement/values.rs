//! From literals and bound parameters to keyed hashes of the people they name.

use super::scan::{Form, Literal};
use crate::Parameters;
use kuzet_event::{Identifier, IdentifierKind, PersonKey, System};
use kuzet_personal::{Key, Kind, identify, normalise};
use smallvec::SmallVec;
use std::sync::Arc;

/// Most identifiers that one record gives.
pub(crate) const MOST: usize = 65_536;

/// How a column is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// `=`, IN.
    Value,
    /// `= ANY('{a,b}')`.
    Array,
    /// LIKE: a value only without a wildcard.
    Like,
    /// Stands in a predicate without a column: counts only when it is a person's number by itself.
    Loose,
}

/// Which literal belongs to which predicate column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) slot: u32,
    pub(super) column: u16,
    pub(super) form: Match,
}

/// The identifier of a value that a record without SQL compares `column` (place `index` of its predicate columns) with.
pub(crate) fn compared(key: &Key, value: &[u8], column: &str, index: u16) -> Option<Identifier> {
    identifier(key, value, Some(column), Binding { slot: 0, column: index, form: Match::Value })
}

/// The identifier of a value that was found in a text, where it is one that names a person.
pub(crate) fn person_found(key: &Key, kind: Kind, value: &[u8]) -> Option<Identifier> {
    let of = Some(kind_of(kind)).filter(|of| *of != IdentifierKind::Value && kind != Kind::MistypedIin)?;
    let (hash, series) = person(key, kind, value);
    Some(Identifier { series, ..Identifier::new(Identifier::NO_COLUMN, of, PersonKey(hash)) })
}

/// Appends the identifiers of one record.
pub(super) struct Collector<'a> {
    pub(super) text: &'a [u8],
    pub(super) parameters: &'a Parameters,
    pub(super) system: System,
    pub(super) key: &'a Key,
    pub(super) columns: &'a [Arc<str>],
    pub(super) scratch: &'a mut Vec<u8>,
}

impl Collector<'_> {
    /// Both lists are in order of slots.
    pub(super) fn collect(&mut self, bindings: &[Binding], literals: &[Literal], out: &mut SmallVec<[Identifier; 1]>) {
        if bindings.is_empty() {
            return;
        }
        for literal in literals {
            let Ok(place) = bindings.binary_search_by_key(&literal.slot, |binding| binding.slot) else { continue };
            let binding = bindings[place];
            if out.len() >= MOST {
                return;
            }
            let value = match literal.form {
                Form::Word => continue,
                Form::Parameter(number) => match self.parameters.get(number as usize) {
                    Some(value) => value,
                    None => continue,
                },
                Form::Number | Form::Dollar => slice(self.text, literal),
                Form::Text | Form::Escaped => {
                    let raw = slice(self.text, literal);
                    let plain = match literal.form {
                        Form::Text if self.system == System::Postgresql => memchr::memchr(b'\'', raw).is_none(),
                        _ => memchr::memchr3(b'\'', b'\\', b'"', raw).is_none(),
                    };
                    if plain {
                        raw
                    } else {
                        self.scratch.clear();
                        unescape(self.text, literal, self.system, self.scratch);
                        self.scratch.as_slice()
                    }
                }
            };
            let column = self.columns.get(usize::from(binding.column)).map(AsRef::as_ref);
            match binding.form {
                Match::Array => {
                    for element in elements(value).take(MOST - out.len()) {
                        out.extend(identifier(self.key, element, column, binding));
                    }
                }
                Match::Like if value.contains(&b'%') => {}
                _ => out.extend(identifier(self.key, value, column, binding)),
            }
        }
    }
}

fn slice<'a>(text: &'a [u8], literal: &Literal) -> &'a [u8] {
    text.get(literal.start as usize..literal.end as usize).unwrap_or_default()
}

/// Elements of a PostgreSQL array literal, `{a,"b"}`; a value without braces is its own element.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = value.strip_prefix(b"{").map(|rest| rest.strip_suffix(b"}").unwrap_or(rest)).unwrap_or(value);
    inner.split(|byte| *byte == b',').map(|element| {
        let element = element.trim_ascii();
        element.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(element)
    })
}

/// Digits of an IIN that come before the serial number: birth date, century and sex.
const SERIES: usize = 7;

/// Kind and key of one value; none for an empty one, and for a loose one that is not a person's number.
fn identifier(key: &Key, value: &[u8], column: Option<&str>, binding: Binding) -> Option<Identifier> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return None;
    }
    let found = identify(value, column);
    let kind = found.map_or(IdentifierKind::Value, kind_of);
    if binding.form == Match::Loose && kind != IdentifierKind::Iin {
        return None;
    }
    let (hash, series) = match (kind, found) {
        (IdentifierKind::Value, _) | (_, None) => {
            let mut domain = [0; 300];
            let name = column.unwrap_or_default().as_bytes();
            let length = name.len().min(domain.len() - 7);
            domain[..7].copy_from_slice(b"column=");
            domain[7..7 + length].copy_from_slice(&name[..length]);
            (key.pseudonym(std::str::from_utf8(&domain[..7 + length]).unwrap_or("column="), value), 0)
        }
        (_, Some(found)) => person(key, found, value),
    };
    let impossible = found == Some(Kind::MistypedIin);
    Some(Identifier { impossible, series, ..Identifier::new(binding.column, kind, PersonKey(hash)) })
}

/// Key and series of a value that names a person.
fn person(key: &Key, kind: Kind, value: &[u8]) -> (u128, u32) {
    let normal = normalise(kind, value);
    let series = match (kind_of(kind), normal.as_bytes().split_first_chunk::<SERIES>()) {
        (IdentifierKind::Iin, Some((shared, _))) => (key.pseudonym("iin series", shared) as u32).max(1),
        _ => 0,
    };
    (key.pseudonym(kind.domain(), normal.as_bytes()), series)
}

/// The kinds that name a person.
fn kind_of(kind: Kind) -> IdentifierKind {
    match kind {
        Kind::Iin | Kind::MistypedIin => IdentifierKind::Iin,
        Kind::Phone | Kind::PhoneOther => IdentifierKind::Phone,
        Kind::Email => IdentifierKind::Email,
        Kind::Card => IdentifierKind::Card,
        Kind::Iban => IdentifierKind::Iban,
        Kind::IdCard | Kind::Passport | Kind::Rnn => IdentifierKind::Document,
        _ => IdentifierKind::Value,
    }
}

/// The value of a string literal: doubled quotes and, where the form has them, backslash escapes undone.
pub(super) fn unescape(text: &[u8], literal: &Literal, system: System, out: &mut Vec<u8>) {
    let raw = slice(text, literal);
    let quote = (literal.start as usize).checked_sub(1).and_then(|before| text.get(before)).copied().unwrap_or(b'\'');
    let escapes = literal.form == Form::Escaped || (literal.form == Form::Text && system.speaks_mysql());
    if matches!(literal.form, Form::Number | Form::Dollar | Form::Word | Form::Parameter(_)) {
        out.extend_from_slice(raw);
        return;
    }
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if escapes => out.push(match bytes.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'0') => 0,
                Some(other) => other,
                None => b'\\',
            }),
            _ if byte == quote && bytes.peek() == Some(&quote) => {
                bytes.next();
                out.push(byte);
            }
            _ => out.push(byte),
        }
    }
}
