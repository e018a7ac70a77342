//! Cookies, by their header or word.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Cookie,
    name: "cookie",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &["cookie*", "set-cookie*", "куки*"],
    value: Some(value::token),
};
