//! Sheets of Excel since 2007: rows as lines, cells with tabs between them, so that a heading stands above its column.

use std::io::BufRead;

use crate::Why;
use crate::desk::{Desk, Flow};
use crate::limits::Budget;
use crate::markup::{self, Token};

/// The strings that cells refer to by number.
#[derive(Default)]
pub(crate) struct Shared {
    text: String,
    ends: Vec<u32>,
    held: usize,
}

impl Shared {
    pub(crate) fn size(&self) -> usize {
        self.held
    }

    /// Keeps one more string, as far as it may be held.
    pub(crate) fn push(&mut self, budget: &Budget<'_>, text: &str) -> Flow {
        let size = text.len() + 4;
        if size > budget.room() {
            return Err(Why::Size);
        }
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        budget.hold(size);
        self.held += size;
        Ok(())
    }

    pub(crate) fn get(&self, number: usize) -> Option<&str> {
        let to = *self.ends.get(number)? as usize;
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(from..to)
    }
}

/// Reads the strings. What cannot be held is given at once.
pub(crate) fn strings(desk: &mut Desk<'_>, stream: &mut dyn BufRead, shared: &mut Shared) -> Flow {
    let mut inside = false;
    let mut phonetic = false;
    let outcome = markup::tokens(desk, stream, &mut |desk, token| {
        match token {
            Token::Open("t", _) => inside = true,
            Token::Close("t") => inside = false,
            Token::Open("rPh", _) => phonetic = true,
            Token::Close("rPh") => phonetic = false,
            Token::Text(text) if inside && !phonetic => {
                if shared.text.len() + text.len() + 4 * shared.ends.len() > desk.budget.room() / 2 {
                    return desk.text(text);
                }
                shared.text.push_str(text);
            }
            Token::Close("si") => {
                if 4 * shared.ends.len() > desk.budget.room() / 2 {
                    return desk.text("\n");
                }
                shared.ends.push(u32::try_from(shared.text.len()).unwrap_or(u32::MAX));
            }
            _ => {}
        }
        Ok(())
    });
    shared.held = shared.text.len() + 4 * shared.ends.len();
    desk.budget.hold(shared.held);
    outcome
}

/// Reads a sheet.
pub(crate) fn cells(desk: &mut Desk<'_>, stream: &mut dyn BufRead, shared: &Shared) -> Flow {
    #[derive(PartialEq)]
    enum Cell {
        Number,
        Shared,
        Text,
    }
    let mut kind = Cell::Number;
    let mut value = false;
    let mut written = String::new();
    markup::tokens(desk, stream, &mut |desk, token| match token {
        Token::Open("c", attributes) => {
            kind = if attributes.ends_with(" t=\"s\"") {
                Cell::Shared // the most of them
            } else {
                match markup::attribute(attributes, "t") {
                    Some("s") => Cell::Shared,
                    Some("inlineStr" | "str") => Cell::Text,
                    _ => Cell::Number,
                }
            };
            Ok(())
        }
        Token::Open("v" | "t" | "oddHeader" | "oddFooter", _) => {
            value = true;
            written.clear();
            Ok(())
        }
        Token::Text(text) if value => {
            if kind == Cell::Text {
                return desk.text(text);
            }
            if written.len() < 64 {
                written.push_str(text);
                return Ok(());
            }
            desk.text(text)
        }
        Token::Close("v" | "t" | "oddHeader" | "oddFooter") => {
            value = false;
            match kind {
                Cell::Shared => match written.trim().parse().ok().and_then(|number| shared.get(number)) {
                    Some(text) => desk.text(text),
                    None => Ok(()),
                },
                Cell::Number => number(desk, &written),
                Cell::Text => Ok(()),
            }
        }
        Token::Close("c") => desk.text("\t"),
        Token::Close("row") => desk.text("\n"),
        _ => Ok(()),
    })
}

/// A number as a person would write it: files hold long ones as 8.8010130012E11.
fn number(desk: &mut Desk<'_>, written: &str) -> Flow {
    if written.contains(['e', 'E', '.'])
        && let Ok(number) = written.trim().parse::<f64>()
    {
        return desk.text(&plain(number));
    }
    desk.text(written)
}

/// A number without an exponent, where that is of use.
pub(crate) fn plain(number: f64) -> String {
    if number.abs() < 1e16 && number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number}") }
}
