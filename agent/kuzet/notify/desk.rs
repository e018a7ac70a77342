//! The data thread's side of telling: hands due entries over and records what became of them.

use super::settings::Channel;
use super::worker::{Command, Outcome, Report, WINDOW, Waker, Worker};
use super::{Backlog, ChannelSettings, Entry, NotifyError, Outbox, SettingsError};
use crate::clock::Clock;
use kuzet_event::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What became of attempts since the turn before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken by the other side.
    pub delivered: u64,
    /// Failed, to be tried again.
    pub retried: u64,
    /// Refused for good.
    pub refused: u64,
    /// Given up after the time or number of attempts allowed.
    pub expired: u64,
    /// Told again because their incident is still open.
    pub resent: u64,
}

/// One channel after a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What waits.
    pub backlog: Backlog,
    /// What happened since the turn before.
    pub counts: Counts,
}

/// What one turn found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// When the next turn is needed at the latest, if nothing is put into the outbox and nothing is reported before.
    pub next: Option<Timestamp>,
    /// Each channel, in the order of the configuration.
    pub channels: Vec<Standing>,
}

/// The state of a channel that need not survive a restart.
struct Line {
    channel: Channel,
    under_way: BTreeMap<i64, Entry>,
    /// Failures in a row: the other side is down, and one entry at a time probes it.
    failures: u32,
    paused_until: Option<Timestamp>,
    next: Option<Timestamp>,
    stale: bool,
    standing: Standing,
}

/// The channels of the configuration.
pub struct Desk {
    lines: Vec<Line>,
    names: Vec<String>,
    clock: Arc<dyn Clock>,
    waker: Waker,
    resent: Arc<Vec<AtomicU64>>,
    worker: Option<Worker>,
    /// Reports that the store has not recorded yet.
    reports: VecDeque<Report>,
}

impl Desk {
    /// Resolves the settings and reads the secrets; starts nothing. `host` names this host in alerts, `waker` is called
    /// from another thread when a turn is needed.
    ///
    /// # Errors
    /// Every fault of every channel.
    pub fn new(
        settings: &[ChannelSettings],
        host: &str,
        clock: Arc<dyn Clock>,
        waker: Waker,
    ) -> Result<Desk, Vec<SettingsError>> {
        let (mut channels, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for one in settings {
            match one.resolve(host) {
                Ok(channel) => channels.push(channel),
                Err(mut more) => faults.append(&mut more),
            }
            if !names.insert(one.name.as_str()) {
                faults.push(SettingsError {
                    channel: one.name.clone(),
                    code: "channel-repeated",
                    message: "two channels have this name".into(),
                    help: "give each its own: it is the key of what waits for it",
                });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let resent = Arc::new(channels.iter().map(|_| AtomicU64::new(0)).collect());
        let names = channels.iter().map(|channel| channel.name.clone()).collect();
        let lines = channels.into_iter().map(Line::new).collect();
        Ok(Desk { lines, names, clock, waker, resent, worker: None, reports: VecDeque::new() })
    }

    /// Names of the channels, in the order of the configuration: each new state of an incident becomes one row of the
    /// outbox for each.
    #[must_use]
    pub fn channels(&self) -> &[String] {
        &self.names
    }

    /// Whether the notifier thread runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.worker.is_some()
    }

    /// Entries handed over whose fate is not known yet.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.lines.iter().map(|line| line.under_way.len()).sum()
    }

    /// Gives the incidents (JSON) that were open when the agent started, so that their alerts are sent again. To be
    /// called before the first turn.
    pub fn remember(&mut self, open: impl IntoIterator<Item = Arc<str>>) {
        let repeats = |line: &Line| matches!(line.channel.plan.as_ref(), super::settings::Plan::Alertmanager(_));
        let numbers: Vec<usize> = (0..self.lines.len()).filter(|number| repeats(&self.lines[*number])).collect();
        for payload in open {
            for number in &numbers {
                let Some(worker) = self.worker() else { return };
                // The task only parses; it makes room at once.
                drop(worker.commands[*number].blocking_send(Command::Remember(Arc::clone(&payload))));
            }
        }
    }

    /// Says that something was put into the outbox, so that the next turn looks.
    pub fn fresh(&mut self) {
        for line in &mut self.lines {
            line.stale = true;
        }
    }

    /// Records what became of entries handed over earlier and hands over what is due. Never blocks on a channel, and
    /// costs next to nothing when nothing happened.
    ///
    /// # Errors
    /// What the store failed with; nothing is forgotten, the next turn tries again.
    pub fn turn<O: Outbox>(&mut self, outbox: &mut O, now: Timestamp) -> Result<Turn, O::Error> {
        self.collect();
        self.record(outbox, now)?;
        for number in 0..self.lines.len() {
            let line = &self.lines[number];
            if line.stale || line.next.is_some_and(|next| next <= now) {
                self.offer(number, outbox, now)?;
            }
        }
        let mut turn = Turn { next: None, channels: Vec::with_capacity(self.lines.len()) };
        for (line, resent) in self.lines.iter_mut().zip(self.resent.iter()) {
            turn.next = [turn.next, line.next].into_iter().flatten().min();
            let mut standing = line.standing;
            standing.counts.resent = resent.swap(0, Ordering::Relaxed);
            line.standing.counts = Counts::default();
            turn.channels.push(standing);
        }
        Ok(turn)
    }

    /// Waits up to `grace` for entries under way, records them, and ends the thread. The rest stays in the outbox.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn stop<O: Outbox>(&mut self, outbox: &mut O, grace: Duration) -> Result<(), O::Error> {
        let end = self.clock.monotonic() + grace;
        while let Some(worker) = &self.worker {
            if self.under_way() <= self.reports.len() {
                break;
            }
            let left = end.saturating_sub(self.clock.monotonic());
            match worker.reports.recv_timeout(left) {
                Ok(report) => self.reports.push_back(report),
                Err(_) => break,
            }
        }
        if let Some(mut worker) = self.worker.take() {
            worker.stop();
            self.reports.extend(worker.reports.try_iter());
        }
        self.record(outbox, self.clock.wall())
    }

