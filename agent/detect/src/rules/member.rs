//! What one rule is to the agent: how bad, of which kind, for which clause, and what it says in an incident.

use crate::teller::CLAUSE;
use crate::{Kind, Rule, Severity};
use kuzet_sigma::{Code, Diagnostic, Level, Node};
use std::sync::Arc;

/// Words of the rule that an incident repeats.
const MOST: usize = 8;

/// One rule of a book.
#[derive(Clone, Debug)]
pub struct Member {
    /// What an incident says of it.
    pub about: Arc<Rule>,
    /// The kind of its detections.
    pub kind: Kind,
    /// Least severity of its detections; `None` for `informational` and for what only feeds a correlation: that tells
    /// nothing.
    pub severity: Option<Severity>,
    /// Switched off in the configuration.
    pub off: bool,
    /// Whether any event can be of its log source.
    pub fed: bool,
}

impl Member {
    pub(super) fn new(
        rule: &kuzet_sigma::Rule,
        fed: bool,
        off: &[String],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Member {
        let id = rule.id.clone().unwrap_or_default();
        let name = rule.name.clone().unwrap_or_else(|| stem(&rule.file).to_owned());
        let mut own = Own::default();
        if let Some(section) = rule.custom("kuzet") {
            let fault = |node: &Node, message: String, help: &str| Diagnostic {
                file: Arc::clone(&rule.file),
                place: node.place,
                code: Code::Suspicious,
                message,
                help: help.to_owned(),
            };
            own.read(section, &mut |node, message, help| diagnostics.push(fault(node, message, help)));
        }
        let shared = |texts: &[String]| texts.iter().take(MOST).map(|text| Arc::from(text.as_str())).collect();
        let about = Rule {
            id: Arc::from(id.as_str()),
            name: Arc::from(name.as_str()),
            title: Arc::from(rule.title.as_str()),
            clause: Arc::from(own.clause.as_deref().unwrap_or(CLAUSE)),
            techniques: rule.tags.iter().filter_map(|tag| technique(tag)).take(MOST).collect(),
            false_positives: shared(&rule.falsepositives),
            responses: shared(&own.responses),
        };
        let off = off.iter().any(|one| *one == id || *one == name);
        let severity = match rule.level.unwrap_or(Level::Medium) {
            Level::Informational => None,
            Level::Low => Some(Severity::Low),
            Level::Medium => Some(Severity::Medium),
            Level::High => Some(Severity::High),
            Level::Critical => Some(Severity::Critical),
        };
        let severity = severity.filter(|_| !rule.silent);
        Member { about: Arc::new(about), kind: own.kind.unwrap_or(Kind::Rule), severity, off, fed }
    }

    /// Whether `name` is its id, its name or its title.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let about = &self.about;
        [&about.id, &about.name, &about.title].iter().any(|it| &***it == name)
    }
}

/// The section `kuzet:` of a rule.
#[derive(Default)]
struct Own {
    kind: Option<Kind>,
    clause: Option<String>,
    responses: Vec<String>,
}

impl Own {
    fn read(&mut self, section: &Node, fault: &mut dyn FnMut(&Node, String, &str)) {
        let Some(entries) = section.map() else {
            fault(
                section,
                format!("kuzet is {}, expected a mapping", section.kind()),
                "write kind:, clause:, response:",
            );
            return;
        };
        for (key, value) in entries {
            match key.text() {
                Some("kind") => {
                    // What comes from comparing what was read with what there is to read is no rule's to say.
                    let own = |kind: &Kind| !matches!(kind, Kind::SightLost | Kind::BlindedSession);
                    self.kind = Kind::ALL.into_iter().filter(own).find(|kind| value.text() == Some(kind.name()));
                    if self.kind.is_none() {
                        fault(value, "unknown kind".to_owned(), "use a kind of docs/detectors.md, or leave it out");
                    }
                }
                Some("clause") => self.clause = value.scalar().map(std::borrow::Cow::into_owned),
                Some("response") => {
                    let Some(texts) = texts(value) else {
                        fault(value, "response is no list of texts".to_owned(), "write one step a line");
                        continue;
                    };
                    self.responses = texts;
                }
                _ => fault(key, "kuzet has no such key".to_owned(), "known keys: kind, clause, response"),
            }
        }
    }
}

fn texts(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        kuzet_sigma::Yaml::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// `attack.t1048.003` → `T1048.003`.
fn technique(tag: &str) -> Option<Arc<str>> {
    let number = tag.strip_prefix("attack.t")?;
    number.bytes().next()?.is_ascii_digit().then(|| Arc::from(format!("T{number}")))
}

/// `folder/name.yml` → `name`.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
