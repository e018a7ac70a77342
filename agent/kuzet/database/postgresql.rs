//! PostgreSQL's protocol 3.0 as far as reading needs it: login, simple queries in text, cancel.

use super::settings::{DatabaseConfig, SslMode, Target};
use super::wire::{Deadline, Wire};
use super::{DatabaseError, ErrorKind, PROGRAM, Rows, md5, scram::Scram, tls};
use crate::secret::Secret;
use std::time::Duration;

const PROTOCOL: u32 = 3 << 16;
const SSL_REQUEST: u32 = 80_877_103;
const CANCEL_REQUEST: u32 = 80_877_102;
/// How long a lock is waited for: the catalogue may be locked by a change of it, and the change goes first.
const LOCK: &str = "1000";

/// Asks for the password once it is needed.
type Find<'a> = &'a dyn Fn() -> Result<Option<Secret>, DatabaseError>;

/// One message of the server.
struct Message {
    kind: u8,
    body: Vec<u8>,
}

/// A session.
pub(super) struct Session {
    wire: Wire,
    process: u32,
    secret: u32,
    version: String,
}

impl Session {
    pub(super) fn open(
        config: &DatabaseConfig,
        statement: Duration,
        deadline: Deadline,
        find: Find<'_>,
    ) -> Result<Session, DatabaseError> {
        let wire = protect(Wire::connect(&config.target, deadline)?, config)?;
        let mut session = Session { wire, process: 0, secret: 0, version: String::new() };
        session.send_startup(config, statement)?;
        session.log_in(config, find)?;
        Ok(session)
    }

