//! PostgreSQL's own messages (pgaudit and logins apart): statement lines, settings, server states, error codes.
//!
//! Message texts are those of PostgreSQL 11 to 17, `lc_messages` = C or English.

use crate::Parameters;
use crate::postgres::Severity;
use kuzet_event::{Code, Outcome};

/// The statement of a `log_statement` or `log_min_duration_statement` line, and whether it is known to be done: the first
/// kind is written before it runs, the second afterwards.
pub(crate) fn statement(message: &[u8]) -> Option<(&[u8], Outcome)> {
    if message.first() != Some(&b'd') {
        return told(message).map(|text| (text, Outcome::Unknown));
    }
    let rest = message.strip_prefix(b"duration: ")?;
    let end = memchr::memmem::find(&rest[..rest.len().min(40)], b" ms  ")?;
    told(&rest[end + 5..]).map(|text| (text, Outcome::Success))
}

/// `statement: …`, `execute NAME: …`. A `parse` or `bind` line does not mean that anything ran.
fn told(message: &[u8]) -> Option<&[u8]> {
    if let Some(text) = message.strip_prefix(b"statement: ") {
        return Some(text);
    }
    let rest = message.strip_prefix(b"execute ")?;
    // `execute fetch from NAME: …` goes on reading an open portal: the same statement, more of its rows. The name may
    // hold `: ` itself; the text behind the first one is then a little longer than the statement.
    memchr::memmem::find(rest, b": ").map(|at| &rest[at + 2..])
}

/// `detail` without the one or the other beginning (PostgreSQL 16 capitalised them).
pub(crate) fn strip_either<'a>(detail: &'a [u8], one: &[u8], other: &[u8]) -> Option<&'a [u8]> {
    detail.strip_prefix(one).or_else(|| detail.strip_prefix(other))
}

/// Fills `into` from `parameters: $1 = 'a''b', $2 = NULL`; leaves it empty when `detail` is anything else.
pub(crate) fn parameters(detail: &[u8], into: &mut Parameters) {
    into.clear();
    if let Some(list) = strip_either(detail, b"parameters: ", b"Parameters: ") {
        list_of_parameters(list, into);
    }
}

/// The same from the context of an error: `unnamed portal with parameters: $1 = …` (`log_parameter_max_length_on_error`).
pub(crate) fn parameters_of_context(context: &[u8], into: &mut Parameters) {
    into.clear();
    let line = context.split(|byte| *byte == b'\n').next().unwrap_or(context);
    if let Some(at) = memchr::memmem::find(line, b" with parameters: ") {
        // A value may hold newlines, so the list is read from the whole context.
        list_of_parameters(&context[at + b" with parameters: ".len()..], into);
    }
}

fn list_of_parameters(mut list: &[u8], into: &mut Parameters) {
    let mut value = Vec::new();
    let mut number = 1;
    loop {
        // `$1 = `
        let Some(rest) = list.strip_prefix(b"$") else { return };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if crate::times::number(&rest[..digits]) != Some(number) {
            return;
        }
        let Some(rest) = rest[digits..].strip_prefix(b" = ") else { return };
        value.clear();
        let mut rest = match rest {
            [b'N', b'U', b'L', b'L', rest @ ..] => rest,
            [b'\'', rest @ ..] => match quoted(rest, &mut value) {
                Some(rest) => rest,
                None => return,
            },
            _ => return,
        };
        into.push(&value);
        number += 1;
        rest = match rest.strip_prefix(b", ") {
            Some(rest) => rest,
            None => return,
        };
        list = rest;
    }
}

/// Appends the text up to the closing quote, doubled quotes undone, to `value`; gives what stands behind it.
fn quoted<'a>(mut rest: &'a [u8], value: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let at = memchr::memchr(b'\'', rest)?;
        value.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix(b"'") {
            Some(behind) => {
                value.push(b'\'');
                rest = behind;
            }
            None => return Some(rest),
        }
    }
}

/// Name and value of a setting that a reload changed: `parameter "x" changed to "y"`; no value when the line was removed
/// from the file. One that needs a restart changes nothing yet.
pub(crate) fn setting(message: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let rest = message.strip_prefix(b"parameter \"")?;
    let end = memchr::memchr(b'"', rest)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    if rest.starts_with(b" removed from configuration file") {
        return Some((name, None));
    }
    let value = rest.strip_prefix(b" changed to \"")?;
    Some((name, Some(value.strip_suffix(b"\"").unwrap_or(value))))
}

/// Whether the client went away while data was sent to it.
pub(crate) fn client_lost(message: &[u8]) -> bool {
    message.starts_with(b"could not send data to client")
        || message.starts_with(b"could not receive data from client")
        || message.starts_with(b"unexpected EOF on client connection")
}

/// Outcome of a message about the server itself that is worth an event.
pub(crate) fn server(message: &[u8]) -> Option<Outcome> {
    const WORTH: &[(&[u8], Outcome)] = &[
        (b"database system is ready to accept", Outcome::Success),
        (b"database system is shut down", Outcome::Success),
        (b"starting PostgreSQL ", Outcome::Unknown),
        (b"received fast shutdown request", Outcome::Unknown),
        (b"received smart shutdown request", Outcome::Unknown),
        (b"received immediate shutdown request", Outcome::Unknown),
        (b"database system was interrupted", Outcome::Failure),
        (b"database system was not properly shut down", Outcome::Failure),
        (b"terminating any other active server processes", Outcome::Failure),
        (b"all server processes terminated", Outcome::Failure),
        (b"could not send data to client", Outcome::Failure),
        (b"could not open log file", Outcome::Failure),
        (b"could not write to log file", Outcome::Failure),
    ];
    if message.starts_with(b"server process (PID ") {
        // `… was terminated by signal 9: Killed`, `… exited with exit code 1`.
        return Some(Outcome::Failure);
    }
    WORTH.iter().find(|(text, _)| message.starts_with(text)).map(|(_, outcome)| *outcome)
}

