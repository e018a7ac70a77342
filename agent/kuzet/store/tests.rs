//! Tests of the store against real files: round trip, acts, outbox, full disk, damage, death at any moment.

use super::*;
use crate::message::GapReason;
use kuzet_detect::{Detection, Kind, Severity, Store as Data, StoreClass};
use kuzet_event::{Actor, Client, Count, FileId, Outcome, PersonKey, Place, SessionId, SourceId, System};
use kuzet_incident::{Act, ActError, ActKind, FoldConfig, Folder, State, Verdict};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "live")]
#[path = "tests_live.rs"]
mod live;

/// A private directory that goes away with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("kuzet-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Dir(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(dir: &Path) -> Sqlite {
    Sqlite::open(dir, &Options::default()).unwrap()
}

fn minute(number: i64) -> Timestamp {
    Timestamp(1_795_000_000_000_000) + Duration::from_secs(number.unsigned_abs() * 60)
}

/// A read of ten rows by `user` that names the people `people`.
fn detection(user: &str, at: Timestamp, people: std::ops::Range<u64>) -> Detection {
    let data = Data {
        name: Arc::from("mfo"),
        class: StoreClass::Restricted,
        persons: Count::Known(10_000),
        categories: vec![Arc::from("iin")],
        guessed: false,
    };
    Detection {
        detector: "bulk",
        rule: None,
        kind: Kind::BulkRead,
        severity: Severity::High,
        clause: "5.5",
        since: at,
        at,
        place: Place { source: SourceId(0), file: FileId(7), offset: at.0.unsigned_abs() % 1_000_000, length: 100 },
        actor: Arc::new(Actor {
            system: System::Postgresql,
            user: Arc::from(user),
            client: Client::Local,
            program: Arc::from("psql"),
            database: Arc::from("mfo"),
            person: Arc::from(""),
        }),
        session: SessionId(3),
        store: Some(Arc::new(data)),
        relations: Vec::new(),
        categories: Vec::new(),
        outcome: Outcome::Success,
        statement: None,
        events: 1,
        rows: Count::Known(10),
        witness: kuzet_event::Witness::Audit,
        measures: false,
        people_at_most: Count::Unknown,
        people: people.map(|number| PersonKey(u128::from(number) << 64 | u128::from(number))).collect(),
        transfer: None,
        reason: "10 rows".to_owned(),
    }
}

fn checkpoint(offset: u64) -> Checkpoint {
    Checkpoint {
        source: "pg".to_owned(),
        identity: FileIdentity { device: u64::MAX, inode: 42, fingerprint: u64::MAX - 1, fingerprint_bytes: 1024 },
        path: "/var/log/pg.csv".into(),
        offset,
        decoder: vec![0, 255],
        file: FileId(u64::MAX),
        tail: 9,
        at: minute(0),
        finished: false,
    }
}

fn message(channel: &str, incident: &str, sequence: u64, replaceable: bool) -> Message {
    let (channel, incident) = (channel.to_owned(), incident.to_owned());
    Message { channel, incident, sequence, payload: "{}".to_owned(), replaceable, created: minute(0) }
}

fn folded(folder: &mut Folder, detections: &[Detection]) -> Batch {
    detections.iter().for_each(|one| folder.fold(one, one.at));
    Batch { changes: folder.changes(), ..Batch::default() }
}

fn act(kind: ActKind) -> Act {
    Act { kind, reason: "asked by 000101500000, ticket 12".to_owned(), by: "aigerim".to_owned() }
}

