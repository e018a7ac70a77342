//! Conditions: text → a tree over the names of selections.

use crate::diagnostic::{Code, Fault, Place};

/// Deepest nesting of parentheses and `not`.
const DEPTH: usize = 32;

/// A condition over `Name`s of what it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<Name = usize> {
    /// One selection.
    Of(Name),
    /// Every one.
    And(Vec<Self>),
    /// Any one.
    Or(Vec<Self>),
    /// Not.
    Not(Box<Self>),
    /// At least so many of them.
    AtLeast(usize, Vec<Name>),
}

impl Condition {
    /// Marks what it stands on in `used`.
    pub(crate) fn mark(&self, used: &mut [bool]) {
        match self {
            Self::Of(name) => used[*name] = true,
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.mark(used)),
            Self::Not(part) => part.mark(used),
            Self::AtLeast(_, names) => names.iter().for_each(|name| used[*name] = true),
        }
    }
}

/// Reads `text`, whose selections are `names`; answers with their positions.
pub(crate) fn read(text: &str, names: &[&str], place: Place) -> Result<Condition, Fault> {
    let mut reader = Reader { words: split(text, place)?, at: 0, depth: 0, names, place };
    let condition = reader.or()?;
    match reader.words.get(reader.at) {
        None => Ok(condition),
        Some(word) => Err(reader.fault(format!("{word:?} stands where the condition should end"))),
    }
}

fn split(text: &str, place: Place) -> Result<Vec<&str>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.trim_ascii();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '|' => {
                let help = "write a correlation rule of type event_count or value_count";
                return Err(Fault::new(place, Code::Aggregation, "the condition holds an aggregation", help));
            }
            _ => rest.find(|c: char| !(c.is_alphanumeric() || "_-*.".contains(c))).unwrap_or(rest.len()),
        };
        if length == 0 {
            let help = "conditions are made of selection names, and, or, not, 1 of, all of, parentheses";
            let message = format!("unexpected character {first:?} (U+{:04X}) in the condition", u32::from(first));
            return Err(Fault::new(place, Code::Condition, message, help));
        }
        words.push(&rest[..length]);
        rest = rest[length..].trim_ascii_start();
    }
    Ok(words)
}

struct Reader<'a> {
    words: Vec<&'a str>,
    at: usize,
    depth: usize,
    names: &'a [&'a str],
    place: Place,
}

impl Reader<'_> {
    fn fault(&self, message: String) -> Fault {
        Fault::new(self.place, Code::Condition, message, "write it like: selection and not 1 of filter_*")
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.and()?];
        while self.takes("or") {
            parts.push(self.and()?);
        }
        Ok(single(parts, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.not()?];
        while self.takes("and") {
            parts.push(self.not()?);
        }
        Ok(single(parts, Condition::And))
    }

    fn not(&mut self) -> Result<Condition, Fault> {
        if self.depth == DEPTH {
            return Err(self.fault(format!("the condition is nested more than {DEPTH} levels deep")));
        }
        self.depth += 1;
        let condition = if self.takes("not") {
            Condition::Not(Box::new(self.not()?))
        } else if self.takes("(") {
            let inner = self.or()?;
            if !self.takes(")") {
                return Err(self.fault("a parenthesis is not closed".to_owned()));
            }
            inner
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn operand(&mut self) -> Result<Condition, Fault> {
        let Some(&word) = self.words.get(self.at) else {
            return Err(self.fault("the condition ends where a selection should stand".to_owned()));
        };
        self.at += 1;
        if self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case("of")) {
            self.at += 1;
            return self.quantified(word);
        }
        if word == ")" || ["and", "or", "of"].iter().any(|operator| word.eq_ignore_ascii_case(operator)) {
            return Err(self.fault(format!("{word:?} stands where a selection should stand")));
        }
        self.names.iter().position(|name| *name == word).map(Condition::Of).ok_or_else(|| self.unknown(word))
    }

    fn unknown(&self, word: &str) -> Fault {
        let message = format!("the condition names {word:?}, which is no selection");
        let help = format!("the selections are: {}", self.names.join(", "));
        Fault::new(self.place, Code::UnknownSelection, message, help)
    }

    fn quantified(&mut self, count: &str) -> Result<Condition, Fault> {
        let Some(&pattern) = self.words.get(self.at) else {
            return Err(self.fault("\"of\" has nothing behind it".to_owned()));
        };
        self.at += 1;
        let them = pattern.eq_ignore_ascii_case("them");
        let meant = |name: &str| if them { !name.starts_with('_') } else { glob(pattern, name) };
        let chosen: Vec<usize> = (0..self.names.len()).filter(|at| meant(self.names[*at])).collect();
        if chosen.is_empty() {
            // Neither true nor false is what the author meant.
            return Err(self.unknown(pattern));
        }
        let least = match count.to_ascii_lowercase().as_str() {
            "all" => chosen.len(),
            "any" => 1,
            number => match number.parse::<usize>() {
                Ok(number) if (1..=chosen.len()).contains(&number) => number,
                Ok(_) => {
                    let message = format!("{count} of {pattern} can not be: there are {}", chosen.len());
                    return Err(self.fault(message));
                }
                Err(_) => return Err(self.fault(format!("{count:?} stands where 1, any or all should stand"))),
            },
        };
        Ok(Condition::AtLeast(least, chosen))
    }
}

fn single(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// Whether `name` fits `pattern`, whose `*` stand for anything.
fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}
