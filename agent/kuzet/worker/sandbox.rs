//! What the worker gives up before it reads the first byte of a file.
//!
//! Four means, each enough for most of it: limits of resources, no rights and no way to new ones, Landlock with no path, and
//! a filter that knows some twenty system calls. Without the filter there is no worker; a kernel without Landlock is told.

use anyhow::Context;
use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};
use rustix::time::ClockId;
use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};
use std::collections::BTreeMap;

/// Descriptors: the socket, standard output and error, and those of a question.
const FILES: u64 = 3 + super::BATCH as u64 + 1;

/// Sets limits, gives up rights. Files and network are still open behind it.
pub(super) fn limit(memory: u64) -> anyhow::Result<()> {
    // Where memory runs out the kernel takes the worker and not the agent; where it cannot be said, it takes the larger.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    for (what, most) in [
        (Resource::Data, memory),
        (Resource::Nofile, FILES),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nproc, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        rustix::process::setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) })
            .with_context(|| format!("limit {what:?}"))?;
    }
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).context("dumps")?;
    // A parent that is killed takes its worker with it, even where that is busy.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).context("signal of the parent's end")?;
    give_up_rights()?;
    rustix::thread::set_no_new_privs(true).context("no new rights")
}

/// Gives up every capability. A hardened service may be refused the call: then it has none to give up.
fn give_up_rights() -> anyhow::Result<()> {
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let refused = match rustix::thread::set_capabilities(None, none) {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    let held = rustix::thread::capabilities(None).context("capabilities")?;
    let any = held.effective | held.permitted | held.inheritable;
    if any.is_empty() { Ok(()) } else { Err(refused).context("capabilities") }
}

/// Closes paths, network and every system call that is not needed. Returns how much of Landlock holds: 2 all, 1 some, 0 none.
pub(super) fn close() -> anyhow::Result<u8> {
    let abi = ABI::V6;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    let landlock = match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => 2,
        RulesetStatus::PartiallyEnforced => 1,
        RulesetStatus::NotEnforced => 0,
    };
    let own = u64::try_from(rustix::process::getpid().as_raw_nonzero().get())?;
    let processor = std::env::consts::ARCH.try_into().context("no filter for this processor")?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(allowed(own)?, refused, SeccompAction::Allow, processor)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program).context("filter of system calls")?;
    Ok(landlock)
}

/// The system calls that remain, some with conditions on their arguments.
fn allowed(own: u64) -> anyhow::Result<BTreeMap<i64, Vec<SeccompRule>>> {
    let always = [
        // The files that were handed over.
        libc::SYS_pread64,
        libc::SYS_close,
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Locks, chance and time of the standard library.
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        // Its end, orderly or not.
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let mut list: BTreeMap<i64, Vec<SeccompRule>> = always.into_iter().map(|call| (call, Vec::new())).collect();
    let is = |at, value| SeccompCondition::new(at, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value);
    let without = |at, bits: i32| {
        let bits = u64::from(bits.unsigned_abs());
        SeccompCondition::new(at, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(bits), 0)
    };
    // Its socket, and nothing that whoever started the agent left open.
    for call in [libc::SYS_recvmsg, libc::SYS_sendmsg] {
        list.insert(call, vec![SeccompRule::new(vec![is(0, 0)?])?]);
    }
    // Memory that nothing can be run in, that is no file's and nobody else's: its limit counts no other.
    let nobody = SeccompCondition::new(4, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(u32::MAX))?;
    list.insert(
        libc::SYS_mmap,
        vec![SeccompRule::new(vec![without(2, libc::PROT_EXEC)?, without(3, libc::MAP_SHARED)?, nobody])?],
    );
    list.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![without(2, libc::PROT_EXEC)?])?]);
    // The limit on its time is set anew for each question; no other limit, and nobody else's.
    let time = vec![is(0, 0)?, is(1, u64::from(libc::RLIMIT_CPU))?];
    list.insert(libc::SYS_prlimit64, vec![SeccompRule::new(time)?]);
    // abort() sends a signal to itself; it does to nobody else.
    list.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![is(0, own)?])?]);
    Ok(list)
}

/// Gives this process `seconds` more on a processor; behind them the kernel ends it.
pub(super) fn allow_seconds(seconds: u64) -> rustix::io::Result<()> {
    let now = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    let used = u64::try_from(now.tv_sec).unwrap_or(0);
    let maximum = rustix::process::getrlimit(Resource::Cpu).maximum;
    rustix::process::setrlimit(Resource::Cpu, Rlimit { current: Some(used + seconds + 1), maximum })
}
