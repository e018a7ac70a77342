//! What is remembered of one principal, or of one group of peers, at one store: the hour that is going on, the day, and
//! what was learnt of the days before.
//!
//! Learning goes day by day: nothing of a day is learnt before it is over, what stands near an incident is not learnt at
//! all, the rest is cut at a multiple of what was expected (`series.rs`). A day without work teaches nothing: a leave is no
//! reason to expect less.

use super::coverage::Walks;
use super::guesses::Failures;
use super::people::People;
use super::series::{Lesson, Level, Series};
use crate::session::plain;
use serde::{Deserialize, Serialize};

pub(super) const HOURS: usize = 168;
/// Weeks that a mean remembers, and days of work that the level of the drift remembers: eight weeks of five days.
const WEEKS: u8 = 8;
const LONG_DAYS: u16 = 40;
/// Days of members that a group remembers of a weekday.
const GROUP_MEMORY: u8 = 64;
/// Days of work in which the highest count of one fades, of one principal and of a group.
const PEAK: u64 = 64;
const GROUP_PEAK: u64 = 512;
/// Names of programs, networks, statements and tables that are remembered; whoever brings more has no habits.
const HABITS: usize = 192;
/// Statement shapes of one hour that need no second look.
const SEEN: usize = 64;
/// Days before this one that are weighed in.
const BEFORE: usize = 2;
const NAT: f64 = 64.0;
const MEMBERS: usize = 64;
const TABLES: usize = 64;
const DESTINATIONS: usize = 32;
/// Verdicts that are remembered, so that none is told day after day.
const TOLD: usize = 16;
const WEEK_HOURS: i64 = 168;

type Says = [[u16; 2]; 2];

/// Kinds of habits.
pub(super) const NETWORK: usize = 0;
pub(super) const PROGRAM: usize = 1;
pub(super) const SHAPE: usize = 2;
pub(super) const TABLE: usize = 3;

/// People and rows.
pub(super) const PEOPLE: usize = 0;
pub(super) const ROWS: usize = 1;

/// What stands near an hour of work.
pub(super) const ANOMALY: u8 = 1;
pub(super) const INCIDENT: u8 = 2;

/// The hour that is going on.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Live {
    /// Local hours since 1970; 0: none yet.
    pub(super) hour: i64,
    pub(super) people: People,
    #[serde(skip_serializing_if = "plain")]
    pub(super) rows: u64,
    /// The log gave rows.
    #[serde(skip_serializing_if = "plain")]
    pub(super) counted: bool,
    /// Identity numbers that nobody has: without a check digit that holds, or asked for in vain.
    #[serde(skip_serializing_if = "plain")]
    pub(super) failed: People,
    /// Rows at most, and those of them that ranges of keys asked for: what the log gives, else the LIMIT.
    #[serde(skip_serializing_if = "plain")]
    pub(super) taken: u64,
    #[serde(skip_serializing_if = "plain")]
    pub(super) walked: u64,
    /// Counts at which it is judged next: people and rows; numbers that nobody has and rows taken.
    pub(super) next: [u64; 2],
    #[serde(skip_serializing_if = "plain")]
    pub(super) next_more: [u64; 2],
    /// Actor and statement together: known already.
    #[serde(skip_serializing_if = "plain")]
    pub(super) seen: Vec<u32>,
    #[serde(skip_serializing_if = "plain")]
    pub(super) told: u8,
    /// The group, and whether its members do the same kind of work.
    pub(super) group: u128,
    pub(super) kin: bool,
}

impl Live {
    /// Notes what is done with which statement; says whether it was noted in this hour before.
    pub(super) fn note(&mut self, what: u32) -> bool {
        if self.seen.contains(&what) {
            return true;
        }
        if self.seen.len() < SEEN {
            self.seen.push(what);
        }
        false
    }
}

/// One hour of the day that is going on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hour {
    pub(super) hour: u8,
    pub(super) counts: [u64; 2],
    pub(super) counted: bool,
    pub(super) told: u8,
    #[serde(default, skip_serializing_if = "plain")]
    pub(super) failed: u64,
}