#[test]
fn what_was_recorded_comes_back_and_the_folder_goes_on() {
    let dir = Dir::new("round");
    let mut folder = Folder::new(FoldConfig::default());
    let mut batch =
        folded(&mut folder, &[detection("intruder", minute(0), 0..50), detection("clerk", minute(1), 0..1)]);
    batch.checkpoints.push(checkpoint(10));
    batch.detector_state.push((b"bulk".to_vec(), Some(vec![1, 2, 3])));
    batch.tallies.push(Tally {
        source: "pg".to_owned(),
        seen: u64::MAX,
        handled: 5,
        suppressed: 1,
        lost: 0,
        last_event: Some(minute(1)),
    });
    let gap = Gap {
        source: SourceId(0),
        file: FileId(1),
        path: "/var/log/old.csv".into(),
        offset: 5,
        bytes: Count::Unknown,
        reason: GapReason::Truncated,
        at: minute(2),
    };
    batch.gaps.push(("pg".to_owned(), gap));
    open(&dir.0).record(&batch).unwrap();

    let mut store = open(&dir.0);
    let snapshot = store.load().unwrap();
    assert_eq!(snapshot.checkpoints, batch.checkpoints);
    assert_eq!(snapshot.tallies, batch.tallies);
    let open: Vec<String> = batch.changes.iter().map(|change| change.incident.to_json().unwrap()).collect();
    assert_eq!(store.open_documents(50).unwrap(), open);
    assert_eq!(store.open_documents(1).unwrap(), open[1..]);
    assert_eq!(snapshot.detector_state[b"bulk".as_slice()], [1, 2, 3]);
    let mut again = Folder::new(FoldConfig::default());
    again.restore(snapshot.stories).unwrap();
    let next = [detection("intruder", minute(5), 40..60)];
    let (left, right) = (folded(&mut folder, &next), folded(&mut again, &next));
    assert_eq!(left, right);
    assert_eq!(left.changes[0].incident.people.distinct_identified, 60);
    store.record(&right).unwrap();
    assert_eq!(store.load().unwrap().stories[0].people.len(), 60);
    let reader = Reader::open(&dir.0).unwrap();
    assert_eq!(reader.gaps().unwrap()[0].bytes, Count::Unknown);
    assert_eq!(reader.tallies().unwrap(), batch.tallies);
}

#[test]
fn a_sketch_takes_the_place_of_the_keys() {
    let dir = Dir::new("sketch");
    let mut store = open(&dir.0);
    let mut folder = Folder::new(FoldConfig { exact_people: 100, ..FoldConfig::default() });
    store.record(&folded(&mut folder, &[detection("intruder", minute(0), 0..100)])).unwrap();
    assert_eq!(store.load().unwrap().stories[0].people.len(), 100);
    store.record(&folded(&mut folder, &[detection("intruder", minute(1), 100..300)])).unwrap();
    let saved = store.load().unwrap().stories.remove(0);
    assert!(saved.people.is_empty() && saved.sketch.is_some());
    let mut again = Folder::new(FoldConfig { exact_people: 100, ..FoldConfig::default() });
    again.restore(vec![saved]).unwrap();
    let next = [detection("intruder", minute(2), 300..400)];
    assert_eq!(folded(&mut folder, &next), folded(&mut again, &next));
}

