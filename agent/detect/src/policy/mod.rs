//! The access policy: which role, from which client, program and hours, may do what to which store. Anything else on a
//! store of personal data is a violation.

pub(crate) mod days;
mod explain;
pub(crate) mod hours;
mod learn;
pub(crate) mod parse;

use crate::Catalogue;
use crate::Diagnostic;
use crate::known::Foreseen;
use crate::teller::Grant;
use crate::toml_file::{self, glob};
use days::Days;
use hours::Hours;

pub use explain::{Opinion, Question};
use kuzet_event::{Actor, Client, Timestamp, UNTOLD};
pub use learn::{Learner, Proposal};
use std::net::IpAddr;

const DAY_MICROS: i64 = 86_400_000_000;

/// What a statement does to a store, in the words of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Doing {
    /// Rows are read.
    Read,
    /// Rows are added.
    Insert,
    /// Rows are changed.
    Update,
    /// Rows are removed (DELETE, TRUNCATE).
    Delete,
    /// Data leaves in bulk (COPY … TO, OUTFILE, dump, cursor) or is copied under a new name.
    Export,
    /// Relations are created, altered or dropped.
    Define,
    /// Privileges on the store are changed.
    Grant,
}

impl Doing {
    pub(crate) const ALL: [(&'static str, Doing); 7] = [
        ("read", Doing::Read),
        ("insert", Doing::Insert),
        ("update", Doing::Update),
        ("delete", Doing::Delete),
        ("export", Doing::Export),
        ("define", Doing::Define),
        ("grant", Doing::Grant),
    ];

    pub(crate) fn name(self) -> &'static str {
        Doing::ALL[self as usize].0
    }
}

/// Client addresses that a rule allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientPattern {
    Local,
    Net(IpAddr, u8),
    Host(String),
}

/// One `[[allow]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    line: usize,
    roles: Vec<String>,
    clients: Option<Vec<ClientPattern>>,
    programs: Option<Vec<String>>,
    persons: Option<Vec<String>>,
    hours: Option<Hours>,
    days: Option<Days>,
    offset_seconds: i32,
    /// Hours and days in the words of the file.
    when: String,
    may: u8,
    stores: Option<Vec<(String, usize)>>,
    max_rows: Option<u64>,
    max_people_per_hour: Option<u64>,
    /// First moment at which the rule no longer holds.
    until: Option<Timestamp>,
    job: Option<Job>,
}

/// What makes a rule a declared job: expected work with limits of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) max_runs_per_day: Option<u64>,
    pub(crate) max_rows_per_day: Option<u64>,
    owner: String,
}

/// A condition of a rule, for reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    Role,
    Store,
    Action,
    Client,
    Program,
    Person,
    Hours,
    Expiry,
    Rows,
    People,
    Days,
    RunsPerDay,
    RowsPerDay,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Condition::Role => "role",
            Condition::Store => "store",
            Condition::Action => "action",
            Condition::Client => "client",
            Condition::Program => "program",
            Condition::Person => "person",
            Condition::Hours => "hours",
            Condition::Expiry => "expiry",
            Condition::Rows => "rows",
            Condition::People => "people per hour",
            Condition::Days => "days",
            Condition::RunsPerDay => "runs per day",
            Condition::RowsPerDay => "rows per day",
        }
    }

    /// Tells reasons of one action apart in a story: below 10, for they share 64 bits with the actions.
    pub(crate) fn bit(self) -> u32 {
        match self {
            Condition::Days => Condition::Hours as u32,
            Condition::RunsPerDay | Condition::RowsPerDay => Condition::Rows as u32,
            other => other as u32,
        }
    }
}

/// Which rules allow one actor one thing on one store, hours and volume aside; decided once and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Rules that fit.
    pub(crate) rules: Vec<u16>,
    /// When none fits: the rule that fits best and the first condition that it fails.
    pub(crate) nearest: Option<(u16, Condition)>,
}

/// The access policy of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    file: String,
}