/// A day that is over.
pub(super) struct Day {
    pub(super) weekday: usize,
    pub(super) hours: Vec<Hour>,
    /// Distinct people, and rows.
    pub(super) counts: [u64; 2],
    pub(super) counted: bool,
    pub(super) tables: u64,
    /// People of the week that ended with it.
    pub(super) week: Option<u64>,
    pub(super) told: u8,
}

/// What the members of a group did today against what was expected of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) day: i64,
    pub(super) actual: [u64; 2],
    pub(super) expected: [u64; 2],
}

impl Flow {
    pub(super) fn add(&mut self, day: i64, actual: [u64; 2], expected: [f64; 2]) {
        if day < self.day {
            return; // the last hour of yesterday, which somebody ends this morning
        }
        if self.day != day {
            *self = Flow { day, ..Flow::default() };
        }
        for which in [PEOPLE, ROWS] {
            self.actual[which] = self.actual[which].saturating_add(actual[which]);
            self.expected[which] = self.expected[which].saturating_add(expected[which].round() as u64);
        }
    }
}

/// Slow change: the cumulative sum of E. Page ("Continuous inspection schemes", 1954) over the logarithm of what a day
/// brings, against a level that remembers eight weeks of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Drift {
    /// Level in 1/65536 octaves, and days that it was learnt from.
    level: u64,
    days: u16,
    /// The sum in 1/1024 of a standard deviation.
    sum: u32,
    /// The count of the day that reached the limit, until it is told.
    pub(super) reached: u64,
}

impl Drift {
    /// Bounds of the standard deviation of the logarithm of a day's count, in octaves: three quarters to four thirds, and
    /// a half to the double.
    const DEVIATION: (f64, f64) = (0.4, 0.7);
    /// What is taken off each day, and the limit, in deviations. By D. Siegmund's approximation ("Sequential Analysis",
    /// 1985) a level that stays gives no false alarm in 10^9 days, one that rises by 3 % a week, which the level follows
    /// 0.35 octaves behind, one in some 10^4.
    const SLACK: f64 = 1.25;
    const LIMIT: f64 = 11.0;
    /// One day adds so much at most: a month-end of four days does not reach the limit.
    const MOST: f64 = 2.5;

    pub(super) fn usual(&self) -> f64 {
        (self.level as f64 / 65_536.0).exp2() - 1.0
    }

    /// Learns a day of `count`, around which days scatter by `spread`.
    fn learn(&mut self, count: u64, spread: f64, judged: bool) {
        let now = (count as f64 + 1.0).log2();
        let deviation = (spread.sqrt() / std::f64::consts::LN_2).clamp(Drift::DEVIATION.0, Drift::DEVIATION.1);
        let level = self.level as f64 / 65_536.0;
        if judged {
            let away = ((now - level) / deviation - Drift::SLACK).min(Drift::MOST);
            let sum = (f64::from(self.sum) / 1024.0 + away).max(0.0);
            self.sum = (sum * 1024.0).round() as u32;
            if sum >= Drift::LIMIT {
                (self.sum, self.reached) = (0, count);
            }
        }
        let cut = if judged { now.min(level + 2.0 * deviation) } else { now };
        let weight = 1.0 / f64::from(self.days.min(LONG_DAYS - 1) + 1);
        self.level = ((level + weight * (cut - level)).max(0.0) * 65_536.0).round() as u64;
        self.days = self.days.saturating_add(1);
    }
}

/// What a principal comes from, with and for, and how often it brings something new.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Habits {
    /// Least recently met first.
    known: Vec<u32>,
    /// Hours of work, and those with something new, by kind.
    pub(super) hours: u16,
    pub(super) novel: [u16; 4],
    #[serde(skip_serializing_if = "plain")]
    this_hour: u8,
}

impl Habits {
    pub(super) fn knows(&self, habit: u32) -> bool {
        self.known.contains(&habit)
    }

