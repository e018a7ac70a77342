//! `kuzet doctor`: what is watched, what could be and is not, what cannot be seen, and the exact thing to change.

use super::{Failure, output};
use crate::config::discover::{self, Limit, Server};
use crate::config::{Config, Content, SourceConfig};
use crate::source::stream::StreamSettings;
use crate::store::Reader;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Of a source that names no format.
const RECOGNISED: &str = "recognised from the content";

/// `kuzet.doctor/1` (docs/schema/doctor-1.json).
#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    sources: Vec<Watched>,
    unwatched: Vec<Unwatched>,
    limits: Vec<Limit>,
}

/// A configured source.
#[derive(Serialize)]
struct Watched {
    name: String,
    format: String,
    follows: Vec<String>,
    readable: bool,
    limits: Vec<Limit>,
}

/// A server on this host that no source follows.
#[derive(Serialize)]
struct Unwatched {
    system: &'static str,
    running: bool,
    data_directory: String,
    limits: Vec<Limit>,
}

pub(super) fn doctor(path: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(path)?;
    let content = Content::load(&config)?;
    let report = examine(&config, content.policy.is_some(), !content.catalogue.is_guess());
    if json {
        output::json(&report)?;
    } else {
        for line in lines(&report) {
            output::line(&line);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks at the configuration and at this host.
pub(super) fn examine(config: &Config, policy: bool, catalogue: bool) -> Report {
    let servers = discover::find(Path::new("/"));
    let follows = |server: &Server, source: &SourceConfig| {
        let data = server.data_directory.as_path();
        let own = server.source.as_ref().is_some_and(|own| own.paths.iter().any(|path| source.paths.contains(path)));
        own || source.data_directory.as_deref() == Some(data)
            || source.paths.iter().any(|path| Path::new(path).starts_with(data))
            || server.source.as_ref().is_some_and(|own| share(&own.paths, &source.paths))
    };
    let problems = Reader::open(&config.state).and_then(|reader| reader.problems()).unwrap_or_default();
    let watched = config.sources.iter().map(|source| {
        if let Some(stream) = &source.stream {
            return streamed(source, stream, problems.get(&source.name));
        }
        let server = servers.iter().find(|server| follows(server, source));
        watched(source, server)
    });
    let unwatched = servers.iter().filter(|server| !config.sources.iter().any(|source| follows(server, source)));
    let mut limits = Vec::new();
    if config.sources.is_empty() {
        limits.push(Limit {
            code: "KD01",
            message: "nothing is watched: no source is configured and no database log was found on this host"
                .to_owned(),
            fix: "write a [[source]] (docs/configuration.md), or try `kuzet replay FILE` on a recorded log".to_owned(),
        });
    }
    if !policy {
        limits.push(Limit {
            code: "KD02",
            message: "no access policy: who may read what is not known, so only volume and manner alarm".to_owned(),
            fix: "write a policy file (docs/policy.md) and set policy = \"…\"".to_owned(),
        });
    }
    if !catalogue {
        limits.push(Limit {
            code: "KD03",
            message:
                "no catalogue: which tables hold personal data is guessed from names, and people cannot be bounded"
                    .to_owned(),
            fix: "write a catalogue (docs/catalogue.md) and set catalogue = \"…\"".to_owned(),
        });
    }
    let unwatched = unwatched.map(|server| Unwatched {
        system: server.system.name(),
        running: server.pid.is_some(),
        data_directory: server.data_directory.display().to_string(),
        limits: server.limits.clone(),
    });
    Report { schema: "kuzet.doctor/1", sources: watched.collect(), unwatched: unwatched.collect(), limits }
}

/// Whether two lists of patterns tell of one place: a common file, or files of one directory, as those that a server
/// writes in another format.
fn share(one: &[String], other: &[String]) -> bool {
    let directories = |patterns: &[String]| -> Vec<PathBuf> {
        patterns.iter().filter_map(|path| std::fs::canonicalize(Path::new(path).parent()?).ok()).collect()
    };
    let mine = directories(one);
    directories(other).iter().any(|directory| mine.contains(directory))
}

/// A source that is no file: what is wrong with it only the agent knows, which wrote it down.
fn streamed(source: &SourceConfig, stream: &StreamSettings, problem: Option<&String>) -> Watched {
    let told = |problem: &String| Limit {
        code: "KD07",
        message: problem.clone(),
        fix: "see the log of the agent; kuzet status says when it is over".to_owned(),
    };
    let format = source.format.clone().unwrap_or_else(|| RECOGNISED.to_owned());
    let limits: Vec<Limit> = problem.map(told).into_iter().collect();
    let (name, follows) = (source.name.clone(), vec![stream.describe()]);
    Watched { name, format, follows, readable: limits.is_empty(), limits }
}

fn watched(source: &SourceConfig, server: Option<&Server>) -> Watched {
    let mut follows = source.paths.clone();
    follows.extend(source.data_directory.iter().map(|data| format!("{} (current_logfiles)", data.display())));
    let files: Vec<_> = source.paths.iter().filter_map(|path| glob::glob(path).ok()).flatten().take(4096).collect();
    let readable = files.iter().all(|file| file.as_ref().is_ok_and(|file| readable(file)));
    let mut limits = server.map(|server| server.limits.clone()).unwrap_or_default();
    if !readable {
        limits.insert(
            0,
            Limit {
                code: "KD04",
                message: "a log file may not be read by this user".to_owned(),
                fix: "add the user of the agent to the group of the log files (adm, postgres, mysql)".to_owned(),
            },
        );
    } else if files.is_empty() && source.data_directory.is_none() {
        limits.insert(
            0,
            Limit {
                code: "KD05",
                message: "no file matches yet; it is followed as soon as it appears".to_owned(),
                fix: "check the path if the server runs".to_owned(),
            },
        );
    }
    let format = source.format.clone().unwrap_or_else(|| RECOGNISED.to_owned());
    Watched { name: source.name.clone(), format, follows, readable, limits }
}

/// Whether a file can be opened. Pipes and devices are nobody's log, and opening one may wait for ever.
fn readable(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => std::fs::File::open(file).is_ok(),
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// The report for people.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let limit = |limit: &Limit| {
        [format!("    cannot see [{}] {}", limit.code, limit.message), format!("      fix: {}", limit.fix)]
    };
    for source in &report.sources {
        lines.push(format!("watches  {} ({})", source.name, source.format));
        lines.extend(source.follows.iter().map(|path| format!("    {path}")));
        lines.extend(source.limits.iter().flat_map(limit));
    }
    for server in &report.unwatched {
        let state = if server.running { "running" } else { "installed, not running" };
        lines.push(format!("ignores  {} in {} ({state}): no source follows it", server.system, server.data_directory));
        lines.extend(server.limits.iter().flat_map(limit));
    }
    lines.extend(
        report
            .limits
            .iter()
            .flat_map(|one| [format!("note     [{}] {}", one.code, one.message), format!("      fix: {}", one.fix)]),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_among_the_logs_stops_nobody() {
        let directory = std::env::temp_dir().join(format!("kuzet-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let pipe = directory.join("a.csv");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink(directory.join("none"), directory.join("b.csv")).unwrap();
        let text = format!("[[source]]\nname = \"m\"\npaths = [\"{}/*.csv\"]\n", directory.display());
        let (config, _) = crate::config::load_text(&text, &directory.join("kuzet.toml")).unwrap();
        assert!(watched(&config.sources[0], None).readable);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
