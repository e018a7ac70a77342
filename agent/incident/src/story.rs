//! One story while it is in memory: the incident, the people behind its numbers, and what links and outcomes need.

use crate::describe::phrase;
use crate::fold::{FoldConfig, GapSeen, SourceInfo};
use crate::people::{Bounds, PeopleSet};
use crate::text::clip;
use crate::{
    Entry, Evidence, Incident, IncidentId, KindCount, LimitCode, Rows, RuleNote, SCHEMA, StoreInfo, Timeline, Where,
};
use kuzet_detect::{Detection, Family, Kind, Rule, Severity};
use kuzet_event::{Client, Count, Flag, Outcome, Relation, System, Timestamp, Trust, UNTOLD, Witness};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one story is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) system: System,
    pub(crate) user: Arc<str>,
    /// The person behind a shared role; `?` when it was not told.
    pub(crate) person: Arc<str>,
    pub(crate) family: Family,
    /// Name of the store, or of the source when no store is known.
    pub(crate) place: Arc<str>,
    /// Whether `place` is a store.
    pub(crate) store: bool,
}

impl Key {
    pub(crate) fn of(detection: &Detection, source: &SourceInfo) -> Key {
        let (place, store) = match &detection.store {
            Some(store) => (Arc::clone(&store.name), true),
            None => (Arc::clone(&source.name), false),
        };
        let actor = &detection.actor;
        let (user, person) = (Arc::clone(&actor.user), Arc::clone(&actor.person));
        Key { system: actor.system, user, person, family: detection.kind.family(), place, store }
    }
}

/// A part whose outcome was unknown when it was folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    session: u64,
    kind: Kind,
    severity: Severity,
    rows: u64,
    /// The statement; 0 for a change, which the end of its transaction settles.
    #[serde(default)]
    statement: u64,
    /// Events whose rows the log does not give.
    #[serde(default)]
    hidden: u64,
    /// People that it added to the upper bound.
    #[serde(default)]
    people: u64,
}

/// What the incident does not show; survives a restart beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inner {
    /// Position in the order in which stories were opened.
    pub(crate) serial: u64,
    user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    person: String,
    place: String,
    store: bool,
    pub(crate) bounds: Bounds,
    /// Gravest severity by outcome: success, unknown beyond `pending`, failure.
    success: Option<Severity>,
    unknown: Option<Severity>,
    failure: Option<Severity>,
    pending: Vec<Pending>,
    pub(crate) sessions: BTreeSet<u64>,
    pub(crate) grantees: BTreeSet<String>,
    /// Logged events whose rows the log does not give, and detections of them.
    #[serde(default)]
    unknown_events: u64,
    #[serde(default)]
    unknown_parts: u64,
    /// Logged events.
    #[serde(default)]
    logged: u64,
    /// Calls and rows that the server measured.
    #[serde(default)]
    measured_calls: u64,
    #[serde(default)]
    measured_rows: u64,
    /// Nothing can join any more: the people are numbers only.
    pub(crate) settled: bool,
    /// The folder's latest gaps, as of this story's last change.
    pub(crate) gaps: Vec<GapSeen>,
}

/// A story.
pub(crate) struct Story {
    pub(crate) incident: Incident,
    pub(crate) inner: Inner,
    pub(crate) people: PeopleSet,
    /// Order of its categories.
    order: Vec<Arc<str>>,
}

/// What of a fold matters to links.
pub(crate) struct Novelty(pub(crate) bool);

