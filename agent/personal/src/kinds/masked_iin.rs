//! An IIN partly hidden: what is left still narrows down to few people.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::MaskedIin,
    name: "masked_iin",
    category: Some(Category::Iin),
    person: false,
    shown: (6, 0),
    words: &[],
    value: None,
};
