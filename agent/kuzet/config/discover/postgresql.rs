//! Finds PostgreSQL: running postmasters by their `-D`, installed clusters by Debian's layout.

use super::{Process, Server, entries, is_on, read_small, under};
use crate::config::SourceConfig;
use kuzet_event::System;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Deepest chain of `include` directives that is followed.
const MAX_INCLUDES: usize = 8;

pub(super) fn find(root: &Path, processes: &[Process]) -> Vec<Server> {
    let ours = |process: &&Process| matches!(process.name.as_str(), "postgres" | "postmaster");
    let pids: Vec<u32> = processes.iter().filter(ours).map(|process| process.pid).collect();
    let mut servers: Vec<Server> = processes
        .iter()
        .filter(ours)
        .filter(|process| !pids.contains(&process.parent)) // children of a postmaster are its backends
        .filter_map(|process| {
            let data = argument(&process.arguments, "-D")?;
            let config = setting_argument(&process.arguments, "config_file");
            Some(server(root, Some(process), PathBuf::from(data), config.map(PathBuf::from)))
        })
        .collect();
    for version in entries(&under(root, Path::new("/etc/postgresql"))) {
        for cluster in entries(&version) {
            let config = cluster.join("postgresql.conf");
            let (Some(version), Some(name)) = (version.file_name(), cluster.file_name()) else { continue };
            let data = Path::new("/var/lib/postgresql").join(version).join(name);
            let known = servers.iter().any(|server| server.data_directory == data);
            if config.exists() && !known {
                servers.push(server(
                    root,
                    None,
                    data,
                    Some(Path::new("/").join(config.strip_prefix(root).unwrap_or(&config))),
                ));
            }
        }
    }
    servers
}

fn argument<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument.starts_with(flag))?;
    let joined = &arguments[at][flag.len()..];
    if joined.is_empty() { arguments.get(at + 1).map(String::as_str) } else { Some(joined) }
}

/// `-c name=value` or `--name=value`.
fn setting_argument<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().find_map(|argument| {
        let argument = argument.trim_start_matches("--").trim_start_matches("-c");
        argument.strip_prefix(name)?.strip_prefix('=')
    })
}

fn server(root: &Path, process: Option<&Process>, data: PathBuf, config: Option<PathBuf>) -> Server {
    let config = config.unwrap_or_else(|| data.join("postgresql.conf"));
    let mut settings = BTreeMap::new();
    let readable = read_settings(root, &config, &mut settings, 0);
    read_settings(root, &data.join("postgresql.auto.conf"), &mut settings, 0);
    let version_and_name: Vec<&str> = data.iter().rev().take(2).filter_map(|part| part.to_str()).collect();
    let source = source(root, &data, &settings, &version_and_name);
    Server {
        system: System::Postgresql,
        pid: process.map(|process| process.pid),
        data_directory: data,
        settings,
        source,
        more: Vec::new(),
        unreadable: (!readable).then_some(config),
    }
}

/// Reads `name = value` lines; the last one wins, as the server does it. Returns whether the file could be read.
fn read_settings(root: &Path, path: &Path, settings: &mut BTreeMap<String, String>, depth: usize) -> bool {
    let Some(text) = read_small(&under(root, path)) else { return false };
    for line in text.lines() {
        let line = line.trim_start();
        let name_end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(line.len());
        let (name, rest) = line.split_at(name_end);
        if name.is_empty() {
            continue;
        }
        let value = value(rest.trim_start().trim_start_matches('=').trim_start());
        let target = || path.parent().unwrap_or(Path::new("/")).join(&value);
        match name.to_ascii_lowercase().as_str() {
            "include" | "include_if_exists" if depth < MAX_INCLUDES => {
                read_settings(root, &target(), settings, depth + 1);
            }
            "include_dir" if depth < MAX_INCLUDES => {
                for file in entries(&under(root, &target())) {
                    if file.extension().is_some_and(|extension| extension == "conf") {
                        let file = Path::new("/").join(file.strip_prefix(root).unwrap_or(&file));
                        read_settings(root, &file, settings, depth + 1);
                    }
                }
            }
            name => {
                settings.insert(name.to_owned(), value);
            }
        }
    }
    true
}

