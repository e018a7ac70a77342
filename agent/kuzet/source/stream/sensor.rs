//! The kernel's word on programs, connections and files, as the agent's own sensor prints it: a process beside this one, which
//! holds the rights that this one does not need.

use super::StreamSender;
use super::channel::MAX_RECORD;
use crate::clock::Clock;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// First and longest pause before a sensor that ended is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A run of this length was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(60);

/// Longest wait for what a sensor says of itself.
const ANSWER: Duration = Duration::from_secs(10);

/// Bytes of what the sensor complains about that are kept.
const COMPLAINT: u64 = 4096;

/// Where the sensor is, and what it is to watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SensorSettings {
    /// A service of its own that listens here; `None`: this program, started once more, since the agent itself has the
    /// rights.
    pub socket: Option<PathBuf>,
    /// Folders whose files are watched, at most [`MAX_FOLDERS`](Self::MAX_FOLDERS).
    pub folders: Vec<PathBuf>,
}

impl SensorSettings {
    /// Most folders that a sensor watches.
    pub const MAX_FOLDERS: usize = 256;

    pub(super) fn describe(&self) -> String {
        let of = if self.folders.is_empty() { "programs and connections" } else { "programs, connections and files" };
        match &self.socket {
            None => format!("asks the kernel for {of}"),
            Some(path) => format!("asks the sensor at {} for {of}", path.display()),
        }
    }

    /// This program as a sensor of the agent's own.
    fn command(&self) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.env_clear().arg("sensor");
        for folder in &self.folders {
            command.arg("--folder").arg(folder);
        }
        command
    }

    /// The service at `path`, told which folders it is to watch.
    fn connect(&self, path: &Path) -> std::io::Result<UnixStream> {
        let mut socket = UnixStream::connect(path)?;
        let mut line = serde_json::to_vec(&serde_json::json!({ "folders": self.folders }))?;
        line.push(b'\n');
        // Whoever watches another's folders answers without reading it.
        let _ = socket.write_all(&line);
        Ok(socket)
    }
}

/// Lines that are no records.
#[derive(Deserialize)]
#[serde(tag = "sensor", rename_all = "lowercase")]
enum Word {
    Lost { of: Option<String>, records: u64, bytes: u64 },
    Rescan { path: PathBuf },
    Sight(SensorSight),
}

/// What a sensor says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SensorSight {
    /// The means by which it sees: `bpf`, `diag` or `proc`.
    pub means: String,
    /// What that does not show.
    pub missing: Vec<String>,
    /// Why better means are not at work, and what could not be proven.
    pub refused: Vec<String>,
    /// The same of each watched folder.
    #[serde(default)]
    pub files: Vec<FolderSight>,
}

/// What a sensor says of a folder, or of what is mounted inside one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FolderSight {
    /// The folder.
    pub folder: PathBuf,
    /// The means by which it sees its files: `filesystem`, `mount` or `inotify`; `None`: it does not.
    pub means: Option<String>,
    /// How well that is proven: `marker` or `read`.
    pub proven: Option<String>,
    /// What that does not show.
    pub missing: Vec<String>,
    /// Why better means are not at work.
    pub refused: Vec<String>,
}

impl SensorSettings {
    /// What the sensor says of itself, with a means that it proves now.
    ///
    /// # Errors
    /// It is not there, or no means works.
    pub fn sight(&self) -> Result<SensorSight, String> {
        let mut line = Vec::new();
        match &self.socket {
            None => {
                let output = self.command().arg("--check").output();
                let output = output.map_err(|error| format!("the sensor cannot be started: {error}"))?;
                if !output.status.success() {
                    return Err(first_line(&output.stderr));
                }
                line = output.stdout;
            }
            Some(path) => {
                let socket = self.connect(path).map_err(|error| unreached(path, &error))?;
                let read = socket
                    .set_read_timeout(Some(ANSWER))
                    .and_then(|()| BufReader::new(socket).take(MAX_RECORD as u64).read_until(b'\n', &mut line));
                read.map_err(|error| format!("the sensor at {} does not answer: {error}", path.display()))?;
            }
        }
        match serde_json::from_slice(&line) {
            Ok(Word::Sight(sight)) => Ok(sight),
            _ => Err("the sensor does not say what it sees".to_owned()),
        }
    }
}

