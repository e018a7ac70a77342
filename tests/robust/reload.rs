//! Another configuration while the agent runs: all of it or nothing, told in log, metric and status, and no record lost or
//! counted twice, even when the agent is killed meanwhile.

use super::feed::{now, server_audit};
use super::kill::{Log, gaps, pause, recording, same, settled, setup, told, undisturbed};
use crate::support::agent::{Agent, Setup, json_lines};
use crate::support::{Guard, Random, free_port, http, poll, root, until};
use rustix::process::Signal;
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const IN_FORCE: &str = "The new configuration is in force.";
const LIMIT: Duration = Duration::from_secs(30);

/// Puts `text` in the place of the configuration, as editors do it.
fn replace(setup: &Setup, text: &str) {
    let new = setup.scratch.join("kuzet.toml.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, setup.file()).unwrap();
}

fn current(setup: &Setup) -> String {
    std::fs::read_to_string(setup.file()).unwrap()
}

fn times(agent: &Agent, what: &str) -> usize {
    agent.output().matches(what).count()
}

/// Asks for a reload and waits until it is done.
fn reloaded(agent: &mut Agent, text: &str) {
    let before = times(agent, IN_FORCE);
    replace(&agent.setup, text);
    agent.process().signal(Signal::HUP);
    let done = poll(LIMIT, || (times(agent, IN_FORCE) > before).then_some(()));
    assert!(done.is_some(), "not in force:\n{}", agent.output());
}

fn status(setup: &Setup) -> Value {
    json_lines(&setup.run(&["status", "--json"]).stdout).remove(0)
}

/// The sources of a configuration: beside the watched log another one that comes and goes, in front of it.
fn sources(setup: &Setup, log: &Path, number: u64) -> String {
    let text = current(setup);
    let (head, _) = text.split_once("[[source]]").unwrap();
    let source = |name: &str, paths: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\nformat = \"postgresql_csvlog\"\npaths = [{paths}]\noffset = \"+00:00\"\n\
             from_beginning = true\n"
        )
    };
    let other = setup.scratch.join("other.csv");
    let mut text = head.to_owned();
    if number.is_multiple_of(2) {
        text += &source("other", &format!("\"{}\"", other.display()));
    }
    let pattern = log.with_file_name("audit.csv*").display().to_string();
    // Every third time the watched source itself is another one.
    let more = if number.is_multiple_of(3) { format!(", \"{}\"", log.display()) } else { String::new() };
    text += &source("pg", &format!("\"{pattern}\"{more}"));
    text + &format!("[store]\nkeep_days = {}\n", 100 + number)
}

#[test]
fn nothing_is_lost_or_doubled_by_reloads_rotation_and_kills() {
    let (reloads, seed) = (40, 20_261_124);
    let mut random = Random::new(seed);
    let share = 40;
    let records = recording((reloads + 1) * share, true, &mut random);
    let mut log = Log::new();
    let setup = setup("reloaded", &log.path());
    setup.write();
    let spawn = || {
        let mut agent = setup.spawn("info");
        // From its first line on it catches signals.
        let started = |agent: &Guard| agent.output().contains("kuzet ");
        until("the first line", LIMIT, || started(&agent).then_some(()));
        assert!(agent.alive(), "{}", agent.output());
        agent
    };
    let mut agent = spawn();
    let mut done = 0;
    for (cycle, part) in records[..reloads * share].chunks(share).enumerate() {
        for piece in part.chunks(share / 4) {
            log.write(piece);
            pause(random.below(3_000));
            if random.below(3) == 0 {
                replace(&setup, &sources(&setup, &log.path(), random.below(1_000_000)));
                let before = agent.output().matches(IN_FORCE).count();
                agent.signal(Signal::HUP);
                // Every second one is waited for, so that a busy machine tests as much as an idle one.
                if random.below(2) == 0 {
                    until("a reload", LIMIT, || (agent.output().matches(IN_FORCE).count() > before).then_some(()));
                } else {
                    pause(random.below(20_000));
                }
            }
        }
        if cycle % 4 == 3 {
            settled(&setup, &log);
            log.rotate();
        }
        if cycle % 5 == 4 {
            done += agent.output().matches(IN_FORCE).count();
            agent.kill();
            agent = spawn();
        }
    }
    log.write(&records[reloads * share..]);
    settled(&setup, &log);
    done += agent.output().matches(IN_FORCE).count();
    assert!(done > reloads / 2, "only {done} reloads: the test proves little");
    assert!(!agent.output().contains("refused"), "{}", agent.output());
    let (sight, told) = told(&setup);
    assert!(gaps(&setup).is_empty() && sight.is_empty(), "nothing was cut: {:?}", gaps(&setup));
    same(&told, &undisturbed(&records), seed);
}

