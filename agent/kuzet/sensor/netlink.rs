//! Netlink: sockets to the kernel, and its messages taken apart, whatever bytes they are.

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// Kinds of messages.
pub(super) const ERROR: u16 = 2;
pub(super) const DONE: u16 = 3;

/// Bytes that wait in a socket for groups: 6,000 events.
const WAITING: usize = 8 << 20;
/// Longest message that the kernel makes.
const LONGEST: usize = 64 << 10;

/// A socket to one part of the kernel.
pub(super) struct Socket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    /// Messages that were dropped, as last asked.
    dropped: u64,
}

impl Socket {
    /// A socket that hears `groups`; with none it hears the answers to what it asks.
    pub(super) fn open(protocol: Protocol, groups: u32) -> rustix::io::Result<Socket> {
        let fd =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol))?;
        if groups != 0 && rustix::net::sockopt::set_socket_recv_buffer_size_force(&fd, WAITING).is_err() {
            // Without the right to more there is as much as the host allows.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&fd, WAITING);
        }
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
        Ok(Socket { fd, buffer: vec![0; LONGEST], dropped: 0 })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn send(&self, message: &[u8]) -> rustix::io::Result<()> {
        rustix::net::send(&self.fd, message, SendFlags::empty()).map(drop)
    }

    /// Gives `take` every message of what comes next. `false`: nothing waits.
    ///
    /// # Errors
    /// `NOBUFS`: messages were dropped, because nobody read them in time.
    pub(super) fn receive(&mut self, mut take: impl FnMut(Message<'_>)) -> rustix::io::Result<bool> {
        let read = match rustix::net::recv(&self.fd, &mut self.buffer[..], RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => return Ok(true),
            read => read?.0,
        };
        messages(self.buffer.get(..read).unwrap_or_default()).for_each(&mut take);
        Ok(true)
    }

    /// Messages dropped since this was last asked, as the kernel counts them; at least one, which is why it is asked.
    pub(super) fn dropped(&mut self) -> u64 {
        let own = rustix::fs::fstat(&self.fd).map(|stat| stat.st_ino).unwrap_or_default();
        let list = std::fs::read_to_string("/proc/net/netlink").unwrap_or_default();
        let count = list.lines().find_map(|line| {
            let mut parts = line.split_ascii_whitespace().rev();
            (parts.next()?.parse() == Ok(own)).then(|| parts.next()?.parse::<u64>().ok()).flatten()
        });
        let new = count.map_or(0, |count| count.saturating_sub(self.dropped));
        self.dropped = count.unwrap_or(self.dropped);
        new.max(1)
    }
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) body: &'a [u8],
}

/// A message as it is sent: `flags` beside the one that it is a request.
pub(super) fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&(flags | 1).to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(body);
    bytes
}

/// The messages in what was received.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = number::<4>(bytes, 0).map(u32::from_ne_bytes)? as usize;
        let kind = number::<2>(bytes, 4).map(u16::from_ne_bytes)?;
        let body = bytes.get(16..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, body })
    })
}

/// The attributes behind the head of a message, by their numbers.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(number::<2>(bytes, 0).map(u16::from_ne_bytes)?);
        let kind = number::<2>(bytes, 2).map(u16::from_ne_bytes)?;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// `N` bytes at `place`.
pub(super) fn number<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

/// The number of this process's network namespace.
pub(super) fn namespace() -> u32 {
    let own = std::fs::metadata("/proc/self/ns/net").map(|meta| meta.ino());
    own.ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_taken_apart_as_they_are_put_together() {
        let mut bytes = message(20, 0x300, b"five5");
        bytes.extend_from_slice(&[0; 3]);
        bytes.extend(message(DONE, 0, &[]));
        let found: Vec<_> = messages(&bytes).collect();
        assert_eq!(found, [Message { kind: 20, body: b"five5" }, Message { kind: DONE, body: b"" }]);
        let attribute = [5, 0, 8, 0, 3, 0, 0, 0, 6, 0, 9, 0, 7, 7];
        let found: Vec<_> = attributes(&attribute).collect();
        assert_eq!(found, [(8, &[3][..]), (9, &[7, 7][..])]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_messages_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(messages(&bytes).map(|message| 16 + message.body.len()).sum::<usize>() <= bytes.len());
            prop_assert!(attributes(&bytes).map(|(_, value)| 4 + value.len()).sum::<usize>() <= bytes.len());
        }
    }
}
