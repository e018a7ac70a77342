//! What is new in an ACL LOG: Redis joins equal entries and counts them, so the difference of two looks is what happened.

use super::super::hash;
use super::wire::Reply;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Redis reckons ages in its own clock and we in ours.
const SLACK: i64 = 1_500_000;

/// For so long Redis joins equal entries.
const JOINED: i64 = 60_000_000;

/// One entry as it stands in the log.
pub(super) struct Entry {
    fields: BTreeMap<String, String>,
    known: Known,
}

/// What is kept of an entry: no name of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    key: u64,
    id: Option<i64>,
    count: u64,
    /// Last change, microseconds since 1970.
    at: i64,
}

impl Entry {
    /// Of names and values in turn, seen at `now`.
    pub(super) fn new(reply: &Reply, now: i64) -> Option<Entry> {
        let Reply::List(parts) = reply else { return None };
        let fields: BTreeMap<String, String> =
            parts.chunks_exact(2).map(|pair| (pair[0].text(), pair[1].text())).collect();
        let get = |name: &str| fields.get(name).map(String::as_str);
        let age = || Some(now - (get("age-seconds")?.parse::<f64>().ok()? * 1e6) as i64);
        let updated = get("timestamp-last-updated").and_then(|text| text.parse::<i64>().ok()?.checked_mul(1000));
        let names = ["reason", "context", "object", "username"].map(|name| get(name).unwrap_or_default());
        let known = Known {
            key: hash(names.join("\0").as_bytes()),
            id: get("entry-id").and_then(|text| text.parse().ok()),
            count: get("count")?.parse().ok()?,
            at: updated.or_else(age)?,
        };
        Some(Entry { fields, known })
    }

    /// The record for the decoder: `count` times it happened.
    pub(super) fn record(&self, count: u64) -> Vec<u8> {
        let get = |name: &str| self.fields.get(name).map_or("", String::as_str);
        let record = serde_json::json!({
            "at": self.known.at,
            "count": count,
            "reason": get("reason"),
            "context": get("context"),
            "object": get("object"),
            "username": get("username"),
            "client": get("client-info"),
        });
        record.to_string().into_bytes()
    }
}

/// What is kept of a whole log.
pub(super) fn known(log: &[Entry]) -> Vec<Known> {
    log.iter().map(|entry| entry.known).collect()
}

/// Which entries are new or have grown since `before`, the oldest first, and by how much.
pub(super) fn news<'a>(before: &[Known], log: &'a [Entry]) -> Vec<(&'a Entry, u64)> {
    let mut left = before.to_vec();
    let mut news = Vec::new();
    for entry in log {
        let same = left.iter().position(|old| old.became(&entry.known));
        let counted = same.map_or(0, |at| left.swap_remove(at).count);
        if entry.known.count > counted {
            news.push((entry, entry.known.count - counted));
        }
    }
    news.sort_by_key(|(entry, _)| entry.known.at);
    news
}

impl Known {
    /// Whether `now` is the same entry later.
    fn became(&self, now: &Known) -> bool {
        if self.key != now.key || now.count < self.count {
            return false;
        }
        match (self.id, now.id) {
            (Some(old), Some(new)) => old == new,
            _ if now.count == self.count => (now.at - self.at).abs() <= SLACK,
            // Each repetition came within that time of the one before.
            _ => {
                let more = i64::try_from(now.count - self.count).unwrap_or(i64::MAX);
                now.at >= self.at - SLACK && now.at - self.at <= JOINED.saturating_mul(more).saturating_add(SLACK)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(object: &str, count: u64, id: Option<i64>, at: i64) -> Entry {
        let mut parts = vec![("count", count.to_string()), ("reason", "key".into()), ("object", object.into())];
        parts.extend(id.map(|id| ("entry-id", id.to_string())));
        parts.push(("age-seconds", format!("{}", (1_000_000_000 - at) as f64 / 1e6)));
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let list = parts.iter().flat_map(|(name, value)| [text(name), text(value)]).collect();
        Entry::new(&Reply::List(list), 1_000_000_000).unwrap()
    }

    fn told(before: &[Known], log: &[Entry]) -> Vec<u64> {
        news(before, log).into_iter().map(|(_, count)| count).collect()
    }

    #[test]
    fn only_what_happened_since_is_new() {
        for id in [None, Some(7)] {
            let first = known(&[entry("a", 2, id, 100_000_000)]);
            assert_eq!(told(&[], &[entry("a", 2, id, 100_000_000)]), [2]);
            assert!(told(&first, &[entry("a", 2, id, 100_000_900)]).is_empty());
            assert_eq!(told(&first, &[entry("a", 5, id, 130_000_000)]), [3]);
        }
    }

    #[test]
    fn the_same_again_later_is_another_entry() {
        let first = known(&[entry("a", 2, None, 100_000_000)]);
        let log =
            [entry("a", 2, None, 300_000_000), entry("b", 1, None, 250_000_000), entry("a", 2, None, 100_000_000)];
        assert_eq!(told(&first, &log), [1, 2], "the oldest first");
        let first = known(&[entry("a", 1, Some(1), 100_000_000)]);
        assert_eq!(told(&first, &[entry("a", 1, Some(2), 100_500_000), entry("a", 1, Some(1), 100_000_000)]), [1]);
    }
}
