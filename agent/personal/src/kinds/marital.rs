//! Family status, by its label or its own word beside a person.

use std::ops::Range;

use super::{Entry, Kind};
use crate::fold::{self, Folded};
use crate::{Category, value};

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
    value: Some(status),
};

/// Stems of the words for a family status.
const STATUSES: &[&str] = &[
    "женат",
    "замуж",
    "не замуж",
    "не женат",
    "холост",
    "незамуж",
    "развед",
    "вдов",
    "гражданский брак",
    "в браке",
    "үйлен",
    "тұрмыс",
    "ажырас",
    "жесір",
    "бойдақ",
    "некеде",
    "married",
    "single",
    "divorced",
    "widow",
    "separated",
];

/// A status after the label: one of the known words.
fn status(text: &Folded, from: usize) -> Option<Range<usize>> {
    let found = value::phrase(text, from)?;
    let phrase = &text.codes[found.clone()];
    STATUSES.iter().any(|stem| phrase.starts_with(&fold::codes(stem))).then_some(found)
}
