//! Which rules may match an event: every rule is filed under texts, values or fields it cannot do without.

use crate::condition::Condition;
use crate::event::FieldId;
use crate::modifier::Order;
use crate::program::{Check, Number, Program, Test, Tree};
use crate::regex::Regexes;
use crate::text::folded;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// Shorter texts stand everywhere: the presence of the field tells as much.
const SHORT: usize = 3;
/// Bytes of literals up to which the faster, larger automaton is built.
const FAST: usize = 24_000;

/// Something without which a rule cannot match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// The field has this value, folded.
    Exact(FieldId, Box<str>),
    /// The field has this number.
    Number(FieldId, i128),
    /// The field holds this text, folded.
    Literal(FieldId, Box<str>),
    /// The field is there.
    Present(FieldId),
}

/// One of them is needed; `None` where nothing is.
type Needs = Option<Vec<Need>>;

/// How rare an event is that has what is needed: more is rarer.
fn rarity(needs: &[Need]) -> usize {
    let one = |need: &Need| match need {
        Need::Exact(_, text) => text.len().min(12) * 10 + 30,
        Need::Number(..) => 60,
        Need::Literal(_, text) => text.len().min(12) * 10 + 20,
        Need::Present(_) => 15,
    };
    let least = needs.iter().map(one).min().unwrap_or(0);
    least.saturating_sub(needs.len().ilog2() as usize * 2)
}

fn best(all: impl Iterator<Item = Needs>) -> Needs {
    all.flatten().max_by_key(|needs| rarity(needs))
}

fn union(all: impl Iterator<Item = Needs>) -> Needs {
    let mut union = Vec::new();
    for needs in all {
        union.extend(needs?);
    }
    union.sort_unstable();
    union.dedup();
    Some(union)
}

fn of_condition(condition: &Condition, selections: &[Needs]) -> Needs {
    match condition {
        Condition::Of(name) => selections.get(*name).cloned().flatten(),
        Condition::And(parts) => best(parts.iter().map(|part| of_condition(part, selections))),
        Condition::Or(parts) => union(parts.iter().map(|part| of_condition(part, selections))),
        Condition::Not(_) => None,
        Condition::AtLeast(least, names) => {
            let mut needs: Vec<Needs> = names.iter().map(|name| selections.get(*name).cloned().flatten()).collect();
            if *least == names.len() {
                return best(needs.into_iter());
            }
            // All but `least - 1` may be missing: those that need most may be left out.
            needs.sort_by_key(|needs| needs.as_deref().map_or(0, rarity));
            union(needs.into_iter().skip(*least - 1))
        }
    }
}

fn of_tree(tree: &Tree, regexes: &Regexes) -> Needs {
    match tree {
        Tree::All(trees) => best(trees.iter().map(|tree| of_tree(tree, regexes))),
        Tree::Any(trees) => union(trees.iter().map(|tree| of_tree(tree, regexes))),
        Tree::Test(test) => of_test(test, regexes),
    }
}

fn of_test(test: &Test, regexes: &Regexes) -> Needs {
    let field = test.field;
    let needs = if test.neq {
        Some(vec![Need::Present(field)])
    } else if test.all {
        best(test.checks.iter().map(|check| of_check(check, field, regexes)))
    } else {
        union(test.checks.iter().map(|check| of_check(check, field, regexes)))
    };
    // Every event has some value.
    needs.filter(|needs| !needs.contains(&Need::Present(FieldId::ANY)))
}

