//! What `classify` and `scan` say alike of what is inside files: documents of JSON, and words for people.

use super::output;
use crate::config::Config;
use crate::state;
use crate::worker::IdentityScan;
use kuzet_detect::{RESERVED, reserved_iin};
use kuzet_incident::thousands;
use kuzet_personal::{Category, Key, Kind, Sureness};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Values of one kind by how sure they are.
#[derive(Serialize)]
pub(super) struct Found {
    kind: &'static str,
    category: Option<&'static str>,
    certain: u64,
    strong: u64,
    likely: u64,
    weak: u64,
}

impl Found {
    pub(super) fn of(kinds: &[(Kind, Sureness)]) -> Vec<Found> {
        let found = |(kind, of): &(Kind, Sureness)| Found {
            kind: kind.name(),
            category: kind.category().map(Category::code),
            certain: of.certain,
            strong: of.strong,
            likely: of.likely,
            weak: of.weak,
        };
        kinds.iter().map(found).collect()
    }

    /// A table for people; no lines where there is nothing.
    pub(super) fn table(all: &[Found]) -> Vec<String> {
        let row = |found: &Found| {
            let numbers = [found.certain, found.strong, found.likely, found.weak].map(thousands);
            let category = found.category.unwrap_or("not personal").to_owned();
            [format!("  {}", found.kind), category].into_iter().chain(numbers).collect()
        };
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        output::table(&["  kind", "category", "certain", "strong", "likely", "weak"], &rows)
    }
}

/// Why something was not looked at.
#[derive(Serialize)]
pub(super) struct Missed {
    why: &'static str,
    count: u32,
}

impl Missed {
    pub(super) fn of(missed: &[(&'static str, u32)]) -> Vec<Missed> {
        missed.iter().map(|(why, count)| Missed { why, count: *count }).collect()
    }

    /// The reason in words.
    pub(super) fn words(&self) -> &'static str {
        words(self.why)
    }

    /// How often, where it was more than once.
    pub(super) fn times(&self) -> String {
        if self.count > 1 { format!(" ({} times)", thousands(u64::from(self.count))) } else { String::new() }
    }
}

/// A reason for not looking, in words.
pub(super) fn words(why: &'static str) -> &'static str {
    match why {
        "encrypted" => "it is encrypted",
        "damaged" => "it is damaged or cut",
        "unknown" => "nothing that is known here",
        "unsupported" => "a format that is not read",
        "glyphs" => "a font that does not tell its letters",
        "size" => "too large to be held in memory",
        "output" => "more comes out of it than may",
        "ratio" => "it grows too much when it is unpacked",
        "depth" => "files in files in files",
        "members" => "too many members",
        "pages" => "too many pages",
        "pixels" => "a picture with too many pixels",
        "work" => "too much work",
        "read" => "the file system failed to read it",
        "crashed" => "the worker crashed over it",
        "timeout" => "it took too long",
        "garbled" => "the worker did not make sense over it",
        "open" => "it could not be opened",
        "closed" => "folders that could not be opened",
        "link" => "links, which are not followed",
        "special" => "sockets, pipes and devices",
        "mount" => "other file systems mounted there (--cross walks them)",
        "unreal" => "file systems of the kernel",
        "too_deep" => "folders too deep in folders",
        other => other,
    }
}

/// An identity document in a picture.
#[derive(Serialize)]
pub(super) struct Scan {
    kind: &'static str,
    state: String,
    side: &'static str,
    confidence: &'static str,
    check_digits: u8,
    page: u32,
    signs: Vec<&'static str>,
}

impl From<IdentityScan> for Scan {
    fn from(from: IdentityScan) -> Scan {
        let IdentityScan { kind, state, side, confidence, checks, page, signs } = from;
        Scan { kind, state, side, confidence, check_digits: checks, page, signs }
    }
}

impl Scan {
    /// What it is, carefully: an electronic copy may be lawful.
    pub(super) fn words(&self) -> String {
        let state = if self.state.is_empty() { "unknown state" } else { &self.state };
        let kind = self.kind.replace('_', " ");
        let paper = if self.signs.is_empty() {
            String::new()
        } else {
            format!("; signs of a paper copy: {}", self.signs.join(", ").replace('_', " "))
        };
        format!("image of an identity document on page {}: {kind} of {state}, {}{paper}", self.page, self.confidence)
    }
}

/// Hashes of the numbers that this host reserves, under `key`; none where no agent has run.
pub(super) fn canaries(config: Option<&Path>, key: &[u8; 32]) -> Vec<u128> {
    let state = Config::load(config).map(|(config, _)| config.state).ok();
    let host = state.and_then(|state| state::key_if_any(&state).ok()).flatten();
    let key = Key::new(*key);
    let hash = |host: &Key, number| key.pseudonym(Kind::Iin.name(), reserved_iin(host, number).as_bytes());
    host.iter().flat_map(|host| (0..RESERVED).map(move |number| hash(host, number))).collect()
}

/// 1 when something was found, else 2 when something could not be read, else 0.
pub(super) fn outcome(found: bool, failed: bool) -> ExitCode {
    ExitCode::from(if found { 1 } else { 2 * u8::from(failed) })
}
