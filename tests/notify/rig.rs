//! A data thread in small: takes turns, and lets time pass when nothing else is left to wait for.

use super::outbox::Memory;
use kuzet::clock::{Clock, Manual};
use kuzet::notify::{ChannelSettings, Counts, Desk, SettingsError, Turn, Waker};
use kuzet_event::Timestamp;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// When the tests begin.
pub const START: Timestamp = Timestamp(1_795_364_550_000_000);

/// A desk, its outbox and its time.
pub struct Rig {
    pub desk: Desk,
    pub outbox: Memory,
    pub clock: Manual,
    pub counts: Vec<Counts>,
    woken: Arc<(Mutex<bool>, Condvar)>,
}

impl Rig {
    /// With these channels, which must be right.
    pub fn new(channels: &[ChannelSettings]) -> Rig {
        Rig::try_new(channels).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    /// With these channels.
    pub fn try_new(channels: &[ChannelSettings]) -> Result<Rig, Vec<SettingsError>> {
        let (clock, woken) = (Manual::new(START), Arc::new((Mutex::new(false), Condvar::new())));
        let signal = Arc::clone(&woken);
        let waker: Waker = Arc::new(move || {
            *signal.0.lock().unwrap() = true;
            signal.1.notify_all();
        });
        let desk = Desk::new(channels, "db1", Arc::new(clock.clone()), waker)?;
        Ok(Rig { desk, outbox: Memory::default(), clock, counts: vec![Counts::default(); channels.len()], woken })
    }

    /// Puts one state of an incident in for the first channel.
    pub fn put(&mut self, incident: &str, sequence: u64, payload: &str) -> i64 {
        let channel = self.desk.channels()[0].clone();
        self.desk.fresh();
        self.outbox.put(&channel, incident, sequence, self.clock.wall(), payload)
    }

    /// One turn.
    pub fn turn(&mut self) -> Turn {
        let turn = self.desk.turn(&mut self.outbox, self.clock.wall()).unwrap();
        for (sum, standing) in self.counts.iter_mut().zip(&turn.channels) {
            sum.delivered += standing.counts.delivered;
            sum.retried += standing.counts.retried;
            sum.refused += standing.counts.refused;
            sum.expired += standing.counts.expired;
            sum.resent += standing.counts.resent;
        }
        turn
    }

    /// Takes turns until `done`; time passes at once when nothing is under way.
    pub fn run(&mut self, mut done: impl FnMut(&Rig) -> bool) {
        for _ in 0..10_000 {
            let turn = self.turn();
            if done(self) {
                return;
            }
            if self.desk.under_way() > 0 {
                self.sleep(Duration::from_secs(20));
            } else if let Some(next) = turn.next {
                self.clock.advance_to(next);
            } else {
                self.sleep(Duration::from_secs(5));
            }
        }
        panic!("no end in sight: {:?}", self.outbox.rows.iter().map(|row| &row.state).collect::<Vec<_>>());
    }

    /// Takes turns until nothing waits.
    pub fn settle(&mut self) {
        self.run(|rig| rig.outbox.settled());
    }

    /// Waits for the notifier thread to call.
    fn sleep(&self, limit: Duration) {
        let mut woken = self.woken.0.lock().unwrap();
        if !*woken {
            woken = self.woken.1.wait_timeout(woken, limit).unwrap().0;
        }
        *woken = false;
    }
}
