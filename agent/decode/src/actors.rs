//! Interns actors, so that a record of a known role, client, program and database costs no string.

use crate::names::clean;
use kuzet_event::{Actor, Client, System};
use lru::LruCache;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Actors kept; beyond that the one unused for longest is made again when it comes back.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Longest field that takes part in interning; a longer one is cut (no server writes one).
const LONGEST_FIELD: usize = 1024;

/// Bounded cache of [`Actor`]s of one server system, looked up without an allocation.
pub struct Actors {
    system: System,
    known: LruCache<Box<[u8]>, Arc<Actor>>,
    key: Vec<u8>,
}

impl Actors {
    /// An empty cache.
    #[must_use]
    pub fn new(system: System) -> Actors {
        Actors { system, known: LruCache::new(KEPT), key: Vec::with_capacity(256) }
    }

    /// The actor of raw log fields. Empty fields are unknown. `client` is an address or host name without its port;
    /// `[local]` and `localhost` without an address are as the server wrote them: the first is [`Client::Local`], the
    /// second a host name.
    pub fn intern(&mut self, user: &[u8], client: &[u8], program: &[u8], database: &[u8]) -> Arc<Actor> {
        self.key.clear();
        for field in [user, client, program, database] {
            let field = &field[..field.len().min(LONGEST_FIELD)];
            self.key.extend_from_slice(&(field.len() as u16).to_le_bytes());
            self.key.extend_from_slice(field);
        }
        if let Some(actor) = self.known.get(self.key.as_slice()) {
            return Arc::clone(actor);
        }
        let actor = Arc::new(Actor {
            system: self.system,
            user: clean(user),
            client: parse_client(client),
            program: clean(program),
            database: clean(database),
        });
        self.known.put(self.key.as_slice().into(), Arc::clone(&actor));
        actor
    }
}

/// Address, `[local]` or host name.
fn parse_client(raw: &[u8]) -> Client {
    if raw.is_empty() {
        return Client::Unknown;
    }
    if raw == b"[local]" {
        return Client::Local;
    }
    // A link-local address may carry its interface: fe80::1%eth0.
    let bare = raw.split(|byte| *byte == b'%').next().unwrap_or(raw);
    match std::str::from_utf8(bare).ok().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(address) => Client::Address(address),
        None => Client::Host(clean(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_same_actor_twice_and_tells_clients_apart() {
        let mut actors = Actors::new(System::Postgresql);
        let first = actors.intern(b"app", b"10.0.0.1", b"crm", b"mfo");
        assert!(Arc::ptr_eq(&first, &actors.intern(b"app", b"10.0.0.1", b"crm", b"mfo")));
        assert_eq!(first.client, Client::Address("10.0.0.1".parse().unwrap()));
        assert_eq!(actors.intern(b"app", b"[local]", b"", b"").client, Client::Local);
        assert_eq!(actors.intern(b"app", b"", b"", b"").client, Client::Unknown);
        assert_eq!(actors.intern(b"app", b"db.kz", b"", b"").client, Client::Host(Arc::from("db.kz")));
        assert_eq!(actors.intern(b"app", b"::1", b"", b"").client, Client::Address("::1".parse().unwrap()));
        // The field borders are part of the key.
        assert_ne!(actors.intern(b"ab", b"", b"", b"").user, actors.intern(b"a", b"b", b"", b"").user);
    }

    #[test]
    fn stays_bounded() {
        let mut actors = Actors::new(System::Postgresql);
        for number in 0..10_000u32 {
            actors.intern(&number.to_le_bytes(), b"", b"", b"");
        }
        assert_eq!(actors.known.len(), KEPT.get());
    }
}
