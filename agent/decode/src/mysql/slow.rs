//! The slow log of MariaDB, MySQL and Percona Server: what a statement cost, and how many rows it gave. The only true
//! volume there is where the audit log gives none.
//!
//! ```text
//! # Time: 261122 16:27:58
//! # User@Host: app[app] @  [127.0.0.1]
//! # Thread_id: 11  Schema: mfo  QC_hit: No
//! # Query_time: 0.001598  Lock_time: 0.000054  Rows_sent: 2999  Rows_examined: 2999
//! # Rows_affected: 0  Bytes_sent: 131072
//! SET timestamp=1795364878;
//! SELECT iin, full_name FROM borrowers WHERE id < 3000;
//! ```
//!
//! Lines that begin with `#` hold pairs; which of them there are depends on server and settings, so they are read by name.
//!
//! **A session can set the clock of its own records** (`SET timestamp = 1000`), `# Time:` included. Records of a session that
//! was seen doing so, and those a day before their neighbours, get the time of the last record that is above suspicion. A
//! statement can hold lines that look like a record, so nothing here is more than [`Trust::Forgeable`].

use super::frames::Frames;
use super::stamps::{self, Stamps};
use super::{Family, Who, account, is_banner, number, rows, used};
use crate::names::HIDDEN;
use crate::postgres::Verdict;
use crate::times::Times;
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Action, Code, Count, Event, Outcome, Place, Statement, System, Timestamp, Trust, Witness};
use lru::LruCache;
use std::num::NonZeroUsize;

/// Connections remembered for having set their clock.
const CLOCKS: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// Longest database name kept.
const DATABASE: usize = 256;
/// A record that is so much older than its neighbours lies.
const DAY: i64 = 86_400_000_000;

/// Decoder of one slow log.
pub(crate) struct Slow {
    family: Family,
    frames: Frames,
    state: State,
}

/// What earlier records told.
struct State {
    stamps: Stamps,
    /// `# Time:` as last printed.
    printed: Option<Timestamp>,
    /// Time of the last record above suspicion.
    honest: Option<Timestamp>,
    /// Connections that set their clock.
    clocks: LruCache<u64, ()>,
    /// The last `use`: MySQL prints it when it changes from one record to the next.
    database: Vec<u8>,
}

/// What the lines before the statement tell.
#[derive(Default)]
struct Head<'a> {
    time: Option<&'a [u8]>,
    user: &'a [u8],
    client: &'a [u8],
    mysql: bool,
    connection: Option<u64>,
    schema: Option<&'a [u8]>,
    sent: Option<u64>,
    affected: Option<u64>,
    bytes: Option<u64>,
    errno: Option<&'a [u8]>,
    micros: i64,
    timestamp: Option<Timestamp>,
    text: &'a [u8],
}

fn user_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"# User@Host: ").filter(|rest| memchr::memmem::find(rest, b"] @ ").is_some())
}

fn time_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"# Time: ").filter(|rest| stamps::leading(rest).is_some())
}

/// Whether `line` could be the first one of a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    user_line(line).is_some() || time_line(line).is_some()
}

/// The line with the user begins a record, or follows the time that does.
fn begins(open: &[u8], line: &[u8]) -> bool {
    if user_line(line).is_some() {
        return !(open.starts_with(b"# Time: ") && memchr::memchr(b'\n', open).is_some_and(|at| at + 1 == open.len()));
    }
    time_line(line).is_some() || is_banner(line)
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8], database: &mut Vec<u8>) -> Option<Head<'a>> {
        let mut head = Head::default();
        let mut rest = bytes;
        while rest.starts_with(b"# ") && !rest.starts_with(b"# administrator command: ") {
            let (line, behind) = split(rest);
            rest = behind;
            if let Some(time) = time_line(line) {
                head.time = Some(time);
            } else if let Some(user) = user_line(line) {
                head.user_line(user)?;
            } else {
                head.pairs(line);
            }
        }
        let (line, behind) = split(rest);
        if let Some(name) = used(line).filter(|_| line.ends_with(b";") && behind.starts_with(b"SET ")) {
            database.clear();
            database.extend_from_slice(&name[..name.len().min(DATABASE)]);
            rest = behind;
        }
        // `SET timestamp=…;` or `SET last_insert_id=…,insert_id=…,timestamp=…;`, written by the server.
        let (line, behind) = split(rest);
        if let Some(at) = line.strip_prefix(b"SET ").and_then(|_| memchr::memmem::find(line, b"timestamp="))
            && let Some(value) = line[at + 10..].strip_suffix(b";")
            && let Some(timestamp) = Times::epoch(value)
        {
            head.timestamp = Some(timestamp);
            rest = behind;
        }
        head.text = rest.strip_suffix(b";").unwrap_or(rest);
        Some(head)
    }

    /// `app[app] @  [127.0.0.1]  Id:    10`; MariaDB tells the connection on the next line.
    fn user_line(&mut self, text: &'a [u8]) -> Option<()> {
        let mut text = text;
        if let Some(at) = memchr::memmem::rfind(text, b"]  Id:").or_else(|| memchr::memmem::rfind(text, b"] Id:")) {
            let id = text[at + 1..].trim_ascii().strip_prefix(b"Id:")?;
            self.connection = number(id.trim_ascii());
            self.mysql = true;
            text = &text[..=at];
        }
        (self.user, self.client) = account(text)?;
        Some(())
    }

    /// `# Thread_id: 11  Schema: mfo  QC_hit: No`: a value may be empty.
    fn pairs(&mut self, line: &'a [u8]) {
        let mut words = line[2..].split(|byte| *byte == b' ').filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            let Some(key) = word.strip_suffix(b":") else { continue };
            let value = words.next_if(|next| !next.ends_with(b":")).unwrap_or_default();
            match key {
                b"Thread_id" => self.connection = number(value).or(self.connection),
                b"Schema" => self.schema = Some(value),
                b"Query_time" => self.micros = Times::epoch(value).map_or(0, |time| time.0),
                b"Rows_sent" => self.sent = number(value),
                b"Rows_affected" => self.affected = number(value),
                b"Bytes_sent" => self.bytes = number(value),
                b"Errno" | b"Last_errno" => self.errno = Some(value),
                _ => {}
            }
        }
    }

    /// As far as the record tells: MariaDB tells nothing of a failure, but rows are none.
    fn outcome(&self) -> (Outcome, Code) {
        match self.errno {
            Some(b"0") => (Outcome::Success, Code::NONE),
            Some(errno) if number(errno).is_some() => (Outcome::Failure, Code::new(errno)),
            _ if self.sent.unwrap_or(0) > 0 || self.affected.unwrap_or(0) > 0 => (Outcome::Success, Code::NONE),
            _ => (Outcome::Unknown, Code::NONE),
        }
    }
}

