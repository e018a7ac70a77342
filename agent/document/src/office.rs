//! What lies in zip archives: office documents part by part, in the words a reader sees, and any other member.

use std::io::BufRead;

use crate::desk::{Desk, Flow, Remark};
use crate::input::Source;
use crate::markup::{self, Token};
use crate::sheet::{self, Shared};
use crate::zip::{self, Entry};
use crate::{Format, Why};

/// How a part of an office document is read.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Paragraphs of text, as in Word and PowerPoint.
    Words,
    /// The cells of a sheet.
    Cells,
    /// The strings that cells refer to.
    Strings,
    /// The content of an OpenDocument file.
    Open,
    /// XML whose elements tell what they hold.
    Named,
    /// Pictures, embedded files.
    Member,
    /// Macros.
    Macros,
    /// Styles, themes, settings, relations.
    Nothing,
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let (mut entries, damaged) = zip::entries(desk, bytes)?;
    let has = |name: &[u8]| entries.iter().any(|entry| entry.name == name);
    let office = has(b"[Content_Types].xml") || has(b"word/document.xml") || has(b"xl/workbook.xml");
    let open = has(b"content.xml") && (has(b"mimetype") || has(b"META-INF/manifest.xml"));
    let outcome = if office {
        desk.become_format(Format::OfficeXml);
        // Strings come before the cells that refer to them.
        entries.sort_by_key(|entry| office_part(entry.name) != Part::Strings);
        parts(desk, &entries, office_part)
    } else if open {
        desk.become_format(Format::OpenDocument);
        open_document(desk, &entries)
    } else {
        members(desk, &entries)
    };
    if damaged {
        desk.miss(Why::Damaged);
    }
    outcome
}

fn members(desk: &mut Desk<'_>, entries: &[Entry<'_>]) -> Flow {
    let mut encrypted = false;
    for entry in entries.iter().filter(|entry| !entry.is_folder()) {
        if entry.encrypted() {
            // Told once for the archive, counted for each member.
            desk.budget.member()?;
            desk.miss_silently(Why::Encrypted);
            encrypted = true;
            continue;
        }
        member(desk, entry)?;
    }
    if encrypted {
        desk.remark(Remark::Encrypted);
    }
    Ok(())
}

fn member(desk: &mut Desk<'_>, entry: &Entry<'_>) -> Flow {
    let name = String::from_utf8_lossy(entry.name);
    match zip::unpack(desk, entry, |desk, source| desk.member(entry.number, source, &name)) {
        Err(why) if desk.budget.over().is_none() && why != Why::Members => {
            desk.miss(why);
            Ok(())
        }
        outcome => outcome,
    }
}

fn office_part(name: &[u8]) -> Part {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let file = name.rsplit('/').next().unwrap_or_default();
    let within = |folder: &str| name.contains(folder);
    if file == "vbaproject.bin" {
        Part::Macros
    } else if within("/media/") || within("/embeddings/") {
        Part::Member
    } else if file == "sharedstrings.xml" {
        Part::Strings
    } else if within("/worksheets/") && file.ends_with(".xml") {
        Part::Cells
    } else if !file.ends_with(".xml")
        || within("/theme/")
        || within("_rels/")
        || ["[content_types].xml", "styles.xml", "settings.xml", "fonttable.xml", "websettings.xml", "numbering.xml"]
            .contains(&file)
        || within("/slidelayouts/")
        || within("/slidemasters/")
    {
        Part::Nothing
    } else if within("word/") || within("ppt/") || within("comments") || within("/drawings/") || within("/charts/") {
        Part::Words
    } else if within("docprops/") || within("customxml/") || within("xl/") {
        Part::Named
    } else {
        Part::Nothing
    }
}

fn parts(desk: &mut Desk<'_>, entries: &[Entry<'_>], part: fn(&[u8]) -> Part) -> Flow {
    let mut shared = Shared::default();
    for entry in entries {
        match part(entry.name) {
            Part::Nothing => {}
            Part::Macros => desk.remark(Remark::Macros),
            Part::Member => member(desk, entry)?,
            part => desk.part(entry.number, Format::Xml, |desk| {
                zip::unpack(desk, entry, |desk, source| xml(desk, source, part, &mut shared))
            })?,
        }
    }
    desk.budget.release(shared.size());
    Ok(())
}

