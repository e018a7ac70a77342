//! What somebody comes for: connections that the other side began, and who was let in by them.

use super::*;

const FETCHED: u64 = 40;

/// sshd as it serves one connection: its guard, and the half that acts as the person.
fn guard() -> Arc<Process> {
    process("sshd", 640, "root", 0, &[("sshd", 9), ("systemd", 1)])
}

fn half(user: &str) -> Arc<Process> {
    process("sshd", 650, user, 0, &[("sshd", 640), ("sshd", 9), ("systemd", 1)])
}

/// A connection from `from` to `port` of this host, which sent so much.
fn inbound(seconds: i64, from: &str, port: u16, sent: u64, who: &Arc<Process>) -> Event {
    let local = SocketAddr::new("10.0.0.5".parse().unwrap(), port);
    let flow = Flow { direction: Direction::Inbound, local, ..flow(FETCHED, from, 50_111, sent, Some(who)) };
    record(seconds, flow)
}

fn joined(events: &[Event]) -> Vec<Option<Joined>> {
    how(&chained(events))
}

#[test]
fn who_reads_in_a_session_from_abroad_has_it_with_the_first_byte() {
    // Whichever half of sshd the sensor found.
    for who in [guard(), half("games")] {
        let begin = [client(0, 1, &psql_of(&who)), theft(1)];
        let far = |port, sent| [&begin[..], &[inbound(2, ABROAD, port, sent, &who)]].concat();
        let told = chained(&far(22, 10));
        assert_eq!(how(&told), [Some(Joined::Process)]);
        let transfer = told[0].transfer.clone().unwrap();
        assert!(transfer.inbound && told[0].reason.contains("who came for it"), "{}", told[0].reason);
        assert_eq!(joined(&far(2022, 10)), [Some(Joined::Process)], "on any port");
        assert!(joined(&far(5432, 900_000)).is_empty(), "what a database answers is the reading");
        for near in [HOME, ANYCAST, "10.0.0.9"] {
            let events = [&begin[..], &[inbound(2, near, 22, 900_000, &who)]].concat();
            assert!(joined(&events).is_empty(), "{near}");
        }
        // The connection is told before the log is.
        let early = [begin[0].clone(), inbound(1, ABROAD, 22, 10, &who), begin[1].clone()];
        assert_eq!(joined(&early), [Some(Joined::Process)]);
        // A session that was there long before: much of it goes after the reading.
        let old = |sent: u64| {
            let at = |seconds, sent| since_begin(inbound(seconds, ABROAD, 22, sent, &who));
            [at(0, 900_000), client(99, 1, &psql_of(&who)), theft(100), at(101, 900_000 + sent)]
        };
        assert!(joined(&old(65_535)).is_empty());
        assert_eq!(joined(&old(65_536)), [Some(Joined::Process)]);
    }
}

/// The same, of a connection that began with the tests' time.
fn since_begin(event: Event) -> Event {
    let flow = event.flow.as_deref().unwrap().clone();
    let opened = Some(record(0, flow.clone()).at);
    Event { flow: Some(Arc::new(Flow { opened, ..flow })), ..event }
}

/// psql in the session that `sshd` let in.
fn psql_of(sshd: &Process) -> Arc<Process> {
    let between = if sshd.pid == 640 { vec![("sshd", 650)] } else { Vec::new() };
    let parents = [vec![("bash", 700)], between, vec![("sshd", sshd.pid)]].concat();
    process("psql", 812, "games", 700, &parents)
}

