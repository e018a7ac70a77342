//! What the matcher really asks of an event, in words: a lowered rule with its modifiers worked off and its fields mapped,
//! what the index files it under, and of each selection whether it holds.

use crate::condition::Condition;
use crate::event::Event;
use crate::index::{self, Need};
use crate::matcher::Matcher;
use crate::modifier::{Order, TimePart};
use crate::program::{Check, Number, Program, Test, Tree};
use crate::rule::LogSource;
use crate::set::{RuleId, RuleSet};
use serde::Serialize;

/// A rule as it is matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Over the selections, patterns of names written out.
    pub condition: String,
    /// Whether the event meets it; `None` without an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// In the order of the rule.
    pub selections: Vec<Selected>,
}

/// A selection as it is matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// Its name in the rule.
    pub name: String,
    /// Whether the event meets it; `None` without an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// What has to be so.
    pub asks: Asked,
}

/// What a selection asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// Every one.
    All(Vec<Asked>),
    /// One of them.
    Any(Vec<Asked>),
    /// Something of one field.
    Test(Asking),
}

/// What is asked of the values of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asking {
    /// Its names in events; none for keywords, which look at every value.
    pub field: Vec<String>,
    /// All of `is` have to hold, each for some value; otherwise one of them.
    pub every: bool,
    /// The field is there, and `is` does not hold.
    pub not: bool,
    /// `equals "…"`, `contains "…"`, `> 5` …
    pub is: Vec<String>,
    /// Whether the event meets it; `None` without an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
}

impl RuleSet {
    /// `rule` as it is matched.
    pub fn describe(&self, rule: RuleId) -> Option<Described> {
        let program = self.program(rule.0)?;
        Some(self.described(program, &mut |_| None))
    }

    /// What the index files `rule` under, among the rules for events of each of `logsources` at once: an event has to meet
    /// each; nothing where it is held against every event.
    pub fn filed(&self, rule: RuleId, logsources: &[LogSource]) -> Vec<String> {
        let routed = |rule: &crate::Rule| logsources.iter().any(|logsource| rule.logsource.covers(logsource));
        let numbered = self.numbered().filter(|(_, rule)| routed(rule));
        let programs = numbered.filter_map(|(id, _)| Some((id.0, self.program(id.0)?)));
        let chosen = index::chosen(programs, self.regexes());
        let own = chosen.into_iter().filter(|(number, _)| *number == rule.0).flat_map(|(_, needs)| needs);
        own.map(|needs| needs.iter().map(|need| self.need(need)).collect::<Vec<_>>().join(" or ")).collect()
    }

    fn need(&self, need: &Need) -> String {
        let field = match self.fields().names(need.field()) {
            [] => "any field".to_owned(),
            names => names.join(" or "),
        };
        match need {
            Need::Exact(_, text) => format!("{field} equals {text:?}"),
            Need::Number(_, number) => format!("{field} equals {number}"),
            Need::Literal(_, text) => format!("{field} contains {text:?}"),
            Need::Present(_) => format!("{field} is there"),
        }
    }

    fn described(&self, program: &Program, holds: &mut dyn FnMut(&Test) -> Option<bool>) -> Described {
        let names: Vec<&str> = program.selections.iter().map(|(name, _)| &**name).collect();
        let selected = |(name, tree): &(Box<str>, Tree)| {
            let asks = self.asked(tree, holds);
            Selected { name: name.to_string(), holds: asks.holds(), asks }
        };
        let selections: Vec<Selected> = program.selections.iter().map(selected).collect();
        let known: Option<Vec<bool>> = selections.iter().map(|one| one.holds).collect();
        let holds = known.map(|known| meets(&program.condition, &known));
        Described { condition: told(&program.condition, &names, false), holds, selections }
    }

    fn asked(&self, tree: &Tree, holds: &mut dyn FnMut(&Test) -> Option<bool>) -> Asked {
        match tree {
            Tree::All(trees) => Asked::All(trees.iter().map(|tree| self.asked(tree, holds)).collect()),
            Tree::Any(trees) => Asked::Any(trees.iter().map(|tree| self.asked(tree, holds)).collect()),
            Tree::Test(test) => {
                let mut is = Vec::new();
                test.checks.iter().for_each(|check| self.check(check, &mut is));
                let field = self.fields().names(test.field).to_vec();
                Asked::Test(Asking { field, every: test.all, not: test.neq, is, holds: holds(test) })
            }
        }
    }

