//! Field maps: names that rules use → names that events have, by log source; and the lists that placeholders stand for.

use crate::rule::LogSource;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lists of the operator by name: what `%name%` stands for behind the modifier `expand`.
pub type Lists = BTreeMap<String, Vec<String>>;

/// Names of fields in events.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldMap {
    /// Later entries win over earlier ones.
    pub map: Vec<FieldNames>,
}

/// Names for the rules of one log source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldNames {
    /// The rules it is for: every part given here is given there and equal.
    pub logsource: LogSource,
    /// Name in the rule → names in the event.
    pub fields: BTreeMap<String, Names>,
}

/// One name or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several: the field has the values of all of them.
    Many(Vec<String>),
}

impl FieldMap {
    /// Names in the event of `field` in a rule for `logsource`; the same name where the map knows none.
    pub fn names(&self, logsource: &LogSource, field: &str) -> Vec<String> {
        let maps = self.map.iter().rev().filter(|names| names.logsource.covers(logsource));
        match maps.filter_map(|names| names.fields.get(field)).next() {
            Some(Names::One(name)) => vec![name.clone()],
            Some(Names::Many(names)) if !names.is_empty() => names.clone(),
            _ => vec![field.to_owned()],
        }
    }
}