/// Whether a store of this name is a watched folder.
fn is_folder(store: &str) -> bool {
    store.starts_with("folder/")
}

impl Policy {
    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule names folders of files: without one it is a policy of databases.
    pub(crate) fn speaks_of_folders(&self) -> bool {
        let names = |rule: &Rule| rule.stores.as_ref().is_some_and(|list| list.iter().any(|(name, _)| is_folder(name)));
        self.rules.iter().any(names)
    }

    /// Every rule with its line, as it is written down.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().map(|rule| rule.line)
    }

    /// The roles that a rule names: who is let in by the same rule does the same work. Nothing where it is for everybody.
    pub(crate) fn roles(&self, rule: u16) -> Option<String> {
        let roles = &self.rules.get(usize::from(rule))?.roles;
        (!roles.iter().any(|role| role == "*")).then(|| roles.join(","))
    }

    /// Rules that name a store which the catalogue does not have.
    #[must_use]
    pub fn check_stores(&self, catalogue: &Catalogue) -> Vec<Diagnostic> {
        let names: Vec<&str> = catalogue.stores().map(|store| store.name.as_ref()).collect();
        let stores = self.rules.iter().filter_map(|rule| rule.stores.as_ref()).flatten();
        let unknown = stores.filter(|(store, _)| !is_folder(store) && !names.iter().any(|name| glob(store, name)));
        unknown
            .map(|(store, line)| Diagnostic {
                code: toml_file::UNDEFINED.to_owned(),
                file: self.file.clone(),
                line: *line,
                column: 0,
                message: format!("no store is called `{store}`"),
                help: match toml_file::nearest(store, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the catalogue has: {}", names.join(", ")),
                },
                warning: catalogue.is_guess(),
            })
            .collect()
    }

    /// Decides what does not change from event to event.
    pub(crate) fn standing(&self, actor: &Actor, store: &str, doing: Doing) -> Standing {
        let mut standing = Standing::default();
        let mut best = 0;
        for (at, rule) in self.rules.iter().enumerate() {
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            match rule.failing(actor, store, doing) {
                (_, None) => standing.rules.push(at),
                (fitting, Some(condition)) if fitting > best => {
                    best = fitting;
                    standing.nearest = Some((at, condition));
                }
                _ => {}
            }
        }
        standing
    }

    /// The first rule that fits and allows it at this time and in this number of rows; otherwise the rule and
    /// condition to name.
    pub(crate) fn decide(
        &self,
        standing: &Standing,
        at: Timestamp,
        rows: Option<u64>,
        daily: &mut dyn FnMut(u16) -> Option<Condition>,
    ) -> Result<u16, Option<(u16, Condition)>> {
        let mut failed = standing.nearest;
        for index in &standing.rules {
            let Some(rule) = self.rules.get(usize::from(*index)) else { continue };
            match rule.failing_at(at, rows).or_else(|| daily(*index)) {
                None => return Ok(*index),
                Some(condition) => failed = Some((*index, condition)),
            }
        }
        Err(failed)
    }

    /// Whether a rule holds at `at`, whatever the rows.
    pub(crate) fn runs(&self, index: u16, at: Timestamp) -> bool {
        self.rules.get(usize::from(index)).is_some_and(|rule| rule.failing_at(at, None).is_none())
    }

    /// What a rule says beyond allowing.
    pub(crate) fn grant(&self, index: u16) -> Grant {
        self.rules.get(usize::from(index)).map_or_else(Grant::default, |rule| Grant {
            rule: index,
            hours: rule.hours.is_some(),
            exports: rule.exports(),
            job: rule.job.is_some(),
            max_rows: rule.max_rows,
            max_people_per_hour: rule.max_people_per_hour,
        })
    }

    /// What a rule names of `actor`: a pattern that others fit too names nobody.
    pub(crate) fn foresees(&self, index: u16, actor: &Actor) -> Foreseen {
        let Some(rule) = self.rules.get(usize::from(index)) else { return Foreseen::default() };
        if rule.job.is_some() {
            return Foreseen { role: true, client: true, program: true };
        }
        let (list, who) = match actor.person_is_told() {
            true => (rule.persons.as_deref().unwrap_or_default(), &actor.person),
            false => (rule.roles.as_slice(), &actor.user),
        };
        Foreseen {
            role: list.iter().any(|name| !name.contains(['*', '?']) && glob(name, who)),
            client: rule.clients.is_some(),
            program: rule.programs.is_some(),
        }
    }

    /// The most that any rule lets `user` do to `store`, from wherever and whenever: statistics know no client.
    pub(crate) fn widest(&self, user: &str, store: &str, doing: Doing) -> Option<Grant> {
        let fits = |rule: &&Rule| {
            rule.role_fits(user)
                && rule.stores.as_ref().is_none_or(|list| list.iter().any(|(name, _)| glob(name, store)))
                && rule.may & (1 << doing as u8) != 0
        };
        let grants = self.rules.iter().filter(fits).map(|rule| Grant {
            rule: 0,
            hours: rule.hours.is_some(),
            exports: rule.exports(),
            job: rule.job.is_some(),
            max_rows: rule.max_rows,
            max_people_per_hour: rule.max_people_per_hour,
        });
        grants.reduce(|one, other| Grant {
            rule: 0,
            hours: one.hours && other.hours,
            exports: one.exports || other.exports,
            job: one.job && other.job,
            max_rows: one.max_rows.max(other.max_rows),
            max_people_per_hour: one.max_people_per_hour.max(other.max_people_per_hour),
        })
    }

    /// Jobs, in the order of the file.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.rules.iter().filter_map(|rule| rule.job.as_ref())
    }

    /// Names of the declared jobs.
    pub fn job_names(&self) -> impl Iterator<Item = &str> {
        self.jobs().map(|job| job.name.as_str())
    }

    /// The job that a rule is.
    pub(crate) fn job(&self, rule: u16) -> Option<&Job> {
        self.rules.get(usize::from(rule))?.job.as_ref()
    }

    /// The day, since 1970, on which the hours began that `at` is in.
    pub(crate) fn day_of(&self, rule: u16, at: Timestamp) -> i64 {
        let Some(rule) = self.rules.get(usize::from(rule)) else { return 0 };
        let began = rule.hours.as_ref().and_then(|hours| hours.began(at)).unwrap_or(0);
        let local = at.0.saturating_add(i64::from(rule.offset_seconds) * 1_000_000);
        local.div_euclid(DAY_MICROS) - i64::from(began)
    }

    /// A warning for each job that has expired at `now`: its work is an incident again.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        let over = move |rule: &&Rule| rule.until.is_some_and(|until| now >= until);
        self.rules.iter().filter(over).filter_map(|rule| {
            let job = rule.job.as_ref()?;
            Some(Diagnostic {
                code: toml_file::EXPIRED.to_owned(),
                file: self.file.clone(),
                line: rule.line,
                column: 0,
                message: format!("job `{}` has expired: its work is an incident", job.name),
                help: format!("ask {} whether it still runs: set a later `expires`, or take it out", job.owner),
                warning: true,
            })
        })
    }

    /// What a rule says of a condition, for reasons: the job it is, and what is declared.
    pub(crate) fn declared(&self, index: u16, condition: Condition, rows: &str, daily: u64, people: u64) -> String {
        let Some(rule) = self.rules.get(usize::from(index)) else { return String::new() };
        let most = |most: Option<u64>| most.map_or_else(String::new, |most| format!(", {most} declared"));
        let job = rule.job.as_ref();
        match condition {
            Condition::Rows => format!(" ({rows}{})", most(rule.max_rows.filter(|_| job.is_some()))),
            Condition::People => format!(" ({people})"),
            Condition::Hours | Condition::Days if job.is_some() => format!(" ({} declared)", rule.when),
            Condition::RunsPerDay => format!(" (run {daily}{})", most(job.and_then(|job| job.max_runs_per_day))),
            Condition::RowsPerDay => format!(" ({daily}{})", most(job.and_then(|job| job.max_rows_per_day))),
            _ => String::new(),
        }
    }

    /// Name of the file, for reasons.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Line of a rule, for reasons.
    pub(crate) fn line(&self, rule: u16) -> usize {
        self.rules.get(usize::from(rule)).map_or(0, |rule| rule.line)
    }
}

