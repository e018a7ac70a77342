//! How far baselines are learnt, read from the rows of the store: for the command line, beside a running agent.

use super::{OWN, PROFILE_TAG};
use crate::hash;
use serde::Deserialize;

/// How far the past of one principal at one store is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learnt {
    store: u64,
    /// Days of work that were learnt.
    pub days: u16,
    /// Those of them whose rows the log gave.
    pub row_days: u16,
}

impl Learnt {
    /// Whether it is about the store of this name.
    #[must_use]
    pub fn is_at(&self, store: &str) -> bool {
        self.store == hash::narrow(store)
    }
}

/// What a row of detector state says of a principal; `None` for any other row.
#[must_use]
pub fn learnt_row(key: &[u8], value: &[u8]) -> Option<Learnt> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Days {
        days: u16,
        row_days: u16,
    }
    let [PROFILE_TAG, OWN, rest @ ..] = key else { return None };
    let (_, Days { days, row_days }) = serde_json::from_slice::<(u64, Days)>(value).ok()?;
    Some(Learnt { store: u64::from_be_bytes(*rest.last_chunk()?), days, row_days })
}
