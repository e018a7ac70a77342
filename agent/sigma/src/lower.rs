//! Detections → programs: modifiers are worked off, fields mapped and numbered, patterns compiled.

use crate::detection::{Detection, Item, Selection};
use crate::diagnostic::{Code, Fault};
use crate::encode;
use crate::event::{FieldId, Fields};
use crate::fieldmap::{FieldMap, Lists};
use crate::modifier::{Compare, Modifiers, Order, TimePart, Transform};
use crate::pattern::{self, Part, Pattern};
use crate::program::{Check, Network, Number, Program, Test, Tree};
use crate::regex::Regexes;
use crate::rule::LogSource;
use crate::yaml::{Node, Yaml};

/// Most values of one item, lists of the operator written out.
const VALUES: usize = 100_000;
/// Most spellings of a value with dashes that is then encoded.
const SPELLINGS: usize = 125;

/// What lowering fills, for a whole set of rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) fields: Fields,
    pub(crate) regexes: Regexes,
}

/// What lowering is told.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) map: &'a FieldMap,
    pub(crate) lists: &'a Lists,
}

/// Lowers `detection` of a rule for `logsource`.
pub(crate) fn lower(
    detection: &Detection,
    logsource: &LogSource,
    names: Names<'_>,
    shared: &mut Shared,
    faults: &mut Vec<Fault>,
) -> Option<Program> {
    let mut lowering = Lowering { logsource, names, shared };
    let before = faults.len();
    let mut selections = Vec::with_capacity(detection.selections.len());
    for named in &detection.selections {
        match lowering.selection(&named.selection) {
            Ok(tree) => selections.push((named.name.as_str().into(), tree)),
            Err(fault) => faults.push(fault),
        }
    }
    (faults.len() == before).then(|| Program { selections, condition: detection.condition.clone() })
}

struct Lowering<'a> {
    logsource: &'a LogSource,
    names: Names<'a>,
    shared: &'a mut Shared,
}

