//! What the records of one audit event come to: who, what, and what rules see of it.

use super::deed::done;
use super::record::{Fields, Head, Kind, socket};
use crate::names::{self, HIDDEN};
use crate::paths::Paths;
use crate::sketch::Sketch;
use crate::web::shape;
use crate::{Actors, DecodeOptions, blank};
use kuzet_event::{
    Action, Actor, Code, Count, Event, FileAct, Outcome, Place, Raw, RawField, SessionId, System, Topic, Verb, Witness,
};
use kuzet_personal::Key;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

/// Processes whose program is remembered, to name the parent of later ones, and bytes of a program's name.
const PROCESSES: usize = 256;
const PROGRAM: usize = 120;
/// An account that is not set, as the kernel writes it.
const UNSET: [&str; 3] = ["4294967295", "-1", "unset"];

/// Names of system calls that rules and people ask for, by number: x86_64, then arm64.
const CALLS: &[(&str, u32, u32)] = &[
    ("open", 2, u32::MAX),
    ("connect", 42, 203),
    ("bind", 49, 200),
    ("execve", 59, 221),
    ("kill", 62, 129),
    ("uname", 63, 160),
    ("truncate", 76, 45),
    ("ftruncate", 77, 46),
    ("rename", 82, u32::MAX),
    ("mkdir", 83, u32::MAX),
    ("rmdir", 84, u32::MAX),
    ("creat", 85, u32::MAX),
    ("link", 86, u32::MAX),
    ("unlink", 87, u32::MAX),
    ("symlink", 88, u32::MAX),
    ("chmod", 90, u32::MAX),
    ("fchmod", 91, 52),
    ("chown", 92, u32::MAX),
    ("fchown", 93, 55),
    ("lchown", 94, u32::MAX),
    ("sysinfo", 99, 179),
    ("ptrace", 101, 117),
    ("syslog", 103, 116),
    ("setuid", 105, 146),
    ("setgid", 106, 144),
    ("mknod", 133, u32::MAX),
    ("personality", 135, 92),
    ("chroot", 161, 51),
    ("mount", 165, 40),
    ("umount2", 166, 39),
    ("reboot", 169, 142),
    ("sethostname", 170, 161),
    ("init_module", 175, 105),
    ("delete_module", 176, 106),
    ("setxattr", 188, 5),
    ("openat", 257, 56),
    ("mkdirat", 258, 34),
    ("mknodat", 259, 33),
    ("fchownat", 260, 54),
    ("unlinkat", 263, 35),
    ("renameat", 264, 38),
    ("linkat", 265, 37),
    ("symlinkat", 266, 36),
    ("fchmodat", 268, 53),
    ("unshare", 272, 97),
    ("process_vm_readv", 310, 270),
    ("process_vm_writev", 311, 271),
    ("finit_module", 313, 273),
    ("renameat2", 316, 276),
    ("memfd_create", 319, 279),
    ("bpf", 321, 280),
    ("execveat", 322, 281),
    ("open_tree", 428, 428),
    ("move_mount", 429, 429),
    ("openat2", 437, 437),
    ("fchmodat2", 452, 452),
];

/// Fields of a record under the names that rules ask for, where they differ not from those in the log.
const PLAIN: &[(&str, RawField)] = &[
    ("exe", RawField::Exe),
    ("comm", RawField::Comm),
    ("success", RawField::Success),
    ("exit", RawField::Exit),
    ("key", RawField::Key),
    ("name", RawField::Name),
    ("nametype", RawField::NameType),
    ("cwd", RawField::Cwd),
    ("auid", RawField::Auid),
    ("AUID", RawField::Auid),
    ("uid", RawField::Uid),
    ("UID", RawField::Uid),
    ("euid", RawField::Euid),
    ("EUID", RawField::Euid),
    ("gid", RawField::Gid),
    ("GID", RawField::Gid),
    ("egid", RawField::Egid),
    ("EGID", RawField::Egid),
    ("pid", RawField::AuditPid),
    ("ppid", RawField::Ppid),
    ("tty", RawField::Tty),
    ("ses", RawField::Session),
    ("subj", RawField::Subject),
    ("op", RawField::Operation),
    ("acct", RawField::Account),
    ("res", RawField::Result),
    ("hostname", RawField::Hostname),
    ("addr", RawField::Address),
    ("terminal", RawField::Terminal),
    ("unit", RawField::Unit),
    ("cmd", RawField::Command),
    ("saddr", RawField::SocketAddress),
    ("mode", RawField::Mode),
    ("ouid", RawField::OwnerUid),
    ("OUID", RawField::OwnerUid),
    ("cap_fp", RawField::Capability),
    ("cap_fe", RawField::EffectiveCapability),
    ("data", RawField::Data),
];

