//! Fonts: how the codes of a text are cut, which characters they are and how wide.

use super::cmap::CMap;
use super::file::File;
use super::glyphs;
use super::object::{Dict, Object};
use crate::Why;
use crate::limits::Budget;
use crate::text::Charset;

/// A font, as far as text needs it.
pub(super) struct Font {
    map: CMap,
    /// Characters of one-byte codes; other codes have two bytes.
    simple: Option<Vec<Option<char>>>,
    /// By code; what is not there has the width of most glyphs.
    widths: Vec<f32>,
    default_width: f32,
}

impl Font {
    pub(super) fn read(file: &File<'_>, budget: &Budget<'_>, dict: &Dict) -> Result<Font, Why> {
        let wide = dict.is(b"Subtype", b"Type0");
        let map = match file.resolve_stream(dict.get(b"ToUnicode")) {
            Some(number) => CMap::read(budget, &file.content(budget, number)?.bytes)?,
            None => CMap::default(),
        };
        let mut simple = (!wide).then(|| encoding(file, dict));
        for (code, slot) in (0..).zip(simple.iter_mut().flatten()) {
            *slot = map.one(code).unwrap_or(*slot);
        }
        let Widths { widths, default } = if wide { wide_widths(file, dict) } else { widths(file, dict) };
        Ok(Font { map, simple, widths, default_width: default })
    }

    /// How many codes a text has.
    pub(super) fn codes(&self, bytes: &[u8]) -> usize {
        if self.simple.is_some() { bytes.len() } else { bytes.len() / 2 }
    }

    /// Gives the characters of a text and its width in thousandths; the last says whether all characters are known.
    pub(super) fn decode(&self, bytes: &[u8], into: &mut String, spaces: &mut usize) -> (f32, bool) {
        let (mut width, mut known) = (0.0, true);
        if let Some(simple) = &self.simple {
            for byte in bytes {
                width += self.widths.get(usize::from(*byte)).copied().unwrap_or(self.default_width);
                *spaces += usize::from(*byte == b' ');
                match simple.get(usize::from(*byte)).copied().flatten() {
                    Some(c) => into.push(c),
                    None => known &= self.map.give(u32::from(*byte), into) || *byte == 0,
                }
            }
            return (width, known);
        }
        for code in bytes.chunks(2) {
            let number = code.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            width += self.widths.get(number as usize).copied().unwrap_or(self.default_width);
            if !self.map.give(number, into) {
                known &= number == 0 || !self.map.is_empty();
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

/// Widths by code, as they are found.
struct Widths {
    widths: Vec<f32>,
    default: f32,
}

impl Widths {
    fn put(&mut self, code: usize, width: f32) {
        if code > usize::from(u16::MAX) {
            return;
        }
        if code >= self.widths.len() {
            self.widths.resize(code + 1, self.default);
        }
        self.widths[code] = width;
    }
}

fn code(object: Option<&Object>) -> Option<usize> {
    object.and_then(Object::int).and_then(|code| usize::try_from(code).ok())
}

fn widths(file: &File<'_>, dict: &Dict) -> Widths {
    // Courier is 600 wide, digits of other standard fonts 556.
    let mut widths = Widths { widths: Vec::new(), default: 556.0 };
    let first = code(dict.get(b"FirstChar")).unwrap_or(0);
    if let Object::Array(items) = file.resolve(dict.get(b"Widths")) {
        for (at, item) in items.iter().enumerate().take(256) {
            widths.put(first.saturating_add(at), single(&file.resolve(Some(item))));
        }
    }
    widths
}

fn wide_widths(file: &File<'_>, dict: &Dict) -> Widths {
    let below = match file.resolve(dict.get(b"DescendantFonts")) {
        Object::Array(fonts) => file.dict_of(fonts.first()).unwrap_or_default(),
        _ => Dict::default(),
    };
    let default = below.get(b"DW").map_or(1000.0, single);
    let mut widths = Widths { widths: Vec::new(), default };
    let Object::Array(items) = file.resolve(below.get(b"W")) else { return widths };
    let mut rest = &items[..];
    while let Some(first) = code(rest.first()) {
        match file.resolve(rest.get(1)) {
            Object::Array(list) => {
                for (at, item) in list.iter().enumerate() {
                    widths.put(first.saturating_add(at), single(item));
                }
                rest = rest.get(2..).unwrap_or_default();
            }
            _ => {
                let (last, width) = (code(rest.get(1)).unwrap_or(first), rest.get(2).map_or(default, single));
                for number in first..=last.min(usize::from(u16::MAX)) {
                    widths.put(number, width);
                }
                rest = rest.get(3..).unwrap_or_default();
            }
        }
    }
    widths
}

fn single(object: &Object) -> f32 {
    #[expect(clippy::cast_possible_truncation)] // widths are small
    object.number().map_or(0.0, |number| number as f32)
}
