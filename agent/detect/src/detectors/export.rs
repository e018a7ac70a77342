//! Personal data exported: COPY … TO, INTO OUTFILE, a dump, a cursor, a copy under a new name.

use super::Detector;
use crate::Kind;
use crate::account::Account;
use crate::policy::{Doing, Policy};
use crate::teller::{Call, Observation, Teller, Touch};
use kuzet_event::{Count, Export, Verb};

pub(super) static DETECTOR: Detector = Detector {
    name: "export",
    kinds: &[Kind::Export],
    thresholds: &["export_small_rows"],
    on_event: None,
    on_touch: Some(on_touch),
    on_flow: None,
};

fn on_touch(
    o: &Observation<'_>,
    touch: &mut Touch<'_>,
    account: &mut Account,
    teller: &mut Teller<'_>,
    _policy: Option<&Policy>,
) {
    if touch.template.doing != Doing::Export || touch.copied || touch.grant().is_some_and(|grant| grant.exports) {
        return;
    }
    // A statement that could not be understood by the server exports nothing; one that was refused is an attempt.
    if o.void() && !o.denied {
        return;
    }
    if touch.rows.known().is_some_and(|rows| rows <= teller.thresholds.export_small_rows) && !o.denied {
        return;
    }
    let form = match (o.statement().and_then(|statement| statement.export), o.verb()) {
        (Some(Export::ToClient), _) => "to the client",
        (Some(Export::ToFile), _) => "to a file on the server",
        (Some(Export::ToProgram), _) => "to a program on the server",
        (Some(Export::Cursor), _) => "through a cursor",
        (Some(Export::Dump), _) => "as a dump",
        (None, Verb::CreateCopy) => "as a copy under a new name",
        (None, Verb::Define) => "by replication",
        (None, _) => "in a form that the log does not tell",
    };
    let rows = match touch.rows {
        _ if o.denied => "the server refused it".to_owned(),
        Count::Known(rows) => format!("{rows} rows"),
        Count::Unknown => "the log gives no rows".to_owned(),
    };
    touch.hidden |= touch.rows == Count::Unknown && !o.denied;
    let call =
        Call { detector: DETECTOR.name, kind: Kind::Export, outcome: o.read_outcome(), window: false, reason_bit: 0 };
    let (user, store) = (o.event.actor.user.clone(), touch.template.store.name.clone());
    teller.tell(o, touch, account, call, || format!("role {user} exports store {store} {form}: {rows}"));
}
