//! The general log of MariaDB and MySQL: every statement as it arrives (→ is a tab).
//!
//! ```text
//! 261122 16:27:58 →     11 Connect → app@127.0.0.1 on mfo using TCP/IP
//! → →     11 Query → SELECT id FROM loans
//! 2020-10-23T08:36:48.508034Z →    50 Query → SELECT 1
//! ```
//!
//! MariaDB prints the time when its second changes only, MySQL (5.7 and later) on every line. A statement is written before
//! it runs, so its outcome is unknown; so is that of a Connect line, behind which a refusal may follow. Who a connection
//! serves stands in its Connect line and is remembered. Text of several lines is not escaped: a statement can hold what
//! looks like a record, so nothing here is more than [`Trust::Forgeable`].
//!
//! Records before the first time of a file that is read from its middle have none, and are lost.

use super::frames::Frames;
use super::stamps::{self, Stamps};
use super::{Denied, Family, Who, denied, is_banner, number, used};
use crate::postgres::Verdict;
use crate::sessions::{Session, Sessions};
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Action, Event, Outcome, Place, System, Timestamp, Trust, Witness};

/// Commands in which statements arrive.
const STATEMENTS: &[&[u8]] = &[b"Query", b"Execute", b"Bulk_execute"];

/// Every other command that the servers know (`command_name` in their sources).
const COMMANDS: &[&[u8]] = &[
    b"Binlog Dump",
    b"Binlog Dump GTID",
    b"Change user",
    b"Clone",
    b"Close stmt",
    b"Connect",
    b"Connect Out",
    b"Create DB",
    b"Daemon",
    b"Debug",
    b"Delayed insert",
    b"Drop DB",
    b"Error",
    b"Fetch",
    b"Field List",
    b"Init DB",
    b"Kill",
    b"Long Data",
    b"Ping",
    b"Prepare",
    b"Processlist",
    b"Quit",
    b"Refresh",
    b"Register Replica",
    b"Register Slave",
    b"Reset Connection",
    b"Reset connection",
    b"Reset stmt",
    b"Set option",
    b"Shutdown",
    b"Slave_IO",
    b"Slave_SQL",
    b"Slave_worker",
    b"Sleep",
    b"Statistics",
    b"Subscribe Group Replication Stream",
    b"Table Dump",
    b"Time",
];

/// Decoder of one general log.
pub(crate) struct General {
    family: Family,
    frames: Frames,
    state: State,
}

/// What earlier lines told.
struct State {
    stamps: Stamps,
    /// The last time printed.
    at: Option<Timestamp>,
    sessions: Sessions,
}

/// The first line of a record.
struct Head<'a> {
    stamp: Option<&'a [u8]>,
    system: System,
    connection: u64,
    command: &'a [u8],
    /// Where the argument starts.
    end: usize,
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let (stamp, mysql, start) = match line {
        [b'\t', b'\t', ..] => (None, false, 2),
        _ => {
            let (stamp, mysql) = stamps::leading(line)?;
            (line.get(stamp.len()) == Some(&b'\t')).then_some((Some(stamp), mysql, stamp.len() + 1))?
        }
    };
    let rest = &line[start..];
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let digits = rest[blanks..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let connection = number(&rest[blanks..blanks + digits])?;
    let rest = rest[blanks + digits..].strip_prefix(b" ")?;
    let tab = memchr::memchr(b'\t', &rest[..rest.len().min(48)])?;
    let command = &rest[..tab];
    let system = if mysql { System::Mysql } else { System::Mariadb };
    let known = STATEMENTS.contains(&command) || COMMANDS.contains(&command);
    known.then_some(Head { stamp, system, connection, command, end: start + blanks + digits + 1 + tab + 1 })
}

/// Whether `line` could be the first one of a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    head(line).is_some()
}

impl General {
    pub(crate) fn new(options: &DecodeOptions) -> General {
        General {
            family: Family::new(options, Trust::Forgeable, Witness::Log),
            frames: Frames::default(),
            state: State { stamps: Stamps::new(options.timezone), at: None, sessions: Sessions::new() },
        }
    }
}

impl State {
    fn record(&mut self, family: &mut Family, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some(head) = head(bytes) else { return Verdict::Suppressed }; // what a server writes when it opens the file
        if let Some(stamp) = head.stamp {
            match self.stamps.read(stamp) {
                Some(at) => self.at = Some(at),
                None => return Verdict::Lost,
            }
        }
        let Some(at) = self.at else { return Verdict::Lost };
        let argument = &bytes[head.end..];
        let event = match head.command {
            b"Connect" | b"Change user" | b"Init DB" => self.arrival(family, &head, at, place, argument),
            b"Quit" => {
                let mut event = self.event(family, &head, at, place, Action::Logout);
                event.outcome = Outcome::Success;
                self.forget(head.connection);
                Some(event)
            }
            b"Shutdown" => Some(self.event(family, &head, at, place, Action::Server)),
            // Prepare does not mean that anything ran; Execute carries the values.
            command if STATEMENTS.contains(&command) => {
                let mut event = self.event(family, &head, at, place, Action::Statement);
                family.tell(&mut event, argument, false);
                if let Some(database) = used(argument) {
                    self.enter(family, head.connection, database);
                }
                Some(event)
            }
            _ => None,
        };
        match event {
            Some(event) => {
                events.push(event);
                Verdict::Handled
            }
            None => Verdict::Suppressed,
        }
    }

