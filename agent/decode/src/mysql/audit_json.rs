//! MySQL's audit log as JSON: MySQL Enterprise Audit and Percona's `audit_log_filter` (an array, one record or many lines
//! each), and Percona's `audit_log` (an object a line).
//!
//! ```text
//! { "timestamp": "2019-10-03 14:23:35", "id": 2, "class": "general", "event": "status", "connection_id": 5,
//!   "account": { "user": "root", "host": "localhost" }, "login": { "user": "root", "os": "", "ip": "::1", "proxy": "" },
//!   "general_data": { "command": "Query", "sql_command": "show_variables", "query": "SHOW VARIABLES", "status": 0 } },
//! {"audit_record":{"name":"Query","record":"13149_2021","timestamp":"2021-06-30T15:07:58 UTC","connection_id":"2",
//!   "status":0,"sqltext":"show databases","user":"root[root] @ localhost []","host":"localhost","ip":"","db":""}}
//! ```
//!
//! <https://dev.mysql.com/doc/refman/8.4/en/audit-log-file-formats.html>. Of the classes of `audit_log_filter` those tell
//! that MySQL has too: `connection`, `general` (`status`, when the statement is done) and `table_access`.

use super::audit::{Audit, Form, Front, Record};
use crate::Edge;
use crate::account::line_length;
use crate::postgres::Verdict;
use kuzet_event::{Event, Place};
use serde::Deserialize;

/// The form.
pub(crate) const FORM: Form = Form { front, resume, read };

/// Text or number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(i64),
    Text(String),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Scalar::Number(number) => number.to_string(),
            Scalar::Text(text) => text,
        }
    }
}

fn text(scalar: Option<Scalar>) -> String {
    scalar.map(Scalar::text).unwrap_or_default()
}

/// A record of either kind; other keys are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    audit_record: Option<Percona>,
    timestamp: Option<String>,
    class: Option<String>,
    event: Option<String>,
    connection_id: Option<Scalar>,
    account: Option<Account>,
    login: Option<Login>,
    connection_data: Option<Data>,
    general_data: Option<Data>,
    table_access_data: Option<Data>,
    query_statistics: Option<Statistics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Percona {
    name: Option<String>,
    timestamp: Option<String>,
    connection_id: Option<Scalar>,
    status: Option<Scalar>,
    sqltext: Option<String>,
    user: Option<String>,
    host: Option<String>,
    ip: Option<String>,
    db: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    user: Option<String>,
    host: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    user: Option<String>,
    ip: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    command: Option<String>,
    query: Option<String>,
    status: Option<Scalar>,
    db: Option<String>,
    table: Option<String>,
    connection_attributes: Option<Attributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    program_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Statistics {
    rows_sent: Option<u64>,
    bytes_sent: Option<u64>,
}

fn read(audit: &mut Audit, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
    let begin = memchr::memchr(b'{', bytes).unwrap_or(0);
    let end = memchr::memrchr(b'}', bytes).map_or(bytes.len(), |end| end + 1);
    // A client in another character set logs its own bytes.
    let text = String::from_utf8_lossy(&bytes[begin..end]);
    let Ok(line) = sonic_rs::from_str::<Line>(&text) else { return Verdict::Lost };
    match line.audit_record {
        Some(record) => percona(audit, record, place, events),
        None => enterprise(audit, line, place, events),
    }
}

fn percona(audit: &mut Audit, line: Percona, place: Place, events: &mut Vec<Event>) -> Verdict {
    let (connection, status) = (text(line.connection_id), text(line.status));
    let bytes = |text: &'_ Option<String>| text.clone().unwrap_or_default().into_bytes();
    let [time, name, sql, user, host, ip, database] =
        [&line.timestamp, &line.name, &line.sqltext, &line.user, &line.host, &line.ip, &line.db].map(bytes);
    let record = Record {
        time: &time,
        name: &name,
        connection: connection.as_bytes(),
        status: status.as_bytes(),
        user: &user,
        host: &host,
        ip: &ip,
        database: &database,
        text: &sql,
        ..Record::default()
    };
    audit.record(&record, place, events)
}

fn enterprise(audit: &mut Audit, line: Line, place: Place, events: &mut Vec<Event>) -> Verdict {
    let word = |text: Option<String>| text.unwrap_or_default();
    let (time, class, event) = (word(line.timestamp), word(line.class), word(line.event));
    let data = line.connection_data.or(line.general_data).or(line.table_access_data).unwrap_or_default();
    let (login, account) = (line.login.unwrap_or_default(), line.account.unwrap_or_default());
    let (command, connection, status) = (word(data.command), text(line.connection_id), text(data.status));
    let name = match (class.as_str(), event.as_str()) {
        ("connection", "connect") => "Connect",
        ("connection", "change_user") => "Change user",
        ("connection", "disconnect") => "Quit",
        ("general", "status") => &command,
        ("table_access", "read") => "TableRead",
        ("table_access", "insert") => "TableInsert",
        ("table_access", "update") => "TableUpdate",
        ("table_access", "delete") => "TableDelete",
        ("audit", "shutdown") => "NoAudit",
        ("audit", _) => "Audit",
        ("", _) => "",
        // Understood, and told by another class.
        _ => "Other",
    };
    // The account is the one that rights are checked for, the login the one that was asked for.
    let user = account.user.filter(|user| !user.is_empty()).or(login.user).unwrap_or_default();
    let statistics = line.query_statistics.unwrap_or_default();
    let (host, ip, program) = (word(account.host), word(login.ip), data.connection_attributes.unwrap_or_default());
    let (database, table, query, program) =
        (word(data.db), word(data.table), word(data.query), word(program.program_name));
    let record = Record {
        time: time.as_bytes(),
        name: name.as_bytes(),
        connection: connection.as_bytes(),
        status: status.as_bytes(),
        user: user.as_bytes(),
        host: host.as_bytes(),
        ip: ip.as_bytes(),
        program: program.as_bytes(),
        database: database.as_bytes(),
        table: table.as_bytes(),
        text: query.as_bytes(),
        rows_sent: statistics.rows_sent,
        bytes_sent: statistics.bytes_sent,
    };
    audit.record(&record, place, events)
}

/// A record reaches from the brackets and commas before it to the end of the line of its last brace.
fn front(bytes: &[u8], edge: Edge) -> Front {
    // Of a whole record the rest of its last line may still come.
    let patient = edge == Edge::More;
    let mark = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b',' | b'[' | b']');
    let begin = bytes.iter().take_while(|byte| mark(byte)).count();
    match bytes.get(begin) {
        None if patient => return Front::Open,
        None => return Front::Frame(begin),
        Some(b'\n') => return Front::Frame(begin + 1),
        Some(b'{') => {}
        Some(_) => return line_length(bytes).map_or(Front::Open, Front::Junk),
    }
    match object(&bytes[begin..]) {
        Object::Open => Front::Open,
        Object::Broken(length) => Front::Junk(begin + length),
        Object::Whole(length) => {
            let end = begin + length;
            let behind = bytes[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b',')).count();
            match bytes.get(end + behind) {
                Some(b'\n') => Front::Record(end + behind + 1),
                None if patient => Front::Open,
                _ => Front::Record(end + behind),
            }
        }
    }
}

