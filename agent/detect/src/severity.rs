//! The severity table: kind × volume × outcome × class of store → severity. Content is in rules/severity.toml.

use crate::toml_file::{self, Reader, Word};
use crate::{Diagnostic, Kind, Severity, StoreClass};
use kuzet_event::{Count, Outcome};
use toml::de::DeTable;

/// How much was moved, as a word of the table. Bounds stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Volume {
    /// Nothing, or a volume that plays no part.
    None,
    /// Less than `some`.
    Few,
    /// From `some`.
    Some,
    /// From `many`.
    Many,
    /// From `mass`.
    Mass,
    /// The log does not say.
    Unknown,
}

const VOLUMES: [(&str, Volume); 6] = [
    ("none", Volume::None),
    ("few", Volume::Few),
    ("some", Volume::Some),
    ("many", Volume::Many),
    ("mass", Volume::Mass),
    ("unknown", Volume::Unknown),
];
const OUTCOMES: [(&str, Outcome); 3] =
    [("unknown", Outcome::Unknown), ("success", Outcome::Success), ("failure", Outcome::Failure)];
const CLASSES: [(&str, Option<StoreClass>); 3] =
    [("restricted", Some(StoreClass::Restricted)), ("public", Some(StoreClass::Public)), ("none", None)];
const SEVERITIES: [(&str, Severity); 4] =
    [("low", Severity::Low), ("medium", Severity::Medium), ("high", Severity::High), ("critical", Severity::Critical)];

/// The table, every combination answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severities {
    bounds: [u64; 3],
    cells: Vec<Severity>,
}

const ROW: usize = VOLUMES.len() * OUTCOMES.len() * CLASSES.len();

fn cell(kind: Kind, volume: usize, outcome: usize, class: usize) -> usize {
    kind as usize * ROW + (volume * OUTCOMES.len() + outcome) * CLASSES.len() + class
}

impl Severities {
    /// The table that ships with the agent.
    pub const EMBEDDED: &'static str = include_str!("../../../rules/severity.toml");

    /// Reads a table. Rules are tried from top to bottom, the first that fits answers.
    ///
    /// # Errors
    /// Every fault at once; a combination that no rule answers and a rule that answers none are faults.
    pub fn parse(text: &str, file_name: &str) -> Result<Severities, Vec<Diagnostic>> {
        let mut reader = Reader::new(text, file_name);
        let root = reader.parse();
        reader.known_keys(&root, &["volume", "rule"], "the severity table");
        let bounds = read_bounds(&mut reader, &root);
        let mut cells: Vec<Option<Severity>> = vec![None; Kind::ALL.len() * ROW];
        for (table, span) in reader.tables(&root, "rule") {
            reader.known_keys(table, &["kind", "volume", "outcome", "class", "severity"], "[[rule]]");
            let kinds: Vec<(&str, Kind)> = Kind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
            let kinds = choose(&mut reader, table, "kind", &kinds);
            let volumes = choose(&mut reader, table, "volume", &VOLUMES);
            let outcomes = choose(&mut reader, table, "outcome", &OUTCOMES);
            let classes = choose(&mut reader, table, "class", &CLASSES);
            let word = reader.required(table, "severity", &span, "low, medium, high or critical");
            let Some(severity) = word.and_then(|word| one(&mut reader, &word, "severity", &SEVERITIES)) else {
                continue;
            };
            let mut answered = 0;
            for kind in &kinds {
                for volume in &volumes {
                    for outcome in &outcomes {
                        for class in &classes {
                            let at = cell(Kind::ALL[*kind], *volume, *outcome, *class);
                            if cells[at].is_none() {
                                cells[at] = Some(severity);
                                answered += 1;
                            }
                        }
                    }
                }
            }
            if answered == 0 {
                let help = "rules above it answer all of its combinations: move it up or drop it";
                reader.fault(span, toml_file::DUPLICATE, "this rule never answers".to_owned(), help);
            }
        }
        if let Some(at) = cells.iter().position(Option::is_none)
            && reader.faults.is_empty()
        {
            let message = format!("no rule answers for kind {}", Kind::ALL[at / ROW].name());
            let help = "end the table with a rule that names only a severity";
            reader.fault(0..0, toml_file::MISSING_KEY, message, help);
        }
        let cells = cells.into_iter().map(|cell| cell.unwrap_or(Severity::High)).collect();
        reader.finish(Severities { bounds, cells })
    }

