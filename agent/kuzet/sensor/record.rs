//! The records and pieces of the kernel program, read from their bytes: the layout of `kernel.bpf.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a key and of a value of the map of datagrams.
pub(super) const DATAGRAMS_KEY: usize = 32;
pub(super) const DATAGRAMS: usize = 112;

/// Bytes of a process.
pub(super) const WHO: usize = 56;

const AF_INET: u16 = 2;

/// Who acted: a process by its number and its beginning, as the kernel saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    /// Nanoseconds since boot.
    pub(super) began: u64,
    pub(super) cgroup: u64,
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) uid: u32,
    /// Who logged in; `None`: nobody did.
    pub(super) login: Option<u32>,
    pub(super) session: u32,
    pub(super) namespace: u32,
    pub(super) name: String,
}

impl Who {
    /// `None`: these are not the bytes of a process.
    pub(super) fn read(bytes: &[u8]) -> Option<Who> {
        Reader(bytes).who()
    }
}

/// Whether this host began a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Out,
    In,
    /// It was there before the sensor.
    Unknown,
}

impl Direction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Direction::Out => "out",
            Direction::In => "in",
            Direction::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first bytes were sent.
    Open,
    Going,
    Closed,
    /// It never came to be.
    Refused,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Going => "going",
            Phase::Closed => "closed",
            Phase::Refused => "refused",
        }
    }
}

/// A connection, or the datagrams of a socket to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) phase: Phase,
    /// Number of the protocol (IANA).
    pub(super) protocol: u16,
    pub(super) direction: Direction,
    pub(super) socket: u64,
    /// Nanoseconds since boot; 0: before the sensor.
    pub(super) opened: u64,
    /// `None`: not counted.
    pub(super) sent: Option<u64>,
    pub(super) received: Option<u64>,
    pub(super) local: (IpAddr, u16),
    pub(super) remote: (IpAddr, u16),
    /// Number of the user whose socket it is, where no program is known for it.
    pub(super) owner: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Exec { path: String },
    Flow(Flow),
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Nanoseconds since boot.
    pub(super) at: u64,
    pub(super) who: Who,
    pub(super) what: What,
}

/// Numbers one behind the other, in the order of this machine.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_ne_bytes)
    }

    fn who(&mut self) -> Option<Who> {
        let (began, cgroup) = (self.u64()?, self.u64()?);
        let (pid, parent, uid, login) = (self.u32()?, self.u32()?, self.u32()?, self.u32()?);
        let (session, namespace, name) = (self.u32()?, self.u32()?, text(&self.take::<16>()?));
        let login = (login != u32::MAX).then_some(login);
        Some(Who { began, cgroup, pid, parent, uid, login, session, namespace, name })
    }
}

/// Up to the first zero; what is not UTF-8 is replaced, and control characters with it.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).replace(|c: char| c.is_control(), "\u{fffd}")
}

fn address(bytes: [u8; 16], family: u16) -> IpAddr {
    if family == AF_INET {
        let [a, b, c, d, ..] = bytes;
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    Ipv6Addr::from(bytes).to_canonical()
}

impl Record {
    /// `None`: these are not the bytes of a record.
    pub(super) fn read(bytes: &[u8]) -> Option<Record> {
        let mut reader = Reader(bytes);
        let (kind, protocol, family, inbound) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
        let (at, who) = (reader.u64()?, reader.who()?);
        let what = match kind {
            1 => What::Exec { path: text(reader.0) },
            3..=5 => {
                let (socket, opened, sent, received) = (reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?);
                let (local_port, remote_port) = (reader.u16()?, reader.u16()?);
                let (state, _) = (reader.u16()?, reader.u16()?);
                let (local, remote) = (address(reader.take()?, family), address(reader.take()?, family));
                // A connection that was closed while it asked (SYN_SENT is 2) never was one.
                let phase = match (kind, state) {
                    (3, _) => Phase::Open,
                    (4, _) => Phase::Going,
                    (_, 2) => Phase::Refused,
                    _ => Phase::Closed,
                };
                let direction = match inbound {
                    0 => Direction::Out,
                    1 => Direction::In,
                    _ => Direction::Unknown,
                };
                What::Flow(Flow {
                    phase,
                    protocol,
                    direction,
                    socket,
                    opened,
                    sent: Some(sent),
                    received: Some(received),
                    local: (local, local_port),
                    remote: (remote, remote_port),
                    owner: None,
                })
            }
            _ => return None,
        };
        Some(Record { at, who, what })
    }
}

/// First bytes of a connection, or those of a datagram. Nobody looks at them here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Nanoseconds since boot.
    pub(super) at: u64,
    pub(super) socket: u64,
    /// Where in what this side of the connection sent; of datagrams their number.
    pub(super) offset: u64,
    pub(super) namespace: u32,
    /// Number of the protocol (IANA).
    pub(super) protocol: u16,
    /// `In` or `Out`: where these bytes went.
    pub(super) direction: Direction,
    pub(super) local: (IpAddr, u16),
    pub(super) remote: (IpAddr, u16),
    pub(super) data: &'a [u8],
}

impl Piece<'_> {
    /// `None`: these are not the bytes of a piece.
    pub(super) fn read(bytes: &[u8]) -> Option<Piece<'_>> {
        let mut reader = Reader(bytes);
        let (at, socket, offset) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (namespace, length) = (reader.u32()?, reader.u16()?);
        let (protocol, family, inbound) = (reader.u16()?, reader.u16()?, reader.u16()?);
        let (local_port, remote_port) = (reader.u16()?, reader.u16()?);
        let (local, remote) = (address(reader.take()?, family), address(reader.take()?, family));
        Some(Piece {
            at,
            socket,
            offset,
            namespace,
            protocol,
            direction: if inbound == 0 { Direction::Out } else { Direction::In },
            local: (local, local_port),
            remote: (remote, remote_port),
            // Behind them is room that was not needed.
            data: reader.0.get(..usize::from(length))?,
        })
    }
}