/// A quoted (`'it''s'`) or bare value, without the comment behind it.
fn value(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('\'') else {
        return text.split(['#', ' ', '\t']).next().unwrap_or_default().to_owned();
    };
    let mut value = String::new();
    let mut chars = quoted.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' if chars.peek() == Some(&'\'') => value.extend(chars.next()),
            '\'' => break,
            '\\' => value.extend(chars.next()),
            char => value.push(char),
        }
    }
    value
}

/// The best log that the settings allow: jsonlog and csvlog quote what a client can forge in stderr.
fn source(root: &Path, data: &Path, settings: &BTreeMap<String, String>, name: &[&str]) -> Option<SourceConfig> {
    let get = |key: &str| settings.get(key).map(String::as_str);
    let collector = is_on(get("logging_collector"));
    let destination = get("log_destination").unwrap_or("stderr");
    let has = |format: &str| destination.split(',').any(|part| part.trim().eq_ignore_ascii_case(format));
    let (format, extension) = if collector && has("jsonlog") {
        ("postgresql_jsonlog", "json")
    } else if collector && has("csvlog") {
        ("postgresql_csvlog", "csv")
    } else if has("stderr") {
        ("postgresql_stderr", "log")
    } else {
        return None; // syslog and event log only
    };
    let label: Vec<&str> = name.iter().rev().copied().collect();
    let mut source = SourceConfig {
        name: clean(&format!("postgresql-{}", label.join("-"))),
        format: Some(format.to_owned()),
        paths: Vec::new(),
        log_line_prefix: Some(get("log_line_prefix").unwrap_or("%m [%p] ").to_owned()),
        ..SourceConfig::default()
    };
    if collector {
        let directory = data.join(get("log_directory").unwrap_or("log"));
        source.paths.push(directory.join(format!("*.{extension}")).display().to_string());
        source.data_directory = Some(data.to_owned());
        return Some(source);
    }
    // Without the collector Debian's start script sends stderr to a file named after the cluster.
    let path = format!("/var/log/postgresql/postgresql-{}.log", label.join("-"));
    under(root, Path::new(&path)).exists().then(|| {
        source.paths.push(path);
        source
    })
}

/// Keeps what a source name may hold.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_server_reads_them() {
        assert_eq!(value("'it''s' # note"), "it's");
        assert_eq!(value("on # note"), "on");
        assert_eq!(value("'%m [%p] %q%u@%d '"), "%m [%p] %q%u@%d ");
    }

    #[test]
    fn a_debian_cluster_is_found_with_its_log_and_its_settings() {
        let root = std::env::temp_dir().join(format!("kuzet-discover-{}", std::process::id()));
        let config = root.join("etc/postgresql/15/main");
        std::fs::create_dir_all(config.join("conf.d")).unwrap();
        std::fs::write(
            config.join("postgresql.conf"),
            "logging_collector = on\ninclude_dir 'conf.d'\nlog_destination = 'stderr'\n",
        )
        .unwrap();
        std::fs::write(
            config.join("conf.d/audit.conf"),
            "shared_preload_libraries = 'pgaudit'\npgaudit.log='read,write'\npgaudit.log_rows=on\n",
        )
        .unwrap();
        let data = root.join("var/lib/postgresql/15/main");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("postgresql.auto.conf"), "log_destination = 'csvlog'\n").unwrap();
        let servers = super::super::find(&root);
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(servers.len(), 1);
        let source = servers[0].source.as_ref().unwrap();
        assert_eq!(source.name, "postgresql-15-main");
        assert_eq!(source.format.as_deref(), Some("postgresql_csvlog"));
        assert_eq!(source.paths, ["/var/lib/postgresql/15/main/log/*.csv"]);
        assert_eq!(servers[0].unreadable, None);
        assert_eq!(servers[0].settings["pgaudit.log_rows"], "on");
    }
}
