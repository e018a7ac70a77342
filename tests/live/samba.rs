//! A private Samba server: what its clients do to dossiers is told with their accounts and addresses, as its own log names them,
//! and not once more as deeds of the server's process. Needs root, as Samba and the sensor do.

use super::servers::{at_log, in_namespace, program};
use super::syslog::Rsyslog;
use crate::support::agent::{Agent, Setup};
use crate::support::{Guard, Scratch, free_port, kuzet, people, poll, run, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
const DOSSIERS: usize = 150;
/// Accounts of the server alone, with their numbers.
const USERS: [(&str, u32); 2] = [("kuzet-aigul", 61_001), ("kuzet-daniyar", 61_002)];
const PASSWORD: &str = "Secret-1";

/// The server, with one share.
struct Samba {
    scratch: Scratch,
    port: u16,
    _daemon: Guard,
}

impl Samba {
    /// What it writes to syslog goes to `socket`.
    fn start(share: &Path, socket: &Path) -> Samba {
        let (scratch, port) = (Scratch::new("samba"), free_port());
        let directory = |name: &str| {
            let path = scratch.join(name);
            fs::create_dir_all(&path).expect("own folder");
            path.display().to_string()
        };
        let document = fs::read_to_string(crate::support::root().join("docs/folders.md")).expect("a document");
        let audit = document.split("```ini\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the settings");
        let text = format!(
            "[global]\nserver role = standalone server\nsmb ports = {port}\ninterfaces = lo\nbind interfaces only = yes\n\
             disable netbios = yes\npassdb backend = tdbsam\nprivate dir = {}\nstate directory = {}\nlock directory = {}\n\
             cache directory = {}\npid directory = {}\nncalrpc dir = {}\nlog file = {}/log\nload printers = no\n\
             printcap name = /dev/null\nrpc start on demand helpers = no\n\
             [dossiers]\npath = {}\nread only = no\n{audit}\n",
            directory("private"),
            directory("state"),
            directory("lock"),
            directory("cache"),
            directory("run"),
            directory("ncalrpc"),
            directory("logs"),
            share.display(),
        );
        fs::write(scratch.join("smb.conf"), text).expect("own file");
        let mut accounts = fs::read_to_string("/etc/passwd").expect("accounts");
        for (user, number) in USERS {
            accounts += &format!("{user}:x:{number}:65534::/nonexistent:/usr/sbin/nologin\n");
        }
        fs::write(scratch.join("passwd"), accounts).expect("own file");
        for (user, _) in USERS {
            let mut command = Command::new(program("samba", &["/usr/bin/smbpasswd"]));
            command.arg("-c").arg(scratch.join("smb.conf")).args(["-a", "-s", user]);
            let mut child =
                with_accounts(&scratch, &command).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            let mut pipe = child.stdin.take().expect("a pipe");
            write!(pipe, "{PASSWORD}\n{PASSWORD}\n").expect("it is read");
            drop(pipe);
            assert!(child.wait().expect("own child").success(), "smbpasswd {user}");
        }
        let mut command = Command::new(program("samba", &["/usr/sbin/smbd"]));
        command.arg("--foreground").arg("--configfile").arg(scratch.join("smb.conf"));
        let mut command = at_log(socket, &with_accounts(&scratch, &command));
        let mut daemon = Guard::spawn("smbd", &mut command, &scratch.join("output"), Signal::TERM);
        daemon.ready(LIMIT, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Samba { scratch, port, _daemon: daemon }
    }

    /// What a person does at their own computer.
    fn client(&self, user: &str, script: &str) {
        run(self.command(user).args(["-c", script]));
    }

    fn command(&self, user: &str) -> Command {
        let mut command = Command::new(program("smbclient", &["/usr/bin/smbclient"]));
        command.arg("//127.0.0.1/dossiers").args(["-p", &self.port.to_string(), "-U", &format!("{user}%{PASSWORD}")]);
        command.arg("--configfile").arg(self.scratch.join("smb.conf"));
        command.current_dir(self.scratch.join("logs")).stdin(Stdio::null());
        command
    }
}

/// `command` where the accounts are those of the server.
fn with_accounts(scratch: &Scratch, command: &Command) -> Command {
    in_namespace("mount --bind \"$1\" /etc/passwd", &[&scratch.join("passwd")], command)
}

/// A share with one dossier a person.
fn share(setup: &Setup) -> PathBuf {
    let path = setup.scratch.join("share");
    fs::create_dir(&path).unwrap();
    for folder in [setup.scratch.path(), &path] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    for person in people::people(DOSSIERS) {
        let dossier = path.join(format!("{:03}.txt", person.id));
        fs::write(&dossier, format!("Қарыз алушы: {}, ИИН {}\n", person.full_name, person.iin)).unwrap();
        fs::set_permissions(&dossier, fs::Permissions::from_mode(0o666)).unwrap();
    }
    path
}

fn has(told: &[Value], user: &str, kind: &str) -> bool {
    told.iter().any(|one| {
        one["user.name"] == user && one["kuzet.kinds"].as_array().unwrap().iter().any(|of| of["kind"] == kind)
    })
}

/// Waits for what the agent counts of a source.
fn handled(agent: &Agent, source: &str, least: f64) {
    let series = format!("kuzet_records_total{{result=\"handled\",source=\"{source}\"}}");
    until(&format!("{source}: {least} records"), LIMIT, || agent.setup.metric(&series).filter(|count| *count >= least));
}

#[test]
fn clients_of_a_share_are_told_and_not_the_process_that_serves_them() {
    let scratch = Scratch::new("samba-log");
    let socket = scratch.join("log");
    let rsyslog = Rsyslog::start(&socket, free_port());
    let setup = Setup::new("samba").bare();
    let folder = share(&setup);
    let samba = Samba::start(&folder, &socket);
    let more = format!(
        "[[source]]\nname = \"host\"\nsensor = {{}}\n[[folder]]\nname = \"dossiers\"\npath = \"{}\"\n[inventory]\npolite = false\n",
        folder.display()
    );
    let agent = setup.source("samba", "syslog", &rsyslog.file(), "").with(&more).start();
    handled(&agent, "inventory", DOSSIERS as f64);
    until("the sensor is at work", LIMIT, || {
        agent.setup.metric("kuzet_sensor_means{means=\"bpf\",source=\"host\"}").filter(|at| *at > 0.5)
    });
    // What the sensor alone says of the server's process, for comparison.
    let lines = scratch.join("lines");
    let mut command = Command::new(kuzet());
    let mut sensor =
        Guard::spawn("kuzet sensor", command.args(["sensor", "--folder"]).arg(&folder), &lines, Signal::TERM);
    sensor.ready(LIMIT, || fs::read_to_string(&lines).is_ok_and(|text| text.contains('\n')));

    // A day's work comes first; from then on the log is known to tell what the process does.
    samba.client("kuzet-aigul", "get 001.txt /dev/null");
    handled(&agent, "samba", 1.0);
    // The client stays until the process that serves it was looked at: nobody takes from the pipe what it gets last.
    let fifo = scratch.join("fifo");
    run(Command::new("mkfifo").arg(&fifo));
    let files: Vec<String> = (0..8).map(|ten| format!("0{ten}?.txt")).collect();
    let script = format!("prompt off; mget {}; get 001.txt {}", files.join(" "), fifo.display());
    let mut reader = samba.command("kuzet-aigul");
    let mut reader = reader.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sensed = || -> Vec<Value> {
        let text = sensor.output();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let served = |line: &&Value, deed: &str, name: &str| {
        line["do"] == deed
            && line["path"] == folder.join(name).to_string_lossy().as_ref()
            && line["process"]["name"] == "smbd"
    };
    let told = until("the sensor tells the same files", LIMIT, || {
        let all = sensed();
        let last = |number: usize| all.iter().rfind(|line| served(line, "read", &format!("{number:03}.txt"))).cloned();
        Some((1..80).filter_map(last).collect::<Vec<Value>>()).filter(|told| told.len() == 79)
    });
    fs::read(&fifo).expect("a dossier");
    assert!(reader.wait().expect("own child").success());
    let locks: Vec<String> = (100..130).map(|number| format!("rename {number}.txt {number}.txt.locked")).collect();
    samba.client("kuzet-daniyar", &format!("{}; put /etc/hostname new.txt; del 099.txt", locks.join("; ")));

    let mut last = Vec::new();
    let all = poll(LIMIT, || {
        last = agent.setup.incidents();
        (has(&last, "kuzet-aigul", "enumeration") && has(&last, "kuzet-daniyar", "mass_encryption")).then_some(())
    });
    assert!(all.is_some(), "{last:#?}\n{}", agent.output());
    let read = last.iter().find(|one| one["user.name"] == "kuzet-aigul").unwrap();
    assert_eq!(read["source.ip"], serde_json::json!(["127.0.0.1"]), "{read:#}");
    assert_eq!(
        (&read["kuzet.store"]["name"], &read["kuzet.people"]["distinct_identified"]),
        (&"folder/dossiers".into(), &79.into())
    );
    assert_eq!(last.len(), 2, "and nothing else, of the process least of all: {last:#?}");
    for source in ["samba", "host", "inventory"] {
        agent.setup.accounted(source);
    }

    // The process is seen at the same files, with the rights of the client that it acts for at that moment.
    let right = |line: &&Value| {
        let process = &line["process"];
        process["user"] == *USERS[0].1.to_string()
            && process["path"].as_str().is_some_and(|path| path.ends_with("/smbd"))
    };
    let right = told.iter().filter(right).count();
    eprintln!(
        "samba: {right} of 79 files read with the client's user and the server's program, as the sensor tells them"
    );
    assert!(right * 100 >= 79 * 95, "{told:#?}");
}
