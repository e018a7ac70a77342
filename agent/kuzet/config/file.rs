//! The configuration file: TOML as typed by a person → [`Config`] as meant, or a list of faults.

use super::folder::{RawFolder, RawInventory};
use super::map::{self, RawMap};
use super::place::PlaceSettings;
use super::pool::{PoolConfig, RawPool};
use super::rules::RuleSettings;
use super::stream::{RawJournald, RawNetflow, RawRedis, RawSensor, RawStream};
use super::{Config, DEFAULT_METRICS, KAZAKHSTAN_OFFSET, KEEP, SourceConfig, default_state, discover, hostname};
use crate::database::{DatabaseConfig, DatabaseSettings};
use crate::log;
use crate::notify::ChannelSettings;
use kuzet_detect::{Diagnostic, Thresholds};
use kuzet_incident::FoldConfig;
use serde::Deserialize;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Largest configuration, catalogue or policy that is read.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    host: Option<String>,
    state: Option<PathBuf>,
    offset: Option<String>,
    catalogue: Option<PathBuf>,
    policy: Option<PathBuf>,
    suppressions: Option<PathBuf>,
    poll_seconds: Option<u64>,
    #[serde(default)]
    source: Vec<toml::Spanned<RawSource>>,
    #[serde(default)]
    database: Vec<toml::Spanned<DatabaseSettings>>,
    #[serde(default)]
    pool: Vec<toml::Spanned<RawPool>>,
    #[serde(default)]
    folder: Vec<toml::Spanned<RawFolder>>,
    #[serde(default)]
    inventory: RawInventory,
    #[serde(default)]
    rules: RuleSettings,
    #[serde(default)]
    place: PlaceSettings,
    #[serde(default)]
    metrics: RawMetrics,
    #[serde(default)]
    notify: Vec<ChannelSettings>,
    #[serde(default)]
    thresholds: Thresholds,
    #[serde(default)]
    incident: RawIncident,
    #[serde(default)]
    store: RawStore,
    #[serde(default)]
    log: RawLog,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    level: Option<String>,
    file: Option<PathBuf>,
    max_bytes: Option<u64>,
    keep: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    keep_days: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIncident {
    quiet_minutes: Option<u64>,
    longest_hours: Option<u64>,
}

