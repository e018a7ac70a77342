//! Which files a source has at this moment: matches of its patterns, their rotated names, and what cannot be looked at.

use super::archive::{Packing, packing, unpacked_name};
use super::identity::Node;
use super::{CurrentLogfiles, LogDestination, TailSource};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that may hold records of a source.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) path: Arc<Path>,
    pub(super) node: Node,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i128,
    pub(super) packing: Packing,
    /// A pattern names it; otherwise it is a rotated name of one that does or did.
    pub(super) matched: bool,
    /// Its name is the rotated name of another, whether a pattern names it or not.
    pub(super) rotated: bool,
}

impl Candidate {
    /// Whether records may be written to it now.
    pub(super) fn is_current(&self) -> bool {
        self.matched && !self.rotated
    }

    /// Older first: by last write; files of one moment by the number that rotation gave them, then by name.
    pub(super) fn age(&self) -> (i128, Reverse<u32>, &Path) {
        (self.modified, Reverse(rotation_number(&self.path)), &self.path)
    }

    /// The age without the name.
    pub(super) fn found(&self) -> (i128, Reverse<u32>) {
        (self.modified, Reverse(rotation_number(&self.path)))
    }
}

/// What a look at the directories of a source gave.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) candidates: BTreeMap<Node, Candidate>,
    /// Directories whose events matter.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Paths that cannot be looked at, and why.
    pub(super) unreadable: BTreeMap<PathBuf, String>,
    /// What else is wrong, in sentences.
    pub(super) problems: Vec<String>,
    /// Files left out because there are too many.
    pub(super) left_out: usize,
}

/// Looks at the file system. `known` are paths that were followed: their rotated names count too.
pub(super) fn scan<'a>(source: &TailSource, known: impl Iterator<Item = &'a Path>, most: usize) -> Scan {
    let mut scan = Scan::default();
    let mut bases: BTreeMap<PathBuf, HashSet<String>> = BTreeMap::new();
    for path in known {
        add_base(&mut bases, path);
    }
    let mut patterns = source.patterns.clone();
    if let Some(current) = &source.current_logfiles {
        scan.directories.extend(current.path.parent().map(Path::to_path_buf));
        match current_path(current) {
            Ok(path) => patterns.extend(current_patterns(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                scan.problems
                    .push(format!("{}: no such file; is the server's logging_collector on?", shown(&current.path)));
            }
            Err(error) => {
                scan.unreadable.insert(current.path.clone(), error.to_string());
            }
        }
    }
    let mut names = BTreeSet::new();
    for pattern in &patterns {
        scan.matches(pattern, &mut names);
        scan.directories.extend(pattern_directory(pattern));
        if !pattern.contains(['*', '?', '[']) {
            add_base(&mut bases, Path::new(pattern));
        }
    }
    for path in &names {
        add_base(&mut bases, path);
        scan.add(path, true);
    }
    for (directory, bases) in &bases {
        scan.relatives(directory, bases, &names);
    }
    for candidate in scan.candidates.values_mut() {
        let name = candidate.path.file_name().and_then(|name| name.to_str());
        let bases = candidate.path.parent().and_then(|directory| bases.get(directory));
        candidate.rotated = name.zip(bases).is_some_and(|(name, bases)| is_relative(name, bases));
    }
    scan.bound(most);
    if names.is_empty() {
        scan.problems.push("no file matches yet".to_owned());
    }
    scan
}

fn add_base(bases: &mut BTreeMap<PathBuf, HashSet<String>>, path: &Path) {
    if let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        bases.entry(directory.to_path_buf()).or_default().insert(name.to_owned());
    }
}

impl Scan {
    /// The last name with content of every dated series.
    pub(super) fn last_of_series(&self) -> BTreeMap<String, &Path> {
        let mut last = BTreeMap::new();
        for one in self.candidates.values().filter(|one| one.is_current() && one.size > 0) {
            if let Some(series) = series(&one.path) {
                let path = last.entry(series).or_insert(&*one.path);
                *path = (*path).max(&*one.path);
            }
        }
        last
    }

