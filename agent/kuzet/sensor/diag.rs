//! Connections where the kernel takes no program: a look at all sockets (sock_diag) at least once a second and the
//! kernel's word when one ends, joined by the socket's cookie. Sees its own network namespace; needs no rights for that.

use super::book::{Book, Bytes, Look, Seen};
use super::netlink::{self, ERROR, Socket, attributes, number};
use super::owners::Owners;
use super::programs::Programs;
use super::record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Requests: for all TCP sockets of either address family at once, and for those of one family and protocol.
const TCP_SOCKETS: u16 = 18;
const BY_FAMILY: u16 = 20;
/// A request for all there are.
const DUMP: u16 = 0x300;
/// Groups of sockets that ended: TCP and UDP, each for IPv4 and IPv6.
const ENDED: u32 = 0b1111;
/// States of TCP that are asked for: neither closed ones nor what is left of those that ended.
const STATES: u32 = 0b1111_1111_1111 & !(1 << TIME_WAIT | 1 << CLOSE);
const TIME_WAIT: u32 = 6;
const CLOSE: u32 = 7;
/// Attributes.
const INFO: u16 = 2;
/// ENOENT.
const NO_ENTRY: i32 = -2;

const TCP: u8 = 6;
const UDP: u8 = 17;

const SECOND: u64 = 1_000_000_000;
/// Sockets are looked at once a second; more often while connections end before they were looked at, as long as half a
/// percent of a core is enough for that.
const LOOK: u64 = SECOND;
const LOOK_SOONEST: u64 = SECOND / 5;
const SHARE: u64 = 200;
/// Datagram sockets have no bytes to count.
const LOOK_DATAGRAMS: u64 = 5 * SECOND;
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// While ends are told they are taken together, so long.
const TOGETHER: Duration = Duration::from_millis(20);

/// Looks at sockets and hears of their ends.
pub(super) struct Diag {
    asked: Socket,
    ended: Socket,
    book: Book,
    owners: Owners,
    programs: Programs,
    next_look: u64,
    next_datagrams: u64,
    lost: u64,
}

impl Diag {
    /// # Errors
    /// The kernel has no sock_diag, or does not let this process ask.
    pub(super) fn open() -> anyhow::Result<Diag> {
        let protocol = rustix::net::netlink::SOCK_DIAG;
        Ok(Diag {
            asked: Socket::open(protocol, 0)?,
            ended: Socket::open(protocol, ENDED)?,
            book: Book::new(netlink::namespace(), 1),
            owners: Owners::default(),
            programs: Programs::open(),
            next_look: 0,
            next_datagrams: 0,
            lost: 0,
        })
    }

