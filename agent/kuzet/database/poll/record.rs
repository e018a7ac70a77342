//! Records of a poll: one JSON object a line, as the decoders read them.

use kuzet_event::Timestamp;
use std::fmt::Write as _;

/// Longest text of a statement that is handed on, bytes.
const LONGEST: usize = 100_000;

/// The records of one poll.
pub(super) struct Records {
    system: &'static str,
    at: Timestamp,
    list: Vec<Vec<u8>>,
}

impl Records {
    pub(super) fn new(system: &'static str, at: Timestamp) -> Records {
        Records { system, at, list: Vec::new() }
    }

    /// Adds a record; `fill` gives it its fields.
    pub(super) fn add(&mut self, kind: &str, fill: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(format!("{{\"{}\":\"{kind}\",\"at\":{}", self.system, self.at.0));
        fill(&mut fields);
        fields.0.push('}');
        self.list.push(fields.0.into_bytes());
    }

    /// Something is as if this statement had been run.
    pub(super) fn change(&mut self, statement: &str) {
        self.add("change", |fields| fields.text("text", statement));
    }

    /// A setting of the whole server.
    pub(super) fn setting(&mut self, name: &str, value: Option<&str>) {
        self.add("setting", |fields| {
            fields.text("name", name);
            if let Some(value) = value {
                fields.text("value", value);
            }
        });
    }

    /// When the poll began, microseconds.
    pub(super) fn at(&self) -> i64 {
        self.at.0
    }

    pub(super) fn take(self) -> Vec<Vec<u8>> {
        self.list
    }
}

/// The fields of one record. Not printable: statements may hold values.
pub(super) struct Fields(String);

impl Fields {
    pub(super) fn number(&mut self, name: &str, value: u64) {
        let _ = write!(self.0, ",\"{name}\":{value}");
    }

    /// Empty is left out.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            let _ = write!(self.0, ",\"{name}\":{}", quoted(value));
        }
    }

    /// The text of a statement; `longest` is the length at which the server cuts.
    pub(super) fn statement(&mut self, text: &str, longest: usize) {
        let limit = longest.min(LONGEST);
        self.text("text", &text[..text.floor_char_boundary(limit)]);
        if text.len() >= limit {
            self.0.push_str(",\"cut\":true");
        }
    }

    pub(super) fn texts(&mut self, name: &str, values: &[String]) {
        let list: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        let _ = write!(self.0, ",\"{name}\":[{}]", list.join(","));
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name as an identifier of PostgreSQL.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
