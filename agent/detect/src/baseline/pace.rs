//! How many different people and rows a principal reads in a day, the two days before it weighed in, and people in a week:
//! who takes twenty an hour, hour after hour, stays below every limit of an hour. And the slow rise from day to day, which no single day tells.

use super::people::People;
use super::profile::{PEOPLE, ROWS};
use super::{Baseline, Profile, Sight, Span, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "pace", judge };

/// What a verdict is about, beside a day's people and rows.
const WEEK: u32 = 2;
const DRIFT: u32 = 3;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let found = [PEOPLE, ROWS].into_iter().find(|which| sight.new.reached[*which] > 0);
    found.map(|which| drifted(sight, which)).or_else(|| day(sight)).or_else(|| week(sight))
}

/// People or rows of today.
pub(super) fn today(sight: &Sight<'_>, which: usize) -> u64 {
    let (own, live) = (sight.own, sight.live);
    match which {
        PEOPLE => People::together(&[&own.today, &live.people]),
        _ => own.rows_today().saturating_add(live.rows),
    }
}

fn day(sight: &Sight<'_>) -> Option<Verdict> {
    let (at, thresholds) = (sight.moment, sight.thresholds);
    let measures = [
        (PEOPLE, "different people", thresholds.baseline_people, sight.known),
        (ROWS, "rows", thresholds.baseline_rows.max(sight.allowed_rows), sight.rows_known),
    ];
    measures.into_iter().find_map(|(which, what, least, known)| {
        let today = today(sight, which);
        let usual =
            |profile: &Profile| (which == PEOPLE || profile.row_days > 0).then(|| profile.a_day(which, at.weekday));
        if today < least.saturating_mul(2) || !sight.strange(today, sight.rush[which], known, Span::Day(which), usual) {
            return None;
        }
        let usually = sight.usually(known, usual);
        let said = format!("read {today} {what} of store {} on one {}; {usually}", sight.store, at.name);
        Some(Verdict { what: which as u32, count: today, said })
    })
}

fn week(sight: &Sight<'_>) -> Option<Verdict> {
    let own = sight.own;
    let week = People::together(&[&own.week, &own.today, &sight.live.people]);
    let usual = |profile: &Profile| profile.people_a_week();
    let known = sight.known && usual(own).is_some();
    let least = sight.thresholds.baseline_people.saturating_mul(4);
    if !known || week < least || !sight.strange(week, sight.rush[PEOPLE], true, Span::Week, usual) {
        return None;
    }
    let usually = sight.usually(true, usual);
    let said = format!("read {week} different people of store {} in one week; {usually}", sight.store);
    Some(Verdict { what: WEEK, count: week, said })
}

/// The days before this one rose slowly, but too far.
fn drifted(sight: &Sight<'_>, which: usize) -> Verdict {
    let (count, usual) = (sight.new.reached[which], sight.own.drift[which].usual().round());
    let what = if which == PEOPLE { "people" } else { "rows" };
    let said = format!(
        "reads more and more {what} of store {} from day to day: {count} on the last, {usual} over eight weeks of work",
        sight.store
    );
    Verdict { what: DRIFT + which as u32, count, said }
}
