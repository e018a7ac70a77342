//! The kernel program: loaded, attached and read. Needs CAP_BPF and CAP_PERFMON, to look at packets CAP_NET_ADMIN as well.

use super::record::{DATAGRAMS, DATAGRAMS_KEY, Datagrams, Piece, Record, WHO, Who};
use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType};
use aya::{Btf, Ebpf, EbpfLoader};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use std::collections::HashMap as Known;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// `kernel.bpf.c`, compiled by scripts/bpf.sh.
static PROGRAM: &[u8] = aya::include_bytes_aligned!("kernel.bpf.o");

/// Trace points, each with the program for it and what is not seen without it.
const TRACED: [(&str, &str, &str); 4] = [
    ("socket_state", "inet_sock_set_state", "connections"),
    ("socket_send", "sock_send_length", "bytes of open connections, datagrams"),
    ("process_exec", "sched_process_exec", "programs that are started"),
    (
        "process_fork",
        "sched_process_fork",
        "who did something to a file and ended at once, without a program of its own",
    ),
];

/// Ways of packets through sockets, each with the program for it and what is not seen without it.
const PACKETS: [(&str, CgroupSkbAttachType, &str); 2] = [
    ("packet_sent", CgroupSkbAttachType::Egress, "first bytes of connections, receivers of datagrams"),
    ("packet_received", CgroupSkbAttachType::Ingress, "answers of name servers"),
];

/// What can be lost: records and pieces for which a ring had no room, and pieces beyond the bytes of a second.
const LOST: [&str; 3] = ["records", "pieces", "budget"];

/// Pieces that are taken before records are looked at again: those must not wait for a flood of first bytes.
const TURN: usize = 2_048;

/// After the first record others gather for so long, unless a ring fills.
const TOGETHER: Duration = Duration::from_millis(200);

/// A flow of datagrams ends when it was silent for so long.
const SILENT: u64 = 30_000_000_000;

/// The program at work.
pub(super) struct Kernel {
    /// Programs are detached when it is dropped.
    _program: Ebpf,
    records: RingBuf<MapData>,
    pieces: RingBuf<MapData>,
    /// Tells of each time that the kernel program wakes whoever reads a ring, and not of what waits there.
    woken: OwnedFd,
    datagrams: HashMap<MapData, [u8; DATAGRAMS_KEY], [u8; DATAGRAMS]>,
    forks: HashMap<MapData, u32, [u8; WHO]>,
    lost: PerCpuArray<MapData, [u64; 2]>,
    told_lost: [[u64; 2]; LOST.len()],
    /// What was told of each flow of datagrams: bytes, and when it was silent for the first time.
    told: Known<[u8; DATAGRAMS_KEY], Option<u64>>,
    /// What this kernel does not give.
    missing: Vec<&'static str>,
}

