//! JSON of any shape, value by value with its path: no tree, no recursion, so that no line can cost more than its length.

use crate::flat::unescape;
use std::borrow::Cow;

/// Deepest nesting that is followed; MongoDB ends at 100.
const DEPTH: usize = 128;

/// One step of the way from the root to a value. Keys may be values too, so neither can be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Member of an object.
    Key(Cow<'a, [u8]>),
    /// Element of an array, from 0.
    Item(usize),
}

/// A value that holds no other.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string, escapes undone.
    Text(Cow<'a, [u8]>),
    /// A number as it stands.
    Number(&'a [u8]),
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `{}`, `[]`.
    Empty,
}

impl Value<'_> {
    /// The bytes of a string or number; nothing for the others.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Value::Text(text) => text,
            Value::Number(number) => number,
            _ => b"",
        }
    }

    /// A whole number that is not negative, written as number or string.
    pub(crate) fn number(&self) -> Option<u64> {
        std::str::from_utf8(self.bytes()).ok()?.parse().ok()
    }
}

/// The key of a step; empty for an element.
pub(crate) fn key<'s>(step: &'s Step<'_>) -> &'s [u8] {
    match step {
        Step::Key(key) => key,
        Step::Item(_) => b"",
    }
}

/// Calls `visit` with every value of `text` and the path to it, in order. `None` when `text` is not one JSON value; what
/// stood before the fault has been visited then.
pub(crate) fn walk<'a>(text: &'a [u8], mut visit: impl FnMut(&[Step<'a>], Value<'a>)) -> Option<()> {
    let mut reader = Reader { text, at: 0 };
    let mut path: Vec<Step<'a>> = Vec::new();
    loop {
        match reader.peek()? {
            b'{' => {
                reader.at += 1;
                if !reader.eats(b'}') {
                    path.push(Step::Key(reader.member()?));
                    if path.len() > DEPTH {
                        return None;
                    }
                    continue;
                }
                visit(&path, Value::Empty);
            }
            b'[' => {
                reader.at += 1;
                if !reader.eats(b']') {
                    path.push(Step::Item(0));
                    if path.len() > DEPTH {
                        return None;
                    }
                    continue;
                }
                visit(&path, Value::Empty);
            }
            b'"' => visit(&path, Value::Text(reader.string()?)),
            _ => visit(&path, reader.word()?),
        }
        // What stands behind a value, up to the next one.
        loop {
            match path.last_mut() {
                None => return reader.peek().is_none().then_some(()),
                Some(Step::Item(number)) if reader.eats(b',') => {
                    *number += 1;
                    break;
                }
                Some(Step::Item(_)) if reader.eats(b']') => {}
                Some(Step::Key(key)) if reader.eats(b',') => {
                    *key = reader.member()?;
                    break;
                }
                Some(Step::Key(_)) if reader.eats(b'}') => {}
                Some(_) => return None,
            }
            path.pop();
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn eats(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// `"key":`
    fn member(&mut self) -> Option<Cow<'a, [u8]>> {
        self.peek();
        let key = self.string()?;
        self.eats(b':').then_some(key)
    }

    /// A string; the reader stands on its first quote.
    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            end += memchr::memchr2(b'"', b'\\', self.text.get(end..)?)?;
            if self.text[end] == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.at = end + 1;
        let raw = &self.text[start..end];
        if !escaped {
            return Some(Cow::Borrowed(raw));
        }
        let mut plain = Vec::with_capacity(raw.len());
        unescape(raw, &mut plain)?;
        Some(Cow::Owned(plain))
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<Value<'a>> {
        let rest = &self.text[self.at..];
        let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'+' | b'.');
        let word = &rest[..rest.iter().take_while(part).count()];
        self.at += word.len();
        Some(match word {
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            b"null" => Value::Null,
            [b'-' | b'0'..=b'9', ..] => Value::Number(word),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `path=value` of every value.
    fn flat(text: &str) -> Option<Vec<String>> {
        let mut all = Vec::new();
        let show = |path: &[Step<'_>], value: Value<'_>| {
            let steps = path.iter().map(|step| match step {
                Step::Key(key) => format!(".{}", String::from_utf8_lossy(key)),
                Step::Item(number) => format!("[{number}]"),
            });
            let value = match value {
                Value::Text(text) => format!("{:?}", String::from_utf8_lossy(&text)),
                Value::Number(number) => String::from_utf8_lossy(number).into_owned(),
                Value::Bool(value) => format!("Bool({value})"),
                Value::Null => "Null".to_owned(),
                Value::Empty => "Empty".to_owned(),
            };
            all.push(format!("{}={value}", steps.collect::<String>()));
        };
        walk(text.as_bytes(), show)?;
        Some(all)
    }

    /// The same from a tree of another library.
    fn tree(path: &str, value: &serde_json::Value, all: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) if !members.is_empty() => {
                members.iter().for_each(|(key, value)| tree(&format!("{path}.{key}"), value, all));
            }
            serde_json::Value::Array(items) if !items.is_empty() => {
                items.iter().enumerate().for_each(|(at, value)| tree(&format!("{path}[{at}]"), value, all));
            }
            serde_json::Value::String(text) => all.push(format!("{path}={text:?}")),
            serde_json::Value::Number(number) => all.push(format!("{path}={number}")),
            serde_json::Value::Bool(value) => all.push(format!("{path}=Bool({value})")),
            serde_json::Value::Null => all.push(format!("{path}=Null")),
            _ => all.push(format!("{path}=Empty")),
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[ -~\n\tқ\u{1f600}]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a-z\"\\\\ ]{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_another_library_writes(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let mut expected = Vec::new();
            tree("", &value, &mut expected);
            prop_assert_eq!(flat(&text), Some(expected));
        }

        #[test]
        fn refuses_no_less_than_it_must(text in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,40}") {
            // Every text that the other library takes is taken.
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(flat(&text).is_some());
            }
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(flat(&"[".repeat(1 << 20)).is_none());
        let deep = format!("{}1{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        assert!(flat(&deep).is_some());
        assert!(flat("{\"a\":1}}").is_none() && flat("").is_none() && flat("{\"a\" 1}").is_none());
    }
}
