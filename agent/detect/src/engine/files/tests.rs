//! What happens to files in a folder of dossiers, and what is told of it.

use crate::flows::tests as flow_tests;
use crate::tests::{Saved, detectors, save};
use crate::*;
use kuzet_event::*;
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

pub(crate) fn folders() -> Folders {
    let folder = |name: &str, path: &str, purpose, identity_documents| Folder {
        name: name.to_owned(),
        path: path.to_owned(),
        purpose,
        class: StoreClass::Restricted,
        identity_documents,
    };
    Folders::new(vec![
        folder("d", "/srv/d", Purpose::Store, false),
        folder("dossiers", "/srv/dossiers", Purpose::Store, false),
        folder("kyc", "/srv/dossiers/kyc", Purpose::Store, true),
        folder("web", "/var/www", Purpose::Nothing, false),
        folder("tmp", "/tmp", Purpose::Nothing, false),
    ])
}

pub(crate) fn path(text: &str) -> FilePath {
    FilePath { shown: Arc::from(text), key: crate::hash::wide(&[text.as_bytes()]), folder: 0 }
}

/// A deed at a file that holds data of `people`; of nobody it is not known what it holds.
pub(crate) fn deed(seconds: i64, who: &Arc<Process>, deed: Deed, file: &str, people: &[u16]) -> Event {
    let keys: Vec<PersonKey> = people.iter().map(|person| PersonKey(u128::from(*person))).collect();
    let holding = Holding {
        persons: keys.len() as u64,
        people: keys.clone(),
        kinds: smallvec![(Arc::from("iin"), keys.len() as u64)],
        ..Holding::default()
    };
    let known = !people.is_empty();
    let act = FileAct {
        deed,
        path: path(file),
        to: None,
        folder: false,
        bytes: Count::Unknown,
        holding: known.then(|| Arc::new(holding)),
    };
    let started = flow_tests::started(seconds, who);
    let named = keys.iter().map(|key| Identifier::new(0, IdentifierKind::Iin, *key));
    Event {
        action: Action::File,
        file: Some(Arc::new(act)),
        rows: if known { Count::Known(keys.len() as u64) } else { Count::Unknown },
        identifiers: if deed == Deed::Inspect { SmallVec::new() } else { named.collect() },
        ..started
    }
}

pub(crate) fn renamed(event: Event, to: &str) -> Event {
    let act = event.file.as_deref().unwrap();
    let act = FileAct { deed: Deed::Rename, to: Some(path(to)), ..act.clone() };
    Event { file: Some(Arc::new(act)), ..event }
}

fn holding(event: Event, change: impl FnOnce(&mut Holding)) -> Event {
    let act = event.file.as_deref().unwrap();
    let mut holding = act.holding.as_deref().cloned().unwrap_or_default();
    change(&mut holding);
    Event { file: Some(Arc::new(FileAct { holding: Some(Arc::new(holding)), ..act.clone() })), ..event }
}

fn observe(events: &[Event]) -> Vec<Detection> {
    let mut all = detectors(true, &Thresholds::default());
    let mut told = Vec::new();
    events.iter().for_each(|event| all.observe(event, &mut told));
    told
}

fn kinds(told: &[Detection]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = told.iter().map(|one| one.kind).collect();
    kinds.dedup();
    kinds
}

fn clerk(pid: u32) -> Arc<Process> {
    flow_tests::process("cat", pid, "maria", 77, &[])
}

fn dossier(number: usize) -> String {
    format!("/srv/dossiers/{number}.docx")
}

#[test]
fn dossiers_read_one_by_one_are_people_looked_up() {
    let read = |number: usize| {
        deed(number as i64, &clerk(100 + number as u32), Deed::Read, &dossier(number), &[number as u16 + 1])
    };
    let told = observe(&(0..60).map(read).collect::<Vec<_>>());
    assert_eq!(kinds(&told), [Kind::Enumeration]);
    let people: usize = told.iter().map(|one| one.people.len()).sum();
    assert_eq!((people, told[0].store.as_ref().map(|store| &*store.name)), (60, Some("folder/dossiers")));
    assert!(observe(&(0..59).map(read).collect::<Vec<_>>()).is_empty());
    // The same dossier again and again is one.
    let again = |second| deed(second, &clerk(7), Deed::Read, &dossier(1), &[1]);
    assert!(observe(&(0..200).map(again).collect::<Vec<_>>()).is_empty());
}

#[test]
fn files_that_nobody_looked_into_are_counted_as_files() {
    let read = |number: usize| deed(number as i64 / 2, &clerk(5), Deed::Read, &dossier(number), &[]);
    let told = observe(&(0..120).map(read).collect::<Vec<_>>());
    assert_eq!(kinds(&told), [Kind::BulkRead]);
    assert!(told[0].reason.contains("100 different files within 600 seconds"), "{}", told[0].reason);
    assert_eq!(
        (told[0].events, told[0].people_at_most),
        (100, Count::Unknown),
        "what they hold is not known, and not nothing"
    );
}