    /// What it cannot show.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let mut missing = vec![
            "user and program of connections that begin and end between two looks (a second)",
            "connections in other network namespaces (containers)",
            "bytes of datagrams, receivers of those from sockets that are not connected",
            "first bytes of connections: names of the other side, clear text",
        ];
        missing.extend(Owners::missing());
        missing.push(self.programs.missing());
        missing
    }

    /// Waits until something is told or a look is due, at most for `time`.
    pub(super) fn wait(&self, time: Duration, also: Option<BorrowedFd<'_>>) {
        let due = [Some(self.next_look), self.book.due(&self.owners), self.programs.due()];
        let time = super::until(due).min(time);
        // One round for many: what starts must be asked for at once, and so must `also`; what ended can wait.
        let urgent: Vec<BorrowedFd<'_>> = self.programs.fd().into_iter().chain(also).collect();
        let all = urgent.iter().copied().chain([self.ended.fd()]);
        if ready(all, time).last() == Some(&true) {
            ready(urgent, TOGETHER);
        }
    }

    /// Gives what was seen since the last round to `take`. `now` is nanoseconds since boot.
    ///
    /// # Errors
    /// The kernel does not answer any more.
    pub(super) fn records(&mut self, now: u64, take: &mut dyn FnMut(Record)) -> anyhow::Result<()> {
        self.programs.records(now, take);
        self.book.own(&mut self.owners);
        let mut resync = self.ends(now, take);
        if resync || now >= self.next_look {
            self.look(now, take)?;
            // What ended while it was looked at is told before the next look would find it gone.
            resync = self.ends(now, take);
        }
        if resync {
            self.next_look = now;
        }
        Ok(())
    }

    /// Records that nobody read in time.
    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost) + self.programs.lost() + self.book.lost()
    }

    /// Takes the ends that wait. `true`: some were dropped, all sockets must be looked at.
    fn ends(&mut self, now: u64, take: &mut dyn FnMut(Record)) -> bool {
        let mut dropped = false;
        let Diag { ended, book, .. } = self;
        loop {
            match ended.receive(|message| {
                if let Some(seen) = Seen::read(message.body) {
                    book.ended(now, &seen, take);
                }
            }) {
                Ok(true) => {}
                Err(Errno::NOBUFS) => {
                    self.lost += ended.dropped();
                    dropped = true;
                }
                Ok(false) | Err(_) => return dropped,
            }
        }
    }

    fn look(&mut self, now: u64, take: &mut dyn FnMut(Record)) -> anyhow::Result<()> {
        let began = super::busy_nanos();
        let mut look = self.book.look(now, TCP);
        self.dump(&request(0, TCP, STATES), &mut look, take)?;
        self.book.looked(look, &mut self.owners, take);
        let cost = super::busy_nanos().saturating_sub(began);
        if now >= self.next_datagrams {
            self.next_datagrams = now + LOOK_DATAGRAMS;
            let mut look = self.book.look(now, UDP);
            for family in [2, 10] {
                self.dump(&request(family, UDP, u32::MAX), &mut look, take)?;
            }
            self.book.looked(look, &mut self.owners, take);
        }
        let pause = if self.book.missed() { (cost * SHARE).clamp(LOOK_SOONEST, LOOK) } else { LOOK };
        self.next_look = now + pause;
        Ok(())
    }

    fn dump(&mut self, request: &[u8], look: &mut Look, take: &mut dyn FnMut(Record)) -> anyhow::Result<()> {
        let Diag { asked, book, .. } = self;
        asked.send(request)?;
        let (mut done, mut refused) = (false, None);
        while !done {
            let heard = asked.receive(|message| match message.kind {
                netlink::DONE => done = true,
                ERROR => {
                    refused = number(message.body, 0).map(i32::from_ne_bytes);
                    done = true;
                }
                _ => {
                    if let Some(seen) = Seen::read(message.body) {
                        book.seen(look, seen, take);
                    }
                }
            })?;
            anyhow::ensure!(heard || ready([asked.fd()], ANSWER) == [true], "sock_diag does not answer");
        }
        // A kernel without the module for one protocol refuses to look for it.
        match refused {
            Some(NO_ENTRY | 0) | None => Ok(()),
            Some(code) => anyhow::bail!("sock_diag refuses: error {}", code.unsigned_abs()),
        }
    }
}

/// Waits until one of these can be read, at most for `time`, and says which can.
fn ready<'a>(list: impl IntoIterator<Item = BorrowedFd<'a>>, time: Duration) -> Vec<bool> {
    let mut list: Vec<PollFd<'_>> = list.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    // An interrupted wait is a short one.
    let _ = poll(&mut list, Timespec::try_from(time).ok().as_ref());
    list.iter().map(|one| !one.revents().is_empty()).collect()
}

/// A request for all sockets of a protocol in these states: `struct inet_diag_req_v2`, or of TCP without a family the older
/// `struct inet_diag_req`, which is answered for all families in one walk.
fn request(family: u8, protocol: u8, states: u32) -> Vec<u8> {
    let info = 1 << (INFO - 1);
    let mut body = Vec::new();
    if family == 0 {
        body.extend_from_slice(&[0, 0, 0, info]);
        body.extend_from_slice(&[0; 48]);
        body.extend_from_slice(&states.to_ne_bytes());
        body.extend_from_slice(&[0; 4]);
        return netlink::message(TCP_SOCKETS, DUMP, &body);
    }
    body.extend_from_slice(&[family, protocol, 0, 0]);
    body.extend_from_slice(&states.to_ne_bytes());
    body.extend_from_slice(&[0; 48]);
    netlink::message(BY_FAMILY, DUMP, &body)
}

