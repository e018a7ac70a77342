//! The real kernel: programs and connections, from its trace points to incidents. Needs root, as the sensor does.

mod bytes;

use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, kuzet, root, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A sensor of its own, ready, which sees by the best means: the kernel program.
pub fn sensor(scratch: &Scratch, options: &[&str]) -> Guard {
    let guard = started(scratch, Command::new(kuzet()).arg("sensor").args(options));
    let first = &lines(&guard)[0];
    assert_eq!((&first["means"], &first["missing"]), (&"bpf".into(), &Value::Array(Vec::new())), "{first}");
    guard
}

/// The same by one means.
fn sensor_by(scratch: &Scratch, means: &str) -> Guard {
    let guard = started(scratch, Command::new(kuzet()).args(["sensor", "--means", means]));
    assert_eq!(lines(&guard)[0]["means"], means);
    guard
}

fn started(scratch: &Scratch, command: &mut Command) -> Guard {
    let log = scratch.join("lines");
    let mut guard = Guard::spawn("kuzet sensor", command, &log, Signal::TERM);
    let sight = |text: String| text.starts_with("{\"sensor\":\"sight\"") && text.contains('\n');
    guard.ready(LIMIT, || std::fs::read_to_string(&log).is_ok_and(sight));
    guard
}

/// A copy of the binary that everybody may run.
fn for_everybody(scratch: &Scratch) -> PathBuf {
    let program = scratch.join("kuzet");
    std::fs::copy(kuzet(), &program).expect("own binary");
    for path in [scratch.path(), &program] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("own file");
    }
    program
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

/// Takes `count` clients, of which each sends `bytes` and is answered by as many when all were taken.
fn server(count: usize, bytes: usize) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("own address").port();
    let serve = move || {
        let served = (0..count).map(|_| {
            let (mut stream, _) = listener.accept().expect("a client");
            std::thread::spawn(move || {
                let mut got = vec![0; bytes];
                stream.read_exact(&mut got).expect("what the client sends");
                stream.write_all(&got).expect("the client reads");
                // Until the client ends.
                let _ = stream.read(&mut [0]);
            })
        });
        let served: Vec<_> = served.collect();
        served.into_iter().for_each(|thread| thread.join().expect("a client"));
    };
    (port, std::thread::spawn(serve))
}

#[test]
fn whoever_runs_for_two_seconds_is_known_by_every_means() {
    const PROCESSES: usize = 60;
    const BYTES: usize = 20_000;
    for means in ["bpf", "diag", "proc"] {
        let scratch = Scratch::new("sensor-means");
        std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).expect("own folder");
        let program = renamed(scratch.path());
        let guard = sensor_by(&scratch, means);
        let (port, server) = server(PROCESSES, BYTES);
        // It reads what it is answered, and then for two seconds more what never comes: on a busy machine a look at all
        // programs takes its time (benches/runs/2026-11-23-sensor-means.md has those that live for one).
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf %0{BYTES}d 0 >&3; read -rN {BYTES} -u 3 answer; read -rt 2.1 -u 3 x; kill -9 $$"
        );
        let spawn = |number: usize| {
            let user = if number.is_multiple_of(2) { "0" } else { "65534" };
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--clear-groups"]).arg(&program).args(["-c", &script]);
            command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
        };
        let children: Vec<_> = (0..PROCESSES).map(spawn).collect();
        let expected: HashMap<u64, &str> = children
            .iter()
            .zip(["root", "nobody"].into_iter().cycle())
            .map(|(child, user)| (child.id().into(), user))
            .collect();
        for mut child in children {
            child.wait().expect("own child");
        }
        server.join().expect("the server");
        let flows = until("every connection is told closed", LIMIT, || {
            let closed = |line: &Value| is_flow_to(line, port, "out") && line["phase"] == "closed";
            let flows: Vec<Value> = lines(&guard).into_iter().filter(closed).collect();
            (flows.len() >= PROCESSES).then_some(flows)
        });
        assert_eq!(flows.len(), PROCESSES, "{means}");
        let known = |flow: &&Value| {
            let process = &flow["process"];
            let user = process["pid"].as_u64().and_then(|pid| expected.get(&pid));
            user.is_some_and(|user| process["user"] == *user) && process["path"] == program.to_string_lossy().as_ref()
        };
        let known = flows.iter().filter(known).count();
        assert!(known * 100 >= PROCESSES * 95, "{means}: {known} of {PROCESSES} have their program: {}", flows[0]);
        let near = |bytes: &Value| bytes.as_u64().is_some_and(|bytes| bytes.abs_diff(BYTES as u64) <= 1);
        for flow in &flows {
            match means {
                "proc" => assert!(flow["sent"].is_null() && flow["received"].is_null(), "{flow}"),
                // The end of a connection that was cut may be taken for a byte.
                _ => assert!(near(&flow["sent"]) && near(&flow["received"]), "{means}: {flow}"),
            }
        }
        assert!(lines(&guard).iter().all(|line| line["sensor"] != "lost"), "{means} lost something");
    }
}

