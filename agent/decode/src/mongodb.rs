//! MongoDB: what its audit log and its structured log have in common, and the two decoders.

mod audit;
mod command;
mod log;

pub(crate) use audit::{MongodbAudit, recognises as recognises_audit};
pub(crate) use log::{MongodbLog, recognises as recognises_log};

use crate::json::{Step, Value, key};
use crate::times::iso;
use kuzet_event::Timestamp;

/// A time as MongoDB writes one: the value under `$date`, text or milliseconds (themselves under `$numberLong`).
fn date(path: &[Step<'_>], value: &Value<'_>) -> Option<Timestamp> {
    let [Step::Key(mark), ..] = path else { return None };
    if mark.as_ref() != b"$date" {
        return None;
    }
    match value.number() {
        Some(millis) => Some(Timestamp(i64::try_from(millis).ok()?.checked_mul(1000)?)),
        None => iso(value.bytes(), 0),
    }
}

/// Whether `path` is made of exactly these keys, the last ones of extended JSON (`$numberLong`) aside.
fn is(path: &[Step<'_>], keys: &[&[u8]]) -> bool {
    let plain = match path {
        [front @ .., Step::Key(last)] if last.starts_with(b"$number") => front,
        _ => path,
    };
    plain.len() == keys.len() && plain.iter().zip(keys).all(|(step, name)| key(step) == *name)
}

/// An address without its port: `127.0.0.1:36892`, `[::1]:5`, `anonymous unix socket`.
fn address(peer: &[u8]) -> &[u8] {
    if peer.starts_with(b"/") || peer.starts_with(b"anonymous unix") {
        return b"[local]";
    }
    let address = match memchr::memrchr(b':', peer) {
        Some(colon) if peer[colon + 1..].iter().all(u8::is_ascii_digit) => &peer[..colon],
        _ => peer,
    };
    address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(address)
}
