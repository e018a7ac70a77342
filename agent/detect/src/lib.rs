//! Detectors: events in, detections out. Pure; every one is a member of one list.

mod detection;
mod diagnostic;

pub use detection::{Detection, Family, Kind, Severity, Store, StoreClass};
pub use diagnostic::Diagnostic;
