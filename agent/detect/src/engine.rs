//! Runs every detector over every event and keeps what must survive a restart.

mod acts;
mod ends;
mod files;
mod flows;
mod measured;
mod people;
mod rules;
mod state;
#[cfg(test)]
pub(crate) use files::tests as file_tests;
#[cfg(test)]
mod tests;

use crate::account::{Account, AccountKey, BUCKETS};
use crate::baseline::Baselines;
use crate::canary::Canaries;
use crate::chain::{Chain, Reading};
use crate::detectors::{self, DETECTORS, Note, Shared, Standings};
use crate::flows::Flows;
use crate::follow;
use crate::hash::Build;
use crate::jobs::{Jobs, Work};
use crate::known::{Known, News};
use crate::policy::{Condition, Doing, Standing};
use crate::reckon::{Logs, Reckoner, SYSTEMS};
use crate::resolve::{Identity, Resolver, Template};
use crate::rules::{RuleBook, Rules};
use crate::session::{self, Ended, Pending, Session};
use crate::shelf::Shelf;
use crate::silence::Silence;
use crate::teller::{self, Observation, Teller, Touch, Verdict};
use crate::{Catalogue, Counted, Detection, Diagnostic, Family, Kind, Policy, Severities, Thresholds};
use kuzet_event::{Action, Count, Event, Flag, Flags, Outcome, System, Timestamp, Verb, Witness};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::sync::Arc;

/// One row of detector state: a key, and the value that now stands under it (`None`: the row is gone).
pub type Row = (Vec<u8>, Option<Vec<u8>>);

/// Decisions of the policy that are remembered.
const STANDINGS: usize = 8_192;
/// Stores of one event that are looked at.
const MAX_TOUCHES: usize = 16;
/// Idle sessions are forgotten after a day.
const SESSION_MICROS: i64 = 86_400_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;
/// Row of the engine itself.
const SELF_TAG: u8 = b'e';

/// All detectors with their state.
pub struct Detectors {
    resolver: Resolver,
    policy: Option<Policy>,
    thresholds: Thresholds,
    severities: Severities,
    standings: Standings<(u128, u64, u8), Arc<Standing>>,
    accounts: Shelf<AccountKey, Account>,
    sessions: Shelf<u64, Session>,
    known: Known,
    baselines: Baselines,
    shared: Shared,
    reckoner: Reckoner,
    silence: Silence,
    jobs: Jobs,
    flows: Flows,
    chain: Chain,
    /// Latest event time.
    latest: i64,
    /// The same of each system's log.
    logs: Logs,
    /// Keys of people held in all accounts.
    people: usize,
    /// People that were not noted because an account was full.
    crowded: u64,
}

/// What one statement record comes to before detectors see it.
struct Met {
    same: bool,
    ended: Option<Ended>,
    change_outcome: Outcome,
    counts: SmallVec<[(u64, Count, Count); 2]>,
}

