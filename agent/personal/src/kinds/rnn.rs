//! The taxpayer's number used until 2013: twelve digits, personal under its own word.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Rnn,
    name: "rnn",
    category: Some(Category::Iin),
    person: true,
    shown: (4, 0),
    words: &["рнн", "стн", "rnn", "регистрационный номер налогоплательщика", "салық төлеушінің тіркеу нөмірі"],
    value: None,
};