impl Story {
    pub(crate) fn open(id: IncidentId, serial: u64, key: &Key, detection: &Detection, seen_at: Timestamp) -> Story {
        let delay = micros(seen_at, detection.at);
        let incident = Incident {
            schema: SCHEMA.to_owned(),
            id,
            headline: String::new(),
            family: key.family,
            severity: detection.severity,
            outcome: detection.outcome,
            kinds: Vec::new(),
            rules: Vec::new(),
            clauses: Vec::new(),
            since: detection.since.min(detection.at),
            until: detection.at,
            story: crate::Story::Running,
            system: key.system,
            user: clip(&key.user, 256),
            person: if *key.person == *UNTOLD { String::new() } else { clip(&key.person, 256) },
            clients: Vec::new(),
            addresses: Vec::new(),
            programs: Vec::new(),
            databases: Vec::new(),
            relations: Vec::new(),
            store: detection.store.as_ref().map(|store| StoreInfo {
                name: clip(&store.name, 256),
                class: store.class,
                persons: store.persons,
                guessed: store.guessed,
            }),
            categories: Vec::new(),
            sources: Vec::new(),
            events: 0,
            detections: 0,
            rows: Rows::default(),
            people: crate::People::default(),
            transfers: crate::Transfers::default(),
            timeline: Timeline::default(),
            evidence: Evidence::default(),
            links: Vec::new(),
            lifecycle: crate::Lifecycle::default(),
            observed: crate::Observed {
                sequence: 0,
                first_seen_at: seen_at,
                last_seen_at: seen_at,
                delay_first_us: delay,
                delay_max_us: delay,
            },
        };
        let inner = Inner {
            serial,
            user: key.user.to_string(),
            person: key.person.to_string(),
            place: key.place.to_string(),
            store: key.store,
            bounds: Bounds::default(),
            success: None,
            unknown: None,
            failure: None,
            pending: Vec::new(),
            sessions: BTreeSet::new(),
            grantees: BTreeSet::new(),
            unknown_events: 0,
            unknown_parts: 0,
            logged: 0,
            measured_calls: 0,
            measured_rows: 0,
            settled: false,
            gaps: Vec::new(),
        };
        Story { incident, inner, people: PeopleSet::default(), order: Vec::new() }
    }

    pub(crate) fn restore(incident: Incident, inner: Inner, people: PeopleSet) -> Story {
        let order = incident.categories.iter().map(|code| Arc::from(code.as_str())).collect();
        Story { incident, inner, people, order }
    }

    pub(crate) fn key(&self) -> Key {
        Key {
            system: self.incident.system,
            user: Arc::from(self.inner.user.as_str()),
            person: Arc::from(self.inner.person.as_str()),
            family: self.incident.family,
            place: Arc::from(self.inner.place.as_str()),
            store: self.inner.store,
        }
    }

    /// Takes `detection` into the story.
    pub(crate) fn take(
        &mut self,
        detection: &Detection,
        source: &SourceInfo,
        config: &FoldConfig,
        seen_at: Timestamp,
    ) -> Novelty {
        let incident = &mut self.incident;
        incident.since = incident.since.min(detection.since);
        incident.until = incident.until.max(detection.at);
        incident.observed.last_seen_at = incident.observed.last_seen_at.max(seen_at);
        incident.observed.delay_max_us = incident.observed.delay_max_us.max(micros(seen_at, detection.at));
        let measured = detection.witness == Witness::Measure && detection.kind.family() != Family::Audit;
        if measured {
            self.note_measure(detection);
        } else {
            self.inner.logged = self.inner.logged.saturating_add(detection.events);
        }
        // Two witnesses tell of the same events.
        self.incident.events = self.inner.logged.max(self.inner.measured_calls);
        if detection.measures {
            return Novelty(false);
        }
        if let Some(transfer) = &detection.transfer {
            self.incident.transfers.note(transfer, detection.events > 0);
        }
        self.incident.detections += 1;
        let new = self.note_actor(detection, source);
        self.note_kind(detection);
        if let Some(rule) = &detection.rule {
            note_rule(&mut self.incident.rules, rule);
        }
        if measured {
            self.note_place(detection, source, config);
            return Novelty(new);
        }
        self.note_outcome(detection);
        self.note_limits(detection, source);
        self.note_people(detection, config);
        self.note_place(detection, source, config);
        Novelty(new)
    }

