//! The one list of detectors; one file a member.

mod audit;
mod baseline;
mod bulk_read;
mod canary;
mod clear_text;
mod copy;
mod covert_channel;
mod dangerous_function;
mod encryption;
mod enumeration;
mod export;
mod exposed_service;
mod first_seen;
mod foreign_transfer;
mod identity_document;
mod injection;
mod login;
mod mass_change;
mod misplaced;
mod out_of_hours;
mod policy;
mod privilege;
mod sealed;
mod service_account;
mod service_traffic;
mod sigma;
mod staging;
mod stale_account;

use crate::account::Account;
use crate::canary::Canaries;
use crate::flows::Passage;
use crate::flows::sender::Sender;
use crate::folders::Folders;
use crate::hands::{Hand, Tally};
use crate::hash::Build;
use crate::policy::Policy;
use crate::rules::Rules;
use crate::shelf::Shelf;
use crate::story::{Burst, Probe, Story};
use crate::teller::{Observation, Ruling, Teller, Touch};
use crate::{Kind, Thresholds};
use std::sync::Arc;

pub(crate) use bulk_read::single as read_single;
pub(crate) use covert_channel::{Asked, Rhythm, on_query};
pub(crate) use injection::{on_server as injection_on_server, on_touch as tell_injection};
pub(crate) use mass_change::single as change_single;
pub(crate) use staging::gathered as call_gathered;

/// A detector's say on one store that an event touches.
pub(crate) type OnTouch = fn(&Observation<'_>, &mut Touch<'_>, &mut Account, &mut Teller<'_>, Option<&Policy>);
/// A detector's say on an event as a whole.
pub(crate) type OnEvent = fn(&Observation<'_>, &mut Shared, &mut Teller<'_>, &mut Note);
/// A detector's say on one record of a connection that leaves this host's networks.
pub(crate) type OnFlow = fn(&Passage<'_>, &mut Books<'_>, &mut Teller<'_>);

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
    pub(crate) on_flow: Option<OnFlow>,
}

/// Every detector. The order decides which of two that find the same event gives its counts; the policy comes last, so
/// that what another one told is not told again as a mere violation.
pub(crate) static DETECTORS: [&Detector; 28] = [
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
    &encryption::DETECTOR,
    &mass_change::DETECTOR,
    &service_account::DETECTOR,
    &stale_account::DETECTOR,
    &out_of_hours::DETECTOR,
    &first_seen::DETECTOR,
    &baseline::DETECTOR,
    &sigma::DETECTOR,
    &identity_document::DETECTOR,
    &misplaced::DETECTOR,
    &staging::DETECTOR,
    &sealed::DETECTOR,
    &policy::DETECTOR,
    &clear_text::DETECTOR,
    &exposed_service::DETECTOR,
    &covert_channel::DETECTOR,
    &service_traffic::DETECTOR,
    &foreign_transfer::DETECTOR,
];

/// State that is not tied to a store.
pub(crate) struct Shared {
    pub(crate) stories: Shelf<(u8, u128, u64), Story>,
    pub(crate) bursts: Shelf<(u8, u128, u64), Burst>,
    pub(crate) probes: Shelf<u128, Probe>,
    pub(crate) hands: Shelf<u128, Hand>,
    pub(crate) folders: Arc<Folders>,
    pub(crate) canaries: Canaries,
    pub(crate) rules: Rules,
    pub(crate) clock: u64,
}

/// What accounts and programs sent, for the detectors of connections.
pub(crate) struct Books<'a> {
    pub(crate) senders: &'a mut Shelf<(u8, u128, u64), Sender>,
    pub(crate) clock: &'a mut u64,
}

impl Books<'_> {
    /// The books of one key as of `at`.
    pub(crate) fn sender(&mut self, key: (u8, u128, u64), at: i64, thresholds: &Thresholds) -> &mut Sender {
        let sender = self.senders.entry(key, self.clock).0;
        sender.advance(at, thresholds.offset_seconds);
        sender
    }
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
    /// What the account did to files before.
    pub(crate) files: Tally,
}

/// Names of kept caches are part of no row: the hasher is named once here for the engine.
pub(crate) type Standings<K, V> = lru::LruCache<K, V, Build>;
