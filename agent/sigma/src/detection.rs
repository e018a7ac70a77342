//! The detection section: selections with their fields, modifiers and values, and the condition that joins them.

use crate::condition::{self, Condition};
use crate::diagnostic::{Code, Fault, Place};
use crate::modifier::Modifiers;
use crate::yaml::{Node, Yaml};

/// Deepest nesting of lists and maps inside a selection.
const DEPTH: usize = 8;

/// Selections and the condition over them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detection {
    /// In the order of the file.
    pub selections: Vec<Named>,
    /// Joined by "or" where the rule has a list of conditions.
    pub condition: Condition,
}

/// A selection and its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub selection: Selection,
}

/// What a selection asks of an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selection {
    /// All of it.
    All(Vec<Self>),
    /// Any of it.
    Any(Vec<Self>),
    /// Something of one field, or of any value of the event (keywords).
    Item(Item),
}

/// One field with its modifiers and values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// The field; `None` for keywords.
    pub field: Option<String>,
    /// How it is compared.
    pub modifiers: Modifiers,
    /// What with: scalars and null.
    pub values: Vec<Node>,
    /// Where it stands.
    pub place: Place,
}

/// Reads `node`, the section of a rule or a filter. `others` are keys that are neither selections nor the condition.
pub(crate) fn read(node: &Node, others: &[&str], faults: &mut Vec<Fault>) -> Option<Detection> {
    let Some(entries) = node.map() else {
        let message = format!("the section is {}, expected a mapping of selections", node.kind());
        faults.push(Fault::new(node.place, Code::Selection, message, "write selections and a condition below it"));
        return None;
    };
    let before = faults.len();
    let mut selections = Vec::new();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        if name == "condition" || others.contains(&name) {
            continue;
        }
        match selection(value, 0, faults) {
            Some(selection) => selections.push(Named { name: name.to_owned(), selection }),
            // Its fault is told; the condition may name it all the same.
            None => selections.push(Named { name: name.to_owned(), selection: Selection::Any(Vec::new()) }),
        }
    }
    let names: Vec<&str> = selections.iter().map(|named| named.name.as_str()).collect();
    let condition = match node.get("condition") {
        Some(value) => conditions(value, &names, faults),
        None => {
            let help = "add condition: with the name of a selection";
            faults.push(Fault::new(node.place, Code::Missing, "the section has no condition", help));
            None
        }
    }?;
    let mut used = vec![false; selections.len()];
    condition.mark(&mut used);
    for (named, _) in selections.iter().zip(used).filter(|(named, used)| !used && !named.name.starts_with('_')) {
        let place = node.entry(&named.name).map_or(node.place, |(key, _)| key.place);
        let message = format!("the condition does not use {:?}", named.name);
        faults.push(Fault::new(place, Code::UnusedSelection, message, "name it in the condition, or leave it out"));
    }
    let broken = faults[before..].iter().any(|fault| !fault.code.warning());
    (!broken).then_some(Detection { selections, condition })
}

fn conditions(node: &Node, names: &[&str], faults: &mut Vec<Fault>) -> Option<Condition> {
    let texts: Vec<&Node> = if let Yaml::List(items) = &node.value { items.iter().collect() } else { vec![node] };
    let mut parts = Vec::new();
    for text in &texts {
        let read = match text.text() {
            Some(words) => condition::read(words, names, text.place),
            None => {
                let message = format!("a condition is {}, expected text", text.kind());
                Err(Fault::new(text.place, Code::Condition, message, "write it like: selection and not filter"))
            }
        };
        match read {
            Ok(condition) => parts.push(condition),
            Err(fault) => faults.push(fault),
        }
    }
    match (parts.pop(), texts.len()) {
        (None, 0) => {
            faults.push(Fault::new(node.place, Code::Empty, "the list of conditions is empty", "write a condition"));
            None
        }
        (None, _) => None,
        (Some(only), 1) => Some(only),
        (Some(last), _) => {
            parts.push(last);
            Some(Condition::Or(parts))
        }
    }
}

