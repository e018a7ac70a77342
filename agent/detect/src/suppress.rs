//! What a person declared to be noise: who, doing what, where, for how long, and who answers for it. What it silences is
//! counted, and nothing about the agent's own sight is silenced by the way.

use crate::detectors::DETECTORS;
use crate::engine::Row;
use crate::policy::{ClientPattern, parse};
use crate::toml_file::{self, Reader, Word, glob};
use crate::{Detection, Diagnostic, Kind};
use kuzet_event::{Timestamp, UNTOLD};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::de::DeTable;

/// Begins the row keys of what was counted under a name that a person gave.
pub(crate) const COUNT_TAG: u8 = b'v';
/// Follows it: a suppression.
const SUPPRESSION: u8 = b's';
/// Names of suppressions and jobs are labels of metrics: so many of them.
pub(crate) const MOST_NAMES: usize = 256;

const KEYS: [&str; 17] = [
    "name",
    "kind",
    "kinds",
    "rule",
    "rules",
    "detector",
    "detectors",
    "role",
    "roles",
    "person",
    "persons",
    "client",
    "clients",
    "program",
    "programs",
    "store",
    "stores",
];
const ANSWERS: [&str; 4] = ["owner", "reason", "expires", "offset"];

/// Kinds that a suppression silences only when it names them.
const OUTRIGHT: [Kind; 4] = [Kind::SightLost, Kind::AuditTampering, Kind::BlindedSession, Kind::Canary];

/// How often something that a person named took place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Times.
    pub times: u64,
    /// The latest of them.
    pub last: Option<Timestamp>,
}

/// One `[[suppress]]`.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    line: usize,
    kinds: Option<Vec<Kind>>,
    rules: Option<Vec<String>>,
    detectors: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    persons: Option<Vec<String>>,
    clients: Option<Vec<ClientPattern>>,
    programs: Option<Vec<String>>,
    stores: Option<Vec<String>>,
    owner: String,
    until: Timestamp,
    counted: Counted,
    dirty: bool,
}

/// The suppressions of one file, with what they silenced.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    entries: Vec<Entry>,
    file: String,
}

impl Suppressions {
    /// Reads a file of suppressions (docs/noise.md).
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn parse(text: &str, file_name: &str) -> Result<Suppressions, Vec<Diagnostic>> {
        let mut reader = Reader::new(text, file_name);
        let root = reader.parse();
        reader.known_keys(&root, &["suppress"], "the suppressions");
        let mut entries: Vec<Entry> = Vec::new();
        for (table, span) in reader.tables(&root, "suppress") {
            if let Some(entry) = read(&mut reader, text, table, &span, &entries) {
                entries.push(entry);
            }
        }
        reader.finish(Suppressions { entries, file: file_name.to_owned() })
    }

    /// Names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one of them silences `detection`, at the time of its event. It is counted for the first that does.
    pub fn silence(&mut self, detection: &Detection) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.fits(detection)) else { return false };
        entry.counted.times += 1;
        entry.counted.last = entry.counted.last.max(Some(detection.at));
        entry.dirty = true;
        true
    }

    /// What each of them silenced since it was first configured.
    pub fn counted(&self) -> impl Iterator<Item = (&str, Counted)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.counted))
    }

    /// A warning for each that has expired at `now`: what it silenced is told again.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        self.entries.iter().filter(move |entry| now >= entry.until).map(|entry| Diagnostic {
            code: toml_file::EXPIRED.to_owned(),
            file: self.file.clone(),
            line: entry.line,
            column: 0,
            message: format!("suppression `{}` has expired and silences nothing", entry.name),
            help: format!("ask {} whether it is still meant: set a later `expires`, or take it out", entry.owner),
            warning: true,
        })
    }

    /// Rows of what was counted since the last call.
    pub fn changes(&mut self) -> Vec<Row> {
        let row = |entry: &mut Entry| {
            let changed = std::mem::take(&mut entry.dirty);
            changed.then(|| (row_key(SUPPRESSION, &entry.name), serde_json::to_vec(&entry.counted).ok()))
        };
        self.entries.iter_mut().filter_map(row).collect()
    }

    /// Takes back what [`changes`](Suppressions::changes) gave; other rows are passed over.
    pub fn restore<'r>(&mut self, rows: impl IntoIterator<Item = (&'r Vec<u8>, &'r Vec<u8>)>) {
        for (key, value) in rows {
            let Some(name) = row_name(key, SUPPRESSION) else { continue };
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == name)
                && let Ok(counted) = serde_json::from_slice(value)
            {
                entry.counted = counted;
            }
        }
    }
}

