//! How the two servers write down what was done: PostgreSQL's csvlog with pgaudit, MariaDB's server_audit. The shapes of
//! the records are those of the recordings in tests/data/samples.

use super::act::{Act, Class, Op, Seat, Statement};
use super::calendar::{HOUR, OFFSET, SECOND};
use kuzet_event::Timestamp;
use std::collections::HashMap;
use std::fmt::Write;

/// Which server a simulated host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL with `pgaudit.log_rows = on`.
    PostgresqlRows,
    /// PostgreSQL with `pgaudit.log_rows = off`.
    Postgresql,
    /// MariaDB with server_audit.
    Mariadb,
}

impl Server {
    pub const ALL: [Server; 3] = [Server::PostgresqlRows, Server::Postgresql, Server::Mariadb];

    /// As the table of attacks calls it.
    pub fn name(self) -> &'static str {
        match self {
            Server::PostgresqlRows => "postgresql_rows",
            Server::Postgresql => "postgresql",
            Server::Mariadb => "mariadb",
        }
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(self) -> bool {
        self == Server::Mariadb
    }
}

/// What the server knows of a session.
struct Open {
    /// Process or connection.
    id: u64,
    port: u64,
    line: u64,
    statement: u64,
    since: i64,
}

/// Writes the log.
pub struct Writer {
    server: Server,
    open: HashMap<u64, Open>,
    sessions: u64,
    queries: u64,
    /// Records written.
    pub records: u64,
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// As pgaudit writes a field of its own record.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) { quoted(text) } else { text.to_owned() }
}

fn stamp(at: i64) -> String {
    let (year, month, day, hour, minute, second, micros) = Timestamp(at + OFFSET).civil(0);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03} +05", micros / 1000)
}

impl Writer {
    pub fn new(server: Server) -> Writer {
        Writer { server, open: HashMap::new(), sessions: 3000, queries: 0, records: 0 }
    }

    /// Writes what `op` leaves in the log.
    pub fn write(&mut self, op: &Op, log: &mut String) {
        self.sessions += u64::from(!self.open.contains_key(&op.session));
        let number = self.sessions;
        let fresh = || Open { id: number, port: 40_000 + number % 20_000, line: 0, statement: 0, since: op.at };
        let mut open = self.open.remove(&op.session).unwrap_or_else(fresh);
        match self.server {
            Server::Mariadb => self.mariadb(op, &open, log),
            _ => self.postgresql(op, &mut open, log),
        }
        if !matches!(op.act, Act::Logout | Act::Refused) {
            self.open.insert(op.session, open);
        }
    }

    /// One record of csvlog: what stands behind the severity is the caller's.
    fn csv(&mut self, op: &Op, open: &mut Open, tag: &str, known: bool, rest: &str, log: &mut String) {
        self.records += 1;
        open.line += 1;
        let Seat { role, program, client } = &*op.seat;
        let from = if client.is_empty() { "[local]".to_owned() } else { format!("{client}:{}", open.port) };
        let (user, database) =
            if known { (quoted(role), "\"mfo\"".to_owned()) } else { (String::new(), String::new()) };
        let second = (open.since / SECOND).unsigned_abs();
        let since = stamp(open.since);
        let since = format!("{} +05", &since[..19]);
        let backend = if tag.is_empty() { "not initialized" } else { "client backend" };
        let told = if known && tag != "authentication" { program.as_str() } else { "" };
        let transaction = if known { format!("3/{}", open.line) } else { String::new() };
        let _ = writeln!(
            log,
            "{},{user},{database},{},\"{from}\",{second:x}.{:x},{},\"{tag}\",{since},{transaction},0,{rest},\"{told}\",\
             \"{backend}\",,0",
            stamp(op.at),
            open.id,
            open.id,
            open.line,
        );
    }

