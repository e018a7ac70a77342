//! PowerPoint from 1997 on: the texts of its records, which nest.

use super::{Compound, ROOT, pictures, wide};
use crate::Why;
use crate::bytes::{slice, u16_le, u32_le};
use crate::desk::{Desk, Flow};
use crate::text::Charset;

pub(super) fn read(desk: &mut Desk<'_>, file: &Compound<'_>, bytes: &[u8]) -> Flow {
    // The mark of an encrypted file is told in a stream of its own.
    if let Some(user) = file.named(ROOT, "Current User")
        && u32_le(&file.content(user)?, 12) == Ok(0xF3D1_C4DF)
    {
        return Err(Why::Encrypted);
    }
    let mut at = 0;
    let mut outcome = Ok(());
    while at + 8 <= bytes.len() {
        desk.budget.work(16)?;
        let (kind, length) = (u16_le(bytes, at + 2)?, u32_le(bytes, at + 4)? as usize);
        // A container's records follow right behind its head.
        if bytes[at] & 0x0F == 0x0F {
            at += 8;
            continue;
        }
        let Ok(body) = slice(bytes, at + 8, length) else {
            outcome = Err(Why::Damaged);
            break;
        };
        match kind {
            0x0FA0 | 0x0FBA => line(desk, &wide(body))?,
            0x0FA8 => line(desk, &Charset::Standard(encoding_rs::WINDOWS_1252).decode(body))?,
            _ => {}
        }
        at += 8 + length;
    }
    if let Some(data) = file.named(ROOT, "Pictures") {
        pictures(desk, &file.content(data)?, &mut 0)?;
    }
    outcome
}

fn line(desk: &mut Desk<'_>, text: &str) -> Flow {
    desk.text(&text.replace(['\r', '\u{B}'], "\n"))?;
    desk.text("\n")
}
