//! What the agent's own inspections found in files, one JSON object a line, as `agent/kuzet/inventory` writes them.
//!
//! ```text
//! {"inventory":"file","at":…,"path":"/srv/dossiers/a.docx","owner":"maria","bytes":48123,"signature":"00c3…","digest":"9f…","known":false,"exposed":false,"persons":2,"people":["0f…","a1…"],"kinds":[["iin",2],["phone",1]],"documents":[{"kind":"identity_card","state":"KAZ","confidence":"certain","page":1,"signs":["scanner"]}],"encrypted":false,"missed":["pages"]}
//! {"inventory":"folder","at":…,"path":"/srv/dossiers/2026"}
//! {"inventory":"folder","at":…,"path":"/srv/disk","signature":"1"}
//! {"inventory":"gone","at":…,"keys":["5be1…","77d0…"]}
//! ```
//!
//! Where another file system begins, a folder has a signature.
//! People are keyed hashes already: the worker that looked inside made them. Of what is gone, hashes of the paths of its folder and
//! of its own are all that was kept. Times are microseconds since 1970.

use crate::account::Lines;
use crate::format::DecodeOptions;
use crate::names;
use crate::paths::Paths;
use crate::postgres::Verdict;
use crate::{Actors, Chunk, Decoded, Decoder, blank};
use kuzet_event::{
    Action, Count, Deed, Event, FileAct, FilePath, Holding, IdentityDocument, Outcome, PersonKey, Place, System,
    Timestamp,
};
use kuzet_personal::{Key, Kind};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// People of one file that are kept.
const PEOPLE: usize = 4_096;
/// Identity documents of one file, signs and reasons that are kept.
const DOCUMENTS: usize = 64;
const WORDS: usize = 16;

/// Decoder of an inventory's lines.
pub(crate) struct Inventory {
    actors: Actors,
    lines: Lines,
    key: Key,
    paths: Paths,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "inventory")]
    kind: Cow<'a, str>,
    at: i64,
    #[serde(borrow, default)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    keys: Option<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(borrow, default)]
    owner: Cow<'a, str>,
    bytes: Option<u64>,
    #[serde(borrow, default)]
    signature: Cow<'a, str>,
    #[serde(borrow, default)]
    digest: Cow<'a, str>,
    #[serde(default)]
    known: bool,
    #[serde(default)]
    exposed: bool,
    #[serde(default)]
    persons: u64,
    #[serde(borrow, default)]
    people: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    kinds: Vec<(Cow<'a, str>, u64)>,
    #[serde(borrow, default)]
    documents: Vec<Document<'a>>,
    #[serde(default)]
    encrypted: bool,
    #[serde(borrow, default)]
    missed: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    state: Cow<'a, str>,
    #[serde(borrow, default)]
    confidence: Cow<'a, str>,
    #[serde(default)]
    page: u32,
    #[serde(borrow, default)]
    signs: Vec<Cow<'a, str>>,
}

impl Inventory {
    pub(crate) fn new(options: &DecodeOptions) -> Inventory {
        let key = options.key.clone();
        Inventory { actors: Actors::new(System::Linux), lines: Lines::default(), paths: Paths::new(&key), key }
    }

