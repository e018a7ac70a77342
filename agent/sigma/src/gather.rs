//! The values of one event that rules ask for, each read and folded once, in memory that is used again.

use crate::event::{Event, FieldId, Value};
use crate::program::Number;
use crate::text::fold_into;
use std::fmt::Write;
use std::ops::Range;

/// Memory kept from event to event; a larger event's is given back.
pub(crate) const KEPT: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    Other,
}

/// One value; its text stands in the buffers.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) kind: Kind,
    raw: Range<usize>,
    folded: Range<usize>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    event: u64,
    leaves: Range<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered {
    /// Number of the event that is looked at, from 1.
    event: u64,
    slots: Vec<Slot>,
    leaves: Vec<Leaf>,
    raw: String,
    folded: String,
}

impl Gathered {
    pub(crate) fn new(fields: usize) -> Self {
        Self { event: 1, slots: vec![Slot::default(); fields], ..Self::default() }
    }

    /// Forgets the event.
    pub(crate) fn forget(&mut self) {
        self.event += 1;
        self.leaves.clear();
        self.raw.clear();
        self.folded.clear();
        self.leaves.shrink_to(KEPT / size_of::<Leaf>());
        self.raw.shrink_to(KEPT);
        self.folded.shrink_to(KEPT);
    }

    /// The values of `field`, read on the first call for an event.
    pub(crate) fn field<E: Event + ?Sized>(&mut self, event: &E, field: FieldId) -> Range<usize> {
        let Some(slot) = self.slots.get(field.index()) else { return 0..0 };
        if slot.event == self.event {
            return slot.leaves.clone();
        }
        let start = self.leaves.len();
        let Self { leaves, raw, folded, .. } = self;
        let mut visit = |value: Value<'_>| leaves.push(leaf(value, raw, folded));
        if field == FieldId::ANY {
            event.values(&mut visit)
        } else {
            event.field(field, &mut visit)
        }
        let leaves = start..self.leaves.len();
        self.slots[field.index()] = Slot { event: self.event, leaves: leaves.clone() };
        leaves
    }

    pub(crate) fn leaves(&self, range: Range<usize>) -> &[Leaf] {
        self.leaves.get(range).unwrap_or_default()
    }

    /// The value as it is written; `None` where it has no text.
    pub(crate) fn raw(&self, leaf: &Leaf) -> Option<&str> {
        leaf.is_scalar().then(|| &self.raw[leaf.raw.clone()])
    }

    /// The value as it is compared without regard to case.
    pub(crate) fn folded(&self, leaf: &Leaf) -> Option<&str> {
        leaf.is_scalar().then(|| &self.folded[leaf.folded.clone()])
    }

    /// The value as a number, where it is one or looks like one.
    pub(crate) fn number(&self, leaf: &Leaf) -> Option<Number> {
        match leaf.kind {
            Kind::Number(number) => Some(number),
            Kind::Text => Number::read(&self.raw[leaf.raw.clone()]),
            Kind::Null | Kind::Bool(_) | Kind::Other => None,
        }
    }
}

impl Leaf {
    fn is_scalar(&self) -> bool {
        !matches!(self.kind, Kind::Null | Kind::Other)
    }
}

fn leaf(value: Value<'_>, raw: &mut String, folded: &mut String) -> Leaf {
    let (raw_start, folded_start) = (raw.len(), folded.len());
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Other => Kind::Other,
        Value::Bool(value) => {
            raw.push_str(if value { "true" } else { "false" });
            Kind::Bool(value)
        }
        Value::Int(number) => {
            // Writing to a String cannot fail.
            let _ = write!(raw, "{number}");
            Kind::Number(Number::Int(number))
        }
        Value::Float(number) => {
            let _ = write!(raw, "{number}");
            Kind::Number(Number::Float(number))
        }
        Value::Text(text) => {
            raw.push_str(text);
            Kind::Text
        }
    };
    fold_into(&raw[raw_start..], folded);
    Leaf { kind, raw: raw_start..raw.len(), folded: folded_start..folded.len() }
}
