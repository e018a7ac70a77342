//! Writes each notification as one line of JSON to a file or to standard output.

use super::{Attempt, Entry, Notifier, envelope};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the channel needs.
#[derive(Clone)]
pub(super) struct Plan {
    /// File; standard output when absent.
    pub(super) path: Option<PathBuf>,
}

/// The notifier. The write happens on a helper thread of the event loop that ends when idle: a full pipe or a slow disk
/// must not hold up the other channels.
pub(super) struct JsonLines {
    path: Option<Arc<Path>>,
    open: Arc<Mutex<Option<File>>>,
}

impl JsonLines {
    pub(super) fn new(plan: &Plan) -> JsonLines {
        JsonLines { path: plan.path.as_deref().map(Arc::from), open: Arc::default() }
    }
}

impl Notifier for JsonLines {
    fn notify<'a>(&'a mut self, entry: &'a Entry) -> Attempt<'a> {
        Box::pin(async move {
            let mut line = envelope::seal(entry)?;
            line.push('\n');
            let (path, open) = (self.path.clone(), Arc::clone(&self.open));
            let write = move || match path {
                None => {
                    let mut out = io::stdout().lock();
                    out.write_all(line.as_bytes()).and_then(|()| out.flush())
                }
                Some(path) => append(&path, &mut open.lock().unwrap_or_else(PoisonError::into_inner), &line),
            };
            super::blocking(write).await
        })
    }
}

/// Appends to the file, which is opened again when it was rotated away.
fn append(path: &Path, open: &mut Option<File>, line: &str) -> io::Result<()> {
    let same = match (open.as_ref().map(File::metadata), std::fs::symlink_metadata(path)) {
        (Some(Ok(mine)), Ok(there)) => (mine.dev(), mine.ino()) == (there.dev(), there.ino()),
        _ => false,
    };
    if !same {
        *open = Some(prepare(path)?);
    }
    let Some(file) = open.as_mut() else { return Ok(()) };
    let done = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
    if done.is_err() {
        // The next attempt looks at the file's end again.
        *open = None;
    }
    done
}

/// Opens the file, 0600, and ends a line that a crash cut short.
fn prepare(path: &Path) -> io::Result<File> {
    // No symbolic link: whoever may write to the directory could send the lines elsewhere.
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(no_follow).open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("not a file"));
    }
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others can read the file: chmod 600"));
    }
    if facts.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}
