//! Which stores a record touches and who the principal is: worked out once per shape and actor, then looked up.
//!
//! Both caches are direct-mapped by the address of the shared statement, relation or actor. An entry holds the `Arc`, so
//! its address cannot come to mean something else; a miss costs the work, never a wrong answer.

use crate::catalogue::{Catalogue, Spot, fold, sort_categories};
use crate::copies::Copies;
use crate::engine::Row;
use crate::folders::Folders;
use crate::follow;
use crate::hash;
use crate::policy::Doing;
use crate::shelf::Key;
use crate::{Store, StoreClass};
use kuzet_event::{
    Access, Actor, Client, Count, Event, Export, Flag, IdentifierKind, Relation, Statement, System, Verb,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Begins the rows of guessed stores.
pub(crate) const GUESS_TAG: u8 = b'g';
const SHAPES: usize = 1024;
const ACTORS: usize = 256;
/// Databases for which a store is guessed; more of them share one.
const MAX_GUESSED: usize = 256;
/// Domains of [`IdentifierKind::Value`] begin here; the kinds stand below.
const VALUE_DOMAIN: u32 = 64;

/// How one shape touches one store.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) store: Arc<Store>,
    pub(crate) store_hash: u64,
    pub(crate) doing: Doing,
    /// A write of unknown sort: the record names the table, and a later one of the same statement tells the rest.
    pub(crate) vague: bool,
    pub(crate) categories: Vec<Arc<str>>,
    pub(crate) relations: Vec<Relation>,
    /// For every predicate column of the statement the domain of its values, 0 where they stand for no person.
    domains: Vec<u32>,
    /// Columns that say something about a person come back.
    pub(crate) personal: bool,
    /// What stands for the store in the statement: a copy, a view, a function.
    pub(crate) through: Option<Arc<str>>,
    /// Relation that the statement copies it to.
    pub(crate) copied_to: Option<Arc<str>>,
    /// Hash of the relations.
    pub(crate) tables: u64,
}

impl Template {
    /// What a statement without a store adds to the story of one.
    pub(crate) fn beside(store: Arc<Store>, relations: &[Relation]) -> Template {
        Template {
            store_hash: hash::narrow(&store.name),
            store,
            doing: Doing::Read,
            vague: false,
            categories: Vec::new(),
            relations: relations.to_vec(),
            domains: Vec::new(),
            personal: false,
            through: None,
            copied_to: None,
            tables: 0,
        }
    }

    /// What is done to the files of a folder.
    pub(crate) fn folder(store: Arc<Store>, doing: Doing) -> Template {
        let tables = hash::narrow(&store.name);
        Template { doing, personal: true, tables, ..Template::beside(store, &[]) }
    }

    /// The domain of an identifier, if it stands for a person.
    pub(crate) fn domain(&self, kind: IdentifierKind, column: u16) -> Option<u32> {
        match kind {
            IdentifierKind::Value => self.domains.get(usize::from(column)).copied().filter(|domain| *domain != 0),
            kind => Some(1 + kind as u32),
        }
    }

    /// Whether rows are changed, added or removed, or the relation itself is.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self.doing, Doing::Read | Doing::Export)
    }
}

/// Who an actor is to the detectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// System, role and client; behind a shared role the person instead of the client.
    pub(crate) principal: u128,
    /// With program and database.
    pub(crate) full: u128,
    /// System and role alone: statistics know no more.
    pub(crate) role: u128,
    /// System, role and the person behind it, from any client.
    pub(crate) person: u128,
}

struct Shape {
    statement: Option<Arc<Statement>>,
    relation: Option<Arc<Relation>>,
    database: Arc<str>,
    system: System,
    source: u16,
    /// State of the copies that it was worked out with.
    generation: u64,
    templates: Arc<[Template]>,
}

