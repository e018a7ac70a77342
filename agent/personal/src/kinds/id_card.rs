//! Number of the identity card: nine digits without a check digit, so only its context tells.

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::IdCard,
    name: "id_card",
    category: Some(Category::IdDocument),
    person: true,
    shown: (2, 0),
    words: &[
        "удостоверен*",
        "уд. лич*",
        "уд.лич*",
        "уд. л*",
        "документ*",
        "удв*",
        "куәлік*",
        "құжат*",
        "выдан*",
        "берілген",
        "мвд рк",
        "ққ іім",
        "қр іім",
        "id card*",
        "identity card*",
        "identity document*",
        "id_card*",
        "idcard*",
        "doc_num*",
        "docnum*",
        "doc no*",
        "document no*",
        "document number*",
        "zheke kualik*",
        "jeke kualik*",
        "kuälık*",
        "kualik*",
        "udostover*",
    ],
    value: None,
};
