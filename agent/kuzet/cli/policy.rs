//! `kuzet policy`: proposes the least access policy from observed logs, shows the one that holds, explains a decision.

use super::{Failure, output, replay};
use crate::clock::{self, Clock};
use crate::config::{Config, Content};
use crate::core::{Core, Feed};
use crate::{setup, state};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use kuzet_decode::DecodeOptions;
use kuzet_detect::{Learner, Policy, Proposal, Question};
use kuzet_event::{Actor, Client, System, Timestamp};
use kuzet_incident::thousands;
use kuzet_personal::Key;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Propose the least policy that observed work needs; never trains on incidents
    Learn(Learn),
    /// Show the rules that hold, with their lines
    Show,
    /// Say what every rule says of an access, and what comes of it
    Explain(Explain),
}

#[derive(Args)]
pub(super) struct Learn {
    /// Log files in the order of time; .gz is unpacked [default: files of the configured sources]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Log format [default: recognised from the content]
    #[arg(long)]
    format: Option<String>,
    /// PostgreSQL log_line_prefix, for the stderr format
    #[arg(long, value_name = "PREFIX")]
    log_line_prefix: Option<String>,
    /// Where to write the proposal; a file that exists is not overwritten [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Explain {
    /// Role
    #[arg(long)]
    role: String,
    /// Store
    #[arg(long)]
    store: String,
    /// read, insert, update, delete, export, define or grant
    #[arg(long, default_value = "read")]
    action: String,
    /// Address, host name or `local`
    #[arg(long, default_value = "")]
    client: String,
    /// application_name
    #[arg(long, default_value = "")]
    program: String,
    /// The person behind a shared role, as the application told
    #[arg(long, default_value = "")]
    person: String,
    /// When, as 2026-11-22T23:10+05:00 [default: now]
    #[arg(long)]
    at: Option<String>,
    /// Rows of the statement
    #[arg(long)]
    rows: Option<u64>,
    /// Print JSON (docs/schema/policy-explain-1.json)
    #[arg(long)]
    json: bool,
}

pub(super) fn policy(config: Option<&Path>, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Learn(options) => learn(config, &options),
        Command::Show => show(config),
        Command::Explain(options) => explain(config, &options),
    }
}

fn learn(config: Option<&Path>, options: &Learn) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    // What the present policy allows or forbids must not bend what is learnt.
    let content = Content::read(config.catalogue.as_deref(), None, None)?;
    let files = if options.files.is_empty() { configured(&config) } else { options.files.clone() };
    if files.is_empty() {
        return Err(anyhow!("no log to learn from; name files, or configure sources with paths").into());
    }
    let key = state::key_if_any(&config.state)?.unwrap_or_else(|| Key::new(replay::REPLAY_KEY));
    let feed = Feed {
        name: "learn".to_owned(),
        format: replay::format(options.format.as_deref())?,
        options: DecodeOptions {
            log_line_prefix: options.log_line_prefix.clone(),
            timezone: config.offset_seconds,
            pools: config.pools.iter().map(|pool| Arc::clone(&pool.pool)).collect(),
            ..DecodeOptions::new(key)
        },
    };
    let learner = Arc::new(Mutex::new(Learner::new(content.catalogue.clone(), &config.thresholds)));
    let mut core = Core::new(setup::parts(vec![feed], content, config.thresholds, &config.fold, Box::new(|_| {})));
    let watching = Arc::clone(&learner);
    core.watch(Box::new(move |event, detections| {
        if let Ok(mut learner) = watching.lock() {
            learner.observe(event, detections);
        }
    }));
    replay::read(&files, &mut core, options.output.is_some())?;
    let lost = core.status()[0].tally.lost;
    drop::<Core>(core);
    let learner = Arc::into_inner(learner).and_then(|learner| learner.into_inner().ok());
    let proposal = learner.ok_or_else(|| anyhow!("the learner was lost"))?.proposal();
    write(options.output.as_deref(), &proposal)?;
    for line in told(&proposal, files.len(), lost) {
        output::note(&line);
    }
    Ok(ExitCode::from(u8::from(lost > 0)))
}

/// What is not proposed is told line by line up to this many.
const TOLD: usize = 20;

fn told(proposal: &Proposal, files: usize, lost: u64) -> Vec<String> {
    let mut lines = vec![format!(
        "{} rules from {} events of {files} files; {} events near incidents were left out",
        proposal.rules,
        thousands(proposal.events),
        thousands(proposal.left_out)
    )];
    if lost > 0 {
        lines.push(format!("{} records were not understood", thousands(lost)));
    }
    lines.extend(proposal.refused.iter().take(TOLD).map(|refused| format!("nothing is proposed for {refused}")));
    if proposal.refused.len() > TOLD {
        lines.push(format!("and for {} more: see the end of the file", proposal.refused.len() - TOLD));
    }
    lines.push("Read every rule, then name the file in the configuration: policy = \"…\"".to_owned());
    lines
}

