//! The agent's own CPU time and memory, asked of the system only when someone scrapes.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What the system says about this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system CPU time, seconds.
    pub cpu_seconds: f64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Start, Unix seconds.
    pub start_seconds: u64,
}

/// Asks the system; `None` where it does not tell.
#[must_use]
pub fn usage() -> Option<Usage> {
    let pid = Pid::from_u32(std::process::id());
    // Made anew each time: nothing stays resident between two scrapes.
    let mut system = System::new().ok()?;
    let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let process = system.process(pid)?;
    Some(Usage {
        cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
        resident_bytes: process.memory(),
        start_seconds: process.start_time(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn knows_itself() {
        let usage = super::usage().unwrap();
        assert!(usage.resident_bytes > 100_000);
        assert!(usage.start_seconds > 1_600_000_000);
    }
}
