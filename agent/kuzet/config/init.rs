//! A configuration to begin with: every key explained, what was found on this host filled in, and for the rest the exact
//! line to write.

use super::SourceConfig;
use super::discover::{self, Server};
use crate::source::stream::{SensorSettings, StreamSettings};
use kuzet_event::System;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The configuration for a host of this name with these servers. A line `#key = …` is a setting that is not made.
#[must_use]
pub fn text(host: Option<&str>, servers: &[Server]) -> String {
    let mut text = HEAD.to_owned();
    match host {
        Some(host) => text += &format!("host = {}\n", quoted(host)),
        None => text += "#host = \"db1\"\n",
    }
    text += GENERAL;
    let sources = discover::sources(servers);
    for source in &sources {
        text += "\n# Found on this host.\n";
        text += &found(source);
    }
    for server in servers.iter().filter(|server| server.source.is_none()) {
        let directory = server.data_directory.display();
        let _ = writeln!(
            text,
            "\n# Found on this host: {} in {directory}. It cannot be watched yet:",
            server.system.name()
        );
        for limit in crate::examine::unfollowed(server) {
            let _ = writeln!(text, "#   [{}] {}\n#   set: {}", limit.code, limit.message, limit.fix);
        }
        text += &commented(&example(server));
    }
    if servers.is_empty() {
        text += "\n# No database server was found on this host. One would be watched so:\n";
        text += &commented(&found(&SourceConfig {
            name: "postgresql-15-main".to_owned(),
            format: Some("postgresql_jsonlog".to_owned()),
            paths: vec!["/var/lib/postgresql/15/main/log/*.json".to_owned()],
            data_directory: Some("/var/lib/postgresql/15/main".into()),
            log_line_prefix: Some("%m [%p] %q%u@%d ".to_owned()),
            ..SourceConfig::default()
        }));
    }
    text += STREAMS;
    text += SENSOR;
    // As long as no source is written down, all that is found is followed, this one too.
    let packaged = host.is_none() || discover::sensor_is_packaged();
    let sensor = sensor(&discover::sensed(packaged));
    text += &if sources.is_empty() { commented(&sensor) } else { sensor };
    text +=
        "\n# A server to ask, read-only, what its log does not tell. How to make its account: docs/configuration.md.\n";
    for (server, source) in servers.iter().filter_map(|server| Some((server, server.source.as_ref()?))) {
        text += &database(server, source);
    }
    if sources.is_empty() {
        text += DATABASE;
    }
    text + REST
}

const HEAD: &str = "\
# Kuzet: breach detection for personal data. Every key is here; a line that begins with # and a key is not set.
# Check this file: kuzet check. A running agent takes a change over by itself, all of it or nothing.

# Name of this host in incidents and alerts. Default: the kernel's.
";

const GENERAL: &str = "
# Store and pseudonym key, made with mode 0700. Default: /var/lib/kuzet for root and the service, else ~/.local/state/kuzet.
state = \"/var/lib/kuzet\"

# Offset from UTC of working hours and of logs that name no zone. All of Kazakhstan is at +05:00 since 2024-03-01.
offset = \"+05:00\"

# Which tables hold personal data; `kuzet discover` writes it. Without it names decide.
#catalogue = \"catalogue.toml\"

# Who may do what: docs/policy.md. Without it the policy detector is off.
#policy = \"policy.toml\"

# What is known to be noise, with who answers for it and until when: docs/noise.md.
#suppressions = \"suppressions.toml\"

# How often sizes of files are looked at beside the events of the kernel, 1 to 60 seconds.
#poll_seconds = 1
";

const STREAMS: &str = "
# Records over the network (udp://, tcp://, tls:// with cert, key and client_ca) or from the journal of systemd.
#[[source]]
#name = \"relay\"
#format = \"postgresql_jsonlog\"
#listen = \"udp://127.0.0.1:5514\"
#allow = [\"127.0.0.0/8\"]

#[[source]]
#name = \"journal\"
#journald = { units = [\"postgresql@15-main.service\"], identifiers = [\"mariadbd\"] }

# What a Redis server denied; monitor = true follows every command, at a price.
#[[source]]
#name = \"cache\"
#redis = { url = \"redis://kuzet@127.0.0.1:6379\", password_file = \"/etc/kuzet/redis.password\", monitor = false, poll_seconds = 5 }

# Connections of this network, as a router exports them: NetFlow version 5 and 9, IPFIX.
#[[source]]
#name = \"router\"
#netflow = { listen = \"udp://0.0.0.0:2055\", from = [\"10.0.0.1\"] }
";

const SENSOR: &str = "
# Programs that are started and connections of this host, from the kernel itself: docs/sensor.md. {} is a sensor of the agent's
# own, which sees what the agent's account may see; the service kuzet-sensor has the rights to see all and listens at
# { socket = \"/run/kuzet-sensor/sensor.sock\" }. `kuzet doctor` says what is seen.
";

