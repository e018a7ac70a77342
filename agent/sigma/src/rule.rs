//! What a Sigma document says of itself: title, level, log source, references, and attributes of its own.

use crate::diagnostic::{Code, Fault, Place};
use crate::yaml::{Node, Yaml};
use std::sync::Arc;

/// How bad a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// No alert of its own.
    Informational,
    /// Worth a look.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// An incident.
    Critical,
}

impl Level {
    /// Every level, least first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Kinds of events a rule is meant for, or kinds an event is of. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSource {
    /// `process_creation`, `database` …
    pub category: Option<String>,
    /// `windows`, `postgresql` …
    pub product: Option<String>,
    /// `sshd`, `audit` …
    pub service: Option<String>,
}

impl LogSource {
    /// Of the three parts, in lower case.
    pub fn new(category: Option<&str>, product: Option<&str>, service: Option<&str>) -> Self {
        let part = |text: Option<&str>| text.map(str::to_lowercase);
        Self { category: part(category), product: part(product), service: part(service) }
    }

    /// Whether what is said here is said of `other` too: every part given here is given there and equal.
    pub fn covers(&self, other: &Self) -> bool {
        let equal = |mine: &Option<String>, theirs: &Option<String>| match (mine, theirs) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => mine == theirs || mine.to_lowercase() == theirs.to_lowercase(),
            (Some(_), None) => false,
        };
        equal(&self.category, &other.category)
            && equal(&self.product, &other.product)
            && equal(&self.service, &other.service)
    }
}

/// What a document says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// File as its reader named it.
    pub file: Arc<str>,
    /// Where the document begins.
    pub place: Place,
    /// What it finds, in a few words.
    pub title: String,
    /// Its identifier, a UUID as a rule.
    pub id: Option<String>,
    /// Its name for correlations and filters.
    pub name: Option<String>,
    /// What it finds, at length.
    pub description: Option<String>,
    /// How bad a hit is.
    pub level: Option<Level>,
    /// `stable`, `test`, `experimental`, `deprecated`, `unsupported`.
    pub status: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// The kinds of events it is meant for.
    pub logsource: LogSource,
    /// Where to read on.
    pub references: Vec<String>,
    /// `attack.t1005` and such.
    pub tags: Vec<String>,
    /// What else looks like this.
    pub falsepositives: Vec<String>,
    /// Fields that an analyst wants to see.
    pub fields: Vec<String>,
    /// Attributes that Sigma does not know, with their places: `date`, `license`, `kuzet` …
    pub custom: Vec<(String, Node)>,
    /// It only feeds a correlation and gives no alert of its own.
    pub silent: bool,
}

impl Rule {
    /// Whether correlations and filters mean this rule by `reference`.
    pub fn is_called(&self, reference: &str) -> bool {
        let called = |name: &Option<String>| name.as_deref() == Some(reference);
        called(&self.id) || called(&self.name)
    }

    /// An attribute of the rule's own.
    pub fn custom(&self, key: &str) -> Option<&Node> {
        self.custom.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }
}

const STATUS: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];

/// Reads the attributes every document has. `sections` are those the caller reads itself.
pub(crate) fn read(file: &Arc<str>, node: &Node, sections: &[&str], faults: &mut Vec<Fault>) -> Rule {
    let mut rule = Rule {
        file: file.clone(),
        place: node.place,
        title: String::new(),
        id: None,
        name: None,
        description: None,
        level: None,
        status: None,
        author: None,
        logsource: LogSource::default(),
        references: Vec::new(),
        tags: Vec::new(),
        falsepositives: Vec::new(),
        fields: Vec::new(),
        custom: Vec::new(),
        silent: false,
    };
    for (key, value) in node.map().unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        if !sections.contains(&name) {
            attribute(&mut rule, name, value, faults);
        }
    }
    if node.get("title").is_none() {
        faults.push(Fault::new(node.place, Code::Missing, "the rule has no title", "add title:"));
    }
    if rule.level.is_none() && node.get("level").is_none() {
        let help = "add level: informational, low, medium, high or critical";
        faults.push(Fault::new(node.place, Code::NoLevel, "the rule has no level", help));
    }
    rule
}

fn attribute(rule: &mut Rule, name: &str, value: &Node, faults: &mut Vec<Fault>) {
    let wrong = |expected: &str| {
        let message = format!("{name} is {}, expected {expected}", value.kind());
        Fault::new(value.place, Code::Attribute, message, format!("write {name}: with {expected}"))
    };
    let text = |into: &mut Option<String>, faults: &mut Vec<Fault>| match value.scalar() {
        Some(text) => *into = Some(text.into_owned()),
        None if value.value == Yaml::Null => {}
        None => faults.push(wrong("text")),
    };
    let texts = |into: &mut Vec<String>, faults: &mut Vec<Fault>| match &value.value {
        Yaml::Null => {}
        Yaml::List(items) if items.iter().all(|item| item.scalar().is_some()) => {
            into.extend(items.iter().filter_map(Node::scalar).map(std::borrow::Cow::into_owned));
        }
        _ => faults.push(wrong("a list of texts")),
    };
    match name {
        "title" => {
            let mut title = None;
            text(&mut title, faults);
            rule.title = title.unwrap_or_default();
        }
        "id" => text(&mut rule.id, faults),
        "name" => text(&mut rule.name, faults),
        "description" => text(&mut rule.description, faults),
        "author" => text(&mut rule.author, faults),
        "references" => texts(&mut rule.references, faults),
        "tags" => texts(&mut rule.tags, faults),
        "falsepositives" => texts(&mut rule.falsepositives, faults),
        "fields" => texts(&mut rule.fields, faults),
        "status" => {
            text(&mut rule.status, faults);
            if rule.status.as_deref().is_some_and(|status| !STATUS.contains(&status)) {
                let help = format!("use one of {}", STATUS.join(", "));
                faults.push(Fault::new(value.place, Code::UnknownStatus, "unknown status", help));
            }
        }
        "level" => match Level::ALL.into_iter().find(|level| value.text() == Some(level.name())) {
            Some(level) => rule.level = Some(level),
            None => {
                let shown = value.scalar().unwrap_or_default().into_owned();
                let help = "use informational, low, medium, high or critical, in lower case";
                faults.push(Fault::new(value.place, Code::Attribute, format!("unknown level {shown:?}"), help));
            }
        },
        "logsource" => rule.logsource = logsource(value, faults),
        _ => rule.custom.push((name.to_owned(), value.clone())),
    }
}

fn logsource(node: &Node, faults: &mut Vec<Fault>) -> LogSource {
    let mut part = |key: &str| {
        let value = node.get(key)?;
        match value.scalar() {
            Some(text) => Some(text.into_owned()),
            None if value.value == Yaml::Null => None,
            None => {
                let message = format!("logsource.{key} is {}, expected text", value.kind());
                faults.push(Fault::new(value.place, Code::Attribute, message, "name one log source"));
                None
            }
        }
    };
    let (category, product, service) = (part("category"), part("product"), part("service"));
    if node.map().is_none() {
        let message = format!("logsource is {}, expected a mapping", node.kind());
        faults.push(Fault::new(node.place, Code::Attribute, message, "write category:, product: or service: below it"));
    } else if category.is_none() && product.is_none() && service.is_none() {
        let help = "add category:, product: or service:, or the rule sees every event";
        faults.push(Fault::new(node.place, Code::Suspicious, "the logsource names nothing", help));
    }
    LogSource::new(category.as_deref(), product.as_deref(), service.as_deref())
}
