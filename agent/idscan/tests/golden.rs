//! Pictures of made-up documents and of things that are none, read again in every build.

#![allow(clippy::expect_used, clippy::panic)] // helpers outside #[test] functions

use kuzet_idscan::{Confidence, Finding, Limits, Picture, Scan, Scanner};
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
        Scanner::new().scan(&picture, &Limits::default(), pseudonym)
    }
}

fn told(finding: &Finding) -> String {
    let sure = if finding.confidence == Confidence::Certain { "certain" } else { "probable" };
    format!("{} {} {sure}", finding.kind.name(), finding.state.code())
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
        let scan = Page::open(name).scan(&mut |_, _| 5);
        let mut found: Vec<String> = scan.findings.iter().map(told).collect();
        found.sort();
        assert_eq!(found, documents, "{name}");
        assert!(scan.unseen.is_none(), "{name}: {:?}", scan.unseen);
    }
}

#[test]
fn any_way_up() {
    for (name, documents) in expected().filter(|(name, _)| ["td1_00013.jpg", "td2_00001.png"].contains(name)) {
        let mut page = Page::open(name);
        for quarter in 1..4 {
            page = page.turned();
            let found: Vec<String> = page.scan(&mut |_, _| 5).findings.iter().map(told).collect();
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
    assert_eq!(scan.findings.iter().map(|finding| finding.holder).collect::<Vec<_>>(), [42]);
    assert!(asked.iter().all(|(domain, long)| domain == "document" && *long == 12), "state and number");
    assert_eq!(asked.len(), 1);
}

#[test]
fn the_region_lies_in_the_picture() {
    for (name, _) in expected() {
        let page = Page::open(name);
        for finding in page.scan(&mut |_, _| 5).findings {
            let region = finding.region;
            assert!(region.width > 100 || region.height > 100, "{name}");
            assert!(region.left + region.width <= page.width && region.top + region.height <= page.height, "{name}");
        }
    }
}
