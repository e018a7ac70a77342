//! Looks at the configuration, at this host and at what the databases answer: what is seen of every server, what is not
//! and why. `kuzet doctor` shows it, the agent says it at its start and makes a metric of it.

use crate::clock::{self, Clock};
use crate::config::discover::{self, Server};
use crate::config::{Config, PoolConfig, SourceConfig, calendar};
use crate::database::DatabaseConfig;
use crate::learning::Learning;
use crate::metrics::Metrics;
use crate::sight::{self, Asked, Facts, Limit, Live, Place, Seen, Shared, Sight, State};
use crate::source::stream::{SensorSettings, SensorSight, StreamSettings, Transport};
use crate::store::{Reader, StoreError};
use kuzet_decode::Format;
use kuzet_detect::Counted;
use kuzet_event::{SourceId, System};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of a source that names no format.
const RECOGNISED: &str = "recognised from the content";
/// First bytes of a file that its format is recognised from.
const FIRST: u64 = 64 << 10;

/// `kuzet.doctor/1` (docs/schema/doctor-1.json).
#[derive(Serialize)]
pub struct Report {
    /// Name of this schema.
    pub schema: &'static str,
    /// Mean over the servers, 0 to 1; `None` without any.
    pub coverage: Option<f64>,
    /// Configured sources, in their order.
    pub sources: Vec<Watched>,
    /// Shared roles, in the order of the configuration.
    pub pools: Vec<Pooled>,
    /// Servers that no source follows.
    pub unwatched: Vec<Unwatched>,
    /// What is passed over on purpose: suppressions and declared jobs.
    pub declared: Vec<Declared>,
    /// How far baselines are learnt; `None` before the agent ran.
    pub baselines: Option<Learning>,
    /// What is not seen, and why.
    pub limits: Vec<Limit>,
}

/// A suppression or a declared job.
#[derive(Serialize)]
pub struct Declared {
    /// `suppression` or `job`.
    pub what: &'static str,
    /// Name.
    pub name: String,
    /// Detections that it silenced, or events that it explained, since it was first configured.
    pub times: u64,
    /// The latest of them.
    pub last: Option<String>,
}

impl Declared {
    /// Those that the store knows.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(reader: &Reader) -> Result<Vec<Declared>, StoreError> {
        let one = |(what, name, counted): (&'static str, String, Counted)| {
            let last = counted.last.map(|at| at.to_string());
            Declared { what, name, times: counted.times, last }
        };
        Ok(reader.declared()?.into_iter().map(one).collect())
    }

    /// For people.
    #[must_use]
    pub fn line(&self) -> String {
        let did = if self.what == "job" { "explained" } else { "silenced" };
        let last = self.last.as_ref().map_or_else(String::new, |at| format!(", the latest {at}"));
        format!("{} {}: {did} {}{last}", self.what, self.name, kuzet_incident::thousands(self.times))
    }
}

/// A configured source.
#[derive(Serialize)]
pub struct Watched {
    /// Name.
    pub name: String,
    /// Kind of server.
    pub system: &'static str,
    /// Format, or that it is recognised.
    pub format: String,
    /// Files, or where it listens.
    pub follows: Vec<String>,
    /// Whether all of it can be read.
    pub readable: bool,
    /// The first source of the same server, when it is another one.
    pub with: Option<String>,
    /// Where the settings of the server were read; `None` when nobody tells them.
    pub settings_from: Option<String>,
    /// Share of what is seen of its server.
    pub coverage: f64,
    /// Every sight.
    pub sights: Vec<Seen>,
    /// What is not seen, and why.
    pub limits: Vec<Limit>,
}

