//! JSON objects as events: names are found as they are, then as paths through objects and lists.

use crate::event::{Event, FieldId, Fields, Value};
use serde_json::Value as Json;

/// Deepest nesting looked into. `serde_json` itself reads 128 levels.
const DEPTH: usize = 128;
/// Most dots of a name for which every cut is tried: `a.b.c` may be `{"a.b": {"c": 1}}` as well.
const DOTS: usize = 6;

/// The names of [`Fields`], ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct JsonNames {
    names: Vec<Box<[String]>>,
}

impl JsonNames {
    /// Binds `fields`.
    pub fn new(fields: &Fields) -> Self {
        let mut names = vec![Box::default()];
        names.extend(fields.iter().map(|(_, names)| names.into()));
        Self { names }
    }

    /// `json` as an event.
    pub fn event<'a>(&'a self, json: &'a Json) -> JsonEvent<'a> {
        JsonEvent { names: &self.names, json }
    }
}

/// An event that is a JSON object.
#[derive(Debug, Clone, Copy)]
pub struct JsonEvent<'a> {
    names: &'a [Box<[String]>],
    json: &'a Json,
}

impl Event for JsonEvent<'_> {
    fn field(&self, field: FieldId, visit: &mut dyn FnMut(Value<'_>)) {
        for name in self.names.get(field.index()).into_iter().flatten() {
            find(self.json, name, 0, visit);
        }
    }

    fn values(&self, visit: &mut dyn FnMut(Value<'_>)) {
        every(self.json, 0, visit);
    }
}

/// Gives the values at `path` to `visit`; whether there are any.
fn find(json: &Json, path: &str, depth: usize, visit: &mut dyn FnMut(Value<'_>)) -> bool {
    match json {
        Json::Object(map) => {
            if let Some(value) = map.get(path) {
                give(value, depth, visit);
                return true;
            }
            if depth == DEPTH || !path.contains('.') {
                return false;
            }
            // The shortest head that leads somewhere.
            let cuts = path.match_indices('.').take(DOTS);
            cuts.into_iter()
                .any(|(at, _)| map.get(&path[..at]).is_some_and(|inner| find(inner, &path[at + 1..], depth + 1, visit)))
        }
        // A path goes through every object of a list.
        Json::Array(items) if depth > 0 && depth < DEPTH => {
            let found = items.iter().filter(|item| find(item, path, depth + 1, visit));
            found.count() > 0
        }
        _ => false,
    }
}

/// Gives a value, or the elements of a list.
fn give(json: &Json, depth: usize, visit: &mut dyn FnMut(Value<'_>)) {
    match json {
        Json::Array(items) if !items.is_empty() && depth < DEPTH => {
            items.iter().for_each(|item| give(item, depth + 1, visit));
        }
        other => visit(single(other)),
    }
}

fn single(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value.into()),
            (None, Some(value)) => Value::Int(value.into()),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(_) | Json::Object(_) => Value::Other,
    }
}

fn every(json: &Json, depth: usize, visit: &mut dyn FnMut(Value<'_>)) {
    match json {
        Json::Array(items) if depth < DEPTH => items.iter().for_each(|item| every(item, depth + 1, visit)),
        Json::Object(map) if depth < DEPTH => map.values().for_each(|value| every(value, depth + 1, visit)),
        other => visit(single(other)),
    }
}
