//! Words for stories of files: what is moved there are files with people in them, and not rows.

use crate::Incident;
use crate::describe::counted;
use crate::text::thousands;
use kuzet_detect::Kind;

/// Where files were changed in numbers.
pub(crate) const CHANGED: [&str; 2] = [
    "take the folder off the network, keep the program and what it wrote: do not restart the host",
    "keep the last backup from being written over",
];
/// Where files lie that may not.
const HELD: [&str; 2] = [
    "move them to a folder that is meant for them, or delete them and their copies",
    "if they may lie there, say so with owner, basis and expiry: docs/folders.md",
];

/// The people of files, file by file.
pub(crate) fn people(incident: &Incident) -> String {
    let rows = &incident.rows;
    let known = match rows.moved() {
        0 => String::new(),
        people => format!("{} people in them, each counted in every file and at every deed", thousands(people)),
    };
    let unknown = match rows.unknown_parts {
        0 => String::new(),
        parts => format!("{} at files whose people are not known", counted(parts, "detection")),
    };
    let undone = match rows.undone {
        0 => String::new(),
        people => format!("{} people in files that were refused", thousands(people)),
    };
    [known, unknown, undone].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What to do about files that lie somewhere.
pub(crate) fn held(incident: &Incident, asked: &str) -> Vec<String> {
    if incident.kinds.iter().all(|one| one.kind == Kind::EncryptedFile) {
        return vec![
            format!("ask {asked} what the file holds and for whom it was packed, and have it opened"),
            "look who made it and what they had read before (related incidents)".to_owned(),
        ];
    }
    let asked = format!("ask {asked} what the files are kept for, and on which basis");
    std::iter::once(asked).chain(HELD.map(str::to_owned)).collect()
}
