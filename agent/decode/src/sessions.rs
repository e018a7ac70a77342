//! Who a session serves, learnt from its connection lines, for records that do not say.

use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Sessions remembered.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Largest snapshot, in bytes.
const SNAPSHOT: usize = 40 << 10;
/// First byte of a snapshot.
const VERSION: u8 = 2;

/// What is known of a session. Names are already cleaned and masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// Second of its first line, so that two sessions of one process id differ.
    pub(crate) start: u32,
    pub(crate) user: Arc<str>,
    pub(crate) client: Arc<str>,
    pub(crate) program: Arc<str>,
    pub(crate) database: Arc<str>,
}

/// Bounded table by what the server calls a session: a process id, a connection number, a hash of an address.
pub(crate) struct Sessions {
    known: LruCache<u64, Session>,
}

impl Sessions {
    pub(crate) fn new() -> Sessions {
        Sessions { known: LruCache::new(KEPT) }
    }

    /// The session of a process, if its connection was seen.
    pub(crate) fn get(&mut self, key: u64) -> Option<&Session> {
        self.known.get(&key)
    }

    /// A new session of that process.
    pub(crate) fn put(&mut self, key: u64, session: Session) {
        self.known.put(key, session);
    }

    /// The session, made when it is not there.
    pub(crate) fn entry(&mut self, key: u64) -> &mut Session {
        self.known.get_or_insert_mut(key, Session::default)
    }

    /// Forgets the session.
    pub(crate) fn remove(&mut self, key: u64) {
        self.known.pop(&key);
    }

    /// As bytes, the most recent first, as many as fit.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for (key, session) in &self.known {
            let names = [&session.user, &session.client, &session.program, &session.database];
            let length: usize = names.iter().map(|name| 2 + name.len()).sum();
            if out.len() + 12 + length > SNAPSHOT {
                break;
            }
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&session.start.to_le_bytes());
            for name in names {
                out.extend_from_slice(&(name.len() as u16).to_le_bytes());
                out.extend_from_slice(name.as_bytes());
            }
        }
        out
    }

    /// Takes a snapshot back; what is damaged is left out.
    pub(crate) fn restore(&mut self, snapshot: &[u8]) {
        let [VERSION, rest @ ..] = snapshot else { return };
        let mut rest = rest;
        let mut sessions = Vec::new();
        while let Some(session) = read_session(&mut rest) {
            sessions.push(session);
        }
        for (key, session) in sessions.into_iter().rev() {
            self.put(key, session);
        }
    }
}

fn read_session(rest: &mut &[u8]) -> Option<(u64, Session)> {
    let (key, behind) = rest.split_first_chunk::<8>()?;
    let (start, behind) = behind.split_first_chunk::<4>()?;
    let (key, start) = (u64::from_le_bytes(*key), u32::from_le_bytes(*start));
    *rest = behind;
    let mut name = || {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (bytes, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        *rest = behind;
        std::str::from_utf8(bytes).ok().map(Arc::from)
    };
    Some((key, Session { start, user: name()?, client: name()?, program: name()?, database: name()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_brings_the_recent_back() {
        let mut sessions = Sessions::new();
        for pid in 0..3000 {
            sessions.entry(pid).user = Arc::from("u".repeat(60));
        }
        let snapshot = sessions.snapshot();
        assert!(snapshot.len() <= SNAPSHOT);
        let mut other = Sessions::new();
        other.restore(&snapshot);
        assert_eq!(other.get(2999), sessions.get(2999));
        assert_eq!(other.snapshot().len(), snapshot.len());
        other.restore(b"\x02junk");
        other.restore(b"");
    }
}