#[test]
fn acts_reach_the_agent_and_show_at_once() {
    let dir = Dir::new("acts");
    let mut store = open(&dir.0);
    let mut folder = Folder::new(FoldConfig::default());
    store.record(&folded(&mut folder, &[detection("intruder", minute(0), 0..1)])).unwrap();
    let id = folder.incidents().next().unwrap().id;
    let prefix = id.to_string()[3..9].to_lowercase();
    let shown = Reader::submit(&dir.0, &prefix, &act(ActKind::Ack), minute(3)).unwrap();
    assert_eq!(shown.lifecycle.state, State::Acknowledged);
    let close = act(ActKind::Close { verdict: Verdict::Authorised });
    Reader::submit(&dir.0, &prefix, &close, minute(4)).unwrap();
    let refused = Reader::submit(&dir.0, &prefix, &close, minute(5)).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::IncidentClosed);
    let reader = Reader::open(&dir.0).unwrap();
    assert_eq!(reader.find("kz-").unwrap_err().kind, StoreErrorKind::NoSuchIncident);
    let shown = reader.find(&prefix).unwrap();
    assert_eq!(shown.lifecycle.verdict, Some(Verdict::Authorised));
    assert_eq!(reader.incidents(&Filter { state: Some(State::Open), ..Filter::default() }).unwrap(), []);

    // The agent takes them, here after a restart that has forgotten the incident.
    let mut later = Folder::new(FoldConfig::default());
    let mut batch = Batch::default();
    for pending in store.acts().unwrap() {
        if later.act(pending.incident, &pending.act, pending.at) == Err(ActError::Unknown) {
            later.adopt(store.saved(pending.incident).unwrap().unwrap()).unwrap();
            later.act(pending.incident, &pending.act, pending.at).unwrap();
        }
        batch.acts.push(pending.id);
    }
    batch.changes = later.changes();
    store.record(&batch).unwrap();
    assert_eq!(store.acts().unwrap(), []);
    assert_eq!(store.open_documents(50).unwrap(), [""; 0]);
    assert_eq!(reader.find(&prefix).unwrap().lifecycle, shown.lifecycle);
    let bytes = std::fs::read(dir.0.join("kuzet.db")).unwrap();
    let wal = std::fs::read(dir.0.join("kuzet.db-wal")).unwrap();
    let has = |bytes: &[u8]| bytes.windows(12).any(|window| window == b"000101500000");
    assert!(!has(&bytes) && !has(&wal), "an identifier typed as a reason reached the disk");
}

#[test]
fn the_outbox_keeps_order_and_tells_the_latest() {
    let dir = Dir::new("outbox");
    let mut store = open(&dir.0);
    let put = |outbox| Batch { outbox, ..Batch::default() };
    store
        .record(&put(vec![
            message("am", "KZ-A", 1, false),
            message("am", "KZ-A", 2, true),
            message("hook", "KZ-A", 1, true),
        ]))
        .unwrap();
    store.record(&put(vec![message("am", "KZ-A", 3, true), message("am", "KZ-B", 1, false)])).unwrap();
    let due = |store: &mut Sqlite, at| -> Vec<(String, u64)> {
        store.due("am", at, 10).unwrap().into_iter().map(|one| (one.incident, one.sequence)).collect()
    };
    assert_eq!(due(&mut store, minute(0)), [("KZ-A".to_owned(), 1), ("KZ-B".to_owned(), 1)]);
    let first = store.due("am", minute(0), 1).unwrap().remove(0);
    store.retry(first.id, minute(9), "connection refused").unwrap();
    assert_eq!(due(&mut store, minute(8)), [("KZ-B".to_owned(), 1)], "a later state does not overtake");
    assert_eq!(store.next_due("am", minute(0)).unwrap(), Some(minute(9)));
    assert_eq!(store.next_due("am", minute(9)).unwrap(), None);
    store.delivered(first.id).unwrap();
    store.delivered(first.id).unwrap();
    assert_eq!(due(&mut store, minute(9)), [("KZ-A".to_owned(), 3), ("KZ-B".to_owned(), 1)]);
    let refused = store.due("am", minute(9), 1).unwrap().remove(0);
    store.dead(refused.id, "400 bad request").unwrap();
    let backlog = OutboxBacklog { channel: "am".to_owned(), pending: 1, dead: 1, oldest: Some(minute(0)) };
    assert_eq!(store.backlog("am").unwrap(), backlog);
    assert_eq!(store.backlog("none").unwrap().pending, 0);
    let reader = Reader::open(&dir.0).unwrap();
    assert_eq!(reader.backlog().unwrap().len(), 2);
    assert_eq!(reader.dead_letters().unwrap()[0].error, "400 bad request");
}

