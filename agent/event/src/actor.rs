//! Who acted, as the server saw it. A database role is not a person.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Server software (`db.system.name`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// PostgreSQL.
    Postgresql,
    /// MariaDB.
    Mariadb,
    /// MySQL, Percona Server, Aurora MySQL.
    Mysql,
    /// MongoDB.
    Mongodb,
    /// Redis or Valkey.
    Redis,
    /// An application that keeps its own access journal.
    Application,
    /// A web server or what stands before one.
    Web,
    /// A proxy for clients of this network.
    Proxy,
    /// The operating system.
    Linux,
    /// A gateway, or what looks at the traffic there.
    Network,
}

impl System {
    /// Every system.
    pub const ALL: [System; 10] = [
        System::Postgresql,
        System::Mariadb,
        System::Mysql,
        System::Mongodb,
        System::Redis,
        System::Application,
        System::Web,
        System::Proxy,
        System::Linux,
        System::Network,
    ];

    /// Stable name, as in OpenTelemetry's `db.system.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            System::Postgresql => "postgresql",
            System::Mariadb => "mariadb",
            System::Mysql => "mysql",
            System::Mongodb => "mongodb",
            System::Redis => "redis",
            System::Application => "application",
            System::Web => "web",
            System::Proxy => "proxy",
            System::Linux => "linux",
            System::Network => "network",
        }
    }

    /// Whether statements are written in the language of MariaDB and MySQL.
    #[must_use]
    pub fn speaks_mysql(self) -> bool {
        matches!(self, System::Mariadb | System::Mysql)
    }
}

/// Where a session came from (`source.ip` / `source.address`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// The record does not say.
    Unknown,
    /// Unix socket or shared memory.
    Local,
    /// Network address.
    Address(IpAddr),
    /// Host name, where the server logs names.
    Host(Arc<str>),
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Unknown => f.write_str("unknown"),
            Client::Local => f.write_str("local"),
            Client::Address(address) => write!(f, "{address}"),
            Client::Host(name) => f.write_str(name),
        }
    }
}

/// [`Actor::person`] of a shared role when the application did not tell who acts: nobody is not one person.
pub const UNTOLD: &str = "?";

/// Everything that stays the same over many records of one role, client, program and database; shared, so that an
/// event costs no string copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    /// Server software.
    pub system: System,
    /// Database role or account (`user.name`); empty when the record gives none (a server process).
    pub user: Arc<str>,
    /// Where the session came from.
    pub client: Client,
    /// `application_name` or the like (`kuzet.program`); empty when unknown.
    pub program: Arc<str>,
    /// Database or schema connected to (`db.namespace`); empty when unknown.
    pub database: Arc<str>,
    /// The person behind a shared role, as the application told (`user.effective.name`): a comment tag, the program's
    /// name, a session setting, a journal. [`UNTOLD`] when it did not tell, empty when the role is not declared shared.
    pub person: Arc<str>,
}

impl Actor {
    /// Whether the application told who acts behind a shared role.
    #[must_use]
    pub fn person_is_told(&self) -> bool {
        !self.person.is_empty() && *self.person != *UNTOLD
    }
}
