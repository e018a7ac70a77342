//! Child processes that do not outlive their owner, and one-shot commands with a readable failure.

use super::{poll, until};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// A running child whose output goes to a file; asked to stop, then killed, on drop.
pub struct Guard {
    name: String,
    child: Child,
    log: PathBuf,
    stop: Signal,
}

impl Guard {
    /// Starts `command` with its output in `log`. `stop` is the signal for an orderly end.
    pub fn spawn(name: &str, command: &mut Command, log: &Path, stop: Signal) -> Guard {
        let file = std::fs::File::create(log).unwrap_or_else(|error| panic!("cannot make {}: {error}", log.display()));
        let both = file.try_clone().expect("a second handle");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}; run scripts/test.sh once"));
        Guard { name: name.to_owned(), child, log: log.to_owned(), stop }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` says so; panics with the output when it ends or the limit passes before.
    pub fn ready(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) {
        let ended = poll(limit, || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(format!("ended with {status}"))),
            _ if ready() => Some(Ok(())),
            _ => None,
        });
        if let Err(why) = ended.unwrap_or_else(|| Err(format!("is not ready after {limit:?}"))) {
            panic!("{} {why}; its output:\n{}", self.name, self.output());
        }
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills it without warning and waits.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(self.stop);
        self.wait(Duration::from_secs(20))
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("end of {}", self.name);
        until(&what, limit, || self.child.try_wait().expect("own child"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.alive() {
            self.signal(self.stop);
            if poll(Duration::from_secs(10), || self.child.try_wait().ok().flatten()).is_none() {
                self.kill();
            }
        }
    }
}

/// Runs `command` to its end; panics with its output when it fails.
pub fn run(command: &mut Command) -> Output {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {shown}: {error}; run scripts/test.sh once"));
    assert!(
        output.status.success(),
        "{shown}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
