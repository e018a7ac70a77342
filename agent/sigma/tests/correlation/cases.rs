//! Edge cases by name: what hits when, and what it completes.

use crate::{Run, Store, correlation, event};
use kuzet_sigma::Limits;
use serde_json::{Value, json};

/// When, which kind, more fields.
type Step = (f64, &'static str, Value);

struct Case {
    name: &'static str,
    /// Names and sections of the correlations.
    correlations: &'static [(&'static str, &'static str)],
    events: Vec<Step>,
    /// Which fire, by the number of the event.
    fires: &'static [(usize, &'static str)],
    late: u64,
}

/// Times of hits of rule a.
fn hits<const N: usize>(times: [f64; N]) -> Vec<Step> {
    times.into_iter().map(|at| (at, "a", json!({}))).collect()
}

fn users<const N: usize>(users: [(f64, &'static str); N]) -> Vec<Step> {
    users.into_iter().map(|(at, user)| (at, "a", json!({"user": user}))).collect()
}

fn numbers<const N: usize>(numbers: [(f64, f64); N]) -> Vec<Step> {
    numbers.into_iter().map(|(at, number)| (at, "a", json!({"n": number}))).collect()
}

fn kinds<const N: usize>(kinds: [(f64, &'static str); N]) -> Vec<Step> {
    kinds.into_iter().map(|(at, kind)| (at, kind, json!({}))).collect()
}

const THREE: &[(&str, &str)] = &[("x", "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}}")];
const BOTH: &[(&str, &str)] = &[("x", "{type: temporal, rules: [a, b], timespan: 10s}")];
const ORDER: &[(&str, &str)] = &[("x", "{type: temporal_ordered, rules: [a, b, c], timespan: 10s}")];
const VALUES: &[(&str, &str)] =
    &[("x", "{type: value_count, rules: [a], timespan: 10s, condition: {gte: 3, field: user}}")];
const BURST_THEN: &[(&str, &str)] = &[
    ("inner", "{type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 2}}"),
    ("outer", "{type: temporal_ordered, rules: [inner, b], group-by: [user], timespan: 20s}"),
];

fn counting() -> Vec<Case> {
    let case = |name, correlations, events, fires| Case { name, correlations, events, fires, late: 0 };
    vec![
        case("three within the timespan", THREE, hits([0.0, 1.0, 2.0]), &[(2, "x")]),
        case("exactly the timespan apart is within", THREE, hits([0.0, 5.0, 10.0]), &[(2, "x")]),
        case("a moment more is not", THREE, hits([0.0, 5.0, 10.000_001]), &[]),
        case("equal timestamps are different events", THREE, hits([1.0, 1.0, 1.0]), &[(2, "x")]),
        case("one crossing is told once", THREE, hits([0.0, 1.0, 2.0, 3.0, 4.0]), &[(2, "x")]),
        case(
            "a condition that stays true is told once a timespan",
            THREE,
            hits([0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0]),
            &[(2, "x"), (6, "x")],
        ),
        case("armed again when it was false", THREE, hits([0.0, 1.0, 2.0, 11.5, 11.6, 11.7]), &[(2, "x"), (4, "x")]),
        case(
            "more than",
            &[("x", "{type: event_count, rules: [a], timespan: 10s, condition: {gt: 3}}")],
            hits([0.0, 1.0, 2.0, 3.0]),
            &[(3, "x")],
        ),
        case(
            "a range is left at its top",
            &[("x", "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 2, lt: 4}}")],
            hits([0.0, 1.0, 2.0, 3.0, 4.0, 12.5]),
            &[(1, "x"), (5, "x")],
        ),
        case(
            "exactly, and anything but",
            &[
                ("x", "{type: event_count, rules: [a], timespan: 10s, condition: {eq: 2}}"),
                ("y", "{type: event_count, rules: [a], timespan: 10s, condition: {gt: 0, neq: 2}}"),
            ],
            hits([0.0, 1.0, 2.0]),
            &[(0, "y"), (1, "x"), (2, "y")],
        ),
        case(
            "groups are apart",
            &[("x", "{type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 2}}")],
            users([(0.0, "ann"), (1.0, "bob"), (2.0, "Ann"), (3.0, "bob")]),
            &[(3, "x")],
        ),
        case(
            "an absent field is a value of its own",
            &[("x", "{type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {gte: 2}}")],
            vec![
                (0.0, "a", json!({"user": "ann"})),
                (1.0, "a", json!({})),
                (2.0, "a", json!({"user": null})),
                (3.0, "a", json!({"user": ""})),
            ],
            &[(2, "x")],
        ),
        case(
            "a list is each of its values",
            &[("x", "{type: event_count, rules: [a], group-by: [table], timespan: 10s, condition: {gte: 2}}")],
            vec![(0.0, "a", json!({"table": ["loan", "card"]})), (1.0, "a", json!({"table": ["card", "city"]}))],
            &[(1, "x")],
        ),
        case(
            "a number and its text are one value",
            &[("x", "{type: event_count, rules: [a], group-by: [port], timespan: 10s, condition: {gte: 2}}")],
            vec![(0.0, "a", json!({"port": 22})), (1.0, "a", json!({"port": "22"}))],
            &[(1, "x")],
        ),
        case(
            "an event of two rules is one event",
            &[("x", "{type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}}")],
            kinds([(0.0, "ab"), (1.0, "b")]),
            &[(1, "x")],
        ),
        case("a late hit completes the window", THREE, hits([0.0, 9.0, 5.0]), &[(2, "x")]),
        case("a late hit completes a window that is past", THREE, hits([0.0, 1.0, 40.0, 2.0]), &[(3, "x")]),
        case("late hits of a window that was told", THREE, hits([0.0, 1.0, 2.0, 40.0, 1.5, 0.5]), &[(2, "x")]),
        Case { late: 1, ..case("what is too late is counted and not used", THREE, hits([0.0, 1.0, 100.0, 2.0]), &[]) },
        case("the edge of lateness", THREE, hits([39.9, 39.95, 100.0, 40.0]), &[(3, "x")]),
    ]
}

fn of_values() -> Vec<Case> {
    let case = |name, correlations, events, fires| Case { name, correlations, events, fires, late: 0 };
    vec![
        case("different values", VALUES, users([(0.0, "a"), (1.0, "b"), (2.0, "a"), (3.0, "c")]), &[(3, "x")]),
        case(
            "a value that came again counts from then",
            VALUES,
            users([(0.0, "a"), (1.0, "b"), (8.0, "a"), (10.5, "c")]),
            &[(3, "x")],
        ),
        case("a value that left does not", VALUES, users([(0.0, "a"), (1.0, "b"), (8.0, "b"), (10.5, "c")]), &[]),
        case(
            "a late value in a past window",
            VALUES,
            users([(0.0, "a"), (1.0, "b"), (30.0, "a"), (31.0, "b"), (2.0, "c")]),
            &[(4, "x")],
        ),
        case(
            "no value is no value",
            &[("x", "{type: value_count, rules: [a], timespan: 10s, condition: {gte: 2, field: user}}")],
            vec![(0.0, "a", json!({"user": "a"})), (1.0, "a", json!({})), (2.0, "a", json!({"user": null}))],
            &[],
        ),
        case(
            "every value of a list",
            VALUES,
            vec![(0.0, "a", json!({"user": ["a", "b"]})), (1.0, "a", json!({"user": ["b", "c"]}))],
            &[(1, "x")],
        ),
        case(
            "values of two fields count together",
            &[("x", "{type: value_count, rules: [a], timespan: 10s, condition: {gte: 2, field: [user, n]}}")],
            vec![
                (0.0, "a", json!({"user": "a", "n": 1})),
                (1.0, "a", json!({"user": "a"})),
                (2.0, "a", json!({"user": "a", "n": 1})),
                (3.0, "a", json!({"user": "a", "n": 2})),
            ],
            &[(3, "x")],
        ),
    ]
}

fn of_numbers() -> Vec<Case> {
    let case = |name, correlations, events, fires| Case { name, correlations, events, fires, late: 0 };
    vec![
        case(
            "a sum",
            &[("x", "{type: value_sum, rules: [a], timespan: 10s, condition: {gte: 100, field: n}}")],
            numbers([(0.0, 60.0), (9.0, 39.9), (10.0, 0.1), (11.0, 50.0), (12.0, 20.0)]),
            &[(2, "x"), (4, "x")],
        ),
        case(
            "texts and lists of numbers add up, what is no number does not",
            &[("x", "{type: value_sum, rules: [a], timespan: 10s, condition: {gte: 100, field: n}}")],
            vec![
                (0.0, "a", json!({"n": "40"})),
                (1.0, "a", json!({"n": "many"})),
                (2.0, "a", json!({"n": null})),
                (3.0, "a", json!({"n": [30, 30]})),
            ],
            &[(3, "x")],
        ),
        case(
            "unknown is not zero",
            &[("x", "{type: value_sum, rules: [a], timespan: 10s, condition: {lt: 5, field: n}}")],
            vec![(0.0, "a", json!({})), (1.0, "a", json!({"n": 4}))],
            &[(1, "x")],
        ),
        case(
            "a mean",
            &[("x", "{type: value_avg, rules: [a], timespan: 10s, condition: {gt: 50, field: n}}")],
            numbers([(0.0, 10.0), (1.0, 80.0), (2.0, 80.0), (11.5, 10.0), (11.9, 80.0)]),
            &[(2, "x"), (4, "x")],
        ),
        case(
            "the median is the percentile that is not named",
            &[("x", "{type: value_percentile, rules: [a], timespan: 10s, condition: {gte: 50, field: n}}")],
            numbers([(0.0, 10.0), (1.0, 20.0), (2.0, 90.0), (3.0, 90.0)]),
            &[(3, "x")],
        ),
        case(
            "a percentile between two numbers",
            &[(
                "x",
                "{type: value_percentile, rules: [a], timespan: 10s, condition: {gte: 95, field: n, percentile: 95}}",
            )],
            numbers([(0.0, 0.0), (1.0, 100.0)]),
            &[(1, "x")],
        ),
    ]
}

fn meeting() -> Vec<Case> {
    let case = |name, correlations, events, fires| Case { name, correlations, events, fires, late: 0 };
    vec![
        case("the first rule alone does not fire", BOTH, kinds([(0.0, "a"), (1.0, "a"), (2.0, "a")]), &[]),
        case(
            "both, in any order",
            BOTH,
            kinds([(0.0, "b"), (1.0, "a"), (20.0, "a"), (21.0, "b")]),
            &[(1, "x"), (3, "x")],
        ),
        case("both at the edge", BOTH, kinds([(0.0, "a"), (10.0, "b")]), &[(1, "x")]),
        case("both beyond it", BOTH, kinds([(0.0, "a"), (10.1, "b")]), &[]),
        case("one event that is both", BOTH, kinds([(0.0, "ab")]), &[(0, "x")]),
        case("both, the first seen late", BOTH, kinds([(100.0, "b"), (125.0, "b"), (91.0, "a")]), &[(2, "x")]),
        case("in order", ORDER, kinds([(0.0, "a"), (1.0, "b"), (2.0, "c")]), &[(2, "x")]),
        case("not in order", ORDER, kinds([(0.0, "c"), (1.0, "b"), (2.0, "a")]), &[]),
        case(
            "in order among others",
            ORDER,
            kinds([(0.0, "b"), (1.0, "a"), (2.0, "c"), (3.0, "b"), (4.0, "c")]),
            &[(4, "x")],
        ),
        case("at the same time is in order", ORDER, kinds([(1.0, "c"), (1.0, "b"), (1.0, "a")]), &[(2, "x")]),
        case(
            "order is that of the events, not of arrival",
            ORDER,
            kinds([(3.0, "c"), (1.0, "a"), (2.0, "b")]),
            &[(2, "x")],
        ),
        case("arrival in order is not order", ORDER, kinds([(3.0, "a"), (2.0, "b"), (1.0, "c")]), &[]),
        case(
            "two of three",
            &[("x", "{type: temporal, rules: [a, b, c], timespan: 10s, condition: {gte: 2}}")],
            kinds([(0.0, "b"), (1.0, "b"), (2.0, "c")]),
            &[(2, "x")],
        ),
        case(
            "two of three in order",
            &[("x", "{type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: {gte: 2}}")],
            kinds([(0.0, "c"), (1.0, "b"), (2.0, "c")]),
            &[(2, "x")],
        ),
        case(
            "one and not the other before it",
            &[("x", "{type: temporal, rules: [a, b], timespan: 10s, condition: a and not b}")],
            kinds([(0.0, "b"), (5.0, "a"), (10.5, "a"), (11.0, "b")]),
            &[(2, "x")],
        ),
        case(
            "a condition does not lift the order",
            &[("x", "{type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: a and b and not c}")],
            kinds([(0.0, "b"), (1.0, "a"), (2.0, "b"), (3.0, "c")]),
            &[(2, "x")],
        ),
        case(
            "aliases of differently named fields",
            &[(
                "x",
                "{type: temporal, rules: [a, b], timespan: 10s, group-by: [who], aliases: {who: {a: user, b: login}}}",
            )],
            vec![
                (0.0, "a", json!({"user": "ann", "login": "bob"})),
                (1.0, "b", json!({"user": "ann", "login": "eve"})),
                (2.0, "b", json!({"user": "eve", "login": "ann"})),
            ],
            &[(2, "x")],
        ),
    ]
}

fn chained() -> Vec<Case> {
    let case = |name, correlations, events, fires| Case { name, correlations, events, fires, late: 0 };
    let of = |user: &'static str, list: &[(f64, &'static str)]| -> Vec<Step> {
        list.iter().map(|(at, kind)| (*at, *kind, json!({"user": user}))).collect()
    };
    let mut strangers = of("ann", &[(0.0, "a"), (1.0, "a")]);
    strangers.extend(of("bob", &[(2.0, "b")]));
    vec![
        case(
            "a correlation of a correlation",
            BURST_THEN,
            of("ann", &[(0.0, "a"), (1.0, "a"), (2.0, "b")]),
            &[(2, "outer")],
        ),
        case("the inner one has to fire", BURST_THEN, of("ann", &[(0.0, "a"), (2.0, "b")]), &[]),
        case("of another group", BURST_THEN, strangers, &[]),
        case(
            "the inner one holds for as long as it holds",
            BURST_THEN,
            of("ann", &[(0.0, "a"), (5.0, "a"), (10.0, "a"), (15.0, "a"), (34.0, "b")]),
            &[(4, "outer")],
        ),
        case(
            "a count of a correlation counts crossings",
            &[
                ("inner", "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}}"),
                ("outer", "{type: event_count, rules: [inner], timespan: 1h, condition: {gte: 2}}"),
            ],
            hits([0.0, 1.0, 2.0, 3.0, 100.0, 101.0]),
            &[(5, "outer")],
        ),
        case(
            "fields are those of the event that completed the inner one",
            &[
                ("inner", "{type: event_count, rules: [a], group-by: [host], timespan: 10s, condition: {gte: 2}}"),
                (
                    "outer",
                    "{type: temporal, rules: [inner, b], group-by: [who], timespan: 20s, aliases: {who: {inner: user, b: login}}}",
                ),
            ],
            vec![
                (0.0, "a", json!({"host": "h", "user": "bob"})),
                (1.0, "a", json!({"host": "h", "user": "ann"})),
                (2.0, "b", json!({"login": "bob"})),
                (3.0, "b", json!({"login": "ann"})),
            ],
            &[(3, "outer")],
        ),
        case(
            "a correlation that generates alerts too",
            &[
                ("inner", "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}}"),
                ("outer", "{type: temporal, rules: [inner, b], timespan: 20s, generate: true}"),
            ],
            kinds([(0.0, "a"), (1.0, "a"), (2.0, "b")]),
            &[(1, "inner"), (2, "outer")],
        ),
        case(
            "an alias through a chain",
            &[
                (
                    "inner",
                    "{type: event_count, rules: [a, b], group-by: [who], timespan: 10s, condition: {gte: 2}, aliases: {who: {a: user, b: login}}}",
                ),
                (
                    "outer",
                    "{type: temporal, rules: [inner, c], group-by: [who], timespan: 20s, aliases: {who: {c: name}}}",
                ),
            ],
            vec![
                (0.0, "a", json!({"user": "ann"})),
                (1.0, "b", json!({"login": "ann", "who": "eve"})),
                (2.0, "c", json!({"name": "ann"})),
            ],
            &[(2, "outer")],
        ),
    ]
}

#[test]
fn every_case_fires_as_expected_with_and_without_a_restart_before_each_event() {
    let mut wrong = Vec::new();
    let cases = [counting(), of_values(), of_numbers(), meeting(), chained()].into_iter().flatten();
    let cases: Vec<Case> = cases.collect();
    assert!(cases.len() > 50, "{}", cases.len());
    for case in cases {
        let correlations: String = case.correlations.iter().map(|(name, section)| correlation(name, section)).collect();
        for restarts in [false, true] {
            let (mut run, mut store) = (Run::new(&correlations, Limits::default()), Store::default());
            let (mut fired, mut late) = (Vec::new(), 0);
            for (number, (at, kind, more)) in case.events.iter().enumerate() {
                if restarts {
                    late += run.correlator.late();
                    run.restart(&mut store);
                }
                let found = run.event(*at, &event(kind, more.clone()));
                fired.extend(found.iter().map(|found| (number, run.title(found).to_owned())));
            }
            let expected: Vec<(usize, String)> =
                case.fires.iter().map(|(at, name)| (*at, (*name).to_owned())).collect();
            if fired != expected || late + run.correlator.late() != case.late {
                wrong.push(format!("{} (restarts {restarts}): {fired:?}, expected {expected:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hit_tells_its_rules_group_and_numbers_and_no_value() {
    let section =
        "{type: value_count, rules: [a, b], group-by: [user, host], timespan: 90m, condition: {gte: 2, field: table}}";
    let mut run = Run::new(&correlation("many_tables", section), Limits::default());
    let secret = "Aigerim 900101400123";
    assert!(run.event(0.0, &event("a", json!({"user": secret, "table": "loan"}))).is_empty());
    let found = run.event(75.0, &event("b", json!({"user": secret, "table": "card"})));
    let found = found.first().expect("it fires");
    assert_eq!(
        found.told,
        "2 different values of table in events of \"Rule a\", \"Rule b\" within 1m 15s; it fires at 2 or more within 1h 30m of one user and host"
    );
    assert_eq!((found.began, found.at, found.number, found.about), (0, 75_000_000, 2.0, false));
    let names: Vec<(&str, bool)> = found.group.iter().map(|value| (value.name.as_str(), value.key.is_some())).collect();
    assert_eq!(names, [("user", true), ("host", false)]);
    let shown = format!("{found:?} {:?}", run.correlator);
    assert!(!shown.contains("Aigerim") && !shown.contains("900101"), "{shown}");
    let rows = run.correlator.changes();
    let stored: Vec<u8> = rows.into_iter().flat_map(|(key, value)| [key, value.unwrap_or_default()].concat()).collect();
    assert!(!String::from_utf8_lossy(&stored).contains("Aigerim"), "a row holds a value");
}

#[test]
fn a_number_is_told_to_four_digits() {
    let section = "{type: value_percentile, rules: [a], timespan: 1h, condition: {gte: 2, field: n}}";
    let mut run = Run::new(&correlation("x", section), Limits::default());
    let found = run.event(0.0, &event("a", json!({"n": 900_101_400_123_u64})));
    assert_eq!(found[0].number, 900_100_000_000.0);
    assert!(
        found[0].told.starts_with("percentile 50 of n is 900100000000 in 1 events of \"Rule a\""),
        "{}",
        found[0].told
    );
}
