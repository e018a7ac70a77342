//! Events made by hand for tests, and the laws that hold for any of them: a cut anywhere changes nothing, the same
//! events give the same detections, memory is bounded.

use crate::engine::file_tests;
use crate::flows::tests as flow_tests;
use crate::*;
use kuzet_event::*;
use proptest::prelude::*;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const CATALOGUE: &str = include_str!("../../../tests/scenarios/catalogue.toml");
pub(crate) const POLICY: &str = include_str!("../../../tests/scenarios/policy.toml");

/// One event, told by a few numbers.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) seconds: i64,
    pub(crate) user: u8,
    pub(crate) client: u8,
    pub(crate) session: u64,
    pub(crate) number: u64,
    pub(crate) form: u8,
    pub(crate) rows: Option<u64>,
    pub(crate) person: u16,
    pub(crate) outcome: u8,
    pub(crate) witness: Witness,
}

const USERS: [&str; 4] = ["app", "analyst", "dba", "intruder"];

pub(crate) fn statement(form: u8) -> Option<Statement> {
    let flags = |list: &[Flag]| list.iter().fold(Flags::NONE, |flags, flag| flags.with(*flag));
    let all: &[Flag] = &[Flag::SelectsAll, Flag::Unfiltered];
    let (verb, table, access, set, export): (Verb, &str, Access, &[Flag], Option<Export>) = match form {
        0 => (Verb::Select, "borrowers", Access::Read, &[Flag::Pointed], None),
        1 => (Verb::Select, "borrowers", Access::Read, &[Flag::SelectsAll, Flag::Unfiltered], None),
        2 => (Verb::Copy, "borrowers", Access::Read, &[Flag::SelectsAll, Flag::Unfiltered], Some(Export::ToClient)),
        3 => (Verb::Update, "borrowers", Access::Write, &[Flag::Unfiltered], None),
        4 => (Verb::Delete, "loans", Access::Write, &[Flag::Pointed], None),
        5 => (Verb::Truncate, "loans", Access::Write, &[], None),
        6 => (Verb::Select, "loans", Access::Read, &[Flag::Tautology, Flag::Pointed], None),
        7 => (Verb::Select, "loans", Access::Read, &[Flag::UnionProbe, Flag::CommentCut], None),
        8 => (Verb::Select, "pg_shadow", Access::Read, &[Flag::CatalogProbe], None),
        9 => (Verb::Role, "", Access::Write, &[Flag::Escalates], None),
        10 => (Verb::Setting, "", Access::Write, &[Flag::WeakensAudit], None),
        11 => (Verb::Setting, "", Access::Write, &[Flag::RestoresAudit], None),
        12 => (Verb::Begin, "", Access::Read, &[], None),
        13 => (Verb::Commit, "", Access::Read, &[], None),
        14 => (Verb::Rollback, "", Access::Read, &[], None),
        15 => (Verb::Select, "nothing", Access::Read, &[Flag::Pointed], None),
        16 => (Verb::Role, "", Access::Write, &[], None),
        23 => (Verb::Select, "", Access::Read, &[Flag::ServerFile], None),
        24 => (Verb::Define, "", Access::Read, &[Flag::RemoteServer], None),
        25 => (Verb::Select, "borrowers", Access::Read, &[Flag::PackedAggregate, Flag::LargeObject], None),
        26 => (Verb::Select, "", Access::Read, &[Flag::LargeObject], None),
        27 => (Verb::CreateCopy, "borrowers", Access::Read, all, None),
        28 => (Verb::CreateCopy, "borrowers", Access::Read, &[Flag::SelectsAll, Flag::Temporary], None),
        29 => (Verb::Insert, "borrowers", Access::Read, all, None),
        30 => (Verb::Define, "t", Access::Read, all, None),
        31 => (Verb::Define, "t", Access::Write, &[Flag::Renames], None),
        32 => (Verb::Define, "", Access::Write, &[], None),
        33 => (Verb::Define, "borrowers", Access::Read, all, None),
        34 => (Verb::Select, "", Access::Read, &[], None),
        35 => (Verb::Select, "t", Access::Read, all, None),
        36 => (Verb::Select, "u", Access::Read, all, None),
        38 => (Verb::Select, "borrowers", Access::Read, &[Flag::PackedAggregate, Flag::Pointed], None),
        41 => (Verb::Select, "borrowers", Access::Read, &[Flag::SelectsAll, Flag::KeyRange], None),
        42 => (Verb::Select, "borrowers", Access::Read, &[Flag::Pointed, Flag::Truncated], None),
        43 => (Verb::Role, "borrowers", Access::Write, &[], None),
        37 => (Verb::Select, "v", Access::Read, all, None),
        _ => return None,
    };
    let named = |name: &str, access| Relation { schema: Arc::from(""), name: Arc::from(name), access };
    // What is made from the relation above: a copy, a view, a function, a new name; a routine that is called.
    let (text, made, routine) = match form {
        27 => ("CREATE TABLE t AS SELECT", Some("t"), None),
        28 => ("CREATE temp TABLE t AS SELECT", Some("t"), None),
        29 => ("INSERT INTO t SELECT", Some("t"), None),
        30 => ("CREATE VIEW v AS SELECT", Some("v"), None),
        31 => ("ALTER TABLE t RENAME TO u", Some("u"), None),
        32 => ("CREATE TABLE t (a int)", Some("t"), None),
        33 => ("CREATE FUNCTION leak() RETURNS", None, Some(named("leak", Access::Write))),
        34 => ("SELECT leak()", None, Some(named("leak", Access::Read))),
        _ => ("", None, None),
    };
    let relation = named(table, access);
    let made = made.map(|name| named(name, Access::Write));
    Some(Statement {
        fingerprint: u64::from(form) + 1,
        summary: Arc::from(if text.is_empty() { format!("form {form}") } else { text.to_owned() }),
        verb,
        relations: Some(relation).filter(|_| !table.is_empty()).into_iter().chain(made).collect(),
        columns: Vec::new(),
        predicate_columns: vec![Arc::from("iin")],
        export,
        flags: flags(set),
        limit: None,
        settings: if form == 10 {
            vec![Setting { name: Arc::from("pgaudit.log"), value: Some(Arc::from("none")), global: true }]
        } else {
            Vec::new()
        },
        role: None,
        routines: routine.into_iter().collect(),
    })
}

