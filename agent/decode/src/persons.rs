//! The person behind a role that many share, as the application tells it: in a comment of the statement, in the name of
//! the program, in a variable of the session. Costs nothing where no role is declared shared.
//!
//! A person that was not told is [`UNTOLD`], not empty: several people behind one role are not one person.

use crate::names;
use crate::recent::Recent;
use crate::statement::{Scan, Seed, Step, steps};
use crate::{DecodeOptions, Parameters};
use kuzet_event::{Action, Actor, Event, Flag, Outcome, System, UNTOLD, Verb};
use kuzet_personal::Key;
use lru::LruCache;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Sessions whose person is remembered.
const SESSIONS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Actors looked up without asking the declarations again.
const ACTORS: usize = 64;
/// Largest snapshot, in bytes.
pub(crate) const SNAPSHOT: usize = 20 << 10;
/// Begins a snapshot that holds more than the format's own.
const TAG: u8 = b'P';
/// Largest compiled pattern, in bytes.
const PATTERN: usize = 256 << 10;
/// Longest tag of a comment, name of a variable or pattern.
const LONGEST: usize = 256;

/// A role that many people share.
#[derive(Debug)]
pub struct Pool {
    role: String,
    system: Option<System>,
    told: Vec<Told>,
}

/// Where the application tells the person.
#[derive(Debug)]
enum Told {
    /// A tag of a comment, as sqlcommenter and marginalia write them.
    Comment(String),
    /// The name of the program, by a pattern with the group `person`.
    Program(Box<PikeVM>),
    /// A variable of the session, lower case and without `@`.
    Setting(String),
    /// A journal of the application's own, a source of its own.
    Journal,
}

/// A place that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFault {
    /// As it was written.
    pub written: String,
    /// What is wrong with it.
    pub why: String,
}

impl Pool {
    /// Declares roles shared whose name is `role` (`*` stands for any characters). The person is told at the first of
    /// `person_from` that has a name: `comment:TAG`, `application_name:PATTERN`, `setting:NAME`, `journal`.
    ///
    /// # Errors
    /// The first place that cannot be read.
    pub fn new(role: &str, system: Option<System>, person_from: &[String]) -> Result<Pool, PoolFault> {
        let told = person_from.iter().map(|written| place(written)).collect::<Result<_, _>>()?;
        Ok(Pool { role: role.to_owned(), system, told })
    }

    fn covers(&self, system: System, user: &str) -> bool {
        self.system.is_none_or(|own| own == system) && wildcard(self.role.as_bytes(), user.as_bytes())
    }

    fn settings(&self) -> impl Iterator<Item = &str> {
        self.told.iter().filter_map(|told| if let Told::Setting(name) = told { Some(name.as_str()) } else { None })
    }
}

fn place(written: &str) -> Result<Told, PoolFault> {
    let fault = |why: &str| PoolFault { written: written.to_owned(), why: why.to_owned() };
    let (kind, value) = written.split_once(':').unwrap_or((written, ""));
    if value.len() > LONGEST {
        return Err(fault("it is longer than 256 bytes"));
    }
    match (kind, value) {
        ("journal", "") => Ok(Told::Journal),
        ("comment", tag) if !tag.is_empty() => Ok(Told::Comment(tag.to_ascii_lowercase())),
        ("setting", name) if !name.trim_matches('@').is_empty() => {
            Ok(Told::Setting(name.trim_start_matches('@').to_ascii_lowercase()))
        }
        ("application_name", pattern) if !pattern.is_empty() => {
            let limit = thompson::Config::new().nfa_size_limit(Some(PATTERN));
            let compiled = PikeVM::builder().thompson(limit).build(pattern);
            let pattern = compiled.map_err(|error| fault(&format!("the pattern is not one: {error}")))?;
            let names = pattern.get_nfa().group_info().to_index(regex_automata::PatternID::ZERO, "person");
            if names.is_none() {
                return Err(fault("the pattern has no group (?<person>…)"));
            }
            Ok(Told::Program(Box::new(pattern)))
        }
        _ => Err(fault("it is none of comment:TAG, application_name:PATTERN, setting:NAME, journal")),
    }
}

/// What is known of an actor.
#[derive(Clone)]
struct Seen {
    actor: Arc<Actor>,
    /// The declaration that covers it, by position.
    pool: Option<usize>,
    /// The person that the program's name tells.
    program: Option<Arc<str>>,
}

/// What a session was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Session {
    kept: Option<Arc<str>>,
    /// In place of `kept` until the transaction ends.
    local: Option<Arc<str>>,
    /// `kept` when the transaction began.
    before: Option<Option<Arc<str>>>,
    /// The person that the text of a statement told, for records of it that do not repeat the text.
    comment: Option<(u64, Arc<str>)>,
}

