//! What the logs of MariaDB and MySQL have in common: sessions, accounts, refusals, and how an event is made of them.

pub(crate) mod audit;
pub(crate) mod audit_csv;
pub(crate) mod audit_json;
pub(crate) mod audit_xml;
pub(crate) mod error;
mod frames;
pub(crate) mod general;
pub(crate) mod slow;
mod stamps;

use crate::persons::Persons;
use crate::{Actors, Analyzer, DecodeOptions, Parameters};
use kuzet_event::{
    Access, Action, Code, Count, Event, Outcome, Place, Relation, SessionId, Statement, System, Timestamp, Trust, Verb,
    Witness,
};
use lru::LruCache;
use smallvec::SmallVec;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Relations kept.
const RELATIONS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Who a record is about, as bytes of the log; empty is unknown.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) system: System,
    pub(crate) user: &'a [u8],
    /// Address, host name or `localhost`, which these servers call a Unix socket.
    pub(crate) client: &'a [u8],
    pub(crate) program: &'a [u8],
    pub(crate) database: &'a [u8],
    /// Number of the connection (`CONNECTION_ID()`).
    pub(crate) connection: Option<u64>,
}

impl Default for Who<'_> {
    fn default() -> Self {
        Who { system: System::Mariadb, user: b"", client: b"", program: b"", database: b"", connection: None }
    }
}

/// Makes events of the records of one file.
pub(crate) struct Family {
    mariadb: Actors,
    mysql: Actors,
    /// Public to the snapshots of the formats.
    pub(crate) persons: Persons,
    analyzer: Analyzer,
    parameters: Parameters,
    relations: LruCache<Box<[u8]>, Arc<Relation>>,
    key: Vec<u8>,
    trust: Trust,
    witness: Witness,
}

impl Family {
    pub(crate) fn new(options: &DecodeOptions, trust: Trust, witness: Witness) -> Family {
        Family {
            mariadb: Actors::new(System::Mariadb),
            mysql: Actors::new(System::Mysql),
            persons: Persons::new(options, System::Mariadb),
            // Both speak the same language.
            analyzer: Analyzer::new(System::Mariadb, options.key.clone()),
            parameters: Parameters::new(),
            relations: LruCache::new(RELATIONS),
            key: Vec::new(),
            trust,
            witness,
        }
    }

    /// An event that tells who and what; the caller fills in the rest.
    pub(crate) fn event(&mut self, who: &Who<'_>, at: Timestamp, place: Place, action: Action) -> Event {
        let client: &[u8] = if who.client == b"localhost" { b"[local]" } else { who.client };
        let actors = if who.system == System::Mysql { &mut self.mysql } else { &mut self.mariadb };
        let mut event = Event {
            at,
            place,
            actor: actors.intern(who.user, client, who.program, who.database),
            session: who.connection.map_or(SessionId(0), session),
            client_port: 0,
            statement_number: 0,
            action,
            outcome: Outcome::Unknown,
            code: Code::NONE,
            relation: None,
            statement: None,
            identifiers: SmallVec::new(),
            calls: 1,
            rows: Count::Unknown,
            bytes: Count::Unknown,
            trust: self.trust,
            witness: self.witness,
            flow: None,
            file: None,
            process: None,
            raw: None,
        };
        self.persons.name(&mut event, b"", &self.parameters);
        event
    }

    /// Adds the shape of `text` and the values it asks for.
    pub(crate) fn tell(&mut self, event: &mut Event, text: &[u8], truncated: bool) {
        event.statement = Some(self.analyzer.analyze(text, &self.parameters, truncated, &mut event.identifiers));
        self.persons.name(event, text, &self.parameters);
    }

    /// A table that the server says it opened.
    pub(crate) fn relation(&mut self, schema: &[u8], name: &[u8], access: Access) -> Arc<Relation> {
        self.key.clear();
        self.key.push(access as u8);
        self.key.extend_from_slice(schema);
        self.key.push(0);
        self.key.extend_from_slice(name);
        if let Some(relation) = self.relations.get(self.key.as_slice()) {
            return Arc::clone(relation);
        }
        let relation =
            Arc::new(Relation { schema: crate::names::object(schema), name: crate::names::object(name), access });
        self.relations.put(self.key.as_slice().into(), Arc::clone(&relation));
        relation
    }

    /// A single name, cleaned as those of an actor are.
    pub(crate) fn name(&mut self, raw: &[u8]) -> Arc<str> {
        self.mariadb.name(raw)
    }
}

