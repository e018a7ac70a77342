//! Detectors: events in, detections out. Pure; every one is a member of one list.
//!
//! [`Detectors`] takes events in the order of the log and appends what is wrong with them. The catalogue says which
//! tables hold personal data, the policy who may do what to them, [`Thresholds`] what is much, [`Severities`] how bad.

mod account;
mod acts;
mod baseline;
mod calendar;
mod canary;
mod catalogue;
mod chain;
mod copies;
mod detection;
mod detectors;
mod diagnostic;
mod engine;
mod flows;
mod folders;
mod follow;
mod hands;
mod hash;
mod jobs;
mod known;
mod policy;
mod recipients;
mod reckon;
mod resolve;
mod rules;
mod session;
mod severity;
mod shelf;
mod sight;
mod sightings;
mod silence;
mod sketch;
mod story;
mod suppress;
mod teller;
mod thresholds;
mod toml_file;
mod transfer;

#[cfg(test)]
mod docs;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod tests;

pub use baseline::{Learnt, learnt_row};
pub use calendar::calendar_ends;
pub use canary::{Canaries, Planted, RESERVED, key_hash, reserved_iin};
pub use catalogue::{CATEGORIES, Catalogue, Known};
pub use detection::{Detection, Family, Kind, Rule, Severity, Store, StoreClass};
pub use diagnostic::Diagnostic;
pub use engine::{Detectors, Row};
pub use flows::map::{Reached, reached_row};
pub use folders::{Folder, Folders, Purpose};
pub use policy::{Learner, Opinion, Policy, Proposal, Question};
pub use recipients::{Basis, Destination, Recipient, Recipients};
pub use resolve::person_key;
pub use rules::{Judged, Member, RuleBook, fields, logsources};
pub use severity::{Severities, Volume};
pub use sight::{SightLoss, sight_lost};
pub use sketch::Sketch;
pub use suppress::{Counted, Suppressions, counted_row};
pub use thresholds::{ServiceAccount, Thresholds};
pub use transfer::{Joined, Step, Transfer};
