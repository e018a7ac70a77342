//! What can go wrong with a server that is asked, told so that nothing of its data is in the text.

use std::fmt;

/// Most of a server's own words that is shown, characters.
const SHOWN: usize = 160;

/// What failed; the help of an error goes by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The settings cannot be used: a file of passwords or certificates, the environment.
    Settings,
    /// Nobody answers at the address.
    Unreachable,
    /// The certificate or the handshake is not as asked for.
    Tls,
    /// The server refused the login.
    Login,
    /// No answer in time.
    Timeout,
    /// The server refused or ended a statement.
    Statement,
    /// The answer is not in the server's protocol, or beyond the limits of the agent.
    Protocol,
}

/// A failure of a connection or a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DatabaseError {
    /// What failed.
    pub kind: ErrorKind,
    /// SQLSTATE or error number of the server; empty when it did not speak.
    pub code: String,
    /// In words, without values of data and without secrets.
    pub message: String,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.is_empty(), self.message.is_empty()) {
            (true, _) => f.write_str(&self.message),
            (false, true) => write!(f, "the server answers with error {}", self.code),
            (false, false) => write!(f, "{} ({})", self.message, self.code),
        }
    }
}

impl DatabaseError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> DatabaseError {
        DatabaseError { kind, code: String::new(), message: message.into() }
    }

    pub(super) fn protocol(message: impl Into<String>) -> DatabaseError {
        DatabaseError::new(ErrorKind::Protocol, message)
    }

    pub(super) fn timeout() -> DatabaseError {
        DatabaseError::new(ErrorKind::Timeout, "no answer in time")
    }

    /// A refusal in the server's words. They are shown only for `harmless` codes: others may quote a value.
    pub(super) fn told(kind: ErrorKind, code: &str, words: &str, harmless: bool) -> DatabaseError {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
        let clean = words.chars().filter(|letter| !letter.is_control()).take(SHOWN);
        DatabaseError { kind, code, message: if harmless { clean.collect() } else { String::new() } }
    }

    /// Whether the connection can be used on.
    #[must_use]
    pub fn is_of_statement(&self) -> bool {
        self.kind == ErrorKind::Statement
    }

    /// What a person can do.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.kind {
            ErrorKind::Settings => "see docs/configuration.md, [[database]]: passwords come from a file of mode 0600",
            ErrorKind::Unreachable => "is the server up, and are host, port or socket right?",
            ErrorKind::Tls => "sslrootcert names the authority of the server's certificate; the host must stand in it",
            ErrorKind::Login => "check the role, its password and pg_hba.conf, or the account's host and plugin",
            ErrorKind::Timeout => "the server does not answer: is it overloaded, stopped, or is a firewall dropping?",
            ErrorKind::Statement => "the role needs pg_monitor, or PROCESS and SELECT on the system schemas",
            ErrorKind::Protocol => "is this the right kind of server at this address?",
        }
    }
}
