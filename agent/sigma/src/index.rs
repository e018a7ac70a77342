//! Which rules may match an event: every rule is filed under texts, values or fields it cannot do without.

use crate::condition::Condition;
use crate::event::{FieldId, Value};
use crate::modifier::Order;
use crate::program::{Check, Number, Program, Test, Tree};
use crate::regex::Regexes;
use crate::text::{fold_bytes, folded};
use crate::window::{SHORTEST, Windows, is_common};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

/// Shorter texts stand everywhere: the presence of the field tells as much.
const SHORT: usize = SHORTEST;
/// No character takes so many times fewer bytes when it is folded.
const SHRINKS: usize = 3;

/// Something without which a rule cannot match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// The field has this value, folded.
    Exact(FieldId, Box<str>),
    /// The field has this number.
    Number(FieldId, i128),
    /// The field holds this text, folded.
    Literal(FieldId, Box<str>),
    /// The field is there.
    Present(FieldId),
}

impl Need {
    pub(crate) fn field(&self) -> FieldId {
        match self {
            Self::Exact(field, _) | Self::Number(field, _) | Self::Literal(field, _) | Self::Present(field) => *field,
        }
    }
}

/// Alternatives, the rarest first: a rule may be filed under any of them. Of the needs of an alternative one has to be
/// met. Without an alternative the rule may match whatever the event holds.
pub(crate) type Needs = Vec<Vec<Need>>;

/// Alternatives kept.
const ALTERNATIVES: usize = 6;
/// Rare enough not to look for something rarer in a field that no other rule needs.
const RARE: usize = 60;

/// What is filed on a second side are so many texts or values at most: more cost more than they spare.
const FEW: usize = 4;

/// How rare an event is that has what is needed: more is rarer.
fn rarity(needs: &[Need]) -> usize {
    let one = |need: &Need| match need {
        Need::Exact(_, text) => text.len().min(12) * 10 + 30,
        Need::Number(..) => 60,
        Need::Literal(_, text) if is_common(text) => text.len().min(12) * 4 + 20,
        Need::Literal(_, text) => text.len().min(12) * 10 + 20,
        Need::Present(_) => 15,
    };
    let least = needs.iter().map(one).min().unwrap_or(0);
    least.saturating_sub(needs.len().ilog2() as usize * 2)
}

/// All of them hold: each is an alternative.
fn all(parts: impl Iterator<Item = Needs>) -> Needs {
    let mut needs: Needs = parts.flatten().collect();
    needs.sort_by_key(|alternative| std::cmp::Reverse(rarity(alternative)));
    needs.truncate(ALTERNATIVES);
    needs
}

/// One of them holds.
fn any(parts: impl Iterator<Item = Needs>) -> Needs {
    let mut union = Vec::new();
    for needs in parts {
        match needs.into_iter().next() {
            Some(rarest) => union.extend(rarest),
            None => return Vec::new(),
        }
    }
    union.sort_unstable();
    union.dedup();
    vec![union]
}

fn of_condition(condition: &Condition, selections: &[Needs]) -> Needs {
    match condition {
        Condition::Of(name) => selections.get(*name).cloned().unwrap_or_default(),
        Condition::And(parts) => all(parts.iter().map(|part| of_condition(part, selections))),
        Condition::Or(parts) => any(parts.iter().map(|part| of_condition(part, selections))),
        Condition::Not(_) => Vec::new(),
        Condition::AtLeast(least, names) => {
            let mut needs: Vec<Needs> =
                names.iter().map(|name| selections.get(*name).cloned().unwrap_or_default()).collect();
            if *least == names.len() {
                return all(needs.into_iter());
            }
            // All but `least - 1` may be missing: those that need most may be left out.
            needs.sort_by_key(|needs| needs.first().map_or(0, |rarest| rarity(rarest)));
            any(needs.into_iter().skip(*least - 1))
        }
    }
}

fn of_tree(tree: &Tree, regexes: &Regexes) -> Needs {
    match tree {
        Tree::All(trees) => all(trees.iter().map(|tree| of_tree(tree, regexes))),
        Tree::Any(trees) => any(trees.iter().map(|tree| of_tree(tree, regexes))),
        Tree::Test(test) => of_test(test, regexes),
    }
}

fn of_test(test: &Test, regexes: &Regexes) -> Needs {
    let field = test.field;
    let needs = if test.neq {
        vec![vec![Need::Present(field)]]
    } else if test.all {
        all(test.checks.iter().map(|check| of_check(check, field, regexes)))
    } else {
        any(test.checks.iter().map(|check| of_check(check, field, regexes)))
    };
    // Every event has some value.
    needs.into_iter().filter(|needs| !needs.contains(&Need::Present(FieldId::ANY))).collect()
}

