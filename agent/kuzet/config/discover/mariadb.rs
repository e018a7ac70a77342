//! Finds MariaDB: running servers by their arguments, installed ones by Debian's layout.

use super::{Process, Server, entries, is_on, read_small, under};
use crate::config::SourceConfig;
use kuzet_event::System;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Deepest chain of `!include` directives that is followed.
const MAX_INCLUDES: usize = 8;

/// Groups of an option file that a MariaDB server reads.
const GROUPS: [&str; 6] = ["mysqld", "server", "mariadb", "mariadbd", "mariadb-10.11", "mysqld-10.11"];

pub(super) fn find(root: &Path, processes: &[Process]) -> Vec<Server> {
    let ours = |process: &&Process| matches!(process.name.as_str(), "mariadbd" | "mysqld");
    let mut servers: Vec<Server> = processes.iter().filter(ours).map(|process| server(root, Some(process))).collect();
    if servers.is_empty() && under(root, Path::new("/var/lib/mysql/mysql")).exists() {
        servers.push(server(root, None));
    }
    servers
}

fn server(root: &Path, process: Option<&Process>) -> Server {
    let arguments = process.map(|process| process.arguments.as_slice()).unwrap_or_default();
    let given = |name: &str| {
        arguments.iter().find_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    };
    let mut settings = BTreeMap::new();
    let config = given("defaults-file").unwrap_or("/etc/mysql/my.cnf");
    let readable = read_options(root, Path::new(config), &mut settings, 0);
    for argument in arguments {
        if let Some((name, value)) = argument.strip_prefix("--").and_then(|argument| argument.split_once('=')) {
            settings.insert(folded(name), value.to_owned());
        }
    }
    let data = PathBuf::from(settings.get("datadir").map_or("/var/lib/mysql", String::as_str));
    let source = source(&data, &settings);
    let more = more(&data, &settings);
    let unreadable = (!readable).then(|| PathBuf::from(config));
    Server {
        system: System::Mariadb,
        pid: process.map(|process| process.pid),
        data_directory: data,
        settings,
        source,
        more,
        unreadable,
    }
}

/// Option names are the same with `-` and `_`.
fn folded(name: &str) -> String {
    name.trim().replace('-', "_").to_ascii_lowercase()
}

fn read_options(root: &Path, path: &Path, settings: &mut BTreeMap<String, String>, depth: usize) -> bool {
    let Some(text) = read_small(&under(root, path)) else { return false };
    let mut ours = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(directory) = line.strip_prefix("!includedir").filter(|_| depth < MAX_INCLUDES) {
            for file in entries(&under(root, Path::new(directory.trim()))) {
                if file.extension().is_some_and(|extension| extension == "cnf") {
                    let file = Path::new("/").join(file.strip_prefix(root).unwrap_or(&file));
                    read_options(root, &file, settings, depth + 1);
                }
            }
        } else if let Some(file) = line.strip_prefix("!include").filter(|_| depth < MAX_INCLUDES) {
            read_options(root, Path::new(file.trim()), settings, depth + 1);
        } else if let Some(group) = line.strip_prefix('[') {
            ours = group.split(']').next().is_some_and(|group| GROUPS.contains(&group));
        } else if ours {
            let (name, value) = line.split_once('=').unwrap_or((line, "on"));
            let value = value.split('#').next().unwrap_or_default().trim().trim_matches(['\'', '"']);
            settings.insert(folded(name), value.to_owned());
        }
    }
    true
}

/// Whether server_audit is loaded and logs.
#[must_use]
pub fn audits(settings: &BTreeMap<String, String>) -> bool {
    let get = |key: &str| settings.get(key).map(String::as_str);
    let named = ["plugin_load_add", "plugin_load"]
        .iter()
        .any(|key| get(key).is_some_and(|value| value.contains("server_audit")));
    let loaded = named || get("server_audit").is_some() || get("server_audit_logging").is_some();
    loaded && is_on(get("server_audit_logging"))
}

