//! Number of a passport: N and eight digits, only in context.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Passport,
    name: "passport",
    category: Some(Category::IdDocument),
    person: true,
    shown: (1, 0),
    words: &[
        "паспорт*",
        "төлқұжат*",
        "passport*",
        "passport no",
        "passport num*",
        "passport_no*",
        "passport_num*",
        "номер паспорт*",
        "pasport*",
        "tolqujat*",
        "tolkuzhat*",
    ],
    value: Some(value::passport),
};
