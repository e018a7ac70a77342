//! `kuzet replay`: recorded logs through today's catalogue, policy and detectors. Tells nobody, changes nothing.

mod compare;

use super::{Failure, output};
use crate::config::{Config, Content};
use crate::core::{Core, Feed};
use crate::message::Gap;
use crate::source::{DirectProgress, DirectRead, FileInfo, Sink, TailOptions};
use crate::store::{Batch, Memory, Reader, Store};
use crate::{setup, state};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kuzet_decode::{Chunk, DecodeOptions, Format, Tally};
use kuzet_detect::{Canaries, Planted};
use kuzet_event::{FileId, SourceId, Timestamp};
use kuzet_incident::{Incident, thousands};
use kuzet_personal::Key;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

#[derive(Args)]
pub(super) struct Options {
    /// Log files in the order of time; .gz is unpacked
    #[arg(required_unless_present = "since", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Log format [default: recognised from the content]
    #[arg(long)]
    format: Option<String>,
    /// Read the files as this [[source]] of the configuration is read: format, offset, prefix, mapping
    #[arg(long, value_name = "NAME", conflicts_with_all = ["format", "log_line_prefix"])]
    source: Option<String>,
    /// PostgreSQL log_line_prefix, for the stderr format
    #[arg(long, value_name = "PREFIX")]
    log_line_prefix: Option<String>,
    /// Catalogue of stores of personal data
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Access policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What is declared to be noise
    #[arg(long, value_name = "FILE")]
    suppressions: Option<PathBuf>,
    /// Folder or file of rules, instead of the configured folders; may be given several times. What is broken is refused
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Compare what the files given would make of the logs of the configured sources since then (2d, 36h, 2026-11-20) with
    /// what the configuration in force makes of them; without such files with what the agent recorded
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["files", "format", "source", "log_line_prefix"])]
    since: Option<String>,
    /// Print incidents as JSON lines
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Puts the files given into the place of those that `config` names; says whether there are any.
    fn change(&self, config: &mut Config) -> bool {
        let given = [&self.catalogue, &self.policy, &self.suppressions].iter().any(|one| one.is_some());
        config.catalogue = self.catalogue.clone().or(config.catalogue.take());
        config.policy = self.policy.clone().or(config.policy.take());
        config.suppressions = self.suppressions.clone().or(config.suppressions.take());
        if self.rules.is_empty() {
            return given;
        }
        config.rules = config.rules.with_folders(&self.rules);
        true
    }
}

/// Last line of `--json`: `kuzet.replay/1` (docs/schema/replay-1.json).
#[derive(Serialize)]
struct Summary {
    schema: &'static str,
    files: usize,
    bytes: u64,
    seen: u64,
    handled: u64,
    suppressed: u64,
    lost: u64,
    events: u64,
    incidents: usize,
}

/// Where an installation has no key, hashes of a replay are made with this one: they live as long as the command, and a
/// second replay gives the same output.
pub(super) const REPLAY_KEY: [u8; 32] = *b"kuzet replay without an install.";

pub(super) fn replay(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let (mut config, _) = Config::load(config)?;
    if let Some(since) = &options.since {
        return compare::compare(&config, since, options);
    }
    options.change(&mut config);
    let content = Content::read(config.catalogue.as_deref(), config.policy.as_deref(), None)?
        .silenced(config.suppressions.as_deref())?
        .with_rules(&config.rules)?;
    // Without a folder of its own a replay goes on without a broken rule, as an agent does at its start.
    if !options.rules.is_empty() {
        content.rules.whole()?;
    }
    let host = state::key_if_any(&config.state)?;
    let key = host.clone().unwrap_or_else(|| Key::new(REPLAY_KEY));
    let mut feed = match &options.source {
        Some(name) => setup::feeds(&config, &key).into_iter().find(|feed| feed.name == *name).ok_or_else(|| {
            let known: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
            anyhow::anyhow!("no source \"{name}\" in the configuration; its sources: {}", known.join(", "))
        })?,
        None => Feed {
            name: "replay".to_owned(),
            format: format(options.format.as_deref())?,
            options: DecodeOptions {
                log_line_prefix: options.log_line_prefix.clone(),
                timezone: config.offset_seconds,
                ..DecodeOptions::new(key)
            },
        },
    };
    feed.options.latest = written(&options.files);
    let mut core = Core::new(setup::parts(vec![feed], content, config.thresholds, &config.fold, Box::new(|_| {})));
    watch_canaries(&mut core, &config.state, host.as_ref());
    let (told, bytes) = run(&mut core, &options.files, !options.json)?;
    let mut incidents: Vec<&Incident> = told.incidents().collect();
    incidents.sort_by_key(|incident| (incident.since, incident.id));
    let status = &core.status()[0];
    let summary = summary(options.files.len(), bytes, status.tally, status.events, incidents.len());
    if options.json {
        for incident in &incidents {
            output::line(&incident.to_json().map_err(anyhow::Error::from)?);
        }
        output::json(&summary)?;
    } else {
        print(&incidents, &summary);
    }
    Ok(ExitCode::from(u8::from(status.tally.lost > 0)))
}

