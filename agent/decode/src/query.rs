//! A question to DNS as events tell it: its name may carry data, so only what tells such a name from others is kept.

use crate::names;
use kuzet_event::Query;
use kuzet_personal::Key;
use kuzet_wire::Name;

/// The question for records of type `record` of `name`.
pub(crate) fn query(key: &Key, name: &Name, record: u16) -> Query {
    let features = name.features();
    Query {
        domain: names::domain(name.registered()).unwrap_or_else(|| names::HIDDEN.into()),
        domain_key: key.pseudonym("registered domain", name.registered()) as u64,
        name_key: key.pseudonym("name of DNS", name.bytes()) as u64,
        below: features.below,
        label: features.label,
        characters: features.characters,
        entropy: features.entropy,
        record,
    }
}
