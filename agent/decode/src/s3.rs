//! Requests to an object store as deeds at its objects: `s3://BUCKET/KEY`.

use crate::Actors;
use crate::deeds::{Deeds, Mark, Told, event};
use crate::format::DecodeOptions;
use crate::names::{self, HIDDEN};
use crate::paths::Paths;
use crate::postgres::Verdict;
use kuzet_event::{Actor, Code, Count, Deed, Event, Outcome, Place, System, Timestamp};
use kuzet_personal::Key;
use std::borrow::Cow;
use std::sync::Arc;

/// Objects of one request: a request removes at most as many.
const OBJECTS: usize = 1_000;

/// What a request did; `None` for what touches no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One deed at each object.
    Deed(Deed),
    /// The object was made from another one.
    Copy,
}

/// A request.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) user: Cow<'a, [u8]>,
    /// Whose key it is, where the user is a key.
    pub(crate) owner: Cow<'a, [u8]>,
    pub(crate) client: Cow<'a, [u8]>,
    pub(crate) agent: Cow<'a, [u8]>,
    pub(crate) asked: Option<Asked>,
    pub(crate) bucket: Cow<'a, [u8]>,
    pub(crate) keys: Vec<Cow<'a, [u8]>>,
    /// `bucket/key` that was copied.
    pub(crate) source: Cow<'a, [u8]>,
    pub(crate) status: u64,
    pub(crate) sent: Option<u64>,
}

/// Makes events of requests.
pub(crate) struct Calls {
    actors: Actors,
    key: Key,
    paths: Paths,
    pub(crate) deeds: Deeds,
}

impl Calls {
    pub(crate) fn new(options: &DecodeOptions) -> Calls {
        Calls {
            actors: Actors::new(System::Application),
            key: options.key.clone(),
            paths: Paths::new(&options.key),
            deeds: Deeds::default(),
        }
    }

    /// The events of a request: one an object.
    pub(crate) fn tell(&mut self, call: &Call<'_>, at: Timestamp, place: Place, events: &mut Vec<Event>) -> Verdict {
        let outcome = match call.status {
            200..300 => Outcome::Success,
            401 | 403 => Outcome::Failure,
            _ => return Verdict::Suppressed,
        };
        let Some(asked) = call.asked else { return Verdict::Suppressed };
        let actor = self.actor(call);
        let before = events.len();
        let bucket = String::from_utf8_lossy(&call.bucket);
        for key in call.keys.iter().filter(|key| !key.is_empty()).take(OBJECTS) {
            let raw = format!("{bucket}/{}", String::from_utf8_lossy(key));
            let path = self.paths.object(&raw);
            let (deed, path, to) = match asked {
                Asked::Deed(deed) => (deed, path, None),
                Asked::Copy if call.source.is_empty() => (Deed::Create, path, None),
                Asked::Copy => {
                    let source = String::from_utf8_lossy(&call.source);
                    let source = source.split("?versionId=").next().unwrap_or_default();
                    (Deed::Link, self.paths.object(source.trim_start_matches('/')), Some(path))
                }
            };
            // An object is fetched in many parts, and sent in several.
            let mark = match deed {
                Deed::Read => Some(Mark::Read),
                Deed::Create => Some(Mark::Written),
                _ => None,
            };
            let success = outcome == Outcome::Success;
            if deed == Deed::Delete && success {
                self.deeds.forget(&actor, &path);
            }
            if mark.is_some_and(|mark| success && self.deeds.note(&actor, &path, mark, at)) {
                continue;
            }
            let told = Told { at, deed, path, to, folder: false, outcome };
            let mut event = event(told, Arc::clone(&actor), place, &format!("s3://{raw}"));
            event.bytes = call.sent.filter(|_| deed == Deed::Read).map_or(Count::Unknown, Count::Known);
            if !success {
                event.code = Code::new(b"403");
            }
            events.push(event);
        }
        if events.len() > before { Verdict::Handled } else { Verdict::Suppressed }
    }

    fn actor(&mut self, call: &Call<'_>) -> Arc<Actor> {
        let user = names::account(&call.user, &self.key);
        let client = names::host(&call.client);
        let bucket = names::object(&call.bucket);
        // The last name is the program's, those before it are its libraries'.
        let mut products = call.agent.split(|byte| *byte == b' ').map(crate::web::product);
        let program = products.rfind(|one| one != HIDDEN).unwrap_or_default();
        let base = self.actors.intern(user.as_bytes(), client.as_bytes(), program.as_bytes(), bucket.as_bytes());
        if call.owner.is_empty() || call.owner == call.user {
            return base;
        }
        let person = self.actors.name(names::account(&call.owner, &self.key).as_bytes());
        Arc::new(Actor { person, ..(*base).clone() })
    }
}