/// What a brace opens.
enum Object {
    Whole(usize),
    /// Torn behind so many bytes.
    Broken(usize),
    Open,
}

/// Finds the end of the object at the front. No text holds a newline, and an object stands behind a colon or bracket
/// only: what breaks these rules was torn, and the next record is not drawn into it.
fn object(bytes: &[u8]) -> Object {
    let (mut depth, mut at, mut last) = (0usize, 0, b':');
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                loop {
                    let Some(found) = memchr::memchr3(b'"', b'\\', b'\n', bytes.get(at..).unwrap_or_default()) else {
                        return Object::Open;
                    };
                    at += found;
                    match bytes[at] {
                        b'"' => break,
                        b'\\' => at += 2,
                        _ => return Object::Broken(at + 1),
                    }
                }
            }
            b'{' if !matches!(last, b':' | b'[') => return Object::Broken(at),
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Object::Whole(at + 1);
                }
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = *byte;
        }
        at += 1;
    }
    Object::Open
}

/// The next line: no text holds a newline.
fn resume(bytes: &[u8]) -> (usize, bool) {
    line_length(bytes).map_or((bytes.len(), false), |length| (length, true))
}

/// Whether `line` could be of a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"[").unwrap_or(line).trim_ascii_start();
    let has = |text: &[u8]| memchr::memmem::find(&line[..line.len().min(600)], text).is_some();
    if line.starts_with(b"{") {
        return has(b"\"audit_record\"")
            || (has(b"\"class\"") && has(b"\"timestamp\"") && (has(b"\"connection_id\"") || has(b"\"server_id\"")));
    }
    let class = line.strip_prefix(b"\"class\"").and_then(|rest| rest.trim_ascii_start().strip_prefix(b":"));
    class.is_some_and(|class| {
        [&b"\"audit\""[..], b"\"connection\"", b"\"general\"", b"\"table_access\"", b"\"command\"", b"\"query\""]
            .iter()
            .any(|known| class.trim_ascii_start().starts_with(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_stands_around_them() {
        for (bytes, expected) in [
            (&b"[\n{}"[..], Front::Frame(2)),
            (b"{\"a\":{\"b\":\"}\\\"{\"}},\n{", Front::Record(20)),
            (b"[{\"a\":1}, {", Front::Record(10)),
            (b"{\n \"a\": [1, 2],\n \"b\": {}\n}\n]", Front::Record(27)),
            (b"{\"a\":\"torn\n{\"a\":1}", Front::Junk(11)),
            (b"{\"a\":1,\n{\"a\":1}", Front::Junk(8)),
            (b"torn\"}\n", Front::Junk(7)),
            (b"{\"a\":1", Front::Open),
            (b"{\"a\":\"\\", Front::Open),
            (b"{\"a\":1}", Front::Open),
            (b"]", Front::Open),
        ] {
            assert_eq!(front(bytes, Edge::More), expected, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!((front(b"{\"a\":1}", Edge::Quiet), front(b"]", Edge::Quiet)), (Front::Record(7), Front::Frame(1)));
    }
}
