//! Compound files, the file system in a file of Word, Excel, PowerPoint and Outlook from 1997 on.

mod doc;
mod lzfu;
mod msg;
mod ppt;
mod xls;

use crate::bytes::{slice, u16_le, u32_le};
use crate::desk::{Desk, Flow, Remark};
use crate::limits::Budget;
use crate::{Format, Why, picture};

pub(crate) const MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// Numbers of sectors and entries from here on are marks.
const LAST: u32 = 0xFFFF_FFFA;
/// The entry that holds all others.
const ROOT: usize = 0;

/// A storage or a stream.
struct Entry {
    name: String,
    stream: bool,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: u64,
}

struct Compound<'a> {
    bytes: &'a [u8],
    budget: &'a Budget<'a>,
    /// Bytes of a sector, as a power of two.
    shift: u32,
    next: Vec<u32>,
    /// Streams up to this size are in the small stream.
    small_below: u64,
    small_next: Vec<u32>,
    small: Vec<u8>,
    entries: Vec<Entry>,
}

impl<'a> Compound<'a> {
    fn open(budget: &'a Budget<'a>, bytes: &'a [u8]) -> Result<Compound<'a>, Why> {
        let shift = match u16_le(bytes, 30)? {
            shift @ (9 | 12) => u32::from(shift),
            _ => return Err(Why::Damaged),
        };
        let small_below = u64::from(u32_le(bytes, 56)?);
        let mut file = Compound {
            bytes,
            budget,
            shift,
            next: Vec::new(),
            small_below,
            small_next: Vec::new(),
            small: Vec::new(),
            entries: Vec::new(),
        };
        let sectors = bytes.len() >> shift;
        let mut at = 76;
        let mut more = u32_le(bytes, 68)?;
        let mut end = 76 + 4 * 109;
        // The sectors of the table are listed in the header and, where that is too small, in a chain of sectors.
        for _ in 0..=sectors {
            while at + 4 <= end && file.next.len() <= sectors {
                let sector = u32_le(bytes, at)?;
                at += 4;
                if sector < LAST
                    && let Ok(table) = file.sector(sector)
                {
                    budget.work(table.len() / 4)?;
                    file.next.extend(table.as_chunks::<4>().0.iter().map(|entry| u32::from_le_bytes(*entry)));
                }
            }
            if more >= LAST || file.sector(more).is_err() {
                break;
            }
            at = (more as usize + 1) << shift;
            end = at + (1 << shift) - 4;
            more = u32_le(bytes, end)?;
        }
        let directory = file.chain(u32_le(bytes, 48)?, u64::MAX)?;
        for entry in directory.as_chunks::<128>().0 {
            budget.work(64)?;
            let length = usize::from(u16_le(entry, 64)?).clamp(2, 64) - 2;
            let name: Vec<u16> =
                entry[..length].as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            file.entries.push(Entry {
                name: String::from_utf16_lossy(&name),
                stream: entry[66] == 2,
                left: u32_le(entry, 68)?,
                right: u32_le(entry, 72)?,
                child: u32_le(entry, 76)?,
                start: u32_le(entry, 116)?,
                size: u64::from(u32_le(entry, 120)?),
            });
        }
        let root = file.entries.first().ok_or(Why::Damaged)?;
        let (start, size) = (root.start, root.size);
        file.small = file.chain(start, size).unwrap_or_default();
        let table = file.chain(u32_le(bytes, 60)?, u64::MAX).unwrap_or_default();
        file.small_next = table.as_chunks::<4>().0.iter().map(|entry| u32::from_le_bytes(*entry)).collect();
        Ok(file)
    }

    fn sector(&self, number: u32) -> Result<&'a [u8], Why> {
        slice(self.bytes, (number as usize + 1) << self.shift, 1 << self.shift)
    }

