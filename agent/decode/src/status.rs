//! What the agent itself asked a PostgreSQL or MariaDB server: statistics, sessions, settings and other changes, one JSON
//! object a line, as `agent/kuzet/database/poll` writes them.
//!
//! ```text
//! {"postgresql":"calls","at":…,"since":…,"user":"analyst","database":"mfo","text":"COPY borrowers TO STDOUT","calls":1,"rows":10000}
//! {"postgresql":"session","at":…,"user":"analyst","database":"mfo","client":"127.0.0.1","program":"psql","session":"6b0316a5.7d78","text":"…"}
//! {"mariadb":"session","at":…,"user":"analyst","database":"mfo","client":"127.0.0.1","port":45612,"session":"12","text":"…"}
//! {"postgresql":"setting","at":…,"name":"pgaudit.log","value":"none"}
//! {"postgresql":"change","at":…,"text":"ALTER ROLE analyst SUPERUSER"}
//! ```
//!
//! - `calls` A statement ran so many more times and returned so many more rows since the poll before; true, but of no
//!   single session. What a cursor fetched is told with the statements that declared it (`declared`): with several of
//!   them the event names the relations of all, and the rows are an upper bound for each.
//! - `session` A session is at work. Its text is the statement that runs, or ran last. Its port is that of the client, which no
//!   log of MariaDB and MySQL tells.
//! - `setting` A setting of the whole server has another value. Who changed it is not known.
//! - `change` Something else is not as it was at the poll before, told as the statement that would have done it. Who did
//!   it is not known: the actor has no name.
//! - `began` Watching began: what was before is not told.

use crate::account::Lines;
use crate::blank;
use crate::format::DecodeOptions;
use crate::persons::Persons;
use crate::postgres::{self, Verdict};
use crate::{Actors, Analyzer, Chunk, Decoded, Decoder, Parameters, mysql, statement};
use kuzet_event::{Action, Count, Event, Identifier, Outcome, Place, SessionId, Statement, System, Timestamp, Witness};
use serde::Deserialize;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// Most declarations of one cursor that are told.
const DECLARED: usize = 256;

/// Decoder of one stream of a server's status.
pub(crate) struct Status {
    system: System,
    analyzer: Analyzer,
    persons: Persons,
    actors: Actors,
    parameters: Parameters,
    lines: Lines,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "postgresql", alias = "mariadb")]
    kind: Cow<'a, str>,
    at: i64,
    #[serde(borrow, default)]
    user: Cow<'a, str>,
    #[serde(borrow, default)]
    database: Cow<'a, str>,
    #[serde(borrow, default)]
    client: Cow<'a, str>,
    /// The client's, where only the list of sessions tells it.
    #[serde(default)]
    port: u16,
    #[serde(borrow, default)]
    program: Cow<'a, str>,
    #[serde(borrow, default)]
    session: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    declared: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
    calls: Option<u64>,
    rows: Option<u64>,
    bytes: Option<u64>,
    #[serde(default)]
    cut: bool,
}

impl Status {
    pub(crate) fn new(system: System, options: &DecodeOptions) -> Status {
        Status {
            system,
            analyzer: Analyzer::new(system, options.key.clone()),
            persons: Persons::new(options, system),
            actors: Actors::new(system),
            parameters: Parameters::new(),
            lines: Lines::default(),
        }
    }

    fn record(&mut self, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let own = if self.system == System::Postgresql { recognises_postgresql } else { recognises_mariadb };
        let line = std::str::from_utf8(bytes).ok().filter(|_| own(bytes));
        let Some(line) = line.and_then(|text| sonic_rs::from_str::<Line<'_>>(text).ok()) else { return Verdict::Lost };
        let actor = self.actors.intern(
            line.user.as_bytes(),
            line.client.as_bytes(),
            line.program.as_bytes(),
            line.database.as_bytes(),
        );
        let action = match line.kind.as_ref() {
            "began" => Action::Server,
            "calls" | "change" => Action::Statement,
            "session" => Action::Seen,
            "setting" => Action::Setting,
            _ => return Verdict::Lost,
        };
        let outcome = if action == Action::Seen { Outcome::Unknown } else { Outcome::Success };
        let mut event = blank::event(Timestamp(line.at), place, actor, action, outcome);
        event.witness = Witness::Measure;
        event.session = self.session(line.session.as_bytes());
        event.client_port = line.port;
        event.statement = match line.kind.as_ref() {
            "setting" => Some(statement::changed(line.name.as_bytes(), line.value.as_deref().map(str::as_bytes))),
            "began" => None,
            _ => self.statement(&line, &mut event.identifiers),
        };
        if line.kind == "calls" {
            event.calls = line.calls.unwrap_or(1);
            event.rows = line.rows.map_or(Count::Unknown, Count::Known);
            event.bytes = line.bytes.map_or(Count::Unknown, Count::Known);
        }
        // Statistics tell no text as it was sent: only the program may name a person.
        self.persons.name(&mut event, b"", &self.parameters);
        events.push(event);
        Verdict::Handled
    }

    /// The session as the server's own log names it.
    fn session(&self, text: &[u8]) -> SessionId {
        match self.system {
            _ if text.is_empty() => SessionId(0),
            System::Postgresql => postgres::session(text),
            _ => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map_or(SessionId(0), mysql::session),
        }
    }

    /// The shape of the statement; for what a cursor gave, of the statements that declared it.
    fn statement(&mut self, line: &Line<'_>, identifiers: &mut SmallVec<[Identifier; 1]>) -> Option<Arc<Statement>> {
        let (first, others) = match line.declared.split_first() {
            Some((first, others)) => (first, others),
            None if line.text.is_empty() => return None,
            None => (&line.text, &[][..]),
        };
        let statement = self.analyzer.analyze(first.as_bytes(), &self.parameters, line.cut, identifiers);
        if others.is_empty() {
            return Some(statement);
        }
        // Columns of different statements have no place in common: what identifies people is not told.
        identifiers.clear();
        let mut all = (*statement).clone();
        all.predicate_columns.clear();
        for text in others.iter().take(DECLARED) {
            let other = self.analyzer.analyze(text.as_bytes(), &self.parameters, line.cut, &mut SmallVec::new());
            let new: Vec<_> = other.relations.iter().filter(|one| !all.relations.contains(one)).cloned().collect();
            all.relations.extend(new);
        }
        all.relations.truncate(64);
        Some(Arc::new(all))
    }
}

impl Decoder for Status {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

/// Whether `line` could be a record of a PostgreSQL server's status.
pub(crate) fn recognises_postgresql(line: &[u8]) -> bool {
    line.starts_with(b"{\"postgresql\":\"")
}

/// Whether `line` could be a record of a MariaDB or MySQL server's status.
pub(crate) fn recognises_mariadb(line: &[u8]) -> bool {
    line.starts_with(b"{\"mariadb\":\"")
}
