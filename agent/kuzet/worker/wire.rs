//! What goes over the socket, and how: packets of JSON, descriptors beside them.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::BATCH;

/// Longest packet; longer answers are several.
pub(super) const PACKET: usize = 64 << 10;

/// The first packet: what holds for all files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello<'a> {
    /// The key of the keyed hashes, 64 hex digits.
    pub(super) key: Cow<'a, str>,
    /// Keyed hashes of the numbers that this host reserves, 32 hex digits each.
    pub(super) canaries: Cow<'a, str>,
    /// Seconds on a processor for one question.
    pub(super) seconds: u64,
    /// Bytes of memory.
    pub(super) memory: u64,
    /// Instead of looking at files, try what the sandbox must refuse.
    pub(super) prove: bool,
}

/// The answer to it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// How much of the file and network rules the kernel enforces: 2 all, 1 some, 0 none. The filter of system calls always holds.
    pub(super) landlock: u8,
}

/// One file of a question; its descriptor stands at the same place in the list beside the packet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked<'a> {
    /// Its size when it was opened.
    pub(super) size: u64,
    /// What its name ends with: asked where the content leaves a choice.
    pub(super) extension: Cow<'a, str>,
    /// The digest of its content is wanted.
    pub(super) digest: bool,
    /// Digest of the content that is known already, 32 hex digits or nothing.
    pub(super) known: Cow<'a, str>,
}

/// One answer: a line. Names stand for members of closed lists.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Told<'a> {
    pub(super) verdict: Cow<'a, str>,
    pub(super) format: Cow<'a, str>,
    pub(super) bytes: u64,
    pub(super) digest: Cow<'a, str>,
    pub(super) missed: Vec<(Cow<'a, str>, u32)>,
    /// Certain, strong, likely, weak.
    pub(super) kinds: Vec<(Cow<'a, str>, [u64; 4])>,
    /// Name space of the hashes of people, the hashes one behind the other, and whether there are more.
    pub(super) people: (Cow<'a, str>, Cow<'a, str>, bool),
    pub(super) canaries: u32,
    pub(super) documents: Vec<Scanned<'a>>,
    pub(super) encrypted: bool,
    pub(super) macros: bool,
}

/// An identity document in a picture.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scanned<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) state: Cow<'a, str>,
    pub(super) side: Cow<'a, str>,
    pub(super) confidence: Cow<'a, str>,
    pub(super) checks: u8,
    pub(super) page: u32,
    pub(super) signs: Vec<Cow<'a, str>>,
}

/// Sends a packet with descriptors beside it.
pub(super) fn send(socket: BorrowedFd<'_>, packet: &[u8], files: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(Errno::TOOBIG);
    }
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(packet)], &mut beside, SendFlags::NOSIGNAL)
    })
    .map(drop)
}

/// Receives a packet into `room` and its descriptors into `files`. Nothing: the other side is gone.
pub(super) fn receive(socket: BorrowedFd<'_>, room: &mut [u8], files: &mut Vec<OwnedFd>) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(room)], &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    files.extend(
        beside
            .drain()
            .filter_map(|one| match one {
                RecvAncillaryMessage::ScmRights(files) => Some(files),
                _ => None,
            })
            .flatten(),
    );
    Ok(received.bytes)
}

/// Appends `number` as 32 hex digits.
pub(super) fn hex(number: u128, out: &mut String) {
    use std::fmt::Write;
    let _ = write!(out, "{number:032x}");
}

/// The numbers that [`hex`] wrote one behind the other.
pub(super) fn numbers(text: &str) -> Option<Vec<u128>> {
    if !text.len().is_multiple_of(32) || !text.is_ascii() {
        return None;
    }
    text.as_bytes().chunks(32).map(|digits| u128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).collect()
}