fn unreached(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be reached: {error}; does kuzet sensor --socket run?", path.display())
}

/// What a process complained about.
fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or_default().trim().to_owned()
}

/// Hands on what the sensor says until the agent stops.
pub(super) fn run(settings: &SensorSettings, sender: &StreamSender, clock: &Arc<dyn Clock>) {
    let mut pause = PAUSES.0;
    while !sender.is_stopped() {
        let begun = clock.monotonic();
        let problem = match &settings.socket {
            None => own(settings, sender),
            Some(path) => match settings.connect(path) {
                Ok(socket) => connected(sender, socket),
                Err(error) => unreached(path, &error),
            },
        };
        if clock.monotonic().saturating_sub(begun) >= GOOD {
            pause = PAUSES.0;
        }
        sender.problem(Some(problem));
        if !sender.pause(pause) {
            return;
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Starts the sensor and reads it until it ends; says why it did.
fn own(settings: &SensorSettings, sender: &StreamSender) -> String {
    let mut command = settings.command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return format!("the sensor cannot be started: {error}"),
    };
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let child: Arc<Mutex<Child>> = Arc::new(Mutex::new(child));
    let killed = Arc::clone(&child);
    let _hook = sender.on_stop(move || drop(killed.lock().unwrap_or_else(PoisonError::into_inner).kill()));
    let read = output.map_or(Ok(()), |output| lines(sender, output));
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = child.kill();
    let ended = child.wait();
    let mut complaint = Vec::new();
    // It has ended: what it complained about is in the pipe, and the pipe is short.
    let _ = errors.map(|errors| errors.take(COMPLAINT).read_to_end(&mut complaint));
    let complaint = first_line(&complaint);
    match (read, ended) {
        (Err(error), _) => format!("what the sensor says cannot be read: {error}"),
        (_, _) if !complaint.is_empty() => complaint,
        (_, Ok(status)) => format!("the sensor ended: {status}"),
        (_, Err(error)) => format!("the sensor ended: {error}"),
    }
}

fn connected(sender: &StreamSender, socket: UnixStream) -> String {
    let Ok(closed) = socket.try_clone() else { return "the sensor's socket cannot be shared".to_owned() };
    let _hook = sender.on_stop(move || drop(closed.shutdown(std::net::Shutdown::Both)));
    match lines(sender, socket) {
        Ok(()) => "the sensor ended".to_owned(),
        Err(error) => format!("what the sensor says cannot be read: {error}"),
    }
}

fn lines(sender: &StreamSender, input: impl Read) -> std::io::Result<()> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut input).take(MAX_RECORD as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let is =
            |kind: &&str| line.strip_prefix(b"{\"sensor\":\"").is_some_and(|rest| rest.starts_with(kind.as_bytes()));
        let goes_on = if ["flow\"", "exec\"", "file\""].iter().any(is) {
            // A sensor that waits would lose records in the kernel: they are counted there and here.
            sender.offer(&line)
        } else if line.starts_with(b"{\"sensor\":\"bytes\"") {
            sender.offer_aside(&line)
        } else {
            match serde_json::from_slice(&line) {
                Ok(Word::Lost { of, records, bytes }) => {
                    if of.as_deref() == Some("files") {
                        sender.lost_files(records);
                    }
                    sender.lost(records, bytes);
                }
                Ok(Word::Rescan { path }) => sender.rescan(path),
                Ok(Word::Sight(sight)) => {
                    let SensorSight { means, missing, refused, files } = &sight;
                    if !missing.is_empty() {
                        tracing::warn!(means, ?missing, ?refused, "The sensor does not see everything.");
                    }
                    for FolderSight { folder, means, missing, refused, .. } in
                        files.iter().filter(|one| !one.missing.is_empty())
                    {
                        let folder = folder.display();
                        tracing::warn!(%folder, ?means, ?missing, ?refused, "The sensor does not see everything in a folder.");
                    }
                    sender.sight(sight);
                    sender.problem(None);
                }
                Err(_) => sender.lost(1, read as u64),
            }
            !sender.is_stopped()
        };
        if !goes_on {
            return Ok(());
        }
    }
}
