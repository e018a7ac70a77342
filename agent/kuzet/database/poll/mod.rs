//! A server asked again and again: what is not as it was becomes records of the formats `postgresql_status` and
//! `mariadb_status` (agent/decode/src/status.rs).
//!
//! Each database has its own thread and connection. A server that hangs or is away costs that thread its deadline and
//! nobody else anything; it is asked again after ever longer pauses, and its problem is told.

mod mariadb;
mod postgresql;
mod record;

use super::{Connection, DatabaseConfig, DatabaseError};
use crate::clock::Clock;
use crate::message::Outlet;
use kuzet_event::System;
use record::Records;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The server ends a statement of a poll after this time.
const STATEMENT: Duration = Duration::from_secs(3);
/// Longest pause between attempts to connect.
const LONGEST: Duration = Duration::from_secs(120);

/// Asks the server of `config` until the outlet says that the agent stops.
pub fn run(config: &DatabaseConfig, outlet: &dyn Outlet, clock: &Arc<dyn Clock>) {
    let mut poll = Poll { config, clock, connection: None, watch: Watch::new(config.system) };
    let mut failures = 0;
    loop {
        let pause = match poll.look() {
            Ok((records, problem)) => {
                if !records.iter().all(|record| outlet.send(record)) {
                    return;
                }
                outlet.problem(problem);
                failures = 0;
                config.poll
            }
            Err(error) => {
                poll.connection = None;
                outlet.problem(Some(format!("{error}; {}", error.help())));
                failures = (failures + 1).min(8);
                let doubled = config.poll.saturating_mul(1 << failures).min(LONGEST);
                // Databases that went away together shall not be asked together.
                let jitter = clock.monotonic().subsec_micros() % 250;
                doubled.mul_f64(0.75 + f64::from(jitter) / 1000.0)
            }
        };
        if !outlet.pause(pause) {
            return;
        }
    }
}

struct Poll<'a> {
    config: &'a DatabaseConfig,
    clock: &'a Arc<dyn Clock>,
    connection: Option<Connection>,
    watch: Watch,
}

/// What is remembered of a server from poll to poll.
enum Watch {
    Postgresql(Box<postgresql::Watch>),
    Mariadb(Box<mariadb::Watch>),
}

impl Watch {
    fn new(system: System) -> Watch {
        match system {
            System::Postgresql => Watch::Postgresql(Box::default()),
            _ => Watch::Mariadb(Box::default()),
        }
    }
}

impl Poll<'_> {
    /// One poll: its records, and what could not be seen.
    fn look(&mut self) -> Result<(Vec<Vec<u8>>, Option<String>), DatabaseError> {
        let connection = match &mut self.connection {
            Some(connection) if connection.is_usable() => connection,
            slot => slot.insert(Connection::open(self.config, STATEMENT, Arc::clone(self.clock))?),
        };
        let system = if self.config.system == System::Postgresql { "postgresql" } else { "mariadb" };
        let mut records = Records::new(system, self.clock.wall());
        let problem = match &mut self.watch {
            Watch::Postgresql(watch) => watch.look(connection, &mut records)?,
            Watch::Mariadb(watch) => watch.look(connection, &mut records)?,
        };
        Ok((records.take(), problem))
    }
}

/// Named values that are compared from poll to poll. The first ones are what is compared with.
#[derive(Default)]
struct Compared(Option<BTreeMap<String, String>>);

/// A value that changed: name, before, now.
struct Change {
    name: String,
    before: Option<String>,
    now: Option<String>,
}

impl Compared {
    fn changes(&mut self, now: BTreeMap<String, String>) -> Vec<Change> {
        let Some(before) = self.0.replace(now) else { return Vec::new() };
        let now = self.0.as_ref().into_iter().flatten();
        let mut changes: Vec<Change> = now
            .filter(|(name, value)| before.get(*name) != Some(value))
            .map(|(name, value)| Change {
                name: name.clone(),
                before: before.get(name).cloned(),
                now: Some(value.clone()),
            })
            .collect();
        let now = self.0.as_ref();
        let gone = before.into_iter().filter(|(name, _)| now.is_some_and(|now| !now.contains_key(name)));
        changes.extend(gone.map(|(name, value)| Change { name, before: Some(value), now: None }));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_are_compared_with() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut compared = Compared::default();
        assert!(compared.changes(map(&[("a", "1"), ("b", "2")])).is_empty());
        let changes = compared.changes(map(&[("a", "1"), ("b", "3"), ("c", "4")]));
        let told: Vec<_> =
            changes.iter().map(|one| (one.name.as_str(), one.before.as_deref(), one.now.as_deref())).collect();
        assert_eq!(told, [("b", Some("2"), Some("3")), ("c", None, Some("4"))]);
        assert_eq!(compared.changes(map(&[("b", "3"), ("c", "4")]))[0].now, None);
    }
}
