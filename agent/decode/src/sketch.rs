//! Statement shapes of records that are no SQL: commands of MongoDB and Redis, acts of an application's journal.

use crate::names;
use crate::statement::{MOST, compared};
use kuzet_event::{Export, Flag, Flags, Identifier, Relation, RoleChange, Setting, Statement, Verb};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::fmt::Write as _;
use std::sync::Arc;

/// Most relations of a shape.
const RELATIONS: usize = 64;
/// Most columns, and most predicate columns.
const COLUMNS: usize = 256;
/// Longest summary, bytes.
const SUMMARY: usize = 512;
/// Longest name of a column that takes part in the hashing of its values, bytes.
const NAME: usize = 256;

/// A shape being put together.
pub(crate) struct Sketch {
    pub(crate) verb: Verb,
    pub(crate) flags: Flags,
    pub(crate) export: Option<Export>,
    pub(crate) limit: Option<u64>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) role: Option<RoleChange>,
    relations: Vec<Relation>,
    columns: Vec<Arc<str>>,
    /// As written, lower case: only for the keys of values, never shown.
    predicates: Vec<String>,
    pub(crate) identifiers: SmallVec<[Identifier; 1]>,
}

impl Sketch {
    pub(crate) fn new(verb: Verb) -> Sketch {
        Sketch {
            verb,
            flags: Flags::NONE,
            export: None,
            limit: None,
            settings: Vec::new(),
            role: None,
            relations: Vec::new(),
            columns: Vec::new(),
            predicates: Vec::new(),
            identifiers: SmallVec::new(),
        }
    }

    /// Adds a relation; its names are already fit to be shown.
    pub(crate) fn relation(&mut self, relation: Relation) {
        if self.relations.len() < RELATIONS && !self.relations.contains(&relation) {
            self.relations.push(relation);
        }
    }

    /// Whether it names a relation.
    pub(crate) fn has_relation(&self) -> bool {
        !self.relations.is_empty()
    }

    /// Adds a column that is returned or written.
    pub(crate) fn column(&mut self, name: &[u8]) {
        let name = names::shown(&last_part(name));
        if self.columns.len() < COLUMNS && !self.columns.contains(&name) {
            self.columns.push(name);
        }
    }

    /// Whether it names columns.
    pub(crate) fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Adds a column that is compared, without a single value.
    pub(crate) fn predicate(&mut self, name: &[u8]) -> Option<u16> {
        let name = last_part(name);
        let known = self.predicates.iter().position(|known| *known == name);
        let index = known.or_else(|| {
            (self.predicates.len() < COLUMNS).then(|| {
                self.predicates.push(name);
                self.predicates.len() - 1
            })
        })?;
        u16::try_from(index).ok()
    }

    /// Whether it compares anything.
    pub(crate) fn has_predicates(&self) -> bool {
        !self.predicates.is_empty()
    }

    /// Adds a value that a column is compared with; hashed as the same value in SQL is.
    pub(crate) fn compare(&mut self, key: &Key, name: &[u8], value: &[u8]) {
        let Some(index) = self.predicate(name) else { return };
        self.flags.insert(Flag::Pointed);
        if self.identifiers.len() < MOST
            && let Some(identifier) = compared(key, value, &self.predicates[usize::from(index)], index)
            && !self.identifiers.contains(&identifier)
        {
            self.identifiers.push(identifier);
        }
    }

    /// The shape. `word` is the operation's own word, a constant of the code or masked.
    pub(crate) fn finish(self, word: &str) -> (Arc<Statement>, SmallVec<[Identifier; 1]>) {
        let predicate_columns: Vec<Arc<str>> = self.predicates.iter().map(|name| names::shown(name)).collect();
        let mut summary = word.to_owned();
        let mut separator = " ";
        for Relation { schema, name, .. } in &self.relations {
            let dot = if schema.is_empty() { "" } else { "." };
            let _ = write!(summary, "{separator}{schema}{dot}{name}");
            separator = ", ";
        }
        for (mark, names) in [(" returning ", &self.columns), (" where ", &predicate_columns)] {
            if !names.is_empty() {
                let _ = write!(summary, "{mark}{}", names.join(", "));
            }
        }
        let statement = Statement {
            fingerprint: crate::recent::hash(summary.as_bytes()),
            summary: names::shorten(&summary, SUMMARY),
            verb: self.verb,
            relations: self.relations,
            columns: self.columns,
            predicate_columns,
            export: self.export,
            flags: self.flags,
            limit: self.limit,
            settings: self.settings,
            role: self.role,
            routines: Vec::new(),
        };
        (Arc::new(statement), self.identifiers)
    }
}

/// The last part of a dotted name, lower case: columns carry no qualifier.
fn last_part(name: &[u8]) -> String {
    let name = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    String::from_utf8_lossy(&name[..name.len().min(NAME)]).to_lowercase()
}