/// Files of the configured sources as they are now, oldest first.
fn configured(config: &Config) -> Vec<PathBuf> {
    let patterns = config.sources.iter().flat_map(|source| &source.paths);
    let mut files: Vec<PathBuf> =
        patterns.filter_map(|one| glob::glob(one).ok()).flatten().filter_map(Result::ok).collect();
    let written = |file: &PathBuf| std::fs::metadata(file).and_then(|one| one.modified()).ok();
    files.sort_by_cached_key(|file| (written(file), file.clone()));
    files.dedup();
    files
}

fn write(path: Option<&Path>, proposal: &Proposal) -> Result<(), Failure> {
    let Some(path) = path else {
        output::line(proposal.toml.trim_end());
        return Ok(());
    };
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path).map_err(|error| {
            anyhow!("cannot write {}: {error}; a proposal never replaces a file, give it another name", path.display())
        })?;
    file.write_all(proposal.toml.as_bytes()).map_err(|error| anyhow!("cannot write {}: {error}", path.display()))?;
    Ok(())
}

/// The policy file and what it says.
fn held(config: &Config) -> Result<(PathBuf, Policy), Failure> {
    let content = Content::load(config)?;
    let path = config.policy.clone();
    path.zip(content.policy).ok_or_else(|| {
        anyhow!("no policy is configured; propose one with `kuzet policy learn`, then set policy = \"FILE\"").into()
    })
}

fn show(config: Option<&Path>) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    let (path, policy) = held(&config)?;
    let text = std::fs::read_to_string(&path).map_err(|error| anyhow!("cannot read {}: {error}", path.display()))?;
    output::line(&format!("{}: {} rules; anything else on a store is an incident", path.display(), policy.len()));
    let starts: Vec<usize> = policy.lines().collect();
    for (number, line) in (1..).zip(text.lines()) {
        let inside = starts.first().is_some_and(|first| number >= *first);
        let bare = line.trim();
        if inside && !bare.is_empty() && !bare.starts_with('#') {
            output::line(&format!("{number:>5}  {line}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `kuzet.policy-explain/1`.
#[derive(Serialize)]
struct Explained<'a> {
    schema: &'static str,
    allowed: bool,
    file: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    line: usize,
    /// The job that it declares.
    job: Option<String>,
    /// The first condition that fails; `null` allows it.
    fails: Option<&'static str>,
}

fn explain(config: Option<&Path>, options: &Explain) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    let (path, policy) = held(&config)?;
    let at = match &options.at {
        Some(text) => time(text).ok_or_else(|| anyhow!("\"{text}\" is no time; write it as 2026-11-22T23:10+05:00"))?,
        None => clock::System.wall(),
    };
    let client = match options.client.as_str() {
        "" => Client::Unknown,
        "local" => Client::Local,
        text => text.parse().map_or_else(|_| Client::Host(Arc::from(text)), Client::Address),
    };
    let actor = Actor {
        system: System::Postgresql,
        user: Arc::from(options.role.as_str()),
        client,
        program: Arc::from(options.program.as_str()),
        database: Arc::from(""),
        person: Arc::from(options.person.as_str()),
    };
    let (store, action) = (options.store.as_str(), options.action.as_str());
    let question = Question { actor: &actor, store, action, at, rows: options.rows };
    let opinions = policy.explain(&question).ok_or_else(|| {
        anyhow!("\"{action}\" is no action; it is one of {}", Policy::words().collect::<Vec<_>>().join(", "))
    })?;
    let allowed = opinions.iter().any(|opinion| opinion.fails.is_none());
    let file = path.display().to_string();
    if options.json {
        let rules =
            opinions.iter().map(|one| Rule { line: one.line, job: one.job.clone(), fails: one.fails }).collect();
        output::json(&Explained { schema: "kuzet.policy-explain/1", allowed, file: &file, rules })?;
    } else {
        let rows: Vec<Vec<String>> = opinions
            .iter()
            .map(|one| {
                let says = one.fails.map_or("allows it".to_owned(), |why| format!("fails on {why}"));
                let job = one.job.as_ref().map_or_else(String::new, |job| format!(" (job {job})"));
                vec![format!("{file}:{}{job}", one.line), says]
            })
            .collect();
        output::table(&["rule", "says"], &rows).iter().for_each(|line| output::line(line));
        let verdict = if allowed { "allowed" } else { "an incident: no rule allows it" };
        output::line(&format!("{} asks to {action} {store}: {verdict}", options.role));
    }
    Ok(ExitCode::from(u8::from(!allowed)))
}

/// RFC 3339, seconds optional.
fn time(text: &str) -> Option<Timestamp> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(stamp.as_microsecond()))
}
