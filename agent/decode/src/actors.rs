//! Interns actors, so that a record of a known role, client, program and database costs no string.

use crate::names::clean;
use crate::recent::Recent;
use kuzet_event::{Actor, Client, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Sets of four actors kept.
const ACTORS: usize = 256;
/// Sets of four names kept, and of four triples of role, program and database.
const NAMES: usize = 128;

/// Longest field that takes part in interning; a longer one is cut (no server writes one).
const LONGEST_FIELD: usize = 1024;

/// Bounded cache of [`Actor`]s of one server system, looked up without an allocation. An actor that differs from known
/// ones in its client only (a new address of an application) costs one lookup more and one allocation.
pub struct Actors {
    system: System,
    known: Recent<Arc<Actor>>,
    /// Role, program and database.
    roles: Recent<[Arc<str>; 3]>,
    names: Recent<Arc<str>>,
}

impl Actors {
    /// An empty cache.
    #[must_use]
    pub fn new(system: System) -> Actors {
        Actors { system, known: Recent::new(ACTORS), roles: Recent::new(NAMES), names: Recent::new(NAMES) }
    }

    /// The actor of raw log fields. Empty fields are unknown. `client` is an address or host name without its port;
    /// `[local]` is a Unix socket; other text is a host name.
    pub fn intern(&mut self, user: &[u8], client: &[u8], program: &[u8], database: &[u8]) -> Arc<Actor> {
        let [user, client, program, database] =
            [user, client, program, database].map(|field| &field[..field.len().min(LONGEST_FIELD)]);
        let (system, roles, names) = (self.system, &mut self.roles, &mut self.names);
        Arc::clone(self.known.get(&[user, client, program, database], || {
            let make = || [name(names, user), name(names, program), name(names, database)];
            let [user, program, database] = roles.get(&[user, program, database], make).clone();
            let person = Arc::from("");
            Arc::new(Actor { system, user, client: parse_client(client), program, database, person })
        }))
    }

    /// A single name, cleaned as those of an actor are.
    pub(crate) fn name(&mut self, raw: &[u8]) -> Arc<str> {
        name(&mut self.names, raw)
    }
}

fn name(names: &mut Recent<Arc<str>>, raw: &[u8]) -> Arc<str> {
    let raw = &raw[..raw.len().min(LONGEST_FIELD)];
    Arc::clone(names.get(&[raw], || clean(raw)))
}

/// Address, `[local]` or host name.
fn parse_client(raw: &[u8]) -> Client {
    if raw.is_empty() {
        return Client::Unknown;
    }
    if raw == b"[local]" {
        return Client::Local;
    }
    if let Some(address) = ipv4(raw) {
        return Client::Address(address);
    }
    // A link-local address may carry its interface: fe80::1%eth0.
    let bare = raw.split(|byte| *byte == b'%').next().unwrap_or(raw);
    match std::str::from_utf8(bare).ok().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(address) => Client::Address(address),
        None => Client::Host(clean(raw)),
    }
}

/// Dotted decimal, the common case, without the general parser.
fn ipv4(raw: &[u8]) -> Option<IpAddr> {
    let (mut octets, mut count, mut value, mut digits) = ([0u8; 4], 0, 0u16, 0);
    for byte in raw.iter().chain(b".") {
        match byte {
            b'0'..=b'9' if digits == 0 || (value > 0 && digits < 3) => {
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && count < 4 => {
                octets[count] = u8::try_from(value).ok()?;
                (count, value, digits) = (count + 1, 0, 0);
            }
            _ => return None,
        }
    }
    (count == 4).then(|| IpAddr::V4(Ipv4Addr::from(octets)))
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

    proptest::proptest! {
        #[test]
        fn dotted_decimal_is_read_as_the_library_reads_it(text in "[0-9.]{0,16}|[0-9]{1,3}(\\.[0-9]{1,3}){3}") {
            proptest::prop_assert_eq!(ipv4(text.as_bytes()), text.parse::<Ipv4Addr>().ok().map(IpAddr::V4));
        }
    }
}
