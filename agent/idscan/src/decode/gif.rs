//! GIF: its first frame.

use super::Desk;
use super::exif::Origin;
use super::samples::{Colours, brightness, gray};
use crate::gray::Gray;
use crate::scan::Unseen;
use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use std::num::NonZeroU64;

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let most = NonZeroU64::new(desk.limits.memory as u64).ok_or(Unseen::Memory)?;
    options.set_memory_limit(MemoryLimit::Bytes(most));
    let mut decoder = options.read_info(bytes).map_err(|_| Unseen::Damaged)?;
    let frame = decoder.next_frame_info().map_err(|_| Unseen::Damaged)?.ok_or(Unseen::Damaged)?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let own = frame.palette.clone();
    let (wide, high, mut data) = desk.white(width, height)?.into_parts();
    let whole = decoder.read_into_buffer(&mut data).is_ok();
    let colours = own.as_deref().or(decoder.global_palette()).unwrap_or_default();
    let bright: Vec<u8> = colours.as_chunks::<3>().0.iter().map(|colour| brightness(*colour)).collect();
    for row in data.chunks_exact_mut(wide) {
        let numbers = row.to_vec();
        gray(&numbers, 8, Colours::Palette(&bright), row);
    }
    desk.page(Gray::new(wide, high, data), &Origin::default());
    if whole { Ok(()) } else { Err(Unseen::Damaged) }
}
