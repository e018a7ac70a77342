//! Follows where statements take a store's data: which names stand for it afterwards, and what is read through them.

use crate::copies::Name;
use crate::policy::Doing;
use crate::resolve::{Resolver, Template, spot};
use kuzet_event::{Access, Count, Event, Flag, Outcome, Relation, Statement, Verb};
use std::sync::Arc;

/// Whether it makes a view, whose query runs whenever the view is read.
pub(crate) fn is_view(statement: &Statement) -> bool {
    let mut words = statement.summary.split_ascii_whitespace();
    statement.verb == Verb::Define
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case("create"))
        && words.take(5).any(|word| word.eq_ignore_ascii_case("view"))
}

/// Whether what it reads goes into another relation; counts and sums alone are no data of a person.
fn copies(statement: &Statement) -> bool {
    let counts = statement.flags.has(Flag::Aggregate) && !statement.flags.has(Flag::PackedAggregate);
    !counts && (matches!(statement.verb, Verb::CreateCopy | Verb::Insert | Verb::Merge) || is_view(statement))
}

/// Whether the name was made anew, and not only where it was missing.
fn makes(statement: &Statement) -> bool {
    let words = || statement.summary.split_ascii_whitespace().take(8);
    let defines = matches!(statement.verb, Verb::CreateCopy | Verb::Define);
    defines
        && (statement.verb == Verb::CreateCopy
            || words().next().is_some_and(|word| word.eq_ignore_ascii_case("create")))
        && !words().any(|word| word.eq_ignore_ascii_case("exists"))
}

fn of(relations: &[Relation], access: Access) -> impl Iterator<Item = &Relation> {
    relations.iter().filter(move |relation| relation.access == access)
}

impl Resolver {
    fn name<'a>(&self, event: &'a Event, relation: &'a Relation, routine: bool) -> Name<'a> {
        Name { system: event.actor.system, database: &event.actor.database, relation, routine }
    }

    /// Adds the stores that `relation` stands for without being one; says whether sessions may differ in it.
    pub(crate) fn through(
        &self,
        event: &Event,
        relation: &Relation,
        routine: bool,
        doing: Doing,
        found: &mut Vec<Template>,
    ) -> bool {
        let (stores, private) = self.copies.find(&self.name(event, relation, routine), event.session.0);
        for store in stores {
            let direct = found.iter().any(|one| one.store_hash == *store && one.through.is_none());
            let Some(store) = self.store_named(*store).filter(|_| !direct) else { continue };
            let shown = if routine { Arc::from(format!("{}()", relation.name)) } else { Arc::clone(&relation.name) };
            let seen = Relation { name: Arc::clone(&shown), ..relation.clone() };
            let mut template = self.template(store, None, doing, false, &seen, event.statement.as_deref());
            // Whatever its columns are called now.
            (template.personal, template.through) = (true, Some(shown));
            crate::resolve::merge(found, template);
        }
        private
    }

    /// Notes on the templates where the statement copies what it reads.
    pub(crate) fn note_copy(&self, event: &Event, statement: &Statement, found: &mut [Template]) {
        if found.is_empty() || !copies(statement) {
            return;
        }
        let target = of(&statement.relations, Access::Write).find(|relation| !self.covered(spot(event, relation)));
        let Some(target) = target else { return };
        for template in found.iter_mut().filter(|template| template.personal) {
            let reads = of(&template.relations, Access::Read).next().is_some();
            template.copied_to = reads.then(|| Arc::clone(&target.name));
        }
    }