/// Caches over the catalogue.
pub(crate) struct Resolver {
    catalogue: Catalogue,
    guessed: BTreeMap<String, Arc<Store>>,
    /// Guessed since the last [`changes`](Resolver::changes).
    fresh: Vec<Arc<Store>>,
    shapes: Vec<Option<Shape>>,
    actors: Vec<Option<(Arc<Actor>, Identity)>>,
    pub(crate) copies: Copies,
    pub(crate) folders: Arc<Folders>,
    nothing: Arc<[Template]>,
}

/// Where something shared is; 0 where there is nothing.
pub(crate) fn address<T: ?Sized>(shared: Option<&Arc<T>>) -> usize {
    shared.map_or(0, |shared| Arc::as_ptr(shared).cast::<u8>() as usize)
}

/// A place for an address among `slots`.
pub(crate) fn slot(of: usize, slots: usize) -> usize {
    let mixed = (of as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % slots
}

impl Resolver {
    pub(crate) fn new(catalogue: Catalogue, max_copies: usize) -> Resolver {
        Resolver {
            catalogue,
            guessed: BTreeMap::new(),
            fresh: Vec::new(),
            shapes: (0..SHAPES).map(|_| None).collect(),
            actors: (0..ACTORS).map(|_| None).collect(),
            copies: Copies::new(max_copies),
            folders: Arc::default(),
            nothing: Arc::from([]),
        }
    }

    /// No store.
    pub(crate) fn nothing(&self) -> Arc<[Template]> {
        Arc::clone(&self.nothing)
    }

    /// Who `actor` is.
    pub(crate) fn identify(&mut self, actor: &Arc<Actor>) -> Identity {
        let cached = &mut self.actors[slot(address(Some(actor)), ACTORS)];
        if let Some((known, identity)) = cached
            && Arc::ptr_eq(known, actor)
        {
            return *identity;
        }
        let identity = identity(actor);
        *cached = Some((Arc::clone(actor), identity));
        identity
    }

    /// The stores that the record touches and how.
    pub(crate) fn touches(&mut self, event: &Event) -> Arc<[Template]> {
        if let Some(act) = &event.file {
            return self.folders.touches(act).unwrap_or_else(|| self.nothing());
        }
        let (statement, relation) = (address(event.statement.as_ref()), address(event.relation.as_ref()));
        if statement == 0 && relation == 0 {
            return Arc::clone(&self.nothing);
        }
        let source = event.place.source.0;
        // The database is part of the place: the same statements run in several.
        let database = address(Some(&event.actor.database));
        let mixed = statement.wrapping_add(relation.rotate_left(21)).wrapping_add(database.rotate_left(42));
        let at = slot(mixed, SHAPES);
        // Two places a shape; the older of two goes when both are taken.
        for place in [at, at ^ 1] {
            if let Some(shape) = &self.shapes[place]
                && address(shape.statement.as_ref()) == statement
                && address(shape.relation.as_ref()) == relation
                && shape.source == source
                && shape.generation == self.copies.generation
                && shape.system == event.actor.system
                && (Arc::ptr_eq(&shape.database, &event.actor.database) || shape.database == event.actor.database)
            {
                return Arc::clone(&shape.templates);
            }
        }
        let (found, private) = self.work_out(event);
        let mut found = found;
        for template in &mut found {
            let names: Vec<&[u8]> = template.relations.iter().map(|relation| relation.name.as_bytes()).collect();
            template.tables = hash::wide(&names) as u64;
        }
        let templates = if found.is_empty() { Arc::clone(&self.nothing) } else { Arc::from(found) };
        if private {
            return templates;
        }
        self.shapes.swap(at, at ^ 1);
        self.shapes[at] = Some(Shape {
            statement: event.statement.clone(),
            relation: event.relation.clone(),
            database: Arc::clone(&event.actor.database),
            system: event.actor.system,
            source,
            generation: self.copies.generation,
            templates: Arc::clone(&templates),
        });
        templates
    }

    /// What the record touches, and whether another session may mean something else by it.
    fn work_out(&mut self, event: &Event) -> (Vec<Template>, bool) {
        let statement = event.statement.as_deref();
        let (mut found, mut private): (Vec<Template>, bool) = (Vec::new(), false);
        // The record of a new view names the view alone; its query names what is read.
        let view = statement.filter(|statement| follow::is_view(statement));
        for relation in view.map_or(event.relations(), |statement| &statement.relations) {
            let Some(doing) = doing(statement, relation.access) else { continue };
            for (store, entry) in self.stores(spot(event, relation), statement) {
                let vague = statement.is_none() && relation.access == Access::Write;
                let template = self.template(store, entry, doing, vague, relation, statement);
                merge(&mut found, template);
            }
            if relation.access == Access::Read {
                private |= self.through(event, relation, false, doing, &mut found);
            }
        }
        let Some(statement) = statement else { return (found, private) };
        for routine in statement.routines.iter().filter(|routine| routine.access == Access::Read) {
            if let Some(doing) = doing(Some(statement), Access::Read) {
                private |= self.through(event, routine, true, doing, &mut found);
            }
        }
        self.note_copy(event, statement, &mut found);
        (found, private)
    }

    /// Whether a relation is a store's own, so that nothing need be remembered of it.
    pub(crate) fn covered(&self, spot: Spot<'_>) -> bool {
        match self.catalogue.is_guess() {
            true => kuzet_personal::table_hint(spot.name),
            false => self.catalogue.entries.iter().any(|entry| entry.covers(spot)),
        }
    }

    /// Stores that a relation is known to belong to, by hash.
    pub(crate) fn known_stores(&mut self, spot: Spot<'_>) -> Vec<u64> {
        self.stores(spot, None).iter().map(|(store, _)| hash::narrow(&store.name)).collect()
    }

    fn stores(&mut self, spot: Spot<'_>, statement: Option<&Statement>) -> Vec<(Arc<Store>, Option<usize>)> {
        if !self.catalogue.is_guess() {
            let entries = self.catalogue.entries.iter().enumerate();
            let covering = entries.filter(|(_, entry)| entry.covers(spot));
            return covering.map(|(at, entry)| (Arc::clone(&entry.store), Some(at))).collect();
        }
        // Names decide: a table that speaks of people, or columns that do. The server's own tables are none.
        let own = ["pg_catalog", "information_schema", "mysql", "performance_schema", "sys"];
        if own.contains(&spot.schema) || spot.name.starts_with("pg_") {
            return Vec::new();
        }
        let columns = statement.map_or(&[][..], |statement| &statement.columns);
        let predicates = statement.map_or(&[][..], |statement| &statement.predicate_columns);
        let speaks = kuzet_personal::table_hint(spot.name)
            || columns.iter().chain(predicates).any(|column| kuzet_personal::column_category(column).is_some());
        if speaks { vec![(self.guess(spot), None)] } else { Vec::new() }
    }

    fn guess(&mut self, spot: Spot<'_>) -> Arc<Store> {
        let database = match spot.system {
            system if system.speaks_mysql() && !spot.schema.is_empty() => spot.schema,
            _ => spot.database,
        };
        let mut name = format!("{}/{}", spot.system.name(), fold(database));
        if self.guessed.len() >= MAX_GUESSED && !self.guessed.contains_key(&name) {
            name = format!("{}/*", spot.system.name());
        }
        let fresh = &mut self.fresh;
        let store = self.guessed.entry(name).or_insert_with_key(|name| {
            let store = guessed_store(name);
            fresh.push(Arc::clone(&store));
            store
        });
        Arc::clone(store)
    }

    /// Appends the names of stores that were guessed since the last call: open stories know them by hash only.
    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        for store in self.fresh.drain(..) {
            let mut key = vec![GUESS_TAG];
            hash::narrow(&store.name).put(&mut key);
            rows.push((key, Some(store.name.as_bytes().to_vec())));
        }
        self.copies.changes(rows);
    }

    /// Takes back one such name.
    pub(crate) fn restore(&mut self, name: &[u8]) {
        if let (true, Ok(name)) = (self.catalogue.is_guess(), std::str::from_utf8(name)) {
            self.guessed.entry(name.to_owned()).or_insert_with_key(|name| guessed_store(name));
        }
    }

    /// The store of a name that detector state kept.
    pub(crate) fn store_named(&self, hash: u64) -> Option<Arc<Store>> {
        let mut all = self.catalogue.stores().chain(self.guessed.values());
        let found = all.find(|store| hash::narrow(&store.name) == hash);
        found.or_else(|| self.folders.store_named(hash)).cloned()
    }

    pub(crate) fn template(
        &self,
        store: Arc<Store>,
        entry: Option<usize>,
        doing: Doing,
        vague: bool,
        relation: &Relation,
        statement: Option<&Statement>,
    ) -> Template {
        let entry = entry.and_then(|at| self.catalogue.entries.get(at));
        let category = |column: &str| -> Vec<Arc<str>> {
            match entry.and_then(|entry| entry.column(column)) {
                Some(known) => known.categories.clone(),
                None => {
                    let hint = kuzet_personal::column_category(column);
                    hint.map(|hint| Arc::from(hint.category.code())).into_iter().collect()
                }
            }
        };
        let identifies = |column: &str| match entry.and_then(|entry| entry.column(column)) {
            Some(known) => known.identifies,
            None => {
                kuzet_personal::column_category(column).is_some_and(|hint| hint.identifies_person)
                    || person_key(column, &relation.name)
            }
        };
        let mut categories = Vec::new();
        let mut personal = true;
        let mut domains = Vec::new();
        if let Some(statement) = statement {
            categories.extend(statement.columns.iter().flat_map(|column| category(column)));
            let all = statement.flags.has(Flag::SelectsAll) || statement.columns.is_empty();
            personal = all || !categories.is_empty();
            let predicates = statement.predicate_columns.iter();
            domains = predicates.map(|column| if identifies(column) { value_domain(column) } else { 0 }).collect();
        }
        sort_categories(&mut categories);
        let store_hash = hash::narrow(&store.name);
        let relations = vec![relation.clone()];
        Template {
            store,
            store_hash,
            doing,
            vague,
            categories,
            relations,
            domains,
            personal,
            through: None,
            copied_to: None,
            tables: 0,
        }
    }
}

