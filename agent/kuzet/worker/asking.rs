//! The side that asks: starts the worker when it is needed, hands it files, waits so long and no longer, believes nothing.

use super::answer::{Answer, Trouble};
use super::wire::{Asked, Hello, PACKET, Ready, hex, receive, send};
use super::{BATCH, SMALL};
use crate::clock::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of answers to one question: all hashes of one file, and as much of others as fits in small files.
const MOST: usize = 8 << 20;
/// Seconds beyond the limits that files of `size` bytes are given.
pub(super) fn more_seconds(size: u64) -> u64 {
    size.min(4 << 30) / (16 << 20)
}

/// How long a worker may take to start.
const START: Duration = Duration::from_secs(20);
/// How long one that was told to end may take; behind it its end is asked for later.
const END: Duration = Duration::from_secs(1);

/// How workers are run.
#[derive(Clone)]
pub struct Settings {
    /// What is started; this binary itself, but for tests.
    pub program: PathBuf,
    /// The key of all hashes.
    pub key: [u8; 32],
    /// Keyed hashes of the numbers that this host reserves.
    pub canaries: Vec<u128>,
    /// Memory of a worker, bytes.
    pub memory: u64,
    /// Time on a processor for one question.
    pub seconds: u64,
    /// Time on the wall for one question.
    pub patience: Duration,
    /// A worker ends after so many files.
    pub files: u32,
    /// A worker ends when nobody asked it for so long.
    pub idle: Duration,
    /// Counts what workers do.
    pub work: Arc<Work>,
}

/// What workers did.
#[derive(Debug, Default)]
pub struct Work {
    /// How many were started.
    pub starts: AtomicU64,
    /// For how many microseconds they were asked.
    pub micros: AtomicU64,
}

impl Settings {
    /// As it is run; hashes under `key`.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Settings {
        Settings {
            program: PathBuf::from("/proc/self/exe"),
            key,
            canaries: Vec::new(),
            memory: 512 << 20,
            seconds: 60,
            patience: Duration::from_secs(180),
            files: 32_768,
            idle: Duration::from_secs(10),
            work: Arc::default(),
        }
    }
}

/// One file to look at.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Open for reading; a regular file.
    pub file: BorrowedFd<'a>,
    /// Its size when it was opened.
    pub size: u64,
    /// What its name ends with.
    pub extension: &'a str,
    /// Its digest is wanted.
    pub digest: bool,
    /// The digest of the content that is known already: where it is the same, nothing is looked at.
    pub known: Option<u128>,
}

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It cannot be started.
    #[error("the worker cannot be started: {0}")]
    Start(#[from] std::io::Error),
    /// It ended before it was ready: the kernel refuses the sandbox.
    #[error("the worker does not get ready: this kernel refuses its sandbox (kuzet worker --prove tells more)")]
    Sandbox,
    /// More files than a question may have.
    #[error("at most {BATCH} files a question")]
    Batch,
}

/// What a sandbox is worth.
#[derive(Debug)]
pub struct Proof {
    /// How much of Landlock the kernel enforces: 2 all, 1 some, 0 none.
    pub landlock: u8,
    /// What was tried, and the number of the error; nothing where it was not refused.
    pub attempts: Vec<(String, Option<i32>)>,
}

struct Running {
    child: Child,
    socket: OwnedFd,
    landlock: u8,
    files: u32,
    /// When it was last asked.
    asked: Duration,
}

/// A worker, started when it is needed and again when it is lost.
pub struct Worker {
    settings: Settings,
    clock: Arc<dyn Clock>,
    running: Option<Running>,
    /// Ended, but the kernel still holds them.
    gone: Vec<Child>,
    inbox: Vec<u8>,
    packet: Vec<u8>,
}

