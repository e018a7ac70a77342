//! Stories of files in words: nothing in them is a row.

use crate::common::{actor, config, detection, fold, people, seconds};
use kuzet_detect::{Detection, Kind, Severity, Store, StoreClass};
use kuzet_event::{Actor, Client, Count, System};
use kuzet_incident::{Folder, describe};
use std::sync::Arc;

/// What `kind` is at a file of dossiers of `user`.
fn at_file(user: &str, kind: Kind, second: u64, people_in_it: Count, reason: &str) -> Detection {
    let (class, persons, categories) = (StoreClass::Restricted, Count::Unknown, Vec::new());
    let store = Store { name: Arc::from("folder/dossiers"), class, persons, categories, guessed: false };
    let account = Actor {
        system: System::Linux,
        client: Client::Local,
        program: Arc::from("cp"),
        database: Arc::from(""),
        ..Actor::clone(&actor(user, ""))
    };
    Detection {
        detector: "test",
        severity: Severity::Medium,
        actor: Arc::new(account),
        store: Some(Arc::new(store)),
        relations: Vec::new(),
        statement: None,
        people: people_in_it.known().map_or_else(Vec::new, |count| people(0..count)),
        reason: reason.to_owned(),
        ..detection(user, kind, seconds(second), people_in_it)
    }
}

#[test]
fn what_is_done_to_files_and_what_lies_in_them_is_told_without_rows() {
    let stories = [
        (
            "misplaced",
            vec![at_file("maria", Kind::MisplacedData, 0, Count::Known(12), "12 people in /srv/dossiers/a.xlsx")],
        ),
        ("encrypted", vec![at_file("", Kind::EncryptedFile, 0, Count::Unknown, "/srv/dossiers/a.zip is encrypted")]),
        (
            "read",
            vec![
                at_file("clerk", Kind::BulkRead, 0, Count::Known(40), "40 people read in /srv/dossiers/b.xlsx"),
                at_file("clerk", Kind::BulkRead, 5, Count::Unknown, "a file that nobody inspected"),
            ],
        ),
        ("destroyed", vec![at_file("clerk", Kind::Destruction, 0, Count::Known(40), "/srv/dossiers/b.xlsx removed")]),
    ];
    let mut told = String::new();
    for (name, detections) in stories {
        let incidents = fold(&mut Folder::new(config()), &detections);
        let text = describe(&incidents[0]);
        for word in [" row", " role", "identifiers in predicates", "table"] {
            assert!(!text.contains(word), "{name}: {word} in\n{text}");
        }
        told.push_str(&format!("== {name}\n{text}\n"));
    }
    // Names that change with the content of the story.
    let plain: Vec<&str> = told.lines().filter(|line| !line.contains("KZ-")).collect();
    let plain = plain.join("\n") + "\n";
    assert_eq!(plain, include_str!("files.txt"), "the words have changed: look at them, then at files.txt");
}
