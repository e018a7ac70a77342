//! From the reading of personal data to the connection that it leaves by, on one host: who read (the database's log), with
//! which program (the kernel's word on the client's side of the session), what was started between (archives), and who
//! sends where. Either side may come first: a dump that is piped into an upload connects before the log tells of it.

mod join;

use crate::account::AccountKey;
use crate::flows::{self, Flows, Live, by, outside};
use crate::hash::{self, Build};
use crate::resolve::{Resolver, Template};
use crate::shelf::Shelf;
use crate::story::ActorRow;
use crate::teller::CLAUSE;
use crate::{Detection, Joined, Kind, Recipient, Severities, Step, Thresholds, Transfer};
use kuzet_event::{Client, Count, Direction, Event, Export, Flow, Outcome, Phase, Process, System, Timestamp, Witness};
use lru::LruCache;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Stories of reading that are remembered.
const READS: usize = 256;
/// Client sides of connections that are remembered.
const CLIENTS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();
/// Started programs that are remembered.
const PROGRAMS: usize = 512;
/// Of one story: sessions, client programs.
const SOME: usize = 4;
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
    /// Event that began it: its name.
    began: i64,
    since: i64,
    latest: i64,
    /// Rows; of these, told by no detection.
    rows: u64,
    untold: u64,
    /// Some of it gave no rows.
    unknown: bool,
    /// A detection told it.
    told: bool,
    /// It was written to a file of the server, or given to a program there.
    on_server: bool,
    categories: Vec<Arc<str>>,
    session: u64,
    /// Server processes of its sessions.
    backends: Vec<u32>,
    /// Client sides of its sessions that no connection was found for yet.
    awaited: Vec<SocketAddr>,
    /// Programs that read.
    pub(super) processes: Vec<Arc<Process>>,
    /// It was told that the reader is abroad.
    abroad: bool,
}

/// What joins readings with connections.
pub(crate) struct Chain {
    reads: Shelf<AccountKey, Read>,
    /// Programs by their side of a connection on this host's networks. Not kept over a restart: what is joined by it then
    /// is joined by session or account.
    clients: LruCache<SocketAddr, Arc<Process>, Build>,
    /// Programs of people, as they were started; likewise.
    programs: VecDeque<Step>,
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
    pub(crate) fn new() -> Chain {
        Chain {
            reads: Shelf::new(b'i', READS),
            clients: LruCache::with_hasher(CLIENTS, Build::default()),
            programs: VecDeque::new(),
        }
    }

    pub(crate) fn shelf(&mut self) -> &mut Shelf<AccountKey, Read> {
        &mut self.reads
    }

    pub(crate) fn held(&self) -> usize {
        self.reads.len() + self.clients.len() + self.programs.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.reads.evicted
    }

    /// Forgets what was read before `before`.
    pub(crate) fn forget(&mut self, before: i64) {
        while self.reads.oldest().is_some_and(|read| read.latest < before) {
            self.reads.pop();
        }
    }

    /// A program was started.
    pub(crate) fn started(&mut self, at: Timestamp, process: &Arc<Process>) {
        // Those of services and of the system are no steps of a person's work.
        if process.session == 0 && process.login.is_none() {
            return;
        }
        if self.programs.len() >= PROGRAMS {
            self.programs.pop_front();
        }
        self.programs.push_back(Step { at, process: Arc::clone(process) });
    }

    /// The client's side of a connection: the program there may be one that reads.
    pub(crate) fn connected(&mut self, flow: &Flow) {
        let near = flow.remote.is_some() && flow.direction != Direction::Inbound && flow.phase != Phase::Refused;
        if let (true, Some(process)) = (near, &flow.process)
            && self.clients.peek(&flow.local).is_none_or(|known| !Arc::ptr_eq(known, process))
        {
            self.clients.put(flow.local, Arc::clone(process));
        }
    }

    /// Personal data was read: remembered where it is much or was told, and joined with what leaves already.
    pub(crate) fn read(&mut self, reading: &Reading<'_>, flows: &mut Flows, tools: &mut Tools<'_>) {
        let (event, thresholds) = (reading.event, tools.thresholds);
        let many = reading.rows == Count::Unknown || reading.window_rows >= thresholds.chain_rows;
        if !many && !reading.told {
            return;
        }
        let read = self.reads.entry(reading.key, tools.clock).0;
        let before = event.at.0.saturating_sub(window(thresholds));
        if read.actor.is_none() || read.latest < before {
            *read = Read { began: event.at.0, since: event.at.0, untold: reading.window_rows, ..Read::default() };
        }
        let first = read.actor.is_none() || reading.told && !read.told;
        read.meet(reading);
        let new_session = read.session != event.session.0;
        read.session = event.session.0;
        if new_session {
            read.endpoints(event);
        }
        read.find(&self.clients, &self.programs, event, new_session);
        self.abroad(reading, flows, tools);
        if first || new_session {
            self.leaves_already(reading, flows, tools);
        }
    }