/// A role that many people share.
#[derive(Serialize)]
pub struct Pooled {
    /// Pattern of the role.
    pub role: String,
    /// Only of this kind of server.
    pub system: Option<&'static str>,
    /// Only in this source.
    pub source: Option<String>,
    /// Where the application tells the person.
    pub person_from: Vec<String>,
    /// Whether it can be seen there.
    pub state: State,
    /// Code of the limit that decides; empty when it is seen.
    pub code: &'static str,
    /// Whether a log of PgBouncer is followed: behind it, the server sees the pooler's address only.
    pub pgbouncer: bool,
}

/// A server on this host that no source follows.
#[derive(Serialize)]
pub struct Unwatched {
    /// Kind of server.
    pub system: &'static str,
    /// Whether it runs now.
    pub running: bool,
    /// Its data.
    pub data_directory: String,
    /// What is not seen, and why.
    pub limits: Vec<Limit>,
}

/// What was asked: databases in their order, sensors by their source.
#[derive(Default)]
pub struct Answers {
    databases: Vec<Result<Live, String>>,
    sensors: BTreeMap<String, Result<SensorSight, String>>,
}

impl Answers {
    /// Asks every `[[database]]` and every sensor.
    #[must_use]
    pub fn of(config: &Config) -> Answers {
        Answers { databases: ask(config), ..Answers::sensors(config) }
    }

    /// Asks the sensors only: databases are believed to answer.
    #[must_use]
    pub fn sensors(config: &Config) -> Answers {
        let sight = |source: &SourceConfig| Some((source.name.clone(), sensor(source)?.sight()));
        Answers { databases: Vec::new(), sensors: config.sources.iter().filter_map(sight).collect() }
    }
}

fn sensor(source: &SourceConfig) -> Option<&SensorSettings> {
    match &source.stream {
        Some(StreamSettings::Sensor(settings)) => Some(settings),
        _ => None,
    }
}

/// Asks every `[[database]]`, all at once: one that hangs costs its own time only.
fn ask(config: &Config) -> Vec<Result<Live, String>> {
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    std::thread::scope(|scope| {
        let ask = |database: &'_ DatabaseConfig| sight::ask(database, &clock);
        let asked: Vec<_> = config.databases.iter().map(|database| scope.spawn(move || ask(database))).collect();
        let lost = |_| Err("the question was not finished".to_owned());
        asked.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
    })
}

