//! A sink that remembers, shared by the tests.
#![allow(dead_code, unreachable_pub)] // each test binary uses a part

use kuzet_document::{Format, Input, Limits, Picture, Place, Remark, Sink, Verdict, open};

/// What was found in a file.
pub struct Found {
    pub text: String,
    pub formats: Vec<Format>,
    pub pictures: Vec<(Picture, Vec<u8>)>,
    pub remarks: Vec<Remark>,
    pub verdict: Verdict,
}

impl Default for Found {
    fn default() -> Found {
        Found {
            text: String::new(),
            formats: Vec::new(),
            pictures: Vec::new(),
            remarks: Vec::new(),
            verdict: Verdict::Inspected,
        }
    }
}

impl Sink for Found {
    fn text(&mut self, place: &Place, run: &str) {
        self.text.push_str(run);
        self.met(place);
    }

    fn picture(&mut self, place: &Place, kind: Picture, bytes: &[u8]) {
        self.pictures.push((kind, bytes.to_vec()));
        self.met(place);
    }

    fn remark(&mut self, _: &Place, remark: Remark) {
        self.remarks.push(remark);
    }
}

impl Found {
    fn met(&mut self, place: &Place) {
        self.formats.push(place.format());
        self.formats.extend(place.steps().iter().map(|(format, _)| *format));
    }

    /// What is found in a file of the corpus.
    pub fn of(name: &str) -> Found {
        Found::within(&std::fs::read(data(name)).unwrap(), &Limits::default())
    }

    pub fn within(bytes: &[u8], limits: &Limits) -> Found {
        let mut found = Found::default();
        found.verdict = open(Input::Whole(bytes), "", limits, &mut found);
        found
    }
}

/// The path of a file of the corpus.
pub fn data(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Every file of the corpus with its name.
pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(data("")).unwrap().map(|entry| entry.unwrap());
    let named = files.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()));
    let mut all: Vec<(String, Vec<u8>)> = named.filter(|(name, _)| name != "SOURCE").collect();
    all.sort();
    all
}
