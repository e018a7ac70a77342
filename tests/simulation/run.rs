//! Feeds simulated days to the same core as `kuzet run` and `kuzet replay`, in event time, with restarts if wanted, and
//! keeps when each incident was first told as something to be looked at.

use super::act::{Act, Day, Op};
use super::attack::Attack;
use super::calendar::{MINUTE, at, midnight};
use super::machines;
use super::office::{self, Pool};
use super::server::{Server, Writer};
use crate::support::{Random, Scratch, root};
use kuzet::config::{Config, Content};
use kuzet::core::Core;
use kuzet::setup;
use kuzet::source::{FileInfo, Sink};
use kuzet_decode::{Chunk, Edge};
use kuzet_detect::{Canaries, Severity, Thresholds};
use kuzet_event::{FileId, SourceId, Timestamp};
use kuzet_incident::{Change, Incident, IncidentId, Saved};
use kuzet_personal::Key;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How much of event time is handed over at once.
const SLICE: i64 = MINUTE;
const SLICES_A_DAY: usize = 24 * 60;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub server: Server,
    pub seed: u64,
    pub days: usize,
    /// Restarts of the agent, at random places.
    pub restarts: usize,
    /// On each day at noon one record is written twice, the second time dated so much ahead.
    pub again: Option<i64>,
}

impl Plan {
    /// Without restarts or records written twice.
    pub fn new(server: Server, seed: u64, days: usize) -> Plan {
        Plan { server, seed, days, restarts: 0, again: None }
    }
}

/// One incident and when it became one to be looked at.
pub struct Told {
    pub incident: Incident,
    /// Event time at which it was first of medium severity or above.
    pub at: Option<Timestamp>,
}

/// What came of a run.
pub struct Outcome {
    pub told: Vec<Told>,
    pub records: u64,
    pub events: u64,
    /// Events that were dated ahead of the clock.
    pub ahead: u64,
    pub cpu: Duration,
}

/// The agent with what its store would keep.
struct Agent {
    core: Core,
    config: Config,
    file: FileInfo,
    offset: u64,
    /// Detector state.
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Incidents as they were last told; only live ones are given back after a restart.
    incidents: BTreeMap<IncidentId, (Change, Option<Timestamp>)>,
    /// Events of the agents before this one.
    events: u64,
    cpu: Duration,
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Key of the simulated hosts.
pub fn key() -> Key {
    Key::new([7; 32])
}

fn configuration(server: Server) -> Config {
    let folder = root().join("tests/simulation");
    let text = std::fs::read_to_string(folder.join("kuzet.toml")).expect("kuzet.toml");
    let format = if server.is_mariadb() { "mariadb_server_audit" } else { "postgresql_csvlog" };
    let path = |name: &str| folder.join(name).display().to_string();
    let text = text
        .replace("FORMAT", format)
        .replace("\"catalogue.toml\"", &format!("{:?}", path("catalogue.toml")))
        .replace("\"policy.toml\"", &format!("{:?}", path("policy.toml")));
    let scratch = Scratch::new("simulation");
    let file = scratch.join("kuzet.toml");
    std::fs::write(&file, text).expect("a configuration");
    Config::load(Some(&file)).unwrap_or_else(|faults| panic!("kuzet.toml: {faults:?}")).0
}

/// The core of a simulated host that nothing happened on, with some of its thresholds changed.
pub fn quiet_core(server: Server, change: impl FnOnce(&mut Thresholds)) -> Core {
    let mut config = configuration(server);
    change(&mut config.thresholds);
    core(&config)
}

fn core(config: &Config) -> Core {
    let content = Content::load(config).unwrap_or_else(|faults| panic!("content: {faults:?}"));
    let feeds = setup::feeds(config, &key());
    let parts = setup::parts(feeds, content, config.thresholds.clone(), &config.fold, Box::new(|_| {}));
    let mut core = Core::new(parts);
    core.detectors().watch_canaries(Canaries::new(&key(), &[]));
    core
}

impl Agent {
    fn new(server: Server) -> Agent {
        let config = configuration(server);
        let path = Arc::from(Path::new("/var/log/db/db.log"));
        let file = FileInfo { source: SourceId(0), file: FileId(1), path, decoder: Arc::from([]) };
        let core = core(&config);
        let (rows, incidents) = (BTreeMap::new(), BTreeMap::new());
        Agent { core, config, file, offset: 0, rows, incidents, events: 0, cpu: Duration::ZERO }
    }

    /// Hands over bytes at `now`; gives how many of them are done with.
    fn feed(&mut self, bytes: &[u8], edge: Edge, now: i64) -> usize {
        let begin = cpu();
        self.core.set_now(Timestamp(now));
        let chunk = Chunk { source: SourceId(0), file: FileId(1), offset: self.offset, bytes, edge };
        let consumed = self.core.chunk(&self.file, chunk);
        self.offset += consumed as u64;
        if let Some(latest) = self.core.watermark() {
            self.core.tick(latest);
        }
        self.keep();
        self.cpu += cpu().saturating_sub(begin);
        consumed
    }