/// Sets the metric of every source, on a thread of its own: a database that hangs holds nobody up.
pub fn measure(config: &Config, metrics: &Arc<Metrics>) {
    let (config, metrics) = (config.clone(), Arc::clone(metrics));
    let work = move || {
        let answers = Answers { databases: ask(&config), ..Answers::default() };
        let report = examine(&config, true, true, &answers);
        for (id, source) in (0..u16::MAX).zip(&report.sources) {
            if let Some(known) = metrics.source(SourceId(id)) {
                known.coverage(source.coverage);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("doctor".to_owned()).spawn(work) {
        tracing::warn!(%error, "How much is seen was not measured: the system refuses a thread.");
    }
}

/// Everything that belongs to one server.
struct Group<'a> {
    server: Option<&'a Server>,
    sources: Vec<usize>,
    /// Position in the configuration, and what it answered, when it was asked.
    database: Option<(&'a DatabaseConfig, Option<&'a Result<Live, String>>)>,
}

/// Looks at the configuration, at this host, and at what was answered; without answers the connections are believed to
/// work.
#[must_use]
pub fn examine(config: &Config, policy: bool, catalogue: bool, answers: &Answers) -> Report {
    let servers = discover::find(Path::new("/"));
    let reader = Reader::open(&config.state);
    let problems = reader.as_ref().ok().and_then(|reader| reader.problems().ok()).unwrap_or_default();
    let declared = reader.as_ref().ok().and_then(|reader| Declared::of(reader).ok()).unwrap_or_default();
    let baselines = reader.ok().and_then(|reader| Learning::of(&reader, Some(config)).ok());
    let mut sources = Vec::new();
    let mut covered = Vec::new();
    let mut pools: Vec<Option<Option<Limit>>> = vec![None; config.pools.len()];
    for group in groups(config, &servers, &answers.databases) {
        let first = group.sources.first().map(|index| config.sources[*index].name.clone());
        let own: Vec<&SourceConfig> = group.sources.iter().map(|index| &config.sources[*index]).collect();
        let mut found: Vec<Limit> =
            own.iter().filter_map(|source| unreadable(source, problems.get(&source.name))).collect();
        let readable = |source: &SourceConfig| {
            unreadable(source, problems.get(&source.name)).is_none_or(|limit| limit.code == "KD05")
        };
        let (facts, from) = facts(config, &group, &own);
        for (pool, told) in config.pools.iter().zip(&mut pools).filter(|(pool, _)| concerns(pool, facts.system, &own)) {
            let limit = sight::shared(shared(config, pool), Some(&facts));
            found.extend(limit.clone());
            // Of several servers the one that does not tell.
            *told = Some(told.take().flatten().or(limit));
        }
        // What web servers, proxies, gateways and the host write is for rules: there is nothing of a database to be seen in it.
        let beside = matches!(facts.system, System::Web | System::Proxy | System::Linux | System::Network);
        let (coverage, sights, limits) = if beside {
            (f64::from(u8::from(own.iter().all(|source| readable(source)))), Vec::new(), found)
        } else {
            let sighted = sight::look(&facts, found);
            covered.push(sighted.coverage());
            (sighted.coverage(), sighted.sights, sighted.limits)
        };
        for (index, source) in group.sources.iter().zip(own) {
            let sensed = answers.sensors.get(&source.name);
            let watched = Watched {
                name: source.name.clone(),
                system: facts.system.name(),
                format: source.format.clone().unwrap_or_else(|| RECOGNISED.to_owned()),
                follows: follows(source)
                    .into_iter()
                    .chain(sensed.map(sight::by))
                    .chain(sensed.into_iter().flat_map(sight::folders))
                    .collect(),
                readable: readable(source),
                with: first.clone().filter(|first| *first != source.name),
                settings_from: from.clone(),
                coverage,
                sights: sights.clone(),
                limits: limits
                    .iter()
                    .cloned()
                    .chain(sensed.and_then(sight::unsensed))
                    .chain(sensed.into_iter().flat_map(sight::unwatched))
                    .collect(),
            };
            sources.push((*index, watched));
        }
    }
    sources.sort_by_key(|(index, _)| *index);
    let unwatched: Vec<Unwatched> = servers
        .iter()
        .filter(|server| !config.sources.iter().any(|source| is_of(server, source)))
        .map(ignored)
        .collect();
    covered.extend(unwatched.iter().filter(|server| server.running).map(|_| 0.0));
    let coverage = (!covered.is_empty()).then(|| covered.iter().sum::<f64>() / covered.len() as f64);
    let pooled: Vec<(Pooled, Option<Limit>)> =
        config.pools.iter().zip(pools).map(|(pool, told)| pooled(config, pool, told)).collect();
    let mut limits = general(config, policy, catalogue);
    let (pools, unplaced): (Vec<Pooled>, Vec<Option<Limit>>) = pooled.into_iter().unzip();
    limits.extend(unplaced.into_iter().flatten());
    let sources = sources.into_iter().map(|(_, watched)| watched).collect();
    Report { schema: "kuzet.doctor/1", coverage, sources, pools, unwatched, declared, baselines, limits }
}

/// What is missing for every server.
fn general(config: &Config, policy: bool, catalogue: bool) -> Vec<Limit> {
    let mut limits = Vec::new();
    if config.sources.iter().all(|source| sensor(source).is_some()) {
        let message = "no database is watched: no source is configured and no database log was found on this host";
        let fix = "write a [[source]] (docs/configuration.md), or try `kuzet replay FILE` on a recorded log";
        limits.push(Limit::new("KD01", message, fix));
    }
    if !policy {
        let message = "no access policy: who may read what is not known, so only volume and manner alarm";
        limits.push(Limit::new("KD02", message, "write a policy file (docs/policy.md) and set policy = \"…\""));
    }
    if !catalogue {
        let message =
            "no catalogue: which tables hold personal data is guessed from names, and people cannot be bounded";
        let fix =
            "let `kuzet discover --write --catalogue FILE` write one (docs/discover.md) and set catalogue = \"…\"";
        limits.push(Limit::new("KD03", message, fix));
    }
    if !config.sources.iter().any(|source| sensor(source).is_some()) {
        let message = "no source is a sensor: which programs run and where this host's connections go is not seen";
        let limit = Limit::new("KD21", message, "add a [[source]] with sensor = {} (docs/sensor.md)");
        limits.push(limit.command(Place::Agent, "[[source]]\nname = \"host\"\nsensor = {}"));
    }
    if let Some(ends) = calendar(&config.thresholds, clock::System.wall()) {
        limits.push(Limit::new("KD17", ends.message, ends.help));
    }
    limits
}

/// Sources by the server that they are logs of.
fn groups<'a>(config: &'a Config, servers: &'a [Server], answers: &'a [Result<Live, String>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (index, source) in config.sources.iter().enumerate() {
        let server = servers.iter().find(|server| is_of(server, source));
        let same = |group: &&mut Group<'_>| {
            server.is_some() && group.server.map(|one| &one.data_directory) == server.map(|one| &one.data_directory)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.sources.push(index),
            None => groups.push(Group { server, sources: vec![index], database: None }),
        }
    }
    for (index, database) in config.databases.iter().enumerate() {
        let answer = answers.get(index);
        let live = answer.and_then(|answer| answer.as_ref().ok());
        let directory = live.and_then(|live| live.settings.get("data_directory").or(live.settings.get("datadir")));
        let named = |group: &Group<'_>| {
            group.sources.iter().any(|one| database.source.as_ref() == Some(&config.sources[*one].name))
        };
        let here = |group: &Group<'_>| {
            let own = group.server.map(|server| server.data_directory.as_path());
            own.is_some() && own == directory.map(|path| Path::new(path.trim_end_matches('/')))
        };
        let alike = |group: &Group<'_>| system(config, group).is_some_and(|one| family(one) == family(database.system));
        let only = groups.iter().filter(|group| alike(group)).count() == 1;
        let place = groups.iter().position(named).or_else(|| groups.iter().position(here));
        let place = place.or_else(|| groups.iter().position(|group| only && database.source.is_none() && alike(group)));
        if let Some(place) = place {
            groups[place].database = Some((database, answer));
        }
    }
    groups
}

