//! One file of every format, made by `make.py`: what stands in it is found, what cannot be read is told.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)] // tests read their fixtures

mod support;

use kuzet_document::{Format, Input, Limits, Remark, Verdict, Why, open};
use support::{Found, data};

const IIN: [&str; 2] = ["110101193346", "251231209860"];
const PHONE: &str = "+77010000002";
const NAME: &str = "Иванов Иван";
const KAZAKH: &str = "Әлібек Қасымов";

/// The file, the format of its text, how many pictures are in it, and what is not in it that is in the others.
const FILES: &[(&str, Format, usize, &[&str])] = &[
    ("utf8.txt", Format::Text, 0, &[]),
    ("utf16le.txt", Format::Text, 0, &[]),
    ("utf16be.txt", Format::Text, 0, &[]),
    ("cp1251.txt", Format::Text, 0, &[KAZAKH]),
    ("cp866.txt", Format::Text, 0, &[KAZAKH]),
    ("koi8r.txt", Format::Text, 0, &[KAZAKH]),
    ("kz1048.txt", Format::Text, 0, &[]),
    ("ptcp154.txt", Format::Text, 0, &[]),
    ("table.csv", Format::Text, 0, &[]),
    ("people.json", Format::Text, 0, &[]),
    ("dump.sql", Format::Text, 0, &[]),
    ("people.xml", Format::Xml, 0, &[]),
    ("page.html", Format::Html, 0, &[]),
    ("letter.rtf", Format::Rtf, 1, &[]),
    ("dossier.docx", Format::OfficeXml, 1, &[]),
    ("register.xlsx", Format::OfficeXml, 1, &[]),
    ("slides.pptx", Format::OfficeXml, 1, &[]),
    ("letter.odt", Format::OpenDocument, 0, &[]),
    ("register.ods", Format::OpenDocument, 0, &[]),
    ("register.xls", Format::Xls, 0, &[]),
    ("drawn.xls", Format::Xls, 1, &[]),
    ("dossier.doc", Format::Doc, 1, &[]),
    ("dossier.rtf", Format::Rtf, 1, &[]),
    ("dossier.pdf", Format::Pdf, 1, &[]),
    ("slides.odp", Format::OpenDocument, 1, &[]),
    ("slides.ppt.gz", Format::Ppt, 1, &[]),
    ("letter.msg", Format::Msg, 1, &[]),
    ("contract.pdf", Format::Pdf, 2, &[]),
    ("objects.pdf", Format::Pdf, 2, &[]),
    ("printonly.pdf", Format::Pdf, 2, &[]),
    ("printonly128.pdf", Format::Pdf, 2, &[]),
    ("printonly256.pdf", Format::Pdf, 2, &[]),
    ("letter.eml", Format::Mail, 1, &[]),
    ("people.zip", Format::Zip, 1, &[]),
    ("people.tar.gz", Format::Gzip, 1, &[]),
    ("people.txt.bz2", Format::Bzip2, 0, &[]),
    ("people.tar.xz", Format::Xz, 1, &[]),
    ("people.txt.zst", Format::Zstd, 0, &[]),
    ("people.7z", Format::SevenZip, 0, &[]),
    ("lzma.7z", Format::SevenZip, 0, &[]),
    ("bzip2.7z", Format::SevenZip, 0, &[]),
    ("clients.sqlite", Format::Sqlite, 1, &[]),
    ("clients.dump", Format::PgDump, 1, &[]),
    ("plain.dump", Format::PgDump, 1, &[]),
];

#[test]
fn what_stands_in_a_file_is_found() {
    let mut wrong = Vec::new();
    for (name, format, pictures, absent) in FILES {
        let found = Found::of(name);
        for token in [IIN[0], IIN[1], PHONE, NAME, KAZAKH] {
            if !absent.contains(&token) && !found.text.contains(token) {
                wrong.push(format!("{name}: {token} is not found"));
            }
        }
        if found.verdict != Verdict::Inspected {
            wrong.push(format!("{name}: {:?}", found.verdict));
        }
        if !found.formats.contains(format) {
            wrong.push(format!("{name}: {format:?} is not among {:?}", found.formats));
        }
        if found.pictures.len() != *pictures {
            wrong.push(format!("{name}: {} pictures", found.pictures.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Formats that are recognised and not read.
const UNREAD: [Format; 4] = [Format::Compound, Format::Rar, Format::Parquet, Format::Unknown];

#[test]
fn every_format_has_a_file() {
    let met: Vec<Format> = FILES.iter().flat_map(|(name, ..)| Found::of(name).formats).collect();
    for format in Format::all().filter(|format| !UNREAD.contains(format)) {
        assert!(met.contains(&format), "{format:?} is in no file of the corpus");
    }
}

#[test]
fn what_is_not_read_is_recognised() {
    for (bytes, why) in [
        (&b"Rar!\x1A\x07\x01\0 and more"[..], Why::Unsupported),
        (b"PAR1\x15\x04\x15\x10\x15\x14PAR1", Why::Unsupported),
        (b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3E\0\x01\0\0\0", Why::Unknown),
    ] {
        let Verdict::NotInspected(reasons) = Found::within(bytes, &Limits::default()).verdict else {
            panic!("{why:?}")
        };
        assert_eq!(reasons.of(why), 1, "{reasons:?}");
    }
}

#[test]
fn no_file_of_the_corpus_is_left_out() {
    for name in std::fs::read_dir(data("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let listed = FILES.iter().any(|(known, ..)| *known == name) || LOCKED.contains(&&name[..]);
        assert!(listed || name == "SOURCE", "{name} is in no list");
    }
}

/// Files that are encrypted.
const LOCKED: &[&str] = &["locked.zip", "locked.7z", "locked.pdf"];

#[test]
fn what_is_encrypted_is_told_so() {
    for name in LOCKED {
        let found = Found::of(name);
        let Verdict::NotInspected(reasons) = &found.verdict else { panic!("{name}: {:?}", found.verdict) };
        assert!(reasons.of(Why::Encrypted) > 0, "{name}: {reasons:?}");
        assert!(found.remarks.contains(&Remark::Encrypted), "{name}");
    }
}

#[test]
fn a_stream_gives_what_bytes_give() {
    for (name, ..) in FILES {
        let bytes = std::fs::read(data(name)).unwrap();
        let (mut whole, mut stream) = (Found::default(), Found::default());
        let limits = Limits::default();
        let verdicts = [
            open(Input::Whole(&bytes), "", &limits, &mut whole),
            open(Input::Stream(&mut &bytes[..]), "", &limits, &mut stream),
        ];
        assert_eq!(verdicts[0], verdicts[1], "{name}");
        assert_eq!((whole.text, whole.pictures), (stream.text, stream.pictures), "{name}");
    }
}
