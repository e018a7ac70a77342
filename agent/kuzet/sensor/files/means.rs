//! By which means a folder is watched: the best that works there, each proven by a file of the sensor's own.

use super::inotify::Inotify;
use super::reader::Reader;
use super::syscall::Group;
use super::tree::Place;
use anyhow::{Context, ensure};
use libc::{
    FAN_ATTRIB, FAN_CLASS_NOTIF, FAN_CLOSE_NOWRITE, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE, FAN_MARK_ADD,
    FAN_MARK_FILESYSTEM, FAN_MARK_MOUNT, FAN_MARK_REMOVE, FAN_MODIFY, FAN_ONDIR, FAN_OPEN, FAN_RENAME,
    FAN_REPORT_DFID_NAME_TARGET,
};
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a mark on a file system tells: opened to be read is what was opened and not written.
const SYSTEM: u64 = ACCESS | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB;
/// What a mark on a mount can tell.
const ACCESS: u64 = FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ONDIR;

/// How the name of a marker file begins.
const MARKER: &str = ".kuzet-marker-";

/// A means, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sensor) enum FileMeans {
    /// fanotify, a mark on the whole file system: every deed, by name.
    Filesystem,
    /// fanotify, a mark on the mount: what is opened through it.
    Mount,
    /// inotify: changes, by nobody.
    Inotify,
}

impl FileMeans {
    const ALL: [FileMeans; 3] = [FileMeans::Filesystem, FileMeans::Mount, FileMeans::Inotify];

    fn name(self) -> &'static str {
        match self {
            FileMeans::Filesystem => "filesystem",
            FileMeans::Mount => "mount",
            FileMeans::Inotify => "inotify",
        }
    }

    /// What it does not show.
    fn missing(self) -> &'static [&'static str] {
        match self {
            FileMeans::Filesystem => &[],
            FileMeans::Mount => &[
                "files that are created, renamed, linked and deleted, and changes of rights",
                "what is done through other mounts of the same files (containers)",
            ],
            FileMeans::Inotify => {
                &["who did it and with what program", "what is read", "files that are moved in or out"]
            }
        }
    }
}

/// How well a means was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sensor) enum Proof {
    /// A file of the sensor's own was made, written, read, renamed and deleted there, and all of it came out.
    Marker,
    /// The sensor may not write there: that it opened the folder came out.
    Read,
}

/// A folder, or what is mounted inside one, and how it is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::sensor) struct Spot {
    pub(in crate::sensor) folder: PathBuf,
    /// `None`: it is not watched.
    pub(in crate::sensor) means: Option<FileMeans>,
    pub(in crate::sensor) proven: Option<Proof>,
    pub(in crate::sensor) missing: &'static [&'static str],
    /// Why better means are not at work.
    pub(in crate::sensor) refused: Vec<String>,
}

/// What came out of what the sensor did itself.
pub(super) struct Own {
    folder: Box<[u8]>,
    names: [Box<[u8]>; 2],
    /// Of the folder, of the first name, of the second one.
    seen: [u64; 3],
    renamed: bool,
}

impl Own {
    fn new(folder: &Path, marker: &str) -> Own {
        let folder: Box<[u8]> = folder.as_os_str().as_bytes().into();
        let name = |end: &str| Path::new(OsStr::from_bytes(&folder)).join(format!("{marker}{end}")).into_os_string();
        let names = ["", "~"].map(|end| name(end).as_bytes().into());
        Own { folder, names, seen: [0; 3], renamed: false }
    }

    /// A record of what this process did at a path.
    pub(super) fn saw(&mut self, path: &[u8], mask: u64) {
        let all = std::iter::once(&self.folder).chain(&self.names);
        for (seen, _) in self.seen.iter_mut().zip(all).filter(|(_, name)| ***name == *path) {
            *seen |= mask;
        }
    }

    /// A record of a file that this process renamed.
    pub(super) fn renamed(&mut self, from: &Place, to: &Place) {
        let is = |place: &Place, name: &[u8]| matches!(place, Place::Inside(path) if **path == *name);
        self.renamed |= is(from, &self.names[0]) && is(to, &self.names[1]);
    }

    /// Whether everything came out that the means promises.
    fn is_whole(&self, means: FileMeans) -> bool {
        let wanted = match means {
            FileMeans::Filesystem => FAN_CREATE | FAN_OPEN | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE,
            FileMeans::Mount => FAN_OPEN | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE,
            FileMeans::Inotify => FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE,
        };
        // An open file is told under the name that it has when that is asked for.
        let seen = if means == FileMeans::Mount { self.seen[1] | self.seen[2] } else { self.seen[1] };
        let gone = means == FileMeans::Mount || self.renamed && self.seen[2] & FAN_DELETE != 0;
        seen & wanted == wanted && gone
    }
}

