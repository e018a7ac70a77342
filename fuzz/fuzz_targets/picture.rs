#![no_main]
//! Any bytes as a file of pictures, or as a raster of any size: gray pictures within the limits, or a reason.

use kuzet_idscan::{Limits, Raster, decode, raster};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { points: 1 << 22, memory: 64 << 20, pages: 8, ..Limits::default() };
    let mut page = |page: kuzet_idscan::Page<'_>| {
        let picture = page.picture;
        assert!(picture.width * picture.height == picture.gray.len() && picture.gray.len() <= limits.points);
    };
    let _ = decode(bytes, &limits, &mut page);
    if let Some(([columns, rows, kind], rest)) = bytes.split_first_chunk::<3>() {
        let (columns, rows) = (u32::from(*columns) * 8, u32::from(*rows));
        let fax = Raster::Fax { columns, rows, k: i32::from(*kind % 3) - 1 };
        let samples = Raster::Samples { columns, rows, bits: 1 << (kind % 5), components: kind / 5 % 5 };
        let _ = raster(fax, rest, &limits, &mut page);
        let _ = raster(samples, rest, &limits, &mut page);
    }
});
