//! How many people and rows an hour of the week brings.

use super::profile::{PEOPLE, ROWS};
use super::{Baseline, Sight, Span, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "volume", judge };

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let thresholds = sight.thresholds;
    let at = sight.moment;
    let measures = [
        (PEOPLE, "people", sight.live.people.count(), thresholds.baseline_people, sight.known),
        (ROWS, "rows", sight.live.rows, thresholds.baseline_rows.max(sight.allowed_rows), sight.rows_known),
    ];
    measures.into_iter().find_map(|(which, what, count, least, known)| {
        let usual = |profile: &super::Profile| {
            (which == PEOPLE || profile.row_days > 0).then(|| profile.hour(which, at.weekday, at.of_day))
        };
        if count < least || !sight.strange(count, sight.rush[which], known, Span::Hour, usual) {
            return None;
        }
        let (from, to, store) = (at.of_day, at.of_day + 1, sight.store);
        let usually = sight.usually(known, usual);
        let said =
            format!("read {count} {what} of store {store} on a {} between {from} and {to} h; {usually}", at.name);
        Some(Verdict { what: which as u32, count, said })
    })
}
