//! An incident for the tests of this folder. SOURCE: invented; nobody exists.

use kuzet_detect::{Detection, Kind, Severity, Store, StoreClass};
use kuzet_event::{Actor, Client, Count, Outcome, PersonKey, Place, SessionId, SourceId, System, Timestamp, Trust};
use kuzet_incident::{FoldConfig, Folder, Incident, SourceInfo};
use std::sync::Arc;

/// A running export by `analyst`.
pub(super) fn incident() -> Incident {
    let actor = Actor {
        system: System::Postgresql,
        user: "analyst".into(),
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
    let at = Timestamp(1_795_364_550_784_000);
    let detection = Detection {
        detector: "export",
        rule: None,
        kind: Kind::Export,
        severity: Severity::Critical,
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
        rows: Count::Unknown,
        witness: kuzet_event::Witness::Audit,
        measures: false,
        people_at_most: Count::Known(10_000),
        people: vec![PersonKey(1)],
        transfer: None,
        reason: "COPY of borrowers to the client".into(),
    };
    let sources = vec![SourceInfo { name: "pg".into(), trust: Trust::Structured }];
    let mut folder = Folder::new(FoldConfig { sources, ..FoldConfig::default() });
    folder.fold(&detection, at);
    folder.changes();
    folder.incidents().next().unwrap().clone()
}
