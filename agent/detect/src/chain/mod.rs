//! From the reading of personal data to the connection that it leaves by, on one host: who read (the database's log), with
//! which program (the kernel's word on the client's side of the session), what was started between (archives), and who
//! sends where. Either side may come first: a dump that is piped into an upload connects before the log tells of it.

mod handed;
mod join;
mod near;
mod tell;
#[cfg(test)]
mod tests;

use crate::account::AccountKey;
use crate::engine::Row;
use crate::flows::{Flows, Live, Shelves, map, outside};
use crate::hash;
use crate::resolve::{Resolver, Template};
use crate::shelf::Shelf;
use crate::story::ActorRow;
use crate::toml_file::glob;
use crate::{Detection, Joined, Recipient, Severities, Thresholds, Transfer};
use kuzet_event::{Client, Count, Event, Export, Flow, Process, System, Timestamp};
use kuzet_place::Verdict;
use near::Near;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// Stories of reading that are remembered.
const READS: usize = 256;
/// Of one story: client sides, client programs.
const SOME: usize = 4;
/// Of one story: sessions, server processes.
const SESSIONS: usize = 16;
/// Programs told between reading and sending.
const STEPS: usize = 8;
/// A connection may begin so long before the log tells of the reading that it carries.
const AHEAD: i64 = 30_000_000;

/// What one account read of one store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Read {
    actor: Option<ActorRow>,
    store: u64,
    /// Its name: key and event that began it.
    story: u64,
    since: i64,
    latest: i64,
    /// Rows.
    rows: u64,
    /// Some of it gave no rows.
    unknown: bool,
    /// Rows that no detection told yet, and whether some of those events gave none.
    untold: (u64, bool),
    /// A detection told it.
    told: bool,
    /// It was written to a file of the server, or given to a program there.
    on_server: bool,
    categories: Vec<Arc<str>>,
    /// Sessions, the latest last.
    sessions: Vec<u64>,
    /// Server processes of its sessions.
    backends: Vec<u32>,
    /// Client sides of its sessions that no connection was found for yet, and when they were told.
    awaited: Vec<(SocketAddr, i64)>,
    /// When a session through a socket file was told whose program was not found yet.
    awaits_own: Option<i64>,
    /// Programs that read.
    processes: Vec<Arc<Process>>,
    /// Files that they wrote, by keyed hashes of their paths.
    files: Vec<u128>,
    /// It was told that the reader is abroad.
    abroad: bool,
    /// Bytes that those who may have read it sent outside since a time, in connections however short.
    trickle: (i64, u64),
}

/// What joins readings with connections.
pub(crate) struct Chain {
    reads: Shelf<AccountKey, Read>,
    near: Near,
}

/// One reading, as the engine saw it.
pub(crate) struct Reading<'a> {
    pub(crate) event: &'a Event,
    pub(crate) key: AccountKey,
    pub(crate) template: &'a Template,
    /// Rows that the event adds, and those of the window.
    pub(crate) rows: Count,
    pub(crate) window_rows: u64,
    /// A detection told it.
    pub(crate) told: bool,
}

/// What a detection of the chain is made with.
pub(crate) struct Tools<'a> {
    pub(crate) resolver: &'a Resolver,
    pub(crate) thresholds: &'a Thresholds,
    pub(crate) severities: &'a Severities,
    pub(crate) clock: &'a mut u64,
    pub(crate) out: &'a mut Vec<Detection>,
}

impl Chain {
    pub(crate) fn new(thresholds: &Thresholds) -> Chain {
        Chain { reads: Shelf::new(b'i', READS.min(thresholds.max_flows)), near: Near::new(thresholds.max_flows) }
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.reads.changes(rows);
        self.near.changes(rows);
    }

    /// Keeps a row until [`fill`](Chain::fill).
    pub(crate) fn read_row(&mut self, key: &[u8], value: &[u8], reads: &mut Vec<(u64, AccountKey, Read)>) {
        reads.extend(self.reads.read(key, value));
        self.near.read(key, value);
    }

    pub(crate) fn fill(&mut self, reads: Vec<(u64, AccountKey, Read)>) -> u64 {
        self.reads.fill(reads).max(self.near.fill())
    }

    pub(crate) fn held(&self) -> usize {
        self.reads.len() + self.near.held()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.reads.evicted + self.near.evicted()
    }

    /// Forgets what was read before `before`.
    pub(crate) fn forget(&mut self, before: i64) {
        while self.reads.oldest().is_some_and(|read| read.latest < before) {
            self.reads.pop();
        }
    }

    /// A program was started.
    pub(crate) fn started(&mut self, at: Timestamp, process: &Arc<Process>, clock: &mut u64) {
        self.near.started(at, process, clock);
    }

