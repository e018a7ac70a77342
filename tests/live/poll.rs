//! Real servers asked as the agent asks them: true rows of what the audit log hides, and changes by any path.

use super::database::config;
use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres, feed};
use super::wire;
use crate::support::run;
use kuzet::clock::{Clock, System};
use kuzet::database::DatabaseConfig;
use kuzet::database::poll;
use kuzet::message::Outlet;
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format};
use kuzet_event::{Action, Event, FileId, Flag, SourceId, Witness};
use kuzet_personal::Key;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longest time that one poll may take here.
const PATIENCE: Duration = Duration::from_secs(60);

/// An outlet whose pauses end when the test says so.
struct Steps {
    records: Mutex<Vec<u8>>,
    problem: Mutex<Option<String>>,
    done: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Outlet for Steps {
    fn send(&self, record: &[u8]) -> bool {
        let mut records = self.records.lock().expect("not poisoned");
        records.extend_from_slice(record);
        records.push(b'\n');
        true
    }

    fn problem(&self, problem: Option<String>) {
        *self.problem.lock().expect("not poisoned") = problem;
    }

    fn pause(&self, _time: Duration) -> bool {
        let _ = self.done.lock().expect("not poisoned").send(());
        self.go.lock().expect("not poisoned").recv().is_ok()
    }
}

/// A poller that waits for the test between two polls. Ends when it is dropped.
struct Poller {
    steps: Arc<Steps>,
    done: Receiver<()>,
    go: Sender<()>,
    format: Format,
}

impl Poller {
    /// Asks once, for what is compared with.
    fn start(config: DatabaseConfig, format: Format) -> Poller {
        let ((done_here, done), (go, go_here)) = (channel(), channel());
        let steps = Arc::new(Steps {
            records: Mutex::default(),
            problem: Mutex::default(),
            done: Mutex::new(done_here),
            go: Mutex::new(go_here),
        });
        let outlet = Arc::clone(&steps);
        std::thread::spawn(move || {
            let clock: Arc<dyn Clock> = Arc::new(System);
            poll::run(&config, outlet.as_ref(), &clock);
        });
        let poller = Poller { steps, done, go, format };
        poller.done.recv_timeout(PATIENCE).expect("the first poll");
        poller
    }

    /// Events since the last call, of one more poll.
    fn poll(&self) -> Vec<Event> {
        self.go.send(()).expect("the poller runs");
        self.done.recv_timeout(PATIENCE).expect("a poll");
        self.events()
    }

    fn events(&self) -> Vec<Event> {
        let bytes = std::mem::take(&mut *self.steps.records.lock().expect("not poisoned"));
        decode(self.format, &bytes)
    }

    /// Polls until an event is as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = crate::support::poll(PATIENCE, || self.poll().into_iter().find(|event| wanted(event)));
        found.unwrap_or_else(|| panic!("no {what}; problem: {:?}", self.problem()))
    }

    fn problem(&self) -> Option<String> {
        self.steps.problem.lock().expect("not poisoned").clone()
    }
}

fn decode(format: Format, bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut decoder = format.decoder(&DecodeOptions::new(Key::new([7; 32])));
    let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes, edge: Edge::End };
    let done = decoder.decode(chunk, &mut events);
    assert_eq!(done.tally.lost, 0, "{}", String::from_utf8_lossy(bytes));
    events
}

/// Rows of a relation that a role got, as measured.
fn rows(events: &[Event], user: &str, relation: &str) -> u64 {
    let of = |event: &&Event| {
        event.action == Action::Statement
            && &*event.actor.user == user
            && event.relations().iter().any(|one| &*one.name == relation)
    };
    events.iter().filter(of).filter_map(|event| event.rows.known()).sum()
}

fn weakens(event: &Event, word: &str) -> bool {
    let statement = event.statement.as_ref();
    statement.is_some_and(|one| one.flags.has(Flag::WeakensAudit) && one.summary.to_lowercase().contains(word))
}

fn postgresql() -> (Postgres, Poller) {
    let server = Postgres::start(Mode::Pgaudit);
    server.admin("mfo", "CREATE EXTENSION pg_stat_statements; CREATE ROLE kuzet LOGIN PASSWORD 'kuzet-pw'");
    server.admin("mfo", "GRANT pg_monitor TO kuzet");
    let url = format!("postgresql://kuzet@127.0.0.1:{}/mfo", server.port());
    let poller = Poller::start(config(&url, server.path(), "kuzet-pw"), Format::PostgresqlStatus);
    let began = poller.events();
    assert_eq!((began[0].action, began[0].witness), (Action::Server, Witness::Measure));
    assert_eq!(poller.problem(), None);
    (server, poller)
}

