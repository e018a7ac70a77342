//! Kind of property, by its label.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Property,
    name: "property",
    category: Some(Category::Property),
    person: false,
    shown: (0, 0),
    words: &[
        "вид собственност*",
        "вида собственност*",
        "меншік түр*",
        "property type*",
        "property_type*",
        "type of property*",
        "ownership*",
        "menshik turi*",
    ],
    value: Some(value::phrase),
};
