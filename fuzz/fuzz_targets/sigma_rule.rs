#![no_main]
//! Any bytes are rules or diagnostics: loading never panics and stays bounded; what loaded can be matched.

use kuzet_sigma::{FieldMap, JsonNames, Lists, RuleSet};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let (set, diagnostics) = RuleSet::load([("fuzz.yml", bytes)], &FieldMap::default(), &Lists::new());
    for diagnostic in &diagnostics {
        assert!(diagnostic.place.line > 0 && diagnostic.message.len() < 4_000);
    }
    let set = Arc::new(set);
    let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
    let event = serde_json::json!({"a": ["x", 1, null, {"b": "foo\nbar"}], "EventID": 4624, "m": "whoami"});
    matcher.matches(&set.route_all(), &names.event(&event), &mut hits);
    hits.iter().for_each(|hit| drop(set.explain(hit)));
});
