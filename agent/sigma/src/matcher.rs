//! Events against rules: candidates from the index, then each candidate's program.

use crate::condition::Condition;
use crate::event::{Event, FieldId};
use crate::gather::{Gathered, Kind, Leaf};
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
    candidates: Candidates,
    scratch: Scratch,
}

#[derive(Debug)]
struct Candidates {
    event: u64,
    /// The event for which a rule became a candidate last.
    seen: Vec<u64>,
    rules: Vec<u32>,
}

impl Candidates {
    fn add(&mut self, rules: &[u32]) {
        for &rule in rules {
            if let Some(seen) = self.seen.get_mut(rule as usize).filter(|seen| **seen != self.event) {
                *seen = self.event;
                self.rules.push(rule);
            }
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
        let candidates = Candidates { event: 0, seen: vec![0; set.rules().len()], rules: Vec::new() };
        Self { set, candidates, scratch }
    }

    /// The rules.
    pub fn set(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// Appends the rules of `route` that match `event` to `hits`, in the order of the rules.
    pub fn matches<E: Event + ?Sized>(&mut self, route: &Route, event: &E, hits: &mut Vec<Hit>) {
        let Self { set, candidates, scratch } = self;
        scratch.gathered.next();
        candidates.event += 1;
        candidates.rules.clear();
        let index = route.index();
        candidates.add(&index.always);
        for field in &index.fields {
            let leaves = scratch.gathered.field(event, field.field);
            if !leaves.is_empty() {
                candidates.add(&field.present);
            }
            for leaf in scratch.gathered.leaves(leaves) {
                if field.wants_numbers()
                    && let Some(number) = scratch.gathered.number(leaf)
                {
                    candidates.add(field.number(number));
                }
                if let Some(text) = scratch.gathered.folded(leaf) {
                    field.texts(text, &mut |rules| candidates.add(rules));
                }
            }
        }
        candidates.rules.sort_unstable();
        for &rule in &candidates.rules {
            let Some(program) = set.program(rule) else { continue };
            let mut evaluation = Evaluation { regexes: set.regexes(), scratch, event, program };
            if evaluation.condition(&program.condition) {
                hits.push(Hit { rule: RuleId(rule), matched: evaluation.explain() });
            }
        }
    }
}

/// One rule against one event.
struct Evaluation<'a, E: Event + ?Sized> {
    regexes: &'a Regexes,
    scratch: &'a mut Scratch,
    event: &'a E,
    program: &'a Program,
}

impl<E: Event + ?Sized> Evaluation<'_, E> {
    fn condition(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Of(name) => self.selection(*name),
            Condition::And(parts) => parts.iter().all(|part| self.condition(part)),
            Condition::Or(parts) => parts.iter().any(|part| self.condition(part)),
            Condition::Not(part) => !self.condition(part),
            Condition::AtLeast(least, names) => {
                let mut missing = *least;
                names.iter().any(|name| {
                    missing -= usize::from(self.selection(*name));
                    missing == 0
                })
            }
        }
    }

    fn selection(&mut self, name: usize) -> bool {
        let program = self.program;
        program.selections.get(name).is_some_and(|(_, tree)| self.tree(tree))
    }

    fn tree(&mut self, tree: &Tree) -> bool {
        match tree {
            Tree::All(trees) => trees.iter().all(|tree| self.tree(tree)),
            Tree::Any(trees) => trees.iter().any(|tree| self.tree(tree)),
            Tree::Test(test) => self.test(test),
        }
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
        if test.neq {
            let there = !leaves.is_empty();
            let equal = if test.all {
                test.checks.iter().all(|check| holds(self, check))
            } else {
                test.checks.iter().any(|check| holds(self, check))
            };
            return there && !equal;
        }
        if test.all {
            test.checks.iter().all(|check| holds(self, check))
        } else {
            test.checks.iter().any(|check| holds(self, check))
        }
    }

    /// Which selections hold, and by which fields.
    fn explain(&mut self) -> Vec<Matched> {
        let mut matched = Vec::new();
        let program = self.program;
        for (selection, (_, tree)) in program.selections.iter().enumerate() {
            if self.tree(tree) {
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
                    if self.tree(tree) {
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