#[test]
fn another_login_of_the_account_fetches_much() {
    let reader = psql();
    let sftp = |user: &str| process("sftp-server", 950, user, 950, &[("sshd", 650), ("sshd", 640), ("sshd", 9)]);
    let fetch = |user: &str, who: &Arc<Process>, sent| {
        let reader = process("psql", 812, "games", 700, &[("bash", 700), ("sshd", 600), ("sshd", 590)]);
        joined(&[client(0, 1, &reader), theft(1), started(60, &sftp(user)), inbound(61, ABROAD, 22, sent, who)])
    };
    // The sensor knows the account of the half that acts, or only the guard: then what was started says whose it is.
    assert_eq!(fetch("games", &half("games"), 65_536), [Some(Joined::Account)]);
    assert_eq!(fetch("games", &guard(), 65_536), [Some(Joined::Account)]);
    assert!(fetch("games", &guard(), 65_535).is_empty());
    assert!(fetch("other", &half("other"), 900_000).is_empty());
    assert!(fetch("other", &guard(), 900_000).is_empty());
    let events =
        [client(0, 1, &reader), theft(1), started(60, &sftp("games")), inbound(61, ABROAD, 22, 70_000, &guard())];
    let told = chained(&events);
    let steps: Vec<&str> = told[0].transfer.as_ref().unwrap().steps.iter().map(|step| &*step.process.name).collect();
    assert_eq!(steps, ["psql", "sftp-server"]);
    // The one that waits for connections started everybody's programs.
    let waiting = process("sshd", 9, "root", 0, &[("systemd", 1)]);
    assert!(
        joined(&[client(0, 1, &psql_of(&guard())), theft(1), inbound(2, ABROAD, 22, 900_000, &waiting)]).is_empty()
    );
}

#[test]
fn ordinary_work_is_not_fetched_by_the_account_and_root_is_nobody() {
    // Two hundred rows that nobody minds, and whoever maintains the application logs in from abroad.
    let reader = process("php", 30, "app", 0, &[("php", 20)]);
    let login = inbound(2, ABROAD, 22, 900_000, &half("app"));
    assert!(joined(&[client(0, 1, &reader), work(1), login]).is_empty());
    // In his session he reads it himself.
    let own = process("psql", 812, "app", 700, &[("bash", 700), ("sshd", 650)]);
    let login = |sent| inbound(2, ABROAD, 22, sent, &half("app"));
    assert!(joined(&[client(0, 1, &own), work(1), login(65_535)]).is_empty());
    assert_eq!(joined(&[client(0, 1, &own), work(1), login(65_536)]), [Some(Joined::Process)]);
    // A guard acts for others than root.
    let reader = process("pg_dump", 61, "root", 0, &[("backup.sh", 60), ("cron", 9)]);
    assert!(joined(&[client(0, 1, &reader), theft(1), inbound(2, ABROAD, 22, 900_000, &guard())]).is_empty());
}

#[test]
fn a_server_that_a_person_started_hands_it_out_and_a_service_serves_everybody() {
    let shell = [("bash", 700), ("sshd", 650)];
    let reader = psql();
    let server = process("python3", 960, "games", 700, &shell);
    let fetch = |who, sent| joined(&[client(0, 1, &reader), theft(1), inbound(2, ABROAD, 8_000, sent, who)]);
    assert_eq!(fetch(&server, 10), [Some(Joined::Session)]);
    // The application reads and answers; beside it, what it left is handed out.
    let java = process("java", 30, "app", 0, &[("systemd", 1)]);
    let by_hand = process("java", 31, "app", 30, &[("bash", 29), ("sshd", 28)]);
    for reader in [&java, &by_hand] {
        let events = [client(0, 1, reader), theft(1), inbound(2, ABROAD, 443, 900_000, reader)];
        assert!(joined(&events).is_empty(), "{:?}", reader.parents);
    }
    let worker = process("java", 33, "app", 30, &[("bash", 29), ("sshd", 28)]);
    assert!(joined(&[client(0, 1, &by_hand), theft(1), inbound(2, ABROAD, 443, 900_000, &worker)]).is_empty());
    let proxy = process("nginx", 50, "games", 0, &[("nginx", 49), ("systemd", 1)]);
    assert!(fetch(&proxy, 900_000).is_empty());
}

#[test]
fn a_registered_recipient_may_fetch_it_and_the_map_says_where_it_went() {
    let begin = [client(0, 1, &psql()), theft(1), inbound(2, ABROAD, 22, 900_000, &half("games"))];
    assert!(with(ALL, &begin).is_empty());
    let mut agent = agent("");
    observe(&mut agent, &begin);
    let rows = agent.changes().into_iter().filter_map(|(key, value)| crate::reached_row(&key, &value?));
    let ended: Vec<(u64, bool)> = rows.map(|one| (one.sent, one.has("borrowers"))).collect();
    assert_eq!(ended, [(900_000, true)]);
}