impl Worker {
    /// None runs yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Worker {
        let packet = vec![0; PACKET];
        Worker { settings, clock, running: None, gone: Vec::new(), inbox: Vec::new(), packet }
    }

    /// Whether a file may share a question with others.
    #[must_use]
    pub fn is_small(size: u64) -> bool {
        size < SMALL as u64 / BATCH as u64
    }

    /// Looks inside the files, in their order. A file that the worker does not survive is unreadable, and the others are
    /// looked at by the next worker.
    ///
    /// # Errors
    /// No worker can be started.
    pub fn inspect(&mut self, files: &[Given<'_>]) -> Result<Vec<Answer>, WorkerError> {
        if files.len() > BATCH {
            return Err(WorkerError::Batch);
        }
        match self.ask(files)? {
            Ok(answers) => Ok(answers),
            // Who of several it was is found out one by one.
            Err(_) if files.len() > 1 => {
                let mut answers = Vec::with_capacity(files.len());
                for file in files {
                    answers.extend(self.inspect(std::slice::from_ref(file))?);
                }
                Ok(answers)
            }
            Err(trouble) => Ok(vec![Answer::unreadable(trouble)]),
        }
    }

    /// How much of Landlock the kernel enforces: 2 all, 1 some, 0 none; nothing while no worker runs.
    #[must_use]
    pub fn landlock(&self) -> Option<u8> {
        self.running.as_ref().map(|running| running.landlock)
    }

    /// Process of the worker that runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Ends a worker that nobody asked for a while. To be called now and then.
    pub fn rest(&mut self) {
        let since = |running: &Running| self.clock.monotonic().saturating_sub(running.asked);
        if self.running.as_ref().is_some_and(|running| since(running) >= self.settings.idle) {
            self.end();
        }
        self.gone.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }

    /// Starts a worker that tries what its sandbox must refuse.
    ///
    /// # Errors
    /// No worker can be started.
    pub fn prove(&mut self) -> Result<Proof, WorkerError> {
        self.end();
        self.start(true)?;
        let landlock = self.landlock().unwrap_or(0);
        let line =
            self.packet_within(START).ok().and_then(|filled| serde_json::from_slice(&self.packet[..filled]).ok());
        self.end();
        line.map(|attempts| Proof { landlock, attempts }).ok_or(WorkerError::Sandbox)
    }

    /// Asks one question. The outer error: there is no worker; the inner: it was lost over it.
    fn ask(&mut self, files: &[Given<'_>]) -> Result<Result<Vec<Answer>, Trouble>, WorkerError> {
        if self.running.is_none() {
            self.start(false)?;
        }
        let asked: Vec<Asked<'_>> = files.iter().map(asked).collect();
        let size = files.iter().map(|given| given.size).fold(0, u64::saturating_add);
        let question = serde_json::to_vec(&asked).map_err(std::io::Error::from)?;
        let handed: Vec<BorrowedFd<'_>> = files.iter().map(|given| given.file).collect();
        let Some(running) = &mut self.running else { return Err(WorkerError::Sandbox) };
        running.files += u32::try_from(files.len()).unwrap_or(u32::MAX);
        running.asked = self.clock.monotonic();
        let worn = running.files >= self.settings.files;
        let began = running.asked;
        let answers = match send(running.socket.as_fd(), &question, &handed) {
            Ok(()) => self.answers(files.len(), self.settings.patience + Duration::from_secs(more_seconds(size))),
            Err(_) => Err(Trouble::Crashed),
        };
        let answers = answers.map_err(|trouble| match self.end() {
            Some(status) if status.signal() == Some(libc::SIGXCPU) => Trouble::Timeout,
            _ => trouble,
        });
        if worn {
            self.end();
        }
        let micros = self.clock.monotonic().saturating_sub(began).as_micros();
        self.settings.work.micros.fetch_add(u64::try_from(micros).unwrap_or(0), Ordering::Relaxed);
        Ok(answers)
    }

    /// Waits for `wanted` lines.
    fn answers(&mut self, wanted: usize, patience: Duration) -> Result<Vec<Answer>, Trouble> {
        self.inbox.clear();
        self.inbox.shrink_to(SMALL);
        let until = self.clock.monotonic() + patience;
        let mut lines = 0;
        while lines < wanted {
            let filled = self.packet_within(until.saturating_sub(self.clock.monotonic()))?;
            let packet = &self.packet[..filled];
            lines += memchr::memchr_iter(b'\n', packet).count();
            self.inbox.extend_from_slice(packet);
            if self.inbox.len() > MOST {
                return Err(Trouble::Garbled);
            }
        }
        let mut answers = Vec::with_capacity(wanted);
        for line in self.inbox.split_inclusive(|byte| *byte == b'\n') {
            answers.push(Answer::parse(line.trim_ascii_end()).ok_or(Trouble::Garbled)?);
        }
        if answers.len() == wanted { Ok(answers) } else { Err(Trouble::Garbled) }
    }

    /// The next packet, if it comes in time.
    fn packet_within(&mut self, patience: Duration) -> Result<usize, Trouble> {
        let Some(running) = &self.running else { return Err(Trouble::Crashed) };
        let until = self.clock.monotonic() + patience;
        loop {
            let left = until.saturating_sub(self.clock.monotonic());
            let limit = Timespec::try_from(left).map_err(|_| Trouble::Timeout)?;
            let mut asked = [PollFd::new(&running.socket, PollFlags::IN)];
            match poll(&mut asked, Some(&limit)) {
                Err(Errno::INTR) => {}
                Err(_) => return Err(Trouble::Crashed),
                Ok(0) => return Err(Trouble::Timeout),
                Ok(_) => break,
            }
        }
        // What descriptors it sends are closed.
        match receive(running.socket.as_fd(), &mut self.packet, &mut Vec::new()) {
            Ok(0) | Err(_) => Err(Trouble::Crashed),
            Ok(filled) => Ok(filled),
        }
    }

    fn start(&mut self, prove: bool) -> Result<(), WorkerError> {
        self.gone.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let pair = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (socket, other) = pair.map_err(std::io::Error::from)?;
        // What it writes may hold what it reads: nobody sees it.
        let child = Command::new(&self.settings.program)
            .arg("worker")
            .env_clear()
            .current_dir("/")
            .stdin(other)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.settings.work.starts.fetch_add(1, Ordering::Relaxed);
        let asked = self.clock.monotonic();
        self.running = Some(Running { child, socket, landlock: 0, files: 0, asked });
        let (mut key, mut canaries) = (String::new(), String::new());
        for half in self.settings.key.chunks_exact(16) {
            hex(half.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)), &mut key);
        }
        self.settings.canaries.iter().for_each(|canary| hex(*canary, &mut canaries));
        let Settings { seconds, memory, .. } = self.settings;
        let hello = Hello { key: key.into(), canaries: canaries.into(), seconds, memory, prove };
        let hello = serde_json::to_vec(&hello).map_err(std::io::Error::from)?;
        match self.greet(&hello) {
            Some(landlock) => {
                self.running.iter_mut().for_each(|running| running.landlock = landlock);
                Ok(())
            }
            None => {
                self.end();
                Err(WorkerError::Sandbox)
            }
        }
    }

    fn greet(&mut self, hello: &[u8]) -> Option<u8> {
        send(self.running.as_ref()?.socket.as_fd(), hello, &[]).ok()?;
        let filled = self.packet_within(START).ok()?;
        serde_json::from_slice(&self.packet[..filled]).ok().map(|ready: Ready| ready.landlock)
    }

    /// Ends the worker, if one runs. How it ended, unless the kernel does not let it go yet.
    fn end(&mut self) -> Option<ExitStatus> {
        let Running { mut child, socket, .. } = self.running.take()?;
        drop(socket);
        let _ = child.kill();
        let until = self.clock.monotonic() + END;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if self.clock.monotonic() < until => std::thread::park_timeout(Duration::from_millis(1)),
                _ => break,
            }
        }
        self.gone.push(child);
        None
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

fn asked<'a>(given: &Given<'a>) -> Asked<'a> {
    let mut known = String::new();
    given.known.iter().for_each(|digest| hex(*digest, &mut known));
    Asked { size: given.size, extension: given.extension.into(), digest: given.digest, known: known.into() }
}
