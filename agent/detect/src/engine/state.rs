//! What of the detectors survives a restart, and what was forgotten because memory is bounded.

use super::{Detectors, Row, SELF_TAG};
use crate::account::{Account, AccountKey};
use crate::baseline::{LIVE_TAG, PROFILE_TAG};
use crate::copies::{KEPT_TAG, SESSION_TAG};
use crate::flows::map::MAP_TAG;
use crate::jobs::Jobs;
use crate::known::KNOWN_TAG;
use crate::resolve::GUESS_TAG;
use crate::rules::RULE_TAG;
use crate::shelf::Key;

impl Detectors {
    /// State that changed since the last call, in the order of its keys. Written in one transaction with the checkpoint
    /// of the events before it and given back to [`restore`](Detectors::restore), it makes a restart invisible: later
    /// detections are those of a run without it.
    pub fn changes(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.accounts.changes(&mut rows);
        self.sessions.changes(&mut rows);
        self.shared.stories.changes(&mut rows);
        self.shared.bursts.changes(&mut rows);
        self.shared.probes.changes(&mut rows);
        self.shared.hands.changes(&mut rows);
        self.reckoner.changes(&mut rows);
        self.silence.changes(&mut rows);
        self.resolver.changes(&mut rows);
        self.known.changes(&mut rows);
        self.jobs.changes(&mut rows);
        self.baselines.changes(&mut rows);
        self.shared.rules.changes(&mut rows);
        self.flows.live.changes(&mut rows);
        self.flows.senders.changes(&mut rows);
        self.flows.map.changes(&mut rows);
        self.chain.changes(&mut rows);
        if !rows.is_empty() {
            let mut value = self.latest.to_be_bytes().to_vec();
            self.shared.clock.put(&mut value);
            self.logs.iter().for_each(|log| value.extend(log.to_be_bytes()));
            rows.push((vec![SELF_TAG], Some(value)));
        }
        rows.sort();
        rows
    }

    /// Takes back rows that [`changes`](Detectors::changes) gave; rows that are none are ignored.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        let (mut accounts, mut sessions) = (Vec::new(), Vec::new());
        let (mut stories, mut bursts, mut probes, mut hands) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut copies, mut known) = (Vec::new(), Vec::new());
        let (mut jobs, mut rules) = (Vec::new(), Vec::new());
        let mut baselines = Vec::new();
        let (mut live, mut senders, mut reads, mut map) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (key, value) in rows {
            match key.first() {
                Some(b'a') => accounts.extend(self.accounts.read(&key, &value)),
                Some(b't') => sessions.extend(self.sessions.read(&key, &value)),
                Some(b'f') => live.extend(self.flows.live.read(&key, &value)),
                Some(b'h') => senders.extend(self.flows.senders.read(&key, &value)),
                Some(&MAP_TAG) => map.extend(self.flows.map.read(&key, &value)),
                Some(b'i' | b'C' | b'D' | b'P') => self.chain.read_row(&key, &value, &mut reads),
                Some(b's') => stories.extend(self.shared.stories.read(&key, &value)),
                Some(b'b') => bursts.extend(self.shared.bursts.read(&key, &value)),
                Some(b'H') => hands.extend(self.shared.hands.read(&key, &value)),
                Some(b'p') => probes.extend(self.shared.probes.read(&key, &value)),
                Some(b'm' | b'l' | b'n' | b'u' | b'w') => self.reckoner.read(&key, &value),
                Some(&KEPT_TAG | &SESSION_TAG) => copies.push((key, value)),
                Some(&KNOWN_TAG) => known.push((key, value)),
                Some(&RULE_TAG) => rules.push((key, value)),
                _ if Jobs::has_row(&key) => jobs.push((key, value)),
                Some(&LIVE_TAG | &PROFILE_TAG) => baselines.push((key, value)),
                Some(b'q' | b'r') => self.silence.read(&key, &value),
                Some(&GUESS_TAG) => self.resolver.restore(&value),
                Some(&SELF_TAG) => {
                    let mut numbers = value.as_chunks::<8>().0.iter();
                    if let (Some(latest), Some(clock)) = (numbers.next(), numbers.next()) {
                        self.latest = i64::from_be_bytes(*latest);
                        self.shared.clock = u64::from_be_bytes(*clock);
                    }
                    for (log, number) in self.logs.iter_mut().zip(numbers) {
                        *log = i64::from_be_bytes(*number);
                    }
                }
                _ => {}
            }
        }
        self.shared.rules.restore(rules);
        self.people +=
            accounts.iter().map(|(_, _, account): &(u64, AccountKey, Account)| account.weight()).sum::<usize>();
        let shared = &mut self.shared;
        let clocks = [
            self.accounts.fill(accounts),
            self.sessions.fill(sessions),
            shared.stories.fill(stories),
            shared.bursts.fill(bursts),
            shared.probes.fill(probes),
            shared.hands.fill(hands),
            self.reckoner.fill(),
            self.resolver.copies.restore(&copies),
            self.known.restore(&known),
            self.baselines.restore(&baselines),
            self.silence.fill(),
            self.jobs.restore(&jobs),
            self.flows.live.fill(live),
            self.flows.senders.fill(senders),
            self.flows.map.fill(map),
            self.chain.fill(reads),
        ];
        shared.clock = clocks.into_iter().fold(shared.clock, u64::max);
    }

    /// How many principals of baselines and groups of correlations were forgotten because memory is bounded.
    #[must_use]
    pub fn evicted_of(&self) -> [(&'static str, u64); 2] {
        [("baselines", self.baselines.evicted()), ("correlations", self.shared.rules.evicted())]
    }

    /// How many windows, sessions and people were forgotten because memory is bounded; see [`evicted_of`](Detectors::evicted_of).
    #[must_use]
    pub fn evicted(&self) -> u64 {
        let shared = &self.shared;
        self.accounts.evicted
            + self.sessions.evicted
            + shared.stories.evicted
            + shared.bursts.evicted
            + shared.probes.evicted
            + shared.hands.evicted
            + self.reckoner.evicted()
            + self.resolver.copies.evicted()
            + self.known.evicted()
            + self.silence.evicted()
            + self.jobs.evicted()
            + self.flows.live.evicted
            + self.flows.senders.evicted
            + self.flows.map.evicted
            + self.chain.evicted()
            + self.crowded
    }

    /// How many principals are still learnt at a store, and of how many enough is known, each with the name of its state.
    #[must_use]
    pub fn baselines(&self) -> [(&'static str, usize); 2] {
        self.baselines.states(&self.thresholds)
    }

    /// How many windows, sessions, stories and keys of people are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        let shared = &self.shared;
        self.accounts.len()
            + self.sessions.len()
            + shared.stories.len()
            + shared.bursts.len()
            + shared.hands.len()
            + shared.probes.len()
            + self.reckoner.len()
            + self.resolver.copies.len()
            + self.known.len()
            + self.baselines.len()
            + shared.rules.held()
            + self.silence.len()
            + self.jobs.len()
            + self.flows.live.len()
            + self.flows.senders.len()
            + self.flows.map.len()
            + self.chain.held()
            + self.people
    }
}
