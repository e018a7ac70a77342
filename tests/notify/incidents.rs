//! Incidents to tell. SOURCE: invented; nobody exists.

use kuzet_detect::{Detection, Kind, Severity, Store, StoreClass};
use kuzet_event::{Actor, Client, Count, Outcome, PersonKey, Place, SessionId, SourceId, System, Timestamp, Trust};
use kuzet_incident::{Act, ActKind, FoldConfig, Folder, Incident, SourceInfo, Verdict};
use std::sync::Arc;

/// One detection by `user` at `at`.
pub fn detection(user: &str, kind: Kind, severity: Severity, at: Timestamp) -> Detection {
    let actor = Actor {
        system: System::Postgresql,
        user: user.into(),
        client: Client::Address([192, 0, 2, 7].into()),
        program: "psql".into(),
        database: "mfo".into(),
        person: Arc::from(""),
    };
    let store = Store {
        name: "borrowers".into(),
        class: StoreClass::Restricted,
        persons: Count::Known(10_000),
        categories: vec!["name".into(), "iin".into()],
        guessed: false,
    };
    Detection {
        detector: "bulk_read",
        rule: None,
        kind,
        severity,
        clause: "5.5",
        since: at,
        at,
        place: Place { source: SourceId(0), ..Place::default() },
        actor: Arc::new(actor),
        session: SessionId(7),
        store: Some(Arc::new(store)),
        relations: Vec::new(),
        categories: vec!["iin".into()],
        outcome: Outcome::Success,
        statement: None,
        events: 1,
        rows: Count::Known(12_000),
        witness: kuzet_event::Witness::Audit,
        measures: false,
        people_at_most: Count::Known(10_000),
        people: vec![PersonKey(1)],
        transfer: None,
        reason: "12000 rows of borrowers in one statement".into(),
    }
}

/// A folder of one source, `pg`.
pub fn folder() -> Folder {
    let sources = vec![SourceInfo { name: "pg".into(), trust: Trust::Structured }];
    Folder::new(FoldConfig { sources, ..FoldConfig::default() })
}

/// One incident and what became of it: opened, graver, closed.
pub fn life(user: &str, at: Timestamp) -> [Incident; 3] {
    let mut folder = folder();
    let first = |folder: &mut Folder| folder.changes().pop().unwrap().incident.as_ref().clone();
    folder.fold(&detection(user, Kind::BulkRead, Severity::High, at), at);
    let opened = first(&mut folder);
    folder.fold(&detection(user, Kind::Export, Severity::Critical, at), at);
    let graver = first(&mut folder);
    let act = Act {
        kind: ActKind::Close { verdict: Verdict::Authorised },
        reason: "change request".into(),
        by: "oncall".into(),
    };
    folder.act(opened.id, &act, at).unwrap();
    [opened, graver, first(&mut folder)]
}

/// The JSON of one.
pub fn json(incident: &Incident) -> String {
    incident.to_json().unwrap()
}
