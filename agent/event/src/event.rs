//! One record of a log, normalised.

use crate::{Actor, Count, FileAct, Flow, Identifier, Process, Raw, Relation, Statement, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// A configured source of records, by its position in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub u16);

/// A file by device, inode and fingerprint of its first bytes, hashed; stays the same through a rename.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u64);

/// A server session: hash of what the server calls it (session id, connection id). 0 is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// Where the bytes of a record are, as evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Source.
    pub source: SourceId,
    /// File.
    pub file: FileId,
    /// First byte, counted from the start of the file (of the uncompressed stream for a compressed file).
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// What happened, one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A session was authenticated, or tried to be ([`Outcome::Failure`]).
    Login,
    /// A session ended.
    Logout,
    /// A statement ran, or failed.
    Statement,
    /// A setting took effect outside a statement (reload of the configuration); see [`Statement::settings`].
    Setting,
    /// The server lists the session among those at work (statistics, process list): no statement is told.
    Seen,
    /// Records of the session are missing before this one: the log was cut or edited. `rows` says how many.
    Missing,
    /// Any other message of the server that is worth an event (start, stop, crash, client lost while data was sent).
    Server,
    /// A request was answered or refused (web server, proxy).
    Request,
    /// A program was started.
    Process,
    /// A file was opened, created, renamed or removed.
    File,
    /// A connection was opened by this host.
    Network,
    /// Anything else that the operating system's audit tells.
    Host,
}

impl Action {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::Login => "login",
            Action::Logout => "logout",
            Action::Statement => "statement",
            Action::Setting => "setting",
            Action::Seen => "seen",
            Action::Missing => "missing",
            Action::Server => "server",
            Action::Request => "request",
            Action::Process => "process",
            Action::File => "file",
            Action::Network => "network",
            Action::Host => "host",
        }
    }
}

/// How it ended, as far as the record tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The record does not say.
    #[default]
    Unknown,
    /// Done. Whether its transaction was committed is another question.
    Success,
    /// Refused, failed or cancelled.
    Failure,
}

impl Outcome {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Unknown => "unknown",
            Outcome::Success => "success",
            Outcome::Failure => "failure",
        }
    }
}

/// SQLSTATE (`42501`) or the server's own error number (`1045`), at most 5 characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; 5]);

impl Code {
    /// No code.
    pub const NONE: Code = Code([0; 5]);

    /// From the bytes of a log; anything but ASCII letters and digits is dropped.
    #[must_use]
    pub fn new(text: &[u8]) -> Code {
        let mut code = [0; 5];
        for (to, from) in code.iter_mut().zip(text.iter().filter(|byte| byte.is_ascii_alphanumeric())) {
            *to = *from;
        }
        Code(code)
    }

    /// As text; empty when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(5);
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.as_str())
    }
}

/// Whether the format protects the record against forgery by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Quoted fields (csvlog, jsonlog).
    Structured,
    /// A client can write what looks like a record (stderr prefix, server_audit user names) before it is logged in.
    Forgeable,
}

impl Trust {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trust::Structured => "structured",
            Trust::Forgeable => "forgeable",
        }
    }
}

/// Which kind of record tells of a statement. Records of different kinds tell of the same statements: their counts are
/// compared with each other, never added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// An audit record: pgaudit, server_audit, audit logs of MySQL and MongoDB, an application's own journal.
    #[default]
    Audit,
    /// A plain log of statements: log_statement, the general log, MONITOR.
    Log,
    /// A record made to measure: the slow log, statistics of the server. Its rows are true.
    Measure,
}

impl Witness {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Witness::Audit => "audit",
            Witness::Log => "log",
            Witness::Measure => "measure",
        }
    }
}

/// One record, normalised. Some records give several (pgaudit: one a relation).
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the server wrote it (`@timestamp`).
    pub at: Timestamp,
    /// Where its bytes are.
    pub place: Place,
    /// Who.
    pub actor: Arc<Actor>,
    /// Server session.
    pub session: SessionId,
    /// The client's side of the session's connection (`source.port`); 0 is unknown. With the client's address it names the
    /// flow of the same connection.
    pub client_port: u16,
    /// Number of the statement inside its session, so that several records of one statement are counted once
    /// (pgaudit statement id, server_audit query id); 0 is unknown.
    pub statement_number: u64,
    /// What.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Error code.
    pub code: Code,
    /// The relation that this very record is about, where the log names one (pgaudit object, server_audit READ/WRITE).
    /// Otherwise the relations are those of the statement.
    pub relation: Option<Arc<Relation>>,
    /// Shape of the statement.
    pub statement: Option<Arc<Statement>>,
    /// Values that the statement compared columns with, as keyed hashes; at most 65,536 a record.
    pub identifiers: SmallVec<[Identifier; 1]>,
    /// How many statements the record stands for: 1, but for statistics.
    pub calls: u64,
    /// Rows returned or changed (`db.response.returned_rows`), of all calls.
    pub rows: Count,
    /// Bytes sent to the client (`kuzet.response.bytes`), of all calls.
    pub bytes: Count,
    /// Whether the record could have been forged.
    pub trust: Trust,
    /// What kind of record it is. With two kinds, the same statement is told twice.
    pub witness: Witness,
    /// The connection that the record is about.
    pub flow: Option<Arc<Flow>>,
    /// What was done to a file.
    pub file: Option<Arc<FileAct>>,
    /// The program that the record is about; that of a connection is [`Flow::process`].
    pub process: Option<Arc<Process>>,
    /// What rules may look at while the event is handled; gone from every copy.
    pub raw: Option<Box<Raw>>,
}

impl Event {
    /// Relations of this record: its own, or those of its statement.
    #[must_use]
    pub fn relations(&self) -> &[Relation] {
        match (&self.relation, &self.statement) {
            (Some(relation), _) => std::slice::from_ref(relation.as_ref()),
            (None, Some(statement)) => &statement.relations,
            (None, None) => &[],
        }
    }
}
