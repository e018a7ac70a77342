//! The only place that asks the system for the time, so that everything else can be replayed and tested.

use kuzet_event::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall time for people, monotonic time for waiting.
pub trait Clock: Send + Sync {
    /// Now, on the wall.
    fn wall(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[allow(clippy::disallowed_methods)] // the one place
impl Clock for System {
    fn wall(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Err(before) => Timestamp(i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)),
        }
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands still until it is moved: replay and tests. Clones share their time.
#[derive(Clone, Debug, Default)]
pub struct Manual {
    start: Timestamp,
    elapsed: Arc<AtomicU64>,
}

impl Manual {
    /// Stands at `start`; monotonic time begins at zero.
    #[must_use]
    pub fn new(start: Timestamp) -> Manual {
        Manual { start, elapsed: Arc::default() }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        self.elapsed.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Moves both clocks so that the wall shows `to`; does nothing when that is past.
    pub fn advance_to(&self, to: Timestamp) {
        let micros = u64::try_from(to.0.saturating_sub(self.start.0)).unwrap_or(0);
        self.elapsed.fetch_max(micros, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn wall(&self) -> Timestamp {
        self.start + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.elapsed.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Manual::new(Timestamp(1_000_000));
        let shared = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!((shared.wall(), shared.monotonic()), (Timestamp(2_500_000), Duration::from_millis(1500)));
        clock.advance_to(Timestamp(2_000_000));
        assert_eq!(shared.wall(), Timestamp(2_500_000));
        clock.advance_to(Timestamp(3_000_000));
        assert_eq!(shared.wall(), Timestamp(3_000_000));
    }

    #[test]
    fn the_system_clock_runs() {
        let before = System.monotonic();
        assert!(System.wall() > Timestamp(1_700_000_000_000_000));
        assert!(System.monotonic() >= before);
    }
}