fn xml(desk: &mut Desk<'_>, source: Source<'_>, part: Part, shared: &mut Shared) -> Flow {
    let mut bytes: &[u8];
    let stream: &mut dyn BufRead = match source {
        Source::Whole(whole) => {
            bytes = whole;
            &mut bytes
        }
        Source::Stream(stream) => stream,
    };
    match part {
        Part::Words => words(desk, stream),
        Part::Cells => sheet::cells(desk, stream, shared),
        Part::Strings => sheet::strings(desk, stream, shared),
        Part::Open => open(desk, stream),
        _ => markup::xml(desk, stream),
    }
}

/// Text runs of one paragraph are joined: a number may be cut anywhere.
fn words(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let mut inside = false;
    markup::tokens(desk, stream, &mut |desk, token| match token {
        Token::Open("t" | "delText" | "v", _) => {
            inside = true;
            Ok(())
        }
        Token::Close("t" | "delText" | "v") => {
            inside = false;
            Ok(())
        }
        Token::Text(text) if inside => desk.text(text),
        Token::Open("tab", _) | Token::Close("tc") => desk.text("\t"),
        Token::Open("br" | "cr", _) | Token::Close("p") => desk.text("\n"),
        _ => Ok(()),
    })
}

fn open_part(name: &[u8]) -> Part {
    match name {
        b"content.xml" => Part::Open,
        b"styles.xml" => Part::Open, // headers and footers
        b"meta.xml" => Part::Named,
        name if name.starts_with(b"Pictures/") || name.starts_with(b"media/") => Part::Member,
        name if name.starts_with(b"Basic/") && name.ends_with(b".xml") => Part::Macros,
        name if name.starts_with(b"Object") && name.ends_with(b"content.xml") => Part::Open,
        _ => Part::Nothing,
    }
}

fn open_document(desk: &mut Desk<'_>, entries: &[Entry<'_>]) -> Flow {
    if let Some(manifest) = entries.iter().find(|entry| entry.name == b"META-INF/manifest.xml") {
        let mut encrypted = false;
        desk.part(manifest.number, Format::Xml, |desk| {
            zip::unpack(desk, manifest, |desk, source| {
                let look = &mut |_: &mut Desk<'_>, token: Token<'_>| {
                    encrypted |= matches!(token, Token::Open("encryption-data", _));
                    Ok(())
                };
                match source {
                    Source::Whole(mut bytes) => markup::tokens(desk, &mut bytes, look),
                    Source::Stream(stream) => markup::tokens(desk, stream, look),
                }
            })
        })?;
        if encrypted {
            return Err(Why::Encrypted);
        }
    }
    parts(desk, entries, open_part)
}

/// Elements of OpenDocument with text that is shown; around them stand styles, which have texts as well.
const SHOWN: [&str; 7] = ["body", "header", "header-left", "header-first", "footer", "footer-left", "footer-first"];

fn open(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    // The value of a number as it is, where what is shown may be rounded.
    let mut value = String::new();
    let (mut shown, mut cells) = (0u32, 0u32);
    markup::tokens(desk, stream, &mut |desk, token| {
        match token {
            Token::Open(name, _) if SHOWN.contains(&name) => shown += 1,
            Token::Close(name) if SHOWN.contains(&name) => shown = shown.saturating_sub(1),
            Token::Open("table-cell", _) => cells += 1,
            Token::Close("table-cell") => cells = cells.saturating_sub(1),
            _ => {}
        }
        if shown == 0 {
            return Ok(());
        }
        match token {
            Token::Text(text) => {
                if !value.is_empty() {
                    if value != text {
                        desk.text(&value)?;
                        desk.text(" ")?;
                    }
                    value.clear();
                }
                desk.text(text)
            }
            Token::Open("tab" | "s", _) => desk.text(" "),
            Token::Open("table-cell", attributes) => {
                value.clear();
                if let Some(written) = markup::attribute(attributes, "value") {
                    value.extend(written.chars().take(64));
                }
                Ok(())
            }
            Token::Close("table-cell") => desk.text("\t"),
            // A row stays a line.
            Token::Open("line-break", _) | Token::Close("p" | "h") if cells > 0 => desk.text(" "),
            Token::Open("line-break", _) | Token::Close("p" | "h" | "table-row") => desk.text("\n"),
            _ => Ok(()),
        }
    })
}