    /// The client's side of a connection to a database: the program there may be one that reads.
    pub(crate) fn connected(&mut self, at: Timestamp, flow: &Flow, clock: &mut u64) {
        self.near.connected(at, flow, clock);
    }

    /// Personal data was read: remembered where it is much or was told, and joined with what leaves already.
    pub(crate) fn read(&mut self, reading: &Reading<'_>, flows: &mut Flows, tools: &mut Tools<'_>) {
        let (event, thresholds) = (reading.event, tools.thresholds);
        // A file that nobody looked into may hold anything: that it was read says little.
        let unknown = reading.rows == Count::Unknown && event.file.is_none();
        let many = unknown || reading.window_rows >= thresholds.chain_rows;
        if !many && !reading.told {
            return;
        }
        let read = self.reads.entry(reading.key, tools.clock).0;
        let before = event.at.0.saturating_sub(window(thresholds));
        if read.actor.is_none() || read.latest < before {
            // The window holds this event already.
            let earlier = reading.window_rows.saturating_sub(reading.rows.known().unwrap_or(0));
            *read = Read { story: story(reading.key, event), since: event.at.0, ..Read::default() };
            (read.rows, read.untold.0) = (earlier, earlier);
        }
        let first = read.actor.is_none() || reading.told && !read.told;
        read.meet(reading);
        let (server, found) = match &event.process {
            // Of a file the kernel says who reads it.
            Some(process) if event.file.is_some() => (false, read.has(process)),
            _ => (read.endpoints(event, &self.near), read.find(&self.near)),
        };
        self.abroad(reading, flows, tools);
        // Whatever else a session brings was looked at when the story began, or is when it sends again.
        if first || found || server {
            self.leaves_already(reading.key, event, flows, tools);
        }
    }

    /// The server lists a session: where its log tells no port, this says where readings come from, those before as well.
    pub(crate) fn listed(&mut self, event: &Event, flows: &mut Flows, tools: &mut Tools<'_>) {
        let Some(end) = self.near.listed(event, tools.clock) else { return };
        let before = event.at.0.saturating_sub(window(tools.thresholds));
        let of = |read: &Read| read.latest >= before && read.is_of(event, end);
        let mut keys: Vec<AccountKey> = self.reads.iter().filter(|(_, read)| of(read)).map(|(key, _)| key).collect();
        keys.sort_unstable();
        for key in keys {
            let Some(read) = self.reads.existing(key, tools.clock) else { continue };
            add(&mut read.awaited, SOME, (end, near::then(event.at.0, read.latest)));
            if read.find(&self.near) {
                self.leaves_already(key, event, flows, tools);
            }
        }
    }

    /// The reader's own address is abroad: what it reads left with the answer.
    fn abroad(&mut self, reading: &Reading<'_>, flows: &Flows, tools: &mut Tools<'_>) {
        let event = reading.event;
        let Client::Address(address) = event.actor.client else { return };
        if !reading.told || self.reads.peek(reading.key).is_none_or(|read| read.abroad) {
            return;
        }
        let (place, recipient) = flows.judge_client(address, event.at);
        let Some(read) = self.reads.existing(reading.key, tools.clock) else { return };
        if !place.is_foreign() || recipient.is_some_and(|one| read.allows(one)) {
            return;
        }
        read.abroad = true;
        let transfer = Transfer {
            flow: hash::wide(&[b"client", address.to_string().as_bytes(), &event.session.0.to_le_bytes()]) as u64,
            transport: kuzet_event::Transport::Tcp,
            inbound: true,
            to: Some(SocketAddr::new(address, event.client_port)),
            name: None,
            place,
            recipient: recipient.map(|one| Arc::from(one.name.as_str())),
            sent: Count::Unknown,
            since: Timestamp(read.since),
            until: event.at,
            process: None,
            joined: Some(Joined::Process),
            steps: Vec::new(),
        };
        let (user, store) = (&event.actor.user, &reading.template.store.name);
        let reason = format!("role {user} reads store {store} from {address}, which is abroad: {place}");
        tell::tell(read, event, Arc::new(transfer), reason, tools);
    }

    /// Connections that were there when the reading became known.
    fn leaves_already(&mut self, key: AccountKey, event: &Event, flows: &mut Flows, tools: &mut Tools<'_>) {
        let (Some(read), thresholds) = (self.reads.peek(key), tools.thresholds) else { return };
        let since = read.since.saturating_sub(AHEAD);
        // Of thousands few have anything in common with the reader.
        let joins = |live: &Live| {
            let carries = live.latest >= since && (live.leaves || join::fetched(live, thresholds));
            carries && read.joins(live, &self.near, &server(thresholds)).is_some()
        };
        let found: Vec<u64> = flows.live.iter().filter(|(_, live)| joins(live)).map(|(id, _)| id).collect();
        for id in found {
            let Some((place, recipient, mut shelves)) = flows.parts(id, event.at) else { continue };
            self.pair(key, &Leaving { id, place, recipient, added: 0 }, event, &mut shelves, tools);
        }
    }