/// Does with a file of this process's own what can be done with a file; `false`: it may not write there.
fn leave_marks(names: [&Path; 2]) -> std::io::Result<bool> {
    let [first, second] = names;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(first);
    let Ok(mut file) = made else { return Ok(false) };
    let left = file.write_all(b"kuzet\n").and_then(|()| {
        drop(file);
        std::fs::File::open(first)?.read_to_end(&mut Vec::new())?;
        std::fs::rename(first, second)
    });
    let gone = std::fs::remove_file(if left.is_ok() { second } else { first });
    left.and(gone).map(|()| true)
}

impl Reader {
    /// Begins to watch `folder`, and says how.
    pub(super) fn spot(&mut self, folder: PathBuf) -> Spot {
        let mut refused = Vec::new();
        for means in FileMeans::ALL {
            match self.mark(means, &folder, FAN_MARK_ADD).and_then(|()| self.prove(means, &folder)) {
                Ok(proven) => {
                    return Spot {
                        folder,
                        means: Some(means),
                        proven: Some(proven),
                        missing: means.missing(),
                        refused,
                    };
                }
                Err(error) => refused.push(format!("{}: {error:#}", means.name())),
            }
        }
        Spot { folder, means: None, proven: None, missing: &["anything"], refused }
    }

    fn mark(&mut self, means: FileMeans, folder: &Path, add: u32) -> anyhow::Result<()> {
        let reached = self.root.reach(folder);
        let open = |place: &mut Option<Group>, flags: u32| -> anyhow::Result<()> {
            if place.is_none() {
                *place = Some(Group::open(flags).context("it needs root or CAP_SYS_ADMIN")?);
            }
            Ok(())
        };
        match means {
            FileMeans::Filesystem => {
                open(&mut self.systems, FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET)?;
                self.tree.system(&reached)?;
                let group = self.systems.as_ref().context("no group")?;
                Ok(group.mark(add | FAN_MARK_FILESYSTEM, SYSTEM, &reached)?)
            }
            FileMeans::Mount => {
                open(&mut self.mounted, FAN_CLASS_NOTIF)?;
                let group = self.mounted.as_ref().context("no group")?;
                Ok(group.mark(add | FAN_MARK_MOUNT, ACCESS, &reached)?)
            }
            FileMeans::Inotify if add == FAN_MARK_REMOVE => {
                self.inotify.iter_mut().for_each(|inotify| inotify.unwatch(&reached));
                Ok(())
            }
            FileMeans::Inotify => {
                if self.inotify.is_none() {
                    self.inotify = Some(Inotify::open()?);
                }
                self.inotify.as_mut().context("no inotify")?.watch(&reached)
            }
        }
    }

    /// Does something in the folder that must come out, with this process as the one who did it.
    fn prove(&mut self, means: FileMeans, folder: &Path) -> anyhow::Result<Proof> {
        let marker = format!("{MARKER}{}-{:x}", std::process::id(), crate::sensor::boot_nanos());
        let reached = self.root.reach(folder);
        let own = Own::new(folder, &marker);
        self.markers.extend(own.names.iter().cloned());
        self.own = Some(own);
        let wrote = leave_marks([&reached.join(&marker), &reached.join(format!("{marker}~"))]);
        if matches!(wrote, Ok(false)) {
            drop(std::fs::File::open(&reached)?);
        }
        let begun = self.clock.monotonic();
        let proven = loop {
            self.read();
            let Some(own) = &self.own else { break None };
            match wrote {
                Ok(true) if own.is_whole(means) => break Some(Proof::Marker),
                Ok(false) if means != FileMeans::Inotify && own.seen[0] & FAN_OPEN != 0 => break Some(Proof::Read),
                // What cannot be tried is believed: its thread may be late as well.
                Ok(false) if means == FileMeans::Inotify => break Some(Proof::Read),
                // fanotify tells before the call is done, the thread of inotify when it comes to it.
                _ if means == FileMeans::Inotify && self.clock.monotonic().saturating_sub(begun) < super::PATIENCE => {
                    self.wait(super::PATIENCE)
                }
                _ => break None,
            }
        };
        let own = self.own.take();
        if proven.is_none() {
            let _ = self.mark(means, folder, FAN_MARK_REMOVE);
        }
        wrote.context("a file of the sensor's own could not be made and removed")?;
        ensure!(proven.is_some(), "what the sensor did itself did not come out ({:x?})", own.map(|own| own.seen));
        Ok(proven.unwrap_or(Proof::Read))
    }
}
