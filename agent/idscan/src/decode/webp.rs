//! WebP: of an animation its first frame.

use super::Desk;
use super::exif::{self, Origin};
use super::samples::{Colours, gray};
use crate::gray::Gray;
use crate::scan::Unseen;
use image_webp::WebPDecoder;
use std::io::Cursor;

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|_| Unseen::Damaged)?;
    let (width, height) = decoder.dimensions();
    desk.points(width, height)?;
    decoder.set_memory_limit(desk.limits.memory);
    let mut origin = Origin::default();
    if let Ok(Some(data)) = decoder.exif_metadata() {
        exif::read(&data, &mut origin);
    }
    let colours = if decoder.has_alpha() { Colours::RgbAlpha } else { Colours::Rgb };
    let all = decoder.output_buffer_size().ok_or(Unseen::Memory)?;
    desk.may_hold(all)?;
    let mut frame = vec![255; all];
    decoder.read_image(&mut frame).map_err(|_| Unseen::Damaged)?;
    drop(decoder);
    let (wide, high, mut data) = desk.white(width, height)?.into_parts();
    for (out, row) in data.chunks_exact_mut(wide).zip(frame.chunks_exact(wide * colours.components())) {
        gray(row, 8, colours, out);
    }
    drop(frame);
    desk.page(Gray::new(wide, high, data), &origin);
    Ok(())
}