/// Where a relation of an event stands.
pub(crate) fn spot<'a>(event: &'a Event, relation: &'a Relation) -> Spot<'a> {
    Spot {
        system: event.actor.system,
        source: event.place.source.0,
        database: &event.actor.database,
        schema: &relation.schema,
        name: &relation.name,
    }
}

fn guessed_store(name: &str) -> Arc<Store> {
    Arc::new(Store {
        name: Arc::from(name),
        class: StoreClass::Restricted,
        persons: Count::Unknown,
        categories: Vec::new(),
        guessed: true,
    })
}

/// One touch a store and direction; a change of a store swallows the reading that the same statement does there.
pub(crate) fn merge(found: &mut Vec<Template>, new: Template) {
    let old = found.iter_mut().find(|old| old.store_hash == new.store_hash);
    let Some(old) = old else {
        found.push(new);
        return;
    };
    for relation in &new.relations {
        if !old.relations.contains(relation) && old.relations.len() < 64 {
            old.relations.push(relation.clone());
        }
    }
    old.categories.extend(new.categories.iter().cloned());
    sort_categories(&mut old.categories);
    for (domain, other) in old.domains.iter_mut().zip(&new.domains) {
        *domain = (*domain).max(*other);
    }
    old.personal |= new.personal;
    old.through = old.through.take().filter(|_| new.through.is_some());
    old.doing = old.doing.max(new.doing);
    if old.changes() && new.doing == Doing::Export {
        old.doing = Doing::Export;
    }
}