impl Seen {
    /// A socket from `struct inet_diag_msg` and its attributes. `None`: these are not the bytes of one.
    fn read(body: &[u8]) -> Option<Seen> {
        let [family, state, ..] = number::<4>(body, 0)?;
        let port = |place| number(body, place).map(u16::from_be_bytes);
        let address = |place| -> Option<IpAddr> {
            Some(match family {
                2 => Ipv4Addr::from(number::<4>(body, place)?).into(),
                10 => Ipv6Addr::from(number::<16>(body, place)?).to_canonical(),
                _ => return None,
            })
        };
        let half = |place| number(body, place).map(u32::from_ne_bytes);
        let (low, high) = (half(44)?, half(48)?);
        let (uid, inode) = (half(64)?, half(68)?);
        let info = attributes(body.get(72..)?).find(|(kind, _)| *kind == INFO);
        Some(Seen {
            cookie: u64::from(high) << 32 | u64::from(low),
            state,
            local: (address(8)?, port(4)?),
            remote: (address(24)?, port(6)?),
            inode: u64::from(inode),
            // What has no file any more belongs to nobody.
            uid: (inode != 0).then_some(uid),
            bytes: info.and_then(|(_, info)| bytes(info, u32::from(state))),
        })
    }
}

/// The payload of a connection from `struct tcp_info`.
fn bytes(info: &[u8], state: u32) -> Option<Bytes> {
    let count = |place| number(info, place).map(u64::from_ne_bytes);
    let (acked, received) = (count(120)?, count(128)?);
    // What was acknowledged counts the request for the connection and its end as a byte each; what was sent does not, but
    // holds what never arrived (both: Linux 4.19).
    let sent = match (count(200), count(208)) {
        (Some(sent), Some(again)) => sent.saturating_sub(again).min(acked),
        _ => acked.saturating_sub(1),
    };
    // The end of what the other side sends counts as a byte.
    let ended = matches!(state, CLOSE | 8 | 9 | 11);
    Some(Bytes { sent, received: received.saturating_sub(u64::from(ended)), acked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A socket as the kernel lays it out.
    fn laid(family: u8, state: u8, info: &[(usize, u64)]) -> Vec<u8> {
        let mut body = vec![family, state, 0, 0];
        body.extend_from_slice(&50_270_u16.to_be_bytes());
        body.extend_from_slice(&443_u16.to_be_bytes());
        for address in [[10, 0, 0, 5], [203, 0, 113, 7]] {
            body.extend_from_slice(&address);
            body.extend_from_slice(&[0; 12]);
        }
        for number in [0, 7, 1, 0, 0, 0, 1000, 4711] {
            body.extend_from_slice(&u32::to_ne_bytes(number));
        }
        assert_eq!(body.len(), 72);
        let mut tcp = vec![0; 232];
        for (place, number) in info {
            tcp[*place..place + 8].copy_from_slice(&number.to_ne_bytes());
        }
        body.extend_from_slice(&[1, 0, 8, 0, 236, 0, 2, 0]);
        // The attribute before has no value: its length is that of its head.
        let head = body.len() - 8;
        body[head] = 4;
        body.extend_from_slice(&tcp);
        body
    }

    #[test]
    fn a_socket_is_read_as_it_is_laid_out() {
        let seen = Seen::read(&laid(2, 1, &[(120, 1_002), (128, 99), (200, 1_500), (208, 500)])).expect("a socket");
        assert_eq!((seen.cookie, seen.inode, seen.uid), (1 << 32 | 7, 4711, Some(1000)));
        assert_eq!((seen.local, seen.remote), (([10, 0, 0, 5].into(), 50_270), ([203, 0, 113, 7].into(), 443)));
        assert_eq!(seen.bytes, Some(Bytes { sent: 1_000, received: 99, acked: 1_002 }));
    }

    #[test]
    fn what_ended_counts_no_byte_for_its_end() {
        let info = [(120, 1_002), (128, 100), (200, 1_000)];
        let seen = Seen::read(&laid(2, 7, &info)).expect("a socket");
        assert_eq!(seen.bytes, Some(Bytes { sent: 1_000, received: 99, acked: 1_002 }));
        let asked = Seen::read(&laid(2, 2, &[(200, 0)])).expect("a socket");
        assert_eq!(asked.bytes, Some(Bytes { sent: 0, received: 0, acked: 0 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_a_socket_or_none(noise in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
            let _ = Seen::read(&noise);
            let whole = laid(10, 1, &[(120, u64::MAX)]);
            let _ = Seen::read(&whole[..cut.min(whole.len())]);
            let mut bent = whole;
            bent.iter_mut().zip(&noise).for_each(|(byte, noise)| *byte ^= noise);
            for message in netlink::messages(&bent) {
                let _ = Seen::read(message.body);
            }
            let _ = Seen::read(&bent);
        }
    }
}
