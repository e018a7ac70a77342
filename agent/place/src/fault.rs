//! What is wrong with a file of address blocks: a stable code, where, and how to mend it.

use std::fmt;

/// Nothing in the file is a block.
pub(crate) const EMPTY: &str = "KZ100";
/// A line is no block.
pub(crate) const NO_BLOCK: &str = "KZ101";
/// A block is of no country.
pub(crate) const NO_COUNTRY: &str = "KZ102";
/// The file does not say of what day it is.
pub(crate) const NO_DATE: &str = "KZ103";
/// The file is too large.
pub(crate) const TOO_LARGE: &str = "KZ104";
/// The file ends before its header says.
pub(crate) const TRUNCATED: &str = "KZ105";

/// So many faults of one file are told.
const TOLD: usize = 5;

/// One fault of a file. It quotes nothing of the file: what was given by mistake may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code: `KZ` and three digits; listed in docs/configuration.md.
    pub code: &'static str,
    /// Line from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} [{}]; {}", self.line, self.message, self.code, self.help)
    }
}

/// The faults of one file, the first few of them.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, code: &'static str, line: usize, message: impl Into<String>, help: &'static str) {
        if self.0.len() < TOLD {
            self.0.push(Fault { code, line, message: message.into(), help });
        }
    }

    /// Whether more would not be told.
    pub(crate) fn enough(&self) -> bool {
        self.0.len() >= TOLD
    }

    pub(crate) fn or<T>(self, built: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(built) } else { Err(self.0) }
    }
}