    fn check(&self, check: &Check, is: &mut Vec<String>) {
        let number = |number: &Number| match number {
            Number::Int(number) => number.to_string(),
            Number::Float(number) => number.to_string(),
        };
        is.push(match check {
            Check::Text(pattern) => pattern.to_string(),
            Check::OneOf(texts) => return is.extend(texts.iter().map(|text| format!("equals {text:?}"))),
            Check::Null => "is null or absent".to_owned(),
            Check::Bool(value) => format!("equals {value}"),
            Check::Number(Order::Equal, value) => format!("equals {}", number(value)),
            Check::Number(order, value) => format!("{} {}", order.sign(), number(value)),
            Check::Time(part, order, value) => format!("{} {} {value}", part_name(*part), order.sign()),
            Check::Regex(id) => match self.regexes().source(*id) {
                Some((pattern, flags)) => {
                    let flag = |on: bool, name: &'static str| if on { name } else { "" };
                    let (i, m, s) = (flags.ignore_case, flags.multi_line, flags.dot_all);
                    format!("matches /{pattern}/{}{}{}", flag(i, "i"), flag(m, "m"), flag(s, "s"))
                }
                None => "matches a regular expression".to_owned(),
            },
            Check::Network(network) => format!("is in {network}"),
            Check::Exists(wanted) => if *wanted { "is there" } else { "is absent" }.to_owned(),
            Check::Any(checks) => {
                let mut spellings = Vec::new();
                checks.iter().for_each(|check| self.check(check, &mut spellings));
                spellings.join(" or ")
            }
            Check::Field { field, before, behind, cased } => {
                let how = match (before, behind) {
                    (false, false) => "equals",
                    (false, true) => "begins with",
                    (true, false) => "ends with",
                    (true, true) => "contains",
                };
                let case = if *cased { ", case counts" } else { "" };
                format!("{how} the value of {}{case}", self.fields().names(*field).join(" or "))
            }
        });
    }
}

impl Matcher {
    /// `rule` as it is matched, with what of it `event` meets, whatever its log source and the index say.
    pub fn judge<E: Event + ?Sized>(&mut self, rule: RuleId, event: &E) -> Option<Described> {
        let set = self.set().clone();
        let program = set.program(rule.0)?;
        self.tests(rule, event, &mut |holds| set.described(program, &mut |test| Some(holds(test))))
    }
}

impl Asked {
    /// Whether the event meets it; `None` without an event.
    fn holds(&self) -> Option<bool> {
        match self {
            Self::All(parts) => parts.iter().map(Self::holds).try_fold(true, |all, one| Some(all & one?)),
            Self::Any(parts) => parts.iter().map(Self::holds).try_fold(false, |any, one| Some(any | one?)),
            Self::Test(test) => test.holds,
        }
    }

    /// Every field that is asked something, in the order of the rule.
    pub fn tests(&self) -> Vec<&Asking> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Test(test) => vec![test],
        }
    }

    /// What of it the event does not meet; of alternatives, all.
    pub fn unmet(&self) -> Vec<&Asking> {
        match self {
            _ if self.holds() == Some(true) => Vec::new(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::unmet).collect(),
            Self::Test(test) => vec![test],
        }
    }
}

fn meets(condition: &Condition, holds: &[bool]) -> bool {
    let holding = |name: &usize| holds.get(*name).copied().unwrap_or(false);
    match condition {
        Condition::Of(name) => holding(name),
        Condition::And(parts) => parts.iter().all(|part| meets(part, holds)),
        Condition::Or(parts) => parts.iter().any(|part| meets(part, holds)),
        Condition::Not(part) => !meets(part, holds),
        Condition::AtLeast(least, names) => names.iter().filter(|name| holding(name)).count() >= *least,
    }
}

/// A condition in words; `inner`: something stands around it.
fn told(condition: &Condition, names: &[&str], inner: bool) -> String {
    let name = |at: &usize| names.get(*at).copied().unwrap_or_default();
    let joined = |parts: &[Condition], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| told(part, names, true)).collect();
        let text = parts.join(word);
        if inner && parts.len() > 1 { format!("({text})") } else { text }
    };
    match condition {
        Condition::Of(at) => name(at).to_owned(),
        Condition::And(parts) => joined(parts, " and "),
        Condition::Or(parts) => joined(parts, " or "),
        Condition::Not(part) => format!("not {}", told(part, names, true)),
        Condition::AtLeast(1, all) if all.len() == 1 => name(&all[0]).to_owned(),
        Condition::AtLeast(least, all) => {
            let list: Vec<&str> = all.iter().map(name).collect();
            let many = if *least == all.len() { "all".to_owned() } else { least.to_string() };
            format!("{many} of ({})", list.join(", "))
        }
    }
}

impl Condition {
    /// In words, over `names`.
    pub fn told(&self, names: &[&str]) -> String {
        told(self, names, false)
    }
}

impl Order {
    /// As it is written between two numbers.
    pub fn sign(self) -> &'static str {
        match self {
            Order::Equal => "=",
            Order::Less => "<",
            Order::AtMost => "<=",
            Order::Greater => ">",
            Order::AtLeast => ">=",
            Order::NotEqual => "!=",
        }
    }
}

fn part_name(part: TimePart) -> &'static str {
    match part {
        TimePart::Minute => "minute",
        TimePart::Hour => "hour",
        TimePart::Day => "day of the month",
        TimePart::Week => "week",
        TimePart::Month => "month",
        TimePart::Year => "year",
    }
}

impl Asking {
    /// Names of the field, in words.
    pub fn named(&self) -> String {
        if self.field.is_empty() { "any field".to_owned() } else { self.field.join(" or ") }
    }
}
