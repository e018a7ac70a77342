//! Baselines: what is usual of a principal at a store, and of its peers; one file each, one list.
//!
//! A principal is a role, or the person behind a shared one, wherever it comes from. Its peers are the principals that the
//! same rule of the policy lets in, else those behind the same role, of the same pattern of role name or program, else all
//! of the store. People and rows are counted, not events, and judged when they grew by an eighth. Nothing here asks what
//! is allowed: that is the policy's and the thresholds' matter, before and after a baseline is learnt.

mod coverage;
mod destination;
mod fan_out;
mod guesses;
mod learnt;
mod novelty;
mod origin;
mod pace;
mod people;
mod profile;
mod reach;
mod series;
#[cfg(test)]
mod tests;
mod volume;
mod work_hours;

pub use learnt::{Learnt, learnt_row};

use crate::calendar::Calendar;
use crate::engine::Row;
use crate::policy::{Doing, Policy};
use crate::shelf::Shelf;
use crate::teller::{Observation, Touch};
use crate::thresholds::Thresholds;
use crate::{Detection, Kind};
use kuzet_event::{Actor, Count, IdentifierKind};
use origin::{group, habit, habits, network};
use profile::{ANOMALY, INCIDENT, Live, NETWORK, PEOPLE, Profile, ROWS, TABLE, Usual};
use smallvec::SmallVec;

/// Begin the rows.
pub(crate) const LIVE_TAG: u8 = b'y';
pub(crate) const PROFILE_TAG: u8 = b'z';
const HOUR: i64 = 3_600_000_000;
/// Kinds of profiles.
const OWN: u8 = 0;
const GROUP: u8 = 1;
/// What is known of a principal at all stores, and of a store with all principals: only days.
const PERSON: u8 = 2;
const STORE: u8 = 3;
/// From so many members on a group is one, if it has so many times the days that a principal needs.
const PEERS: usize = 2;
const GROUP_DAYS: u16 = 2;
/// A day on which all peers have more to do is no anomaly of one, up to so many times.
const RUSH: f64 = 3.0;
/// What must be expected of the others before their rush says anything.
const FLOW: [u64; 2] = [20, 200];
/// Further than the highest count within memory, or it is none.
const BEYOND: f64 = 1.25;

type Key = (u8, u128, u64);

/// One baseline.
pub(crate) struct Baseline {
    /// Stable name.
    pub(crate) name: &'static str,
    judge: fn(&Sight<'_>) -> Option<Verdict>,
}

/// Every baseline.
pub(crate) static BASELINES: [&Baseline; 9] = [
    &volume::BASELINE,
    &pace::BASELINE,
    &fan_out::BASELINE,
    &novelty::BASELINE,
    &work_hours::BASELINE,
    &destination::BASELINE,
    &reach::BASELINE,
    &coverage::BASELINE,
    &guesses::BASELINE,
];

/// What one baseline finds strange.
struct Verdict {
    /// Of several things that it may be about, which; one thing is told once a week, unless it doubles.
    what: u32,
    count: u64,
    /// The sentence, without its subject.
    said: String,
}

/// An hour.
#[derive(Clone, Copy)]
struct Moment {
    /// Local hours since 1970.
    hour: i64,
    of_day: usize,
    /// Monday is 0; a day off is a Sunday.
    weekday: usize,
    name: &'static str,
}

impl Moment {
    fn day(self) -> i64 {
        self.hour.div_euclid(24)
    }
}

/// What is new about one event.
#[derive(Default)]
struct New {
    /// Kinds, one bit each.
    mask: u8,
    /// How rare that is, in nats.
    rarity: f64,
    /// The network, where it is an export.
    export: Option<String>,
    /// The export goes where none went.
    elsewhere: bool,
    /// People and rows of the last day before this one, if their slow rise reached its limit with it.
    reached: [u64; 2],
    /// All that is new, to be forgotten if the event turns out to be part of an incident.
    fresh: SmallVec<[u32; 4]>,
}

/// What a count is counted over.
#[derive(Clone, Copy)]
enum Span {
    Hour,
    /// Of people or rows: the days before it count as well.
    Day(usize),
    Week,
}

/// What a baseline judges by.
struct Sight<'a> {
    own: &'a Profile,
    live: &'a Live,
    /// The group, where enough is known of it.
    peers: Option<&'a Profile>,
    /// Enough is known of the principal itself, and of its rows.
    known: bool,
    rows_known: bool,
    moment: Moment,
    /// How much more than usual the other peers do today.
    rush: [f64; 2],
    new: New,
    /// Rows that the policy's rule lets one statement have.
    allowed_rows: u64,
    /// The event's rows are not told and it names nobody.
    blind: bool,
    /// A person sits there, as far as can be told.
    person: bool,
    /// People of the store, as far as is known.
    persons: Count,
    /// A declared job of the role may run now: what does not tell its rows may be its work.
    job_may_run: bool,
    actor: &'a Actor,
    store: &'a str,
    thresholds: &'a Thresholds,
}