    /// Meets one; says whether it is new.
    pub(super) fn meet(&mut self, kind: usize, habit: u32) -> bool {
        if let Some(at) = self.known.iter().position(|known| *known == habit) {
            self.known[at..].rotate_left(1);
            return false;
        }
        if self.known.len() >= HABITS {
            self.known.remove(0);
        }
        self.known.push(habit);
        self.this_hour |= 1 << kind;
        true
    }

    fn close_hour(&mut self) {
        self.hours += 1;
        for (kind, novel) in self.novel.iter_mut().enumerate() {
            *novel += u16::from(self.this_hour & (1 << kind) != 0);
        }
        self.this_hour = 0;
        if self.hours >= 1_024 {
            self.hours /= 2;
            self.novel.iter_mut().for_each(|novel| *novel /= 2);
        }
    }
}

/// What a count is measured with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) mean: f64,
    pub(super) spread: f64,
    pub(super) most: u64,
}

/// One principal, or one group, at one store.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    /// Days of work learnt; of a group those of all members.
    pub(super) days: u16,
    /// Those in which the log gave rows.
    pub(super) row_days: u16,
    /// The same of every weekday, Monday first; a day off is a Sunday.
    pub(super) weekdays: [u8; 7],
    /// Local day of the first.
    pub(super) first_day: i64,
    /// Which hours of the week are worked, and people and rows in them.
    worked: Series,
    counts: [Series; 2],
    /// People and rows of an hour that is worked.
    hourly: [Level; 2],
    /// Distinct people and rows of a day, by weekday, and distinct people of a week.
    by_day: [Series; 2],
    by_week: Series,
    weeks: u8,
    /// Distinct tables of a day.
    pub(super) tables: Series,
    /// Days of work at other stores when it first came to this one, which others had worked with for long.
    #[serde(skip_serializing_if = "plain")]
    pub(super) settled: u16,
    /// Rows that it took at most since it came.
    #[serde(skip_serializing_if = "plain")]
    pub(super) taken: u64,
    #[serde(skip_serializing_if = "plain")]
    pub(super) walks: Walks,
    #[serde(skip_serializing_if = "plain")]
    pub(super) failures: Failures,
    /// How surprising today is so far, and the last days of work were: of people and rows, to itself and to its group, in
    /// 1/64 nats.
    #[serde(skip_serializing_if = "plain")]
    today_says: Says,
    #[serde(skip_serializing_if = "plain")]
    before_says: Vec<Says>,
    #[serde(skip_serializing_if = "plain")]
    pub(super) drift: [Drift; 2],
    #[serde(skip_serializing_if = "plain")]
    pub(super) habits: Habits,
    /// Where exports went, and days with one.
    #[serde(skip_serializing_if = "plain")]
    pub(super) exports: Vec<u32>,
    #[serde(skip_serializing_if = "plain")]
    pub(super) export_days: u16,
    #[serde(skip_serializing_if = "plain")]
    pub(super) export_last: i64,
    /// The day that is going on.
    pub(super) day: i64,
    #[serde(skip_serializing_if = "plain")]
    week_told: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hours: Vec<Hour>,
    pub(super) today: People,
    pub(super) week: People,
    #[serde(skip_serializing_if = "plain")]
    pub(super) today_tables: Vec<u32>,
    #[serde(skip_serializing_if = "plain")]
    pub(super) today_new: u16,
    /// Of a principal what it gave to the group's, of a group all of them.
    #[serde(skip_serializing_if = "plain")]
    pub(super) flow: Flow,
    /// Members of a group.
    #[serde(skip_serializing_if = "plain")]
    pub(super) members: Vec<u32>,
    /// What was told when, and how much it was: baseline, what, hour, count.
    #[serde(skip_serializing_if = "plain")]
    told: Vec<(u8, u32, i64, u64)>,
}

/// Monday of the week of a local day.
pub(super) fn week(day: i64) -> i64 {
    (day + 3).div_euclid(7)
}

impl Profile {
    /// The most that an hour of the week, or one beside it, is worked or brings.
    fn near(series: &Series, weekday: usize, hour: usize) -> f64 {
        let slot = weekday * 24 + hour;
        [slot + HOURS - 1, slot, slot + 1].iter().map(|slot| series.mean(slot % HOURS)).fold(0.0, f64::max)
    }

