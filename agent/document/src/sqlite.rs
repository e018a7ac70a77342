//! SQLite databases: the rows of every leaf page, in whatever tree, so that a damaged tree and deleted rows hide nothing.

use crate::bytes::{array, slice, u16_be, u32_be};
use crate::desk::{Desk, Flow};
use crate::text::Charset;
use crate::{Format, Why, picture, sheet};

pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Leaf of a table; leaf of an index, which is where tables without row numbers live.
const TABLE: u8 = 13;
const INDEX: u8 = 10;

struct Base<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Bytes of a page that hold content.
    usable: usize,
    charset: Charset,
    pictures: usize,
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let page = match u16_be(bytes, 16)? {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => usize::from(size),
        _ => return Err(Why::Damaged),
    };
    let reserved = usize::from(*bytes.get(20).ok_or(Why::Damaged)?);
    let charset = match u32_be(bytes, 56)? {
        2 => Charset::labelled(b"utf-16le"),
        3 => Charset::labelled(b"utf-16be"),
        _ => None,
    };
    let mut base = Base {
        bytes,
        page,
        usable: page.saturating_sub(reserved).max(480),
        charset: charset.unwrap_or(Charset::UTF8),
        pictures: 0,
    };
    let told = u32_be(bytes, 28)? as usize;
    let count = bytes.len().div_ceil(page);
    let mut damaged = told > count || !bytes.len().is_multiple_of(page);
    // Indexes repeat what is in tables, but for tables that are indexes.
    let indexes =
        memchr::memmem::find(&bytes[..bytes.len().min(1 << 20)].to_ascii_uppercase(), b"WITHOUT ROWID").is_some();
    for number in 0..count {
        desk.budget.work(64)?;
        let start = number * page;
        let header = start + if number == 0 { 100 } else { 0 };
        let Some(kind) = bytes.get(header) else { continue };
        if *kind == TABLE || *kind == INDEX && indexes {
            match base.leaf(desk, start, header, *kind == TABLE) {
                Err(Why::Damaged) => damaged = true,
                outcome => outcome?,
            }
        }
    }
    if damaged { Err(Why::Damaged) } else { Ok(()) }
}

/// A number of one to nine bytes.
fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, Why> {
    let mut number = 0u64;
    for count in 0..9 {
        let byte = *bytes.get(*at).ok_or(Why::Damaged)?;
        *at += 1;
        if count == 8 {
            return Ok(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7F);
        if byte < 0x80 {
            break;
        }
    }
    Ok(number)
}

impl Base<'_> {
    fn leaf(&mut self, desk: &mut Desk<'_>, start: usize, header: usize, table: bool) -> Flow {
        let cells = usize::from(u16_be(self.bytes, header + 3)?);
        let mut outcome = Ok(());
        for cell in 0..cells.min(self.page / 2) {
            let row = u16_be(self.bytes, header + 8 + 2 * cell)
                .and_then(|at| self.cell(desk, start + usize::from(at), table))
                .and_then(|payload| self.row(desk, &payload));
            match row {
                Err(Why::Damaged) => outcome = Err(Why::Damaged),
                row => row?,
            }
        }
        outcome
    }

    /// The payload of a cell with what overflows into other pages.
    fn cell(&self, desk: &Desk<'_>, mut at: usize, table: bool) -> Result<Vec<u8>, Why> {
        let length = varint(self.bytes, &mut at)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len()).ok_or(Why::Damaged)?;
        if table {
            varint(self.bytes, &mut at)?;
        }
        let most = if table { self.usable - 35 } else { (self.usable - 12) * 64 / 255 - 23 };
        if length <= most {
            return slice(self.bytes, at, length).map(<[u8]>::to_vec);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        let local = if fitting <= most { fitting } else { least };
        if length > desk.budget.room() {
            return Err(Why::Size);
        }
        let mut payload = slice(self.bytes, at, local)?.to_vec();
        let mut next = u32_be(self.bytes, at + local)?;
        while payload.len() < length && next > 0 {
            desk.budget.work(self.page / 8)?;
            let start = (next as usize - 1).checked_mul(self.page).ok_or(Why::Damaged)?;
            next = u32_be(self.bytes, start)?;
            let count = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(slice(self.bytes, start + 4, count)?);
        }
        if payload.len() < length { Err(Why::Damaged) } else { Ok(payload) }
    }

    /// A record: its columns on one line.
    fn row(&mut self, desk: &mut Desk<'_>, payload: &[u8]) -> Flow {
        let mut at = 0;
        let header = usize::try_from(varint(payload, &mut at)?).unwrap_or(usize::MAX).min(payload.len());
        let mut body = header;
        let mut pictures = Vec::new();
        while at < header {
            desk.budget.work(8)?;
            let kind = varint(payload, &mut at)?;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => usize::try_from(kind).unwrap_or(0),
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return Err(Why::Damaged),
                _ => usize::try_from((kind - 12) / 2).map_err(|_| Why::Damaged)?,
            };
            let value = slice(payload, body, length)?;
            body += length;
            match kind {
                0 => {}
                8 | 9 => desk.text(if kind == 8 { "0" } else { "1" })?,
                7 => desk.text(&sheet::plain(f64::from_be_bytes(array(value, 0)?)))?,
                1..=6 => {
                    let negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
                    let number =
                        value.iter().fold(if negative { -1i64 } else { 0 }, |sum, byte| sum << 8 | i64::from(*byte));
                    desk.text(&number.to_string())?;
                }
                kind if kind % 2 == 1 => desk.text(&self.charset.decode(value))?,
                _ => match picture::kind(value) {
                    Some(kind) => pictures.push((kind, value)),
                    None if Charset::detected(value).is_some() => {
                        desk.text(&Charset::told(None, value).decode(value))?
                    }
                    None => {}
                },
            }
            desk.text("\t")?;
        }
        desk.text("\n")?;
        for (kind, value) in pictures {
            self.pictures += 1;
            desk.part(self.pictures, Format::Picture, |desk| desk.picture(kind, value))?;
        }
        Ok(())
    }
}
