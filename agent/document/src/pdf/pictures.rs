//! Pictures in PDF: handed on as they lie there where their filter is one of pictures, else as samples.

use super::Seen;
use super::file::File;
use super::filter::{self, Content};
use super::object::{Dict, Lexer, Object};
use crate::desk::{Desk, Flow};
use crate::picture::Picture;
use crate::{Format, Why};

/// Smaller pictures are rules, bullets and shadows.
const LEAST: u32 = 8;

/// Gives the picture that a stream is.
pub(super) fn give(desk: &mut Desk<'_>, file: &File<'_>, number: u32, dict: &Dict, seen: &mut Seen) -> Flow {
    if !seen.pictures.insert(number) {
        return Ok(());
    }
    let size = |key: &[u8]| file.resolve(dict.get(key)).int().and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
    let pixels = u64::from(size(b"Width")) * u64::from(size(b"Height"));
    if pixels > desk.budget.limits.pixels {
        desk.budget.member()?;
        desk.miss(Why::Pixels);
        return Ok(());
    }
    seen.members += 1;
    desk.part(seen.members, Format::Picture, |desk| {
        let content = file.content(desk.budget, number)?;
        hand_on(desk, file, dict, &content)
    })
}

fn hand_on(desk: &mut Desk<'_>, file: &File<'_>, dict: &Dict, content: &Content) -> Flow {
    let number = |dict: &Dict, key: &[u8], short: &[u8]| {
        file.resolve(dict.get(key).or_else(|| dict.get(short))).int().unwrap_or(0)
    };
    let size = |dict: &Dict, key: &[u8], short: &[u8]| u32::try_from(number(dict, key, short)).unwrap_or(0);
    let (columns, rows) = (size(dict, b"Width", b"W"), size(dict, b"Height", b"H"));
    if columns < LEAST || rows < LEAST {
        return Ok(());
    }
    let kind = match &content.picture {
        None => {
            let mask = matches!(dict.get(b"ImageMask").or_else(|| dict.get(b"IM")), Some(Object::Word(word)) if word == b"true");
            let bits =
                if mask { 1 } else { u8::try_from(number(dict, b"BitsPerComponent", b"BPC")).unwrap_or(8).max(1) };
            let row = |components: u64| (u64::from(columns) * components * u64::from(bits)).div_ceil(8);
            // How many components there are follows from how many bytes there are.
            let bytes = content.bytes.len() as u64;
            let components = [4u8, 3, 1].into_iter().find(|count| row(u64::from(*count)) * u64::from(rows) <= bytes);
            Picture::Samples {
                columns,
                rows,
                bits,
                components: components.ok_or(content.fault.unwrap_or(Why::Damaged))?,
            }
        }
        Some((name, options)) => match &name[..] {
            b"DCTDecode" | b"DCT" => Picture::Jpeg,
            b"JPXDecode" => Picture::Jpeg2000,
            b"JBIG2Decode" => Picture::Jbig2,
            b"CCITTFaxDecode" | b"CCF" => {
                let told = size(options, b"Columns", b"");
                Picture::Fax {
                    columns: if told == 0 { 1728 } else { told },
                    rows: size(options, b"Rows", b"").max(rows),
                    k: i32::try_from(number(options, b"K", b"")).unwrap_or(0),
                    black_is_1: matches!(options.get(b"BlackIs1"), Some(Object::Word(word)) if word == b"true"),
                }
            }
            _ => return Err(Why::Unsupported),
        },
    };
    desk.picture(kind, &content.bytes)
}

/// A small picture in the content of a page, `BI … ID … EI`.
pub(super) fn inline(desk: &mut Desk<'_>, file: &File<'_>, lexer: &mut Lexer<'_>) -> Flow {
    let start = lexer.at;
    let rest = &lexer.bytes[start..];
    let Some(data) = memchr::memmem::find(rest, b"ID") else { return Ok(()) };
    let mut head = b"<<".to_vec();
    head.extend_from_slice(&rest[..data]);
    head.extend_from_slice(b">>");
    let from = start + data + 3;
    let body = lexer.bytes.get(from..).unwrap_or_default();
    // The end is a word of its own.
    let end = memchr::memmem::find_iter(body, b"EI")
        .find(|at| {
            let before = at.checked_sub(1).is_none_or(|before| body[before].is_ascii_whitespace());
            before && body.get(at + 2).is_none_or(u8::is_ascii_whitespace)
        })
        .unwrap_or(body.len());
    desk.budget.work(end / 8)?;
    lexer.at = lexer.bytes.len().min(from + end + 2);
    let Some(Object::Dict(dict)) = Lexer::new(&head, 0).object() else { return Ok(()) };
    match filter::unpack(file, desk.budget, &dict, &body[..end]) {
        Ok(content) => hand_on(desk, file, &dict, &content)
            .or_else(|why| if desk.budget.over().is_some() { Err(why) } else { Ok(()) }),
        Err(why) if desk.budget.over().is_some() => Err(why),
        Err(_) => Ok(()),
    }
}
