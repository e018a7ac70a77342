//! The sensor: what the kernel tells of programs, connections and files, as lines.
//!
//! It is a process of its own (`kuzet sensor`), because it holds rights that code which reads hostile bytes must not have.
//! It reads the kernel, /proc and the list of accounts, hands first bytes on without a look at them, and writes to its
//! standard output or to one agent on a socket.

mod book;
mod diag;
mod files;
mod host;
mod kernel;
mod lines;
mod means;
mod netlink;
mod owners;
mod proc;
mod processes;
mod programs;
mod record;

pub use means::{MeansName, Wanted};

use crate::clock::Clock;
use anyhow::Context;
use files::{Batch, Files, Spot};
use kuzet_event::Timestamp;
use lines::{Epoch, Line, Lineage, ProcessLine};
use means::{Chosen, choose};
use processes::{Process, Processes};
use record::{Flow, Phase, Record, What, Who};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Turns of pieces and records before the rest of the work is done.
const TURNS: usize = 8;
/// How often datagrams are counted: the longest that it waits.
const COUNT: Duration = Duration::from_secs(1);
/// Opened connections whose first line waits for their end: a short connection is one line.
const HELD: usize = 65_536;

/// Longest first line of an agent, most folders that it may name, and how long it may take.
const ASKED: u64 = 64 << 10;
const FOLDERS: usize = 256;
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is told.
struct Told<'a> {
    /// His end of what is written to.
    fd: BorrowedFd<'a>,
    /// His process, where it is an agent.
    agent: Option<u32>,
    /// Where others ask meanwhile.
    others: Option<&'a UnixListener>,
}

impl Told<'_> {
    /// Whether he is gone.
    fn is_gone(&self) -> bool {
        let mut asked = [PollFd::from_borrowed_fd(self.fd, PollFlags::RDHUP)];
        let _ = poll(&mut asked, Some(&Timespec::default()));
        asked[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
    }

    /// Tells whoever asks beside him what is seen, and no more.
    fn answer(&self, sight: &Line<'_>) {
        let waits = |others: &UnixListener| {
            let mut asked = [PollFd::new(others, PollFlags::IN)];
            let _ = poll(&mut asked, Some(&Timespec::default()));
            asked[0].revents().contains(PollFlags::IN)
        };
        while let Some(others) = self.others.filter(|others| waits(others)) {
            let Ok((mut other, _)) = others.accept() else { return };
            let mut line = serde_json::to_vec(sight).unwrap_or_default();
            line.push(b'\n');
            // One line fits into any socket; whoever does not take it has not asked.
            let told = other.set_nonblocking(true).and_then(|()| other.write_all(&line));
            // What he asks for is another's; left unread it would look like a broken connection to him.
            drop(told.and_then(|()| other.take(ASKED).read_to_end(&mut Vec::new())));
        }
    }
}

/// Says which means is at work here and what it does not show, and ends.
///
/// # Errors
/// No means works.
pub fn check(out: &mut dyn Write, wanted: &Wanted, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let chosen = choose(wanted, &**clock)?;
    let spots = Files::watch(&wanted.folders, None, clock)?.take().spots.unwrap_or_default();
    say(out, &sight(&chosen, &chosen.means.missing(), &spots, &**clock))?;
    out.flush()?;
    Ok(())
}

/// Tells what is seen until `out`, which writes to `fd`, is closed.
///
/// # Errors
/// No means works, or `out` does not take a line.
pub fn run(out: &mut dyn Write, fd: BorrowedFd<'_>, wanted: &Wanted, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    tell(out, &Told { fd, agent: parent(), others: None }, wanted, clock)
}

/// The process that started this one, if it runs the same program: then it is the agent, else somebody's shell.
fn parent() -> Option<u32> {
    let program = |process: &str| std::fs::read_link(format!("/proc/{process}/exe")).ok();
    let pid = std::os::unix::process::parent_id();
    (program(&pid.to_string())? == program("self")?).then_some(pid)
}

