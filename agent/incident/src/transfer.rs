//! Where the data of a story went: one entry a connection, and what joins it with the reading.

use crate::text::clip;
use kuzet_detect::{Joined, Transfer};
use kuzet_event::{Count, Direction, Naming, Process, Timestamp, Transport};
use serde::{Deserialize, Serialize};

/// Connections kept one by one.
const FLOWS: usize = 16;

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// When it was started.
    #[serde(rename = "process.start", with = "crate::time")]
    pub began: Timestamp,
    /// Number.
    #[serde(rename = "process.pid")]
    pub pid: u32,
    /// Name; whoever runs it chooses it.
    #[serde(rename = "process.name")]
    pub name: String,
    /// File of the program; empty when unknown.
    #[serde(rename = "process.executable")]
    pub path: String,
    /// SHA-256 of that file, 64 hex digits; the shell finds it ([`crate::Folder::hashed`]). `None`: it could not be read for
    /// certain.
    #[serde(rename = "process.hash.sha256", default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// First digits of its container's number.
    #[serde(rename = "container.id", default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Account it acts as.
    #[serde(rename = "user.name")]
    pub user: String,
    /// Account that logged in; empty when none did.
    #[serde(rename = "user.audit.name")]
    pub login: String,
    /// Programs that started it, the nearest first.
    #[serde(rename = "process.parents")]
    pub parents: Vec<String>,
}

impl Program {
    /// Whether it is the same program: a process may start another one, and its number is given again.
    fn is(&self, other: &Program) -> bool {
        (self.pid, self.began, &self.path) == (other.pid, other.began, &other.path)
    }

    fn of(process: &Process) -> Program {
        Program {
            began: process.began,
            pid: process.pid,
            name: clip(&process.name, 64),
            path: clip(&process.path, 256),
            sha256: None,
            container: process.container.as_deref().map(|number| clip(number, 64)),
            user: clip(&process.user, 64),
            login: clip(process.login.as_deref().unwrap_or_default(), 64),
            parents: process.parents.iter().take(8).map(|(name, pid)| format!("{}[{pid}]", clip(name, 64))).collect(),
        }
    }
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The connection, 16 hex digits.
    #[serde(rename = "kuzet.flow")]
    pub flow: String,
    /// What carries it.
    #[serde(rename = "network.transport")]
    pub transport: Transport,
    /// Who began it.
    #[serde(rename = "network.direction", default = "outbound")]
    pub direction: Direction,
    /// Address of the other side; empty when unknown.
    #[serde(rename = "destination.address")]
    pub address: String,
    /// Its port; 0 is unknown.
    #[serde(rename = "destination.port")]
    pub port: u16,
    /// Its name; empty when unknown.
    #[serde(rename = "destination.domain")]
    pub name: String,
    /// Who says the name.
    #[serde(rename = "kuzet.naming")]
    pub naming: Option<Naming>,
    /// Where the other side is: `domestic`, `foreign-listed`, `foreign-unlisted`, `unknown`, `local`.
    #[serde(rename = "kuzet.place.verdict")]
    pub verdict: String,
    /// What narrows it, as `anycast`; empty when nothing does.
    #[serde(rename = "kuzet.place.detail")]
    pub detail: String,
    /// Country by two letters; empty when unknown.
    #[serde(rename = "destination.geo.country_iso_code")]
    pub country: String,
    /// Registered recipient; empty when it is none.
    #[serde(rename = "kuzet.recipient")]
    pub recipient: String,
    /// Bytes sent so far; `null` is unknown.
    #[serde(rename = "destination.bytes")]
    pub bytes: Count,
    /// First byte.
    #[serde(rename = "event.start", with = "crate::time")]
    pub since: Timestamp,
    /// Latest record.
    #[serde(rename = "event.end", with = "crate::time")]
    pub until: Timestamp,
    /// Who sends; `null` when unknown.
    #[serde(rename = "process")]
    pub process: Option<Program>,
    /// What joins it with the reading; `null` when nothing was read.
    #[serde(rename = "kuzet.joined")]
    pub joined: Option<Joined>,
    /// Programs on the way, in the order in which they were started; at most 8.
    #[serde(rename = "kuzet.steps")]
    pub steps: Vec<Program>,
}

