//! The journal of systemd, as `journalctl` follows it: JSON lines, from the entry after the last durable one.

use super::StreamSender;
use super::channel::MAX_RECORD;
use crate::clock::Clock;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// First and longest pause before `journalctl` is started again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A run of this length was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(60);

/// Bytes of what `journalctl` complains about that are kept.
const COMPLAINT: u64 = 4096;

/// Where it stands on every distribution with systemd.
const PROGRAM: &str = "/usr/bin/journalctl";

/// What journald itself writes when a unit logs faster than it may (`SD_MESSAGE_JOURNAL_DROPPED`); no other process can
/// claim its transport.
const DROPPED: [&str; 2] = ["_TRANSPORT=driver", "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e"];

/// Which entries of the journal are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournaldSettings {
    /// Units, as `_SYSTEMD_UNIT` names them.
    pub units: Vec<String>,
    /// Identifiers, as `SYSLOG_IDENTIFIER` names them.
    pub identifiers: Vec<String>,
    /// Directory of another journal than that of this host.
    pub directory: Option<PathBuf>,
    /// Whether entries of before the first start are read.
    pub from_beginning: bool,
}

impl JournaldSettings {
    pub(super) fn describe(&self) -> String {
        let names: Vec<&str> = self.units.iter().chain(&self.identifiers).map(String::as_str).collect();
        format!("follows the journal of {}", names.join(", "))
    }

    /// `journalctl` that begins behind `cursor`. Its environment is empty: what it prints does not depend on who asks.
    fn command(&self, cursor: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Without --all a field longer than 4,096 bytes is left out.
        command.args(["--follow", "--output=json", "--all", "--no-pager"]);
        if let Some(directory) = &self.directory {
            command.arg("--directory").arg(directory);
        }
        match cursor {
            "" if self.from_beginning => command.arg("--no-tail"),
            "" => command.arg("--lines=0"),
            cursor => command.arg(format!("--after-cursor={cursor}")).arg("--no-tail"),
        };
        // Matches of one field are alternatives, and so are the groups between the plus signs.
        let units = self.units.iter().map(|unit| format!("_SYSTEMD_UNIT={unit}"));
        let identifiers = self.identifiers.iter().map(|name| format!("SYSLOG_IDENTIFIER={name}"));
        let matches = [units.collect(), identifiers.collect(), DROPPED.map(str::to_owned).to_vec()];
        let groups = matches.into_iter().filter(|group: &Vec<String>| !group.is_empty());
        for (index, group) in groups.enumerate() {
            if index > 0 {
                command.arg("+");
            }
            command.args(group);
        }
        command
    }
}

/// What of an entry decides where it goes.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "_TRANSPORT", default)]
    transport: serde_json::Value,
    #[serde(rename = "N_DROPPED", default)]
    dropped: serde_json::Value,
    #[serde(rename = "OBJECT_SYSTEMD_UNIT", default)]
    object: serde_json::Value,
    #[serde(rename = "MESSAGE", default)]
    message: serde_json::Value,
}

/// Follows the journal until the agent stops.
pub(super) fn run(settings: &JournaldSettings, sender: &StreamSender, clock: &Arc<dyn Clock>) {
    let mut cursor = String::from_utf8_lossy(sender.position()).into_owned();
    let mut pause = PAUSES.0;
    while !sender.is_stopped() {
        let begun = clock.monotonic();
        let problem = match settings.command(&cursor).spawn() {
            Ok(child) => {
                sender.problem(None);
                follow(settings, sender, child, &mut cursor)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("{PROGRAM} is not there: the journal of this host cannot be followed")
            }
            Err(error) => format!("{PROGRAM} cannot be started: {error}"),
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

/// Reads what one `journalctl` prints until it ends; says why it did.
fn follow(settings: &JournaldSettings, sender: &StreamSender, mut child: Child, cursor: &mut String) -> String {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let complaints = errors.and_then(|errors| {
        let (teller, thread) = (sender.clone(), std::thread::Builder::new().name("journalctl".to_owned()));
        thread.stack_size(super::STACK).spawn(move || complaints(&teller, errors)).ok()
    });
    let child = Arc::new(Mutex::new(child));
    let killed = Arc::clone(&child);
    let _hook = sender.on_stop(move || drop(killed.lock().unwrap_or_else(PoisonError::into_inner).kill()));
    let read = output.map_or(Ok(()), |output| entries(settings, sender, output, cursor));
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // It has closed its output, or what it prints cannot be read.
    let _ = child.kill();
    let ended = child.wait();
    let complaint = complaints.and_then(|thread| thread.join().ok()).flatten();
    match (read, complaint, ended) {
        (Err(error), ..) => format!("what journalctl prints cannot be read: {error}"),
        (_, Some(complaint), _) => complaint,
        (_, None, Ok(status)) => format!("journalctl ended: {status}"),
        (_, None, Err(error)) => format!("journalctl ended: {error}"),
    }
}

/// Tells the first thing that `journalctl` complains about, such as a journal that this user may not read: it goes on
/// after some of them, and sees nothing.
fn complaints(sender: &StreamSender, errors: impl Read) -> Option<String> {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    (&mut errors).take(COMPLAINT).read_until(b'\n', &mut line).ok()?;
    let text = String::from_utf8_lossy(&line);
    let complaint = (!text.trim().is_empty()).then(|| format!("journalctl says: {}", text.trim()));
    if complaint.is_some() {
        sender.problem(complaint.clone());
    }
    // A full pipe would stop it.
    let _ = std::io::copy(&mut errors, &mut std::io::sink());
    complaint
}

/// Hands on every entry with its cursor.
fn entries(
    settings: &JournaldSettings,
    sender: &StreamSender,
    output: impl Read,
    cursor: &mut String,
) -> std::io::Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(MAX_RECORD as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            // An entry that is too long, or one that was cut by the end of the process and comes again.
            let rest = output.skip_until(b'\n')?;
            if rest > 0 {
                sender.lost(1, (read + rest) as u64);
            }
            continue;
        }
        let Ok(head) = serde_json::from_slice::<Head>(&line) else {
            sender.lost(1, read as u64);
            continue;
        };
        let goes_on = if head.transport.as_str() == Some("driver") {
            if settings.concerns(&head) {
                sender.lost(number(&head.dropped), 0);
            }
            sender.send_at(b"", head.cursor.as_bytes())
        } else {
            sender.send_at(&line, head.cursor.as_bytes())
        };
        if !goes_on {
            return Ok(());
        }
        *cursor = head.cursor;
    }
}

impl JournaldSettings {
    /// Whether what was dropped is of a unit that is followed. Where only identifiers are followed, any unit may be theirs.
    fn concerns(&self, head: &Head) -> bool {
        let named = |unit: &String| {
            head.object.as_str() == Some(unit)
                || head.message.as_str().is_some_and(|text| text.ends_with(unit.as_str()))
        };
        !self.identifiers.is_empty() || self.units.iter().any(named)
    }
}

/// The journal's fields are text.
fn number(value: &serde_json::Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(1)
}