impl Detectors {
    /// Detectors without a past.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        policy: Option<Policy>,
        thresholds: Thresholds,
        severities: Severities,
    ) -> Detectors {
        let shared = Shared {
            stories: Shelf::new(b's', thresholds.max_accounts),
            bursts: Shelf::new(b'b', thresholds.max_accounts),
            probes: Shelf::new(b'p', thresholds.max_accounts),
            hands: Shelf::new(b'H', thresholds.max_accounts),
            folders: Arc::default(),
            canaries: Canaries::default(),
            rules: Rules::new(RuleBook::default(), thresholds.offset_seconds.into(), &Key::new([0; 32])),
            clock: 0,
        };
        Detectors {
            jobs: Jobs::new(policy.as_ref()),
            resolver: Resolver::new(catalogue, thresholds.max_copies),
            policy,
            severities,
            standings: Standings::unbounded_with_hasher(Build::default()),
            accounts: Shelf::new(b'a', thresholds.max_accounts),
            sessions: Shelf::new(b't', thresholds.max_sessions),
            known: Known::new(&thresholds),
            baselines: Baselines::new(&thresholds),
            shared,
            reckoner: Reckoner::new(thresholds.max_accounts, thresholds.max_sessions),
            silence: Silence::new(thresholds.max_sessions, thresholds.max_accounts),
            latest: i64::MIN,
            logs: [i64::MIN; SYSTEMS],
            people: 0,
            crowded: 0,
            flows: Flows::new(&thresholds),
            chain: Chain::new(&thresholds),
            thresholds,
        }
    }

    /// Names of all detectors and the kinds that each finds.
    pub fn list() -> impl Iterator<Item = (&'static str, &'static [Kind])> {
        DETECTORS.iter().map(|detector| (detector.name, detector.kinds))
    }

    /// A warning for each declared job that has expired at `now`.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        self.policy.iter().flat_map(move |policy| policy.expired(now))
    }

    /// From now on these numbers and rows are nobody's.
    pub fn watch_canaries(&mut self, canaries: Canaries) {
        self.shared.canaries = canaries;
    }

    /// How many events each declared job explained.
    pub fn expected(&self) -> impl Iterator<Item = (&str, Counted)> {
        self.jobs.counted()
    }

    /// Thresholds that a detector compares with, by name.
    pub fn thresholds_of(name: &str) -> &'static [&'static str] {
        DETECTORS.iter().find(|detector| detector.name == name).map_or(&[], |detector| detector.thresholds)
    }

    /// Appends to `detections` what `event` completes.
    pub fn observe(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        if event.at.0 > self.latest {
            self.latest = event.at.0;
        }
        if event.witness != Witness::Measure {
            let log = &mut self.logs[event.actor.system as usize];
            *log = (*log).max(event.at.0);
        }
        if event.witness != Witness::Measure && event.session.0 != 0 && self.reckoner.measures(event) {
            self.reckoner.know(event, &mut self.shared.clock);
        }
        if let Some(lasted) = self.silence.follow(event, &mut self.shared.clock)
            && !self.reckoner.measures(event)
        {
            self.tell_silent(event, lasted, detections);
        }
        let before = detections.len();
        self.rules_beside(event, detections);
        match event.action {
            Action::Statement => self.statement(event, detections),
            Action::Setting if event.witness == Witness::Measure => self.measured_act(event, false, detections),
            Action::Login | Action::Setting => {
                self.logged_act(event, false, false, detections);
            }
            Action::Logout => self.logout(event, detections),
            Action::Seen => self.seen(event, detections),
            Action::Server if event.witness == Witness::Measure => {
                self.reckoner.begin(event, &mut self.shared.clock);
                self.tell_missing(event.at, detections);
            }
            Action::Missing => self.tell_gap(event, detections),
            Action::Network | Action::Request => self.flow(event, before, detections),
            Action::Process => self.started(event),
            Action::File => self.file(event, detections),
            Action::Server | Action::Host => {}
        }
    }

    /// Lets time pass when no event comes: what waits for the log is told, what is idle for long is forgotten. `now` is the
    /// time up to which every source was read.
    pub fn tick(&mut self, now: Timestamp, detections: &mut Vec<Detection>) {
        self.tell_acts(now.0, detections);
        let now = now.0.min(self.latest);
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let story = seconds(self.thresholds.story_seconds.max(self.thresholds.login_after_seconds));
        let idle = now.saturating_sub(HOUR_MICROS.max(story).max(seconds(self.thresholds.window_seconds)));
        while self.accounts.oldest().is_some_and(|account| account.latest < idle) {
            let weight = self.accounts.pop().map_or(0, |account| account.weight());
            self.people = self.people.saturating_sub(weight);
        }
        while self.sessions.oldest().is_some_and(|session| session.latest < now.saturating_sub(SESSION_MICROS)) {
            self.sessions.pop();
        }
        while self.shared.stories.oldest().is_some_and(|story| story.last < idle) {
            self.shared.stories.pop();
        }
        while self.shared.hands.oldest().is_some_and(|hand| hand.last < idle) {
            self.shared.hands.pop();
        }
        while self.shared.bursts.oldest().is_some_and(|burst| burst.last < idle) {
            self.shared.bursts.pop();
        }
        self.reckoner.forget(now.saturating_sub(SESSION_MICROS));
        self.silence.forget(now.saturating_sub(SESSION_MICROS));
        self.forget_flows(now, idle);
        while self.shared.probes.oldest().is_some_and(|probe| probe.last < idle) {
            self.shared.probes.pop();
        }
    }

    /// An event that touches no store: privileges, audit, logins, injections.
    fn alone(
        &mut self,
        event: &Event,
        same: bool,
        touches: bool,
        untraced: bool,
        detections: &mut Vec<Detection>,
    ) -> Note {
        let who = self.resolver.identify(&event.actor);
        let denied = event.outcome == Outcome::Failure && teller::refused(event.code.as_str());
        let o = Observation { event, who, same, change_outcome: event.outcome, touches, denied, untraced };
        let mut note = Note::default();
        let mut teller = Teller { thresholds: &self.thresholds, severities: &self.severities, out: detections };
        for detector in DETECTORS {
            if let Some(on_event) = detector.on_event {
                on_event(&o, &mut self.shared, &mut teller, &mut note);
            }
        }
        note
    }

    fn logout(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let who = self.resolver.identify(&event.actor);
        let key = session_key(event, who);
        let ended = self.sessions.remove(key).and_then(|mut session| session.follow(event));
        if let Some(ended) = ended {
            self.settle(event, who, &ended, detections);
        }
    }

    fn statement(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let templates = self.resolver.touches(event);
        if event.witness == Witness::Measure {
            let who = self.resolver.identify(&event.actor);
            self.measured(event, who, &templates, detections);
            if event.actor.system == System::Mongodb && self.rules_meet(event, who, &templates) {
                // Its log has no other record of a statement.
                self.alone(event, false, false, false, detections);
            }
            if stands_out(event) {
                self.measured_act(event, !templates.is_empty(), detections);
            }
            return;
        }
        self.resolver.follow(event, &templates, self.thresholds.export_small_rows, &mut self.shared.clock);
        let canary = templates.is_empty() && self.shared.canaries.met(event).is_some();
        let who = self.resolver.identify(&event.actor);
        let ruled = self.rules_meet(event, who, &templates);
        if templates.is_empty() && !interesting(event) && !canary && !ruled {
            return;
        }
        // server_audit names the tables first and the statement behind them: the statement tells it all, unless the
        // policy forbids what the table's line says already.
        if event.statement.is_none() && event.statement_number != 0 {
            let (policy, standings) = (&self.policy, &mut self.standings);
            let mut verdicts =
                templates.iter().map(|one| judge(policy, standings, event, who, one, None, &mut |_, _| None));
            if !verdicts.any(|verdict| matches!(verdict, Verdict::Denied(_))) {
                return;
            }
        }
        let met = self.meet(event, who, &templates);
        if let Some(ended) = &met.ended {
            self.settle(event, who, ended, detections);
        }
        let mut note = match stands_out(event) || canary || ruled {
            true => self.logged_act(event, met.same, !templates.is_empty(), detections),
            false => Note::default(),
        };
        if templates.is_empty() {
            self.storeless(event, who, met.same, &note, detections);
            return;
        }
        for (template, (events, rows, total)) in templates.iter().zip(&met.counts) {
            let delta = crate::account::Delta { events: *events, rows: *rows };
            self.touch(event, who, &met, template, delta, *total, &note, detections);
            if note.injection.take().is_some()
                && let Some(probe) = self.shared.probes.existing(who.principal, &mut self.shared.clock)
            {
                probe.store = template.store_hash;
            }
        }
    }

    /// What the session knows of this statement.
    fn meet(&mut self, event: &Event, who: Identity, templates: &[Template]) -> Met {
        let (session, _) = self.sessions.entry(session_key(event, who), &mut self.shared.clock);
        let ended = session.follow(event);
        let same = session.meet(event);
        let void = event.outcome == Outcome::Failure && teller::refused(event.code.as_str());
        let rows = match follow::rows(event) {
            _ if void => Count::Known(0),
            _ if session::hides_rows(event) => Count::Unknown,
            rows => rows,
        };
        let counts = templates
            .iter()
            .take(MAX_TOUCHES)
            .map(|template| session.count(template.store_hash, template.changes(), rows))
            .collect();
        Met { same, ended, change_outcome: session.outcome_of_change(event), counts }
    }

    /// A suspicious statement on no store: belongs to the store of the open story, if there is one.
    fn storeless(&mut self, event: &Event, who: Identity, same: bool, note: &Note, detections: &mut Vec<Detection>) {
        let Some(mask) = note.injection else { return };
        let denied = event.outcome == Outcome::Failure && teller::refused(event.code.as_str());
        let o =
            Observation { event, who, same, change_outcome: event.outcome, touches: false, denied, untraced: false };
        let mut teller = Teller { thresholds: &self.thresholds, severities: &self.severities, out: detections };
        let Some(store) = self.resolver.store_named(note.injection_store) else {
            detectors::injection_on_server(&o, &mut teller, mask);
            return;
        };
        let template = Template::beside(store, event.relations());
        let (account, went) = self.accounts.entry(account_key(&template, who), &mut self.shared.clock);
        let width = bucket_micros(&self.thresholds);
        let bucket = account.advance(event.at, width, story_micros(&self.thresholds));
        let delta = crate::account::Delta { events: u64::from(!same), rows: Count::Known(0) };
        let mut touch = Touch::new(&template, delta, Count::Known(0), bucket);
        touch.injection = Some(mask);
        detectors::tell_injection(&o, &mut touch, account, &mut teller, None);
        self.people = self.people.saturating_sub(went.map_or(0, |account| account.weight()));
    }

    #[allow(clippy::too_many_arguments)] // one call; a struct for it would only rename them
    fn touch(
        &mut self,
        event: &Event,
        who: Identity,
        met: &Met,
        template: &Template,
        delta: crate::account::Delta,
        total: Count,
        note: &Note,
        detections: &mut Vec<Detection>,
    ) {
        let (jobs, clock, mut daily) = (&mut self.jobs, &mut self.shared.clock, 0);
        let work = Work { event, store: template.store_hash, rows: delta.rows };
        let mut meet = |policy: &Policy, rule| {
            let (condition, number) = jobs.meet(policy, rule, work, clock)?;
            daily = number;
            Some(condition)
        };
        let verdict = judge(&self.policy, &mut self.standings, event, who, template, total.known(), &mut meet);
        if let (Some(policy), Verdict::Allowed(grant)) = (&self.policy, verdict) {
            self.jobs.expect(policy, grant.rule, delta.events, event.at);
        }
        let denied = event.outcome == Outcome::Failure && teller::refused(event.code.as_str());
        let change_outcome = met.change_outcome;
        let o = Observation { event, who, same: met.same, change_outcome, touches: true, denied, untraced: false };
        let thresholds = &self.thresholds;
        let (store, clock) = ((template.store_hash, &*template.store.name), &mut self.shared.clock);
        // What the policy forbids it tells, and nobody learns it. Who grants privileges on a store was not at it.
        let learns = !matches!(verdict, Verdict::Denied(_))
            && event.outcome != Outcome::Failure
            && template.doing != Doing::Grant;
        let news = if learns { self.known.meet(event, who, store, thresholds, clock) } else { News::default() };
        let key = account_key(template, who);
        let (account, went) = self.accounts.entry(key, &mut self.shared.clock);
        let before = account.weight();
        let width = bucket_micros(thresholds);
        let bucket = account.advance(event.at, width, story_micros(thresholds));
        let mut touch = Touch::new(template, delta, total, bucket);
        (touch.verdict, touch.daily) = (verdict, daily);
        touch.news = news;
        touch.canary = self.shared.canaries.met(event);
        // A declared job has limits of its own, which the policy keeps.
        if learns && !touch.grant().is_some_and(|grant| grant.job) {
            let policy = self.policy.as_ref();
            touch.strange = self.baselines.meet(&o, &touch, policy, thresholds, &mut self.shared.clock);
        }
        touch.told = note.told && template.doing == Doing::Grant;
        touch.injection = note.injection;
        touch.rulings = &note.rulings;
        touch.files = &note.files;
        self.crowded += people::people(&o, &mut touch, account, thresholds, &self.shared.canaries);
        touch.window_rows = account.sum(bucket, people::summed(&o, &touch, thresholds));
        let mut teller = Teller { thresholds, severities: &self.severities, out: detections };
        let first = teller.out.len();
        for detector in DETECTORS {
            if let Some(on_touch) = detector.on_touch {
                on_touch(&o, &mut touch, account, &mut teller, self.policy.as_ref());
            }
        }
        let told = teller.out.len() > first;
        if told && learns {
            let (store, strange) = (template.store_hash, &touch.strange);
            self.baselines.taint(&o, store, strange, &teller.out[first..], &mut self.shared.clock);
        }
        if let Some(delta) = touch.delta.take() {
            account.keep(bucket, event.at, delta);
        }
        let after = account.weight();
        let window_rows = touch.window_rows;
        if let Some(kind) = touch.changed
            && met.change_outcome == Outcome::Unknown
            && let Some(session) = self.sessions.existing(session_key(event, who), &mut self.shared.clock)
        {
            session.await_end(Pending { kind, store: template.store_hash });
        }
        let freed = before + went.map_or(0, |account| account.weight());
        self.people = (self.people + after).saturating_sub(freed);
        while self.people > self.thresholds.max_people && self.accounts.len() > 1 {
            let weight = self.accounts.pop().map_or(0, |account| account.weight());
            self.people = self.people.saturating_sub(weight);
            self.accounts.evicted += 1;
        }
        self.refused(&o, template, first, detections);
        if !o.void() && !template.changes() {
            let rows = delta.rows;
            let reading = Reading { event, key, template, rows, window_rows, told };
            self.was_read(&reading, detections);
        }
        if self.reckoner.measures(event) {
            self.logged(event, who, template, (delta.events, told), detections);
        }
    }
}

