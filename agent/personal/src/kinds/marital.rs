//! Family status, by its label or its own word beside a person.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Marital,
    name: "marital",
    category: Some(Category::Marital),
    person: false,
    shown: (0, 0),
    words: &[
        "семейное положени*",
        "семейного положени*",
        "отбасылық жағдай*",
        "отбасы жағдай*",
        "marital*",
        "family status*",
        "family_status*",
        "otbasylyq jagdai*",
        "otbasylyk zhagdai*",
    ],
};
