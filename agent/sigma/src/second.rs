//! A second opinion: `sigma-rust` 0.7 on one rule and one event, for the cross-check of rule tests. Never on the data path.
//!
//! It is asked only what it answers without panicking: texts outside ASCII in conditions, names of selections and
//! windash values make its scanner slice inside a character.

use crate::detection::{Detection, Selection};
use crate::diagnostic::Diagnostic;
use crate::document::{self, Document};
use crate::modifier::Transform;
use std::sync::Arc;

/// What `sigma-rust` says of the first rule in `rule` and the JSON object `event`; the reason where it is not asked, or
/// does not load the rule.
pub fn opinion(rule: &str, event: &str) -> Result<bool, String> {
    let mut diagnostics = Vec::new();
    let documents = document::read(&Arc::from("rule"), rule.as_bytes(), &mut diagnostics);
    if let Some(refused) = diagnostics.iter().find(|diagnostic| !Diagnostic::warning(diagnostic)) {
        return Err(refused.to_string());
    }
    let [Document::Rule(_, detection)] = documents.as_slice() else {
        return Err("it reads one rule at a time".to_owned());
    };
    // The condition names nothing but selections and words of ASCII: it was read.
    if detection.selections.iter().any(|named| !named.name.is_ascii()) {
        return Err("it panics on names outside ASCII".to_owned());
    }
    if windash_outside_ascii(detection) {
        return Err("it panics on windash with signs outside ASCII".to_owned());
    }
    let rule = sigma_rust::rule_from_yaml(rule).map_err(|error| error.to_string())?;
    let event = sigma_rust::event_from_json(event).map_err(|error| error.to_string())?;
    Ok(sigma_rust::check_rule(&rule, &event))
}

fn windash_outside_ascii(detection: &Detection) -> bool {
    fn any(selection: &Selection) -> bool {
        match selection {
            Selection::All(parts) | Selection::Any(parts) => parts.iter().any(any),
            Selection::Item(item) => {
                item.modifiers.transforms.contains(&Transform::Windash)
                    && item.values.iter().any(|value| value.text().is_some_and(|text| !text.is_ascii()))
            }
        }
    }
    detection.selections.iter().any(|named| any(&named.selection))
}
