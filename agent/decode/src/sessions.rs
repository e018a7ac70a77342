//! Who a backend process serves, learnt from its connection lines, for a `log_line_prefix` that does not say.

use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Sessions remembered.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Largest snapshot, in bytes.
const SNAPSHOT: usize = 60 << 10;
/// First byte of a snapshot.
const VERSION: u8 = 1;

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

/// Bounded table by process id.
pub(crate) struct Sessions {
    known: LruCache<u32, Session>,
}

impl Sessions {
    pub(crate) fn new() -> Sessions {
        Sessions { known: LruCache::new(KEPT) }
    }

    /// The session of a process, if its connection was seen.
    pub(crate) fn get(&mut self, pid: u32) -> Option<&Session> {
        self.known.get(&pid)
    }

    /// A new session of that process.
    pub(crate) fn put(&mut self, pid: u32, session: Session) {
        self.known.put(pid, session);
    }

    /// The session, made when it is not there.
    pub(crate) fn entry(&mut self, pid: u32) -> &mut Session {
        self.known.get_or_insert_mut(pid, Session::default)
    }

    /// Forgets the session.
    pub(crate) fn remove(&mut self, pid: u32) {
        self.known.pop(&pid);
    }

    /// As bytes, the most recent first, as many as fit.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for (pid, session) in &self.known {
            let names = [&session.user, &session.client, &session.program, &session.database];
            let length: usize = names.iter().map(|name| 2 + name.len()).sum();
            if out.len() + 8 + length > SNAPSHOT {
                break;
            }
            out.extend_from_slice(&pid.to_le_bytes());
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
        for (pid, session) in sessions.into_iter().rev() {
            self.put(pid, session);
        }
    }
}

fn read_session(rest: &mut &[u8]) -> Option<(u32, Session)> {
    let mut number = || {
        let (bytes, behind) = rest.split_first_chunk::<4>()?;
        *rest = behind;
        Some(u32::from_le_bytes(*bytes))
    };
    let (pid, start) = (number()?, number()?);
    let mut name = || {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (bytes, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        *rest = behind;
        std::str::from_utf8(bytes).ok().map(Arc::from)
    };
    Some((pid, Session { start, user: name()?, client: name()?, program: name()?, database: name()? }))
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
        other.restore(b"\x01junk");
        other.restore(b"");
    }
}