/// What the policy calls it; `None` when no row is touched (EXPLAIN, a definition that only names the table).
fn doing(statement: Option<&Statement>, access: Access) -> Option<Doing> {
    let Some(statement) = statement else {
        return Some(if access == Access::Read { Doing::Read } else { Doing::Update });
    };
    let reads = access == Access::Read;
    Some(match statement.verb {
        Verb::Role => Doing::Grant,
        Verb::Copy => Doing::Export,
        Verb::CreateCopy if reads => Doing::Export,
        _ if reads && statement.export.is_some() => Doing::Export,
        Verb::Define if reads && statement.flags.has(Flag::Replication) => Doing::Export,
        Verb::Define if reads && follow::is_view(statement) => Doing::Define,
        Verb::Select => Doing::Read,
        Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::Execute | Verb::Unknown if reads => {
            Doing::Read
        }
        Verb::Other if statement.export == Some(Export::Dump) => Doing::Export,
        Verb::Insert => Doing::Insert,
        Verb::Update | Verb::Merge | Verb::Execute | Verb::Unknown => Doing::Update,
        Verb::Delete => Doing::Delete,
        Verb::Truncate => Doing::Delete,
        Verb::Drop | Verb::Define | Verb::CreateCopy if !reads => Doing::Define,
        _ => return None,
    })
}

