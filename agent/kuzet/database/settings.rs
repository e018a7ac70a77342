//! What the configuration says of a database: where it is, as whom to come, whom to believe; and what of it cannot be
//! honoured.

use kuzet_event::System;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One `[[database]]` as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Name: label of metrics, unique.
    #[serde(default)]
    pub name: String,
    /// `postgresql`, `mariadb` or `mysql`.
    pub system: Option<String>,
    /// `postgresql://user@host:port/dbname?sslmode=…`; the keys below in one.
    pub url: Option<String>,
    /// Host name, address, or the directory of PostgreSQL's socket.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Unix socket: PostgreSQL's directory, the file of MariaDB.
    pub socket: Option<PathBuf>,
    /// Role or account; `kuzet` unless set.
    pub user: Option<String>,
    /// Database to connect to.
    pub dbname: Option<String>,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub sslmode: Option<String>,
    /// Certificates of the authorities to believe.
    pub sslrootcert: Option<PathBuf>,
    /// Own certificate.
    pub sslcert: Option<PathBuf>,
    /// Key of the own certificate.
    pub sslkey: Option<PathBuf>,
    /// File with the password; readable by its owner only.
    pub password_file: Option<PathBuf>,
    /// How often the server is asked, 2 to 3600; 10 unless set.
    pub poll_seconds: Option<u64>,
    /// Name of the `[[source]]` that is the log of the same server.
    pub source: Option<String>,
}

/// One `[[database]]` as meant. Passwords are not in it: they are read when the server asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Name.
    pub name: String,
    /// Kind of server.
    pub system: System,
    /// Where it is.
    pub target: Target,
    /// Role or account.
    pub user: String,
    /// Database; empty for none (MariaDB).
    pub database: String,
    /// Protection on the way.
    pub tls: Tls,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// How often it is asked.
    pub poll: Duration,
    /// Name of the log source of the same server.
    pub source: Option<String>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// File of a Unix socket.
    Socket(PathBuf),
    /// Host and port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

impl Target {
    /// Whether the way there does not leave this host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Target::Socket(_) => true,
            Target::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Socket(path) => write!(f, "{}", path.display()),
            Target::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// How much.
    pub mode: SslMode,
    /// Authorities to believe instead of the system's.
    pub root: Option<PathBuf>,
    /// Own certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// libpq's `sslmode`; `allow` is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS if the server has it; whoever answers is believed.
    Prefer,
    /// TLS; whoever answers is believed unless `sslrootcert` is set.
    Require,
    /// TLS with a certificate of a known authority.
    VerifyCa,
    /// And with the host's name in it.
    VerifyFull,
}

impl SslMode {
    /// Every mode with its name.
    pub const ALL: [(&str, SslMode); 5] = [
        ("disable", SslMode::Disable),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
}

/// A fault of the settings, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, without secrets.
    pub message: String,
    /// What to do.
    pub help: &'static str,
    /// It can be honoured all the same.
    pub warning: bool,
}

impl DatabaseSettings {
    /// What is meant. Warnings come with it.
    ///
    /// # Errors
    /// Every fault.
    pub fn resolve(&self) -> Result<(DatabaseConfig, Vec<Fault>), Vec<Fault>> {
        let mut faults = Vec::new();
        let usable = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(usable) {
            let help = "use 1 to 64 letters, digits, '-', '_' or '.': the name is a metric label";
            faults.push(fault("KZ040", "database name is not usable".into(), help));
        }
        let mut own = self.clone();
        if let Some(url) = self.url.as_deref()
            && let Err(found) = own.read_url(url)
        {
            faults.push(found);
            return Err(faults);
        }
        let Some(system) = own.system.as_deref().and_then(system) else {
            let help = "set system = \"postgresql\", \"mariadb\" or \"mysql\", or a url that begins so";
            faults.push(fault("KZ041", format!("database \"{}\" has no known system", self.name), help));
            return Err(faults);
        };
        let target = own.target(system);
        let mode = own.mode(&target, &mut faults);
        if own.sslcert.is_some() != own.sslkey.is_some() {
            let help = "set both or none";
            faults.push(fault("KZ045", "sslcert and sslkey belong together".into(), help));
        }
        let user = own.user.clone().unwrap_or_else(|| "kuzet".to_owned());
        let database = own.dbname.clone().unwrap_or_else(|| match system {
            System::Postgresql => "postgres".to_owned(),
            _ => String::new(),
        });
        if [&user, &database].iter().any(|text| text.contains('\0') || text.len() > 128) {
            faults.push(fault("KZ042", "user or dbname is not a name".into(), "is this the right text?"));
        }
        if !target.is_local() && mode != SslMode::VerifyFull {
            let message = format!("database \"{}\": whoever answers at {target} is believed", self.name);
            let help = "set sslmode = \"verify-full\" and sslrootcert";
            faults.push(Fault { warning: true, ..fault("KZ046", message, help) });
        }
        if faults.iter().any(|fault| !fault.warning) {
            return Err(faults);
        }
        let config = DatabaseConfig {
            name: own.name,
            system,
            target,
            user,
            database,
            tls: Tls { mode, root: own.sslrootcert, certificate: own.sslcert, key: own.sslkey },
            password_file: own.password_file,
            poll: Duration::from_secs(own.poll_seconds.unwrap_or(10).clamp(2, 3600)),
            source: own.source,
        };
        Ok((config, faults))
    }

