//! Page asked for by a visitor.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Page,
    name: "page",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &[
        "referer*",
        "referrer*",
        "адрес страниц*",
        "адрес запрашиваемой страниц*",
        "page_url*",
        "page url*",
        "request_uri*",
    ],
    value: Some(value::token),
};
