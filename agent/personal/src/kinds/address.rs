//! Postal addresses: two of city, street and house words close together, or a label.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Address,
    name: "address",
    category: Some(Category::Address),
    person: false,
    shown: (0, 0),
    words: &[
        "адрес*",
        "мекенжай*",
        "мекен-жай*",
        "место жительства*",
        "прописк*",
        "проживани*",
        "тұрғылықты*",
        "address*",
        "mekenjai*",
        "mekenzhai*",
    ],
};
