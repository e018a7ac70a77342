//! Twelve digits announced as an IIN whose check digit is wrong: a typing error, counted apart.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::MistypedIin,
    name: "mistyped_iin",
    category: Some(Category::Iin),
    person: true,
    shown: (6, 0),
    words: &[],
    value: None,
};
