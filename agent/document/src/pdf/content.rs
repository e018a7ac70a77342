//! The text that a page shows, in the order in which it is shown, with its gaps as blanks and its lines as lines.

use std::collections::BTreeMap;

use super::file::File;
use super::font::Font;
use super::object::{Dict, Lexer, Object};
use super::{DEPTH, Seen, pictures};
use crate::desk::{Desk, Flow};

/// Where text is set: the matrices of the line and of the next glyph, by what matters of them.
#[derive(Clone, Copy)]
struct Pen {
    /// Matrix of the line.
    line: [f32; 6],
    /// How far the pen is from the beginning of the line.
    x: f32,
    size: f32,
    leading: f32,
    character: f32,
    word: f32,
    scale: f32,
}

/// States are kept to this depth.
const KEPT: usize = 256;
pub(super) const UNIT: [f32; 6] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

struct Page<'p, 'f> {
    file: &'p File<'f>,
    resources: &'p Dict,
    fonts: BTreeMap<Vec<u8>, Option<Font>>,
    font: Vec<u8>,
    pen: Pen,
    /// From the space of the content to the page, and what `q` kept of it.
    space: [f32; 6],
    kept: Vec<([f32; 6], Vec<u8>, Pen)>,
    text: String,
}

/// Reads the content of a page or a form, which `space` puts on the page.
pub(super) fn read(
    desk: &mut Desk<'_>,
    file: &File<'_>,
    bytes: &[u8],
    resources: &Dict,
    space: [f32; 6],
    seen: &mut Seen,
    depth: usize,
) -> Flow {
    let pen = Pen { line: UNIT, x: 0.0, size: 1.0, leading: 0.0, character: 0.0, word: 0.0, scale: 1.0 };
    let mut page = Page {
        file,
        resources,
        fonts: BTreeMap::new(),
        font: Vec::new(),
        pen,
        space,
        kept: Vec::new(),
        text: String::new(),
    };
    let mut lexer = Lexer::new(bytes, 0);
    let mut operands: Vec<Object> = Vec::new();
    while let Some(object) = lexer.object() {
        desk.budget.work(8)?;
        match object {
            Object::Word(word) if word == b"BI" => {
                pictures::inline(desk, file, &mut lexer)?;
                operands.clear();
            }
            Object::Word(word) if word == b"Do" => {
                if let Some(Object::Name(name)) = operands.last() {
                    page.form(desk, name, seen, depth)?;
                }
                operands.clear();
            }
            Object::Word(word) => {
                page.operator(desk, &word, &operands, seen)?;
                operands.clear();
            }
            object if operands.len() < 64 => operands.push(object),
            _ => {}
        }
    }
    Ok(())
}

fn matrix_of(numbers: &[Object]) -> [f32; 6] {
    #[expect(clippy::cast_possible_truncation)] // places on a page
    std::array::from_fn(|at| numbers.get(at).and_then(Object::number).unwrap_or(UNIT[at].into()) as f32)
}

/// First `inner`, then `outer`.
fn times(inner: &[f32; 6], outer: &[f32; 6]) -> [f32; 6] {
    let row = |x: f32, y: f32| [x * outer[0] + y * outer[2], x * outer[1] + y * outer[3]];
    let ([a, b], [c, d], [e, f]) = (row(inner[0], inner[1]), row(inner[2], inner[3]), row(inner[4], inner[5]));
    [a, b, c, d, e + outer[4], f + outer[5]]
}

