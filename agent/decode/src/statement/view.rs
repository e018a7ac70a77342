//! The tokens of one new shape, and how they are asked.

use super::scan::{Form, Kind, Literal, Token};
use kuzet_event::System;

/// Tokens over their text. An index that is out of range is a token that nothing matches.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) text: &'a [u8],
    pub(super) tokens: &'a [Token],
    pub(super) literals: &'a [Literal],
    pub(super) system: System,
}

impl<'a> View<'a> {
    pub(super) fn bytes(&self, index: usize) -> &'a [u8] {
        self.tokens
            .get(index)
            .and_then(|token| self.text.get(token.start as usize..token.end as usize))
            .unwrap_or_default()
    }

    /// Whether the token is this keyword.
    pub(super) fn is(&self, index: usize, word: &str) -> bool {
        self.kind(index) == Some(Kind::Word) && self.bytes(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether the token is one of these keywords.
    pub(super) fn any(&self, index: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(index, word))
    }

    /// Whether the tokens from `index` on are these keywords.
    pub(super) fn all(&self, index: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(step, word)| self.is(index + step, word))
    }

    /// First of `range` that is this keyword.
    pub(super) fn find(&self, range: std::ops::Range<usize>, word: &str) -> Option<usize> {
        range.into_iter().find(|index| self.is(*index, word))
    }

    pub(super) fn op(&self, index: usize, byte: u8) -> bool {
        self.kind(index) == Some(Kind::Op) && self.bytes(index) == [byte]
    }

    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    pub(super) fn is_literal(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Literal)
    }

    pub(super) fn is_name(&self, index: usize) -> bool {
        matches!(self.kind(index), Some(Kind::Word | Kind::Quoted))
    }

    /// Keyword in upper case; empty for anything else and for words that are too long for one.
    pub(super) fn keyword(&self, index: usize) -> Keyword {
        let mut keyword = Keyword { bytes: [0; 24], length: 0 };
        let bytes = self.bytes(index);
        if self.kind(index) == Some(Kind::Word) && bytes.len() <= keyword.bytes.len() {
            keyword.length = bytes.len();
            for (to, from) in keyword.bytes.iter_mut().zip(bytes) {
                *to = from.to_ascii_uppercase();
            }
        }
        keyword
    }

    /// Name without quotes, folded as the server folds it: PostgreSQL lower-cases what is not quoted; MariaDB keeps
    /// tables as written (case-sensitive on Linux).
    pub(super) fn name(&self, index: usize) -> Option<String> {
        let bytes = self.bytes(index);
        match self.kind(index)? {
            Kind::Word if self.system == System::Postgresql => Some(text(&bytes.to_ascii_lowercase())),
            Kind::Word => Some(text(bytes)),
            Kind::Quoted => {
                let inner = bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default();
                Some(text(inner).replace("\"\"", "\"").replace("``", "`"))
            }
            _ => None,
        }
    }

    /// A column name, lower case.
    pub(super) fn column(&self, index: usize) -> Option<String> {
        self.name(index).map(|name| name.to_lowercase())
    }

    /// A dotted name from `index` on: its parts and the token behind it.
    pub(super) fn path(&self, index: usize) -> (Vec<String>, usize) {
        let mut parts = Vec::new();
        let mut at = index;
        while let Some(part) = self.name(at) {
            if parts.len() < 8 {
                parts.push(part);
            }
            at += 1;
            if !self.op(at, b'.') {
                break;
            }
            at += 1;
        }
        (parts, at)
    }

    /// The `)` that closes the `(` at `open`, or the end of the tokens. For callers that go on behind it: others would
    /// look at nested parentheses again and again.
    pub(super) fn closing(&self, open: usize) -> usize {
        self.closing_before(open, self.tokens.len())
    }

    /// The same for the arguments of a call, of which 64 tokens are looked at.
    pub(super) fn closing_near(&self, open: usize) -> usize {
        self.closing_before(open, self.tokens.len().min(open.saturating_add(64)))
    }

    fn closing_before(&self, open: usize, end: usize) -> usize {
        let mut depth = 0usize;
        for index in open..end {
            if self.op(index, b'(') {
                depth += 1;
            } else if self.op(index, b')') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index;
                }
            }
        }
        end
    }

    /// The `(` that the `)` at `close` closes, when it is near (a call, a cast).
    pub(super) fn opening(&self, close: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in (close.saturating_sub(64)..=close).rev() {
            if self.op(index, b')') {
                depth += 1;
            } else if self.op(index, b'(') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index);
                }
            }
        }
        None
    }

    /// Literals of the slot of the token at `index`.
    pub(super) fn literals_at(&self, index: usize) -> impl Iterator<Item = &'a Literal> {
        let token = self.tokens.get(index).filter(|token| token.kind == Kind::Literal);
        let from = token
            .map_or(self.literals.len(), |token| self.literals.partition_point(|literal| literal.start < token.start));
        let slot = token.map(|token| token.slot);
        self.literals[from..].iter().take_while(move |literal| Some(literal.slot) == slot)
    }

    /// The literal at `index` as it is written, quotes excluded.
    pub(super) fn written(&self, index: usize) -> Option<&'a [u8]> {
        let literal = self.literals_at(index).next()?;
        self.text.get(literal.start as usize..literal.end as usize)
    }

    /// The string literal at `index`, as text. Only for names of settings, roles and the like, and bodies of code.
    pub(super) fn string(&self, index: usize) -> Option<String> {
        let literal = self.literals_at(index).next()?;
        if matches!(literal.form, Form::Parameter(_)) {
            return None;
        }
        let mut value = Vec::new();
        super::values::unescape(self.text, literal, self.system, &mut value);
        Some(text(&value))
    }

    /// The literal at `index` as a number; of a list the last one.
    pub(super) fn number(&self, index: usize) -> Option<u64> {
        let literal = self.literals_at(index).last().filter(|literal| literal.form == Form::Number)?;
        std::str::from_utf8(self.text.get(literal.start as usize..literal.end as usize)?).ok()?.parse().ok()
    }
}

/// A word in upper case.
pub(super) struct Keyword {
    bytes: [u8; 24],
    length: usize,
}

impl Keyword {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
