//! Scenarios kept as data: events in, stories out (data/scenarios.toml).

use crate::tests::{CATALOGUE, POLICY, Spec, event};
use crate::{Catalogue, Detection, Detectors, Family, Kind, Policy, ServiceAccount, Severities, Thresholds};
use kuzet_event::{Client, Count, Event, Identifier, IdentifierKind, Outcome, PersonKey, Witness};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Deserialize)]
struct File {
    scenario: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    /// Without the access policy.
    free: Option<bool>,
    /// Roles declared as service accounts.
    service: Option<Vec<String>>,
    steps: Vec<Step>,
    expect: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    user: String,
    form: String,
    client: Option<String>,
    /// The person behind the role.
    by: Option<String>,
    rows: Option<u64>,
    times: Option<u16>,
    people: Option<bool>,
    pause: Option<i64>,
    outcome: Option<String>,
    audited: Option<bool>,
    number: Option<u64>,
    rows_only: Option<bool>,
    list: Option<u128>,
    from: Option<u128>,
    session: Option<u64>,
    program: Option<String>,
    bytes: Option<u64>,
    days: Option<i64>,
}

const FORMS: [(&str, u8); 36] = [
    ("lookup", 0),
    ("all", 1),
    ("copy", 2),
    ("change", 3),
    ("delete", 4),
    ("truncate", 5),
    ("tautology", 6),
    ("union", 7),
    ("catalogue", 8),
    ("escalate", 9),
    ("weaken", 10),
    ("restore", 11),
    ("begin", 12),
    ("commit", 13),
    ("rollback", 14),
    ("other", 15),
    ("revoke", 16),
    ("read file", 23),
    ("foreign server", 24),
    ("large object of all", 25),
    ("large object", 26),
    ("copy all", 27),
    ("copy all for the session", 28),
    ("add all to the copy", 29),
    ("view of the copy", 30),
    ("rename the copy", 31),
    ("other table of the name", 32),
    ("function over all", 33),
    ("call the function", 34),
    ("read the copy", 35),
    ("read the new name", 36),
    ("read the view", 37),
    ("packed lookup", 38),
    ("range of keys", 41),
    ("cut list", 42),
    ("grant on the store", 43),
];

fn events(scenario: &Scenario) -> Vec<Event> {
    let (mut seconds, mut number, mut events) = (0, 100, Vec::new());
    for step in &scenario.steps {
        let form = match step.form.as_str() {
            "login" => 20,
            "reload" => 22,
            "page" => 0,
            other => FORMS.iter().find(|(name, _)| *name == other).unwrap_or_else(|| panic!("{other}")).1,
        };
        for person in 0..step.times.unwrap_or(1) {
            seconds += step.pause.unwrap_or(1) + if person == 0 { step.days.unwrap_or(0) * 86_400 } else { 0 };
            number += 1;
            let mut made = event(&Spec {
                seconds,
                user: 0,
                client: 0,
                session: step.session.unwrap_or(1),
                number: if step.audited == Some(false) { 0 } else { step.number.unwrap_or(number) },
                form,
                rows: step.rows,
                person: if step.people == Some(true) { person + step.from.unwrap_or(0) as u16 } else { 0 },
                outcome: match step.outcome.as_deref() {
                    Some("failure") => 2,
                    Some("unknown") => 0,
                    _ => 1,
                },
                witness: if step.audited == Some(false) { Witness::Log } else { Witness::Audit },
            });
            let actor = Arc::make_mut(&mut made.actor);
            actor.user = Arc::from(step.user.as_str());
            made.bytes = step.bytes.map_or(Count::Unknown, Count::Known);
            if let Some(program) = &step.program {
                actor.program = Arc::from(program.as_str());
            }
            if let Some(client) = &step.client {
                actor.client = Client::Address(client.parse().unwrap());
            }
            if let Some(by) = &step.by {
                actor.person = Arc::from(by.as_str());
            }
            if step.form == "page" || step.rows_only == Some(true) {
                made.identifiers.clear();
            }
            if let Some(list) = step.list {
                let from = step.from.unwrap_or(0);
                let named = |key| Identifier::new(0, IdentifierKind::Iin, PersonKey(key));
                made.identifiers = (from..from + list).map(named).collect();
            }
            if step.form == "delete" {
                let key = PersonKey(u128::from(person));
                made.identifiers = [Identifier::new(0, IdentifierKind::Iin, key)].into_iter().collect();
            }
            events.push(made);
        }
    }
    events
}

