//! Puts the catalogue in its place, whole or not at all.

use rustix::fs::{Gid, Mode, Uid};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Writes `text` to `path` with mode 0640. Owner and group stay those of the file that was there, as far as this account
/// may give them; a link is followed.
///
/// # Errors
/// What the file system says. The old file is then as it was.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let before = std::fs::metadata(&path).ok();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let beside = directory.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&beside)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o640))?;
        if let Some(before) = before {
            // Only root may give a file away; the agent still reads it through its group or as its owner.
            let (owner, group) = (Uid::from_raw(before.uid()), Gid::from_raw(before.gid()));
            let _ = rustix::fs::fchown(&file, Some(owner), Some(group));
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        File::open(&directory)?.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole() {
        let directory = std::env::temp_dir().join(format!("kuzet-write-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("catalogue.toml");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        assert!(write(&directory.join("no/such"), "x").is_err());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
