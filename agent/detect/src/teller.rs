//! What detectors see of one event, and how what they find becomes a detection: counted once, then only added to.

use crate::account::{Account, Delta};
use crate::baseline::Strange;
use crate::canary::Met;
use crate::catalogue::sort_categories;
use crate::flows::Passage;
use crate::folders::Known;
use crate::hands::Tally;
use crate::known::News;
use crate::policy::Condition;
use crate::resolve::{Identity, Template};
use crate::{Detection, Kind, Rule, Severities, Severity, Thresholds, Transfer};
use kuzet_event::{Actor, Count, Event, Flag, Flags, Holding, Outcome, Phase, SessionId, Statement, Verb};
use smallvec::SmallVec;
use std::sync::Arc;

/// Clause 5.5 of the policy: prevent unauthorised access, detect it in time, minimise its consequences.
pub(crate) const CLAUSE: &str = "5.5";

/// Nothing was done to files.
static NO_FILES: Tally = Tally { files: 0, strange: None };

/// One event, with what was worked out once for all detectors.
pub(crate) struct Observation<'a> {
    pub(crate) event: &'a Event,
    pub(crate) who: Identity,
    /// The record tells a statement that an earlier one told.
    pub(crate) same: bool,
    /// How a change of this event ended, as far as can be known now.
    pub(crate) change_outcome: Outcome,
    /// It touches a store of personal data.
    pub(crate) touches: bool,
    /// The server refused it for want of a privilege: nothing moved.
    pub(crate) denied: bool,
    /// The server shows it, and the log, which had its time, does not.
    pub(crate) untraced: bool,
}

impl Observation<'_> {
    /// What is said of an act without a trace.
    pub(crate) fn trace(&self) -> &'static str {
        match (self.untraced, self.event.actor.user.is_empty()) {
            (false, _) => "",
            (true, false) => "; the log does not show it",
            (true, true) => "; no statement in the log explains it",
        }
    }

    pub(crate) fn statement(&self) -> Option<&Statement> {
        self.event.statement.as_deref()
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags().has(flag)
    }

    pub(crate) fn flags(&self) -> Flags {
        self.statement().map_or(Flags::NONE, |statement| statement.flags)
    }

    pub(crate) fn verb(&self) -> Verb {
        self.statement().map_or(Verb::Unknown, |statement| statement.verb)
    }

    /// Whether its conditions are ranges of keys and nothing that names a value: `id < 3000` is a part of the table, or all.
    pub(crate) fn walks(&self) -> bool {
        self.has(Flag::KeyRange) && !self.has(Flag::Pointed) && !self.has(Flag::Aggregate)
    }

    /// What its rows are, and where they come together.
    pub(crate) fn units(&self) -> (&'static str, &'static str) {
        match self.event.file {
            Some(_) => ("people", "in one file"),
            None => ("rows", "in one statement"),
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.event.outcome == Outcome::Failure
    }

    /// How a read ended. One that was broken off has sent rows, and nobody knows how many.
    pub(crate) fn read_outcome(&self) -> Outcome {
        let code = self.event.code.as_str();
        if self.failed() && !code.is_empty() && interrupted(code) { Outcome::Unknown } else { self.event.outcome }
    }

    /// Whether it failed before a row moved: refused, not understood, no such table. A statement that was cancelled may
    /// have sent rows.
    pub(crate) fn void(&self) -> bool {
        self.failed() && (self.denied || !interrupted(self.event.code.as_str()))
    }
}

/// SQLSTATE, error number or status of the server for want of a privilege; EACCES, as far as a code is long.
pub(crate) fn refused(code: &str) -> bool {
    matches!(
        code,
        "EACCE" | "403" | "42501" | "28000" | "1044" | "1045" | "1142" | "1143" | "1227" | "1370" | "1410" | "1698"
    )
}

/// Cancelled, killed, timed out or cut off in the middle.
fn interrupted(code: &str) -> bool {
    code.is_empty()
        || code.starts_with("57")
        || code.starts_with("08")
        || matches!(code, "1317" | "1927" | "1969" | "3024" | "1152" | "1160" | "1161" | "1159" | "1158")
}

/// What the access policy says of one touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no policy.
    Off,
    /// A rule allows it.
    Allowed(Grant),
    /// None does; the nearest rule and the condition that failed.
    Denied(Option<(u16, Condition)>),
}

