//! Detections made by hand and a model of the store, shared by the tests of the folder.

use kuzet_detect::{Detection, Kind, Severity, Store, StoreClass};
use kuzet_event::*;
use kuzet_incident::{Change, FoldConfig, Folder, Incident, IncidentId, Saved, Sketch, SourceInfo, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const START: Timestamp = Timestamp(1_795_000_000_000_000);

pub(crate) fn seconds(number: u64) -> Timestamp {
    START + Duration::from_secs(number)
}

pub(crate) fn config() -> FoldConfig {
    let source = |name: &str, trust| SourceInfo { name: Arc::from(name), trust };
    let sources = vec![source("pg", Trust::Structured), source("maria", Trust::Forgeable)];
    FoldConfig { sources, ..FoldConfig::default() }
}

pub(crate) fn store(persons: Count) -> Arc<Store> {
    let categories = ["name", "iin", "phone_mobile"].map(Arc::from).to_vec();
    Arc::new(Store { name: Arc::from("mfo"), class: StoreClass::Restricted, persons, categories, guessed: false })
}

pub(crate) fn actor(user: &str, client: &str) -> Arc<Actor> {
    Arc::new(Actor {
        system: System::Postgresql,
        user: Arc::from(user),
        client: client.parse().map_or(Client::Local, Client::Address),
        program: Arc::from("psql"),
        database: Arc::from("mfo"),
        person: Arc::from(""),
    })
}

pub(crate) fn statement(verb: Verb, summary: &str) -> Statement {
    Statement {
        fingerprint: summary.len() as u64,
        summary: Arc::from(summary),
        verb,
        relations: Vec::new(),
        columns: Vec::new(),
        predicate_columns: Vec::new(),
        export: None,
        flags: Flags::NONE,
        limit: None,
        settings: Vec::new(),
        role: None,
        routines: Vec::new(),
    }
}

/// A read of `rows` rows from the store, done.
pub(crate) fn detection(user: &str, kind: Kind, at: Timestamp, rows: Count) -> Detection {
    Detection {
        detector: "test",
        rule: None,
        kind,
        severity: Severity::High,
        clause: "5.5",
        since: at,
        at,
        place: Place { source: SourceId(0), file: FileId(7), offset: at.0.unsigned_abs() % 1_000_000_007, length: 120 },
        actor: actor(user, "192.0.2.7"),
        session: SessionId(0),
        store: Some(store(Count::Known(10_000))),
        relations: vec![Relation { schema: Arc::from("public"), name: Arc::from("borrowers"), access: Access::Read }],
        categories: Vec::new(),
        outcome: Outcome::Success,
        statement: Some(Arc::new(statement(Verb::Select, "SELECT iin FROM borrowers WHERE iin = ?"))),
        events: 1,
        rows,
        witness: kuzet_event::Witness::Audit,
        measures: false,
        people_at_most: Count::Unknown,
        people: Vec::new(),
        transfer: None,
        reason: format!("{rows} rows read"),
    }
}

pub(crate) fn people(range: std::ops::Range<u64>) -> Vec<PersonKey> {
    range.map(|n| PersonKey(u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))).collect()
}

pub(crate) fn fold(folder: &mut Folder, detections: &[Detection]) -> Vec<Incident> {
    detections.iter().for_each(|one| folder.fold(one, one.at + Duration::from_millis(300)));
    folder.changes();
    folder.incidents().cloned().collect()
}

/// Keeps what a real store keeps, through JSON.
#[derive(Default)]
pub(crate) struct Model {
    order: Vec<IncidentId>,
    kept: BTreeMap<IncidentId, Kept>,
}

struct Kept {
    json: String,
    state: Vec<u8>,
    live: bool,
    people: BTreeSet<PersonKey>,
    sketch: Option<Vec<u8>>,
}

impl Model {
    pub(crate) fn record(&mut self, changes: &[Change]) {
        for change in changes {
            let id = change.incident.id;
            if change.what == What::Opened && self.kept.remove(&id).is_some() {
                self.order.retain(|one| *one != id);
            }
            let kept = self.kept.entry(id).or_insert_with(|| {
                self.order.push(id);
                Kept { json: String::new(), state: Vec::new(), live: true, people: BTreeSet::new(), sketch: None }
            });
            kept.json = change.incident.to_json().unwrap();
            kept.state.clone_from(&change.state);
            kept.live = change.live;
            kept.people.extend(&change.people);
            if let Some(sketch) = &change.sketch {
                kept.people.clear();
                kept.sketch = Some(sketch.bytes().to_vec());
            }
        }
    }

    pub(crate) fn saved(&self) -> Vec<Saved> {
        let live = self.order.iter().map(|id| &self.kept[id]).filter(|kept| kept.live);
        live.map(|kept| Saved {
            incident: Incident::from_json(&kept.json).unwrap(),
            state: kept.state.clone(),
            people: kept.people.iter().copied().collect(),
            sketch: kept.sketch.as_ref().map(|bytes| Sketch::from_bytes(bytes).unwrap()),
        })
        .collect()
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|id| self.kept[id].json.as_str())
    }
}