/// What the SYSCALL record says of the process is true of the others of its event.
const SHARED: [RawField; 14] = [
    RawField::Exe,
    RawField::Comm,
    RawField::Key,
    RawField::Success,
    RawField::Syscall,
    RawField::Auid,
    RawField::Uid,
    RawField::Euid,
    RawField::Gid,
    RawField::Egid,
    RawField::AuditPid,
    RawField::Ppid,
    RawField::Tty,
    RawField::Session,
];

/// Field of a SYSCALL record with the program of the parent, where the log tells it.
pub(super) const PARENT: &str = "ppid exe";

/// Records that say more of the system call beside them.
const ORDINARY: [&str; 9] =
    ["SYSCALL", "EXECVE", "PATH", "CWD", "PROCTITLE", "SOCKADDR", "BPRM_FCAPS", "SOCKETCALL", "FD_PAIR"];

/// A record with its fields.
pub(super) struct Record<'a> {
    pub(super) head: Head<'a>,
    pub(super) fields: Fields<'a>,
    /// As it stands in the log.
    pub(super) line: &'a [u8],
}

/// What is told of an event, put together from its records.
#[derive(Default)]
struct Act<'a> {
    /// The record that says who acts: SYSCALL, or the only one.
    main: Option<&'a Record<'a>>,
    call: String,
    /// A record that tells more than the system call: CONFIG_CHANGE, LOGIN, AVC.
    headline: Option<&'a Record<'a>>,
    arguments: Vec<(usize, String)>,
    executes: bool,
    cwd: &'a str,
    /// The file that it is about, and whether it is new or may be written to.
    file: Option<(String, bool)>,
    peer: Option<(IpAddr, u16)>,
}

/// Makes events of records, and remembers which program a process runs.
pub(super) struct Teller {
    key: Key,
    actors: Actors,
    paths: Paths,
    /// Least recently told first.
    programs: VecDeque<(u32, Arc<str>)>,
}

impl Teller {
    pub(super) fn new(options: &DecodeOptions) -> Teller {
        let (key, paths) = (options.key.clone(), Paths::new(&options.key));
        Teller { key, actors: Actors::new(System::Linux), paths, programs: VecDeque::new() }
    }

