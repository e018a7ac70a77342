//! The look inside one file, in the worker: bytes in, counts and keyed hashes out.

use super::SMALL;
use super::answer::READ;
use super::pictures::Pictures;
use super::tally::Tally;
use super::wire::{Asked, Told, hex, numbers};
use kuzet_document::{Input, Limits, Opener, Picture, Place, Remark, Sink, Verdict, Why};
use kuzet_personal::{Classifier, Scanner};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// Larger files have no digest: it would cost more than it saves.
const DIGESTED: u64 = 1 << 30;

/// Everything that a look needs, made once and used for every file.
pub(super) struct Look<'a> {
    /// The key of digests.
    key: [u8; 32],
    /// Small files, and parts of larger ones.
    buffer: Vec<u8>,
    opener: Opener,
    found: Found<'a>,
}

impl<'a> Look<'a> {
    pub(super) fn new(classifier: &'a Classifier, key: [u8; 32], tally: Tally) -> Look<'a> {
        let opener = Opener::new(Limits::default());
        Look { key, buffer: vec![0; SMALL], opener, found: Found::new(classifier, tally) }
    }

    /// Looks inside one file.
    pub(super) fn inspect(&mut self, file: BorrowedFd<'_>, asked: &Asked<'_>) -> Told<'static> {
        let mut told = Told::default();
        let mut source = Source { file, at: 0, failed: false };
        let filled = source.fill(&mut self.buffer, asked.size);
        let whole = filled < self.buffer.len();
        if asked.digest || !asked.known.is_empty() {
            let digest = if whole { Some(self.digest(filled)) } else { self.digest_of(file, asked.size) };
            if let Some(digest) = digest {
                hex(digest, told.digest.to_mut());
                if numbers(&asked.known).is_some_and(|known| known.first() == Some(&digest)) {
                    told.verdict = "same".into();
                    return told;
                }
            }
        }
        let (buffer, found) = (&self.buffer[..filled], &mut self.found);
        let name = format!("file.{}", asked.extension);
        let verdict = if whole {
            self.opener.open(Input::Whole(buffer), &name, found)
        } else if buffer.iter().all(|byte| *byte == 0) {
            // A hole, or a disk that nobody has written to: no text, however long it is.
            found.unseen.push((Why::Unknown.name(), 1));
            Verdict::Inspected
        } else {
            source.at = 0;
            self.opener.open(Input::Stream(&mut source), &name, found)
        };
        told.bytes = source.at;
        if source.failed {
            found.unseen.push((READ, 1));
        }
        found.tell(&verdict, &mut told);
        told
    }
}

impl Look<'_> {
    /// Of what is in the buffer.
    fn digest(&self, filled: usize) -> u128 {
        finish(blake3::Hasher::new_keyed(&self.key).update(&self.buffer[..filled]))
    }

    /// Of a larger file; nothing where it is too large or cannot be read.
    fn digest_of(&mut self, file: BorrowedFd<'_>, size: u64) -> Option<u128> {
        if size > DIGESTED {
            return None;
        }
        let mut source = Source { file, at: 0, failed: false };
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        loop {
            let filled = source.fill(&mut self.buffer, u64::MAX);
            hasher.update(&self.buffer[..filled]);
            if source.failed || source.at > DIGESTED {
                return None;
            }
            if filled < self.buffer.len() {
                return Some(finish(&hasher));
            }
        }
    }
}

fn finish(hasher: &blake3::Hasher) -> u128 {
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    u128::from_le_bytes(out)
}

/// A file, read by offset: who else holds it is not disturbed, and one that is cut meanwhile simply ends.
struct Source<'a> {
    file: BorrowedFd<'a>,
    at: u64,
    /// The device or the file system failed.
    failed: bool,
}

impl Source<'_> {
    /// Reads until `space` is full, the file ends or as much was read as it is told to hold.
    fn fill(&mut self, space: &mut [u8], size: u64) -> usize {
        let mut filled = 0;
        while filled < space.len() {
            match self.read(&mut space[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => filled += count,
            }
            if self.at == size {
                break;
            }
        }
        filled
    }
}

impl Read for Source<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::pread(self.file, &mut *space, self.at) {
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error.into());
                }
            }
        }
    }
}

/// What was found so far in one file.
struct Found<'a> {
    scanner: Scanner<'a>,
    tally: Tally,
    /// Where the last text was found.
    place: Place,
    /// The format of the file itself.
    format: &'static str,
    /// Text was found.
    text: bool,
    /// A picture was looked at.
    seen: bool,
    pictures: Pictures,
    /// What was not looked at besides, by reason.
    unseen: Vec<(&'static str, u32)>,
    encrypted: bool,
    macros: bool,
}

impl<'a> Found<'a> {
    fn new(classifier: &'a Classifier, tally: Tally) -> Found<'a> {
        Found {
            scanner: Scanner::new(classifier),
            tally,
            place: Place::default(),
            format: "",
            text: false,
            seen: false,
            pictures: Pictures::new(),
            unseen: Vec::new(),
            encrypted: false,
            macros: false,
        }
    }

    /// The text at a place is over: what stands at another does not explain it.
    fn finish(&mut self) {
        let Found { scanner, tally, .. } = self;
        scanner.finish(&mut |_, found, text| tally.take(found, text));
    }

    fn at(&mut self, place: &Place) {
        if *place != self.place {
            self.finish();
            self.place.clone_from(place);
        }
        if self.format.is_empty() {
            self.format = place.steps().first().map_or(place.format(), |(format, _)| *format).name();
        }
    }

    /// Writes what was found into `told` and begins anew.
    fn tell(&mut self, verdict: &Verdict, told: &mut Told<'_>) {
        self.finish();
        self.tally.tell(told);
        let reasons = verdict.reasons().into_iter().flat_map(kuzet_document::Reasons::each);
        let mut missed: BTreeMap<&str, u32> = reasons.map(|(why, times)| (why.name(), times)).collect();
        for (why, times) in self.unseen.drain(..) {
            *missed.entry(why).or_default() += times;
        }
        told.documents = self.pictures.take();
        // A picture that nobody could look at is not inspected, though it was found.
        let given = self.text || self.seen || !told.documents.is_empty();
        told.verdict = match verdict {
            _ if missed.is_empty() => "inspected",
            _ if given => "partly",
            _ => "not_inspected",
        }
        .into();
        told.format = std::mem::take(&mut self.format).into();
        told.missed = missed.into_iter().map(|(why, times)| (why.into(), times)).collect();
        (told.encrypted, told.macros) = (self.encrypted, self.macros);
        (self.text, self.seen, self.encrypted, self.macros) = (false, false, false, false);
        self.place = Place::default();
    }
}

impl Sink for Found<'_> {
    fn text(&mut self, place: &Place, run: &str) {
        self.at(place);
        self.text = true;
        let Found { scanner, tally, .. } = self;
        scanner.push(run.as_bytes(), &mut |_, found, text| tally.take(found, text));
    }

    fn picture(&mut self, place: &Place, kind: Picture, bytes: &[u8]) {
        self.at(place);
        match self.pictures.look(kind, bytes, &mut self.tally) {
            Some(why) => self.unseen.push((why, 1)),
            None => self.seen = true,
        }
    }

    fn remark(&mut self, place: &Place, remark: Remark) {
        self.at(place);
        match remark {
            Remark::Encrypted => self.encrypted = true,
            Remark::Macros => self.macros = true,
        }
    }
}