/// What the rule that allows it says beyond that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) rule: u16,
    /// It says when.
    pub(crate) hours: bool,
    pub(crate) exports: bool,
    /// It is a declared job: what it does is expected.
    pub(crate) job: bool,
    pub(crate) max_rows: Option<u64>,
    pub(crate) max_people_per_hour: Option<u64>,
}

/// One store that the event touches.
pub(crate) struct Touch<'a> {
    pub(crate) template: &'a Template,
    /// Rows of the whole statement as far as its records told them.
    pub(crate) rows: Count,
    /// What the event adds; gone once a detection took it.
    pub(crate) delta: Option<Delta>,
    /// People that the event names, by domain.
    pub(crate) own: SmallVec<[(u32, u128); 2]>,
    /// How many it asks for, found or not.
    pub(crate) named: u64,
    pub(crate) verdict: Verdict,
    pub(crate) bucket: i64,
    /// Rows of the window's sum, this event included.
    pub(crate) window_rows: u64,
    /// A detection of change, privilege or audit told this event: the policy need not tell it again.
    pub(crate) told: bool,
    /// A detection told it as a change.
    pub(crate) changed: Option<Kind>,
    /// Points of an injection that the event completes.
    pub(crate) injection: Option<u64>,
    /// More people may stand behind the rows than the rows say.
    pub(crate) hidden: bool,
    /// A detection told it as a copy.
    pub(crate) copied: bool,
    /// The canary that it asks for.
    pub(crate) canary: Option<Met>,
    /// What a job has come to today, where it breaks a limit of the day.
    pub(crate) daily: u64,
    /// What is new about it.
    pub(crate) news: News,
    /// What is unlike the principal's past.
    pub(crate) strange: Strange,
    /// Rules that match the event.
    pub(crate) rulings: &'a [(Kind, Ruling)],
    /// What the account did to files of the store before.
    pub(crate) files: &'a Tally,
}

/// A rule that matches the event.
pub(crate) struct Ruling {
    pub(crate) about: Arc<Rule>,
    /// Least severity.
    pub(crate) least: Option<Severity>,
    /// It says so for the first time in the principal's story.
    pub(crate) fresh: bool,
    /// Selections and fields.
    pub(crate) because: String,
}

impl<'a> Touch<'a> {
    /// A touch that nobody looked at yet.
    pub(crate) fn new(template: &'a Template, delta: Delta, rows: Count, bucket: i64) -> Touch<'a> {
        Touch {
            template,
            rows,
            delta: Some(delta),
            own: SmallVec::new(),
            named: 0,
            verdict: Verdict::Off,
            bucket,
            window_rows: 0,
            told: false,
            changed: None,
            injection: None,
            hidden: false,
            copied: false,
            canary: None,
            daily: 0,
            news: News::default(),
            strange: Strange::default(),
            rulings: &[],
            files: &NO_FILES,
        }
    }

    pub(crate) fn persons(&self) -> Count {
        self.template.store.persons
    }

    /// Whether the text lets in only rows of the people it names.
    pub(crate) fn asked(&self, o: &Observation<'_>) -> bool {
        let flags = o.flags();
        flags.has(Flag::Pointed)
            && self.named > 0
            && o.statement().is_some_and(|statement| !alternatives(&statement.summary))
            && ![Flag::Tautology, Flag::UnionProbe, Flag::Stacked, Flag::Unparsed].iter().any(|flag| flags.has(*flag))
    }

    /// Whether a declared job explains it.
    pub(crate) fn expected(&self) -> bool {
        self.grant().is_some_and(|grant| grant.job)
    }

    /// The rule that allows it, if there is a policy and one does.
    pub(crate) fn grant(&self) -> Option<Grant> {
        match self.verdict {
            Verdict::Allowed(grant) => Some(grant),
            _ => None,
        }
    }
}

/// What a detector says.
pub(crate) struct Call {
    pub(crate) detector: &'static str,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    /// Takes over everything of the window that was not told.
    pub(crate) window: bool,
    /// Tells reasons of one kind apart (a bit): a new one is said in full although the story is open.
    pub(crate) reason_bit: u32,
}

/// What a detector says of a connection.
pub(crate) struct FlowCall {
    pub(crate) detector: &'static str,
    pub(crate) kind: Kind,
    /// People or rows that may be in it.
    pub(crate) volume: Count,
    /// It was not said before.
    pub(crate) fresh: bool,
}

/// Turns calls into detections.
pub(crate) struct Teller<'a> {
    pub(crate) thresholds: &'a Thresholds,
    pub(crate) severities: &'a Severities,
    pub(crate) out: &'a mut Vec<Detection>,
}

