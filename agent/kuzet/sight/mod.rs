//! What can be seen of a server: the one list of sights, and what its settings, the logs that are followed and the
//! connections make of each. Pure, so that every combination can be tested; `kuzet doctor` and a metric show it.

mod live;
mod mongodb;
mod mysql;
mod other;
mod pool;
mod postgresql;
mod redis;
mod sensed;
#[cfg(test)]
mod tests;

pub use live::{Live, ask};
pub use pool::{Shared, shared};
pub use sensed::{by, folders, unsensed, unwatched};

use kuzet_decode::Format;
use kuzet_event::System;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

macro_rules! sights {
    ($($(#[$doc:meta])* $sight:ident = $name:literal, $weight:literal, $meaning:literal;)*) => {
        /// Something that an agent should see of a server with personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sight { $(#[doc = $meaning] $sight),* }

        impl Sight {
            /// Every sight, in the order in which they are shown.
            pub const ALL: &[Sight] = &[$(Sight::$sight),*];

            /// Name in output and documents.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Sight::$sight => $name),* }
            }

            /// What it counts for in the coverage.
            #[must_use]
            pub fn weight(self) -> u32 {
                match self { $(Sight::$sight => $weight),* }
            }

            /// In words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Sight::$sight => $meaning),* }
            }
        }
    };
}

sights! {
    Logins = "logins", 3, "who logged in, from where";
    FailedLogins = "failed_logins", 2, "logins that were refused";
    Reads = "reads", 5, "which tables were read, by whom";
    Writes = "writes", 4, "which tables were changed, by whom";
    Exports = "exports", 5, "tables taken out whole: COPY, dumps, INTO OUTFILE";
    Cursors = "cursors", 3, "tables read through cursors";
    Cancelled = "cancelled", 2, "statements that were cancelled or killed";
    Rows = "rows", 4, "how many rows a statement gave";
    BoundValues = "parameters", 3, "values bound to prepared statements: which people were looked up";
    Privileges = "privileges", 3, "roles and rights given and taken";
    AuditSettings = "audit_settings", 4, "changes of what is audited";
    BlindedSessions = "blinded_sessions", 3, "sessions for which the audit was switched off";
    PackedAggregates = "packed_aggregates", 2, "many people packed into one row by an aggregate";
    ForgedLines = "forged_lines", 2, "whether a line of the log is true";
    Person = "person", 3, "the person behind a role that many share";
    StatementText = "statement_text", 2, "the whole text of a statement";
    Rotation = "rotation", 2, "what was logged while the agent stood still";
}

impl Serialize for Sight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is known of a sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The log tells.
    Seen,
    /// The log does not tell, something else does.
    Compensated,
    /// Not known: the settings that decide cannot be read.
    Unknown,
    /// Nobody tells.
    NotSeen,
}

/// Where a command is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The server's own client, as an administrator.
    Sql,
    /// The server's option file.
    Configuration,
    /// The same client, once the server was restarted.
    SqlAfterRestart,
    /// A shell, as root.
    Shell,
    /// The agent's configuration.
    Agent,
}

/// One command that mends something. The agent runs none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// Where it is given.
    pub place: Place,
    /// The command, ready to be pasted.
    pub text: String,
    /// It holds after a restart of the server only.
    pub restart: bool,
}

/// Something that cannot be seen, why, and the exact thing to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Stable code, listed in docs/doctor.md.
    pub code: &'static str,
    /// What is not seen and why.
    pub message: String,
    /// What to change.
    pub fix: String,
    /// The sights that it takes away.
    pub hides: Vec<Sight>,
    /// What tells all the same.
    pub compensated: Option<&'static str>,
    /// It is not known whether they are seen.
    pub unknown: bool,
    /// The commands of the fix.
    pub commands: Vec<Command>,
}

impl Limit {
    /// A limit that hides nothing yet and has no commands.
    pub fn new(code: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Limit {
        let (message, fix) = (message.into(), fix.into());
        Limit { code, message, fix, hides: Vec::new(), compensated: None, unknown: false, commands: Vec::new() }
    }

    /// With what it takes away.
    #[must_use]
    pub fn hides(mut self, sights: &[Sight]) -> Limit {
        self.hides = sights.to_vec();
        self
    }

    /// With what tells all the same, if `holds`.
    #[must_use]
    pub fn compensated(mut self, holds: bool, by: &'static str) -> Limit {
        self.compensated = holds.then_some(by);
        self
    }

    /// As something that is not known.
    #[must_use]
    pub fn unknown(mut self) -> Limit {
        self.unknown = true;
        self
    }

    /// With a command that holds at once.
    #[must_use]
    pub fn command(mut self, place: Place, text: impl Into<String>) -> Limit {
        self.commands.push(Command { place, text: text.into(), restart: false });
        self
    }

    /// With a command that needs a restart of the server.
    #[must_use]
    pub fn restart(mut self, place: Place, text: impl Into<String>) -> Limit {
        self.commands.push(Command { place, text: text.into(), restart: true });
        self
    }

    /// What it makes of the sights it hides.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.compensated, self.unknown) {
            (Some(_), _) => State::Compensated,
            (None, true) => State::Unknown,
            (None, false) => State::NotSeen,
        }
    }
}

/// Settings of a server, names in lower case.
pub type Settings = BTreeMap<String, String>;

