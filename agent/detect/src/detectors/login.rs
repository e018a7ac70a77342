//! Many failed logins, and a success after them.
//!
//! One story a client: a client that tries many roles is one attacker. Failures of one role from several clients are a
//! story of the role, as long as none of the clients makes one by itself. The actor of a story is the one whose failure
//! completed it, so that all of it folds into one incident; the reason names who came in.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::resolve;
use crate::story::{self, Burst};
use crate::teller::{Call, Observation, Teller};
use kuzet_event::{Action, Outcome};
use std::sync::Arc;

pub(super) static DETECTOR: Detector = Detector {
    name: "login",
    kinds: &[Kind::LoginBurst, Kind::LoginAfterBurst],
    thresholds: &["login_failures", "login_window_seconds", "login_after_seconds", "story_seconds"],
    on_event: Some(on_event),
    on_touch: None,
    on_flow: None,
};

/// Roles tried from one client from which any success from there is part of it.
const SPRAY: usize = 5;

fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, _note: &mut Note) {
    if o.event.action != Action::Login {
        return;
    }
    let client = resolve::client_key(&o.event.actor).map(|key| (story::CLIENT, key, 0));
    let user = resolve::user_key(&o.event.actor).map(|key| (story::USER, key, 0));
    match o.event.outcome {
        Outcome::Failure => {
            let by_client = client.is_some_and(|key| {
                let (burst, _) = shared.bursts.entry(key, &mut shared.clock);
                failure(o, burst, teller, 1)
            });
            if let (false, Some(key)) = (by_client, user) {
                let clients = if client.is_some() { 2 } else { 1 };
                let (burst, _) = shared.bursts.entry(key, &mut shared.clock);
                failure(o, burst, teller, clients);
            }
        }
        Outcome::Success => {
            for key in [client, user].into_iter().flatten() {
                let known = shared.bursts.peek(key).is_some_and(|burst| burst.actor().is_some());
                if known
                    && let Some(burst) = shared.bursts.existing(key, &mut shared.clock)
                    && success(o, burst, teller, key.0 == story::USER)
                {
                    return;
                }
            }
        }
        Outcome::Unknown => {}
    }
}

/// Notes a failure; says whether it belongs to a story.
fn failure(o: &Observation<'_>, burst: &mut Burst, teller: &mut Teller<'_>, clients: usize) -> bool {
    let thresholds = teller.thresholds;
    burst.advance(o.event.at, thresholds);
    burst.note(o);
    let open = burst.actor().is_some();
    let many = burst.failures() >= thresholds.login_failures.min(64) && burst.clients() >= clients;
    if !open && !many {
        return false;
    }
    let events = burst.claim(o.event.at);
    let reason = if open {
        String::new()
    } else {
        burst.begin(o);
        let (users, seconds) = (burst.users(), thresholds.login_window_seconds);
        let from = if clients > 1 { format!("{} clients", burst.clients()) } else { o.event.actor.client.to_string() };
        format!("{events} failed logins from {from} as {} within {seconds} seconds", users.join(", "))
    };
    let actor = burst.actor().unwrap_or_else(|| Arc::clone(&o.event.actor));
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::LoginBurst,
        outcome: Outcome::Failure,
        window: false,
        reason_bit: 0,
    };
    teller.tell_server(o, &actor, &call, events, reason);
    true
}

/// Tells a success that belongs to the burst, once a role.
fn success(o: &Observation<'_>, burst: &mut Burst, teller: &mut Teller<'_>, of_user: bool) -> bool {
    let user = &o.event.actor.user;
    if !burst.recent(o.event.at, teller.thresholds) {
        return false;
    }
    let tried = of_user || burst.users().iter().any(|tried| tried == user.as_ref()) || burst.users().len() >= SPRAY;
    if !tried {
        return false;
    }
    if !burst.came_in(user) {
        return true;
    }
    let actor = burst.actor().unwrap_or_else(|| Arc::clone(&o.event.actor));
    let call = Call {
        detector: DETECTOR.name,
        kind: Kind::LoginAfterBurst,
        outcome: Outcome::Success,
        window: false,
        reason_bit: 0,
    };
    let reason = format!("role {user} logged in from {} after {} failed logins", o.event.actor.client, burst.total());
    teller.tell_server(o, &actor, &call, 1, reason);
    true
}
