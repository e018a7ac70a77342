//! Events against rules: candidates from the index, then each candidate's program.

use crate::condition::Condition;
use crate::event::{Event, FieldId, Value};
use crate::gather::{Gathered, KEPT, Kind, Leaf};
use crate::index::{FieldIndex, Side};
use crate::memo::{self, Memo};
use crate::modifier::{Order, TimePart};
use crate::program::{Check, Number, Program, Test, Tree};
use crate::regex::Regexes;
use crate::set::{Route, RuleId, RuleSet};
use regex_automata::Input;
use regex_automata::nfa::thompson::pikevm::Cache;
use std::sync::Arc;

/// A rule that matched, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: RuleId,
    /// Selections that hold, and the fields that made them.
    pub matched: Vec<Matched>,
}

/// A field that a selection found what it looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    /// Position of the selection in its rule.
    pub selection: usize,
    /// The field; `None` for keywords.
    pub field: Option<FieldId>,
}

/// Matches events; holds memory that is used again and no state from one event to the next.
#[derive(Debug)]
pub struct Matcher {
    set: Arc<RuleSet>,
    looking: Looking,
    scratch: Scratch,
}

/// Rules that the steady fields of events leave possible, each with the sides of the index on which they are met.
#[derive(Debug, Clone, Default)]
pub struct Steady(Box<[u32]>);

impl Steady {
    /// Bytes of memory.
    pub fn size(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Rules that an event may match.
#[derive(Debug)]
struct Candidates {
    event: u64,
    /// For each rule the event that met it last, and in the two lowest bits the sides on which.
    met: Vec<u64>,
    /// Rules met on some side.
    rules: Vec<u32>,
}

impl Candidates {
    fn add(&mut self, posting: &[u32]) {
        for &filed in posting {
            let (rule, side) = (filed >> 2, u64::from(filed & 3));
            let Some(met) = self.met.get_mut(rule as usize) else { continue };
            if *met >> 2 != self.event {
                *met = self.event << 2;
                self.rules.push(rule);
            }
            *met |= side;
        }
    }

    /// The sides on which `rule` is met.
    fn sides(&self, rule: u32) -> u32 {
        self.met.get(rule as usize).map_or(0, |met| (met & 3) as u32)
    }
}

/// Looks fields up in the index.
#[derive(Debug)]
struct Looking {
    candidates: Candidates,
    memo: Memo,
    /// Memory to fold values in, and for the rules of one value.
    folding: Vec<u8>,
    found: Vec<u32>,
}

impl Looking {
    fn next(&mut self) {
        self.candidates.event += 1;
        self.candidates.rules.clear();
        self.folding.clear();
        self.folding.shrink_to(KEPT);
    }

    /// Adds the rules that the values of a field leave possible.
    fn look<E: Event + ?Sized>(&mut self, index: &FieldIndex, event: &E) {
        let Self { candidates, memo, folding, found } = self;
        let mut there = false;
        let mut visit = |value: Value<'_>| {
            there = true;
            let Value::Text(text) = value else {
                return index.value(value, folding, &mut |posting| candidates.add(posting));
            };
            let Some(place) = memo::place(index.number, text).filter(|_| index.remembers) else {
                return index.value(value, folding, &mut |posting| candidates.add(posting));
            };
            if let Some(posting) = memo.get(place, index.number, text) {
                return candidates.add(posting);
            }
            found.clear();
            index.value(value, folding, &mut |posting| found.extend(posting));
            candidates.add(found);
            memo.put(place, index.number, text, found);
        };
        if index.field == FieldId::ANY {
            event.values(&mut visit);
        } else {
            event.field(index.field, &mut visit);
        }
        if there {
            candidates.add(&index.present);
        }
    }
}

#[derive(Debug)]
struct Scratch {
    gathered: Gathered,
    caches: Vec<Option<Box<Cache>>>,
}

impl Matcher {
    pub(crate) fn new(set: Arc<RuleSet>) -> Self {
        let scratch = Scratch {
            gathered: Gathered::new(set.fields().len()),
            caches: (0..set.regexes().len()).map(|_| None).collect(),
        };
        let candidates = Candidates { event: 0, met: vec![0; set.rules().len()], rules: Vec::new() };
        let looking = Looking { candidates, memo: Memo::new(), folding: Vec::new(), found: Vec::new() };
        Self { set, looking, scratch }
    }

