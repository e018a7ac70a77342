//! PostgreSQL records to events: one step behind all three formats, so that they tell the same story by construction.

use crate::format::DecodeOptions;
use crate::lines::Lines;
use crate::persons::Persons;
use crate::pgaudit::Audit;
use crate::recent::Recent;
use crate::{Actors, Analyzer, Parameters, login, messages, statement};
use kuzet_event::{
    Action, Actor, Code, Count, Event, Identifier, Outcome, Place, Relation, SessionId, Statement, System, Timestamp,
    Trust, Witness,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// How grave the server says a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// DEBUG1-5, INFO, NOTICE, WARNING.
    Minor,
    /// LOG.
    Log,
    /// ERROR.
    Error,
    /// FATAL: the session ends.
    Fatal,
    /// PANIC: the server ends.
    Panic,
}

impl Severity {
    /// By the server's word, in English or Russian (`lc_messages`); csvlog and jsonlog translate it as well.
    pub(crate) fn parse(word: &[u8]) -> Option<Severity> {
        const RUSSIAN: [(&str, Severity); 8] = [
            ("СООБЩЕНИЕ", Severity::Log),
            ("ОТЛАДКА", Severity::Minor),
            ("ИНФОРМАЦИЯ", Severity::Minor),
            ("ЗАМЕЧАНИЕ", Severity::Minor),
            ("ПРЕДУПРЕЖДЕНИЕ", Severity::Minor),
            ("ОШИБКА", Severity::Error),
            ("ВАЖНО", Severity::Fatal),
            ("ПАНИКА", Severity::Panic),
        ];
        match word {
            b"LOG" => Some(Severity::Log),
            b"ERROR" => Some(Severity::Error),
            b"FATAL" => Some(Severity::Fatal),
            b"PANIC" => Some(Severity::Panic),
            b"WARNING" | b"NOTICE" | b"INFO" | b"DEBUG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => {
                Some(Severity::Minor)
            }
            _ => RUSSIAN.iter().find(|(known, _)| known.as_bytes() == word).map(|(_, severity)| *severity),
        }
    }

    /// For a word that no table has: the SQLSTATE class tells errors from the rest.
    pub(crate) fn of(word: &[u8], code: &[u8]) -> Severity {
        Severity::parse(word).unwrap_or_else(|| match code.get(..2) {
            None | Some(b"00" | b"01" | b"02") => Severity::Log,
            Some(_) => Severity::Error,
        })
    }
}

/// One record of any of the three formats: borrowed fields, unescaped; empty is absent.
pub(crate) struct Record<'a> {
    pub(crate) at: Timestamp,
    pub(crate) place: Place,
    pub(crate) user: &'a [u8],
    pub(crate) database: &'a [u8],
    pub(crate) program: &'a [u8],
    /// Without a port.
    pub(crate) client: &'a [u8],
    /// 0 is unknown.
    pub(crate) port: u16,
    pub(crate) session: SessionId,
    /// Number of the record inside its session; 0 is unknown.
    pub(crate) number: u64,
    pub(crate) severity: Severity,
    pub(crate) code: Code,
    pub(crate) message: &'a [u8],
    pub(crate) detail: &'a [u8],
    pub(crate) context: &'a [u8],
    /// The STATEMENT line or `query` field.
    pub(crate) query: &'a [u8],
    pub(crate) trust: Trust,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Gave an event.
    Handled,
    /// Understood, of no interest.
    Suppressed,
    /// Not understood.
    Lost,
}