#[test]
fn a_full_store_says_so_keeps_what_it_had_and_goes_on_when_there_is_room() {
    let dir = Dir::new("full");
    let mut store = Sqlite::open(&dir.0, &Options { max_bytes: Some(400_000) }).unwrap();
    assert!(store.reserve_held());
    let mut folder = Folder::new(FoldConfig::default());
    let mut waiting = Batch::default();
    let mut recorded = 0;
    let error = loop {
        let at = minute(recorded);
        let mut batch = folded(&mut folder, &[detection(&format!("user{recorded}"), at, 0..100)]);
        batch.checkpoints.push(checkpoint(recorded.unsigned_abs()));
        match store.record(&batch) {
            Ok(()) => recorded += 1,
            Err(error) => {
                waiting.absorb(batch);
                break error;
            }
        }
    };
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert!(error.to_string().contains("KZ-STORE-FULL") && error.to_string().contains("free space"), "{error}");
    assert!(!store.reserve_held(), "the reserve was given up before failing");
    let snapshot = store.load().unwrap();
    assert_eq!(snapshot.stories.len() as i64, recorded);
    assert_eq!(snapshot.checkpoints[0].offset, recorded.unsigned_abs() - 1);
    // More happens while it is full; all of it is recorded once there is room.
    waiting.absorb(folded(&mut folder, &[detection(&format!("user{recorded}"), minute(recorded), 100..150)]));
    drop(store);
    let mut store = open(&dir.0);
    store.record(&waiting).unwrap();
    let snapshot = store.load().unwrap();
    assert_eq!(snapshot.stories.len() as i64, recorded + 1);
    assert_eq!(snapshot.stories.last().unwrap().people.len(), 150);
    assert_eq!(snapshot.checkpoints[0].offset, recorded.unsigned_abs());
}

#[test]
fn what_cannot_be_trusted_or_read_is_refused_with_a_reason() {
    let dir = Dir::new("refuse");
    let kind = |dir: &Path| Sqlite::open(dir, &Options::default()).unwrap_err().kind;
    drop(open(&dir.0));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = dir.0.join("kuzet.db");
    assert_eq!((mode(&dir.0), mode(&file)), (0o700, 0o600));
    let chmod = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    chmod(&dir.0, 0o777);
    assert_eq!(kind(&dir.0), StoreErrorKind::Insecure);
    chmod(&dir.0, 0o700);
    chmod(&file, 0o602);
    assert_eq!(kind(&dir.0), StoreErrorKind::Insecure);
    chmod(&file, 0o644);
    let first = open(&dir.0);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(kind(&dir.0), StoreErrorKind::InUse);
    drop(first);
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    let error = Sqlite::open(&dir.0, &Options::default()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Schema);
    assert!(error.to_string().contains("schema 99") && error.to_string().contains("help: "), "{error}");
    raw.pragma_update(None, "application_id", 1).unwrap();
    drop(raw);
    assert_eq!(kind(&dir.0), StoreErrorKind::Corrupt);
    std::fs::write(&file, vec![0x5a; 8192]).unwrap();
    assert_eq!(kind(&dir.0), StoreErrorKind::Corrupt);
    assert_eq!(Reader::open(&dir.0.join("none")).err().map(|error| error.kind), Some(StoreErrorKind::Missing));
    assert_eq!(kind(Path::new("/proc/kuzet-store")), StoreErrorKind::ReadOnly);
    assert_eq!(kind(Path::new("/dev/null/kuzet-store")), StoreErrorKind::Io);
}

#[test]
fn damage_in_the_middle_is_told_not_hidden() {
    let dir = Dir::new("damage");
    let mut store = open(&dir.0);
    let mut folder = Folder::new(FoldConfig::default());
    for number in 0..40 {
        store.record(&folded(&mut folder, &[detection(&format!("user{number}"), minute(number), 0..10)])).unwrap();
    }
    drop(store);
    let file = dir.0.join("kuzet.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let third = bytes.len() / 3;
    bytes[third..third * 2].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let error = Sqlite::open(&dir.0, &Options::default()).and_then(|mut store| store.load()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("move the file aside"));
}

#[test]
fn every_kind_of_error_has_its_own_code() {
    let codes: std::collections::BTreeSet<&str> = StoreErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes.len(), StoreErrorKind::ALL.len());
}

