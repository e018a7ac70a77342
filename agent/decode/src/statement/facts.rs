//! Facts of a statement while they are collected, and how those of several statements in one text come together.

use super::values::{Binding, Match};
use crate::names::{self, shown};
use kuzet_event::{Access, Export, Flag, Flags, Relation, RoleChange, Setting, Verb};
use std::sync::Arc;

/// Most relations told.
const RELATIONS: usize = 64;
/// Most returned or written columns told.
const COLUMNS: usize = 256;
/// Most predicate columns told.
const PREDICATES: usize = 256;
/// Most bindings kept; lists are one binding.
const BINDINGS: usize = 4096;
/// Most routines told.
const ROUTINES: usize = 32;
/// Most settings told.
const SETTINGS: usize = 64;

/// What is known so far.
pub(super) struct Facts {
    pub(super) verb: Verb,
    pub(super) relations: Vec<Relation>,
    pub(super) columns: Vec<Arc<str>>,
    /// As they are written: the keys of values depend on them. Not for showing.
    pub(super) predicates: Vec<Arc<str>>,
    pub(super) bindings: Vec<Binding>,
    pub(super) export: Option<Export>,
    pub(super) flags: Flags,
    pub(super) limit: Option<u64>,
    pub(super) settings: Vec<Setting>,
    pub(super) role: Option<RoleChange>,
    pub(super) routines: Vec<Relation>,
}

impl Facts {
    pub(super) fn new() -> Facts {
        Facts {
            verb: Verb::Unknown,
            relations: Vec::new(),
            columns: Vec::new(),
            predicates: Vec::new(),
            bindings: Vec::new(),
            export: None,
            flags: Flags::NONE,
            limit: None,
            settings: Vec::new(),
            role: None,
            routines: Vec::new(),
        }
    }

    /// Adds the relation that a dotted name names.
    pub(super) fn relation(&mut self, path: &[String], access: Access) {
        let Some(name) = path.last().filter(|name| !name.is_empty()) else { return };
        let schema = if path.len() > 1 { names::relation(&path[path.len() - 2]) } else { Arc::from("") };
        self.add_relation(Relation { schema, name: names::relation(name), access });
    }

    pub(super) fn add_relation(&mut self, relation: Relation) {
        if self.relations.len() < RELATIONS && !self.relations.contains(&relation) {
            self.relations.push(relation);
        }
    }

    /// Adds a function or procedure that is called or defined.
    pub(super) fn routine(&mut self, path: &[String], access: Access) {
        let Some(name) = path.last().filter(|name| !name.is_empty()) else { return };
        let schema = if path.len() > 1 { names::relation(&path[path.len() - 2]) } else { Arc::from("") };
        let routine = Relation { schema, name: names::relation(name), access };
        if self.routines.len() < ROUTINES && !self.routines.contains(&routine) {
            self.routines.push(routine);
        }
    }

    pub(super) fn column(&mut self, name: &str) {
        if self.columns.len() < COLUMNS && !name.is_empty() && !self.columns.iter().any(|known| **known == *name) {
            self.columns.push(shown(name));
        }
    }

    /// Binds a slot to a column.
    pub(super) fn bind(&mut self, slot: u32, column: &str, form: Match) {
        let column = match self.predicates.iter().position(|known| **known == *column) {
            Some(place) => place,
            None if self.predicates.len() < PREDICATES => {
                self.predicates.push(Arc::from(column));
                self.predicates.len() - 1
            }
            None => return,
        };
        if matches!(form, Match::Value | Match::Array) {
            self.flags.insert(Flag::Pointed);
        }
        self.push_binding(Binding { slot, column: u16::try_from(column).unwrap_or(u16::MAX), form });
    }

    /// A literal of a predicate without a column.
    pub(super) fn bind_loose(&mut self, slot: u32) {
        let column = kuzet_event::Identifier::NO_COLUMN;
        self.push_binding(Binding { slot, column, form: Match::Loose });
    }

    fn push_binding(&mut self, binding: Binding) {
        if self.bindings.len() < BINDINGS {
            self.bindings.push(binding);
        }
    }