    fn mode(&self, target: &Target, faults: &mut Vec<Fault>) -> SslMode {
        let default = if target.is_local() { SslMode::Prefer } else { SslMode::VerifyFull };
        let Some(text) = self.sslmode.as_deref() else { return default };
        let known = SslMode::ALL.iter().find(|(name, _)| *name == text).map(|(_, mode)| *mode);
        known.unwrap_or_else(|| {
            let help = "one of disable, prefer, require, verify-ca, verify-full";
            faults.push(fault("KZ045", format!("sslmode \"{text}\" is not known"), help));
            default
        })
    }

    fn target(&self, system: System) -> Target {
        let postgresql = system == System::Postgresql;
        let port = self.port.unwrap_or(if postgresql { 5432 } else { 3306 });
        let directory = self.host.as_deref().filter(|host| host.starts_with('/')).map(PathBuf::from);
        match (self.socket.clone().or(directory), &self.host) {
            (None, Some(host)) => Target::Tcp { host: host.clone(), port },
            (Some(path), _) if postgresql => Target::Socket(path.join(format!(".s.PGSQL.{port}"))),
            (Some(path), _) => Target::Socket(path),
            (None, None) if postgresql => Target::Socket(PathBuf::from(format!("/var/run/postgresql/.s.PGSQL.{port}"))),
            (None, None) => Target::Socket(PathBuf::from("/run/mysqld/mysqld.sock")),
        }
    }

