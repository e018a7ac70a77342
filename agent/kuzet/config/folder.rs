//! `[[folder]]`: where files lie that people's data is in, or where none is to be; `[inventory]`: how often they are looked at.

use super::SourceConfig;
use super::file::Faults;
use crate::source::stream::{SensorSettings, StreamSettings};
use kuzet_detect::{Folder, Purpose, StoreClass};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Folders that can be watched.
const MOST: usize = SensorSettings::MAX_FOLDERS;
/// How often an inventory looks whether anything has changed.
const EVERY: Duration = Duration::from_secs(3_600);

/// What the path of a bucket begins with.
const BUCKET: &str = "s3://";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFolder {
    name: String,
    path: PathBuf,
    holds: Option<String>,
    class: Option<String>,
    #[serde(default)]
    identity_documents: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInventory {
    every_minutes: Option<u64>,
    cross: Option<bool>,
    polite: Option<bool>,
}

/// One `[[folder]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderConfig {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub folder: Folder,
}

/// `[inventory]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventorySettings {
    /// How often folders are walked; `None`: never.
    pub every: Option<Duration>,
    /// Other file systems that are mounted below a folder belong to it.
    pub cross: bool,
    /// It waits while the host is under pressure.
    pub polite: bool,
}

impl Default for InventorySettings {
    fn default() -> InventorySettings {
        InventorySettings { every: Some(EVERY), cross: false, polite: true }
    }
}

impl RawInventory {
    pub(super) fn meant(&self) -> InventorySettings {
        let defaults = InventorySettings::default();
        let every = match self.every_minutes {
            None => defaults.every,
            Some(0) => None,
            Some(minutes) => Some(Duration::from_secs(minutes.min(44_640) * 60)),
        };
        InventorySettings {
            every,
            cross: self.cross.unwrap_or(defaults.cross),
            polite: self.polite.unwrap_or(defaults.polite),
        }
    }
}

/// The path that the kernel tells: without links, where it is there, and without a slash at its end.
fn real(path: &Path) -> PathBuf {
    if let Some(bucket) = path.to_str().filter(|path| path.starts_with(BUCKET)) {
        return PathBuf::from(bucket.trim_end_matches('/'));
    }
    path.canonicalize().unwrap_or_else(|_| path.components().collect())
}

impl FolderConfig {
    /// A folder with what is known of its use; a link to one is followed here and now.
    #[must_use]
    pub fn new(name: &str, path: &Path, purpose: Purpose) -> FolderConfig {
        let path = real(path);
        let shown = kuzet_decode::shown_path(&path.to_string_lossy());
        let folder = Folder {
            name: name.to_owned(),
            path: shown,
            purpose,
            class: StoreClass::Restricted,
            identity_documents: false,
        };
        FolderConfig { path, folder }
    }
}

/// Those that are folders of this host, and no buckets.
pub fn own(folders: &[FolderConfig]) -> impl Iterator<Item = &FolderConfig> {
    folders.iter().filter(|folder| folder.path.is_absolute())
}

/// Sensors watch every folder.
pub(super) fn watch(folders: &[FolderConfig], sources: &mut [SourceConfig]) {
    for source in sources {
        if let Some(StreamSettings::Sensor(settings)) = &mut source.stream {
            settings.folders = own(folders).map(|folder| folder.path.clone()).collect();
        }
    }
}

