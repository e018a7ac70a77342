//! Texts with wildcards: read as Sigma writes them, compiled to pieces between stars, matched in linear time.

use crate::text::{fold, folded};
use memchr::memmem::Finder;
use std::fmt;

/// A piece of a Sigma text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// Any sign that Windows takes for a dash before an option.
    Dash,
}

/// Signs before an option of a Windows command.
const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

/// Reads a text with its wildcards: `\*`, `\?` and `\\` are the characters themselves, any other `\` is one too.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        parts.push(match c {
            '\\' => Part::Char(rest.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\')),
            '*' => Part::Many,
            '?' => Part::One,
            c => Part::Char(c),
        });
    }
    parts
}

/// Every sign before an option stands for all of them: not behind a letter, and before one.
pub(crate) fn windash(parts: &mut [Part]) {
    let word = |part: Option<&Part>| matches!(part, Some(Part::Char(c)) if c.is_alphanumeric() || *c == '_');
    for at in 0..parts.len() {
        let dash = matches!(&parts[at], Part::Char(c) if DASHES.contains(c));
        if dash && !(at > 0 && word(parts.get(at - 1))) && word(parts.get(at + 1)) {
            parts[at] = Part::Dash;
        }
    }
}

/// The plain text of `parts`, where they have no wildcard. Every dash is tried: the texts are all spellings.
pub(crate) fn spellings(parts: &[Part], most: usize) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    for part in parts {
        match part {
            Part::Char(c) => texts.iter_mut().for_each(|text| text.push(*c)),
            Part::Dash => {
                let spell = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
                texts = texts.iter().flat_map(spell).collect();
                if texts.len() > most {
                    return None;
                }
            }
            Part::One | Part::Many => return None,
        }
    }
    Some(texts)
}

/// What stands between two stars.
#[derive(Debug, Clone)]
enum Piece {
    /// At the beginning or the end.
    Text(Box<str>),
    /// Somewhere. A searcher is large: only where it pays.
    Search(Box<Finder<'static>>),
    /// A fixed number of characters.
    Characters(Box<[Part]>),
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pieces: Box<[Piece]>,
    /// Nothing may stand before the first piece.
    start: bool,
    /// Nothing may stand behind the last piece.
    end: bool,
    /// Case counts.
    pub(crate) cased: bool,
}

impl Pattern {
    pub(crate) fn new(parts: &[Part], before: bool, behind: bool, cased: bool) -> Self {
        let start = !before && parts.first() != Some(&Part::Many);
        let end = !behind && parts.last() != Some(&Part::Many);
        let pieces: Vec<&[Part]> = parts.split(|part| *part == Part::Many).filter(|piece| !piece.is_empty()).collect();
        let anchored = |at: usize| (start && at == 0) || (end && at + 1 == pieces.len());
        let pieces = pieces.iter().enumerate().map(|(at, piece)| Piece::new(piece, cased, anchored(at)));
        Self { pieces: pieces.collect(), start, end, cased }
    }

