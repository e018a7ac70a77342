//! Proposes the least access policy that observed work needs. Never trains on incidents: what stands near one is left out.

use super::Doing;
use crate::resolve::Resolver;
use crate::{Catalogue, Detection, Thresholds};
use kuzet_event::{Action, Actor, Client, Event, Flag, Outcome, Timestamp, UNTOLD, Witness};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 3_600_000_000;
/// Roles, persons and stores that are learnt; more than an organisation has.
const PLACES: usize = 4_096;
/// Clients and programs named one by one; more of them restrict nothing that a person could read.
const NAMES: usize = 32;
/// People counted exactly within an hour.
const PEOPLE: usize = 100_000;
/// From that many sessions' worth of minutes on, hours mean something.
const ENOUGH: u64 = 20;

/// One role, or one person behind it, on one store: role, person, store.
type Place = (String, String, String);

fn place(actor: &Actor, store: &str) -> Place {
    (actor.user.to_string(), actor.person.to_string(), store.to_owned())
}

/// What was done, added up.
#[derive(Clone, Debug, Default)]
struct Work {
    events: u64,
    doing: u8,
    clients: BTreeSet<String>,
    programs: BTreeSet<String>,
    /// Hours of the week, from Monday 00:00.
    hours: BTreeSet<u8>,
    most_rows: u64,
    rows_unknown: bool,
}

#[derive(Default)]
struct Learning {
    kept: Work,
    minutes: u64,
    /// Minutes that may still turn out to stand near an incident.
    waiting: VecDeque<(i64, Work)>,
    /// Until when nothing is learnt, because of an incident.
    tainted: i64,
    left_out: u64,
    /// What the incidents were.
    kinds: BTreeSet<&'static str>,
    people: BTreeMap<i64, BTreeSet<u128>>,
    most_people: u64,
}

/// Watches events and detections; see [`Learner::proposal`].
pub struct Learner {
    resolver: Resolver,
    offset_seconds: i32,
    /// How near is near.
    window: i64,
    story: i64,
    places: BTreeMap<Place, Learning>,
    crowded: u64,
    latest: i64,
}

/// A proposed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The policy file, commented.
    pub toml: String,
    /// Rules in it.
    pub rules: usize,
    /// Events it stands on.
    pub events: u64,
    /// Events left out because an incident stood near them.
    pub left_out: u64,
    /// Work that nothing is proposed for, each in words: who on which store, and why.
    pub refused: Vec<String>,
}