    /// Whether two looks found the same files under the same names.
    pub(super) fn agrees(&self, other: &Scan) -> bool {
        let names = |scan: &'_ Scan| -> Vec<(Node, Arc<Path>)> {
            scan.candidates.values().map(|one| (one.node, Arc::clone(&one.path))).collect()
        };
        names(self) == names(other)
    }

    fn matches(&mut self, pattern: &str, names: &mut BTreeSet<PathBuf>) {
        // Patterns were checked when the tailer was opened.
        let Ok(paths) = glob::glob(pattern) else { return };
        for path in paths {
            match path {
                Ok(path) => {
                    names.insert(path);
                }
                Err(error) => {
                    self.unreadable.insert(error.path().to_path_buf(), error.error().to_string());
                }
            }
        }
        // A link that leads nowhere exists for the directory and not for `glob`.
        let literal = Path::new(pattern);
        if !names.contains(literal) && literal.symlink_metadata().is_ok() {
            names.insert(literal.to_path_buf());
        }
    }

    fn add(&mut self, path: &Path, matched: bool) {
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            // Gone since its name was read, perhaps with another in its place by now; a link that leads nowhere is another
            // thing.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && !path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) =>
            {
                return;
            }
            Err(error) => {
                if matched {
                    self.unreadable.insert(path.to_path_buf(), error.to_string());
                }
                return;
            }
        };
        if metadata.is_dir() {
            return;
        }
        if !metadata.is_file() {
            if matched {
                self.problems.push(format!("{}: not a regular file, not followed", shown(path)));
            }
            return;
        }
        self.directories.extend(path.parent().map(Path::to_path_buf));
        if let Ok(real) = path.canonicalize()
            && real != path
        {
            self.directories.extend(real.parent().map(Path::to_path_buf));
        }
        let node = node(&metadata);
        // One file under two names is read once: under a matched name rather than another, else under the first.
        if self.candidates.get(&node).is_none_or(|other| matched && !other.matched) {
            self.candidates.insert(
                node,
                Candidate {
                    path: Arc::from(path),
                    node,
                    size: metadata.len(),
                    modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
                    packing: packing(path),
                    matched,
                    rotated: false,
                },
            );
        }
    }

    /// Rotated names of `bases`, which the patterns may not match.
    fn relatives(&mut self, directory: &Path, bases: &HashSet<String>, names: &BTreeSet<PathBuf>) {
        let entries = match directory.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                self.unreadable.insert(directory.to_path_buf(), error.to_string());
                return;
            }
        };
        self.directories.insert(directory.to_path_buf());
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if is_relative(name, bases) {
                let path = directory.join(name);
                if !names.contains(&path) {
                    self.add(&path, false);
                }
            }
        }
    }

    /// Keeps the files last written.
    fn bound(&mut self, most: usize) {
        if self.candidates.len() <= most {
            return;
        }
        let mut ages: Vec<(i128, Node)> = self.candidates.values().map(|one| (one.modified, one.node)).collect();
        ages.sort_unstable();
        self.left_out = ages.len() - most;
        for (_, node) in &ages[..self.left_out] {
            self.candidates.remove(node);
        }
        self.problems.push(format!(
            "{} files match and at most {most} are followed: the {} least recently written are left out; narrow the pattern",
            ages.len(),
            self.left_out
        ));
    }
}

/// What the names of one dated series have in common: the path with every run of digits made one, if there are enough of
/// them for a date or a time (`postgresql-2026-11-22_101500.csv`). `node1.log` and `node2.log` are no series.
pub(super) fn series(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let mut shape = path.parent()?.to_str()?.to_owned() + "/";
    for c in name.chars() {
        match c.is_ascii_digit() {
            true if shape.ends_with('0') => {}
            true => shape.push('0'),
            false => shape.push(c),
        }
    }
    (digits >= 6).then_some(shape)
}

pub(super) fn node(metadata: &Metadata) -> Node {
    Node { device: metadata.dev(), inode: metadata.ino() }
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

/// The directory of a pattern before its first wildcard.
fn pattern_directory(pattern: &str) -> Option<PathBuf> {
    let plain = pattern.find(['*', '?', '[']).map_or(pattern, |at| &pattern[..at]);
    let directory = &plain[..plain.rfind('/')?];
    Some(PathBuf::from(if directory.is_empty() { "/" } else { directory }))
}

/// The file that PostgreSQL writes to now.
fn current_path(current: &CurrentLogfiles) -> io::Result<PathBuf> {
    let word = match current.destination {
        LogDestination::Stderr => "stderr",
        LogDestination::Csvlog => "csvlog",
        LogDestination::Jsonlog => "jsonlog",
    };
    let text = std::fs::read_to_string(&current.path)?;
    let path = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).map(str::trim_end);
    let path = path.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such destination"))?;
    Ok(current.path.parent().unwrap_or(Path::new("/")).join(path))
}

