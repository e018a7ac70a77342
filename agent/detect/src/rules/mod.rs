//! Sigma rules joined to the detectors: files → a book of rules, events → hits.
//!
//! The crate `sigma` knows neither events nor incidents. Here its fields are bound to [`fields::FIELDS`] and its log
//! sources to the systems that events come from; what a rule says under `kuzet:` becomes the kind, clause and responses
//! of its detections.

mod fields;
mod member;
mod shapes;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;

pub(crate) use fields::End;
pub use member::Member;

use crate::engine::Row;
use crate::resolve::Template;
use fields::{Binding, Bound, View};
use kuzet_event::{Event, RawField, System, Topic, Witness};
use kuzet_personal::Key;
use kuzet_sigma::{
    Correlated, Correlator, Diagnostic, FieldMap, Hit, Limits, Lists, LogSource, Matcher, Route, RuleSet, Value,
};
use shapes::Shapes;
use std::collections::BTreeMap;
use std::sync::Arc;

const WITNESSES: [Witness; 3] = [Witness::Audit, Witness::Log, Witness::Measure];

/// What a part of a record is for rules.
fn of_topic(topic: Topic) -> LogSource {
    let (category, product, service) = match topic {
        Topic::Webserver => (Some("webserver"), None, None),
        Topic::Proxy => (Some("proxy"), None, None),
        Topic::Audit => (None, Some("linux"), Some("auditd")),
        Topic::Process => (Some("process_creation"), Some("linux"), None),
        Topic::File => (Some("file_event"), Some("linux"), None),
        Topic::Network => (Some("network_connection"), Some("linux"), None),
    };
    LogSource::new(category, product, service)
}

/// What events of a system and witness are for rules.
#[must_use]
pub fn logsources(system: System, witness: Witness) -> Vec<LogSource> {
    let topics: &[Topic] = match system {
        System::Web => &[Topic::Webserver],
        System::Proxy => &[Topic::Proxy],
        System::Linux => &[Topic::Audit, Topic::Process, Topic::File, Topic::Network],
        System::Network => &[Topic::Network],
        _ => &[],
    };
    if !topics.is_empty() {
        return topics.iter().map(|topic| of_topic(*topic)).collect();
    }
    let category = if system == System::Application { "application" } else { "database" };
    let service = match (system, witness) {
        (System::Postgresql, Witness::Audit) => "pgaudit",
        (System::Mariadb, Witness::Audit) => "server_audit",
        (_, Witness::Audit) => "audit",
        (_, Witness::Log) => "log",
        (_, Witness::Measure) => "measure",
    };
    let mut sources = vec![LogSource::new(Some(category), Some(system.name()), Some(service))];
    if system == System::Mariadb {
        // MariaDB speaks MySQL: a rule for the one is meant for the other unless it says otherwise.
        sources.push(LogSource::new(Some(category), Some(System::Mysql.name()), Some(service)));
    }
    sources
}

/// Every field that rules may ask for: its name, and what it is.
pub fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    let worked_out = fields::FIELDS.iter().map(|field| (field.name, field.about));
    worked_out.chain(RawField::ALL.iter().map(|field| (field.name(), field.about())))
}

/// Rules that were loaded together, ready for any number of detectors.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    set: Arc<RuleSet>,
    members: Arc<[Member]>,
    correlated: Arc<[Member]>,
    binding: Arc<Binding>,
    /// By system and witness, and behind them by topic; `None` where no rule is for them.
    routes: Arc<[Option<Route>]>,
}