    /// The mean of this weekday, drawn towards that of the others as long as little is known of it.
    fn drawn(&self, weekday: usize, of: impl Fn(usize) -> f64) -> (f64, f64) {
        let others = (0..7).filter(|day| *day != weekday && self.weekdays[*day] > 0);
        let (sum, days) = others.fold((0.0, 0.0), |(sum, days), day| (sum + of(day), days + 1.0));
        let seen = f64::from(self.weekdays[weekday]);
        if days == 0.0 {
            return (of(weekday), seen);
        }
        ((seen * of(weekday) + 2.0 * sum / days) / (seen + 2.0), seen + 2.0)
    }

    /// What an hour of the week usually brings. Work at an unusual hour is another baseline's matter: half of an hour
    /// that is worked is always expected.
    pub(super) fn hour(&self, which: usize, weekday: usize, hour: usize) -> Usual {
        let series = &self.counts[which];
        let (mean, seen) = self.drawn(weekday, |day| Profile::near(series, day, hour));
        let mean = mean.max(self.hourly[which].value() / 2.0).max(0.5);
        Usual { mean, spread: series.spread(mean, seen), most: series.most }
    }

    /// What a day of this weekday usually brings.
    pub(super) fn a_day(&self, which: usize, weekday: usize) -> Usual {
        let series = &self.by_day[which];
        let (mean, seen) = self.drawn(weekday, |day| series.mean(day));
        let mean = mean.max(0.5);
        Usual { mean, spread: series.spread(mean, seen), most: series.most }
    }

    /// Rows of the hours of today that are over.
    pub(super) fn rows_today(&self) -> u64 {
        self.hours.iter().fold(0, |sum: u64, hour| sum.saturating_add(hour.counts[ROWS]))
    }

    /// Notes that there was work on `day`; gives the days with work before it.
    pub(super) fn attend(&mut self, day: i64) -> u16 {
        let before = self.days - u16::from(self.day == day && self.days > 0);
        if self.first_day == 0 {
            self.first_day = day;
        }
        if day > self.day {
            (self.day, self.days) = (day, self.days.saturating_add(1));
        }
        before
    }

    /// The same of a week; nothing before one was seen whole.
    pub(super) fn people_a_week(&self) -> Option<Usual> {
        let mean = self.by_week.mean(0).max(0.5);
        let spread = self.by_week.spread(mean, f64::from(self.weeks));
        (self.weeks >= 2).then_some(Usual { mean, spread, most: self.by_week.most })
    }

    pub(super) fn tables_a_day(&self) -> Usual {
        let mean = self.tables.mean(0).max(1.0);
        Usual { mean, spread: self.tables.spread(mean, f64::from(self.days)), most: self.tables.most }
    }

    /// How often that hour of that weekday is worked, the hours `around` it included, from 0 to 1.
    pub(super) fn works(&self, weekday: usize, hour: usize, around: usize) -> f64 {
        let slot = weekday * 24 + hour + HOURS;
        (slot - around..=slot + around).map(|slot| self.worked.mean(slot % HOURS)).fold(0.0, f64::max)
    }

    /// Hours of the day that are worked on some day, one bit each.
    pub(super) fn day_hours(&self) -> u32 {
        let worked = |hour: &usize| (0..7).any(|day| self.worked.mean(day * 24 + hour) > 0.05);
        (0..24).filter(worked).fold(0, |bits, hour| bits | 1 << hour)
    }

    pub(super) fn weeks_known(&self) -> i64 {
        ((self.day - self.first_day) / 7).max(1)
    }

    /// The hour `live` is over.
    pub(super) fn end_hour(&mut self, live: &Live) {
        let of_day = u8::try_from(live.hour.rem_euclid(24)).unwrap_or(0);
        let counts = [live.people.count(), live.rows];
        let failed = live.failed.count();
        self.hours.push(Hour { hour: of_day, counts, counted: live.counted, told: live.told, failed });
        self.taken = self.taken.saturating_add(live.taken);
        self.walks.add(week(live.hour.div_euclid(24)), live.walked);
        self.today.merge(&live.people);
        self.habits.close_hour();
    }

