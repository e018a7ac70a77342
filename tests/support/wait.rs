//! Waiting for something that another process does: asked again and again until a deadline, never a fixed pause.

use std::time::{Duration, Instant};

/// Asks `check` until it gives something; panics with `what` after `limit`.
pub fn until<T>(what: &str, limit: Duration, check: impl FnMut() -> Option<T>) -> T {
    poll(limit, check).unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
}

/// Asks `check` until it gives something or `limit` is over.
pub fn poll<T>(limit: Duration, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let start = now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = check() {
            return Some(found);
        }
        if start.elapsed() >= limit {
            return None;
        }
        std::thread::park_timeout(pause);
        pause = (pause * 2).min(Duration::from_millis(40));
    }
}

/// The one place of the tests that asks for the time.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Instant {
    Instant::now()
}
