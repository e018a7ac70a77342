//! Rules and events that meet often: few fields, few words, every modifier.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A rule, piece by piece, and an event.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) selections: Vec<Selection>,
    pub(crate) condition: String,
    pub(crate) event: Json,
}

#[derive(Debug, Clone)]
pub(crate) enum Selection {
    Fields(Vec<Item>),
    Any(Vec<Vec<Item>>),
    Keywords(Vec<String>),
    AllKeywords(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) field: &'static str,
    pub(crate) modifiers: &'static str,
    /// As JSON, which YAML reads the same.
    pub(crate) values: Vec<Json>,
}

/// What no event has.
pub(crate) const NEVER: Item = Item { field: "no such field", modifiers: "", values: Vec::new() };

impl Case {
    /// The same event with each item and each keyword selection alone.
    pub(crate) fn atoms(&self) -> Vec<Self> {
        let alone =
            |selection| Self { selections: vec![selection], condition: "s0".to_owned(), event: self.event.clone() };
        let mut atoms = Vec::new();
        for selection in &self.selections {
            match selection {
                Selection::Fields(items) => {
                    atoms.extend(items.iter().map(|i| alone(Selection::Fields(vec![i.clone()]))))
                }
                Selection::Any(maps) => {
                    atoms.extend(maps.iter().flatten().map(|i| alone(Selection::Fields(vec![i.clone()]))));
                }
                Selection::Keywords(_) | Selection::AllKeywords(_) => atoms.push(alone(selection.clone())),
            }
        }
        atoms
    }

    pub(crate) fn rule(&self) -> String {
        let item = |item: &Item| {
            let bar = if item.modifiers.is_empty() { "" } else { "|" };
            let values = match item.values.as_slice() {
                [] => json!("never"),
                [only] => only.clone(),
                more => json!(more),
            };
            (format!("{}{bar}{}", item.field, item.modifiers), values)
        };
        let map = |items: &[Item]| Json::Object(items.iter().map(item).collect());
        let mut detection = serde_json::Map::new();
        for (at, selection) in self.selections.iter().enumerate() {
            let value = match selection {
                Selection::Fields(items) => map(items),
                Selection::Any(maps) => maps.iter().map(|items| map(items)).collect(),
                Selection::Keywords(words) => json!(words),
                Selection::AllKeywords(words) => json!({"|all": words}),
            };
            detection.insert(format!("s{at}"), value);
        }
        detection.insert("condition".to_owned(), json!(self.condition));
        let rule = json!({"title": "t", "level": "low", "logsource": {"product": "any"}, "detection": detection});
        rule.to_string()
    }
}

pub(crate) const FIELDS: [&str; 5] = ["a", "b", "c", "n.m", "t"];
const WORDS: [&str; 22] = [
    "",
    "a",
    "ab",
    "AB",
    "b",
    "foo",
    "Foo",
    "foobar",
    "bar",
    "x\\y",
    "C:\\x",
    "-f",
    "/f -g",
    "a\nb",
    "пароль",
    "ПАРОЛЬ",
    "Құпия",
    "12",
    "10.0.0.7",
    "::1",
    "Zm9v",
    "zm9v",
];
const PATTERNS: [&str; 16] = [
    "a*", "*b", "a*b", "f?o", "*", "*?", "?", "a\\*b", "fo*ba?", "*пар*", "\\\\", "x\\\\y", "C:\\*", "*o?b*", "a?b",
    "-f",
];
const REGEXES: [&str; 10] = ["fo+", "^a", "b$", "A.B", "(foo|bar)", "[0-9]{2}", "^$", "пар.ль", "\\d+", "x\\\\y"];
const TIMES: [&str; 4] = ["2026-01-02T03:04:05Z", "2026-12-31 23:59:59", "1970-01-01T00:00:00+05:00", "never"];

fn text() -> impl Strategy<Value = Json> {
    prop_oneof![3 => prop::sample::select(&WORDS[..]), 2 => prop::sample::select(&PATTERNS[..])].prop_map(|t| json!(t))
}

fn number() -> impl Strategy<Value = Json> {
    prop_oneof![(-3i64..20).prop_map(|n| json!(n)), (-6i64..40).prop_map(|n| json!(f64::from(n as i32) / 2.0))]
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop::sample::select(values).prop_map(|text| json!(text))
}

