//! Paths of files as they may be shown and as they are joined: parts that may be a person's become `?`, endings stay.

use crate::names::{self, HIDDEN};
use crate::recent::Recent;
use kuzet_event::FilePath;
use kuzet_personal::Key;
use std::sync::Arc;

/// A quarter of the folders that are remembered.
const FOLDERS: usize = 256;
/// Longest path that a folder is remembered by, and parts of a path that are shown.
const LONGEST: usize = 4 << 10;
const PARTS: usize = 32;
/// Endings of a name that are shown, and their longest.
const ENDINGS: usize = 2;
const ENDING: usize = 12;

/// What the path of an object begins with.
const OBJECTS: &str = "s3://";

/// Makes paths fit to be shown; remembers folders, which have many files.
pub struct Paths {
    key: Key,
    folders: Recent<(Arc<str>, u128)>,
}

impl Paths {
    /// For one source.
    #[must_use]
    pub fn new(key: &Key) -> Paths {
        Paths { key: key.clone(), folders: Recent::new(FOLDERS) }
    }

    /// The path of a file, without a slash at its end.
    pub fn path(&mut self, raw: &str) -> FilePath {
        let raw = if raw.len() > 1 { raw.trim_end_matches('/') } else { raw };
        let (parent, name) = raw.rsplit_once('/').unwrap_or(("", raw));
        let key = &self.key;
        let make = || (Arc::from(shown_path(parent)), path_key(key, parent));
        let made;
        let (shown, folder) = match parent.len() {
            ..=LONGEST => self.folders.get(&[parent.as_bytes()], make),
            _ => {
                made = make();
                &made
            }
        };
        let shown = Arc::from(if name.is_empty() { "/".to_owned() } else { format!("{shown}/{}", file_name(name)) });
        FilePath { shown, key: path_key(key, raw), folder: *folder }
    }

    /// The path of an object of a store of objects, from its bucket's name on.
    pub(crate) fn object(&mut self, raw: &str) -> FilePath {
        let path = self.path(&format!("/{}", raw.trim_start_matches('/')));
        FilePath { shown: Arc::from(format!("{OBJECTS}{}", path.shown.trim_start_matches('/'))), ..path }
    }
}

/// Keyed hash of a path.
#[must_use]
pub fn path_key(key: &Key, raw: &str) -> u128 {
    key.pseudonym("file path", raw.as_bytes())
}

/// A folder's path whose parts can be shown, or a bucket's: `s3://bucket/folder`.
#[must_use]
pub fn shown_path(raw: &str) -> String {
    if let Some(rest) = raw.strip_prefix(OBJECTS) {
        return format!("{OBJECTS}{}", shown_path(rest));
    }
    let parts: Vec<Arc<str>> = raw.split('/').take(PARTS).map(part).collect();
    parts.join("/")
}

fn part(raw: &str) -> Arc<str> {
    match raw.len() {
        0 => Arc::from(""),
        1..256 => names::object(raw.as_bytes()),
        _ => Arc::from(HIDDEN),
    }
}

/// A file's name. Of one that may be a person's the endings are shown: `?.pdf`, `?.docx.locked`.
fn file_name(raw: &str) -> String {
    let shown = part(raw);
    if *shown != *HIDDEN {
        return shown.to_string();
    }
    let mut rest = raw;
    let mut endings = Vec::new();
    while let Some((stem, ending)) = rest.rsplit_once('.').filter(|_| endings.len() < ENDINGS) {
        let plain = ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) && (1..=ENDING).contains(&ending.len());
        if !plain || *part(ending) == *HIDDEN {
            break;
        }
        endings.push(ending);
        rest = stem;
    }
    endings.iter().rev().fold(HIDDEN.to_owned(), |name, ending| name + "." + ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_and_their_numbers_are_not_shown() {
        let mut paths = Paths::new(&Key::new([7; 32]));
        let mut shown = |raw: &str| paths.path(raw).shown.to_string();
        assert_eq!(shown("/srv/dossiers/2026/contract.docx"), "/srv/dossiers/2026/contract.docx");
        assert_eq!(shown("/srv/Ахметов Нурлан/850830346939.pdf"), "/srv/?/?.pdf");
        assert_eq!(shown("/srv/d/Иванов Иван.docx.locked"), "/srv/d/?.docx.locked");
        assert_eq!(shown("/srv/d/a.850830346939"), "/srv/d/?");
        assert_eq!(
            [shown_path("s3://kyc/2026"), shown_path("s3://kyc/850830346939")],
            ["s3://kyc/2026".to_owned(), "s3://kyc/?".to_owned()]
        );
        assert_eq!((shown("/"), shown("/srv/"), shown("x")), ("/".to_owned(), "/srv".to_owned(), "/x".to_owned()));
    }

    #[test]
    fn keys_tell_apart_what_is_shown_alike() {
        let mut paths = Paths::new(&Key::new([7; 32]));
        let (one, other) = (paths.path("/d/Иванов Иван.pdf"), paths.path("/d/Петров Пётр.pdf"));
        assert_eq!((one.shown, one.folder), (other.shown, other.folder));
        assert_ne!(one.key, other.key);
        assert_eq!(paths.path("/d").key, one.folder);
    }
}