fn stories(detections: &[Detection]) -> Vec<String> {
    #[derive(Default)]
    struct Sum {
        events: u64,
        rows: u64,
        unknown: bool,
        people: BTreeSet<PersonKey>,
    }
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for one in detections {
        let family = match one.kind.family() {
            Family::Access => "access",
            Family::Change => "change",
            Family::Privilege => "privilege",
            Family::Audit => "audit",
            Family::Login => "login",
            Family::Sight => "sight",
            Family::Traffic => "traffic",
            Family::Holding => "holding",
        };
        let outcome = match one.outcome {
            Outcome::Unknown => "unknown",
            Outcome::Success => "success",
            Outcome::Failure => "failure",
        };
        let key = format!("{} {family} {} {outcome}", one.actor.user, one.kind.name());
        let sum = sums.entry(key).or_default();
        sum.events += one.events;
        sum.rows += one.rows.known().unwrap_or(0);
        sum.unknown |= one.rows == Count::Unknown && one.events > 0;
        sum.people.extend(one.people.iter().copied());
    }
    let line = |(key, sum): (String, Sum)| {
        let rows = if sum.unknown { "?".to_owned() } else { sum.rows.to_string() };
        format!("{key} events={} rows={rows} people={}", sum.events, sum.people.len())
    };
    sums.into_iter().map(line).collect()
}

#[test]
fn every_scenario_gives_its_stories() {
    let file: File = toml::from_str(include_str!("data/scenarios.toml")).unwrap();
    let mut wrong = Vec::new();
    for scenario in &file.scenario {
        let service = scenario.service.iter().flatten().map(|role| ServiceAccount {
            role: role.clone(),
            programs: vec!["crm-*".to_owned()],
            clients: vec!["127.*".to_owned()],
        });
        let thresholds = Thresholds { service_accounts: service.collect(), ..Thresholds::default() };
        let mut detectors = Detectors::new(
            Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap(),
            Some(Policy::parse(POLICY, "policy.toml").unwrap()).filter(|_| scenario.free != Some(true)),
            thresholds,
            Severities::default(),
        );
        let mut detections = Vec::new();
        for event in events(scenario) {
            detectors.observe(&event, &mut detections);
        }
        let found = stories(&detections);
        if found != scenario.expect {
            wrong.push(format!("{}\n  expected {:#?}\n  found {found:#?}", scenario.name, scenario.expect));
        }
        let said: Vec<&str> =
            detections.iter().map(|one| one.reason.as_str()).filter(|text| !text.is_empty()).collect();
        assert!(said.len() <= detections.len());
        for text in said {
            assert!(!text.starts_with(char::is_uppercase) && text.len() < 600, "{text}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The events of five clerks behind one role, of whom the last looks up twenty people and the others six each.
fn clerks(told: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for turn in 0..20_u16 {
        for clerk in 0..5_u16 {
            if clerk < 4 && turn >= 6 {
                continue;
            }
            let seconds = i64::from(turn) * 120 + i64::from(clerk);
            let mut one = event(&Spec {
                seconds,
                user: 0,
                client: 0,
                session: 1,
                number: seconds.unsigned_abs() + 1,
                form: 0,
                rows: Some(1),
                person: clerk * 100 + turn,
                outcome: 1,
                witness: Witness::Audit,
            });
            let person = if told { format!("clerk{clerk}") } else { kuzet_event::UNTOLD.to_owned() };
            one.actor = Arc::new(kuzet_event::Actor { person: Arc::from(person), ..(*one.actor).clone() });
            events.push(one);
        }
    }
    events
}

/// Who is told, once each, under a policy of one rule.
fn blamed(policy: &str, events: &[Event]) -> Vec<String> {
    let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
    let policy = Policy::parse(policy, "policy.toml").unwrap();
    let mut detectors = Detectors::new(catalogue, Some(policy), Thresholds::default(), Severities::default());
    let mut found: Vec<Detection> = Vec::new();
    events.iter().for_each(|one| detectors.observe(one, &mut found));
    let broken = found.iter().filter(|one| [Kind::PolicyViolation, Kind::Enumeration].contains(&one.kind));
    let people: BTreeSet<String> = broken.map(|one| one.actor.person.to_string()).collect();
    people.into_iter().collect()
}

#[test]
fn one_clerk_of_five_behind_a_role_is_told_apart() {
    let limit = "[[allow]]\nrole = 'app'\nmay = 'read'\nstore = 'borrowers'\nmax_people_per_hour = 15\n";
    assert_eq!(blamed(limit, &clerks(true)), ["clerk4"]);
    // Nobody told: the role as a whole is over the limit.
    assert_eq!(blamed(limit, &clerks(false)), ["?"]);
    let named = format!("{limit}person = ['clerk0', 'clerk1']\n").replace("15", "50");
    assert_eq!(blamed(&named, &clerks(true)), ["clerk2", "clerk3", "clerk4"]);
    assert_eq!(blamed(&named.replace("'clerk0'", "'*'"), &clerks(true)), [""; 0]);
    assert_eq!(blamed(&named.replace("'clerk0'", "'*'"), &clerks(false)), ["?"]);
}