/// Whether a statement is looked at as a whole.
fn stands_out(event: &Event) -> bool {
    event.statement.as_ref().is_some_and(|one| one.flags != Flags::NONE || one.verb == Verb::Role)
}

/// Whether an event without a store can matter: it ends a transaction, or has a property that a detector asks for.
fn interesting(event: &Event) -> bool {
    event.statement.as_ref().is_some_and(|statement| {
        const ASKED: [Flag; 15] = [
            Flag::UnionProbe,
            Flag::Tautology,
            Flag::TimeDelay,
            Flag::CatalogProbe,
            Flag::ErrorProbe,
            Flag::ServerFile,
            Flag::WeakensAudit,
            Flag::RestoresAudit,
            Flag::Escalates,
            Flag::ServerProgram,
            Flag::RemoteServer,
            Flag::Replication,
            Flag::NativeCode,
            Flag::WholeSchema,
            Flag::LargeObject,
        ];
        matches!(statement.verb, Verb::Begin | Verb::Commit | Verb::Rollback | Verb::Role | Verb::Drop | Verb::Define)
            || (statement.flags != Flags::NONE && ASKED.iter().any(|flag| statement.flags.has(*flag)))
    })
}

fn session_key(event: &Event, who: Identity) -> u64 {
    if event.session.0 == 0 { who.principal as u64 } else { event.session.0 }
}

