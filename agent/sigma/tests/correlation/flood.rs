//! Memory does not grow with the number of groups, values or hits, and what is estimated then is near the truth.

use crate::{Run, Store, correlation, event, micros};
use kuzet_sigma::{Correlated, Event, FieldId, Hit, Limits, Value};
use serde_json::json;

/// So many that a table without bounds would show; an optimised build takes ten times as many.
const MANY: u64 = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };

/// An event whose every field is a number.
struct Numbered(u64);

impl Event for Numbered {
    fn field(&self, _: FieldId, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Int(self.0.into()));
    }

    fn values(&self, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Int(self.0.into()));
    }
}

/// A hit of rule a.
fn hit(run: &mut Run) -> Vec<Hit> {
    let (event, mut hits) = (json!({"kind": "a"}), Vec::new());
    run.matcher.matches(&run.route, &run.names.event(&event), &mut hits);
    hits
}

#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "memory of this process, which only the system knows"
)]
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = pages.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a number");
    pages * 4096
}

/// How a correlation that groups by user bears `many` users.
fn flood(section: &str, many: u64) {
    let limits = Limits::default();
    let mut run = Run::new(&correlation("x", section), limits);
    let (hits, mut found, mut early) = (hit(&mut run), Vec::new(), 0);
    for number in 0..many {
        run.correlator.observe(&hits, &Numbered(number), number.cast_signed(), &mut found);
        if number % 20_000 == 0 {
            drop(run.correlator.changes());
        }
        if number == many / 5 {
            early = resident();
        }
    }
    assert_eq!(found, []);
    assert_eq!((run.correlator.held(), run.correlator.entries()), (limits.groups, limits.groups));
    assert_eq!(run.correlator.evicted(), many - limits.groups as u64);
    let grown = resident().saturating_sub(early);
    assert!(grown < 16 << 20, "{grown} bytes more");
}

#[test]
fn memory_does_not_grow_with_distinct_groups() {
    flood("{type: event_count, rules: [a], group-by: [user], timespan: 1d, condition: {gte: 5}}", MANY);
    let section = "{type: value_count, rules: [a], group-by: [user], timespan: 1d, condition: {gte: 5, field: n}}";
    flood(section, MANY / 10);
    flood("{type: temporal, rules: [a, b], group-by: [user], timespan: 1d}", MANY / 10);
}

/// The last hit of one correlation over `count` hits a millisecond apart, whose number is `number`.
fn last(section: &str, count: u64, number: impl Fn(u64) -> u64) -> (Run, Vec<Correlated>) {
    let mut run = Run::new(&correlation("x", section), Limits::default());
    let (hits, mut found) = (hit(&mut run), Vec::new());
    for at in 0..count {
        run.correlator.observe(&hits, &Numbered(number(at)), at.cast_signed() * 1_000, &mut found);
        assert!(run.correlator.entries() <= 8_192);
    }
    (run, found)
}

#[test]
fn estimates_are_near_the_truth() {
    // Fires when the true number is 1,000 exactly: thresholds below 4,096 are met exactly.
    let (_, found) =
        last("{type: value_count, rules: [a], timespan: 1d, condition: {gte: 1000, field: n}}", 3_000, |at| at);
    assert_eq!(
        found.iter().map(|found| (found.number, found.at, found.about)).collect::<Vec<_>>(),
        [(1_000.0, 999_000, false)]
    );
    let (_, found) = last("{type: event_count, rules: [a], timespan: 1d, condition: {gte: 4000}}", 20_000, |at| at);
    assert_eq!(found.iter().map(|found| (found.number, found.at)).collect::<Vec<_>>(), [(4_000.0, 3_999_000)]);
    // Beyond, about.
    let (_, found) =
        last("{type: value_count, rules: [a], timespan: 1d, condition: {gte: 20000, field: n}}", 25_000, |at| at);
    let truth = found[0].at as f64 / 1_000.0 + 1.0;
    assert!(found[0].about && (truth / 20_000.0 - 1.0).abs() < 0.06, "{truth}");
    assert!(found[0].told.starts_with("about 2"), "{}", found[0].told);
    let (_, found) = last("{type: event_count, rules: [a], timespan: 15s, condition: {gte: 9000}}", 20_000, |at| at);
    let truth = found[0].at as f64 / 1_000.0 + 1.0;
    assert!((truth / 9_000.0 - 1.0).abs() < 0.02, "{truth}");
    let (_, found) =
        last("{type: value_sum, rules: [a], timespan: 1d, condition: {gte: 500000, field: n}}", 20_000, |at| at % 101);
    let truth: u64 = (0..=found[0].at.unsigned_abs() / 1_000).map(|at| at % 101).sum();
    assert!((truth as f64 / 5e5 - 1.0).abs() < 0.001, "{truth}");
    let section =
        "{type: value_percentile, rules: [a], timespan: 1d, condition: {gte: 9000, field: n, percentile: 90}}";
    let (_, found) = last(section, 60_000, |at| (at * 7_919) % 10_000 + at / 100);
    // Numbers up to 9,999, 90 % of them below 9,000, and ever more of them.
    let until = found.last().expect("it fires").at.unsigned_abs() / 1_000;
    let below = (0..=until).filter(|at| (at * 7_919) % 10_000 + at / 100 < 9_000).count();
    let share = below as f64 / until as f64;
    assert!((share - 0.9).abs() < 0.04, "{share}");
}

