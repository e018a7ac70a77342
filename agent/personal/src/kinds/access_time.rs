//! Time of a visitor's access.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::AccessTime,
    name: "access_time",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &[
        "время доступ*",
        "время посещени*",
        "время визит*",
        "қолжетімді болған уақыт*",
        "кірген уақыт*",
        "access time*",
        "access_time*",
        "visited_at*",
        "last_visit*",
    ],
    value: Some(value::day),
};
