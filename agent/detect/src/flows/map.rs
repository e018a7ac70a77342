//! The map of residency: where connections of this host ended, each other side once.

use crate::shelf::Shelf;
use crate::{Transfer, hash};
use kuzet_place::Verdict;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// Begins its rows.
pub(crate) const MAP_TAG: u8 = b'o';
/// Programs and accounts of one destination.
const SOME: usize = 8;

/// One other side: a registered recipient, a name, or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reached {
    /// Registered recipient; empty when it is none.
    pub recipient: Arc<str>,
    /// Name; empty when none was seen.
    pub name: Arc<str>,
    /// Latest address.
    pub address: Option<IpAddr>,
    /// Where that is: `domestic`, `foreign-listed`, `foreign-unlisted`, `unknown`.
    pub verdict: Arc<str>,
    /// Country by two letters; empty when unknown.
    pub country: Arc<str>,
    /// Bytes sent there.
    pub sent: u64,
    /// Connections that ended.
    pub flows: u64,
    /// First and latest record, microseconds since 1970.
    pub since: i64,
    /// Latest record.
    pub latest: i64,
    /// Programs that sent, at most 8.
    pub programs: Vec<Arc<str>>,
    /// Accounts that sent, at most 8.
    pub accounts: Vec<Arc<str>>,
    /// Stores whose data went there, as far as incidents join them; hashes of their names.
    pub(crate) stores: Vec<u64>,
}

impl Reached {
    /// Key of the row of one other side.
    pub(crate) fn key(recipient: Option<&str>, name: Option<&str>, address: IpAddr) -> u64 {
        let address = address.to_string();
        let parts: [&[u8]; 2] = match (recipient, name) {
            (Some(recipient), _) => [b"recipient", recipient.as_bytes()],
            (None, Some(name)) => [b"name", name.as_bytes()],
            (None, None) => [b"address", address.as_bytes()],
        };
        hash::wide(&parts) as u64
    }

    /// Adds what one record tells.
    pub(crate) fn add(&mut self, sent: u64, ended: bool, at: i64) {
        self.since = if self.latest == 0 { at } else { self.since.min(at) };
        self.latest = self.latest.max(at);
        self.sent = self.sent.saturating_add(sent);
        self.flows = self.flows.saturating_add(u64::from(ended));
    }

    /// Says where it is.
    pub(crate) fn is_at(&mut self, address: IpAddr, place: Verdict) {
        if self.address != Some(address) || self.verdict.is_empty() {
            self.address = Some(address);
            self.verdict = Arc::from(place.name());
            self.country = place.country().map_or_else(|| Arc::from(""), |country| Arc::from(country.to_string()));
        }
    }

    /// Says who sends.
    pub(crate) fn is_sent_by(&mut self, program: &Arc<str>, account: &Arc<str>) {
        for (list, one) in [(&mut self.programs, program), (&mut self.accounts, account)] {
            if list.len() < SOME && !list.contains(one) {
                list.push(Arc::clone(one));
            }
        }
    }

    /// Says that data of a store went there.
    pub(crate) fn holds(&mut self, store: u64) {
        if self.stores.len() < SOME && !self.stores.contains(&store) {
            self.stores.push(store);
        }
    }

    /// Whether data of the store of this name went there, as far as incidents join them.
    #[must_use]
    pub fn has(&self, store: &str) -> bool {
        self.stores.contains(&hash::narrow(store))
    }
}

/// Data of a store left by a connection.
pub(crate) fn carried(map: &mut Shelf<u64, Reached>, live: &Transfer, store: u64, clock: &mut u64) {
    let Some(to) = live.to else { return };
    let name = live.name.as_ref().map(|(name, _)| &**name);
    let key = Reached::key(live.recipient.as_deref(), name, to.ip());
    map.entry(key, clock).0.holds(store);
}

/// What a row of detector state says of one other side; `None` for any other row.
#[must_use]
pub fn reached_row(key: &[u8], value: &[u8]) -> Option<Reached> {
    if key.first() != Some(&MAP_TAG) {
        return None;
    }
    serde_json::from_slice::<(u64, Reached)>(value).ok().map(|(_, destination)| destination)
}
