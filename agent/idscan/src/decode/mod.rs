//! Files of pictures become gray pictures, upright and one after the other, within limits told by their headers.

mod bitmap;
mod exif;
mod fax;
mod gif;
mod jpeg;
mod png;
mod samples;
mod tiff;
mod turn;
mod webp;

use crate::gray::{Gray, Picture};
use crate::scan::{Limits, Unseen};
use crate::sign::Sign;
use exif::Origin;

/// A picture of a file.
pub struct Page<'a> {
    /// The picture, upright.
    pub picture: Picture<'a>,
    /// Its number in the file, from 1.
    pub number: u32,
    /// Points to an inch, as the file tells.
    pub dpi: Option<u32>,
    /// Signs in the file that it was scanned from paper.
    pub signs: Vec<Sign>,
}

/// Points that are no file of their own, as a PDF holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raster {
    /// A fax of ITU T.4 or T.6.
    Fax {
        /// Points of a row.
        columns: u32,
        /// Rows; 0: as many as come.
        rows: u32,
        /// Below 0: two-dimensional (G4); 0: one-dimensional with ends of lines; above 0 is not read.
        k: i32,
    },
    /// Samples row by row, each row from a new byte on.
    Samples {
        /// Points of a row.
        columns: u32,
        /// Rows.
        rows: u32,
        /// Bits of a component: 1, 2, 4, 8 or 16.
        bits: u8,
        /// Components of a point: 1 (gray), 3 (RGB) or 4 (CMYK).
        components: u8,
    },
}

/// Calls `page` for each picture in the JPEG, PNG, TIFF, WebP, BMP or GIF that `bytes` are; of an animation only for the first.
///
/// # Errors
/// What was not seen and why, also after pages that were.
pub fn decode(bytes: &[u8], limits: &Limits, page: &mut dyn FnMut(Page<'_>)) -> Result<(), Unseen> {
    let mut desk = Desk { limits, page, number: 0 };
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => jpeg::read(bytes, &mut desk),
        [0x89, b'P', b'N', b'G', ..] => png::read(bytes, &mut desk),
        [b'G', b'I', b'F', b'8', ..] => gif::read(bytes, &mut desk),
        [b'B', b'M', ..] => bitmap::read(bytes, &mut desk),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => tiff::read(bytes, &mut desk),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp::read(bytes, &mut desk),
        _ => Err(Unseen::Format),
    }
}

/// As [`decode`], of points that are no file of their own.
///
/// # Errors
/// What was not seen and why.
pub fn raster(raster: Raster, bytes: &[u8], limits: &Limits, page: &mut dyn FnMut(Page<'_>)) -> Result<(), Unseen> {
    let mut desk = Desk { limits, page, number: 0 };
    match raster {
        Raster::Fax { columns, rows, k } => fax::read(bytes, columns, rows, k, &mut desk),
        Raster::Samples { columns, rows, bits, components } => {
            samples::read(bytes, columns, rows, (bits, components), &mut desk)
        }
    }
}

/// Where decoders bring what they read.
struct Desk<'a> {
    limits: &'a Limits,
    page: &'a mut dyn FnMut(Page<'_>),
    number: u32,
}

impl Desk<'_> {
    /// How many points a picture has, when they are not too many.
    fn points(&self, width: u32, height: u32) -> Result<usize, Unseen> {
        let points = usize::try_from(u64::from(width) * u64::from(height)).map_err(|_| Unseen::Points)?;
        if points == 0 {
            return Err(Unseen::Damaged);
        }
        if points > self.limits.points { Err(Unseen::Points) } else { Ok(points) }
    }

    /// White of that size.
    fn white(&self, width: u32, height: u32) -> Result<Gray, Unseen> {
        let points = self.points(width, height)?;
        Ok(Gray::new(width as usize, height as usize, vec![255; points]))
    }

    /// Whether a decoder may hold so many bytes besides.
    fn may_hold(&self, bytes: usize) -> Result<(), Unseen> {
        if bytes > self.limits.memory { Err(Unseen::Memory) } else { Ok(()) }
    }

    /// Hands a picture on.
    fn page(&mut self, gray: Gray, origin: &Origin) {
        self.number += 1;
        let gray = turn::upright(gray, origin.orientation);
        let picture = gray.view();
        let mut signs = Vec::new();
        if origin.scanner {
            signs.push(Sign::Machine);
        }
        (self.page)(Page { picture, number: self.number, dpi: origin.dpi, signs });
    }
}
