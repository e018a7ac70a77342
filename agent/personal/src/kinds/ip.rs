//! IP address of a visitor: announced by a word, since hosts have addresses too.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Ip,
    name: "ip",
    category: Some(Category::Tech),
    person: false,
    shown: (0, 0),
    words: &[
        "ip",
        "ip-адрес*",
        "ip адрес*",
        "ip_address*",
        "ip address*",
        "ip-address*",
        "client_ip*",
        "remote_addr*",
        "айпи*",
        "ip-мекенжай*",
    ],
    value: Some(value::address),
};