    fn note_place(&mut self, detection: &Detection, source: &SourceInfo, config: &FoldConfig) {
        let (incident, place) = (&mut self.incident, detection.place);
        incident.evidence.file(&source.name, place.file.0, place.offset, place.length);
        line(&mut incident.timeline, detection, source, config);
    }

    /// True numbers of statements that the log told of, or should have.
    fn note_measure(&mut self, detection: &Detection) {
        let inner = &mut self.inner;
        inner.measured_calls = inner.measured_calls.saturating_add(detection.events);
        inner.measured_rows = inner.measured_rows.saturating_add(detection.rows.known().unwrap_or(0));
        let worst = match detection.outcome {
            Outcome::Success => &mut inner.success,
            Outcome::Failure => &mut inner.failure,
            Outcome::Unknown => &mut inner.unknown,
        };
        *worst = (*worst).max(Some(detection.severity));
        inner.bounds.records = true;
        let persons = detection.store.as_ref().and_then(|store| store.persons.known());
        inner.bounds.persons = inner.bounds.persons.max(persons);
        let has = |flag| detection.statement.as_ref().is_some_and(|statement| statement.flags.has(flag));
        inner.bounds.packed |= has(Flag::PackedAggregate) || has(Flag::Aggregate);
        self.judge();
    }

    fn note_actor(&mut self, detection: &Detection, source: &SourceInfo) -> bool {
        let (incident, actor) = (&mut self.incident, &detection.actor);
        let client = actor.client.to_string();
        let mut new = note(&mut incident.clients, 16, &client);
        if matches!(actor.client, Client::Address(_)) {
            note(&mut incident.addresses, 16, &client);
        }
        if !actor.program.is_empty() {
            note(&mut incident.programs, 16, &actor.program);
        }
        if !actor.database.is_empty() {
            note(&mut incident.databases, 16, &actor.database);
        }
        note(&mut incident.sources, 16, &source.name);
        note(&mut incident.clauses, 16, detection.clause());
        for relation in &detection.relations {
            note(&mut incident.relations, 64, &name(relation));
        }
        if detection.session.0 != 0 && self.inner.sessions.len() < 64 {
            new |= self.inner.sessions.insert(detection.session.0);
        }
        let role = detection.statement.as_ref().and_then(|statement| statement.role.as_ref());
        if let (Some(role), Family::Privilege) = (role, incident.family) {
            for grantee in role.grantees.iter().take(64) {
                if self.inner.grantees.len() < 64 {
                    new |= self.inner.grantees.insert(clip(grantee, 256));
                }
            }
        }
        new
    }

    fn note_kind(&mut self, detection: &Detection) {
        let incident = &mut self.incident;
        let found =
            incident.kinds.iter_mut().find(|one| one.kind == detection.kind && one.detector == detection.name());
        if let Some(one) = found {
            one.severity = one.severity.max(detection.severity);
            one.count += 1;
        } else if incident.kinds.len() < 32 {
            let (kind, severity) = (detection.kind, detection.severity);
            incident.kinds.push(KindCount { kind, detector: clip(detection.name(), 100), severity, count: 1 });
        }
        incident.kinds.sort_by(|a, b| (b.severity, a.kind, &a.detector).cmp(&(a.severity, b.kind, &b.detector)));
        let order = &mut self.order;
        let known = order.len();
        let of_store = detection.store.as_ref().map_or(&[][..], |store| &store.categories);
        for code in if detection.categories.is_empty() { of_store } else { &detection.categories } {
            if order.len() < 64 && !order.contains(code) {
                order.push(Arc::clone(code));
            }
        }
        if order.len() > known {
            let rank = |code: &Arc<str>| of_store.iter().position(|one| one == code).unwrap_or(usize::MAX);
            order.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
            incident.categories = order.iter().map(|code| clip(code, 64)).collect();
        }
    }

