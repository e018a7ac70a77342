//! Filters (meta rules): conditions that an operator adds to rules without touching their files.

use crate::detection::{self, Detection};
use crate::diagnostic::{Code, Fault, Place};
use crate::rule::Rule;
use crate::yaml::{Node, Yaml};

/// A filter: the rules it names fire only when its condition holds too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    /// What it says of itself.
    pub meta: Rule,
    /// Ids or names of the rules; `None` for every rule of its log source.
    pub rules: Option<Vec<(String, Place)>>,
    /// The condition.
    pub detection: Detection,
}

pub(crate) fn read(meta: Rule, node: &Node, faults: &mut Vec<Fault>) -> Option<Filter> {
    let refuse = |place, message: String| {
        Fault::new(place, Code::Filter, message, "name rules: by id or name, or write rules: any")
    };
    let section = node.get("filter")?;
    let Some(rules) = section.get("rules") else {
        faults.push(refuse(section.place, "the filter names no rules".to_owned()));
        return None;
    };
    let named = |node: &Node| Some((node.scalar()?.into_owned(), node.place));
    let rules = match &rules.value {
        Yaml::Text(word) if word.eq_ignore_ascii_case("any") => None,
        Yaml::Text(_) => Some(named(rules).into_iter().collect()),
        Yaml::List(items) if !items.is_empty() && items.iter().all(|item| item.scalar().is_some()) => {
            Some(items.iter().filter_map(named).collect())
        }
        _ => {
            faults.push(refuse(rules.place, "rules is no list of ids or names".to_owned()));
            return None;
        }
    };
    Some(Filter { meta, rules, detection: detection::read(section, &["rules"], faults)? })
}