    /// A connection sent something (`added` bytes): joined with what was read before.
    pub(crate) fn sent(&mut self, id: u64, added: u64, event: &Event, flows: &mut Flows, tools: &mut Tools<'_>) {
        let before = event.at.0.saturating_sub(window(tools.thresholds));
        let recent = self.reads.iter().filter(|(_, read)| read.latest >= before);
        let mut found: Vec<AccountKey> = recent.map(|(key, _)| key).collect();
        let carries = |live: &Live| live.leaves || join::fetched(live, tools.thresholds);
        if found.is_empty() || !flows.live.peek(id).is_some_and(carries) {
            return;
        }
        // Looking at a story changes which was used last, and so may not decide the order in which stories are told.
        found.sort_unstable();
        let Some((place, recipient, mut shelves)) = flows.parts(id, event.at) else { return };
        for key in found {
            self.pair(key, &Leaving { id, place, recipient, added }, event, &mut shelves, tools);
        }
    }

    /// Whether one reading and one connection belong together; told if they do.
    fn pair(
        &mut self,
        key: AccountKey,
        leaving: &Leaving<'_>,
        event: &Event,
        flows: &mut Shelves<'_>,
        tools: &mut Tools<'_>,
    ) {
        let (thresholds, place) = (tools.thresholds, leaving.place);
        let (Some(live), Some(read)) = (flows.live.peek(leaving.id), self.reads.peek(key)) else { return };
        let from = read.since.saturating_sub(AHEAD).max(event.at.0.saturating_sub(window(thresholds)));
        let (old, goes_on) = (live.since < from, live.joined.contains(&read.story));
        if live.latest < from {
            return;
        }
        let read = if read.finds(&self.near, event.at.0) {
            let Some(read) = self.reads.existing(key, tools.clock) else { return };
            read.find(&self.near);
            &*read
        } else {
            read
        };
        // Who comes from Kazakhstan, or from where nobody knows, and works here, takes nothing abroad.
        let fetched = !live.leaves;
        if fetched && !place.is_foreign() {
            return;
        }
        let Some(joined) = read.joins(live, &self.near, &server(thresholds)) else { return };
        // What comes together in many connections is looked for where this host begins them.
        let outside = outside(place);
        let trickles = outside && !fetched;
        let small = read.trickled(event.at.0, thresholds).saturating_add(if trickles { leaving.added } else { 0 });
        let carried = live.sent_since(from);
        let much = carried >= thresholds.chain_bytes || trickles && small >= thresholds.chain_bytes;
        // Who may have what was read, and is not merely called so by the client itself, has it.
        let claimed = leaving.recipient.is_some_and(Recipient::by_name_alone) && read.told && much;
        if leaving.recipient.is_some_and(|one| read.allows(one)) && !claimed {
            return;
        }
        // The first byte tells what programs or sessions join; an account, or a host, does much beside.
        let sure = joined <= Joined::Session;
        let enough = match outside {
            true if read.told && sure && !old && (carried > 0 || live.sent.is_none()) => true,
            true => much && (!fetched || sure || read.told),
            false => much && sure && read.told,
        };
        let told = goes_on || enough && live.may_join();
        if !told && (!trickles || leaving.added == 0) {
            return;
        }
        let Some(read) = self.reads.existing(key, tools.clock) else { return };
        if trickles {
            read.trickle(event.at.0, leaving.added, thresholds);
        }
        if !told {
            return;
        }
        let steps = read.steps(live, &self.near);
        let transfer = live.transfer(leaving.id, place, leaving.recipient, Some(joined), steps);
        let reason = if goes_on { String::new() } else { tell::reason(read, &transfer, tools.resolver) };
        if !goes_on && let Some(live) = flows.live.existing(leaving.id, tools.clock) {
            live.joined.push(read.story);
        }
        map::carried(flows.map, &transfer, read.store, tools.clock);
        tell::tell(read, event, transfer, reason, tools);
    }
}

/// A connection that something leaves by.
struct Leaving<'a> {
    id: u64,
    place: Verdict,
    recipient: Option<&'a Recipient>,
    /// Bytes that its latest record added.
    added: u64,
}

/// Whether a program runs as a server's account.
fn server(thresholds: &Thresholds) -> impl Fn(&Process) -> bool {
    |process| thresholds.server_accounts.iter().any(|one| glob(one, &process.user))
}

/// Adds one to a list that forgets its first.
fn add<T>(list: &mut Vec<T>, most: usize, one: T) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(one);
}

