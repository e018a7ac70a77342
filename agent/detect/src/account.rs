//! What one principal did to one store within the sliding window, and what of it was told already.

use crate::detection::Kind;
use crate::session::plain;
use crate::sightings::{Look, Sightings};
use kuzet_event::{Count, Outcome, PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

/// Buckets of a window: its edge is that much of it blurred.
pub(crate) const BUCKETS: i64 = 10;
/// Buckets of the hour that the policy counts people in.
const HOUR_BUCKETS: i64 = 12;
const HOUR_BUCKET: i64 = 300_000_000;

/// Key: family, principal, store.
pub(crate) type AccountKey = (u8, u128, u64);

/// One part of the window.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Bucket {
    number: i64,
    /// Rows that count towards the threshold of sums.
    #[serde(skip_serializing_if = "plain")]
    rows: u64,
    /// Events not told yet, their rows, and how many of them gave no rows.
    #[serde(skip_serializing_if = "plain")]
    events: u64,
    #[serde(skip_serializing_if = "plain")]
    untold_rows: u64,
    #[serde(skip_serializing_if = "plain")]
    unknown: u64,
    /// First of them.
    since: i64,
}

/// A story that was told and is not over.
#[derive(Debug, Serialize, Deserialize)]
struct Story {
    kind: Kind,
    last: i64,
    outcome: Outcome,
    /// Which reasons were given, one bit each.
    said: u64,
}

/// What an event adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) events: u64,
    pub(crate) rows: Count,
}

/// What a detection takes over.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) events: u64,
    pub(crate) rows: Count,
    /// Some of the events gave no rows.
    pub(crate) unknown: bool,
    pub(crate) since: Timestamp,
    pub(crate) people: Vec<PersonKey>,
}

/// The window of one key. What is as in a new one is not written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    pub(crate) latest: i64,
    /// Number of the newest bucket.
    newest: i64,
    buckets: Vec<Bucket>,
    #[serde(skip_serializing_if = "Sightings::is_new")]
    pub(crate) people: Sightings,
    #[serde(skip_serializing_if = "Sightings::is_new")]
    pub(crate) hour: Sightings,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stories: Vec<Story>,
    /// Rows told in the open stories, and whether some were unknown.
    #[serde(skip_serializing_if = "plain")]
    told_rows: u64,
    #[serde(skip_serializing_if = "plain")]
    told_unknown: bool,
    /// Domain of the people told in the open stories.
    #[serde(skip_serializing_if = "plain")]
    lead: Option<u32>,
}

impl Account {
    /// Lets time reach `at`: old buckets and stories end. Gives the number of the bucket of `at`; what is late goes into
    /// the oldest one.
    pub(crate) fn advance(&mut self, at: Timestamp, width: i64, story_micros: i64) -> i64 {
        self.latest = self.latest.max(at.0);
        let number = at.0.div_euclid(width);
        self.newest = self.newest.max(number);
        let oldest = self.newest - BUCKETS + 1;
        if self.buckets.first().is_some_and(|bucket| bucket.number < oldest) {
            self.buckets.retain(|bucket| bucket.number >= oldest);
        }
        self.people.advance(oldest);
        if self.hour.len() > 0 {
            self.hour.advance(self.latest.div_euclid(HOUR_BUCKET) - HOUR_BUCKETS + 1);
        }
        if !self.stories.is_empty() {
            let latest = self.latest;
            self.stories.retain(|story| latest - story.last <= story_micros);
            if self.stories.is_empty() {
                (self.told_rows, self.told_unknown, self.lead) = (0, false, None);
            }
        }
        number.max(oldest)
    }

    fn bucket(&mut self, number: i64) -> &mut Bucket {
        let at = self.buckets.partition_point(|bucket| bucket.number < number);
        if self.buckets.get(at).is_none_or(|bucket| bucket.number != number) {
            self.buckets.insert(at, Bucket { number, ..Bucket::default() });
        }
        &mut self.buckets[at]
    }

    /// Adds rows to the sum of the window and gives the sum.
    pub(crate) fn sum(&mut self, number: i64, rows: u64) -> u64 {
        if rows > 0 {
            let bucket = self.bucket(number);
            bucket.rows = bucket.rows.saturating_add(rows);
        }
        self.buckets.iter().fold(0, |sum: u64, bucket| sum.saturating_add(bucket.rows))
    }

