//! The real kernel: programs and connections, from its trace points to incidents. Needs root, as the sensor does.

mod bytes;

use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, kuzet, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A sensor of its own, ready.
pub fn sensor(scratch: &Scratch, options: &[&str]) -> Guard {
    let mut command = Command::new(kuzet());
    command.arg("sensor").args(options);
    let mut guard = Guard::spawn("kuzet sensor", &mut command, &scratch.join("lines"), Signal::TERM);
    let log = scratch.join("lines");
    guard.ready(LIMIT, || std::fs::read_to_string(&log).is_ok_and(|text| text.starts_with("{\"sensor\":\"sight\"")));
    let first = guard.output();
    assert!(first.lines().next().is_some_and(|line| line.contains("\"missing\":[]")), "{first}");
    guard
}

/// Lines whose end is there.
pub fn lines(guard: &Guard) -> Vec<Value> {
    let text = guard.output();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn is_flow_to(line: &Value, port: u16, direction: &str) -> bool {
    let side = if direction == "in" { "local" } else { "remote" };
    line["sensor"] == "flow" && line[side][1] == port && line["direction"] == direction
}

/// Bash under another name: a program that nobody knows, which lives for some milliseconds.
fn renamed(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("invoice");
    std::fs::copy("/bin/bash", &path).expect("bash is there");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("own file");
    path
}

#[test]
fn every_short_connection_has_its_program_and_its_bytes() {
    const CONNECTIONS: usize = 300;
    let scratch = Scratch::new("sensor");
    let program = renamed(scratch.path());
    let guard = sensor(&scratch, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("own address").port();
    let server = std::thread::spawn(move || {
        for _ in 0..CONNECTIONS {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut got = [0; 1234];
            stream.read_exact(&mut got).expect("what the client sends");
            stream.write_all(&[b'y'; 99]).expect("the client reads");
        }
    });
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf %01234d 0 >&3; read -N 99 -u 3 answer; kill -9 $$");
    for _ in 0..CONNECTIONS {
        // A process of its own each, gone before anybody could ask for it.
        let status = Command::new(&program).args(["-c", &script]).stderr(Stdio::null()).status().expect("it runs");
        assert!(!status.success(), "it kills itself");
    }
    server.join().expect("the server");
    let flows = until("every connection is told closed", LIMIT, || {
        let closed = |line: &Value| is_flow_to(line, port, "out") && line["phase"] == "closed";
        let flows: Vec<Value> = lines(&guard).into_iter().filter(closed).collect();
        (flows.len() >= CONNECTIONS).then_some(flows)
    });
    assert_eq!(flows.len(), CONNECTIONS);
    for flow in &flows {
        assert_eq!(flow["process"]["path"], program.to_string_lossy().as_ref(), "{flow}");
        assert_eq!((&flow["process"]["name"], &flow["process"]["user"]), (&"invoice".into(), &"root".into()), "{flow}");
        assert_eq!((&flow["sent"], &flow["received"]), (&1234.into(), &99.into()), "{flow}");
        assert!(flow["local"][1].as_u64().is_some_and(|port| port > 0), "{flow}");
    }
    let served = lines(&guard).iter().filter(|line| is_flow_to(line, port, "in")).count();
    assert!(served >= CONNECTIONS, "the other side of {served} connections is told");
}

#[test]
fn what_runs_long_is_told_while_it_runs_and_datagrams_by_their_receiver() {
    let scratch = Scratch::new("sensor-long");
    let guard = sensor(&scratch, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("own address").port();
    let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let (mut served, _) = listener.accept().expect("the client");
    let drain = std::thread::spawn(move || std::io::copy(&mut served, &mut std::io::sink()).expect("it reads"));
    client.write_all(&vec![b'x'; 3_000_000]).expect("the server reads");
    let told = until("the upload is told while it runs", LIMIT, || {
        lines(&guard).into_iter().rev().find(|line| is_flow_to(line, port, "out"))
    });
    assert!(told["phase"] != "closed" && told["sent"].as_u64().is_some_and(|sent| sent > 1_000_000), "{told}");
    client.write_all(b"the last").expect("the server reads");
    drop(client);
    assert_eq!(drain.join().expect("the server"), 3_000_008);
    let closed = until("its end is told", LIMIT, || {
        lines(&guard).into_iter().find(|line| is_flow_to(line, port, "out") && line["phase"] == "closed")
    });
    assert_eq!(closed["sent"], 3_000_008, "{closed}");

    // One socket, two receivers, never connected.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let own = socket.local_addr().expect("own address").port();
    for (receiver, bytes) in [("127.0.0.1:5353", 100), ("127.0.0.2:5354", 50), ("127.0.0.1:5353", 11)] {
        socket.send_to(&vec![0; bytes], receiver).expect("it goes");
    }
    let sent_to = |address: &str, port: u16, sent: u64| {
        until("datagrams are told", LIMIT, || {
            lines(&guard).into_iter().find(|line| {
                let remote = &line["remote"];
                line["protocol"] == 17
                    && line["local"][1] == own
                    && remote[0] == address
                    && remote[1] == port
                    && line["sent"] == sent
            })
        })
    };
    sent_to("127.0.0.1", 5353, 111);
    sent_to("127.0.0.2", 5354, 50);

    let refused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|gone| gone.local_addr()).expect("a port").port();
    assert!(std::net::TcpStream::connect(("127.0.0.1", refused)).is_err());
    until("the refusal is told", LIMIT, || {
        lines(&guard).into_iter().find(|line| is_flow_to(line, refused, "out") && line["phase"] == "refused")
    });
}

#[test]
fn a_dump_started_by_hand_is_an_incident() {
    dump_is_an_incident("{}");
}

#[test]
fn an_agent_without_rights_is_told_through_a_socket() {
    let scratch = Scratch::new("sensor-socket");
    let socket = scratch.join("sensor.sock");
    let mut command = Command::new(kuzet());
    command.arg("sensor").arg("--socket").arg(&socket);
    let mut guard = Guard::spawn("kuzet sensor --socket", &mut command, &scratch.join("output"), Signal::TERM);
    guard.ready(LIMIT, || socket.exists());
    let settings = format!("{{ socket = \"{}\" }}", socket.display());
    // The second agent comes when the first one is gone.
    dump_is_an_incident(&settings);
    dump_is_an_incident(&settings);
    assert!(guard.alive(), "{}", guard.output());
}

fn dump_is_an_incident(sensor: &str) {
    let source = format!("[[source]]\nname = \"host\"\nsensor = {sensor}\n");
    let agent = Setup::new("sensor-rules").with(&source).start();
    until("the sensor works", LIMIT, || {
        (agent.setup.metric("kuzet_source_readable{source=\"host\"}") == Some(1.0)
            || agent.setup.metric("kuzet_records_seen_total{source=\"host\"}").is_some_and(|seen| seen > 0.0))
        .then_some(())
    });
    let scratch = Scratch::new("sensor-dump");
    let dump = scratch.join("pg_dump");
    std::fs::copy("/bin/true", &dump).expect("true is there");
    std::fs::set_permissions(&dump, PermissionsExt::from_mode(0o755)).expect("own file");
    let incident = until("the dump is an incident", LIMIT, || {
        // Until the sensor is at work nobody sees what starts.
        run(&mut Command::new(&dump));
        let is_dump = |incident: &Value| incident.to_string().contains("host_dump_program");
        agent.setup.incidents().into_iter().find(is_dump)
    });
    assert!(incident.to_string().contains("\"root\""), "{incident}");
    agent.setup.accounted("host");
}

#[test]
fn without_rights_it_says_what_it_wants() {
    let scratch = Scratch::new("sensor-rights");
    let program = scratch.join("kuzet");
    std::fs::copy(kuzet(), &program).expect("own binary");
    for path in [scratch.path(), &program] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("own file");
    }
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"])
        .arg(&program)
        .arg("sensor")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("CAP_BPF") && errors.contains("CAP_PERFMON"), "{errors}");
}
