//! What is wrong with a rule file: a stable code, the place, and how to mend it.

use std::fmt;
use std::sync::Arc;

/// A place in a file, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, counted in characters.
    pub column: u32,
}

/// One fault of one rule. A rule with a fault that is no warning is not loaded; the other rules are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// File as its reader named it.
    pub file: Arc<str>,
    /// Where in the file.
    pub place: Place,
    /// Stable code, one of [`Code`].
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

impl Diagnostic {
    /// Whether the rule works all the same.
    pub fn warning(&self) -> bool {
        self.code.warning()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning() { "warning" } else { "error" };
        let Place { line, column } = self.place;
        write!(out, "{}:{line}:{column}: {kind}[{}]: {}", self.file, self.code.id(), self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(out, "\n  help: {}", self.help) }
    }
}

/// A fault that does not know its file yet.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Fault {
    pub(crate) fn new(place: Place, code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { place, code, message: shown(&message.into()), help: help.into() }
    }

    pub(crate) fn of(self, file: &Arc<str>) -> Diagnostic {
        Diagnostic { file: file.clone(), place: self.place, code: self.code, message: self.message, help: self.help }
    }
}

/// `text` fit for a terminal: a hostile rule does not paint it, and does not fill it.
fn shown(text: &str) -> String {
    const MOST: usize = 400;
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut clean: String = text.chars().take(MOST).map(clean).collect();
    if text.chars().nth(MOST).is_some() {
        clean.push('…');
    }
    clean
}

macro_rules! codes {
    ($($name:ident $id:literal $warning:literal $about:literal,)*) => {
        /// The kinds of faults. The identifiers are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// Every code, in the order of the identifiers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable identifier: `KZ` and three digits.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// Whether a rule with this fault works all the same.
            pub fn warning(self) -> bool {
                match self { $(Self::$name => $warning,)* }
            }

            /// One sentence about it.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

codes! {
    Unreadable "KZ300" false "The file is too large or not UTF-8.",
    Yaml "KZ301" false "The file is not YAML.",
    YamlLimit "KZ302" false "The YAML is too deep or, its aliases written out, too large.",
    DuplicateKey "KZ303" false "A key stands twice in one mapping.",
    NotSigma "KZ304" false "The document is no Sigma rule, correlation or filter.",
    Missing "KZ305" false "A required attribute is missing.",
    Attribute "KZ306" false "An attribute has a type or value that Sigma does not know.",
    DuplicateId "KZ307" false "Two documents have the same id or name.",
    Selection "KZ310" false "A selection is not a map, a list or a keyword.",
    UnknownModifier "KZ311" false "Sigma 2.1 does not know the modifier.",
    ModifierClash "KZ312" false "The modifiers cannot be combined.",
    Value "KZ313" false "The value does not fit the modifier.",
    Regex "KZ314" false "The regular expression is invalid, too large or needs more than linear time.",
    Placeholder "KZ315" false "No list is configured for a placeholder.",
    Empty "KZ316" false "A selection or a list of values is empty.",
    Condition "KZ320" false "The condition cannot be read.",
    UnknownSelection "KZ321" false "The condition names a selection that does not exist.",
    Aggregation "KZ322" false "Aggregations behind a pipe are replaced by correlation rules.",
    Correlation "KZ330" false "The correlation cannot be read.",
    UnknownRule "KZ331" false "A correlation or filter names a rule that does not exist.",
    Cycle "KZ332" false "Correlations stand on each other in a circle.",
    Filter "KZ340" false "The filter cannot be read.",
    TooLarge "KZ341" false "The rule is larger than the matcher takes.",
    NoLevel "KZ350" true "The rule has no level.",
    UnusedSelection "KZ351" true "The condition does not use a selection.",
    Suspicious "KZ352" true "The rule is valid and probably not what was meant.",
    UnknownStatus "KZ353" true "Sigma does not know the status.",
    UnboundField "KZ354" true "No event has the field: the selection can never match.",
}
