//! What the kernel told the agent's own sensor of programs, connections and files, one JSON object a line, as
//! `agent/kuzet/sensor` writes them. Times are microseconds since 1970.
//!
//! ```text
//! {"sensor":"exec","at":…,"process":{"pid":812,"parent":790,"began":…,"name":"gzip","path":"/usr/bin/gzip","user":"analyst","login":"analyst","session":790,"container":null,"parents":[["bash",790],["sshd",702]]}}
//! {"sensor":"flow","at":…,"phase":"open","protocol":6,"direction":"out","socket":"1f","opened":…,"sent":517,"received":0,"local":["10.0.0.5",50270],"remote":["203.0.113.7",443],"namespace":4026531833,"process":{…}}
//! {"sensor":"bytes","at":…,"socket":"1f","namespace":4026531833,"protocol":6,"direction":"out","local":["10.0.0.5",50270],"remote":["203.0.113.7",443],"offset":0,"data":"FgMBAgAB…"}
//! {"sensor":"file","at":…,"do":"read","path":"/srv/dossiers/a.docx","to":null,"folder":false,"bytes":123,"process":{…}}
//! ```
//!
//! A short connection is one line, `closed`. Numbers are those since its beginning. `bytes` are the first that a connection
//! sent or received (`direction`), `offset` their place there, or the number of the datagram.
//! Where no program is known for a connection `user` may say whose it is.

mod file;

use crate::account::Lines;
use crate::format::DecodeOptions;
use crate::gateway::{self, Sides};
use crate::names::{self, HIDDEN};
use crate::paths::Paths;
use crate::postgres::Verdict;
use crate::recent::Recent;
use crate::spoken::{Connection, Said, Spoken};
use crate::{Actors, Chunk, Decoded, Decoder, blank};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kuzet_event::{
    Action, Count, Direction, Event, Flow, Outcome, Phase, Place, Process, Raw, RawField, SessionId, System, Timestamp,
    Topic, Transport, Witness,
};
use kuzet_personal::Key;
use kuzet_wire::Piece;
use serde::Deserialize;
use sonic_rs::LazyValue;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Port of name servers.
const RESOLVER: u16 = 53;
/// A quarter of the processes that are remembered.
const PROCESSES: usize = 512;
/// Longest text of a process that is remembered with it.
const LONGEST: usize = 4 << 10;
/// What the kernel says of a program whose file is gone, and of one that has a file in memory only.
const GONE: &str = " (deleted)";
const IN_MEMORY: &str = "memfd:";
/// Programs that are told of one process.
const PARENTS: usize = 16;