fn item() -> impl Strategy<Value = Item> {
    let list = |values: BoxedStrategy<Json>, most: usize| prop::collection::vec(values, 1..=most).boxed();
    let with = |modifiers: &'static [&'static str], values: BoxedStrategy<Vec<Json>>| {
        (prop::sample::select(&FIELDS[..]), prop::sample::select(modifiers), values)
            .prop_map(|(field, modifiers, values)| Item { field, modifiers, values })
            .boxed()
    };
    let plain =
        prop_oneof![6 => text(), 2 => number(), 1 => any::<bool>().prop_map(|b| json!(b)), 1 => Just(Json::Null)];
    let compared = &["gt", "gte", "lt", "lte"][..];
    let texts = &[
        "contains",
        "startswith",
        "endswith",
        "cased",
        "contains|cased",
        "contains|all",
        "startswith|all",
        "windash",
        "contains|windash",
        "windash|contains|all",
        "neq",
        "contains|neq",
    ][..];
    let encoded = &[
        "base64",
        "base64|contains",
        "base64offset|contains",
        "wide|base64offset|contains",
        "utf16|base64|contains",
        "utf16be|base64",
    ][..];
    let regexes = &["re", "re|i", "re|s", "re|m", "re|i|s"][..];
    let parts = &["minute", "hour", "day", "week", "month", "year"][..];
    prop_oneof![
        6 => with(&[""], list(plain.boxed(), 3)),
        8 => with(texts, list(text().boxed(), 3)),
        2 => with(encoded, list(one_of(&["foo", "bar", "ab", "пароль"]).boxed(), 2)),
        2 => with(regexes, list(one_of(&REGEXES).boxed(), 2)),
        2 => with(compared, list(number().boxed(), 1)),
        1 => with(&["exists"], list(any::<bool>().prop_map(|b| json!(b)).boxed(), 1)),
        1 => with(&["cidr"], list(one_of(&["10.0.0.0/8", "10.0.0.7/32", "::/0", "0.0.0.0/0"]).boxed(), 2)),
        1 => with(
            &["fieldref", "fieldref|contains", "fieldref|startswith", "fieldref|endswith"],
            list(one_of(&["a", "b", "c"]).boxed(), 1)
        ),
        1 => with(parts, list((0i64..60).prop_map(|n| json!(n)).boxed(), 1)),
    ]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 1..=3)
}

fn selection() -> impl Strategy<Value = Selection> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[1..]).prop_map(str::to_owned), 1..=2);
    prop_oneof![
        8 => items().prop_map(Selection::Fields),
        2 => prop::collection::vec(items(), 1..=2).prop_map(Selection::Any),
        2 => words.clone().prop_map(Selection::Keywords),
        1 => words.prop_map(Selection::AllKeywords),
    ]
}

const CONDITIONS: [&str; 13] = [
    "s0",
    "not s0",
    "s0 and s1",
    "s0 or s1",
    "s0 and not s1",
    "not s0 and s1 or s2",
    "1 of them",
    "all of them",
    "1 of s*",
    "2 of them",
    "not (s0 or s1) and not s2",
    "any of s*",
    "s0 or not 1 of s*",
];

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        6 => one_of(&WORDS),
        1 => one_of(&TIMES),
        1 => one_of(&["a-f", "cmd /f –g", "xZm9vYmFy", "ZgBvAG8A", "10.20.30.40", "foofoo\nbar", "::ffff:10.0.0.7", "15"]),
        2 => number(),
        1 => any::<bool>().prop_map(|b| json!(b)),
        1 => Just(Json::Null),
        1 => Just(json!(1_700_000_000_123_i64)),
    ];
    let list = prop::collection::vec(scalar.clone(), 1..=3).prop_map(Json::Array);
    prop_oneof![8 => scalar, 2 => list]
}

fn event() -> impl Strategy<Value = Json> {
    let objects = prop::collection::vec(value().prop_map(|m| json!({"m": m})), 1..=2).prop_map(Json::Array);
    let nested = prop_oneof![3 => value().prop_map(|m| json!({"m": m})), 1 => objects, 1 => value()];
    let some = |values: BoxedStrategy<Json>| prop::option::weighted(0.7, values);
    (some(value().boxed()), some(value().boxed()), some(value().boxed()), some(nested.boxed()), some(value().boxed()))
        .prop_map(|(a, b, c, n, t)| {
            let named = [("a", a), ("b", b), ("c", c), ("n", n), ("t", t)];
            Json::Object(named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
        })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    (prop::collection::vec(selection(), 3), prop::sample::select(&CONDITIONS[..]), event())
        .prop_map(|(selections, condition, event)| Case { selections, condition: condition.to_owned(), event })
}