    /// The limits go with the greeting: a SET would stand in the server's audit log.
    fn send_startup(&mut self, config: &DatabaseConfig, statement: Duration) -> Result<(), DatabaseError> {
        let statement = statement.as_millis().to_string();
        let parameters = [
            ("user", config.user.as_str()),
            ("database", &config.database),
            ("application_name", PROGRAM),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO"),
            ("TimeZone", "UTC"),
            ("default_transaction_read_only", "on"),
            ("statement_timeout", &statement),
            ("idle_in_transaction_session_timeout", "60000"),
            ("lock_timeout", LOCK),
        ];
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for text in parameters.iter().flat_map(|(name, value)| [*name, *value]) {
            body.extend(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        self.wire.send(&framed(None, &body))
    }

    fn log_in(&mut self, config: &DatabaseConfig, find: Find<'_>) -> Result<(), DatabaseError> {
        let mut scram: Option<Scram> = None;
        loop {
            let Message { kind, body } = self.next()?;
            match kind {
                b'R' => {
                    let (asked, rest) = split_number(&body)?;
                    self.authenticate(asked, rest, config, find, &mut scram)?;
                }
                b'K' => {
                    let (process, rest) = split_number(&body)?;
                    (self.process, self.secret) = (process, split_number(rest)?.0);
                }
                b'S' => {
                    let mut parts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
                    if parts.next().is_some_and(|name| name == "server_version") {
                        self.version = parts.next().unwrap_or_default().into_owned();
                    }
                }
                b'E' => return Err(refusal(&body, ErrorKind::Login)),
                b'N' => {}
                b'Z' => return Ok(()),
                _ => return Err(DatabaseError::protocol("not PostgreSQL's greeting")),
            }
        }
    }

    fn authenticate(
        &mut self,
        asked: u32,
        rest: &[u8],
        config: &DatabaseConfig,
        find: Find<'_>,
        scram: &mut Option<Scram>,
    ) -> Result<(), DatabaseError> {
        let password = || {
            let missing = "the server asks for a password and there is none: set password_file";
            find()?.ok_or_else(|| DatabaseError::new(ErrorKind::Settings, missing))
        };
        let text = String::from_utf8_lossy(rest);
        match asked {
            0 if scram.as_ref().is_some_and(|scram| !scram.is_finished()) => {
                Err(DatabaseError::new(ErrorKind::Login, "SCRAM: the server did not prove that it knows the password"))
            }
            0 => Ok(()),
            3 if !self.wire.is_private() && !config.target.is_local() => {
                Err(DatabaseError::new(ErrorKind::Login, "the server asks for the password in clear on an open line"))
            }
            3 => self.answer(&[password()?.expose().as_bytes(), b"\0"].concat()),
            5 => {
                let inner = md5::hex(&[password()?.expose().as_bytes(), config.user.as_bytes()].concat());
                let outer = md5::hex(&[inner.as_bytes(), rest].concat());
                self.answer(format!("md5{outer}\0").as_bytes())
            }
            10 if text.split('\0').any(|mechanism| mechanism == "SCRAM-SHA-256") => {
                let first = scram.insert(Scram::new()?).first();
                let length = u32::try_from(first.len()).unwrap_or(0).to_be_bytes();
                self.answer(&[b"SCRAM-SHA-256\0", &length[..], first.as_bytes()].concat())
            }
            11 => match scram.as_mut() {
                Some(scram) => {
                    let answer = scram.answer(&text, password()?.expose())?;
                    self.answer(answer.as_bytes())
                }
                None => Err(DatabaseError::protocol("SCRAM out of order")),
            },
            12 => {
                scram.as_mut().map_or_else(|| Err(DatabaseError::protocol("SCRAM out of order")), |s| s.finish(&text))
            }
            _ => Err(DatabaseError::new(
                ErrorKind::Login,
                format!("the server asks for a way to log in (number {asked}) that the agent does not know"),
            )),
        }
    }

    fn answer(&mut self, body: &[u8]) -> Result<(), DatabaseError> {
        self.wire.send(&framed(Some(b'p'), body))
    }

    fn next(&mut self) -> Result<Message, DatabaseError> {
        let header = self.wire.take(5)?;
        let kind = header[0];
        let length = split_number(&header[1..])?.0 as usize;
        let length = length.checked_sub(4).ok_or_else(|| DatabaseError::protocol("not a message of PostgreSQL"))?;
        Ok(Message { kind, body: self.wire.take(length)?.to_vec() })
    }

    pub(super) fn query(&mut self, sql: &str, limit: usize, deadline: Deadline) -> Result<Rows, DatabaseError> {
        self.wire.limit(deadline);
        let mut body = sql.replace('\0', "").into_bytes();
        body.push(0);
        self.wire.send(&framed(Some(b'Q'), &body))?;
        let mut rows = Rows::default();
        let mut refused = None;
        loop {
            let Message { kind, body } = self.next()?;
            match kind {
                b'T' => rows = Rows::new(columns(&body)?),
                b'D' if rows.len() < limit => read_row(&body, &mut rows)?,
                b'D' => rows.cut(),
                b'E' => refused = Some(refusal(&body, ErrorKind::Statement)),
                b'Z' => return refused.map_or(Ok(rows), Err),
                b'C' | b'I' | b'N' | b'S' | b'A' => {}
                _ => return Err(DatabaseError::protocol("not an answer to a query")),
            }
        }
    }

    pub(super) fn cancel(&self, target: &Target, deadline: Deadline) -> Result<(), DatabaseError> {
        let numbers = [CANCEL_REQUEST, self.process, self.secret];
        let body: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        Wire::connect(target, deadline)?.send(&framed(None, &body))
    }

    /// Says goodbye: without it the server logs a lost client. If it cannot be sent, nobody is there to log.
    pub(super) fn quit(&mut self) {
        drop(self.wire.send(&framed(Some(b'X'), &[])));
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn process(&self) -> u32 {
        self.process
    }

    pub(super) fn is_private(&self) -> bool {
        self.wire.is_private()
    }
}

fn protect(mut wire: Wire, config: &DatabaseConfig) -> Result<Wire, DatabaseError> {
    if config.tls.mode == SslMode::Disable || matches!(config.target, Target::Socket(_)) {
        return Ok(wire);
    }
    wire.send(&framed(None, &SSL_REQUEST.to_be_bytes()))?;
    match wire.take(1)? {
        b"S" => {
            let (client, name) = tls::client(&config.tls, &config.target)?;
            wire.upgrade(client, name)
        }
        b"N" if config.tls.mode == SslMode::Prefer => Ok(wire),
        b"N" => Err(DatabaseError::new(ErrorKind::Tls, "the server has no TLS and sslmode asks for it")),
        _ => Err(DatabaseError::protocol("not PostgreSQL's answer to a request for TLS")),
    }
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(length.to_be_bytes());
    message.extend(body);
    message
}

fn split_number(bytes: &[u8]) -> Result<(u32, &[u8]), DatabaseError> {
    let (number, rest) = bytes.split_first_chunk().ok_or_else(|| DatabaseError::protocol("a message ends early"))?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn split_short(bytes: &[u8]) -> Result<(usize, &[u8]), DatabaseError> {
    let (number, rest) = bytes.split_first_chunk().ok_or_else(|| DatabaseError::protocol("a message ends early"))?;
    Ok((usize::from(u16::from_be_bytes(*number)), rest))
}

/// Names of a RowDescription: each is followed by 18 bytes of type.
fn columns(body: &[u8]) -> Result<Vec<String>, DatabaseError> {
    let (count, mut rest) = split_short(body)?;
    let mut names = Vec::with_capacity(count.min(1664));
    for _ in 0..count {
        let early = || DatabaseError::protocol("a description ends early");
        let end = memchr::memchr(0, rest).ok_or_else(early)?;
        names.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        rest = rest.get(end + 19..).ok_or_else(early)?;
    }
    Ok(names)
}

fn read_row(body: &[u8], rows: &mut Rows) -> Result<(), DatabaseError> {
    let (count, mut rest) = split_short(body)?;
    if count != rows.columns().len() {
        return Err(DatabaseError::protocol("a row that is not as described"));
    }
    for _ in 0..count {
        let (length, behind) = split_number(rest)?;
        if length == u32::MAX {
            (rest, ()) = (behind, rows.push(None)?);
            continue;
        }
        let cut = || DatabaseError::protocol("a row ends early");
        let (cell, behind) = behind.split_at_checked(length as usize).ok_or_else(cut)?;
        rows.push(Some(cell))?;
        rest = behind;
    }
    Ok(())
}

/// An ErrorResponse. The words of data exceptions and constraint violations quote values; those of the classes listed do not.
fn refusal(body: &[u8], kind: ErrorKind) -> DatabaseError {
    let field = |wanted: u8| {
        let found = body.split(|byte| *byte == 0).find_map(|part| part.strip_prefix(&[wanted]));
        String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
    };
    let (code, words) = (field(b'C'), field(b'M'));
    let harmless = ["08", "0A", "25", "28", "3D", "42", "53", "55", "57"].iter().any(|class| code.starts_with(class));
    // A class of 57P ends the session, and the server closes the line.
    DatabaseError::told(if code.starts_with("57P") { ErrorKind::Unreachable } else { kind }, &code, &words, harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_refusals_are_not_shown() {
        let told = |code: &str| {
            refusal(format!("SERROR\0C{code}\0Minvalid: \"900101300003\"\0\0").as_bytes(), ErrorKind::Statement)
        };
        assert_eq!(told("22P02").to_string(), "the server answers with error 22P02");
        assert_eq!(told("42501").to_string(), "invalid: \"900101300003\" (42501)");
        assert_eq!(told("57P01").kind, ErrorKind::Unreachable);
    }

    #[test]
    fn broken_messages_are_errors() {
        assert!(columns(b"\0\x02a\0").is_err() && columns(b"").is_err());
        let mut rows = Rows::new(vec!["a".into()]);
        for body in [&b""[..], b"\0\x02", b"\0\x01\0\0", b"\0\x01\0\0\0\x05abc", b"\0\x01\x7f\xff\xff\xffa"] {
            assert!(read_row(body, &mut rows).is_err());
        }
        read_row(b"\0\x01\xff\xff\xff\xff", &mut rows).unwrap();
        assert_eq!(rows.len(), 1);
    }
}
