//! One YAML document → a rule, a correlation or a filter.

use crate::correlation::{self, Correlation};
use crate::detection::{self, Detection};
use crate::diagnostic::{Code, Diagnostic, Fault};
use crate::filter::{self, Filter};
use crate::rule::{self, Rule};
use crate::yaml::{self, Node};
use std::sync::Arc;

/// What a document is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// Finds single events.
    Rule(Rule, Detection),
    /// Finds hits of other rules that belong together.
    Correlation(Correlation),
    /// Adds a condition to other rules.
    Filter(Filter),
}

/// Reads every document of a file. What is wrong with one leaves the others alone.
pub(crate) fn read(file: &Arc<str>, bytes: &[u8], diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut documents = Vec::new();
    for node in yaml::read(bytes) {
        let mut faults = Vec::new();
        match node {
            Ok(node) => {
                let document = document(file, &node, &mut faults);
                // A document may be complete and refused all the same: a level that Sigma does not know.
                let refused = faults.iter().any(|fault| !fault.code.warning());
                documents.extend(document.filter(|_| !refused));
            }
            Err(fault) => faults.push(fault),
        }
        diagnostics.extend(faults.into_iter().map(|fault| fault.of(file)));
    }
    documents
}

fn document(file: &Arc<str>, node: &Node, faults: &mut Vec<Fault>) -> Option<Document> {
    const SECTIONS: [&str; 3] = ["detection", "correlation", "filter"];
    let found: Vec<&str> = SECTIONS.into_iter().filter(|section| node.get(section).is_some()).collect();
    let &[section] = found.as_slice() else {
        let message = match found.as_slice() {
            [] => "the document has neither detection nor correlation nor filter".to_owned(),
            more => format!("the document has {} at once", more.join(" and ")),
        };
        faults.push(Fault::new(node.place, Code::NotSigma, message, "a Sigma document has exactly one of them"));
        return None;
    };
    let meta = rule::read(file, node, &[section], faults);
    if section != "correlation" && node.get("logsource").is_none() {
        let help = "add logsource: with category:, product: or service:";
        faults.push(Fault::new(node.place, Code::Missing, "the rule has no logsource", help));
    }
    match section {
        "detection" => {
            let section = node.get("detection")?;
            if let Some((key, _)) = section.entry("timeframe") {
                let help = "write a correlation rule with a timespan, or leave the timeframe out";
                faults.push(Fault::new(key.place, Code::Suspicious, "a timeframe without an aggregation", help));
            }
            let detection = detection::read(section, &["timeframe"], faults)?;
            Some(Document::Rule(meta, detection))
        }
        "correlation" => correlation::read(meta, node, faults).map(Document::Correlation),
        _ => {
            // What a filter lacks is no fault: it gives no alert.
            faults.retain(|fault| fault.code != Code::NoLevel);
            filter::read(meta, node, faults).map(Document::Filter)
        }
    }
}