    /// A detection that stands for no new event and has a final outcome settles what was unknown in its session.
    fn note_outcome(&mut self, detection: &Detection) {
        let inner = &mut self.inner;
        let rows = &mut self.incident.rows;
        let worst = |slot: &mut Option<Severity>, severity| *slot = (*slot).max(Some(severity));
        let change = detection.kind.family() == Family::Change;
        let statement = detection.statement.as_ref().map_or(0, |statement| statement.fingerprint);
        if detection.events == 0 && detection.outcome != Outcome::Unknown {
            let settles = |one: &Pending| {
                (one.session, one.kind) == (detection.session.0, detection.kind)
                    && (change || one.statement == statement)
            };
            for one in inner.pending.extract_if(.., |one| settles(one)) {
                if detection.outcome == Outcome::Success {
                    worst(&mut inner.success, one.severity);
                } else if !change {
                    worst(&mut inner.failure, detection.severity);
                    inner.bounds.upper = inner.bounds.upper.saturating_sub(one.people);
                    inner.unknown_parts = inner.unknown_parts.saturating_sub(u64::from(one.hidden > 0));
                    inner.unknown_events = inner.unknown_events.saturating_sub(one.hidden);
                } else {
                    rows.known = rows.known.saturating_sub(one.rows);
                    rows.undone = rows.undone.saturating_add(one.rows);
                }
            }
        }
        let number = detection.rows.known().unwrap_or(0);
        // The log may name a read before the server refuses it: that can be told of the latest statement of a session.
        let read = if change || detection.events > 1 || detection.session.0 == 0 { 0 } else { statement };
        if !change && detection.events > 0 {
            let over = |one: &Pending| one.session == detection.session.0 && one.statement != 0;
            for one in inner.pending.extract_if(.., |one| over(one)) {
                worst(&mut inner.unknown, one.severity);
            }
        }
        match detection.outcome {
            Outcome::Success => worst(&mut inner.success, detection.severity),
            Outcome::Failure => worst(&mut inner.failure, detection.severity),
            Outcome::Unknown if (change || read != 0) && inner.pending.len() < 64 => inner.pending.push(Pending {
                session: detection.session.0,
                kind: detection.kind,
                severity: detection.severity,
                rows: number,
                statement: read,
                hidden: if detection.rows == Count::Unknown && moves(detection) { detection.events } else { 0 },
                people: 0,
            }),
            Outcome::Unknown => worst(&mut inner.unknown, detection.severity),
        }
        match detection.outcome {
            Outcome::Failure if change => rows.undone = rows.undone.saturating_add(number),
            _ => rows.known = rows.known.saturating_add(number),
        }
        self.judge();
    }

    /// Severity and outcome of the whole story.
    fn judge(&mut self) {
        let inner = &self.inner;
        let pending = inner.pending.iter().map(|one| one.severity).max();
        let unknown = inner.unknown.max(pending);
        let (severity, outcome) = match (inner.success, unknown, inner.failure) {
            (Some(success), unknown, _) => (Some(success).max(unknown), Outcome::Success),
            (None, Some(unknown), _) => (Some(unknown), Outcome::Unknown),
            (None, None, failure) => (failure, Outcome::Failure),
        };
        self.incident.severity = severity.unwrap_or(self.incident.severity);
        self.incident.outcome = outcome;
    }