/// Names the persons of the events of one file.
pub(crate) struct Persons {
    pools: Arc<[Arc<Pool>]>,
    system: System,
    key: Key,
    seen: Vec<Option<Seen>>,
    shown: Recent<Option<Arc<str>>>,
    named: Recent<(Arc<Actor>, Arc<Actor>)>,
    sessions: LruCache<u64, Session>,
    scan: Scan,
}

impl Persons {
    /// For statements in the language of `system`.
    pub(crate) fn new(options: &DecodeOptions, system: System) -> Persons {
        Persons {
            pools: Arc::clone(&options.pools),
            system,
            key: options.key.clone(),
            seen: Vec::new(),
            shown: Recent::new(64),
            named: Recent::new(64),
            sessions: LruCache::new(SESSIONS),
            scan: Scan::new(system, Seed(1, 1)),
        }
    }

    /// Names the person of `event`, whose statement is `text` as it was written, if its role is shared.
    #[inline]
    pub(crate) fn name(&mut self, event: &mut Event, text: &[u8], parameters: &Parameters) {
        if !self.pools.is_empty() {
            self.find(event, text, parameters);
        }
    }

    fn find(&mut self, event: &mut Event, text: &[u8], parameters: &Parameters) {
        let Some((pools, seen)) = self.shared(&event.actor) else { return };
        let Some(pool) = seen.pool.and_then(|index| pools.get(index)) else { return };
        let session = event.session.0;
        if matches!(event.action, Action::Login | Action::Logout) {
            self.sessions.pop(&session);
        }
        if session != 0 && event.action == Action::Statement {
            self.follow(pool, event, text, parameters);
        }
        let mut person = None;
        for told in &pool.told {
            person = match told {
                Told::Comment(tag) => self.comment(event, text, tag),
                Told::Program(_) => seen.program.clone(),
                Told::Setting(_) => {
                    let known = self.sessions.get(&session);
                    known.and_then(|known| known.local.clone().or_else(|| known.kept.clone()))
                }
                Told::Journal => None,
            };
            if person.is_some() {
                break;
            }
        }
        let person = person.unwrap_or_else(|| Arc::from(UNTOLD));
        let address = (Arc::as_ptr(&seen.actor) as usize).to_le_bytes();
        // The first of the two is held so that its address cannot come to mean another actor.
        let make =
            || (Arc::clone(&seen.actor), Arc::new(Actor { person: Arc::clone(&person), ..(*seen.actor).clone() }));
        event.actor = Arc::clone(&self.named.get(&[&address, person.as_bytes()], make).1);
    }

    /// What is known of an actor, with all declarations, if any covers it.
    fn shared(&mut self, actor: &Arc<Actor>) -> Option<(Arc<[Arc<Pool>]>, Seen)> {
        if self.seen.is_empty() {
            self.seen.resize(ACTORS, None);
        }
        let slot = (Arc::as_ptr(actor) as usize >> 4) % ACTORS;
        if !self.seen[slot].as_ref().is_some_and(|seen| Arc::ptr_eq(&seen.actor, actor)) {
            let pool = self.pools.iter().position(|pool| pool.covers(actor.system, &actor.user));
            let pools = Arc::clone(&self.pools);
            let program = pool.and_then(|index| self.program(&pools[index], &actor.program));
            self.seen[slot] = Some(Seen { actor: Arc::clone(actor), pool, program });
        }
        let seen = self.seen[slot].as_ref().filter(|seen| seen.pool.is_some())?;
        Some((Arc::clone(&self.pools), seen.clone()))
    }

    fn program(&mut self, pool: &Pool, program: &str) -> Option<Arc<str>> {
        for told in &pool.told {
            let Told::Program(pattern) = told else { continue };
            let mut found = pattern.create_captures();
            pattern.captures(&mut pattern.create_cache(), program, &mut found);
            // A name that was masked with the program's is anybody's.
            let span = found.get_group_by_name("person").map(|span| span.range());
            let span = span.filter(|span| program.get(span.clone()).is_some_and(|name| !name.contains("**")));
            if let Some(span) = span
                && let Some(person) = self.shown(program.as_bytes().get(span).unwrap_or_default())
            {
                return Some(person);
            }
        }
        None
    }

    fn shown(&mut self, raw: &[u8]) -> Option<Arc<str>> {
        let raw = &raw[..raw.len().min(4 * LONGEST)];
        let key = &self.key;
        self.shown.get(&[raw], || names::person(raw, key)).clone()
    }