/// The session id `6b0316a5.7d78` (start time and process id, both hexadecimal) as one number, or a hash of other text.
pub(crate) fn session(text: &[u8]) -> SessionId {
    /// Value of each hexadecimal digit; 16 for the dot, 255 for the rest. A table, because digits and letters come in
    /// no order that a processor could guess.
    const DIGITS: [u8; 256] = {
        let mut table = [255; 256];
        let mut digit = 0;
        while digit < 16 {
            table[b"0123456789abcdef"[digit] as usize] = digit as u8;
            digit += 1;
        }
        table[b'.' as usize] = 16;
        table
    };
    let (mut start, mut number, mut digits, mut dots) = (0u64, 0u64, 0, 0);
    for byte in text {
        match DIGITS[usize::from(*byte)] {
            digit @ 0..16 if digits < 8 => {
                number = number << 4 | u64::from(digit);
                digits += 1;
            }
            16 if dots == 0 && digits > 0 => (start, number, digits, dots) = (number, 0, 0, 1),
            _ => return SessionId(crate::recent::hash(text)),
        }
    }
    // Without a dot it is no session id.
    if dots == 0 { SessionId(crate::recent::hash(text)) } else { SessionId(start << 32 | number) }
}

/// The session of a record, if a client has one: the processes of the server itself are no sessions.
pub(crate) fn client_session(text: &[u8], user: &[u8], client: &[u8]) -> SessionId {
    if user.is_empty() && client.is_empty() { SessionId(0) } else { session(text) }
}

/// Statements remembered for `<previously logged>` (`pgaudit.log_statement_once`), one a session. They do not outlive
/// the decoder: a restart between two records of one statement leaves the second with its command only.
const PREVIOUS: usize = 256;
/// Identifiers remembered with such a statement; beyond that only the first record of it carries them.
const PREVIOUS_IDENTIFIERS: usize = 64;

/// The statement that a session's last audit record told.
#[derive(Clone, Default)]
struct Previous {
    session: SessionId,
    number: u64,
    statement: Option<Arc<Statement>>,
    identifiers: SmallVec<[Identifier; 1]>,
}

/// Turns records into events.
pub(crate) struct Postgres {
    pub(crate) actors: Actors,
    analyzer: Analyzer,
    pub(crate) persons: Persons,
    pub(crate) parameters: Parameters,
    relations: Recent<Option<Arc<Relation>>>,
    previous: Vec<Previous>,
    lines: Lines,
    scratch: Vec<u8>,
}

impl Postgres {
    pub(crate) fn new(options: &DecodeOptions) -> Postgres {
        Postgres {
            actors: Actors::new(System::Postgresql),
            analyzer: Analyzer::new(System::Postgresql, options.key.clone()),
            persons: Persons::new(options, System::Postgresql),
            parameters: Parameters::new(),
            relations: Recent::new(256),
            previous: Vec::new(),
            lines: Lines::new(),
            scratch: Vec::new(),
        }
    }

    /// Appends the event of `record`, if it has one.
    pub(crate) fn record(&mut self, record: &Record<'_>, events: &mut Vec<Event>) -> Verdict {
        let missing = self.lines.missing(record.session, record.number);
        if missing > 0 {
            let mut event = self.event(record, Action::Missing);
            event.rows = Count::Known(missing);
            events.push(event);
        }
        if let Some(audit) = record.message.strip_prefix(b"AUDIT: ") {
            return self.audit(record, audit, events);
        }
        match record.severity {
            Severity::Minor => Verdict::Suppressed,
            Severity::Log => self.log(record, events),
            Severity::Error | Severity::Fatal | Severity::Panic => self.failure(record, events),
        }
    }