impl Lowering<'_> {
    fn selection(&mut self, selection: &Selection) -> Result<Tree, Fault> {
        let mut trees =
            |parts: &[Selection]| parts.iter().map(|part| self.selection(part)).collect::<Result<Vec<Tree>, Fault>>();
        Ok(match selection {
            Selection::All(parts) => single(trees(parts)?, Tree::All),
            Selection::Any(parts) => single(trees(parts)?, Tree::Any),
            Selection::Item(item) => Tree::Test(Box::new(self.item(item)?)),
        })
    }

    fn field(&mut self, name: &str) -> FieldId {
        self.shared.fields.intern(self.names.map.names(self.logsource, name))
    }

    fn item(&mut self, item: &Item) -> Result<Test, Fault> {
        let field = match &item.field {
            Some(name) => self.field(name),
            None => FieldId::ANY,
        };
        let mut checks = Vec::with_capacity(item.values.len());
        for value in &item.values {
            let mut own = Vec::new();
            for value in self.expanded(&item.modifiers, value)? {
                self.value(item, &value, &mut own)?;
            }
            if checks.len() + own.len() > VALUES {
                let message = format!("more than {VALUES} values");
                return Err(Fault::new(item.place, Code::TooLarge, message, "split the list"));
            }
            if item.modifiers.all && own.len() > 1 {
                // Of the spellings of one value any will do.
                checks.push(Check::Any(own.into()));
            } else {
                checks.append(&mut own);
            }
        }
        let modifiers = &item.modifiers;
        let neq = modifiers.neq;
        let checks = if modifiers.all { checks } else { gathered(checks) };
        Ok(Test { field, checks: checks.into(), all: modifiers.all, neq })
    }

    /// `value` with its placeholders replaced by each entry of their lists.
    fn expanded(&self, modifiers: &Modifiers, value: &Node) -> Result<Vec<Node>, Fault> {
        let (true, Some(text)) = (modifiers.expand, value.text()) else { return Ok(vec![value.clone()]) };
        let mut texts = vec![String::new()];
        let mut rest = text;
        while let Some((before, name, behind)) = placeholder(rest) {
            let Some(list) = self.names.lists.get(name) else {
                let help = format!("configure a list named {name}, or leave the rule out");
                let message = format!("no list stands for the placeholder %{name}%");
                return Err(Fault::new(value.place, Code::Placeholder, message, help));
            };
            if list.is_empty() || texts.len().saturating_mul(list.len()) > VALUES {
                let message = format!("the list {name} is empty or gives more than {VALUES} values");
                return Err(Fault::new(value.place, Code::Placeholder, message, "fill the list, or split it"));
            }
            let extend =
                |text: &String| list.iter().map(move |entry| format!("{text}{before}{entry}")).collect::<Vec<_>>();
            texts = texts.iter().flat_map(extend).collect();
            rest = behind;
        }
        texts.iter_mut().for_each(|text| text.push_str(rest));
        Ok(texts.into_iter().map(|text| Node { place: value.place, value: Yaml::Text(text) }).collect())
    }

    fn value(&mut self, item: &Item, value: &Node, checks: &mut Vec<Check>) -> Result<(), Fault> {
        let modifiers = &item.modifiers;
        let unfit = |what: &str| {
            let message = format!("{} where {what} should stand", value.kind());
            Fault::new(value.place, Code::Value, message, format!("give {what}"))
        };
        let check = match modifiers.compare {
            Compare::Plain => return self.plain(item, value, checks),
            Compare::Exists => match value.scalar().map(|text| text.to_ascii_lowercase()).as_deref() {
                // YAML 1.1, which many rules are written in, has yes and no for booleans.
                Some("true" | "yes") if item.values.len() == 1 => Check::Exists(true),
                Some("false" | "no") if item.values.len() == 1 => Check::Exists(false),
                _ => return Err(unfit("one boolean")),
            },
            Compare::Regex => {
                let pattern = value.scalar().ok_or_else(|| unfit("a regular expression"))?;
                let id = self.shared.regexes.add(&pattern, modifiers.flags).map_err(|error| {
                    let help = "look-around and back-references need more than linear time and are not taken";
                    Fault::new(value.place, Code::Regex, error, help)
                })?;
                Check::Regex(id)
            }
            Compare::Cidr => {
                let network = value.text().and_then(Network::read);
                Check::Network(network.ok_or_else(|| unfit("a network like 10.0.0.0/8"))?)
            }
            Compare::FieldRef => {
                let name = value.text().ok_or_else(|| unfit("the name of a field"))?;
                let Modifiers { before, behind, cased, .. } = *modifiers;
                Check::Field { field: self.field(name), before, behind, cased }
            }
            Compare::Number(order) => Check::Number(order, number(value).ok_or_else(|| unfit("a number"))?),
            Compare::Time(part, order) => match number(value) {
                Some(Number::Int(number)) if fits(part, number) => {
                    Check::Time(part, order, i64::try_from(number).unwrap_or(i64::MAX))
                }
                _ => {
                    return Err(unfit(
                        "a part of a time: minute 0-59, hour 0-23, day 1-31, week 1-53, month 1-12, year",
                    ));
                }
            },
        };
        checks.push(check);
        Ok(())
    }

    fn plain(&self, item: &Item, value: &Node, checks: &mut Vec<Check>) -> Result<(), Fault> {
        let modifiers = &item.modifiers;
        let wrapped = modifiers.before || modifiers.behind || item.field.is_none();
        if !wrapped && modifiers.transforms.is_empty() {
            match &value.value {
                Yaml::Null => return checks.extend_ok(Check::Null),
                Yaml::Bool(value) => return checks.extend_ok(Check::Bool(*value)),
                Yaml::Int(value) => return checks.extend_ok(Check::Number(Order::Equal, Number::Int(*value))),
                Yaml::Float(value, _) => return checks.extend_ok(Check::Number(Order::Equal, Number::Float(*value))),
                Yaml::Text(_) | Yaml::List(_) | Yaml::Map(_) => {}
            }
        }
        let Some(text) = value.scalar() else {
            let message = format!("{} where text should stand", value.kind());
            let help = "null means an absent field: it stands alone, without modifiers, behind the name of a field";
            return Err(Fault::new(value.place, Code::Value, message, help));
        };
        let mut parts = pattern::parts(&text);
        if modifiers.transforms.contains(&Transform::Windash) {
            pattern::windash(&mut parts);
        }
        let encodings: Vec<Transform> =
            modifiers.transforms.iter().copied().filter(|transform| *transform != Transform::Windash).collect();
        if encodings.is_empty() {
            checks.push(Check::Text(Pattern::new(&parts, modifiers.before, modifiers.behind, modifiers.cased)));
            return Ok(());
        }
        let spellings = pattern::spellings(&parts, SPELLINGS).ok_or_else(|| {
            let help = "wildcards have no encoding: escape them (\\* \\?), or leave the encoding out";
            Fault::new(value.place, Code::Value, "a wildcard, or too many dashes, in a text that is encoded", help)
        })?;
        for text in spellings {
            let base64 = encodings.iter().any(|e| matches!(e, Transform::Base64 | Transform::Base64Offset));
            let encoded = encode::encode(&text, &encodings).ok_or_else(|| {
                let help = "put base64 or base64offset behind it: its bytes are no text that a log could hold";
                Fault::new(value.place, Code::Value, "the encoded value is no text", help)
            })?;
            for text in encoded {
                let parts: Vec<Part> = text.chars().map(Part::Char).collect();
                let cased = modifiers.cased || base64;
                checks.push(Check::Text(Pattern::new(&parts, modifiers.before, modifiers.behind, cased)));
            }
        }
        Ok(())
    }
}

