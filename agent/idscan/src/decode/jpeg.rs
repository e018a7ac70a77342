//! JPEG, decoded straight to brightness: a third of the memory that colours take.

use super::Desk;
use super::exif::{self, Origin};
use super::samples::brightness;
use crate::gray::Gray;
use crate::scan::Unseen;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| Unseen::Damaged)?;
    let info = decoder.info().ok_or(Unseen::Damaged)?;
    let (width, height) = (info.width, info.height);
    let points = desk.points(u32::from(width), u32::from(height))?;
    let mut origin = Origin::default();
    // JFIF: points to an inch, or to a centimetre.
    if let Some([_, _, unit @ (1 | 2), high, low, ..]) = jfif(bytes) {
        origin.set_density(u32::from(u16::from_be_bytes([*high, *low])), *unit == 1);
    }
    if let Some(exif) = decoder.exif() {
        exif::read(exif, &mut origin);
    }
    let coloured = !matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    if coloured {
        desk.may_hold(points.saturating_mul(3))?;
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
    }
    let mut data = decoder.decode().map_err(|_| Unseen::Damaged)?;
    drop(decoder);
    if coloured {
        data = data.as_chunks::<3>().0.iter().map(|point| brightness(*point)).collect();
    }
    if data.len() != points {
        return Err(Unseen::Damaged);
    }
    desk.page(Gray::new(usize::from(width), usize::from(height), data), &origin);
    Ok(())
}

/// The head of JFIF behind its name, where it is the first segment.
fn jfif(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(2..4).filter(|marker| *marker == [0xFF, 0xE0])?;
    bytes.get(6..20)?.strip_prefix(b"JFIF\0")
}