    /// It is `day` now. Gives the day that was going on, which was a `weekday`, if it was another one.
    pub(super) fn end_day(&mut self, weekday: usize, day: i64) -> Option<Day> {
        if self.day == 0 {
            (self.day, self.first_day) = (day, day);
        }
        if day <= self.day {
            return None;
        }
        let told = self.hours.iter().map(|hour| hour.told).max().unwrap_or(0);
        self.week_told = self.week_told.max(told);
        self.week.merge(&self.today);
        let ended = week(day) != week(self.day);
        let over = Day {
            weekday,
            counts: [self.today.count(), self.rows_today()],
            counted: self.hours.iter().any(|hour| hour.counted),
            tables: self.today_tables.len() as u64,
            week: (ended && self.week_told < INCIDENT).then(|| self.week.count()),
            told,
            hours: std::mem::take(&mut self.hours),
        };
        if ended {
            (self.week, self.week_told) = (People::default(), 0);
        }
        let says = std::mem::take(&mut self.today_says);
        if over.told < INCIDENT && !over.hours.is_empty() {
            self.before_says.insert(0, says);
            self.before_says.truncate(BEFORE);
        }
        (self.today, self.today_tables, self.today_new) = (People::default(), Vec::new(), 0);
        self.day = day;
        Some(over)
    }

    /// Learns a day; `enough` days make what is known worth judging by.
    pub(super) fn learn(&mut self, day: &Day, enough: u16) {
        let group = !self.members.is_empty();
        let memory = if group { GROUP_MEMORY } else { WEEKS };
        let seen = self.weekdays[day.weekday];
        let near = |hour: u8| {
            let told = |one: &&Hour| one.told == INCIDENT && one.hour.abs_diff(hour) <= 1;
            day.hours.iter().find(told).is_some()
        };
        if day.hours.iter().all(|hour| near(hour.hour)) {
            return;
        }
        for hour in (0..24_u8).filter(|hour| !near(*hour)) {
            let work = day.hours.iter().find(|one| one.hour == hour);
            let lesson = |count: f64, expected: f64, few: f64| {
                let slot = day.weekday * 24 + usize::from(hour);
                Lesson { slot, count, expected, seen, memory, few }
            };
            self.worked.learn(HOURS, &lesson(f64::from(u8::from(work.is_some())), 1.0, 1.0));
            for (which, few) in [(PEOPLE, 3.0), (ROWS, 30.0)] {
                if which == ROWS && !day.counted {
                    continue;
                }
                let count = work.map_or(0, |work| work.counts[which]) as f64;
                let mean = self.counts[which].mean(day.weekday * 24 + usize::from(hour));
                let usual = self.hour(which, day.weekday, usize::from(hour)).mean;
                let expected = if seen > 0 && mean > 0.0 { mean } else { usual };
                self.counts[which].learn(HOURS, &lesson(count, expected, f64::max(few, usual)));
                if work.is_some() {
                    let hourly = self.hourly[which].value();
                    let weight = 1.0 / f64::from(self.days.saturating_mul(8).clamp(1, 256));
                    let cut = if self.days == 0 { count } else { count.min(2.0 * hourly + few) };
                    self.hourly[which] = Level::of(hourly + weight * (cut - hourly));
                }
            }
        }
        day.hours.iter().filter(|hour| !near(hour.hour)).for_each(|hour| self.failures.learn(hour));
        for which in [PEOPLE, ROWS] {
            let most = day.hours.iter().filter(|hour| !near(hour.hour)).map(|hour| hour.counts[which]).max();
            self.counts[which].peak(most.unwrap_or(0), if group { GROUP_PEAK } else { PEAK });
        }
        if day.told < INCIDENT {
            self.learn_windows(day, seen, memory, enough);
        }
        self.weekdays[day.weekday] = seen.saturating_add(1).min(memory);
        self.row_days = self.row_days.saturating_add(u16::from(day.counted));
        self.days = self.days.saturating_add(1);
    }

