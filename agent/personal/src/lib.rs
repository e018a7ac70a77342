//! Personal-data classifier for Kazakhstan: finds personal data in bytes, says why, masks and pseudonymises it.
//!
//! Stands alone: it knows nothing of logs, events or incidents, and never gives back a value, only where it is, what it
//! is, how sure, why, a mask and a keyed hash.

mod key;

pub use key::Key;
