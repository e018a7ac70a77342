//! Asks a server for its settings over a `[[database]]` connection.

use super::Settings;
use crate::clock::Clock;
use crate::database::{Connection, DatabaseConfig, DatabaseError};
use kuzet_event::System;
use std::sync::Arc;
use std::time::Duration;

/// The server ends a statement after this time.
const STATEMENT: Duration = Duration::from_secs(3);
/// Most rows of an answer that are looked at.
const MOST: usize = 5_000;

/// What a server tells of itself.
#[derive(Clone, Debug)]
pub struct Live {
    /// Version in its own words.
    pub version: String,
    /// Settings, names in lower case.
    pub settings: Settings,
    /// PostgreSQL: extensions of the database.
    pub extensions: Option<Vec<String>>,
}

/// Connects and asks.
///
/// # Errors
/// The first thing that failed, in words and with the server's code.
pub fn ask(config: &DatabaseConfig, clock: &Arc<dyn Clock>) -> Result<Live, String> {
    let live = settings(config, clock).map_err(|error| format!("{error}; {}", error.help()))?;
    // The server leaves out what the role may not see, without an error.
    if config.system == System::Postgresql && !live.settings.contains_key("shared_preload_libraries") {
        return Err("its role may not read all settings; GRANT pg_monitor TO it".to_owned());
    }
    Ok(live)
}

fn settings(config: &DatabaseConfig, clock: &Arc<dyn Clock>) -> Result<Live, DatabaseError> {
    let mut connection = Connection::open(config, STATEMENT, Arc::clone(clock))?;
    let version = connection.version().to_owned();
    let mut pairs = |sql: &str| -> Result<Settings, DatabaseError> {
        let rows = connection.query(sql, MOST)?;
        let pair = |row: crate::database::Row<'_>| Some((row.text(0)?.to_ascii_lowercase(), row.text(1)?.to_owned()));
        Ok(rows.iter().filter_map(pair).collect())
    };
    if config.system == System::Postgresql {
        let settings = pairs("SELECT name, setting FROM pg_settings")?;
        let extensions = pairs("SELECT extname, extversion FROM pg_extension")?.into_keys().collect();
        return Ok(Live { version, settings, extensions: Some(extensions) });
    }
    let mut settings = pairs("SHOW GLOBAL VARIABLES")?;
    // How a plugin was loaded is no variable.
    let plugins =
        pairs("SELECT PLUGIN_NAME, LOAD_OPTION FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE'")?;
    settings.extend(plugins.into_iter().filter(|(name, _)| name == "server_audit"));
    Ok(Live { version, settings, extensions: None })
}
