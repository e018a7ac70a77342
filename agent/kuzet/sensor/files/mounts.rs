//! The list of mounts, and the kernel's word that it has changed.

use rustix::event::{PollFd, PollFlags};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Longest list that is read.
const LONGEST: u64 = 8 << 20;
/// File systems without files of anybody.
const NO_FILES: [&str; 22] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mount {
    /// Its number: given again when it is gone.
    id: u32,
    /// Number of the file system.
    device: Box<str>,
    pub(super) path: PathBuf,
}

/// The mounts as they were seen last.
pub(super) struct Mounts {
    list: Option<File>,
    known: HashSet<Mount>,
}

impl Mounts {
    /// The mounts of the namespace that `list` is of.
    pub(super) fn open(list: &Path) -> Mounts {
        let mut mounts = Mounts { list: File::open(list).ok(), known: HashSet::new() };
        mounts.changed();
        mounts
    }

    /// Asks for the kernel's word.
    pub(super) fn poll(&self) -> Option<PollFd<'_>> {
        self.list.as_ref().map(|list| PollFd::new(list, PollFlags::PRI))
    }

    /// The mounts that were not there when this was last called, and those that are there no more.
    pub(super) fn changed(&mut self) -> (Vec<Mount>, Vec<Mount>) {
        let Some(list) = &mut self.list else { return Default::default() };
        let mut text = Vec::new();
        if list.rewind().and_then(|()| list.take(LONGEST).read_to_end(&mut text)).is_err() {
            return Default::default();
        }
        let now: HashSet<Mount> = text.split(|byte| *byte == b'\n').filter_map(Mount::read).collect();
        let known = std::mem::replace(&mut self.known, now);
        let without = |one: &HashSet<Mount>, other: &HashSet<Mount>| one.difference(other).cloned().collect();
        (without(&self.known, &known), without(&known, &self.known))
    }

    /// Every mount.
    pub(super) fn all(&self) -> impl Iterator<Item = &Mount> {
        self.known.iter()
    }
}

impl Mount {
    /// A mount from a line of `mountinfo`: number, parent, file system, root, place … - kind, device.
    fn read(line: &[u8]) -> Option<Mount> {
        let mut parts = line.split(|byte| *byte == b' ');
        let text = |part: &[u8]| std::str::from_utf8(part).map(str::to_owned).ok();
        let (id, device) = (text(parts.next()?)?.parse().ok()?, text(parts.nth(1)?)?);
        let path = PathBuf::from(OsString::from_vec(unescape(parts.nth(1)?)));
        let kind = text(parts.skip_while(|part| *part != b"-").nth(1)?)?;
        (!NO_FILES.contains(&kind.as_str())).then(|| Mount { id, device: device.into(), path })
    }
}

/// Blanks and the like stand as `\040`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, after)) = rest.split_first() {
        let octal = |digits: &[u8; 3]| {
            digits
                .iter()
                .try_fold(0_u32, |sum, digit| (b'0'..=b'7').contains(digit).then(|| sum * 8 + u32::from(digit - b'0')))
        };
        let escaped = after.first_chunk().filter(|_| *byte == b'\\').and_then(octal).and_then(|n| u8::try_from(n).ok());
        plain.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_of_mountinfo_is_a_mount() {
        let line = b"36 35 98:0 /mnt1 /media/my\\040disk rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let mount = Mount::read(line).expect("a mount");
        assert_eq!((mount.id, &*mount.device, mount.path), (36, "98:0", PathBuf::from("/media/my disk")));
        assert_eq!(Mount::read(b"22 1 0:21 / /proc rw shared:5 - proc proc rw"), None, "nobody's files");
        assert_eq!(Mount::read(b""), None);
    }

    #[test]
    fn the_mounts_of_this_host_are_read() {
        let mut mounts = Mounts::open(Path::new("/proc/self/mountinfo"));
        assert!(mounts.all().any(|mount| mount.path == Path::new("/")));
        assert!(mounts.poll().is_some() && mounts.changed().0.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_is_a_mount_or_none(line in "[ 0-9:/a-z\\\\-]{0,80}", any in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (Mount::read(line.as_bytes()), Mount::read(&any));
            prop_assert!(unescape(&any).len() <= any.len());
        }
    }
}
