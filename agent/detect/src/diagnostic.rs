//! What is wrong with a file that a person wrote: what, where, and how to mend it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One fault, in the manner of a compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable code: `KZ` and three digits; listed in docs/configuration.md.
    pub code: String,
    /// File as the user named it.
    pub file: String,
    /// Line from 1; 0 when the fault has none.
    pub line: usize,
    /// Column from 1; 0 when the fault has none.
    pub column: usize,
    /// What is wrong. No personal data, no secret.
    pub message: String,
    /// How to mend it.
    pub help: String,
    /// A warning does not stop the agent.
    pub warning: bool,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.warning { "warning" } else { "error" };
        writeln!(f, "{level}[{}]: {}", self.code, self.message)?;
        match (self.line, self.column) {
            (0, _) => writeln!(f, "  --> {}", self.file)?,
            (line, 0) => writeln!(f, "  --> {}:{line}", self.file)?,
            (line, column) => writeln!(f, "  --> {}:{line}:{column}", self.file)?,
        }
        write!(f, "  help: {}", self.help)
    }
}