fn of_check(check: &Check, field: FieldId, regexes: &Regexes) -> Needs {
    let one = |need: Need| vec![vec![need]];
    let present = || one(Need::Present(field));
    match check {
        Check::Null | Check::Exists(false) => Vec::new(),
        Check::Any(checks) => any(checks.iter().map(|check| of_check(check, field, regexes))),
        Check::Text(pattern) => match (pattern.exact(), pattern.literal()) {
            (Some(text), _) => one(Need::Exact(field, folded(text).into())),
            (None, Some(text)) if text.len() >= SHORT => one(Need::Literal(field, text.into())),
            _ => present(),
        },
        Check::OneOf(texts) => vec![texts.iter().map(|text| Need::Exact(field, text.clone())).collect()],
        Check::Bool(value) => one(Need::Exact(field, if *value { "true" } else { "false" }.into())),
        Check::Number(Order::Equal, number) => match whole(*number) {
            Some(number) => one(Need::Number(field, number)),
            None => present(),
        },
        Check::Regex(id) => {
            let literals = regexes.literals(*id);
            if literals.is_empty() || literals.iter().any(|text| text.len() < SHORT) {
                return present();
            }
            vec![literals.iter().map(|text| Need::Literal(field, text.as_str().into())).collect()]
        }
        Check::Number(..) | Check::Time(..) | Check::Network(_) | Check::Exists(true) | Check::Field { .. } => {
            present()
        }
    }
}

/// `number` as a whole one, where it is.
fn whole(number: Number) -> Option<i128> {
    match number {
        Number::Int(number) => Some(number),
        #[allow(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Number::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(number as i128),
        Number::Float(_) => None,
    }
}

/// The hash of the Rust compiler: the keys are texts of the rules, so that no event can make them collide.
#[derive(Clone, Default)]
struct Fx(u64);

impl Hasher for Fx {
    fn finish(&self) -> u64 {
        // The table takes the high bits for one thing and the low ones for another.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut mix = |word: u64| self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            mix(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
}

type Filed<Key> = HashMap<Key, Posting, BuildHasherDefault<Fx>>;

/// What a rule needs is filed on one side, or on two: then both have to be met.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    First = 1,
    Second = 2,
    Only = 3,
}

impl Side {
    /// `rule` on this side: its number, and the side in the two lowest bits.
    fn of(self, rule: u32) -> u32 {
        rule << 2 | self as u32
    }
}

/// Rules by their positions, each with its [`Side`].
type Posting = Box<[u32]>;

/// What is filed under one field.
#[derive(Debug)]
pub(crate) struct FieldIndex {
    pub(crate) field: FieldId,
    /// No other of the set has it.
    pub(crate) number: u32,
    /// Its values may be remembered.
    pub(crate) remembers: bool,
    pub(crate) present: Posting,
    exact: Filed<Box<[u8]>>,
    /// Length of the longest text of `exact`: a longer one need not be hashed.
    longest: usize,
    numbers: Filed<i128>,
    literals: Windows<Posting>,
}

/// The rules of one kind of events.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Rules that need nothing.
    pub(crate) always: Posting,
    pub(crate) fields: Vec<FieldIndex>,
    /// How many of the fields, the first ones, are steady.
    pub(crate) steady: usize,
}

#[derive(Default)]
struct Draft {
    present: Vec<u32>,
    exact: BTreeMap<Box<str>, Vec<u32>>,
    numbers: BTreeMap<i128, Vec<u32>>,
    literals: BTreeMap<Box<str>, Vec<u32>>,
}

/// Files `rule` under each of `needs`.
fn file(drafts: &mut BTreeMap<FieldId, Draft>, needs: &[Need], rule: u32) {
    for need in needs {
        let draft = drafts.entry(need.field()).or_default();
        match need {
            Need::Exact(_, text) => draft.exact.entry(text.clone()).or_default().push(rule),
            Need::Number(_, whole) => draft.numbers.entry(*whole).or_default().push(rule),
            Need::Literal(_, text) => draft.literals.entry(text.clone()).or_default().push(rule),
            Need::Present(_) => draft.present.push(rule),
        }
    }
}

