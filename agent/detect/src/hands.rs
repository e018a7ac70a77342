//! What one account did to files lately: how many different ones it read, changed and removed, in which store.

use crate::Thresholds;
use crate::policy::Doing;
use kuzet_event::{Deed, FileAct};
use serde::{Deserialize, Serialize};

/// Stores of one account that are remembered, and endings of names of one store.
const SOME: usize = 4;

/// Different files of the window, the latest last; as many as are asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recent(Vec<(u64, i64)>);

impl Recent {
    /// Notes a file; gives how many there are now, at most `most`.
    fn note(&mut self, file: u64, at: i64, window: i64, most: u64) -> u64 {
        self.0.retain(|(one, then)| *one != file && at.saturating_sub(*then) <= window);
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        let extra = (self.0.len() + 1).saturating_sub(most);
        self.0.drain(..extra);
        self.0.push((file, at));
        self.0.len() as u64
    }

    fn count(&self, at: i64, window: i64) -> u64 {
        self.0.iter().filter(|(_, then)| at.saturating_sub(*then) <= window).count() as u64
    }
}

/// What it did in one store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Of {
    store: u64,
    latest: i64,
    read: Recent,
    written: Recent,
    removed: Recent,
    /// Files that came to have a strange ending, by it.
    strange: Vec<(String, Recent)>,
}

/// What one account did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hand {
    pub(crate) last: i64,
    stores: Vec<Of>,
}

/// What a deed comes to with those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Different files of the store read, changed or removed within the window: those of this deed's sort.
    pub(crate) files: u64,
    /// Files that came to have this one strange ending.
    pub(crate) strange: Option<(String, u64)>,
}

impl Hand {
    /// Notes a deed in a store.
    pub(crate) fn note(&mut self, act: &FileAct, doing: Doing, store: u64, at: i64, thresholds: &Thresholds) -> Tally {
        let window = window(thresholds);
        self.last = self.last.max(at);
        let of = self.of(store);
        of.latest = of.latest.max(at);
        let file = act.path.key as u64;
        let (list, most) = match doing {
            Doing::Read => (&mut of.read, thresholds.bulk_files.max(thresholds.staging_files)),
            Doing::Update => (&mut of.written, thresholds.change_files),
            Doing::Delete => (&mut of.removed, thresholds.change_files),
            _ => return Tally { files: 0, strange: of.strange(act, at, window, thresholds) },
        };
        let files = list.note(file, at, window, most);
        Tally { files, strange: of.strange(act, at, window, thresholds) }
    }

    /// The store of which it read most files within the window, and how many.
    pub(crate) fn gathered(&self, at: i64, thresholds: &Thresholds) -> Option<(u64, u64)> {
        let counts = self.stores.iter().map(|of| (of.store, of.read.count(at, window(thresholds))));
        counts.max_by_key(|(store, count)| (*count, *store))
    }

    fn of(&mut self, store: u64) -> &mut Of {
        let at = match self.stores.iter().position(|of| of.store == store) {
            Some(at) => at,
            None => {
                if self.stores.len() >= SOME {
                    let oldest = self.stores.iter().enumerate().min_by_key(|(_, of)| (of.latest, of.store));
                    let oldest = oldest.map_or(0, |(at, _)| at);
                    self.stores.remove(oldest);
                }
                self.stores.push(Of { store, ..Of::default() });
                self.stores.len() - 1
            }
        };
        &mut self.stores[at]
    }
}

impl Of {
    fn strange(&mut self, act: &FileAct, at: i64, window: i64, thresholds: &Thresholds) -> Option<(String, u64)> {
        let ending = strange_ending(act)?;
        let place = match self.strange.iter().position(|(one, _)| one == ending) {
            Some(place) => place,
            None => {
                if self.strange.len() >= SOME {
                    self.strange.remove(0);
                }
                self.strange.push((ending.to_owned(), Recent::default()));
                self.strange.len() - 1
            }
        };
        let (ending, files) = &mut self.strange[place];
        let count = files.note(act.path.key as u64, at, window, thresholds.encryption_files);
        Some((ending.clone(), count))
    }
}

