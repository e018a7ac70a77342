//! The last resort: /proc/net, read once a second. Connections that last, without bytes, and their programs where this
//! process may look at the files of others.

use super::book::{Book, Seen};
use super::netlink;
use super::owners::Owners;
use super::programs::Programs;
use super::record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// How often it is read, in nanoseconds.
const LOOK: u64 = 1_000_000_000;
/// Lists of sockets, by the number of their protocol.
const LISTS: [(u8, [&str; 2]); 2] =
    [(6, ["/proc/net/tcp", "/proc/net/tcp6"]), (17, ["/proc/net/udp", "/proc/net/udp6"])];

/// Reads /proc/net.
pub(super) struct Proc {
    book: Book,
    owners: Owners,
    programs: Programs,
    next_look: u64,
}

impl Proc {
    /// # Errors
    /// There is no /proc/net/tcp to be read.
    pub(super) fn open() -> anyhow::Result<Proc> {
        std::fs::read_to_string(LISTS[0].1[0])?;
        let book = Book::new(netlink::namespace(), 0);
        Ok(Proc { book, owners: Owners::default(), programs: Programs::open(), next_look: 0 })
    }

    /// What it cannot show.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let mut missing = vec![
            "bytes of connections and of datagrams, first bytes of connections: names of the other side, clear text",
            "connections that begin and end between two looks (a second)",
            "connections in other network namespaces (containers)",
        ];
        missing.extend(Owners::missing());
        missing.push(self.programs.missing());
        missing
    }

    /// Waits until something is told or a look is due, at most for `time`.
    pub(super) fn wait(&self, time: Duration, also: Option<BorrowedFd<'_>>) {
        let time = super::until([Some(self.next_look), self.book.due(&self.owners), self.programs.due()]).min(time);
        let mut list: Vec<PollFd<'_>> =
            self.programs.fd().into_iter().chain(also).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // An interrupted wait is a short one.
        let _ = poll(&mut list, Timespec::try_from(time).ok().as_ref());
    }

    /// Gives what was seen since the last round to `take`. `now` is nanoseconds since boot.
    pub(super) fn records(&mut self, now: u64, take: &mut dyn FnMut(Record)) {
        self.programs.records(now, take);
        self.book.own(&mut self.owners);
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        for (protocol, lists) in LISTS {
            let mut look = self.book.look(now, protocol);
            for list in lists {
                let text = std::fs::read_to_string(list).unwrap_or_default();
                text.lines().filter_map(Seen::parse).for_each(|seen| self.book.seen(&mut look, seen, take));
            }
            self.book.looked(look, &mut self.owners, take);
        }
    }

    /// Records that nobody read in time.
    pub(super) fn lost(&mut self) -> u64 {
        self.programs.lost() + self.book.lost()
    }
}

impl Seen {
    /// A socket from a line of /proc/net. `None`: it is none, or one that is over.
    fn parse(line: &str) -> Option<Seen> {
        let mut parts = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (address(parts.next()?)?, address(parts.next()?)?);
        let state = u8::from_str_radix(parts.next()?, 16).ok()?;
        let uid = parts.nth(3)?.parse().ok()?;
        let inode = parts.nth(1)?.parse().ok().filter(|inode| *inode != 0)?;
        Some(Seen { cookie: inode, state, local, remote, inode, uid: Some(uid), bytes: None })
    }
}

/// `0100007F:1F90`: numbers of four bytes in the order of this machine.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let part = |at: usize| u32::from_str_radix(address.get(8 * at..8 * at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(part(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, place) in bytes.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&part(at)?);
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_both_families_are_sockets() {
        let line =
            "   0: 0100007F:1F90 0700007F:C43E 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 00 20";
        let seen = Seen::parse(line).expect("a socket");
        assert_eq!((seen.local, seen.remote), (([127, 0, 0, 1].into(), 8080), ([127, 0, 0, 7].into(), 50_238)));
        assert_eq!((seen.state, seen.uid, seen.inode, seen.bytes), (1, Some(1000), 4711, None));
        let line =
            "1: 00000000000000000000000001000000:0050 0000000000000000FFFF00000100007F:0051 0A 0:0 0:0 0 0 0 7 1";
        let seen = Seen::parse(line).expect("a socket");
        assert_eq!((seen.local.0, seen.remote.0), (Ipv6Addr::LOCALHOST.into(), [127, 0, 0, 1].into()));
        assert!(Seen::parse("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt").is_none());
    }

    #[test]
    fn the_sockets_of_this_host_are_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let text = std::fs::read_to_string("/proc/net/tcp").unwrap();
        assert!(text.lines().filter_map(Seen::parse).any(|seen| seen.local == (own.ip(), own.port())));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_is_a_socket_or_none(line in "[ 0-9A-Fx:\u{e9}]{0,160}", any in "\\PC{0,80}") {
            let _ = (Seen::parse(&line), Seen::parse(&any), address(&any));
        }
    }
}