    /// A connection, another account of it, another database of it; or a refusal of any of these.
    fn arrival(
        &mut self,
        family: &mut Family,
        head: &Head<'_>,
        at: Timestamp,
        place: Place,
        argument: &[u8],
    ) -> Option<Event> {
        let connection = Some(head.connection);
        if let Some(refusal) = denied(argument) {
            let Denied { user, client, database, code } = refusal;
            let who = Who { system: head.system, user, client, database, connection, ..Who::default() };
            let mut event = family.event(&who, at, place, Action::Login);
            (event.outcome, event.code) = (Outcome::Failure, code);
            return Some(event);
        }
        if head.command == b"Init DB" {
            self.enter(family, head.connection, argument);
            return None;
        }
        let (user, client, database) = arrived(argument)?;
        let start = u32::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
        let session = Session {
            start,
            user: family.name(user),
            client: family.name(client),
            database: family.name(database),
            ..Session::default()
        };
        self.sessions.put(head.connection, session);
        let who = Who { system: head.system, user, client, database, connection, ..Who::default() };
        Some(family.event(&who, at, place, Action::Login))
    }

    /// An event of a connection that is known, or not.
    fn event(&mut self, family: &mut Family, head: &Head<'_>, at: Timestamp, place: Place, action: Action) -> Event {
        let known = self.sessions.get(head.connection).cloned().unwrap_or_default();
        let who = Who {
            system: head.system,
            user: known.user.as_bytes(),
            client: known.client.as_bytes(),
            database: known.database.as_bytes(),
            connection: Some(head.connection),
            ..Who::default()
        };
        family.event(&who, at, place, action)
    }

    /// The connection now works in `database`.
    fn enter(&mut self, family: &mut Family, connection: u64, database: &[u8]) {
        if self.sessions.get(connection).is_some() {
            self.sessions.entry(connection).database = family.name(database);
        }
    }

    fn forget(&mut self, connection: u64) {
        self.sessions.remove(connection);
    }
}

/// User, client and database of `app@10.0.0.1 on mfo using TCP/IP`; older servers leave out the end. The user may hold
/// anything, so the marks nearest to the end count.
fn arrived(argument: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let rest = memchr::memmem::rfind(argument, b" using ").map_or(argument, |at| &argument[..at]);
    let (account, database) = match memchr::memmem::rfind(rest, b" on ") {
        Some(at) => (&rest[..at], &rest[at + 4..]),
        None => (rest.strip_suffix(b" on").unwrap_or(rest), &b""[..]),
    };
    let at = memchr::memrchr(b'@', account)?;
    Some((&account[..at], &account[at + 1..], database))
}

impl Decoder for General {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let General { family, frames, state } = self;
        let begins = |_: &[u8], line: &[u8]| head(line).is_some() || is_banner(line);
        frames.decode(chunk, begins, |bytes, place| state.record(family, bytes, place, events))
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![self.frames.snapshot()];
        out.extend_from_slice(&self.state.at.map_or(i64::MIN, |at| at.0).to_le_bytes());
        out.extend_from_slice(&self.state.sessions.snapshot());
        self.family.persons.snapshot(out)
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let snapshot = self.family.persons.restore(snapshot);
        let Some(([frames, at @ ..], sessions)) = snapshot.split_first_chunk::<9>() else { return };
        self.frames.restore(*frames);
        let at = i64::from_le_bytes(*at);
        self.state.at = (at != i64::MIN).then_some(Timestamp(at));
        self.state.sessions.restore(sessions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let head = head(b"261122 16:27:58\t    11 Init DB\tmfo").unwrap();
        assert_eq!((head.connection, head.command, head.end), (11, &b"Init DB"[..], 31));
        let mysql = super::head(b"2020-10-23T08:36:48.508034Z\t   50 Query\tSELECT 1").unwrap();
        assert_eq!((mysql.system, mysql.connection), (System::Mysql, 50));
        for line in [
            &b""[..],
            b"\t\t",
            b"\t\t    11 Nothing\tx",
            b"\t\t    11 Query SELECT",
            b"\t\tx Query\t",
            b"FROM t",
            b"\tx",
        ] {
            assert!(super::head(line).is_none());
        }
    }

    #[test]
    fn arrivals() {
        let told = |user, client, database| Some((user, client, database));
        assert_eq!(
            arrived(b"a@b on c@10.0.0.1 on mfo using TCP/IP"),
            told(&b"a@b on c"[..], &b"10.0.0.1"[..], &b"mfo"[..])
        );
        assert_eq!(arrived(b"root@localhost on  using Socket"), told(b"root", b"localhost", b""));
        assert_eq!(arrived(b"root@localhost on"), told(b"root", b"localhost", b""));
        assert_eq!(arrived(b"nobody"), None);
    }
}
