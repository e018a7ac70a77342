//! Employer, by its label.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Employer,
    name: "employer",
    category: Some(Category::Employer),
    person: false,
    shown: (0, 0),
    words: &[
        "работодател*",
        "место работы*",
        "места работы*",
        "жұмыс беруш*",
        "жұмыс орн*",
        "employer*",
        "workplace*",
        "place of work*",
        "jumys berushi*",
        "zhumys berushi*",
        "jumys orny*",
        "zhumys orny*",
    ],
    value: Some(value::phrase),
};
