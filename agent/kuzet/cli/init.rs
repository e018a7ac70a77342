//! `kuzet init`: a commented configuration for what is on this host, and what to do next.

use super::{Failure, output};
use crate::config::init::{Access, access, text};
use crate::config::{DEFAULT_PATH, discover, hostname, load_text};
use kuzet_detect::Diagnostic;
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Options {
    /// Where to write it [default: --config, else /etc/kuzet/kuzet.toml]; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that sets something
    #[arg(long)]
    force: bool,
    /// Print JSON (schemas: docs/schema)
    #[arg(long)]
    json: bool,
}

/// `kuzet.init/1` (docs/schema/init-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    /// File written; `None` with standard output.
    written: Option<String>,
    found: Vec<Found>,
    next: Vec<String>,
    /// With standard output, the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<String>,
}

/// A server on this host.
#[derive(Serialize)]
struct Found {
    system: &'static str,
    running: bool,
    data_directory: String,
    /// Name of its source; `None` while its log cannot be watched.
    source: Option<String>,
}

pub(super) fn init(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let servers = discover::find(Path::new("/"));
    let text = text(Some(&hostname()), &servers);
    let path = options.output.as_deref().or(config).unwrap_or(Path::new(DEFAULT_PATH));
    // What is written is right, or nothing is.
    load_text(&text, path)?;
    let shown = path == Path::new("-");
    if !shown {
        write(path, &text, options.force)?;
    }
    let found = servers.iter().map(|server| Found {
        system: server.system.name(),
        running: server.pid.is_some(),
        data_directory: server.data_directory.display().to_string(),
        source: server.source.as_ref().map(|source| source.name.clone()),
    });
    let sources = discover::sources(&servers);
    let report = Report {
        schema: "kuzet.init/1",
        written: (!shown).then(|| path.display().to_string()),
        found: found.collect(),
        next: next(path, &sources),
        configuration: (shown && options.json).then(|| text.clone()),
    };
    if options.json {
        output::json(&report)?;
    } else if shown {
        output::line(text.trim_end());
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the file as a whole; never over one that sets something, unless forced.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let fault = |code: &str, message: String, help: &str| Diagnostic {
        code: code.to_owned(),
        file: path.display().to_string(),
        line: 0,
        column: 0,
        message,
        help: help.to_owned(),
        warning: false,
    };
    if let Ok(before) = std::fs::read(path)
        && !force
        && !sets_nothing(&before)
    {
        let help = "--force replaces it, --output FILE writes another, --output - shows it";
        return Err(fault("KZ057", "is there and sets something: it is left as it is".to_owned(), help).into());
    }
    let failed = |error: std::io::Error| {
        let help = "run as root, or write it where you may: --output FILE";
        Failure::from(fault("KZ058", format!("cannot be written: {error}"), help))
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    drop(std::fs::remove_file(&new));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(&new).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}

/// Whether a file holds comments only, as the one that the package brings.
fn sets_nothing(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// What to do now, in order.
fn next(path: &Path, sources: &[crate::config::SourceConfig]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for source in sources {
        match access(source) {
            Access::Open => {}
            Access::Group(group) => {
                let step = format!("usermod -aG {group} kuzet   # so that the service may read ");
                match steps.iter_mut().find(|other| other.starts_with(&step)) {
                    Some(same) => *same = format!("{same}, {}", source.name),
                    None => steps.push(format!("{step}{}", source.name)),
                }
            }
            Access::Owner(directory) => steps.push(format!(
                "install -D -m 644 /usr/share/doc/kuzet/read-any-log.conf \
                 /etc/systemd/system/kuzet.service.d/read-any-log.conf   # {} is closed to groups; or move the log out of it",
                directory.display()
            )),
        }
    }
    let config = if path == Path::new(DEFAULT_PATH) { String::new() } else { format!(" --config {}", path.display()) };
    for (command, why) in [
        ("doctor", "what is seen, what is not, and the setting to change"),
        ("discover --write --catalogue /etc/kuzet/catalogue.toml", "which tables hold personal data"),
        (
            "policy learn --output /etc/kuzet/policy.toml",
            "the least policy that observed work needs: read it, then widen it",
        ),
        ("check", "every fault of configuration, catalogue and policy"),
    ] {
        steps.push(format!("kuzet{config} {command}   # {why}"));
    }
    if discover::sensor_is_packaged() {
        let why = "programs and connections of this host, told to the agent by a service that holds the rights";
        steps.push(format!("systemctl enable --now kuzet-sensor   # {why}"));
    }
    steps.push("systemctl enable --now kuzet   # watch, from now on and after every start of this host".to_owned());
    steps
}

fn print(report: &Report) {
    for one in &report.found {
        let state = if one.running { "running" } else { "installed, not running" };
        let source = one.source.as_ref().map_or("no log to watch yet".to_owned(), |name| format!("source {name}"));
        output::line(&format!("found    {} in {} ({state}): {source}", one.system, one.data_directory));
    }
    if report.found.is_empty() {
        output::line("found    no PostgreSQL and no MariaDB on this host");
    }
    output::line(&format!("written  {}", report.written.as_deref().unwrap_or_default()));
    output::line("next");
    for step in &report.next {
        output::line(&format!("    {step}"));
    }
}
