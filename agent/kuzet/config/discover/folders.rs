//! Folders of files on this host: shares of Samba, /srv, the web root.

use super::{read_small, under};
use crate::config::FolderConfig;
use kuzet_detect::Purpose;
use std::path::Path;

/// Shares that are taken from one file.
const MOST: usize = 64;

/// What is to be watched where nothing is configured; folders that are there and hold something.
#[must_use]
pub fn folders(root: &Path) -> Vec<FolderConfig> {
    let smb = read_small(&under(root, Path::new("/etc/samba/smb.conf"))).unwrap_or_default();
    let shares = shares(&smb);
    let mut found: Vec<FolderConfig> = Vec::new();
    let known = [("srv", "/srv", Purpose::Store), ("web", "/var/www", Purpose::Nothing)];
    let known = known.map(|(name, path, purpose)| (name.to_owned(), path.to_owned(), purpose));
    let shares = shares.into_iter().map(|(name, path)| (format!("share-{name}"), path, Purpose::Store));
    for (name, path, purpose) in shares.chain(known) {
        let (path, taken) =
            (Path::new(&path), |one: &FolderConfig| one.path == Path::new(&path) || one.folder.name == name);
        let holds = std::fs::read_dir(under(root, path)).is_ok_and(|mut entries| entries.next().is_some());
        if holds && path.is_absolute() && !found.iter().any(taken) {
            found.push(FolderConfig::new(&name, path, purpose));
        }
    }
    found
}

/// Names and paths of the shares of files in smb.conf; not those of printers, nor paths that depend on who asks.
fn shares(text: &str) -> Vec<(String, String)> {
    let (mut section, mut found) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_lowercase();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim().to_lowercase(), value.trim().trim_matches('"'));
        let own = ["global", "printers", "print$", "homes", ""].contains(&section.as_str());
        let plain = section.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && section.len() <= 56;
        let path = ["path", "directory"].contains(&key.as_str());
        if path && plain && !own && value.starts_with('/') && !value.contains('%') && found.len() < MOST {
            found.push((section.clone(), value.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn shares_of_files_are_found() {
        let text = "[global]\npath = /x\n# [old]\n[Dossiers]\n  Path = /srv/dossiers\n read only = no\n[homes]\npath=/h/%S\n\
            [print$]\npath=/var/lib/samba/printers\n[kyc]\ndirectory = \"/srv/kyc\"\n";
        let of = |name: &str, path: &str| (name.to_owned(), path.to_owned());
        assert_eq!(shares(text), [of("dossiers", "/srv/dossiers"), of("kyc", "/srv/kyc")]);
    }
}