    /// The reader's own address is abroad: what it reads left with the answer.
    fn abroad(&mut self, reading: &Reading<'_>, flows: &Flows, tools: &mut Tools<'_>) {
        let event = reading.event;
        let Client::Address(address) = event.actor.client else { return };
        let (place, recipient) = flows.judge_client(address, event.at);
        let Some(read) = self.reads.existing(reading.key, tools.clock) else { return };
        if !reading.told || !place.is_foreign() || recipient.is_some() || read.abroad {
            return;
        }
        read.abroad = true;
        let transfer = Transfer {
            flow: hash::wide(&[b"client", address.to_string().as_bytes(), &event.session.0.to_le_bytes()]) as u64,
            transport: kuzet_event::Transport::Tcp,
            to: Some(SocketAddr::new(address, event.client_port)),
            name: None,
            place,
            recipient: None,
            sent: Count::Unknown,
            since: Timestamp(read.since),
            until: event.at,
            process: None,
            joined: Some(Joined::Process),
            steps: Vec::new(),
        };
        let (user, store) = (&event.actor.user, &reading.template.store.name);
        let reason = format!("role {user} reads store {store} from {address}, which is abroad: {place}");
        tell(read, event, Arc::new(transfer), reason, tools);
    }

    /// Connections that were there when the reading became known.
    fn leaves_already(&mut self, reading: &Reading<'_>, flows: &mut Flows, tools: &mut Tools<'_>) {
        let since = self.reads.peek(reading.key).map_or(i64::MAX, |read| read.since);
        let recent = |live: &Live| live.latest >= since.saturating_sub(AHEAD);
        let found: Vec<u64> = flows.live.iter().take_while(|(_, live)| recent(live)).map(|(id, _)| id).collect();
        for id in found {
            self.pair(reading.key, id, reading.event, flows, tools);
        }
    }

    /// A connection sent something: joined with what was read before.
    pub(crate) fn sent(&mut self, id: u64, event: &Event, flows: &mut Flows, tools: &mut Tools<'_>) {
        let before = event.at.0.saturating_sub(window(tools.thresholds));
        let found: Vec<AccountKey> =
            self.reads.iter().take_while(|(_, read)| read.latest >= before).map(|(key, _)| key).collect();
        for key in found {
            self.pair(key, id, event, flows, tools);
        }
    }

    /// Whether one reading and one connection belong together; told if they do.
    fn pair(&mut self, key: AccountKey, id: u64, event: &Event, flows: &mut Flows, tools: &mut Tools<'_>) {
        let thresholds = tools.thresholds;
        let Some(live) = flows.live.peek(id) else { return };
        let (place, recipient) = flows.judge(live, event.at);
        let Some(read) = self.reads.peek(key) else { return };
        let story = hash::wide(&[&key.1.to_le_bytes(), &key.2.to_le_bytes(), &read.began.to_le_bytes()]) as u64;
        let goes_on = live.joined.contains(&story);
        let carried = match live.since < read.since.saturating_sub(AHEAD) {
            // It was there before: what it sent since counts.
            true => live.sent_since(read.since.saturating_sub(AHEAD)),
            false => live.sent.unwrap_or(0),
        };
        let much = carried >= thresholds.chain_bytes;
        let old = live.since < read.since.saturating_sub(AHEAD);
        // Who may have what was read, and is not merely called so by the client itself, has it.
        let may = recipient
            .is_some_and(|one| read.categories.iter().all(|code| one.categories.iter().any(|c| **c == **code)));
        let claimed = recipient.is_some_and(Recipient::by_name_alone) && read.told && much;
        let enough = much || read.told && !old && outside(place) && live.sent != Some(0);
        if may && !claimed || !(enough || goes_on) || live.latest < read.since.saturating_sub(AHEAD) {
            return;
        }
        let Some(read) = self.reads.existing(key, tools.clock) else { return };
        read.find(&self.clients, &self.programs, event, false);
        let server =
            |process: &Process| thresholds.server_accounts.iter().any(|one| crate::toml_file::glob(one, &process.user));
        let Some(joined) = read.joins(live, &server) else { return };
        // On this country's networks an account does much that has nothing to do with it.
        if !outside(place) && (joined > Joined::Session || !read.told) {
            return;
        }
        let steps = read.steps(live, &self.programs);
        let transfer = live.transfer(id, place, recipient, Some(joined), steps);
        let reason = if goes_on { String::new() } else { reason(read, &transfer, tools.resolver) };
        if let Some(live) = flows.live.existing(id, tools.clock) {
            live.join(story);
        }
        flows.carried(&transfer, read.store, tools.clock);
        tell(read, event, transfer, reason, tools);
    }
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
        self.rows = self.rows.saturating_add(rows).max(reading.window_rows);
        self.unknown |= reading.rows == Count::Unknown;
        self.untold = if reading.told { 0 } else { self.untold.saturating_add(rows) };
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

