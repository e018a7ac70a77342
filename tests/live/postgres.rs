//! A private PostgreSQL cluster with pgaudit that writes stderr, csvlog and jsonlog at once.

use super::servers::{at_log, command_as, directory_for, program};
use crate::support::{Guard, Scratch, free_port, people, run, until};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What the server logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// pgaudit with `log_rows` off: relations of COPY and cursors are told, rows are not.
    Pgaudit,
    /// pgaudit with `log_rows` on: rows are told, relations of COPY and cursors are not.
    PgauditRows,
    /// `log_statement=all` and `log_duration`, no pgaudit.
    Logall,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 3] = [Mode::Pgaudit, Mode::PgauditRows, Mode::Logall];

    /// Its name in tests/scenarios/expected.toml.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Pgaudit => "pgaudit",
            Mode::PgauditRows => "pgaudit_rows",
            Mode::Logall => "logall",
        }
    }

    fn settings(self) -> &'static str {
        match self {
            Mode::Pgaudit => {
                "shared_preload_libraries='pgaudit,pg_stat_statements'\npgaudit.log='read,write,role,ddl'\npgaudit.log_relation=on\n\
                 pgaudit.log_rows=off\npgaudit.log_parameter=on\npgaudit.log_catalog=off\nlog_statement='none'\n"
            }
            Mode::PgauditRows => {
                "shared_preload_libraries='pgaudit,pg_stat_statements'\npgaudit.log='read,write,role,ddl'\npgaudit.log_relation=on\n\
                 pgaudit.log_rows=on\npgaudit.log_parameter=on\npgaudit.log_catalog=off\nlog_statement='none'\n"
            }
            Mode::Logall => "log_statement='all'\nlog_duration=on\n",
        }
    }
}

/// `log_line_prefix` of the cluster.
pub const PREFIX: &str = "%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ";

/// A running cluster with database `mfo`: 10,000 borrowers, loans and applications, and the roles `app`, `analyst`,
/// `dba` (superuser) and `intruder`, each with the password `<role>-pw`. Stopped and removed on drop.
pub struct Postgres {
    scratch: Scratch,
    bin: PathBuf,
    port: u16,
    server: Guard,
}

impl Postgres {
    /// Makes, starts and fills a cluster.
    pub fn start(mode: Mode) -> Postgres {
        Postgres::make(mode, None)
    }

    /// The same, writing to syslog alone: to `socket`, whoever listens there.
    pub fn at_log(mode: Mode, socket: &Path) -> Postgres {
        Postgres::make(mode, Some(socket))
    }

    fn make(mode: Mode, syslog: Option<&Path>) -> Postgres {
        let scratch = Scratch::new("pg");
        let bin = program("postgresql", &["/usr/lib/postgresql/*/bin"]);
        let (data, port) = (scratch.join("data"), free_port());
        for (name, mode) in [("data", 0o700), ("sock", 0o755), ("log", 0o750)] {
            directory_for("postgres", &scratch.join(name), mode);
        }
        let mut initdb = command_as("postgres", &bin.join("initdb"));
        initdb.args(["-E", "UTF8", "--locale=C.UTF-8", "--username=postgres", "--auth=trust", "--no-sync", "-D"]);
        run(initdb.arg(&data));
        append(&data.join("postgresql.conf"), &configuration(&scratch, port, mode));
        if syslog.is_some() {
            append(&data.join("postgresql.conf"), "log_destination='syslog'\n");
        }
        // `app` in clear, so that the small client of wire.rs can log in; the log tells the method and nothing else.
        let access =
            "local all all trust\nhost mfo app 127.0.0.1/32 password\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), access).expect("pg_hba.conf");
        let server = serve(&scratch, &bin, port, syslog);
        let cluster = Postgres { scratch, bin, port, server };
        cluster.fill();
        cluster
    }

    /// Port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Directory of the logs.
    pub fn logs(&self) -> PathBuf {
        self.scratch.join("log")
    }

    /// Data directory, with `current_logfiles`.
    pub fn data(&self) -> PathBuf {
        self.scratch.join("data")
    }

    /// A directory that goes away with the cluster.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// A client program of the server's own version.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("LC_ALL", "C.UTF-8").env("PGCONNECT_TIMEOUT", "10").stdin(Stdio::null());
        command
    }

    /// psql as `role` over TCP with `password`, to `database`.
    pub fn psql(&self, role: &str, password: &str, database: &str, program: &str) -> Command {
        let mut command = self.tool("psql");
        command.args(["-X", "-q", "-h", "127.0.0.1", "-U", role, "-d", database, "-p"]).arg(self.port.to_string());
        command.env("PGPASSWORD", password).env("PGAPPNAME", program);
        command
    }

    /// Runs `text` as the superuser over the socket, unseen by pgaudit; gives what it prints.
    pub fn admin(&self, database: &str, text: &str) -> String {
        let mut command = self.tool("psql");
        command.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]);
        command.arg(self.scratch.join("sock")).arg("-p").arg(self.port.to_string());
        command.env("PGAPPNAME", "kuzet-tests").env("PGOPTIONS", "-c pgaudit.log=none");
        let output = feed(&mut command, text.as_bytes());
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Empties every log file (the server appends, so it goes on at the start of the file) once no session is left.
    pub fn empty_logs(&self) {
        let open =
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        until("end of all sessions", Duration::from_secs(20), || (self.admin("mfo", open) == "0").then_some(()));
        for file in std::fs::read_dir(self.logs()).expect("log directory").flatten() {
            std::fs::OpenOptions::new().write(true).truncate(true).open(file.path()).expect("own log");
        }
    }

    /// The newest log file with `extension` (`log`, `csv`, `json`).
    pub fn log(&self, extension: &str) -> PathBuf {
        let name = self.logs().join(format!("*.{extension}"));
        let files = glob::glob(&name.to_string_lossy()).expect("a pattern");
        files.flatten().max().unwrap_or_else(|| panic!("the server writes no {}", name.display()))
    }

    fn fill(&self) {
        self.admin("postgres", SCHEMA);
        let mut text = TABLES.to_owned();
        for (table, rows) in people::tables(&people::people(10_000)) {
            let _ = write!(text, "COPY {table} FROM STDIN CSV HEADER;\n{rows}\\.\n");
        }
        text.push_str(GRANTS);
        self.admin("mfo", &text);
        assert_eq!(self.admin("mfo", "SELECT count(*) FROM borrowers"), "10000");
    }

    /// Stops every process of the cluster in its tracks (SIGSTOP), or lets them go on.
    pub fn stop_working(&self, stop: bool) {
        let signal = if stop { "-STOP" } else { "-CONT" };
        let parent = self.server.id().to_string();
        // A stopped parent starts no more children.
        run(Command::new("kill").args([signal, &parent]));
        let children = run(Command::new("pgrep").args(["-P", &parent]));
        for child in String::from_utf8_lossy(&children.stdout).split_whitespace() {
            // One that has ended by itself needs no signal.
            let _ = Command::new("kill").args([signal, child]).stderr(Stdio::null()).status();
        }
    }

    /// What the server wrote before its log collector started.
    pub fn startup_output(&self) -> String {
        self.server.output()
    }
}