impl Learner {
    /// Knows the stores of `catalogue`.
    #[must_use]
    pub fn new(catalogue: Catalogue, thresholds: &Thresholds) -> Learner {
        let micros = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX / MINUTE).saturating_mul(1_000_000);
        Learner {
            resolver: Resolver::new(catalogue, thresholds.max_copies),
            offset_seconds: thresholds.offset_seconds,
            window: micros(thresholds.window_seconds),
            story: micros(thresholds.story_seconds),
            places: BTreeMap::new(),
            crowded: 0,
            latest: i64::MIN,
        }
    }

    /// One event and what it completed.
    pub fn observe(&mut self, event: &Event, detections: &[Detection]) {
        for detection in detections {
            self.taint(detection);
        }
        self.latest = self.latest.max(event.at.0);
        if event.action != Action::Statement || event.witness == Witness::Measure || event.outcome == Outcome::Failure {
            return;
        }
        for template in self.resolver.touches(event).iter().filter(|template| !template.vague) {
            let place = place(&event.actor, &template.store.name);
            if self.places.len() >= PLACES && !self.places.contains_key(&place) {
                self.crowded += 1;
                continue;
            }
            let learning = self.places.entry(place).or_default();
            learning.settle(self.latest.saturating_sub(self.window));
            if event.at.0 <= learning.tainted {
                learning.left_out += 1;
                continue;
            }
            let people = event
                .identifiers
                .iter()
                .filter_map(|one| template.domain(one.kind, one.column).map(|domain| one.key.0 ^ u128::from(domain)));
            learning.note_people(event.at, people);
            learning.note(event, template.doing, self.offset_seconds);
        }
    }

    /// Nothing of the role, or of the person behind it, is learnt from just before the detection until its story is over.
    fn taint(&mut self, detection: &Detection) {
        let actor = &detection.actor;
        let places: Vec<Place> = match &detection.store {
            Some(store) => vec![place(actor, &store.name)],
            // An incident without a store is about the role.
            None => {
                let same = |place: &&Place| place.0 == *actor.user && place.1 == *actor.person;
                self.places.keys().filter(same).cloned().collect()
            }
        };
        for place in places {
            if self.places.len() >= PLACES && !self.places.contains_key(&place) {
                continue;
            }
            let learning = self.places.entry(place).or_default();
            learning.kinds.insert(detection.kind.name());
            learning.tainted = learning.tainted.max(detection.at.0.saturating_add(self.story));
            let from = detection.since.0.saturating_sub(self.window);
            let near = |minute: i64| minute.saturating_add(MINUTE) > from;
            learning.left_out +=
                learning.waiting.iter().filter(|(minute, _)| near(*minute)).map(|(_, work)| work.events).sum::<u64>();
            learning.waiting.retain(|(minute, _)| !near(*minute));
            learning.people.retain(|hour, _| !near(hour.saturating_add(HOUR - MINUTE)));
        }
    }

    /// The least policy that lets everything pass that was learnt.
    #[must_use]
    pub fn proposal(mut self) -> Proposal {
        let mut proposal = Proposal { toml: HEAD.to_owned(), rules: 0, events: 0, left_out: 0, refused: Vec::new() };
        self.places.values_mut().for_each(|learning| learning.settle(i64::MAX));
        let named = |place: &Place| !place.1.is_empty() && place.1 != UNTOLD;
        let told: BTreeSet<String> =
            self.places.iter().filter(|(place, _)| named(place)).map(|(place, _)| place.0.clone()).collect();
        for (place, learning) in &self.places {
            proposal.left_out += learning.left_out;
            match learning.refusal(place, told.contains(&place.0)) {
                Some(why) if learning.kept.events + learning.left_out > 0 => {
                    let (role, person, store) = place;
                    let who = if named(place) { format!("{person} through {role}") } else { role.clone() };
                    proposal.refused.push(format!("{who} on {store}: {why}"));
                }
                Some(_) => {}
                None => {
                    proposal.events += learning.kept.events;
                    learning.rule(place, self.offset_seconds, &mut proposal.toml);
                    proposal.rules += 1;
                }
            }
        }
        for refused in &proposal.refused {
            let _ = writeln!(proposal.toml, "# nothing is proposed for {refused}");
        }
        if self.crowded > 0 {
            let _ = writeln!(proposal.toml, "# {} events of further roles were not looked at", self.crowded);
        }
        proposal
    }
}

const HEAD: &str = "\
# Proposed from observed logs by `kuzet policy learn`. It allows what was done and nothing else: read it as a list of
# questions, widen what is meant, strike what is not. Work near incidents was left out.

";

impl Learning {
    fn note(&mut self, event: &Event, doing: Doing, offset_seconds: i32) {
        let minute = event.at.0.div_euclid(MINUTE) * MINUTE;
        let place = self.waiting.partition_point(|(other, _)| *other < minute);
        if self.waiting.get(place).is_none_or(|(other, _)| *other != minute) {
            self.waiting.insert(place, (minute, Work::default()));
        }
        let work = &mut self.waiting[place].1;
        work.events += 1;
        work.doing |= 1 << doing as u8;
        if work.clients.len() <= NAMES && event.actor.client != Client::Unknown {
            work.clients.insert(event.actor.client.to_string());
        }
        if work.programs.len() <= NAMES {
            work.programs.insert(event.actor.program.to_string());
        }
        let (_, _, _, hour, ..) = event.at.civil(offset_seconds);
        work.hours.insert(event.at.weekday(offset_seconds) * 24 + hour);
        match event.rows.known() {
            Some(rows) => work.most_rows = work.most_rows.max(rows),
            None => work.rows_unknown |= event.statement.as_ref().is_some_and(|one| !one.flags.has(Flag::Pointed)),
        }
    }