impl Page<'_, '_> {
    fn operator(&mut self, desk: &mut Desk<'_>, word: &[u8], operands: &[Object], seen: &mut Seen) -> Flow {
        #[expect(clippy::cast_possible_truncation)] // places on a page
        let n = |at: usize| operands.get(at).and_then(Object::number).unwrap_or(0.0) as f32;
        match word {
            b"BT" => {
                self.pen.line = UNIT;
                self.pen.x = 0.0;
            }
            b"Tf" => {
                if let Some(Object::Name(name)) = operands.first() {
                    self.font.clone_from(name);
                }
                self.pen.size = n(1);
            }
            b"q" if self.kept.len() < KEPT => self.kept.push((self.space, self.font.clone(), self.pen)),
            b"Q" => {
                if let Some(kept) = self.kept.pop() {
                    (self.space, self.font, self.pen) = kept;
                }
            }
            b"cm" => self.space = times(&[n(0), n(1), n(2), n(3), n(4), n(5)], &self.space),
            b"TL" => self.pen.leading = n(0),
            b"Tc" => self.pen.character = n(0),
            b"Tw" => self.pen.word = n(0),
            b"Tz" => self.pen.scale = n(0) / 100.0,
            b"Td" => self.advance(n(0), n(1)),
            b"TD" => {
                self.pen.leading = -n(1);
                self.advance(n(0), n(1));
            }
            b"T*" => self.advance(0.0, -self.pen.leading),
            b"Tm" => {
                self.pen.line = [n(0), n(1), n(2), n(3), n(4), n(5)];
                self.pen.x = 0.0;
            }
            b"Tj" | b"TJ" => self.show(desk, operands.first(), seen)?,
            b"'" | b"\"" => {
                if word == b"\"" {
                    (self.pen.word, self.pen.character) = (n(0), n(1));
                }
                self.advance(0.0, -self.pen.leading);
                self.show(desk, operands.last(), seen)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn advance(&mut self, x: f32, y: f32) {
        let line = &mut self.pen.line;
        line[4] += x * line[0] + y * line[2];
        line[5] += x * line[1] + y * line[3];
        self.pen.x = 0.0;
    }

    fn show(&mut self, desk: &mut Desk<'_>, shown: Option<&Object>, seen: &mut Seen) -> Flow {
        match shown {
            Some(Object::Text(bytes)) => self.glyphs(desk, bytes, seen),
            Some(Object::Array(items)) => {
                for item in items {
                    match item {
                        Object::Text(bytes) => self.glyphs(desk, bytes, seen)?,
                        #[expect(clippy::cast_possible_truncation)] // thousandths of a glyph
                        Object::Number(number) => {
                            self.pen.x -= *number as f32 / 1000.0 * self.pen.size * self.pen.scale;
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn glyphs(&mut self, desk: &mut Desk<'_>, bytes: &[u8], seen: &mut Seen) -> Flow {
        desk.budget.work(bytes.len())?;
        if !self.fonts.contains_key(&self.font) {
            let font = self.load(desk)?;
            self.fonts.insert(self.font.clone(), font);
        }
        let Some(Some(font)) = self.fonts.get(&self.font) else {
            seen.glyphs |= !bytes.is_empty();
            return Ok(());
        };
        self.text.clear();
        let mut spaces = 0;
        let (width, known) = font.decode(bytes, &mut self.text, &mut spaces);
        let codes = font.codes(bytes);
        seen.glyphs |= !known;
        let line = times(&self.pen.line, &self.space);
        // The unit of the line on the page, for gaps are to be held against the size that is seen.
        let unit = (line[0] * line[0] + line[1] * line[1]).sqrt();
        let size = (self.pen.size * unit).abs().max(0.01);
        let at = |x: f32| (line[4] + x * line[0], line[5] + x * line[1]);
        let start = at(self.pen.x);
        #[expect(clippy::cast_precision_loss)] // numbers of glyphs
        let extra = self.pen.character * codes as f32 + self.pen.word * spaces as f32;
        self.pen.x += (width / 1000.0 * self.pen.size + extra) * self.pen.scale;
        seen.lines.put(desk, &self.text, start, at(self.pen.x), (line[0], line[1]), size)
    }

    fn load(&self, desk: &Desk<'_>) -> Result<Option<Font>, crate::Why> {
        let fonts = self.file.dict_of(self.resources.get(b"Font")).unwrap_or_default();
        let Some(dict) = self.file.dict_of(fonts.get(&self.font)) else { return Ok(None) };
        match Font::read(self.file, desk.budget, &dict) {
            Ok(font) => Ok(Some(font)),
            Err(why) if desk.budget.over().is_some() => Err(why),
            Err(_) => Ok(None),
        }
    }

    /// A form is content of its own; a picture is given with the others.
    fn form(&mut self, desk: &mut Desk<'_>, name: &[u8], seen: &mut Seen, depth: usize) -> Flow {
        let known = self.file.dict_of(self.resources.get(b"XObject")).unwrap_or_default();
        let Some(number) = self.file.resolve_stream(known.get(name)) else { return Ok(()) };
        let Some(dict) = self.file.dict(number) else { return Ok(()) };
        if !dict.is(b"Subtype", b"Form") {
            return Ok(());
        }
        // Forms that show forms that show forms: the work is counted, the depth is bounded.
        if depth > DEPTH {
            seen.damaged = true;
            return Ok(());
        }
        desk.budget.work(1024)?;
        let content = self.file.content(desk.budget, number)?;
        let resources = self.file.dict_of(dict.get(b"Resources")).unwrap_or_else(|| self.resources.clone());
        let held = content.bytes.len();
        desk.budget.hold(held);
        let space = match self.file.resolve(dict.get(b"Matrix")) {
            Object::Array(matrix) => times(&matrix_of(&matrix), &self.space),
            _ => self.space,
        };
        let outcome = read(desk, self.file, &content.bytes, &resources, space, seen, depth + 1);
        desk.budget.release(held);
        outcome
    }
}
