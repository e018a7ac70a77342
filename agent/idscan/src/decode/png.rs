//! PNG, row by row.

use super::Desk;
use super::exif::{self, Origin};
use super::samples::{Colours, gray};
use crate::gray::Gray;
use crate::scan::Unseen;
use png::{BitDepth, ColorType, Decoder, Limits, Transformations, Unit};
use std::io::Cursor;

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: desk.limits.memory });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let (width, height) =
        decoder.read_header_info().map(|info| (info.width, info.height)).map_err(|_| Unseen::Damaged)?;
    desk.points(width, height)?;
    let mut reader = decoder.read_info().map_err(|_| Unseen::Damaged)?;
    let (colour, depth) = reader.output_color_type();
    let colours = match (colour, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Colours::Gray,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Colours::GrayAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Colours::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Colours::RgbAlpha,
        _ => return Err(Unseen::Format),
    };
    let mut origin = Origin::default();
    let info = reader.info();
    let interlaced = info.interlaced;
    if let Some(pixels) = info.pixel_dims.filter(|pixels| pixels.unit == Unit::Meter) {
        // 39.37 inches to a metre.
        origin.set_density(u32::try_from(u64::from(pixels.xppu) * 100 / 3937).unwrap_or(0), true);
    }
    if let Some(data) = &info.exif_metadata {
        exif::read(data, &mut origin);
    }
    let (wide, high, mut data) = desk.white(width, height)?.into_parts();
    let mut whole = true;
    if interlaced {
        let all = reader.output_buffer_size().ok_or(Unseen::Memory)?;
        desk.may_hold(all)?;
        let mut frame = vec![255; all];
        whole = reader.next_frame(&mut frame).is_ok();
        for (out, row) in data.chunks_exact_mut(wide).zip(frame.chunks_exact(wide * colours.components())) {
            gray(row, 8, colours, out);
        }
    } else {
        for out in data.chunks_exact_mut(wide) {
            match reader.next_row() {
                Ok(Some(row)) => gray(row.data(), 8, colours, out),
                _ => {
                    whole = false;
                    break;
                }
            }
        }
    }
    drop(reader);
    desk.page(Gray::new(wide, high, data), &origin);
    if whole { Ok(()) } else { Err(Unseen::Damaged) }
}
