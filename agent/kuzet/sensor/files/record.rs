//! Records of fanotify, taken apart, whatever bytes they are.
//!
//! ```text
//! length u32 · version u8 · 0 u8 · length of this head u16 · mask u64 · descriptor i32 · process i32
//! then parts: kind u8 · 0 u8 · length u16 · (file system 8 bytes · handle: length u32, kind i32, bytes) · name, 0
//! ```

/// Version of the layout.
const VERSION: u8 = 3;
/// Bytes of a head, of the head of a part, and of what stands before the bytes of a handle.
const HEAD: usize = 24;
const PART: usize = 4;
const HANDLE: usize = 16;

/// One record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// What happened: `FAN_…`.
    pub(super) mask: u64,
    /// The process; 0: the kernel, or one of another namespace.
    pub(super) pid: u32,
    /// The file, where the group is told of open files; negative: none.
    pub(super) fd: i32,
    /// The folder and the name in it.
    pub(super) place: Option<Entry<'a>>,
    /// Of a renamed file: where it was and where it is.
    pub(super) old: Option<Entry<'a>>,
    pub(super) new: Option<Entry<'a>>,
    /// The file itself.
    pub(super) file: Option<Handle<'a>>,
}

/// What the kernel calls a file or a folder, whatever its name is: file system, then its handle there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Handle<'a>(pub(super) &'a [u8]);

impl<'a> Handle<'a> {
    /// Number of its file system.
    pub(super) fn system(self) -> Option<[u8; 8]> {
        self.0.first_chunk().copied()
    }

    /// Kind and bytes.
    pub(super) fn parts(self) -> Option<(i32, &'a [u8])> {
        Some((i32::from_ne_bytes(number(self.0, 12)?), self.0.get(HANDLE..)?))
    }
}

/// A name in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) folder: Handle<'a>,
    pub(super) name: &'a [u8],
}

fn number(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?)))
}

/// The records in `bytes`, up to the first that is none.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let size = usize::try_from(u32::from_ne_bytes(number(rest, 0)?)).ok()?;
        let (own, after) = rest.split_at_checked(size).filter(|_| size >= HEAD)?;
        rest = after;
        Record::read(own)
    })
}

