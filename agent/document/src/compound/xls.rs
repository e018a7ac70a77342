//! Excel 5 to 2003: the cells of its sheets row by row, with the strings that they refer to.

use super::{pictures, wide};
use crate::Why;
use crate::bytes::{array, slice, u16_le, u32_le};
use crate::desk::{Desk, Flow};
use crate::sheet::{Shared, plain};
use crate::text::Charset;

struct Book {
    strings: Shared,
    /// Texts are UTF-16 or Latin 1, as from 1997 on; before they are in the charset.
    unicode: bool,
    charset: Charset,
    row: Option<u16>,
}

pub(super) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let mut book = Book { strings: Shared::default(), unicode: true, charset: Charset::CYRILLIC, row: None };
    let outcome = book.records(desk, bytes);
    desk.budget.release(book.strings.size());
    outcome
}

impl Book {
    fn records(&mut self, desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
        let (mut at, mut drawings) = (0, Vec::new());
        while at + 4 <= bytes.len() {
            let (kind, length) = (u16_le(bytes, at)?, usize::from(u16_le(bytes, at + 2)?));
            let body = slice(bytes, at + 4, length)?;
            desk.budget.work(length / 8 + 16)?;
            at += 4 + length;
            // Long records go on in others.
            let mut parts = vec![body];
            while u16_le(bytes, at) == Ok(0x3C) {
                let length = usize::from(u16_le(bytes, at + 2)?);
                parts.push(slice(bytes, at + 4, length)?);
                at += 4 + length;
            }
            match kind {
                0x2F => return Err(Why::Encrypted),
                0x42 => self.charset = Charset::page(u32::from(u16_le(body, 0)?)),
                0xEB => drawings.extend(parts.concat()),
                0x809 => self.unicode = u16_le(body, 0)? >= 0x600,
                0x1B6 => {
                    // The text of a box or a comment is in the record behind it.
                    if let Some(text) = parts.get(1) {
                        desk.text(&self.characters(text))?;
                        desk.text("\n")?;
                    }
                }
                0xFC => self.shared(desk, &parts)?,
                _ => self.cell(desk, kind, body)?,
            }
        }
        desk.text("\n")?;
        pictures(desk, &drawings, &mut 0)?;
        if at < bytes.len() && bytes[at..].iter().any(|byte| *byte != 0) { Err(Why::Damaged) } else { Ok(()) }
    }

    /// The strings of the book. Each is cut where a record ends, and then its width is told anew.
    fn shared(&mut self, desk: &Desk<'_>, parts: &[&[u8]]) -> Flow {
        let mut input = Parts { parts, part: 0, at: 8 };
        for _ in 0..u32_le(parts[0], 4)? {
            desk.budget.work(16)?;
            let Some(text) = input.string() else { return Err(Why::Damaged) };
            self.strings.push(desk.budget, &text)?;
        }
        Ok(())
    }

    fn cell(&mut self, desk: &mut Desk<'_>, kind: u16, body: &[u8]) -> Flow {
        match kind {
            0xFD | 0x203 | 0x27E | 0xBD | 0x204 | 0xD6 | 0x06 => {
                let row = u16_le(body, 0)?;
                desk.text(if self.row == Some(row) { "\t" } else { "\n" })?;
                self.row = Some(row);
            }
            _ => {}
        }
        match kind {
            0xFD => desk.text(self.strings.get(u32_le(body, 6)? as usize).unwrap_or_default()),
            0x203 => desk.text(&plain(f64::from_le_bytes(array(body, 6)?))),
            0x27E => desk.text(&plain(packed(u32_le(body, 6)?))),
            0xBD => {
                // As many numbers as there is room for before the last column.
                for cell in body.get(4..).unwrap_or_default().as_chunks::<6>().0 {
                    desk.text(&plain(packed(u32_le(cell, 2)?)))?;
                    desk.text("\t")?;
                }
                Ok(())
            }
            0x204 | 0xD6 => desk.text(&self.text(body.get(6..).unwrap_or_default())),
            // A formula's value is a number, or its text follows.
            0x06 if u16_le(body, 12)? != 0xFFFF => desk.text(&plain(f64::from_le_bytes(array(body, 6)?))),
            0x207 | 0x14 | 0x15 if !body.is_empty() => desk.text(&self.text(body)),
            0x85 => {
                let name = body.get(6..).unwrap_or_default();
                desk.text(&self.characters(name.get(1..).unwrap_or_default()))?;
                desk.text("\n")
            }
            _ => Ok(()),
        }
    }

    /// A text behind its length.
    fn text(&self, body: &[u8]) -> String {
        self.characters(body.get(2..).unwrap_or_default())
    }

    fn characters(&self, body: &[u8]) -> String {
        match body {
            _ if !self.unicode => self.charset.decode(body).into_owned(),
            [flags, text @ ..] if flags & 1 == 0 => latin(text),
            [_, text @ ..] => wide(text),
            [] => String::new(),
        }
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A number in 30 bits: the upper ones of a float or a whole one, hundredths of it perhaps.
fn packed(bits: u32) -> f64 {
    let number =
        if bits & 2 == 0 { f64::from_bits(u64::from(bits & !3) << 32) } else { f64::from(bits.cast_signed() >> 2) };
    if bits & 1 == 0 { number } else { number / 100.0 }
}

/// Bytes of a record and of those in which it goes on.
struct Parts<'p, 'a> {
    parts: &'p [&'a [u8]],
    part: usize,
    at: usize,
}

impl<'a> Parts<'_, 'a> {
    /// Up to `count` bytes of the part at hand, the next part where this one is read.
    fn some(&mut self, count: usize) -> Option<&'a [u8]> {
        while self.at >= self.parts.get(self.part)?.len() {
            self.at = 0;
            self.part += 1;
        }
        let rest = self.parts[self.part].get(self.at..)?;
        let taken = &rest[..rest.len().min(count)];
        self.at += taken.len();
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<u32> {
        let mut number = 0;
        for step in 0..bytes {
            number |= u32::from(*self.some(1)?.first()?) << (8 * step);
        }
        Some(number)
    }

    fn pass(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            count -= self.some(count)?.len();
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut left = self.number(2)? as usize;
        let mut flags = self.number(1)?;
        let runs = if flags & 8 == 0 { 0 } else { self.number(2)? as usize };
        let sounds = if flags & 4 == 0 { 0 } else { self.number(4)? as usize };
        let mut text = String::new();
        while left > 0 {
            if self.at >= self.parts.get(self.part)?.len() {
                flags = self.number(1)?;
            }
            let size = if flags & 1 == 0 { 1 } else { 2 };
            let piece = self.some(left * size)?;
            text.push_str(&if size == 1 { latin(piece) } else { wide(piece) });
            left -= piece.len().div_ceil(size).min(left);
        }
        self.pass(4 * runs)?;
        self.pass(sounds)?;
        Some(text)
    }
}
