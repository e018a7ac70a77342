//! Folders of files that are watched: which are stores of personal data, and which are to hold none.

use crate::hash;
use crate::policy::Doing;
use crate::resolve::Template;
use crate::{Store, StoreClass};
use kuzet_event::{Count, Deed, FileAct};
use std::sync::Arc;

/// What a folder is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// It is a store of personal data.
    #[default]
    Store,
    /// It is to hold none: a web root, /tmp, a home, a removable disk.
    Nothing,
}

/// One watched folder, or bucket (`s3://NAME`), with everything below it, but for what another one of the list stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Name in the configuration; its store is called `folder/NAME`.
    pub name: String,
    /// Path, without a slash at its end.
    pub path: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Class of what it holds.
    pub class: StoreClass,
    /// Identity documents may lie here.
    pub identity_documents: bool,
}

/// A folder with what detectors ask of it.
pub(crate) struct Known {
    pub(crate) folder: Folder,
    pub(crate) store: Arc<Store>,
    templates: [(Doing, Arc<[Template]>); 4],
}

/// Every watched folder.
#[derive(Default)]
pub struct Folders {
    /// The deepest first.
    list: Vec<Known>,
}

impl Folders {
    /// A list without order.
    #[must_use]
    pub fn new(mut folders: Vec<Folder>) -> Folders {
        folders.sort_by(|one, other| other.path.len().cmp(&one.path.len()).then_with(|| one.path.cmp(&other.path)));
        Folders { list: folders.into_iter().map(Known::new).collect() }
    }

    /// The folder that a path is in.
    pub(crate) fn of(&self, path: &str) -> Option<&Known> {
        self.list.iter().find(|known| {
            let rest = path.strip_prefix(known.folder.path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || known.folder.path == "/")
        })
    }

    /// The store of that name's hash.
    pub(crate) fn store_named(&self, hash: u64) -> Option<&Arc<Store>> {
        self.list.iter().map(|known| &known.store).find(|store| hash::narrow(&store.name) == hash)
    }

    /// How a deed touches the store that its file is in.
    pub(crate) fn touches(&self, act: &FileAct) -> Option<Arc<[Template]>> {
        let known = self.of(&act.path.shown).filter(|known| known.folder.purpose == Purpose::Store)?;
        let doing = match act.deed {
            Deed::Read | Deed::Link => Doing::Read,
            Deed::Create => Doing::Insert,
            Deed::Write => Doing::Update,
            // What leaves the folder under another name is gone from it.
            Deed::Rename => match act.to.as_ref().and_then(|to| self.of(&to.shown)) {
                Some(to) if Arc::ptr_eq(&to.store, &known.store) => Doing::Update,
                _ => Doing::Delete,
            },
            Deed::Delete => Doing::Delete,
            Deed::Attributes | Deed::Mount | Deed::Inspect => return None,
        };
        known.templates.iter().find(|(one, _)| *one == doing).map(|(_, templates)| Arc::clone(templates))
    }
}

impl Known {
    fn new(folder: Folder) -> Known {
        let store = Arc::new(Store {
            name: Arc::from(format!("folder/{}", folder.name)),
            class: folder.class,
            persons: Count::Unknown,
            categories: Vec::new(),
            guessed: false,
        });
        let doings = [Doing::Read, Doing::Insert, Doing::Update, Doing::Delete];
        let templates = doings.map(|doing| (doing, Arc::from([Template::folder(Arc::clone(&store), doing)])));
        Known { folder, store, templates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_folder_has_a_file() {
        let folder = |name: &str, path: &str| Folder {
            name: name.to_owned(),
            path: path.to_owned(),
            purpose: Purpose::Store,
            class: StoreClass::Restricted,
            identity_documents: false,
        };
        let folders =
            Folders::new(vec![folder("all", "/srv"), folder("kyc", "/srv/kyc"), folder("bucket", "s3://srv/kyc")]);
        let of = |path: &str| folders.of(path).map(|known| known.folder.name.as_str());
        assert_eq!(
            ["/srv/kyc/a.pdf", "/srv/kyc", "/srv/kycs/a.pdf", "/srv/b", "/etc/passwd", "s3://srv/kyc/a", "s3://srv"]
                .map(of),
            [Some("kyc"), Some("kyc"), Some("all"), Some("all"), None, Some("bucket"), None]
        );
        assert_eq!(
            Folders::new(vec![folder("root", "/")]).of("/etc/passwd").map(|known| &*known.store.name),
            Some("folder/root")
        );
    }
}