#[test]
fn a_broken_set_is_refused_as_a_whole_and_told() {
    let log = crate::support::Scratch::new("refused-log");
    let path = log.join("audit.csv");
    std::fs::write(&path, "").unwrap();
    let policy = log.join("policy.toml");
    std::fs::copy(root().join("tests/scenarios/policy.toml"), &policy).unwrap();
    let setup = Setup::new("refused").source("pg", "postgresql_csvlog", &path, "");
    let mut agent = setup.start();
    let good = current(&agent.setup)
        .replace(&root().join("tests/scenarios/policy.toml").display().to_string(), &policy.display().to_string());
    let successful = |agent: &Agent| agent.setup.metric("kuzet_config_last_reload_successful");
    reloaded(&mut agent, &(good.clone() + "[thresholds]\nbulk_rows = 77\n"));
    let output = agent.output();
    assert!(output.contains("thresholds.bulk_rows added (77)") && output.contains("policy changed"), "{output}");

    // Written in place and left alone; nobody sends a signal.
    let line = good.lines().count() + 1;
    std::fs::write(agent.setup.file(), good.clone() + "[metrics2]\nlisten = \"s3cret\"\n").unwrap();
    until("the refusal", LIMIT, || (successful(&agent) == Some(0.0)).then_some(()));
    until("why", LIMIT, || agent.output().contains("stays in force").then_some(()));
    let output = agent.output();
    assert!(output.contains("KZ010") && !output.contains("s3cret"), "{output}");
    let refused = &status(&agent.setup)["configuration"]["refused"]["faults"][0];
    assert_eq!((&refused["code"], &refused["line"]), (&"KZ010".into(), &line.into()), "{refused}");

    // The old one works: what is written now is read.
    std::fs::copy(root().join("tests/data/samples/postgresql/pgaudit-bulk_select.csv"), &path).unwrap();
    let size = path.metadata().unwrap().len();
    agent.setup.caught_up(&|_| size);
    until("incidents", LIMIT, || (!agent.setup.incidents().is_empty()).then_some(()));

    replace(&agent.setup, &(good.clone() + "[thresholds]\nbulk_rows = 78\n"));
    until("the mended one", LIMIT, || (successful(&agent) == Some(1.0)).then_some(()));
    assert_eq!(status(&agent.setup)["configuration"]["refused"], Value::Null);

    // A policy that does not parse, and a file that is gone.
    std::fs::write(&policy, "[[grant]\n").unwrap();
    until("the refusal of the policy", LIMIT, || (successful(&agent) == Some(0.0)).then_some(()));
    std::fs::copy(root().join("tests/scenarios/policy.toml"), &policy).unwrap();
    until("the policy as it was", LIMIT, || (successful(&agent) == Some(1.0)).then_some(()));
    std::fs::remove_file(agent.setup.file()).unwrap();
    until("the refusal of nothing", LIMIT, || (successful(&agent) == Some(0.0)).then_some(()));
    assert!(agent.output().contains("KZ001"));
    replace(&agent.setup, &good);
    until("the last one", LIMIT, || (successful(&agent) == Some(1.0)).then_some(()));
    assert!(agent.process().stop().success());
}

#[test]
fn channels_are_exchanged_and_keep_what_waits() {
    let log = crate::support::Scratch::new("exchanged-log");
    let (path, told) = (log.join("audit.csv"), log.join("told.jsonl"));
    std::fs::copy(root().join("tests/data/samples/postgresql/pgaudit-bulk_select.csv"), &path).unwrap();
    let dead = format!(
        "[[notify]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://user:pa55word@127.0.0.1:{}/\"\n",
        free_port()
    );
    let setup = Setup::new("exchanged").source("pg", "postgresql_csvlog", &path, "");
    setup.write();
    let plain = current(&setup);
    let mut agent = setup.with(&dead.replace("user:pa55word@", "")).start();
    let waiting = |agent: &Agent| agent.setup.metric("kuzet_outbox_pending{channel=\"desk\"}");
    let waits = until("notifications that wait", LIMIT, || waiting(&agent).filter(|waits| *waits > 0.0));
    reloaded(&mut agent, &plain);
    assert!(agent.output().contains("What waits for a channel that is gone stays in the outbox."));
    assert_eq!(waiting(&agent), None, "its series is gone");
    let desk = format!("[[notify]]\nname = \"desk\"\nkind = \"jsonlines\"\npath = \"{}\"\n", told.display());
    reloaded(&mut agent, &(plain + &desk));
    until("everything told", LIMIT, || {
        let text = std::fs::read(&told).unwrap_or_default();
        (json_lines(&text).len() as f64 >= waits && waiting(&agent) == Some(0.0)).then_some(())
    });
    let ids: Vec<String> = json_lines(&std::fs::read(&told).unwrap()).iter().map(Value::to_string).collect();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "told twice");
    assert!(!agent.output().contains("pa55word"));
}

