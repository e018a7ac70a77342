#![no_main]
//! Any bytes as a picture of any width: an answer whose boxes lie inside, whether letters, noise or neither.

use kuzet_idscan::{Limits, Picture, Reader};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static READER: LazyLock<Reader> = LazyLock::new(Reader::new);

/// A zone of 8 points a letter takes half of this; what a larger one costs is only time.
const MOST: usize = 1 << 15;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MOST)];
    let Some((head, gray)) = bytes.split_first_chunk::<2>() else { return };
    let width = usize::from(u16::from_le_bytes(*head)).clamp(1, gray.len().max(1));
    let height = gray.len() / width;
    let picture = Picture { width, height, gray: &gray[..width * height] };
    let scan = READER.scan(&picture, &Limits::default(), &mut |_, _| 0);
    for document in scan.documents {
        let region = document.region;
        assert!(region.left + region.width <= width && region.top + region.height <= height);
    }
});
