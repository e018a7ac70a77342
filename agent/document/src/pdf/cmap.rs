//! Which characters the codes of a font are, as a ToUnicode map tells.

use std::collections::BTreeMap;

use super::object::{Lexer, Object};
use crate::Why;
use crate::limits::Budget;

/// More entries than any font has.
const ENTRIES: usize = 70_000;

/// A ToUnicode map.
#[derive(Default)]
pub(super) struct CMap {
    /// By code, 0 where none is told: nearly all codes are one character.
    single: Vec<char>,
    several: BTreeMap<u32, String>,
    /// From, to, and the first character.
    ranges: Vec<(u32, u32, u32)>,
}

impl CMap {
    pub(super) fn read(budget: &Budget<'_>, bytes: &[u8]) -> Result<CMap, Why> {
        let mut map = CMap::default();
        let mut lexer = Lexer::new(bytes, 0);
        let mut operands: Vec<Object> = Vec::new();
        while let Some(object) = lexer.object() {
            budget.work(8)?;
            match object {
                Object::Word(word) => {
                    match &word[..] {
                        b"endbfchar" => map.chars(&operands),
                        b"endbfrange" => map.spans(&operands),
                        _ => {}
                    }
                    operands.clear();
                }
                object if operands.len() < ENTRIES => operands.push(object),
                _ => {}
            }
        }
        Ok(map)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.single.is_empty() && self.several.is_empty() && self.ranges.is_empty()
    }

    fn chars(&mut self, operands: &[Object]) {
        for pair in operands.chunks_exact(2) {
            if let (Object::Text(code), Object::Text(text)) = (&pair[0], &pair[1]) {
                self.put(number(code), &utf16(text));
            }
        }
    }

    fn put(&mut self, code: u32, text: &str) {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if code <= u32::from(u16::MAX) => {
                let at = code as usize;
                if at >= self.single.len() {
                    self.single.resize(at + 1, '\0');
                }
                self.single[at] = c;
            }
            _ if self.several.len() < ENTRIES => {
                self.several.insert(code, text.to_owned());
            }
            _ => {}
        }
    }

    fn spans(&mut self, operands: &[Object]) {
        for triple in operands.chunks_exact(3) {
            let (Object::Text(from), Object::Text(to)) = (&triple[0], &triple[1]) else { continue };
            let (from, to) = (number(from), number(to));
            match &triple[2] {
                Object::Text(text) => {
                    if let Some(first) = utf16(text).chars().next()
                        && self.ranges.len() < ENTRIES
                    {
                        self.ranges.push((from, to, u32::from(first)));
                    }
                }
                Object::Array(texts) => {
                    for (code, text) in (from..=to).zip(texts) {
                        if let Object::Text(text) = text {
                            self.put(code, &utf16(text));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The character of a code that the map knows, none where it is several.
    pub(super) fn one(&self, code: u32) -> Option<Option<char>> {
        let mut text = String::new();
        if !self.give(code, &mut text) {
            return None;
        }
        let mut characters = text.chars();
        Some(characters.next().filter(|_| characters.next().is_none()))
    }

    /// Gives the characters of a code; false where none are told.
    pub(super) fn give(&self, code: u32, into: &mut String) -> bool {
        if let Some(c) = self.single.get(code as usize).filter(|c| **c != '\0') {
            into.push(*c);
            return true;
        }
        if let Some(text) = self.several.get(&code) {
            into.push_str(text);
            return true;
        }
        let range = self.ranges.iter().find(|(from, to, _)| (*from..=*to).contains(&code));
        match range.and_then(|(from, _, first)| char::from_u32(first.checked_add(code - from)?)) {
            Some(c) => {
                into.push(c);
                true
            }
            None => false,
        }
    }
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).take(64).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    if bytes.len() == 1 {
        char::from(bytes[0]).to_string()
    } else {
        char::decode_utf16(units).filter_map(Result::ok).collect()
    }
}