#[test]
fn metrics_move_and_the_state_directory_does_not() {
    let setup = Setup::new("moved").source("pg", "postgresql_csvlog", Path::new("/nonexistent/audit.csv"), "");
    let mut agent = setup.start();
    let (old, new, taken) = (agent.setup.port, free_port(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let text = current(&agent.setup);
    let moved = text.replace(&format!(":{old}\""), &format!(":{new}\""));
    reloaded(&mut agent, &moved);
    assert!(http::get(new, "/metrics").is_ok() && http::get(old, "/metrics").is_err());

    let busy = text.replace(&format!(":{old}\""), &format!(":{}\"", taken.local_addr().unwrap().port()));
    replace(&agent.setup, &busy);
    agent.process().signal(Signal::HUP);
    until("the refusal", LIMIT, || agent.output().contains("stays in force").then_some(()));
    assert!(agent.output().contains("metrics-listen"), "{}", agent.output());
    assert!(http::get(new, "/metrics").unwrap().contains("kuzet_config_last_reload_successful 0"));

    let state = agent.setup.state();
    let elsewhere = agent.setup.scratch.join("elsewhere");
    reloaded(&mut agent, &moved.replace(&state.display().to_string(), &elsewhere.display().to_string()));
    assert!(agent.output().contains("The state directory cannot change while the agent runs"));
    assert!(!elsewhere.exists());
    assert!(agent.process().stop().success());
}

fn listener(name: &str, port: u16, more: &str) -> String {
    format!(
        "[[source]]\nname = \"{name}\"\nformat = \"mariadb_server_audit\"\nlisten = \"tcp://127.0.0.1:{port}\"\n{more}\n"
    )
}

/// Records of one source, of all runs.
fn seen(setup: &Setup, source: &str) -> u64 {
    let status = status(setup);
    let sources = status["sources"].as_array().unwrap();
    sources.iter().find(|one| one["name"] == source).and_then(|one| one["seen"].as_u64()).unwrap_or(0)
}

#[test]
fn an_unchanged_listener_keeps_its_connections_and_loses_nothing() {
    let (port, old, new, late) = (free_port(), free_port(), free_port(), free_port());
    let setup = Setup::new("listeners");
    setup.write();
    let head = current(&setup);
    let setup = setup.with(&(listener("moved", old, "") + &listener("kept", port, "")));
    let mut agent = setup.start();
    let connect = |port: u16| until("it listens", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
    let (mut kept, mut moved) = (connect(port), connect(old));
    let at = now();
    let line = |number: u64| server_audit(at, "app", 7, number, "QUERY", "SELECT 1 FROM loans", 0);
    let mut sent = 0;
    let mut write = |stream: &mut TcpStream, records: u64| {
        for _ in 0..records {
            sent += 1;
            stream.write_all(line(sent).as_bytes()).unwrap();
        }
    };
    moved.write_all(line(1).as_bytes()).unwrap();
    until("the record of the one that moves", LIMIT, || (seen(&agent.setup, "moved") == 1).then_some(()));
    // Each time the kept one has another number, and the others are new, gone or elsewhere.
    let others = [
        listener("late", late, "") + &listener("kept", port, "") + &listener("moved", new, ""),
        listener("kept", port, "") + "[thresholds]\nbulk_rows = 77\n",
        listener("moved", new, "allow = [\"127.0.0.0/8\"]") + &listener("kept", port, ""),
    ];
    for (turn, sources) in (0_u64..).zip(&others) {
        write(&mut kept, 2_000);
        reloaded(&mut agent, &(head.clone() + sources));
        write(&mut kept, 2_000);
        if turn == 0 {
            connect(late);
            let mut elsewhere = connect(new);
            elsewhere.write_all(line(2).as_bytes()).unwrap();
            until("the record of the one that moved", LIMIT, || (seen(&agent.setup, "moved") == 2).then_some(()));
            assert!(TcpStream::connect(("127.0.0.1", old)).is_err(), "the old port is closed");
        }
    }
    assert!(TcpStream::connect(("127.0.0.1", late)).is_err(), "what is gone does not listen");
    let output = agent.output();
    assert!(
        output.contains("source[late].listen added") && output.contains("source[moved].listen changed"),
        "no difference in the log: {output}"
    );

    // One fault, and nothing of it is in force.
    let wrong = listener("kept", late, "") + &listener("moved", new, "allow = [\"everybody\"]");
    replace(&agent.setup, &(head + &wrong));
    agent.process().signal(Signal::HUP);
    until("the refusal", LIMIT, || agent.output().contains("stays in force").then_some(()));
    assert!(agent.output().contains("KZ065") && TcpStream::connect(("127.0.0.1", late)).is_err());
    write(&mut kept, 2_000);
    until("every record", LIMIT, || (seen(&agent.setup, "kept") >= 14_000).then_some(()));
    assert_eq!(seen(&agent.setup, "kept"), 14_000);
    agent.setup.accounted("kept");
    assert!(agent.process().stop().success());
    assert!(gaps(&agent.setup).is_empty(), "{:?}", gaps(&agent.setup));
}