    fn note_limits(&mut self, detection: &Detection, source: &SourceInfo) {
        let (incident, name) = (&mut self.incident, &*source.name);
        if detection.rows == Count::Unknown && moves(detection) {
            self.inner.unknown_parts += 1;
            incident.rows.unknown_parts = self.inner.unknown_parts;
            self.inner.unknown_events = self.inner.unknown_events.saturating_add(detection.events);
            let code = match detection.actor.system {
                System::Postgresql => LimitCode::RowsHidden,
                _ => LimitCode::RowsNotLogged,
            };
            incident.evidence.limit(code, name, 0);
        }
        if source.trust == Trust::Forgeable {
            incident.evidence.limit(LimitCode::Forgeable, name, 0);
        }
        if detection.kind.family() == Family::Change && detection.outcome == Outcome::Unknown {
            incident.evidence.limit(LimitCode::TransactionEndUnseen, "", 0);
        }
        if let Some(statement) = &detection.statement {
            if statement.flags.has(Flag::Truncated) {
                incident.evidence.limit(LimitCode::StatementTruncated, "", 0);
            }
            if statement.flags.has(Flag::Unparsed) {
                incident.evidence.limit(LimitCode::StatementUnparsed, "", 0);
            }
        }
        if detection.store.as_ref().is_some_and(|store| store.guessed) {
            incident.evidence.limit(LimitCode::StoreGuessed, "", 0);
        }
        if detection.actor.user.is_empty() && detection.kind != Kind::SightLost {
            incident.evidence.limit(LimitCode::NoPrincipal, name, 0);
        }
        if *detection.actor.person == *UNTOLD {
            incident.evidence.limit(LimitCode::PersonUntold, name, 0);
        }
    }

    fn note_people(&mut self, detection: &Detection, config: &FoldConfig) {
        if detection.kind.family() == Family::Sight {
            // Nobody can say what the lost records told.
            self.inner.bounds.part(Count::Unknown, true, Count::Unknown, Count::Unknown);
            return;
        }
        let before = self.people.held() as u64;
        if self.people.add(&detection.people, config.exact_people) {
            self.inner.bounds.floor = before.max(config.exact_people as u64);
        }
        if !moves(detection) && detection.people_at_most.known().is_none_or(|people| people == 0) {
            return;
        }
        let hides = |flag| detection.statement.as_ref().is_some_and(|statement| statement.flags.has(flag));
        let hidden = hides(Flag::Aggregate) || hides(Flag::PackedAggregate);
        self.inner.bounds.packed |= hidden;
        let persons = detection.store.as_ref().map_or(Count::Unknown, |store| store.persons);
        let people = self.inner.bounds.part(detection.rows, hidden, detection.people_at_most, persons);
        let (session, kind) = (detection.session.0, detection.kind);
        let latest = self.inner.pending.last_mut().filter(|one| (one.session, one.kind) == (session, kind));
        if let Some(one) = latest.filter(|one| one.statement != 0 && detection.outcome == Outcome::Unknown) {
            one.people = people;
        }
    }

    /// Turns the exact set into a sketch to save memory.
    pub(crate) fn spill(&mut self) {
        self.inner.bounds.floor = self.inner.bounds.floor.max(self.people.held() as u64);
        self.inner.bounds.for_memory = true;
        self.people.spill();
    }

    /// Brings the shown numbers up to date.
    pub(crate) fn refresh(&mut self) {
        let inner = &mut self.inner;
        let measures = inner.measured_calls > 0 || inner.measured_rows > 0;
        let covered = measures && inner.measured_calls >= inner.unknown_events;
        self.incident.rows.measured = if measures { Count::Known(inner.measured_rows) } else { Count::Unknown };
        self.incident.rows.unknown_parts = if covered { 0 } else { inner.unknown_parts };
        inner.bounds.measured = (covered && measures).then_some(inner.measured_rows);
        if covered {
            // What the log could not show the server did, and who could forge a log could not forge that.
            let settled = [LimitCode::RowsHidden, LimitCode::RowsNotLogged, LimitCode::Forgeable];
            self.incident.evidence.limits.retain(|limit| !settled.contains(&limit.code));
        }
        if !self.inner.settled {
            self.incident.people = self.inner.bounds.people(&self.people);
        }
        let files = self.incident.is_of_files();
        self.incident.evidence.settle(files);
        self.incident.headline = crate::headline(&self.incident);
    }
}

/// Whether the detection is about records of people that moved or may have moved.
fn moves(detection: &Detection) -> bool {
    let family = matches!(detection.kind.family(), Family::Access | Family::Change);
    family && detection.events > 0 && (detection.outcome != Outcome::Failure || detection.rows.known().is_some())
}

fn micros(later: Timestamp, earlier: Timestamp) -> u64 {
    u64::try_from(later.since(earlier).as_micros()).unwrap_or(u64::MAX)
}

