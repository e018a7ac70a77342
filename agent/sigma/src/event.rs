//! What the matcher knows of an event: values of fields that were bound once, at load.

use std::collections::HashMap;

/// A field of the rules, numbered at load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub(crate) u32);

impl FieldId {
    /// Every value of the event, whatever its field: what keywords look at.
    pub(crate) const ANY: Self = Self(0);

    /// Its position in [`Fields`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A single value. Lists are given element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// There, and null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// There, and neither a single value nor a list of such: an object, an empty list.
    Other,
}

/// An event. Implementations bind the names of [`Fields`] once and answer by number.
pub trait Event {
    /// Gives every value of `field` to `visit`: none where it is absent, several where it is a list.
    fn field(&self, field: FieldId, visit: &mut dyn FnMut(Value<'_>));

    /// Gives every value of the event to `visit`, nested ones too.
    fn values(&self, visit: &mut dyn FnMut(Value<'_>));
}

/// The fields that rules ask for. One field may have several names in an event: its value is any of theirs.
#[derive(Debug, Clone)]
pub struct Fields {
    names: Vec<Box<[String]>>,
    known: HashMap<Box<[String]>, FieldId>,
}

impl Default for Fields {
    fn default() -> Self {
        // Number 0 is FieldId::ANY and has no name.
        Self { names: vec![Box::default()], known: HashMap::new() }
    }
}

impl Fields {
    pub(crate) fn intern(&mut self, names: Vec<String>) -> FieldId {
        let names = names.into_boxed_slice();
        if let Some(id) = self.known.get(&names) {
            return *id;
        }
        let id = FieldId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.known.insert(names.clone(), id);
        self.names.push(names);
        id
    }

    /// How many there are; every [`FieldId::index`] is less.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no rule asks for any field.
    pub fn is_empty(&self) -> bool {
        self.names.len() <= 1
    }

    /// Names of `field` in events.
    pub fn names(&self, field: FieldId) -> &[String] {
        self.names.get(field.index()).map_or(&[], |names| names)
    }

    /// Every field with its names.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &[String])> {
        (0..).map(FieldId).zip(self.names.iter().map(|names| &**names)).skip(1)
    }
}