/// A `[[database]]` connection to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// None is configured.
    #[default]
    Nobody,
    /// It does not answer: error code and words.
    Silent(String),
    /// It answers, or has not been tried yet.
    Answers,
}

/// Everything that decides what is seen of one server.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Kind of server.
    pub system: System,
    /// Its settings; `None` when nobody tells them.
    pub settings: Option<Settings>,
    /// PostgreSQL: the extensions of the database that is asked; `None` when nobody tells them.
    pub extensions: Option<Vec<String>>,
    /// Formats of its logs that are followed; recognised ones are left out.
    pub formats: Vec<Format>,
    /// A log of it is followed; else `formats` are those that could be.
    pub followed: bool,
    /// Whether a log comes over a way that drops records.
    pub lossy: bool,
    /// The connection.
    pub asked: Asked,
    /// A journal of the application is followed, or a `[[pool]]` tells of shared roles; what it leaves open is found.
    pub person: bool,
    /// Redis: every command is followed, not only what was denied.
    pub commands: bool,
}

impl Facts {
    fn get(&self, name: &str) -> &str {
        self.settings.as_ref().and_then(|settings| settings.get(name)).map_or("", String::as_str)
    }

    fn is_on(&self, name: &str) -> bool {
        ["on", "true", "yes", "1"].contains(&self.get(name).to_ascii_lowercase().as_str())
    }

    fn follows(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }

    fn answers(&self) -> bool {
        self.asked == Asked::Answers
    }
}

/// A sight and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The sight.
    pub sight: Sight,
    /// What is known of it.
    pub state: State,
    /// Code of the limit that decides; empty when it is seen.
    pub code: &'static str,
    /// What compensates; empty unless something does.
    pub by: &'static str,
}

/// What is seen of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// Every sight.
    pub sights: Vec<Seen>,
    /// Why some are not seen.
    pub limits: Vec<Limit>,
}

impl Sighted {
    /// Each sight is as good as the worst limit leaves it.
    #[must_use]
    pub fn new(limits: Vec<Limit>) -> Sighted {
        let seen = |sight: &Sight| {
            let worst = limits.iter().filter(|limit| limit.hides.contains(sight)).max_by_key(|limit| limit.state());
            Seen {
                sight: *sight,
                state: worst.map_or(State::Seen, Limit::state),
                code: worst.map_or("", |limit| limit.code),
                by: worst.and_then(|limit| limit.compensated).unwrap_or_default(),
            }
        };
        Sighted { sights: Sight::ALL.iter().map(seen).collect(), limits }
    }

    /// Weighted share of what is seen or compensated, 0 to 1. What is not known is not counted as seen.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        let weigh = |seen: &Seen| seen.sight.weight();
        let all: u32 = self.sights.iter().map(weigh).sum();
        let told: u32 = self.sights.iter().filter(|seen| seen.state <= State::Compensated).map(weigh).sum();
        f64::from(told) / f64::from(all.max(1))
    }
}

/// What is seen of a server; `found` are limits that are known without its settings.
#[must_use]
pub fn look(facts: &Facts, found: Vec<Limit>) -> Sighted {
    let mut limits = found;
    if let Asked::Silent(error) = &facts.asked {
        let message = format!("its [[database]] connection does not answer: {error}");
        limits.push(Limit::new("KD08", message, "mend it; what it would compensate is not seen until then"));
    }
    let envelope = facts.follows(Format::Syslog) || facts.follows(Format::Journald);
    let unnamed = facts.followed && facts.formats.is_empty();
    limits.extend(match facts.system {
        _ if facts.settings.is_none() && unnamed => {
            let message = "the format of this log is not known before there is something in it";
            vec![Limit::new("KD12", message, "set format = \"…\" in its [[source]]").hides(Sight::ALL).unknown()]
        }
        System::Postgresql if !(facts.follows(Format::Pgbouncer) || envelope && facts.settings.is_none()) => {
            postgresql::limits(facts)
        }
        System::Mariadb | System::Mysql => mysql::limits(facts),
        _ => other::limits(facts),
    });
    if facts.lossy {
        let message = "records come over UDP, which drops them when a side is busy";
        limits.push(Limit::new("KD10", message, "send them over tcp:// or tls://").hides(&[Sight::Rotation]));
    }
    if facts.followed && facts.system != System::Application && !facts.person {
        let message =
            "a role is not a person: who stands behind one that many share is seen only if the application tells";
        let fix = "say in a [[pool]] which role is shared and where the application names the person (docs/configuration.md, \
                   Shared roles), or follow its access journal (docs/journals.md)";
        limits.push(Limit::new("KD09", message, fix).hides(&[Sight::Person]));
    }
    Sighted::new(limits)
}

/// A string constant of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The lines of kuzet.toml for a connection as the role `kuzet`.
fn database(facts: &Facts) -> String {
    let (name, scheme, port, path) = match facts.system {
        System::Postgresql => ("postgresql-asked", "postgresql", 5432, "/postgres"),
        _ => ("mariadb-asked", "mariadb", 3306, ""),
    };
    let port = facts.get("port").parse::<u16>().unwrap_or(port);
    format!(
        "[[database]]\nname = \"{name}\"\nurl = \"{scheme}://kuzet@localhost:{port}{path}\"\n\
         password_file = \"/etc/kuzet/{name}.password\"  # one line, mode 0600, owned by the agent's user"
    )
}
