//! Correlations against those of rsigma-eval 0.23: equal over generated rules and events in order, or different for a
//! reason that has a name.
//!
//! rsigma fires with every hit while a condition holds; ours are compared with the crossings of it.

use crate::{Run, event};
use kuzet_sigma::Limits;
use proptest::prelude::*;
use rsigma_eval::{CorrelationConfig, CorrelationEngine, EvaluationResult, JsonEvent};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The file for both: rsigma knows a rule that has no id by no name.
fn file(correlations: &[(String, String)]) -> String {
    let rule = |name: &str, kinds: &str| {
        let detection = format!("{{sel: {{kind: {kinds}}}, condition: sel}}");
        format!(
            "title: {name}\nid: id-{name}\nname: {name}\nlevel: low\nlogsource: {{product: any}}\ndetection: {detection}\n"
        )
    };
    let mut documents = vec![rule("a", "[a, ab]"), rule("b", "[b, ab]"), rule("c", "c")];
    documents.extend(correlations.iter().map(|(name, section)| {
        format!("title: {name}\nid: id-{name}\nname: {name}\nlevel: high\ncorrelation: {{{section}, generate: true}}\n")
    }));
    documents.join("---\n")
}

/// The correlations that hold at each event in rsigma, and what they count.
#[allow(clippy::expect_used, reason = "a test's own data")]
fn theirs(file: &str, events: &[(i64, Value)]) -> Vec<BTreeMap<String, f64>> {
    let collection = rsigma_parser::parse_sigma_yaml(file).expect("rsigma reads it");
    assert!(collection.errors.is_empty(), "{:?}\n{file}", collection.errors);
    let mut engine = CorrelationEngine::new(CorrelationConfig::default());
    engine.add_collection(&collection).expect("rsigma takes it");
    let at = |(at, event): &(i64, Value)| {
        let results = engine.process_event_at(&JsonEvent::borrow(event), *at);
        let number = |result: &EvaluationResult| {
            Some((result.header.rule_title.clone(), result.as_correlation()?.aggregated_value))
        };
        results.iter().filter_map(number).collect()
    };
    events.iter().map(at).collect()
}

/// The correlations that fire at each event here.
fn ours(file: &str, events: &[(i64, Value)]) -> Vec<BTreeSet<String>> {
    let mut run = Run::of(file, Limits::default());
    #[allow(clippy::cast_precision_loss, reason = "small times")]
    let at = |(at, event): &(i64, Value)| {
        let found = run.event(*at as f64, event);
        found.iter().map(|found| run.title(found).to_owned()).collect()
    };
    events.iter().map(at).collect()
}

/// What a generated correlation is.
#[derive(Debug, Clone)]
struct Drawn {
    section: String,
    kinds: &'static [&'static str],
    grouped: bool,
    timespan: i64,
    /// What a percentile has to come to: rsigma does not compare it.
    percentile: Option<f64>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let number = prop_oneof![
        (1..6_u8).prop_map(|n| format!("gte: {n}")),
        (0..6_u8).prop_map(|n| format!("gt: {n}")),
        (1..4_u8, 4..7_u8).prop_map(|(low, high)| format!("gte: {low}, lte: {high}")),
        (1..5_u8).prop_map(|n| format!("eq: {n}")),
        (2..5_u8).prop_map(|n| format!("gt: 0, neq: {n}")),
        (2..9_u8).prop_map(|n| format!("lt: {n}")),
    ];
    let rules = |kinds: &[&str]| format!("rules: [{}]", kinds.join(", "));
    const A: &[&str] = &["a"];
    const ABC: &[&str] = &["a", "b", "c"];
    let counted = (number, any::<bool>(), 0..4_usize).prop_map(move |(number, all, kind)| {
        let kinds = if all { ABC } else { A };
        let section = match kind {
            0 => format!("type: event_count, condition: {{{number}}}"),
            1 => format!("type: value_count, condition: {{{number}, field: n}}"),
            2 => format!("type: value_sum, condition: {{{number}, field: n}}"),
            _ => format!("type: value_avg, condition: {{{number}, field: n}}"),
        };
        (format!("{section}, {}", rules(kinds)), kinds, None)
    });
    let percentile = (prop::sample::select(&[0, 5, 50, 95, 100][..]), 0..9_u8).prop_map(move |(percentile, least)| {
        let condition = format!("{{gte: {least}, field: n, percentile: {percentile}}}");
        (format!("type: value_percentile, condition: {condition}, {}", rules(ABC)), ABC, Some(f64::from(least)))
    });
    const CONDITIONS: &[&str] =
        &["{gte: 3}", "{gte: 2}", "{eq: 2}", "a and b", "a or (b and c)", "c and not a", "a and not (b or c)"];
    let temporal = prop::sample::select(CONDITIONS)
        .prop_map(move |condition| (format!("type: temporal, condition: {condition}, {}", rules(ABC)), ABC, None));
    let ordered = prop::sample::select(&["{gte: 3}", "a and b and c"][..]).prop_map(move |condition| {
        (format!("type: temporal_ordered, condition: {condition}, {}", rules(ABC)), ABC, None)
    });
    let section = prop_oneof![3 => counted, 1 => percentile, 1 => temporal, 1 => ordered];
    (section, any::<bool>(), 3..30_i64).prop_map(|((section, kinds, percentile), grouped, timespan)| {
        let group = if grouped { ", group-by: [user, host]" } else { "" };
        Drawn { section: format!("{section}, timespan: {timespan}s{group}"), kinds, grouped, timespan, percentile }
    })
}