fn source(data: &Path, settings: &BTreeMap<String, String>) -> Option<SourceConfig> {
    let get = |key: &str| settings.get(key).map(String::as_str);
    let to_file = get("server_audit_output_type").is_none_or(|kind| kind.eq_ignore_ascii_case("file"));
    if !audits(settings) || !to_file {
        return None;
    }
    let path = data.join(get("server_audit_file_path").unwrap_or("server_audit.log"));
    Some(followed("mariadb", "mariadb_server_audit", &path))
}

/// The slow log gives the rows that the audit log leaves out; the general log tells what the audit may hide. Without a name
/// of their own they are called after the host, in the data directory.
fn more(data: &Path, settings: &BTreeMap<String, String>) -> Vec<SourceConfig> {
    let get = |key: &str| settings.get(key).map(String::as_str);
    let to_file = get("log_output").is_none_or(|output| output.to_ascii_lowercase().contains("file"));
    let logs = [
        ("slow_query_log", "slow_query_log_file", "*-slow.log", "mariadb-slow", "mariadb_slow_log"),
        ("general_log", "general_log_file", "", "mariadb-general", "mariadb_general_log"),
    ];
    let on = logs.into_iter().filter(|(switch, ..)| to_file && is_on(get(switch)));
    on.filter_map(|(_, key, usual, name, format)| {
        let file = get(key).unwrap_or(usual);
        (!file.is_empty()).then(|| followed(name, format, &data.join(file)))
    })
    .collect()
}

fn followed(name: &str, format: &str, path: &Path) -> SourceConfig {
    SourceConfig {
        name: name.to_owned(),
        format: Some(format.to_owned()),
        paths: vec![path.display().to_string()],
        ..SourceConfig::default()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn option_files_are_read_with_includes_and_groups() {
        let root = std::env::temp_dir().join(format!("kuzet-discover-my-{}", std::process::id()));
        std::fs::create_dir_all(root.join("etc/mysql/conf.d")).unwrap();
        std::fs::create_dir_all(root.join("var/lib/mysql/mysql")).unwrap();
        std::fs::write(root.join("etc/mysql/my.cnf"), "[client]\nport=1\n!includedir /etc/mysql/conf.d\n").unwrap();
        std::fs::write(
            root.join("etc/mysql/conf.d/audit.cnf"),
            "[mariadbd]\nplugin-load-add = server_audit\nserver-audit-logging=ON # yes\nserver_audit_events='CONNECT'\n",
        )
        .unwrap();
        let servers = super::super::find(&root);
        std::fs::remove_dir_all(&root).unwrap();
        let source = servers[0].source.as_ref().unwrap();
        assert_eq!(source.paths, ["/var/lib/mysql/server_audit.log"]);
        assert_eq!(servers[0].settings["server_audit_events"], "CONNECT");
        assert!(servers[0].more.is_empty());
    }

    #[test]
    fn logs_that_tell_volumes_are_followed_too() {
        let settings = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let found = |pairs: &[(&str, &str)]| {
            let more = super::more(std::path::Path::new("/d"), &settings(pairs));
            more.into_iter().map(|source| (source.name, source.paths[0].clone())).collect::<Vec<_>>()
        };
        let told = |name: &str, path: &str| (name.to_owned(), path.to_owned());
        assert_eq!(found(&[("slow_query_log", "1")]), [told("mariadb-slow", "/d/*-slow.log")]);
        assert_eq!(
            found(&[
                ("slow_query_log", "ON"),
                ("slow_query_log_file", "/l/s.log"),
                ("general_log", "ON"),
                ("general_log_file", "g.log")
            ]),
            [told("mariadb-slow", "/l/s.log"), told("mariadb-general", "/d/g.log")]
        );
        assert_eq!(found(&[("slow_query_log", "ON"), ("log_output", "TABLE")]), []);
    }
}