    /// The rules.
    pub fn set(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// Appends the rules of `route` that match `event` to `hits`, in the order of the rules. The route is of the same set.
    pub fn matches<E: Event + ?Sized>(&mut self, route: &Route, event: &E, hits: &mut Vec<Hit>) {
        let index = route.index();
        self.looking.next();
        self.looking.candidates.add(&index.always);
        index.fields.iter().for_each(|field| self.looking.look(field, event));
        self.evaluate(event, hits);
    }

    /// The rules of `route` that the steady fields of `event` leave possible, for any number of events that have the same
    /// values in them.
    pub fn steady<E: Event + ?Sized>(&mut self, route: &Route, event: &E) -> Steady {
        let index = route.index();
        self.looking.next();
        self.looking.candidates.add(&index.always);
        index.fields.iter().take(index.steady).for_each(|field| self.looking.look(field, event));
        let Self { set, looking: Looking { candidates, .. }, scratch } = self;
        let possible = candidates.rules.iter().filter(|rule| {
            let Some(program) = set.program(**rule) else { return false };
            let only = Some(route.steady_fields());
            let mut evaluation = Evaluation { regexes: set.regexes(), scratch, event, program, only };
            evaluation.condition(&program.condition) != Some(false)
        });
        let steady = Steady(possible.map(|rule| rule << 2 | candidates.sides(*rule)).collect());
        scratch.gathered.forget();
        steady
    }

    /// The same as [`matches`](Self::matches), where it is known what the steady fields leave possible.
    pub fn matches_steady<E: Event + ?Sized>(
        &mut self,
        route: &Route,
        steady: &Steady,
        event: &E,
        hits: &mut Vec<Hit>,
    ) {
        let index = route.index();
        self.looking.next();
        self.looking.candidates.add(&steady.0);
        index.fields.iter().skip(index.steady).for_each(|field| self.looking.look(field, event));
        self.evaluate(event, hits);
    }

    /// Holds `event` against the programs of the candidates.
    fn evaluate<E: Event + ?Sized>(&mut self, event: &E, hits: &mut Vec<Hit>) {
        let Self { set, looking: Looking { candidates, .. }, scratch } = self;
        let mut rules = std::mem::take(&mut candidates.rules);
        rules.retain(|rule| candidates.sides(*rule) == Side::Only as u32);
        rules.sort_unstable();
        for &rule in &rules {
            let Some(program) = set.program(rule) else { continue };
            let mut evaluation = Evaluation { regexes: set.regexes(), scratch, event, program, only: None };
            if evaluation.condition(&program.condition) == Some(true) {
                hits.push(Hit { rule: RuleId(rule), matched: evaluation.explain() });
            }
        }
        if !rules.is_empty() {
            scratch.gathered.forget();
        }
        candidates.rules = rules;
    }
}

/// Says of one test of a rule whether an event meets it.
pub(crate) type Holds<'a> = &'a mut dyn FnMut(&Test) -> bool;

impl Matcher {
    /// Hands `ask` what says of each test of `rule` whether `event` meets it.
    pub(crate) fn tests<E: Event + ?Sized, T>(
        &mut self,
        rule: RuleId,
        event: &E,
        ask: &mut dyn FnMut(Holds<'_>) -> T,
    ) -> Option<T> {
        let Self { set, scratch, .. } = self;
        let program = set.program(rule.0)?;
        let mut evaluation = Evaluation { regexes: set.regexes(), scratch, event, program, only: None };
        let told = ask(&mut |test| evaluation.test(test));
        scratch.gathered.forget();
        Some(told)
    }
}

/// One rule against one event. Truth is Kleene's: what hangs on a field that is not to be read is neither true nor false.
struct Evaluation<'a, E: Event + ?Sized> {
    regexes: &'a Regexes,
    scratch: &'a mut Scratch,
    event: &'a E,
    program: &'a Program,
    /// The fields to be read; `None` for all of them.
    only: Option<&'a [bool]>,
}

/// Whether all hold.
fn all<T>(parts: &[T], mut holds: impl FnMut(&T) -> Option<bool>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match holds(part) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

/// Whether any holds.
fn any<T>(parts: &[T], mut holds: impl FnMut(&T) -> Option<bool>) -> Option<bool> {
    all(parts, |part| holds(part).map(|holds| !holds)).map(|none| !none)
}

impl<E: Event + ?Sized> Evaluation<'_, E> {
    fn condition(&mut self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::Of(name) => self.selection(*name),
            Condition::And(parts) => all(parts, |part| self.condition(part)),
            Condition::Or(parts) => any(parts, |part| self.condition(part)),
            Condition::Not(part) => self.condition(part).map(|holds| !holds),
            Condition::AtLeast(least, names) => {
                let (mut hold, mut may) = (0, 0);
                for name in names {
                    match self.selection(*name) {
                        Some(true) => hold += 1,
                        Some(false) => {}
                        None => may += 1,
                    }
                    if hold >= *least {
                        return Some(true);
                    }
                }
                if hold + may >= *least { None } else { Some(false) }
            }
        }
    }

