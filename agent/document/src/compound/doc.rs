//! Word from 1997 on: the pieces of its text, with footnotes, headers and comments, in the order of the file.

use super::{Compound, ROOT, pictures, wide};
use crate::Why;
use crate::bytes::{slice, u16_le, u32_le};
use crate::desk::{Desk, Flow};
use crate::text::Charset;

/// Characters are given in pieces of this many bytes.
const PIECE: usize = 32 << 10;

pub(super) fn read(desk: &mut Desk<'_>, file: &Compound<'_>, text: &[u8]) -> Flow {
    if u16_le(text, 0)? != 0xA5EC {
        return Err(Why::Unsupported); // before 1997
    }
    let flags = u16_le(text, 10)?;
    if flags & 0x0100 != 0 {
        return Err(Why::Encrypted);
    }
    let table = if flags & 0x0200 == 0 { "0Table" } else { "1Table" };
    let table = file.content(file.named(ROOT, table).ok_or(Why::Damaged)?)?;
    let (at, length) = (u32_le(text, 0x1A2)? as usize, u32_le(text, 0x1A6)? as usize);
    let outcome = pieces(desk, text, slice(&table, at, length)?);
    if let Some(data) = file.named(ROOT, "Data") {
        pictures(desk, &file.content(data)?, &mut 0)?;
    }
    outcome
}

/// The table of pieces: where in the stream each stretch of characters is.
fn pieces(desk: &mut Desk<'_>, text: &[u8], mut table: &[u8]) -> Flow {
    // Formats of paragraphs come first.
    while let [1, low, high, rest @ ..] = table {
        table = rest.get(usize::from(u16::from_le_bytes([*low, *high]))..).ok_or(Why::Damaged)?;
    }
    let [2, length @ ..] = table else { return Err(Why::Damaged) };
    let table = slice(length, 4, u32_le(length, 0)? as usize)?;
    let count = table.len().saturating_sub(4) / 12;
    let mut damaged = false;
    for piece in 0..count {
        desk.budget.work(16)?;
        let characters = u32_le(table, 4 * piece + 4)?.saturating_sub(u32_le(table, 4 * piece)?) as usize;
        let place = u32_le(table, 4 * (count + 1) + 8 * piece + 2)?;
        let narrow = place & 0x4000_0000 != 0;
        let at = (place & 0x3FFF_FFFF) as usize / if narrow { 2 } else { 1 };
        let Some(rest) = text.get(at..) else {
            damaged = true;
            continue;
        };
        let length = characters.saturating_mul(if narrow { 1 } else { 2 });
        damaged |= length > rest.len();
        for bytes in rest[..length.min(rest.len())].chunks(PIECE) {
            let text = if narrow { latin(bytes) } else { wide(bytes) };
            desk.text(&text.chars().filter_map(shown).collect::<String>())?;
        }
    }
    if damaged { Err(Why::Damaged) } else { Ok(()) }
}

fn latin(bytes: &[u8]) -> String {
    Charset::Standard(encoding_rs::WINDOWS_1252).decode(bytes).into_owned()
}

/// Marks of the text as a reader sees them.
fn shown(c: char) -> Option<char> {
    match c {
        '\u{7}' => Some('\t'),
        '\u{B}' | '\u{C}' | '\r' => Some('\n'),
        '\u{13}'..='\u{15}' => Some(' '),
        '\u{1E}' => Some('-'),
        '\t' => Some('\t'),
        '\0'..='\u{1F}' => None,
        c => Some(c),
    }
}
