//! What makes a file the same file: device, inode, and hashes of its first and last bytes.

use crate::message::FileIdentity;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Most bytes of a fingerprint.
pub(super) const HEAD: usize = 1024;
/// Bytes before the offset that are hashed into a checkpoint.
pub(super) const TAIL: usize = 64;

/// First eight bytes of BLAKE3; stored, so it must never change.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let digest = blake3::hash(bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Device and inode: one file as long as somebody holds it open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Node {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl From<&FileIdentity> for Node {
    fn from(identity: &FileIdentity) -> Node {
        Node { device: identity.device, inode: identity.inode }
    }
}

impl Node {
    /// The identity of this node's content that begins with `head`.
    pub(super) fn identity(self, head: &[u8]) -> FileIdentity {
        FileIdentity {
            device: self.device,
            inode: self.inode,
            fingerprint: hash(head),
            fingerprint_bytes: u32::try_from(head.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Whether content that begins with `head` is the one of `identity`. One without a fingerprint is like nothing.
pub(super) fn matches(identity: &FileIdentity, head: &[u8]) -> bool {
    let bytes = identity.fingerprint_bytes as usize;
    bytes > 0 && head.get(..bytes).is_some_and(|head| hash(head) == identity.fingerprint)
}

/// Whether one of two beginnings is a beginning of the other.
pub(super) fn related(one: &[u8], other: &[u8]) -> bool {
    let shorter = one.len().min(other.len());
    shorter > 0 && one[..shorter] == other[..shorter]
}

/// The first bytes of a file, at most [`HEAD`].
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    read_at(file, 0, HEAD)
}

/// The last min([`TAIL`], `offset`) bytes before `offset`; fewer when the file is shorter.
pub(super) fn tail(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let bytes = offset.min(TAIL as u64);
    read_at(file, offset - bytes, bytes as usize)
}

fn read_at(file: &File, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    let mut filled = 0;
    while filled < bytes {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// The last bytes before an offset that moves forward.
#[derive(Clone)]
pub(super) struct Window {
    bytes: [u8; TAIL],
    length: usize,
}

impl Window {
    pub(super) fn new(bytes: &[u8]) -> Window {
        let mut window = Window { bytes: [0; TAIL], length: 0 };
        window.push(bytes);
        window
    }

    /// Moves the offset over `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL {
            self.bytes.copy_from_slice(&bytes[bytes.len() - TAIL..]);
            self.length = TAIL;
            return;
        }
        let keep = self.length.min(TAIL - bytes.len());
        self.bytes.copy_within(self.length - keep..self.length, 0);
        self.bytes[keep..keep + bytes.len()].copy_from_slice(bytes);
        self.length = keep + bytes.len();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn hash(&self) -> u64 {
        hash(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_the_last_bytes_however_they_come() {
        let all: Vec<u8> = (0..=255).collect();
        for step in [1, 3, 63, 64, 65, 200] {
            let mut window = Window::new(b"");
            for (index, part) in all.chunks(step).enumerate() {
                window.push(part);
                let end = (index * step + part.len()).min(all.len());
                assert_eq!(window.bytes(), &all[end.saturating_sub(TAIL)..end]);
            }
        }
    }

    #[test]
    fn a_fingerprint_matches_what_begins_alike() {
        let node = Node { device: 1, inode: 2 };
        let short = node.identity(b"first li");
        assert!(matches(&short, b"first line\nsecond"));
        assert!(!matches(&short, b"first"));
        assert!(!matches(&short, b"another line"));
        assert!(!matches(&node.identity(b""), b"anything"));
        assert!(related(b"ab", b"abc") && !related(b"", b"abc") && !related(b"ac", b"abc"));
    }
}
