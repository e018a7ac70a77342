//! The protocol of MariaDB and MySQL as far as reading needs it: login, text queries, KILL QUERY.

use super::mysql_login::{self, Greeting};
use super::settings::{DatabaseConfig, SslMode, Target};
use super::wire::{Deadline, Wire};
use super::{DatabaseError, ErrorKind, PROGRAM, Rows, tls};
use crate::secret::Secret;
use std::time::Duration;

const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
const CONNECT_ATTRIBUTES: u32 = 1 << 20;
/// utf8mb4_general_ci.
const CHARSET: u8 = 45;
/// A packet of this length is continued in the next.
const FULL: usize = 0xff_ffff;
const QUIT: u8 = 1;
const QUERY: u8 = 3;

/// A session.
pub(super) struct Session {
    wire: Wire,
    sequence: u8,
    id: u64,
    version: String,
}

impl Session {
    pub(super) fn open(
        config: &DatabaseConfig,
        statement: Duration,
        deadline: Deadline,
        password: Option<Secret>,
    ) -> Result<Session, DatabaseError> {
        let mut session = Session::log_in(config, deadline.clone(), password)?;
        session.run("SET SESSION TRANSACTION READ ONLY", deadline.clone())?;
        // Seconds in MariaDB, milliseconds in MySQL, where only SELECTs are limited.
        let limit = if session.version.contains("MariaDB") {
            format!("max_statement_time = {}", statement.as_secs_f32())
        } else {
            format!("max_execution_time = {}", statement.as_millis())
        };
        session.run(&format!("SET SESSION lock_wait_timeout = 1, {limit}"), deadline)?;
        Ok(session)
    }

    fn log_in(config: &DatabaseConfig, deadline: Deadline, password: Option<Secret>) -> Result<Session, DatabaseError> {
        let wire = Wire::connect(&config.target, deadline)?;
        let mut session = Session { wire, sequence: 0, id: 0, version: String::new() };
        let greeting = session.receive()?;
        if greeting.first() == Some(&0xff) {
            return Err(refusal(&greeting, ErrorKind::Login));
        }
        let greeting = Greeting::read(&greeting)?;
        (session.id, session.version) = (u64::from(greeting.id), greeting.version.clone());
        let mut session = session.protect(config, greeting.capabilities)?;
        session.introduce(config, &greeting, password.as_ref())?;
        session.prove(config, &greeting, password.as_ref())?;
        Ok(session)
    }

    fn protect(mut self, config: &DatabaseConfig, capabilities: u32) -> Result<Session, DatabaseError> {
        if config.tls.mode == SslMode::Disable || matches!(config.target, Target::Socket(_)) {
            return Ok(self);
        }
        if capabilities & SSL == 0 {
            return match config.tls.mode {
                SslMode::Prefer => Ok(self),
                _ => Err(DatabaseError::new(ErrorKind::Tls, "the server has no TLS and sslmode asks for it")),
            };
        }
        let request = opening(self.capabilities(config) | SSL);
        self.send(&request)?;
        let (client, name) = tls::client(&config.tls, &config.target)?;
        Ok(Session { wire: self.wire.upgrade(client, name)?, ..self })
    }

    fn capabilities(&self, config: &DatabaseConfig) -> u32 {
        let database = if config.database.is_empty() { 0 } else { CONNECT_WITH_DB };
        // Without LOCAL_FILES: a false server could ask for files of this host.
        LONG_PASSWORD
            | LONG_FLAG
            | PROTOCOL_41
            | TRANSACTIONS
            | SECURE_CONNECTION
            | PLUGIN_AUTH
            | CONNECT_ATTRIBUTES
            | database
    }

    fn introduce(
        &mut self,
        config: &DatabaseConfig,
        greeting: &Greeting,
        password: Option<&Secret>,
    ) -> Result<(), DatabaseError> {
        let encrypted = self.wire.is_private() && !matches!(config.target, Target::Socket(_));
        let mut body = opening(self.capabilities(config) | if encrypted { SSL } else { 0 });
        body.extend(config.user.as_bytes());
        body.push(0);
        // A plugin that is not known is answered with nothing: the server then names the account's own.
        let proof = mysql_login::scramble(&greeting.plugin, &greeting.salt, password).unwrap_or_default();
        body.push(u8::try_from(proof.len()).unwrap_or(0));
        body.extend(proof);
        if !config.database.is_empty() {
            body.extend(config.database.as_bytes());
            body.push(0);
        }
        body.extend(greeting.plugin.as_bytes());
        body.push(0);
        let mut attributes = Vec::new();
        for text in ["program_name", PROGRAM, "_client_name", PROGRAM] {
            attributes.push(u8::try_from(text.len()).unwrap_or(0));
            attributes.extend(text.as_bytes());
        }
        body.push(u8::try_from(attributes.len()).unwrap_or(0));
        body.extend(attributes);
        self.send(&body)
    }