fn account_key(template: &Template, who: Identity) -> AccountKey {
    let family = if template.changes() { Family::Change } else { Family::Access };
    (family as u8, who.principal, template.store_hash)
}

fn bucket_micros(thresholds: &Thresholds) -> i64 {
    (i64::try_from(thresholds.window_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000) / BUCKETS).max(1)
}

fn story_micros(thresholds: &Thresholds) -> i64 {
    i64::try_from(thresholds.story_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Asks the policy, whose standing answer is kept for every actor, store and action.
fn judge(
    policy: &Option<Policy>,
    standings: &mut Standings<(u128, u64, u8), Arc<Standing>>,
    event: &Event,
    who: Identity,
    template: &Template,
    rows: Option<u64>,
    daily: &mut dyn FnMut(&Policy, u16) -> Option<Condition>,
) -> Verdict {
    let Some(policy) = policy.as_ref().filter(|policy| event.file.is_none() || policy.speaks_of_folders()) else {
        return Verdict::Off;
    };
    let vague = [Doing::Insert, Doing::Update, Doing::Delete, Doing::Define];
    let one = [template.doing];
    let doings = if template.vague { &vague[..] } else { &one[..] };
    let mut failed = None;
    for doing in doings {
        let key = (who.full, template.store_hash, *doing as u8);
        let standing = match standings.peek(&key) {
            Some(standing) => Arc::clone(standing),
            None => {
                // All at once: cheaper than an order of use on every event, and seldom.
                if standings.len() >= STANDINGS {
                    standings.clear();
                }
                let standing = Arc::new(policy.standing(&event.actor, &template.store.name, *doing));
                standings.put(key, Arc::clone(&standing));
                standing
            }
        };
        match policy.decide(&standing, event.at, rows, &mut |rule| daily(policy, rule)) {
            Ok(rule) => return Verdict::Allowed(policy.grant(rule)),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    Verdict::Denied(failed.flatten())
}
