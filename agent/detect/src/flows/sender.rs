//! What one account, or one of its programs, sent abroad: today, on the days before, and what was told of it.

use crate::detectors::{Asked, Rhythm};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400_000_000;
/// Days that are remembered.
const DAYS: usize = 14;

/// First parts of keys.
pub(crate) const ACCOUNT: u8 = 1;
pub(crate) const PROGRAM: u8 = 2;
pub(crate) const HOST: u8 = 3;
pub(crate) const SERVICE: u8 = 4;
pub(crate) const EXPOSED: u8 = 5;
pub(crate) const COVERT: u8 = 6;
pub(crate) const CLEAR: u8 = 7;
pub(crate) const DNS: u8 = 8;
pub(crate) const BEACON: u8 = 9;

/// The books of one key. What is as in a new one is not written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sender {
    /// First record.
    pub(crate) since: i64,
    pub(crate) latest: i64,
    day: i64,
    /// Bytes of today.
    pub(crate) sent: u64,
    /// Of these, in connections that send more than they receive.
    pub(crate) up: u64,
    /// Bytes of the latest days on which any were sent.
    days: Vec<u64>,
    /// Reasons given today, one bit each.
    said: u32,
    /// Last time that something was told.
    told: i64,
    /// People met, by keyed hash in order, and the kind of identifier they are counted by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<u8>,
    /// Names asked for below one domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<Box<Asked>>,
    /// When connections began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rhythm: Option<Rhythm>,
}

/// People kept one by one.
const PEOPLE: usize = 256;

impl Sender {
    /// Lets time reach `at`; a day is one of Kazakhstan.
    pub(crate) fn advance(&mut self, at: i64, offset_seconds: i32) {
        if self.since == 0 {
            self.since = at;
        }
        self.latest = self.latest.max(at);
        let day = (at + i64::from(offset_seconds) * 1_000_000).div_euclid(DAY);
        if day > self.day {
            if self.up > 0 {
                if self.days.len() >= DAYS {
                    self.days.remove(0);
                }
                self.days.push(self.up);
            }
            (self.day, self.sent, self.up, self.said) = (day, 0, 0, 0);
        }
    }

    /// Adds what was sent.
    pub(crate) fn add(&mut self, sent: u64, up: u64) {
        self.sent = self.sent.saturating_add(sent);
        self.up = self.up.saturating_add(up);
    }

    /// The most on one of the days before, once there are `enough` of them.
    pub(crate) fn usual(&self, enough: u16) -> Option<u64> {
        if self.days.len() < usize::from(enough) { None } else { self.days.iter().max().copied() }
    }

    /// Says `reason` (a bit) at `at`; whether it was not said before today, or the story of it is over.
    pub(crate) fn say(&mut self, reason: u32, at: i64, story_seconds: u64) -> bool {
        let story = i64::try_from(story_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let fresh = self.said & reason == 0 || at.saturating_sub(self.told) > story;
        self.said |= reason;
        self.told = self.told.max(at);
        fresh
    }

    /// Whether `reason` was said today.
    pub(crate) fn said(&self, reason: u32) -> bool {
        self.said & reason != 0
    }

    /// The kind of identifier that people are counted by: the first one found.
    pub(crate) fn counts_by(&mut self, found: Option<u8>) -> Option<u8> {
        self.by = self.by.or(found);
        self.by
    }

    /// Takes note of people; gives those not met before. Beyond 256 everybody may have been met before.
    pub(crate) fn meet(&mut self, keys: impl Iterator<Item = u128>) -> Vec<u128> {
        let mut new = Vec::new();
        for key in keys {
            if let Err(at) = self.people.binary_search(&key) {
                if self.people.len() < PEOPLE {
                    self.people.insert(at, key);
                }
                new.push(key);
            }
        }
        new
    }

    /// How many were met, at least.
    pub(crate) fn met(&self) -> u64 {
        self.people.len() as u64
    }

    /// Those met first.
    pub(crate) fn people(&self) -> Vec<u128> {
        self.people.clone()
    }
}