impl Rule {
    /// Whether its role may take the data out. What a job reads it takes out by the way.
    fn exports(&self) -> bool {
        self.job.is_some() || self.may & (1 << Doing::Export as u8) != 0
    }

    /// The first condition of time and volume that fails.
    fn failing_at(&self, at: Timestamp, rows: Option<u64>) -> Option<Condition> {
        if self.until.is_some_and(|until| at >= until) {
            return Some(Condition::Expiry);
        }
        let began = match &self.hours {
            None => 0,
            Some(hours) => match hours.began(at) {
                None => return Some(Condition::Hours),
                Some(began) => began,
            },
        };
        let day = Timestamp(at.0.saturating_sub(i64::from(began) * DAY_MICROS));
        let (year, month, day, ..) = day.civil(self.offset_seconds);
        if self.days.as_ref().is_some_and(|days| !days.contain(day, days::length(year, month))) {
            return Some(Condition::Days);
        }
        self.max_rows.zip(rows).is_some_and(|(most, rows)| rows > most).then_some(Condition::Rows)
    }

    fn role_fits(&self, user: &str) -> bool {
        self.roles.iter().any(|role| glob(role, user))
    }

    /// How many conditions fit, and the first that does not. A rule for another role is never the nearest one.
    fn failing(&self, actor: &Actor, store: &str, doing: Doing) -> (u32, Option<Condition>) {
        let checks = [
            (Condition::Role, self.role_fits(&actor.user)),
            (Condition::Store, self.stores.as_ref().is_none_or(|list| list.iter().any(|(name, _)| glob(name, store)))),
            (Condition::Action, self.may & (1 << doing as u8) != 0),
            (Condition::Client, self.client_fits(&actor.client)),
            (
                Condition::Program,
                self.programs.as_ref().is_none_or(|list| list.iter().any(|p| glob(p, &actor.program))),
            ),
            (Condition::Person, self.person_fits(&actor.person)),
        ];
        let first = checks.iter().find(|(_, fits)| !fits).map(|(condition, _)| *condition);
        if first == Some(Condition::Role) {
            return (0, first);
        }
        let fitting = checks.iter().filter(|(_, fits)| *fits).count();
        (u32::try_from(fitting).unwrap_or(0), first)
    }