fn story(key: AccountKey, event: &Event) -> u64 {
    hash::wide(&[&[key.0], &key.1.to_le_bytes(), &key.2.to_le_bytes(), &event.at.0.to_le_bytes()]) as u64
}

fn window(thresholds: &Thresholds) -> i64 {
    i64::try_from(thresholds.chain_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

impl Read {
    /// Adds what was read.
    fn meet(&mut self, reading: &Reading<'_>) {
        let event = reading.event;
        self.actor = Some(ActorRow::of(&event.actor));
        self.store = reading.template.store_hash;
        self.since = self.since.min(event.at.0);
        self.latest = self.latest.max(event.at.0);
        let rows = reading.rows.known().unwrap_or(0);
        let unknown = reading.rows == Count::Unknown;
        self.rows = self.rows.saturating_add(rows).max(reading.window_rows);
        self.unknown |= unknown;
        self.untold = match reading.told {
            true => (0, false),
            false => (self.untold.0.saturating_add(rows), self.untold.1 || unknown),
        };
        self.told |= reading.told;
        let export = event.statement.as_ref().and_then(|statement| statement.export);
        self.on_server |= matches!(export, Some(Export::ToFile | Export::ToProgram));
        let of_store = &reading.template.store.categories;
        let categories = if reading.template.categories.is_empty() { of_store } else { &reading.template.categories };
        for code in categories {
            if self.categories.len() < 64 && !self.categories.contains(code) {
                self.categories.push(Arc::clone(code));
            }
        }
    }

    /// Whether the recipient may have every category that was read.
    fn allows(&self, recipient: &Recipient) -> bool {
        self.categories.iter().all(|code| recipient.categories.iter().any(|one| **one == **code))
    }

    /// Notes both ends of a session's connection; whether it is new, and what it read stays with the server.
    fn endpoints(&mut self, event: &Event, near: &Near) -> bool {
        let session = event.session.0;
        if self.sessions.contains(&session) {
            return false;
        }
        add(&mut self.sessions, SESSIONS, session);
        match near.end(event) {
            Some(end) => add(&mut self.awaited, SOME, end),
            None if event.actor.client == Client::Local => self.awaits_own = Some(event.at.0),
            None => {}
        }
        // The session id of PostgreSQL is the start of its server process and its number.
        if event.actor.system == System::Postgresql && session >> 32 != 0 {
            add(&mut self.backends, SESSIONS, session as u32);
        }
        self.on_server
    }

    /// Whether a session that the server lists with this end is one that read.
    fn is_of(&self, event: &Event, end: SocketAddr) -> bool {
        let role = |actor: &ActorRow| {
            actor.user() == &*event.actor.user && actor.address().is_none_or(|one| one.to_canonical() == end.ip())
        };
        self.sessions.contains(&event.session.0) && self.actor.as_ref().is_some_and(role)
    }

    /// Whether a program that is looked for is known by now; one behind a socket file is told within seconds or never.
    fn finds(&self, near: &Near, at: i64) -> bool {
        let own = || {
            let told = self.awaits_own.filter(|told| at.saturating_sub(*told) < AHEAD)?;
            near.own(self.actor.as_ref()?.user(), told)
        };
        self.awaited.iter().any(|(end, at)| near.client(*end, *at).is_some()) || own().is_some()
    }

    /// Finds the programs behind the sessions; whether one is new.
    fn find(&mut self, near: &Near) -> bool {
        let mut found: Vec<Arc<Process>> = Vec::new();
        self.awaited.retain(|(end, at)| {
            let process = near.client(*end, *at);
            found.extend(process.cloned());
            process.is_none()
        });
        // A session through a socket file is seen by its program alone: one that its account started just before.
        if let (Some(at), Some(actor)) = (self.awaits_own, &self.actor)
            && let Some(process) = near.own(actor.user(), at)
        {
            found.push(Arc::clone(process));
            self.awaits_own = None;
        }
        let mut new = false;
        for process in found {
            if !self.processes.iter().any(|known| join::same(known, &process)) {
                if self.processes.len() >= SOME {
                    self.processes.remove(0);
                }
                self.processes.push(process);
                new = true;
            }
        }
        new
    }

    /// What trickled away within the window.
    fn trickled(&self, at: i64, thresholds: &Thresholds) -> u64 {
        if at.saturating_sub(self.trickle.0) > window(thresholds) { 0 } else { self.trickle.1 }
    }

    fn trickle(&mut self, at: i64, added: u64, thresholds: &Thresholds) {
        let before = self.trickled(at, thresholds);
        let since = if before == 0 { at } else { self.trickle.0 };
        self.trickle = (since, before.saturating_add(added));
    }
}