    fn learn_windows(&mut self, day: &Day, seen: u8, memory: u8, enough: u16) {
        for (which, few) in [(PEOPLE, 10.0), (ROWS, 100.0)] {
            if which == ROWS && !day.counted {
                continue;
            }
            let (count, usual) = (day.counts[which], self.a_day(which, day.weekday));
            let expected = usual.mean;
            let lesson = Lesson { slot: day.weekday, count: count as f64, expected, seen, memory, few };
            self.by_day[which].learn(7, &lesson);
            self.by_day[which].peak(count, if self.members.is_empty() { PEAK } else { GROUP_PEAK });
            if self.members.is_empty() && count > 0 {
                let days = if which == ROWS { self.row_days } else { self.days };
                self.drift[which].learn(count, usual.spread, days >= enough);
            }
        }
        if let Some(week) = day.week {
            let (expected, seen) = (self.by_week.mean(0), self.weeks);
            self.by_week.learn(1, &Lesson { slot: 0, count: week as f64, expected, seen, memory, few: 30.0 });
            self.by_week.peak(week, 16);
            self.weeks = seen.saturating_add(1).min(memory);
        }
        let (expected, seen) = (self.tables_a_day().mean, u8::try_from(self.days).unwrap_or(u8::MAX));
        let tables = day.tables as f64;
        self.tables.learn(1, &Lesson { slot: 0, count: tables, expected, seen, memory: 40, few: 2.0 });
        self.tables.peak(day.tables, if self.members.is_empty() { PEAK } else { GROUP_PEAK });
    }

    /// Notes how surprising today is so far.
    pub(super) fn so_far(&mut self, says: [[f64; 2]; 2]) {
        self.today_says = says.map(|one| one.map(|nats| (nats * NAT) as u16));
    }

    /// How surprising the last days of work were, the latest first.
    pub(super) fn recent(&self, which: usize, whose: usize) -> impl Iterator<Item = f64> + '_ {
        self.before_says.iter().map(move |says| f64::from(says[which][whose]) / NAT)
    }

    /// Notes a table of today; says whether it is the first time today.
    pub(super) fn table(&mut self, table: u32) -> bool {
        let fresh = self.today_tables.len() < TABLES && !self.today_tables.contains(&table);
        if fresh {
            self.today_tables.push(table);
        }
        fresh
    }

    /// Notes where an export goes; says whether none went there before.
    pub(super) fn export(&mut self, to: u32, day: i64) -> bool {
        if day != self.export_last {
            (self.export_last, self.export_days) = (day, self.export_days.saturating_add(1));
        }
        let fresh = !self.exports.contains(&to);
        if fresh {
            if self.exports.len() >= DESTINATIONS {
                self.exports.remove(0);
            }
            self.exports.push(to);
        }
        fresh
    }

    /// Unlearns what came with an incident.
    pub(super) fn forget(&mut self, habits: &[u32]) {
        self.habits.known.retain(|known| !habits.contains(known));
        self.exports.retain(|to| !habits.contains(to));
    }

    /// Counts a member of a group.
    pub(super) fn member(&mut self, who: u32) {
        if !self.members.contains(&who) && self.members.len() < MEMBERS {
            self.members.push(who);
        }
    }

    /// Whether a verdict is to be told: not again within a week, unless it is twice as much.
    pub(super) fn tells(&self, baseline: u8, what: u32, hour: i64, count: u64) -> bool {
        let before = self.told.iter().find(|(one, about, ..)| (*one, *about) == (baseline, what));
        before.is_none_or(|(_, _, at, was)| hour - at >= WEEK_HOURS || count >= was.saturating_mul(2))
    }

    pub(super) fn tell(&mut self, baseline: u8, what: u32, hour: i64, count: u64) {
        self.told.retain(|(one, about, ..)| (*one, *about) != (baseline, what));
        if self.told.len() >= TOLD {
            self.told.remove(0);
        }
        self.told.push((baseline, what, hour, count));
    }
}