/// The session of a connection, the same in every log of a server. Numbers are small and start again with the server;
/// mixed so that they spread (splitmix64).
pub(crate) fn session(connection: u64) -> SessionId {
    let mut value = connection.wrapping_add(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    SessionId(value ^ (value >> 31))
}

/// Account and client of `app[app] @ shop.kz [10.0.0.1]`: the account that rights are checked for, else the one logged in
/// as; the address, else the host. Names may hold anything, so the marks nearest to the end count.
pub(crate) fn account(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii().strip_suffix(b"]")?;
    let open = memchr::memmem::rfind(text, b" [")?;
    let (rest, ip) = (&text[..open], &text[open + 2..]);
    let at = memchr::memmem::rfind(rest, b"] @ ")?;
    let (users, host) = (&rest[..at], rest[at + 4..].trim_ascii());
    let open = memchr::memrchr(b'[', users)?;
    let user = if open == 0 { &users[1..] } else { &users[..open] };
    Some((user, if ip.is_empty() { host } else { ip }))
}

/// A refusal to let somebody in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) client: &'a [u8],
    pub(crate) database: &'a [u8],
    pub(crate) code: Code,
}

/// `Access denied for user 'app'@'10.0.0.1' (using password: YES)` or `… to database 'mfo'`.
pub(crate) fn denied(message: &[u8]) -> Option<Denied<'_>> {
    let rest = message.strip_prefix(b"Access denied for user '")?;
    // The user may hold anything, a host never a quote.
    let at = memchr::memmem::rfind(rest, b"'@'")?;
    let (user, rest) = (&rest[..at], &rest[at + 3..]);
    let end = memchr::memchr(b'\'', rest)?;
    let (client, rest) = (&rest[..end], &rest[end + 1..]);
    let database = rest.strip_prefix(b" to database '").map(|name| {
        let end = memchr::memrchr(b'\'', name).unwrap_or(name.len());
        &name[..end]
    });
    // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR.
    let code = Code::new(if database.is_some() { b"1044" } else { b"1045" });
    Some(Denied { user, client, database: database.unwrap_or_default(), code })
}

/// A whole number of at most 19 digits.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// Rows that a statement gave or changed. A TRUNCATE or DROP counts none, however many there were.
fn rows(statement: &Statement, sent: Option<u64>, affected: Option<u64>) -> Count {
    let rows = match statement.verb {
        Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::CreateCopy => affected,
        // Into a file, or out of one.
        Verb::Copy => affected.max(sent),
        Verb::Truncate | Verb::Drop | Verb::Define | Verb::Role => None,
        _ => sent,
    };
    rows.map_or(Count::Unknown, Count::Known)
}

/// The database of `use mfo;` or `` USE `mfo` ``.
pub(crate) fn used(text: &[u8]) -> Option<&[u8]> {
    let (word, name) = text.split_at_checked(4)?;
    let name = name.trim_ascii().strip_suffix(b";").unwrap_or(name.trim_ascii());
    let name = name.strip_prefix(b"`").and_then(|name| name.strip_suffix(b"`")).unwrap_or(name);
    (word.eq_ignore_ascii_case(b"use ") && !name.is_empty() && name.len() <= 256).then_some(name)
}

/// Whether a line is the first of those that a server writes when it opens a general or slow log.
fn is_banner(line: &[u8]) -> bool {
    line.ends_with(b"started with:") && memchr::memmem::find(line, b", Version: ").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_the_right() {
        assert_eq!(account(b"app[app] @  [127.0.0.1]"), Some((&b"app"[..], &b"127.0.0.1"[..])));
        assert_eq!(account(b"root[root] @ localhost []"), Some((&b"root"[..], &b"localhost"[..])));
        assert_eq!(account(b"x] @ y [z[x] @ h [10.0.0.1]"), Some((&b"x] @ y [z"[..], &b"10.0.0.1"[..])));
        assert_eq!(account(b"[app] @ h []"), Some((&b"app"[..], &b"h"[..])));
        assert_eq!(account(b"app"), None);
    }

    #[test]
    fn refusals_are_read_from_the_right() {
        let refusal = denied(b"Access denied for user 'x'@'y'@'10.0.0.1' (using password: YES)").unwrap();
        assert_eq!((refusal.user, refusal.client, refusal.code.as_str()), (&b"x'@'y"[..], &b"10.0.0.1"[..], "1045"));
        let refusal = denied(b"Access denied for user 'app'@'h' to database 'no'such'").unwrap();
        assert_eq!((refusal.database, refusal.code.as_str()), (&b"no'such"[..], "1044"));
    }

    #[test]
    fn databases_are_told() {
        assert_eq!(used(b"use mfo;"), Some(&b"mfo"[..]));
        assert_eq!(used(b"USE `my db`"), Some(&b"my db"[..]));
        assert_eq!(used(b"user"), None);
    }
}
