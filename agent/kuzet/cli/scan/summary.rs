//! What a scan found, added up by folder: counts and keyed hashes.

use crate::inspect::{Aside, Looked, shown};
use crate::worker::{Answer, IdentityScan};
use kuzet_event::PersonKey;
use kuzet_personal::{Kind, Sureness};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Different people kept of one folder; beyond them the number is "at least".
const CROWD: usize = 1_000_000;
/// Folders that are told apart.
const FOLDERS: usize = 10_000;
/// Files that are named: those with most people, and of each reason.
const NAMED: usize = 1_000;
/// Files named of each reason for not looking.
const EXAMPLES: usize = 5;

/// A file that is named. Names of files may be names of people; where one is masked, its inode finds it.
pub(super) struct Named {
    pub(super) path: String,
    pub(super) inode: Option<u64>,
}

impl Named {
    fn new(path: &Path, inode: u64) -> Named {
        let shown = shown(path);
        let masked = *shown != *path.to_string_lossy();
        Named { path: shown, inode: masked.then_some(inode) }
    }
}

/// Different people, by identifier.
#[derive(Default)]
pub(super) struct Crowd {
    by: BTreeMap<&'static str, HashSet<PersonKey>>,
    more: bool,
}

impl Crowd {
    fn add(&mut self, answer: &Answer) {
        if answer.people.hashes.is_empty() {
            return;
        }
        let crowd = self.by.entry(answer.people.by).or_default();
        self.more |= answer.people.at_least;
        for hash in &answer.people.hashes {
            if crowd.len() < CROWD {
                crowd.insert(*hash);
            } else {
                self.more |= !crowd.contains(hash);
            }
        }
    }

    /// How many at least, and by which identifier: as the worker counts those of one file.
    pub(super) fn count(&self) -> (usize, &'static str) {
        let of = |name: &str| self.by.get(name).map_or(0, HashSet::len);
        let most = self.by.iter().max_by_key(|(_, crowd)| crowd.len());
        match most {
            Some((name, crowd)) if crowd.len() > 2 * of(Kind::Iin.name()) => (crowd.len(), name),
            Some(_) => (of(Kind::Iin.name()), Kind::Iin.name()),
            None => (0, ""),
        }
    }

    /// Whether there are more.
    pub(super) fn more(&self) -> bool {
        self.more || self.by.len() > 1
    }
}

/// Values and files of each kind.
#[derive(Default)]
pub(super) struct Kinds(pub(super) BTreeMap<Kind, (Sureness, u64)>);

impl Kinds {
    fn add(&mut self, answer: &Answer) {
        for (kind, of) in &answer.kinds {
            let (all, files) = self.0.entry(*kind).or_default();
            all.certain = all.certain.saturating_add(of.certain);
            all.strong = all.strong.saturating_add(of.strong);
            all.likely = all.likely.saturating_add(of.likely);
            all.weak = all.weak.saturating_add(of.weak);
            *files += 1;
        }
    }
}

/// What was found in a folder, or in all.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) files: u64,
    pub(super) personal: u64,
    pub(super) documents: u64,
    pub(super) people: Crowd,
    pub(super) kinds: Kinds,
}

impl Sum {
    fn add(&mut self, answer: &Answer) {
        self.files += 1;
        self.personal += u64::from(answer.found());
        self.documents += answer.documents.len() as u64;
        self.people.add(answer);
        self.kinds.add(answer);
    }
}

/// Why files were not looked at, wholly or in part.
#[derive(Default)]
pub(super) struct Reason {
    pub(super) files: u64,
    pub(super) examples: Vec<Named>,
}

/// All that a scan found.
#[derive(Default)]
pub(super) struct Summary {
    roots: Vec<PathBuf>,
    depth: usize,
    pub(super) all: Sum,
    pub(super) bytes: u64,
    pub(super) verdicts: HashMap<&'static str, u64>,
    pub(super) canaries: u32,
    pub(super) encrypted: u64,
    pub(super) macros: u64,
    pub(super) folders: BTreeMap<PathBuf, Sum>,
    /// The files with most people.
    pub(super) crowded: Vec<(usize, Named)>,
    pub(super) scans: Vec<(Named, IdentityScan)>,
    pub(super) missed: BTreeMap<&'static str, Reason>,
    pub(super) aside: BTreeMap<Aside, Reason>,
}