impl RuleBook {
    /// Loads files (name, content). What is refused is told and leaves the rest alone; rules whose id or name stands in
    /// `off` are loaded and tell nothing.
    #[must_use]
    pub fn load<N: AsRef<str>, B: AsRef<[u8]>>(
        files: impl IntoIterator<Item = (N, B)>,
        map: &FieldMap,
        lists: &Lists,
        off: &[String],
    ) -> (RuleBook, Vec<Diagnostic>) {
        let (set, mut diagnostics) = RuleSet::load(files, map, lists);
        let binding = Binding::new(set.fields());
        let every: Vec<LogSource> =
            System::ALL.iter().flat_map(|system| WITNESSES.iter().flat_map(|one| logsources(*system, *one))).collect();
        let mut members = Vec::with_capacity(set.rules().len());
        let fed = |rule: &kuzet_sigma::Rule| every.iter().any(|source| rule.logsource.covers(source));
        for rule in set.rules() {
            members.push(Member::new(rule, fed(rule), off, &mut diagnostics));
        }
        let known = |name: &str| fields::position(name).is_some();
        diagnostics.extend(set.unbound(|rule, name| !fed(rule) || known(name)));
        let correlated = set.correlations().iter().map(|resolved| &resolved.correlation.meta);
        let correlated = correlated.map(|meta| Member::new(meta, true, off, &mut diagnostics)).collect();
        diagnostics.sort();
        let route = |sources: &[LogSource]| {
            let route = set.route(sources).with_steady(set.fields(), fields::is_shape);
            let route = route.with_secret(set.fields(), fields::is_raw);
            (!route.is_empty()).then_some(route)
        };
        let systems = System::ALL.iter().flat_map(|system| WITNESSES.map(|witness| logsources(*system, witness)));
        let topics = Topic::ALL.iter().map(|topic| vec![of_topic(*topic)]);
        let routes = systems.chain(topics).map(|sources| route(&sources)).collect();
        let book =
            RuleBook { members: members.into(), correlated, binding: Arc::new(binding), routes, set: Arc::new(set) };
        (book, diagnostics)
    }

    /// Rules as they were loaded; [`members`](Self::members) has the same order.
    #[must_use]
    pub fn set(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// What each rule is to the agent.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What each correlation of the set is to the agent, in their order.
    #[must_use]
    pub fn correlated(&self) -> &[Member] {
        &self.correlated
    }

    /// The rule or correlation that is called `name`: its id, its name or its title. Correlations stand behind the rules.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().chain(&*self.correlated).position(|one| one.is_called(name))
    }

    /// What the document of each rule says, and behind them of each correlation, with what it is to the agent.
    pub fn documents(&self) -> impl Iterator<Item = (&kuzet_sigma::Rule, &Member)> {
        let correlations = self.set.correlations().iter().map(|resolved| &resolved.correlation.meta);
        let members = self.members.iter().chain(&*self.correlated);
        self.set.rules().iter().chain(correlations).zip(members)
    }

    /// The systems and kinds of records whose events the rule sees.
    pub fn feeds(&self, rule: &kuzet_sigma::Rule) -> impl Iterator<Item = (System, Witness)> {
        let every = System::ALL.into_iter().flat_map(|system| WITNESSES.map(|witness| (system, witness)));
        every.filter(|(system, witness)| logsources(*system, *witness).iter().any(|one| rule.logsource.covers(one)))
    }

    /// What the index files the rule at `number` under, each of which an event has to meet; nothing where it is held against
    /// every event.
    #[must_use]
    pub fn filed(&self, number: usize) -> Vec<String> {
        let Some((id, rule)) = self.set.numbered().nth(number) else { return Vec::new() };
        let feeds: Vec<(System, Witness)> = self.feeds(rule).collect();
        let filed = feeds.into_iter().map(|(system, witness)| self.set.filed(id, &logsources(system, witness)));
        // Beside other rules another of several needs may be taken: the first server stands for all.
        filed.into_iter().next().unwrap_or_default()
    }
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Other => "…".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.to_owned(),
    }
}

/// One rule against one event.
#[derive(Clone, Debug)]
pub struct Judged {
    /// As it is matched, with what of it the event meets.
    pub rule: kuzet_sigma::Described,
    /// What the event has for each field that the rule asks for.
    pub values: Vec<(String, Vec<String>)>,
}

/// What a rule or a correlation found in an event.
pub(crate) enum Found {
    Rule(Hit),
    Correlation(Correlated),
}

/// Begins the rows of correlations.
pub(crate) const RULE_TAG: u8 = b'x';
/// Values of fields are kept as hashes, and some are parts of URLs and command lines: their key is the host's own.
fn own_key(key: &Key) -> [u8; 32] {
    let half = |half: &[u8]| key.pseudonym("values that correlate", half).to_le_bytes();
    let mut both = [0; 32];
    both[..16].copy_from_slice(&half(b"first"));
    both[16..].copy_from_slice(&half(b"second"));
    both
}