/// Seconds since the event before, kind, user, host or none, number or none.
type Step = (i64, &'static str, u8, Option<u8>, Option<u8>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(&["a", "a", "b", "c"][..]);
    let host = prop::option::weighted(0.8, 0..2_u8);
    prop::collection::vec((0..6_i64, kind, 0..2_u8, host, Just(Some(0_u8))), 1..60)
        .prop_flat_map(|steps| {
            let numbers = prop::collection::vec(0..8_u8, steps.len());
            (Just(steps), numbers)
        })
        .prop_map(|(steps, numbers)| {
            let with = |((at, kind, user, host, _), number)| (at, kind, user, host, Some(number));
            steps.into_iter().zip(numbers).map(with).collect()
        })
}

/// The crossings in `holds`: of the events that hit a group, the first that holds, and one a timespan while it does.
struct Crossings {
    timespan: i64,
    groups: BTreeMap<String, (bool, Vec<i64>)>,
}

impl Crossings {
    fn crosses(&mut self, group: String, at: i64, holds: bool) -> bool {
        let (asleep, told) = self.groups.entry(group).or_default();
        let crossing = holds && (!*asleep || told.iter().all(|told| at - told > self.timespan));
        *asleep = holds;
        if crossing {
            told.push(at);
        }
        crossing
    }
}

fn config() -> ProptestConfig {
    let given = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: if given.cases == 256 { 1_000 } else { given.cases }, ..given }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn no_difference_is_unexplained(drawn in drawn(), chain in 5..40_i64, steps in steps()) {
        let grouped = if drawn.grouped { ", group-by: [user, host]" } else { "" };
        let outer = format!("type: temporal_ordered, condition: {{gte: 2}}, rules: [inner, b], timespan: {chain}s{grouped}");
        let file = file(&[("inner".to_owned(), drawn.section.clone()), ("outer".to_owned(), outer)]);
        let mut now = 1_000;
        let events: Vec<(i64, Value)> = steps.iter().map(|(step, kind, user, host, number)| {
            now += step;
            let mut fields = json!({"user": user, "n": number});
            if let Some(host) = host {
                fields["host"] = json!(format!("h{host}"));
            }
            (now, event(kind, fields))
        }).collect();
        let crossings = |timespan| Crossings { timespan, groups: BTreeMap::new() };
        let (mut inner, mut outer) = (crossings(drawn.timespan), crossings(chain));
        let (ours, theirs) = (ours(&file, &events), theirs(&file, &events));
        for (number, (at, event)) in events.iter().enumerate() {
            let group = if drawn.grouped { format!("{} {}", event["user"], event["host"]) } else { String::new() };
            let kind = event["kind"].as_str().unwrap_or_default();
            let mut expected = BTreeSet::new();
            let theirs = &theirs[number];
            let holds = theirs.get("inner").is_some_and(|number| drawn.percentile.is_none_or(|least| *number >= least));
            if drawn.kinds.contains(&kind) && inner.crosses(group.clone(), *at, holds) {
                expected.insert("inner".to_owned());
            }
            if (holds || kind == "b") && outer.crosses(group, *at, theirs.contains_key("outer")) {
                expected.insert("outer".to_owned());
            }
            let mut ours = ours[number].clone();
            if drawn.percentile.is_some() {
                // What stands on it there follows from that it always holds.
                ours.remove("outer");
                expected.remove("outer");
            }
            prop_assert_eq!(&ours, &expected, "event {} at {}\n{}", number, at, drawn.section);
        }
    }
}

struct Difference {
    why: &'static str,
    correlations: &'static [(&'static str, &'static str)],
    events: Vec<(i64, Value)>,
    /// The events at which the last correlation fires here, and at which it holds there.
    ours: &'static [usize],
    theirs: &'static [usize],
}

fn at<const N: usize>(events: [(i64, &str, Value); N]) -> Vec<(i64, Value)> {
    events.into_iter().map(|(at, kind, more)| (at, event(kind, more))).collect()
}

