//! What the access policy does not allow, and what the server itself refused.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::{Condition, Policy};
use crate::teller::{Call, Observation, Teller, Touch, Verdict};
use kuzet_event::Outcome;

pub(super) static DETECTOR: Detector = Detector {
    name: "policy",
    kinds: &[Kind::PolicyViolation],
    thresholds: &["offset_seconds", "story_seconds"],
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
    let doing = touch.template.doing;
    let mut failed = match touch.verdict {
        Verdict::Denied(failed) => Some(failed),
        Verdict::Off | Verdict::Allowed(_) => None,
    };
    let mut people = 0;
    if let (Verdict::Allowed(grant), false) = (touch.verdict, touch.own.is_empty())
        && let Some(limit) = grant.max_people_per_hour
    {
        let capacity = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1).min(teller.thresholds.max_people);
        people = account.people_this_hour(o.event.at, &touch.own, capacity);
        if people > limit {
            failed = Some(Some((grant.rule, Condition::People)));
        }
    }
    if touch.told || (failed.is_none() && !o.denied) {
        return;
    }
    let outcome = if touch.template.changes() { o.change_outcome } else { o.read_outcome() };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    let client = o.event.actor.client.clone();
    let Some(failed) = failed else {
        if o.denied && outcome == Outcome::Failure {
            let call = call(outcome, 63);
            let refused = || format!("the server refused role {user} from {client} to {} store {store}", doing.name());
            teller.tell(o, touch, account, call, refused);
        }
        return;
    };
    let bit = failed.map_or(62, |(_, condition)| doing as u32 * 9 + condition.bit());
    let program = o.event.actor.program.clone();
    let (rows, daily) = (touch.rows, touch.daily);
    let why = move || {
        let beside = match failed {
            None => "no rule names the role".to_owned(),
            Some((rule, condition)) => {
                let place =
                    policy.map_or_else(String::new, |policy| format!("{}:{}", policy.file(), policy.line(rule)));
                let number = policy.map_or_else(String::new, |policy| {
                    policy.declared(rule, condition, &rows.to_string(), daily, people)
                });
                match policy.and_then(|policy| policy.job(rule)) {
                    Some(job) => format!("job {}, {place}, is outside its {}{number}", job.name, condition.name()),
                    None => format!("the nearest rule, {place}, fails on {}{number}", condition.name()),
                }
            }
        };
        let program = if program.is_empty() { "an unnamed program" } else { &program };
        let word = doing.name();
        format!("the policy does not let role {user} from {client} with {program} {word} store {store}: {beside}")
    };
    teller.tell(o, touch, account, call(outcome, bit), why);
}

fn call(outcome: Outcome, reason_bit: u32) -> Call {
    Call { detector: DETECTOR.name, kind: Kind::PolicyViolation, outcome, window: false, reason_bit }
}
