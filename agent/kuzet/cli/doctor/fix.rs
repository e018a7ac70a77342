//! `kuzet doctor --fix`: the commands that mend what is not seen, ready to be pasted. It runs none of them.

use crate::examine::Report;
use crate::sight::{Command, Limit, Place, State};

/// Places in the order in which their commands are given.
const PLACES: [Place; 5] = [Place::Shell, Place::Sql, Place::Configuration, Place::SqlAfterRestart, Place::Agent];

/// What is said of a place.
fn said(place: Place, system: &str) -> &'static str {
    match (place, system) {
        (Place::Shell, _) => "in a shell, as root",
        (Place::Sql, _) => "in the server's client, as an administrator",
        (Place::Configuration, "mongodb") => "into the server's configuration (/etc/mongod.conf)",
        (Place::Configuration, "redis") => "into the server's configuration (/etc/redis/redis.conf)",
        (Place::Configuration, _) => "into the server's option file (/etc/mysql/my.cnf), below [mysqld]",
        (Place::SqlAfterRestart, _) => "in the server's client again, after the restart if one is asked for above",
        (Place::Agent, _) => "into kuzet.toml; the agent takes it at once",
    }
}

pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let watched = report.sources.iter().filter(|source| source.with.is_none());
    let watched = watched.map(|source| (format!("{} ({})", source.name, source.system), source.system, &source.limits));
    let ignored = report.unwatched.iter();
    let ignored = ignored
        .map(|server| (format!("{} in {}", server.system, server.data_directory), server.system, &server.limits));
    for (title, system, limits) in watched.chain(ignored) {
        let open: Vec<&Limit> = limits.iter().filter(|limit| limit.state() > State::Compensated).collect();
        if open.iter().all(|limit| limit.commands.is_empty()) {
            continue;
        }
        lines.push(format!("# ==== {title}"));
        for place in PLACES {
            block(place, system, &open, &mut lines);
        }
    }
    if lines.is_empty() {
        lines.push("# There is no command to give; kuzet doctor says what is left.".to_owned());
    }
    lines
}

fn block(place: Place, system: &str, limits: &[&Limit], lines: &mut Vec<String>) {
    let sql = matches!(place, Place::Sql | Place::SqlAfterRestart);
    let comment = if sql { "--" } else { "#" };
    let mut given: Vec<&Command> = Vec::new();
    let mut shown = Vec::new();
    for limit in limits {
        let first = given.len();
        for command in limit.commands.iter().filter(|command| command.place == place) {
            if !given.iter().any(|other| other.text == command.text) {
                given.push(command);
            }
        }
        if given.len() > first {
            shown.push(format!("{comment} [{}] {}", limit.code, limit.message));
            shown.extend(given[first..].iter().flat_map(|command| command.text.lines()).map(str::to_owned));
        }
    }
    if given.is_empty() {
        return;
    }
    lines.push(format!("{comment} == {}", said(place, system)));
    lines.append(&mut shown);
    if sql && given.iter().any(|command| command.text.starts_with("ALTER SYSTEM")) {
        lines.push("SELECT pg_reload_conf();".to_owned());
    }
    if given.iter().any(|command| command.restart) {
        let unit = match system {
            "postgresql" => "postgresql",
            "mongodb" => "mongod",
            "redis" => "redis-server",
            _ => "mariadb",
        };
        lines.push(format!("{comment} now restart the server, in a shell as root: systemctl restart {unit}"));
    }
}