    /// Keeps an event that nobody told.
    pub(crate) fn keep(&mut self, number: i64, at: Timestamp, delta: Delta) {
        if delta.events == 0 && delta.rows.known().unwrap_or(0) == 0 {
            return;
        }
        let bucket = self.bucket(number);
        bucket.since = if bucket.events == 0 { at.0 } else { bucket.since.min(at.0) };
        bucket.events = bucket.events.saturating_add(delta.events);
        match delta.rows {
            Count::Known(rows) => bucket.untold_rows = bucket.untold_rows.saturating_add(rows),
            Count::Unknown => bucket.unknown = bucket.unknown.saturating_add(delta.events),
        }
    }

    /// Takes over this event and, with `all`, everything of the window that was not told. `own` are the people of the
    /// event itself.
    pub(crate) fn claim(&mut self, at: Timestamp, delta: Option<Delta>, all: bool, own: &[(u32, u128)]) -> Claimed {
        let delta = delta.unwrap_or(Delta { events: 0, rows: Count::Known(0) });
        let mut claimed =
            Claimed { events: delta.events, rows: delta.rows, unknown: false, since: at, people: Vec::new() };
        claimed.unknown = delta.rows == Count::Unknown && delta.events > 0;
        let mut known = delta.rows.known();
        if all {
            for bucket in self.buckets.iter_mut().filter(|bucket| bucket.events > 0 || bucket.untold_rows > 0) {
                claimed.events = claimed.events.saturating_add(bucket.events);
                claimed.since = claimed.since.min(Timestamp(bucket.since));
                claimed.unknown |= bucket.unknown > 0;
                if bucket.unknown < bucket.events || bucket.untold_rows > 0 {
                    known = Some(known.unwrap_or(0).saturating_add(bucket.untold_rows));
                }
                (bucket.events, bucket.untold_rows, bucket.unknown) = (0, 0, 0);
            }
        }
        claimed.rows = known.map_or(Count::Unknown, Count::Known);
        let lead = self.lead.or_else(|| {
            let own_lead = || own.iter().map(|(domain, _)| *domain).min();
            if all { self.people.lead().or_else(own_lead) } else { own_lead() }
        });
        self.lead = lead;
        if let Some(lead) = lead {
            let people = own.iter().filter(|(domain, _)| *domain == lead).map(|(_, key)| PersonKey(*key));
            claimed.people = people.collect();
            for key in &claimed.people {
                self.people.told(lead, key.0);
            }
            if all {
                claimed.people.extend(self.people.tell(lead));
            }
            claimed.people.sort_unstable();
            claimed.people.dedup();
        }
        self.told_rows = self.told_rows.saturating_add(claimed.rows.known().unwrap_or(0));
        self.told_unknown |= claimed.unknown;
        claimed
    }

    /// What the open stories moved, for the severity; `hidden` says that the rows of this event hide more.
    pub(crate) fn volume(&self, hidden: bool, persons: Count) -> Count {
        if self.told_rows == 0 && (self.told_unknown || hidden) {
            return Count::Unknown;
        }
        if hidden {
            return Count::Known(self.told_rows.max(persons.known().unwrap_or(0)));
        }
        Count::Known(self.told_rows)
    }

    /// Whether a story of `kind` is open.
    pub(crate) fn open(&self, kind: Kind) -> bool {
        self.stories.iter().any(|story| story.kind == kind)
    }

    /// Opens or prolongs the story of `kind`. Says whether `reason` (a bit) is new in it, and the outcome before.
    pub(crate) fn prolong(
        &mut self,
        kind: Kind,
        at: Timestamp,
        outcome: Outcome,
        reason: u64,
    ) -> (bool, Option<Outcome>) {
        if let Some(story) = self.stories.iter_mut().find(|story| story.kind == kind) {
            story.last = story.last.max(at.0);
            let fresh = story.said & reason != reason;
            story.said |= reason;
            return (fresh, Some(std::mem::replace(&mut story.outcome, outcome)));
        }
        self.stories.push(Story { kind, last: at.0, outcome, said: reason });
        (true, None)
    }

    /// Notes people for the hour of the policy; gives how many there are.
    pub(crate) fn people_this_hour(&mut self, at: Timestamp, own: &[(u32, u128)], capacity: usize) -> u64 {
        let bucket = at.0.div_euclid(HOUR_BUCKET);
        self.hour.advance(self.latest.div_euclid(HOUR_BUCKET) - HOUR_BUCKETS + 1);
        for (domain, key) in own {
            self.hour.see(*domain, *key, bucket, Look::default(), capacity);
        }
        self.hour.lookups()
    }

    /// How many keys of people are held.
    pub(crate) fn weight(&self) -> usize {
        self.people.len() + self.hour.len()
    }
}