    /// The word for a number of rows or people.
    #[must_use]
    pub fn volume(&self, rows: Count) -> Volume {
        let [some, many, mass] = self.bounds;
        match rows {
            Count::Unknown => Volume::Unknown,
            Count::Known(0) => Volume::None,
            Count::Known(rows) if rows >= mass => Volume::Mass,
            Count::Known(rows) if rows >= many => Volume::Many,
            Count::Known(rows) if rows >= some => Volume::Some,
            Count::Known(_) => Volume::Few,
        }
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self, kind: Kind, volume: Volume, outcome: Outcome, class: Option<StoreClass>) -> Severity {
        let place = |found: Option<usize>| found.unwrap_or(0);
        let volume = place(VOLUMES.iter().position(|(_, word)| *word == volume));
        let outcome = place(OUTCOMES.iter().position(|(_, word)| *word == outcome));
        let class = place(CLASSES.iter().position(|(_, word)| *word == class));
        self.cells.get(cell(kind, volume, outcome, class)).copied().unwrap_or(Severity::High)
    }
}

impl Default for Severities {
    /// The embedded table (a test proves that it can be read).
    fn default() -> Severities {
        Severities::parse(Severities::EMBEDDED, "rules/severity.toml").unwrap_or_else(|_| Severities {
            bounds: [100, 1_000, 10_000],
            cells: vec![Severity::High; Kind::ALL.len() * ROW],
        })
    }
}

fn read_bounds(reader: &mut Reader<'_>, root: &DeTable<'_>) -> [u64; 3] {
    let mut bounds = [100, 1_000, 10_000];
    let Some(value) = root.get("volume") else { return bounds };
    let Some(table) = value.get_ref().as_table() else {
        let help = "write [volume] with some, many, mass";
        reader.fault(value.span(), toml_file::WRONG_TYPE, "`volume` is not a table".to_owned(), help);
        return bounds;
    };
    reader.known_keys(table, &["some", "many", "mass"], "[volume]");
    for (bound, key) in bounds.iter_mut().zip(["some", "many", "mass"]) {
        *bound = reader.number(table, key).unwrap_or(*bound);
    }
    if !(bounds[0] < bounds[1] && bounds[1] < bounds[2]) {
        let message = "the bounds do not grow".to_owned();
        reader.fault(value.span(), toml_file::BAD_VALUE, message, "some < many < mass");
    }
    bounds
}

/// Positions of the words under `key`; all of them when the key is not there.
fn choose<T: Copy>(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str, words: &[(&str, T)]) -> Vec<usize> {
    let Some(chosen) = reader.strings(table, &[key]) else { return (0..words.len()).collect() };
    let positions: Vec<(&str, usize)> = words.iter().enumerate().map(|(at, (word, _))| (*word, at)).collect();
    chosen.iter().filter_map(|word| one(reader, word, key, &positions)).collect()
}

fn one<T: Copy>(reader: &mut Reader<'_>, (word, span): &Word, key: &str, words: &[(&str, T)]) -> Option<T> {
    let found = words.iter().find(|(known, _)| known == word).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let message = format!("unknown {key} `{word}`");
        reader.fault(span.clone(), toml_file::BAD_VALUE, message, &format!("one of {}", known.join(", ")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_an_answer() {
        let table = Severities::parse(Severities::EMBEDDED, "rules/severity.toml").unwrap();
        assert_eq!(table.cells.len(), Kind::ALL.len() * ROW);
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }

    #[test]
    fn failure_is_never_graver_than_success_and_public_never_than_restricted() {
        let table = Severities::default();
        for kind in Kind::ALL {
            for (_, volume) in VOLUMES {
                for (_, class) in CLASSES {
                    let of = |outcome| table.answer(kind, volume, outcome, class);
                    assert!(of(Outcome::Failure) <= of(Outcome::Success), "{kind:?} {volume:?} {class:?}");
                }
                for (_, outcome) in OUTCOMES {
                    let of = |class| table.answer(kind, volume, outcome, Some(class));
                    assert!(of(StoreClass::Public) <= of(StoreClass::Restricted), "{kind:?} {volume:?}");
                }
            }
        }
    }

    #[test]
    fn more_is_never_less_grave() {
        let table = Severities::default();
        for kind in Kind::ALL {
            for (_, outcome) in OUTCOMES {
                for (_, class) in CLASSES {
                    let of = |volume: usize| table.answer(kind, VOLUMES[volume].1, outcome, class);
                    for volume in 1..5 {
                        assert!(of(volume - 1) <= of(volume), "{kind:?} {outcome:?} {class:?} {volume}");
                    }
                }
            }
        }
    }

    #[test]
    fn tells_gaps_and_dead_rules() {
        let gap = Severities::parse("[[rule]]\nkind = \"export\"\nseverity = \"high\"\n", "s").unwrap_err();
        assert_eq!(gap[0].code, "KZ204");
        let dead = "[[rule]]\nseverity = \"high\"\n[[rule]]\nkind = \"exprt\"\nseverity = \"low\"\n";
        let faults = Severities::parse(dead, "s").unwrap_err();
        assert!(faults.iter().any(|fault| fault.code == "KZ206" && fault.line == 3));
        assert!(faults.iter().any(|fault| fault.code == "KZ205" && fault.line == 4));
    }
}
