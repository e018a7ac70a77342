//! What the sensor says, one JSON object a line: the format `sensor` (agent/decode/src/sensor.rs).

use super::files::{Act, Spot};
use super::processes::Process;
use super::record::{Flow, Phase, Piece};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kuzet_event::Deed;
use serde::Serialize;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// From nanoseconds since boot to microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch(pub(super) i64);

impl Epoch {
    pub(super) fn micros(self, since_boot: u64) -> i64 {
        self.0.saturating_add(i64::try_from(since_boot / 1000).unwrap_or(i64::MAX))
    }
}

/// A process with the programs that started it.
pub(super) type Lineage = (Process, Vec<(Arc<str>, u32)>);

/// One line; its first key says what it is.
#[derive(Serialize)]
#[serde(tag = "sensor", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Exec {
        at: i64,
        process: ProcessLine<'a>,
    },
    Flow {
        at: i64,
        phase: &'static str,
        protocol: u16,
        direction: &'static str,
        socket: String,
        opened: Option<i64>,
        sent: Option<u64>,
        received: Option<u64>,
        local: (IpAddr, u16),
        remote: Option<(IpAddr, u16)>,
        namespace: u32,
        process: Option<ProcessLine<'a>>,
        /// Whose it is, where no program is known for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<Box<str>>,
    },
    /// First bytes that a connection sent, or a datagram.
    Bytes {
        at: i64,
        socket: String,
        namespace: u32,
        protocol: u16,
        direction: &'static str,
        local: (IpAddr, u16),
        remote: (IpAddr, u16),
        offset: u64,
        data: String,
    },
    /// What nobody read in time, or what went beyond the bytes of a second.
    Lost {
        at: i64,
        of: &'static str,
        records: u64,
        bytes: u64,
    },
    /// What was done to a file of a watched folder.
    File {
        at: i64,
        #[serde(rename = "do")]
        deed: Deed,
        path: Cow<'a, str>,
        to: Option<Cow<'a, str>>,
        folder: bool,
        bytes: Option<u64>,
        process: Option<ProcessLine<'a>>,
    },
    /// A folder of which something was not told: it has to be looked through.
    Rescan {
        at: i64,
        path: Cow<'a, str>,
    },
    /// First of all: the means at work, what it does not show, and why better ones are not at work; the same of each
    /// watched folder.
    Sight {
        at: i64,
        means: &'static str,
        missing: &'a [&'a str],
        refused: &'a [String],
        files: &'a [Spot],
    },
}

#[derive(Serialize)]
pub(super) struct ProcessLine<'a> {
    pid: u32,
    parent: u32,
    began: i64,
    name: &'a str,
    path: &'a str,
    user: &'a str,
    login: Option<&'a str>,
    session: u32,
    container: Option<&'a str>,
    parents: Vec<(&'a str, u32)>,
}

impl<'a> ProcessLine<'a> {
    pub(super) fn new(epoch: Epoch, (process, parents): &'a Lineage) -> ProcessLine<'a> {
        ProcessLine {
            pid: process.pid,
            parent: process.parent,
            began: epoch.micros(process.began),
            name: &process.name,
            path: &process.path,
            user: &process.user,
            login: process.login.as_deref(),
            session: process.session,
            container: process.container.as_deref(),
            parents: parents.iter().map(|(name, pid)| (&**name, *pid)).collect(),
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn file(epoch: Epoch, act: &'a Act, process: Option<&'a Lineage>) -> Line<'a> {
        Line::File {
            at: epoch.micros(act.at),
            deed: act.deed,
            path: String::from_utf8_lossy(&act.path),
            to: act.to.as_deref().map(String::from_utf8_lossy),
            folder: act.folder,
            bytes: act.bytes,
            process: process.map(|process| ProcessLine::new(epoch, process)),
        }
    }

    pub(super) fn bytes(epoch: Epoch, piece: &Piece<'_>) -> Line<'a> {
        Line::Bytes {
            at: epoch.micros(piece.at),
            socket: format!("{:x}", piece.socket),
            namespace: piece.namespace,
            protocol: piece.protocol,
            direction: piece.direction.name(),
            local: piece.local,
            remote: piece.remote,
            offset: piece.offset,
            data: STANDARD.encode(piece.data),
        }
    }

    pub(super) fn flow(
        epoch: Epoch,
        at: u64,
        flow: &Flow,
        namespace: u32,
        process: Option<&'a Lineage>,
        user: Option<Box<str>>,
    ) -> Line<'a> {
        let known = flow.remote.1 != 0 || !flow.remote.0.is_unspecified();
        Line::Flow {
            at: epoch.micros(at),
            phase: flow.phase.name(),
            protocol: flow.protocol,
            direction: flow.direction.name(),
            socket: format!("{:x}", flow.socket),
            opened: (flow.opened != 0).then(|| epoch.micros(flow.opened)),
            // What a refused connection sent is its request for one.
            sent: if flow.phase == Phase::Refused { Some(0) } else { flow.sent },
            received: flow.received,
            local: flow.local,
            remote: known.then_some(flow.remote),
            namespace,
            process: process.map(|process| ProcessLine::new(epoch, process)),
            user,
        }
    }
}