    /// The text, where the pattern is nothing but one.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &*self.pieces {
            [] if self.start && self.end => Some(""),
            [Piece::Text(text)] if self.start && self.end => Some(text),
            _ => None,
        }
    }

    /// The longest text that a matching value holds, folded.
    pub(crate) fn literal(&self) -> Option<String> {
        let mut found: Option<String> = None;
        for piece in &self.pieces {
            let runs: Vec<String> = match piece {
                Piece::Text(text) => vec![folded(text)],
                Piece::Search(text) => std::str::from_utf8(text.needle()).map(folded).into_iter().collect(),
                Piece::Characters(parts) => {
                    let runs = parts.split(|part| !matches!(part, Part::Char(_)));
                    let text = |part: &Part| if let Part::Char(c) = part { Some(fold(*c)) } else { None };
                    runs.map(|run| run.iter().filter_map(text).collect()).collect()
                }
            };
            found = found.into_iter().chain(runs).max_by_key(String::len);
        }
        found.filter(|text| !text.is_empty())
    }

    /// Whether `text` fits; it is folded unless case counts.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let (mut pieces, mut rest) = (&*self.pieces, text);
        if self.start {
            match pieces.split_first() {
                Some((first, others)) => {
                    let Some(length) = first.begins(rest) else { return false };
                    (pieces, rest) = (others, &rest[length..]);
                }
                None => return !self.end || rest.is_empty(),
            }
            if pieces.is_empty() && self.end {
                return rest.is_empty();
            }
        }
        let last = if self.end { pieces.split_last() } else { None };
        let middle = last.map_or(pieces, |(_, middle)| middle);
        for piece in middle {
            let Some(end) = piece.find(rest) else { return false };
            rest = &rest[end..];
        }
        last.is_none_or(|(last, _)| last.ends(rest))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match (&*self.pieces, self.start, self.end) {
            ([], true, true) => "equals",
            ([], ..) => return f.write_str("is a text"),
            ([Piece::Text(_) | Piece::Search(_)], true, true) => "equals",
            ([Piece::Text(_) | Piece::Search(_)], true, false) => "begins with",
            ([Piece::Text(_) | Piece::Search(_)], false, true) => "ends with",
            ([Piece::Text(_) | Piece::Search(_)], false, false) => "contains",
            _ => "is like",
        };
        let pieces: Vec<String> = self.pieces.iter().map(Piece::to_string).collect();
        let text = pieces.join("*");
        let (before, behind) = match how {
            "is like" => (if self.start { "" } else { "*" }, if self.end { "" } else { "*" }),
            _ => ("", ""),
        };
        write!(f, "{how} {:?}{}", format!("{before}{text}{behind}"), if self.cased { ", case counts" } else { "" })
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Search(text) => f.write_str(&String::from_utf8_lossy(text.needle())),
            Self::Characters(parts) => parts.iter().try_for_each(|part| match part {
                Part::Char(c) => write!(f, "{c}"),
                Part::One => f.write_str("?"),
                Part::Many => f.write_str("*"),
                Part::Dash => f.write_str("-"),
            }),
        }
    }
}

impl Piece {
    fn new(parts: &[Part], cased: bool, anchored: bool) -> Self {
        let case = |c: char| if cased { c } else { fold(c) };
        let text: Option<String> =
            parts.iter().map(|part| if let Part::Char(c) = part { Some(case(*c)) } else { None }).collect();
        let part = |part: &Part| if let Part::Char(c) = part { Part::Char(case(*c)) } else { part.clone() };
        match text {
            Some(text) if anchored => Self::Text(text.into()),
            Some(text) => Self::Search(Box::new(Finder::new(&text).into_owned())),
            None => Self::Characters(parts.iter().map(part).collect()),
        }
    }

    /// Length of this piece at the beginning of `text`.
    fn begins(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(piece) => text.starts_with(&**piece).then_some(piece.len()),
            Self::Search(piece) => text.as_bytes().starts_with(piece.needle()).then_some(piece.needle().len()),
            Self::Characters(parts) => {
                let mut rest = text.chars();
                let fits = parts.iter().all(|part| rest.next().is_some_and(|c| part.is(c)));
                fits.then(|| text.len() - rest.as_str().len())
            }
        }
    }

    /// End of the first place where this piece stands in `text`.
    fn find(&self, text: &str) -> Option<usize> {
        match self {
            Self::Text(piece) => text.find(&**piece).map(|at| at + piece.len()),
            Self::Search(piece) => piece.find(text.as_bytes()).map(|at| at + piece.needle().len()),
            Self::Characters(_) => {
                let starts = text.char_indices().map(|(at, _)| at);
                starts.into_iter().find_map(|at| self.begins(&text[at..]).map(|length| at + length))
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Text(piece) => text.ends_with(&**piece),
            Self::Search(piece) => text.as_bytes().ends_with(piece.needle()),
            Self::Characters(parts) => {
                let mut rest = text.chars();
                parts.iter().rev().all(|part| rest.next_back().is_some_and(|c| part.is(c)))
            }
        }
    }
}

impl Part {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One => true,
            Self::Dash => DASHES.contains(&c),
            Self::Many => false,
        }
    }
}
