//! Folding and recording: nanoseconds a detection, latency of a transaction on this disk, bytes it leaves.
//!
//! `cargo bench --bench store [-- DIRECTORY]` prints a table; dated results are kept in benches/runs/.

#![allow(clippy::print_stdout)] // a bench prints its figures

use kuzet::clock::{Clock, System};
use kuzet::message::{Checkpoint, FileIdentity};
use kuzet::store::{Batch, Message, Options, Sqlite, Store};
use kuzet_detect::{Detection, Kind, Severity, Store as Data, StoreClass};
use kuzet_event::{Actor, Client, Count, FileId, Outcome, PersonKey, Place, SessionId, SourceId, Timestamp};
use kuzet_incident::{FoldConfig, Folder};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const DETECTIONS: u64 = 100_000;
const BATCHES: u64 = 2_000;

/// Detections of one story a user, ten people each, a hundred a second.
fn detections(users: u64, number: u64) -> Vec<Detection> {
    let data = Arc::new(Data {
        name: Arc::from("mfo"),
        class: StoreClass::Restricted,
        persons: Count::Known(1_000_000),
        categories: vec![Arc::from("iin"), Arc::from("name")],
        guessed: false,
    });
    let actor = |user: u64| {
        Arc::new(Actor {
            system: kuzet_event::System::Postgresql,
            user: Arc::from(format!("user{user}")),
            client: Client::Local,
            program: Arc::from("psql"),
            database: Arc::from("mfo"),
            person: Arc::from(""),
        })
    };
    let actors: Vec<Arc<Actor>> = (0..users).map(actor).collect();
    let key = |number: u64| PersonKey(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    (0..number)
        .map(|number| {
            let at = Timestamp(1_795_000_000_000_000) + Duration::from_millis(number * 10 % 800_000);
            Detection {
                detector: "bulk_read",
                rule: None,
                kind: Kind::BulkRead,
                severity: Severity::High,
                clause: "5.5",
                since: at,
                at,
                place: Place { source: SourceId(0), file: FileId(7), offset: number * 500, length: 480 },
                actor: Arc::clone(&actors[(number % users) as usize]),
                session: SessionId(3),
                store: Some(Arc::clone(&data)),
                relations: Vec::new(),
                categories: Vec::new(),
                outcome: Outcome::Success,
                statement: None,
                events: 10,
                rows: Count::Known(10),
                witness: kuzet_event::Witness::Audit,
                measures: false,
                people_at_most: Count::Known(10),
                people: (number * 8..number * 8 + 10).map(key).collect(),
                transfer: None,
                reason: format!("{} rows of personal data in 10 minutes", number * 10),
            }
        })
        .collect()
}

fn checkpoint(offset: u64) -> Checkpoint {
    Checkpoint {
        source: "pg".to_owned(),
        identity: FileIdentity { device: 1, inode: 42, fingerprint: 9, fingerprint_bytes: 1024 },
        path: PathBuf::from("/var/log/postgresql/postgresql.csv"),
        offset,
        decoder: vec![0; 64],
        file: FileId(7),
        tail: 9,
        at: Timestamp(0),
        finished: false,
    }
}

fn show(name: &str, mut times: Vec<Duration>, bytes: u64) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)].as_secs_f64() * 1e6;
    let count = times.len() as u64;
    println!(
        "{name:<44} p50 {:>9.0} µs  p99 {:>9.0} µs  max {:>9.0} µs  {:>7} bytes a batch",
        at(500),
        at(990),
        at(1000),
        bytes / count
    );
}

fn fold(users: u64) {
    let list = detections(users, DETECTIONS);
    let mut folder = Folder::new(FoldConfig::default());
    let start = System.monotonic();
    for one in &list {
        folder.fold(one, one.at);
    }
    let spent = System.monotonic() - start;
    println!(
        "fold, {users:>3} stories, 10 people a detection: {:>6} ns a detection",
        spent.as_nanos() / u128::from(DETECTIONS)
    );
    let start = System.monotonic();
    let changes = folder.changes().len() as u128;
    println!("changes, {users:>3} stories: {:>6} ns a story", (System.monotonic() - start).as_nanos() / changes);
}

/// Bytes this process wrote, as the kernel counts them.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn record(store: &mut Sqlite, name: &str, batches: impl Iterator<Item = Batch>) -> anyhow::Result<()> {
    let mut times = Vec::new();
    let before = written();
    for batch in batches {
        let start = System.monotonic();
        store.record(&batch)?;
        times.push(System.monotonic() - start);
    }
    show(name, times, written() - before);
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let parent = given.map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("kuzet-bench-store-{}", std::process::id()));
    let result = run(&dir);
    let _ = std::fs::remove_dir_all(&dir);
    result
}

fn run(dir: &Path) -> anyhow::Result<()> {
    fold(1);
    fold(100);
    let mut store = Sqlite::open(dir, &Options::default())?;
    record(
        &mut store,
        "checkpoint alone, not synced",
        (0..BATCHES).map(|number| Batch { checkpoints: vec![checkpoint(number)], ..Batch::default() }),
    )?;
    let list = detections(BATCHES, BATCHES);
    let mut folder = Folder::new(FoldConfig::default());
    let batches = list.iter().enumerate().map(|(number, one)| {
        folder.fold(one, one.at);
        let changes = folder.changes();
        let payload = changes.iter().filter_map(|one| one.incident.to_json().ok()).next().unwrap_or_default();
        let told = Message {
            channel: "alertmanager".to_owned(),
            incident: format!("KZ-{number}"),
            sequence: 1,
            payload,
            replaceable: false,
            created: one.at,
        };
        Batch { changes, checkpoints: vec![checkpoint(number as u64)], outbox: vec![told], ..Batch::default() }
    });
    record(&mut store, "new incident + checkpoint + message, synced", batches)?;
    let list = detections(1, BATCHES);
    let mut folder = Folder::new(FoldConfig::default());
    let batches = list.iter().map(|one| {
        folder.fold(one, one.at);
        Batch { changes: folder.changes(), checkpoints: vec![checkpoint(one.place.offset)], ..Batch::default() }
    });
    record(&mut store, "same incident, 64 lines, + checkpoint, synced", batches)?;
    let mut crowd = detections(1, 1).remove(0);
    crowd.people = (0..100_000_u128).map(|number| PersonKey(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    crowd.actor = Arc::new(Actor { user: Arc::from("crowd"), ..Actor::clone(&crowd.actor) });
    folder.fold(&crowd, crowd.at);
    record(
        &mut store,
        "100,000 people at once, synced",
        std::iter::once(Batch { changes: folder.changes(), ..Batch::default() }),
    )?;
    let start = System.monotonic();
    let stories = store.load()?.stories.len();
    println!(
        "load, {stories} stories: {:.1} ms; store {} KiB",
        (System.monotonic() - start).as_secs_f64() * 1e3,
        store.bytes() / 1024
    );
    Ok(())
}