impl RawIncident {
    fn meant(&self) -> FoldConfig {
        let defaults = FoldConfig::default();
        FoldConfig {
            quiet: self
                .quiet_minutes
                .map_or(defaults.quiet, |minutes| Duration::from_secs(minutes.clamp(1, 1440) * 60)),
            longest: self
                .longest_hours
                .map_or(defaults.longest, |hours| Duration::from_secs(hours.clamp(1, 720) * 3600)),
            ..defaults
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    name: String,
    format: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    data_directory: Option<PathBuf>,
    log_line_prefix: Option<String>,
    offset: Option<String>,
    #[serde(default)]
    from_beginning: bool,
    listen: Option<String>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    #[serde(default)]
    allow: Vec<String>,
    journald: Option<RawJournald>,
    map: Option<RawMap>,
    redis: Option<RawRedis>,
    sensor: Option<RawSensor>,
    netflow: Option<RawNetflow>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetrics {
    listen: Option<String>,
}

/// Reads a file that only its owner may change.
///
/// # Errors
/// One diagnostic: unreadable, too large, not UTF-8, or writable by everybody.
pub fn read_guarded(path: &Path) -> Result<String, Diagnostic> {
    read_guarded_up_to(path, MAX_BYTES)
}

/// As [`read_guarded`], with another limit.
pub(super) fn read_guarded_up_to(path: &Path, most: u64) -> Result<String, Diagnostic> {
    let fault = |code, message: String, help: &str| Diagnostic {
        code: String::from(code),
        file: path.display().to_string(),
        line: 0,
        column: 0,
        message,
        help: help.to_owned(),
        warning: false,
    };
    let unreadable =
        |error: std::io::Error| fault("KZ001", format!("cannot read: {error}"), "check the path and its permissions");
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.mode() & 0o002 != 0 {
        return Err(fault(
            "KZ002",
            format!("is writable by everybody (mode {:03o})", metadata.mode() & 0o777),
            "chmod o-w this file: who can write it can silence the agent",
        ));
    }
    if metadata.len() > most {
        return Err(fault("KZ003", format!("is larger than {most} bytes"), "is this the right file?"));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Reads and checks the configuration at `path`.
pub(super) fn load(path: &Path) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = read_guarded(path).map_err(|fault| vec![fault])?;
    load_text(&text, path)
}

/// Checks the text of a configuration; `path` is where it came from, and relative paths inside start beside it.
///
/// # Errors
/// Every fault found. On success the warnings come with the configuration.
pub fn load_text(text: &str, path: &Path) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut faults = Faults { text, file: path.display().to_string(), list: Vec::new() };
    let raw: Raw = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let help = "see docs/configuration.md for every key";
            faults.push("KZ010", error.span().map(|span| span.start), error.message().trim().to_owned(), help);
            return Err(faults.list);
        }
    };
    let beside = |file: PathBuf| path.parent().map_or_else(|| file.clone(), |directory| directory.join(&file));
    let offset_seconds = faults.offset(raw.offset.as_deref(), None).unwrap_or(KAZAKHSTAN_OFFSET);
    let mut sources: Vec<SourceConfig> = Vec::new();
    for source in raw.source {
        let at = source.span().start;
        sources.extend(faults.source(source.into_inner(), at, &sources));
    }
    if sources.is_empty() && faults.list.is_empty() {
        sources = discover::everything();
        let message = "no [[source]]: following what was found on this host".to_owned();
        faults.warn(
            "KZ011",
            None,
            message,
            "write the sources down, so that a server that is stopped today is watched too",
        );
    }
    let mut databases: Vec<DatabaseConfig> = Vec::new();
    for database in raw.database {
        let (at, mut database) = (database.span().start, database.into_inner());
        database.place(|file| beside(file.to_owned()));
        databases.extend(faults.database(&database, at, &databases, &sources));
    }
    let mut pools: Vec<PoolConfig> = Vec::new();
    for pool in raw.pool {
        let at = pool.span().start;
        pools.extend(faults.pool(pool.into_inner(), at, &sources));
    }
    let folders = faults.folders(raw.folder, &mut sources);
    let mut rules = raw.rules;
    rules.place(beside);
    let mut place = raw.place;
    place.place(beside);
    if let Err(word) = place.listed() {
        let message = format!("[place] countries: `{word}` is no country");
        faults.push("KZ106", None, message, "two letters of ISO 3166-1, as DE, GB, or the preset convention-108");
    }
    let metrics = faults.listen(raw.metrics.listen.as_deref());
    let log = faults.log(raw.log);
    let mut thresholds = raw.thresholds;
    thresholds.offset_seconds = offset_seconds;
    for (key, fault) in thresholds.faults() {
        let help = "hours as \"Mon-Fri 08:00-20:00, Sat 10:00-14:00\", days as \"2026-12-31\"";
        faults.push("KZ021", None, format!("thresholds.{key}: {fault}"), help);
    }
    let config = Config {
        path: Some(path.to_owned()),
        host: raw.host.unwrap_or_else(hostname),
        state: raw.state.map_or_else(default_state, beside),
        offset_seconds,
        sources,
        databases,
        pools,
        folders,
        inventory: raw.inventory.meant(),
        catalogue: raw.catalogue.map(beside),
        policy: raw.policy.map(beside),
        suppressions: raw.suppressions.map(beside),
        rules,
        place,
        metrics,
        notify: raw.notify,
        thresholds,
        fold: raw.incident.meant(),
        keep: raw.store.keep_days.map_or(KEEP, |days| Duration::from_secs(days.clamp(1, 36_500) * 24 * 3600)),
        poll: Duration::from_secs(raw.poll_seconds.unwrap_or(1).clamp(1, 60)),
        log,
    };
    if faults.list.iter().any(|fault| !fault.warning) { Err(faults.list) } else { Ok((config, faults.list)) }
}

/// Collects every fault of one file.
pub(super) struct Faults<'a> {
    text: &'a str,
    file: String,
    list: Vec<Diagnostic>,
}