#[test]
fn short_connections_have_their_bytes_where_the_kernel_takes_no_program() {
    const CONNECTIONS: usize = 500;
    let scratch = Scratch::new("sensor-short");
    let guard = sensor_by(&scratch, "diag");
    let (port, server) = server(CONNECTIONS + 1, 1234);
    // A look has to find the port that is listened on.
    let mut first = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    first.write_all(&[b'x'; 1234]).expect("the server reads");
    until("the port is seen", LIMIT, || lines(&guard).into_iter().find(|line| is_flow_to(line, port, "in")));
    drop(first);
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        client.write_all(&[b'x'; 1234]).expect("the server reads");
        client.read_exact(&mut [0; 1234]).expect("the server answers");
    }
    server.join().expect("the server");
    for direction in ["out", "in"] {
        let flows = until("every connection is told closed", LIMIT, || {
            let closed = |line: &Value| is_flow_to(line, port, direction) && line["phase"] == "closed";
            let flows: Vec<Value> = lines(&guard).into_iter().filter(closed).collect();
            (flows.len() >= CONNECTIONS).then_some(flows)
        });
        let right = |flow: &&Value| flow["sent"] == 1234 && flow["received"] == 1234;
        assert!(flows.iter().filter(right).count() >= CONNECTIONS, "{direction}");
    }

    let refused = TcpListener::bind("127.0.0.1:0").and_then(|gone| gone.local_addr()).expect("a port").port();
    assert!(TcpStream::connect(("127.0.0.1", refused)).is_err());
    until("the refusal is told", LIMIT, || {
        lines(&guard).into_iter().find(|line| line["phase"] == "refused" && line["remote"][0] == "127.0.0.1")
    });
}

#[test]
fn what_was_lost_is_counted_and_looked_for() {
    // Without rights the kernel keeps little of what nobody reads.
    let scratch = Scratch::new("sensor-lost");
    let program = for_everybody(&scratch);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]).arg(program).arg("sensor");
    let guard = started(&scratch, &mut command);
    let (port, server) = server(2_000, 1);
    let clients: Vec<TcpStream> = (0..2_000)
        .map(|_| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            client.write_all(b"x").expect("the server reads");
            client.read_exact(&mut [0]).expect("the server answers");
            client
        })
        .collect();
    let opened = |line: &Value| is_flow_to(line, port, "out") && line["phase"] == "open";
    until("they are seen", LIMIT, || (lines(&guard).into_iter().filter(opened).count() == 2_000).then_some(()));
    guard.signal(Signal::STOP);
    // Twice what the kernel keeps for whoever may not ask for more.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    for _ in 0..8_000 {
        drop(TcpStream::connect(listener.local_addr().expect("own address")).expect("it listens"));
        drop(listener.accept().expect("the client"));
    }
    drop(clients);
    server.join().expect("the server");
    // The kernel tells of ends when it finds the time.
    let own: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", guard.id()))
        .expect("it runs")
        .filter_map(|entry| Some(std::fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned()))
        .collect();
    until("the kernel has dropped some", LIMIT, || {
        let list = std::fs::read_to_string("/proc/net/netlink").expect("it is there");
        // Other sensors may be stopped meanwhile, by other tests.
        let dropped = |line: &str| {
            let parts: Vec<&str> = line.split_ascii_whitespace().collect();
            parts[3] == "0000000f" && parts[8] != "0" && own.contains(&format!("socket:[{}]", parts[9]))
        };
        list.lines().any(dropped).then_some(())
    });
    guard.signal(Signal::CONT);
    let lost = until("the loss is told", LIMIT, || lines(&guard).into_iter().find(|line| line["sensor"] == "lost"));
    assert!(lost["records"].as_u64().is_some_and(|lost| (1..=40_000).contains(&lost)), "{lost}");
    let closed = |line: &Value| is_flow_to(line, port, "out") && line["phase"] == "closed" && line["sent"] == 1;
    until("every end is found all the same", LIMIT, || {
        (lines(&guard).into_iter().filter(closed).count() == 2_000).then_some(())
    });
}