trait ExtendOk<T> {
    fn extend_ok(&mut self, item: T) -> Result<(), Fault>;
}

impl<T> ExtendOk<T> for Vec<T> {
    fn extend_ok(&mut self, item: T) -> Result<(), Fault> {
        self.push(item);
        Ok(())
    }
}

fn single(mut trees: Vec<Tree>, join: fn(Box<[Tree]>) -> Tree) -> Tree {
    match (trees.len(), trees.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            trees.extend(last);
            join(trees.into())
        }
    }
}

/// Text before the first placeholder, its name, and what stands behind it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, behind) = rest.split_once('%')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    is_name.then_some((before, name, behind))
}

/// Many exact texts become one check: lists of the operator are long.
fn gathered(checks: Vec<Check>) -> Vec<Check> {
    const FEW: usize = 4;
    let exact = |check: &Check| match check {
        Check::Text(pattern) if !pattern.cased => pattern.exact().map(Box::from),
        _ => None,
    };
    let mut texts: Vec<Box<str>> = checks.iter().filter_map(exact).collect();
    if texts.len() < FEW {
        return checks;
    }
    texts.sort_unstable();
    texts.dedup();
    let mut rest: Vec<Check> = checks.into_iter().filter(|check| exact(check).is_none()).collect();
    rest.push(Check::OneOf(texts.into()));
    rest
}

fn number(node: &Node) -> Option<Number> {
    match &node.value {
        Yaml::Int(number) => Some(Number::Int(*number)),
        Yaml::Float(number, _) => Some(Number::Float(*number)),
        Yaml::Text(text) => Number::read(text),
        _ => None,
    }
}

fn fits(part: TimePart, number: i128) -> bool {
    match part {
        TimePart::Minute => (0..=59).contains(&number),
        TimePart::Hour => (0..=23).contains(&number),
        TimePart::Day => (1..=31).contains(&number),
        TimePart::Week => (1..=53).contains(&number),
        TimePart::Month => (1..=12).contains(&number),
        TimePart::Year => (0..=9999).contains(&number),
    }
}
