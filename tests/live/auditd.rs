//! A private audit daemon: what real users do to files is in its log, and each deed is told with the right user and program. Needs
//! root and a kernel that audits; nobody else may listen to it meanwhile.

use super::files::{USERS, Wanted, one_liner};
use super::servers::program;
use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, people, poll, run, until};
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, path_key};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const KEY: [u8; 32] = [7; 32];

/// The daemon, with a rule for one folder.
struct Auditd {
    scratch: Scratch,
    folder: PathBuf,
    _daemon: Guard,
}

fn auditctl(arguments: &[&str]) -> String {
    let output = run(Command::new(program("auditd", &["/usr/sbin/auditctl"])).args(arguments));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn rule(folder: &Path) -> [String; 7] {
    let folder = format!("dir={}", folder.display());
    ["always,exit", "-F", "arch=b64", "-F", &folder, "-F", "perm=rwa"].map(str::to_owned)
}

impl Auditd {
    fn start(folder: &Path) -> Auditd {
        until("no other daemon listens to the kernel's audit", LIMIT, || {
            auditctl(&["-s"]).lines().any(|line| line == "pid 0").then_some(())
        });
        let scratch = Scratch::new("auditd");
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).expect("own folder");
        fs::create_dir(scratch.join("plugins")).expect("own folder");
        let text = format!(
            "local_events = yes\nwrite_logs = yes\nlog_file = {}\nlog_group = root\nlog_format = ENRICHED\nflush = NONE\n\
             max_log_file = 50\nmax_log_file_action = IGNORE\nspace_left = 2\nspace_left_action = IGNORE\nadmin_space_left = 1\n\
             admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\nplugin_dir = {}\n",
            scratch.join("audit.log").display(),
            scratch.join("plugins").display()
        );
        fs::write(scratch.join("auditd.conf"), text).expect("own file");
        let mut command = Command::new(program("auditd", &["/usr/sbin/auditd"]));
        command.arg("-n").arg("-c").arg(scratch.path());
        let mut daemon = Guard::spawn("auditd", &mut command, &scratch.join("output"), Signal::TERM);
        let listens = format!("pid {}", daemon.id());
        daemon.ready(LIMIT, || auditctl(&["-s"]).lines().any(|line| line == listens));
        let rule = rule(folder);
        auditctl(&[&["-a"][..], &rule.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        Auditd { scratch, folder: folder.to_owned(), _daemon: daemon }
    }

    fn log(&self) -> PathBuf {
        self.scratch.join("audit.log")
    }

    /// What the log says of files.
    fn events(&self) -> Vec<Event> {
        let bytes = fs::read(self.log()).unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes: &bytes[..whole], edge: Edge::End };
        let mut events = Vec::new();
        Format::LinuxAudit.decoder(&DecodeOptions::new(Key::new(KEY))).decode(chunk, &mut events);
        events.retain(|event| event.file.is_some());
        events
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        let rule = rule(&self.folder);
        auditctl(&[&["-d"][..], &rule.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        // As it was before the daemon.
        auditctl(&["-e", "0"]);
    }
}

fn folder(scratch: &Scratch) -> PathBuf {
    let folder = scratch.join("dossiers");
    fs::create_dir(&folder).expect("own folder");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("own folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("own folder");
    folder
}

fn told(events: &[Event], (deed, path, program, user): &Wanted) -> bool {
    events.iter().any(|event| {
        let act = event.file.as_ref().expect("those of files");
        act.deed.name() == *deed
            && act.path.key == path_key(&Key::new(KEY), &path.to_string_lossy())
            && *event.actor.user == **user
            && event.actor.program.rsplit('/').next() == Some(program)
    })
}

/// One after the other: the kernel's audit has one listener.
#[test]
fn the_audit_daemon_tells_each_deed_with_its_user_and_program() {
    const ROUNDS: usize = 15;
    let scratch = Scratch::new("audited");
    let folder = folder(&scratch);
    let auditd = Auditd::start(&folder);
    let mut wanted: Vec<Wanted> = Vec::new();
    for (number, (id, user)) in (0..ROUNDS).zip(USERS.iter().cycle()) {
        let path = |name: &str| folder.join(format!("{name}{number}"));
        let (a, b, c, d) = (path("a"), path("b"), path("c"), path("d"));
        fs::write(&a, "a dossier").expect("own file");
        fs::set_permissions(&a, fs::Permissions::from_mode(0o666)).expect("own file");
        one_liner(id, &format!("cat {} >/dev/null", a.display()));
        one_liner(id, &format!("cd {} && cp a{number} b{number}", folder.display()));
        one_liner(id, &format!("chmod 600 {}", b.display()));
        one_liner(id, &format!("ln {} {}", b.display(), c.display()));
        one_liner(id, &format!("mv {} {}", b.display(), d.display()));
        one_liner(id, &format!("rm {}", d.display()));
        wanted.extend([
            ("read", a.clone(), "cat", *user),
            ("read", a, "cp", user),
            ("create", b.clone(), "cp", user),
            ("attributes", b.clone(), "chmod", user),
            ("link", b.clone(), "ln", user),
            ("rename", b, "mv", user),
            ("delete", d, "rm", user),
        ]);
    }
    let missing =
        |events: &[Event]| -> Vec<Wanted> { wanted.iter().filter(|one| !told(events, one)).cloned().collect() };
    poll(LIMIT, || missing(&auditd.events()).is_empty().then_some(()));
    let missing = missing(&auditd.events());
    eprintln!("auditd: {} of {} deeds with their user and program", wanted.len() - missing.len(), wanted.len());
    assert!((wanted.len() - missing.len()) * 100 >= wanted.len() * 99, "{missing:?}");

    // Without a sensor the daemon's log alone tells who reads dossiers one by one.
    let setup = Setup::new("auditd-agent").bare();
    for person in people::people(80) {
        let path = folder.join(format!("{:03}.txt", person.id));
        fs::write(&path, format!("Қарыз алушы: {}, ИИН {}\n", person.full_name, person.iin)).expect("own file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    }
    let more =
        format!("[[folder]]\nname = \"dossiers\"\npath = \"{}\"\n[inventory]\npolite = false\n", folder.display());
    let agent = setup.source("host", "linux_audit", &auditd.log(), "").with(&more).start();
    until("the dossiers are in the inventory", LIMIT, || {
        let handled = agent.setup.metric("kuzet_records_total{result=\"handled\",source=\"inventory\"}");
        handled.filter(|handled| *handled >= 80.0)
    });
    one_liner("33", &format!("for f in {}/*.txt; do cat $f; done >/dev/null", folder.display()));
    let mut last = Vec::new();
    let found = poll(LIMIT, || {
        last = agent.setup.incidents();
        let by = |one: &&serde_json::Value| {
            one["user.name"] == "www-data"
                && one["kuzet.kinds"][0]["kind"] == "enumeration"
                && one["kuzet.people"]["distinct_identified"] == 80
        };
        last.iter().find(by).map(|_| ())
    });
    assert!(found.is_some(), "{last:#?}\n{}", agent.output());
}
