//! Correlations as read → correlations whose rules and fields are known; what stands on nothing or on itself is refused.

use crate::correlation::Correlation;
use crate::diagnostic::{Code, Diagnostic, Fault, Place};
use crate::event::FieldId;
use crate::fieldmap::FieldMap;
use crate::rule::Rule;
use crate::set::{Bound, Part, Resolved, RuleId, RuleSet};
use std::collections::{BTreeMap, HashMap};

/// Longest chain of correlations.
const CHAIN: usize = 10;
/// Most rules of a correlation: one bit each.
pub(super) const RULES: usize = 64;

/// Puts `waiting` into `set`, those first that stand on rules only.
pub(crate) fn resolve(
    set: &mut RuleSet,
    mut waiting: Vec<Correlation>,
    map: &FieldMap,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut known: HashMap<String, Part> = HashMap::new();
    for (id, rule) in (0..).map(RuleId).zip(&set.rules) {
        known.extend(rule.id.iter().chain(&rule.name).map(|called| (called.clone(), Part::Rule(id))));
    }
    let mut depths: Vec<usize> = Vec::new();
    loop {
        let before = waiting.len();
        let mut left = Vec::new();
        for correlation in waiting {
            let parts = correlation.rules.iter().map(|(reference, _)| known.get(reference).copied());
            let Some(parts) = parts.collect::<Option<Vec<Part>>>() else {
                left.push(correlation);
                continue;
            };
            let depth = |part: &Part| if let Part::Correlation(at) = part { depths[*at] + 1 } else { 1 };
            let depth = parts.iter().map(depth).max().unwrap_or(1);
            if let Err(fault) = check(set, &correlation, &parts, depth) {
                diagnostics.push(fault.of(&correlation.meta.file));
                continue;
            }
            diagnostics.extend(unnamed(set, &correlation, &parts).map(|fault| fault.of(&correlation.meta.file)));
            let meta = &correlation.meta;
            let this = Part::Correlation(set.correlations.len());
            known.extend(meta.id.iter().chain(&meta.name).map(|called| (called.clone(), this)));
            depths.push(depth);
            bind(set, correlation, parts, map);
        }
        waiting = left;
        if waiting.len() == before || waiting.is_empty() {
            break;
        }
    }
    refuse(&waiting, &known, diagnostics);
}

fn check(set: &RuleSet, correlation: &Correlation, parts: &[Part], depth: usize) -> Result<(), Fault> {
    let fault = |place, message: String, help: &str| Err(Fault::new(place, Code::Correlation, message, help));
    for (at, (part, (reference, place))) in parts.iter().zip(&correlation.rules).enumerate() {
        if parts[..at].contains(part) {
            return fault(*place, format!("the correlation names {reference:?} twice"), "name each rule once");
        }
    }
    let place = correlation.rules.first().map_or(correlation.meta.place, |(_, place)| *place);
    if parts.len() > RULES {
        let message = format!("the correlation names {} rules, at most {RULES} can meet", parts.len());
        return fault(place, message, "chain smaller correlations");
    }
    if depth > CHAIN {
        let message = format!("the correlation ends a chain of {depth}, at most {CHAIN} may stand on each other");
        return fault(place, message, "let it stand on rules");
    }
    for alias in &correlation.aliases {
        for (called, _) in &alias.fields {
            if !parts.iter().any(|part| meta(set, *part).is_some_and(|rule| rule.is_called(called))) {
                let message =
                    format!("the alias {:?} is for {called:?}, which the correlation does not name", alias.name);
                return fault(alias.place, message, "an alias maps names of the rules to their fields");
            }
        }
    }
    Ok(())
}