/// MariaDB and MySQL are one to their logs.
fn family(system: System) -> System {
    if system == System::Mysql { System::Mariadb } else { system }
}

fn system(config: &Config, group: &Group<'_>) -> Option<System> {
    let by_log =
        || group.sources.iter().find_map(|index| format(&config.sources[*index])).map(|format| format.info().system);
    group.server.map(|server| server.system).or_else(by_log)
}

/// What decides, and where the settings come from.
fn facts(config: &Config, group: &Group<'_>, sources: &[&SourceConfig]) -> (Facts, Option<String>) {
    let (mut settings, mut extensions, mut from) = (None, None, None);
    if let Some(server) = group.server.filter(|server| server.unreadable.is_none()) {
        settings = Some(server.settings.clone());
        from = Some(format!("the files of {}", server.data_directory.display()));
    }
    let asked = match &group.database {
        None => Asked::Nobody,
        Some((_, None)) => Asked::Answers,
        Some((database, Some(Ok(live)))) => {
            settings = Some(live.settings.clone());
            extensions.clone_from(&live.extensions);
            from = Some(format!("[[database]] {} ({})", database.name, live.version));
            Asked::Answers
        }
        Some((database, Some(Err(error)))) => Asked::Silent(format!("{}: {error}", database.name)),
    };
    let by_database = || group.database.as_ref().map(|(database, _)| database.system);
    let formats: Vec<Format> = sources.iter().filter_map(|source| format(source)).collect();
    let system = system(config, group).or_else(by_database).unwrap_or(System::Application);
    let pooled = config.pools.iter().any(|pool| concerns(pool, system, sources));
    let commands =
        |source: &&SourceConfig| !matches!(&source.stream, Some(StreamSettings::Redis(redis)) if !redis.monitor);
    let udp = |source: &&&SourceConfig| matches!(&source.stream, Some(StreamSettings::Listen(listen)) if listen.transport == Transport::Udp);
    let facts = Facts {
        system,
        settings,
        extensions,
        formats,
        followed: true,
        lossy: sources.iter().any(|source| udp(&source)),
        asked,
        // A journal tells who is behind a role, whichever server the role is of.
        person: pooled || journal(config),
        commands: sources.iter().any(commands),
    };
    (facts, from)
}