    fn note_people(&mut self, at: Timestamp, people: impl Iterator<Item = u128>) {
        let hour = at.0.div_euclid(HOUR) * HOUR;
        let seen = self.people.entry(hour).or_default();
        seen.extend(people.take(PEOPLE.saturating_sub(seen.len())));
        while self.people.len() > 2 {
            let Some((_, seen)) = self.people.pop_first() else { break };
            self.most_people = self.most_people.max(seen.len() as u64);
        }
    }

    /// What is older than `until` stands near no incident.
    fn settle(&mut self, until: i64) {
        while let Some((minute, _)) = self.waiting.front()
            && *minute < until
            && let Some((_, work)) = self.waiting.pop_front()
        {
            self.kept.add(work);
            self.minutes += 1;
        }
        if until == i64::MAX {
            let most = self.people.values().map(|seen| seen.len() as u64).max().unwrap_or(0);
            self.most_people = self.most_people.max(most);
        }
    }

    /// Why nothing is proposed. `told`: others behind the role are named.
    fn refusal(&self, (_, person, _): &Place, told: bool) -> Option<String> {
        if self.kept.events == 0 {
            let kinds: Vec<&str> = self.kinds.iter().copied().collect();
            // Exports and changes in bulk are what jobs are made of.
            let job = ["export", "bulk_read", "copy", "mass_change", "out_of_hours"];
            let hint =
                if kinds.iter().all(|kind| job.contains(kind)) { "; if it is a job, declare it as one" } else { "" };
            let why = format!("all of its {} events stand near incidents ({}){hint}", self.left_out, kinds.join(", "));
            return Some(why);
        }
        let events = self.kept.events;
        match person.as_str() {
            UNTOLD if told => Some(format!(
                "for {events} events the application did not tell the person; a rule would allow everybody"
            )),
            person if person.contains('*') => {
                Some("the name of the person is a pattern; a rule would allow others".to_owned())
            }
            _ => None,
        }
    }

    fn rule(&self, (role, person, store): &Place, offset_seconds: i32, out: &mut String) {
        let work = &self.kept;
        let may = Doing::ALL.iter().filter(|(_, doing)| work.doing & (1 << *doing as u8) != 0);
        let may: Vec<String> = may.map(|(name, _)| quoted(name)).collect();
        let _ = writeln!(out, "# {} events in {} minutes", work.events, self.minutes);
        if person == UNTOLD {
            let _ = writeln!(out, "# the role is shared and nobody was named: this allows everybody behind it");
        }
        let _ = writeln!(out, "[[allow]]\nrole = {}", quoted(role));
        if !person.is_empty() && person != UNTOLD {
            let _ = writeln!(out, "person = {}", quoted(person));
        }
        let _ = writeln!(out, "store = {}\nmay = [{}]", quoted(store), may.join(", "));
        let list = |names: &BTreeSet<String>| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        for (key, names) in [("client", &work.clients), ("program", &work.programs)] {
            if names.len() > NAMES {
                let _ = writeln!(out, "# {key}: more than {NAMES} were seen");
            } else if !names.is_empty() {
                let _ = writeln!(out, "{key} = [{}]", list(names));
            }
        }
        if self.minutes >= ENOUGH {
            let _ =
                writeln!(out, "hours = {}\noffset = {}", quoted(&hours(&work.hours)), quoted(&offset(offset_seconds)));
        } else {
            let _ = writeln!(out, "# hours: too little was seen to say");
        }
        if work.rows_unknown {
            let _ = writeln!(out, "# max_rows: the log does not give the rows of all statements");
        } else if work.most_rows > 0 {
            let _ = writeln!(out, "max_rows = {} # most seen: {}", round(work.most_rows), work.most_rows);
        }
        if self.most_people > 0 {
            let _ =
                writeln!(out, "max_people_per_hour = {} # most seen: {}", round(self.most_people), self.most_people);
        }
        let _ = writeln!(out, "reason = \"observed; confirm with the owner\"\n");
    }
}

