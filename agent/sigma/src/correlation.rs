//! Correlation rules: read and checked; what they stand on is resolved when the set is complete.

use crate::condition::{self, Condition};
use crate::diagnostic::{Code, Fault, Place};
use crate::modifier::Order;
use crate::rule::Rule;
use crate::yaml::{Node, Yaml};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    /// Hits.
    EventCount,
    /// Distinct values of a field.
    ValueCount,
    /// The sum of a field.
    ValueSum,
    /// The mean of a field.
    ValueAvg,
    /// A percentile of a field.
    ValuePercentile,
    /// Hits of different rules in one timespan.
    Temporal,
    /// The same, in the order of the rules.
    TemporalOrdered,
}

impl CorrelationKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::EventCount,
        Self::ValueCount,
        Self::ValueSum,
        Self::ValueAvg,
        Self::ValuePercentile,
        Self::Temporal,
        Self::TemporalOrdered,
    ];

    /// As rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::ValueSum => "value_sum",
            Self::ValueAvg => "value_avg",
            Self::ValuePercentile => "value_percentile",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }

    /// Whether the condition names a field.
    pub fn of_field(self) -> bool {
        matches!(self, Self::ValueCount | Self::ValueSum | Self::ValueAvg | Self::ValuePercentile)
    }

    /// Whether different rules have to meet.
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }
}

/// When a correlation fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Threshold {
    /// The number compares so; all of them have to hold. A temporal correlation counts the rules that hit.
    Numbers(Vec<(Order, f64)>),
    /// Which rules have to hit, by their positions in [`Correlation::rules`].
    Rules(Condition),
}

/// Another name for fields that are called differently in the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Where it stands.
    pub place: Place,
    /// The name that `group-by` uses.
    pub name: String,
    /// Reference of the rule, field there.
    pub fields: Vec<(String, String)>,
}

/// A correlation rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// What it says of itself.
    pub meta: Rule,
    /// What is counted.
    pub kind: CorrelationKind,
    /// Ids or names of what it stands on, in order.
    pub rules: Vec<(String, Place)>,
    /// Fields whose values hits must have in common.
    pub group_by: Vec<String>,
    /// Other names of these fields.
    pub aliases: Vec<Alias>,
    /// Seconds in which it must happen.
    pub timespan: u64,
    /// When it fires.
    pub threshold: Threshold,
    /// The fields that are counted, summed, averaged.
    pub fields: Vec<String>,
    /// Which percentile, 0 to 100.
    pub percentile: f64,
    /// Whether the rules it stands on alert on their own too.
    pub generate: bool,
}

const KEYS: [&str; 7] = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"];
const HELP: &str = "a correlation has type, rules, timespan and condition, and may have group-by, aliases and generate";

struct Reader<'a> {
    section: &'a Node,
    faults: &'a mut Vec<Fault>,
}

pub(crate) fn read(meta: Rule, node: &Node, faults: &mut Vec<Fault>) -> Option<Correlation> {
    let section = node.get("correlation")?;
    let mut reader = Reader { section, faults };
    for (key, _) in section.map().unwrap_or_default() {
        if !KEYS.contains(&key.text().unwrap_or_default()) {
            reader.refuse(key.place, format!("unknown attribute {:?}", key.text().unwrap_or_default()));
        }
    }
    let kind = reader.kind();
    let rules = reader.rules();
    let group_by = reader.texts("group-by");
    let timespan = reader.timespan();
    let aliases = reader.aliases();
    let generate = match section.get("generate").map(|node| (&node.value, node.place)) {
        None | Some((Yaml::Null, _)) => false,
        Some((Yaml::Bool(value), _)) => *value,
        Some((_, place)) => {
            reader.refuse(place, "generate is no boolean".to_owned());
            false
        }
    };
    let (kind, rules, timespan) = (kind?, rules?, timespan?);
    let (threshold, fields, percentile) = reader.condition(kind, &rules)?;
    Some(Correlation {
        meta,
        kind,
        rules,
        group_by: group_by.into_iter().map(|(text, _)| text).collect(),
        aliases: aliases?,
        timespan,
        threshold,
        fields,
        percentile,
        generate,
    })
}

