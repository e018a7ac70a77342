//! The kernel program: loaded, attached and read. Needs CAP_BPF and CAP_PERFMON, for datagrams of unconnected sockets
//! CAP_NET_ADMIN as well.

use super::record::{DATAGRAMS, DATAGRAMS_KEY, Datagrams, Record};
use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, CgroupAttachMode, CgroupSockAddr};
use aya::{Btf, Ebpf};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::HashMap as Known;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Duration;

/// `kernel.bpf.c`, compiled by scripts/bpf.sh.
static PROGRAM: &[u8] = aya::include_bytes_aligned!("kernel.bpf.o");

/// Trace points, each with the program for it and what is not seen without it.
const TRACED: [(&str, &str, &str); 4] = [
    ("socket_state", "inet_sock_set_state", "connections"),
    ("socket_send", "sock_send_length", "bytes of open connections, datagrams"),
    ("process_exec", "sched_process_exec", "programs that are started"),
    ("process_exit", "sched_process_exit", "programs that end"),
];

/// A flow of datagrams ends when it was silent for so long.
const SILENT: u64 = 30_000_000_000;

/// The program at work.
pub(super) struct Kernel {
    /// Programs are detached when it is dropped.
    _program: Ebpf,
    records: RingBuf<MapData>,
    datagrams: HashMap<MapData, [u8; DATAGRAMS_KEY], [u8; DATAGRAMS]>,
    lost: PerCpuArray<MapData, u64>,
    told_lost: u64,
    /// What was told of each flow of datagrams: bytes, and when it was silent for the first time.
    told: Known<[u8; DATAGRAMS_KEY], u64>,
    /// What this kernel does not give.
    missing: Vec<&'static str>,
}

impl Kernel {
    /// # Errors
    /// The kernel takes no program: too old, no BTF, no right to.
    pub(super) fn load() -> anyhow::Result<Kernel> {
        let btf = Btf::from_sys_fs()?;
        let mut program = Ebpf::load(PROGRAM)?;
        let mut missing = Vec::new();
        for (name, trace_point, sees) in TRACED {
            let attached = traced(&mut program, name, trace_point, &btf);
            match attached {
                Err(error) if name == "socket_state" => return Err(error),
                Err(_) => missing.push(sees),
                Ok(()) => {}
            }
        }
        for name in ["datagram_to4", "datagram_to6"] {
            if aimed(&mut program, name).is_err() && !missing.contains(&"receivers of datagrams") {
                missing.push("receivers of datagrams");
            }
        }
        let mut map = |name| program.take_map(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"));
        Ok(Kernel {
            records: RingBuf::try_from(map("records")?)?,
            datagrams: HashMap::try_from(map("datagram_flows")?)?,
            lost: PerCpuArray::try_from(map("lost")?)?,
            _program: program,
            told_lost: 0,
            told: Known::new(),
            missing,
        })
    }

    pub(super) fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Waits until the ring is half full, at most for `time`.
    pub(super) fn wait(&self, time: Duration) {
        let timeout = Timespec::try_from(time).ok();
        let mut waited = [PollFd::new(&self.records, PollFlags::IN)];
        // An interrupted wait is a short one.
        let _ = poll(&mut waited, timeout.as_ref());
    }

    /// Gives every record that waits to `take`.
    pub(super) fn records(&mut self, mut take: impl FnMut(Record)) {
        while let Some(bytes) = self.records.next() {
            if let Some(record) = Record::read(&bytes) {
                take(record);
            }
        }
    }

    /// Gives every flow of datagrams that went on since this was last called, and forgets those silent for long.
    /// `now` is nanoseconds since boot.
    pub(super) fn datagrams(&mut self, now: u64, mut take: impl FnMut(Datagrams, bool)) {
        let mut gone = Vec::new();
        for (key, value) in self.datagrams.iter().flatten() {
            let Some(datagrams) = Datagrams::read(&key, &value) else { continue };
            let before = self.told.get(&key).copied();
            let silent = now.saturating_sub(datagrams.latest) > SILENT;
            if before != Some(datagrams.flow.sent) {
                self.told.insert(key, datagrams.flow.sent);
                take(datagrams, before.is_none());
            } else if silent {
                gone.push(key);
            }
        }
        for key in gone {
            self.told.remove(&key);
            let _ = self.datagrams.remove(&key);
        }
        // What the kernel dropped from a full map is not held either.
        if self.told.len() > 2 * 65_536 {
            self.told.clear();
        }
    }

    /// Records lost since this was last called, because nobody read them in time.
    pub(super) fn lost(&mut self) -> u64 {
        let lost: u64 = self.lost.get(&0, 0).map_or(0, |counts| counts.iter().sum());
        let new = lost.saturating_sub(self.told_lost);
        self.told_lost = lost;
        new
    }
}

fn traced(program: &mut Ebpf, name: &str, trace_point: &str, btf: &Btf) -> anyhow::Result<()> {
    let found = program.program_mut(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"))?;
    let found: &mut BtfTracePoint = found.try_into()?;
    found.load(trace_point, btf)?;
    found.attach()?;
    Ok(())
}

/// Attaches to the root of all control groups.
fn aimed(program: &mut Ebpf, name: &str) -> anyhow::Result<()> {
    let found = program.program_mut(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"))?;
    let found: &mut CgroupSockAddr = found.try_into()?;
    let root =
        File::open(super::host::control_groups().ok_or_else(|| anyhow::anyhow!("no control groups, version 2"))?)?;
    found.load()?;
    // A link stands beside those of others by itself; the kernel refuses it with any mode but this.
    found.attach(root.as_fd(), CgroupAttachMode::Single)?;
    Ok(())
}
