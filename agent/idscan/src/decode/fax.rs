//! Faxes of ITU T.4 and T.6 without a file around them.

use super::Desk;
use super::exif::Origin;
use super::samples::as_paper;
use crate::gray::Gray;
use crate::scan::Unseen;
use fax::Color;
use fax::decoder::{decode_g3, decode_g4, pels};

pub(super) fn read(bytes: &[u8], columns: u32, rows: u32, k: i32, desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let (Ok(width), Ok(rows)) = (u16::try_from(columns), u16::try_from(rows)) else { return Err(Unseen::Points) };
    if width == 0 {
        return Err(Unseen::Damaged);
    }
    if k > 0 {
        return Err(Unseen::Format);
    }
    let wide = usize::from(width);
    let most = if rows > 0 { usize::from(rows) } else { (desk.limits.points / wide).min(usize::from(u16::MAX)) };
    desk.points(columns, most as u32)?;
    let mut data: Vec<u8> = Vec::new();
    let line = |transitions: &[u16]| {
        if data.len() < most * wide {
            data.extend(pels(transitions, width).map(|colour| if colour == Color::Black { 0 } else { 255 }));
        }
    };
    let input = bytes.iter().copied();
    let whole = if k < 0 {
        decode_g4(input, width, (rows > 0).then_some(rows), line).is_some()
    } else {
        decode_g3(input, line).is_some()
    };
    let high = data.len() / wide;
    if high == 0 {
        return Err(Unseen::Damaged);
    }
    // Which bits a PDF calls black is asked of the picture: paper is mostly white.
    as_paper(&mut data);
    desk.page(Gray::new(wide, high, data), &Origin::default());
    if whole { Ok(()) } else { Err(Unseen::Damaged) }
}
