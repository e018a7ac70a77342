//! Domain of a visitor's internet provider.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Provider,
    name: "provider",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &[
        "домен провайдер*",
        "доменное имя провайдер*",
        "провайдер*",
        "домен атау*",
        "provider domain*",
        "provider_domain*",
        "isp",
    ],
    value: Some(value::token),
};
