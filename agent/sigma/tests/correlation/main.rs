//! Correlations: edge cases by name, against a naive oracle, against rsigma, over restarts, and under floods.

mod cases;
mod flood;
mod oracle;
mod refused;
mod restart;
mod rsigma;

use kuzet_sigma::{Correlated, Correlator, FieldMap, JsonNames, Limits, Lists, Matcher, Route, Row, RuleSet};
use serde_json::{Value, json};
use std::sync::Arc;

/// Three rules that look at the field `kind`.
pub(crate) const RULES: &str = "
title: Rule a
name: a
level: low
logsource: {product: any}
detection: {sel: {kind: [a, ab]}, condition: sel}
---
title: Rule b
name: b
level: low
logsource: {product: any}
detection: {sel: {kind: [b, ab]}, condition: sel}
---
title: Rule c
name: c
level: low
logsource: {product: any}
detection: {sel: {kind: c}, condition: sel}
---
";

/// A correlation on its way to a file.
pub(crate) fn correlation(name: &str, section: &str) -> String {
    format!("title: {name}\nname: {name}\nlevel: high\ncorrelation: {section}\n---\n")
}

/// A matcher and a correlator behind it.
pub(crate) struct Run {
    set: Arc<RuleSet>,
    names: JsonNames,
    matcher: Matcher,
    route: Route,
    limits: Limits,
    pub(crate) correlator: Correlator,
}

impl Run {
    pub(crate) fn new(correlations: &str, limits: Limits) -> Self {
        Self::of(&format!("{RULES}{correlations}"), limits)
    }

    pub(crate) fn of(file: &str, limits: Limits) -> Self {
        let (set, diagnostics) = RuleSet::load([("rules.yml", file)], &FieldMap::default(), &Lists::new());
        let errors: Vec<String> = diagnostics.iter().filter(|d| !d.warning()).map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let set = Arc::new(set);
        let (names, matcher, route) = (JsonNames::new(set.fields()), set.matcher(), set.route_all());
        let correlator = Correlator::new(set.clone(), [7; 32], limits);
        Self { set, names, matcher, route, limits, correlator }
    }

    /// What an event at a second completes.
    pub(crate) fn event(&mut self, at: f64, event: &Value) -> Vec<Correlated> {
        self.at(micros(at), event)
    }

    /// The same, at a microsecond.
    pub(crate) fn at(&mut self, at: i64, event: &Value) -> Vec<Correlated> {
        let (event, mut hits, mut found) = (self.names.event(event), Vec::new(), Vec::new());
        self.matcher.matches(&self.route, &event, &mut hits);
        self.correlator.observe(&hits, &event, at, &mut found);
        found
    }

    /// The title of a correlation.
    pub(crate) fn title(&self, found: &Correlated) -> &str {
        &self.set.correlations()[found.correlation].correlation.meta.title
    }

    /// A restart: only rows are left.
    pub(crate) fn restart(&mut self, store: &mut Store) {
        store.write(self.correlator.changes());
        let mut again = Correlator::new(self.set.clone(), [7; 32], self.limits);
        again.restore(store.rows());
        self.correlator = again;
    }
}

pub(crate) fn micros(seconds: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "a test's own times")]
    let micros = (seconds * 1e6) as i64;
    micros
}

/// An event of `kind`.
#[allow(clippy::expect_used, reason = "a test's own data")]
pub(crate) fn event(kind: &str, more: Value) -> Value {
    let mut event = json!({"kind": kind});
    let fields = event.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    event
}

/// What a database would keep of the rows.
#[derive(Default)]
pub(crate) struct Store(std::collections::BTreeMap<Vec<u8>, Vec<u8>>);

impl Store {
    pub(crate) fn write(&mut self, rows: Vec<Row>) {
        for (key, value) in rows {
            match value {
                Some(value) => drop(self.0.insert(key, value)),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    pub(crate) fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