impl Sight<'_> {
    /// Whether a count is unusual: of the principal, and, if its peers do the same work, of them; of its peers alone as
    /// long as it is new.
    fn strange(&self, count: u64, rush: f64, known: bool, span: Span, of: impl Fn(&Profile) -> Option<Usual>) -> bool {
        let limit = self.thresholds.baseline_surprise as f64;
        let says = |profile: &Profile, whose: usize| {
            let usual = of(profile)?;
            if count as f64 <= BEYOND * usual.most as f64 {
                return Some(0.0);
            }
            let today = series::surprise(count as f64, usual.mean * rush, usual.spread);
            Some(match span {
                Span::Day(which) => series::together(today, self.own.recent(which, whose)),
                Span::Hour | Span::Week => today,
            })
        };
        let own = says(self.own, OWN.into()).unwrap_or(0.0);
        match (known, self.peers.map(|peers| says(peers, GROUP.into()))) {
            // Two witnesses: over a day, when the rush of the others shows, the one may be less sure where the other is more.
            (true, Some(Some(peers))) if self.live.kin => {
                let least = match span {
                    Span::Hour => limit,
                    Span::Day(_) => limit / 2.0,
                    Span::Week => limit * 2.0 / 3.0,
                };
                own >= least && peers >= limit / 3.0 && own + peers >= limit * 4.0 / 3.0
            }
            (true, _) => own >= limit,
            (false, Some(peers)) => peers.unwrap_or(0.0) >= limit,
            (false, None) => false,
        }
    }

    /// How surprising the day is so far, of people and rows: to the principal and to its group.
    fn today(&self) -> [[f64; 2]; 2] {
        [PEOPLE, ROWS].map(|which| {
            let count = pace::today(self, which) as f64;
            let says = |profile: &Profile| {
                let usual = profile.a_day(which, self.moment.weekday);
                series::surprise(count, usual.mean * self.rush[which], usual.spread)
            };
            let known = if which == PEOPLE { self.known } else { self.rows_known };
            [if known { says(self.own) } else { 0.0 }, self.peers.filter(|_| self.live.kin).map_or(0.0, says)]
        })
    }

    /// What is usual, in words.
    fn usually(&self, known: bool, of: impl Fn(&Profile) -> Option<Usual>) -> String {
        let own = match (known, of(self.own)) {
            (true, Some(usual)) => {
                let (mean, weeks) = (usual.mean.round(), self.own.weeks_known());
                let plural = if weeks == 1 { "" } else { "s" };
                format!("{mean} are usual and {} the most in {weeks} week{plural}", usual.most)
            }
            _ => "it is still learnt".to_owned(),
        };
        match self.peers.map(|peers| (peers.members.len(), of(peers))) {
            Some((members, Some(usual))) => {
                format!("{own}; {} the most among {members} peers, {} usual", usual.most, usual.mean.round())
            }
            _ => own,
        }
    }
}

/// What is strange about one touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strange {
    /// Number of the baseline and its sentence.
    pub(crate) verdicts: Vec<(u8, String)>,
    /// What was new, to be forgotten if the event turns out to be part of an incident.
    fresh: SmallVec<[u32; 4]>,
}

/// All baselines with their state.
pub(crate) struct Baselines {
    live: Shelf<Key, Live>,
    profiles: Shelf<Key, Profile>,
    calendar: Calendar,
    offset: i64,
}

impl Baselines {
    pub(crate) fn new(thresholds: &Thresholds) -> Baselines {
        Baselines {
            live: Shelf::new(LIVE_TAG, thresholds.max_baselines),
            profiles: Shelf::new(PROFILE_TAG, thresholds.max_baselines),
            calendar: Calendar::new(thresholds),
            offset: i64::from(thresholds.offset_seconds) * 1_000_000,
        }
    }

    fn moment(&self, hour: i64) -> Moment {
        let day = hour.div_euclid(24);
        let (weekday, name) = self.calendar.like(day);
        Moment { hour, of_day: usize::try_from(hour.rem_euclid(24)).unwrap_or(0), weekday, name }
    }

