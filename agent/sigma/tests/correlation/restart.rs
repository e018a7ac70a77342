//! A restart is invisible: rows written and read back give the same hits, evictions and late hits.

use crate::{RULES, Run, Store, correlation, event};
use kuzet_sigma::{Correlator, FieldMap, Limits, Lists, RuleSet};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn correlations() -> String {
    [
        (
            "count",
            "{type: event_count, rules: [a, b], group-by: [group], timespan: 30s, condition: {gte: 3}, generate: true}",
        ),
        (
            "values",
            "{type: value_count, rules: [a, b, c], group-by: [group], timespan: 30s, condition: {gte: 3, field: n}}",
        ),
        ("sum", "{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 40, field: n}}"),
        (
            "median",
            "{type: value_percentile, rules: [c], group-by: [group], timespan: 1m, condition: {gte: 5, field: n}}",
        ),
        ("meet", "{type: temporal, rules: [a, b, c], group-by: [group], timespan: 20s, generate: true}"),
        ("chain", "{type: temporal_ordered, rules: [count, c], group-by: [group], timespan: 40s}"),
        ("twice", "{type: event_count, rules: [meet], timespan: 5m, condition: {gte: 2}}"),
    ]
    .map(|(name, section)| correlation(name, section))
    .concat()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn restarts_do_not_show(
        steps in prop::collection::vec((0..5_u8, 0..20_u8, 0..4_usize, 0..9_u8, 0..9_u8, prop::bool::weighted(0.1)), 1..300),
    ) {
        // So few groups that some are forgotten.
        let limits = Limits { groups: 4, entries: 30, lateness: 5_000_000 };
        let (mut whole, mut broken) = (Run::new(&correlations(), limits), Run::new(&correlations(), limits));
        let (mut store, mut now, mut late, mut evicted) = (Store::default(), 1_000.0, 0, 0);
        for (step, back, kind, group, value, restart) in steps {
            now += f64::from(step);
            let at = if back < 8 { now - f64::from(back) } else { now };
            let event = event(["a", "b", "c", "ab"][kind], json!({"group": group, "n": value}));
            prop_assert_eq!(whole.event(at, &event), broken.event(at, &event));
            if restart {
                late += broken.correlator.late();
                evicted += broken.correlator.evicted();
                broken.restart(&mut store);
            }
        }
        prop_assert_eq!(whole.correlator.late(), late + broken.correlator.late());
        prop_assert_eq!(whole.correlator.evicted(), evicted + broken.correlator.evicted());
        // What is written at the end is what a run without restarts writes.
        store.write(broken.correlator.changes());
        let mut other = Store::default();
        other.write(whole.correlator.changes());
        prop_assert_eq!(store.rows(), other.rows());
    }

    #[test]
    fn damaged_rows_do_no_harm(rows in prop::collection::vec((any::<u16>(), any::<u8>()), 1..20)) {
        let mut run = Run::new(&correlations(), Limits::default());
        let mut store = Store::default();
        for number in 0..40_u32 {
            run.event(f64::from(number), &event("ab", json!({"group": number % 3, "n": number})));
        }
        store.write(run.correlator.changes());
        let mut kept = store.rows();
        for (at, byte) in rows {
            let row = usize::from(at) % kept.len();
            let (key, value) = &mut kept[row];
            let bytes = if byte % 3 == 0 { key } else { value };
            let place = usize::from(at) % bytes.len();
            bytes[place] = byte;
        }
        run.correlator.restore(kept);
        for number in 40..80_u32 {
            run.event(f64::from(number), &event("ab", json!({"group": number % 3, "n": number})));
            run.event(f64::from(number) / 2.0, &event("c", json!({"group": number % 3, "n": number})));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn any_time_and_any_number_do_no_harm(
        steps in prop::collection::vec((time(), 0..4_usize, number()), 1..200),
    ) {
        let mut run = Run::new(&correlations(), Limits { lateness: i64::MAX, ..Limits::default() });
        for (at, kind, number) in steps {
            let event = event(["a", "b", "c", "ab"][kind], json!({"group": 1, "n": number}));
            for found in run.at(at, &event) {
                prop_assert!(found.began <= found.at && !found.told.is_empty());
            }
        }
    }
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -1_000_000..1_000_000_i64]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::MAX), Just(f64::MIN), -10.0..10.0]
}

fn set(file: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::load([("rules.yml", file)], &FieldMap::default(), &Lists::new()).0)
}

#[test]
fn a_reload_keeps_what_is_the_same_and_clears_what_is_gone() {
    let mut run = Run::new(&correlations(), Limits::default());
    let mut store = Store::default();
    run.event(0.0, &event("a", json!({"group": 1, "n": 1})));
    run.event(1.0, &event("a", json!({"group": 1, "n": 2})));
    store.write(run.correlator.changes());
    let rows = store.rows().len();
    // The threshold of one is another, another one counts by host, the rest is gone.
    let changed = [
        ("count", "{type: event_count, rules: [a, b], group-by: [group], timespan: 30s, condition: {gte: 2}}"),
        ("sum", "{type: value_sum, rules: [a], group-by: [host], timespan: 1m, condition: {gte: 3, field: n}}"),
    ];
    let changed: String = changed.iter().map(|(name, section)| correlation(name, section)).collect();
    let mut run = {
        let mut next = Run::new(&changed, Limits::default());
        next.correlator.take_over(run.correlator);
        next
    };
    let found = run.event(2.0, &event("b", json!({"group": 1, "n": 5})));
    let titles: Vec<&str> = found.iter().map(|found| run.title(found)).collect();
    assert_eq!(titles, ["count"], "three hits were there, two are asked for");
    store.write(run.correlator.changes());
    assert!(store.rows().len() < rows, "{} of {rows}", store.rows().len());
    // The same by way of the store alone.
    let mut other = Correlator::new(set(RULES), [7; 32], Limits::default());
    other.restore(store.rows());
    store.write(other.changes());
    assert_eq!(store.rows(), []);
}
