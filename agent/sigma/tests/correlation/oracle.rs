//! Windows against a naive oracle that keeps every event and looks at every window.

use crate::{Run, correlation, event, micros};
use kuzet_sigma::Limits;
use proptest::prelude::*;
use serde_json::json;

const TIMESPAN: f64 = 10.0;
const LATENESS: f64 = 15.0;

#[derive(Debug, Clone)]
struct Hit {
    at: f64,
    kind: &'static str,
    group: u8,
    value: u8,
}

type Holds = fn(&[&Hit]) -> bool;

fn distinct(hits: &[&Hit]) -> usize {
    hits.iter().map(|hit| hit.value).collect::<std::collections::BTreeSet<_>>().len()
}

fn sum(hits: &[&Hit]) -> f64 {
    hits.iter().map(|hit| f64::from(hit.value)).sum()
}

#[allow(clippy::cast_precision_loss, reason = "few hits")]
fn mean(hits: &[&Hit]) -> f64 {
    sum(hits) / hits.len() as f64
}

fn median(hits: &[&Hit]) -> f64 {
    let mut values: Vec<u8> = hits.iter().map(|hit| hit.value).collect();
    values.sort_unstable();
    let middle = |at: usize| f64::from(values[at]);
    f64::midpoint(middle((values.len() - 1) / 2), middle(values.len() / 2))
}

fn has(hits: &[&Hit], kind: &str) -> bool {
    hits.iter().any(|hit| hit.kind == kind)
}

/// Whether a, b and c can be found one behind the other.
fn ordered(hits: &[&Hit]) -> bool {
    let at = |kind: &'static str| hits.iter().filter(move |hit| hit.kind == kind).map(|hit| hit.at);
    at("a").any(|a| at("b").any(|b| b >= a && at("c").any(|c| c >= b)))
}

/// Sections, and when they hold.
const CORRELATIONS: &[(&str, Holds)] = &[
    ("type: event_count, condition: {gte: 4}", |hits| hits.len() >= 4),
    ("type: event_count, condition: {gt: 2, lte: 4}", |hits| (3..=4).contains(&hits.len())),
    ("type: event_count, condition: {eq: 3}", |hits| hits.len() == 3),
    ("type: value_count, condition: {gte: 3, field: n}", |hits| distinct(hits) >= 3),
    ("type: value_sum, condition: {gt: 12, field: n}", |hits| sum(hits) > 12.0),
    ("type: value_avg, condition: {gte: 4, field: n}", |hits| mean(hits) >= 4.0),
    ("type: value_avg, condition: {lt: 2, field: n}", |hits| mean(hits) < 2.0),
    ("type: value_percentile, condition: {gt: 4, field: n}", |hits| median(hits) > 4.0),
    ("type: temporal", |hits| has(hits, "a") && has(hits, "b") && has(hits, "c")),
    ("type: temporal, condition: a and not (b or c)", |hits| has(hits, "a") && !has(hits, "b") && !has(hits, "c")),
    ("type: temporal_ordered", ordered),
];

/// Which of the hits fire.
fn oracle(hits: &[Hit], holds: Holds) -> Vec<usize> {
    let mut fired = Vec::new();
    for group in 0..3 {
        let (mut seen, mut latest, mut armed): (Vec<&Hit>, f64, bool) = (Vec::new(), f64::MIN, true);
        let mut told: Vec<f64> = Vec::new();
        for (number, hit) in hits.iter().enumerate().filter(|(_, hit)| hit.group == group) {
            if hit.at < latest - LATENESS {
                continue;
            }
            let in_order = hit.at >= latest;
            latest = latest.max(hit.at);
            seen.push(hit);
            let window = |end: f64| -> Vec<&Hit> {
                seen.iter().copied().filter(|hit| hit.at >= end - TIMESPAN && hit.at <= end).collect()
            };
            let mut ends: Vec<f64> = seen.iter().map(|hit| hit.at).filter(|end| *end >= hit.at).collect();
            ends.retain(|end| *end <= hit.at + TIMESPAN);
            ends.sort_by(f64::total_cmp);
            let Some(end) = ends.into_iter().find(|end| holds(&window(*end))) else {
                armed |= in_order;
                continue;
            };
            if (in_order && armed) || told.iter().all(|told| (told - end).abs() > TIMESPAN) {
                told.push(end);
                told.drain(..told.len().saturating_sub(4));
                fired.push(number);
            }
            if latest - end <= TIMESPAN {
                armed = false;
            }
        }
    }
    fired.sort_unstable();
    fired
}

fn hits() -> impl Strategy<Value = Vec<Hit>> {
    let kind = prop_oneof![Just("a"), Just("b"), Just("c")];
    let hit = (0..40_u8, 0..60_u8, any::<bool>(), kind, 0..3_u8, 0..7_u8);
    prop::collection::vec(hit, 1..60).prop_map(|hits| {
        let mut now = 100.0;
        let hit = |(step, back, late, kind, group, value): (u8, u8, bool, _, _, _)| {
            now += f64::from(step) / 8.0;
            let at = if late { now - f64::from(back) / 2.0 } else { now };
            Hit { at, kind, group, value }
        };
        hits.into_iter().map(hit).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn windows_hold_when_a_naive_oracle_says_so(hits in hits()) {
        let sections = CORRELATIONS.iter().enumerate().map(|(number, (section, _))| {
            let section = format!("{{{section}, rules: [a, b, c], group-by: [group], timespan: 10s}}");
            correlation(&format!("c{number}"), &section)
        });
        let mut run = Run::new(&sections.collect::<String>(), Limits { lateness: micros(LATENESS), ..Limits::default() });
        let mut fired = vec![Vec::new(); CORRELATIONS.len()];
        for (number, hit) in hits.iter().enumerate() {
            let event = event(hit.kind, json!({"group": hit.group, "n": hit.value}));
            for found in run.event(hit.at, &event) {
                fired[found.correlation].push(number);
            }
        }
        for ((section, holds), fired) in CORRELATIONS.iter().zip(fired) {
            prop_assert_eq!(fired, oracle(&hits, *holds), "{}", section);
        }
    }
}
