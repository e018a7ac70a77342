//! A private MariaDB server with server_audit in file form.

use super::postgres::feed;
use super::servers::{at_log, command_as, directory_for, program};
use crate::support::{Guard, Scratch, free_port, people, run, until};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running server with database `mfo` as in `Postgres`: same people, same accounts at 127.0.0.1. Stopped and
/// removed on drop.
pub struct Mariadb {
    scratch: Scratch,
    port: u16,
    server: Guard,
}

impl Mariadb {
    /// Makes, starts and fills a server.
    pub fn start() -> Mariadb {
        Mariadb::make(None, &|_| String::new())
    }

    /// The same, with an audit that writes to syslog alone: to `socket`, whoever listens there.
    pub fn at_log(socket: &Path) -> Mariadb {
        Mariadb::make(Some(socket), &|_| String::new())
    }

    /// The same with further lines of its option file, made for the directory that goes away with it.
    pub fn with(more: &dyn Fn(&Path) -> String) -> Mariadb {
        Mariadb::make(None, more)
    }

    fn make(syslog: Option<&Path>, more: &dyn Fn(&Path) -> String) -> Mariadb {
        let scratch = Scratch::new("my");
        let port = free_port();
        for (name, mode) in [("data", 0o700), ("sock", 0o755), ("log", 0o750), ("out", 0o777)] {
            directory_for("mysql", &scratch.join(name), mode);
        }
        let options = configuration(&scratch, port, syslog.is_some()) + &more(scratch.path());
        std::fs::write(scratch.join("my.cnf"), options).expect("my.cnf");
        let mut install = Command::new(program("mariadb-server", &["/usr/bin/mariadb-install-db"]));
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.arg(format!("--datadir={}", scratch.join("data").display()));
        if rustix::process::geteuid().is_root() {
            install.arg("--user=mysql");
        }
        // One at a time: two bootstraps at once have failed on a small machine.
        static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        run(&mut install);
        drop(alone);
        let mut command = command_as("mysql", &program("mariadb-server", &["/usr/sbin/mariadbd"]));
        command.arg(format!("--defaults-file={}", scratch.join("my.cnf").display()));
        if let Some(socket) = syslog {
            command = at_log(socket, &command);
        }
        let mut server = Guard::spawn("mariadbd", &mut command, &scratch.join("startup.log"), Signal::TERM);
        let socket = scratch.join("sock/my.sock");
        server.ready(Duration::from_secs(60), || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        let server = Mariadb { scratch, port, server };
        server.fill();
        server
    }

    /// Port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The audit log.
    pub fn log(&self) -> PathBuf {
        self.scratch.join("log/server_audit.log")
    }

    /// Directory of the logs.
    pub fn logs(&self) -> PathBuf {
        self.scratch.join("log")
    }

    /// A directory that the server may write to.
    pub fn out(&self) -> PathBuf {
        self.scratch.join("out")
    }

    /// A directory that goes away with the server.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// A client program as `user` over TCP with `password`.
    pub fn tool(&self, name: &str, user: &str, password: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["--no-defaults", "-h", "127.0.0.1", "-u", user, "-P"]).arg(self.port.to_string());
        command.arg(format!("-p{password}")).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// The command line client as `user` in `database`.
    pub fn client(&self, user: &str, password: &str, database: &str) -> Command {
        let mut command = self.tool("mariadb", user, password);
        command.args(["--default-character-set=utf8mb4", "--comments", database]);
        command
    }

    /// Runs `text` as root over the socket; gives what it prints.
    pub fn admin(&self, text: &str) -> String {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--default-character-set=utf8mb4", "-N", "-u", "root", "-S"]);
        command.arg(self.scratch.join("sock/my.sock"));
        let output = feed(&mut command, text.as_bytes());
        assert!(output.status.success(), "mariadb: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until no session is left.
    pub fn quiet(&self) {
        let open =
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user <> 'system user'";
        until("end of all sessions", Duration::from_secs(20), || (self.admin(open) == "0").then_some(()));
    }

    /// Empties the audit log (the server appends, so it goes on at the start of the file) once no session is left.
    pub fn empty_logs(&self) {
        self.quiet();
        std::fs::OpenOptions::new().write(true).truncate(true).open(self.log()).expect("own log");
    }

    fn fill(&self) {
        let mut text = SCHEMA.to_owned();
        for (table, rows) in people::tables(&people::people(10_000)) {
            let file = self.out().join(table);
            std::fs::write(&file, rows).expect("a scratch file");
            let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            std::fs::set_permissions(&file, readable).expect("own file");
            let _ = writeln!(
                text,
                "LOAD DATA INFILE '{}' INTO TABLE {table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' \
                 OPTIONALLY ENCLOSED BY '\"' IGNORE 1 LINES;",
                file.display()
            );
        }
        self.admin(&text);
        assert_eq!(self.admin("SELECT COUNT(*) FROM mfo.borrowers"), "10000");
    }

    /// What the server wrote to its standard output.
    pub fn startup_output(&self) -> String {
        self.server.output()
    }
}

fn configuration(scratch: &Scratch, port: u16, syslog: bool) -> String {
    let output = if syslog { "syslog" } else { "file" };
    let at = scratch.path().display();
    let user = if rustix::process::geteuid().is_root() { "user=mysql\n" } else { "" };
    format!(
        "[mariadbd]\n{user}datadir={at}/data\nsocket={at}/sock/my.sock\npid-file={at}/sock/my.pid\nport={port}\n\
         bind-address=127.0.0.1\nskip-name-resolve\ninnodb_buffer_pool_size=32M\ninnodb_flush_log_at_trx_commit=0\n\
         performance_schema=OFF\ncharacter-set-server=utf8mb4\nplugin_load_add=server_audit\n\
         server_audit=FORCE_PLUS_PERMANENT\nserver_audit_logging=ON\nserver_audit_events='CONNECT,QUERY,TABLE'\n\
         server_audit_output_type={output}\nserver_audit_file_path={at}/log/server_audit.log\n\
         server_audit_file_rotate_size=100000000\nserver_audit_file_rotations=9\nserver_audit_query_log_limit=1024\n\
         secure_file_priv=\n"
    )
}

const SCHEMA: &str = "
CREATE DATABASE mfo CHARACTER SET utf8mb4;
CREATE USER app@'127.0.0.1' IDENTIFIED BY 'app-pw', analyst@'127.0.0.1' IDENTIFIED BY 'analyst-pw',
  dba@'127.0.0.1' IDENTIFIED BY 'dba-pw', intruder@'127.0.0.1' IDENTIFIED BY 'intruder-pw';
GRANT SELECT, INSERT, UPDATE ON mfo.* TO app@'127.0.0.1';
GRANT SELECT ON mfo.* TO analyst@'127.0.0.1';
GRANT ALL ON *.* TO dba@'127.0.0.1' WITH GRANT OPTION;
USE mfo;
CREATE TABLE borrowers(id bigint PRIMARY KEY, iin char(12) UNIQUE NOT NULL, full_name varchar(200) NOT NULL,
  phone varchar(20), id_card_no varchar(12), iban varchar(34), salary decimal(12,2), address varchar(300),
  marital_status varchar(20));
CREATE TABLE loans(id bigint PRIMARY KEY, borrower_id bigint NOT NULL, amount decimal(12,2), rate decimal(5,2),
  opened date, due date, status varchar(20), KEY(borrower_id));
CREATE TABLE applications(id bigint PRIMARY KEY, borrower_id bigint NOT NULL, created_at datetime, channel varchar(20),
  requested decimal(12,2), decision varchar(20), score int, KEY(borrower_id));
GRANT SELECT ON mfo.applications TO intruder@'127.0.0.1';
";

#[test]
fn the_server_starts_and_audits() {
    let server = Mariadb::start();
    server.empty_logs();
    run(server.client("analyst", "analyst-pw", "mfo").args(["-e", "SELECT COUNT(*) FROM borrowers"]));
    until("the audit record", Duration::from_secs(10), || {
        let text = std::fs::read_to_string(server.log()).unwrap_or_default();
        text.contains("READ,mfo,borrowers").then_some(())
    });
}
