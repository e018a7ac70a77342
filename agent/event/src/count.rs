//! A number that a log may not give: unknown is not zero.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Rows, bytes or people as far as the record tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// The record gives this number.
    Known(u64),
    /// The record gives none. Serialises as `null`.
    #[default]
    Unknown,
}

impl Count {
    /// Both together; unknown when one is.
    #[must_use]
    pub fn plus(self, other: Count) -> Count {
        match (self, other) {
            (Count::Known(one), Count::Known(other)) => Count::Known(one.saturating_add(other)),
            _ => Count::Unknown,
        }
    }

    /// The number, if there is one.
    #[must_use]
    pub fn known(self) -> Option<u64> {
        match self {
            Count::Known(number) => Some(number),
            Count::Unknown => None,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Known(number) => write!(f, "{number}"),
            Count::Unknown => f.write_str("unknown"),
        }
    }
}