    /// A pgaudit record.
    fn audit(&mut self, record: &Record<'_>, message: &[u8], events: &mut Vec<Event>) -> Verdict {
        let mut scratch = std::mem::take(&mut self.scratch);
        let audit = Audit::parse(message, &mut scratch, &mut self.parameters);
        let verdict = match &audit {
            None => Verdict::Lost,
            Some(audit) => {
                let relation = audit.relation(&mut self.relations);
                let (statement, identifiers) = self.audited_statement(record.session, audit);
                // pgaudit hides the context of its own records. One that has a context was written by a function of the
                // session (RAISE LOG 'AUDIT: …'): a forgery.
                let own = record.context.is_empty();
                let mut event = Event {
                    at: record.at,
                    place: record.place,
                    actor: self.actors.intern(record.user, record.client, record.program, record.database),
                    session: record.session,
                    client_port: record.port,
                    statement_number: audit.number,
                    action: Action::Statement,
                    outcome: audit.outcome(),
                    code: record.code,
                    relation,
                    rows: audit.rows(&statement),
                    statement: Some(statement),
                    identifiers,
                    trust: if own { record.trust } else { Trust::Forgeable },
                    witness: if own { Witness::Audit } else { Witness::Log },
                    calls: 1,
                    bytes: Count::Unknown,
                    flow: None,
                    file: None,
                    process: None,
                    raw: None,
                };
                self.persons.name(&mut event, audit.statement, &self.parameters);
                events.push(event);
                Verdict::Handled
            }
        };
        scratch.clear();
        scratch.shrink_to(64 << 10);
        self.scratch = scratch;
        verdict
    }

    /// The shape of an audit record's statement, which may stand in an earlier record of the session.
    fn audited_statement(
        &mut self,
        session: SessionId,
        audit: &Audit<'_>,
    ) -> (Arc<Statement>, SmallVec<[Identifier; 1]>) {
        let mut identifiers = SmallVec::new();
        if self.previous.is_empty() {
            self.previous.resize(PREVIOUS, Previous::default());
        }
        let slot = (session.0 ^ session.0 >> 32) as usize % PREVIOUS;
        match audit.statement {
            b"<previously logged>" => {
                let previous = &self.previous[slot];
                if let (true, Some(statement)) =
                    (previous.session == session && previous.number == audit.number, &previous.statement)
                {
                    return (Arc::clone(statement), previous.identifiers.clone());
                }
                (audit.shape_of_command(), identifiers)
            }
            b"<not logged>" => (audit.shape_of_command(), identifiers),
            text => {
                let statement = self.analyzer.analyze(text, &self.parameters, false, &mut identifiers);
                let previous = &mut self.previous[slot];
                (previous.session, previous.number) = (session, audit.number);
                previous.statement = Some(Arc::clone(&statement));
                previous.identifiers.clear();
                if identifiers.len() <= PREVIOUS_IDENTIFIERS {
                    previous.identifiers.extend(identifiers.iter().cloned());
                }
                (statement, identifiers)
            }
        }
    }

    /// A record of severity LOG.
    fn log(&mut self, record: &Record<'_>, events: &mut Vec<Event>) -> Verdict {
        let message = record.message;
        if let Some((text, outcome)) = messages::statement(message) {
            // EXECUTE of a prepared statement: what runs stands in the DETAIL line, as PREPARE.
            let text = messages::strip_either(record.detail, b"prepare: ", b"Prepare: ").unwrap_or(text);
            messages::parameters(record.detail, &mut self.parameters);
            return self.statement(record, text, outcome, events);
        }
        if message.starts_with(b"duration: ") {
            return Verdict::Suppressed;
        }
        if let Some(login) = login::authorized(message) {
            let pick = |known: &'_ [u8], told: &'_ [u8]| if known.is_empty() { told.to_vec() } else { known.to_vec() };
            let actor = if record.user.is_empty() || record.program.is_empty() || record.database.is_empty() {
                self.actors.intern(
                    &pick(record.user, login.user),
                    record.client,
                    &pick(record.program, login.program),
                    &pick(record.database, login.database),
                )
            } else {
                self.actors.intern(record.user, record.client, record.program, record.database)
            };
            let mut event = self.event_of(record, actor, Action::Login);
            event.outcome = Outcome::Success;
            events.push(event);
            return Verdict::Handled;
        }
        if message.starts_with(b"disconnection: ") {
            let mut event = self.event(record, Action::Logout);
            event.outcome = Outcome::Success;
            events.push(event);
            return Verdict::Handled;
        }
        if let Some((name, value)) = messages::setting(message) {
            let mut event = self.event(record, Action::Setting);
            event.outcome = Outcome::Success;
            event.statement = Some(statement::changed(name, value));
            events.push(event);
            return Verdict::Handled;
        }
        if messages::client_lost(message) && !record.query.is_empty() {
            return self.statement(record, record.query, Outcome::Failure, events);
        }
        match messages::server(message) {
            None => Verdict::Suppressed,
            Some(outcome) => {
                let mut event = self.event(record, Action::Server);
                event.outcome = outcome;
                events.push(event);
                Verdict::Handled
            }
        }
    }

