//! The packing of rich text in messages of Outlook, MS-OXRTFCP.

use crate::Why;
use crate::bytes::{slice, u32_le};
use crate::limits::Budget;

/// What every text is taken to begin with.
const BEFORE: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
/// How far back a repetition reaches.
const WINDOW: usize = 4096;

pub(super) fn unpack(budget: &Budget<'_>, packed: &[u8]) -> Result<Vec<u8>, Why> {
    let size = u32_le(packed, 4)? as usize;
    match packed.get(8..12) {
        Some(b"MELA") => return slice(packed, 16, size).map(<[u8]>::to_vec),
        Some(b"LZFu") => {}
        _ => return Err(Why::Damaged),
    }
    let mut window = [0; WINDOW];
    window[..BEFORE.len()].copy_from_slice(BEFORE);
    let (mut to, mut text, mut rest) = (BEFORE.len(), Vec::new(), packed.get(16..).unwrap_or_default());
    while let Some((flags, after)) = rest.split_first() {
        rest = after;
        for bit in 0..8 {
            let (mut from, length);
            if flags >> bit & 1 == 0 {
                let Some((byte, after)) = rest.split_first() else { return Err(Why::Damaged) };
                (window[to], from, length, rest) = (*byte, to, 1, after);
            } else {
                let [high, low, after @ ..] = rest else { return Err(Why::Damaged) };
                (from, length, rest) =
                    (usize::from(u16::from_be_bytes([*high, *low]) >> 4), usize::from(low & 0x0F) + 2, after);
                if from == to {
                    return Ok(text);
                }
            }
            for _ in 0..length {
                window[to] = window[from];
                text.push(window[from]);
                (from, to) = ((from + 1) % WINDOW, (to + 1) % WINDOW);
            }
            budget.output(length)?;
        }
        if text.len() > size.min(budget.room()) {
            return Ok(text);
        }
    }
    Err(Why::Damaged)
}