impl Kernel {
    /// # Errors
    /// The kernel takes no program: too old, no BTF, no right to.
    pub(super) fn load(loopback: bool) -> anyhow::Result<Kernel> {
        let btf = Btf::from_sys_fs()?;
        let loopback = u8::from(loopback);
        let mut program = EbpfLoader::new().override_global("loopback", &loopback, true).load(PROGRAM)?;
        let mut missing = Vec::new();
        // Before the trace points: a connection that they know of has all its bytes looked at.
        for (name, way, sees) in PACKETS {
            if looks(&mut program, name, way).is_err() {
                missing.push(sees);
            }
        }
        for (name, trace_point, sees) in TRACED {
            let attached = traced(&mut program, name, trace_point, &btf);
            match attached {
                Err(error) if name == "socket_state" => return Err(error),
                Err(_) => missing.push(sees),
                Ok(()) => {}
            }
        }
        let mut map = |name| program.take_map(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"));
        let (records, pieces) = (RingBuf::try_from(map("records")?)?, RingBuf::try_from(map("pieces")?)?);
        let woken = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for ring in [records.as_fd(), pieces.as_fd()] {
            epoll::add(&woken, ring, epoll::EventData::new_u64(0), epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        }
        Ok(Kernel {
            records,
            pieces,
            woken,
            datagrams: HashMap::try_from(map("datagram_flows")?)?,
            forks: HashMap::try_from(map("forks")?)?,
            lost: PerCpuArray::try_from(map("lost")?)?,
            _program: program,
            told_lost: [[0; 2]; LOST.len()],
            told: Known::new(),
            missing,
        })
    }

    pub(super) fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Waits until some records have gathered or `also` has something, at most for `time`.
    pub(super) fn wait(&self, time: Duration, also: Option<BorrowedFd<'_>>) {
        let wake = |time: Duration| {
            let mut list = vec![PollFd::new(&self.woken, PollFlags::IN)];
            list.extend(also.map(|also| PollFd::from_borrowed_fd(also, PollFlags::IN)));
            // An interrupted wait is a short one.
            let _ = poll(&mut list, Timespec::try_from(time).ok().as_ref());
            let only = list.iter().skip(1).all(|also| also.revents().is_empty());
            let mut events = [MaybeUninit::uninit(); 2];
            epoll::wait(&self.woken, &mut events, Some(&Timespec::default()))
                .is_ok_and(|(woken, _)| only && !woken.is_empty())
        };
        if wake(time) {
            wake(time.min(TOGETHER));
        }
    }

    /// Gives every record that waits to `take`.
    pub(super) fn records(&mut self, mut take: impl FnMut(Record)) {
        while let Some(bytes) = self.records.next() {
            if let Some(record) = Record::read(&bytes) {
                take(record);
            }
        }
    }

    /// Gives pieces that wait to `take`, at most [`TURN`]. `false`: no more of them wait.
    pub(super) fn pieces(&mut self, mut take: impl FnMut(Piece<'_>)) -> bool {
        for _ in 0..TURN {
            let Some(bytes) = self.pieces.next() else { return false };
            if let Some(piece) = Piece::read(&bytes) {
                take(piece);
            }
        }
        true
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

    /// The process that was forked lately and has this number.
    pub(super) fn forked(&self, pid: u32) -> Option<Who> {
        Who::read(&self.forks.get(&pid, 0).ok()?)
    }

    /// What was lost since this was last called: of what, how many, how many bytes.
    pub(super) fn lost(&mut self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let mut new = [[0_u64; 2]; LOST.len()];
        for (index, (told, new)) in (0..).zip(self.told_lost.iter_mut().zip(&mut new)) {
            let of_processors = self.lost.get(&index, 0);
            for [number, bytes] in of_processors.iter().flat_map(|counts| counts.iter()) {
                *new = [new[0].saturating_add(*number), new[1].saturating_add(*bytes)];
            }
            let counted = std::mem::replace(told, *new);
            *new = [new[0].saturating_sub(counted[0]), new[1].saturating_sub(counted[1])];
        }
        let lost = LOST.into_iter().zip(new).filter(|(_, [number, _])| *number > 0);
        lost.map(|(of, [number, bytes])| (of, number, bytes))
    }
}

fn traced(program: &mut Ebpf, name: &str, trace_point: &str, btf: &Btf) -> anyhow::Result<()> {
    let found = program.program_mut(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"))?;
    let found: &mut BtfTracePoint = found.try_into()?;
    found.load(trace_point, btf)?;
    found.attach()?;
    Ok(())
}

/// Looks at the packets of every socket: those of the root of all control groups.
fn looks(program: &mut Ebpf, name: &str, way: CgroupSkbAttachType) -> anyhow::Result<()> {
    let found = program.program_mut(name).ok_or_else(|| anyhow::anyhow!("the kernel program has no {name}"))?;
    let found: &mut CgroupSkb = found.try_into()?;
    let root =
        File::open(super::host::control_groups().ok_or_else(|| anyhow::anyhow!("no control groups, version 2"))?)?;
    found.load()?;
    // A link stands beside those of others by itself; the kernel refuses it with any mode but this.
    found.attach(root.as_fd(), way, CgroupAttachMode::Single)?;
    Ok(())
}
