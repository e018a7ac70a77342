//! What was done to a file, and what an inspection found inside it.

use crate::{Count, PersonKey};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// What was done, one word (`event.action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It was made.
    Create,
    /// It was opened to be read.
    Read,
    /// It was written to.
    Write,
    /// It got another name or folder; see [`FileAct::to`].
    Rename,
    /// It was removed.
    Delete,
    /// It got one more name.
    Link,
    /// Its owner or its permissions changed.
    Attributes,
    /// A file system was mounted at this folder.
    Mount,
    /// Nobody did anything: the agent looked inside; see [`FileAct::holding`].
    Inspect,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Deed; 9] = [
        Deed::Create,
        Deed::Read,
        Deed::Write,
        Deed::Rename,
        Deed::Delete,
        Deed::Link,
        Deed::Attributes,
        Deed::Mount,
        Deed::Inspect,
    ];

    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Deed::Create => "create",
            Deed::Read => "read",
            Deed::Write => "write",
            Deed::Rename => "rename",
            Deed::Delete => "delete",
            Deed::Link => "link",
            Deed::Attributes => "attributes",
            Deed::Mount => "mount",
            Deed::Inspect => "inspect",
        }
    }
}

/// A path, as it may be shown and as it is joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePath {
    /// The path (`file.path`); identifiers and names of people inside it are masked.
    pub shown: Arc<str>,
    /// Keyed hash of the whole path as it is.
    pub key: u128,
    /// Keyed hash of the path of the folder that it is in.
    pub folder: u128,
}

/// One deed, or several of one program at one file within a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct FileAct {
    /// What was done.
    pub deed: Deed,
    /// To what.
    pub path: FilePath,
    /// Its new path.
    pub to: Option<FilePath>,
    /// It is a folder.
    pub folder: bool,
    /// Its size afterwards (`file.size`).
    pub bytes: Count,
    /// What is inside it, as far as an inspection has told.
    pub holding: Option<Arc<Holding>>,
}

/// What an inspection found inside a file: counts and keyed hashes, never a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holding {
    /// Distinct people.
    pub persons: u64,
    /// Their keyed hashes, as many of them as are kept.
    #[serde(skip)]
    pub people: Vec<PersonKey>,
    /// Kinds of personal data by their stable names, and how many values of each.
    pub kinds: SmallVec<[(Arc<str>, u64); 4]>,
    /// Identity documents in its pictures.
    pub documents: SmallVec<[IdentityDocument; 1]>,
    /// It is encrypted, wholly or in part: what it carries cannot be told.
    pub encrypted: bool,
    /// Why some of it was not inspected, by stable names; empty: all of it was.
    pub missed: SmallVec<[Arc<str>; 1]>,
    /// Every account of this host may read it.
    pub exposed: bool,
    /// It was looked at before, and its content is the same.
    #[serde(skip)]
    pub known: bool,
    /// Hash of what tells without a look inside whether it has changed: inode, size, times.
    #[serde(skip)]
    pub signature: u64,
    /// Keyed hash of its bytes; 0: not read.
    #[serde(skip)]
    pub digest: u128,
}

impl Holding {
    /// Whether anything was found, or could not be looked at.
    #[must_use]
    pub fn is_something(&self) -> bool {
        let found = self.persons > 0 || !self.kinds.is_empty() || !self.documents.is_empty();
        found || self.encrypted || !self.missed.is_empty()
    }
}

/// An identity document in a picture: what it is and where, never a letter of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdentityDocument {
    /// Its kind by its stable name.
    pub kind: Arc<str>,
    /// State that issued it, as three letters (ICAO 9303); empty when not read.
    pub state: Arc<str>,
    /// How sure this is.
    pub confidence: Arc<str>,
    /// Where in the file it is: number of the page or picture, from 1.
    pub page: u32,
    /// Signs that it was scanned from paper, by their stable names.
    pub signs: SmallVec<[Arc<str>; 2]>,
}
