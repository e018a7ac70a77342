//! BMP without packing: 1, 4, 8, 24 and 32 bits a point.

use super::Desk;
use super::exif::Origin;
use super::samples::{Colours, brightness, gray};
use crate::gray::Gray;
use crate::scan::Unseen;

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let two = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes);
    let four = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
    let head = four(14).ok_or(Unseen::Damaged)?;
    let old = head == 12;
    let (width, height, bits) = if old {
        (two(18).map(u32::from), two(20).map(i32::from), two(24))
    } else {
        (four(18), four(22).map(u32::cast_signed), two(28))
    };
    let (Some(width), Some(height), Some(bits), Some(start)) = (width, height, bits, four(10)) else {
        return Err(Unseen::Damaged);
    };
    // 3: the colours of 32 bits are where masks say, which is where they are anyway.
    let packing = if old { 0 } else { four(30).ok_or(Unseen::Damaged)? };
    if !(packing == 0 || packing == 3 && bits == 32) || !matches!(bits, 1 | 4 | 8 | 24 | 32) {
        return Err(Unseen::Format);
    }
    let (wide, high, mut data) = desk.white(width, height.unsigned_abs())?.into_parts();
    let mut origin = Origin::default();
    if let Some(metre) = four(38).filter(|_| !old) {
        origin.set_density(u32::try_from(u64::from(metre) * 100 / 3937).unwrap_or(0), true);
    }
    let colours = bytes.get(14usize.saturating_add(head as usize)..start as usize).unwrap_or_default();
    let bright: Vec<u8> =
        colours.chunks_exact(if old { 3 } else { 4 }).take(256).map(|c| brightness([c[2], c[1], c[0]])).collect();
    let stride = (wide * usize::from(bits)).div_ceil(32) * 4;
    let rows = bytes.get(start as usize..).unwrap_or_default();
    let whole = rows.len() >= stride.saturating_mul(high);
    for (y, row) in rows.chunks(stride).take(high).enumerate() {
        let y = if height > 0 { high - 1 - y } else { y };
        let out = &mut data[y * wide..(y + 1) * wide];
        match bits {
            24 | 32 => {
                let points = row.chunks_exact(usize::from(bits / 8));
                out.iter_mut().zip(points).for_each(|(out, p)| *out = brightness([p[2], p[1], p[0]]));
            }
            _ => gray(row, bits as u8, Colours::Palette(&bright), out),
        }
    }
    desk.page(Gray::new(wide, high, data), &origin);
    if whole { Ok(()) } else { Err(Unseen::Damaged) }
}