/// What a row of detector state counts: `suppression` or `job`, its name and how often; `None` for any other row.
#[must_use]
pub fn counted_row<'r>(key: &'r [u8], value: &[u8]) -> Option<(&'static str, &'r str, Counted)> {
    let (what, kind) = match key {
        [COUNT_TAG, SUPPRESSION, ..] => ("suppression", SUPPRESSION),
        [COUNT_TAG, JOB, ..] => ("job", JOB),
        _ => return None,
    };
    Some((what, row_name(key, kind)?, serde_json::from_slice(value).ok()?))
}

/// Follows [`COUNT_TAG`]: a declared job.
pub(crate) const JOB: u8 = b'j';

pub(crate) fn row_key(kind: u8, name: &str) -> Vec<u8> {
    [&[COUNT_TAG, kind], name.as_bytes()].concat()
}

pub(crate) fn row_name(key: &[u8], kind: u8) -> Option<&str> {
    let rest = key.strip_prefix(&[COUNT_TAG, kind])?;
    std::str::from_utf8(rest).ok()
}

impl Entry {
    fn fits(&self, detection: &Detection) -> bool {
        let actor = &detection.actor;
        let any = |list: &Option<Vec<String>>, text: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| glob(one, text)))
        };
        let told = !actor.person.is_empty() && *actor.person != *UNTOLD;
        let rule = || {
            let of = |list: &Vec<String>| {
                detection
                    .rule
                    .as_ref()
                    .is_some_and(|rule| list.iter().any(|one| glob(one, &rule.name) || glob(one, &rule.id)))
            };
            self.rules.as_ref().is_none_or(of)
        };
        let kind = match &self.kinds {
            Some(kinds) => kinds.contains(&detection.kind),
            None => !OUTRIGHT.contains(&detection.kind),
        };
        kind && detection.at < self.until
            && self.detectors.as_ref().is_none_or(|list| list.iter().any(|one| one == detection.detector))
            && rule()
            && any(&self.roles, &actor.user)
            && (self.persons.is_none() || told && any(&self.persons, &actor.person))
            && any(&self.programs, &actor.program)
            && self.clients.as_ref().is_none_or(|list| list.iter().any(|one| one.fits(&actor.client)))
            && self.stores.as_ref().is_none_or(|list| {
                detection.store.as_ref().is_some_and(|store| list.iter().any(|one| glob(one, &store.name)))
            })
    }

    /// Whether nothing narrows it.
    fn is_everything(&self) -> bool {
        let narrows = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.iter().any(|one| one == "*"));
        let lists = [&self.rules, &self.detectors, &self.roles, &self.persons, &self.programs, &self.stores];
        let from_anywhere = |list: &Vec<ClientPattern>| list.iter().any(ClientPattern::is_everywhere);
        self.kinds.is_none() && self.clients.as_ref().is_none_or(from_anywhere) && !lists.into_iter().any(narrows)
    }
}

/// Reads a name that becomes a label of metrics, once in its file.
pub(crate) fn read_name(reader: &mut Reader<'_>, (name, span): Word, taken: bool) -> Option<String> {
    if name.len() > 64 || name.chars().any(char::is_control) {
        let help = "use at most 64 letters, digits, spaces and signs: the name is a metric label";
        reader.fault(span, toml_file::BAD_VALUE, "the name is not usable".to_owned(), help);
        return None;
    }
    if taken {
        reader.fault(span, toml_file::DUPLICATE, format!("`{name}` stands twice"), "give each its own name");
        return None;
    }
    Some(name)
}

