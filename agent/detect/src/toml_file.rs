//! Reads a TOML file that a person wrote and collects every fault in it, each with its place and a help.

use crate::Diagnostic;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Not valid TOML.
pub(crate) const SYNTAX: &str = "KZ201";
/// A key that means nothing here.
pub(crate) const UNKNOWN_KEY: &str = "KZ202";
/// A value of another type than the key needs.
pub(crate) const WRONG_TYPE: &str = "KZ203";
/// A key without which the entry says nothing.
pub(crate) const MISSING_KEY: &str = "KZ204";
/// A value that cannot be understood.
pub(crate) const BAD_VALUE: &str = "KZ205";
/// Two entries that contradict each other or say the same.
pub(crate) const DUPLICATE: &str = "KZ206";
/// A name that nothing else defines.
pub(crate) const UNDEFINED: &str = "KZ207";
/// An entry that would hold for everything.
pub(crate) const TOO_WIDE: &str = "KZ208";
/// An entry whose last day is over.
pub(crate) const EXPIRED: &str = "KZ209";

/// A text with its place in the file.
pub(crate) type Word = (String, Range<usize>);

/// The file, and what is wrong with it so far.
pub(crate) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// Everything found wrong, in order of discovery.
    pub(crate) faults: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, file: &'a str) -> Reader<'a> {
        Reader { file, text, faults: Vec::new() }
    }

    /// The root table, as far as it could be read.
    pub(crate) fn parse(&mut self) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            // The parser's message quotes no value of the file.
            self.fault(span, SYNTAX, error.message().to_owned(), "write it as TOML: key = \"value\"");
        }
        table.into_inner()
    }

    /// Records a fault at `span`.
    pub(crate) fn fault(&mut self, span: Range<usize>, code: &str, message: String, help: &str) {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(Diagnostic {
            code: code.to_owned(),
            file: self.file.to_owned(),
            line,
            column,
            message,
            help: help.to_owned(),
            warning: false,
        });
    }

    /// Refuses every key of `table` that is not in `allowed`.
    pub(crate) fn known_keys(&mut self, table: &DeTable<'_>, allowed: &[&str], what: &str) {
        for (key, _) in table.iter() {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let help = match nearest(name, allowed) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("{what} knows: {}", allowed.join(", ")),
                };
                self.fault(key.span(), UNKNOWN_KEY, format!("unknown key `{name}` in {what}"), &help);
            }
        }
    }

    /// The tables of `[[name]]`.
    pub(crate) fn tables<'t, 'd>(
        &mut self,
        table: &'t DeTable<'d>,
        name: &str,
    ) -> Vec<(&'t DeTable<'d>, Range<usize>)> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let wrong = format!("`{name}` is not a list of tables");
        let help = format!("begin each entry with [[{name}]]");
        let Some(list) = value.get_ref().as_array() else {
            self.fault(value.span(), WRONG_TYPE, wrong, &help);
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_table() {
                Some(table) => found.push((table, item.span())),
                None => self.fault(item.span(), WRONG_TYPE, wrong.clone(), &help),
            }
        }
        found
    }

    /// A text, if the key is there.
    pub(crate) fn string(&mut self, table: &DeTable<'_>, key: &str) -> Option<Word> {
        let (word, span) = self.text_of(table.get(key)?, key)?;
        if word.is_empty() {
            self.fault(span, BAD_VALUE, format!("`{key}` is empty"), "leave the key out or name something");
            return None;
        }
        Some((word, span))
    }

    /// A text, or a fault at `span`.
    pub(crate) fn required(&mut self, table: &DeTable<'_>, key: &str, span: &Range<usize>, help: &str) -> Option<Word> {
        if !table.contains_key(key) {
            self.fault(span.clone(), MISSING_KEY, format!("`{key}` is missing"), help);
        }
        self.string(table, key)
    }

    /// A text or a list of texts under any of `keys`; `None` when none of the keys is there.
    pub(crate) fn strings(&mut self, table: &DeTable<'_>, keys: &[&str]) -> Option<Vec<Word>> {
        let words = self.strings_or_empty(table, keys)?;
        for (_, span) in words.iter().filter(|(word, _)| word.is_empty()) {
            let message = format!("`{}` holds an empty text", keys[0]);
            self.fault(span.clone(), BAD_VALUE, message, "leave it out or name something");
        }
        Some(words.into_iter().filter(|(word, _)| !word.is_empty()).collect())
    }

    /// As [`strings`](Reader::strings), where an empty text means something.
    pub(crate) fn strings_or_empty(&mut self, table: &DeTable<'_>, keys: &[&str]) -> Option<Vec<Word>> {
        let mut found: Option<Vec<Word>> = None;
        for key in keys {
            let Some(value) = table.get(*key) else { continue };
            let words = found.get_or_insert_with(Vec::new);
            match value.get_ref() {
                DeValue::Array(list) => words.extend(list.iter().filter_map(|item| self.text_of(item, key))),
                _ => words.extend(self.text_of(value, key)),
            }
        }
        found
    }

    /// A whole number that is not negative, if the key is there.
    pub(crate) fn number(&mut self, table: &DeTable<'_>, key: &str) -> Option<u64> {
        self.number_of(table.get(key)?, key)
    }

    /// A whole number or a list of them under any of `keys`.
    pub(crate) fn numbers(&mut self, table: &DeTable<'_>, keys: &[&str]) -> Vec<(u64, Range<usize>)> {
        let mut found = Vec::new();
        for (key, value) in keys.iter().filter_map(|key| Some((key, table.get(*key)?))) {
            let items = match value.get_ref() {
                DeValue::Array(list) => list.iter().collect(),
                _ => vec![value],
            };
            found.extend(items.into_iter().filter_map(|item| Some((self.number_of(item, key)?, item.span()))));
        }
        found
    }

    fn number_of(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<u64> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok());
        if number.is_none() {
            let message = format!("`{key}` is not a whole number from 0 up");
            self.fault(value.span(), WRONG_TYPE, message, "write it as digits without quotes: 1000");
        }
        number
    }

    /// A truth value, if the key is there.
    pub(crate) fn boolean(&mut self, table: &DeTable<'_>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.fault(value.span(), WRONG_TYPE, format!("`{key}` is not true or false"), "write true or false");
        }
        truth
    }

    fn text_of(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Word> {
        let Some(text) = value.get_ref().as_str() else {
            let message = format!("`{key}` is not a text");
            self.fault(value.span(), WRONG_TYPE, message, "put it in double quotes");
            return None;
        };
        Some((text.to_owned(), value.span()))
    }

    /// `built` when nothing but warnings was found, else the faults in order of place.
    pub(crate) fn finish<T>(mut self, built: T) -> Result<T, Vec<Diagnostic>> {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        if self.faults.iter().all(|fault| fault.warning) { Ok(built) } else { Err(self.faults) }
    }
}

/// The word of `allowed` that differs from `word` by at most two letters.
pub(crate) fn nearest<'w>(word: &str, allowed: &[&'w str]) -> Option<&'w str> {
    let distances = allowed.iter().map(|candidate| (distance(word, candidate), *candidate));
    distances.min().filter(|(distance, _)| *distance <= 2).map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// Whether `pattern` (`*` any run, `?` one character) matches all of `text`; both are taken as they are, so fold case
/// before. Linear in practice, quadratic at worst, never exponential.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_matches_whole_texts() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("loans*", "loans_2024", true),
            ("loans*", "my_loans", false),
            ("*loans", "my_loans", true),
            ("a*b*c", "aXbXbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} on {text}");
        }
    }

    #[test]
    fn nearest_forgives_two_letters() {
        assert_eq!(nearest("tabels", &["tables", "name"]), Some("tables"));
        assert_eq!(nearest("colour", &["tables", "name"]), None);
    }
}