/// The event of `spec`. Actors and statements are made anew: what is found must not hang on addresses.
pub(crate) fn event(spec: &Spec) -> Event {
    let client = match spec.client {
        0 => Client::Address("127.0.0.1".parse().unwrap()),
        1 => Client::Local,
        2 => Client::Unknown,
        other => Client::Address(std::net::IpAddr::from([10, 0, 0, other])),
    };
    let action = match spec.form {
        20 => Action::Login,
        21 => Action::Logout,
        22 => Action::Setting,
        39 => Action::Seen,
        40 => Action::Missing,
        _ => Action::Statement,
    };
    let statement = if spec.form == 22 { statement(10) } else { statement(spec.form) };
    let identifier = Identifier::new(0, IdentifierKind::Iin, PersonKey(u128::from(spec.person)));
    let named = statement.as_ref().is_some_and(|statement| statement.flags.has(Flag::Pointed));
    Event {
        at: Timestamp(1_795_364_550_000_000 + spec.seconds * 1_000_000),
        place: Place::default(),
        actor: Arc::new(Actor {
            system: System::Postgresql,
            user: Arc::from(if spec.form == 22 { "" } else { USERS[usize::from(spec.user) % 4] }),
            client,
            program: Arc::from("crm-web"),
            database: Arc::from("mfo"),
            person: Arc::from(""),
        }),
        session: SessionId(spec.session),
        client_port: 0,
        statement_number: spec.number,
        action,
        outcome: [Outcome::Unknown, Outcome::Success, Outcome::Failure][usize::from(spec.outcome) % 3],
        code: if spec.outcome % 3 == 2 { Code::new(b"42501") } else { Code::NONE },
        relation: None,
        statement: statement.map(Arc::new),
        identifiers: if named { SmallVec::from_iter([identifier]) } else { SmallVec::new() },
        rows: spec.rows.map_or(Count::Unknown, Count::Known),
        trust: Trust::Structured,
        calls: 1,
        bytes: Count::Unknown,
        witness: spec.witness,
        flow: None,
        file: None,
        process: None,
        raw: None,
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        (0_i64..40, 0_u8..4, 0_u8..5, 1_u64..4, 0_u64..4),
        (
            prop_oneof![4 => 0_u8..1, 3 => 1_u8..17, 5 => 20_u8..43],
            proptest::option::of(0_u64..800),
            0_u16..90,
            0_u8..3,
        ),
        prop::sample::select(vec![Witness::Audit, Witness::Audit, Witness::Log, Witness::Measure]),
    )
        .prop_map(|((seconds, user, client, session, number), (form, rows, person, outcome), witness)| Spec {
            seconds,
            user,
            client,
            session,
            number,
            form,
            rows,
            person,
            outcome,
            witness,
        })
}

