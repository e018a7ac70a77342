//! Functions and definitions that reach past the tables: files and programs of the server, large objects, other servers,
//! replication, native code. Grants on tables do not hold there, and the audit of tables does not see what goes out.

use super::{Detector, Note, Shared};
use crate::Kind;
use crate::account::Account;
use crate::policy::{Doing, Policy};
use crate::story;
use crate::teller::{Call, Observation, Teller, Touch};
use crate::toml_file::glob;
use kuzet_event::{Action, Export, Flag, Flags, Outcome};

pub(super) static DETECTOR: Detector = Detector {
    name: "dangerous_function",
    kinds: &[Kind::DangerousFunction],
    thresholds: &["server_roles", "story_seconds"],
    on_event: Some(on_event),
    on_touch: Some(on_touch),
    on_flow: None,
};

const REACHES: [(Flag, &str); 7] = [
    (Flag::ServerProgram, "runs a program on the server"),
    (Flag::ServerFile, "reads or writes files of the server"),
    (Flag::RemoteServer, "makes the server speak to another one"),
    (Flag::Replication, "replicates tables to whoever listens"),
    (Flag::NativeCode, "brings code into the server that no grant binds"),
    (Flag::WholeSchema, "takes a whole schema as one value"),
    (Flag::LargeObject, "works with large objects"),
];
/// Large objects alone: an application may keep pictures in them.
const LARGE_OBJECT: u32 = 1 << 6;
const FILE: u32 = 1 << 1;
const PROGRAM: u32 = 1;

fn reaches(o: &Observation<'_>, teller: &Teller<'_>) -> u32 {
    let flags = o.flags();
    if flags == Flags::NONE || o.event.action != Action::Statement {
        return 0;
    }
    let bits = REACHES.iter().enumerate().map(|(at, (flag, _))| u32::from(flags.has(*flag)) << at);
    let mask = bits.sum();
    let daily = || teller.thresholds.server_roles.iter().any(|role| glob(role, &o.event.actor.user));
    if mask == 0 || daily() { 0 } else { mask }
}

fn words(mask: u32) -> String {
    let found = REACHES.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, (_, words))| *words);
    found.collect::<Vec<&str>>().join(", ")
}

fn call(outcome: Outcome, mask: u32) -> Call {
    let reason_bit = mask.trailing_zeros();
    Call { detector: DETECTOR.name, kind: Kind::DangerousFunction, outcome, window: false, reason_bit }
}

/// Without a store: a story of the server.
fn on_event(o: &Observation<'_>, shared: &mut Shared, teller: &mut Teller<'_>, note: &mut Note) {
    let mask = reaches(o, teller);
    if mask == 0 || o.touches {
        return;
    }
    let key = (story::FUNCTION, o.who.principal, 0);
    if mask == LARGE_OBJECT && !story::open(&shared.stories, key, o.event.at, teller.thresholds) {
        return;
    }
    let (story, _) = shared.stories.entry(key, &mut shared.clock);
    let before = story.prolong(o, o.who.principal, teller.thresholds);
    let fresh = story.say(mask, before.is_none());
    let failed_now = o.failed() && before != Some(Outcome::Failure);
    if o.same && !failed_now {
        return;
    }
    // A statement that is an injection as well is counted there.
    let events = u64::from(!o.same && note.injection.is_none());
    let tries = if o.failed() { "tried: " } else { "" };
    let reason = match fresh && !o.same {
        true if o.event.actor.user.is_empty() => {
            format!("something reaches past the tables: {}{}", words(mask), o.trace())
        }
        true => format!("role {} reaches past the tables: {tries}{}{}", o.event.actor.user, words(mask), o.trace()),
        false => String::new(),
    };
    teller.tell_server(o, &o.event.actor, &call(o.event.outcome, mask), events, reason);
}

/// On a store: part of what is done to it.
fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    let mut mask = reaches(o, teller);
    let form = o.statement().and_then(|statement| statement.export);
    if matches!(form, Some(Export::ToFile | Export::ToProgram)) {
        // The export tells where to.
        mask &= !(FILE | PROGRAM);
    }
    if touch.template.doing == Doing::Insert {
        mask &= !FILE;
    }
    if mask == LARGE_OBJECT && !touch.template.personal {
        mask = 0;
    }
    if mask == 0 || o.void() && !o.denied {
        return;
    }
    let outcome = if touch.template.changes() { o.change_outcome } else { o.event.outcome };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    touch.hidden |= mask != FILE && !o.denied;
    let reason = || format!("role {user} reaches store {store} past the tables: {}", words(mask));
    teller.tell(o, touch, account, call(outcome, mask), reason);
}