    fn comment(&mut self, event: &Event, text: &[u8], tag: &str) -> Option<Arc<str>> {
        let (session, number) = (event.session.0, event.statement_number);
        match tagged(text, tag).and_then(|value| self.shown(&value)) {
            Some(person) => {
                if session != 0 && number != 0 {
                    let known = self.sessions.get_or_insert_mut(session, Session::default);
                    known.comment = Some((number, Arc::clone(&person)));
                }
                Some(person)
            }
            None => {
                let (last, person) = self.sessions.get(&session)?.comment.as_ref()?;
                (number != 0 && *last == number).then(|| Arc::clone(person))
            }
        }
    }

    /// Takes over what a statement does to the variables of its session.
    fn follow(&mut self, pool: &Pool, event: &Event, text: &[u8], parameters: &Parameters) {
        let names: Vec<&str> = pool.settings().collect();
        let Some(statement) = event.statement.as_ref().filter(|_| !names.is_empty()) else { return };
        use Verb::{Begin, Commit, Other, Rollback, Setting, Unknown};
        let may = matches!(statement.verb, Begin | Commit | Other | Rollback | Setting | Unknown);
        if event.outcome == Outcome::Failure || !(may || statement.flags.has(Flag::Stacked)) {
            return;
        }
        for step in steps(text, self.system, &mut self.scan, parameters, &names) {
            let value = match &step {
                Step::Set { value, .. } => self.shown(value),
                _ => None,
            };
            let known = self.sessions.get_or_insert_mut(event.session.0, Session::default);
            match step {
                // Where the log does not show when transactions begin, it does not show when they end.
                Step::Set { local: true, .. } => known.local = value.filter(|_| known.before.is_some()),
                Step::Set { .. } => (known.kept, known.local) = (value, None),
                Step::Unset => (known.kept, known.local) = (None, None),
                // Told twice where two kinds of records tell of it.
                Step::Begin if known.before.is_some() && known.local.is_none() => {}
                Step::Begin => (known.before, known.local) = (Some(known.kept.clone()), None),
                Step::Commit => (known.before, known.local) = (None, None),
                Step::Rollback => {
                    known.local = None;
                    if let (Some(before), false) = (known.before.take(), self.system.speaks_mysql()) {
                        known.kept = before;
                    }
                }
            }
        }
    }

    /// The format's `own` snapshot with the persons of sessions beside it.
    pub(crate) fn snapshot(&self, own: Vec<u8>) -> Vec<u8> {
        if self.sessions.is_empty() {
            return own;
        }
        let mut out = vec![TAG];
        out.extend_from_slice(&(own.len() as u32).to_le_bytes());
        out.extend_from_slice(&own);
        let full = out.len() + SNAPSHOT;
        for (session, known) in &self.sessions {
            let (inside, before) = (known.before.is_some(), known.before.clone().flatten());
            let names = [&known.kept, &known.local, &before].map(|name| name.as_deref().unwrap_or_default());
            if out.len() + 12 + names.iter().map(|name| name.len()).sum::<usize>() > full {
                break;
            }
            out.extend_from_slice(&session.to_le_bytes());
            out.push(u8::from(inside));
            for name in names {
                // At most names::PERSON bytes.
                out.push(name.len() as u8);
                out.extend_from_slice(name.as_bytes());
            }
        }
        out
    }

    /// Takes the persons back; gives the format's own part. What is damaged is left out.
    pub(crate) fn restore<'a>(&mut self, snapshot: &'a [u8]) -> &'a [u8] {
        let [TAG, rest @ ..] = snapshot else { return snapshot };
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return &[] };
        let Some((own, mut rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return &[] };
        let mut sessions = Vec::new();
        while let Some(session) = read_session(&mut rest) {
            sessions.push(session);
        }
        for (session, known) in sessions.into_iter().rev() {
            self.sessions.put(session, known);
        }
        own
    }
}

fn read_session(rest: &mut &[u8]) -> Option<(u64, Session)> {
    let (session, behind) = rest.split_first_chunk::<8>()?;
    let (inside, behind) = behind.split_first()?;
    *rest = behind;
    let mut name = || {
        let (length, behind) = rest.split_first()?;
        let (name, behind) = behind.split_at_checked(usize::from(*length))?;
        *rest = behind;
        Some(std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(Arc::from))
    };
    let (kept, local, before) = (name()?, name()?, name()?);
    let before = (*inside == 1).then_some(before);
    Some((u64::from_le_bytes(*session), Session { kept, local, before, comment: None }))
}

