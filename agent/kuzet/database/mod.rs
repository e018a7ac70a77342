//! Read-only connections to the servers whose logs are watched: what the log hides is asked for.
//!
//! Own clients of the two text protocols: the usual libraries would bring some forty crates and an async runtime for a
//! handful of SELECTs, and every cell would pass through types that can be printed. Here each wait has a deadline, and
//! cells are in [`Rows`] from the moment they are read.

mod environment;
mod error;
mod md5;
mod mysql;
mod mysql_login;
mod password;
pub mod poll;
mod postgresql;
mod rows;
mod scram;
mod settings;
mod tls;
mod wire;

pub use environment::from_environment;
pub use error::{DatabaseError, ErrorKind};
pub use password::{Environment, process_environment};
pub use rows::{Row, Rows};
pub use settings::{DatabaseConfig, DatabaseSettings, Fault, SslMode, Target, Tls};

use crate::clock::Clock;
use kuzet_event::System;
use std::sync::Arc;
use std::time::Duration;
use wire::Deadline;

/// How the agent calls itself to a server (`application_name`, `program_name`).
pub const PROGRAM: &str = "kuzet";

/// Time to connect and to be let in.
const LOGIN: Duration = Duration::from_secs(5);
/// What the server may need beyond its own limit of a statement, until the agent stops waiting.
const GRACE: Duration = Duration::from_secs(2);

/// A session that can only read.
pub struct Connection {
    server: Server,
    config: DatabaseConfig,
    clock: Arc<dyn Clock>,
    statement: Duration,
    finish: Option<Duration>,
    usable: bool,
}

enum Server {
    Postgresql(postgresql::Session),
    Mysql(mysql::Session),
}

impl Connection {
    /// Connects, logs in and makes the session read-only. The server ends each statement after `statement`; the agent
    /// stops waiting two seconds later.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn open(
        config: &DatabaseConfig,
        statement: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Connection, DatabaseError> {
        Connection::open_with(config, statement, clock, &process_environment)
    }

    /// As [`Connection::open`], with an environment of the caller's.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn open_with(
        config: &DatabaseConfig,
        statement: Duration,
        clock: Arc<dyn Clock>,
        environment: Environment<'_>,
    ) -> Result<Connection, DatabaseError> {
        let deadline = Deadline::after(&clock, LOGIN);
        let find = || password::find(config, environment);
        let server = match config.system {
            System::Postgresql => Server::Postgresql(postgresql::Session::open(config, statement, deadline, &find)?),
            _ => Server::Mysql(mysql::Session::open(config, statement, deadline, find()?)?),
        };
        let config = config.clone();
        Ok(Connection { server, config, clock, statement, finish: None, usable: true })
    }

    /// The same as a new session.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn reopen(&mut self) -> Result<(), DatabaseError> {
        *self = Connection::open(&self.config, self.statement, Arc::clone(&self.clock))?;
        Ok(())
    }

    /// No statement is waited for beyond `at` of the monotonic clock, whatever its own time.
    pub fn finish_by(&mut self, at: Duration) {
        self.finish = Some(at);
    }

    /// Runs `sql` and keeps at most `limit` rows. A statement that is not answered in time is cancelled, and the connection
    /// is at its end.
    ///
    /// # Errors
    /// The server's refusal, a broken connection, or no answer in time.
    pub fn query(&mut self, sql: &str, limit: usize) -> Result<Rows, DatabaseError> {
        if !self.usable {
            return Err(DatabaseError::new(ErrorKind::Unreachable, "the connection is at its end"));
        }
        let deadline = Deadline::after(&self.clock, self.statement + GRACE).or_at(self.finish);
        let answer = match &mut self.server {
            Server::Postgresql(session) => session.query(sql, limit, deadline),
            Server::Mysql(session) => session.query(sql, limit, deadline),
        };
        if let Err(error) = &answer
            && !error.is_of_statement()
        {
            self.usable = false;
            if error.kind == ErrorKind::Timeout {
                self.cancel();
            }
        }
        answer
    }

    /// Whether another query can be asked.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Version as the server tells it: `15.13 (Debian …)`, `10.11.14-MariaDB-…`.
    #[must_use]
    pub fn version(&self) -> &str {
        match &self.server {
            Server::Postgresql(session) => session.version(),
            Server::Mysql(session) => session.version(),
        }
    }

    /// Number of this session on the server: process id, or connection id.
    #[must_use]
    pub fn id(&self) -> u64 {
        match &self.server {
            Server::Postgresql(session) => u64::from(session.process()),
            Server::Mysql(session) => session.id(),
        }
    }

    /// Whether what is sent and received could be read on the way.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match &self.server {
            Server::Postgresql(session) => session.is_private(),
            Server::Mysql(session) => session.is_private(),
        }
    }

    /// Asks the server over a second connection to end the statement. Whether it does is not known: nothing depends on it,
    /// its own limit ends the statement too.
    fn cancel(&self) {
        let deadline = Deadline::after(&self.clock, GRACE);
        let asked = match &self.server {
            Server::Postgresql(session) => session.cancel(&self.config.target, deadline),
            Server::Mysql(session) => {
                let password = password::find(&self.config, &process_environment);
                password.and_then(|password| session.cancel(&self.config, deadline, password))
            }
        };
        if let Err(error) = asked {
            tracing::debug!(database = self.config.name, %error, "the statement was not cancelled");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.usable {
            match &mut self.server {
                Server::Postgresql(session) => session.quit(),
                Server::Mysql(session) => session.quit(),
            }
        }
    }
}
