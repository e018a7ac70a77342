//! A set of rules: loaded from files, joined with filters, routed by log source.

use crate::condition::Condition;
use crate::correlate::resolve;
use crate::correlation::Correlation;
use crate::detection::Detection;
use crate::diagnostic::{Code, Diagnostic, Fault, Place};
use crate::document::{self, Document};
use crate::event::{FieldId, Fields};
use crate::fieldmap::{FieldMap, Lists};
use crate::filter::Filter;
use crate::index::Index;
use crate::lower::{self, Names, Shared};
use crate::matcher::{Hit, Matcher};
use crate::program::Program;
use crate::regex::Regexes;
use crate::rule::{LogSource, Rule};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// A rule of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(crate) u32);

impl RuleId {
    /// Its position in [`RuleSet::rules`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a correlation stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A rule.
    Rule(RuleId),
    /// Another correlation, by its position in [`RuleSet::correlations`]; always an earlier one.
    Correlation(usize),
}

/// A correlation whose rules are known.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// As it was read.
    pub correlation: Correlation,
    /// What it stands on, in the order of its `rules`.
    pub parts: Vec<Part>,
    /// For each part, the rules that it comes down to, with the fields of their events.
    pub bound: Vec<BTreeMap<RuleId, Bound>>,
}

/// Fields of a rule's events as a correlation asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Those of `group-by`.
    pub group_by: Vec<FieldId>,
    /// Those that the condition names.
    pub fields: Vec<FieldId>,
}

/// Rules that were loaded together.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    programs: Vec<Program>,
    pub(crate) correlations: Vec<Resolved>,
    pub(crate) shared: Shared,
    /// How many indices of fields its routes have.
    indices: AtomicU32,
}

/// The rules for one kind of events, ready to be matched.
#[derive(Debug)]
pub struct Route {
    index: Index,
    /// By [`FieldId::index`].
    steady: Box<[bool]>,
    rules: usize,
}

impl Route {
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn steady_fields(&self) -> &[bool] {
        &self.steady
    }

    /// Says which fields of [`RuleSet::fields`] are the same for many events: see [`Matcher::steady`].
    #[must_use]
    pub fn with_steady(mut self, fields: &Fields, steady: impl Fn(&str) -> bool) -> Self {
        self.steady = std::iter::once(false)
            .chain(fields.iter().map(|(_, names)| names.iter().all(|name| steady(name))))
            .collect();
        self.index.put_first(&self.steady);
        self
    }

    /// Says of which fields of [`RuleSet::fields`] no value may be kept when its event is gone.
    #[must_use]
    pub fn with_secret(mut self, fields: &Fields, secret: impl Fn(&str) -> bool) -> Self {
        for index in &mut self.index.fields {
            index.remembers &= !fields.names(index.field).iter().any(|name| secret(name));
        }
        self
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules
    }

    /// Whether it has no rule.
    pub fn is_empty(&self) -> bool {
        self.rules == 0
    }
}

impl RuleSet {
    /// Loads what `files` (name, content) hold. What is refused is told and leaves the rest alone.
    pub fn load<N: AsRef<str>, B: AsRef<[u8]>>(
        files: impl IntoIterator<Item = (N, B)>,
        map: &FieldMap,
        lists: &Lists,
    ) -> (Self, Vec<Diagnostic>) {
        let mut loading = Loading::default();
        for (name, bytes) in files {
            let file = Arc::from(name.as_ref());
            for document in document::read(&file, bytes.as_ref(), &mut loading.diagnostics) {
                loading.document(document);
            }
        }
        loading.filter();
        let mut set = Self::default();
        for (rule, detection) in loading.rules {
            let mut faults = Vec::new();
            let names = Names { map, lists };
            let program = lower::lower(&detection, &rule.logsource, names, &mut set.shared, &mut faults);
            loading.diagnostics.extend(faults.into_iter().map(|fault| fault.of(&rule.file)));
            if let Some(program) = program {
                set.rules.push(rule);
                set.programs.push(program);
            }
        }
        resolve::resolve(&mut set, loading.correlations, map, &mut loading.diagnostics);
        loading.diagnostics.sort();
        (set, loading.diagnostics)
    }