/// SQLSTATE of an error whose record carries none (stderr without `%e`), where the text leaves no doubt.
/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
pub(crate) fn code(message: &[u8], severity: Severity) -> Code {
    const BEGINNINGS: &[(&[u8], &[u8; 5])] = &[
        (b"password authentication failed for user ", b"28P01"),
        (b"no pg_hba.conf entry for ", b"28000"),
        (b"pg_hba.conf rejects ", b"28000"),
        (b"permission denied ", b"42501"),
        (b"must be superuser", b"42501"),
        (b"must be owner of ", b"42501"),
        (b"must be member of role ", b"42501"),
        (b"canceling statement due to ", b"57014"),
        (b"terminating connection due to administrator command", b"57P01"),
        (b"terminating connection because of crash of another server process", b"57P02"),
        (b"the database system is ", b"57P03"),
        (b"connection to client lost", b"08006"),
        (b"sorry, too many clients already", b"53300"),
        (b"too many connections for ", b"53300"),
        (b"remaining connection slots are reserved", b"53300"),
        (b"syntax error at ", b"42601"),
        (b"unterminated quoted string at ", b"42601"),
        (b"duplicate key value violates unique constraint ", b"23505"),
        (b"unrecognized configuration parameter ", b"42704"),
    ];
    if let Some((_, code)) = BEGINNINGS.iter().find(|(text, _)| message.starts_with(text)) {
        return Code::new(*code);
    }
    let fatal = severity == Severity::Fatal;
    let missing = message.ends_with(b" does not exist");
    let code: &[u8] = match message {
        _ if fatal && memchr::memmem::find(message, b" authentication failed for user ").is_some() => b"28000",
        _ if fatal
            && message.starts_with(b"role ")
            && (missing || message.ends_with(b" is not permitted to log in")) =>
        {
            b"28000"
        }
        _ if fatal && message.starts_with(b"database ") && missing => b"3D000",
        _ if message.starts_with(b"relation ") && memchr::memmem::find(message, b" does not exist").is_some() => {
            b"42P01"
        }
        _ => return Code::NONE,
    };
    Code::new(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_text(message: &str) -> Option<(String, Outcome)> {
        statement(message.as_bytes()).map(|(text, outcome)| (String::from_utf8_lossy(text).into_owned(), outcome))
    }

    #[test]
    fn statement_lines() {
        let select = |outcome| Some(("SELECT 1".to_owned(), outcome));
        assert_eq!(told_text("statement: SELECT 1"), select(Outcome::Unknown));
        assert_eq!(told_text("execute <unnamed>: SELECT 1"), select(Outcome::Unknown));
        assert_eq!(told_text("execute fetch from S_1/C_2: SELECT 1"), select(Outcome::Unknown));
        assert_eq!(told_text("duration: 12.345 ms  statement: SELECT 1"), select(Outcome::Success));
        assert_eq!(told_text("duration: 12.345 ms  execute q: SELECT 1"), select(Outcome::Success));
        for other in
            ["duration: 12.345 ms", "duration: 1.0 ms  bind q: SELECT 1", "duration: 1.0 ms  plan:\nx", "executed"]
        {
            assert_eq!(told_text(other), None, "{other}");
        }
    }

    #[test]
    fn bound_values_with_quotes_and_nulls() {
        let mut values = Parameters::new();
        parameters(b"parameters: $1 = 'a''b, $2 = ', $2 = NULL, $3 = ''", &mut values);
        assert_eq!((values.len(), values.get(1), values.get(2)), (3, Some(&b"a'b, $2 = "[..]), Some(&b""[..])));
        parameters(b"Parameters: $1 = '7'", &mut values);
        assert_eq!((values.len(), values.get(1)), (1, Some(&b"7"[..])));
        parameters(b"prepare: PREPARE p AS SELECT 1", &mut values);
        assert!(values.is_empty());
        parameters_of_context(b"unnamed portal with parameters: $1 = 'x\ny'\nmore", &mut values);
        assert_eq!(values.get(1), Some(&b"x\ny"[..]));
        parameters(b"parameters: $1 = 'never ends", &mut values);
        assert!(values.is_empty());
    }

    #[test]
    fn settings_of_a_reload() {
        let expected: (&[u8], Option<&[u8]>) = (b"pgaudit.log", Some(b"none"));
        assert_eq!(setting(b"parameter \"pgaudit.log\" changed to \"none\""), Some(expected));
        let removed = setting(b"parameter \"x\" removed from configuration file, reset to default");
        assert_eq!(removed, Some((&b"x"[..], None)));
        assert_eq!(setting(b"parameter \"x\" cannot be changed without restarting the server"), None);
    }

    #[test]
    fn codes_where_the_text_is_certain() {
        let code_of = |message: &str, severity| code(message.as_bytes(), severity).as_str().to_owned();
        assert_eq!(code_of("role \"x\" does not exist", Severity::Fatal), "28000");
        assert_eq!(code_of("role \"x\" does not exist", Severity::Error), "");
        assert_eq!(code_of("database \"x\" does not exist", Severity::Fatal), "3D000");
        assert_eq!(code_of("PAM authentication failed for user \"x\"", Severity::Fatal), "28000");
        assert_eq!(code_of("relation \"x\" does not exist at character 15", Severity::Error), "42P01");
    }
}
