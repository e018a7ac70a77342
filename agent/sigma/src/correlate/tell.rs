//! What a correlation found, told in one sentence with its numbers and without a value of the event.

use super::keys::Combination;
use super::window::Seen;
use crate::correlation::{Correlation, CorrelationKind, Threshold};
use crate::event::FieldId;
use crate::modifier::Order;
use crate::set::{Bound, Part, RuleSet};

/// A correlation that fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlated {
    /// Its position in [`RuleSet::correlations`].
    pub correlation: usize,
    /// When its first hit was, in microseconds.
    pub began: i64,
    /// When its last hit was, in microseconds.
    pub at: i64,
    /// What the hits have in common, in the order of `group-by`.
    pub group: Vec<GroupValue>,
    /// The rules that hit; of a correlation that counts or computes values, all it stands on.
    pub rules: Vec<Part>,
    /// What was counted or computed. What a field's values come to is known to four digits: it may be a value.
    pub number: f64,
    /// The number is an estimate.
    pub about: bool,
    /// Why it fired.
    pub told: String,
}

/// What the hits of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupValue {
    /// As `group-by` calls it.
    pub name: String,
    /// The field of the event that completed the group.
    pub field: FieldId,
    /// Keyed hash of the value; `None` where the events do not have the field.
    pub key: Option<u128>,
}

/// What fired in `set`.
pub(super) fn tell(set: &RuleSet, at: usize, seen: &Seen, bound: &Bound, group: &Combination) -> Option<Correlated> {
    let resolved = set.correlations().get(at)?;
    let correlation = &resolved.correlation;
    let parts = resolved.parts.iter().enumerate();
    let rules: Vec<Part> = parts.filter(|(part, _)| seen.met >> part & 1 == 1).map(|(_, part)| *part).collect();
    let names = correlation.group_by.iter().zip(&bound.group_by).zip(group);
    let group = names.map(|((name, field), key)| GroupValue { name: name.clone(), field: *field, key: *key });
    let of_values = correlation.kind.of_field() && correlation.kind != CorrelationKind::ValueCount;
    Some(Correlated {
        correlation: at,
        began: seen.began,
        at: seen.end,
        group: group.collect(),
        number: if of_values { digits(seen.number) } else { seen.number },
        about: seen.about,
        told: sentence(set, correlation, seen, &rules),
        rules,
    })
}

fn sentence(set: &RuleSet, correlation: &Correlation, seen: &Seen, rules: &[Part]) -> String {
    let about = if seen.about { "about " } else { "" };
    let (number, count, fields) = (digits(seen.number), seen.count, correlation.fields.join(" and "));
    let found = match correlation.kind {
        CorrelationKind::EventCount => format!("{about}{count} events of"),
        CorrelationKind::ValueCount => format!("{about}{count} different values of {fields} in events of"),
        CorrelationKind::ValueSum => format!("{fields} comes to {about}{number} in {count} events of"),
        CorrelationKind::ValueAvg => format!("{fields} is {about}{number} on average in {count} events of"),
        CorrelationKind::ValuePercentile => {
            format!("percentile {} of {fields} is {about}{number} in {count} events of", correlation.percentile)
        }
        CorrelationKind::Temporal => format!("{} rules met:", rules.len()),
        CorrelationKind::TemporalOrdered => format!("{} rules hit one behind the other:", rules.len()),
    };
    let titles = rules.iter().filter_map(|part| title(set, *part)).map(|title| format!("\"{title}\""));
    let mut titles: Vec<String> = titles.collect();
    if titles.len() > 5 {
        let more = format!("{} more", titles.len() - 4);
        titles.truncate(4);
        titles.push(more);
    }
    let span = duration(seen.end.abs_diff(seen.began) / 1_000_000);
    let limit = match &correlation.threshold {
        Threshold::Rules(_) => "when its condition holds".to_owned(),
        Threshold::Numbers(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(|(order, number)| limit(*order, *number)).collect();
            format!("at {}", numbers.join(" and "))
        }
    };
    let group = match correlation.group_by.as_slice() {
        [] => String::new(),
        fields => format!(" of one {}", fields.join(" and ")),
    };
    let (titles, timespan) = (titles.join(", "), duration(correlation.timespan));
    format!("{found} {titles} within {span}; it fires {limit} within {timespan}{group}")
}

fn title(set: &RuleSet, part: Part) -> Option<&str> {
    match part {
        Part::Rule(id) => set.rule(id).map(|rule| rule.title.as_str()),
        Part::Correlation(at) => set.correlations().get(at).map(|other| other.correlation.meta.title.as_str()),
    }
}

fn limit(order: Order, number: f64) -> String {
    match order {
        Order::Equal => format!("exactly {number}"),
        Order::NotEqual => format!("other than {number}"),
        Order::Less => format!("less than {number}"),
        Order::AtMost => format!("{number} or less"),
        Order::Greater => format!("more than {number}"),
        Order::AtLeast => format!("{number} or more"),
    }
}

/// The first four digits: enough to judge by, too few to be somebody's number.
fn digits(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

/// The two largest units.
fn duration(seconds: u64) -> String {
    const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let mut rest = seconds;
    let mut told: Vec<String> = Vec::new();
    for (unit, letter) in UNITS {
        if rest >= unit && told.len() < 2 {
            told.push(format!("{}{letter}", rest / unit));
            rest %= unit;
        }
    }
    if told.is_empty() { "1s".to_owned() } else { told.join(" ") }
}
