//! Every format of pictures becomes the gray that another decoder makes of it; broken files and bombs become a reason.

#![allow(clippy::expect_used, clippy::panic)] // helpers outside #[test] functions

use fax::encoder::Encoder;
use fax::{Color, VecWriter};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use kuzet_idscan::{Limits, Raster, Sign, Unseen, decode, raster};
use proptest::prelude::*;
use std::io::Cursor;

/// A picture as it came out: number, width, height, points, points to an inch, signs.
type Got = (u32, usize, usize, Vec<u8>, Option<u32>, Vec<Sign>);

fn seen(bytes: &[u8], limits: &Limits) -> (Vec<Got>, Result<(), Unseen>) {
    let mut pages = Vec::new();
    let result = decode(bytes, limits, &mut |page| {
        let picture = page.picture;
        pages.push((page.number, picture.width, picture.height, picture.gray.to_vec(), page.dpi, page.signs));
    });
    (pages, result)
}

fn only(bytes: &[u8]) -> Got {
    let (mut pages, result) = seen(bytes, &Limits::default());
    assert_eq!((pages.len(), result), (1, Ok(())));
    pages.remove(0)
}

/// Stripes and slopes in colour.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let stripe = if (x / 7 + y / 5).is_multiple_of(3) { 40 } else { 0 };
        Rgb([(x * 255 / width) as u8, (y * 200 / height) as u8 + stripe, 255 - (x * 100 / width) as u8])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).expect("an encoder");
    out.into_inner()
}

/// How far two grays are from each other at most, and on average.
fn apart(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let each = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (each().max().unwrap_or(0), each().map(f64::from).sum::<f64>() / a.len() as f64)
}

/// The brightness of video, as of JPEG: the luma of the `image` crate is that of another standard.
fn gray(picture: &RgbImage) -> Vec<u8> {
    picture
        .pixels()
        .map(|p| ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8) as u8)
        .collect()
}

#[test]
fn every_format_is_the_gray_of_another_decoder() {
    let colours = picture(211, 97);
    for format in
        [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Jpeg, ImageFormat::Gif]
    {
        let bytes = encoded(&DynamicImage::ImageRgb8(colours.clone()), format);
        let (_, width, height, points, ..) = only(&bytes);
        let oracle = image::load_from_memory(&bytes).expect("a decoder").into_rgb8();
        let (most, mean) = apart(&points, &gray(&oracle));
        assert_eq!((width, height), (211, 97), "{format:?}");
        assert!(most <= if format == ImageFormat::Jpeg { 9 } else { 1 } && mean < 1.0, "{format:?}: {most} {mean}");
    }
}