/// Batch `number` of the child: every table carries the number, so that two batches cannot mix unseen.
fn numbered(folder: &mut Folder, number: u64) -> Batch {
    let people = number..number + 1;
    let mut batch = folded(folder, &[detection("intruder", Timestamp(number.cast_signed()), people)]);
    batch.checkpoints.push(checkpoint(number));
    batch.detector_state.push((b"number".to_vec(), Some(number.to_le_bytes().to_vec())));
    batch.outbox.push(message("am", "KZ-A", number, false));
    batch.tallies.push(Tally { source: "pg".to_owned(), seen: number, ..Tally::default() });
    batch
}

fn number_of(snapshot: &Snapshot) -> u64 {
    snapshot.checkpoints.first().map_or(0, |one| one.offset)
}

/// The child of the next test: records batches until it is killed. Does nothing when run by itself.
#[test]
fn child_that_records_until_it_is_killed() {
    let Some(dir) = std::env::var_os("KUZET_TEST_STORE") else { return };
    let mut store = open(Path::new(&dir));
    let snapshot = store.load().unwrap();
    let mut number = number_of(&snapshot);
    let mut folder = Folder::new(FoldConfig::default());
    folder.restore(snapshot.stories).unwrap();
    let mut out = std::io::stdout();
    loop {
        number += 1;
        store.record(&numbered(&mut folder, number)).unwrap();
        writeln!(out, "recorded {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn killed_at_any_moment_the_store_holds_whole_batches_and_all_that_were_recorded() {
    let dir = Dir::new("kill");
    let mut seed = 0x243f_6a88_85a3_08d3_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut last = 0;
    for round in 0..60 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::child_that_records_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env("KUZET_TEST_STORE", &dir.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = last;
        // The first line of the harness comes before anything is recorded: some children die during open or load.
        for _ in 0..random() % 12 {
            let Some(line) = lines.next() else { break };
            told = line.rsplit_once("recorded ").map_or(told, |(_, number)| number.parse().unwrap());
        }
        for _ in 0..random() % 400_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            told = line.rsplit_once("recorded ").map_or(told, |(_, number)| number.parse().unwrap());
        }

        let mut store = open(&dir.0);
        let snapshot = store.load().unwrap();
        let number = number_of(&snapshot);
        assert!(number == told || number == told + 1, "round {round}: told {told}, found {number}");
        if number > 0 {
            let state: [u8; 8] = snapshot.detector_state[b"number".as_slice()].as_slice().try_into().unwrap();
            assert_eq!(u64::from_le_bytes(state), number, "round {round}: state of another batch");
            assert_eq!(snapshot.tallies[0].seen, number);
            assert_eq!(snapshot.stories.len(), 1);
            let story = &snapshot.stories[0];
            assert_eq!(story.incident.detections, number, "round {round}: a detection was lost or doubled");
            assert_eq!(story.people.len() as u64, number);
            assert_eq!(story.incident.people.distinct_identified, number);
            assert_eq!(store.backlog("am").unwrap().pending, number);
        }
        last = number;
    }
    assert!(last > 60, "the children did record: {last}");
}

#[test]
fn what_was_closed_long_ago_is_forgotten_and_nothing_else() {
    let dir = Dir::new("purge");
    let mut store = open(&dir.0);
    let mut folder = Folder::new(FoldConfig::default());
    let stories = [
        detection("closed", minute(0), 0..1200),
        detection("open", minute(0), 0..1),
        detection("late", minute(0), 0..1),
    ];
    let mut batch = folded(&mut folder, &stories);
    let at = |at| Gap {
        source: SourceId(0),
        file: FileId(1),
        path: "/var/log/old.csv".into(),
        offset: 5,
        bytes: Count::Unknown,
        reason: GapReason::Truncated,
        at,
    };
    batch.gaps = vec![("pg".to_owned(), at(minute(0))), ("pg".to_owned(), at(minute(900)))];
    batch.outbox = vec![message("am", "KZ-A", 1, false), message("am", "KZ-B", 1, false)];
    store.record(&batch).unwrap();
    let first = store.due("am", minute(0), 1).unwrap().remove(0);
    store.dead(first.id, "refused").unwrap();
    let close = act(ActKind::Close { verdict: Verdict::Authorised });
    let ids: Vec<_> = folder.incidents().map(|one| (one.user.clone(), one.id)).collect();
    let id = |user: &str| ids.iter().find(|(one, _)| one == user).unwrap().1;
    folder.act(id("closed"), &close, minute(1)).unwrap();
    folder.act(id("late"), &close, minute(900)).unwrap();
    store.record(&Batch { changes: folder.changes(), ..Batch::default() }).unwrap();
    assert_eq!(store.purge(minute(0)).unwrap(), 0);
    // The folder has them in memory still: only the gap and the dead letter go.
    assert_eq!(store.purge(minute(600)).unwrap(), 2);
    folder.tick(minute(5000));
    store.record(&Batch { changes: folder.changes(), ..Batch::default() }).unwrap();
    let mut calls = 0;
    while store.purge(minute(600)).unwrap() > 0 {
        calls += 1;
        assert!(calls < 10, "it does not end");
    }
    assert_eq!(calls, 3, "1,200 people go in batches");
    let reader = Reader::open(&dir.0).unwrap();
    let mut left: Vec<_> = reader.incidents(&Filter::default()).unwrap().into_iter().map(|one| one.user).collect();
    left.sort();
    assert_eq!(left, ["late", "open"]);
    assert_eq!(reader.gaps().unwrap().len(), 1);
    assert_eq!(reader.dead_letters().unwrap(), []);
    assert_eq!(reader.backlog().unwrap()[0].pending, 1);
}

#[test]
fn an_incident_that_is_told_anew_begins_anew() {
    let dir = Dir::new("anew");
    let mut store = open(&dir.0);
    for people in [0..9, 20..22] {
        let mut folder = Folder::new(FoldConfig::default());
        let batch = folded(&mut folder, &[detection("intruder", minute(0), people)]);
        store.record(&batch).unwrap();
    }
    let live = store.load().unwrap().stories;
    assert_eq!(live.iter().map(|one| one.people.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_is_no_longer_in_memory_waits_for_its_verdict_all_the_same() {
    let dir = Dir::new("shelved");
    let mut store = open(&dir.0);
    let mut folder = Folder::new(FoldConfig::default());
    let bounded = Detection { people_at_most: Count::Known(9), ..detection("bounded", minute(0), 0..3) };
    let mut unbounded = detection("unbounded", minute(0), 0..5);
    unbounded.store = None;
    unbounded.rows = Count::Unknown;
    let lists = [bounded, unbounded, detection("closed", minute(0), 0..7)];
    store.record(&folded(&mut folder, &lists)).unwrap();
    assert_eq!(store.shelved().unwrap(), [], "the folder has them");
    let closed = folder.incidents().find(|one| one.user == "closed").unwrap().id;
    folder.act(closed, &act(ActKind::Close { verdict: Verdict::Authorised }), minute(1)).unwrap();
    folder.tick(minute(5000));
    store.record(&Batch { changes: folder.changes(), ..Batch::default() }).unwrap();
    assert_eq!(folder.incidents().count(), 0);
    let severity = Severity::High as u8;
    let all = Shelved { severity, incidents: 2, people_at_least: 8, people_at_most: 9, people_unknown: 1 };
    assert_eq!(store.shelved().unwrap(), [all]);
    // No document is opened: the program has no function of JSON, all comes from the index.
    let mut program = store.connection.prepare(&format!("EXPLAIN {}", super::load::SHELVED)).unwrap();
    let steps: Vec<String> = program
        .query_map([], |row| {
            Ok(format!("{} {}", row.get::<_, String>(1)?, row.get::<_, Option<String>>(5)?.unwrap_or_default()))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let calls = |name: &str| steps.iter().any(|step| step.contains(name));
    assert!(calls("total") && !calls("json_extract"), "{steps:#?}");
}