    /// A person that is not told is none of those named, whatever the pattern.
    fn person_fits(&self, person: &str) -> bool {
        let told = !person.is_empty() && person != UNTOLD;
        self.persons.as_ref().is_none_or(|list| told && list.iter().any(|one| glob(one, person)))
    }

    fn client_fits(&self, client: &Client) -> bool {
        self.clients.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.fits(client)))
    }
}

impl ClientPattern {
    pub(crate) fn fits(&self, client: &Client) -> bool {
        match (self, client) {
            (ClientPattern::Local, Client::Local) => true,
            (ClientPattern::Net(net, bits), Client::Address(address)) => inside(*net, *bits, *address),
            (ClientPattern::Host(wanted), Client::Host(name)) => glob(wanted, &name.to_lowercase()),
            _ => false,
        }
    }

    /// Whether it is every address, or every host.
    pub(crate) fn is_everywhere(&self) -> bool {
        match self {
            ClientPattern::Local => false,
            ClientPattern::Net(_, bits) => *bits == 0,
            ClientPattern::Host(name) => name == "*",
        }
    }
}

/// Whether `address` is in `net/bits`. IPv4 in IPv6 (`::ffff:a.b.c.d`) is IPv4.
fn inside(net: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (net.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            u32::from(net) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            u128::from(net) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
