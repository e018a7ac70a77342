//! Business identification number: told apart from an IIN by its digits, and not a person.

use super::{Entry, Kind};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Bin,
    name: "bin",
    category: None,
    person: false,
    shown: (6, 0),
    words: &["бин", "бсн", "bin", "bsn", "бизнес-идентификационн*", "бизнес сәйкестендіру*", "бизнес-сәйкестендіру*"],
    value: None,
};