fn selection(node: &Node, depth: usize, faults: &mut Vec<Fault>) -> Option<Selection> {
    let mut refuse = |code, message: String, help: &str| {
        faults.push(Fault::new(node.place, code, message, help));
        None
    };
    if depth == DEPTH {
        return refuse(Code::Selection, "the selection is nested too deep".to_owned(), "use several selections");
    }
    match &node.value {
        Yaml::Map(entries) if entries.is_empty() => {
            refuse(Code::Empty, "the selection is empty".to_owned(), "name a field")
        }
        Yaml::List(items) if items.is_empty() => {
            refuse(Code::Empty, "the selection is empty".to_owned(), "name a field or keyword")
        }
        Yaml::Null => refuse(Code::Empty, "the selection is empty".to_owned(), "name a field or keyword"),
        Yaml::Map(entries) => {
            let items: Vec<_> = entries.iter().map(|(key, value)| item(key, value, faults)).collect();
            let items: Option<Vec<_>> = items.into_iter().collect();
            items.map(|items| Selection::All(items.into_iter().map(Selection::Item).collect()))
        }
        Yaml::List(parts) => {
            let (words, rest): (Vec<&Node>, Vec<&Node>) = parts.iter().partition(|part| part.scalar().is_some());
            let mut any: Vec<_> = rest.into_iter().map(|part| selection(part, depth + 1, faults)).collect();
            if !words.is_empty() {
                any.push(Some(keywords(words.into_iter().cloned().collect(), node.place)));
            }
            any.into_iter().collect::<Option<Vec<_>>>().map(Selection::Any)
        }
        Yaml::Bool(_) | Yaml::Int(_) | Yaml::Float(..) | Yaml::Text(_) => {
            Some(keywords(vec![node.clone()], node.place))
        }
    }
}

fn keywords(values: Vec<Node>, place: Place) -> Selection {
    let modifiers = Modifiers { before: true, behind: true, ..Modifiers::default() };
    Selection::Item(Item { field: None, modifiers, values, place })
}

fn item(key: &Node, value: &Node, faults: &mut Vec<Fault>) -> Option<Item> {
    let name = key.text().unwrap_or_default();
    let (field, words) = name.split_once('|').map_or((name, None), |(field, words)| (field, Some(words)));
    let mut modifiers = match words.map_or(Ok(Modifiers::default()), |words| Modifiers::read(words, key.place)) {
        Ok(modifiers) => modifiers,
        Err(fault) => {
            faults.push(fault);
            return None;
        }
    };
    let values = match &value.value {
        Yaml::List(items) => items.clone(),
        _ => vec![value.clone()],
    };
    if values.is_empty() {
        let help = "give a value; for a field that is absent or null write null";
        faults.push(Fault::new(value.place, Code::Empty, format!("{name} has an empty list of values"), help));
        return None;
    }
    if let Some(wrong) = values.iter().find(|value| matches!(value.value, Yaml::List(_) | Yaml::Map(_))) {
        let message = format!("a value of {name} is {}", wrong.kind());
        faults.push(Fault::new(wrong.place, Code::Value, message, "for nested fields write outer.inner: value"));
        return None;
    }
    let plain = modifiers.compare == crate::modifier::Compare::Plain;
    if field.is_empty() {
        // Keywords look for a piece, unless the pattern says itself where it stands.
        if plain && !modifiers.before && !modifiers.behind {
            (modifiers.before, modifiers.behind) = (true, true);
        }
        if !plain && modifiers.compare != crate::modifier::Compare::Regex {
            let help = "keywords are texts or, with re, regular expressions";
            faults.push(Fault::new(key.place, Code::ModifierClash, "the modifier needs a field", help));
            return None;
        }
    }
    if modifiers.all && values.len() == 1 {
        let message = format!("{name}: \"all\" with one value");
        faults.push(Fault::new(key.place, Code::Suspicious, message, "leave \"all\" out, or add the other values"));
    }
    Some(Item { field: (!field.is_empty()).then(|| field.to_owned()), modifiers, values, place: key.place })
}
