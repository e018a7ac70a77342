//! Fonts: how the codes of a text are cut, which characters they are and how wide.

use std::collections::BTreeMap;

use super::cmap::CMap;
use super::file::File;
use super::glyphs;
use super::object::{Dict, Object};
use crate::Why;
use crate::limits::Budget;
use crate::text::Charset;

/// A font, as far as text needs it.
pub(super) struct Font {
    /// Codes have two bytes.
    wide: bool,
    map: CMap,
    /// Characters of one-byte codes, where no map tells.
    simple: Option<Vec<Option<char>>>,
    widths: BTreeMap<u32, f32>,
    default_width: f32,
}

impl Font {
    pub(super) fn read(file: &File<'_>, budget: &Budget<'_>, dict: &Dict) -> Result<Font, Why> {
        let wide = dict.is(b"Subtype", b"Type0");
        let map = match file.resolve_stream(dict.get(b"ToUnicode")) {
            Some(number) => CMap::read(budget, &file.content(budget, number)?.bytes)?,
            None => CMap::default(),
        };
        let simple = (!wide).then(|| encoding(file, dict));
        let (widths, default_width) = if wide { wide_widths(file, dict) } else { widths(file, dict) };
        Ok(Font { wide, map, simple, widths, default_width })
    }

    /// Gives the characters of a text and its width in thousandths; the last says whether all characters are known.
    pub(super) fn decode(&self, bytes: &[u8], into: &mut String, spaces: &mut usize) -> (f32, bool) {
        let (mut width, mut known) = (0.0, true);
        for code in bytes.chunks(if self.wide { 2 } else { 1 }) {
            let number = code.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            width += self.widths.get(&number).copied().unwrap_or(self.default_width);
            *spaces += usize::from(!self.wide && number == 32);
            if self.map.give(number, into) {
                continue;
            }
            let simple = self.simple.as_ref().and_then(|table| table.get(number as usize)).copied().flatten();
            match simple {
                Some(c) => into.push(c),
                None if self.wide && !self.map.is_empty() => {}
                None => known &= number == 0,
            }
        }
        (width, known)
    }
}

/// What one-byte codes mean.
fn encoding(file: &File<'_>, dict: &Dict) -> Vec<Option<char>> {
    let told = file.resolve(dict.get(b"Encoding"));
    let base = match &told {
        Object::Name(name) => name.clone(),
        Object::Dict(dict) => match file.resolve(dict.get(b"BaseEncoding")) {
            Object::Name(name) => name,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let charset =
        if base == b"MacRomanEncoding" { Charset::labelled(b"macintosh") } else { Charset::labelled(b"windows-1252") };
    let charset = charset.unwrap_or(Charset::CYRILLIC);
    let mut table: Vec<Option<char>> =
        (0..=255u8).map(|byte| (byte >= 32).then(|| charset.decode(&[byte]).chars().next()).flatten()).collect();
    if let Object::Dict(dict) = &told
        && let Object::Array(differences) = file.resolve(dict.get(b"Differences"))
    {
        let mut code = 0usize;
        for item in &differences {
            match item {
                Object::Number(_) => code = item.int().and_then(|code| usize::try_from(code).ok()).unwrap_or(256),
                Object::Name(name) => {
                    if let Some(slot) = table.get_mut(code) {
                        *slot = std::str::from_utf8(name).ok().and_then(glyphs::named);
                    }
                    code = code.saturating_add(1);
                }
                _ => {}
            }
        }
    }
    table
}

fn widths(file: &File<'_>, dict: &Dict) -> (BTreeMap<u32, f32>, f32) {
    let first = dict.get(b"FirstChar").and_then(Object::int).and_then(|first| u32::try_from(first).ok()).unwrap_or(0);
    let mut widths = BTreeMap::new();
    if let Object::Array(items) = file.resolve(dict.get(b"Widths")) {
        for (at, item) in items.iter().enumerate().take(256) {
            widths.insert(first.saturating_add(u32::try_from(at).unwrap_or(0)), single(&file.resolve(Some(item))));
        }
    }
    // Courier is 600 wide, digits of other standard fonts 556.
    (widths, 556.0)
}

fn wide_widths(file: &File<'_>, dict: &Dict) -> (BTreeMap<u32, f32>, f32) {
    let mut widths = BTreeMap::new();
    let below = match file.resolve(dict.get(b"DescendantFonts")) {
        Object::Array(fonts) => file.dict_of(fonts.first()).unwrap_or_default(),
        _ => Dict::default(),
    };
    let default = below.get(b"DW").map_or(1000.0, single);
    let Object::Array(items) = file.resolve(below.get(b"W")) else { return (widths, default) };
    let code = |object: Option<&Object>| object.and_then(Object::int).and_then(|code| u32::try_from(code).ok());
    let mut rest = &items[..];
    while let Some(first) = code(rest.first()) {
        match file.resolve(rest.get(1)) {
            Object::Array(list) => {
                for (at, item) in list.iter().enumerate() {
                    widths.insert(first.saturating_add(u32::try_from(at).unwrap_or(0)), single(item));
                }
                rest = rest.get(2..).unwrap_or_default();
            }
            _ => {
                let (last, width) = (code(rest.get(1)).unwrap_or(first), rest.get(2).map_or(default, single));
                for number in first..=last.min(first.saturating_add(0xFFFF)) {
                    widths.insert(number, width);
                    if widths.len() > 0xFFFF {
                        break;
                    }
                }
                rest = rest.get(3..).unwrap_or_default();
            }
        }
    }
    (widths, default)
}

fn single(object: &Object) -> f32 {
    #[expect(clippy::cast_possible_truncation)] // widths are small
    object.number().map_or(0.0, |number| number as f32)
}