#[test]
fn rows_that_the_audit_log_hides_are_measured() {
    let (server, poller) = postgresql();
    let loans: u64 = server.admin("mfo", "SELECT count(*) FROM loans").parse().expect("a number");
    poller.poll();
    let psql = |text: &str| {
        let mut command = server.psql("analyst", "analyst-pw", "mfo", "psql");
        let output = feed(&mut command, text.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    psql("SELECT * FROM borrowers; COPY borrowers TO STDOUT;");
    psql(
        "SET pgaudit.log = 'none'; BEGIN; DECLARE c CURSOR FOR SELECT * FROM loans; FETCH 2000 FROM c; FETCH ALL FROM c;",
    );
    let mut dump = server.tool("pg_dump");
    dump.args(["-h", "127.0.0.1", "-U", "dba", "-d", "mfo", "-t", "applications", "-p"]).arg(server.port().to_string());
    run(dump.env("PGPASSWORD", "dba-pw"));
    let events = poller.poll();
    assert_eq!(rows(&events, "analyst", "borrowers"), 20_000);
    assert_eq!(rows(&events, "analyst", "loans"), loans);
    assert_eq!(rows(&events, "dba", "applications"), 10_000);
    assert!(events.iter().all(|event| &*event.actor.user != "kuzet"), "the agent's own statements are told");
    assert_eq!(rows(&poller.poll(), "analyst", "borrowers"), 0, "told twice");
}

#[test]
fn a_session_has_the_number_that_the_log_gives_it() {
    let (server, poller) = postgresql();
    let _session = wire::Session::open(server.port(), "app", "app-pw", "mfo", "clerks").expect("a session");
    let seen = poller.until("session of app", |event| event.action == Action::Seen && &*event.actor.user == "app");
    let log = std::fs::read(server.log("csv")).expect("the log");
    let login = |event: &Event| event.action == Action::Login && &*event.actor.user == "app";
    let logged = decode(Format::PostgresqlCsvlog, &log).into_iter().find(login).expect("its login");
    assert_eq!((seen.session, &seen.actor.client), (logged.session, &logged.actor.client));
}

#[test]
fn changes_by_any_path_are_told() {
    let (server, poller) = postgresql();
    let reload = || server.admin("mfo", "SELECT pg_reload_conf()");
    server.admin("mfo", "ALTER SYSTEM SET pgaudit.log = 'none'");
    reload();
    poller.until("ALTER SYSTEM", |event| event.action == Action::Setting && weakens(event, "pgaudit.log"));
    let file = server.data().join("postgresql.conf");
    let text = std::fs::read_to_string(&file).expect("own file");
    std::fs::write(&file, text + "\nlog_connections = off\n").expect("own file");
    reload();
    poller.until("edited file", |event| event.action == Action::Setting && weakens(event, "log_connections"));
    server.admin("mfo", "ALTER ROLE analyst SET pgaudit.log = 'none'");
    poller.until("setting of a role", |event| weakens(event, "alter role"));
    server.admin("mfo", "ALTER ROLE analyst SUPERUSER");
    let raised = poller.until("superuser", |event| {
        event.statement.as_ref().is_some_and(|one| one.flags.has(Flag::Escalates) && one.role.is_some())
    });
    assert_eq!((&*raised.actor.user, raised.witness), ("", Witness::Measure));
    server.admin("mfo", "SELECT pg_create_physical_replication_slot('leak')");
    poller.until("slot", |event| event.statement.as_ref().is_some_and(|one| one.flags.has(Flag::Replication)));
    server.admin("mfo", "SELECT pg_stat_statements_reset()");
    poller.until("statistics wiped", |event| weakens(event, "pg_stat_statements_reset"));
    server.admin("mfo", "DROP EXTENSION pgaudit");
    poller.until("extension", |event| weakens(event, "pgaudit"));
    // A server that stops answering is a problem and nothing more; once it is back, it is asked on.
    server.stop_working(true);
    let stopped = crate::support::poll(PATIENCE, || poller.poll().is_empty().then(|| poller.problem()).flatten());
    server.stop_working(false);
    assert!(stopped.is_some_and(|problem| problem.contains("no answer in time")));
    crate::support::until("the server back", PATIENCE, || {
        poller.poll();
        poller.problem().is_none().then_some(())
    });
}

#[test]
fn mariadb_is_asked_too() {
    let server = Mariadb::start();
    server.admin("CREATE USER kuzet@'127.0.0.1' IDENTIFIED BY 'kuzet-pw'; SET GLOBAL userstat = ON;");
    server.admin("GRANT PROCESS, SELECT ON *.* TO kuzet@'127.0.0.1'");
    let url = format!("mariadb://kuzet@127.0.0.1:{}", server.port());
    let poller = Poller::start(config(&url, server.path(), "kuzet-pw"), Format::MariadbStatus);
    assert_eq!((poller.events()[0].action, poller.problem()), (Action::Server, None));
    poller.poll();
    run(server.client("analyst", "analyst-pw", "mfo").args(["-e", "SELECT * FROM borrowers"]));
    let measured = poller.until("rows", |event| &*event.actor.user == "analyst" && event.rows.known().is_some());
    let rows = measured.rows.known().unwrap_or_default();
    assert!((10_000..10_100).contains(&rows), "{rows}");
    server.admin("SET GLOBAL server_audit_events = 'CONNECT'");
    poller.until("setting", |event| event.action == Action::Setting && weakens(event, "server_audit_events"));
    server.admin("GRANT SUPER ON *.* TO analyst@'127.0.0.1'");
    poller.until("rights", |event| event.statement.as_ref().is_some_and(|one| one.flags.has(Flag::Escalates)));
}