/// Of incidents recorded before the direction was.
fn outbound() -> Direction {
    Direction::Outbound
}

/// Where the data of a story went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// Connections, in the order in which they were told; at most 16.
    pub flows: Vec<Sent>,
    /// Connections beyond those.
    pub dropped: u64,
}

impl Transfers {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// The surest join.
    #[must_use]
    pub fn joined(&self) -> Option<Joined> {
        self.flows.iter().filter_map(|flow| flow.joined).min()
    }

    /// Bytes of the connections kept; unknown when those of one are, or when some were not kept.
    #[must_use]
    pub fn bytes(&self) -> Count {
        let all = self.flows.iter().fold(Count::Known(0), |sum, flow| sum.plus(flow.bytes));
        if self.dropped > 0 { Count::Unknown } else { all }
    }

    /// Programs that send or are on the way, as often as they are told.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.flows.iter().flat_map(|flow| flow.steps.iter().chain(&flow.process))
    }

    /// Says what the file of a program is, wherever it is told; whether it is told anywhere and was not known.
    pub(crate) fn hashed(&mut self, of: &Program, sha256: &str) -> bool {
        let all = self.flows.iter_mut().flat_map(Sent::programs_mut);
        all.filter(|program| program.sha256.is_none() && program.is(of))
            .map(|program| program.sha256 = Some(sha256.to_owned()))
            .count()
            > 0
    }

    /// Whether every connection of `other` is one of these.
    pub(crate) fn cover(&self, other: &Transfers) -> bool {
        let known = |sent: &Sent| self.flows.iter().any(|flow| flow.flow == sent.flow);
        !other.is_empty() && other.dropped == 0 && other.flows.iter().all(known)
    }

    /// Takes note of a connection, or of how far it has come. `first`: no earlier detection told it.
    pub(crate) fn note(&mut self, transfer: &Transfer, first: bool) {
        let mut sent = Sent::of(transfer);
        for program in sent.programs_mut() {
            let known = self.programs().find(|known| known.sha256.is_some() && known.is(program));
            program.sha256 = known.and_then(|known| known.sha256.clone());
        }
        match self.flows.iter().position(|flow| flow.flow == sent.flow) {
            Some(known) => self.flows[known] = sent,
            None if self.flows.len() < FLOWS => self.flows.push(sent),
            None => self.dropped += u64::from(first),
        }
    }
}

impl Sent {
    fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        self.steps.iter_mut().chain(&mut self.process)
    }

    fn of(transfer: &Transfer) -> Sent {
        let place = transfer.place;
        Sent {
            flow: format!("{:016x}", transfer.flow),
            transport: transfer.transport,
            direction: if transfer.inbound { Direction::Inbound } else { Direction::Outbound },
            address: transfer.to.map(|to| to.ip().to_string()).unwrap_or_default(),
            port: transfer.to.map_or(0, |to| to.port()),
            name: clip(transfer.name.as_ref().map_or("", |(name, _)| name), 256),
            naming: transfer.name.as_ref().map(|(_, naming)| *naming),
            verdict: place.name().to_owned(),
            detail: place.detail().unwrap_or_default().to_owned(),
            country: place.country().map(|country| country.to_string()).unwrap_or_default(),
            recipient: clip(transfer.recipient.as_deref().unwrap_or_default(), 128),
            bytes: transfer.sent,
            since: transfer.since,
            until: transfer.until,
            process: transfer.process.as_deref().map(Program::of),
            joined: transfer.joined,
            steps: transfer.steps.iter().take(8).map(|step| Program::of(&step.process)).collect(),
        }
    }

    /// The other side for a reader: name and address, and where it is.
    #[must_use]
    pub fn to(&self) -> String {
        let address = match (self.address.as_str(), self.port) {
            ("", _) => "an address that is not told".to_owned(),
            (address, 0) => address.to_owned(),
            (address, port) if address.contains(':') => format!("[{address}]:{port}"),
            (address, port) => format!("{address}:{port}"),
        };
        let named = if self.name.is_empty() { address } else { format!("{} ({address})", self.name) };
        let mut place = self.verdict.clone();
        for more in [&self.country, &self.detail] {
            if !more.is_empty() {
                place.push_str(", ");
                place.push_str(more);
            }
        }
        format!("{named}, {place}")
    }
}