/// Warns of rules that an alias in use says no field for: their events would have to have its own name.
fn unnamed<'a>(
    set: &'a RuleSet,
    correlation: &'a Correlation,
    parts: &'a [Part],
) -> impl Iterator<Item = Fault> + use<'a> {
    let used = correlation.aliases.iter().filter(|alias| correlation.group_by.contains(&alias.name));
    used.flat_map(move |alias| {
        let rules = parts.iter().filter(|part| matches!(part, Part::Rule(_)));
        let named = |rule: &Rule| alias.fields.iter().any(|(called, _)| rule.is_called(called));
        rules.filter_map(|part| meta(set, *part)).filter(move |rule| !named(rule)).map(|rule| {
            let message = format!("the alias {:?} names no field of {:?}", alias.name, rule.title);
            Fault::new(alias.place, Code::Suspicious, message, "add the rule and its field to the alias")
        })
    })
}

fn meta(set: &RuleSet, part: Part) -> Option<&Rule> {
    match part {
        Part::Rule(id) => set.rules.get(id.index()),
        Part::Correlation(at) => set.correlations.get(at).map(|resolved| &resolved.correlation.meta),
    }
}

fn bind(set: &mut RuleSet, correlation: Correlation, parts: Vec<Part>, map: &FieldMap) {
    let mut bound = Vec::new();
    for &part in &parts {
        let leaves: Vec<RuleId> = match part {
            Part::Rule(id) => vec![id],
            Part::Correlation(at) => {
                let mut leaves: Vec<RuleId> =
                    set.correlations[at].bound.iter().flat_map(BTreeMap::keys).copied().collect();
                leaves.sort_unstable();
                leaves.dedup();
                leaves
            }
        };
        let mut fields_of = BTreeMap::new();
        for leaf in leaves {
            let mut fields = |names: &[String]| -> Vec<FieldId> {
                let names = names.iter().map(|name| {
                    let name = field(set, &correlation, part, leaf, name);
                    set.shared.fields.intern(map.names(&set.rules[leaf.index()].logsource, &name))
                });
                names.collect()
            };
            let (group_by, fields) = (fields(&correlation.group_by), fields(&correlation.fields));
            fields_of.insert(leaf, Bound { group_by, fields });
        }
        bound.push(fields_of);
        if !correlation.generate {
            match part {
                Part::Rule(id) => set.rules[id.index()].silent = true,
                Part::Correlation(at) => set.correlations[at].correlation.meta.silent = true,
            }
        }
    }
    set.correlations.push(Resolved { correlation, parts, bound });
}

/// What `name` in `correlation` is called in the events of `leaf`, which it reaches through `part`: each correlation on
/// the way may have an alias for it.
fn field(set: &RuleSet, correlation: &Correlation, part: Part, leaf: RuleId, name: &str) -> String {
    let (mut correlation, mut part, mut name) = (correlation, part, name);
    loop {
        let alias = correlation.aliases.iter().find(|alias| alias.name == name);
        let called = |(rule, _): &&(String, String)| meta(set, part).is_some_and(|meta| meta.is_called(rule));
        if let Some((_, other)) = alias.and_then(|alias| alias.fields.iter().find(called)) {
            name = other;
        }
        let Part::Correlation(at) = part else { return name.to_owned() };
        let next = &set.correlations[at];
        let Some(through) = next.bound.iter().position(|leaves| leaves.contains_key(&leaf)) else {
            return name.to_owned();
        };
        (correlation, part) = (&next.correlation, next.parts[through]);
    }
}

/// Tells why correlations were not resolved.
fn refuse(waiting: &[Correlation], known: &HashMap<String, Part>, diagnostics: &mut Vec<Diagnostic>) {
    let calls = |reference: &str| waiting.iter().any(|other| other.meta.is_called(reference));
    for correlation in waiting {
        let missing = |(reference, _): &&(String, Place)| !known.contains_key(reference);
        for (reference, place) in correlation.rules.iter().filter(missing) {
            let (code, message) = if calls(reference) {
                (Code::Cycle, format!("the correlation stands on {reference:?}, which was refused or stands on it"))
            } else {
                (Code::UnknownRule, format!("the correlation names {reference:?}, which is no rule that was loaded"))
            };
            let help = "name a rule or an other correlation by its id or name; see why that one was refused";
            diagnostics.push(Fault::new(*place, code, message, help).of(&correlation.meta.file));
        }
    }
}