impl Faults<'_> {
    pub(super) fn push(&mut self, code: &str, at: Option<usize>, message: String, help: &str) {
        let (line, column) = at.map_or((0, 0), |at| place(self.text, at));
        let (file, help) = (self.file.clone(), help.to_owned());
        self.list.push(Diagnostic { code: code.to_owned(), file, line, column, message, help, warning: false });
    }

    pub(super) fn warn(&mut self, code: &str, at: Option<usize>, message: String, help: &str) {
        self.push(code, at, message, help);
        if let Some(last) = self.list.last_mut() {
            last.warning = true;
        }
    }

    /// Faults so far; warnings are none.
    pub(super) fn count(&self) -> usize {
        self.list.iter().filter(|fault| !fault.warning).count()
    }

    fn offset(&mut self, text: Option<&str>, at: Option<usize>) -> Option<i32> {
        let text = text?;
        let parsed = parse_offset(text);
        if parsed.is_none() {
            let help = "write it as \"+05:00\"; zone names are not read, because host zone files may be wrong";
            self.push("KZ012", at, format!("offset \"{text}\" is not an offset from UTC"), help);
        }
        parsed
    }

    fn source(&mut self, raw: RawSource, at: usize, before: &[SourceConfig]) -> Option<SourceConfig> {
        let faults = self.count();
        let at = Some(at);
        let stream = RawStream {
            listen: raw.listen,
            cert: raw.cert,
            key: raw.key,
            client_ca: raw.client_ca,
            allow: raw.allow,
            journald: raw.journald,
            redis: raw.redis,
            sensor: raw.sensor,
            netflow: raw.netflow,
        };
        let name = raw.name;
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        {
            let help = "use 1 to 64 letters, digits, '-', '_' or '.': the name is a metric label";
            self.push("KZ013", at, "source name is not usable".to_owned(), help);
        }
        if before.iter().any(|other| other.name == name) {
            self.push("KZ014", at, format!("source \"{name}\" stands twice"), "give each source its own name");
        }
        let files = !raw.paths.is_empty() || raw.data_directory.is_some();
        match usize::from(files) + stream.count() {
            0 => {
                let help = "add paths = [\"/var/log/…\"], data_directory = \"/var/lib/postgresql/15/main\", listen, journald, redis, sensor or netflow";
                self.push("KZ015", at, format!("source \"{name}\" says nothing to follow"), help);
            }
            1 => {}
            _ => {
                let help =
                    "make a [[source]] of each: paths and data_directory, listen, journald, redis, sensor, netflow";
                self.push("KZ060", at, format!("source \"{name}\" is more than one source"), help);
            }
        }
        for pattern in &raw.paths {
            if let Err(error) = glob::Pattern::new(pattern) {
                self.push("KZ016", at, format!("path \"{pattern}\": {}", error.msg), "write a path or a glob pattern");
            } else if !Path::new(pattern).is_absolute() {
                let message = format!("path \"{pattern}\" is relative");
                self.push("KZ017", at, message, "write it from / on: a service has no working directory of yours");
            }
        }
        let alone = match &stream {
            RawStream { redis: Some(_), .. } => Some(kuzet_decode::Format::Redis.name().to_owned()),
            RawStream { sensor: Some(_), .. } => Some(kuzet_decode::Format::Sensor.name().to_owned()),
            RawStream { netflow: Some(_), .. } => Some(kuzet_decode::Format::Netflow.name().to_owned()),
            _ => None,
        };
        let format = raw.format.filter(|format| format != "auto").or(alone);
        if let Some(format) = &format
            && !kuzet_decode::FORMATS.iter().any(|known| known.name == format)
        {
            let known: Vec<&str> = kuzet_decode::FORMATS.iter().map(|known| known.name).collect();
            let help = format!("known formats: auto, {}", known.join(", "));
            self.push("KZ018", at, format!("log format \"{format}\" is not known"), &help);
        }
        let offset_seconds = self.offset(raw.offset.as_deref(), at);
        let (paths, data_directory, log_line_prefix) = (raw.paths, raw.data_directory, raw.log_line_prefix);
        let from_beginning = raw.from_beginning;
        let stream = self.stream(stream, &name, at, from_beginning);
        let map = self.map(raw.map, format.as_deref(), &name, at);
        (self.count() == faults).then_some(SourceConfig {
            name,
            format,
            paths,
            data_directory,
            log_line_prefix,
            offset_seconds,
            from_beginning,
            stream,
            map,
        })
    }

    /// The mapping of a source, which a mapped one must have and no other may.
    fn map(
        &mut self,
        raw: Option<RawMap>,
        format: Option<&str>,
        name: &str,
        at: Option<usize>,
    ) -> Option<Arc<kuzet_decode::Mapping>> {
        let mapped = format == Some(kuzet_decode::Format::Mapped.name());
        if mapped != raw.is_some() {
            let help = "a journal of an application needs both format = \"mapped\" and [source.map]: docs/journals.md";
            self.push("KZ070", at, format!("source \"{name}\" has a mapping or the format \"mapped\", not both"), help);
            return None;
        }
        match map::mapping(raw?) {
            Ok(mapping) => Some(Arc::new(mapping)),
            Err(faults) => {
                for map::Fault { code, at, message, help } in faults {
                    self.push(code, Some(at), message, &help);
                }
                None
            }
        }
    }

    fn database(
        &mut self,
        raw: &DatabaseSettings,
        at: usize,
        before: &[DatabaseConfig],
        sources: &[SourceConfig],
    ) -> Option<DatabaseConfig> {
        let (config, found) = match raw.resolve() {
            Ok((config, warnings)) => (Some(config), warnings),
            Err(faults) => (None, faults),
        };
        for fault in found {
            self.push(fault.code, Some(at), fault.message, fault.help);
            if let Some(last) = self.list.last_mut() {
                last.warning = fault.warning;
            }
        }
        let name = &raw.name;
        let config = config?;
        if before.iter().any(|other| other.name == *name) || sources.iter().any(|source| source.name == *name) {
            let help = "give each source and each database its own name";
            self.push("KZ047", Some(at), format!("the name of database \"{name}\" is taken"), help);
            return None;
        }
        if let Some(source) = config.source.as_deref().filter(|wanted| !sources.iter().any(|s| s.name == **wanted)) {
            let message = format!("database \"{name}\": there is no source \"{source}\"");
            self.push("KZ049", Some(at), message, "name the [[source]] that is the log of the same server");
            return None;
        }
        Some(config)
    }

    fn log(&mut self, raw: RawLog) -> log::Settings {
        let defaults = log::Settings::default();
        let level = raw.level.unwrap_or(defaults.level);
        if !log::LEVELS.contains(&level.as_str()) {
            let help = format!("known levels: {}", log::LEVELS.join(", "));
            self.push("KZ050", None, format!("log.level \"{level}\" is not known"), &help);
        }
        if let Some(file) = raw.file.as_ref().filter(|file| !file.is_absolute()) {
            let help = "write it from / on: a service has no working directory of yours";
            self.push("KZ051", None, format!("log.file \"{}\" is relative", file.display()), help);
        }
        log::Settings {
            level,
            file: raw.file,
            max_bytes: raw.max_bytes.unwrap_or(defaults.max_bytes).clamp(64 << 10, 1 << 30),
            keep: raw.keep.unwrap_or(defaults.keep).min(100),
        }
    }

    fn listen(&mut self, text: Option<&str>) -> Option<SocketAddr> {
        match text {
            None => Some(DEFAULT_METRICS),
            Some("off") => None,
            Some(text) => {
                let address = text.parse::<SocketAddr>().ok();
                let Some(address) = address else {
                    let help = "write \"127.0.0.1:9478\", or \"off\"";
                    self.push("KZ019", None, format!("metrics.listen \"{text}\" is not an address with a port"), help);
                    return None;
                };
                if !address.ip().is_loopback() {
                    let message = format!("metrics are served in clear on {address}");
                    self.warn(
                        "KZ020",
                        None,
                        message,
                        "keep them on 127.0.0.1 and let the scraper come through a tunnel",
                    );
                }
                Some(address)
            }
        }
    }
}