    /// What a transaction would record.
    fn keep(&mut self) {
        for (key, value) in self.core.detectors().changes() {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        let now = self.core.watermark();
        for change in self.core.folder.changes() {
            let grave = change.incident.severity >= Severity::Medium;
            let entry = self.incidents.entry(change.incident.id).or_insert_with(|| (change.clone(), None));
            if grave && entry.1.is_none() {
                entry.1 = now;
            }
            entry.0.absorb(change);
        }
    }

    /// Ends and starts again from what was kept.
    fn restart(&mut self) {
        let decoder = self.core.decoder_state(SourceId(0), FileId(1));
        self.file.decoder = Arc::from(decoder);
        self.events += self.core.status()[0].events;
        self.core = core(&self.config);
        self.core.detectors().restore(self.rows.clone());
        let live = self.incidents.values().filter(|(change, _)| change.live);
        let saved = live.map(|(change, _)| Saved {
            incident: (*change.incident).clone(),
            state: change.state.clone(),
            people: change.people.clone(),
            sketch: change.sketch.clone(),
        });
        self.core.folder.restore(saved.collect()).expect("what was saved can be read");
    }

    fn finish(mut self, records: u64) -> Outcome {
        self.core.finish();
        self.keep();
        let status = &self.core.status()[0];
        assert_eq!(status.tally.lost, 0, "the agent does not understand the simulated log");
        let (events, ahead) = (self.events + status.events, status.ahead);
        let told = self.incidents.into_values();
        let mut told: Vec<Told> = told.map(|(change, at)| Told { incident: (*change.incident).clone(), at }).collect();
        told.sort_by_key(|told| (told.incident.since, told.incident.id));
        Outcome { told, records, events, ahead, cpu: self.cpu }
    }
}

/// Everything that happens on one day.
fn day(plan: Plan, number: usize, attacks: &[Attack]) -> Day {
    let mut day = Day::new(number, plan.seed, 1);
    let pool = Pool::open(&mut day);
    office::clerks(&mut day, &pool);
    office::collectors(&mut day, |person| {
        attacks.iter().map(|attack| attack.factor(person, number)).max().unwrap_or(1)
    });
    office::analysts(&mut day);
    office::accounting(&mut day);
    office::administrators(&mut day, plan.server);
    machines::online(&mut day);
    machines::scoring(&mut day);
    machines::reports(&mut day);
    machines::warehouse(&mut day, plan.server);
    machines::backup(&mut day, plan.server);
    machines::monitoring(&mut day);
    // Attacks draw their own numbers, so that the days around them stay the same.
    let honest = std::mem::replace(&mut day.random, Random::new(plan.seed ^ 0x5eed ^ number as u64));
    for attack in attacks {
        attack.play(&mut day, &pool, plan.server);
    }
    day.random = honest;
    pool.close(&mut day);
    day
}

/// Runs a plan.
pub fn run(plan: Plan, attacks: &[Attack]) -> Outcome {
    let mut agent = Agent::new(plan.server);
    let mut writer = Writer::new(plan.server);
    let mut random = Random::new(plan.seed ^ 0x0ff);
    let slices = (plan.days * SLICES_A_DAY) as u64;
    let mut stops: Vec<u64> = (0..plan.restarts).map(|_| random.below(slices)).collect();
    stops.sort_unstable();
    let (mut log, mut slice) = (String::new(), 0);
    // What goes on over midnight.
    let mut late: Vec<Op> = Vec::new();
    let mut again = plan.again.into_iter().cycle();
    for number in 0..plan.days {
        let mut twice = again.next().map(|ahead| (at(number, 12, 0), ahead));
        let mut ops = day(plan, number, attacks).ops;
        ops.append(&mut late);
        ops.sort_by_key(|op| op.at);
        let mut ops = ops.into_iter().peekable();
        for end in (1..).map(|part| midnight(number) + part * SLICE).take(SLICES_A_DAY) {
            while let Some(op) = ops.next_if(|op| op.at < end) {
                writer.write(&op, &mut log);
                if let Some((_, ahead)) = twice.take_if(|(noon, _)| op.at >= *noon && matches!(op.act, Act::Say(_))) {
                    writer.write(&Op { at: op.at + ahead, ..op }, &mut log);
                }
            }
            let consumed = agent.feed(log.as_bytes(), Edge::Quiet, end);
            log.drain(..consumed);
            slice += 1;
            while stops.first() == Some(&slice) {
                stops.remove(0);
                agent.restart();
            }
        }
        late.extend(ops);
    }
    agent.feed(log.as_bytes(), Edge::End, midnight(plan.days));
    agent.finish(writer.records)
}