/// Decoder of a sensor's lines.
pub(crate) struct Sensor {
    actors: Actors,
    lines: Lines,
    key: Key,
    spoken: Spoken,
    /// Processes told lately, by the text that tells them; `None` where it tells none. A connection costs a look here, not
    /// the work of reading the text again and of showing its names safely.
    processes: Recent<Option<Arc<Process>>>,
    paths: Paths,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "sensor")]
    kind: Cow<'a, str>,
    at: i64,
    #[serde(borrow, default)]
    process: Option<LazyValue<'a>>,
    #[serde(borrow, default)]
    phase: Cow<'a, str>,
    #[serde(default)]
    protocol: u16,
    #[serde(borrow, default)]
    direction: Cow<'a, str>,
    #[serde(borrow, default)]
    socket: Cow<'a, str>,
    opened: Option<i64>,
    sent: Option<u64>,
    received: Option<u64>,
    #[serde(borrow, default)]
    local: Option<(Cow<'a, str>, u16)>,
    #[serde(borrow, default)]
    remote: Option<(Cow<'a, str>, u16)>,
    #[serde(default)]
    namespace: u32,
    #[serde(default)]
    offset: u64,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    /// Whose a connection is, where no program is known for it.
    #[serde(borrow, default)]
    user: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawProcess<'a> {
    pid: u32,
    #[serde(default)]
    parent: u32,
    began: i64,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    user: Cow<'a, str>,
    #[serde(borrow, default)]
    login: Option<Cow<'a, str>>,
    #[serde(default)]
    session: u32,
    #[serde(borrow, default)]
    container: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    parents: Vec<(Cow<'a, str>, u32)>,
}

impl Sensor {
    pub(crate) fn new(options: &DecodeOptions) -> Sensor {
        Sensor {
            actors: Actors::new(System::Linux),
            lines: Lines::default(),
            key: options.key.clone(),
            spoken: Spoken::new(&options.key),
            processes: Recent::new(PROCESSES),
            paths: Paths::new(&options.key),
        }
    }

    fn record(&mut self, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let line = std::str::from_utf8(bytes).ok().filter(|_| recognises(bytes));
        if let Some(line) = line.filter(|_| bytes.starts_with(file::BEGIN)) {
            let event = self.file(line, place);
            let verdict = if event.is_some() { Verdict::Handled } else { Verdict::Lost };
            events.extend(event);
            return verdict;
        }
        let Some(line) = line.and_then(|text| sonic_rs::from_str::<Line<'_>>(text).ok()) else { return Verdict::Lost };
        let before = events.len();
        let understood = match line.kind.as_ref() {
            "exec" => self.exec(&line, place).map(|event| events.push(event)),
            "flow" => self.flow(&line, place, events),
            "bytes" => self.bytes(&line, place, events),
            _ => None,
        };
        match understood {
            None => Verdict::Lost,
            // Bytes that said nothing new.
            Some(()) if events.len() == before => Verdict::Suppressed,
            Some(()) => Verdict::Handled,
        }
    }

    fn exec(&mut self, line: &Line<'_>, place: Place) -> Option<Event> {
        let told = line.process.as_ref()?.as_raw_str();
        let process = self.process(told)?;
        let mut event = self.event(line, place, Action::Process, Outcome::Success, Some(&process));
        let mut raw = Raw::default();
        raw.frame(Topic::Process);
        program(&mut raw, &sonic_rs::from_str(told).ok()?);
        (event.raw, event.process) = (Some(Box::new(raw)), Some(process));
        Some(event)
    }

    fn flow(&mut self, line: &Line<'_>, place: Place, events: &mut Vec<Event>) -> Option<()> {
        let phase = match line.phase.as_ref() {
            "open" => Phase::Open,
            "going" => Phase::Going,
            "closed" => Phase::Closed,
            "refused" => Phase::Refused,
            _ => return None,
        };
        let direction = match line.direction.as_ref() {
            "out" => Direction::Outbound,
            "in" => Direction::Inbound,
            "unknown" => Direction::Unknown,
            _ => return None,
        };
        let local = address(line.local.as_ref()?)?;
        let remote = match &line.remote {
            Some(remote) => Some(address(remote)?),
            None => None,
        };
        let process = match &line.process {
            Some(told) => Some(self.process(told.as_raw_str())?),
            None => None,
        };
        let count = |number: Option<u64>| number.map_or(Count::Unknown, Count::Known);
        let outcome = if phase == Phase::Refused { Outcome::Failure } else { Outcome::Success };
        let transport = Transport::from_number(line.protocol);
        let id = id(line)?;
        let flow = Flow {
            id,
            transport,
            direction,
            phase,
            local,
            remote,
            name: None,
            payload: None,
            query: None,
            opened: line.opened.map(Timestamp),
            sent: count(line.sent),
            received: count(line.received),
            process,
        };
        let connection = Connection::new(id, transport, remote);
        let (flow, waited) = self.spoken.complete(connection, Timestamp(line.at), flow);
        let mut event = self.event(line, place, Action::Network, outcome, flow.process.as_ref());
        (event.session, event.bytes, event.flow) = (SessionId(id), flow.sent, Some(Arc::clone(&flow)));
        events.push(event);
        for said in waited {
            let flow = self.spoken.flow(connection, || Flow::clone(&flow));
            events.push(self.said(line, place, flow, said));
        }
        Some(())
    }

    /// First bytes of a connection: an event for each thing that they say.
    fn bytes(&mut self, line: &Line<'_>, place: Place, events: &mut Vec<Event>) -> Option<()> {
        let outbound = match line.direction.as_ref() {
            "out" => true,
            "in" => false,
            _ => return None,
        };
        let bytes = BASE64.decode(line.data.as_bytes()).ok()?;
        let transport = Transport::from_number(line.protocol);
        let (local, remote) = (address(line.local.as_ref()?)?, address(line.remote.as_ref()?)?);
        let sides = Sides { local, remote, direction: Direction::Unknown };
        let first = gateway::flow(id(line)?, transport, sides);
        let piece = Piece {
            datagram: transport != Transport::Tcp,
            outbound,
            port: if local.port() == RESOLVER { RESOLVER } else { remote.port() },
            offset: line.offset,
            bytes: &bytes,
        };
        let connection = Connection::new(first.id, transport, Some(remote));
        for said in self.spoken.hear(connection, Timestamp(line.at), piece) {
            let flow = self.spoken.flow(connection, || first.clone());
            events.push(self.said(line, place, flow, said));
        }
        Some(())
    }

    /// The event of what the connection `flow` said, as `line` tells it.
    fn said(&mut self, line: &Line<'_>, place: Place, mut flow: Flow, said: Said) -> Event {
        let mut event = self.event(line, place, Action::Network, Outcome::Success, flow.process.as_ref());
        match said {
            Said::Name => {}
            Said::People(people) => event.identifiers = people,
            Said::Question(query) => {
                flow.query = Some(query);
                flow.direction = Direction::Outbound;
            }
        }
        (event.session, event.flow) = (SessionId(flow.id), Some(Arc::new(flow)));
        event
    }

    /// An event of the account that a program acts as.
    fn event(
        &mut self,
        line: &Line<'_>,
        place: Place,
        action: Action,
        outcome: Outcome,
        process: Option<&Arc<Process>>,
    ) -> Event {
        self.event_of(line.at, &line.user, place, action, outcome, process)
    }

    fn event_of(
        &mut self,
        at: i64,
        owner: &str,
        place: Place,
        action: Action,
        outcome: Outcome,
        process: Option<&Arc<Process>>,
    ) -> Event {
        let owner = if owner.is_empty() { Arc::from("") } else { self.account(owner) };
        let (user, name) = process.map_or((&*owner, ""), |process| (&*process.user, &*process.name));
        let actor = self.actors.intern(user.as_bytes(), b"[local]", name.as_bytes(), b"");
        let mut event = blank::event(Timestamp(at), place, actor, action, outcome);
        event.witness = Witness::Audit;
        event
    }

    fn account(&self, name: &str) -> Arc<str> {
        Arc::from(names::account(name.as_bytes(), &self.key))
    }

    /// A program whose names can be shown: accounts may be numbers of people, files too.
    fn process(&mut self, told: &str) -> Option<Arc<Process>> {
        let read = |sensor: &Sensor| Some(sensor.shown(&sonic_rs::from_str(told).ok()?));
        if told.len() > LONGEST {
            return read(self);
        }
        let mut processes = std::mem::replace(&mut self.processes, Recent::new(1));
        let process = processes.get(&[told.as_bytes()], || read(self)).clone();
        self.processes = processes;
        process
    }

    fn shown(&self, raw: &RawProcess<'_>) -> Arc<Process> {
        let parents = raw.parents.iter().take(PARENTS).map(|(name, pid)| (names::object(name.as_bytes()), *pid));
        Arc::new(Process {
            pid: raw.pid,
            began: Timestamp(raw.began),
            name: names::object(raw.name.as_bytes()),
            path: path(&raw.path),
            user: self.account(&raw.user),
            login: raw.login.as_deref().map(|login| self.account(login)),
            session: raw.session,
            container: raw.container.as_deref().map(|text| names::object(text.as_bytes())),
            parents: parents.collect(),
        })
    }
}

/// A path whose parts can be shown; `?` stands for those that may be a person's. What the kernel says of a file that is gone or
/// never was in a folder stays.
fn path(raw: &str) -> Arc<str> {
    let (raw, gone) = raw.strip_suffix(GONE).map_or((raw, ""), |raw| (raw, GONE));
    let mut shown = String::with_capacity(raw.len().min(256));
    for (number, part) in raw.split('/').take(32).enumerate() {
        if number > 0 {
            shown.push('/');
        }
        let name = part.strip_prefix(IN_MEMORY).unwrap_or(part);
        shown.push_str(&part[..part.len() - name.len()]);
        match name.len() {
            0 => {}
            1..256 => shown.push_str(&names::object(name.as_bytes())),
            _ => shown.push_str(HIDDEN),
        }
    }
    shown.push_str(gone);
    Arc::from(shown)
}

fn program(raw: &mut Raw, process: &RawProcess<'_>) {
    raw.add(RawField::Executable, &process.path);
    raw.add(RawField::EffectiveUser, &process.user);
    raw.add(RawField::LoginUser, process.login.as_deref().unwrap_or_default());
    raw.add(RawField::Pid, &process.pid.to_string());
    raw.add(RawField::ParentPid, &process.parent.to_string());
    if let Some((name, _)) = process.parents.first() {
        raw.add(RawField::ParentExecutable, name);
    }
}

/// A socket is known by its number inside its network namespace.
fn id(line: &Line<'_>) -> Option<u64> {
    let socket = u64::from_str_radix(&line.socket, 16).ok()?;
    Some(socket ^ u64::from(line.namespace).rotate_left(32))
}

fn address((ip, port): &(Cow<'_, str>, u16)) -> Option<SocketAddr> {
    Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, *port))
}

impl Decoder for Sensor {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        out.extend_from_slice(&self.spoken.snapshot());
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, names @ ..] = snapshot else { return };
        self.lines.restore(&[*skipping]);
        self.spoken.restore(std::str::from_utf8(names).unwrap_or_default());
    }
}

/// Whether `line` could be one of a sensor.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"sensor\":\"")
}