#[test]
fn one_file_with_many_people_is_a_bulk() {
    let people: Vec<u16> = (1..=600).collect();
    let told = observe(&[deed(0, &clerk(5), Deed::Read, "/srv/dossiers/all.xlsx", &people)]);
    assert_eq!(kinds(&told), [Kind::BulkRead]);
    assert!(told[0].reason.contains("600 people in one file"), "{}", told[0].reason);
    assert_eq!(told[0].people.len(), 600);
}

#[test]
fn removing_many_files_is_destruction() {
    let remove = |number: usize| deed(number as i64 / 4, &clerk(5), Deed::Delete, &dossier(number), &[]);
    assert_eq!(kinds(&observe(&(0..101).map(remove).collect::<Vec<_>>())), [Kind::Destruction]);
    let to_kyc =
        |number: usize| renamed(deed(0, &clerk(5), Deed::Rename, &dossier(number), &[]), &format!("/mnt/{number}"));
    assert_eq!(kinds(&observe(&(0..101).map(to_kyc).collect::<Vec<_>>())), [Kind::Destruction]);
}

#[test]
fn ransomware_is_told_by_the_twentieth_file() {
    let lock = |number: usize| {
        let from = dossier(number);
        let read = deed(number as i64, &clerk(9), Deed::Read, &from, &[]);
        let made = deed(number as i64, &clerk(9), Deed::Create, &format!("{from}.locked"), &[]);
        [read, made, deed(number as i64, &clerk(9), Deed::Delete, &from, &[])]
    };
    let told = observe(&(0..40).flat_map(lock).collect::<Vec<_>>());
    assert_eq!(kinds(&told), [Kind::MassEncryption]);
    assert!(told[0].reason.contains("20 of them came to end in .locked"), "{}", told[0].reason);
    let renames = (0..25).map(|number| {
        let from = dossier(number);
        renamed(deed(number as i64, &clerk(9), Deed::Rename, &from, &[]), &format!("{from}.crypt"))
    });
    assert_eq!(kinds(&observe(&renames.collect::<Vec<_>>())), [Kind::MassEncryption]);
}

#[test]
fn an_archive_behind_many_files_is_staging() {
    let read = |number: usize| deed(1, &clerk(5), Deed::Read, &dossier(number), &[number as u16 + 1]);
    let mut events: Vec<Event> = (0..25).map(read).collect();
    events.push(deed(2, &flow_tests::process("zip", 6, "maria", 77, &[]), Deed::Create, "/tmp/.x.zip", &[]));
    let told = observe(&events);
    assert_eq!(kinds(&told), [Kind::Staging]);
    assert_eq!((told[0].people.len(), told[0].store.as_ref().map(|store| &*store.name)), (25, Some("folder/dossiers")));
    assert!(observe(&events[10..]).is_empty(), "fifteen files are a day's work");
    let sealed = holding(deed(0, &clerk(1), Deed::Inspect, "/srv/dossiers/a.7z", &[]), |one| one.encrypted = true);
    assert_eq!(kinds(&observe(&[sealed])), [Kind::EncryptedFile]);
}

#[test]
fn what_lies_where_is_told() {
    let inspected = |file: &str, people: &[u16]| deed(0, &clerk(1), Deed::Inspect, file, people);
    assert_eq!(kinds(&observe(&[inspected("/var/www/dump.sql", &[1, 2, 3])])), [Kind::MisplacedData]);
    assert!(observe(&[inspected("/var/www/me.txt", &[1, 2])]).is_empty());
    assert!(observe(&[inspected("/srv/dossiers/a.docx", &[1, 2, 3])]).is_empty(), "there it belongs");
    let open = holding(inspected("/srv/dossiers/a.docx", &[1, 2, 3]), |one| one.exposed = true);
    assert_eq!(kinds(&observe(&[open])), [Kind::MisplacedData]);
    let document = IdentityDocument {
        kind: Arc::from("identity_card"),
        state: Arc::from("KAZ"),
        confidence: Arc::from("certain"),
        page: 2,
        signs: smallvec![Arc::from("scanner")],
    };
    let scan = |file: &str| holding(inspected(file, &[]), |one| one.documents.push(document.clone()));
    let told = observe(&[scan("/srv/dossiers/a.pdf")]);
    assert_eq!(kinds(&told), [Kind::IdentityDocument]);
    assert!(told[0].reason.contains("certain identity_card of KAZ, page or picture 2"), "{}", told[0].reason);
    assert!(observe(&[scan("/srv/dossiers/kyc/a.pdf")]).is_empty(), "there it may lie");
}