    fn record(&mut self, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let line = std::str::from_utf8(bytes).ok().filter(|_| recognises(bytes));
        let Some(line) = line.and_then(|text| sonic_rs::from_str::<Line<'_>>(text).ok()) else { return Verdict::Lost };
        let holding = match line.kind.as_ref() {
            "file" => match holding(&line) {
                Some(holding) => Some(Arc::new(holding)),
                None => return Verdict::Lost,
            },
            // Where another file system begins.
            "folder" if !line.signature.is_empty() => holding(&line).map(Arc::new),
            "folder" | "gone" => None,
            _ => return Verdict::Lost,
        };
        let path = match &line.keys {
            Some((folder, key)) => gone(folder, key),
            None if line.path.starts_with('/') && line.kind != "gone" => Some(self.paths.path(&line.path)),
            None => None,
        };
        let Some(path) = path else { return Verdict::Lost };
        let owner = names::account(line.owner.as_bytes(), &self.key);
        let actor = self.actors.intern(owner.as_bytes(), b"[local]", b"", b"");
        let mut event = blank::event(Timestamp(line.at), place, actor, Action::File, Outcome::Success);
        event.file = Some(Arc::new(FileAct {
            deed: Deed::Inspect,
            path,
            to: None,
            folder: line.kind == "folder",
            bytes: line.bytes.map_or(Count::Unknown, Count::Known),
            holding,
        }));
        events.push(event);
        Verdict::Handled
    }
}

/// A path of which hashes are all that is known.
fn gone(folder: &str, key: &str) -> Option<FilePath> {
    let hash = |text: &str| u128::from_str_radix(text, 16).ok();
    Some(FilePath { shown: Arc::from(""), key: hash(key)?, folder: hash(folder)? })
}

fn holding(line: &Line<'_>) -> Option<Holding> {
    let people = line.people.iter().take(PEOPLE).map(|hash| u128::from_str_radix(hash, 16).map(PersonKey).ok());
    let people: Vec<PersonKey> = people.collect::<Option<_>>()?;
    let kinds = line.kinds.iter().filter_map(|(name, count)| Some((kind(name)?, *count)));
    let documents = line.documents.iter().take(DOCUMENTS).map(|one| {
        let signs = one.signs.iter().take(WORDS).filter_map(|sign| word(sign));
        Some(IdentityDocument {
            kind: word(&one.kind)?,
            state: state(&one.state)?,
            confidence: word(&one.confidence)?,
            page: one.page,
            signs: signs.collect(),
        })
    });
    Some(Holding {
        persons: line.persons.max(people.len() as u64),
        people,
        kinds: kinds.collect(),
        documents: documents.collect::<Option<_>>()?,
        encrypted: line.encrypted,
        missed: line.missed.iter().take(WORDS).filter_map(|why| word(why)).collect(),
        exposed: line.exposed,
        known: line.known,
        signature: u64::from_str_radix(&line.signature, 16).unwrap_or(0),
        digest: u128::from_str_radix(&line.digest, 16).unwrap_or(0),
    })
}

fn kind(name: &str) -> Option<Arc<str>> {
    Kind::ALL.into_iter().map(Kind::name).find(|known| *known == name).map(Arc::from)
}

/// A word of a closed list: no value has its form.
fn word(text: &str) -> Option<Arc<str>> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (plain && (1..=32).contains(&text.len()) && !kuzet_personal::names_person(text)).then(|| Arc::from(text))
}

/// Three letters of ICAO 9303, or none.
fn state(text: &str) -> Option<Arc<str>> {
    (text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| Arc::from(text))
}

impl Decoder for Inventory {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let decoded = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

/// Whether `line` could be a record of an inventory.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"inventory\":\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kuzet_event::{FileId, SourceId};

    fn decode(text: &str) -> (Vec<Event>, crate::Tally) {
        let mut events = Vec::new();
        let chunk =
            Chunk { source: SourceId(0), file: FileId(1), offset: 0, bytes: text.as_bytes(), edge: crate::Edge::End };
        let decoded = Inventory::new(&DecodeOptions::new(Key::new([7; 32]))).decode(chunk, &mut events);
        (events, decoded.tally)
    }

    #[test]
    fn what_was_found_comes_back() {
        let (events, _) = decode(
            "{\"inventory\":\"file\",\"at\":7,\"path\":\"/srv/d/a.docx\",\"owner\":\"maria\",\"bytes\":9,\"signature\":\"1f\",\"digest\":\"2e\",\"exposed\":true,\"persons\":3,\"people\":[\"a\",\"b\"],\"kinds\":[[\"iin\",4],[\"maria ivanova\",1]],\"documents\":[{\"kind\":\"passport\",\"state\":\"KAZ\",\"confidence\":\"certain\",\"page\":2,\"signs\":[\"scanner\"]}],\"missed\":[\"pages\",\"110101193346\"]}\n\
             {\"inventory\":\"gone\",\"at\":8,\"keys\":[\"5b\",\"77\"]}\n",
        );
        let act = events[0].file.as_deref().unwrap();
        let holding = act.holding.as_deref().unwrap();
        assert_eq!((act.deed, &*act.path.shown, &*events[0].actor.user), (Deed::Inspect, "/srv/d/a.docx", "maria"));
        assert_eq!(
            (holding.persons, holding.people.len(), holding.kinds.as_slice()),
            (3, 2, &[(Arc::from("iin"), 4)][..])
        );
        assert_eq!((&*holding.documents[0].state, holding.missed.len(), holding.exposed), ("KAZ", 1, true));
        assert_eq!((holding.signature, holding.digest), (0x1f, 0x2e));
        let gone = events[1].file.as_deref().unwrap();
        assert_eq!((gone.path.folder, gone.path.key, gone.holding.is_none()), (0x5b, 0x77, true));
    }

    #[test]
    fn what_is_no_inventory_is_lost() {
        let line = "{\"inventory\":\"file\",\"at\":7,\"path\":\"/a\",\"people\":[\"no hash\"]}\n{\"inventory\":\"else\",\"at\":7,\"path\":\"/a\"}\n";
        let (events, tally) = decode(line);
        assert_eq!((events.len(), tally.lost), (0, 2));
    }
}