    /// Notes both ends of a session's connection.
    fn endpoints(&mut self, event: &Event) {
        let add = |list: &mut Vec<SocketAddr>, one| {
            if list.len() >= SOME {
                list.remove(0);
            }
            list.push(one);
        };
        if let (Client::Address(address), 1..) = (&event.actor.client, event.client_port) {
            add(&mut self.awaited, SocketAddr::new(plain(*address), event.client_port));
        }
        // The session id of PostgreSQL is the start of its server process and its number.
        if event.actor.system == System::Postgresql && event.session.0 >> 32 != 0 {
            if self.backends.len() >= SOME {
                self.backends.remove(0);
            }
            self.backends.push(event.session.0 as u32);
        }
    }

    /// Finds the programs behind the sessions.
    fn find(
        &mut self,
        clients: &LruCache<SocketAddr, Arc<Process>, Build>,
        programs: &VecDeque<Step>,
        event: &Event,
        new_session: bool,
    ) {
        let mut found: Vec<Arc<Process>> = Vec::new();
        self.awaited.retain(|end| match clients.peek(end) {
            Some(process) => {
                found.push(Arc::clone(process));
                false
            }
            None => true,
        });
        // A session through a socket file is seen by its program alone: one that its account started just before.
        if new_session && event.actor.client == Client::Local {
            let owns = |process: &Process| {
                *process.user == *event.actor.user || process.login.as_deref() == Some(&*event.actor.user)
            };
            let own = programs.iter().rev().filter(|step| step.at <= event.at && owns(&step.process));
            found.extend(own.map(|step| &step.process).find(|process| join::is_client(process)).cloned());
        }
        for process in found {
            if !self.processes.iter().any(|known| join::same(known, &process)) {
                if self.processes.len() >= SOME {
                    self.processes.remove(0);
                }
                self.processes.push(process);
            }
        }
    }
}

/// An IPv4 address inside IPv6 as itself.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Why a reading and a connection belong together, with the numbers.
fn reason(read: &Read, transfer: &Transfer, resolver: &Resolver) -> String {
    let store =
        resolver.store_named(read.store).map_or_else(|| "a store".into(), |store| format!("store {}", store.name));
    let user = read.actor.as_ref().map(ActorRow::actor).map_or_else(String::new, |actor| actor.user.to_string());
    let sender = transfer.process.as_deref().map_or_else(|| "the client's host".to_owned(), by);
    let sent = transfer.sent.known().map_or_else(|| "bytes not told".to_owned(), |sent| format!("{sent} bytes so far"));
    let to = flows::to(transfer.to, transfer.name.as_ref(), transfer.place);
    let when = match transfer.since.0.saturating_sub(read.since) {
        ..0 => "while it was read".to_owned(),
        after => format!("{}.{} s after", after / 1_000_000, after / 100_000 % 10),
    };
    let how = match transfer.joined {
        Some(Joined::Process) => "the program that read sends, or one that it started, or that started it",
        Some(Joined::Session) => "both are of one login session or script",
        Some(Joined::Account) => "both are of one account",
        Some(Joined::Host) => "both are of one host",
        None => "nothing joins them",
    };
    let through: Vec<&str> = transfer.steps.iter().map(|step| &*step.process.name).collect();
    let through = if through.is_empty() { String::new() } else { format!(", by way of {}", through.join(", ")) };
    format!("role {user} read {store}, and {when} {sender} sends to {to}: {sent}; {how}{through}")
}

/// Appends the detection.
fn tell(read: &mut Read, event: &Event, transfer: Arc<Transfer>, reason: String, tools: &mut Tools<'_>) {
    let Some(actor) = read.actor.as_ref().map(ActorRow::actor) else { return };
    let store = tools.resolver.store_named(read.store);
    let persons = store.as_ref().map_or(Count::Unknown, |store| store.persons);
    let rows = if read.unknown { Count::Unknown } else { Count::Known(read.rows) };
    let class = store.as_ref().map(|store| store.class);
    let severity = tools.severities.answer(Kind::Exfiltration, tools.severities.volume(rows), Outcome::Success, class);
    // What no detection told yet comes to the story with this one.
    let untold = std::mem::take(&mut read.untold);
    let people_at_most = match (read.told, persons) {
        (true, _) => Count::Known(0),
        (false, _) if read.unknown => persons,
        (false, Count::Known(persons)) => Count::Known(untold.min(persons)),
        (false, Count::Unknown) => Count::Known(untold),
    };
    let first = !reason.is_empty();
    read.told |= first;
    tools.out.push(Detection {
        detector: "chain",
        rule: None,
        kind: Kind::Exfiltration,
        severity,
        clause: CLAUSE,
        since: transfer.since.min(event.at),
        at: event.at,
        place: event.place,
        actor,
        session: kuzet_event::SessionId(read.session),
        store,
        relations: Vec::new(),
        categories: read.categories.clone(),
        outcome: Outcome::Success,
        statement: None,
        witness: Witness::Audit,
        measures: false,
        events: u64::from(first),
        rows: Count::Known(untold),
        people_at_most,
        people: Vec::new(),
        transfer: Some(transfer),
        reason,
    });
}