    pub(super) fn setting(&mut self, setting: Setting) {
        if self.settings.len() < SETTINGS && !self.settings.contains(&setting) {
            self.settings.push(setting);
        }
    }

    /// Raises the verb to a graver one.
    pub(super) fn raise(&mut self, verb: Verb) {
        if gravity(verb) > gravity(self.verb) {
            self.verb = verb;
        }
    }

    /// Takes in a following statement of the same text: the graver verb stands, everything else adds up.
    pub(super) fn join(&mut self, other: Facts) {
        self.raise(other.verb);
        self.limit = match (self.reads(), other.reads(), self.limit, other.limit) {
            (true, true, Some(left), Some(right)) => Some(left.saturating_add(right)),
            (false, _, _, right) => right,
            (_, false, left, _) => left,
            _ => None,
        };
        self.take_parts(&other);
        for binding in other.bindings {
            match other.predicates.get(usize::from(binding.column)) {
                Some(column) => self.bind(binding.slot, column, binding.form),
                None => self.bind_loose(binding.slot),
            }
        }
        self.export = self.export.max(other.export);
        self.role = self.role.take().or(other.role);
    }

    /// Takes in what a string inside the statement (a function body, a query given as text) would do.
    pub(super) fn absorb(&mut self, body: &Facts) {
        self.take_parts(body);
        self.export = self.export.max(body.export);
        if self.role.is_none() {
            self.role = body.role.clone();
        }
    }

    fn take_parts(&mut self, other: &Facts) {
        for relation in &other.relations {
            self.add_relation(relation.clone());
        }
        for column in &other.columns {
            self.column(column);
        }
        for routine in &other.routines {
            if self.routines.len() < ROUTINES && !self.routines.contains(routine) {
                self.routines.push(routine.clone());
            }
        }
        for setting in &other.settings {
            self.setting(setting.clone());
        }
        for flag in FLAGS {
            if other.flags.has(*flag) {
                self.flags.insert(*flag);
            }
        }
        // One row out only if no statement gives more.
        if self.reads() && other.reads() && !(self.flags.has(Flag::Aggregate) && other.flags.has(Flag::Aggregate)) {
            self.flags = without(self.flags, Flag::Aggregate);
        }
    }

    fn reads(&self) -> bool {
        self.relations.iter().any(|relation| relation.access == Access::Read)
    }
}

/// Every flag.
pub(super) const FLAGS: &[Flag] = &[
    Flag::SelectsAll,
    Flag::Unfiltered,
    Flag::Aggregate,
    Flag::PackedAggregate,
    Flag::UnionProbe,
    Flag::Tautology,
    Flag::Stacked,
    Flag::TimeDelay,
    Flag::CatalogProbe,
    Flag::ErrorProbe,
    Flag::CommentCut,
    Flag::ServerFile,
    Flag::WeakensAudit,
    Flag::RestoresAudit,
    Flag::Escalates,
    Flag::Truncated,
    Flag::Unparsed,
    Flag::Pointed,
    Flag::ServerProgram,
    Flag::LargeObject,
    Flag::RemoteServer,
    Flag::Replication,
    Flag::NativeCode,
    Flag::WholeSchema,
    Flag::Temporary,
    Flag::Renames,
    Flag::KeyRange,
];

fn without(flags: Flags, flag: Flag) -> Flags {
    FLAGS.iter().filter(|known| **known != flag && flags.has(**known)).fold(Flags::NONE, |sum, known| sum.with(*known))
}

/// Order of verbs when one text holds several statements.
fn gravity(verb: Verb) -> u8 {
    match verb {
        Verb::Unknown => 0,
        Verb::Begin | Verb::Commit | Verb::Rollback => 1,
        Verb::Other => 2,
        Verb::Select => 3,
        Verb::Insert => 4,
        Verb::Execute => 5,
        Verb::Define => 6,
        Verb::Update => 7,
        Verb::Merge => 8,
        Verb::CreateCopy => 9,
        Verb::Setting => 10,
        Verb::Copy => 11,
        Verb::Delete => 12,
        Verb::Truncate => 13,
        Verb::Drop => 14,
        Verb::Role => 15,
    }
}
