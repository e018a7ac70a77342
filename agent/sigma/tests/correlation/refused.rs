//! Correlations that cannot be honoured are refused with a code, a place and help.

use crate::{RULES, correlation};
use kuzet_sigma::{FieldMap, Lists, RuleSet};

fn codes(correlations: &str) -> Vec<&'static str> {
    let file = format!("{RULES}{correlations}");
    let (set, diagnostics) = RuleSet::load([("rules.yml", &file)], &FieldMap::default(), &Lists::new());
    assert_eq!(set.rules().len(), 3, "{correlations} took rules with it");
    for diagnostic in &diagnostics {
        assert!(diagnostic.place.line > 20 && !diagnostic.help.is_empty(), "{diagnostic}");
    }
    diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

#[test]
fn what_a_correlation_cannot_mean_is_refused() {
    let many = (0..65).map(|n| format!("r{n}")).collect::<Vec<_>>().join(", ");
    for (section, expected) in [
        ("{type: event_count, rules: [a], group-by: [user], timespan: 5m, condition: {gte: 3}}", None),
        ("{type: event_count, rules: a, timespan: 5m, condition: {gt: 3, lte: 7}}", None),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {neq: 3, gte: 2}}", None),
        ("{type: temporal, rules: [a, b], timespan: 1M}", None),
        ("{type: temporal, rules: [a, b], timespan: 1y, condition: a and not b}", None),
        ("{type: temporal_ordered, rules: [a, b], timespan: 2w, condition: {gte: 2}}", None),
        ("{type: value_percentile, rules: [a], timespan: 2w, condition: {gte: 2, field: n, percentile: 95}}", None),
        // Unknown words.
        ("{type: value_median, rules: [a], timespan: 5m, condition: {gte: 3, field: n}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, window: tumbling, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {ge: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gte: 3, field: user}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gte: many}}", Some("KZ330")),
        // Something is missing.
        ("{rules: [a], timespan: 5m, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, timespan: 5m, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {}}", Some("KZ330")),
        ("{type: value_count, rules: [a], timespan: 5m, condition: {gte: 3}}", Some("KZ330")),
        ("{type: value_sum, rules: [a], timespan: 5m, condition: {gte: 3, field: [n, m]}}", Some("KZ330")),
        (
            "{type: value_percentile, rules: [a], timespan: 5m, condition: {gte: 3, field: n, percentile: 101}}",
            Some("KZ330"),
        ),
        // A timespan is a number and a unit.
        ("{type: event_count, rules: [a], timespan: 5, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5H, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 0s, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: -5m, condition: {gte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 99999999999999999999d, condition: {gte: 3}}", Some("KZ330")),
        // It can never hold.
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gt: 7, lte: 3}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {gt: 7, lte: 7}}", Some("KZ330")),
        ("{type: event_count, rules: [a], timespan: 5m, condition: {eq: 7, neq: 7}}", Some("KZ330")),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: {gte: 3}}", Some("KZ330")),
        // It holds at once.
        ("{type: event_count, rules: [a], timespan: 5m, condition: {lt: 7}}", Some("KZ352")),
        // Events of b would need a field x.
        ("{type: temporal, rules: [a, b], timespan: 5m, aliases: {x: {a: user}}, group-by: [x]}", Some("KZ352")),
        ("{type: temporal, rules: [a, b], timespan: 5m, aliases: {x: {a: user, b: login}}, group-by: [x]}", None),
        // Rules that are not there.
        ("{type: event_count, rules: [d], timespan: 5m, condition: {gte: 3}}", Some("KZ331")),
        ("{type: event_count, rules: [self], timespan: 5m, condition: {gte: 3}}", Some("KZ332")),
        ("{type: event_count, rules: [a, a], timespan: 5m, condition: {gte: 3}}", Some("KZ330")),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: a and d}", Some("KZ321")),
        ("{type: temporal, rules: [a, b], timespan: 5m, condition: a and (b}", Some("KZ320")),
        ("{type: temporal, rules: [a, b], timespan: 5m, aliases: {x: {d: user}}, group-by: [x]}", Some("KZ330")),
        ("{type: temporal, rules: [a, b], timespan: 5m, aliases: {x: user}, group-by: [x]}", Some("KZ330")),
    ] {
        assert_eq!(codes(&correlation("self", section)).first().copied(), expected, "{section}");
    }
    let section = format!("{{type: temporal, rules: [{many}], timespan: 5m}}");
    assert_eq!(codes(&correlation("x", &section))[0], "KZ331");
}

#[test]
fn circles_and_long_chains_are_refused() {
    let on = |other: &str| format!("{{type: event_count, rules: [{other}], timespan: 5m, condition: {{gte: 3}}}}");
    let circle = [("x", "y"), ("y", "z"), ("z", "x"), ("w", "x")].map(|(name, of)| correlation(name, &on(of)));
    assert_eq!(codes(&circle.concat()), ["KZ332"; 4]);
    let chain = |length: usize| -> String {
        let of = |n: usize| if n == 0 { "a".to_owned() } else { format!("n{}", n - 1) };
        // The last first: the order of the file does not matter.
        (0..length).rev().map(|n| correlation(&format!("n{n}"), &on(&of(n)))).collect()
    };
    assert_eq!(codes(&chain(10)), [""; 0]);
    assert_eq!(codes(&chain(11)), ["KZ330"]);
}
