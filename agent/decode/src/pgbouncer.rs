//! PgBouncer's own log: who stands behind the pooled roles, for the server sees only the pooler.
//!
//! ```text
//! 2026-11-22 22:12:17.619 UTC [29865] LOG C-0x563f4c829830: mfo/app@127.0.0.1:55250 login attempt: db=mfo user=app tls=no
//! 2026-11-22 22:12:17.642 UTC [29865] LOG C-0x563f4c829830: mfo/app@127.0.0.1:55250 closing because: client close request (age=0s)
//! ```
//!
//! A login that went well has no line of its own, so the attempt is a login of unknown outcome; a refused one is told
//! by the line that closes it. Lines of server connections (`S-`) tell of the pooler's own sessions, which the server
//! logs as well. Names are written as they are: a client can forge a line before it is logged in.

use crate::account::Lines;
use crate::blank;
use crate::postgres::Verdict;
use crate::times::{Times, looks_like_time};
use crate::{Actors, Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Action, Event, Outcome, Place, SessionId, System, Timestamp, Trust, Witness};

/// Decoder of one PgBouncer log.
pub(crate) struct Pgbouncer {
    times: Times,
    actors: Actors,
    lines: Lines,
}

impl Pgbouncer {
    pub(crate) fn new(options: &DecodeOptions) -> Pgbouncer {
        Pgbouncer {
            times: Times::new(options.timezone),
            actors: Actors::new(System::Postgresql),
            lines: Lines::default(),
        }
    }

    fn line(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some((time, text)) = split(line) else { return Verdict::Lost };
        let Some(at) = self.times.parse(time) else { return Verdict::Lost };
        self.message(text, at, place, events)
    }

    /// A message without time, process and level, as syslog carries it.
    pub(crate) fn message(&mut self, text: &[u8], at: Timestamp, place: Place, events: &mut Vec<Event>) -> Verdict {
        if let Some(told) = client(text) {
            let session = SessionId(crate::recent::hash(told.id) ^ crate::recent::hash(told.peer).rotate_left(1));
            let (action, outcome) = told.what;
            let actor = self.actors.intern(told.user, address(told.peer), b"", told.database);
            let event = blank::event(at, place, actor, action, outcome);
            events.push(Event { session, trust: Trust::Forgeable, witness: Witness::Log, ..event });
            return Verdict::Handled;
        }
        const SERVER: [(&[u8], Outcome); 6] = [
            (b"process up: ", Outcome::Success),
            (b"got SIG", Outcome::Unknown),
            (b"RELOAD command issued", Outcome::Unknown),
            (b"SHUTDOWN command issued", Outcome::Unknown),
            (b"PAUSE command issued", Outcome::Unknown),
            (b"KILL command issued", Outcome::Unknown),
        ];
        match SERVER.iter().find(|(beginning, _)| text.starts_with(beginning)) {
            None => Verdict::Suppressed,
            Some((_, outcome)) => {
                let actor = self.actors.intern(b"", b"", b"", b"");
                let event = blank::event(at, place, actor, Action::Server, *outcome);
                events.push(Event { trust: Trust::Forgeable, witness: Witness::Log, ..event });
                Verdict::Handled
            }
        }
    }
}

/// Time and message of a line: `TIME [PID] LEVEL message`.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_end();
    if !looks_like_time(line) {
        return None;
    }
    let open = memchr::memmem::find(&line[..line.len().min(64)], b" [")?;
    let rest = &line[open + 2..];
    let close = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest[close..].strip_prefix(b"] ").filter(|_| close > 0)?;
    let blank = memchr::memchr(b' ', &rest[..rest.len().min(8)])?;
    matches!(&rest[..blank], b"LOG" | b"WARNING" | b"ERROR" | b"FATAL" | b"DEBUG" | b"NOISE")
        .then_some((&line[..open], &rest[blank + 1..]))
}

/// What a line tells of a client connection.
struct Client<'a> {
    id: &'a [u8],
    database: &'a [u8],
    user: &'a [u8],
    /// Address with port, `unix(PID):PORT`.
    peer: &'a [u8],
    what: (Action, Outcome),
}

/// `C-0x…: DATABASE/USER@PEER login attempt: db=… user=… tls=…`, `… closing because: …`.
fn client(text: &[u8]) -> Option<Client<'_>> {
    /// Reasons that are not those of a session that was at work.
    const REFUSED: [&[u8]; 7] = [
        b"authentication failed",
        b"no such database",
        b"no such user",
        b"login rejected",
        b"login failed",
        b"no more connections allowed",
        b"password required",
    ];
    let rest = text.strip_prefix(b"C-")?;
    let colon = memchr::memmem::find(rest, b": ")?;
    let (id, rest) = (&rest[..colon], &rest[colon + 2..]);
    let (head, tail, attempt) = match memchr::memmem::find(rest, b" login attempt: ") {
        Some(at) => (&rest[..at], &rest[at + 16..], true),
        None => memchr::memmem::find(rest, b" closing because: ").map(|at| (&rest[..at], &rest[at + 18..], false))?,
    };
    let at = memchr::memrchr(b'@', head)?;
    let (names, peer) = (&head[..at], &head[at + 1..]);
    let slash = memchr::memchr(b'/', names)?;
    let (mut database, mut user) = (known(&names[..slash]), known(&names[slash + 1..]));
    let what = if attempt {
        // The head is filled in while the login goes on; the attempt names what was asked for.
        let asked = tail.strip_prefix(b"db=")?;
        let end = memchr::memmem::rfind(asked, b" tls=").unwrap_or(asked.len());
        let middle = memchr::memmem::find(&asked[..end], b" user=")?;
        (database, user) = (&asked[..middle], &asked[middle + 6..end]);
        (Action::Login, Outcome::Unknown)
    } else if REFUSED.iter().any(|reason| memchr::memmem::find(tail, reason).is_some()) {
        (Action::Login, Outcome::Failure)
    } else {
        (Action::Logout, Outcome::Success)
    };
    Some(Client { id, database, user, peer, what })
}

/// A name of the head; empty where PgBouncer does not know it yet.
fn known(name: &[u8]) -> &[u8] {
    if matches!(name, b"(nodb)" | b"(nouser)") { b"" } else { name }
}

/// An address without its port; `[local]` for a Unix socket.
fn address(peer: &[u8]) -> &[u8] {
    if peer.starts_with(b"unix") {
        return b"[local]";
    }
    let address = memchr::memrchr(b':', peer).map_or(peer, |colon| &peer[..colon]);
    address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(address)
}

impl Decoder for Pgbouncer {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.line(line, place, events));
        self.lines = lines;
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    split(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_and_by_whom() {
        let told = client(b"C-0x5: (nodb)/x@y@[::1]:55 login attempt: db=mfo user=x@y tls=no").unwrap();
        assert_eq!((told.database, told.user, address(told.peer)), (&b"mfo"[..], &b"x@y"[..], &b"::1"[..]));
        let told =
            client(b"C-0x5: mfo/app@unix(77):6432 closing because: SASL authentication failed (age=0s)").unwrap();
        assert_eq!((told.what, address(told.peer)), ((Action::Login, Outcome::Failure), &b"[local]"[..]));
        assert!(client(b"S-0x5: mfo/app@127.0.0.1:5432 new connection to server").is_none());
        assert!(split(b"2026-11-22 22:12:17.619 UTC [29865] LOG:  PostgreSQL").is_none());
    }
}
