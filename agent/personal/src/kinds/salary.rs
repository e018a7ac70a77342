//! Salary or income: its word and an amount.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Salary,
    name: "salary",
    category: Some(Category::Salary),
    person: false,
    shown: (0, 0),
    words: &[
        "заработн*",
        "зарплат*",
        "оклад*",
        "доход*",
        "зп",
        "з/п",
        "еңбекақы*",
        "жалақы*",
        "табыс*",
        "айлық*",
        "salary*",
        "wage*",
        "income*",
        "enbekaqy*",
        "enbekaky*",
        "jalaqy*",
        "zhalaky*",
    ],
    value: Some(value::amount),
};