const DATABASE: &str = "\
#[[database]]
#name = \"pg-main-status\"
#url = \"postgresql://kuzet@127.0.0.1:5432/postgres\"
#password_file = \"pg-main-status.password\"
#poll_seconds = 10
";

const REST: &str = "
# Where files lie that people's data is in, or none is to be (holds = \"nothing\"): docs/folders.md. Their contents are looked at
# by a worker without rights; what happens to them the sensor tells. identity_documents = true: scans of them may lie there. A
# bucket is s3://NAME: what happens to its objects the log of the object store tells.
#[[folder]]
#name = \"dossiers\"
#path = \"/srv/dossiers\"
#holds = \"personal data\"
#class = \"restricted\"
#identity_documents = false

# How often folders are looked through for what has changed, 0 never; cross: what is mounted below them belongs to them;
# polite: it waits while the host is under pressure.
#[inventory]
#every_minutes = 60
#cross = false
#polite = true
# A role that many people share, and where the application names the person: a comment tag of the statement, the program's
# name, a setting of the session. Without it the incident says that the person is not known.
#[[pool]]
#role = \"app\"
#system = \"postgresql\"
#person_from = [\"comment:user\", \"application_name:^crm-web/(?<person>.+)$\", \"setting:app.clerk\"]

# Sigma rules: docs/sigma.md. Those that ship with the agent are at work; folders add others, off silences some.
#[rules]
#shipped = true
#folders = [\"rules\"]
#off = [\"store_sampled\"]
#fieldmaps = [\"fieldmaps/proxy.toml\"]
# What %backup_roles% stands for in a rule with the modifier expand.
#[rules.lists]
#backup_roles = [\"backup\"]

# Where addresses are: docs/place.md. Without files what `kuzet geo update` installed holds, else the list that ships with
# the agent. countries: those you hold for such that protect personal data; convention-108 is a preset, a heuristic.
#[place]
#blocks = [\"delegated-ripencc-extended-latest\"]
#countries = [\"convention-108\"]
# Who may be sent personal data, on what basis and until when (clauses 2.3 and 3.4).
#recipients = \"recipients.toml\"

[metrics]
# Address of /metrics for Prometheus, or \"off\". Keep it on loopback: metrics name hosts and stores.
listen = \"127.0.0.1:9478\"

[incident]
# Silence that ends a story, and its longest time.
#quiet_minutes = 15
#longest_hours = 24

[store]
# After so many days closed incidents, gaps and dead notifications are deleted. Open incidents never are.
#keep_days = 400

[log]
# The agent's own log: error, warn, info, debug or trace.
#level = \"info\"
# Default: standard error, under systemd the journal. A file is rotated at max_bytes, keep old ones stay.
#file = \"/var/log/kuzet/kuzet.log\"
#max_bytes = 10485760
#keep = 5

[thresholds]
# Every threshold with its reason: docs/detectors.md.
#bulk_rows = 500

# Who is told. Kinds: alertmanager, webhook, jsonlines, terminal (docs/notify.md).
#[[notify]]
#name = \"alertmanager\"
#kind = \"alertmanager\"
#url = \"http://127.0.0.1:9093\"
";

fn found(source: &SourceConfig) -> String {
    let mut text = String::from("[[source]]\n");
    let _ = writeln!(text, "# Label of metrics and incidents.\nname = {}", quoted(&source.name));
    let format = source.format.as_deref().unwrap_or("auto");
    let _ = writeln!(text, "# Log format; auto recognises it. All of them: README.md.\nformat = {}", quoted(format));
    let paths: Vec<String> = source.paths.iter().map(|path| quoted(path)).collect();
    let _ = writeln!(text, "# Absolute paths or patterns; rotated files are followed.\npaths = [{}]", paths.join(", "));
    if let Some(directory) = &source.data_directory {
        let directory = quoted(&directory.display().to_string());
        let _ = writeln!(
            text,
            "# PostgreSQL: current_logfiles in it names the file written now.\ndata_directory = {directory}"
        );
    }
    if let Some(prefix) = source.log_line_prefix.as_deref().filter(|_| format.starts_with("postgresql")) {
        let _ = writeln!(
            text,
            "# Only for postgresql_stderr, as in postgresql.conf.\nlog_line_prefix = {}",
            quoted(prefix)
        );
    }
    text += "# Offset of stamps without a zone, if the server is not at the offset above.\n#offset = \"+05:00\"\n";
    text += "# true reads what was logged before the very first start, too.\n#from_beginning = false\n";
    text
}