/// `+05:00`, `-03:30`, `+05`, `Z` → seconds.
fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() == 2;
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Line and column, from 1, of byte `at`.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        match load_text(text, Path::new("/etc/kuzet/kuzet.toml")) {
            Ok((_, warnings)) => warnings.into_iter().map(|fault| fault.code).collect(),
            Err(faults) => faults.into_iter().map(|fault| fault.code).collect(),
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "offset = \"Asia/Almaty\"\n[[source]]\nname = \"a b\"\npaths = [\"logs/*.csv\"]\nformat = \"csv\"\n";
        let faults = load_text(text, Path::new("k.toml")).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| fault.code.as_str()).collect();
        assert_eq!(told, ["KZ012", "KZ013", "KZ017", "KZ018"]);
        assert_eq!(faults[1].line, 2);
        assert!(faults.iter().all(|fault| !fault.help.is_empty()));
    }

    #[test]
    fn unknown_keys_and_bad_toml_are_refused() {
        assert_eq!(codes("sate = \"/x\""), ["KZ010"]);
        assert_eq!(codes("state = "), ["KZ010"]);
        assert_eq!(codes("[metrics]\nlisten = \"9478\"\n[[source]]\nname='x'\npaths=['/x']"), ["KZ019"]);
        assert_eq!(codes("[metrics]\nlisten = \"0.0.0.0:9478\"\n[[source]]\nname='x'\npaths=['/x']"), ["KZ020"]);
    }

    #[test]
    fn databases_are_checked_against_the_sources() {
        let source = "[[source]]\nname='pg'\npaths=['/x']\n";
        let of = |database: &str| codes(&format!("{source}[[database]]\n{database}"));
        assert_eq!(of("name='db'\nurl='postgresql:///mfo'\nsource='pg'"), [""; 0]);
        assert_eq!(of("name='db'\nurl='postgresql:///mfo'\nsource='other'"), ["KZ049"]);
        assert_eq!(of("name='pg'\nurl='postgresql:///mfo'"), ["KZ047"]);
        assert_eq!(of("name='db'\nurl='postgresql://kuzet:pw@h/mfo'"), ["KZ043"]);
        assert_eq!(of("name='db'\npassword='pw'"), ["KZ010"]);
    }

    #[test]
    fn faults_of_a_mapping_are_told_with_their_places() {
        let text = "[[source]]\nname = \"j\"\nformat = \"mapped\"\npaths = [\"/x\"]\n[source.map]\nform = \"csv\"\n\
            delimiter = \"::\"\ncolumns = [\"a\", \"b\"]\nencoding = \"utf-16\"\ntime = [\"a\", \"c\"]\n\
            time_form = \"%H:%M\"\naction = \"b\"\nobject = \"t\"\nobject_field = \"d\"\n\
            people = [{ field = \"b\", kind = \"inn\" }]\n[source.map.actions]\nview = \"look\"\n";
        let faults = load_text(text, Path::new("k.toml")).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.code.as_str(), fault.line)).collect();
        let expected = [
            ("KZ072", 7),
            ("KZ072", 9),
            ("KZ074", 11),
            ("KZ072", 17),
            ("KZ072", 13),
            ("KZ073", 10),
            ("KZ073", 14),
            ("KZ072", 15),
        ];
        assert_eq!(told, expected, "{faults:#?}");
        assert!(faults.iter().all(|fault| fault.column > 1 && !fault.help.is_empty()));
        assert_eq!(codes("[[source]]\nname='x'\npaths=['/x']\nformat='mapped'"), ["KZ070"]);
        assert_eq!(
            codes("[[source]]\nname='x'\npaths=['/x']\n[source.map]\nform='json'\ntime='t'\notherwise='read'"),
            ["KZ070"]
        );
    }

    #[test]
    fn offsets() {
        assert_eq!(parse_offset("+05:00"), Some(18_000));
        assert_eq!(parse_offset("-03:30"), Some(-12_600));
        assert_eq!(parse_offset("+05"), Some(18_000));
        assert_eq!(parse_offset("Z"), Some(0));
        for bad in ["", "5", "+5", "+15:00", "+05:60", "UTC", "+0a:00", "+é5"] {
            assert_eq!(parse_offset(bad), None, "{bad}");
        }
    }
}