    fn worker(&mut self) -> Option<&Worker> {
        if self.worker.is_none() {
            let channels: Vec<&Channel> = self.lines.iter().map(|line| &line.channel).collect();
            match Worker::start(&channels, &self.clock, &self.waker, &self.resent) {
                Ok(worker) => self.worker = Some(worker),
                // Out of threads or descriptors: the entries wait in the outbox.
                Err(error) => tracing::error!(%error, "the notifier thread cannot be started"),
            }
        }
        self.worker.as_ref()
    }

    fn collect(&mut self) {
        if let Some(worker) = &self.worker {
            self.reports.extend(worker.reports.try_iter());
        }
    }

    fn record<O: Outbox>(&mut self, outbox: &mut O, now: Timestamp) -> Result<(), O::Error> {
        while let Some(report) = self.reports.front() {
            self.lines[report.channel].record(report, outbox, now)?;
            self.reports.pop_front();
        }
        Ok(())
    }

    fn offer<O: Outbox>(&mut self, number: usize, outbox: &mut O, now: Timestamp) -> Result<(), O::Error> {
        let line = &mut self.lines[number];
        let chosen = line.choose(outbox, now)?;
        line.standing.backlog = outbox.backlog(&line.channel.name)?;
        let later = outbox.next_due(&line.channel.name, now)?;
        line.next = [later, line.paused_until].into_iter().flatten().min();
        line.stale = false;
        for entry in chosen {
            let Some(worker) = self.worker() else {
                self.lines[number].next = Some(now + Duration::from_secs(10));
                break;
            };
            if worker.commands[number].try_send(Command::Notify(entry.clone())).is_ok() {
                self.lines[number].under_way.insert(entry.id, entry);
            }
        }
        Ok(())
    }
}

impl Line {
    fn new(channel: Channel) -> Line {
        Line {
            channel,
            under_way: BTreeMap::new(),
            failures: 0,
            paused_until: None,
            next: None,
            // What an earlier run left in the outbox.
            stale: true,
            standing: Standing::default(),
        }
    }

    fn record<O: Outbox>(&mut self, report: &Report, outbox: &mut O, now: Timestamp) -> Result<(), O::Error> {
        let Some(entry) = self.under_way.get(&report.id) else { return Ok(()) };
        let counts = &mut self.standing.counts;
        match &report.outcome {
            Outcome::Delivered => {
                outbox.delivered(entry.id)?;
                counts.delivered += 1;
                (self.failures, self.paused_until) = (0, None);
            }
            Outcome::Returned => {}
            Outcome::Failed(NotifyError::Refused { reason }) => {
                outbox.dead(entry.id, reason)?;
                counts.refused += 1;
                tracing::warn!(channel = self.channel.name, incident = %entry.incident, reason, "refused");
                (self.failures, self.paused_until) = (0, None);
            }
            Outcome::Failed(NotifyError::Retry { reason, after }) => {
                let (backoff, seed) = (self.channel.backoff, entry.id.unsigned_abs());
                let asked = after.unwrap_or_default();
                let attempts = entry.attempts.saturating_add(1);
                if attempts >= self.channel.max_attempts || entry.created + self.channel.dead_after <= now {
                    outbox.dead(entry.id, reason)?;
                    counts.expired += 1;
                } else {
                    let wait = backoff.wait(attempts, seed).max(asked).min(backoff.longest);
                    outbox.retry(entry.id, now + wait, reason)?;
                    counts.retried += 1;
                }
                self.failures = self.failures.saturating_add(1);
                // Half, so that another entry probes before this one: the fault may be this one's own.
                let pause = (backoff.wait(self.failures, seed) / 2).max(asked).min(backoff.longest);
                self.paused_until = Some(now + pause);
                if self.failures == 1 {
                    tracing::warn!(channel = self.channel.name, reason, "not delivered; will be tried again");
                }
            }
        }
        self.stale = true;
        self.under_way.remove(&report.id);
        Ok(())
    }

    /// Entries to hand over now.
    fn choose<O: Outbox>(&mut self, outbox: &mut O, now: Timestamp) -> Result<Vec<Entry>, O::Error> {
        // The wall clock may have been set back.
        let latest = now + self.channel.backoff.longest;
        self.paused_until = self.paused_until.map(|until| until.min(latest)).filter(|until| *until > now);
        let window = if self.failures > 0 { 1 } else { WINDOW };
        let room = window.saturating_sub(self.under_way.len());
        if room == 0 || self.paused_until.is_some() {
            return Ok(Vec::new());
        }
        let mut chosen: Vec<Entry> = Vec::new();
        for entry in outbox.due(&self.channel.name, now, WINDOW)? {
            let busy = |other: &Entry| other.id == entry.id || other.incident == entry.incident;
            if chosen.len() < room && !self.under_way.values().chain(&chosen).any(busy) {
                chosen.push(entry);
            }
        }
        Ok(chosen)
    }
}