/// Owner, reason and expiry, without which nothing is silenced; gives owner and the first moment after it.
pub(crate) fn read_answers(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    span: &Range<usize>,
    until: Option<Timestamp>,
) -> Option<(String, Timestamp)> {
    let owner = reader.required(table, "owner", span, "who answers for it: owner = \"credit department\"");
    let reason = reader.required(table, "reason", span, "why it is no incident: reason = \"nightly backup\"");
    if !table.contains_key("expires") {
        let help = "the last day on which it holds: expires = 2027-01-31";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "`expires` is missing".to_owned(), help);
    }
    Some((owner?.0, reason.and(until)?))
}

fn read(
    reader: &mut Reader<'_>,
    text: &str,
    table: &DeTable<'_>,
    span: &Range<usize>,
    before: &[Entry],
) -> Option<Entry> {
    reader.known_keys(table, &[&KEYS[..], &ANSWERS].concat(), "[[suppress]]");
    if before.len() >= MOST_NAMES {
        let message = format!("more than {MOST_NAMES} suppressions");
        reader.fault(span.clone(), toml_file::BAD_VALUE, message, "join some of them, or mend what makes the noise");
        return None;
    }
    let name = reader.required(table, "name", span, "what it is called in metrics: name = \"reports at night\"");
    let name = name.and_then(|(name, at)| {
        let taken = before.iter().any(|other| other.name == name);
        read_name(reader, (name, at), taken)
    });
    let kinds = reader.strings(table, &["kind", "kinds"]).map(|words| {
        let known = Kind::ALL.map(Kind::name);
        known_words(reader, words, "kind", &known).iter().filter_map(|word| kind(word)).collect()
    });
    let detectors = reader.strings(table, &["detector", "detectors"]).map(|words| {
        let known: Vec<&str> = DETECTORS.iter().map(|one| one.name).chain(["sight"]).collect();
        known_words(reader, words, "detector", &known)
    });
    let clients = reader.strings(table, &["client", "clients"]);
    let clients = clients.map(|words| words.iter().filter_map(|word| parse::read_client(reader, word)).collect());
    let mut list = |keys: [&str; 2]| reader.strings_or_empty(table, &keys).map(parse::texts);
    let (rules, roles, persons) = (list(["rule", "rules"]), list(["role", "roles"]), list(["person", "persons"]));
    let (programs, stores) = (list(["program", "programs"]), list(["store", "stores"]));
    let offset = parse::read_offset(reader, table);
    let until = parse::read_expiry(reader, text, table, offset);
    let answers = read_answers(reader, table, span, until);
    let line = text.get(..span.start.min(text.len())).unwrap_or_default().matches('\n').count() + 1;
    let (owner, until) = answers.unwrap_or_default();
    let entry = Entry {
        name: name?,
        line,
        kinds,
        rules,
        detectors,
        roles,
        persons,
        clients,
        programs,
        stores,
        owner,
        until,
        counted: Counted::default(),
        dirty: false,
    };
    if entry.is_everything() {
        let help = "name a kind, rule, detector, role, person, client, program or store that is not \"*\"";
        reader.fault(span.clone(), toml_file::TOO_WIDE, "the suppression silences everything".to_owned(), help);
    }
    Some(entry)
}

fn kind(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == word)
}

/// The words that are of `known`; the others are faults.
fn known_words(reader: &mut Reader<'_>, words: Vec<Word>, what: &str, known: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (word, span) in words {
        if known.contains(&word.as_str()) {
            found.push(word);
            continue;
        }
        let help = match toml_file::nearest(&word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        reader.fault(span, toml_file::UNDEFINED, format!("no {what} is called `{word}`"), &help);
    }
    found
}

#[cfg(test)]
mod tests;
