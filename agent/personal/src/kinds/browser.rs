//! Browser of a visitor: the user-agent string.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Browser,
    name: "browser",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &["user-agent*", "user_agent*", "useragent*", "браузер*", "browser*"],
    value: Some(value::line),
};
