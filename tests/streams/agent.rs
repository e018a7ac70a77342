//! The whole agent with sources that are no files: what it finds, says and keeps.

use super::LIMIT;
use super::tls::Authority;
use crate::support::agent::{Setup, is_incident, json_lines};
use crate::support::{free_port, root, until};
use serde_json::Value;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;

fn sample(name: &str) -> PathBuf {
    root().join("tests/data/samples").join(name)
}

fn listening(name: &str, format: &str, listen: &str, more: &str) -> String {
    format!("\n[[source]]\nname = \"{name}\"\nformat = \"{format}\"\nlisten = \"{listen}\"\n{more}\n")
}

/// What incidents say whatever the source was called and whenever they were seen.
fn stories(incidents: &[Value], source: &str) -> Vec<String> {
    let story = |incident: &Value| {
        let mut story = incident.clone();
        for key in ["kuzet.observed", "kuzet.story"] {
            story.as_object_mut().unwrap().remove(key);
        }
        let file = story["kuzet.evidence"]["files"][0]["file"].as_str().unwrap().to_owned();
        story.to_string().replace(&file, "FILE").replace(&format!("\"{source}\""), "SOURCE")
    };
    let mut stories: Vec<String> = incidents.iter().map(story).collect();
    stories.sort();
    stories
}

fn text(setup: &Setup, arguments: &[&str]) -> String {
    String::from_utf8(setup.run(arguments).stdout).unwrap()
}

#[test]
fn what_comes_over_the_network_leads_to_the_incidents_of_a_replay() {
    let port = free_port();
    let file = sample("postgresql/pgaudit-enum_iin.json");
    let agent = Setup::new("stream-replay")
        .with(&listening("net", "postgresql_jsonlog", &format!("tcp://127.0.0.1:{port}"), ""))
        .start();
    let bytes = std::fs::read(&file).unwrap();
    let mut client = until("it listens", LIMIT, || TcpStream::connect(("127.0.0.1", port)).ok());
    client.write_all(&bytes).unwrap();
    drop(client);
    let records = bytes.iter().filter(|byte| **byte == b'\n').count() as f64;
    until("all is seen", LIMIT, || {
        let seen = agent.setup.metric("kuzet_records_seen_total{source=\"net\"}")?;
        (seen >= records).then_some(())
    });
    agent.setup.accounted("net");
    let live = until("incidents", LIMIT, || Some(agent.setup.incidents()).filter(|found| !found.is_empty()));
    let output = agent.setup.run(&["replay", "--json", "--format", "postgresql_jsonlog", file.to_str().unwrap()]);
    let replayed: Vec<Value> = json_lines(&output.stdout).into_iter().filter(is_incident).collect();
    assert_eq!(stories(&live, "net"), stories(&replayed, "replay"));
}

#[test]
fn listeners_are_told_before_and_while_they_run() {
    let authority = Authority::new("told");
    authority.sign("server");
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let tls = format!(
        "cert = \"{}\"\nkey = \"{}\"\nclient_ca = \"{}\"\nallow = [\"127.0.0.1\"]",
        authority.path("server.pem").display(),
        authority.path("server.key").display(),
        authority.path("root.pem").display()
    );
    let (udp, secure) = (format!("udp://127.0.0.1:{}", free_port()), format!("tls://127.0.0.1:{}", free_port()));
    let setup = Setup::new("stream-told")
        .with(&listening("dgram", "mariadb_server_audit", &udp, ""))
        .with(&listening("secure", "mariadb_server_audit", &secure, &tls))
        .with(&listening("late", "mariadb_server_audit", &format!("tcp://{taken}"), ""));
    setup.write();
    let checked = text(&setup, &["check"]);
    assert!(checked.contains(&format!("dgram listens on {udp}")), "{checked}");
    assert!(checked.contains(&format!("secure listens on {secure}, from holders of a certificate")), "{checked}");
    let agent = setup.start();
    assert!(agent.output().contains(&format!("listens on {udp}")), "{}", agent.output());
    until("what is wrong is told", LIMIT, || {
        let status = text(&agent.setup, &["status"]);
        (status.contains("problem    late: cannot listen on") && status.contains("stream     dgram")).then_some(())
    });
    let doctor = text(&agent.setup, &["doctor"]);
    assert!(doctor.contains("KD07") && doctor.contains("cannot listen on"), "{doctor}");
    let up = |name: &str| agent.setup.metric(&format!("kuzet_source_readable{{source=\"{name}\"}}"));
    assert_eq!((up("late"), up("dgram"), up("secure")), (Some(0.0), Some(1.0), Some(1.0)));
    drop(holder);
    until("it is over", LIMIT, || (!text(&agent.setup, &["status"]).contains("problem ")).then_some(()));
    until("and shown", LIMIT, || (up("late") == Some(1.0)).then_some(()));
}

#[test]
fn what_was_taken_before_the_end_is_kept_and_offsets_go_on() {
    let port = free_port();
    let setup = Setup::new("stream-stop").with(&listening(
        "net",
        "mariadb_server_audit",
        &format!("udp://127.0.0.1:{port}"),
        "",
    ));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let lines = std::fs::read_to_string(sample("mariadb/failed_logins.audit.log")).unwrap();
    let mut agent = setup.start();
    let seen = |setup: &Setup| {
        let report: Value = serde_json::from_str(&text(setup, &["status", "--json"])).unwrap();
        report["sources"][0]["seen"].as_u64().unwrap_or(0)
    };
    let send = || {
        for line in lines.lines() {
            socket.send_to(line.as_bytes(), ("127.0.0.1", port)).unwrap();
        }
    };
    let taken = |setup: &Setup| setup.metric("kuzet_records_seen_total{source=\"net\"}").unwrap_or(0.0);
    until("datagrams are taken", LIMIT, || {
        send();
        (taken(&agent.setup) > 0.0).then_some(())
    });
    agent.process().stop();
    let first = seen(&agent.setup);
    assert!(first > 0);
    let setup = agent.setup;
    let agent = setup.start();
    until("more are taken", LIMIT, || {
        send();
        (seen(&agent.setup) > first).then_some(())
    });
}