fn tell(out: &mut dyn Write, told: &Told<'_>, wanted: &Wanted, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let files = Files::watch(&wanted.folders, told.agent, clock)?;
    let clock = &**clock;
    let mut chosen = choose(wanted, clock)?;
    let missing = chosen.means.missing();
    let early = std::mem::take(&mut chosen.early);
    let mut teller = Teller::new(out, epoch(clock), told.agent);
    let mut batch = files.take();
    let mut spots = batch.spots.take().unwrap_or_default();
    say(teller.out, &sight(&chosen, &missing, &spots, clock))?;
    early.into_iter().try_for_each(|record| teller.record(record))?;
    teller.take(&mut chosen)?;
    let mut counted = clock.monotonic();
    loop {
        if let Some(new) = batch.spots.take() {
            spots = new;
            teller.say(&sight(&chosen, &missing, &spots, clock))?;
        }
        teller.files(batch, &chosen, clock)?;
        teller.out.flush()?;
        let time = COUNT.saturating_sub(clock.monotonic().saturating_sub(counted));
        chosen.means.wait(time, Some(files.fd()));
        if told.is_gone() {
            return Ok(());
        }
        told.answer(&sight(&chosen, &missing, &spots, clock));
        teller.epoch = epoch(clock);
        // Programs that were started before something was done to a file are known before it is told.
        batch = files.take();
        teller.take(&mut chosen)?;
        teller.release()?;
        let now = clock.monotonic();
        if now.saturating_sub(counted) >= COUNT {
            counted = now;
            let mut failed = Ok(());
            chosen.means.datagrams(boot_nanos(), |datagrams, first| {
                let mut flow = datagrams.flow;
                if first {
                    flow.phase = Phase::Open;
                }
                if failed.is_ok() {
                    failed = teller.flow(datagrams.latest, &flow, &datagrams.who);
                }
            });
            failed?;
            for (of, records, bytes) in chosen.means.lost() {
                teller.say(&Line::Lost { at: clock.wall().0, of, records, bytes })?;
            }
        }
    }
}

fn sight<'a>(chosen: &'a Chosen, missing: &'a [&'a str], files: &'a [Spot], clock: &dyn Clock) -> Line<'a> {
    let (at, means) = (clock.wall().0, chosen.means.name().name());
    Line::Sight { at, means, missing, refused: &chosen.refused, files }
}

/// Tells one agent after the other that connects to the socket at `path`.
///
/// # Errors
/// The socket cannot be made, or no means works.
pub fn serve(path: &Path, wanted: &Wanted, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    // What an earlier sensor left behind; a file that is no socket stays.
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    crate::manager::tell("READY=1");
    loop {
        let (agent, _) = listener.accept()?;
        let process = rustix::net::sockopt::socket_peercred(&agent).ok();
        let process = process.and_then(|process| u32::try_from(process.pid.as_raw_nonzero().get()).ok());
        let told = Told { fd: agent.as_fd(), agent: process, others: Some(&listener) };
        let wanted = Wanted { folders: asked(&agent), ..wanted.clone() };
        let end = tell(&mut BufWriter::with_capacity(64 << 10, &agent), &told, &wanted, clock);
        match end {
            // The agent is gone; the next one begins anew.
            Ok(()) => {}
            Err(error) if error.downcast_ref::<std::io::Error>().is_some() => {}
            Err(error) => return Err(error),
        }
    }
}

/// The folders whose files an agent wants to know of: its first line. None, if it says nothing that can be understood.
fn asked(agent: &UnixStream) -> Vec<PathBuf> {
    #[derive(Deserialize)]
    struct Asked {
        folders: Vec<PathBuf>,
    }
    let mut line = Vec::new();
    let read = agent
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| BufReader::new(agent.take(ASKED)).read_until(b'\n', &mut line));
    let asked = read.ok().and_then(|_| serde_json::from_slice::<Asked>(&line).ok());
    let mut folders = asked.map(|asked| asked.folders).unwrap_or_default();
    folders.retain(|folder| folder.is_absolute());
    folders.truncate(FOLDERS);
    folders
}

/// Nanoseconds since boot, time asleep included.
fn boot_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// How long it is until the first of these, in nanoseconds since boot.
fn until(due: impl IntoIterator<Item = Option<u64>>) -> Duration {
    let first = due.into_iter().flatten().min().unwrap_or(u64::MAX);
    Duration::from_nanos(first.saturating_sub(boot_nanos()))
}

/// Time on a processor that this process has had, in nanoseconds: what a look costs, however busy the host is.
fn busy_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Beginning of a process, to a hundredth of a second, and the file that it runs. `None`: it is gone, or may not be looked at.
pub(crate) fn running(pid: u32, clock: &dyn Clock) -> Option<(Timestamp, String)> {
    let seen = host::process(pid)?;
    Some((Timestamp(epoch(clock).micros(seen.began)), seen.path?))
}

fn epoch(clock: &dyn Clock) -> Epoch {
    Epoch(clock.wall().0.saturating_sub(i64::try_from(boot_nanos() / 1000).unwrap_or(0)))
}

