//! Messages of Outlook: their texts, the people they name, what is attached.

use super::{Compound, lzfu, wide};
use crate::desk::{Desk, Flow};
use crate::input::Source;
use crate::text::Charset;
use crate::{Format, Why};

/// Messages in messages.
const DEPTH: usize = 8;

/// Texts that people wrote or are named in, by the number of the property.
#[rustfmt::skip]
const SPOKEN: [&str; 16] = [
    "0037", "0042", "0065", "0C1A", "0C1F", "0E02", "0E03", "0E04", "1000", "3001", "3003", "39FE", "3704", "3707", "5D01", "5D02",
];

pub(super) fn read(desk: &mut Desk<'_>, file: &Compound<'_>, storage: usize, number: &mut usize, depth: usize) -> Flow {
    let mut spoken = false;
    for entry in file.within(storage) {
        desk.budget.work(64)?;
        let entry = &file.entries[entry];
        let Some(property) = entry.name.strip_prefix("__substg1.0_").filter(|_| entry.stream) else { continue };
        let (Some(id), Some(kind)) = (property.get(..4), property.get(4..8)) else { continue };
        if !SPOKEN.contains(&id) || !matches!(kind, "001F" | "001E") {
            continue;
        }
        let bytes = file.content(entry)?;
        let text = if kind == "001F" { wide(&bytes) } else { Charset::told(None, &bytes).decode(&bytes).into_owned() };
        desk.text(&text)?;
        desk.text("\n")?;
        spoken |= id == "1000";
    }
    let stream = |name: &str| file.named(storage, name).map(|entry| file.content(entry)).transpose();
    if let Some(page) = stream("__substg1.0_10130102")? {
        *number += 1;
        desk.member(*number, Source::Whole(&page), "x.html")?;
    }
    // The text again, with its format, and often alone.
    if let (false, Some(packed)) = (spoken, stream("__substg1.0_10090102")?) {
        *number += 1;
        match lzfu::unpack(desk.budget, &packed) {
            Ok(text) => desk.member(*number, Source::Whole(&text), "x.rtf")?,
            Err(why) => desk.miss(why),
        }
    }
    for part in file.within(storage) {
        let entry = &file.entries[part];
        if entry.stream {
            continue;
        }
        if entry.name.starts_with("__recip_version1.0_") {
            read_again(desk, file, part, number, depth)?;
        } else if entry.name.starts_with("__attach_version1.0_") {
            attachment(desk, file, part, number, depth)?;
        }
    }
    Ok(())
}

fn read_again(desk: &mut Desk<'_>, file: &Compound<'_>, storage: usize, number: &mut usize, depth: usize) -> Flow {
    if depth >= DEPTH {
        desk.miss(Why::Depth);
        return Ok(());
    }
    desk.budget.member()?;
    read(desk, file, storage, number, depth + 1)
}

fn attachment(desk: &mut Desk<'_>, file: &Compound<'_>, storage: usize, number: &mut usize, depth: usize) -> Flow {
    let inner = file.within(storage).into_iter().find(|part| file.entries[*part].name == "__substg1.0_3701000D");
    if let Some(inner) = inner {
        return read_again(desk, file, inner, number, depth);
    }
    let named = file.named(storage, "__substg1.0_3707001F").or_else(|| file.named(storage, "__substg1.0_3704001F"));
    let name = named.map(|entry| file.content(entry)).transpose()?.map(|name| wide(&name)).unwrap_or_default();
    desk.text(&name)?;
    desk.text("\n")?;
    let Some(entry) = file.named(storage, "__substg1.0_37010102") else { return Ok(()) };
    *number += 1;
    match file.content(entry) {
        Ok(content) => {
            desk.budget.hold(content.len());
            let outcome = desk.member(*number, Source::Whole(&content), &name);
            desk.budget.release(content.len());
            outcome
        }
        Err(why) => desk.part(*number, Format::Unknown, |_| Err(why)),
    }
}
