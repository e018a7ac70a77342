//! Machine-readable zone of a card or passport (ICAO 9303): every line has check digits.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Mrz,
    name: "mrz",
    category: Some(Category::IdDocument),
    person: true,
    shown: (0, 0),
    words: &[],
};