fn value_domain(column: &str) -> u32 {
    VALUE_DOMAIN + (hash::narrow(&fold(column)) as u32 & 0x0fff_ffff)
}

/// Whether a value of the column stands for one person: `borrower_id` anywhere, `id` in a table of people.
#[must_use]
pub fn person_key(column: &str, table: &str) -> bool {
    const PEOPLE: [&str; 20] = [
        "borrower",
        "borrowers",
        "client",
        "clients",
        "customer",
        "customers",
        "person",
        "persons",
        "people",
        "subject",
        "subjects",
        "debtor",
        "debtors",
        "employee",
        "employees",
        "applicant",
        "applicants",
        "guarantor",
        "guarantors",
        "user",
    ];
    let (column, table) = (fold(column), fold(table));
    match column.as_str() {
        "id" => PEOPLE.contains(&table.as_str()),
        other => other.strip_suffix("_id").is_some_and(|who| PEOPLE.contains(&who)),
    }
}

fn identity(actor: &Actor) -> Identity {
    let octets;
    let client: &[u8] = match &actor.client {
        // Behind a shared role the client is one of the application's servers, whichever took the request.
        _ if actor.person_is_told() => b"",
        Client::Unknown => b"?",
        Client::Local => b"-",
        Client::Address(address) => {
            octets = match address.to_canonical() {
                std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                std::net::IpAddr::V6(v6) => v6.octets(),
            };
            &octets
        }
        Client::Host(name) => name.as_bytes(),
    };
    let system = actor.system.name().as_bytes();
    let (user, person) = (actor.user.as_bytes(), actor.person.as_bytes());
    let parts: [&[u8]; 6] = [system, user, client, person, actor.program.as_bytes(), actor.database.as_bytes()];
    let role = hash::wide(&[system, user]);
    let person = if actor.person.is_empty() { role } else { hash::wide(&[system, user, person]) };
    Identity { principal: hash::wide(&parts[..4]), full: hash::wide(&parts), role, person }
}

/// Key of a client alone, of any role.
pub(crate) fn client_key(actor: &Actor) -> Option<u128> {
    let anyone = Actor { user: Arc::from(""), person: Arc::from(""), client: actor.client.clone(), ..actor.clone() };
    (actor.client != Client::Unknown).then(|| identity(&anyone).principal)
}

/// Key of a role alone, from any client.
pub(crate) fn user_key(actor: &Actor) -> Option<u128> {
    let anywhere = Actor { client: Client::Unknown, person: Arc::from(""), ..actor.clone() };
    (!actor.user.is_empty()).then(|| identity(&anywhere).principal)
}
