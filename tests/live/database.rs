//! Connections of the agent to real servers: every way to log in, TLS as asked for, nothing but reading, and no waiting for
//! a server that hangs.

use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres};
use crate::support::{run, until};
use kuzet::clock::{Clock, System};
use kuzet::database::{Connection, DatabaseConfig, DatabaseError, DatabaseSettings, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const STATEMENT: Duration = Duration::from_secs(2);

/// What a configuration with `url` means, its password in a file beside `directory`.
pub fn config(url: &str, directory: &Path, password: &str) -> DatabaseConfig {
    let path = directory.join(format!("password-{password}"));
    std::fs::write(&path, format!("{password}\n")).expect("a scratch file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("own file");
    let password_file = (!password.is_empty()).then_some(path);
    let settings = DatabaseSettings { name: "db".into(), url: Some(url.into()), password_file, ..Default::default() };
    settings.resolve().expect("good settings").0
}

/// A session that sees nothing of the environment.
pub fn open(config: &DatabaseConfig) -> Result<Connection, DatabaseError> {
    Connection::open_with(config, STATEMENT, Arc::new(System), &|_| None)
}

fn one(connection: &mut Connection, sql: &str) -> Result<String, DatabaseError> {
    let rows = connection.query(sql, 10)?;
    Ok(rows.iter().next().and_then(|row| row.text(0)).unwrap_or("NULL").to_owned())
}

fn refused(config: &DatabaseConfig) -> DatabaseError {
    open(config).err().expect("a refusal")
}

/// An authority, and a server certificate of it for `localhost`: (authority, certificate, key).
fn certificates(directory: &Path, owner: &str) -> (PathBuf, PathBuf, PathBuf) {
    let path = |name: &str| directory.join(name);
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        run(command.args(arguments.split(' ')).current_dir(directory));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=lab-authority");
    openssl("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    std::fs::write(path("san.cnf"), "subjectAltName=DNS:localhost\n").expect("a scratch file");
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san.cnf -out server.pem",
    );
    if rustix::process::geteuid().is_root() {
        run(Command::new("chown").arg(owner).arg(path("server.key")).arg(path("server.pem")));
    }
    (path("ca.pem"), path("server.pem"), path("server.key"))
}

#[test]
fn postgresql_lets_a_reader_in_by_every_method() {
    let server = Postgres::start(Mode::Pgaudit);
    let (port, here) = (server.port(), server.path());
    server.admin("mfo", "SET password_encryption='md5'; CREATE ROLE old LOGIN PASSWORD 'old-pw'");
    let access = "local all all trust\nhost mfo app 127.0.0.1/32 password\nhost all old 127.0.0.1/32 md5\n\
                  host all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(server.data().join("pg_hba.conf"), access).expect("pg_hba.conf");
    server.admin("mfo", "SELECT pg_reload_conf()");
    for (role, ask) in [("analyst", "scram"), ("app", "password"), ("old", "md5")] {
        let url = format!("postgresql://{role}@127.0.0.1:{port}/mfo");
        let mut connection =
            until(ask, Duration::from_secs(10), || open(&config(&url, here, &format!("{role}-pw"))).ok());
        assert_eq!(one(&mut connection, "SELECT current_user").unwrap(), role);
        assert!(connection.version().starts_with(|c: char| c.is_ascii_digit()));
        let wrong = refused(&config(&url, here, "wrong-pw"));
        assert_eq!(wrong.kind, ErrorKind::Login);
        assert!(!wrong.to_string().contains("wrong-pw"), "{wrong}");
        assert_eq!(refused(&config(&url, here, "")).kind, ErrorKind::Settings);
    }
    let socket = format!("postgresql:///mfo?user=postgres&host={}&port={port}", server.path().join("sock").display());
    let mut connection = open(&config(&socket, here, "")).unwrap();
    assert_eq!(one(&mut connection, "SHOW application_name").unwrap(), "kuzet");
    // A superuser, and still only a reader.
    let write = connection.query("INSERT INTO loans(id, borrower_id) VALUES (-1, 1)", 1).err().expect("read-only");
    assert_eq!((write.kind, write.code.as_str()), (ErrorKind::Statement, "25006"));
    // A value in an error is not shown; the session goes on.
    let bad = connection.query("SELECT iin::date FROM borrowers", 1).err().expect("not a date");
    assert!(bad.code.starts_with("22") && bad.message.is_empty(), "{bad}");
    let rows = connection.query("SELECT id, NULL, iin FROM borrowers ORDER BY id", 3).unwrap();
    assert_eq!((rows.len(), rows.more(), rows.columns().len()), (3, true, 3));
    assert!(rows.iter().all(|row| row.text(1).is_none() && row.text(2).is_some_and(|iin| iin.len() == 12)));
}

#[test]
fn postgresql_is_believed_as_sslmode_says() {
    let server = Postgres::start(Mode::Logall);
    let (port, here) = (server.port(), server.path());
    let (authority, certificate, key) = certificates(here, "postgres:postgres");
    let url = |host: &str, mode: &str, root: Option<&Path>| {
        let root = root.map(|root| format!("&sslrootcert={}", root.display())).unwrap_or_default();
        config(&format!("postgresql://analyst@{host}:{port}/mfo?sslmode={mode}{root}"), here, "analyst-pw")
    };
    assert_eq!(refused(&url("127.0.0.1", "require", None)).kind, ErrorKind::Tls);
    assert!(!open(&url("127.0.0.1", "prefer", None)).unwrap().is_private());
    for (name, value) in [("ssl_cert_file", &certificate), ("ssl_key_file", &key)] {
        server.admin("mfo", &format!("ALTER SYSTEM SET {name} = '{}'", value.display()));
    }
    server.admin("mfo", "ALTER SYSTEM SET ssl = on");
    server.admin("mfo", "SELECT pg_reload_conf()");
    until("TLS", Duration::from_secs(10), || open(&url("127.0.0.1", "require", None)).ok());
    let private = |config: &DatabaseConfig| open(config).unwrap().is_private();
    assert!(private(&url("127.0.0.1", "prefer", None)));
    assert!(!private(&url("127.0.0.1", "disable", None)));
    assert!(private(&url("localhost", "verify-full", Some(&authority))));
    assert!(private(&url("127.0.0.1", "verify-ca", Some(&authority))));
    // The server's own certificate may be listed instead of an authority.
    assert!(private(&url("localhost", "verify-full", Some(&certificate))));
    // Another name, another authority, and no authority at all.
    assert_eq!(refused(&url("127.0.0.1", "verify-full", Some(&authority))).kind, ErrorKind::Tls);
    let other = here.join("other");
    std::fs::create_dir(&other).expect("a scratch directory");
    let (stranger, _, _) = certificates(&other, "postgres:postgres");
    for mode in ["require", "verify-ca"] {
        assert_eq!(refused(&url("localhost", mode, Some(&stranger))).kind, ErrorKind::Tls, "{mode}");
    }
    assert!(open(&url("localhost", "verify-full", None)).is_err());
}

#[test]
fn a_slow_or_stopped_postgresql_is_not_waited_for() {
    let server = Postgres::start(Mode::Logall);
    let url = format!("postgresql://analyst@127.0.0.1:{}/mfo", server.port());
    let config = config(&url, server.path(), "analyst-pw");
    let mut connection = open(&config).unwrap();
    let slow = connection.query("SELECT pg_sleep(30)", 1).err().expect("its own limit");
    assert_eq!((slow.code.as_str(), connection.is_usable()), ("57014", true));
    // The agent's own limit is nearer: it cancels, and the server is no longer at work for it.
    connection.finish_by(System.monotonic() + Duration::from_millis(300));
    let cut = connection.query("SELECT pg_sleep(29)", 1).err().expect("the agent's limit");
    assert_eq!((cut.kind, connection.is_usable()), (ErrorKind::Timeout, false));
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(29)'
                  AND pid <> pg_backend_pid()";
    until("the end of the cancelled statement", Duration::from_secs(1), || {
        (server.admin("mfo", asleep) == "0").then_some(())
    });
    let mut connection = open(&config).unwrap();
    server.stop_working(true);
    let start = System.monotonic();
    assert_eq!(connection.query("SELECT 1", 1).err().expect("stopped").kind, ErrorKind::Timeout);
    assert_eq!(refused(&config).kind, ErrorKind::Timeout);
    let taken = System.monotonic() - start;
    server.stop_working(false);
    assert!(taken < Duration::from_secs(15), "{taken:?}");
    until("the server back", Duration::from_secs(10), || open(&config).ok());
}

#[test]
fn mariadb_lets_a_reader_in() {
    let server = Mariadb::start();
    let here = server.path();
    let url = format!("mariadb://analyst@127.0.0.1:{}/mfo", server.port());
    let mut connection = open(&config(&url, here, "analyst-pw")).unwrap();
    assert_eq!(one(&mut connection, "SELECT CURRENT_USER()").unwrap(), "analyst@127.0.0.1");
    assert!(connection.version().contains("MariaDB"));
    let rows = connection.query("SELECT id, NULL, iin FROM borrowers ORDER BY id", 3).unwrap();
    assert_eq!((rows.len(), rows.more()), (3, true));
    assert!(rows.iter().all(|row| row.text(1).is_none() && row.text(2).is_some_and(|iin| iin.len() == 12)));
    let slow = connection.query("SELECT SLEEP(30) FROM borrowers", 1);
    assert!(slow.is_err() && connection.is_usable());
    let wrong = refused(&config(&url, here, "wrong-pw"));
    assert_eq!((wrong.kind, wrong.code.as_str()), (ErrorKind::Login, "1045"));
    let dba = format!("mariadb://dba@127.0.0.1:{}/mfo", server.port());
    let mut connection = open(&config(&dba, here, "dba-pw")).unwrap();
    let write = connection.query("UPDATE loans SET rate = 1", 1).err().expect("read-only");
    assert_eq!((write.kind, write.code.as_str()), (ErrorKind::Statement, "1792"));
    connection.finish_by(System.monotonic() + Duration::from_millis(300));
    let cut = connection.query("SELECT SLEEP(29)", 1).err().expect("the agent's limit");
    assert_eq!(cut.kind, ErrorKind::Timeout);
    let asleep = "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(29)'";
    until("the end of the cancelled statement", Duration::from_secs(1), || (server.admin(asleep) == "0").then_some(()));
    let socket = format!("mariadb:///?user=root&socket={}", here.join("sock/my.sock").display());
    let mut connection = open(&config(&socket, here, "")).unwrap();
    assert_eq!(one(&mut connection, "SELECT @@session.tx_read_only").unwrap(), "1");
}

#[test]
fn mariadb_is_believed_as_sslmode_says() {
    let server = Mariadb::with(&|here| {
        let (_, certificate, key) = certificates(here, "mysql:mysql");
        format!("ssl_cert={}\nssl_key={}\n", certificate.display(), key.display())
    });
    let here = server.path();
    server.admin("CREATE USER guarded@'127.0.0.1' IDENTIFIED BY 'guarded-pw' REQUIRE SSL");
    let url = |host: &str, mode: &str, root: Option<&Path>| {
        let root = root.map(|root| format!("&sslrootcert={}", root.display())).unwrap_or_default();
        let port = server.port();
        config(&format!("mariadb://guarded@{host}:{port}/?sslmode={mode}{root}"), here, "guarded-pw")
    };
    let authority = here.join("ca.pem");
    let mut connection = open(&url("localhost", "verify-full", Some(&authority))).unwrap();
    assert!(connection.is_private());
    let cipher = connection.query("SHOW STATUS LIKE 'Ssl_cipher'", 1).unwrap();
    assert!(cipher.iter().any(|row| row.text(1).is_some_and(|name| !name.is_empty())), "the server knows of no TLS");
    assert!(open(&url("127.0.0.1", "verify-ca", Some(&authority))).unwrap().is_private());
    // Another name, another authority, and no TLS for an account that must have it.
    assert_eq!(refused(&url("127.0.0.1", "verify-full", Some(&authority))).kind, ErrorKind::Tls);
    let other = here.join("other");
    std::fs::create_dir(&other).expect("a scratch directory");
    let (stranger, _, _) = certificates(&other, "mysql:mysql");
    for mode in ["require", "verify-ca", "verify-full"] {
        let wrong = refused(&url("localhost", mode, Some(&stranger)));
        assert_eq!(wrong.kind, ErrorKind::Tls, "{mode}");
        assert!(wrong.help().contains("sslrootcert") && !wrong.to_string().contains("guarded-pw"), "{wrong}");
    }
    assert_eq!(refused(&url("127.0.0.1", "disable", None)).kind, ErrorKind::Login);
}

#[test]
fn postgresql_knows_its_own_users_by_the_socket() {
    let server = Postgres::start(Mode::Logall);
    let (port, here) = (server.port(), server.path());
    let user = String::from_utf8(run(Command::new("id").arg("-un")).stdout).expect("a name");
    // `admin` goes on by the map as well; nobody else of this host may be anybody.
    let access = "local all all peer map=host\n";
    std::fs::write(server.data().join("pg_hba.conf"), access).expect("pg_hba.conf");
    let map = format!("host {0} postgres\nhost {0} analyst\n", user.trim());
    std::fs::write(server.data().join("pg_ident.conf"), map).expect("pg_ident.conf");
    server.admin("mfo", "SELECT pg_reload_conf()");
    let socket = here.join("sock");
    let url = |role: &str| format!("postgresql:///mfo?user={role}&host={}&port={port}", socket.display());
    let stranger = until("the new rules", Duration::from_secs(10), || open(&config(&url("app"), here, "")).err());
    assert_eq!((stranger.kind, stranger.code.as_str()), (ErrorKind::Login, "28000"));
    for role in ["postgres", "analyst"] {
        let mut connection = open(&config(&url(role), here, "")).unwrap();
        assert_eq!(one(&mut connection, "SELECT current_user").unwrap(), role);
    }
    // A password changes nothing: it is not asked for.
    assert_eq!(refused(&config(&url("app"), here, "app-pw")).kind, ErrorKind::Login);
}