#[test]
fn an_agent_that_goes_away_is_noticed_in_silence_and_others_are_answered() {
    let scratch = Scratch::new("sensor-quiet");
    let socket = scratch.join("sensor.sock");
    // Where nothing else runs there is no line to write.
    let mut command = Command::new("unshare");
    command
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(kuzet())
        .args(["sensor", "--means", "proc"]);
    let mut guard =
        Guard::spawn("a lonely sensor", command.arg("--socket").arg(&socket), &scratch.join("output"), Signal::TERM);
    guard.ready(LIMIT, || socket.exists());
    let connect = || {
        let mut agent = UnixStream::connect(&socket).expect("it listens");
        // Whoever answers an agent beside another one does not read what it asks for.
        let _ = agent.write_all(b"{\"folders\":[]}\n");
        agent.set_read_timeout(Some(LIMIT)).expect("a socket");
        BufReader::new(agent)
    };
    let sight = |agent: &mut BufReader<UnixStream>| {
        let mut line = String::new();
        agent.read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["sensor"], "sight");
        line
    };
    let mut first = connect();
    let told = sight(&mut first);
    assert!(told["refused"].to_string().contains("not proven"), "there is no loopback: {told}");
    let mut asks = connect();
    assert_eq!(sight(&mut asks)["means"], told["means"]);
    // What it asked for may have come too late to be read.
    let end = asks.read_line(&mut String::new()).or_else(|error| match error.kind() {
        std::io::ErrorKind::ConnectionReset => Ok(0),
        _ => Err(error),
    });
    assert_eq!(end.expect("an end"), 0, "one agent is told at a time");
    drop(first);
    until("the next agent is told", LIMIT, || {
        let mut next = connect();
        sight(&mut next);
        next.get_ref().set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
        // A socket that stays open is the agent's.
        next.read_line(&mut String::new()).err()
    });
    assert!(guard.alive(), "{}", guard.output());
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