/// One record of the host: a connection of a program, or a program that was started.
#[derive(Clone, Debug)]
struct Hosted {
    seconds: i64,
    id: u64,
    /// Whose: by [`WHO`]; beyond it nobody's.
    who: usize,
    /// Where to: by [`TO`].
    to: usize,
    kilobytes: u64,
    /// Phase, direction, transport, whether it began before the sensor, whether it starts a program instead.
    form: u8,
}

type Who = (&'static str, u32, &'static str, u32, (&'static str, u32));
/// Name, number, account, session, parent of programs: two of one login session, a service, the server's child.
const WHO: [Who; 5] = [
    ("psql", 812, "analyst", 700, ("bash", 700)),
    ("curl", 830, "analyst", 700, ("bash", 700)),
    ("php", 30, "app", 0, ("php", 20)),
    ("sh", 2_400, "postgres", 0, ("postgres", 1)),
    ("ping", 50, "dba", 0, ("systemd", 1)),
];
const TO: [(&str, u16); 6] = [
    (flow_tests::ABROAD, 443),
    (flow_tests::HOME, 443),
    (flow_tests::ANYCAST, 53),
    ("127.0.0.1", 5432),
    (flow_tests::ABROAD, 5432),
    ("46.4.0.9", 22),
];

fn hosted() -> impl Strategy<Value = Hosted> {
    (0_i64..40, 0_u64..6, 0_usize..6, 0_usize..6, 0_u64..400, 0_u8..=255)
        .prop_map(|(seconds, id, who, to, kilobytes, form)| Hosted { seconds, id, who, to, kilobytes, form })
}

/// The event of a record of the host at `now`.
fn host_event(of: &Hosted, now: i64) -> Event {
    let who = WHO
        .get(of.who)
        .map(|(name, pid, user, session, parent)| flow_tests::process(name, *pid, user, *session, &[*parent]));
    if let (0, Some(who)) = (of.form % 5, &who) {
        return flow_tests::started(now, who);
    }
    if let (1, Some(who)) = (of.form % 5, &who) {
        return file_event(of, now, who);
    }
    let (to, port) = TO[of.to];
    let local = std::net::SocketAddr::new(
        if of.to == 3 { "127.0.0.1" } else { "10.0.0.3" }.parse().unwrap(),
        if of.to == 3 { 50_000 + of.id as u16 } else { 5432 * u16::from(of.form.is_multiple_of(7)) },
    );
    let query = (of.to == 2).then(|| Query {
        domain: Arc::from("t.example"),
        domain_key: of.id % 2,
        name_key: of.kilobytes,
        below: 200,
        label: 60,
        characters: 30,
        entropy: 40,
        record: 16,
    });
    let flow = Flow {
        local,
        query,
        phase: [Phase::Open, Phase::Going, Phase::Going, Phase::Closed, Phase::Refused][usize::from(of.form / 5 % 5)],
        direction: [Direction::Outbound, Direction::Outbound, Direction::Inbound, Direction::Unknown]
            [usize::from(of.form / 25 % 4)],
        transport: [Transport::Tcp, Transport::Tcp, Transport::Udp, Transport::Icmp][usize::from(of.form % 4)],
        ..flow_tests::flow(of.id, to, port, of.kilobytes * 1_024, who.as_ref())
    };
    let event = flow_tests::record(now, flow);
    if of.form.is_multiple_of(3) { flow_tests::earlier(now, (**event.flow.as_ref().unwrap()).clone()) } else { event }
}

/// A deed at one of six files by one of the programs.
fn file_event(of: &Hosted, now: i64, who: &Arc<Process>) -> Event {
    const FILES: [&str; 6] =
        ["/srv/d/a.docx", "/srv/d/b.pdf", "/srv/d/b.pdf.locked", "/tmp/x.zip", "/tmp/list.csv", "/srv/d/c"];
    let deed = Deed::ALL[usize::from(of.form / 5) % Deed::ALL.len()];
    let people: Vec<u16> = (0..of.kilobytes as u16 % 12).map(|person| person + of.id as u16).collect();
    let event = file_tests::deed(now, who, deed, FILES[of.to], &people);
    if deed == Deed::Rename { file_tests::renamed(event, FILES[(of.to + 1) % FILES.len()]) } else { event }
}

/// What a log and the kernel tell.
#[derive(Clone, Debug)]
enum Told {
    Log(Spec),
    Host(Hosted),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![3 => spec().prop_map(Told::Log), 2 => hosted().prop_map(Told::Host)]
}

/// As [`log`], with the records of the host between.
fn mixed(all: Vec<Told>, pace: i64) -> Vec<Event> {
    let mut now = 0;
    let step = |told| match told {
        Told::Log(spec) => {
            let mut event = log(vec![Spec { seconds: now + spec.seconds, ..spec.clone() }], 1).remove(0);
            now += spec.seconds * if spec.person % 4 == 0 { pace } else { 1 };
            event.client_port = 50_000 + (spec.session % 6) as u16;
            event
        }
        Told::Host(of) => {
            now += of.seconds * if of.form % 4 == 0 { pace } else { 1 };
            host_event(&of, if of.form % 11 == 0 { now - 2 } else { now })
        }
    };
    all.into_iter().map(step).collect()
}

/// Steps become a log: time goes on, in steps of seconds or of `pace` times as much, now and then back a little.
fn log(specs: Vec<Spec>, pace: i64) -> Vec<Event> {
    let mut now = 0;
    specs
        .into_iter()
        .map(|mut spec| {
            now += spec.seconds * if spec.person % 4 == 0 { pace } else { 1 };
            spec.seconds = if spec.person % 11 == 0 { now - 2 } else { now };
            event(&spec)
        })
        .collect()
}

pub(crate) fn detectors(guess: bool, thresholds: &Thresholds) -> Detectors {
    let catalogue = if guess { Catalogue::guess() } else { Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap() };
    let policy = (!guess).then(|| Policy::parse(POLICY, "policy.toml").unwrap());
    Detectors::new(catalogue, policy, thresholds.clone(), Severities::default()).with_folders(file_tests::folders())
}

fn small() -> Thresholds {
    Thresholds {
        enumeration_people: 8,
        enumeration_misses: 4,
        bulk_window_rows: 1_500,
        change_window_rows: 300,
        max_accounts: 6,
        max_people: 40,
        max_sessions: 3,
        max_copies: 4,
        max_known: 9,
        max_baselines: 5,
        baseline_days: 1,
        baseline_surprise: 1,
        baseline_people: 1,
        baseline_rows: 5,
        learning_days: 0,
        stale_days: 0,
        max_flows: 4,
        chain_rows: 10,
        transfer_bytes: 100_000,
        dns_bytes: 400,
        beacon_connections: 1,
        login_failures: 3,
        bulk_files: 3,
        change_files: 2,
        staging_files: 2,
        encryption_files: 1,
        ..Thresholds::default()
    }
}

pub(crate) type Saved = BTreeMap<Vec<u8>, Vec<u8>>;

pub(crate) fn save(detectors: &mut Detectors, saved: &mut Saved) {
    for (key, value) in detectors.changes() {
        match value {
            Some(value) => saved.insert(key, value),
            None => saved.remove(&key),
        };
    }
}

/// Everything a detection says.
pub(crate) fn said(detections: &[Detection]) -> Vec<String> {
    detections.iter().map(|detection| format!("{detection:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_anywhere_changes_nothing(
        all in proptest::collection::vec(told(), 1..160),
        cuts in proptest::collection::vec(0_usize..160, 0..6),
        ticks in any::<bool>(),
        guess in any::<bool>(),
        pace in prop::sample::select(vec![1, 120, 3_000]),
    ) {
        let events = mixed(all, pace);
        let thresholds = small();
        let (mut whole, mut cut) = (detectors(guess, &thresholds), detectors(guess, &thresholds));
        let (mut from_whole, mut from_cut) = (Vec::new(), Vec::new());
        let mut saved = Saved::new();
        for (at, event) in events.iter().enumerate() {
            if cuts.contains(&at) {
                save(&mut cut, &mut saved);
                if at % 2 == 0 {
                    cut = detectors(guess, &thresholds);
                    cut.restore(saved.clone());
                }
            }
            whole.observe(event, &mut from_whole);
            cut.observe(event, &mut from_cut);
            if ticks && at % 7 == 0 {
                whole.tick(event.at, &mut from_whole);
                cut.tick(event.at, &mut from_cut);
            }
        }
        prop_assert_eq!(said(&from_whole), said(&from_cut));
    }

    #[test]
    fn memory_is_bounded_and_counts_add_up(all in proptest::collection::vec(told(), 1..300)) {
        let thresholds = small();
        let mut detectors = detectors(false, &thresholds);
        let mut detections = Vec::new();
        let mut statements = 0;
        for event in mixed(all, 600) {
            detectors.observe(&event, &mut detections);
            statements += 1;
            prop_assert!(detectors.held() <= 6 * 6 + 3 + 40 + 2 * 4 + 9 + 2 * 5 + 5 * 4 + 1, "{}", detectors.held());
        }
        // An event stands in at most one detection of a family; a connection in one of a kind: it may go abroad and be a server's.
        for kind in Kind::ALL.into_iter().filter(|kind| kind.family() == Family::Traffic) {
            let told: u64 = detections.iter().filter(|one| one.kind == kind).map(|one| one.events).sum();
            prop_assert!(told <= statements, "{kind:?}: {told} of {statements}");
        }
        for family in [Family::Access, Family::Change, Family::Privilege, Family::Audit, Family::Login, Family::Holding] {
            let told: u64 = detections.iter().filter(|one| one.kind.family() == family).map(|one| one.events).sum();
            prop_assert!(told <= statements, "{family:?}: {told} of {statements}");
        }
        for detection in &detections {
            prop_assert!(detection.since <= detection.at);
            prop_assert_eq!(detection.kind.family() == Family::Traffic, detection.store.is_none() && detection.transfer.is_some());
            prop_assert!(detection.people.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}

/// A million actors that come once each.
#[test]
fn a_hostile_feed_does_not_grow_memory() {
    let thresholds = Thresholds { max_accounts: 512, max_sessions: 512, ..Thresholds::default() };
    let mut detectors = detectors(false, &thresholds);
    let mut detections = Vec::new();
    let base = Spec {
        seconds: 0,
        user: 1,
        client: 0,
        session: 0,
        number: 0,
        form: 0,
        rows: Some(1),
        person: 1,
        outcome: 1,
        witness: Witness::Audit,
    };
    for number in 0..20_000_u64 {
        let mut event = event(&Spec { session: number + 1, ..base.clone() });
        event.actor = Arc::new(Actor { user: Arc::from(format!("user{number}")), ..(*event.actor).clone() });
        detectors.observe(&event, &mut detections);
        let failed = Event { action: Action::Login, outcome: Outcome::Failure, statement: None, ..event };
        detectors.observe(&failed, &mut detections);
        detections.clear();
    }
    assert!(detectors.held() <= 512 * 7, "{}", detectors.held());
    assert!(detectors.evicted() > 38_000);
}