/// Datagrams of one socket to one address, as far as they are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Datagrams {
    pub(super) who: Who,
    /// Nanoseconds since boot.
    pub(super) latest: u64,
    pub(super) flow: Flow,
}

impl Datagrams {
    pub(super) fn read(key: &[u8; DATAGRAMS_KEY], value: &[u8; DATAGRAMS]) -> Option<Datagrams> {
        let mut reader = Reader(key);
        let (socket, remote) = (reader.u64()?, reader.take::<16>()?);
        let (remote_port, family, protocol) = (reader.u16()?, reader.u16()?, reader.u16()?);
        let mut reader = Reader(value);
        let who = reader.who()?;
        let (opened, latest, sent, _count) = (reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?);
        let (local, local_port) = (reader.take::<16>()?, reader.u16()?);
        let flow = Flow {
            phase: Phase::Going,
            protocol,
            direction: Direction::Unknown,
            socket,
            opened,
            sent: Some(sent),
            received: None,
            local: (address(local, family), local_port),
            remote: (address(remote, family), remote_port),
            owner: None,
        };
        Some(Datagrams { who, latest, flow })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bytes of a record as the kernel program lays them out.
    fn bytes(kind: u16, family: u16, state: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |part: &[u8]| bytes.extend_from_slice(part);
        [kind, 6, family, 0].iter().for_each(|number| put(&number.to_ne_bytes()));
        [5_000_u64, 1_000, 77].iter().for_each(|number| put(&number.to_ne_bytes()));
        [812_u32, 790, 1000, u32::MAX, 702, 9].iter().for_each(|number| put(&number.to_ne_bytes()));
        put(b"curl\0remains of");
        put(&[0]);
        if kind < 3 {
            put(b"/usr/bin/curl\0remains of a longer path");
        } else {
            [31_u64, 4_000, 1_234, 99].iter().for_each(|number| put(&number.to_ne_bytes()));
            [50_270_u16, 443, state, 0].iter().for_each(|number| put(&number.to_ne_bytes()));
            put(&[10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            put(&[203, 0, 113, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        bytes
    }

    #[test]
    fn records_are_read_as_they_are_laid_out() {
        let exec = Record::read(&bytes(1, 0, 0)).expect("a record");
        assert_eq!((exec.at, exec.who.pid, exec.who.parent, exec.who.uid), (5_000, 812, 790, 1000));
        assert_eq!((exec.who.login, exec.who.session, exec.who.name.as_str()), (None, 702, "curl"));
        assert_eq!(exec.what, What::Exec { path: "/usr/bin/curl".to_owned() });

        let What::Flow(flow) = Record::read(&bytes(5, AF_INET, 1)).expect("a record").what else { panic!("a flow") };
        assert_eq!((flow.phase, flow.socket, flow.sent, flow.received), (Phase::Closed, 31, Some(1_234), Some(99)));
        assert_eq!(flow.remote, (IpAddr::from([203, 0, 113, 7]), 443));
        let What::Flow(refused) = Record::read(&bytes(5, AF_INET, 2)).expect("a record").what else { panic!("a flow") };
        assert_eq!(refused.phase, Phase::Refused);
    }

    #[test]
    fn a_piece_ends_where_its_length_says() {
        let mut bytes = Vec::new();
        let mut put = |part: &[u8]| bytes.extend_from_slice(part);
        [5_000_u64, 31, 4_096].iter().for_each(|number| put(&number.to_ne_bytes()));
        put(&9_u32.to_ne_bytes());
        [3_u16, 6, AF_INET, 0, 50_270, 443].iter().for_each(|number| put(&number.to_ne_bytes()));
        put(&[10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put(&[203, 0, 113, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put(b"GET of an older piece");
        let piece = Piece::read(&bytes).expect("a piece");
        assert_eq!((piece.at, piece.socket, piece.offset, piece.namespace), (5_000, 31, 4_096, 9));
        assert_eq!((piece.protocol, piece.direction, piece.data), (6, Direction::Out, b"GET".as_slice()));
        assert_eq!(piece.local, (IpAddr::from([10, 0, 0, 5]), 50_270));
        assert_eq!(piece.remote, (IpAddr::from([203, 0, 113, 7]), 443));
        let end = bytes.len();
        assert!(Piece::read(&bytes[..end - 18]).is_some() && Piece::read(&bytes[..end - 19]).is_none());
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_is_the_same_host() {
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 203, 0, 113, 7]);
        assert_eq!(address(mapped, 10), IpAddr::from([203, 0, 113, 7]));
        assert_eq!(address([0; 16], 10), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_a_record_or_none(bytes in prop::collection::vec(any::<u8>(), 0..260)) {
            if let Some(record) = Record::read(&bytes) {
                prop_assert!(record.who.name.chars().all(|c| !c.is_control()));
                if let What::Exec { path } = record.what {
                    prop_assert!(path.chars().all(|c| !c.is_control()));
                }
            }
            if let Some(piece) = Piece::read(&bytes) {
                prop_assert!(bytes.ends_with(piece.data) || piece.data.len() < bytes.len());
                prop_assert!(piece.direction != Direction::Unknown);
            }
        }
    }
}