fn sensor(source: &SourceConfig) -> String {
    let socket = match &source.stream {
        Some(StreamSettings::Sensor(SensorSettings { socket: Some(path), .. })) => {
            format!("{{ socket = {} }}", quoted(&path.display().to_string()))
        }
        _ => "{}".to_owned(),
    };
    format!("[[source]]\nname = {}\nsensor = {socket}\n", quoted(&source.name))
}

/// The source that a server would be after its settings were made.
fn example(server: &Server) -> String {
    let data = server.data_directory.display();
    match server.system {
        System::Postgresql => format!(
            "[[source]]\nname = \"postgresql\"\nformat = \"postgresql_jsonlog\"\npaths = [\"{data}/log/*.json\"]\n\
             data_directory = \"{data}\"\n"
        ),
        _ => format!(
            "[[source]]\nname = \"mariadb\"\nformat = \"mariadb_server_audit\"\npaths = [\"{data}/server_audit.log\"]\n"
        ),
    }
}

fn database(server: &Server, source: &SourceConfig) -> String {
    let (scheme, port, database) = match server.system {
        System::Postgresql => ("postgresql", "5432", "postgres"),
        _ => ("mariadb", "3306", ""),
    };
    let port = server.settings.get("port").map_or(port, String::as_str);
    let name = format!("{}-status", source.name);
    format!(
        "#[[database]]\n#name = {}\n#url = \"{scheme}://kuzet@127.0.0.1:{port}/{database}\"\n\
         #password_file = {}\n#poll_seconds = 10\n#source = {}\n",
        quoted(&name),
        quoted(&format!("{name}.password")),
        quoted(&source.name)
    )
}

fn commented(text: &str) -> String {
    let line = |line: &str| if line.starts_with('#') { format!("{line}\n") } else { format!("#{line}\n") };
    text.lines().map(line).collect()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// What the account of the agent lacks to read a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody may read it.
    Open,
    /// Members of this group may.
    Group(String),
    /// Only its owner, because of this directory: the agent needs CAP_DAC_READ_SEARCH, or the log another place.
    Owner(PathBuf),
}

/// What an account without privileges needs to read the files of a source.
#[must_use]
pub fn access(source: &SourceConfig) -> Access {
    let Some(pattern) = source.paths.first() else { return Access::Open };
    let plain = pattern.find(['*', '?', '[']).map_or(pattern.as_str(), |at| &pattern[..at]);
    let mut needed = Access::Open;
    let mut above: Vec<&Path> = Path::new(plain).ancestors().filter(|path| path.parent().is_some()).collect();
    above.reverse();
    for path in above {
        let Ok(meta) = std::fs::metadata(path) else { continue };
        let (group, others) = if meta.is_dir() { (0o010, 0o001) } else { (0o040, 0o004) };
        match meta.mode() {
            mode if mode & others != 0 => {}
            mode if mode & group != 0 => needed = Access::Group(group_name(meta.gid())),
            _ => return Access::Owner(path.to_owned()),
        }
    }
    needed
}

fn group_name(id: u32) -> String {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let named = groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use std::collections::BTreeSet;

    /// Every line `#key = …` and `#[table]` as if it were set.
    fn made(text: &str) -> String {
        let setting = |line: &str| {
            let rest = line.strip_prefix('#')?;
            let key = rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            (key && !rest.starts_with(' ')).then(|| rest.to_owned())
        };
        text.lines().map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    }

    fn keys(table: &toml::Table, keys: &mut BTreeSet<String>) {
        for (key, value) in table {
            keys.insert(key.clone());
            let tables = value.as_array().into_iter().flatten().chain([value]);
            tables.filter_map(toml::Value::as_table).for_each(|table| self::keys(table, keys));
        }
    }

    #[test]
    fn every_key_of_the_documentation_is_there_and_right() {
        let documented =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
        let example = documented.split("```toml").nth(1).unwrap().split("```").next().unwrap();
        let (mut expected, mut told) = (BTreeSet::new(), BTreeSet::new());
        keys(&toml::from_str(example).unwrap(), &mut expected);
        let text = made(&text(None, &[]));
        keys(&toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")), &mut told);
        let missing: Vec<_> = expected.difference(&told).collect();
        assert!(missing.is_empty(), "kuzet init says nothing of {missing:?}");
        let (_, warnings) =
            load_text(&text, Path::new("/etc/kuzet/kuzet.toml")).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn with_nothing_found_nothing_but_places_is_set() {
        let text = text(None, &[]);
        let (config, warnings) = load_text(&text, Path::new("/etc/kuzet/kuzet.toml")).unwrap();
        assert_eq!(config.path.as_deref(), Some(Path::new("/etc/kuzet/kuzet.toml")));
        assert!(warnings.iter().all(|warning| warning.code == "KZ011"), "{warnings:?}");
    }

    #[test]
    fn groups_are_named() {
        assert_eq!(group_name(0), "root");
        assert_eq!(group_name(4_000_000_000), "4000000000");
    }
}