/// Runs `command` with `input` on its standard input.
pub fn feed(command: &mut Command, input: &[u8]) -> Output {
    let shown = format!("{command:?}");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    let mut pipe = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(input));
        child.wait_with_output().expect("own child")
    })
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("own configuration");
    file.write_all(text.as_bytes()).expect("own configuration");
}

fn configuration(scratch: &Scratch, port: u16, mode: Mode) -> String {
    let (sockets, logs) = (scratch.join("sock"), scratch.join("log"));
    format!(
        "listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories='{}'\nmax_connections=50\n\
         shared_buffers=64MB\nfsync=off\nsynchronous_commit=off\nautovacuum=off\nlogging_collector=on\n\
         log_directory='{}'\nlog_filename='postgresql-%Y%m%d_%H%M%S.log'\nlog_file_mode=0640\n\
         log_rotation_age=1d\nlog_rotation_size=100MB\nlog_destination='stderr,csvlog,jsonlog'\n\
         log_line_prefix='{PREFIX}'\nlog_timezone='UTC'\nlog_connections=on\nlog_disconnections=on\n\
         log_error_verbosity=default\nlog_min_error_statement=error\ncompute_query_id=on\n{}",
        sockets.display(),
        logs.display(),
        mode.settings()
    )
}

fn serve(scratch: &Scratch, bin: &Path, port: u16, syslog: Option<&Path>) -> Guard {
    let mut command = command_as("postgres", &bin.join("postgres"));
    command.arg("-D").arg(scratch.join("data"));
    if let Some(socket) = syslog {
        command = at_log(socket, &command);
    }
    let mut server = Guard::spawn("postgres", &mut command, &scratch.join("startup.log"), Signal::INT);
    let socket = scratch.join("sock");
    server.ready(Duration::from_secs(60), || {
        let mut ready = Command::new(bin.join("pg_isready"));
        ready.args(["-q", "-p", &port.to_string(), "-h"]).arg(&socket);
        ready.status().is_ok_and(|status| status.success())
    });
    server
}

const SCHEMA: &str = "
CREATE ROLE app LOGIN PASSWORD 'app-pw';
CREATE ROLE analyst LOGIN PASSWORD 'analyst-pw';
CREATE ROLE dba LOGIN SUPERUSER PASSWORD 'dba-pw';
CREATE ROLE intruder LOGIN PASSWORD 'intruder-pw';
CREATE DATABASE mfo OWNER dba;
";

const TABLES: &str = "
CREATE TABLE borrowers(id bigint PRIMARY KEY, iin char(12) UNIQUE NOT NULL, full_name text NOT NULL, phone text,
  id_card_no text, iban text, salary numeric(12,2), address text, marital_status text);
CREATE TABLE loans(id bigint PRIMARY KEY, borrower_id bigint NOT NULL REFERENCES borrowers ON DELETE CASCADE,
  amount numeric(12,2), rate numeric(5,2), opened date, due date, status text);
CREATE TABLE applications(id bigint PRIMARY KEY, borrower_id bigint NOT NULL REFERENCES borrowers ON DELETE CASCADE,
  created_at timestamp, channel text, requested numeric(12,2), decision text, score int);
CREATE INDEX ON loans(borrower_id);
CREATE INDEX ON applications(borrower_id);
";

const GRANTS: &str = "
GRANT SELECT, INSERT, UPDATE ON borrowers, loans, applications TO app;
GRANT SELECT ON borrowers, loans, applications TO analyst;
GRANT SELECT ON applications TO intruder;
DO $$ BEGIN
  IF current_setting('shared_preload_libraries') LIKE '%pgaudit%' THEN CREATE EXTENSION pgaudit; END IF;
END $$;
ANALYZE;
";

#[test]
fn every_mode_starts_and_writes_three_formats() {
    for mode in Mode::ALL {
        let cluster = Postgres::start(mode);
        cluster.empty_logs();
        run(cluster.psql("analyst", "analyst-pw", "mfo", "psql").args(["-c", "SELECT count(*) FROM borrowers"]));
        for extension in ["log", "csv", "json"] {
            until(extension, Duration::from_secs(10), || {
                let text = std::fs::read_to_string(cluster.log(extension)).unwrap_or_default();
                text.contains("SELECT count(*) FROM borrowers").then_some(())
            });
        }
    }
}