impl Reader<'_> {
    fn refuse(&mut self, place: Place, message: String) {
        self.faults.push(Fault::new(place, Code::Correlation, message, HELP));
    }

    fn missing(&mut self, key: &str) {
        self.refuse(self.section.place, format!("the correlation has no {key}"));
    }

    fn kind(&mut self) -> Option<CorrelationKind> {
        let Some(node) = self.section.get("type") else {
            self.missing("type");
            return None;
        };
        let found = CorrelationKind::ALL.into_iter().find(|kind| node.text() == Some(kind.name()));
        if found.is_none() {
            let known = CorrelationKind::ALL.map(CorrelationKind::name).join(", ");
            self.refuse(node.place, format!("unknown type; Sigma 2.1 knows {known}"));
        }
        found
    }

    /// One text or a list of them; faults are told.
    fn texts(&mut self, key: &str) -> Vec<(String, Place)> {
        let Some(node) = self.section.get(key) else { return Vec::new() };
        let items = match &node.value {
            Yaml::Null => return Vec::new(),
            Yaml::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match item.scalar() {
                Some(text) => texts.push((text.into_owned(), item.place)),
                None => self.refuse(item.place, format!("{key} holds {}", item.kind())),
            }
        }
        texts
    }

    fn rules(&mut self) -> Option<Vec<(String, Place)>> {
        let rules = self.texts("rules");
        if rules.is_empty() {
            self.missing("rules");
            return None;
        }
        Some(rules)
    }

    fn timespan(&mut self) -> Option<u64> {
        let Some(node) = self.section.get("timespan") else {
            self.missing("timespan");
            return None;
        };
        let seconds = node.scalar().and_then(|text| seconds(&text));
        if seconds.is_none() {
            let message = "timespan is a number and one of s, m, h, d, w, M, y; at most ten years".to_owned();
            self.refuse(node.place, message);
        }
        seconds
    }

    fn aliases(&mut self) -> Option<Vec<Alias>> {
        let Some(node) = self.section.get("aliases") else { return Some(Vec::new()) };
        let mut aliases = Vec::new();
        for (name, fields) in node.map().unwrap_or_default() {
            let Some(entries) = fields.map() else {
                self.refuse(fields.place, "an alias is a mapping of rules to fields".to_owned());
                return None;
            };
            let pair = |(rule, field): &(Node, Node)| Some((rule.text()?.to_owned(), field.scalar()?.into_owned()));
            let Some(fields) = entries.iter().map(pair).collect::<Option<Vec<_>>>() else {
                self.refuse(fields.place, "an alias is a mapping of rules to fields".to_owned());
                return None;
            };
            aliases.push(Alias { place: name.place, name: name.text().unwrap_or_default().to_owned(), fields });
        }
        Some(aliases)
    }

    fn condition(&mut self, kind: CorrelationKind, rules: &[(String, Place)]) -> Option<(Threshold, Vec<String>, f64)> {
        let Some(node) = self.section.get("condition") else {
            if kind.is_temporal() {
                // Without a condition every rule has to hit.
                let all = u32::try_from(rules.len()).unwrap_or(u32::MAX);
                return Some((Threshold::Numbers(vec![(Order::AtLeast, f64::from(all))]), Vec::new(), 0.0));
            }
            self.missing("condition");
            return None;
        };
        if let (Some(text), true) = (node.text(), kind.is_temporal()) {
            let names: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
            return match condition::read(text, &names, node.place) {
                Ok(condition) => Some((Threshold::Rules(condition), Vec::new(), 0.0)),
                Err(fault) => {
                    self.faults.push(fault);
                    None
                }
            };
        }
        self.numbers(node, kind)
    }

    fn numbers(&mut self, node: &Node, kind: CorrelationKind) -> Option<(Threshold, Vec<String>, f64)> {
        let before = self.faults.len();
        let (mut numbers, mut fields, mut percentile) = (Vec::new(), Vec::new(), 50.0);
        for (key, value) in node.map().unwrap_or_default() {
            let order = match key.text().unwrap_or_default() {
                "gt" => Order::Greater,
                "gte" => Order::AtLeast,
                "lt" => Order::Less,
                "lte" => Order::AtMost,
                "eq" => Order::Equal,
                "neq" => Order::NotEqual,
                "field" if kind.of_field() => {
                    let items = if let Yaml::List(items) = &value.value {
                        items.as_slice()
                    } else {
                        std::slice::from_ref(value)
                    };
                    fields.extend(items.iter().filter_map(Node::scalar).map(std::borrow::Cow::into_owned));
                    continue;
                }
                "percentile" if kind == CorrelationKind::ValuePercentile => {
                    match number(value).filter(|number| (0.0..=100.0).contains(number)) {
                        Some(number) => percentile = number,
                        None => self.refuse(value.place, "percentile is a number from 0 to 100".to_owned()),
                    }
                    continue;
                }
                other => {
                    self.refuse(key.place, format!("the condition of {} knows no {other:?}", kind.name()));
                    continue;
                }
            };
            match number(value) {
                Some(number) => numbers.push((order, number)),
                None => self.refuse(value.place, format!("the condition compares with {}", value.kind())),
            }
        }
        if numbers.is_empty() && self.faults.len() == before {
            self.refuse(node.place, "the condition has none of gt, gte, lt, lte, eq, neq".to_owned());
        }
        if kind.of_field() && fields.is_empty() {
            self.refuse(node.place, format!("the condition of {} names no field", kind.name()));
        }
        if fields.len() > 1 && kind != CorrelationKind::ValueCount {
            self.refuse(node.place, format!("{} takes one field", kind.name()));
        }
        if self.faults.len() > before || !self.possible(node.place, kind, &numbers) {
            return None;
        }
        Some((Threshold::Numbers(numbers), fields, percentile))
    }

    /// Refuses a condition that can never hold, and warns of one that holds at the first hit.
    fn possible(&mut self, place: Place, kind: CorrelationKind, numbers: &[(Order, f64)]) -> bool {
        let limits = |orders: [Order; 3]| {
            numbers.iter().filter(move |(order, _)| orders.contains(order)).map(|(_, number)| *number)
        };
        let least = limits([Order::Greater, Order::AtLeast, Order::Equal]).fold(f64::NEG_INFINITY, f64::max);
        let most = limits([Order::Less, Order::AtMost, Order::Equal]).fold(f64::INFINITY, f64::min);
        let strict = |(order, number): &(Order, f64)| {
            *number == least && matches!(order, Order::Greater | Order::Less | Order::NotEqual)
        };
        if least > most || (least == most && numbers.iter().any(strict)) {
            self.refuse(place, "no number meets the whole condition".to_owned());
            return false;
        }
        let rules = self.section.get("rules").and_then(|node| match &node.value {
            Yaml::List(items) => u32::try_from(items.len()).ok(),
            _ => Some(1),
        });
        if kind.is_temporal() && rules.is_some_and(|rules| least > f64::from(rules)) {
            self.refuse(place, "the condition asks for more rules than the correlation names".to_owned());
            return false;
        }
        let counts = matches!(kind, CorrelationKind::EventCount | CorrelationKind::ValueCount);
        if counts && least == f64::NEG_INFINITY {
            let help = "counts grow from 1: add gt or gte";
            self.faults.push(Fault::new(place, Code::Suspicious, "the condition may hold at the first hit", help));
        }
        true
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.value {
        // Thresholds beyond 2^53 are no thresholds.
        Yaml::Int(value) => i32::try_from(*value).ok().map(f64::from).or_else(|| value.to_string().parse().ok()),
        Yaml::Float(value, _) => Some(*value),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<u64> {
    const MOST: u64 = 10 * 366 * 86_400;
    let (at, unit) = text.char_indices().next_back()?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        'M' => 30 * 86_400,
        'y' => 365 * 86_400,
        _ => return None,
    };
    let digits = &text[..at];
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = if plain { digits.parse().ok()? } else { return None };
    count.checked_mul(unit).filter(|seconds| (1..=MOST).contains(seconds))
}
