//! Landline, service or foreign number: the policy's other contact phones.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::PhoneOther,
    name: "phone_other",
    category: Some(Category::PhoneOther),
    person: true,
    shown: (0, 0),
    words: &["домашний тел*", "рабочий тел*", "үй телефон*", "жұмыс телефон*", "home phone*", "work phone*"],
    value: None,
};