    fn postgresql(&mut self, op: &Op, open: &mut Open, log: &mut String) {
        let Seat { role, program, client } = &*op.seat;
        let place =
            if client.is_empty() { "host=[local]".to_owned() } else { format!("host={client} port={}", open.port) };
        let plain = |message: &str| format!("LOG,00000,{},,,,,,,,", quoted(message));
        match &op.act {
            Act::Login | Act::Refused => {
                self.csv(op, open, "", false, &plain(&format!("connection received: {place}")), log);
                if matches!(op.act, Act::Refused) {
                    let message = quoted(&format!("password authentication failed for user \"{role}\""));
                    let detail =
                        quoted("Connection matched pg_hba.conf line 91: \"host all all 10.0.0.0/8 scram-sha-256\"");
                    return self.csv(
                        op,
                        open,
                        "authentication",
                        true,
                        &format!("FATAL,28P01,{message},{detail},,,,,,,"),
                        log,
                    );
                }
                if !client.is_empty() {
                    let text = format!(
                        "connection authenticated: identity=\"{role}\" method=scram-sha-256 \
                         (/etc/postgresql/15/main/pg_hba.conf:91)"
                    );
                    self.csv(op, open, "authentication", true, &plain(&text), log);
                }
                let text = format!("connection authorized: user={role} database=mfo application_name={program}");
                self.csv(op, open, "authentication", true, &plain(&text), log);
            }
            Act::Say(statement) => self.audit(op, open, statement, log),
            Act::Cut(records) => open.line += u64::from(*records),
            Act::Logout => {
                let lasted = op.at - open.since;
                let text = format!(
                    "disconnection: session time: {}:{:02}:{:02}.{:03} user={role} database=mfo {place}",
                    lasted / HOUR,
                    lasted / (60 * SECOND) % 60,
                    lasted / SECOND % 60,
                    lasted / 1000 % 1000
                );
                self.csv(op, open, "idle", true, &plain(&text), log);
            }
        }
    }

    fn audit(&mut self, op: &Op, open: &mut Open, statement: &Statement, log: &mut String) {
        if let Some((code, message)) = &statement.error {
            let rest = format!("ERROR,{code},{},,,,,,{},,", quoted(message), quoted(&statement.text));
            return self.csv(op, open, statement.command, true, &rest, log);
        }
        open.statement += 1;
        let class = match statement.class {
            Class::Read => "READ",
            Class::Write => "WRITE",
            Class::Define => "DDL",
            Class::Role => "ROLE",
        };
        let counts = self.server == Server::PostgresqlRows;
        // With log_rows on a COPY of a table names none and counts nothing; with it off it is the SELECT below it.
        let (tables, command, rows) = match statement.command {
            "COPY" if counts && !statement.text.starts_with("COPY (") => (&[][..], "COPY", 0),
            "DECLARE CURSOR" if counts => (&[][..], statement.command, 0),
            "COPY" | "DECLARE CURSOR" => (statement.tables, "SELECT", statement.rows),
            command => (statement.tables, command, statement.rows),
        };
        let parameters =
            if statement.parameters.is_empty() { "<none>".to_owned() } else { field(&statement.parameters.join(",")) };
        let mut one = |writer: &mut Writer, kind: &str, object: &str| {
            let rows = if counts { format!(",{rows}") } else { String::new() };
            let text = format!(
                "AUDIT: SESSION,{},1,{class},{command},{kind},{object},{},{parameters}{rows}",
                open.statement,
                field(&statement.text)
            );
            let rest = format!("LOG,00000,{},,,,,,,,", quoted(&text));
            writer.csv(op, open, statement.command, true, &rest, log);
        };
        for table in tables {
            one(self, "TABLE", &format!("public.{table}"));
        }
        if tables.is_empty() {
            one(self, "", "");
        }
    }

    fn mariadb(&mut self, op: &Op, open: &Open, log: &mut String) {
        let Seat { role, program, client } = &*op.seat;
        let (year, month, day, hour, minute, second, _) = Timestamp(op.at + OFFSET).civil(0);
        let host = if client.is_empty() { "localhost" } else { client };
        let head =
            format!("{year:04}{month:02}{day:02} {hour:02}:{minute:02}:{second:02},db2,{role},{host},{}", open.id);
        let mut line = |rest: &str| {
            self.records += 1;
            let _ = writeln!(log, "{head},{rest}");
        };
        match &op.act {
            Act::Login => line("0,CONNECT,mfo,,0"),
            Act::Refused => {
                line("0,FAILED_CONNECT,,,1045");
                line("0,DISCONNECT,,,0");
            }
            Act::Logout => line("0,DISCONNECT,mfo,,0"),
            Act::Cut(_) => {}
            Act::Say(statement) => {
                self.queries += 1;
                let query = self.queries;
                let word = if statement.class == Class::Read { "READ" } else { "WRITE" };
                if statement.error.is_none() {
                    for table in statement.tables {
                        line(&format!("{query},{word},mfo,{table},"));
                    }
                }
                let mut text = statement.inlined();
                // The only way in which a program can say who sits there.
                if let Some((_, person)) = program.split_once('/') {
                    text.push_str(&format!(" /*user='{person}'*/"));
                }
                let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
                let code = if statement.error.is_some() { 1142 } else { 0 };
                line(&format!("{query},QUERY,mfo,'{text}',{code}"));
            }
        }
    }
}
