//! Names of people in Russian and Kazakh: patronymics, initials, labels.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::PersonName,
    name: "person_name",
    category: Some(Category::Name),
    person: false,
    shown: (0, 0),
    words: &[
        "фио",
        "ф.и.о",
        "фамили*",
        "отчеств*",
        "тегі*",
        "аты-жөні*",
        "аты жөні*",
        "т.а.ә",
        "әкесінің аты*",
        "full name*",
        "full_name*",
        "fullname*",
        "surname*",
        "last name*",
        "last_name*",
        "lastname*",
        "first name*",
        "first_name*",
        "firstname*",
        "patronymic*",
        "middle name*",
        "middle_name*",
        "fio",
        "aty-joni*",
        "aty-zhoni*",
        "tegi*",
    ],
};
