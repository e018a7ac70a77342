//! Who was never at a store before: a role, a client address, a program, once the store's learning time is over.

use super::Detector;
use crate::account::Account;
use crate::known::Foreseen;
use crate::policy::Policy;
use crate::teller::{CLAUSE, Call, Observation, Teller, Touch};
use crate::toml_file::glob;
use crate::{Detection, Kind, Volume};
use kuzet_event::{Actor, Client, Count, Outcome, SessionId};
use std::sync::Arc;

pub(super) static DETECTOR: Detector = Detector {
    name: "first_seen",
    kinds: &[Kind::FirstSeen],
    thresholds: &["learning_days", "max_known"],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    policy: Option<&Policy>,
) {
    if let Some(known) = touch.news.learnt.take() {
        teller.out.push(learnt(o, touch, teller, &known));
    }
    let Some(new) = touch.news.fresh(&o.event.actor, foreseen(o, touch, teller, policy)) else { return };
    let outcome = if touch.template.changes() { o.change_outcome } else { o.read_outcome() };
    let call = Call { detector: DETECTOR.name, kind: Kind::FirstSeen, outcome, window: false, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    teller.tell(o, touch, account, call, || format!("never before at store {store}: {new}; role {user} is there now"));
}

/// What the rule that allows it names, and what is declared of a service account.
fn foreseen(o: &Observation<'_>, touch: &Touch<'_>, teller: &Teller<'_>, policy: Option<&Policy>) -> Foreseen {
    let actor = &*o.event.actor;
    let rule = policy.zip(touch.grant()).map(|(policy, grant)| policy.foresees(grant.rule, actor));
    let services = &teller.thresholds.service_accounts;
    let service = services.iter().find(|service| glob(&service.role, &actor.user));
    let (rule, service) = (rule.unwrap_or_default(), service.map(|one| one.foresees(actor)).unwrap_or_default());
    Foreseen {
        role: rule.role || service.role,
        client: rule.client || service.client,
        program: rule.program || service.program,
    }
}

/// The end of the learning time, told once a store, so that nobody was learnt unseen. It is nobody's deed.
fn learnt(o: &Observation<'_>, touch: &Touch<'_>, teller: &Teller<'_>, known: &str) -> Detection {
    let store = &touch.template.store;
    let nobody = Actor {
        user: Arc::from(""),
        client: Client::Unknown,
        program: Arc::from(""),
        person: Arc::from(""),
        ..(*o.event.actor).clone()
    };
    Detection {
        detector: DETECTOR.name,
        rule: None,
        kind: Kind::FirstSeen,
        severity: teller.severities.answer(Kind::FirstSeen, Volume::None, Outcome::Success, Some(store.class)),
        clause: CLAUSE,
        since: o.event.at,
        at: o.event.at,
        place: o.event.place,
        actor: Arc::new(nobody),
        session: SessionId(0),
        store: Some(Arc::clone(store)),
        relations: Vec::new(),
        categories: Vec::new(),
        outcome: Outcome::Success,
        statement: None,
        events: 0,
        rows: Count::Known(0),
        people_at_most: Count::Known(0),
        people: Vec::new(),
        transfer: None,
        witness: o.event.witness,
        measures: false,
        reason: format!("the learning time of store {} is over: {known}", store.name),
    }
}
