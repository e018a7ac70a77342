//! Day on which the salary is paid.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::SalaryDate,
    name: "salary_date",
    category: Some(Category::SalaryDate),
    person: false,
    shown: (0, 0),
    words: &[
        "дата зарплат*",
        "дата заработн*",
        "день зарплат*",
        "день выплаты зарплат*",
        "дата выплаты зарплат*",
        "еңбекақы күн*",
        "еңбекақы алатын күн*",
        "жалақы күн*",
        "salary date*",
        "salary_date*",
        "salary day*",
        "salary_day*",
        "payday*",
        "pay_day*",
    ],
    value: Some(value::day),
};