/// Whether a journal of an application is followed.
fn journal(config: &Config) -> bool {
    config.sources.iter().any(|source| source.map.is_some())
}

/// Whether a shared role is one of the server with these logs.
fn concerns(pool: &PoolConfig, system: System, sources: &[&SourceConfig]) -> bool {
    let ours = |name: &String| sources.iter().any(|source| source.name == *name);
    pool.system.is_none_or(|own| own == system) && pool.source.as_ref().is_none_or(ours)
}

fn shared<'a>(config: &Config, pool: &'a PoolConfig) -> Shared<'a> {
    Shared { role: &pool.role, person_from: &pool.person_from, journal: journal(config) }
}

/// A shared role with what was found of it, and the limit of one that no server was found for.
fn pooled(config: &Config, pool: &PoolConfig, told: Option<Option<Limit>>) -> (Pooled, Option<Limit>) {
    let nowhere = if told.is_none() { sight::shared(shared(config, pool), None) } else { None };
    let limit = told.flatten();
    let decides = limit.as_ref().or(nowhere.as_ref());
    let pooled = Pooled {
        role: pool.role.clone(),
        system: pool.system.map(System::name),
        source: pool.source.clone(),
        person_from: pool.person_from.clone(),
        state: decides.map_or(State::Seen, Limit::state),
        code: decides.map_or("", |limit| limit.code),
        pgbouncer: config.sources.iter().any(|source| format(source) == Some(Format::Pgbouncer)),
    };
    (pooled, nowhere)
}

/// The format of a source: as configured, or as its first file shows.
fn format(source: &SourceConfig) -> Option<Format> {
    if let Some(name) = source.format.as_deref() {
        return Format::from_name(name);
    }
    let file = files(source).into_iter().find(|file| std::fs::metadata(file).is_ok_and(|found| found.is_file()))?;
    let mut first = Vec::new();
    std::fs::File::open(file).ok()?.take(FIRST).read_to_end(&mut first).ok()?;
    kuzet_decode::sniff(&first)
}

