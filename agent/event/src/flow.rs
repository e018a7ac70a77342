//! A connection of this host, and the process that has it.

use crate::{Count, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::sync::Arc;

/// A running program. Its number is given again after it ends: number and beginning together name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Number (`process.pid`).
    pub pid: u32,
    /// When it began (`process.start`).
    pub began: Timestamp,
    /// Name, at most 15 bytes (`process.name`): whoever runs it chooses it.
    pub name: Arc<str>,
    /// File of its program (`process.executable`); empty when not known.
    pub path: Arc<str>,
    /// Account it acts as (`user.name`).
    pub user: Arc<str>,
    /// Account that logged in, whatever account it acts as now (`user.audit.name`); `None`: no login is behind it.
    pub login: Option<Arc<str>>,
    /// Session of the terminal; 0 is unknown.
    pub session: u32,
    /// First digits of the container's number (`container.id`).
    pub container: Option<Arc<str>>,
    /// Programs that started it, the nearest first: name and number.
    pub parents: SmallVec<[(Arc<str>, u32); 4]>,
}

/// What carries it (`network.transport`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP: datagrams of a socket to one address.
    Udp,
    /// ICMP, of either version.
    Icmp,
    /// Anything else.
    Other,
}

impl Transport {
    /// By the number of the protocol (IANA).
    #[must_use]
    pub fn from_number(number: u16) -> Transport {
        match number {
            // 262 is MPTCP inside Linux.
            6 | 262 => Transport::Tcp,
            17 => Transport::Udp,
            1 | 58 => Transport::Icmp,
            _ => Transport::Other,
        }
    }

    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Icmp => "icmp",
            Transport::Other => "other",
        }
    }
}

/// Who began it (`network.direction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// This host.
    Outbound,
    /// The other side.
    Inbound,
    /// Not told: it was there before the sensor, or has no beginning.
    Unknown,
}

impl Direction {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
            Direction::Unknown => "unknown",
        }
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// First record of it.
    Open,
    /// It goes on.
    Going,
    /// It ended.
    Closed,
    /// It never came to be.
    Refused,
}

/// What said the name of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// The program itself, in the first bytes of TLS or QUIC (SNI).
    Sni,
    /// The program itself, in a request of HTTP, or to a proxy.
    Host,
    /// An answer of DNS had the address for this name.
    Dns,
}

/// What the first bytes of a connection show it to speak (`network.protocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// TLS, whatever is inside.
    Tls,
    /// QUIC, version 1 or 2.
    Quic,
    /// HTTP without TLS.
    Http,
    /// SMTP, before it turns to TLS.
    Smtp,
    /// FTP, its control connection.
    Ftp,
    /// SSH.
    Ssh,
    /// DNS.
    Dns,
    /// None of these: bytes that are read as text.
    Other,
}

impl Application {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Application::Tls => "tls",
            Application::Quic => "quic",
            Application::Http => "http",
            Application::Smtp => "smtp",
            Application::Ftp => "ftp",
            Application::Ssh => "ssh",
            Application::Dns => "dns",
            Application::Other => "other",
        }
    }
}

/// What was seen of the bytes of a connection. Numbers are those since its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// What it speaks.
    pub application: Application,
    /// An encrypted name is in its first bytes (ECH), or seems to be: the one in clear may be that of a front.
    pub hidden: bool,
    /// Bytes of clear text that this host sent and in which people were looked for.
    pub read: u64,
    /// Bytes of clear text that were passed over: more than is read of a connection, or of all in a second.
    pub passed: u64,
}

/// A question to DNS, without what its name may carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The registered domain (`dns.question.registered_domain`); `?` where it may be a value.
    pub domain: Arc<str>,
    /// Keyed hash of the registered domain, whatever is shown of it.
    pub domain_key: u64,
    /// Keyed hash of the whole name: the same question again has the same.
    pub name_key: u64,
    /// Bytes of the name below the registered domain, dots included.
    pub below: u8,
    /// Bytes of the longest label below the registered domain.
    pub label: u8,
    /// Different characters below the registered domain, without regard to case.
    pub characters: u8,
    /// Entropy of these characters, in tenths of a bit each.
    pub entropy: u8,
    /// Record type, by its number (`dns.question.type`): 1 A, 16 TXT, 28 AAAA.
    pub record: u16,
}

/// A connection as far as it went. Numbers are those since its beginning: the last record of it tells all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The same in all of its records.
    pub id: u64,
    /// What carries it.
    pub transport: Transport,
    /// Who began it.
    pub direction: Direction,
    /// How far it has come.
    pub phase: Phase,
    /// This host's side.
    pub local: SocketAddr,
    /// The other side; `None`: not told.
    pub remote: Option<SocketAddr>,
    /// Name of the other side, in lower case.
    pub name: Option<(Arc<str>, Naming)>,
    /// What was seen of its bytes; `None`: none were looked at.
    pub payload: Option<Payload>,
    /// The question that this record of it brings to a resolver.
    pub query: Option<Query>,
    /// When it began; `None`: before the sensor.
    pub opened: Option<Timestamp>,
    /// Bytes that this host sent: payload, without headers.
    pub sent: Count,
    /// Bytes that it received, likewise.
    pub received: Count,
    /// Who has it; `None`: not told (another host's flow, or nobody's).
    pub process: Option<Arc<Process>>,
}
