//! Which incidents belong together. Rules, each in both directions; see [`LinkReason`] for their meaning.

use crate::story::Story;
use crate::{IncidentId, Link, LinkReason};
use kuzet_detect::Family;
use kuzet_event::Timestamp;
use std::time::Duration;

/// Links kept with one incident.
const LINKS: usize = 32;

/// Adds a link; true when it is new.
pub(crate) fn add(story: &mut Story, reason: LinkReason, id: IncidentId) -> bool {
    let link = Link { reason, id };
    let links = &mut story.incident.links;
    match links.binary_search(&link) {
        Err(index) if links.len() < LINKS => {
            links.insert(index, link);
            true
        }
        _ => false,
    }
}

/// The reasons why `a` and `b` belong together, as seen from `a` and from `b`.
pub(crate) fn reasons(a: &Story, b: &Story, quiet: Duration, longest: Duration) -> Vec<(LinkReason, LinkReason)> {
    let mut found = Vec::new();
    if a.key() == b.key() {
        return found; // the same story in several windows: follows and followed_by say it
    }
    if grants(a, b, longest) {
        found.push((LinkReason::GrantedTo, LinkReason::GrantedBy));
    }
    if grants(b, a, longest) {
        found.push((LinkReason::GrantedBy, LinkReason::GrantedTo));
    }
    let (one, other) = (&a.incident, &b.incident);
    if one.system != other.system {
        return found;
    }
    if a.inner.sessions.iter().any(|session| b.inner.sessions.contains(session)) {
        found.push((LinkReason::SameSession, LinkReason::SameSession));
    }
    if !overlap((one.since, one.until), (other.since, other.until), quiet) {
        return found;
    }
    let shared = |client: &String| client != "unknown" && other.clients.contains(client);
    if !one.user.is_empty() && one.user == other.user && one.clients.iter().any(shared) {
        found.push((LinkReason::SameActor, LinkReason::SameActor));
    }
    let login = one.family == Family::Login || other.family == Family::Login;
    if login && one.user != other.user && one.addresses.iter().any(|address| other.addresses.contains(address)) {
        found.push((LinkReason::SameClient, LinkReason::SameClient));
    }
    found
}

/// `a` gave rights to the actor of `b`, who acted after that.
fn grants(a: &Story, b: &Story, longest: Duration) -> bool {
    let (from, to) = (&a.incident, &b.incident);
    from.family == Family::Privilege
        && from.system == to.system
        && from.user != to.user
        && a.inner.grantees.contains(&to.user)
        && to.until >= from.since
        && to.since <= from.until + longest
}

pub(crate) fn overlap(a: (Timestamp, Timestamp), b: (Timestamp, Timestamp), slack: Duration) -> bool {
    a.0 <= b.1 + slack && b.0 <= a.1 + slack
}
