//! Pictures: recognised by their first bytes, measured by their headers, never decoded here.

use crate::Why;
use crate::bytes::{u16_be, u16_le, u32_be, u32_le};
use crate::desk::{Desk, Flow};

/// What a picture is, and what its decoder must know besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// BMP.
    Bmp,
    /// TIFF.
    Tiff,
    /// WebP.
    Webp,
    /// HEIC or AVIF.
    Heic,
    /// JPEG 2000, as a file or as a bare code stream.
    Jpeg2000,
    /// JBIG2 as PDF embeds it, without its shared segments.
    Jbig2,
    /// A fax of ITU T.4 or T.6 as PDF embeds it.
    Fax {
        /// Width.
        columns: u32,
        /// Height, 0 where it is not told.
        rows: u32,
        /// The `K` of PDF: below 0 two-dimensional (G4), 0 one-dimensional, above 0 mixed.
        k: i32,
        /// 1 bits are black.
        black_is_1: bool,
    },
    /// Samples row by row, each row from a new byte on.
    Samples {
        /// Width.
        columns: u32,
        /// Height.
        rows: u32,
        /// Bits a component: 1, 2, 4, 8 or 16.
        bits: u8,
        /// Components a pixel: 1 (gray, or a palette's number), 3 (RGB) or 4 (CMYK).
        components: u8,
    },
}

/// What begins with `head`, if it is a picture.
pub(crate) fn kind(head: &[u8]) -> Option<Picture> {
    let brand =
        |brands: &[&[u8; 4]]| head.get(8..12).is_some_and(|brand| brands.iter().any(|known| &known[..] == brand));
    match head {
        [0xFF, 0xD8, 0xFF, ..] => Some(Picture::Jpeg),
        _ if head.starts_with(b"\x89PNG\r\n\x1A\n") => Some(Picture::Png),
        _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => Some(Picture::Gif),
        _ if head.starts_with(b"BM")
            && u32_le(head, 14).is_ok_and(|size| matches!(size, 12 | 40 | 52 | 56 | 64 | 108 | 124)) =>
        {
            Some(Picture::Bmp)
        }
        _ if head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") => Some(Picture::Tiff),
        _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Some(Picture::Webp),
        _ if head.get(4..8) == Some(b"ftyp") && brand(&[b"heic", b"heix", b"mif1", b"hevc", b"avif", b"msf1"]) => {
            Some(Picture::Heic)
        }
        _ if head.starts_with(b"\0\0\0\x0CjP  ") || head.starts_with(b"\xFF\x4F\xFF\x51") => Some(Picture::Jpeg2000),
        _ => None,
    }
}

/// A picture that is a file of its own.
pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let kind = kind(bytes).ok_or(Why::Unknown)?;
    desk.picture(kind, bytes)
}

/// How many pixels its header tells; 0 where it does not tell.
pub(crate) fn pixels(kind: Picture, bytes: &[u8]) -> u64 {
    let size = match kind {
        Picture::Png => u32_be(bytes, 16).and_then(|width| Ok((width, u32_be(bytes, 20)?))),
        Picture::Gif => u16_le(bytes, 6).and_then(|width| Ok((u32::from(width), u32::from(u16_le(bytes, 8)?)))),
        Picture::Bmp if u32_le(bytes, 14) == Ok(12) => {
            u16_le(bytes, 18).and_then(|width| Ok((u32::from(width), u32::from(u16_le(bytes, 20)?))))
        }
        Picture::Bmp => {
            u32_le(bytes, 18).and_then(|width| Ok((width, u32_le(bytes, 22)?.cast_signed().unsigned_abs())))
        }
        Picture::Jpeg => jpeg(bytes),
        Picture::Tiff => tiff(bytes),
        Picture::Webp => webp(bytes),
        Picture::Jpeg2000 => jpeg2000(bytes),
        Picture::Fax { columns, rows, .. } | Picture::Samples { columns, rows, .. } => Ok((columns, rows)),
        Picture::Heic | Picture::Jbig2 => Ok((0, 0)),
    };
    size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}

fn jpeg(bytes: &[u8]) -> Result<(u32, u32), Why> {
    let mut at = 2;
    loop {
        let marker = u16_be(bytes, at)?;
        match marker {
            0xFFFF => at += 1,
            0xFFC0..=0xFFCF if !matches!(marker, 0xFFC4 | 0xFFC8 | 0xFFCC) => {
                return Ok((u32::from(u16_be(bytes, at + 7)?), u32::from(u16_be(bytes, at + 5)?)));
            }
            0xFF00.. => at += 2 + usize::from(u16_be(bytes, at + 2)?.max(2)),
            _ => return Err(Why::Damaged),
        }
    }
}

/// The first directory tells; other pages are the decoder's.
fn tiff(bytes: &[u8]) -> Result<(u32, u32), Why> {
    let little = bytes.starts_with(b"II");
    let short = |at| if little { u16_le(bytes, at) } else { u16_be(bytes, at) };
    let long = |at| if little { u32_le(bytes, at) } else { u32_be(bytes, at) };
    let start = long(4)? as usize;
    let (mut width, mut height) = (0, 0);
    for entry in 0..usize::from(short(start)?) {
        let at = start + 2 + 12 * entry;
        let value = if short(at + 2)? == 3 { u32::from(short(at + 8)?) } else { long(at + 8)? };
        match short(at)? {
            256 => width = value,
            257 => height = value,
            _ => {}
        }
    }
    Ok((width, height))
}

fn webp(bytes: &[u8]) -> Result<(u32, u32), Why> {
    match bytes.get(12..16) {
        Some(b"VP8X") => Ok(((u32_le(bytes, 23)? >> 8) + 1, (u32_le(bytes, 26)? >> 8) + 1)),
        Some(b"VP8L") => {
            let both = u32_le(bytes, 21)?;
            Ok(((both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1))
        }
        _ => Ok((u32::from(u16_le(bytes, 26)? & 0x3FFF), u32::from(u16_le(bytes, 28)? & 0x3FFF))),
    }
}

fn jpeg2000(bytes: &[u8]) -> Result<(u32, u32), Why> {
    let head = &bytes[..bytes.len().min(4096)];
    let at = memchr::memmem::find(head, b"\xFF\x4F\xFF\x51").ok_or(Why::Damaged)?;
    Ok((u32_be(head, at + 8)?, u32_be(head, at + 12)?))
}