impl Summary {
    /// Nothing yet; folders are told apart down to `depth` below `roots`.
    pub(super) fn new(roots: &[PathBuf], depth: usize) -> Summary {
        Summary { roots: roots.to_vec(), depth, ..Summary::default() }
    }

    /// Whether something could not be read.
    pub(super) fn failed(&self) -> bool {
        self.verdicts.contains_key("unreadable")
            || self.missed.contains_key("open")
            || self.missed.contains_key("read")
            || self.aside.contains_key(&Aside::Closed)
    }

    /// Whether something was found.
    pub(super) fn found(&self) -> bool {
        self.all.personal > 0
    }

    pub(super) fn add(&mut self, looked: Looked) {
        match looked {
            Looked::Aside(path, why) => {
                let reason = self.aside.entry(why).or_default();
                reason.files += 1;
                let inode = std::fs::symlink_metadata(&path).map_or(0, |meta| meta.ino());
                keep(&mut reason.examples, Named::new(&path, inode), EXAMPLES);
            }
            // It is gone meanwhile.
            Looked::Unopened(_, error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Looked::Unopened(entry, _) => {
                self.answer(&entry.path(), entry.folder(), entry.stat.st_ino, Answer::unopened());
            }
            Looked::Answered(entry, answer) => {
                self.answer(&entry.path(), entry.folder(), entry.stat.st_ino, answer);
            }
        }
    }

    fn answer(&mut self, path: &Path, folder: &Path, inode: u64, answer: Answer) {
        self.all.add(&answer);
        self.bytes += answer.bytes;
        *self.verdicts.entry(answer.verdict.name()).or_default() += 1;
        self.canaries = self.canaries.saturating_add(answer.canaries);
        self.encrypted += u64::from(answer.encrypted);
        self.macros += u64::from(answer.macros);
        let folder = self.shortened(folder);
        if self.folders.len() < FOLDERS || self.folders.contains_key(&folder) {
            self.folders.entry(folder).or_default().add(&answer);
        }
        for (why, _) in &answer.missed {
            let reason = self.missed.entry(why).or_default();
            reason.files += 1;
            keep(&mut reason.examples, Named::new(path, inode), EXAMPLES);
        }
        let people = answer.people.hashes.len();
        if people > 0 && self.crowded.len() < 2 * NAMED {
            self.crowded.push((people, Named::new(path, inode)));
        }
        if self.crowded.len() == 2 * NAMED {
            self.settle();
        }
        for scan in answer.documents {
            if self.scans.len() < NAMED {
                self.scans.push((Named::new(path, inode), scan));
            }
        }
    }

    /// The folder that `folder` is counted with.
    fn shortened(&self, folder: &Path) -> PathBuf {
        let root =
            self.roots.iter().filter(|root| folder.starts_with(root)).max_by_key(|root| root.components().count());
        let Some(root) = root else { return folder.to_owned() };
        let below = folder.strip_prefix(root).unwrap_or(folder);
        root.join(below.components().take(self.depth).collect::<PathBuf>())
    }

    /// Brings lists into an order that does not depend on which worker was first.
    pub(super) fn settle(&mut self) {
        self.crowded.sort_by(|one, two| (two.0, &one.1.path).cmp(&(one.0, &two.1.path)));
        self.crowded.truncate(NAMED);
        self.scans.sort_by(|one, two| (&one.0.path, one.1.page).cmp(&(&two.0.path, two.1.page)));
    }
}

/// Keeps the first `most` by name.
fn keep(list: &mut Vec<Named>, one: Named, most: usize) {
    let at = list.partition_point(|known| known.path <= one.path);
    if at < most {
        list.insert(at, one);
        list.truncate(most);
    }
}