    /// Takes the parts of `url` over; a part that stands beside it as a key too is a fault.
    fn read_url(&mut self, url: &str) -> Result<(), Fault> {
        let help =
            "write postgresql://user@host:5432/dbname?sslmode=verify-full, or host, port, user and dbname as keys";
        let bad = |message: &str| fault("KZ042", format!("database url: {message}"), help);
        let parsed = reqwest::Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        if parsed.password().is_some() || parsed.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case("password")) {
            let help = "take it out, change it (it was readable here) and set password_file";
            return Err(fault("KZ043", "database url holds a password".into(), help));
        }
        let text = |part: &str| decode(part).ok_or_else(|| bad("a %XX in it is not UTF-8"));
        let mut parts = vec![("system", parsed.scheme().to_owned())];
        if !parsed.username().is_empty() {
            parts.push(("user", text(parsed.username())?));
        }
        if let Some(host) = parsed.host_str().filter(|host| !host.is_empty()) {
            parts.push(("host", text(host.trim_start_matches('[').trim_end_matches(']'))?));
        }
        if let Some(port) = parsed.port() {
            parts.push(("port", port.to_string()));
        }
        let path = parsed.path().trim_start_matches('/');
        if !path.is_empty() {
            parts.push(("dbname", text(path)?));
        }
        let query: Vec<(String, String)> =
            parsed.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        parts.extend(query.iter().map(|(key, value)| (key.as_str(), value.clone())));
        for (key, value) in parts {
            self.set(key, value)?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Fault> {
        let help = "the url may say system, user, host, port, dbname, socket, sslmode, sslrootcert, sslcert and sslkey";
        let twice = || fault("KZ044", format!("{key} stands in the url and beside it"), "say it once");
        let path = |slot: &mut Option<PathBuf>, value: String| match slot.replace(PathBuf::from(value)) {
            None => Ok(()),
            Some(_) => Err(twice()),
        };
        let slot = match key {
            "system" if self.system.as_deref().is_none_or(|system_set| system(system_set) == system(&value)) => {
                self.system = Some(value);
                return Ok(());
            }
            "system" => &mut self.system,
            "user" => &mut self.user,
            "host" => &mut self.host,
            "dbname" => &mut self.dbname,
            "sslmode" => &mut self.sslmode,
            "socket" => return path(&mut self.socket, value),
            "sslrootcert" => return path(&mut self.sslrootcert, value),
            "sslcert" => return path(&mut self.sslcert, value),
            "sslkey" => return path(&mut self.sslkey, value),
            "port" => {
                let port = value.parse().map_err(|_| fault("KZ042", "database url: bad port".into(), help))?;
                return if self.port.replace(port).is_some() { Err(twice()) } else { Ok(()) };
            }
            other => return Err(fault("KZ042", format!("database url: \"{other}\" is not known"), help)),
        };
        if slot.replace(value).is_some() { Err(twice()) } else { Ok(()) }
    }

    /// Relative paths start beside the configuration.
    pub fn place(&mut self, beside: impl Fn(&Path) -> PathBuf) {
        let paths = [&mut self.sslrootcert, &mut self.sslcert, &mut self.sslkey, &mut self.password_file];
        for path in paths.into_iter().flatten() {
            *path = beside(path);
        }
    }
}

pub(super) fn fault(code: &'static str, message: String, help: &'static str) -> Fault {
    Fault { code, message, help, warning: false }
}

fn system(name: &str) -> Option<System> {
    match name {
        "postgresql" | "postgres" => Some(System::Postgresql),
        "mariadb" => Some(System::Mariadb),
        "mysql" => Some(System::Mysql),
        _ => None,
    }
}

/// Text without its `%XX`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<(DatabaseConfig, Vec<Fault>), Vec<Fault>> {
        DatabaseSettings { name: "db".into(), url: Some(text.into()), ..DatabaseSettings::default() }.resolve()
    }

    #[test]
    fn a_url_says_the_same_as_its_keys() {
        let (from_url, warnings) =
            url("postgresql://k%75zet@db.example.kz:6432/mfo?sslmode=verify-full&sslrootcert=/ca.pem").unwrap();
        let keys = DatabaseSettings {
            name: "db".into(),
            system: Some("postgresql".into()),
            host: Some("db.example.kz".into()),
            port: Some(6432),
            dbname: Some("mfo".into()),
            sslrootcert: Some("/ca.pem".into()),
            ..DatabaseSettings::default()
        };
        assert_eq!((from_url, warnings), keys.resolve().unwrap());
    }

    #[test]
    fn sockets_and_defaults() {
        let target = |text: &str| url(text).unwrap().0.target.to_string();
        assert_eq!(target("postgresql:///mfo"), "/var/run/postgresql/.s.PGSQL.5432");
        assert_eq!(target("postgresql:///mfo?host=/tmp/s&port=5433"), "/tmp/s/.s.PGSQL.5433");
        assert_eq!(target("mariadb:///?socket=/tmp/my.sock"), "/tmp/my.sock");
        assert_eq!(target("mariadb://[::1]/mfo"), "[::1]:3306");
        assert_eq!(url("mariadb://127.0.0.1").unwrap().0.tls.mode, SslMode::Prefer);
        assert_eq!(url("mariadb://10.0.0.1").unwrap().0.tls.mode, SslMode::VerifyFull);
    }

    #[test]
    fn what_cannot_be_honoured_is_told() {
        let codes = |text: &str| match url(text) {
            Ok((_, warnings)) => warnings.iter().map(|fault| fault.code).collect::<Vec<_>>(),
            Err(faults) => faults.iter().map(|fault| fault.code).collect(),
        };
        assert_eq!(codes("postgresql://a:secret@h/d"), ["KZ043"]);
        assert_eq!(codes("postgresql://h/d?password=secret"), ["KZ043"]);
        assert_eq!(codes("oracle://h/d"), ["KZ041"]);
        assert_eq!(codes("postgresql://h/d?sslmod=require"), ["KZ042"]);
        assert_eq!(codes("not a url"), ["KZ042"]);
        assert_eq!(codes("postgresql://h/d?sslmode=strict"), ["KZ045"]);
        assert_eq!(codes("postgresql://h/d?sslmode=require"), ["KZ046"]);
        let twice = DatabaseSettings {
            name: "a b".into(),
            url: Some("mysql://h/d".into()),
            user: None,
            host: Some("other".into()),
            ..DatabaseSettings::default()
        };
        assert_eq!(twice.resolve().unwrap_err().iter().map(|fault| fault.code).collect::<Vec<_>>(), ["KZ040", "KZ044"]);
        for fault in url("postgresql://a:secret@h/d").unwrap_err() {
            assert!(!fault.message.contains("secret") && !fault.help.contains("secret"));
        }
    }
}
