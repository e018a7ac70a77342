//! Pictures of made-up documents and of things that are none, read again in every build.

#![allow(clippy::expect_used, clippy::panic)] // helpers outside #[test] functions

use kuzet_idscan::{Confidence, Document, Limits, Picture, Reader, Scan, Side, Sign};
use std::path::PathBuf;

struct Page {
    width: usize,
    height: usize,
    gray: Vec<u8>,
}

impl Page {
    fn open(name: &str) -> Page {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let gray = image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_luma8();
        Page { width: gray.width() as usize, height: gray.height() as usize, gray: gray.into_raw() }
    }

    /// A quarter to the right.
    fn turned(&self) -> Page {
        let (width, height) = (self.height, self.width);
        let point = |i: usize| self.gray[(self.height - 1 - i % width) * self.width + i / width];
        Page { width, height, gray: (0..width * height).map(point).collect() }
    }

    fn scan(&self, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) -> Scan {
        let picture = Picture { width: self.width, height: self.height, gray: &self.gray };
        Reader::new().scan(&picture, &Limits::default(), pseudonym)
    }
}

fn told(document: &Document) -> String {
    let sure = if document.confidence == Confidence::Certain { "certain" } else { "probable" };
    format!("{} {} {sure}", document.kind.name(), document.state.code())
}

/// Each picture of `expected.tsv` with the documents in it.
fn expected() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = include_str!("data/expected.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once('\t').expect("a tab"))
        .map(|(name, documents)| (name, documents.split(", ").filter(|document| !document.is_empty()).collect()))
}

#[test]
fn documents_are_found_and_nothing_else() {
    for (name, documents) in expected() {
        let page = Page::open(name);
        let scan = page.scan(&mut |_, _| 5);
        let mut found: Vec<String> = scan.documents.iter().map(told).collect();
        found.sort();
        assert_eq!(found, documents, "{name}");
        assert!(scan.unseen.is_none(), "{name}: {:?}", scan.unseen);
        for region in scan.documents.iter().map(|document| document.region) {
            assert!(region.width > 100 || region.height > 100, "{name}");
            assert!(region.left + region.width <= page.width && region.top + region.height <= page.height, "{name}");
        }
    }
}

#[test]
fn any_way_up() {
    for (name, documents) in
        expected().filter(|(name, _)| ["td1_00013.jpg", "td2_00001.png", "front_00039.jpg"].contains(name))
    {
        let mut page = Page::open(name);
        for quarter in 1..4 {
            page = page.turned();
            let found: Vec<String> = page.scan(&mut |_, _| 5).documents.iter().map(told).collect();
            assert_eq!(found, documents, "{name} turned by {quarter} quarters");
        }
    }
}

#[test]
fn a_person_is_what_the_caller_makes_of_it() {
    let mut asked = Vec::new();
    let scan = Page::open("td2_00001.png").scan(&mut |domain, value| {
        asked.push((domain.to_owned(), value.len()));
        42
    });
    assert_eq!(scan.documents.iter().map(|document| document.holder).collect::<Vec<_>>(), [Some(42)]);
    assert!(asked.iter().all(|(domain, long)| domain == "document" && *long == 12), "state and number");
    assert_eq!(asked.len(), 1);
}

#[test]
fn the_front_of_a_card_tells_its_person() {
    let mut asked = Vec::new();
    let scan = Page::open("front_00043.png").scan(&mut |domain, value| {
        asked.push((domain.to_owned(), value.len()));
        42
    });
    let document = scan.documents[0];
    assert_eq!((document.side, document.checks, document.dpi, document.holder), (Side::Front, 0, None, Some(42)));
    assert_eq!(asked, [("iin".to_owned(), 12)]);
}

#[test]
fn resolution_is_measured_by_the_letters() {
    for (name, dpi) in [("td1_00003.png", 300), ("td1_00010.jpg", 200), ("td1_00013.jpg", 150)] {
        let scan = Page::open(name).scan(&mut |_, _| 5);
        let seen = scan.documents[0].dpi.expect("a zone");
        assert!(seen.abs_diff(dpi) <= dpi / 16, "{name}: {seen}");
    }
}

#[test]
fn paper_shows() {
    let sheet = Page::open("sheet_00004.png").scan(&mut |_, _| 5);
    assert_eq!(sheet.signs, [Sign::Sheet, Sign::OneBit, Sign::Several]);
    assert_eq!(Page::open("td1_00010.jpg").scan(&mut |_, _| 5).signs, []);
}