/// What each of `programs` is filed under: the rarest it needs, or what is rare enough in a field that is looked at anyway,
/// and a second need in another field. Nothing: it may match whatever the event holds.
pub(crate) fn chosen<'a>(programs: impl Iterator<Item = (u32, &'a Program)>, regexes: &Regexes) -> Vec<(u32, Needs)> {
    let mut fields: BTreeSet<FieldId> = BTreeSet::new();
    let mut open: Vec<(u32, Needs)> = Vec::new();
    for (number, program) in programs {
        let selections: Vec<Needs> = program.selections.iter().map(|(_, tree)| of_tree(tree, regexes)).collect();
        open.push((number, of_condition(&program.condition, &selections)));
    }
    // Those first that have no choice: the others follow them to their fields, so that few fields are looked at.
    open.sort_by_key(|(_, needs)| needs.len());
    let choose = |(rule, mut needs): (u32, Needs)| {
        let known = |need: &Need| fields.contains(&need.field());
        let follows = |needs: &Vec<Need>| rarity(needs) >= RARE && needs.iter().all(known);
        let Some(first) = needs.iter().position(follows).or((!needs.is_empty()).then_some(0)) else {
            return (rule, needs);
        };
        // A second text in the field of the first says little more, and is looked for in every value.
        let apart = |need: &Need| {
            !matches!(need, Need::Present(_)) && needs[first].iter().all(|one| one.field() != need.field())
        };
        let few = |at: &usize| needs[*at].len() <= FEW && needs[*at].iter().all(apart);
        let others = || (0..needs.len()).filter(few);
        let second = others().find(|at| needs[*at].iter().all(known)).or_else(|| others().next());
        let chosen: Needs =
            [Some(first), second].into_iter().flatten().map(|at| std::mem::take(&mut needs[at])).collect();
        fields.extend(chosen.iter().flatten().map(Need::field));
        (rule, chosen)
    };
    open.into_iter().map(choose).collect()
}

impl Index {
    /// Files `programs` under what they need; `numbers` gives each field a number.
    pub(crate) fn new<'a>(
        programs: impl Iterator<Item = (u32, &'a Program)>,
        regexes: &Regexes,
        numbers: &AtomicU32,
    ) -> Self {
        let mut always = Vec::new();
        let mut drafts: BTreeMap<FieldId, Draft> = BTreeMap::new();
        for (number, needs) in chosen(programs, regexes) {
            match needs.as_slice() {
                [] => always.push(Side::Only.of(number)),
                [only] => file(&mut drafts, only, Side::Only.of(number)),
                [first, second, ..] => {
                    file(&mut drafts, first, Side::First.of(number));
                    file(&mut drafts, second, Side::Second.of(number));
                }
            }
        }
        let mut index = Self { always: Posting::default(), fields: Vec::with_capacity(drafts.len()), steady: 0 };
        for (field, draft) in drafts {
            index.fields.push(FieldIndex {
                field,
                number: numbers.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
                remembers: field != FieldId::ANY,
                present: draft.present.into(),
                longest: draft.exact.keys().map(|text| text.len()).max().unwrap_or(0),
                exact: draft.exact.into_iter().map(|(text, rules)| (text.into_boxed_bytes(), rules.into())).collect(),
                numbers: draft.numbers.into_iter().map(|(number, rules)| (number, rules.into())).collect(),
                literals: Windows::new(draft.literals.into_iter().map(|(text, rules)| (text, rules.into()))),
            });
        }
        index.always = always.into();
        index
    }

    /// Puts the `steady` fields before the others.
    pub(crate) fn put_first(&mut self, steady: &[bool]) {
        let is_steady = |field: &FieldIndex| steady.get(field.field.index()) == Some(&true);
        let (first, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.fields).into_iter().partition(is_steady);
        self.steady = first.len();
        self.fields = first.into_iter().chain(rest).collect();
    }
}

impl FieldIndex {
    /// Gives the rules filed under `value` to `found`; `folding` is memory to work in.
    pub(crate) fn value(&self, value: Value<'_>, folding: &mut Vec<u8>, found: &mut impl FnMut(&[u32])) {
        let mut number = |number: Number| {
            if let Some(rules) = whole(number).and_then(|number| self.numbers.get(&number)) {
                found(rules);
            }
        };
        match value {
            Value::Null | Value::Other => {}
            Value::Bool(value) => self.text(if value { "true" } else { "false" }, folding, found),
            Value::Int(value) => {
                number(Number::Int(value));
                self.written(value, folding, found);
            }
            Value::Float(value) => {
                number(Number::Float(value));
                self.written(value, folding, found);
            }
            Value::Text(text) => {
                if !self.numbers.is_empty()
                    && let Some(read) = Number::read(text)
                {
                    number(read);
                }
                self.text(text, folding, found);
            }
        }
    }

    /// A number as a log writes it.
    fn written(&self, number: impl Display, folding: &mut Vec<u8>, found: &mut impl FnMut(&[u32])) {
        if self.longest > 0 || !self.literals.is_empty() {
            self.text(&number.to_string(), folding, found);
        }
    }

    fn text(&self, text: &str, folding: &mut Vec<u8>, found: &mut impl FnMut(&[u32])) {
        if self.literals.is_empty() && text.len() > SHRINKS * self.longest {
            return;
        }
        fold_bytes(text, folding);
        if folding.len() <= self.longest
            && let Some(rules) = self.exact.get(folding.as_slice())
        {
            found(rules);
        }
        if !self.literals.is_empty() {
            self.literals.scan(folding, &mut |rules| found(rules));
        }
    }
}
