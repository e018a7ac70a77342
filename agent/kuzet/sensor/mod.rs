//! The sensor: what the kernel tells of programs and connections, as lines.
//!
//! It is a process of its own (`kuzet sensor`), because it holds rights that code which reads hostile bytes must not have.
//! It reads the kernel, /proc and the list of accounts, hands first bytes on without a look at them, and writes to its standard output or to one agent on a socket.

mod host;
mod kernel;
mod lines;
mod processes;
mod record;

use crate::clock::Clock;
use anyhow::Context;
use kernel::Kernel;
use lines::{Epoch, Line, ProcessLine};
use processes::Processes;
use record::{Flow, Phase, Record, What, Who};
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

/// What to do when the kernel takes no program.
const WANTED: &str = "the kernel takes no program for programs and connections: run the sensor as root or with the \
                      capabilities CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, on Linux 5.12 or later with BTF \
                      (/sys/kernel/btf/vmlinux)";

/// How often records are taken.
const EVERY: Duration = Duration::from_millis(200);
/// How often datagrams are counted.
const COUNT: Duration = Duration::from_secs(1);
/// Opened connections whose first line waits for their end: a short connection is one line.
const HELD: usize = 65_536;

/// Tells what the kernel tells until `out` is closed; first bytes of what stays on this host only with `loopback`.
///
/// # Errors
/// The kernel takes no program, or `out` does not take a line.
pub fn run(out: &mut dyn Write, loopback: bool, clock: &dyn Clock) -> anyhow::Result<()> {
    let mut kernel = Kernel::load(loopback).context(WANTED)?;
    let mut teller = Teller { out, epoch: epoch(clock), processes: Processes::new(), held: HashMap::new() };
    teller.say(&Line::Sight { at: clock.wall().0, missing: kernel.missing() })?;
    let mut counted = clock.monotonic();
    loop {
        teller.out.flush()?;
        kernel.wait(EVERY);
        teller.epoch = epoch(clock);
        let mut failed = Ok(());
        // Before the connections: their names are in them.
        kernel.pieces(|piece| {
            if failed.is_ok() {
                failed = teller.say(&Line::bytes(teller.epoch, &piece));
            }
        });
        kernel.records(|record| {
            if failed.is_ok() {
                failed = teller.record(record);
            }
        });
        failed?;
        teller.release()?;
        let now = clock.monotonic();
        if now.saturating_sub(counted) >= COUNT {
            counted = now;
            let mut failed = Ok(());
            kernel.datagrams(boot_nanos(), |datagrams, first| {
                let mut flow = datagrams.flow;
                if first {
                    flow.phase = Phase::Open;
                }
                if failed.is_ok() {
                    failed = teller.flow(datagrams.latest, &flow, &datagrams.who);
                }
            });
            failed?;
            for (of, records, bytes) in kernel.lost() {
                teller.say(&Line::Lost { at: clock.wall().0, of, records, bytes })?;
            }
        }
    }
}

/// Tells one agent after the other that connects to the socket at `path`.
///
/// # Errors
/// The socket cannot be made, or the kernel takes no program.
pub fn serve(path: &Path, loopback: bool, clock: &dyn Clock) -> anyhow::Result<()> {
    // What an earlier sensor left behind; a file that is no socket stays.
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    loop {
        let (agent, _) = listener.accept()?;
        let told = run(&mut BufWriter::with_capacity(64 << 10, &agent), loopback, clock);
        match told {
            // The agent is gone; the next one begins anew.
            Err(error) if error.downcast_ref::<std::io::Error>().is_some() => {}
            other => return other,
        }
    }
}

/// Nanoseconds since boot, time asleep included.
fn boot_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

fn epoch(clock: &dyn Clock) -> Epoch {
    Epoch(clock.wall().0.saturating_sub(i64::try_from(boot_nanos() / 1000).unwrap_or(0)))
}

struct Teller<'a> {
    out: &'a mut dyn Write,
    epoch: Epoch,
    processes: Processes,
    /// Connections opened since the last round, by socket.
    held: HashMap<u64, (u64, Flow, Who)>,
}

impl Teller<'_> {
    fn say(&mut self, line: &Line<'_>) -> std::io::Result<()> {
        serde_json::to_writer(&mut *self.out, line)?;
        self.out.write_all(b"\n")
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

    /// Tells the connections that were opened and did not end at once.
    fn release(&mut self) -> std::io::Result<()> {
        let mut held: Vec<_> = std::mem::take(&mut self.held).into_values().collect();
        held.sort_unstable_by_key(|(at, flow, _)| (*at, flow.socket));
        held.into_iter().try_for_each(|(at, flow, who)| self.flow(at, &flow, &who))
    }

    fn flow(&mut self, at: u64, flow: &Flow, who: &Who) -> std::io::Result<()> {
        if who.pid == 0 {
            return self.say(&Line::flow(self.epoch, at, flow, who.namespace, None));
        }
        let process = self.processes.of(who);
        let parents = self.processes.parents(&process);
        self.say(&Line::flow(self.epoch, at, flow, who.namespace, Some(&(process, parents))))
    }
}