#[test]
fn gray_pictures_stay_as_they_are() {
    let grays = GrayImage::from_fn(64, 33, |x, y| Luma([(x * 3 + y) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(only(&encoded(&DynamicImage::ImageLuma8(grays.clone()), format)).3, grays.as_raw().as_slice());
    }
    let deep = DynamicImage::ImageLuma8(grays.clone()).into_luma16();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let (most, _) = apart(&only(&encoded(&DynamicImage::ImageLuma16(deep.clone()), format)).3, grays.as_raw());
        assert!(most <= 1, "{format:?}");
    }
}

#[test]
fn what_is_transparent_is_white() {
    let clear = image::RgbaImage::from_pixel(8, 8, image::Rgba([0, 0, 0, 0]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        assert!(only(&encoded(&DynamicImage::ImageRgba8(clear.clone()), format)).3.iter().all(|point| *point == 255));
    }
}

/// A JPEG with Exif behind its first segment.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let head = [0xFF, 0xE1, 0, exif.len() as u8 + 2];
    [&jpeg[..2], &head, &exif, &jpeg[2..]].concat()
}

#[test]
fn a_photograph_is_turned_upright() {
    let jpeg = encoded(&DynamicImage::ImageRgb8(picture(48, 32)), ImageFormat::Jpeg);
    for orientation in 1..=8 {
        let bytes = with_exif(&jpeg, orientation);
        let mut oracle = image::load_from_memory(&jpeg).expect("a decoder");
        oracle.apply_orientation(image::metadata::Orientation::from_exif(orientation).expect("an orientation"));
        let (_, width, height, points, ..) = only(&bytes);
        let oracle = oracle.into_rgb8();
        assert_eq!((width as u32, height as u32), oracle.dimensions(), "{orientation}");
        assert!(apart(&points, &gray(&oracle)).0 <= 9, "{orientation}");
    }
}

/// A page of black stripes, and its rows as colours.
fn stripes(width: u16, height: u16) -> Vec<Vec<Color>> {
    let colour = |x: u16, y: u16| if (x / 9 + y / 4).is_multiple_of(5) { Color::Black } else { Color::White };
    (0..height).map(|y| (0..width).map(|x| colour(x, y)).collect()).collect()
}

fn g4(rows: &[Vec<Color>]) -> Vec<u8> {
    let mut encoder = Encoder::new(VecWriter::new());
    for row in rows {
        encoder.encode_line(row.iter().copied(), row.len() as u16).expect("writing to memory");
    }
    encoder.finish().expect("writing to memory").finish()
}

fn points(rows: &[Vec<Color>]) -> Vec<u8> {
    rows.iter().flatten().map(|colour| if *colour == Color::Black { 0 } else { 255 }).collect()
}

/// A TIFF of pages in G4, as scanners write it.
fn fax_file(pages: &[Vec<Vec<Color>>]) -> Vec<u8> {
    let mut out = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for rows in pages {
        let data = g4(rows);
        let (at, software) = (out.len() as u32, b"NAPS2\0\0\0");
        out.extend(&data);
        out.extend([0].repeat(out.len() % 2));
        let (name, density) = (out.len() as u32, out.len() as u32 + 8);
        out.extend(software);
        out.extend([300u32.to_le_bytes(), 1u32.to_le_bytes()].concat());
        let directory = out.len() as u32;
        out[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        let (width, height) = (rows[0].len() as u32, rows.len() as u32);
        let entries: [(u16, u16, u32, u32); 11] = [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 1),
            (259, 3, 1, 4),
            (262, 3, 1, 0),
            (273, 4, 1, at),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, data.len() as u32),
            (282, 5, 1, density),
            (305, 2, 6, name),
        ];
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend(
                [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat(),
            );
        }
        link = out.len();
        out.extend([0; 4]);
    }
    out
}

#[test]
fn a_fax_of_several_pages_is_read_page_by_page() {
    let pages = [stripes(203, 50), stripes(64, 31), stripes(1728, 20)];
    let (got, result) = seen(&fax_file(&pages), &Limits::default());
    assert_eq!(result, Ok(()));
    for ((number, rows), page) in (1..).zip(&pages).zip(&got) {
        assert_eq!((page.0, page.1, page.2), (number, rows[0].len(), rows.len()));
        assert_eq!(page.3, points(rows), "page {number}");
        assert_eq!((page.4, &page.5), (Some(300), &vec![Sign::Machine]));
    }
    let few = Limits { pages: 2, ..Limits::default() };
    let (got, result) = seen(&fax_file(&pages), &few);
    assert_eq!((got.len(), result), (2, Err(Unseen::Pages)));
}

fn of_raster(kind: Raster, bytes: &[u8]) -> (Vec<u8>, Result<(), Unseen>) {
    let mut got = Vec::new();
    let result = raster(kind, bytes, &Limits::default(), &mut |page| got = page.picture.gray.to_vec());
    (got, result)
}