/// The first line, and what is behind it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

impl Slow {
    pub(crate) fn new(options: &DecodeOptions) -> Slow {
        Slow {
            family: Family::new(options, Trust::Forgeable, Witness::Measure),
            frames: Frames::default(),
            state: State {
                stamps: Stamps::new(options.timezone),
                printed: None,
                honest: None,
                clocks: LruCache::new(CLOCKS),
                database: Vec::new(),
            },
        }
    }
}

impl State {
    fn record(&mut self, family: &mut Family, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        if !bytes.starts_with(b"# ") {
            return Verdict::Suppressed; // what a server writes when it opens the file
        }
        let Some(head) = Head::read(bytes, &mut self.database) else { return Verdict::Lost };
        if let Some(time) = head.time {
            let Some(at) = self.stamps.read(time) else { return Verdict::Lost };
            self.printed = Some(at);
        }
        // Quit, Ping and the like; a record that was cut before its statement.
        if head.text.is_empty() || head.text.starts_with(b"# administrator command: ") {
            return Verdict::Suppressed;
        }
        let Some(claimed) = self.printed.or(head.timestamp.map(|start| Timestamp(start.0.saturating_add(head.micros))))
        else {
            return Verdict::Lost;
        };
        let who = Who {
            system: if head.mysql { System::Mysql } else { System::Mariadb },
            user: head.user,
            client: head.client,
            database: head.schema.unwrap_or(&self.database),
            connection: head.connection,
            ..Who::default()
        };
        let mut event = family.event(&who, claimed, place, Action::Statement);
        family.tell(&mut event, head.text, false);
        if let Some(statement) = &event.statement {
            event.rows = rows(statement, head.sent, head.affected);
            if sets_clock(statement)
                && let Some(connection) = head.connection
            {
                self.clocks.put(connection, ());
            }
        }
        event.at = self.believable(claimed, head.connection);
        (event.outcome, event.code) = head.outcome();
        event.bytes = head.bytes.map_or(Count::Unknown, Count::Known);
        events.push(event);
        Verdict::Handled
    }

    /// `claimed`, unless the session set its clock or the clock went back a day.
    fn believable(&mut self, claimed: Timestamp, connection: Option<u64>) -> Timestamp {
        let set = connection.is_some_and(|connection| self.clocks.get(&connection).is_some());
        match self.honest {
            Some(honest) if set || claimed.0.saturating_add(DAY) < honest.0 => honest,
            _ => {
                if !set {
                    self.honest = Some(claimed);
                }
                claimed
            }
        }
    }
}

/// Whether a statement sets the clock of its session.
fn sets_clock(statement: &Statement) -> bool {
    statement.settings.iter().any(|setting| &*setting.name == "timestamp" || &*setting.name == HIDDEN)
}

impl Decoder for Slow {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let Slow { family, frames, state } = self;
        frames.decode(chunk, begins, |bytes, place| state.record(family, bytes, place, events))
    }

    fn snapshot(&self) -> Vec<u8> {
        let state = &self.state;
        let mut out = vec![self.frames.snapshot()];
        for at in [state.printed, state.honest] {
            out.extend_from_slice(&at.map_or(i64::MIN, |at| at.0).to_le_bytes());
        }
        out.extend_from_slice(&(state.clocks.len() as u16).to_le_bytes());
        for (connection, ()) in &state.clocks {
            out.extend_from_slice(&connection.to_le_bytes());
        }
        out.extend_from_slice(&state.database);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let Some(([frames, times @ ..], rest)) = snapshot.split_first_chunk::<17>() else { return };
        let Some((count, rest)) = rest.split_first_chunk::<2>() else { return };
        let Some((clocks, database)) = rest.split_at_checked(8 * usize::from(u16::from_le_bytes(*count))) else {
            return;
        };
        self.frames.restore(*frames);
        let (times, _) = times.as_chunks::<8>();
        let time = |index: usize| {
            let at = times.get(index).map_or(i64::MIN, |bytes: &[u8; 8]| i64::from_le_bytes(*bytes));
            (at != i64::MIN).then_some(Timestamp(at))
        };
        (self.state.printed, self.state.honest) = (time(0), time(1));
        for clock in clocks.as_chunks::<8>().0.iter().rev() {
            self.state.clocks.put(u64::from_le_bytes(*clock), ());
        }
        self.state.database = database[..database.len().min(DATABASE)].to_vec();
    }
}
