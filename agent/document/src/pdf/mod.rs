//! PDF: the text of its pages, its pictures and the files in it.
//!
//! Objects are found by looking for them, not by the cross-reference table: a table may be missing, wrong or loop, the objects are
//! there all the same. Everything that refers to something else is followed to a depth, everything that is a tree has each
//! node once.

mod cipher;
mod cmap;
mod content;
mod crypt;
mod file;
mod filter;
mod font;
mod glyphs;
mod lines;
mod object;
mod pictures;

use crate::Why;
use crate::desk::{Desk, Flow};
use crate::input::Source;
use file::File;
use lines::Lines;
use object::{Dict, Object};
use std::collections::BTreeSet;

/// Resources are inherited, forms nest, trees branch to this depth.
const DEPTH: usize = 24;

pub(crate) fn is(head: &[u8]) -> bool {
    memchr::memmem::find(&head[..head.len().min(1024)], b"%PDF-").is_some()
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let file = File::open(desk.budget, bytes)?;
    let outcome = if file.encrypted { Err(Why::Encrypted) } else { document(desk, &file) };
    desk.budget.release(file.held);
    outcome
}

fn document(desk: &mut Desk<'_>, file: &File<'_>) -> Flow {
    let mut seen = Seen::default();
    let root = file.root();
    let mut first = Ok(());
    if let Some(pages) = root.as_ref().and_then(|root| root.get(b"Pages")) {
        first = tree(desk, file, pages, &Dict::default(), &mut seen, 0);
    }
    if seen.pages.is_empty() {
        // No tree: every page for itself.
        for number in file.numbers() {
            desk.budget.work(16)?;
            if let Some(page) = file.dict(number).filter(|dict| dict.is(b"Type", b"Page")) {
                seen.pages.insert(number);
                self::page(desk, file, &page, &Dict::default(), &mut seen)?;
            }
        }
    }
    first?;
    rest(desk, file, &mut seen)?;
    if seen.glyphs {
        desk.miss(Why::Glyphs);
    }
    if seen.pages.is_empty() || file.damaged || seen.damaged {
        return Err(Why::Damaged);
    }
    Ok(())
}

/// What was met.
#[derive(Default)]
struct Seen {
    pages: BTreeSet<u32>,
    pictures: BTreeSet<u32>,
    /// Glyphs were met whose characters are not told.
    glyphs: bool,
    damaged: bool,
    members: usize,
    /// The text of the page at hand.
    lines: Lines,
}

fn tree(desk: &mut Desk<'_>, file: &File<'_>, node: &Object, inherited: &Dict, seen: &mut Seen, depth: usize) -> Flow {
    desk.budget.work(16)?;
    let Object::Reference(number) = node else { return Ok(()) };
    if depth > DEPTH || !seen.pages.insert(*number) {
        return Ok(());
    }
    let Some(dict) = file.dict(*number) else {
        seen.damaged = true;
        return Ok(());
    };
    let resources = file.dict_of(dict.get(b"Resources")).unwrap_or_else(|| inherited.clone());
    match file.resolve(dict.get(b"Kids")) {
        Object::Array(kids) => {
            for kid in &kids {
                tree(desk, file, kid, &resources, seen, depth + 1)?;
            }
            Ok(())
        }
        _ => page(desk, file, &dict, &resources, seen),
    }
}

fn page(desk: &mut Desk<'_>, file: &File<'_>, page: &Dict, inherited: &Dict, seen: &mut Seen) -> Flow {
    desk.budget.page()?;
    let resources = file.dict_of(page.get(b"Resources")).unwrap_or_else(|| inherited.clone());
    let mut bytes = Vec::new();
    match file.resolve_stream(page.get(b"Contents")) {
        Some(number) => gather(desk, file, number, &mut bytes, seen)?,
        None => {
            if let Object::Array(parts) = file.resolve(page.get(b"Contents")) {
                for part in &parts {
                    if let Some(number) = file.resolve_stream(Some(part)) {
                        gather(desk, file, number, &mut bytes, seen)?;
                        bytes.push(b'\n');
                    }
                }
            }
        }
    }
    let outcome = content::read(desk, file, &bytes, &resources, content::UNIT, seen, 0);
    std::mem::take(&mut seen.lines).give(desk)?;
    outcome?;
    // What was filled into forms, and notes.
    if let Object::Array(notes) = file.resolve(page.get(b"Annots")) {
        for note in &notes {
            desk.budget.work(16)?;
            let Some(note) = file.dict_of(Some(note)) else { continue };
            for key in [&b"V"[..], b"Contents"] {
                if let Object::Text(text) = file.resolve(note.get(key)) {
                    desk.text(&object::text(&text))?;
                    desk.text("\n")?;
                }
            }
        }
    }
    Ok(())
}

/// The content of a page is in one stream or several.
fn gather(desk: &mut Desk<'_>, file: &File<'_>, number: u32, into: &mut Vec<u8>, seen: &mut Seen) -> Flow {
    if into.len() > desk.budget.room() {
        return Err(Why::Size);
    }
    match file.content(desk.budget, number) {
        Ok(filter::Content { bytes, fault, .. }) => {
            into.extend_from_slice(&bytes);
            match fault {
                Some(Why::Damaged) => seen.damaged = true,
                Some(why) => return Err(why),
                None => {}
            }
        }
        Err(Why::Damaged) => seen.damaged = true,
        Err(why) => return Err(why),
    }
    Ok(())
}

/// What no page shows: pictures, embedded files, the properties of the document.
fn rest(desk: &mut Desk<'_>, file: &File<'_>, seen: &mut Seen) -> Flow {
    for number in file.numbers() {
        desk.budget.work(16)?;
        let Some(dict) = file.dict(number) else { continue };
        if dict.is(b"Subtype", b"Image") {
            pictures::give(desk, file, number, &dict, seen)?;
        } else if dict.is(b"Type", b"EmbeddedFile") {
            seen.members += 1;
            match file.content(desk.budget, number) {
                Ok(content) => desk.member(seen.members, Source::Whole(&content.bytes), "")?,
                Err(why) => desk.miss(why),
            }
        }
    }
    if let Some(info) = file.info() {
        for (_, value) in info.each() {
            if let Object::Text(text) = value {
                desk.text(&object::text(text))?;
                desk.text("\n")?;
            }
        }
    }
    Ok(())
}