/// Canaries follow from the key of the host: without it there are none. Those that were taken out are as they are now.
fn watch_canaries(core: &mut Core, state: &Path, host: Option<&Key>) {
    let Some(key) = host else { return };
    let known = Reader::open(state).and_then(|reader| reader.canaries()).unwrap_or_default();
    let planted: Vec<Planted> = known.into_iter().map(|canary| canary.planted).collect();
    core.detectors().watch_canaries(Canaries::new(key, &planted));
}

/// Reads the files to their end; gives the incidents as they were last told, and the bytes read.
fn run(core: &mut Core, files: &[PathBuf], progress: bool) -> Result<(Memory, u64), Failure> {
    let mut replay = Replay { core, told: Memory::default() };
    let bytes = read(files, &mut replay, progress)?;
    replay.core.finish();
    replay.pass();
    Ok((replay.told, bytes))
}

/// The core with time passing as the records tell it, and incidents kept as they were last told.
struct Replay<'a> {
    core: &'a mut Core,
    told: Memory,
}

impl Replay<'_> {
    /// Lets time pass up to the latest record and keeps what changed.
    fn pass(&mut self) {
        if let Some(latest) = self.core.watermark() {
            self.core.tick(latest);
        }
        let batch = Batch { changes: self.core.folder.changes(), ..Batch::default() };
        // Memory takes everything.
        let _ = self.told.record(&batch);
    }
}

impl Sink for Replay<'_> {
    fn chunk(&mut self, info: &FileInfo, chunk: Chunk<'_>) -> usize {
        let consumed = self.core.chunk(info, chunk);
        self.pass();
        consumed
    }

    fn gap(&mut self, gap: Gap) {
        self.core.gap(gap);
    }

    fn finished(&mut self, source: SourceId, file: FileId) {
        self.core.finished(source, file);
    }
}

pub(super) fn format(name: Option<&str>) -> Result<Option<Format>, Failure> {
    let Some(name) = name.filter(|name| *name != "auto") else { return Ok(None) };
    if name == Format::Mapped.name() {
        let help = "a mapped journal needs its mapping: --config FILE --source NAME (docs/journals.md)";
        return Err(Failure::Other(anyhow::anyhow!(help)));
    }
    Format::from_name(name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = kuzet_decode::FORMATS.iter().map(|known| known.name).collect();
        Failure::Other(anyhow::anyhow!("log format \"{name}\" is not known; known formats: {}", known.join(", ")))
    })
}

/// When the last of the files was written: nothing in them is later.
fn written(files: &[PathBuf]) -> Option<Timestamp> {
    let modified = files.iter().filter_map(|file| std::fs::metadata(file).ok()?.modified().ok()).max()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp)
}

/// Reads every file once, in order, with progress on a terminal. Returns the bytes read.
pub(super) fn read(files: &[PathBuf], sink: &mut dyn Sink, progress: bool) -> Result<u64, Failure> {
    let total = files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|metadata| metadata.len()).sum();
    let bar = if progress && std::io::stderr().is_terminal() { ProgressBar::new(total) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bytes} of {total_bytes} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    let mut bytes = 0;
    let mut reader = DirectRead::new(TailOptions::default());
    for file in files {
        let before = bar.position();
        let mut report = |now: DirectProgress| bar.set_position(before + now.read);
        let failed = |error| anyhow::anyhow!("cannot read {}: {error}", file.display());
        bytes += reader.file(SourceId(0), file, sink, &mut report).map_err(failed)?.bytes;
    }
    bar.finish_and_clear();
    Ok(bytes)
}

fn summary(files: usize, bytes: u64, tally: Tally, events: u64, incidents: usize) -> Summary {
    let Tally { seen, handled, suppressed, lost, .. } = tally;
    Summary { schema: "kuzet.replay/1", files, bytes, seen, handled, suppressed, lost, events, incidents }
}

fn print(incidents: &[&Incident], summary: &Summary) {
    for incident in incidents {
        output::line(&kuzet_incident::describe(incident));
        output::line("");
    }
    output::line(&format!(
        "{} incidents in {} records ({} handled, {} of no interest, {} not understood), {} bytes of {} files",
        summary.incidents,
        thousands(summary.seen),
        thousands(summary.handled),
        thousands(summary.suppressed),
        thousands(summary.lost),
        thousands(summary.bytes),
        summary.files,
    ));
}
