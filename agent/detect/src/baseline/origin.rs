//! Where a principal comes from and what with, and who its peers are.

use super::profile::{NETWORK, PROGRAM, SHAPE, TABLE};
use crate::hash;
use crate::policy::Policy;
use crate::teller::{Observation, Touch};
use kuzet_event::Client;
use smallvec::SmallVec;

/// The group of a principal, and whether its members do the same kind of work.
pub(super) fn group(o: &Observation<'_>, touch: &Touch<'_>, policy: Option<&Policy>) -> (u128, bool) {
    let actor = &*o.event.actor;
    let system = actor.system.name();
    let named = |kind: &str, name: &str| (hash::wide(&[kind.as_bytes(), system.as_bytes(), name.as_bytes()]), true);
    if let (Some(grant), Some(policy)) = (touch.grant(), policy)
        && let Some(roles) = policy.roles(grant.rule)
    {
        return named("rule", &roles);
    }
    if !actor.person.is_empty() {
        return named("role", &actor.user);
    }
    let pattern = stem(&actor.user);
    if !pattern.is_empty() && pattern != &*actor.user {
        return named("name", pattern);
    }
    match stem(&actor.program) {
        "" => (hash::wide(&[b"all", system.as_bytes()]), false),
        program => named("program", program),
    }
}

/// What stands before the first digit: `clerk` of `clerk_07`, `DBeaver` of `DBeaver 23.1 - Main`.
fn stem(name: &str) -> &str {
    let end = name.find(|one: char| one.is_ascii_digit()).unwrap_or(name.len());
    name[..end].trim_end_matches(|one: char| !one.is_alphanumeric())
}

/// The network that an address belongs to: what of it stays when a lease ends.
pub(super) fn network(client: &Client) -> Option<String> {
    match client {
        Client::Unknown => None,
        Client::Local => Some("local".to_owned()),
        Client::Host(name) => Some(name.to_string()),
        Client::Address(address) => Some(match address.to_canonical() {
            std::net::IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            std::net::IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        }),
    }
}

pub(super) fn habit(kind: usize, name: &str) -> u32 {
    (hash::narrow(name) as u32).wrapping_mul(5).wrapping_add(kind as u32)
}

/// Where it comes from, with which program and statement, and to which tables.
pub(super) fn habits(o: &Observation<'_>, touch: &Touch<'_>) -> SmallVec<[(usize, u32); 8]> {
    let mut habits = SmallVec::new();
    let actor = &o.event.actor;
    habits.extend(network(&actor.client).map(|network| (NETWORK, habit(NETWORK, &network))));
    if !actor.program.is_empty() {
        habits.push((PROGRAM, habit(PROGRAM, stem(&actor.program))));
    }
    if let Some(statement) = o.statement() {
        let short = statement.fingerprint ^ statement.fingerprint >> 32;
        habits.push((SHAPE, (short as u32).wrapping_mul(5).wrapping_add(SHAPE as u32)));
    }
    let tables = touch.template.relations.iter().take(16);
    habits.extend(tables.map(|table| (TABLE, habit(TABLE, &table.name))));
    habits
}
