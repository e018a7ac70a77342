//! What must hold for any sequence of detections: order inside a window, restart anywhere, replay, the schema.

use crate::common::*;
use kuzet_detect::{Detection, Kind, Severity};
use kuzet_event::*;
use kuzet_incident::*;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Fold(Box<Detection>),
    /// A gap is always told by a detection as well.
    Gap(u16, u64),
    Tick(u64),
    Ack,
    Close,
}

fn kinds() -> impl Strategy<Value = Kind> {
    // Changes weigh more: what settles them later is the hardest part of a restart.
    prop_oneof![2 => proptest::sample::select(Kind::ALL.to_vec()), 1 => Just(Kind::MassChange)]
}

fn any_detection(window: u64) -> impl Strategy<Value = Detection> {
    let who = (0..4_u8, 0..3_u8, 0..2_u64, 0..2_u16);
    let what = (kinds(), 0..4_u8, 0..3_u8, proptest::option::of(0..500_u64), proptest::option::of(0..20_000_u64));
    (who, what, 0..window, 0..60_u64, 0..100_u64, 0..12_u64, any::<u32>()).prop_map(
        |((user, client, session, source), (kind, severity, outcome, rows, most), at, back, first, named, offset)| {
            let count = |number: Option<u64>| number.map_or(Count::Unknown, Count::Known);
            let mut one =
                detection(["", "dba", "clerk", "intruder"][usize::from(user)], kind, seconds(at), count(rows));
            one.since = one.at - Duration::from_secs(back);
            one.severity = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical][usize::from(severity)];
            one.outcome = [Outcome::Unknown, Outcome::Success, Outcome::Failure][usize::from(outcome)];
            one.actor = actor(&one.actor.user, ["local", "192.0.2.7", "2001:db8::1"][usize::from(client)]);
            one.actor = Arc::new(Actor {
                person: Arc::from(["", UNTOLD, "clerk7"][usize::from(client)]),
                ..(*one.actor).clone()
            });
            one.session = SessionId(session);
            one.place = Place { source: SourceId(source), file: FileId(session), offset: u64::from(offset), length: 9 };
            one.people_at_most = count(most);
            one.people = people(first..first + named);
            if kind == Kind::PrivilegeEscalation {
                let grantees = vec![Arc::from("intruder"), Arc::from("dba")];
                let role = Some(RoleChange { verb: RoleVerb::Grant, rights: Vec::new(), grantees });
                one.statement = Some(Arc::new(Statement { role, ..statement(Verb::Role, "GRANT ? TO ?") }));
            }
            // Without an event of its own: the end of a transaction.
            one.events = u64::from(named % 3 != 0);
            if named % 5 == 4 {
                one.reason = String::new();
            }
            if named == 11 {
                one.store = None;
            }
            one
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Most steps meet inside one window; a far tick or detection closes everything and must stay rare.
    let step = prop_oneof![
        60 => any_detection(1_500).prop_map(|one| Step::Fold(Box::new(one))),
        6 => any_detection(40_000).prop_map(|one| Step::Fold(Box::new(one))),
        3 => (0..2_u16, 0..3_000_u64).prop_map(|(source, at)| Step::Gap(source, at)),
        3 => (0..3_000_u64).prop_map(Step::Tick),
        1 => (0..90_000_u64).prop_map(Step::Tick),
        1 => Just(Step::Ack),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Small limits, so that short sequences meet all of them.
fn tight() -> FoldConfig {
    FoldConfig { exact_people: 40, people_budget: 60, stories: 12, timeline_head: 3, timeline_tail: 3, ..config() }
}

fn run(folder: &mut Folder, step: &Step) -> Vec<Change> {
    match step {
        Step::Fold(one) => folder.fold(one, one.at + Duration::from_millis(5)),
        Step::Gap(source, at) => {
            folder.gap(SourceId(*source), seconds(*at), Count::Known(7));
            let mut told = detection("", Kind::SightLost, seconds(*at), Count::Unknown);
            (told.store, told.place.source) = (None, SourceId(*source));
            folder.fold(&told, seconds(*at));
        }
        Step::Tick(at) => folder.tick(seconds(*at)),
        Step::Ack | Step::Close => {
            let kind = match step {
                Step::Ack => ActKind::Ack,
                _ => ActKind::Close { verdict: Verdict::TruePositive },
            };
            let act = Act { kind, reason: String::new(), by: "aigerim".to_owned() };
            let first = folder.incidents().next().map(|one| one.id);
            if let Some(id) = first {
                let _ = folder.act(id, &act, START);
            }
        }
    }
    folder.changes()
}

/// The documented schema, compiled once.
static SCHEMA: LazyLock<(boon::Schemas, boon::SchemaIndex)> = LazyLock::new(|| {
    let text = include_str!("../../../docs/schema/incident-1.json");
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("https://kuzet.example/incident-1.json", serde_json::from_str(text).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("https://kuzet.example/incident-1.json", &mut schemas).unwrap();
    (schemas, index)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restart_anywhere_changes_nothing(steps in steps(), at in any::<proptest::sample::Index>()) {
        let cut = at.index(steps.len());
        let (mut folder, mut model) = (Folder::new(tight()), Model::default());
        for step in &steps[..cut] {
            model.record(&run(&mut folder, step));
        }
        let mut again = Folder::new(tight());
        again.restore(model.saved()).unwrap();
        for step in &steps[cut..] {
            prop_assert_eq!(run(&mut folder, step), run(&mut again, step));
        }
        prop_assert!(folder.incidents().eq(again.incidents()));
    }

    #[test]
    fn a_replay_is_the_same_to_the_byte_and_fits_the_schema(steps in steps()) {
        let (schemas, index) = &*SCHEMA;
        let mut models = [Model::default(), Model::default()];
        for model in &mut models {
            let mut folder = Folder::new(tight());
            for step in &steps {
                model.record(&run(&mut folder, step));
            }
        }
        prop_assert!(models[0].documents().eq(models[1].documents()));
        for document in models[0].documents() {
            let value: serde_json::Value = serde_json::from_str(document).unwrap();
            if let Err(error) = schemas.validate(&value, *index) {
                return Err(TestCaseError::fail(format!("{error:#}\n{document}")));
            }
            let incident = Incident::from_json(document).unwrap();
            prop_assert_eq!(&incident.to_json().unwrap(), document);
            let people = &incident.people;
            prop_assert!(people.at_most.known().is_none_or(|most| people.at_least <= most));
            prop_assert!(people.at_least <= people.distinct_identified);
            prop_assert!(incident.since <= incident.until);
            prop_assert!(describe(&incident).contains(&incident.id.to_string()));
        }
    }

    #[test]
    fn links_hold_in_both_directions(steps in steps()) {
        let mut folder = Folder::new(FoldConfig { stories: 1_000, ..tight() });
        for step in steps.iter().filter(|step| !matches!(step, Step::Tick(_))) {
            run(&mut folder, step);
        }
        let all: Vec<&Incident> = folder.incidents().collect();
        for one in all.iter().filter(|one| one.links.len() < 32) {
            for link in &one.links {
                let other = all.iter().find(|other| other.id == link.id).unwrap();
                let back = match link.reason {
                    LinkReason::Follows => LinkReason::FollowedBy,
                    LinkReason::FollowedBy => LinkReason::Follows,
                    LinkReason::GrantedTo => LinkReason::GrantedBy,
                    LinkReason::GrantedBy => LinkReason::GrantedTo,
                    same => same,
                };
                let back = Link { reason: back, id: one.id };
                prop_assert!(other.links.len() == 32 || other.links.contains(&back));
            }
        }
    }

    #[test]
    fn order_inside_a_window_does_not_matter(
        mut detections in proptest::collection::vec(any_detection(800), 1..30), shuffle in any::<u64>(),
    ) {
        for (number, one) in detections.iter_mut().enumerate() {
            // One story, and lines that can be told apart.
            one.reason = format!("number {number}");
            // What settles an earlier record of its session comes behind it, always.
            one.events = 1;
            one.kind = [Kind::BulkRead, Kind::Export, Kind::PolicyViolation, Kind::Enumeration][number % 4];
            (one.actor, one.store, one.place.offset) = (actor("intruder", "192.0.2.7"), Some(store(Count::Unknown)), number as u64);
        }
        let mut shuffled = detections.clone();
        let mut state = shuffle | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        let (left, mut right) = (fold(&mut Folder::new(config()), &detections), fold(&mut Folder::new(config()), &shuffled));
        prop_assert_eq!((left.len(), right.len()), (1, 1));
        // The name comes from the first detection that was folded, delays from when.
        (right[0].id, right[0].observed) = (left[0].id, left[0].observed);
        prop_assert_eq!(left, right);
    }
}