    /// Takes note of a touch and says what is strange about it.
    pub(crate) fn meet(
        &mut self,
        o: &Observation<'_>,
        touch: &Touch<'_>,
        policy: Option<&Policy>,
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> Strange {
        if !thresholds.baselines || touch.template.changes() || o.void() || o.event.actor.user.is_empty() {
            return Strange::default();
        }
        let key = (OWN, o.who.person, touch.template.store_hash);
        let hour = o.event.at.0.saturating_add(self.offset).div_euclid(HOUR);
        let mut live = self.live.entry(key, clock).0;
        if hour > live.hour {
            let over = std::mem::take(live);
            let next = self.turn(key, &over, hour, (o, touch, policy), thresholds, clock);
            live = self.live.entry(key, clock).0;
            *live = next;
        }
        let mut judged = count(live, o, touch);
        let event = o.event;
        let shape = event.statement.as_ref().map_or(0, |statement| statement.fingerprint);
        let what =
            (o.who.full as u64 ^ shape.rotate_left(17) ^ touch.template.tables).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let export = touch.template.doing == Doing::Export
            && touch.rows.known().is_none_or(|rows| rows > thresholds.export_small_rows);
        let noted = live.note((what >> 32) as u32 ^ u32::from(export));
        judged |= !noted;
        if !judged {
            return Strange::default();
        }
        self.judge(key, (o, touch, policy), (noted, export), thresholds, clock)
    }

    /// The hour of `over` is over, and perhaps its day: that is learnt. Gives the hour that begins.
    fn turn(
        &mut self,
        key: Key,
        over: &Live,
        hour: i64,
        (o, touch, policy): (&Observation<'_>, &Touch<'_>, Option<&Policy>),
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> Live {
        let enough = thresholds.baseline_days;
        let (group, kin) = group(o, touch, policy);
        let group_key = (GROUP, group, key.2);
        let today = hour.div_euclid(24);
        let elsewhere = self.profiles.entry((PERSON, key.1, 0), clock).0.attend(today);
        let watched = self.profiles.entry((STORE, 0, key.2), clock).0.attend(today);
        let own = self.profiles.entry(key, clock).0;
        if own.first_day == 0 && watched >= enough {
            own.settled = elsewhere;
        }
        let mut days: SmallVec<[profile::Day; 1]> = SmallVec::new();
        let mut flow = None;
        if over.hour != 0 {
            let day = over.hour.div_euclid(24);
            days.extend(own.end_day(self.calendar.like(own.day).0, day));
            if own.days >= enough && over.told < ANOMALY {
                let (weekday, of_day) =
                    (self.calendar.like(day).0, usize::try_from(over.hour.rem_euclid(24)).unwrap_or(0));
                let expected = [PEOPLE, ROWS].map(|which| own.hour(which, weekday, of_day).mean);
                flow = Some((day, [over.people.count(), over.rows], expected));
            }
            own.end_hour(over);
        }
        days.extend(own.end_day(self.calendar.like(own.day).0, hour.div_euclid(24)));
        for day in &days {
            own.learn(day, enough);
        }
        if let Some((day, actual, expected)) = flow {
            own.flow.add(day, actual, expected);
        }
        let peers = self.profiles.entry(group_key, clock).0;
        peers.member((key.1 >> 96) as u32);
        if peers.first_day == 0 {
            peers.first_day = hour.div_euclid(24);
        }
        peers.day = hour.div_euclid(24);
        for day in &days {
            peers.learn(day, enough);
        }
        if let Some((day, actual, expected)) = flow {
            peers.flow.add(day, actual, expected);
        }
        let next_more = [guesses::LEAST - 1, thresholds.baseline_rows.saturating_sub(1)];
        Live { hour, group, kin, next: work_hours::LEAST.map(|least| least - 1), next_more, ..Live::default() }
    }

    /// Takes note of where the principal comes from and what with, and says what of it is new; with the key of its group.
    fn learn(
        &mut self,
        key: Key,
        o: &Observation<'_>,
        touch: &Touch<'_>,
        (noted, export): (bool, bool),
        clock: &mut u64,
    ) -> Option<(Key, New)> {
        let live = self.live.peek(key)?;
        let day = live.hour.div_euclid(24);
        let group_key = (GROUP, live.group, key.2);
        let mut new = New::default();
        let peers_know = |habit: u32| {
            let peers = self.profiles.peek(group_key);
            live.kin && peers.is_some_and(|peers| peers.members.len() >= PEERS && peers.habits.knows(habit))
        };
        let habits = if noted { SmallVec::new() } else { habits(o, touch) };
        let shared: SmallVec<[bool; 8]> = habits.iter().map(|(_, habit)| peers_know(*habit)).collect();
        let own = self.profiles.entry(key, clock).0;
        for ((kind, habit), shared) in habits.iter().zip(shared) {
            let fresh = own.habits.meet(*kind, *habit);
            if *kind == TABLE && own.table(*habit) && fresh {
                own.today_new = own.today_new.saturating_add(1);
            }
            if fresh {
                new.fresh.push(*habit);
                new.mask |= 1 << kind;
                let rarity = series::rarity(own.habits.novel[*kind], own.habits.hours);
                // What peers bring along is less of a novelty.
                new.rarity += if *kind == TABLE {
                    0.0
                } else if shared {
                    rarity / 4.0
                } else {
                    rarity
                };
            }
        }
        if export && let Some(network) = network(&o.event.actor.client) {
            let to = habit(NETWORK, &network);
            new.elsewhere = own.export(to, day);
            if new.elsewhere {
                new.fresh.push(to);
            }
            new.export = Some(network);
        }
        new.reached = [PEOPLE, ROWS].map(|which| std::mem::take(&mut own.drift[which].reached));
        if !new.fresh.is_empty() {
            let peers = self.profiles.entry(group_key, clock).0;
            for (kind, habit) in &habits {
                peers.habits.meet(*kind, *habit);
            }
        }
        if touch.news.any() {
            // Who is new at the store for everybody is a matter of `first_seen`.
            new.rarity = 0.0;
        }
        Some((group_key, new))
    }

    /// Looks at what is new and asks every baseline.
    fn judge(
        &mut self,
        key: Key,
        (o, touch, policy): (&Observation<'_>, &Touch<'_>, Option<&Policy>),
        (noted, export): (bool, bool),
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> Strange {
        let Some((group_key, new)) = self.learn(key, o, touch, (noted, export), clock) else {
            return Strange::default();
        };
        let mut strange = Strange { verdicts: Vec::new(), fresh: new.fresh.clone() };
        let (Some(own), Some(live)) = (self.profiles.peek(key), self.live.peek(key)) else { return strange };
        let moment = self.moment(live.hour);
        let peers = self.profiles.peek(group_key);
        let enough = thresholds.baseline_days;
        let known_peers =
            peers.filter(|peers| peers.members.len() >= PEERS && peers.days >= enough.saturating_mul(GROUP_DAYS));
        let blind = touch.rows == Count::Unknown && touch.named == 0;
        let sight = Sight {
            own,
            live,
            peers: known_peers,
            known: own.days >= enough,
            rows_known: own.row_days >= enough,
            moment,
            rush: rush(own, peers.filter(|_| live.kin), moment.day()),
            new,
            allowed_rows: touch.grant().and_then(|grant| grant.max_rows).unwrap_or(0),
            blind,
            person: touch.news.person,
            persons: touch.persons(),
            job_may_run: blind && policy.is_some_and(|policy| job_may_run(policy, o, touch)),
            actor: &o.event.actor,
            store: &touch.template.store.name,
            thresholds,
        };
        let mut found: SmallVec<[(u8, Verdict); 2]> = SmallVec::new();
        for (number, baseline) in (0_u8..).zip(BASELINES) {
            let verdict = (baseline.judge)(&sight);
            let fresh = verdict.filter(|one| own.tells(number, one.what, moment.hour, one.count));
            found.extend(fresh.map(|one| (number, one)));
        }
        let today = sight.today();
        if let Some(own) = self.profiles.existing(key, clock) {
            own.so_far(today);
        }
        if !found.is_empty() {
            let actor = &o.event.actor;
            let who = if actor.person.is_empty() {
                actor.user.to_string()
            } else {
                format!("{} ({})", actor.user, actor.person)
            };
            let own = self.profiles.entry(key, clock).0;
            for (number, verdict) in found {
                own.tell(number, verdict.what, moment.hour, verdict.count);
                let name = BASELINES[usize::from(number)].name;
                strange.verdicts.push((number, format!("baseline {name}: role {who} {}", verdict.said)));
            }
        }
        strange
    }

    /// The touch turned out to be part of an incident. What a baseline alone finds strange is learnt within bounds, what
    /// is graver is not.
    pub(crate) fn taint(
        &mut self,
        o: &Observation<'_>,
        store: u64,
        strange: &Strange,
        told: &[Detection],
        clock: &mut u64,
    ) {
        let key = (OWN, o.who.person, store);
        let grave = told.iter().any(|one| !matches!(one.kind, Kind::Anomaly | Kind::FirstSeen));
        let Some(live) = self.live.existing(key, clock) else { return };
        live.told = live.told.max(if grave { INCIDENT } else { ANOMALY });
        let group_key = (GROUP, live.group, store);
        if strange.fresh.is_empty() || told.iter().all(|one| one.kind == Kind::Anomaly) {
            return;
        }
        for key in [key, group_key] {
            if let Some(profile) = self.profiles.existing(key, clock) {
                profile.forget(&strange.fresh);
            }
        }
    }

    /// How many principals are still learnt, and of how many enough is known, at one store each.
    pub(crate) fn states(&self, thresholds: &Thresholds) -> [(&'static str, usize); 2] {
        let own = || self.profiles.iter().filter(|((kind, ..), _)| *kind == OWN);
        let known = own().filter(|(_, profile)| profile.days >= thresholds.baseline_days).count();
        [("learning", own().count() - known), ("known", known)]
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len() + self.profiles.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.live.evicted + self.profiles.evicted
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.live.changes(rows);
        self.profiles.changes(rows);
    }

    /// Takes rows back; gives the highest clock among them.
    pub(crate) fn restore(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) -> u64 {
        let live = rows.iter().filter_map(|(key, value)| self.live.read(key, value)).collect();
        let profiles = rows.iter().filter_map(|(key, value)| self.profiles.read(key, value)).collect();
        self.live.fill(live).max(self.profiles.fill(profiles))
    }
}

/// Counts a touch; says whether it grew so much that it is judged.
fn count(live: &mut Live, o: &Observation<'_>, touch: &Touch<'_>) -> bool {
    let mut more = false;
    for identifier in &o.event.identifiers {
        if let Some(domain) = touch.template.domain(identifier.kind, identifier.column) {
            more |= live.people.see(domain, identifier.key.0);
            let nobody = identifier.impossible && touch.rows == Count::Unknown || touch.rows == Count::Known(0);
            if nobody && identifier.kind == IdentifierKind::Iin {
                live.failed.see(domain, identifier.key.0);
            }
        }
    }
    let taken = touch.delta.filter(|delta| delta.events > 0 || delta.rows.known().is_some()).map_or(0, |delta| {
        let limit = o.statement().and_then(|statement| statement.limit).filter(|_| touch.template.personal);
        delta.rows.known().or(limit).unwrap_or(0)
    });
    live.taken = live.taken.saturating_add(taken);
    if o.walks() && touch.template.personal {
        live.walked = live.walked.saturating_add(taken);
    }
    if let Some(rows) = touch.delta.and_then(|delta| delta.rows.known()) {
        live.rows = live.rows.saturating_add(rows);
        live.counted = true;
    }
    let mut judged = false;
    let people = if more { live.people.count() } else { 0 };
    for (next, count) in live.next.iter_mut().zip([people, live.rows]) {
        if count > *next {
            *next = count + count / 8;
            judged = true;
        }
    }
    for (next, count) in live.next_more.iter_mut().zip([live.failed.count(), live.taken]) {
        if count > *next {
            *next = count + count / 8;
            judged = true;
        }
    }
    judged
}

/// Whether a declared job would explain it, were its rows known.
fn job_may_run(policy: &Policy, o: &Observation<'_>, touch: &Touch<'_>) -> bool {
    let standing = policy.standing(&o.event.actor, &touch.template.store.name, touch.template.doing);
    standing.rules.iter().any(|rule| policy.grant(*rule).job && policy.runs(*rule, o.event.at))
}

/// How much more than expected the other members do today.
fn rush(own: &Profile, peers: Option<&Profile>, day: i64) -> [f64; 2] {
    let Some(all) = peers.map(|peers| &peers.flow).filter(|flow| flow.day == day) else { return [1.0, 1.0] };
    let mine = if own.flow.day == day { own.flow.clone() } else { profile::Flow::default() };
    [PEOPLE, ROWS].map(|which| {
        let expected = all.expected[which].saturating_sub(mine.expected[which]);
        let actual = all.actual[which].saturating_sub(mine.actual[which]);
        if expected < FLOW[which] { 1.0 } else { (actual as f64 / expected as f64).clamp(1.0, RUSH) }
    })
}
