//! Known differences from rsigma-eval 0.23, each with its reason.

use super::generate::{Case, Item, Selection};
use serde_json::Value as Json;

/// Why the answers may differ: every item that alone gives different answers is explained, and there is one.
pub(crate) fn why(case: &Case) -> Option<Vec<&'static str>> {
    let mut reasons = Vec::new();
    for atom in case.atoms() {
        let (same, ours, theirs) = super::same(&atom);
        if !same {
            reasons.push(reason(&atom, &ours, &theirs)?);
        }
    }
    (!reasons.is_empty()).then_some(reasons)
}

type Answer = Result<bool, String>;

/// Why one item alone gives different answers.
fn reason(atom: &Case, ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    let single = |values: usize| (values == 1 && theirs.is_err()).then_some("rsigma refuses \"all\" with one value");
    match &atom.selections[0] {
        Selection::Any(_) => None,
        Selection::Keywords(_) => (*ours == Ok(true) && *theirs == Ok(false) && !all_text(&atom.event))
            .then_some("rsigma looks for keywords in texts only, not in numbers and booleans"),
        Selection::AllKeywords(words) if *ours == Ok(true) && *theirs == Ok(false) => {
            (words.len() > 1).then_some("rsigma takes keywords below |all for whole values")
        }
        Selection::AllKeywords(words) => single(words.len()),
        Selection::Fields(items) => {
            let item = &items[0];
            if item.modifiers.contains("all") && theirs.is_err() {
                return single(item.values.len());
            }
            of_item(item, &atom.event, ours, theirs)
        }
    }
}

fn of_item(item: &Item, event: &Json, ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    let mut found = Vec::new();
    values(event, item.field, &mut found);
    let has = |modifier: &str| item.modifiers.split('|').any(|own| own == modifier);
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let wild = |value: &Json| text(value).is_some_and(|text| text.contains(['*', '?']));
    let (more, less) = ((Ok(true), Ok(false)), (Ok(false), Ok(true)));
    let answers = (ours.clone().map_err(drop), theirs.clone().map_err(drop));
    let is = |wanted: &(Result<bool, ()>, Result<bool, ()>)| answers == *wanted;
    if ["minute", "hour", "day", "week", "month", "year"].iter().any(|part| has(part)) {
        let told = ours.as_ref().is_err_and(|told| told.contains("KZ313"));
        return (told && *theirs == Ok(false)).then_some("we refuse a part of a time that cannot be");
    }
    if has("exists") {
        return found.iter().all(|value| value.is_null()).then_some("rsigma: a field that is null does not exist");
    }
    if has("fieldref") {
        let text = |name: &str| event.get(name).is_some_and(Json::is_string);
        let texts = text(item.field) && item.values.iter().filter_map(Json::as_str).all(text);
        return (!texts).then_some("rsigma compares fields by text only where both are one text");
    }
    let broken = found.iter().any(|value| value.as_str().is_some_and(|text| text.contains('\n')));
    if broken && item.values.iter().any(wild) && is(if has("neq") { &less } else { &more }) {
        return Some("rsigma: wildcards stop at a line break");
    }
    if has("cidr") {
        let mapped = found.iter().any(|value| value.as_str().is_some_and(|text| text.starts_with("::ffff:")));
        return (is(&more) && mapped).then_some("rsigma: an IPv4 address written as IPv6 is another host");
    }
    if (has("startswith") || has("endswith")) && item.values.iter().any(wild) {
        return Some("rsigma loses the anchor of startswith and endswith where the value has wildcards");
    }
    if item.values.iter().any(wild) && found.iter().any(|value| value.is_boolean()) && is(&more) {
        return Some("rsigma does not find wildcards in booleans");
    }
    if item.values.iter().any(Json::is_null) && is(&more) {
        return Some("rsigma: null in a list is not absence, and null inside a list of the event is not null");
    }
    if has("base64") || has("base64offset") {
        return is(&less).then_some("rsigma compares base64 without regard to case");
    }
    (has("windash") && item.values.iter().any(wild) && is(&more))
        .then_some("rsigma takes wildcards for plain signs behind windash")
}

fn all_text(json: &Json) -> bool {
    match json {
        Json::Number(_) | Json::Bool(_) => false,
        Json::Array(items) => items.iter().all(all_text),
        Json::Object(map) => map.values().all(all_text),
        Json::Null | Json::String(_) => true,
    }
}

/// The values of a field.
fn values<'a>(event: &'a Json, field: &str, found: &mut Vec<&'a Json>) {
    let (head, tail) = field.split_once('.').map_or((field, None), |(head, tail)| (head, Some(tail)));
    match (event, tail) {
        (Json::Array(items), _) => items.iter().for_each(|item| values(item, field, found)),
        (Json::Object(map), Some(tail)) => map.get(head).into_iter().for_each(|inner| values(inner, tail, found)),
        (Json::Object(map), None) => match map.get(head) {
            Some(Json::Array(items)) => found.extend(items),
            Some(value) => found.push(value),
            None => {}
        },
        _ => {}
    }
}