    /// The bytes of a chain of sectors, at most `size`. The last sector may be cut.
    fn chain(&self, start: u32, size: u64) -> Result<Vec<u8>, Why> {
        let (mut bytes, mut sector) = (Vec::new(), start);
        while sector < LAST && (bytes.len() as u64) < size {
            self.budget.work(64)?;
            // A chain longer than the file runs in a circle.
            if bytes.len() > self.bytes.len() {
                return Err(Why::Damaged);
            }
            if bytes.len() > self.budget.room() {
                return Err(Why::Size);
            }
            let rest = self.bytes.get((sector as usize + 1) << self.shift..).ok_or(Why::Damaged)?;
            bytes.extend_from_slice(&rest[..rest.len().min(1 << self.shift)]);
            sector = self.next.get(sector as usize).copied().unwrap_or(LAST);
        }
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// What a stream holds.
    fn content(&self, entry: &Entry) -> Result<Vec<u8>, Why> {
        if entry.size >= self.small_below {
            return self.chain(entry.start, entry.size);
        }
        let (mut bytes, mut sector) = (Vec::new(), entry.start);
        while sector < LAST && (bytes.len() as u64) < entry.size {
            self.budget.work(8)?;
            let rest = self.small.get((sector as usize) << 6..).ok_or(Why::Damaged)?;
            bytes.extend_from_slice(&rest[..rest.len().min(64)]);
            sector = self.small_next.get(sector as usize).copied().unwrap_or(LAST);
        }
        bytes.truncate(usize::try_from(entry.size).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// The entries of a storage.
    fn within(&self, storage: usize) -> Vec<usize> {
        let (mut found, mut left) = (Vec::new(), vec![self.entries.get(storage).map_or(LAST, |entry| entry.child)]);
        while let Some(number) = left.pop() {
            // A tree with more entries than there are has a circle.
            if found.len() > self.entries.len() {
                break;
            }
            if let Some(entry) = self.entries.get(number as usize) {
                found.push(number as usize);
                left.push(entry.right);
                left.push(entry.left);
            }
        }
        found
    }

    /// A stream of a storage.
    fn named(&self, storage: usize, name: &str) -> Option<&Entry> {
        self.within(storage)
            .into_iter()
            .map(|number| &self.entries[number])
            .find(|entry| entry.stream && entry.name.eq_ignore_ascii_case(name))
    }

    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let budget = desk.budget;
    let file = Compound::open(budget, bytes)?;
    if file.has("EncryptedPackage") {
        return Err(Why::Encrypted);
    }
    if file.has("VBA") || file.has("_VBA_PROJECT") {
        desk.remark(Remark::Macros);
    }
    let root = |name: &str| file.named(ROOT, name);
    if let Some(book) = root("Workbook").or_else(|| root("Book")) {
        desk.become_format(Format::Xls);
        xls::read(desk, &file.content(book)?)
    } else if let Some(text) = root("WordDocument") {
        desk.become_format(Format::Doc);
        doc::read(desk, &file, &file.content(text)?)
    } else if let Some(slides) = root("PowerPoint Document") {
        desk.become_format(Format::Ppt);
        ppt::read(desk, &file, &file.content(slides)?)
    } else if root("__properties_version1.0").is_some() {
        desk.become_format(Format::Msg);
        msg::read(desk, &file, ROOT, &mut 0, 0)
    } else {
        Err(Why::Unsupported)
    }
}

/// Gives the pictures in the drawings of a document: records of JPEG and PNG, wherever they are.
fn pictures(desk: &mut Desk<'_>, bytes: &[u8], number: &mut usize) -> Flow {
    let mut from = 3;
    while let Some(at) = bytes.get(from..).and_then(|rest| memchr::memchr(0xF0, rest)).map(|at| from + at) {
        from = at + 1;
        desk.budget.work(8)?;
        if !matches!(bytes[at - 1], 0x1D | 0x1E) {
            continue;
        }
        let instance = u16::from_le_bytes([bytes[at - 3], bytes[at - 2]]);
        // One or two marks of 16 bytes and a byte stand before the picture.
        let before = match instance {
            0x46A0 | 0x6E20 | 0x6E00 => 17,
            0x46B0 | 0x6E30 | 0x6E10 => 33,
            _ => continue,
        };
        let length = u32_le(bytes, at + 1)? as usize;
        let Some(length) = length.checked_sub(before) else { continue };
        let Some(rest) = bytes.get(at + 5 + before..) else { continue };
        let body = &rest[..rest.len().min(length)];
        if let Some(kind) = picture::kind(body) {
            *number += 1;
            desk.part(*number, Format::Picture, |desk| desk.picture(kind, body))?;
            from = at + 5 + before + body.len();
        }
    }
    Ok(())
}

/// UTF-16 as it lies in files of Windows.
fn wide(bytes: &[u8]) -> String {
    char::decode_utf16(bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