    /// Takes note of the names that a statement makes or gives. `small` rows added to a relation make no copy of a store.
    pub(crate) fn follow(&mut self, event: &Event, templates: &[Template], small: u64, clock: &mut u64) {
        let Some(statement) = event.statement.as_deref().filter(|_| event.outcome != Outcome::Failure) else { return };
        if statement.flags.has(Flag::Renames) {
            self.rename(event, statement, clock);
            return;
        }
        let adds = matches!(statement.verb, Verb::Insert | Verb::Merge);
        if !adds && !makes(statement) {
            return;
        }
        if let Some(routine) = of(&statement.routines, Access::Write).next() {
            let stores = self.read_by(event, statement);
            self.carry(event, routine, true, &stores, false, clock);
            return;
        }
        let copied = || templates.iter().filter(|template| template.copied_to.is_some());
        let stores: Vec<u64> = copied().map(|template| template.store_hash).collect();
        if adds {
            let named = |template: &Template| {
                event.identifiers.iter().any(|one| template.domain(one.kind, one.column).is_some())
            };
            let asked = statement.flags.has(Flag::Pointed) && copied().all(named);
            if stores.is_empty() || asked || event.rows.known().is_some_and(|rows| rows <= small) {
                return;
            }
        }
        let targets: Vec<Relation> = of(&statement.relations, Access::Write).cloned().collect();
        for target in &targets {
            if self.covered(spot(event, target)) {
                continue;
            }
            self.carry(event, target, false, &stores, adds, clock);
        }
    }

    /// `target` carries `stores` from now on: nothing, if there are none.
    fn carry(&mut self, event: &Event, target: &Relation, routine: bool, stores: &[u64], adds: bool, clock: &mut u64) {
        let name = self.name(event, target, routine);
        let temporary = event.statement.as_ref().is_some_and(|statement| statement.flags.has(Flag::Temporary));
        let own = adds && self.copies.private(&name, event.session.0);
        let session = if temporary || own { event.session.0 } else { 0 };
        if stores.is_empty() && session == 0 {
            self.copies.remove(&name);
        } else {
            // A session's own table hides everybody's even while it is empty.
            self.copies.put(&name, stores, session, adds, clock);
        }
    }

    /// Stores that the text inside a definition reads.
    fn read_by(&mut self, event: &Event, statement: &Statement) -> Vec<u64> {
        let mut found = Vec::new();
        for relation in of(&statement.relations, Access::Read) {
            found.extend(self.carried(event, relation));
        }
        for routine in of(&statement.routines, Access::Read) {
            found.extend(self.copies.find(&self.name(event, routine, true), event.session.0).0);
        }
        found
    }

    fn carried(&mut self, event: &Event, relation: &Relation) -> Vec<u64> {
        let mut stores = self.known_stores(spot(event, relation));
        stores.extend(self.copies.find(&self.name(event, relation, false), event.session.0).0);
        stores
    }

    /// `ALTER TABLE a RENAME TO b`, `RENAME TABLE a TO b, c TO d`.
    fn rename(&mut self, event: &Event, statement: &Statement, clock: &mut u64) {
        let names: Vec<Relation> = of(&statement.relations, Access::Write).cloned().collect();
        // Names that come twice (a swap through a third one) leave no pairs: then each may be any.
        let pairs = names.len().is_multiple_of(2);
        let all: Vec<u64> = names.iter().flat_map(|one| self.carried(event, one)).collect();
        for (at, to) in names.iter().enumerate() {
            let from = if pairs { names.get(at ^ 1) } else { None };
            let stores = match from {
                Some(_) if at % 2 == 0 => continue,
                Some(from) => self.carried(event, from),
                None => all.clone(),
            };
            if stores.is_empty() || self.covered(spot(event, to)) {
                continue;
            }
            let own = from.is_some_and(|from| self.copies.private(&self.name(event, from, false), event.session.0));
            let session = if own { event.session.0 } else { 0 };
            self.copies.put(&self.name(event, to, false), &stores, session, true, clock);
            if let Some(from) = from.filter(|_| session == 0) {
                self.copies.remove(&self.name(event, from, false));
            }
        }
    }
}

/// Rows that a definition moves: none, whatever the log says; a publication sends what the log never counts.
pub(crate) fn rows(event: &Event) -> Count {
    match event.statement.as_deref() {
        Some(statement) if statement.verb == Verb::Define && !statement.flags.has(Flag::Replication) => Count::Known(0),
        _ => event.rows,
    }
}