impl Teller<'_> {
    /// Tells what was found of one touch. Later events of an open story only add their counts, without words.
    pub(crate) fn tell(
        &mut self,
        o: &Observation<'_>,
        touch: &mut Touch<'_>,
        account: &mut Account,
        call: Call,
        reason: impl FnOnce() -> String,
    ) {
        let claimed = account.claim(o.event.at, touch.delta.take(), call.window, &touch.own);
        let (fresh, before) = account.prolong(call.kind, o.event.at, call.outcome, 1 << call.reason_bit);
        let moved = claimed.events > 0 || claimed.rows.known().is_some_and(|rows| rows > 0);
        let failed_now = call.outcome == Outcome::Failure && before != Some(Outcome::Failure);
        if !fresh && !moved && !failed_now {
            return;
        }
        let persons = touch.persons();
        let hidden = touch.hidden || claimed.unknown;
        let volume = self.severities.volume(account.volume(hidden, persons));
        let template = touch.template;
        self.out.push(Detection {
            detector: call.detector,
            rule: None,
            kind: call.kind,
            severity: self.severities.answer(call.kind, volume, call.outcome, Some(template.store.class)),
            clause: CLAUSE,
            since: claimed.since,
            at: o.event.at,
            place: o.event.place,
            actor: Arc::clone(&o.event.actor),
            session: o.event.session,
            store: Some(Arc::clone(&template.store)),
            relations: template.relations.clone(),
            categories: template.categories.clone(),
            outcome: call.outcome,
            statement: o.event.statement.clone(),
            people_at_most: people_at_most(o, touch, claimed.events, claimed.rows, hidden),
            witness: o.event.witness,
            measures: false,
            events: claimed.events,
            rows: claimed.rows,
            people: claimed.people,
            transfer: None,
            reason: match &template.through {
                Some(name) if fresh => format!("{}, through {name}", reason()),
                None if fresh => reason(),
                _ => String::new(),
            },
        });
    }

    /// The detection that was just told comes from a rule. Beside the stores its level says how bad it is; on a store the
    /// table may say more, by what was moved.
    pub(crate) fn ruled(&mut self, ruling: &Ruling) {
        if let Some(detection) = self.out.last_mut() {
            let least = ruling.least.unwrap_or(detection.severity);
            detection.severity = if detection.store.is_some() { detection.severity.max(least) } else { least };
            detection.rule = Some(Arc::clone(&ruling.about));
        }
    }

    /// Tells what was found of one connection. What goes on is told without words.
    pub(crate) fn tell_flow(&mut self, p: &Passage<'_>, call: FlowCall, reason: impl FnOnce() -> String) {
        self.tell_transfer(p.event, p.transfer(), call, p.flow.phase == Phase::Closed, reason);
    }

    /// The same of anything that data leaves by; `last`: it is over.
    pub(crate) fn tell_transfer(
        &mut self,
        event: &Event,
        transfer: Arc<Transfer>,
        call: FlowCall,
        last: bool,
        reason: impl FnOnce() -> String,
    ) {
        let volume = self.severities.volume(call.volume);
        self.out.push(Detection {
            detector: call.detector,
            rule: None,
            kind: call.kind,
            severity: self.severities.answer(call.kind, volume, Outcome::Success, None),
            clause: CLAUSE,
            since: transfer.since.min(event.at),
            at: event.at,
            place: event.place,
            actor: Arc::clone(&event.actor),
            session: event.session,
            store: None,
            relations: Vec::new(),
            categories: Vec::new(),
            outcome: Outcome::Success,
            statement: None,
            witness: event.witness,
            measures: false,
            events: u64::from(call.fresh || last),
            rows: Count::Known(0),
            people_at_most: Count::Known(0),
            people: Vec::new(),
            transfer: Some(transfer),
            reason: if call.fresh { reason() } else { String::new() },
        });
    }

    /// Tells what an inspection found in a folder.
    pub(crate) fn tell_holding(
        &mut self,
        o: &Observation<'_>,
        detector: &'static str,
        kind: Kind,
        known: &Known,
        persons: u64,
        reason: String,
    ) {
        let holding = o.event.file.as_ref().and_then(|act| act.holding.as_deref());
        let mut people = holding.map(|holding| holding.people.clone()).unwrap_or_default();
        people.sort_unstable();
        people.dedup();
        let volume = self.severities.volume(Count::Known(persons));
        let categories = holding.map(categories).unwrap_or_default();
        self.out.push(Detection {
            detector,
            rule: None,
            kind,
            severity: self.severities.answer(kind, volume, o.event.outcome, Some(known.store.class)),
            clause: CLAUSE,
            since: o.event.at,
            at: o.event.at,
            place: o.event.place,
            actor: Arc::clone(&o.event.actor),
            session: SessionId(0),
            store: Some(Arc::clone(&known.store)),
            relations: Vec::new(),
            categories,
            outcome: o.event.outcome,
            statement: None,
            witness: o.event.witness,
            measures: false,
            events: 1,
            rows: Count::Known(0),
            people_at_most: if holding.is_some_and(|one| one.encrypted) {
                Count::Unknown
            } else {
                Count::Known(persons)
            },
            people,
            transfer: None,
            reason,
        });
    }

    /// Tells what belongs to no store.
    pub(crate) fn tell_server(
        &mut self,
        o: &Observation<'_>,
        actor: &Arc<Actor>,
        call: &Call,
        events: u64,
        reason: String,
    ) {
        // How far an act goes that left no trace nobody can say.
        let volume = self.severities.volume(if o.untraced { Count::Unknown } else { Count::Known(0) });
        self.out.push(Detection {
            detector: call.detector,
            rule: None,
            kind: call.kind,
            severity: self.severities.answer(call.kind, volume, call.outcome, None),
            clause: CLAUSE,
            since: o.event.at,
            at: o.event.at,
            place: o.event.place,
            actor: Arc::clone(actor),
            session: if Arc::ptr_eq(actor, &o.event.actor) { o.event.session } else { SessionId(0) },
            store: None,
            relations: o.event.relations().to_vec(),
            categories: Vec::new(),
            outcome: call.outcome,
            statement: o.event.statement.clone(),
            witness: o.event.witness,
            measures: false,
            events,
            rows: Count::Known(0),
            people_at_most: Count::Known(0),
            people: Vec::new(),
            transfer: None,
            reason,
        });
    }
}

