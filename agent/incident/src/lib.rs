//! Folds detections into incidents: stories that a person can act on.
//!
//! Pure: no clock, no files. [`Folder::fold`] takes detections in the order of the data path, [`Folder::tick`] the time up
//! to which everything has been read, [`Folder::changes`] gives what a store has to record and a notifier has to tell.
//! Membership in a story is decided by event time alone, so replay and restart give the same incidents with the same ids.

mod describe;
mod evidence;
mod files;
mod fold;
mod id;
mod incident;
mod life;
mod link;
mod people;
mod story;
mod text;
mod time;
mod transfer;

pub use describe::{describe, headline, line};
pub use evidence::{Evidence, FileRange, Limit, LimitCode};
pub use fold::{Change, FoldConfig, Folder, RestoreError, Saved, SourceInfo, What};
pub use id::IncidentId;
pub use incident::{
    Entry, Incident, KindCount, Link, LinkReason, Observed, Rows, RuleNote, SCHEMA, StoreInfo, Story, Timeline, Where,
};
pub use life::{Act, ActError, ActKind, Acted, Lifecycle, State, Verdict};
pub use people::{Method, People};
pub use text::thousands;
pub use transfer::{Program, Sent, Transfers};

/// Counts the people of a story when there are too many to keep one by one; 16 KiB.
pub type Sketch = kuzet_detect::Sketch<14>;