impl Work {
    fn add(&mut self, other: Work) {
        self.events += other.events;
        self.doing |= other.doing;
        let join = |names: &mut BTreeSet<String>, more: BTreeSet<String>| {
            let room = (NAMES + 1).saturating_sub(names.len());
            let more: Vec<String> = more.into_iter().filter(|name| !names.contains(name)).take(room).collect();
            names.extend(more);
        };
        join(&mut self.clients, other.clients);
        join(&mut self.programs, other.programs);
        self.hours.extend(other.hours);
        self.most_rows = self.most_rows.max(other.most_rows);
        self.rows_unknown |= other.rows_unknown;
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The next 1, 2 or 5 with zeros: a limit that is met every day is none.
fn round(number: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let limit = unit.saturating_mul(step);
            if limit >= number {
                return limit;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// Hours of the week as the policy writes them: days with the same hours together, from the first to the last hour.
fn hours(seen: &BTreeSet<u8>) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let spans: Vec<Option<(u8, u8)>> = (0..7_u8)
        .map(|day| {
            let mut of_day = seen.iter().filter(|hour| **hour / 24 == day).map(|hour| hour % 24);
            let first = of_day.next()?;
            Some((first, of_day.next_back().unwrap_or(first) + 1))
        })
        .collect();
    let mut parts: Vec<String> = Vec::new();
    let mut day = 0;
    while day < 7 {
        let Some((from, to)) = spans[day] else {
            day += 1;
            continue;
        };
        let last = (day..7).take_while(|other| spans[*other] == spans[day]).last().unwrap_or(day);
        let days = if last == day { DAYS[day].to_owned() } else { format!("{}-{}", DAYS[day], DAYS[last]) };
        parts.push(format!("{days} {from:02}:00-{to:02}:00"));
        day = last + 1;
    }
    parts.join(", ")
}

fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{CATALOGUE, Spec, event};
    use crate::{Detectors, Policy, Severities};

    fn step(seconds: i64, rows: u64, person: u16) -> Event {
        event(&Spec {
            seconds,
            user: 0,
            client: 0,
            session: 1,
            number: u64::try_from(seconds).unwrap() + 1,
            form: 0,
            rows: Some(rows),
            person,
            outcome: 1,
            witness: Witness::Audit,
        })
    }

    fn learnt(events: &[Event]) -> Proposal {
        let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
        let thresholds = Thresholds::default();
        let mut detectors = Detectors::new(catalogue.clone(), None, thresholds.clone(), Severities::default());
        let mut learner = Learner::new(catalogue, &thresholds);
        for event in events {
            let mut detections = Vec::new();
            detectors.observe(event, &mut detections);
            learner.observe(event, &detections);
        }
        learner.proposal()
    }

    #[test]
    fn what_was_learnt_passes_and_what_was_not_does_not() {
        let events: Vec<Event> = (0..40).map(|n| step(i64::from(n) * 90, 1, n)).collect();
        let proposal = learnt(&events);
        assert_eq!((proposal.rules, proposal.events, proposal.left_out), (1, 40, 0), "{}", proposal.toml);
        let policy = Policy::parse(&proposal.toml, "proposed.toml").unwrap();
        let told = |events: &[Event]| {
            let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
            let mut detectors =
                Detectors::new(catalogue, Some(policy.clone()), Thresholds::default(), Severities::default());
            let mut detections = Vec::new();
            events.iter().for_each(|event| detectors.observe(event, &mut detections));
            detections.len()
        };
        assert_eq!(told(&events), 0, "{}", proposal.toml);
        let mut elsewhere = step(100, 1, 1);
        elsewhere.actor = std::sync::Arc::new(kuzet_event::Actor {
            client: Client::Address("203.0.113.9".parse().unwrap()),
            ..(*elsewhere.actor).clone()
        });
        assert_eq!(told(&[elsewhere]), 1);
    }

    #[test]
    fn an_incident_is_not_trained_on() {
        let mut events: Vec<Event> = (0..40).map(|n| step(i64::from(n) * 90, 1, n)).collect();
        events.push(step(3_700, 9_000, 1));
        events.extend((0..5).map(|n| step(3_760 + i64::from(n), 1, n)));
        let proposal = learnt(&events);
        assert!(proposal.left_out > 5 && proposal.events < 40, "{proposal:?}");
        assert!(!proposal.toml.contains("9000") && !proposal.toml.contains("10000"), "{}", proposal.toml);
        let only = learnt(&[step(0, 9_000, 1)]);
        assert_eq!((only.rules, only.refused.len()), (0, 1), "{}", only.toml);
    }

    /// 10:00 of a working day.
    const MORNING: i64 = 45450;

    fn by(person: &str, mut event: Event) -> Event {
        event.actor = std::sync::Arc::new(Actor { person: person.into(), ..(*event.actor).clone() });
        event
    }

    #[test]
    fn persons_behind_a_shared_role_get_rules_of_their_own() {
        let clerk = |n: u16| ["clerk1", "clerk2", "clerk3", "*", UNTOLD][usize::from(n % 5)];
        let mut events: Vec<Event> = (0..60).map(|n| by(clerk(n), step(MORNING + i64::from(n) * 90, 1, n))).collect();
        // All that the third does stands near this.
        events.insert(2, by("clerk3", step(MORNING + 180, 9_000, 1)));
        let first: Vec<Event> = events.iter().filter(|one| *one.actor.person != *"clerk3").cloned().collect();
        let proposal = learnt(&first);
        assert_eq!((proposal.rules, proposal.refused.len()), (2, 2), "{}", proposal.toml);
        assert!(
            proposal.refused.iter().any(|why| why.contains("for 12 events the application did not tell the person"))
        );
        let policy = Policy::parse(&proposal.toml, "proposed.toml").unwrap();
        let allows = |person: &str| {
            let actor = by(person, step(MORNING + 900, 1, 1)).actor.clone();
            let question =
                crate::Question { actor: &actor, store: "borrowers", action: "read", at: first[0].at, rows: Some(1) };
            policy.explain(&question).unwrap().iter().any(|opinion| opinion.fails.is_none())
        };
        assert_eq!(["clerk1", "clerk2", "clerk9", UNTOLD].map(allows), [true, true, false, false], "{}", proposal.toml);

        let third: Vec<Event> = events.iter().filter(|one| *one.actor.person == *"clerk3").take(4).cloned().collect();
        let proposal = learnt(&third);
        let told = "clerk3 through app on borrowers: all of its 4 events stand near incidents (bulk_read";
        assert_eq!(proposal.rules, 0);
        assert!(proposal.refused[0].starts_with(told) && proposal.toml.contains(&proposal.refused[0]), "{proposal:?}");

        let nobody: Vec<Event> = (0..40).map(|n| by(UNTOLD, step(MORNING + i64::from(n) * 90, 1, n))).collect();
        let proposal = learnt(&nobody);
        assert!(proposal.rules == 1 && proposal.toml.contains("# the role is shared"), "{}", proposal.toml);
    }

    #[test]
    fn limits_and_hours_are_round() {
        assert_eq!([0, 1, 3, 7, 11, 300, 501].map(round), [1, 1, 5, 10, 20, 500, 1000]);
        let week: BTreeSet<u8> = [8, 17, 24 + 8, 24 + 17, 48 + 9].into();
        assert_eq!(hours(&week), "Mon-Tue 08:00-18:00, Wed 09:00-10:00");
        assert_eq!((offset(18_000), offset(-12_600)), ("+05:00".to_owned(), "-03:30".to_owned()));
    }
}