/// Takes the person of a statement to the records of its tables, which server_audit writes before it.
pub(crate) fn tell_before(event: &Event, events: &mut [Event]) {
    if event.actor.person.is_empty() || event.statement.is_none() || event.statement_number == 0 {
        return;
    }
    for earlier in events.iter_mut().rev().take(64) {
        if (earlier.session, earlier.statement_number) == (event.session, event.statement_number) {
            earlier.actor = Arc::clone(&event.actor);
        }
    }
}

/// The value of `tag` in the comment at the start or the end of `text`. Only there nothing but a comment can stand: one
/// between may be part of a value.
fn tagged<'a>(text: &'a [u8], tag: &str) -> Option<Cow<'a, [u8]>> {
    let text = text.trim_ascii();
    if let Some(rest) = text.strip_prefix(b"/*")
        && let Some(end) = memchr::memmem::find(rest, b"*/")
        && let Some(value) = value_of(&rest[..end], tag)
    {
        return Some(value);
    }
    let text = text.strip_suffix(b";").unwrap_or(text).trim_ascii_end();
    let rest = text.strip_suffix(b"*/")?;
    let start = memchr::memmem::rfind(rest, b"/*")?;
    value_of(&rest[start + 2..], tag)
}

/// `user='clerk7',route='%2Fx'` as sqlcommenter writes it, `user:clerk7` as marginalia does.
fn value_of<'a>(comment: &'a [u8], tag: &str) -> Option<Cow<'a, [u8]>> {
    for pair in comment.split(|byte| *byte == b',') {
        let Some(sign) = pair.iter().position(|byte| matches!(byte, b'=' | b':')) else { continue };
        if !pair[..sign].trim_ascii().eq_ignore_ascii_case(tag.as_bytes()) {
            continue;
        }
        let value = pair[sign + 1..].trim_ascii();
        let quoted = value.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
        return Some(decoded(quoted.unwrap_or(value)));
    }
    None
}

/// `%2F` and `\'` undone.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'\\', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, behind @ ..] = rest {
        rest = behind;
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (*first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                rest = &behind[2..];
            }
            (b'\\', ..) => {}
            (byte, ..) => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// Whether `text` is what `pattern` says, where `*` stands for any characters.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut star, mut from, mut read) = (0, None, 0, 0);
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            (star, from, at) = (Some(at), read, at + 1);
        } else if pattern.get(at) == Some(&text[read]) {
            (at, read) = (at + 1, read + 1);
        } else if let Some(star) = star {
            (at, from, read) = (star + 1, from + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_comments() {
        for (text, person) in [
            ("SELECT 1 /*user='clerk7',route='%2Fpeople'*/", Some("clerk7")),
            ("SELECT 1 /*route='x', User='cl%65rk7'*/;  ", Some("clerk7")),
            ("/*user='clerk7'*/ SELECT 1", Some("clerk7")),
            ("/* application:crm,user:clerk7 */ SELECT 1", Some("clerk7")),
            ("SELECT 1 /*user='o\\'neil'*/", Some("o'neil")),
            ("SELECT 1 /*user='%'*/", Some("%")),
            // A comment between may stand inside a value.
            ("SELECT '/*user=''boss''*/' FROM t", None),
            ("SELECT 1 /*route='x'*/", None),
            ("SELECT 1 /*user", None),
            ("/*", None),
            ("*/", None),
            ("/*/", None),
        ] {
            let found = tagged(text.as_bytes(), "user").map(|value| String::from_utf8_lossy(&value).into_owned());
            assert_eq!(found.as_deref(), person, "{text}");
        }
    }

    #[test]
    fn roles_by_wildcard() {
        for (pattern, text, holds) in [
            ("app", "app", true),
            ("app", "app2", false),
            ("app*", "app_rw", true),
            ("*", "", true),
            ("a*c*", "abcd", true),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), text.as_bytes()), holds, "{pattern} {text}");
        }
    }

    #[test]
    fn places_that_cannot_be_read() {
        let fault = |place: &str| Pool::new("app", None, &[place.to_owned()]).map(|_| ()).unwrap_err().why;
        assert!(fault("comments:user").contains("none of comment:TAG"));
        assert!(fault("comment:").contains("none of"));
        assert!(fault("application_name:^crm/(.+)$").contains("(?<person>"));
        assert!(fault("application_name:(").contains("not one"));
        assert!(fault("application_name:(?<person>\\w{900}{900})").contains("not one"));
        assert!(fault(&format!("comment:{}", "x".repeat(300))).contains("longer"));
        for place in ["comment:user", "application_name:^crm-web/(?<person>.+)$", "setting:@app_user", "journal"] {
            assert!(Pool::new("app", None, &[place.to_owned()]).is_ok(), "{place}");
        }
    }
}
