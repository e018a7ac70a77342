//! The outbox in memory: the contract of `kuzet::notify::Outbox` in its plainest form.

use kuzet::notify::{Backlog, Entry, Outbox};
use kuzet_event::Timestamp;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// To deliver.
    Pending,
    /// Delivered.
    Done,
    /// Given up, with the reason.
    Dead(String),
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    pub entry: Entry,
    pub state: State,
    pub next_at: Timestamp,
    pub error: String,
}

/// The rows, by id.
#[derive(Default)]
pub struct Memory {
    pub rows: Vec<Row>,
}

impl Memory {
    /// Puts one state of an incident in.
    pub fn put(&mut self, channel: &str, incident: &str, sequence: u64, created: Timestamp, payload: &str) -> i64 {
        let id = self.rows.len() as i64;
        let entry = Entry {
            id,
            channel: channel.into(),
            incident: incident.into(),
            sequence,
            created,
            attempts: 0,
            payload: payload.into(),
        };
        self.rows.push(Row { entry, state: State::Pending, next_at: created, error: String::new() });
        id
    }

    /// Whether nothing waits.
    pub fn settled(&self) -> bool {
        self.rows.iter().all(|row| row.state != State::Pending)
    }

    fn pending<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.state == State::Pending && row.entry.channel.as_ref() == channel)
    }
}

impl Outbox for Memory {
    type Error = Infallible;

    fn due(&mut self, channel: &str, now: Timestamp, limit: usize) -> Result<Vec<Entry>, Infallible> {
        let mut seen = BTreeSet::new();
        let heads = self.pending(channel).filter(|row| seen.insert(row.entry.incident.clone()));
        Ok(heads.filter(|row| row.next_at <= now).take(limit).map(|row| row.entry.clone()).collect())
    }

    fn next_due(&mut self, channel: &str, now: Timestamp) -> Result<Option<Timestamp>, Infallible> {
        Ok(self.pending(channel).map(|row| row.next_at).filter(|at| *at > now).min())
    }

    fn delivered(&mut self, id: i64) -> Result<(), Infallible> {
        self.rows[id as usize].state = State::Done;
        Ok(())
    }

    fn retry(&mut self, id: i64, next_at: Timestamp, error: &str) -> Result<(), Infallible> {
        let row = &mut self.rows[id as usize];
        row.entry.attempts += 1;
        (row.next_at, row.error) = (next_at, error.into());
        Ok(())
    }

    fn dead(&mut self, id: i64, error: &str) -> Result<(), Infallible> {
        self.rows[id as usize].state = State::Dead(error.into());
        Ok(())
    }

    fn backlog(&mut self, channel: &str) -> Result<Backlog, Infallible> {
        let dead = |row: &&Row| matches!(row.state, State::Dead(_)) && row.entry.channel.as_ref() == channel;
        Ok(Backlog {
            pending: self.pending(channel).count() as u64,
            dead: self.rows.iter().filter(dead).count() as u64,
            oldest: self.pending(channel).map(|row| row.entry.created).min(),
        })
    }
}
