//! The access policy: which role, from which client, program and hours, may do what to which store. Anything else on a
//! store of personal data is a violation.

mod explain;
pub(crate) mod hours;
mod learn;
mod parse;

use crate::Catalogue;
use crate::Diagnostic;
use crate::known::Foreseen;
use crate::teller::Grant;
use crate::toml_file::{self, glob};
use hours::Hours;

pub use explain::{Opinion, Question};
use kuzet_event::{Actor, Client, Timestamp, UNTOLD};
pub use learn::{Learner, Proposal};
use std::net::IpAddr;

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
enum ClientPattern {
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
    may: u8,
    stores: Option<Vec<(String, usize)>>,
    max_rows: Option<u64>,
    max_people_per_hour: Option<u64>,
    /// First moment at which the rule no longer holds.
    until: Option<Timestamp>,
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

    /// Every rule with its line, as it is written down.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().map(|rule| rule.line)
    }

    /// Rules that name a store which the catalogue does not have.
    #[must_use]
    pub fn check_stores(&self, catalogue: &Catalogue) -> Vec<Diagnostic> {
        let names: Vec<&str> = catalogue.stores().map(|store| store.name.as_ref()).collect();
        let stores = self.rules.iter().filter_map(|rule| rule.stores.as_ref()).flatten();
        let unknown = stores.filter(|(store, _)| !names.iter().any(|name| glob(store, name)));
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
    ) -> Result<u16, Option<(u16, Condition)>> {
        let mut failed = standing.nearest;
        for index in &standing.rules {
            let Some(rule) = self.rules.get(usize::from(*index)) else { continue };
            if rule.until.is_some_and(|until| at >= until) {
                failed = Some((*index, Condition::Expiry));
            } else if rule.hours.as_ref().is_some_and(|hours| !hours.contain(at)) {
                failed = Some((*index, Condition::Hours));
            } else if rule.max_rows.zip(rows).is_some_and(|(most, rows)| rows > most) {
                failed = Some((*index, Condition::Rows));
            } else {
                return Ok(*index);
            }
        }
        Err(failed)
    }

    /// What a rule says beyond allowing.
    pub(crate) fn grant(&self, index: u16) -> Grant {
        self.rules.get(usize::from(index)).map_or_else(Grant::default, |rule| Grant {
            rule: index,
            hours: rule.hours.is_some(),
            exports: rule.may & (1 << Doing::Export as u8) != 0,
            max_rows: rule.max_rows,
            max_people_per_hour: rule.max_people_per_hour,
        })
    }

    /// What a rule names of `actor`: a pattern that others fit too names nobody.
    pub(crate) fn foresees(&self, index: u16, actor: &Actor) -> Foreseen {
        let Some(rule) = self.rules.get(usize::from(index)) else { return Foreseen::default() };
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
            exports: rule.may & (1 << Doing::Export as u8) != 0,
            max_rows: rule.max_rows,
            max_people_per_hour: rule.max_people_per_hour,
        });
        grants.reduce(|one, other| Grant {
            rule: 0,
            hours: one.hours && other.hours,
            exports: one.exports || other.exports,
            max_rows: one.max_rows.max(other.max_rows),
            max_people_per_hour: one.max_people_per_hour.max(other.max_people_per_hour),
        })
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
        let Some(patterns) = &self.clients else { return true };
        patterns.iter().any(|pattern| match (pattern, client) {
            (ClientPattern::Local, Client::Local) => true,
            (ClientPattern::Net(net, bits), Client::Address(address)) => inside(*net, *bits, *address),
            (ClientPattern::Host(wanted), Client::Host(name)) => glob(wanted, &name.to_lowercase()),
            _ => false,
        })
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
