//! Files made to cost much: each ends at a limit, and the limit is told.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)] // tests read their fixtures

mod support;

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use kuzet_document::{Input, Limits, Opener, Verdict, Why};
use support::Found;

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A zip archive whose entries all say that they are the one member `packed`, which is packed with `method`.
fn zip(packed: &[u8], method: u16, entries: u16) -> Vec<u8> {
    let size = u32::try_from(packed.len()).unwrap().to_le_bytes();
    let head = |bytes: &mut Vec<u8>| {
        bytes.extend([20, 0, 0, 0]);
        bytes.extend(method.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(size);
        bytes.extend(size);
        bytes.extend([1, 0, 0, 0]);
    };
    let mut bytes = b"PK\x03\x04".to_vec();
    head(&mut bytes);
    bytes.push(b'a');
    bytes.extend(packed);
    let directory = bytes.len();
    for _ in 0..entries {
        bytes.extend(b"PK\x01\x02\x14\0");
        head(&mut bytes);
        bytes.extend([0; 14]);
        bytes.push(b'a');
    }
    let length = bytes.len() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(entries.to_le_bytes());
    bytes.extend(entries.to_le_bytes());
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(directory).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// How often `why` is told of a file.
fn told(bytes: &[u8], limits: &Limits, why: Why) -> u32 {
    let found = Found::within(bytes, limits);
    found.verdict.reasons().unwrap_or_else(|| panic!("{why:?} is not met: {:?}", found.verdict)).of(why)
}

#[test]
fn a_bomb_is_left_at_the_ratio() {
    let bomb = deflated(&vec![b' '; 64 << 20]);
    assert_eq!(told(&zip(&bomb, 8, 1), &Limits::default(), Why::Ratio), 1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![0; 64 << 20]).unwrap();
    assert_eq!(told(&gzip.finish().unwrap(), &Limits::default(), Why::Ratio), 1);
}

#[test]
fn entries_that_share_one_member_are_members_each() {
    let text = "строка без людей, ".repeat(40);
    let bytes = zip(&deflated(text.as_bytes()), 8, 60_000);
    let limits = Limits { output: 8 << 20, ..Limits::default() };
    assert_eq!(told(&bytes, &limits, Why::Output), 1);
    assert!(Found::within(&bytes, &limits).text.len() <= 8 << 20);
    assert_eq!(told(&bytes, &Limits { members: 100, ..Limits::default() }, Why::Members), 1);
}

#[test]
fn archives_in_archives_are_left_at_the_depth() {
    let mut bytes = b"IIN 110101193346".to_vec();
    for _ in 0..20 {
        bytes = zip(&deflated(&bytes), 8, 1);
    }
    let found = Found::within(&bytes, &Limits::default());
    assert_eq!(found.verdict.reasons().unwrap().of(Why::Depth), 1);
    assert!(matches!(found.verdict, Verdict::NotInspected(_)));
}

/// Each of 200 entries is the archive itself, and each of its entries is it again.
#[test]
fn an_archive_in_itself_costs_what_the_limits_allow() {
    let inner = zip(b"text", 0, 200);
    let middle = zip(&inner, 0, 200);
    let bytes = zip(&middle, 0, 200);
    assert!(told(&bytes, &Limits::default(), Why::Members) > 0);
}

#[test]
fn entities_are_not_expanded() {
    let mut bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol0 \"lol\">\n".to_owned();
    for level in 1..10 {
        writeln!(bomb, "<!ENTITY lol{level} \"{}\">", format!("&lol{};", level - 1).repeat(10)).unwrap();
    }
    bomb.push_str("]>\n<lolz>&lol9; 110101193346</lolz>");
    let found = Found::within(bomb.as_bytes(), &Limits::default());
    assert_eq!(found.verdict, Verdict::Inspected);
    assert!(found.text.len() < 200 && found.text.contains("&lol9; 110101193346"), "{}", found.text);
}

#[test]
fn pictures_are_measured_by_their_headers() {
    let wide = 0xFFFFu16;
    let (little, big) = (u32::from(wide).to_le_bytes(), u32::from(wide).to_be_bytes());
    let png = [&b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"[..], &big, &big, &[8, 2, 0, 0, 0]].concat();
    let gif = [b"GIF89a", &wide.to_le_bytes()[..], &wide.to_le_bytes(), &[0; 3]].concat();
    let bmp = [&b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..], &little, &little, &[1, 0, 24, 0], &[0; 24]].concat();
    let jpeg =
        [&b"\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC0\0\x11\x08"[..], &wide.to_be_bytes(), &wide.to_be_bytes(), &[3; 12]]
            .concat();
    let entry = |tag: u8| [&[tag, 1, 4, 0, 1, 0, 0, 0][..], &little].concat();
    let tiff = [&b"II*\0\x08\0\0\0\x02\0"[..], &entry(0), &entry(1), &[0; 4]].concat();
    let webp = [&b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F"[..], &[0; 8]].concat();
    for picture in [png, gif, bmp, jpeg, tiff, webp] {
        let found = Found::within(&picture, &Limits::default());
        assert_eq!(found.verdict.reasons().map(|reasons| reasons.of(Why::Pixels)), Some(1), "{picture:?}");
        assert!(found.pictures.is_empty());
    }
}

#[test]
fn sizes_that_are_not_true_are_damage() {
    // A member that says it goes on behind the end.
    let mut bytes = zip(b"IIN 110101193346", 0, 1);
    let at = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[at + 22] = 0xFF;
    assert_eq!(told(&bytes, &Limits::default(), Why::Damaged), 1);
    // A length behind a gzip member that is not its length.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"IIN 110101193346").unwrap();
    let mut gzip = gzip.finish().unwrap();
    *gzip.last_mut().unwrap() ^= 1;
    let found = Found::within(&gzip, &Limits::default());
    assert!(found.text.contains("110101193346") && matches!(found.verdict, Verdict::Partly(_)));
    // A file in a tar archive that is longer than the archive.
    let mut tar = vec![0; 512];
    tar[..5].copy_from_slice(b"a.txt");
    tar[124..136].copy_from_slice(b"77777777777\0");
    tar[148..156].fill(b' ');
    tar[156] = b'0';
    let sum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(b"IIN 110101193346");
    let found = Found::within(&tar, &Limits::default());
    assert!(found.text.contains("110101193346") && matches!(found.verdict, Verdict::Partly(_)), "{:?}", found.verdict);
}

#[test]
fn what_is_nested_deeply_is_read_all_the_same() {
    let rtf = format!("{{\\rtf1 {} 110101193346 {}}}", "{".repeat(100_000), "}".repeat(100_000));
    assert!(Found::within(rtf.as_bytes(), &Limits::default()).text.contains("110101193346"));
    let page = format!("<html>{}110101193346", "<div>".repeat(100_000));
    assert!(Found::within(page.as_bytes(), &Limits::default()).text.contains("110101193346"));
    let pdf = format!("%PDF-1.4\n1 0 obj\n{}\nendobj\n%%EOF", "[<<".repeat(100_000));
    assert!(matches!(Found::within(pdf.as_bytes(), &Limits::default()).verdict, Verdict::NotInspected(_)));
}

/// Pages that are their own parents, forms that show themselves twice.
#[test]
fn circles_in_a_pdf_end() {
    let pdf = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n\
        2 0 obj\n<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Parent 2 0 R>>\nendobj\n\
        3 0 obj\n<</Type/Page/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>\nendobj\n\
        4 0 obj\n<</Length 12>>\nstream\n/F Do /F Do \nendstream\nendobj\n\
        5 0 obj\n<</Subtype/Form/Length 12/Resources<</XObject<</F 5 0 R>>>>>>\nstream\n/F Do /F Do \nendstream\nendobj\n%%EOF";
    let found = Found::within(pdf, &Limits { work: 1 << 24, ..Limits::default() });
    assert_eq!(found.verdict.reasons().map(|reasons| reasons.of(Why::Work)), Some(1), "{:?}", found.verdict);
}

#[test]
fn too_many_pages_are_told() {
    let kids: String = (10..200).map(|page| format!("{page} 0 R ")).collect();
    let mut pdf = format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[{kids}]>>\nendobj\n"
    );
    for page in 10..200 {
        writeln!(pdf, "{page} 0 obj\n<</Type/Page>>\nendobj").unwrap();
    }
    pdf.push_str("%%EOF");
    assert_eq!(told(pdf.as_bytes(), &Limits { pages: 100, ..Limits::default() }, Why::Pages), 1);
}

#[test]
fn what_may_not_be_held_is_told() {
    let bytes = zip(
        &deflated(
            &[b"%PDF-1.4\n".as_slice(), &(0..3_000_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()].concat(),
        ),
        8,
        1,
    );
    assert_eq!(told(&bytes, &Limits { held: 1 << 20, ..Limits::default() }, Why::Size), 1);
}

/// What was inflated before is still in the space that is used again, and a member may refer to bytes before its first.
#[test]
fn nothing_of_one_file_is_found_in_the_next() {
    let mut opener = Opener::new(Limits::default());
    let secret = "110101193346 ".repeat(3000);
    opener.open(Input::Whole(&zip(&deflated(secret.as_bytes()), 8, 1)), "", &mut Found::default());
    // A block of fixed codes: 258 bytes from 13 bytes back, where nothing is yet; then the end.
    let bits = "1".to_owned() + "10" + "11000101" + "00111" + "00" + "0000000";
    let packed: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | (bit - b'0') << at))
        .chain([0; 4])
        .collect();
    let mut found = Found::default();
    found.verdict = opener.open(Input::Whole(&zip(&packed, 8, 1)), "", &mut found);
    assert_eq!(found.text, "");
    assert_eq!(found.verdict.reasons().map(|reasons| reasons.of(Why::Damaged)), Some(1), "{:?}", found.verdict);
}
