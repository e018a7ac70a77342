//! What clients of a server did to its files: one event a deed, however many requests it took.

use crate::blank;
use crate::recent::hash;
use kuzet_event::{
    Action, Actor, Client, Count, Deed, Event, FileAct, FilePath, Outcome, Place, Raw, RawField, Timestamp, Topic,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// Deeds that are remembered, and how long one lasts behind its last request, in microseconds.
const DEEDS: usize = 512;
const LASTS: i64 = 60_000_000;

/// What is remembered of a client and a path.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    /// It was read.
    Read,
    /// It was made or written.
    Written,
    /// It is a folder.
    Folder,
    /// It was refused.
    Refused,
}

/// Deeds told lately: a file that is read in a hundred requests is read once.
#[derive(Default)]
pub(crate) struct Deeds {
    /// The one told longest ago first.
    recent: VecDeque<(u64, i64)>,
}

impl Deeds {
    /// Notes a mark; gives whether it was there within the time that a deed lasts.
    pub(crate) fn note(&mut self, actor: &Actor, path: &FilePath, mark: Mark, at: Timestamp) -> bool {
        let key = key(actor, path, mark);
        let before = self.place(key).and_then(|place| self.recent.remove(place));
        if self.recent.len() >= DEEDS {
            self.recent.pop_front();
        }
        self.recent.push_back((key, at.0));
        before.is_some_and(|(_, then)| at.0.saturating_sub(then) <= LASTS)
    }

    /// Whether a mark is there, however old.
    pub(crate) fn has(&self, actor: &Actor, path: &FilePath, mark: Mark) -> bool {
        self.place(key(actor, path, mark)).is_some()
    }

    /// The path is no longer what it was.
    pub(crate) fn forget(&mut self, actor: &Actor, path: &FilePath) {
        for mark in [Mark::Read, Mark::Written, Mark::Folder, Mark::Refused] {
            let place = self.place(key(actor, path, mark));
            place.and_then(|place| self.recent.remove(place));
        }
    }

    fn place(&self, key: u64) -> Option<usize> {
        self.recent.iter().rposition(|(one, _)| *one == key)
    }

    pub(crate) fn snapshot(&self, out: &mut Vec<u8>) {
        for (key, at) in &self.recent {
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&at.to_le_bytes());
        }
    }

    pub(crate) fn restore(&mut self, snapshot: &[u8]) {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        let pairs = snapshot.as_chunks::<16>().0.iter().take(DEEDS);
        self.recent = pairs.map(|pair| (number(&pair[..8]), number(&pair[8..]) as i64)).collect();
    }
}

/// The path's part is keyed: nobody can choose a name that is taken for another one.
fn key(actor: &Actor, path: &FilePath, mark: Mark) -> u64 {
    let client = match &actor.client {
        Client::Address(address) => hash(address.to_string().as_bytes()),
        Client::Host(name) => hash(name.as_bytes()),
        Client::Unknown | Client::Local => 0,
    };
    let who = hash(actor.user.as_bytes()) ^ client.rotate_left(21);
    path.key as u64 ^ (who.rotate_left(7)).wrapping_add(mark as u64)
}

/// One deed of a client.
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) deed: Deed,
    pub(crate) path: FilePath,
    pub(crate) to: Option<FilePath>,
    pub(crate) folder: bool,
    pub(crate) outcome: Outcome,
}

/// The event of a deed. `raw` is the path as it is: rules for files look at one that comes to be where it is.
pub(crate) fn event(told: Told, actor: Arc<Actor>, place: Place, raw: &str) -> Event {
    let mut event = blank::event(told.at, place, actor, Action::File, told.outcome);
    let made = matches!(told.deed, Deed::Create | Deed::Write | Deed::Link | Deed::Rename);
    if made && !told.folder && told.outcome == Outcome::Success {
        let mut fields = Raw::default();
        fields.frame(Topic::File);
        fields.add(RawField::EffectiveUser, &event.actor.user);
        fields.add(RawField::FilePath, raw);
        event.raw = Some(Box::new(fields));
    }
    let Told { deed, path, to, folder, .. } = told;
    event.file = Some(Arc::new(FileAct { deed, path, to, folder, bytes: Count::Unknown, holding: None }));
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;
    use kuzet_event::System;
    use kuzet_personal::Key;

    #[test]
    fn a_deed_goes_on_for_a_minute_and_ends_with_its_file() {
        let (mut deeds, mut paths) = (Deeds::default(), Paths::new(&Key::new([7; 32])));
        let mut actors = crate::Actors::new(System::Linux);
        let (one, other) = (actors.intern(b"a", b"10.0.0.1", b"", b""), actors.intern(b"a", b"10.0.0.2", b"", b""));
        let (a, b) = (paths.path("/d/a"), paths.path("/d/b"));
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        assert!(!deeds.note(&one, &a, Mark::Read, at(0)));
        assert!(deeds.note(&one, &a, Mark::Read, at(50)) && deeds.note(&one, &a, Mark::Read, at(100)));
        assert!(!deeds.note(&one, &b, Mark::Read, at(100)) && !deeds.note(&other, &a, Mark::Read, at(100)));
        assert!(!deeds.note(&one, &a, Mark::Written, at(100)), "it was read, not written");
        let mut saved = Vec::new();
        deeds.snapshot(&mut saved);
        let mut again = Deeds::default();
        again.restore(&saved);
        assert!(again.note(&one, &b, Mark::Read, at(160)) && !again.note(&one, &a, Mark::Read, at(161)));
        again.forget(&one, &b);
        assert!(!again.has(&one, &b, Mark::Read) && !again.note(&one, &b, Mark::Read, at(161)));
        for number in 0..2_000 {
            again.note(&one, &paths.path(&format!("/d/{number}")), Mark::Read, at(200));
        }
        assert_eq!(again.recent.len(), DEEDS);
    }
}