    /// Rules by [`RuleId::index`].
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }

    /// Correlations; each stands on rules and earlier ones.
    pub fn correlations(&self) -> &[Resolved] {
        &self.correlations
    }

    /// The fields that rules and correlations ask for: what an event has to be bound to.
    pub fn fields(&self) -> &Fields {
        &self.shared.fields
    }

    /// The rules for events that are of each of `logsources` at once.
    pub fn route(&self, logsources: &[LogSource]) -> Route {
        self.routed(|rule| logsources.iter().any(|logsource| rule.logsource.covers(logsource)))
    }

    /// Every rule, whatever its log source.
    pub fn route_all(&self) -> Route {
        self.routed(|_| true)
    }

    fn routed(&self, wanted: impl Fn(&Rule) -> bool) -> Route {
        let numbered = (0..).zip(&self.rules).zip(&self.programs);
        let chosen: Vec<(u32, &Program)> =
            numbered.filter(|((_, rule), _)| wanted(rule)).map(|((number, _), program)| (number, program)).collect();
        Route {
            rules: chosen.len(),
            steady: Box::default(),
            index: Index::new(chosen.into_iter(), &self.shared.regexes, &self.indices),
        }
    }

    /// A matcher of this set.
    pub fn matcher(self: &Arc<Self>) -> Matcher {
        Matcher::new(self.clone())
    }

    /// Names of the selections of a rule.
    pub fn selections(&self, rule: RuleId) -> impl Iterator<Item = &str> {
        self.programs
            .get(rule.index())
            .into_iter()
            .flat_map(|program| program.selections.iter().map(|(name, _)| &**name))
    }

    /// The fields that a rule asks for, without repeats.
    pub fn fields_of(&self, rule: RuleId) -> BTreeSet<FieldId> {
        let mut fields = Vec::new();
        if let Some(program) = self.programs.get(rule.index()) {
            program.fields(&mut fields);
        }
        fields.into_iter().filter(|field| *field != FieldId::ANY).collect()
    }

    /// Every rule with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        (0..).map(RuleId).zip(&self.rules)
    }

    /// Why a rule matched: selections that hold, with the fields of the event that made them. Keywords have no field.
    pub fn explain(&self, hit: &Hit) -> BTreeMap<&str, Vec<&str>> {
        let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for matched in &hit.matched {
            let Some(selection) = self.selections(hit.rule).nth(matched.selection) else { continue };
            let fields = told.entry(selection).or_default();
            let names = matched.field.map_or(&[][..], |field| self.fields().names(field));
            fields.extend(names.iter().map(String::as_str));
        }
        told
    }

    /// Warns of every rule that asks for a field of which no name is `known` to the events it is for.
    pub fn unbound(&self, known: impl Fn(&Rule, &str) -> bool) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        for (rule, program) in self.rules.iter().zip(&self.programs) {
            let mut asked = Vec::new();
            program.fields(&mut asked);
            asked.sort_unstable();
            asked.dedup();
            for names in asked.into_iter().map(|field| self.fields().names(field)) {
                if !names.is_empty() && !names.iter().any(|name| known(rule, name)) {
                    let message = format!("no event has the field {}", names.join(" or "));
                    let help = "name a field that events have, or add the field to a field map";
                    told.push(Fault::new(rule.place, Code::UnboundField, message, help).of(&rule.file));
                }
            }
        }
        told
    }

    pub(crate) fn program(&self, rule: u32) -> Option<&Program> {
        self.programs.get(rule as usize)
    }

    pub(crate) fn regexes(&self) -> &Regexes {
        &self.shared.regexes
    }
}

/// Documents on their way into a set.
#[derive(Default)]
struct Loading {
    rules: Vec<(Rule, Detection)>,
    correlations: Vec<Correlation>,
    filters: Vec<Filter>,
    /// Ids and names, and where they stand.
    known: HashMap<String, (Arc<str>, Place)>,
    diagnostics: Vec<Diagnostic>,
}

impl Loading {
    fn document(&mut self, document: Document) {
        let meta = match &document {
            Document::Rule(rule, _) => rule,
            Document::Correlation(correlation) => &correlation.meta,
            Document::Filter(filter) => &filter.meta,
        };
        for called in meta.id.iter().chain(&meta.name) {
            if let Some((file, place)) = self.known.get(called) {
                let message = format!("{called:?} is the id or name of {file}:{} too", place.line);
                let fault = Fault::new(meta.place, Code::DuplicateId, message, "give each document an id of its own");
                self.diagnostics.push(fault.of(&meta.file));
                return;
            }
        }
        for called in meta.id.iter().chain(&meta.name) {
            self.known.insert(called.clone(), (meta.file.clone(), meta.place));
        }
        match document {
            Document::Rule(rule, detection) => self.rules.push((rule, detection)),
            Document::Correlation(correlation) => self.correlations.push(correlation),
            Document::Filter(filter) => self.filters.push(filter),
        }
    }

    /// Adds the conditions of the filters to the rules they name.
    fn filter(&mut self) {
        for filter in std::mem::take(&mut self.filters) {
            let meta = &filter.meta;
            for (reference, place) in filter.rules.iter().flatten() {
                let message = match self.rules.iter().find(|(rule, _)| rule.is_called(reference)) {
                    None => format!("the filter names {reference:?}, which is no rule"),
                    Some((rule, _)) if !meta.logsource.covers(&rule.logsource) => {
                        format!("the filter names {reference:?}, which is for another log source")
                    }
                    Some(_) => continue,
                };
                let help = "name the rule by its id or name, and give the filter the rule's logsource";
                self.diagnostics.push(Fault::new(*place, Code::UnknownRule, message, help).of(&meta.file));
            }
            for (rule, detection) in &mut self.rules {
                let named = match &filter.rules {
                    None => true,
                    Some(rules) => rules.iter().any(|(reference, _)| rule.is_called(reference)),
                };
                if named && meta.logsource.covers(&rule.logsource) {
                    add(&filter, detection);
                }
            }
        }
    }
}

fn add(filter: &Filter, detection: &mut Detection) {
    let first = detection.selections.len();
    for named in &filter.detection.selections {
        let mut named = named.clone();
        named.name = format!("{}: {}", filter.meta.title, named.name);
        detection.selections.push(named);
    }
    let added = moved(&filter.detection.condition, first);
    let own = std::mem::replace(&mut detection.condition, Condition::And(Vec::new()));
    detection.condition = Condition::And(vec![own, added]);
}

/// `condition` over selections that now stand `by` further on.
fn moved(condition: &Condition, by: usize) -> Condition {
    let all = |parts: &[Condition]| parts.iter().map(|part| moved(part, by)).collect();
    match condition {
        Condition::Of(name) => Condition::Of(name + by),
        Condition::And(parts) => Condition::And(all(parts)),
        Condition::Or(parts) => Condition::Or(all(parts)),
        Condition::Not(part) => Condition::Not(Box::new(moved(part, by))),
        Condition::AtLeast(least, names) => Condition::AtLeast(*least, names.iter().map(|name| name + by).collect()),
    }
}