#[test]
fn an_agent_without_sources_sees_programs_and_connections_and_says_how() {
    let mut agent = Setup::new("sensor-found").bare().start();
    let said = agent.output();
    assert!(said.contains("watches  host (sensor)") && said.contains("sees by bpf, proven"), "{said}");
    let told = agent.setup.run(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("a document");
    let host = told["sources"].as_array().and_then(|list| list.iter().find(|one| one["name"] == "host"));
    assert!(host.is_some_and(|host| host["limits"].as_array().is_some_and(Vec::is_empty)), "{told}");
    until("the sensor works", LIMIT, || {
        run(&mut Command::new("/bin/true"));
        agent.setup.metric("kuzet_records_seen_total{source=\"host\"}").filter(|seen| *seen > 0.0)
    });
    let by = |means| agent.setup.metric(&format!("kuzet_sensor_means{{means=\"{means}\",source=\"host\"}}"));
    let seen = until("how it sees is told", LIMIT, || by("bpf").map(|bpf| (bpf, by("diag"), by("proc"))));
    assert_eq!(seen, (1.0, Some(0.0), Some(0.0)));
    agent.process().stop();
}

#[test]
fn the_packaged_service_has_the_rights_it_needs_and_no_more() {
    let scratch = Scratch::new("sensor-unit");
    let program = for_everybody(&scratch);
    let unit = std::fs::read_to_string(root().join("packaging/kuzet-sensor.service")).expect("a unit");
    let rights = |key: &str| -> Vec<String> {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).expect("a setting");
        line.split(' ').map(|one| one.trim_start_matches("CAP_").to_lowercase()).collect()
    };
    let all = rights("AmbientCapabilities=");
    assert_eq!(all, rights("CapabilityBoundingSet="));
    let sight = |rights: &[&str], means: &str| -> Option<Value> {
        let set: String = rights.iter().map(|right| format!(",+{right}")).collect();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args([format!("--bounding-set=-all{set}"), format!("--inh-caps=-all{set}")]);
        command.arg(format!("--ambient-caps=-all{set}")).arg(&program).args(["sensor", "--check", "--means", means]);
        command.arg("--folder").arg(scratch.path());
        let output = command.stdin(Stdio::null()).output().expect("setpriv is there");
        serde_json::from_slice(&output.stdout).ok()
    };
    let without = |left: &[&str], means: &str| -> Option<Value> {
        let rights: Vec<&str> = all.iter().map(String::as_str).filter(|right| !left.contains(right)).collect();
        sight(&rights, means)
    };
    // The right to mark file systems contains those to load programs into the kernel.
    let sees = |left: Option<&str>, means: &str| {
        let left: Vec<&str> = left.into_iter().chain(["sys_admin"]).collect();
        without(&left, means).map(|sight| sight["missing"].to_string())
    };
    let watches = |left: &[&str]| without(left, "bpf").map(|sight| sight["files"][0]["means"].clone());
    assert_eq!(watches(&[]), Some("filesystem".into()));
    assert_eq!(sees(None, "bpf").as_deref(), Some("[]"));
    let owners = "programs of other users' connections";
    assert!(sees(None, "diag").is_some_and(|missing| !missing.contains(owners)));
    for right in &all {
        match right.as_str() {
            "bpf" | "perfmon" => assert_eq!(sees(Some(right), "bpf"), None, "{right}"),
            "sys_admin" => assert_eq!(watches(&[right]), Some("inotify".into()), "{right}"),
            "net_admin" => assert!(sees(Some(right), "bpf").is_some_and(|one| one.contains("receivers")), "{right}"),
            _ => assert!(sees(Some(right), "diag").is_some_and(|one| one.contains(owners)), "{right}"),
        }
    }
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
fn without_rights_it_runs_and_says_what_it_lost() {
    let scratch = Scratch::new("sensor-rights");
    let program = for_everybody(&scratch);
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    let mut command = Command::new("setpriv");
    let guard = started(&scratch, command.args(nobody).arg(program).arg("sensor"));
    let sight = &lines(&guard)[0];
    assert_eq!(sight["means"], "diag", "{sight}");
    let refused = sight["refused"].to_string();
    assert!(refused.contains("CAP_BPF") && refused.contains("CAP_PERFMON"), "{sight}");
    assert!(sight["missing"].to_string().contains("CAP_SYS_PTRACE"), "{sight}");

    // Of its own user it sees the program, of others the user.
    let (port, server) = server(2, 500);
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf %0500d 0 >&3; read -rN 500 -u 3 answer; read -rt 2.5 -u 3 x"
    );
    let client = |user: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "bash", "-c", &script]);
        command.stdin(Stdio::null()).spawn().expect("it runs")
    };
    let mut clients = [client("65534"), client("0")];
    let own = u64::from(clients[0].id());
    for client in &mut clients {
        client.wait().expect("own child");
    }
    server.join().expect("the server");
    let closed = |line: &Value| is_flow_to(line, port, "out") && line["phase"] == "closed" && line["sent"] == 500;
    let flows = until("both are told closed", LIMIT, || {
        let flows: Vec<Value> = lines(&guard).into_iter().filter(closed).collect();
        (flows.len() == 2).then_some(flows)
    });
    let mine = flows.iter().find(|flow| flow["process"]["pid"] == own);
    assert!(mine.is_some_and(|flow| flow["process"]["user"] == "nobody"), "{flows:?}");
    assert!(flows.iter().any(|flow| flow["process"].is_null() && flow["user"] == "root"), "{flows:?}");
}