    fn selection(&mut self, name: usize) -> Option<bool> {
        let program = self.program;
        program.selections.get(name).map_or(Some(false), |(_, tree)| self.tree(tree))
    }

    fn tree(&mut self, tree: &Tree) -> Option<bool> {
        match tree {
            Tree::All(trees) => all(trees, |tree| self.tree(tree)),
            Tree::Any(trees) => any(trees, |tree| self.tree(tree)),
            Tree::Test(test) if test.fields().all(|field| self.reads(field)) => Some(self.test(test)),
            Tree::Test(_) => None,
        }
    }

    fn reads(&self, field: FieldId) -> bool {
        self.only.is_none_or(|only| only.get(field.index()) == Some(&true))
    }

    fn test(&mut self, test: &Test) -> bool {
        let leaves = self.scratch.gathered.field(self.event, test.field);
        let holds = |this: &mut Self, check: &Check| match check {
            Check::Exists(wanted) => leaves.is_empty() != *wanted,
            Check::Null if leaves.is_empty() => true,
            Check::Field { field, before, behind, cased } => {
                let others = this.scratch.gathered.field(this.event, *field);
                let gathered = &this.scratch.gathered;
                gathered.leaves(leaves.clone()).iter().any(|leaf| {
                    let mut others = gathered.leaves(others.clone()).iter();
                    others.any(|other| compare(gathered, leaf, other, (*before, *behind, *cased)))
                })
            }
            _ => leaves.clone().any(|at| this.scratch.check(this.regexes, check, at)),
        };
        let holds = if test.all {
            test.checks.iter().all(|check| holds(self, check))
        } else {
            test.checks.iter().any(|check| holds(self, check))
        };
        if test.neq { !leaves.is_empty() && !holds } else { holds }
    }

    /// Which selections hold, and by which fields.
    fn explain(&mut self) -> Vec<Matched> {
        let mut matched = Vec::new();
        let program = self.program;
        for (selection, (_, tree)) in program.selections.iter().enumerate() {
            if self.tree(tree) == Some(true) {
                self.explain_tree(selection, tree, &mut matched);
            }
        }
        matched.sort_unstable();
        matched.dedup();
        matched
    }