    /// The event of records with one serial number; none where they say nothing (the end of an event alone).
    pub(super) fn event(&mut self, records: &[Record<'_>], place: Place) -> Option<Event> {
        if records.iter().all(|record| matches!(record.head.name, "PROCTITLE" | "CWD" | "EOE")) {
            return None;
        }
        let act = act(records)?;
        let main = act.main?;
        let action = match main.head.name {
            "USER_LOGIN" => Action::Login,
            "USER_LOGOUT" => Action::Logout,
            _ if act.executes || act.call.starts_with("execve") => Action::Process,
            _ if act.headline.is_some() => Action::Host,
            _ if act.peer.is_some() => Action::Network,
            _ if act.file.is_some() => Action::File,
            _ => Action::Host,
        };
        let (user, actor) = self.actor(&main.fields, action);
        let mut event = blank::event(main.head.at, place, actor, action, outcome(&main.fields));
        event.statement_number = main.head.serial;
        event.witness = Witness::Audit;
        let session = main.fields.one("ses");
        if !session.is_empty() && !UNSET.contains(&session) {
            event.session = SessionId(crate::recent::hash(format!("audit session {session}").as_bytes()));
        }
        let (statement, _) = Sketch::new(Verb::Other).finish(&summary(&act, main));
        event.statement = Some(statement);
        event.raw = Some(Box::new(self.raw(records, &act, &user)));
        if action == Action::File {
            self.deed(records, &act, &mut event);
        }
        if act.executes && event.outcome != Outcome::Failure {
            self.remember(main.fields.one("pid"), main.fields.one("exe"));
        }
        Some(event)
    }

    /// What was done to a file, or was refused for want of a right.
    fn deed(&mut self, records: &[Record<'_>], act: &Act<'_>, event: &mut Event) {
        let (Some(main), Some((_, writes))) = (act.main, &act.file) else { return };
        let refused =
            event.outcome == Outcome::Failure && matches!(main.fields.one("exit"), "-13" | "-1" | "EACCES" | "EPERM");
        if !refused && event.outcome != Outcome::Success {
            return;
        }
        let Some(done) = done(&act.call, &main.fields, records, act.cwd, *writes) else { return };
        if refused {
            event.code = Code::new(b"EACCES");
        }
        event.file = Some(Arc::new(FileAct {
            deed: done.deed,
            path: self.paths.path(&done.path),
            to: done.to.as_ref().map(|to| self.paths.path(to)),
            folder: done.folder,
            bytes: Count::Unknown,
            holding: None,
        }));
    }

    /// Name of the acting account, and the actor: with the login behind it as the person.
    fn actor(&mut self, fields: &Fields<'_>, action: Action) -> (String, Arc<Actor>) {
        let named = |name: &str, number: &str| {
            let told = [fields.one(name), fields.one(number)].into_iter().find(|one| !one.is_empty());
            let told = told.filter(|one| !UNSET.contains(one)).unwrap_or_default();
            if told == "0" { "root".to_owned() } else { told.to_owned() }
        };
        let login = named("AUID", "auid");
        let user = match action {
            // Who comes in, not the daemon that lets them in.
            Action::Login | Action::Logout => {
                let account = [fields.one("acct").to_owned(), named("ID", "id"), login.clone()];
                account.into_iter().find(|one| !one.is_empty() && !one.starts_with('(')).unwrap_or_default()
            }
            _ => {
                [named("UID", "uid"), named("EUID", "euid")].into_iter().find(|one| !one.is_empty()).unwrap_or_default()
            }
        };
        let client = [fields.one("addr"), fields.one("hostname")].into_iter().find(|one| !one.is_empty());
        let program = shape(fields.one("exe").as_bytes());
        let client = client.map_or("[local]".to_owned(), |client| names::host(client.as_bytes()));
        let shown = names::account(user.as_bytes(), &self.key);
        let base = self.actors.intern(shown.as_bytes(), client.as_bytes(), program.as_bytes(), b"");
        if login.is_empty() || login == user {
            return (user, base);
        }
        let person = self.actors.name(names::account(login.as_bytes(), &self.key).as_bytes());
        (user, Arc::new(Actor { person, ..(*base).clone() }))
    }

    fn raw(&self, records: &[Record<'_>], act: &Act<'_>, user: &str) -> Raw {
        let mut raw = Raw::default();
        let main = records.iter().position(|record| record.head.name == "SYSCALL");
        for record in main.map(|main| &records[main]).into_iter().chain(records) {
            let first = raw.topics().len() == 0;
            if !first && record.head.name == "SYSCALL" {
                continue;
            }
            raw.frame(Topic::Audit);
            raw.add(RawField::Original, &String::from_utf8_lossy(record.line));
            raw.add(RawField::AuditType, record.head.name);
            own(&mut raw, record, act);
            if !first && main.is_some() {
                raw.share(0, &SHARED);
            }
        }
        let Some(main) = act.main else { return raw };
        let exe = main.fields.one("exe");
        let failed = outcome(&main.fields) == Outcome::Failure;
        let process = |raw: &mut Raw, topic| {
            raw.frame(topic);
            raw.add(RawField::Executable, exe);
            raw.add(RawField::Pid, main.fields.one("pid"));
            raw.add(RawField::ParentPid, main.fields.one("ppid"));
            let told = main.fields.one(PARENT);
            let parent = if told.is_empty() { self.program(main.fields.one("ppid")).unwrap_or_default() } else { told };
            raw.add(RawField::ParentExecutable, parent);
            raw.add(RawField::WorkingDirectory, act.cwd);
            raw.add(RawField::LoginUser, main.fields.one("AUID"));
            raw.add(RawField::EffectiveUser, user);
        };
        if act.executes && !failed {
            process(&mut raw, Topic::Process);
            let arguments: Vec<&str> = act.arguments.iter().map(|(_, text)| text.as_str()).collect();
            raw.add(RawField::CommandLine, &arguments.join(" "));
        }
        if let Some((path, true)) = act.file.as_ref().filter(|_| !failed && !act.executes) {
            process(&mut raw, Topic::File);
            raw.add(RawField::FilePath, path);
        }
        // A call that does not block says so and goes on: EINPROGRESS.
        if let Some((address, port)) = act.peer.filter(|_| !failed || main.fields.one("exit") == "-115") {
            process(&mut raw, Topic::Network);
            raw.add(RawField::DestinationIp, &address.to_string());
            raw.add(RawField::DestinationPort, &port.to_string());
            raw.add(RawField::Initiated, "true");
        }
        raw
    }

    fn program(&self, pid: &str) -> Option<&str> {
        let pid: u32 = pid.parse().ok()?;
        self.programs.iter().rev().find(|(known, _)| *known == pid).map(|(_, program)| &**program)
    }

    fn remember(&mut self, pid: &str, exe: &str) {
        let Ok(pid) = pid.parse::<u32>() else { return };
        self.programs.retain(|(known, _)| *known != pid);
        if self.programs.len() >= PROCESSES {
            self.programs.pop_front();
        }
        // It is kept, so it is no longer raw.
        let shown = names::shorten(&shape(exe.as_bytes()), PROGRAM);
        self.programs.push_back((pid, shown));
    }

    pub(super) fn snapshot(&self, out: &mut Vec<u8>) {
        for (pid, program) in &self.programs {
            out.extend_from_slice(&pid.to_le_bytes());
            out.push(u8::try_from(program.len()).unwrap_or(0));
            out.extend_from_slice(program.as_bytes());
        }
    }

    pub(super) fn restore(&mut self, mut rest: &[u8]) {
        self.programs.clear();
        while let [a, b, c, d, length, behind @ ..] = rest {
            let Some((program, behind)) = behind.split_at_checked(usize::from(*length)) else { return };
            rest = behind;
            if self.programs.len() < PROCESSES
                && let Ok(program) = std::str::from_utf8(program)
            {
                self.programs.push_back((u32::from_le_bytes([*a, *b, *c, *d]), Arc::from(program)));
            }
        }
    }
}

/// Fields of one record.
fn own(raw: &mut Raw, record: &Record<'_>, act: &Act<'_>) {
    if record.head.name == "EXECVE" {
        for (number, text) in &act.arguments {
            if let Some(field) = RawField::argument(*number) {
                raw.add(field, text);
            }
        }
        return;
    }
    for (key, value) in record.fields.all() {
        let argument = || key.strip_prefix('a').and_then(|number| RawField::argument(number.parse().ok()?));
        let plain = PLAIN.iter().find(|(name, _)| *name == key).map(|(_, field)| *field);
        if let Some(field) = plain.or_else(argument).filter(|_| !matches!(value, "(null)" | "?")) {
            raw.add(field, value);
        }
    }
    raw.add(RawField::Proctitle, &record.fields.one("proctitle").replace('\0', " "));
    raw.add(RawField::Syscall, record.fields.one("syscall"));
    if record.head.name == "SYSCALL" {
        raw.add(RawField::Syscall, &act.call);
    }
}

/// Address and port of a SOCKADDR record, in bytes or taken apart.
fn peer(fields: &Fields<'_>) -> Option<(IpAddr, u16)> {
    let apart = || Some((fields.one("laddr").parse().ok()?, fields.one("lport").parse().ok()?));
    socket(fields.one("saddr")).or_else(apart)
}

fn outcome(fields: &Fields<'_>) -> Outcome {
    match (fields.one("success"), fields.one("res")) {
        ("yes", _) | (_, "success" | "1") => Outcome::Success,
        ("no", _) | (_, "failed" | "0") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Name of the system call of a SYSCALL record; empty where the daemon does not resolve it and [`CALLS`] has it not.
fn call(fields: &Fields<'_>) -> String {
    let named = fields.one("SYSCALL");
    if !named.is_empty() && *names::shown(named) == *named {
        return named.to_owned();
    }
    let number = fields.one("syscall").parse::<u32>().ok().filter(|number| *number != u32::MAX);
    let known = |(name, x86, arm): &(&'static str, u32, u32)| {
        let own = match fields.one("arch") {
            "c000003e" => x86,
            "c00000b7" => arm,
            _ => return None,
        };
        (Some(*own) == number).then_some(*name)
    };
    CALLS.iter().find_map(known).unwrap_or_default().to_owned()
}

fn act<'a>(records: &'a [Record<'a>]) -> Option<Act<'a>> {
    let named = |name: &'static str| records.iter().filter(move |record| record.head.name == name);
    let syscall = named("SYSCALL").next();
    let mut act = Act { main: syscall.or(records.first()), ..Act::default() };
    if let Some(syscall) = syscall {
        act.call = call(&syscall.fields);
    }
    act.arguments = named("EXECVE").flat_map(|record| record.fields.arguments()).collect();
    act.executes = named("EXECVE").next().is_some();
    act.cwd = named("CWD").next().map_or("", |record| record.fields.one("cwd"));
    let paths = || named("PATH").filter(|record| record.fields.one("nametype") != "PARENT");
    let new = paths().find(|record| record.fields.one("nametype") == "CREATE");
    act.headline =
        records.iter().find(|record| !ORDINARY.contains(&record.head.name) && record.head.kind == Kind::Part);
    if let Some(path) = new.or_else(|| paths().next()) {
        let writes = syscall.is_some_and(|record| writes(&act.call, &record.fields));
        let name = absolute(path.fields.one("name"), act.cwd);
        act.file = (!name.is_empty()).then_some((name, new.is_some() || writes));
    }
    if act.call == "connect" {
        act.peer = named("SOCKADDR").find_map(|record| peer(&record.fields));
    }
    act.main.is_some().then_some(act)
}

/// Whether a file is opened to be written to: O_WRONLY or O_RDWR.
fn writes(call: &str, fields: &Fields<'_>) -> bool {
    let flags = match call {
        "open" => fields.one("a1"),
        "openat" => fields.one("a2"),
        "creat" | "truncate" => return true,
        _ => return false,
    };
    u64::from_str_radix(flags, 16).is_ok_and(|flags| flags & 3 != 0)
}

fn absolute(name: &str, cwd: &str) -> String {
    if name.is_empty() || name.starts_with('/') || cwd.is_empty() {
        return name.to_owned();
    }
    let name = name.strip_prefix("./").unwrap_or(name);
    format!("{}/{name}", cwd.trim_end_matches('/'))
}

/// What was done, fit to be shown.
fn summary(act: &Act<'_>, main: &Record<'_>) -> String {
    let path = |path: &str| shape(path.as_bytes());
    let word = |word: &str| match names::shown(&word.replace([' ', ':'], "_")) {
        shown if *shown == *HIDDEN => HIDDEN.to_owned(),
        shown => shown.to_string(),
    };
    let call = if act.call.is_empty() { main.head.name } else { &act.call };
    if act.executes {
        let others = act.arguments.len().saturating_sub(1);
        return format!("{call} {} with {others} arguments", path(main.fields.one("exe")));
    }
    let (call, main) = act.headline.map_or((call, main), |record| (record.head.name, record));
    if let Some((address, port)) = act.peer.filter(|_| act.headline.is_none()) {
        return format!("{call} {address} port {port}");
    }
    if let Some((file, _)) = act.file.as_ref().filter(|_| act.headline.is_none()) {
        return format!("{call} {}", path(file));
    }
    let mut summary = call.to_owned();
    for key in ["op", "unit", "key"] {
        if !main.fields.one(key).is_empty() {
            summary = format!("{summary} {}", word(main.fields.one(key)));
        }
    }
    summary
}
