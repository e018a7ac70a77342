//! The files below a folder: by descriptors and not by paths, so that nobody can lead the walk astray, and opened only when asked for.

use super::open::{Opened, open_at};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders in folders; each holds a descriptor while the walk is below it.
const DEPTH: usize = 200;

/// File systems that hold no files of people, by what statfs says: proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, bpf,
/// securityfs, pstore, selinuxfs, configfs, efivarfs, mqueue, binfmt_misc, fusectl.
const UNREAL: [u64; 16] = [
    0x9fa0,
    0x6265_6572,
    0x1cd1,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0xcafe_4a11,
    0x7363_6673,
    0x6165_676c,
    0xf97c_ff8c,
    0x6265_6570,
    0xde5e_81e4,
    0x1980_0202,
    0x4249_4e4d,
    0x6573_5546,
];

/// Why something of a tree was left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aside {
    /// It cannot be opened.
    Closed,
    /// A link: what it points to lies elsewhere.
    Link,
    /// A socket, a pipe or a device.
    Special,
    /// Another file system is mounted there.
    Mount,
    /// A file system of the kernel.
    Unreal,
    /// Too many folders in folders.
    Depth,
}

impl Aside {
    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Aside::Closed => "closed",
            Aside::Link => "link",
            Aside::Special => "special",
            Aside::Mount => "mount",
            Aside::Unreal => "unreal",
            Aside::Depth => "too_deep",
        }
    }
}

/// A folder that is open.
struct Folder {
    file: OwnedFd,
    path: PathBuf,
}

/// A regular file of a tree, not opened yet.
pub struct Entry {
    folder: Arc<Folder>,
    name: CString,
    /// What the kernel tells of it.
    pub stat: Stat,
}

impl Entry {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path.join(OsStr::from_bytes(self.name.as_bytes()))
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.name.as_bytes()))
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// It is gone, has become something else, or may not be read.
    pub fn open(&self) -> io::Result<Opened> {
        open_at(&self.folder.file, self.name.as_c_str(), OFlags::NOFOLLOW)
    }
}

/// What a walk comes upon.
pub enum Met {
    /// A file.
    File(Entry),
    /// Something that is left aside.
    Aside(PathBuf, Aside),
    /// A folder, before what is in it.
    Entered(PathBuf, Stat),
    /// The same, behind all that is below it.
    Left(PathBuf),
}

struct Level {
    folder: Arc<Folder>,
    names: Dir,
}

/// A walk through the files below a folder.
pub struct Walk {
    levels: Vec<Level>,
    /// The folder that was entered last, to be told.
    entered: Option<(PathBuf, Stat)>,
    /// A file that was named itself.
    single: Option<Entry>,
    /// The file system to stay on; nothing where mounts are crossed.
    device: Option<u64>,
}

impl Walk {
    /// Begins at `path`: a folder, a file or a link to one. `cross`: other file systems are walked as well, but for those of the
    /// kernel.
    ///
    /// # Errors
    /// It is not there, cannot be read, is neither folder nor file, or belongs to the kernel.
    pub fn new(path: &Path, cross: bool) -> io::Result<Walk> {
        let stat = rustix::fs::stat(path)?;
        let folder = |path: &Path| -> io::Result<Folder> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Folder { file: rustix::fs::open(path, flags, Mode::empty())?, path: path.to_owned() })
        };
        let device = (!cross).then_some(stat.st_dev);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let folder = folder(path)?;
                if unreal(&folder.file) {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "belongs to the kernel"));
                }
                let names = Dir::read_from(&folder.file)?;
                let entered = Some((path.to_owned(), stat));
                Ok(Walk { levels: vec![Level { folder: Arc::new(folder), names }], entered, single: None, device })
            }
            FileType::RegularFile => {
                let path = path.canonicalize()?;
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    return Err(io::ErrorKind::InvalidInput.into());
                };
                let entry = Entry { folder: Arc::new(folder(parent)?), name: CString::new(name.as_bytes())?, stat };
                Ok(Walk { levels: Vec::new(), entered: None, single: Some(entry), device })
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "is neither a folder nor a regular file")),
        }
    }

    /// What stands under `name` in `folder`; nothing for a folder that is entered.
    fn meet(&mut self, folder: &Arc<Folder>, name: &CStr) -> Option<Met> {
        let aside = |why| Some(Met::Aside(folder.path.join(OsStr::from_bytes(name.to_bytes())), why));
        let stat = match rustix::fs::statat(&folder.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Gone meanwhile.
            Err(Errno::NOENT) => return None,
            Err(_) => return aside(Aside::Closed),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Some(Met::File(Entry { folder: Arc::clone(folder), name: name.to_owned(), stat })),
            FileType::Symlink => aside(Aside::Link),
            FileType::Directory => match self.enter(folder, name, &stat) {
                Ok(()) => None,
                Err(why) => aside(why),
            },
            _ => aside(Aside::Special),
        }
    }

    fn enter(&mut self, folder: &Folder, name: &CStr, stat: &Stat) -> Result<(), Aside> {
        if self.device.is_some_and(|device| device != stat.st_dev) {
            return Err(Aside::Mount);
        }
        if self.levels.len() >= DEPTH {
            return Err(Aside::Depth);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder.file, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(()),
            Err(_) => return Err(Aside::Closed),
        };
        if self.device.is_none() && unreal(&file) {
            return Err(Aside::Unreal);
        }
        let names = Dir::read_from(&file).map_err(|_| Aside::Closed)?;
        let path = folder.path.join(OsStr::from_bytes(name.to_bytes()));
        self.entered = Some((path.clone(), *stat));
        self.levels.push(Level { folder: Arc::new(Folder { file, path }), names });
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        if let Some(entry) = self.single.take() {
            return Some(Met::File(entry));
        }
        loop {
            if let Some((path, stat)) = self.entered.take() {
                return Some(Met::Entered(path, stat));
            }
            let level = self.levels.last_mut()?;
            let folder = Arc::clone(&level.folder);
            match level.names.next() {
                None => {
                    self.levels.pop();
                    return Some(Met::Left(folder.path.clone()));
                }
                Some(Err(_)) => {
                    // Whether the rest is gone cannot be told.
                    self.levels.pop();
                    return Some(Met::Aside(folder.path.clone(), Aside::Closed));
                }
                Some(Ok(entry)) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Some(Ok(entry)) => {
                    if let Some(met) = self.meet(&folder, entry.file_name()) {
                        return Some(met);
                    }
                }
            }
        }
    }
}

/// Whether a file system is one of the kernel.
fn unreal(folder: impl AsFd) -> bool {
    rustix::fs::fstatfs(folder).is_ok_and(|system| UNREAL.contains(&u64::try_from(system.f_type).unwrap_or(0)))
}