    fn explain_tree(&mut self, selection: usize, tree: &Tree, matched: &mut Vec<Matched>) {
        match tree {
            Tree::All(trees) => trees.iter().for_each(|tree| self.explain_tree(selection, tree, matched)),
            Tree::Any(trees) => {
                for tree in trees {
                    if self.tree(tree) == Some(true) {
                        self.explain_tree(selection, tree, matched);
                    }
                }
            }
            Tree::Test(test) => {
                let field = (test.field != FieldId::ANY).then_some(test.field);
                matched.push(Matched { selection, field });
            }
        }
    }
}

impl Scratch {
    /// Whether the value at `leaf` is what `check` asks for.
    fn check(&mut self, regexes: &Regexes, check: &Check, leaf: usize) -> bool {
        if let Check::Any(checks) = check {
            return checks.iter().any(|check| self.check(regexes, check, leaf));
        }
        let gathered = &self.gathered;
        let Some(leaf) = gathered.leaves(leaf..leaf + 1).first() else { return false };
        let text = |cased: bool| if cased { gathered.raw(leaf) } else { gathered.folded(leaf) };
        match check {
            Check::Text(pattern) => text(pattern.cased).is_some_and(|text| pattern.fits(text)),
            Check::OneOf(texts) => {
                text(false).is_some_and(|text| texts.binary_search_by(|one| (**one).cmp(text)).is_ok())
            }
            Check::Null => leaf.kind == Kind::Null,
            Check::Bool(wanted) => match leaf.kind {
                Kind::Bool(value) => value == *wanted,
                _ => text(false) == Some(if *wanted { "true" } else { "false" }),
            },
            Check::Number(order, number) => gathered.number(leaf).is_some_and(|value| value.is(*order, *number)),
            Check::Time(part, order, number) => time_part(gathered, leaf, *part)
                .is_some_and(|value| Number::Int(value.into()).is(*order, Number::Int((*number).into()))),
            Check::Regex(id) => {
                let (Some(vm), Some(text)) = (regexes.get(*id), text(true)) else { return false };
                let Some(cache) = self.caches.get_mut(id.index()) else { return false };
                let cache = cache.get_or_insert_with(|| Box::new(vm.create_cache()));
                vm.is_match(cache, Input::new(text).earliest(true))
            }
            Check::Network(network) => text(true).is_some_and(|text| network.holds(text)),
            Check::Exists(_) | Check::Field { .. } | Check::Any(_) => false,
        }
    }
}

/// Whether two values of an event are equal, or one holds the other: before and behind it something may stand.
fn compare(gathered: &Gathered, leaf: &Leaf, other: &Leaf, (before, behind, cased): (bool, bool, bool)) -> bool {
    if let (Kind::Number(one), Kind::Number(other), false, false) = (leaf.kind, other.kind, before, behind) {
        return one.is(Order::Equal, other);
    }
    let text = |leaf| if cased { gathered.raw(leaf) } else { gathered.folded(leaf) };
    let (Some(text), Some(other)) = (text(leaf), text(other)) else { return false };
    match (before, behind) {
        (false, false) => text == other,
        (false, true) => text.starts_with(other),
        (true, false) => text.ends_with(other),
        (true, true) => memchr::memmem::find(text.as_bytes(), other.as_bytes()).is_some(),
    }
}

/// A part of the time that a value is: RFC 3339, without a zone UTC, or seconds or milliseconds since 1970.
fn time_part(gathered: &Gathered, leaf: &Leaf, part: TimePart) -> Option<i64> {
    let seconds = |number: i128| {
        // As many milliseconds are the year 2001, as many seconds the year 33658.
        let seconds = if number.abs() > 1_000_000_000_000 { number / 1000 } else { number };
        jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    };
    let time = match leaf.kind {
        Kind::Number(Number::Int(number)) => seconds(number)?.to_zoned(jiff::tz::TimeZone::UTC).datetime(),
        #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
        Kind::Number(Number::Float(number)) => seconds(number as i128)?.to_zoned(jiff::tz::TimeZone::UTC).datetime(),
        Kind::Text => {
            let text = gathered.raw(leaf)?;
            match text.parse::<jiff::Timestamp>() {
                Ok(time) => time.to_zoned(jiff::tz::TimeZone::UTC).datetime(),
                Err(_) => text.parse::<jiff::civil::DateTime>().ok()?,
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Other => return None,
    };
    Some(match part {
        TimePart::Minute => time.minute().into(),
        TimePart::Hour => time.hour().into(),
        TimePart::Day => time.day().into(),
        TimePart::Week => time.date().iso_week_date().week().into(),
        TimePart::Month => time.month().into(),
        TimePart::Year => time.year().into(),
    })
}
