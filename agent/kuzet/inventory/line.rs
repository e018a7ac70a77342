//! The records of an inventory, as they are written down.

use super::book::{Keys, Seen};
use crate::inspect::Entry;
use crate::worker::{Answer, Verdict};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// People of one file that are told; the number tells of all.
const PEOPLE: usize = 4_096;

#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "inventory")]
    kind: &'static str,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<(String, String)>,
    /// Of a folder: [`super::book::MOUNTED`] where another file system begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'static str>,
    /// Of a folder that may not be looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<[&'static str; 1]>,
    #[serde(flatten)]
    file: Option<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    owner: &'a str,
    bytes: u64,
    signature: String,
    digest: String,
    known: bool,
    exposed: bool,
    persons: usize,
    people: Vec<String>,
    kinds: Vec<(&'static str, u64)>,
    documents: Vec<Document<'a>>,
    encrypted: bool,
    missed: Vec<&'static str>,
}

#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    state: &'a str,
    confidence: &'static str,
    page: u32,
    signs: &'a [&'static str],
}

impl<'a> Line<'a> {
    fn new(kind: &'static str, at: i64, path: Option<&Path>) -> Line<'a> {
        let path = path.map(|path| path.to_string_lossy().into_owned());
        Line { kind, at, path, keys: None, signature: None, missed: None, file: None }
    }

    /// A folder; `mounted`: another file system begins there.
    pub(super) fn folder(at: i64, path: &Path, mounted: bool) -> Line<'a> {
        Line { signature: mounted.then_some("1"), ..Line::new("folder", at, Some(path)) }
    }

    /// A folder that may not be looked into.
    pub(super) fn closed(at: i64, path: &Path) -> Line<'a> {
        Line { missed: Some(["open"]), ..Line::new("file", at, Some(path)) }
    }

    pub(super) fn gone(at: i64, (folder, path): Keys) -> Line<'a> {
        Line { keys: Some((format!("{folder:032x}"), format!("{path:032x}"))), ..Line::new("gone", at, None) }
    }

    pub(super) fn file(at: i64, entry: &Entry, answer: &'a Answer, seen: Seen, accounts: &'a Accounts) -> Line<'a> {
        let people = answer.people.hashes.iter().take(PEOPLE).map(ToString::to_string);
        // A kind that is no personal data says nothing of people.
        let personal = answer.kinds.iter().filter(|(kind, _)| kind.category().is_some());
        let document = |one: &'a crate::worker::IdentityScan| Document {
            kind: one.kind,
            state: &one.state,
            confidence: one.confidence,
            page: one.page,
            signs: &one.signs,
        };
        // Of a picture in which nobody looks for text, and of what is no document, nothing was missed that is meant here.
        let missed = match answer.verdict {
            Verdict::Inspected | Verdict::Same => Vec::new(),
            _ => answer.missed.iter().map(|(why, _)| *why).collect(),
        };
        let file = File {
            owner: accounts.name(entry.stat.st_uid),
            bytes: entry.size(),
            signature: format!("{:016x}", seen.signature),
            digest: format!("{:032x}", seen.digest),
            known: seen.known,
            exposed: seen.exposed,
            persons: answer.people.hashes.len(),
            people: people.collect(),
            kinds: personal.map(|(kind, of)| (kind.name(), of.total())).collect(),
            documents: answer.documents.iter().map(document).collect(),
            encrypted: answer.encrypted,
            missed,
        };
        Line { file: Some(file), ..Line::new("file", at, Some(&entry.path())) }
    }

    /// One line, without its end.
    pub(super) fn record(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Names of accounts, by number.
pub(super) struct Accounts(HashMap<u32, String>);

impl Accounts {
    /// As this host lists them; those of a directory have their number.
    pub(super) fn read() -> Accounts {
        let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = |line: &str| {
            let mut parts = line.split(':');
            let name = parts.next()?.to_owned();
            Some((parts.nth(1)?.parse().ok()?, name))
        };
        Accounts(text.lines().filter_map(name).collect())
    }

    fn name(&self, user: u32) -> &str {
        self.0.get(&user).map_or("", String::as_str)
    }
}