fn differences_of_counts() -> Vec<Difference> {
    let plain = || json!({});
    let difference = |why, correlations, events, ours, theirs| Difference { why, correlations, events, ours, theirs };
    vec![
        difference(
            "without a condition one rule is enough there, every rule has to hit here, as Sigma says",
            &[("x", "type: temporal, rules: [a, b], timespan: 10s")],
            at([(0, "a", plain()), (1, "b", plain())]),
            &[1],
            &[0, 1],
        ),
        difference(
            "an event of two rules counts twice there, it is one event here",
            &[("x", "type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}")],
            at([(0, "ab", plain()), (1, "a", plain())]),
            &[1],
            &[0, 1],
        ),
        difference(
            "a hit out of order is put at the end there, in its place here",
            &[("x", "type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}")],
            at([(50, "a", plain()), (0, "a", plain())]),
            &[],
            &[1],
        ),
        difference(
            "a percentile holds there whatever the condition asks for",
            &[("x", "type: value_percentile, rules: [a], timespan: 10s, condition: {gte: 5, field: n}")],
            at([(0, "a", json!({"n": 1})), (1, "a", json!({"n": 9}))]),
            &[1],
            &[0, 1],
        ),
        difference(
            "no number adds up to zero there, to nothing here",
            &[("x", "type: value_sum, rules: [a], timespan: 10s, condition: {lt: 5, field: n}")],
            at([(0, "a", plain()), (1, "a", json!({"n": 9}))]),
            &[],
            &[0],
        ),
        difference(
            "null is a value there, the absence of one here",
            &[("x", "type: value_count, rules: [a], timespan: 10s, condition: {gte: 2, field: n}")],
            at([(0, "a", json!({"n": null})), (1, "a", json!({"n": 1}))]),
            &[],
            &[1],
        ),
        difference(
            "a list is no value there, each of its values here",
            &[("x", "type: value_count, rules: [a], timespan: 10s, condition: {gte: 2, field: n}")],
            at([(0, "a", json!({"n": ["x", "y"]}))]),
            &[0],
            &[],
        ),
    ]
}

fn differences_of_meetings() -> Vec<Difference> {
    let plain = || json!({});
    let count_chain: &[(&str, &str)] = &[
        ("inner", "type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}"),
        ("outer", "type: event_count, rules: [inner], timespan: 60s, condition: {gte: 2}"),
    ];
    let other_group: &[(&str, &str)] = &[
        ("inner", "type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {gte: 2}"),
        ("outer", "type: temporal, rules: [inner, b], group-by: [user], timespan: 60s, condition: inner and b"),
    ];
    let ann = || json!({"user": "ann", "host": "h"});
    let difference = |why, correlations, events, ours, theirs| Difference { why, correlations, events, ours, theirs };
    vec![
        difference(
            "two of three in order never meet there",
            &[("x", "type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: {gte: 2}")],
            at([(0, "a", plain()), (1, "c", plain())]),
            &[1],
            &[],
        ),
        difference(
            "a rule that must not hit has to hit in order there",
            &[("x", "type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: a and b and not c")],
            at([(0, "a", plain()), (1, "b", plain())]),
            &[1],
            &[],
        ),
        difference(
            "quantifiers hold never there",
            &[("x", "type: temporal, rules: [a, b, c], timespan: 10s, condition: 2 of them")],
            at([(0, "a", plain()), (1, "b", plain())]),
            &[1],
            &[],
        ),
        difference(
            "a count of a correlation counts each hit while it holds there, each crossing here",
            count_chain,
            at([(0, "a", plain()), (1, "a", plain()), (2, "a", plain()), (3, "a", plain())]),
            &[],
            &[2, 3],
        ),
        difference(
            "a chain knows only the fields that the inner one groups by there, those of the event here",
            other_group,
            at([(0, "a", ann()), (1, "a", ann()), (2, "b", json!({"user": "ann"}))]),
            &[2],
            &[],
        ),
    ]
}

#[test]
fn every_difference_is_there() {
    for Difference { why, correlations, events, ours: here, theirs: there } in
        differences_of_counts().into_iter().chain(differences_of_meetings())
    {
        let named = |(name, section): &(&str, &str)| ((*name).to_owned(), (*section).to_owned());
        let file = file(&correlations.iter().map(named).collect::<Vec<_>>());
        let last = correlations.last().expect("one at least").0;
        let fired = |all: Vec<BTreeSet<String>>| -> Vec<usize> {
            (0..).zip(all).filter(|(_, names)| names.contains(last)).map(|(number, _)| number).collect()
        };
        assert_eq!(fired(ours(&file, &events)), here, "here: {why}");
        let holding = theirs(&file, &events).into_iter().map(|names| names.into_keys().collect());
        assert_eq!(fired(holding.collect()), there, "there: {why}");
    }
}