#[test]
fn rasters_of_a_pdf_are_read() {
    let rows = stripes(300, 40);
    let fax = Raster::Fax { columns: 300, rows: 40, k: -1 };
    assert_eq!(of_raster(fax, &g4(&rows)), (points(&rows), Ok(())));
    let unknown = Raster::Fax { columns: 300, rows: 0, k: -1 };
    assert_eq!(of_raster(unknown, &g4(&rows)), (points(&rows), Ok(())));
    let samples = |bits, components| Raster::Samples { columns: 10, rows: 2, bits, components };
    assert_eq!(of_raster(samples(1, 1), &[0b0100_0000, 0, 0b0100_0000, 0]).0[..3], [255, 0, 255], "ink on paper");
    assert_eq!(of_raster(samples(8, 3), &[9; 60]), (vec![9; 20], Ok(())));
    assert_eq!(of_raster(samples(8, 1), &[9; 15]).1, Err(Unseen::Damaged));
    assert_eq!(of_raster(samples(8, 2), &[9; 40]).1, Err(Unseen::Format));
}

#[test]
fn a_header_of_many_points_is_no_reason_to_hold_them() {
    let limits = Limits { points: 1_000_000, memory: 4 << 20, ..Limits::default() };
    let mut jpeg = encoded(&DynamicImage::ImageRgb8(picture(64, 64)), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a frame");
    jpeg[frame + 5..frame + 9].fill(0xFF);
    let mut png = encoded(&DynamicImage::ImageRgb8(picture(64, 64)), ImageFormat::Png);
    png[16..24].fill(0x7F);
    let mut bmp = encoded(&DynamicImage::ImageRgb8(picture(64, 64)), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    let mut gif = encoded(&DynamicImage::ImageRgb8(picture(64, 64)), ImageFormat::Gif);
    let image = gif.iter().position(|byte| *byte == b',').expect("a frame");
    gif[image + 5..image + 9].fill(0xFF);
    for bytes in [jpeg, bmp, gif] {
        assert_eq!(seen(&bytes, &limits), (vec![], Err(Unseen::Points)));
    }
    // The sum over the header of a PNG no longer holds.
    assert!(matches!(seen(&png, &limits).1, Err(Unseen::Points | Unseen::Damaged)));
    let fax = Raster::Fax { columns: 60_000, rows: 60_000, k: -1 };
    assert_eq!(raster(fax, &[0; 40], &limits, &mut |_| ()), Err(Unseen::Points));
}

#[test]
fn what_is_not_decoded_is_told() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    let jpx = b"\0\0\0\x0CjP  \r\n\x87\n";
    for bytes in [&heic[..], jpx, b"", b"text", b"%PDF-1.7"] {
        assert_eq!(seen(bytes, &Limits::default()), (vec![], Err(Unseen::Format)));
    }
}

#[test]
fn half_a_file_is_half_a_picture_or_none() {
    let colours = DynamicImage::ImageRgb8(picture(120, 80));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = encoded(&colours, format);
        assert!(seen(&whole[..whole.len() / 2], &Limits::default()).1.is_err(), "{format:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_has_an_answer(format in 0usize..7, changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..12), cut in any::<u16>()) {
        let colours = DynamicImage::ImageRgb8(picture(60, 40));
        let formats = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Jpeg];
        let mut bytes = formats.get(format).map_or_else(|| fax_file(&[stripes(70, 30)]), |format| encoded(&colours, *format));
        for (at, value) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - usize::from(cut) % (bytes.len() / 2));
        let limits = Limits { points: 1 << 22, memory: 32 << 20, ..Limits::default() };
        let (pages, _) = seen(&bytes, &limits);
        prop_assert!(pages.iter().all(|page| page.1 * page.2 == page.3.len() && page.3.len() <= limits.points));
    }

    #[test]
    fn any_fax_has_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), columns in 0u32..3000, rows in 0u32..50, k in -1i32..2) {
        let limits = Limits { points: 200_000, ..Limits::default() };
        let _ = raster(Raster::Fax { columns, rows, k }, &bytes, &limits, &mut |page| {
            assert_eq!(page.picture.width * page.picture.height, page.picture.gray.len());
        });
    }
}
