//! Where a password comes from: the file that the configuration names, the client's variable in the environment, the
//! client's own pass file. Never an argument, never the configuration itself.

use super::settings::{DatabaseConfig, Target};
use super::{DatabaseError, ErrorKind};
use crate::secret::{self, Secret};
use kuzet_event::System;
use std::path::{Path, PathBuf};

/// The environment, so that tests bring their own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process.
#[must_use]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The password for `config`; `None` when there is none anywhere.
pub(super) fn find(config: &DatabaseConfig, environment: Environment<'_>) -> Result<Option<Secret>, DatabaseError> {
    let fault = |message: String| DatabaseError::new(ErrorKind::Settings, message);
    if let Some(path) = &config.password_file {
        return secret::from_file(path).map(Some).map_err(fault);
    }
    let variable = if config.system == System::Postgresql { "PGPASSWORD" } else { "MYSQL_PWD" };
    if let Some(text) = environment(variable) {
        let made = Secret::new(&text).map(Some);
        return made.map_err(|why| fault(format!("environment variable {variable} {why}")));
    }
    let Some((path, chosen)) = pass_file(config.system, environment) else { return Ok(None) };
    if !chosen && !path.exists() {
        return Ok(None);
    }
    let text = secret::guarded_text(&path).map_err(fault)?;
    let found = match config.system {
        System::Postgresql => from_pgpass(&text, config),
        _ => my_cnf(&text).into_iter().rev().find(|(key, _)| key == "password").map(|(_, value)| value),
    };
    found
        .map(|text| Secret::new(&text).map_err(|why| fault(format!("{}: the password {why}", path.display()))))
        .transpose()
}

/// The client's own file, and whether somebody chose it.
fn pass_file(system: System, environment: Environment<'_>) -> Option<(PathBuf, bool)> {
    let home = |name: &str| Some((PathBuf::from(environment("HOME")?).join(name), false));
    match system {
        System::Postgresql => environment("PGPASSFILE").map(|path| (path.into(), true)).or_else(|| home(".pgpass")),
        _ => home(".my.cnf"),
    }
}

/// `hostname:port:database:username:password`, the first line that fits; `*` fits all, `\:` and `\\` are escapes.
fn from_pgpass(text: &str, config: &DatabaseConfig) -> Option<String> {
    let (hosts, port): (Vec<String>, String) = match &config.target {
        Target::Tcp { host, port } => (vec![host.clone()], port.to_string()),
        // libpq looks for the directory of the socket, and for localhost when that is its own default.
        Target::Socket(path) => {
            let directory = path.parent().unwrap_or(Path::new("/")).display().to_string();
            let port = path.extension().map(|port| port.to_string_lossy().into_owned()).unwrap_or_default();
            (vec![directory, "localhost".to_owned()], port)
        }
    };
    let is = |field: &str, wanted: &str| field == "*" || unescape(field) == wanted;
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let [host, line_port, database, user, password] = fields(line)?;
        let fits = hosts.iter().any(|wanted| is(host, wanted))
            && is(line_port, &port)
            && is(database, &config.database)
            && is(user, &config.user);
        fits.then(|| unescape(password))
    })
}

/// Five fields between colons that no backslash stands before; the last goes to the end of the line.
fn fields(line: &str) -> Option<[&str; 5]> {
    let mut found = [""; 5];
    let mut rest = line.trim_end_matches('\r');
    for slot in found.iter_mut().take(4) {
        let mut escaped = false;
        let colon = rest.bytes().position(|byte| {
            let end = byte == b':' && !escaped;
            escaped = byte == b'\\' && !escaped;
            end
        })?;
        (*slot, rest) = (&rest[..colon], &rest[colon + 1..]);
    }
    found[4] = rest;
    Some(found)
}

fn unescape(field: &str) -> String {
    let mut letters = field.chars();
    let mut text = String::with_capacity(field.len());
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    text
}

/// Keys and values of `[client]` and `[client-mariadb]`, in their order; `-` in keys is `_`.
fn my_cnf(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            inside = matches!(group.0.trim(), "client" | "client-mariadb");
        } else if inside
            && !line.starts_with(['#', ';', '!'])
            && let Some((key, value)) = line.split_once('=')
        {
            let value = value.trim();
            let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
            found.push((key.trim().replace('-', "_"), quoted.unwrap_or(value).to_owned()));
        }
    }
    found
}

/// What `[client]` of the account's own `~/.my.cnf` says beside the password; empty when there is no such file.
pub(super) fn client_settings(environment: Environment<'_>) -> Result<Vec<(String, String)>, DatabaseError> {
    let Some((path, _)) = pass_file(System::Mariadb, environment).filter(|(path, _)| path.exists()) else {
        return Ok(Vec::new());
    };
    let text = secret::guarded_text(&path).map_err(|message| DatabaseError::new(ErrorKind::Settings, message))?;
    Ok(my_cnf(&text).into_iter().filter(|(key, _)| key != "password").collect())
}

#[cfg(test)]
mod tests {
    use super::super::settings::DatabaseSettings;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn config(url: &str) -> DatabaseConfig {
        let settings = DatabaseSettings { name: "db".into(), url: Some(url.into()), ..DatabaseSettings::default() };
        settings.resolve().unwrap().0
    }

    #[test]
    fn the_first_line_of_pgpass_that_fits_is_taken() {
        let text = "# h:5432:mfo:kuzet:comment\nother:*:*:*:no\nh:5432:mf\\:o:*:colon\nh:*:mfo:kuzet:a\\:b\\\\c:d\n*:*:*:*:last\n";
        let of = |url: &str| from_pgpass(text, &config(url));
        assert_eq!(of("postgresql://kuzet@h/mfo").as_deref(), Some("a:b\\c:d"));
        assert_eq!(of("postgresql://kuzet@h/mf%3Ao").as_deref(), Some("colon"));
        assert_eq!(of("postgresql://x@h/mfo").as_deref(), Some("last"));
        assert_eq!(from_pgpass("localhost:5432:*:*:s", &config("postgresql:///mfo")).as_deref(), Some("s"));
        assert_eq!(from_pgpass("broken\n", &config("postgresql:///mfo")), None);
    }

    #[test]
    fn only_the_groups_of_clients_count_in_my_cnf() {
        let text =
            "[mysqld]\npassword=no\n[client]\nuser = kuzet\npassword = \"a b\"\nssl-ca=/ca\n[mysqldump]\npassword=x\n";
        let list = my_cnf(text);
        let expected = [("user", "kuzet"), ("password", "a b"), ("ssl_ca", "/ca")];
        assert_eq!(list, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_pass_file_that_others_may_read_is_refused() {
        let directory = std::env::temp_dir().join(format!("kuzet-pass-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(".pgpass");
        std::fs::write(&path, "*:*:*:*:open-secret\n").unwrap();
        let home = directory.display().to_string();
        let environment = |name: &str| (name == "HOME").then(|| home.clone());
        let config = config("postgresql:///mfo");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = find(&config, &environment).err().unwrap();
        assert!(error.message.contains("chmod 600") && !error.message.contains("open-secret"), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(find(&config, &environment).unwrap().is_some_and(|secret| secret.expose() == "open-secret"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
