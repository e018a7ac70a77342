#![no_main]
//! Any event against every kind of comparison: the index finds what the rules alone would find.
//!
//! The first line is a pattern, the rest an event.

use kuzet_sigma::{FieldMap, JsonNames, Lists, RuleSet};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const MODIFIERS: [&str; 12] = [
    "", "|contains", "|startswith", "|endswith", "|cased", "|re", "|re|i", "|windash|contains", "|neq", "|fieldref",
    "|gt", "|base64offset|contains",
];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, event) = text.split_once('\n').unwrap_or((&text, ""));
    let event = serde_json::from_str(event).unwrap_or_else(|_| serde_json::json!({"a": event}));
    let rules = |always: &str| -> Vec<(String, String)> {
        let rule = |modifier: &&str| {
            let selection = serde_json::json!({format!("a{modifier}"): pattern});
            let rule = serde_json::json!({"title": modifier, "level": "low", "logsource": {"product": "any"},
                "detection": {"s": selection, "never": {"no such field": "x"}, "condition": format!("s{always}")}});
            ((*modifier).to_owned(), rule.to_string())
        };
        MODIFIERS.iter().map(rule).collect()
    };
    let titles = |rules: Vec<(String, String)>| -> Vec<String> {
        let (set, _) = RuleSet::load(rules, &FieldMap::default(), &Lists::new());
        let set = Arc::new(set);
        let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
        matcher.matches(&set.route_all(), &names.event(&event), &mut hits);
        hits.iter().filter_map(|hit| set.rule(hit.rule)).map(|rule| rule.title.clone()).collect()
    };
    // What is joined with a negation needs nothing: such rules are candidates always.
    assert_eq!(titles(rules("")), titles(rules(" or not (s or not never)")));
});