/// Rules at work.
pub(crate) struct Rules {
    book: RuleBook,
    matcher: Matcher,
    shapes: Shapes,
    correlator: Correlator,
    hits: Vec<Hit>,
    correlated: Vec<Correlated>,
    /// Of the event that is looked at, what is to be told.
    pub(crate) found: Vec<Found>,
    /// Whether a rule asks what the policy says.
    asks_policy: bool,
    offset: i64,
    evaluated: u64,
    /// Hits since they were last asked for, by number.
    told: BTreeMap<usize, u64>,
}

impl Rules {
    pub(crate) fn new(book: RuleBook, offset: i64, key: &Key) -> Rules {
        let (matcher, asks_policy) = (book.set.matcher(), book.binding.asks("kuzet.policy"));
        let correlator = Correlator::new(Arc::clone(&book.set), own_key(key), Limits::default());
        let (hits, correlated, found) = (Vec::new(), Vec::new(), Vec::new());
        let (shapes, evaluated, told) = (Shapes::default(), 0, BTreeMap::new());
        Rules { matcher, shapes, correlator, hits, correlated, found, asks_policy, book, offset, evaluated, told }
    }

    /// Whether any rule is for events like this one and wants to know what the policy says.
    pub(crate) fn asks_policy(&self) -> bool {
        self.asks_policy
    }

    /// Finds the rules that match; says whether there is one that tells. `first` says whether a rule, by its place, hits a
    /// statement for the first time: audit and plain log tell it twice, and a correlation counts it once.
    pub(crate) fn meet(
        &mut self,
        event: &Event,
        touched: &Arc<[Template]>,
        allowed: Option<bool>,
        end: Option<End>,
        first: &mut dyn FnMut(u32) -> bool,
    ) -> bool {
        self.found.clear();
        self.hits.clear();
        let mut evaluated = false;
        let topic = |topic: Topic| System::ALL.len() * WITNESSES.len() + topic as usize;
        match event.raw.as_deref() {
            None => {
                let at = match &event.flow {
                    // A question to DNS is no connection of its own.
                    Some(flow) if flow.query.is_some() => return false,
                    Some(_) => topic(Topic::Network),
                    None => event.actor.system as usize * WITNESSES.len() + event.witness as usize,
                };
                let view = View { event, touched, allowed, offset: self.offset, end, frame: 0 };
                evaluated = self.match_frame(at, view, touched, first);
            }
            Some(raw) => {
                for (frame, about) in raw.topics().enumerate() {
                    let at = topic(about);
                    let view = View { event, touched, allowed, offset: self.offset, end, frame };
                    evaluated |= self.match_frame(at, view, touched, first);
                }
            }
        }
        self.evaluated += u64::from(evaluated);
        if self.hits.is_empty() {
            return false;
        }
        let members = &self.book.members;
        let member = |hit: &Hit| members.get(hit.rule.index());
        let tells = |one: Option<&Member>| one.is_some_and(|one| one.severity.is_some() && !one.off);
        self.found.extend(self.hits.drain(..).filter(|hit| tells(member(hit))).map(Found::Rule));
        let correlated = &self.book.correlated;
        let fired = self.correlated.drain(..).filter(|one| tells(correlated.get(one.correlation)));
        self.found.extend(fired.map(Found::Correlation));
        for found in &self.found {
            let number = match found {
                Found::Rule(hit) => hit.rule.index(),
                Found::Correlation(one) => members.len() + one.correlation,
            };
            *self.told.entry(number).or_default() += 1;
        }
        !self.found.is_empty()
    }

    /// Finds the rules for one frame of an event that no earlier frame matched; says whether any is for it.
    fn match_frame(
        &mut self,
        number: usize,
        view: View<'_>,
        touched: &Arc<[Template]>,
        first: &mut dyn FnMut(u32) -> bool,
    ) -> bool {
        let Some(Some(route)) = self.book.routes.get(number) else { return false };
        let (event, at, before) = (view.event, view.event.at.0, self.hits.len());
        let bound = Bound { view, binding: &self.book.binding };
        let matcher = &mut self.matcher;
        let possible = self.shapes.possible(event, touched, number, || matcher.steady(route, &bound));
        matcher.matches_steady(route, possible, &bound, &mut self.hits);
        if self.hits.len() == before {
            return true;
        }
        let (told, members) = (self.hits.drain(before..).collect::<Vec<Hit>>(), &self.book.members);
        for hit in told {
            let on = members.get(hit.rule.index()).is_some_and(|one| !one.off);
            if on && !self.hits.iter().any(|known| known.rule == hit.rule) {
                self.hits.push(hit);
            }
        }
        let counts = |hit: &&Hit| self.correlator.counts(hit.rule) && first(hit.rule.index() as u32);
        let counted: Vec<Hit> = self.hits[before..].iter().filter(counts).cloned().collect();
        self.correlator.observe(&counted, &bound, at, &mut self.correlated);
        true
    }