    /// Until the server lets the agent in.
    fn prove(
        &mut self,
        config: &DatabaseConfig,
        greeting: &Greeting,
        password: Option<&Secret>,
    ) -> Result<(), DatabaseError> {
        let private = self.wire.is_private() || config.target.is_local();
        let mut plugin = greeting.plugin.clone();
        // A server that goes on asking is no server.
        for _ in 0..8 {
            let packet = self.receive()?;
            match packet.first() {
                Some(0x00) => return Ok(()),
                Some(0xff) => return Err(refusal(&packet, ErrorKind::Login)),
                Some(0xfe) => {
                    let (name, salt) = mysql_login::switch(&packet[1..]);
                    plugin = name;
                    let answer = mysql_login::answer(&plugin, salt, password, private)?;
                    self.send(&answer)?;
                }
                // caching_sha2_password: the server remembers (3), or wants the password itself (4).
                Some(0x01) if packet.get(1) == Some(&3) => {}
                Some(0x01) if packet.get(1) == Some(&4) => {
                    let answer = mysql_login::clear(&plugin, password, private)?;
                    self.send(&answer)?;
                }
                _ => return Err(DatabaseError::protocol("not a greeting of MariaDB or MySQL")),
            }
        }
        Err(DatabaseError::protocol("the server asks without end"))
    }

    fn receive(&mut self) -> Result<Vec<u8>, DatabaseError> {
        let mut packet = Vec::new();
        loop {
            let header = self.wire.take(4)?;
            let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            self.sequence = header[3].wrapping_add(1);
            packet.extend_from_slice(self.wire.take(length)?);
            if length < FULL {
                return Ok(packet);
            }
            if packet.len() > 32 << 20 {
                return Err(DatabaseError::protocol("an answer of the server is larger than 32 MiB"));
            }
        }
    }

    fn send(&mut self, body: &[u8]) -> Result<(), DatabaseError> {
        let length = u32::try_from(body.len()).ok().filter(|length| (*length as usize) < FULL);
        let length = length.ok_or_else(|| DatabaseError::protocol("a statement larger than 16 MiB"))?;
        let mut packet = length.to_le_bytes()[..3].to_vec();
        packet.push(self.sequence);
        packet.extend(body);
        self.sequence = self.sequence.wrapping_add(1);
        self.wire.send(&packet)
    }

    fn run(&mut self, sql: &str, deadline: Deadline) -> Result<(), DatabaseError> {
        self.query(sql, 0, deadline).map(drop)
    }

    pub(super) fn query(&mut self, sql: &str, limit: usize, deadline: Deadline) -> Result<Rows, DatabaseError> {
        self.wire.limit(deadline);
        self.sequence = 0;
        self.send(&[&[QUERY], sql.as_bytes()].concat())?;
        let head = self.receive()?;
        let count = match head.first() {
            Some(0x00) => return Ok(Rows::default()),
            Some(0xff) => return Err(refusal(&head, ErrorKind::Statement)),
            Some(0xfb) => return Err(DatabaseError::protocol("the server asks for a file of this host: refused")),
            _ => number(&mut head.as_slice()).ok_or_else(early)?,
        };
        let mut names = Vec::new();
        for _ in 0..count.min(4096) {
            let packet = self.receive()?;
            let mut rest = packet.as_slice();
            // catalog, schema, table, original table, name
            let name = (0..5).map(|_| text(&mut rest)).last().flatten().ok_or_else(early)?;
            names.push(String::from_utf8_lossy(name).into_owned());
        }
        let mut rows = Rows::new(names);
        self.receive()?; // end of the columns
        loop {
            let packet = self.receive()?;
            match packet.first() {
                Some(0xff) => return Err(refusal(&packet, ErrorKind::Statement)),
                Some(0xfe) if packet.len() < 9 => return Ok(rows),
                _ if rows.len() >= limit => rows.cut(),
                _ => read_row(&packet, &mut rows)?,
            }
        }
    }

