//! A database as the account's own client programs would find it: for commands that a person types.

use super::DatabaseError;
use super::password::{self, Environment};
use super::settings::{DatabaseConfig, DatabaseSettings, Fault, fault};
use kuzet_event::System;

/// What psql or mariadb without arguments would connect to: PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE and their like,
/// or MYSQL_HOST, MYSQL_TCP_PORT, MYSQL_UNIX_PORT and `[client]` of `~/.my.cnf`.
///
/// # Errors
/// Every fault of what was found.
pub fn from_environment(
    system: System,
    environment: Environment<'_>,
) -> Result<(DatabaseConfig, Vec<Fault>), Vec<Fault>> {
    let mut settings = DatabaseSettings {
        name: "environment".into(),
        system: Some(system.name().to_owned()),
        user: environment("USER").or_else(|| environment("LOGNAME")),
        ..DatabaseSettings::default()
    };
    let pairs = match system {
        System::Postgresql => postgresql(environment),
        _ => mysql(environment)
            .map_err(|error| vec![fault("KZ048", error.to_string(), "chmod 600 the file: it may hold a password")])?,
    };
    let mut faults = Vec::new();
    for (key, value) in pairs {
        match key {
            "host" => settings.host = Some(value),
            "socket" => settings.socket = Some(value.into()),
            "user" => settings.user = Some(value),
            "dbname" => settings.dbname = Some(value),
            "sslmode" => settings.sslmode = Some(value),
            "sslrootcert" => settings.sslrootcert = Some(value.into()),
            "sslcert" => settings.sslcert = Some(value.into()),
            "sslkey" => settings.sslkey = Some(value.into()),
            _ => match value.parse() {
                Ok(port) => settings.port = Some(port),
                Err(_) => faults.push(fault("KZ042", "the port in the environment is no port".into(), "set a number")),
            },
        }
    }
    if system == System::Postgresql && settings.dbname.is_none() {
        settings.dbname.clone_from(&settings.user);
    }
    if faults.is_empty() { settings.resolve() } else { Err(faults) }
}

fn postgresql(environment: Environment<'_>) -> Vec<(&'static str, String)> {
    let names = [
        ("PGHOST", "host"),
        ("PGPORT", "port"),
        ("PGUSER", "user"),
        ("PGDATABASE", "dbname"),
        ("PGSSLMODE", "sslmode"),
        ("PGSSLROOTCERT", "sslrootcert"),
        ("PGSSLCERT", "sslcert"),
        ("PGSSLKEY", "sslkey"),
    ];
    names.into_iter().filter_map(|(name, key)| Some((key, environment(name)?))).collect()
}

/// The environment goes before the file, as with the client.
fn mysql(environment: Environment<'_>) -> Result<Vec<(&'static str, String)>, DatabaseError> {
    let mut pairs = Vec::new();
    for (key, value) in password::client_settings(environment)? {
        let key = match key.as_str() {
            "host" => "host",
            "port" => "port",
            "socket" => "socket",
            "user" => "user",
            "database" => "dbname",
            "ssl_ca" => "sslrootcert",
            "ssl_cert" => "sslcert",
            "ssl_key" => "sslkey",
            "ssl_verify_server_cert" => {
                pairs.push(("sslmode", if value == "0" { "require" } else { "verify-full" }.to_owned()));
                continue;
            }
            _ => continue,
        };
        pairs.push((key, value));
    }
    let names = [("MYSQL_HOST", "host"), ("MYSQL_TCP_PORT", "port"), ("MYSQL_UNIX_PORT", "socket")];
    pairs.extend(names.into_iter().filter_map(|(name, key)| Some((key, environment(name)?))));
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_libpq_are_read() {
        let environment = |name: &str| {
            let value = match name {
                "PGHOST" => "db.example.kz",
                "PGPORT" => "6432",
                "PGUSER" => "reader",
                "PGSSLMODE" => "verify-ca",
                "USER" => "somebody",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let (config, warnings) = from_environment(System::Postgresql, &environment).unwrap();
        assert_eq!(config.target.to_string(), "db.example.kz:6432");
        assert_eq!((config.user.as_str(), config.database.as_str()), ("reader", "reader"));
        assert_eq!(warnings.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["KZ046"]);
    }
}
