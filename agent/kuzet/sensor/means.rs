//! By which means the sensor sees: the best that works here, each proven by a connection of the sensor's own.

use super::diag::Diag;
use super::kernel::Kernel;
use super::proc::Proc;
use super::record::{Datagrams, Flow, Phase, Piece, Record, What, Who};
use crate::clock::Clock;
use anyhow::Context;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

/// What to do when the kernel takes no program.
const WANTED: &str = "the kernel takes no program for programs and connections: run the sensor as root or with the \
                      capabilities CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, on Linux 5.12 or later with BTF \
                      (/sys/kernel/btf/vmlinux)";

/// Bytes that the sensor's own connection sends.
const SENT: usize = 4_099;
/// Longest wait for what it must show.
const PATIENCE: Duration = Duration::from_secs(3);
/// A round of that wait.
const ROUND: Duration = Duration::from_millis(20);
/// What the last resort tells of a connection's end comes so late, in nanoseconds.
const ECHO: u64 = 5_000_000_000;

/// A means by its name, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeansName {
    /// A program in the kernel.
    Bpf,
    /// Looks at all sockets and the kernel's word when one ends.
    Diag,
    /// Reading /proc/net.
    Proc,
}

impl MeansName {
    /// Every means, the best first.
    pub const ALL: [MeansName; 3] = [MeansName::Bpf, MeansName::Diag, MeansName::Proc];

    /// As it is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MeansName::Bpf => "bpf",
            MeansName::Diag => "diag",
            MeansName::Proc => "proc",
        }
    }
}

/// What is asked of the sensor.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The means; `None` is the best that works.
    pub means: Option<MeansName>,
    /// First bytes of connections that stay on this host as well.
    pub loopback: bool,
    /// Folders whose files are watched.
    pub folders: Vec<PathBuf>,
}

/// A means at work.
pub(super) enum Means {
    Kernel(Box<Kernel>),
    Diag(Box<Diag>),
    Proc(Box<Proc>),
}

impl Means {
    fn open(name: MeansName, loopback: bool) -> anyhow::Result<Means> {
        Ok(match name {
            MeansName::Bpf => Means::Kernel(Box::new(Kernel::load(loopback).context(WANTED)?)),
            MeansName::Diag => {
                Means::Diag(Box::new(Diag::open().context("the kernel tells nothing of sockets (sock_diag)")?))
            }
            MeansName::Proc => Means::Proc(Box::new(Proc::open().context("/proc/net/tcp cannot be read")?)),
        })
    }

    pub(super) fn name(&self) -> MeansName {
        match self {
            Means::Kernel(_) => MeansName::Bpf,
            Means::Diag(_) => MeansName::Diag,
            Means::Proc(_) => MeansName::Proc,
        }
    }

    /// What it does not show.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        match self {
            Means::Kernel(kernel) => kernel.missing().to_vec(),
            Means::Diag(diag) => diag.missing(),
            Means::Proc(proc) => proc.missing(),
        }
    }

    /// Waits until there is something to take, here or at `also`, at most for `time`.
    pub(super) fn wait(&self, time: Duration, also: Option<BorrowedFd<'_>>) {
        match self {
            Means::Kernel(kernel) => kernel.wait(time, also),
            Means::Diag(diag) => diag.wait(time, also),
            Means::Proc(proc) => proc.wait(time, also),
        }
    }

    /// Gives every record that waits to `take`.
    ///
    /// # Errors
    /// It does not work any more.
    pub(super) fn records(&mut self, mut take: impl FnMut(Record)) -> anyhow::Result<()> {
        match self {
            Means::Kernel(kernel) => kernel.records(take),
            Means::Diag(diag) => diag.records(super::boot_nanos(), &mut take)?,
            Means::Proc(proc) => proc.records(super::boot_nanos(), &mut take),
        }
        Ok(())
    }

    /// Gives the datagrams that were counted since this was last called; only the kernel program counts any.
    pub(super) fn datagrams(&mut self, now: u64, take: impl FnMut(Datagrams, bool)) {
        if let Means::Kernel(kernel) = self {
            kernel.datagrams(now, take);
        }
    }

    /// Gives pieces of first bytes that wait to `take`, a number of them at once; only the kernel program sees any.
    /// `false`: no more of them wait.
    pub(super) fn pieces(&mut self, take: impl FnMut(Piece<'_>)) -> bool {
        match self {
            Means::Kernel(kernel) => kernel.pieces(take),
            Means::Diag(_) | Means::Proc(_) => false,
        }
    }

    /// The process that was forked lately and has this number; only the kernel program knows any.
    pub(super) fn forked(&self, pid: u32) -> Option<Who> {
        match self {
            Means::Kernel(kernel) => kernel.forked(pid),
            Means::Diag(_) | Means::Proc(_) => None,
        }
    }

    /// What was lost since this was last called: of what, how many, how many bytes.
    pub(super) fn lost(&mut self) -> Vec<(&'static str, u64, u64)> {
        let records = match self {
            Means::Kernel(kernel) => return kernel.lost().collect(),
            Means::Diag(diag) => diag.lost(),
            Means::Proc(proc) => proc.lost(),
        };
        (records > 0).then_some(("records", records, 0)).into_iter().collect()
    }
}