fn note_rule(rules: &mut Vec<RuleNote>, rule: &Rule) {
    let name = clip(&rule.name, 100);
    let Err(at) = rules.binary_search_by(|one| one.name.cmp(&name)) else { return };
    if rules.len() < 16 {
        let texts = |texts: &[Arc<str>], most| texts.iter().take(8).map(|text| clip(text, most)).collect();
        let note = RuleNote {
            name,
            id: clip(&rule.id, 64),
            title: clip(&rule.title, 200),
            techniques: texts(&rule.techniques, 16),
            false_positives: texts(&rule.false_positives, 400),
            responses: texts(&rule.responses, 400),
        };
        rules.insert(at, note);
    }
}

/// Adds `text` to a sorted list; true when it was not in it.
fn note(list: &mut Vec<String>, most: usize, text: &str) -> bool {
    let known = |list: &[String], text: &str| list.binary_search_by(|one| one.as_str().cmp(text));
    if text.len() <= 256 && known(list, text).is_ok() {
        return false;
    }
    let text = clip(text, 256);
    match known(list, &text) {
        Err(index) if list.len() < most => {
            list.insert(index, text);
            true
        }
        _ => false,
    }
}

fn name(relation: &Relation) -> String {
    if relation.schema.is_empty() {
        relation.name.to_string()
    } else {
        format!("{}.{}", relation.schema, relation.name)
    }
}

/// A new line of the timeline; a detection without a reason of its own goes on in the latest line of its kind.
fn line(timeline: &mut Timeline, detection: &Detection, source: &SourceInfo, config: &FoldConfig) {
    if detection.reason.is_empty() {
        let same = |one: &&mut Entry| one.kind == detection.kind && one.detector == detection.name();
        if let Some(one) = timeline.entries.iter_mut().rev().find(same) {
            one.since = one.since.min(detection.since);
            one.until = one.until.max(detection.at);
            one.severity = one.severity.max(detection.severity);
            one.events = one.events.saturating_add(detection.events);
            one.rows = match (one.rows, detection.rows) {
                (Count::Known(before), Count::Known(more)) => Count::Known(before.saturating_add(more)),
                _ => Count::Unknown,
            };
            return;
        }
    }
    let entry = entry(detection, source);
    let before = |other: &Entry| (other.at, &other.place, other.kind) <= (entry.at, &entry.place, entry.kind);
    let at = timeline.entries.partition_point(before);
    timeline.entries.insert(at, entry);
    if timeline.entries.len() > config.timeline_head + config.timeline_tail {
        timeline.entries.remove(config.timeline_head);
        timeline.dropped += 1;
    }
}

fn entry(detection: &Detection, source: &SourceInfo) -> Entry {
    let reason = if detection.reason.is_empty() { phrase(detection.kind) } else { &detection.reason };
    let (actor, place, statement) = (&detection.actor, detection.place, detection.statement.as_ref());
    Entry {
        at: detection.at,
        since: detection.since,
        until: detection.at,
        kind: detection.kind,
        detector: clip(detection.name(), 100),
        severity: detection.severity,
        reason: clip(reason, 400),
        outcome: detection.outcome,
        client: clip(&actor.client.to_string(), 256),
        program: clip(&actor.program, 128),
        database: clip(&actor.database, 128),
        relations: detection.relations.iter().take(8).map(|relation| clip(&name(relation), 128)).collect(),
        verb: statement.map(|statement| statement.verb),
        summary: statement.map(|statement| clip(&statement.summary, 240)),
        fingerprint: statement.map(|statement| format!("{:016x}", statement.fingerprint)),
        rows: detection.rows,
        events: detection.events,
        session: if detection.session.0 == 0 { String::new() } else { format!("{:016x}", detection.session.0) },
        place: Where {
            source: source.name.to_string(),
            file: format!("{:016x}", place.file.0),
            offset: place.offset,
            length: place.length,
        },
    }
}
