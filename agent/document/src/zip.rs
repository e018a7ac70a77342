//! Zip archives: the directory at the end, or, where it is missing, what the members say of themselves.

use crate::Why;
use crate::bytes::{index, slice, u16_le, u32_le, u64_le};
use crate::desk::{Desk, Flow};
use crate::input::Source;
use crate::squeezed;

/// A member as the directory tells it.
pub(crate) struct Entry<'a> {
    pub(crate) number: usize,
    pub(crate) name: &'a [u8],
    flags: u16,
    method: u16,
    packed: &'a [u8],
}

impl Entry<'_> {
    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }

    pub(crate) fn encrypted(&self) -> bool {
        self.flags & 1 != 0 || self.method == 99
    }
}

/// The members of an archive. The second half says that the archive is damaged.
pub(crate) fn entries<'a>(desk: &Desk<'_>, bytes: &'a [u8]) -> Result<(Vec<Entry<'a>>, bool), Why> {
    if let Some(found) = directory(desk, bytes)? {
        return Ok(found);
    }
    // No directory: the file is cut. Members follow each other.
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = memchr::memmem::find(&bytes[at..], b"PK\x03\x04") {
        desk.budget.work(next / 16 + 64)?;
        at += next;
        let (Ok(flags), Ok(method), Ok(packed), Ok(name), Ok(extra)) = (
            u16_le(bytes, at + 6),
            u16_le(bytes, at + 8),
            u32_le(bytes, at + 18),
            u16_le(bytes, at + 26),
            u16_le(bytes, at + 28),
        ) else {
            break;
        };
        let start = at + 30 + usize::from(name) + usize::from(extra);
        let Ok(name) = slice(bytes, at + 30, usize::from(name)) else { break };
        let Some(rest) = bytes.get(start..) else { break };
        let packed = if flags & 8 == 0 { &rest[..rest.len().min(packed as usize)] } else { rest };
        found.push(Entry { number: found.len(), name, flags, method, packed });
        at = start + if flags & 8 == 0 { packed.len() } else { 0 };
        if found.len() > desk.budget.limits.members as usize {
            break;
        }
    }
    if found.is_empty() { Err(Why::Damaged) } else { Ok((found, true)) }
}

fn directory<'a>(desk: &Desk<'_>, bytes: &'a [u8]) -> Result<Option<(Vec<Entry<'a>>, bool)>, Why> {
    let from = bytes.len().saturating_sub(22 + 65_536);
    let Some(end) = memchr::memmem::rfind(&bytes[from..], b"PK\x05\x06").map(|at| from + at) else { return Ok(None) };
    let (Ok(count), Ok(start)) = (u16_le(bytes, end + 10), u32_le(bytes, end + 16)) else { return Ok(None) };
    let (mut count, mut at) = (u64::from(count), u64::from(start));
    let locator = end.checked_sub(20).filter(|at| bytes[*at..].starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator
        && let Ok(wide) = index(u64_le(bytes, locator + 8)?)
        && bytes.get(wide..).is_some_and(|rest| rest.starts_with(b"PK\x06\x06"))
    {
        (count, at) = (u64_le(bytes, wide + 32)?, u64_le(bytes, wide + 48)?);
    }
    let mut at = index(at)?;
    let (mut found, mut damaged) = (Vec::new(), false);
    for number in 0..index(count)? {
        desk.budget.work(64)?;
        if number > desk.budget.limits.members as usize {
            break; // counted where members are opened
        }
        match entry(bytes, &mut at, number) {
            Some(Ok(entry)) => found.push(entry),
            Some(Err(_)) => damaged = true,
            None => {
                damaged = true;
                break;
            }
        }
    }
    Ok(if found.is_empty() && count > 0 { None } else { Some((found, damaged)) })
}

/// The entry of the directory at `at`; none where there is no entry, damage where its member is not there.
fn entry<'a>(bytes: &'a [u8], at: &mut usize, number: usize) -> Option<Result<Entry<'a>, Why>> {
    let header = bytes.get(*at..).filter(|rest| rest.starts_with(b"PK\x01\x02"))?;
    let name_length = usize::from(u16_le(header, 28).ok()?);
    let extra_length = usize::from(u16_le(header, 30).ok()?);
    let comment = usize::from(u16_le(header, 32).ok()?);
    let name = slice(header, 46, name_length).ok()?;
    let extra = slice(header, 46 + name_length, extra_length).ok()?;
    *at += 46 + name_length + extra_length + comment;
    let read = || {
        let (flags, method) = (u16_le(header, 8)?, u16_le(header, 10)?);
        let mut packed = u64::from(u32_le(header, 20)?);
        let unpacked = u32_le(header, 24)?;
        let mut offset = u64::from(u32_le(header, 42)?);
        let mut rest = extra;
        while rest.len() >= 4 {
            let (id, size) = (u16_le(rest, 0)?, usize::from(u16_le(rest, 2)?));
            let field = slice(rest, 4, size)?;
            if id == 1 {
                // Of unpacked size, packed size and offset those stand here that do not fit above.
                let mut wide = if unpacked == u32::MAX { 8 } else { 0 };
                if packed == u64::from(u32::MAX) {
                    packed = u64_le(field, wide)?;
                    wide += 8;
                }
                if offset == u64::from(u32::MAX) {
                    offset = u64_le(field, wide)?;
                }
            }
            rest = &rest[4 + size..];
        }
        let offset = index(offset)?;
        let local = slice(bytes, offset, 30)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(Why::Damaged);
        }
        let start = offset + 30 + usize::from(u16_le(local, 26)?) + usize::from(u16_le(local, 28)?);
        Ok(Entry { number, name, flags, method, packed: slice(bytes, start, index(packed)?)? })
    };
    Some(read())
}

/// Unpacks a member and gives its content to `read`.
pub(crate) fn unpack<'a>(
    desk: &mut Desk<'a>,
    entry: &Entry<'_>,
    read: impl FnOnce(&mut Desk<'a>, Source<'_>) -> Flow,
) -> Flow {
    if entry.encrypted() {
        return Err(Why::Encrypted);
    }
    squeezed::method(desk, entry.method, entry.packed, read)
}