#[test]
fn a_window_is_exact_again_when_the_flood_is_over() {
    let section = "{type: value_count, rules: [a], timespan: 10s, condition: {eq: 3, field: n}}";
    let (mut run, _) = last(section, 20_000, |at| at);
    let hits = hit(&mut run);
    for (at, number) in [(40.0, 1), (41.0, 2), (42.0, 1), (43.0, 3)] {
        let mut found = Vec::new();
        run.correlator.observe(&hits, &Numbered(number), micros(at), &mut found);
        let told: Vec<(f64, bool)> = found.iter().map(|found| (found.number, found.about)).collect();
        assert_eq!(told, if number == 3 { vec![(3.0, false)] } else { Vec::new() });
    }
}

#[test]
fn late_hits_are_found_in_a_full_window() {
    let section = "{type: value_count, rules: [a], timespan: 1000s, condition: {gte: 1003, field: n}}";
    let mut run = Run::new(&correlation("x", section), Limits { lateness: micros(1_500.0), ..Limits::default() });
    for number in 0..1_500_u32 {
        assert_eq!(run.event(f64::from(number), &event("a", json!({"n": number}))), []);
    }
    // A window has 1,001 of them; there are a thousand windows with these two.
    assert_eq!(run.event(500.5, &event("a", json!({"n": 5_000}))), []);
    let found = run.event(500.6, &event("a", json!({"n": 5_001})));
    assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), [1_003.0]);
    assert_eq!(run.correlator.late(), 0);
}

#[test]
fn a_restart_in_a_flood_does_not_show() {
    let sections = [
        "{type: value_count, rules: [a], timespan: 2s, condition: {gte: 1100, lte: 1300, field: n}}",
        "{type: value_percentile, rules: [a], timespan: 2s, condition: {gte: 4000, field: n}}",
        "{type: value_sum, rules: [a], timespan: 2s, condition: {gte: 5000000, field: n}}",
        "{type: event_count, rules: [a], timespan: 2s, condition: {gte: 900, lte: 1500}}",
    ];
    let sections: String = (0..).zip(sections).map(|(n, section)| correlation(&format!("c{n}"), section)).collect();
    let (mut whole, mut broken, mut store) =
        (Run::new(&sections, Limits::default()), Run::new(&sections, Limits::default()), Store::default());
    let (hits, mut found, mut again) = (hit(&mut whole), Vec::new(), Vec::new());
    for at in 0..6_000_u64 {
        whole.correlator.observe(&hits, &Numbered(at), at.cast_signed() * 1_000, &mut found);
        broken.correlator.observe(&hits, &Numbered(at), at.cast_signed() * 1_000, &mut again);
        if at % 700 == 0 {
            broken.restart(&mut store);
        }
    }
    assert_eq!(found, again);
    assert!((0..4).all(|n| found.iter().any(|found| found.correlation == n)), "{found:?}");
    assert!(found.iter().any(|found| found.about), "{found:?}");
}