struct Teller<'a> {
    out: &'a mut dyn Write,
    epoch: Epoch,
    processes: Processes,
    /// The agent, and the program that its workers run, too.
    agent: Option<u32>,
    program: Option<String>,
    /// Connections opened since the last round, by socket.
    held: HashMap<u64, (u64, Flow, Who)>,
}

fn say(out: &mut dyn Write, line: &Line<'_>) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

impl Teller<'_> {
    fn new(out: &mut dyn Write, epoch: Epoch, agent: Option<u32>) -> Teller<'_> {
        let program = std::fs::read_link("/proc/self/exe").ok().map(|path| path.to_string_lossy().into_owned());
        Teller { out, epoch, processes: Processes::new(), agent, program, held: HashMap::new() }
    }

    fn say(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        say(self.out, line)
    }

    /// Tells what waits: pieces before the connections that their names are of, and records in good time.
    fn take(&mut self, chosen: &mut Chosen) -> anyhow::Result<()> {
        let (means, own) = (&mut chosen.means, &chosen.own);
        let mut failed = Ok(());
        for _ in 0..TURNS {
            let more = means.pieces(|piece| {
                if failed.is_ok() && !own.is_own_piece(&piece) {
                    failed = self.say(&Line::bytes(self.epoch, &piece));
                }
            });
            means.records(|record| {
                if failed.is_ok() && !own.is_own(&record) {
                    failed = self.record(record);
                }
            })?;
            if failed.is_err() || !more {
                break;
            }
        }
        Ok(failed?)
    }

    fn record(&mut self, record: Record) -> std::io::Result<()> {
        match record.what {
            What::Exec { path } => {
                let process = self.processes.exec(&record.who, &path);
                let parents = self.processes.parents(&process);
                let lineage = (process, parents);
                let process = ProcessLine::new(self.epoch, &lineage);
                self.say(&Line::Exec { at: self.epoch.micros(record.at), process })
            }
            What::Flow(flow) if flow.phase == Phase::Open && self.held.len() < HELD => {
                self.held.insert(flow.socket, (record.at, flow, record.who));
                Ok(())
            }
            What::Flow(flow) => {
                self.held.remove(&flow.socket);
                self.flow(record.at, &flow, &record.who)
            }
        }
    }

    /// Tells what was done to files.
    fn files(&mut self, batch: Batch, chosen: &Chosen, clock: &dyn Clock) -> std::io::Result<()> {
        let mut known: HashMap<(u32, Option<u64>), Option<Lineage>> = HashMap::new();
        for act in &batch.acts {
            let seen = act.who.as_deref();
            let process = known.entry((act.pid, seen.map(|seen| seen.who.began))).or_insert_with(|| {
                let process = self.processes.acting(act.pid, act.at, seen, &|pid| chosen.means.forked(pid))?;
                let parents = self.processes.parents(&process);
                Some((process, parents))
            });
            if !process.as_ref().is_some_and(|(process, _)| self.is_worker(process)) {
                say(self.out, &Line::file(self.epoch, act, process.as_ref()))?;
            }
        }
        let at = clock.wall().0;
        if batch.lost > 0 {
            self.say(&Line::Lost { at, of: "files", records: batch.lost, bytes: 0 })?;
        }
        batch.rescan.iter().try_for_each(|folder| self.say(&Line::Rescan { at, path: folder.to_string_lossy() }))
    }

    /// Whether the agent started it to look into files for it. Nobody else's child is, whatever program it runs.
    fn is_worker(&self, process: &Process) -> bool {
        // The agent starts itself by the name that the kernel has for that.
        let same = Some(&*process.path) == self.program.as_deref() || &*process.path == "/proc/self/exe";
        Some(process.parent) == self.agent && same
    }

    /// Tells the connections that were opened and did not end at once.
    fn release(&mut self) -> std::io::Result<()> {
        let mut held: Vec<_> = std::mem::take(&mut self.held).into_values().collect();
        held.sort_unstable_by_key(|(at, flow, _)| (*at, flow.socket));
        held.into_iter().try_for_each(|(at, flow, who)| self.flow(at, &flow, &who))
    }

    fn flow(&mut self, at: u64, flow: &Flow, who: &Who) -> std::io::Result<()> {
        if who.pid == 0 {
            let user = flow.owner.map(|owner| self.processes.user(owner));
            return self.say(&Line::flow(self.epoch, at, flow, who.namespace, None, user));
        }
        let process = self.processes.of(who);
        let parents = self.processes.parents(&process);
        self.say(&Line::flow(self.epoch, at, flow, who.namespace, Some(&(process, parents)), None))
    }
}
