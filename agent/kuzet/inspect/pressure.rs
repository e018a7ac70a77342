//! Whether the host has better things to do: its pressure stall information.

use crate::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

/// What is asked, and the share of the last ten seconds, in percent, in which something waited for it that is too much.
const LIMITS: [(&str, f64); 3] =
    [("/proc/pressure/cpu", 50.0), ("/proc/pressure/io", 40.0), ("/proc/pressure/memory", 10.0)];
/// The kernel counts anew every two seconds.
const EVERY: Duration = Duration::from_secs(2);

/// Asks now and then how the host is.
pub struct Pressure {
    clock: Arc<dyn Clock>,
    asked: Option<Duration>,
    high: Option<&'static str>,
}

impl Pressure {
    /// Not asked yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Pressure {
        Pressure { clock, asked: None, high: None }
    }

    /// Of what there is too little now: `cpu`, `io`, `memory`. Nothing where all is well, and on a kernel that does not tell.
    pub fn high(&mut self) -> Option<&'static str> {
        let now = self.clock.monotonic();
        if self.asked.is_none_or(|asked| now.saturating_sub(asked) >= EVERY) {
            self.asked = Some(now);
            let over = |(path, limit): &(&'static str, f64)| {
                let share = std::fs::read_to_string(path).ok().and_then(|text| some(&text));
                share.filter(|share| share > limit).and_then(|_| path.rsplit('/').next())
            };
            self.high = LIMITS.iter().find_map(over);
        }
        self.high
    }

    /// Waits until the host is at rest, or `over` says that nobody wants to wait any more.
    pub fn wait(&mut self, mut over: impl FnMut() -> bool) {
        while self.high().is_some() && !over() {
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
}

/// `some avg10=` of a file of pressure.
fn some(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("some avg10="))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::some;

    #[test]
    fn the_share_of_the_last_ten_seconds_is_read() {
        let text = "some avg10=25.29 avg60=15.77 avg300=18.27 total=37160629836\nfull avg10=0.00 avg60=0.00\n";
        assert_eq!((some(text), some("full avg10=1.00"), some("some avg10=x")), (Some(25.29), None, None));
    }
}