#[test]
fn a_list_that_a_reader_wrote_is_followed_to_who_sends_it() {
    let reader = flow_tests::process("python3", 10, "maria", 77, &[]);
    let sender = flow_tests::process("curl", 20, "backup", 99, &[]);
    let people: Vec<u16> = (1..=600).collect();
    let events = [
        deed(0, &reader, Deed::Read, "/srv/dossiers/all.xlsx", &people),
        deed(1, &reader, Deed::Create, "/tmp/list.csv", &[]),
        renamed(deed(2, &reader, Deed::Rename, "/tmp/list.csv", &[]), "/tmp/.cache"),
        deed(30, &sender, Deed::Read, "/tmp/.cache", &[]),
        flow_tests::record(31, flow_tests::flow(1, flow_tests::ABROAD, 443, 4_000_000, Some(&sender))),
    ];
    let told = observe(&events);
    let last = told.iter().find(|one| one.kind == Kind::Exfiltration).expect("the chain is told");
    assert_eq!(last.store.as_ref().map(|store| &*store.name), Some("folder/dossiers"));
    assert!(!kinds(&observe(&events[..3])).contains(&Kind::Exfiltration));
    let apart = [&events[..3], &events[4..]].concat();
    assert!(!kinds(&observe(&apart)).contains(&Kind::Exfiltration), "another account, and nothing passed between them");
}

#[test]
fn a_restart_between_changes_nothing() {
    let read = |number: usize| deed(1, &clerk(5), Deed::Read, &dossier(number), &[number as u16 + 1]);
    let mut events: Vec<Event> = (0..25).map(read).collect();
    events.push(deed(2, &clerk(6), Deed::Create, "/tmp/x.zip", &[]));
    let whole = crate::tests::said(&observe(&events));
    let mut saved = Saved::new();
    let mut told = Vec::new();
    for event in &events {
        let mut all = detectors(true, &Thresholds::default());
        all.restore(saved.clone());
        all.observe(event, &mut told);
        save(&mut all, &mut saved);
    }
    assert_eq!(crate::tests::said(&told), whole);
}

/// The same deed as Samba's log tells it.
fn through_samba(event: Event) -> Event {
    let client = Client::Address("10.0.0.7".parse().unwrap());
    let (user, program): (Arc<str>, Arc<str>) = (Arc::from("aigul"), Arc::from("smbd"));
    let actor = Actor { user, client, program, ..Actor::clone(&event.actor) };
    Event { actor: Arc::new(actor), process: None, ..event }
}

/// Whose deeds they are.
fn by(told: &[Detection]) -> Vec<&str> {
    let mut users: Vec<&str> = told.iter().map(|one| &*one.actor.user).collect();
    users.dedup();
    users
}

#[test]
fn what_a_client_of_samba_does_is_not_told_of_its_process_as_well() {
    let smbd = flow_tests::process("smbd", 5, "root", 7, &[]);
    let pair = |number: usize| {
        let sensed = deed(number as i64, &smbd, Deed::Read, &dossier(number), &[number as u16 + 1]);
        [through_samba(sensed.clone()), sensed]
    };
    let told = observe(&(0..90).flat_map(pair).collect::<Vec<_>>());
    assert_eq!(kinds(&told), [Kind::Enumeration]);
    assert_eq!(by(&told), ["aigul"]);
    // Where the log is silent, or speaks of another folder, the process is all there is.
    let sensed = |number: usize| pair(number)[1].clone();
    let other = through_samba(deed(0, &smbd, Deed::Read, "/srv/d/a", &[]));
    let told = observe(&std::iter::once(other).chain((0..90).map(sensed)).collect::<Vec<_>>());
    assert_eq!(by(&told), ["root"]);
    let late = |number: usize| deed(700 + number as i64, &smbd, Deed::Read, &dossier(number), &[number as u16 + 1]);
    let told = observe(&pair(0)[..1].iter().cloned().chain((0..90).map(late)).collect::<Vec<_>>());
    assert_eq!(by(&told), ["root"]);
}

#[test]
fn what_was_refused_was_not_read() {
    let refuse = |number: usize| {
        let event = deed(number as i64 / 4, &clerk(5), Deed::Read, &dossier(number), &[number as u16 + 1]);
        Event { outcome: Outcome::Failure, code: Code::new(b"403"), ..through_samba(event) }
    };
    let told = observe(&(0..200).map(refuse).collect::<Vec<_>>());
    assert!(told.iter().all(|one| !matches!(one.kind, Kind::BulkRead | Kind::Enumeration)), "{:?}", kinds(&told));
}

#[test]
fn what_the_audit_daemon_tells_counts_where_no_sensor_does() {
    let read = |number: usize| deed(number as i64, &clerk(5), Deed::Read, &dossier(number), &[number as u16 + 1]);
    let statement = Arc::new(crate::tests::statement(0).unwrap());
    let audited = |number: usize| Event { process: None, statement: Some(Arc::clone(&statement)), ..read(number) };
    let told = observe(&(0..90).map(audited).collect::<Vec<_>>());
    assert_eq!((kinds(&told), told[0].events), (vec![Kind::Enumeration], 60));
    let both = observe(&(0..90).flat_map(|number| [read(number), audited(number)]).collect::<Vec<_>>());
    let once = observe(&(0..90).map(read).collect::<Vec<_>>());
    assert_eq!(crate::tests::said(&both), crate::tests::said(&once));
}