/// The file itself, and those of other times: names that differ only in their digits.
fn current_patterns(path: &Path) -> Vec<String> {
    let (Some(directory), Some(name)) =
        (path.parent().and_then(Path::to_str), path.file_name().and_then(|n| n.to_str()))
    else {
        return Vec::new();
    };
    let mut shape = String::new();
    for digits in name.chars().map(|c| (c.is_ascii_digit(), c)) {
        match digits {
            (true, _) if shape.ends_with("[0-9]*") => {}
            (true, _) => shape.push_str("[0-9]*"),
            (false, other) => shape.push_str(&glob::Pattern::escape(&other.to_string())),
        }
    }
    let directory = glob::Pattern::escape(directory);
    vec![format!("{directory}/{}", glob::Pattern::escape(name)), format!("{directory}/{shape}")]
}

/// Whether `name` is a rotated or compressed name of one of `bases`: `x.log.1`, `x.log-20261122.gz`, `x-20261122.log`,
/// `x.1.log`, `x.log.old`.
fn is_relative(name: &str, bases: &HashSet<String>) -> bool {
    let (bare, packing) = unpacked_name(name);
    if packing != Packing::Plain && bases.contains(bare) {
        return true;
    }
    let separators = || bare.char_indices().filter(|(_, c)| matches!(c, '.' | '-' | '_' | '~')).map(|(at, _)| at);
    if separators().any(|at| at > 0 && is_rotation(&bare[at + 1..]) && bases.contains(&bare[..at])) {
        return true;
    }
    let Some(dot) = bare.rfind('.') else { return false };
    let (stem, ending) = bare.split_at(dot);
    separators()
        .filter(|&at| at > 0 && at < dot)
        .any(|at| is_rotation(&stem[at + 1..]) && bases.contains(&format!("{}{ending}", &stem[..at])))
}

/// What rotation puts behind a name: a number, a date, or a word for "the one before".
fn is_rotation(part: &str) -> bool {
    matches!(part, "old" | "bak" | "prev" | "save")
        || part.bytes().any(|b| b.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b':' | b'T' | b'Z' | b'+'))
}

/// The number of `x.log.3` or `x.log.3.gz`; 0 for a name without.
fn rotation_number(path: &Path) -> u32 {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let (bare, _) = unpacked_name(&name);
    let number = bare.rsplit_once('.').map_or("", |(_, number)| number);
    if number.len() <= 4 { number.parse().unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_known() {
        let bases = HashSet::from(["x.log".to_owned(), "db.csv".to_owned()]);
        for name in [
            "x.log.1",
            "x.log.12.gz",
            "x.log-20261122",
            "x-20261122.log",
            "x.1.log.gz",
            "x.log.gz",
            "x.log.old",
            "db.csv.xz",
            "x.log.2026-11-22T10:00",
        ] {
            assert!(is_relative(name, &bases), "{name}");
        }
        for name in ["x.log", "y.log.1", "x.log.swp", "x.log.1.tmp", "xx.log.1", "x-new.log", ".1", "x.log."] {
            assert!(!is_relative(name, &bases), "{name}");
        }
        assert_eq!(rotation_number(Path::new("/a/x.log.3.gz")), 3);
        assert_eq!(rotation_number(Path::new("/a/x-20261122.log")), 0);
        assert_eq!(series(Path::new("/a0/x-2026-11-22_101500.csv")).unwrap(), "/a0/x-0-0-0_0.csv");
        assert_eq!(series(Path::new("/a/node1.log")), None);
    }

    #[test]
    fn the_shape_of_a_current_name_matches_other_times_of_it() {
        let patterns = current_patterns(Path::new("/d/log/postgresql-2026-11-22_000000.csv"));
        let shape = glob::Pattern::new(&patterns[1]).unwrap();
        assert!(shape.matches("/d/log/postgresql-2026-11-23_101500.csv"));
        assert!(!shape.matches("/d/log/postgresql-2026-11-23_101500.log"));
        assert!(!shape.matches("/d/log/postgresql-Mon.csv"));
        assert_eq!(patterns[0], "/d/log/postgresql-2026-11-22_000000.csv");
        assert_eq!(pattern_directory("/var/log/*/x.log"), Some(PathBuf::from("/var/log")));
    }
}
