//! The one list of detectors; one file a member.

mod audit;
mod baseline;
mod bulk_read;
mod canary;
mod copy;
mod dangerous_function;
mod enumeration;
mod export;
mod first_seen;
mod injection;
mod login;
mod mass_change;
mod out_of_hours;
mod policy;
mod privilege;
mod service_account;
mod sigma;
mod stale_account;

use crate::Kind;
use crate::account::Account;
use crate::canary::Canaries;
use crate::hash::Build;
use crate::policy::Policy;
use crate::rules::Rules;
use crate::shelf::Shelf;
use crate::story::{Burst, Probe, Story};
use crate::teller::{Observation, Ruling, Teller, Touch};

pub(crate) use bulk_read::single as read_single;
pub(crate) use injection::{on_server as injection_on_server, on_touch as tell_injection};
pub(crate) use mass_change::single as change_single;

/// A detector's say on one store that an event touches.
pub(crate) type OnTouch = fn(&Observation<'_>, &mut Touch<'_>, &mut Account, &mut Teller<'_>, Option<&Policy>);
/// A detector's say on an event as a whole.
pub(crate) type OnEvent = fn(&Observation<'_>, &mut Shared, &mut Teller<'_>, &mut Note);

/// One detector.
pub(crate) struct Detector {
    /// Stable name.
    pub(crate) name: &'static str,
    /// What it finds.
    pub(crate) kinds: &'static [Kind],
    /// Thresholds it compares with.
    pub(crate) thresholds: &'static [&'static str],
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) on_touch: Option<OnTouch>,
}

/// Every detector. The order decides which of two that find the same event gives its counts; the policy comes last, so
/// that what another one told is not told again as a mere violation.
pub(crate) static DETECTORS: [&Detector; 18] = [
    &canary::DETECTOR,
    &privilege::DETECTOR,
    &audit::DETECTOR,
    &login::DETECTOR,
    &injection::DETECTOR,
    &dangerous_function::DETECTOR,
    &copy::DETECTOR,
    &export::DETECTOR,
    &bulk_read::DETECTOR,
    &enumeration::DETECTOR,
    &mass_change::DETECTOR,
    &service_account::DETECTOR,
    &stale_account::DETECTOR,
    &out_of_hours::DETECTOR,
    &first_seen::DETECTOR,
    &baseline::DETECTOR,
    &sigma::DETECTOR,
    &policy::DETECTOR,
];

/// State that is not tied to a store.
pub(crate) struct Shared {
    pub(crate) stories: Shelf<(u8, u128, u64), Story>,
    pub(crate) bursts: Shelf<(u8, u128, u64), Burst>,
    pub(crate) probes: Shelf<u128, Probe>,
    pub(crate) canaries: Canaries,
    pub(crate) rules: Rules,
    pub(crate) clock: u64,
}

/// What the detectors of an event as a whole hand to those of its stores.
#[derive(Default)]
pub(crate) struct Note {
    /// A detection of privilege or audit stands for it.
    pub(crate) told: bool,
    /// Points of an injection that it completes.
    pub(crate) injection: Option<u64>,
    /// Store of an open injection story, for statements that touch none.
    pub(crate) injection_store: u64,
    /// Rules that match it, for its stores.
    pub(crate) rulings: Vec<(Kind, Ruling)>,
}

/// Names of kept caches are part of no row: the hasher is named once here for the engine.
pub(crate) type Standings<K, V> = lru::LruCache<K, V, Build>;
