//! Values of an event → keyed hashes and numbers: what a correlation keeps of them.

use crate::event::{Event, FieldId, Value};

/// Most combinations of values that one event stands for.
const COMBINATIONS: usize = 16;

/// The key of the hashes.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Key(…)")
    }
}

/// Values of several fields that stand together; `None` for a field that the event does not have.
pub(super) type Combination = Vec<Option<u128>>;

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> u128 {
        let mut out = [0; 16];
        blake3::Hasher::new_keyed(&self.0).update(bytes).finalize_xof().fill(&mut out);
        u128::from_be_bytes(out)
    }

    /// One hash of values that stand together.
    pub(super) fn join(&self, values: &[Option<u128>]) -> u128 {
        let mut bytes = Vec::with_capacity(values.len() * 17);
        for value in values {
            bytes.push(u8::from(value.is_some()));
            bytes.extend(value.unwrap_or(0).to_be_bytes());
        }
        self.hash(&bytes)
    }

    /// The combinations of values that `event` has in `fields`: one, unless a field is a list. And how many more.
    pub(super) fn combinations<E: Event + ?Sized>(&self, event: &E, fields: &[FieldId]) -> (Vec<Combination>, usize) {
        let (mut combinations, mut more) = (vec![Combination::new()], 0);
        for &field in fields {
            let mut values = Vec::new();
            event.field(field, &mut |value| values.extend(self.value(value)));
            values.sort_unstable();
            values.dedup();
            let room = COMBINATIONS / combinations.len();
            more += values.len().saturating_sub(room) * combinations.len();
            values.truncate(room);
            let mut values: Vec<Option<u128>> = values.into_iter().map(Some).collect();
            if values.is_empty() {
                values.push(None);
            }
            let with = |value| move |combination: &Combination| combination.iter().copied().chain([value]).collect();
            combinations = values.into_iter().flat_map(|value| combinations.iter().map(with(value))).collect();
        }
        (combinations, more)
    }

    /// Numbers and truth values are hashed as a log writes them, so that 5 and "5" are one value.
    fn value(&self, value: Value<'_>) -> Option<u128> {
        Some(match value {
            Value::Text(text) => self.hash(text.as_bytes()),
            Value::Bool(value) => self.hash(if value { b"true" } else { b"false" }),
            Value::Int(number) => self.hash(number.to_string().as_bytes()),
            Value::Float(number) => self.hash(number.to_string().as_bytes()),
            Value::Null | Value::Other => return None,
        })
    }
}

/// The numbers that `event` has in `fields`, as bits.
pub(super) fn numbers<E: Event + ?Sized>(event: &E, fields: &[FieldId]) -> Vec<u64> {
    let mut numbers = Vec::new();
    for &field in fields {
        event.field(field, &mut |value| {
            #[allow(clippy::cast_precision_loss, reason = "what is summed is far below 2^53, or known to few digits")]
            let number = match value {
                Value::Int(number) => Some(number as f64),
                Value::Float(number) => Some(number),
                Value::Text(text) => text.trim().parse().ok(),
                Value::Null | Value::Bool(_) | Value::Other => None,
            };
            // What counts is a number, and zero has one sign.
            if numbers.len() < COMBINATIONS * COMBINATIONS {
                numbers.extend(number.filter(|number: &f64| number.is_finite()).map(|number| (number + 0.0).to_bits()));
            }
        });
    }
    numbers
}