/// Whether `source` is a log of `server`.
fn is_of(server: &Server, source: &SourceConfig) -> bool {
    let data = server.data_directory.as_path();
    let logs = || server.source.iter().chain(&server.more);
    logs().any(|own| own.paths.iter().any(|path| source.paths.contains(path)))
        || source.data_directory.as_deref() == Some(data)
        || source.paths.iter().any(|path| Path::new(path).starts_with(data))
        || logs().any(|own| share(&own.paths, &source.paths))
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

/// A server that no source follows, with the source that would.
fn ignored(server: &Server) -> Unwatched {
    Unwatched {
        system: server.system.name(),
        running: server.pid.is_some(),
        data_directory: server.data_directory.display().to_string(),
        limits: unfollowed(server),
    }
}

/// Why nothing is seen of a server that no source follows.
#[must_use]
pub fn unfollowed(server: &Server) -> Vec<Limit> {
    let logs = || server.source.iter().chain(&server.more);
    let mut found = Vec::new();
    if server.source.is_some() {
        let fix = "add a [[source]] (kuzet doctor --fix prints it)";
        let limit = Limit::new("KD11", "no source follows it: nothing of it is seen", fix).hides(Sight::ALL);
        found.push(logs().fold(limit, |limit, source| limit.command(Place::Agent, lines(source))));
    }
    let facts = Facts {
        system: server.system,
        settings: server.unreadable.is_none().then(|| server.settings.clone()),
        extensions: None,
        formats: logs().filter_map(format).collect(),
        followed: false,
        lossy: false,
        asked: Asked::Nobody,
        person: true,
        commands: true,
    };
    sight::look(&facts, found).limits
}

/// The lines of kuzet.toml for a source that was found.
fn lines(source: &SourceConfig) -> String {
    let format = source.format.as_deref().unwrap_or_default();
    let paths: Vec<String> = source.paths.iter().map(|path| format!("{path:?}")).collect();
    format!("[[source]]\nname = {:?}\nformat = {format:?}\npaths = [{}]", source.name, paths.join(", "))
}

fn follows(source: &SourceConfig) -> Vec<String> {
    let stream = source.stream.iter().map(StreamSettings::describe);
    let data = source.data_directory.iter().map(|data| format!("{} (current_logfiles)", data.display()));
    stream.chain(source.paths.iter().cloned()).chain(data).collect()
}

fn files(source: &SourceConfig) -> Vec<PathBuf> {
    let matching = source.paths.iter().filter_map(|path| glob::glob(path).ok()).flatten().take(4096);
    matching.map(|file| file.unwrap_or_else(|error| error.path().to_owned())).collect()
}

/// Why nothing can be read of a source. What is wrong with one that is no file only the agent knows, which wrote it down.
fn unreadable(source: &SourceConfig, problem: Option<&String>) -> Option<Limit> {
    if source.stream.is_some() {
        let fix = "see the log of the agent; kuzet status says when it is over";
        return problem.map(|problem| Limit::new("KD07", problem, fix).hides(Sight::ALL));
    }
    let files = files(source);
    if let Some(file) = files.iter().find(|file| !readable(file)) {
        let fix = "add the user of the agent to the group of the log files (adm, postgres, mysql)";
        let limit = Limit::new("KD04", "a log file may not be read by this user", fix).hides(Sight::ALL);
        return Some(limit.command(Place::Shell, join_group(file)));
    }
    let missing = files.is_empty() && source.data_directory.is_none();
    missing.then(|| {
        let message = "no file matches yet; it is followed as soon as it appears";
        Limit::new("KD05", message, "check the path if the server runs").hides(Sight::ALL).unknown()
    })
}

/// Whether a file can be opened. Pipes and devices are nobody's log, and opening one may wait for ever.
fn readable(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => std::fs::File::open(file).is_ok(),
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// The command that lets the user of the agent read `file`.
fn join_group(file: &Path) -> String {
    let name = |list: &str, id: u32| {
        let text = std::fs::read_to_string(list).unwrap_or_default();
        let line = text.lines().find(|line| line.split(':').nth(2) == Some(id.to_string().as_str()))?;
        Some(line.split(':').next()?.to_owned())
    };
    let group = std::fs::metadata(file).ok().or_else(|| std::fs::metadata(file.parent()?).ok());
    let group = group.and_then(|found| name("/etc/group", found.gid())).unwrap_or_else(|| "adm".to_owned());
    let user = name("/etc/passwd", rustix::process::geteuid().as_raw()).unwrap_or_else(|| "kuzet".to_owned());
    format!("usermod -aG {group} {user}   # then start the agent anew")
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
        assert!(unreadable(&config.sources[0], None).is_none());
        assert_eq!(format(&config.sources[0]), None);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
