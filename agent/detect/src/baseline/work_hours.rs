//! Work at an hour at which the principal never works: a backup account at noon, a clerk at three at night.

use super::profile::{PEOPLE, ROWS};
use super::{Baseline, Sight, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "work_hours", judge };

/// Hours from the nearest one that is worked; what begins earlier or ends later is a long day.
const FAR: usize = 3;
/// A look at one client is no work.
pub(super) const LEAST: [u64; 2] = [5, 50];
/// Share of days on which an hour is worked that makes it one.
const SELDOM: f64 = 0.03;
/// Weeks after which a weekday without work is one.
const WEEKS: i64 = 4;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let (live, at) = (sight.live, sight.moment);
    let counts = [live.people.count(), live.rows];
    if sight.job_may_run {
        return None;
    }
    let works = sight.blind || counts[PEOPLE] >= LEAST[PEOPLE] || counts[ROWS] >= LEAST[ROWS];
    let peers = sight.peers.filter(|_| live.kin);
    // Who is new keeps the hours of those who do the same.
    let known = if sight.known { Some(sight.own) } else { peers }.filter(|_| works)?;
    let hours = known.day_hours();
    let near = |from: usize| (from + 24 - FAR + 1..from + 24 + FAR).any(|hour| hours & 1 << (hour % 24) != 0);
    // A machine keeps its days; people come in on a Saturday. Sundays and days off are the calendar's to tell.
    let never_day = !sight.person && at.weekday < 6 && known.weekdays[at.weekday] == 0 && known.weeks_known() >= WEEKS;
    let peers_do = peers.is_some_and(|peers| peers.works(at.weekday, at.of_day, 1) > SELDOM);
    if hours == 0 || (near(at.of_day) && !never_day) || peers_do {
        return None;
    }
    let (store, days) = (sight.store, known.days);
    let counted = match counts {
        [0, 0] => "rows that the log does not give".to_owned(),
        [0, rows] => format!("{rows} rows"),
        [people, _] => format!("{people} people"),
    };
    let known =
        if near(at.of_day) { format!("no work on a {}", at.name) } else { format!("work only {}", spans(hours)) };
    let whose = if sight.known { "" } else { " of its peers" };
    let said = format!(
        "read {counted} of store {store} on a {} between {} and {} h; {days} days of work{whose} know {known}",
        at.name,
        at.of_day,
        at.of_day + 1
    );
    Some(Verdict { what: if near(at.of_day) { 24 } else { at.of_day as u32 }, count: 1, said })
}

/// Hours of the day in words: `from 9 to 18 h`.
fn spans(hours: u32) -> String {
    let worked = |hour: usize| hours & (1 << hour) != 0;
    let mut parts = Vec::new();
    let mut hour = 0;
    while hour < 24 {
        if worked(hour) {
            let end = (hour..24).find(|hour| !worked(*hour)).unwrap_or(24);
            parts.push(format!("from {hour} to {end} h"));
            hour = end;
        }
        hour += 1;
    }
    parts.truncate(4);
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn hours_in_words() {
        assert_eq!(super::spans(0b11 << 2 | 1 << 23), "from 2 to 4 h, from 23 to 24 h");
        assert_eq!(super::spans(u32::MAX), "from 0 to 24 h");
    }
}