fn window(thresholds: &Thresholds) -> i64 {
    i64::try_from(thresholds.window_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Endings of files that people work with.
const ORDINARY: [&str; 39] = [
    "doc", "docx", "docm", "xls", "xlsx", "xlsm", "ppt", "pptx", "odt", "ods", "rtf", "txt", "csv", "tsv", "pdf",
    "xml", "json", "html", "htm", "sql", "log", "md", "jpg", "jpeg", "png", "tif", "tiff", "gif", "bmp", "webp",
    "heic", "eml", "msg", "dbf", "db", "sqlite", "parquet", "p7m", "sig",
];
/// Endings that programs give for a moment.
const PASSING: [&str; 10] = ["tmp", "temp", "part", "partial", "bak", "old", "orig", "swp", "lock", "crdownload"];
/// Endings of archives and of what is encrypted on purpose.
const ARCHIVES: [&str; 22] = [
    "zip", "7z", "rar", "tar", "gz", "tgz", "bz2", "tbz", "xz", "txz", "zst", "tzst", "lz4", "lzma", "arj", "cab",
    "iso", "gpg", "pgp", "age", "enc", "aes",
];

/// The ending of a name, as it stands; `None` where there is none that looks like one.
fn ending(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let (stem, ending) = name.rsplit_once('.')?;
    let plain = ending.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@'));
    (!stem.is_empty() && (1..=32).contains(&ending.len()) && plain).then_some(ending)
}

fn is_of(list: &[&str], ending: &str) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(ending))
}

/// Whether a path is named like an archive.
pub(crate) fn is_archive(path: &str) -> bool {
    ending(path).is_some_and(|ending| is_of(&ARCHIVES, ending))
}

/// The ending that a file has now and no program of people gives: `a.docx` became `a.docx.locked`.
fn strange_ending(act: &FileAct) -> Option<&str> {
    let now = match act.deed {
        Deed::Rename => &act.to.as_ref()?.shown,
        Deed::Create => &act.path.shown,
        _ => return None,
    };
    let last = ending(now)?;
    // Old logs are counted.
    let number = last.bytes().all(|byte| byte.is_ascii_digit());
    if number || is_of(&ORDINARY, last) || is_of(&PASSING, last) {
        return None;
    }
    // Before it stands the ending that it had, or the file was called otherwise before.
    let before = now.strip_suffix(last)?.strip_suffix('.')?;
    let kept = ending(before).is_some_and(|inner| is_of(&ORDINARY, inner));
    let renamed = act.deed == Deed::Rename && ending(&act.path.shown).is_some_and(|old| is_of(&ORDINARY, old));
    (kept || renamed).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kuzet_event::{Count, FilePath};
    use std::sync::Arc;

    fn path(text: &str) -> FilePath {
        FilePath { shown: Arc::from(text), key: crate::hash::wide(&[text.as_bytes()]), folder: 0 }
    }

    fn act(deed: Deed, from: &str, to: Option<&str>) -> FileAct {
        FileAct { deed, path: path(from), to: to.map(path), folder: false, bytes: Count::Unknown, holding: None }
    }

    #[test]
    fn what_ransomware_leaves_is_strange_and_what_an_office_does_is_not() {
        let strange = |deed, from, to| strange_ending(&act(deed, from, to)).map(str::to_owned);
        let locked = Some("locked".to_owned());
        assert_eq!(strange(Deed::Rename, "/s/a.docx", Some("/s/a.docx.locked")), locked);
        assert_eq!(strange(Deed::Rename, "/s/a.docx", Some("/s/0f3a.locked")), locked);
        assert_eq!(strange(Deed::Create, "/s/a.pdf.locked", None), locked);
        assert_eq!(strange(Deed::Rename, "/s/a.docx", Some("/s/~WRL0003.tmp")), None);
        assert_eq!(strange(Deed::Rename, "/s/~WRD0001.tmp", Some("/s/a.docx")), None);
        assert_eq!(strange(Deed::Create, "/s/report.final.docx", None), None);
        assert_eq!(strange(Deed::Create, "/s/app.log.1", None), None);
        assert_eq!(strange(Deed::Write, "/s/a.pdf.locked", None), None);
        assert!(is_archive("/tmp/x.tar.GZ") && !is_archive("/tmp/zip"));
    }

    #[test]
    fn different_files_of_the_window_are_counted() {
        let thresholds = Thresholds { window_seconds: 10, bulk_files: 3, staging_files: 1, ..Thresholds::default() };
        let mut hand = Hand::default();
        let mut read = |name: &str, second: i64| {
            hand.note(&act(Deed::Read, name, None), Doing::Read, 7, second * 1_000_000, &thresholds).files
        };
        let told =
            [("a", 0), ("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 13), ("e", 40)].map(|(name, at)| read(name, at));
        assert_eq!(told, [1, 1, 2, 3, 3, 3, 1]);
        assert_eq!(hand.gathered(41_000_000, &thresholds), Some((7, 1)));
    }
}