impl Faults<'_> {
    /// The folders of a file, which every sensor watches.
    pub(super) fn folders(
        &mut self,
        raw: Vec<toml::Spanned<RawFolder>>,
        sources: &mut [SourceConfig],
    ) -> Vec<FolderConfig> {
        let mut folders: Vec<FolderConfig> = Vec::new();
        for folder in raw {
            let at = folder.span().start;
            folders.extend(self.folder(folder.into_inner(), at, &folders));
        }
        watch(&folders, sources);
        folders
    }

    fn folder(&mut self, raw: RawFolder, at: usize, before: &[FolderConfig]) -> Option<FolderConfig> {
        let (faults, at) = (self.count(), Some(at));
        let RawFolder { name, path, holds, class, identity_documents } = raw;
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        {
            let help = "use 1 to 64 letters, digits, '-', '_' or '.': the name is a metric label";
            self.push("KZ090", at, "folder name is not usable".to_owned(), help);
        }
        if before.iter().any(|other| other.folder.name == name || other.path == real(&path)) {
            self.push("KZ091", at, format!("folder \"{name}\" stands twice"), "give each folder its own name and path");
        }
        let bucket =
            path.to_str().and_then(|path| path.strip_prefix(BUCKET)).is_some_and(|name| !name.starts_with('/'));
        let plain = (path.is_absolute() || bucket && path != Path::new(BUCKET))
            && !path.components().any(|part| part == std::path::Component::ParentDir);
        if !plain {
            let message = format!("folder \"{name}\": the path is not absolute");
            self.push(
                "KZ092",
                at,
                message,
                "write it from / on, without ..: a service has no working directory of yours; a bucket is s3://NAME",
            );
        }
        if before.len() >= MOST {
            self.push("KZ093", at, format!("more than {MOST} folders"), "name the folders above them");
        }
        let purpose = match holds.as_deref() {
            None | Some("personal data") => Purpose::Store,
            Some("nothing") => Purpose::Nothing,
            Some(other) => {
                let help = "write holds = \"personal data\" or holds = \"nothing\"";
                self.push("KZ094", at, format!("folder \"{name}\" holds \"{other}\""), help);
                return None;
            }
        };
        let class = match class.as_deref() {
            None | Some("restricted") => StoreClass::Restricted,
            Some("public") => StoreClass::Public,
            Some(other) => {
                let help = "write class = \"restricted\" or class = \"public\" (Order 179/НҚ)";
                self.push("KZ095", at, format!("folder \"{name}\": class \"{other}\" is not known"), help);
                return None;
            }
        };
        let mut config = FolderConfig::new(&name, &path, purpose);
        (config.folder.class, config.folder.identity_documents) = (class, identity_documents);
        (self.count() == faults).then_some(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    fn load(folder: &str) -> (Vec<String>, Vec<FolderConfig>) {
        let text = format!("[[source]]\nname='pg'\npaths=['/x']\n[[folder]]\n{folder}\n");
        match load_text(&text, Path::new("k.toml")) {
            Ok((config, warnings)) => (warnings.into_iter().map(|fault| fault.code).collect(), config.folders),
            Err(faults) => {
                assert!(faults.iter().all(|fault| !fault.help.is_empty()));
                (faults.into_iter().map(|fault| fault.code).collect(), Vec::new())
            }
        }
    }

    #[test]
    fn every_fault_has_its_code() {
        assert_eq!(load("name='a b'\npath='/srv'").0, ["KZ090"]);
        assert_eq!(load("name='a'\npath='/srv'\n[[folder]]\nname='a'\npath='/var'").0, ["KZ091"]);
        assert_eq!(load("name='a'\npath='srv'").0, ["KZ092"]);
        assert_eq!(load("name='a'\npath='s3://'").0, ["KZ092"]);
        assert_eq!(load("name='a'\npath='s3:///x'").0, ["KZ092"]);
        assert_eq!(load("name='a'\npath='/srv/../etc'").0, ["KZ092"]);
        assert_eq!(load("name='a'\npath='/srv'\nholds='much'").0, ["KZ094"]);
        assert_eq!(load("name='a'\npath='/srv'\nclass='secret'").0, ["KZ095"]);
        assert_eq!(load("name='a'\nroot='/srv'").0, ["KZ010"]);
    }

    #[test]
    fn a_bucket_is_no_folder_of_this_host() {
        let (_, folders) = load("name='b'\npath='s3://dossiers/2026/'\n[[folder]]\nname='d'\npath='/srv/d'");
        assert_eq!(folders[0].folder.path, "s3://dossiers/2026");
        assert_eq!(own(&folders).map(|one| one.folder.name.as_str()).collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn a_folder_is_a_store_unless_it_says_otherwise() {
        let (_, folders) = load("name='d'\npath='/srv/d/'\n[[folder]]\nname='w'\npath='/var/www'\nholds='nothing'");
        assert_eq!((folders[0].folder.path.as_str(), folders[0].path.to_str()), ("/srv/d", Some("/srv/d")));
        let text = "[[source]]\nname='h'\nsensor={}\n[[folder]]\nname='d'\npath='/srv/d'";
        let (config, _) = load_text(text, Path::new("k.toml")).unwrap();
        let Some(StreamSettings::Sensor(sensor)) = &config.sources[0].stream else { panic!("a sensor") };
        assert_eq!(sensor.folders, [Path::new("/srv/d")]);
        assert_eq!([folders[0].folder.purpose, folders[1].folder.purpose], [Purpose::Store, Purpose::Nothing]);
    }
}