/// The means that was chosen.
pub(super) struct Chosen {
    pub(super) means: Means,
    /// Why better ones are not at work, and what could not be proven.
    pub(super) refused: Vec<String>,
    /// What came while it was tried, without the sensor's own connection.
    pub(super) early: Vec<Record>,
    pub(super) own: Own,
}

/// The best means that works here, or the one that is wanted.
///
/// # Errors
/// None does, or not the one that is wanted.
pub(super) fn choose(wanted: &Wanted, clock: &dyn Clock) -> anyhow::Result<Chosen> {
    let (mut refused, mut failed) = (Vec::new(), None);
    for name in MeansName::ALL.into_iter().filter(|name| wanted.means.is_none_or(|wanted| wanted == *name)) {
        let mut early = Vec::new();
        let tried = Means::open(name, wanted.loopback).and_then(|mut means| {
            let (own, listener) = Own::open();
            let proven = own.prove(listener, &mut means, &mut early, clock)?;
            refused.extend(proven.err());
            early.retain(|record| !own.is_own(record));
            Ok((means, own))
        });
        match tried {
            Ok((means, own)) => return Ok(Chosen { means, refused, early, own }),
            Err(error) => {
                refused.push(format!("{}: {error:#}", name.name()));
                failed.get_or_insert(error);
            }
        }
    }
    Err(failed.unwrap_or_else(|| anyhow::anyhow!("there is no means")))
}

/// The sensor's own connection, which it does not tell.
pub(super) struct Own {
    port: u16,
    until: u64,
}

impl Own {
    fn open() -> (Own, Option<TcpListener>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok();
        let port = listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(0, |own| own.port());
        (Own { port, until: super::boot_nanos() + ECHO }, listener)
    }

    /// Whether a record tells of it.
    pub(super) fn is_own(&self, record: &Record) -> bool {
        let What::Flow(flow) = &record.what else { return false };
        self.is_between(record.at, [flow.local, flow.remote])
    }

    /// Whether these first bytes are its own.
    pub(super) fn is_own_piece(&self, piece: &Piece<'_>) -> bool {
        self.is_between(piece.at, [piece.local, piece.remote])
    }

    fn is_between(&self, at: u64, ends: [(IpAddr, u16); 2]) -> bool {
        self.port != 0
            && at < self.until
            && ends.iter().any(|(ip, port)| *port == self.port && (ip.is_loopback() || ip.is_unspecified()))
    }

    /// Sends what must come out with the right bytes and the right process. What cannot be tried is said, and believed.
    ///
    /// # Errors
    /// It came out wrong, or not at all.
    fn prove(
        &self,
        listener: Option<TcpListener>,
        means: &mut Means,
        early: &mut Vec<Record>,
        clock: &dyn Clock,
    ) -> anyhow::Result<Result<(), String>> {
        let Some((mut client, mut server)) = listener.and_then(connect) else {
            return Ok(Err(format!("{} is not proven: this host has no loopback to try it", means.name().name())));
        };
        let mut read = vec![0; SENT];
        if let Err(error) = client.write_all(&read).and_then(|()| server.read_exact(&mut read)) {
            return Ok(Err(format!("{} is not proven: {error}", means.name().name())));
        }
        // A look must find it open.
        means.records(|record| early.push(record))?;
        let mut ends = Some((client, server));
        let begun = clock.monotonic();
        loop {
            // The last resort counts no bytes: that it is there, with its process, is all.
            if means.name() != MeansName::Proc {
                ends = None;
            }
            if early.iter().any(|record| self.is_right(record, ends.is_none())) {
                return Ok(Ok(()));
            }
            anyhow::ensure!(
                clock.monotonic().saturating_sub(begun) < PATIENCE,
                "a connection of the sensor's own did not come out with its {SENT} bytes and its process"
            );
            means.wait(ROUND, None);
            means.records(|record| early.push(record))?;
        }
    }

    fn is_right(&self, record: &Record, counted: bool) -> bool {
        let What::Flow(Flow { phase, remote, sent, .. }) = &record.what else { return false };
        let whole = !counted || (*phase, *sent) == (Phase::Closed, Some(SENT as u64));
        whole && record.who.pid == std::process::id() && remote.1 == self.port && remote.0.is_loopback()
    }
}

fn connect(listener: TcpListener) -> Option<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (server, _) = listener.accept().ok()?;
    Some((client, server))
}
