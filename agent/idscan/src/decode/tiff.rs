//! TIFF: page by page, strip by strip or tile by tile.

use super::Desk;
use super::exif::{Origin, is_scanner};
use super::samples::{Colours, as_paper, brightness, gray};
use crate::gray::Gray;
use crate::scan::Unseen;
use std::io::Cursor;
use tiff::ColorType;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{TiffError, TiffUnsupportedError};

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

fn why(error: TiffError) -> Unseen {
    match error {
        TiffError::UnsupportedError(TiffUnsupportedError::UnknownInterpretation) => Unseen::Damaged,
        TiffError::UnsupportedError(_) => Unseen::Format,
        TiffError::LimitsExceeded => Unseen::Memory,
        _ => Unseen::Damaged,
    }
}

pub(super) fn read(bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = desk.limits.memory;
    limits.intermediate_buffer_size = desk.limits.memory;
    let mut reader = Decoder::new(Cursor::new(bytes)).map_err(why)?.with_limits(limits);
    let mut unseen = None;
    for number in 1.. {
        if let Err(error) = page(&mut reader, desk) {
            unseen.get_or_insert(error);
        }
        if !reader.more_images() {
            break;
        }
        if number >= desk.limits.pages {
            unseen.get_or_insert(Unseen::Pages);
            break;
        }
        if let Err(error) = reader.next_image() {
            unseen.get_or_insert(why(error));
            break;
        }
    }
    unseen.map_or(Ok(()), Err)
}

fn page(reader: &mut Reader<'_>, desk: &mut Desk<'_>) -> Result<(), Unseen> {
    let (width, height) = reader.dimensions().map_err(why)?;
    desk.points(width, height)?;
    let colour = reader.colortype().map_err(why)?;
    let palette = if matches!(colour, ColorType::Palette(_)) { palette(reader) } else { Vec::new() };
    let planes = reader.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).ok().flatten() == Some(2);
    let colours = match colour {
        // The first of several planes is bright where the picture is.
        _ if planes => Colours::Gray,
        ColorType::Gray(_) => Colours::Gray,
        ColorType::GrayA(_) => Colours::GrayAlpha,
        // Strips of YCbCr come out as RGB.
        ColorType::RGB(_) | ColorType::YCbCr(_) => Colours::Rgb,
        ColorType::RGBA(_) => Colours::RgbAlpha,
        ColorType::CMYK(_) => Colours::Cmyk,
        ColorType::Palette(_) => Colours::Palette(&palette),
        _ => return Err(Unseen::Format),
    };
    let bits = colour.bit_depth();
    if !matches!(bits, 1 | 2 | 4 | 8 | 16) {
        return Err(Unseen::Format);
    }
    let (wide, high, mut data) = desk.white(width, height)?.into_parts();
    let (cw, ch) = reader.chunk_dimensions();
    let (cw, ch) = (cw as usize, ch as usize);
    if cw == 0 || ch == 0 {
        return Err(Unseen::Damaged);
    }
    let across = wide.div_ceil(cw);
    let mut unseen = None;
    for chunk in 0..across.saturating_mul(high.div_ceil(ch)) {
        let number = u32::try_from(chunk).map_err(|_| Unseen::Damaged)?;
        let result = match reader.read_chunk(number) {
            Ok(result) => result,
            Err(error) => {
                unseen = Some(why(error));
                break;
            }
        };
        let (left, top) = (chunk % across * cw, chunk / across * ch);
        let long = cw.min(wide - left);
        let samples = long * colours.components();
        let mut put = |row: &[u8], bits: u8, y: usize| {
            let from = (top + y) * wide + left;
            if let Some(out) = data.get_mut(from..from + long) {
                gray(row, bits, colours, out);
            }
        };
        match result {
            DecodingResult::U8(bytes) => {
                let stride = (samples * usize::from(bits.min(8))).div_ceil(8);
                bytes.chunks(stride).take(ch).enumerate().for_each(|(y, row)| put(row, bits.min(8), y));
            }
            DecodingResult::U16(words) => {
                for (y, row) in words.chunks(samples).take(ch).enumerate() {
                    let row: Vec<u8> = row.iter().map(|word| (word >> 8) as u8).collect();
                    put(&row, 8, y);
                }
            }
            _ => return Err(Unseen::Format),
        }
    }
    if bits == 1 {
        as_paper(&mut data);
    }
    let origin = origin(reader);
    // What could not be read at all is no page.
    if unseen.is_none() || data.iter().any(|point| *point != 255) {
        desk.page(Gray::new(wide, high, data), &origin);
    }
    unseen.map_or(Ok(()), Err)
}

/// How bright the colours of the palette are: all reds, all greens, all blues.
fn palette(reader: &mut Reader<'_>) -> Vec<u8> {
    let map = reader.get_tag_u16_vec(Tag::ColorMap).unwrap_or_default();
    let third = map.len() / 3;
    let part = |at: usize| (map[at] >> 8) as u8;
    (0..third).map(|at| brightness([part(at), part(third + at), part(2 * third + at)])).collect()
}

fn origin(reader: &mut Reader<'_>) -> Origin {
    let orientation = reader.find_tag_unsigned(Tag::Orientation).ok().flatten().unwrap_or(1);
    let mut origin = Origin { orientation, ..Origin::default() };
    let inches = reader.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten() != Some(3);
    if let Ok(Some(Value::Rational(over, under))) = reader.find_tag(Tag::XResolution) {
        origin.set_density(over / under.max(1), inches);
    }
    for tag in [Tag::Make, Tag::Model, Tag::Software] {
        origin.scanner |= reader.get_tag_ascii_string(tag).is_ok_and(|text| is_scanner(text.as_bytes()));
    }
    origin
}