fn of_check(check: &Check, field: FieldId, regexes: &Regexes) -> Needs {
    let present = || Some(vec![Need::Present(field)]);
    match check {
        Check::Null | Check::Exists(false) => None,
        Check::Any(checks) => union(checks.iter().map(|check| of_check(check, field, regexes))),
        Check::Text(pattern) => match (pattern.exact(), pattern.literal()) {
            (Some(text), _) => Some(vec![Need::Exact(field, folded(text).into())]),
            (None, Some(text)) if text.len() >= SHORT => Some(vec![Need::Literal(field, text.into())]),
            _ => present(),
        },
        Check::OneOf(texts) => Some(texts.iter().map(|text| Need::Exact(field, text.clone())).collect()),
        Check::Bool(value) => Some(vec![Need::Exact(field, if *value { "true" } else { "false" }.into())]),
        Check::Number(Order::Equal, number) => match whole(*number) {
            Some(number) => Some(vec![Need::Number(field, number)]),
            None => present(),
        },
        Check::Regex(id) => {
            let literals = regexes.literals(*id);
            if literals.is_empty() || literals.iter().any(|text| text.len() < SHORT) {
                return present();
            }
            Some(literals.iter().map(|text| Need::Literal(field, text.as_str().into())).collect())
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

/// FNV-1a: the keys are texts of the rules, so that no event can make them collide.
#[derive(Clone)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

type Filed<Key> = HashMap<Key, Posting, BuildHasherDefault<Fnv>>;

/// Rules, by their positions.
type Posting = Box<[u32]>;

/// What is filed under one field.
#[derive(Debug)]
pub(crate) struct FieldIndex {
    pub(crate) field: FieldId,
    pub(crate) present: Posting,
    exact: Filed<Box<str>>,
    numbers: Filed<i128>,
    literals: Option<(AhoCorasick, Box<[Posting]>)>,
}

/// The rules of one kind of events.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Rules that need nothing.
    pub(crate) always: Posting,
    pub(crate) fields: Vec<FieldIndex>,
}

#[derive(Default)]
struct Draft {
    present: Vec<u32>,
    exact: BTreeMap<Box<str>, Vec<u32>>,
    numbers: BTreeMap<i128, Vec<u32>>,
    literals: BTreeMap<Box<str>, Vec<u32>>,
}

impl Index {
    /// Files `programs` under what they need; their numbers are what [`FieldIndex`] answers with.
    pub(crate) fn new<'a>(programs: impl Iterator<Item = (u32, &'a Program)>, regexes: &Regexes) -> Self {
        let mut always = Vec::new();
        let mut drafts: BTreeMap<FieldId, Draft> = BTreeMap::new();
        for (number, program) in programs {
            let selections: Vec<Needs> = program.selections.iter().map(|(_, tree)| of_tree(tree, regexes)).collect();
            let Some(needs) = of_condition(&program.condition, &selections) else {
                always.push(number);
                continue;
            };
            for need in needs {
                match need {
                    Need::Exact(field, text) => {
                        drafts.entry(field).or_default().exact.entry(text).or_default().push(number)
                    }
                    Need::Number(field, whole) => {
                        drafts.entry(field).or_default().numbers.entry(whole).or_default().push(number);
                    }
                    Need::Literal(field, text) => {
                        drafts.entry(field).or_default().literals.entry(text).or_default().push(number);
                    }
                    Need::Present(field) => drafts.entry(field).or_default().present.push(number),
                }
            }
        }
        let mut index = Self { always: Posting::default(), fields: Vec::with_capacity(drafts.len()) };
        for (field, draft) in drafts {
            let (texts, postings): (Vec<Box<str>>, Vec<Posting>) =
                draft.literals.into_iter().map(|(text, rules)| (text, rules.into())).unzip();
            let literals = automaton(&texts).map(|automaton| (automaton, postings.iter().cloned().collect()));
            if literals.is_none() {
                // Too large for an automaton: without it the index would be wrong, so it is not used.
                always.extend(postings.iter().flat_map(|rules| rules.iter().copied()));
            }
            index.fields.push(FieldIndex {
                field,
                present: draft.present.into(),
                exact: draft.exact.into_iter().map(|(text, rules)| (text, rules.into())).collect(),
                numbers: draft.numbers.into_iter().map(|(number, rules)| (number, rules.into())).collect(),
                literals: literals.filter(|_| !texts.is_empty()),
            });
        }
        always.sort_unstable();
        always.dedup();
        index.always = always.into();
        index
    }
}

fn automaton(texts: &[Box<str>]) -> Option<AhoCorasick> {
    let size: usize = texts.iter().map(|text| text.len()).sum();
    let kind = if size <= FAST { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let texts = texts.iter().map(|text| text.as_bytes());
    AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(kind)).build(texts).ok()
}

impl FieldIndex {
    /// Whether rules are filed under numbers.
    pub(crate) fn wants_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// The rules filed under a number.
    pub(crate) fn number(&self, number: Number) -> &[u32] {
        whole(number).and_then(|number| self.numbers.get(&number)).map_or(&[], |rules| rules)
    }

    /// Gives the rules filed under a value, folded, to `found`.
    pub(crate) fn texts(&self, folded: &str, found: &mut impl FnMut(&[u32])) {
        if let Some(rules) = (!self.exact.is_empty()).then(|| self.exact.get(folded)).flatten() {
            found(rules);
        }
        if let Some((automaton, postings)) = &self.literals {
            for hit in automaton.find_overlapping_iter(folded) {
                found(&postings[hit.pattern().as_usize()]);
            }
        }
    }
}