    /// A record of severity ERROR, FATAL or PANIC.
    fn failure(&mut self, record: &Record<'_>, events: &mut Vec<Event>) -> Verdict {
        let code =
            if record.code == Code::NONE { messages::code(record.message, record.severity) } else { record.code };
        if record.query.is_empty() {
            let login = record.severity == Severity::Fatal && login::refused(code);
            let action = match record.severity {
                _ if login => Action::Login,
                Severity::Error if !record.user.is_empty() => Action::Statement,
                _ => Action::Server,
            };
            // The server is starting or stopping: every connection attempt says so.
            if code == Code::new(b"57P03") {
                return Verdict::Suppressed;
            }
            let mut event = self.event(record, action);
            event.outcome = Outcome::Failure;
            event.code = code;
            events.push(event);
            return Verdict::Handled;
        }
        messages::parameters(record.detail, &mut self.parameters);
        if self.parameters.is_empty() {
            messages::parameters_of_context(record.context, &mut self.parameters);
        }
        let verdict = self.statement(record, record.query, Outcome::Failure, events);
        if let Some(event) = events.last_mut() {
            event.code = code;
        }
        verdict
    }

    fn statement(&mut self, record: &Record<'_>, text: &[u8], outcome: Outcome, events: &mut Vec<Event>) -> Verdict {
        let mut event = self.event(record, Action::Statement);
        event.outcome = outcome;
        event.statement = Some(self.analyzer.analyze(text, &self.parameters, false, &mut event.identifiers));
        self.persons.name(&mut event, text, &self.parameters);
        events.push(event);
        self.parameters.clear();
        Verdict::Handled
    }

    fn event(&mut self, record: &Record<'_>, action: Action) -> Event {
        let actor = self.actors.intern(record.user, record.client, record.program, record.database);
        self.event_of(record, actor, action)
    }

    fn event_of(&mut self, record: &Record<'_>, actor: Arc<Actor>, action: Action) -> Event {
        // Messages that a function of the session can write as well (RAISE LOG) carry its context.
        let written = record.severity == Severity::Log && !record.context.is_empty();
        let mut event = Event {
            at: record.at,
            place: record.place,
            actor,
            session: record.session,
            client_port: record.port,
            statement_number: 0,
            action,
            outcome: Outcome::Unknown,
            code: record.code,
            relation: None,
            statement: None,
            identifiers: SmallVec::new(),
            rows: Count::Unknown,
            trust: if written { Trust::Forgeable } else { record.trust },
            witness: Witness::Log,
            calls: 1,
            bytes: Count::Unknown,
            flow: None,
            file: None,
            process: None,
            raw: None,
        };
        if action != Action::Statement {
            self.persons.name(&mut event, b"", &self.parameters);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_keeps_both_halves() {
        assert_eq!(session(b"6b0316a5.7d78"), SessionId(0x6b03_16a5_0000_7d78));
        assert_ne!(session(b"junk"), session(b"junk2"));
        assert_ne!(session(b"6b0316a51.7d78"), session(b"b0316a51.7d78"));
    }

    #[test]
    fn severities_in_two_languages() {
        assert_eq!(Severity::parse("ОШИБКА".as_bytes()), Some(Severity::Error));
        assert_eq!(Severity::parse(b"DETAIL"), None);
        assert_eq!(Severity::of("ERREUR".as_bytes(), b"42501"), Severity::Error);
        assert_eq!(Severity::of("JOURNAL".as_bytes(), b"00000"), Severity::Log);
    }
}
