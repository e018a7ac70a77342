//! The objects of a PDF file, found by looking for them.

use std::collections::BTreeMap;

use super::crypt::Crypt;
use super::filter::{self, Content};
use super::object::{Dict, Lexer, Object};
use crate::Why;
use crate::limits::Budget;

/// References to references are followed so far.
const HOPS: usize = 8;

/// Where an object is.
#[derive(Clone, Copy)]
enum Spot {
    /// At this offset of the file, in this generation.
    File(usize, u16),
    /// In an unpacked stream of objects, at this offset.
    Packed(usize, usize),
}

/// A PDF file.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    /// Reading an object is work: a long one may be referred to a thousand times.
    budget: &'a Budget<'a>,
    objects: BTreeMap<u32, Spot>,
    packed: Vec<Vec<u8>>,
    trailers: Vec<Dict>,
    /// It is encrypted, and how it is decrypted if anybody may read it.
    pub(super) encrypted: bool,
    crypt: Option<Crypt>,
    pub(super) damaged: bool,
    /// Bytes held of the budget.
    pub(super) held: usize,
}

impl<'a> File<'a> {
    pub(super) fn open(budget: &'a Budget<'a>, bytes: &'a [u8]) -> Result<File<'a>, Why> {
        let mut file = File {
            bytes,
            budget,
            objects: BTreeMap::new(),
            packed: Vec::new(),
            trailers: Vec::new(),
            encrypted: false,
            crypt: None,
            damaged: false,
            held: 0,
        };
        budget.work(bytes.len() / 8)?;
        let mut streams = Vec::new();
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(&bytes[from..], b"obj").map(|at| from + at) {
            from = at + 3;
            let Some((number, generation, start)) = heading(bytes, at) else { continue };
            budget.work(64)?;
            file.objects.insert(number, Spot::File(start, generation));
            let Some((dict, body)) = before_stream(bytes, start) else { continue };
            // What a stream holds may look like objects as well, a PDF within the PDF for one.
            if let Some(length) =
                dict.get(b"Length").and_then(Object::int).and_then(|length| usize::try_from(length).ok())
                && let Some(behind) = bytes.get(body.saturating_add(length)..)
                && behind[..behind.len().min(16)].trim_ascii_start().starts_with(b"endstream")
            {
                from = bytes.len() - behind.len();
            }
            if dict.is(b"Type", b"ObjStm") {
                streams.push(number);
            } else if dict.is(b"Type", b"XRef") {
                file.trailers.push(dict);
            }
        }
        for at in memchr::memmem::find_iter(bytes, b"trailer") {
            budget.work(64)?;
            if let Some(Object::Dict(dict)) = Lexer::new(bytes, at + 7).object() {
                file.trailers.push(dict);
            }
        }
        if let Some(trailer) = file.trailers.iter().rev().find(|trailer| trailer.get(b"Encrypt").is_some()) {
            budget.work(1 << 20)?;
            let id = match file.resolve(trailer.get(b"ID")) {
                Object::Array(ids) => ids.into_iter().next(),
                _ => None,
            };
            let id = if let Some(Object::Text(id)) = id { id } else { Vec::new() };
            let crypt = file.dict_of(trailer.get(b"Encrypt")).and_then(|dict| Crypt::open(&dict, &id));
            file.encrypted = crypt.is_none();
            file.crypt = crypt;
        }
        file.damaged = memchr::memmem::rfind(bytes, b"%%EOF").is_none();
        if !file.encrypted {
            for number in streams {
                match file.unpack(budget, number) {
                    Err(Why::Damaged) => file.damaged = true,
                    Err(why) => {
                        budget.release(file.held);
                        return Err(why);
                    }
                    Ok(()) => {}
                }
            }
        }
        Ok(file)
    }

    /// The objects in a stream of objects.
    fn unpack(&mut self, budget: &Budget<'_>, number: u32) -> Result<(), Why> {
        let dict = self.dict(number).ok_or(Why::Damaged)?;
        let count = dict.get(b"N").and_then(Object::int).unwrap_or(0);
        let first = usize::try_from(dict.get(b"First").and_then(Object::int).unwrap_or(0)).map_err(|_| Why::Damaged)?;
        let bytes = self.content(budget, number)?.bytes;
        let mut lexer = Lexer::new(&bytes, 0);
        let mut found = Vec::new();
        for _ in 0..count {
            budget.work(16)?;
            let (Some(Object::Number(number)), Some(Object::Number(at))) = (lexer.object(), lexer.object()) else {
                break;
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, as it should
            found.push((number as u32, first.saturating_add(at as usize)));
        }
        let index = self.packed.len();
        let place = match self.objects.get(&number) {
            Some(Spot::File(at, _)) => *at,
            _ => 0,
        };
        for (number, at) in found {
            // What stands further behind is newer.
            if !matches!(self.objects.get(&number), Some(Spot::File(newer, _)) if *newer > place) {
                self.objects.insert(number, Spot::Packed(index, at));
            }
        }
        budget.hold(bytes.len());
        self.held += bytes.len();
        self.packed.push(bytes);
        Ok(())
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.objects.keys().copied().collect()
    }

    fn get(&self, number: u32) -> Option<Object> {
        let spot = *self.objects.get(&number)?;
        let mut lexer = match spot {
            Spot::File(at, _) => Lexer::new(self.bytes, at),
            Spot::Packed(index, at) => Lexer::new(self.packed.get(index)?, at),
        };
        let start = lexer.at;
        let mut object = lexer.object();
        self.budget.work((lexer.at - start) / 4 + 8).ok()?;
        if let (Some(crypt), Spot::File(_, generation), Some(object)) = (&self.crypt, spot, &mut object) {
            self.budget.work(lexer.at - start).ok()?;
            crypt.texts(number, generation, object);
        }
        object
    }

    /// The dictionary that an object is, or that stands before its stream.
    pub(super) fn dict(&self, number: u32) -> Option<Dict> {
        match self.get(number)? {
            Object::Dict(dict) => Some(dict),
            Object::Reference(other) if other != number => match self.get(other)? {
                Object::Dict(dict) => Some(dict),
                _ => None,
            },
            _ => None,
        }
    }

    /// What an object is behind its references.
    pub(super) fn resolve(&self, object: Option<&Object>) -> Object {
        let mut object = object.cloned().unwrap_or_default();
        for _ in 0..HOPS {
            let Object::Reference(number) = object else { return object };
            object = self.get(number).unwrap_or_default();
        }
        Object::Null
    }

    pub(super) fn dict_of(&self, object: Option<&Object>) -> Option<Dict> {
        if let Object::Dict(dict) = self.resolve(object) { Some(dict) } else { None }
    }

    /// The number of the stream that an object refers to.
    pub(super) fn resolve_stream(&self, object: Option<&Object>) -> Option<u32> {
        let Some(Object::Reference(number)) = object else { return None };
        self.raw(*number).map(|_| *number)
    }

    /// The dictionary of a stream and its bytes as they are in the file.
    pub(super) fn raw(&self, number: u32) -> Option<(Dict, &'a [u8])> {
        let Spot::File(at, _) = *self.objects.get(&number)? else { return None };
        let mut lexer = Lexer::new(self.bytes, at);
        let Some(Object::Dict(dict)) = lexer.object() else { return None };
        self.budget.work((lexer.at - at) / 4 + 8).ok()?;
        lexer.skip_space();
        let rest = self.bytes[lexer.at..].strip_prefix(b"stream")?;
        let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
        let length = match dict.get(b"Length") {
            Some(Object::Reference(other)) => self.get(*other).and_then(|object| object.int()),
            Some(object) => object.int(),
            None => None,
        };
        if let Some(length) = length.and_then(|length| usize::try_from(length).ok())
            && let Some(body) = rest.get(..length)
            && rest[length..].trim_ascii_start().starts_with(b"endstream")
        {
            return Some((dict, body));
        }
        let end = memchr::memmem::find(rest, b"endstream").unwrap_or(rest.len());
        self.budget.work(end / 16).ok()?;
        Some((dict, &rest[..end]))
    }

    /// What a stream holds, unpacked as far as its filters are known here.
    pub(super) fn content(&self, budget: &Budget<'_>, number: u32) -> Result<Content, Why> {
        let (dict, raw) = self.raw(number).ok_or(Why::Damaged)?;
        match (&self.crypt, self.objects.get(&number)) {
            // References are never encrypted.
            (Some(crypt), Some(Spot::File(_, generation))) if !dict.is(b"Type", b"XRef") => {
                budget.work(8 * raw.len())?;
                filter::unpack(self, budget, &dict, &crypt.stream(number, *generation, raw))
            }
            _ => filter::unpack(self, budget, &dict, raw),
        }
    }

    pub(super) fn root(&self) -> Option<Dict> {
        let told = self.trailers.iter().rev().find_map(|trailer| self.dict_of(trailer.get(b"Root")));
        told.or_else(|| {
            self.objects.keys().find_map(|number| self.dict(*number).filter(|dict| dict.is(b"Type", b"Catalog")))
        })
    }

    pub(super) fn info(&self) -> Option<Dict> {
        self.trailers.iter().rev().find_map(|trailer| self.dict_of(trailer.get(b"Info")))
    }
}

/// The numbers in `7 0 obj`, where `obj` is at `at`, and where the object begins.
fn heading(bytes: &[u8], at: usize) -> Option<(u32, u16, usize)> {
    let before = &bytes[at.saturating_sub(24)..at];
    let trimmed = before.trim_ascii_end();
    let generation = trimmed.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if generation == 0 {
        return None;
    }
    let (left, generation) = trimmed.split_at(trimmed.len() - generation);
    let trimmed = left.trim_ascii_end();
    let digits = trimmed.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || trimmed.len() == left.len() {
        return None;
    }
    let number = std::str::from_utf8(&trimmed[trimmed.len() - digits..]).ok()?.parse().ok()?;
    let generation = std::str::from_utf8(generation).ok()?.parse().unwrap_or(0);
    Some((number, generation, at + 3))
}

/// The dictionary at `start` that stands before a stream, and where the stream begins.
fn before_stream(bytes: &[u8], start: usize) -> Option<(Dict, usize)> {
    let rest = &bytes[start..bytes.len().min(start + (64 << 10))];
    let end = memchr::memmem::find(rest, b"endobj").unwrap_or(rest.len());
    let before = &rest[..memchr::memmem::find(&rest[..end], b"stream")?];
    if !before.trim_ascii_end().ends_with(b">>") {
        return None;
    }
    let Object::Dict(dict) = Lexer::new(before, 0).object()? else { return None };
    let behind = &bytes[start + before.len() + 6..];
    let behind = behind.strip_prefix(b"\r\n").or_else(|| behind.strip_prefix(b"\n")).unwrap_or(behind);
    Some((dict, bytes.len() - behind.len()))
}