/// Codes of the categories of what an inspection found.
pub(crate) fn categories(holding: &Holding) -> Vec<Arc<str>> {
    let code = |name: &str| kuzet_personal::Kind::ALL.into_iter().find(|kind| kind.name() == name)?.category();
    let mut found: Vec<Arc<str>> =
        holding.kinds.iter().filter_map(|(name, _)| code(name)).map(|one| Arc::from(one.code())).collect();
    sort_categories(&mut found);
    found.dedup();
    found
}

/// Upper bound of the people behind what a detection adds.
fn people_at_most(o: &Observation<'_>, touch: &Touch<'_>, events: u64, rows: Count, hidden: bool) -> Count {
    let persons = touch.persons();
    if events == 0 || o.denied {
        return Count::Known(0);
    }
    let capped = |number: u64| Count::Known(persons.known().map_or(number, |persons| number.min(persons)));
    match (rows, hidden) {
        (Count::Known(rows), false) => capped(rows),
        // What the server cut off may let in anybody.
        _ if touch.hidden || events > 1 || o.has(Flag::Truncated) => persons,
        _ => {
            // The text bounds what the log does not count: the values it asks for, its LIMIT.
            let limit = o.statement().and_then(|statement| statement.limit);
            match (touch.asked(o), limit) {
                (true, _) => capped(touch.named),
                (false, Some(limit)) => capped(limit),
                (false, None) => persons,
            }
        }
    }
}

/// Whether an OR or a NOT may let other rows in than the ones asked for.
fn alternatives(summary: &str) -> bool {
    let has = |word: &[u8]| summary.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    has(b" or ") || has(b" not ")
}