impl<'a> Record<'a> {
    fn read(bytes: &'a [u8]) -> Option<Record<'a>> {
        let mask = u64::from_ne_bytes(*bytes.get(8..)?.first_chunk()?);
        let (fd, pid) = (i32::from_ne_bytes(number(bytes, 16)?), i32::from_ne_bytes(number(bytes, 20)?));
        if bytes.get(4) != Some(&VERSION) {
            return None;
        }
        let mut record = Record { mask, pid: u32::try_from(pid).unwrap_or(0), fd, ..Record::default() };
        let mut rest = bytes.get(length(bytes, 6)?.max(HEAD)..).unwrap_or_default();
        while let Some((part, after)) =
            length(rest, 2).filter(|size| *size >= PART).and_then(|size| rest.split_at_checked(size))
        {
            rest = after;
            record.part(part);
        }
        Some(record)
    }

    /// Takes what one part tells; one that is unknown or broken tells nothing.
    fn part(&mut self, part: &'a [u8]) {
        let Some(body) = part.get(PART..) else { return };
        let split = || {
            let size = HANDLE.checked_add(usize::try_from(u32::from_ne_bytes(number(body, 8)?)).ok()?)?;
            body.split_at_checked(size)
        };
        let Some((handle, behind)) = split() else { return };
        let folder = Handle(handle);
        let entry = || {
            let end = behind.iter().position(|byte| *byte == 0).unwrap_or(behind.len());
            Some(Entry { folder, name: &behind[..end] })
        };
        match part.first().copied().unwrap_or(0) {
            libc::FAN_EVENT_INFO_TYPE_FID => self.file = Some(folder),
            libc::FAN_EVENT_INFO_TYPE_DFID_NAME => self.place = entry(),
            // The folder itself, without a name.
            libc::FAN_EVENT_INFO_TYPE_DFID => self.place = Some(Entry { folder, name: b"." }),
            libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME => self.old = entry(),
            libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME => self.new = entry(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(kind: u8, handle: &[u8], name: &[u8]) -> Vec<u8> {
        let mut body = vec![7; 8];
        body.extend_from_slice(&u32::try_from(handle.len()).unwrap().to_ne_bytes());
        body.extend_from_slice(&1_i32.to_ne_bytes());
        body.extend_from_slice(handle);
        body.extend_from_slice(name);
        body.resize(body.len().next_multiple_of(4), 0);
        let size = u16::try_from(body.len() + PART).unwrap().to_ne_bytes();
        [&[kind, 0, size[0], size[1]], &body[..]].concat()
    }

    fn record(mask: u64, fd: i32, pid: i32, parts: &[Vec<u8>]) -> Vec<u8> {
        let parts = parts.concat();
        let mut bytes = u32::try_from(HEAD + parts.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend_from_slice(&[VERSION, 0]);
        bytes.extend_from_slice(&24_u16.to_ne_bytes());
        bytes.extend_from_slice(&mask.to_ne_bytes());
        bytes.extend_from_slice(&fd.to_ne_bytes());
        bytes.extend_from_slice(&pid.to_ne_bytes());
        [bytes, parts].concat()
    }

    #[test]
    fn a_record_is_read_as_it_is_laid_out() {
        let created = record(
            libc::FAN_CREATE,
            -1,
            812,
            &[
                part(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"folder12", b"a.docx\0"),
                part(libc::FAN_EVENT_INFO_TYPE_FID, b"file", b""),
            ],
        );
        let renamed = record(
            libc::FAN_RENAME,
            -1,
            0,
            &[
                part(libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, b"one", b"a\0"),
                part(libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, b"two", b"b\0"),
            ],
        );
        let bytes = [created, renamed, record(libc::FAN_Q_OVERFLOW, -1, 0, &[])].concat();
        let found: Vec<Record<'_>> = records(&bytes).collect();
        assert_eq!(found.len(), 3);
        let place = found[0].place.expect("a place");
        assert_eq!((found[0].mask, found[0].pid, place.name), (libc::FAN_CREATE, 812, &b"a.docx"[..]));
        assert_eq!((place.folder.system(), place.folder.parts()), (Some([7; 8]), Some((1, &b"folder12"[..]))));
        assert_eq!(found[0].file.and_then(Handle::parts), Some((1, &b"file"[..])));
        let names = [found[1].old, found[1].new].map(|entry| entry.expect("an entry").name);
        assert_eq!(names, [b"a", b"b"]);
        assert_eq!((found[2].mask, found[2].place), (libc::FAN_Q_OVERFLOW, None));
    }

    #[test]
    fn a_record_that_is_cut_is_none() {
        let whole = record(libc::FAN_CREATE, -1, 1, &[part(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"folder", b"name\0")]);
        for end in 0..whole.len() {
            assert_eq!(records(&whole[..end]).count(), 0, "{end}");
        }
        let mut other = whole.clone();
        other[4] = VERSION + 1;
        assert_eq!(records(&other).count(), 0, "another layout");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_records_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for record in records(&bytes) {
                for handle in [record.file, record.place.map(|place| place.folder)].into_iter().flatten() {
                    let _ = (handle.system(), handle.parts());
                }
            }
        }

        #[test]
        fn any_parts_of_a_record_are_told_or_not(body in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..14) {
            let size = u16::try_from(body.len() + PART).unwrap().to_ne_bytes();
            let part = [&[kind, 0, size[0], size[1]], &body[..]].concat();
            let bytes = record(libc::FAN_OPEN, -1, 1, &[part]);
            let found: Vec<Record<'_>> = records(&bytes).collect();
            prop_assert_eq!(found.len(), 1);
            prop_assert!(found[0].place.is_none_or(|place| place.name.len() <= body.len()));
        }
    }
}