    pub(super) fn cancel(
        &self,
        config: &DatabaseConfig,
        deadline: Deadline,
        password: Option<Secret>,
    ) -> Result<(), DatabaseError> {
        let mut other = Session::log_in(config, deadline.clone(), password)?;
        let asked = other.run(&format!("KILL QUERY {}", self.id), deadline);
        other.quit();
        asked
    }

    /// Says goodbye; if it cannot be sent, nobody is there to count an aborted client.
    pub(super) fn quit(&mut self) {
        self.sequence = 0;
        drop(self.send(&[QUIT]));
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn is_private(&self) -> bool {
        self.wire.is_private()
    }
}

fn early() -> DatabaseError {
    DatabaseError::protocol("a packet ends early")
}

/// What a request for TLS and the answer to the greeting begin with.
fn opening(capabilities: u32) -> Vec<u8> {
    let mut body = capabilities.to_le_bytes().to_vec();
    body.extend((16_u32 << 20).to_le_bytes());
    body.push(CHARSET);
    body.resize(32, 0);
    body
}

/// A length-encoded number; `None` at an early end or for NULL.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let (first, behind) = rest.split_first()?;
    let width = match first {
        0xfb | 0xff => return None,
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        small => {
            *rest = behind;
            return Some(u64::from(*small));
        }
    };
    let (digits, behind) = behind.split_at_checked(width)?;
    *rest = behind;
    Some(digits.iter().rev().fold(0, |value, digit| value << 8 | u64::from(*digit)))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(text)
}

fn read_row(packet: &[u8], rows: &mut Rows) -> Result<(), DatabaseError> {
    let mut rest = packet;
    for _ in 0..rows.columns().len() {
        if let Some((0xfb, behind)) = rest.split_first() {
            rows.push(None)?;
            rest = behind;
        } else {
            rows.push(Some(text(&mut rest).ok_or_else(early)?))?;
        }
    }
    Ok(())
}

/// An error packet. Only words of refusals that quote no values are shown.
fn refusal(packet: &[u8], kind: ErrorKind) -> DatabaseError {
    let code = packet.get(1..3).map_or(0, |code| u16::from_le_bytes([code[0], code[1]]));
    let words = packet.get(3..).unwrap_or_default();
    let words = if words.first() == Some(&b'#') { words.get(6..).unwrap_or_default() } else { words };
    let harmless = matches!(
        code,
        1040 | 1044..=1046 | 1049 | 1054 | 1064 | 1109 | 1129 | 1130 | 1142..=1146 | 1193 | 1226 | 1227 | 1251 | 1290
            | 1524 | 1792 | 1820 | 1862 | 1969 | 3024 | 4151
    );
    // 1053 shutdown, 1927 killed: the server closes the line.
    let kind = if matches!(code, 1053 | 1927) { ErrorKind::Unreachable } else { kind };
    DatabaseError::told(kind, &code.to_string(), &String::from_utf8_lossy(words), harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_refusals_are_not_shown() {
        let told = |code: u16| {
            let packet = [&[0xff][..], &code.to_le_bytes(), b"#HY000entry '900101300003'"].concat();
            refusal(&packet, ErrorKind::Statement).to_string()
        };
        assert_eq!(told(1062), "the server answers with error 1062");
        assert_eq!(told(1142), "entry '900101300003' (1142)");
        assert_eq!(refusal(&[0xff], ErrorKind::Login).code, "0");
    }

    #[test]
    fn broken_packets_are_errors() {
        let mut rows = Rows::new(vec!["a".into(), "b".into()]);
        for packet in [&b""[..], b"\x01", b"\x01a", b"\x05ab", b"\xfc\x01", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffa"] {
            assert!(read_row(packet, &mut Rows::new(vec!["a".into(), "b".into()])).is_err(), "{packet:?}");
        }
        read_row(b"\x01a\xfb", &mut rows).unwrap();
        let row = rows.iter().next().unwrap();
        assert_eq!((row.text(0), row.text(1)), (Some("a"), None));
        assert_eq!(number(&mut &b"\xfd\x01\x02\x03"[..]), Some(0x03_02_01));
    }
}
