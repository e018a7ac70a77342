//! Rows of samples, of however many bits and components, become rows of gray.

use super::Desk;
use super::exif::Origin;
use crate::gray::Gray;
use crate::scan::Unseen;

/// How bright a colour is.
pub(super) fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8) as u8
}

/// What the components of a point mean.
#[derive(Clone, Copy)]
pub(super) enum Colours<'a> {
    Gray,
    /// With how much of it is seen.
    GrayAlpha,
    Rgb,
    RgbAlpha,
    Cmyk,
    /// How bright the colour of each number is.
    Palette(&'a [u8]),
}

impl Colours<'_> {
    pub(super) fn components(self) -> usize {
        match self {
            Colours::Gray | Colours::Palette(_) => 1,
            Colours::GrayAlpha => 2,
            Colours::Rgb => 3,
            Colours::RgbAlpha | Colours::Cmyk => 4,
        }
    }
}

/// `row` of samples of `bits`, the first bit first, as gray; a short row leaves the rest as it was.
pub(super) fn gray(row: &[u8], bits: u8, colours: Colours<'_>, out: &mut [u8]) {
    let sample = |at: usize| -> Option<u8> {
        match bits {
            8 => row.get(at).copied(),
            16 => row.get(at * 2).copied(),
            _ => {
                let bit = at * usize::from(bits);
                let value = row.get(bit / 8)? >> (8 - usize::from(bits) - bit % 8) & ((1 << bits) - 1);
                let whole = matches!(colours, Colours::Palette(_));
                Some(if whole { value } else { (u16::from(value) * 255 / ((1 << bits) - 1)) as u8 })
            }
        }
    };
    let step = colours.components();
    for (x, out) in out.iter_mut().enumerate() {
        let (Some(first), Some(_)) = (sample(x * step), sample(x * step + step - 1)) else { break };
        let next = |k: usize| sample(x * step + k).unwrap_or(0);
        *out = match colours {
            Colours::Gray => first,
            Colours::Palette(bright) => bright.get(usize::from(first)).copied().unwrap_or(255),
            Colours::GrayAlpha => over_white(first, next(1)),
            Colours::Rgb => brightness([first, next(1), next(2)]),
            Colours::RgbAlpha => over_white(brightness([first, next(1), next(2)]), next(3)),
            Colours::Cmyk => {
                let key = u16::from(255 - next(3));
                brightness([first, next(1), next(2)].map(|ink| (u16::from(255 - ink) * key / 255) as u8))
            }
        };
    }
}

fn over_white(value: u8, seen: u8) -> u8 {
    255 - (u16::from(255 - value) * u16::from(seen) / 255) as u8
}

/// Black on white where it was the other way round: what is only black and white is mostly paper.
pub(super) fn as_paper(data: &mut [u8]) {
    let dark = data.iter().filter(|point| **point < 128).count();
    if dark * 2 > data.len() {
        data.iter_mut().for_each(|point| *point = 255 - *point);
    }
}

/// Samples as a PDF holds them.
pub(super) fn read(
    bytes: &[u8],
    columns: u32,
    rows: u32,
    (bits, components): (u8, u8),
    desk: &mut Desk<'_>,
) -> Result<(), Unseen> {
    let colours = match components {
        1 => Colours::Gray,
        3 => Colours::Rgb,
        4 => Colours::Cmyk,
        _ => return Err(Unseen::Format),
    };
    if !matches!(bits, 1 | 2 | 4 | 8 | 16) {
        return Err(Unseen::Format);
    }
    let (width, mut data) = {
        let white = desk.white(columns, rows)?;
        let (width, _, data) = white.into_parts();
        (width, data)
    };
    let stride = (width * colours.components() * usize::from(bits)).div_ceil(8);
    for (out, row) in data.chunks_exact_mut(width).zip(bytes.chunks(stride)) {
        gray(row, bits, colours, out);
    }
    if bits == 1 {
        as_paper(&mut data);
    }
    let whole = bytes.len() >= stride.saturating_mul(rows as usize);
    desk.page(Gray::new(width, rows as usize, data), &Origin::default());
    if whole { Ok(()) } else { Err(Unseen::Damaged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: &[u8], bits: u8, colours: Colours<'_>, wide: usize) -> Vec<u8> {
        let mut out = vec![7; wide];
        gray(bytes, bits, colours, &mut out);
        out
    }

    #[test]
    fn samples_of_any_bits() {
        assert_eq!(row(&[0b1010_0000], 1, Colours::Gray, 4), [255, 0, 255, 0]);
        assert_eq!(row(&[0b1101_1000], 2, Colours::Gray, 3), [255, 85, 170]);
        assert_eq!(row(&[0xF0], 4, Colours::Gray, 2), [255, 0]);
        assert_eq!(row(&[9, 200, 77, 1], 16, Colours::Gray, 2), [9, 77]);
        assert_eq!(row(&[0x10], 4, Colours::Palette(&[5, 66]), 2), [66, 5]);
    }

    #[test]
    fn colours_become_gray() {
        assert_eq!(row(&[255, 255, 255, 0, 0, 0], 8, Colours::Rgb, 2), [255, 0]);
        assert_eq!(row(&[0, 0, 0, 0], 8, Colours::RgbAlpha, 1), [255], "nothing is seen");
        assert_eq!(row(&[0, 255], 8, Colours::GrayAlpha, 1), [0]);
        assert_eq!(row(&[0, 0, 0, 255, 0, 0, 0, 0], 8, Colours::Cmyk, 2), [0, 255]);
    }

    #[test]
    fn short_rows_do_no_harm() {
        assert_eq!(row(&[1, 2], 8, Colours::Rgb, 2), [7, 7]);
        assert_eq!(row(&[], 1, Colours::Gray, 1), [7]);
    }
}