    /// The rule or correlation behind what was found.
    pub(crate) fn member(&self, found: &Found) -> Option<&Member> {
        match found {
            Found::Rule(hit) => self.book.members.get(hit.rule.index()),
            Found::Correlation(one) => self.book.correlated.get(one.correlation),
        }
    }

    /// What made it match, in words: `selection (db.query.summary)`.
    pub(crate) fn because(&self, found: &Found) -> String {
        let hit = match found {
            Found::Rule(hit) => hit,
            Found::Correlation(one) => return one.told.clone(),
        };
        let found = self.book.set.explain(hit);
        let words = found.iter().map(|(selection, fields)| {
            let mut fields = fields.clone();
            fields.sort_unstable();
            fields.dedup();
            if fields.is_empty() { (*selection).to_owned() } else { format!("{selection} ({})", fields.join(", ")) }
        });
        words.collect::<Vec<String>>().join(", ")
    }

    /// How many rules there are.
    pub(crate) fn rules(&self) -> usize {
        self.book.members.len()
    }

    /// State of correlations that changed since the last call.
    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        let tagged = |(key, value): Row| ([&[RULE_TAG], &*key].concat(), value);
        rows.extend(self.correlator.changes().into_iter().map(tagged));
    }

    /// Takes rows back; each begins with [`RULE_TAG`].
    pub(crate) fn restore(&mut self, rows: Vec<(Vec<u8>, Vec<u8>)>) {
        self.correlator.restore(rows.into_iter().map(|(mut key, value)| (key.split_off(1.min(key.len())), value)));
    }

    /// Groups of correlations that were forgotten or not taken because memory is bounded, and hits that came too late.
    pub(crate) fn evicted(&self) -> u64 {
        self.correlator.evicted() + self.correlator.crowded() + self.correlator.late()
    }

    /// How many groups of correlations are held.
    pub(crate) fn held(&self) -> usize {
        self.correlator.held()
    }

    /// What of a rule an event meets, in the first of its frames that meets all of it, and what it has for the fields that
    /// the rule asks for. What only rules may look at is told by its length.
    pub(crate) fn judge(
        &mut self,
        event: &Event,
        touched: &[Template],
        allowed: Option<bool>,
        end: Option<End>,
        rule: usize,
    ) -> Option<Judged> {
        let (set, binding, offset) = (&self.book.set, &self.book.binding, self.offset);
        let (id, _) = set.numbered().nth(rule)?;
        let frames = 0..event.raw.as_deref().map_or(1, |raw| raw.topics().len());
        let bound = |frame| Bound { view: View { event, touched, allowed, offset, end, frame }, binding };
        let one = |field| {
            let mut values = Vec::new();
            for frame in frames.clone() {
                let mut visit = |value: Value<'_>| match value {
                    Value::Text(text) if binding.is_raw(field) => values.push(format!("({} bytes)", text.len())),
                    value => values.push(shown(value)),
                };
                kuzet_sigma::Event::field(&bound(frame), field, &mut visit);
            }
            values.dedup();
            (set.fields().names(field).join(" or "), values)
        };
        let values = set.fields_of(id).into_iter().map(one).collect();
        let mut judged = None;
        for frame in frames.clone() {
            judged = self.matcher.judge(id, &bound(frame));
            if judged.as_ref().is_some_and(|one| one.holds == Some(true)) {
                break;
            }
        }
        Some(Judged { rule: judged?, values })
    }

    /// Events that were held against rules since the last call, and the hits of each rule by its name.
    pub(crate) fn did(&mut self) -> (u64, Vec<(Arc<str>, u64)>) {
        let members: Vec<&Member> = self.book.members.iter().chain(&*self.book.correlated).collect();
        let named = |(number, times): (usize, u64)| Some((Arc::clone(&members.get(number)?.about.name), times));
        let hits = std::mem::take(&mut self.told).into_iter().filter_map(named).collect();
        (std::mem::take(&mut self.evaluated), hits)
    }
}
